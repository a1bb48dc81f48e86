//! One check of a bundle and its answer.

use crate::format::zip::violation::Violation;
use crate::release::bundle::compare;
use crate::release::signature::Signature;
use crate::report::Outcome;

#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) violations: Vec<Violation>,
    /// What to say when there are none.
    pub(super) note: String,
    /// Why nothing was asked.
    pub(super) skipped: Option<&'static str>,
    /// What somebody should look at.
    pub(super) remarks: Vec<String>,
}

impl Check {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, violations: Vec::new(), note: String::new(), skipped: None, remarks: Vec::new() }
    }

    #[must_use]
    pub(super) fn violation(mut self, violation: Violation) -> Self {
        self.violations.push(violation);
        self
    }

    #[must_use]
    pub(super) fn violates(self, kind: &'static str, detail: impl Into<String>) -> Self {
        self.violation(Violation::new(kind, detail))
    }

    #[must_use]
    pub(super) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    pub(super) fn outcome(&self) -> Outcome {
        match (self.skipped, self.violations.is_empty(), self.remarks.is_empty()) {
            (Some(_), ..) => Outcome::Skipped,
            (None, false, _) => Outcome::Fail,
            (None, true, false) => Outcome::Warn,
            (None, true, true) => Outcome::Pass,
        }
    }
}

/// The hash beside the archive `name`, in the text of its file, against the hash that was found.
pub(super) fn sidecar(text: &str, name: &str, found: &str) -> Check {
    let check = Check::new("sidecar");
    match compare::sidecar(text) {
        Err(reason) => check.violates("sidecar-malformed", reason),
        Ok((_, other)) if other != name => {
            check.violates("sidecar-name", format!("it is about `{other}`, not `{name}`"))
        }
        Ok((hash, _)) if hash != found => check
            .violates("archive-hash", format!("the archive has SHA-256 {found}, the sidecar says {hash}")),
        Ok(_) => check.note("sha256 agrees"),
    }
}

/// The signature of a file: why it does not hold, or that its comment says what was found.
pub(super) fn signature(signature: &Signature) -> Check {
    let check = Check::new("signature");
    match signature {
        Signature::Absent => Check { skipped: Some("not asked for: no --key"), ..check },
        Signature::NotChecked => {
            Check { skipped: Some("signature not checked: no --key to check it with"), ..check }
        }
        Signature::Valid(_) => check.note("valid"),
        Signature::Refused(violations) => Check { violations: violations.clone(), ..check },
    }
}

/// The statement beside an archive against the one that follows from its manifest and hash.
pub(super) fn provenance(found: &str, expected: &str) -> Check {
    let check = Check::new("provenance");
    if found == expected {
        return check.note("follows from the manifest");
    }
    let mut lines = found.lines().zip(expected.lines()).zip(1..);
    let detail = match lines.find(|((found, expected), _)| found != expected) {
        Some(((found, expected), line)) => {
            let found = found.trim().replace(char::is_control, "?");
            format!("line {line} is `{found}`, where `{}` follows from the archive", expected.trim())
        }
        None => "it has more or fewer lines than the archive gives it".to_owned(),
    };
    check.violates("provenance", detail)
}
