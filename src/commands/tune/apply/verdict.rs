//! Whether the parameters of a sweep are written to the overrides file.
//!
//! The choice is made again from the figures in the sweep's report; its own flags are only compared.
#![warn(clippy::wildcard_enum_match_arm)]

use super::checks::{self, Check};
use super::document::Decision;
use super::facts::Facts;
use crate::commands::tune::choose::document::BestCandidate;
use crate::commands::tune::choose::judge;
use crate::tuning::overrides::{self, Change, Overrides};

#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) checks: Vec<Check>,
    /// The best candidate under the limits in force.
    pub(super) best: Option<BestCandidate>,
    pub(super) changes: Vec<Change>,
    pub(super) refusals: Vec<String>,
    pub(super) decision: Decision,
    /// What is to be written, or would be; `None` where nothing is.
    pub(super) next: Option<Overrides>,
}

pub(super) fn verdict(facts: &Facts) -> Verdict {
    let best = judge::best_safe(&facts.document.candidates, &facts.bounds, &facts.safety);
    let current = facts.current.clone().unwrap_or_default();
    let next = best.as_ref().map(|best| overrides::with_point(&current, &best.params));
    let changes = next.as_ref().map_or_else(Vec::new, |next| overrides::changes(&current, next));
    let mut checks = vec![
        checks::integrity(facts),
        checks::age(facts),
        checks::feed(facts),
        checks::market(facts),
        checks::best_safe(facts, best.as_ref()),
        checks::walk_forward(facts),
    ];
    checks.extend(next.as_ref().map(|next| checks::bounds(facts, next)));
    let refused = checks.iter().filter(|check| !check.outcome.is_yes());
    let refusals: Vec<String> =
        refused.map(|check| format!("{}: {}", check.name, check.reasons.join("; "))).collect();
    let unchanged = facts.current.is_some() && changes.iter().all(Change::is_none);
    let decision = match (&next, facts.dry_run, unchanged) {
        (None, ..) => Decision::Refused,
        _ if !refusals.is_empty() => Decision::Refused,
        (Some(_), true, _) => Decision::DryRun,
        (Some(_), false, true) => Decision::Unchanged,
        (Some(_), false, false) => Decision::Applied,
    };
    let next = match decision {
        Decision::Applied | Decision::DryRun => next,
        Decision::Unchanged | Decision::Refused => None,
    };
    Verdict { checks, best, changes, refusals, decision, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tune::choose::judge::tests::document;
    use crate::evidence::age::EvidencePolicy;
    use crate::report::Outcome;
    use crate::report::maker::ClockKind;
    use serde_json::json;
    use std::time::Duration;

    fn facts(change: impl Fn(&mut Facts)) -> Facts {
        let mut document = document();
        document.inputs_sha256 = document.inputs.sha256();
        let limits = document.inputs.limits.clone();
        let finished_at = document.finished_at;
        let mut facts = Facts {
            sweep_sha256: "aa".to_owned(),
            modified: None,
            policy: EvidencePolicy { now: finished_at, is_frozen: false, allow_simulated: false },
            max_age: Duration::from_hours(1),
            accepted_feeds: vec!["aa".to_owned()],
            bounds: limits.bounds,
            safety: limits.safety,
            current: None,
            dry_run: false,
            document,
        };
        change(&mut facts);
        facts
    }

    fn outcomes(verdict: &Verdict) -> Vec<Outcome> {
        verdict.checks.iter().map(|check| check.outcome).collect()
    }

    #[test]
    fn a_sweep_that_is_all_it_must_be_is_applied() {
        let verdict = verdict(&facts(|_| ()));
        assert_eq!(verdict.decision, Decision::Applied, "{verdict:#?}");
        assert_eq!(outcomes(&verdict), [Outcome::Pass; 7]);
    }

    #[test]
    fn each_no_and_each_unknown_refuses_and_writes_nothing() {
        let changes: [(&str, fn(&mut Facts)); 9] = [
            ("sweep: ", |f| f.document.inputs_sha256 = "bb".to_owned()),
            ("sweep: ", |f| f.document.candidates[80].safe = true),
            ("age: ", |f| f.document.header.clock = ClockKind::Stamped),
            ("age: ", |f| f.document.header.clock = ClockKind::Frozen),
            ("age: clock: ", |f| f.policy.now -= Duration::from_secs(61)),
            ("age: stale: ", |f| f.policy.now += Duration::from_secs(3601)),
            ("feed: foreign feed: ", |f| f.accepted_feeds = vec!["bb".to_owned()]),
            ("market: ", |f| f.document.header.simulated = true),
            ("best_safe: unsafe: ", |f| f.safety.max_order_age_p95_ms = 1.0),
        ];
        for (reason, change) in changes {
            let verdict = verdict(&facts(change));
            assert_eq!((verdict.decision, &verdict.next), (Decision::Refused, &None), "{reason}");
            assert!(verdict.refusals.iter().any(|refusal| refusal.starts_with(reason)), "{verdict:?}");
        }
    }

    #[test]
    fn what_only_informs_does_not_refuse() {
        let verdict = verdict(&facts(|f| {
            f.accepted_feeds.clear();
            f.document.header.clock = ClockKind::Stamped;
            f.modified = Some(f.policy.now);
            f.current = Some([("foreign".to_owned(), json!(1))].into());
        }));
        assert!(outcomes(&verdict).contains(&Outcome::Warn));
        assert_eq!(verdict.decision, Decision::Applied, "{:?}", verdict.refusals);
    }

    #[test]
    fn values_that_stand_there_already_are_not_written_again() {
        let next = verdict(&facts(|_| ())).next;
        let again = |dry_run| verdict(&facts(|f| (f.current, f.dry_run) = (next.clone(), dry_run)));
        assert_eq!(again(false).decision, Decision::Unchanged);
        assert_eq!(again(false).next, None);
        assert_eq!(again(true).decision, Decision::DryRun);
        assert_eq!(again(true).next, next);
    }
}
