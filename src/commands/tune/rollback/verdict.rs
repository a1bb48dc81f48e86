//! Whether there is something to roll back to.
#![warn(clippy::wildcard_enum_match_arm)]

#[derive(Debug, Default)]
pub(super) struct Facts {
    /// SHA-256 of the overrides file; `None` where there is none.
    pub(super) current_sha256: Option<String>,
    /// SHA-256 of the file that the last apply replaced; `None` where none was kept.
    pub(super) previous_sha256: Option<String>,
    /// Whether the last apply's own report says that it left other bytes in the overrides file.
    pub(super) changed_since_apply: bool,
    pub(super) dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Restored,
    DryRun,
    /// No apply kept a file, or a rollback has used it up.
    NothingKept,
    /// The overrides file holds the kept bytes already.
    Unchanged,
}

pub(super) fn verdict(facts: &Facts) -> Verdict {
    match (&facts.previous_sha256, facts.dry_run) {
        (None, _) => Verdict::NothingKept,
        (previous, _) if *previous == facts.current_sha256 => Verdict::Unchanged,
        (Some(_), true) => Verdict::DryRun,
        (Some(_), false) => Verdict::Restored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_follows_from_both_files_and_not_from_what_only_informs() {
        let of = |current: Option<&str>, previous: Option<&str>, dry_run, changed_since_apply| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let (current_sha256, previous_sha256) = (owned(current), owned(previous));
            verdict(&Facts { current_sha256, previous_sha256, changed_since_apply, dry_run })
        };
        for informed in [false, true] {
            assert_eq!(of(Some("a"), Some("b"), false, informed), Verdict::Restored);
            assert_eq!(of(None, Some("b"), false, informed), Verdict::Restored);
            assert_eq!(of(Some("a"), Some("b"), true, informed), Verdict::DryRun);
            assert_eq!(of(Some("a"), Some("a"), false, informed), Verdict::Unchanged);
            assert_eq!(of(Some("a"), None, false, informed), Verdict::NothingKept);
            assert_eq!(of(None, None, false, informed), Verdict::NothingKept);
        }
    }
}
