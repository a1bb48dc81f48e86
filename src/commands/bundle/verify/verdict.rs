//! Is the bundle what its manifest says?
#![warn(clippy::wildcard_enum_match_arm)]

use super::check::Check;
use crate::release::bundle::manifest::Manifest;
use crate::release::signature::Signature;
use crate::report::Outcome;

/// What a bundle was found to be.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) checks: Vec<Check>,
    pub(super) manifest: Option<Manifest>,
    /// SHA-256 of the archive, or of the manifest of a folder.
    pub(super) sha256: Option<String>,
    pub(super) signature: Signature,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Verified,
    Refused,
}

/// A signature that nobody asked for is no part of the answer.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    let asked = facts.checks.iter().map(Check::outcome).filter(|outcome| *outcome != Outcome::Skipped);
    match Outcome::fold(asked) {
        Outcome::Pass | Outcome::Warn => Verdict::Verified,
        Outcome::Skipped | Outcome::Unknown | Outcome::Fail => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_changes_nothing_and_a_violation_everything() {
        let passed = || Check::new("structure");
        let skipped = || Check { skipped: Some("not asked for"), ..Check::new("signature") };
        let remarked = || Check { remarks: vec!["x".to_owned()], ..Check::new("against") };
        let violated = || Check::new("entries").violates("crc", "x");
        let of =
            |checks| verdict(&Facts { checks, manifest: None, sha256: None, signature: Signature::Absent });
        assert_eq!(of(vec![skipped(), passed(), remarked()]), Verdict::Verified);
        assert_eq!(of(vec![skipped(), passed(), violated()]), Verdict::Refused);
        assert_eq!(of(vec![skipped()]), Verdict::Refused);
        assert_eq!(of(Vec::new()), Verdict::Refused);
    }
}
