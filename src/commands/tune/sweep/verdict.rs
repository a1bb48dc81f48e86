//! Whether a sweep found parameters to apply.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::tune::choose::document::SweepDocument;
use crate::report::Outcome;

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) document: SweepDocument,
    pub(super) origin: Origin,
}

/// How the figures came about.
#[derive(Debug)]
pub(super) enum Origin {
    Measured,
    Merged {
        shards: usize,
    },
    /// Measured twice on different numbers of threads, with the digests of both documents.
    Repeated {
        jobs: [usize; 2],
        sha256: [String; 2],
    },
}

impl Origin {
    pub(super) fn is_reproducible(&self) -> bool {
        match self {
            Self::Measured | Self::Merged { .. } => true,
            Self::Repeated { sha256: [first, second], .. } => first == second,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Chosen,
    /// Two sweeps of the same inputs differ, so none of their figures is evidence.
    NotReproducible,
    NoSafeCandidate,
    /// The choice on the first part breaks its limit on the rest.
    WalkForwardFailed,
}

pub(super) fn verdict(facts: &Facts) -> Verdict {
    let document = &facts.document;
    if !facts.origin.is_reproducible() {
        return Verdict::NotReproducible;
    }
    // Without a safe candidate there is none to walk forward with: that is the answer, not its consequence.
    if document.best_safe.is_none() {
        return Verdict::NoSafeCandidate;
    }
    match document.walk_forward.outcome(&document.inputs.limits.safety) {
        Outcome::Pass | Outcome::Warn => Verdict::Chosen,
        Outcome::Skipped | Outcome::Unknown | Outcome::Fail => Verdict::WalkForwardFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::report;
    use super::*;
    use crate::commands::tune::choose::judge::tests::document;

    fn repeated(second: &str) -> Origin {
        Origin::Repeated { jobs: [1, 2], sha256: ["a".to_owned(), second.to_owned()] }
    }

    #[test]
    fn each_answer_follows_from_the_document_and_where_it_came_from() {
        let of = |change: fn(&mut SweepDocument), origin| {
            let mut document = document();
            change(&mut document);
            verdict(&Facts { document, origin })
        };
        let flag = |document: &mut SweepDocument| document.walk_forward.flag = Some("x".to_owned());
        let bind = |document: &mut SweepDocument| {
            document.walk_forward.flag = Some("x".to_owned());
            document.inputs.limits.safety.min_walk_forward_net_bps = Some(0.0);
        };
        let unsafe_all = |document: &mut SweepDocument| document.best_safe = None;
        assert_eq!(of(|_| (), Origin::Measured), Verdict::Chosen);
        assert_eq!(of(|_| (), repeated("a")), Verdict::Chosen);
        assert_eq!(of(|_| (), repeated("b")), Verdict::NotReproducible);
        assert_eq!(of(flag, Origin::Merged { shards: 2 }), Verdict::Chosen, "it only informs");
        assert_eq!(of(bind, Origin::Measured), Verdict::WalkForwardFailed);
        assert_eq!(of(unsafe_all, Origin::Measured), Verdict::NoSafeCandidate);
    }

    /// A row that warns of a simulated market, or of a choice that is not shown to earn, is no verdict.
    #[test]
    fn an_informative_row_does_not_change_the_verdict() {
        let mut document = document();
        document.inputs.feeds[0].simulated = true;
        if let Some(best) = &mut document.best_safe {
            best.net_bps_lower = -1.0;
        }
        let facts = Facts { document, origin: Origin::Measured };
        let report = report(&facts, verdict(&facts), "aa");
        let rows = &report.document()["rows"];
        assert!(rows.as_array().expect("rows").iter().any(|row| row["status"] == "WARN"), "{rows}");
        assert!(report.is_ok());
    }
}
