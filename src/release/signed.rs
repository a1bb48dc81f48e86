//! Reads the signature beside what was bundled: what its comment vouches for, and with a key whether it is valid. Without
//! the key it proves nothing; that it speaks of other bytes than those beside it is seen all the same.

use super::signature::{Bound, Signature, violations};
use crate::format::minisign::{self, Verifier};
use crate::format::zip::violation::Violation;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, SizeLimit};
use std::io::Read;
use std::path::Path;

/// The public key itself, or that of a file, relative to the root.
pub(crate) fn key(named: &Path, root: &Path) -> Result<Verifier, Fault> {
    if let Some(key) = Verifier::of_base64(&named.to_string_lossy()) {
        return Ok(key);
    }
    let path = root.join(named);
    Verifier::parse(&fsio::read_text(&path)?, &path)
}

/// The signature beside `path`, of which `content` was read.
pub(crate) fn check(
    path: &Path,
    content: impl Read,
    bound: Bound<'_>,
    key: Option<&Verifier>,
) -> Result<Signature, Fault> {
    let path = fsio::with_ending(path, minisign::ENDING);
    let refused = |kind, detail| Ok(Signature::Refused(vec![Violation::new(kind, detail)]));
    if !fsio::exists(&path)? {
        return match key {
            None => Ok(Signature::Absent),
            Some(_) => refused("signature-missing", format!("there is no `{}`", path.display())),
        };
    }
    let text = match fsio::read_text_within(&path, SizeLimit::Document) {
        Ok(text) => text,
        Err(fault) => return refused("signature-unreadable", fault.to_string()),
    };
    let comment = match key {
        Some(key) => key.check(content, &text),
        None => minisign::trusted_comment(&text),
    };
    let violations = match &comment {
        Ok(comment) => violations(comment, bound),
        Err(error) => return refused("signature", error.to_string()),
    };
    Ok(match (violations.is_empty(), key, comment) {
        (true, Some(_), Ok(comment)) => Signature::Valid(comment),
        (true, ..) => Signature::NotChecked,
        (false, ..) => Signature::Refused(violations),
    })
}
