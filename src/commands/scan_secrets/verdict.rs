//! Whether a tree is free of secrets.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::Facts;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Clean,
    /// A secret, something that could not be scanned to its end, or an exception that is over.
    Found,
    /// Nothing but what is tolerated, and that was not to count.
    AllowlistedStrict,
}

pub(super) fn verdict(facts: &Facts) -> Verdict {
    let is_found = facts.open().next().is_some() || !facts.expired.is_empty();
    match (is_found, facts.strict && facts.tolerated().next().is_some()) {
        (true, _) => Verdict::Found,
        (false, true) => Verdict::AllowlistedStrict,
        (false, false) => Verdict::Clean,
    }
}

#[cfg(test)]
mod tests {
    use super::super::detect::finding::{Disposition, Finding};
    use super::super::facts::Stats;
    use super::super::report::report;
    use super::*;
    use crate::report::exit::Exit;

    fn facts(findings: Vec<Finding>) -> Facts {
        let stats = Stats { files: 1, binary: 1, special: 1, symlinks: 1, ..Stats::default() };
        Facts {
            strict: false,
            rule_files: Vec::new(),
            rules: 1,
            stats,
            history: false,
            findings,
            expired: Vec::new(),
        }
    }

    fn finding(disposition: Disposition) -> Finding {
        Finding { disposition, ..Finding::unscanned("a", None, "it is packed") }
    }

    fn tolerated() -> Finding {
        finding(Disposition::Tolerated { by: "inline", why: "gitleaks:allow".to_owned() })
    }

    #[test]
    fn what_is_tolerated_counts_only_in_a_strict_scan() {
        let mut facts = facts(vec![tolerated()]);
        assert_eq!(verdict(&facts), Verdict::Clean);
        assert_eq!(report(&facts, verdict(&facts)).exit(), Exit::Ok);
        facts.strict = true;
        assert_eq!(verdict(&facts), Verdict::AllowlistedStrict);
    }

    #[test]
    fn what_could_not_be_scanned_and_what_is_over_is_found() {
        assert_eq!(verdict(&facts(Vec::new())), Verdict::Clean);
        let over = Disposition::Expired("its exception expired".to_owned());
        for disposition in [Disposition::Open, over] {
            assert_eq!(verdict(&facts(vec![tolerated(), finding(disposition)])), Verdict::Found);
        }
        let expired = vec![("rules.toml".to_owned(), "an exception expired".to_owned())];
        let facts = Facts { expired, ..facts(Vec::new()) };
        assert_eq!(verdict(&facts), Verdict::Found);
        assert_eq!(report(&facts, verdict(&facts)).exit(), Exit::Fail);
    }
}
