//! One check of a bundle and its answer.

use crate::format::zip::violation::Violation;
use crate::release::bundle::compare;
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

/// The signature of the file `name`: why it does not hold, or the comment that it vouches for.
pub(super) fn signature(checked: &anyhow::Result<String>, name: &str) -> Check {
    let check = Check::new("signature");
    match checked {
        Err(error) => check.violates("signature", error.to_string()),
        // The comment binds the name, so that a signature of another release is no signature of this one.
        Ok(comment) if !comment.split('\t').any(|part| part == format!("file:{name}")) => {
            check.violates("signature-name", format!("it was made for another file: {comment}"))
        }
        Ok(_) => check.note("valid"),
    }
}
