//! From the figures of all candidates to the choice: who is safe, who is best, and whether a choice on the
//! first part of the recording holds on the rest.
#![warn(clippy::wildcard_enum_match_arm)]

use super::choice::{self, Contender};
use super::document::{
    BestCandidate, Candidate, CandidateFigures, LimitsRecord, SCHEMA, SweepDocument, SweepInputs, WalkForward,
};
use super::figures::Figures;
use super::grid::{MAX_CANDIDATES, WalkForwardSplit};
use super::safety::SafetyLimits;
use crate::evidence::header::Header;
use crate::tuning::key::ParameterPoint;
use crate::tuning::limits::{Bounds, Violation, out_of_bounds};
use std::cmp::Ordering;

/// Judges all measurements of a sweep and puts the report together.
///
/// `measurements` must have each candidate of the grid exactly once, in any order. A header without a time makes
/// a report that is too old for every use.
pub(crate) fn assemble(
    inputs: SweepInputs,
    inputs_sha256: String,
    header: &Header,
    mut measurements: Vec<CandidateFigures>,
) -> Result<SweepDocument, String> {
    if inputs.grid.len() > MAX_CANDIDATES {
        return Err(format!("the grid has more than the {MAX_CANDIDATES} candidates that are tried"));
    }
    measurements.sort_by_key(|measurement| measurement.index);
    if !measurements.iter().map(|measurement| measurement.index).eq(0..inputs.grid.len()) {
        let (have, need) = (measurements.len(), inputs.grid.len());
        return Err(format!("{have} measurements do not cover the {need} candidates once each"));
    }
    let LimitsRecord { bounds, safety, .. } = &inputs.limits;
    let mut candidates: Vec<Candidate> = measurements
        .into_iter()
        .map(|CandidateFigures { index, test, train, whole }| {
            let params = inputs.grid.point(index);
            let violations = violations(&params, &whole, bounds, safety);
            Candidate { index, params, safe: violations.is_empty(), test, train, violations, whole }
        })
        .collect();
    let walk_forward = walk_forward(&candidates, inputs.walk_forward, bounds, safety);
    sort(&mut candidates);
    let best_safe = best_safe(&candidates, bounds, safety);
    let header = header.with_schema(SCHEMA).simulated(inputs.simulated());
    let finished_at = header.made_at.unwrap_or_default();
    Ok(SweepDocument { best_safe, candidates, finished_at, header, inputs, inputs_sha256, walk_forward })
}

/// Every limit that a candidate breaks.
fn violations(
    params: &ParameterPoint,
    whole: &Figures,
    bounds: &Bounds,
    safety: &SafetyLimits,
) -> Vec<Violation> {
    let mut violations = out_of_bounds(params, bounds);
    violations.extend(safety.broken_by(whole));
    violations
}

/// The best of the candidates that keep these limits, judged again from their figures.
pub(crate) fn best_safe(
    candidates: &[Candidate],
    bounds: &Bounds,
    safety: &SafetyLimits,
) -> Option<BestCandidate> {
    let safe = candidates
        .iter()
        .filter(|candidate| violations(&candidate.params, &candidate.whole, bounds, safety).is_empty());
    let best = choice::best(safe.filter_map(|candidate| Contender::new(candidate.index, &candidate.whole)))?;
    let candidate = candidates.iter().find(|candidate| candidate.index == best.index)?;
    Some(BestCandidate {
        index: best.index,
        net_bps: candidate.whole.metrics.net_bps,
        net_bps_lower: best.lower,
        order_age_p95_ms: best.p95_ms,
        params: candidate.params,
    })
}

/// Chooses on the first part by the same rule, and looks at the choice on the rest.
pub(crate) fn walk_forward(
    candidates: &[Candidate],
    split: WalkForwardSplit,
    bounds: &Bounds,
    safety: &SafetyLimits,
) -> WalkForward {
    let train_limits = safety.for_part(split.train_fraction);
    let safe = candidates.iter().filter(|candidate| {
        violations(&candidate.params, &candidate.train, bounds, &train_limits).is_empty()
    });
    let best = choice::best(safe.filter_map(|candidate| Contender::new(candidate.index, &candidate.train)));
    let chosen = best.and_then(|best| candidates.iter().find(|candidate| candidate.index == best.index));
    let Some(chosen) = chosen else {
        let flag = Some("no candidate is safe on the first part".to_owned());
        return WalkForward { chosen: None, flag, test: None, train_net_bps: None };
    };
    let least = safety.min_walk_forward_net_bps.unwrap_or(0.0);
    let flag = match chosen.test.metrics.net_bps {
        Some(net) if net >= least => None,
        Some(net) => Some(format!("net_bps on the rest is {net:.6}, below {least}")),
        None => {
            let reason = chosen.test.unknown.get("net_bps").map_or("no reason given", String::as_str);
            Some(format!("net_bps on the rest is unknown: {reason}"))
        }
    };
    WalkForward {
        chosen: Some(chosen.index),
        flag,
        test: Some(chosen.test.clone()),
        train_net_bps: chosen.train.metrics.net_bps,
    }
}

fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| {
        let contender = |candidate: &Candidate| {
            Contender::new(candidate.index, &candidate.whole).filter(|_| candidate.safe)
        };
        match (contender(a), contender(b)) {
            (Some(a), Some(b)) => a.rank(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a.index.cmp(&b.index),
        }
    });
}

/// What in a stored report contradicts its own figures: a report that was edited, or written by a tool that
/// judged differently.
pub(crate) fn contradictions(stored: &SweepDocument) -> Vec<String> {
    let mut found = Vec::new();
    let header = &stored.header;
    if header.schema != SCHEMA {
        found.push(format!("schema is `{}`, not `{SCHEMA}`", header.schema));
    }
    if header.made_at.is_some_and(|made_at| made_at != stored.finished_at) {
        found.push("`made_at` is not `finished_at`".to_owned());
    }
    if header.simulated != stored.inputs.simulated() {
        found.push("`simulated` does not follow from the feeds".to_owned());
    }
    let measurements = stored.candidates.iter().map(|candidate| CandidateFigures {
        index: candidate.index,
        test: candidate.test.clone(),
        train: candidate.train.clone(),
        whole: candidate.whole.clone(),
    });
    let sha256 = stored.inputs_sha256.clone();
    match assemble(stored.inputs.clone(), sha256, header, measurements.collect()) {
        Err(problem) => found.push(problem),
        Ok(again) => {
            for (kept, judged) in stored.candidates.iter().zip(&again.candidates) {
                if kept != judged {
                    found.push(format!(
                        "candidate {} stands where the figures put candidate {} (safe: {} against {})",
                        kept.index, judged.index, kept.safe, judged.safe
                    ));
                    break;
                }
            }
            if stored.best_safe != again.best_safe {
                found.push("`best_safe` does not follow from the candidates".to_owned());
            }
            if stored.walk_forward != again.walk_forward {
                found.push("`walk_forward` does not follow from the candidates".to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::commands::tune::choose::bootstrap::BootstrapSettings;
    use crate::commands::tune::choose::document::FeedRecord;
    use crate::commands::tune::choose::grid::tests::{QUOTER, axes};
    use crate::commands::tune::choose::safety::tests::{measured, safety};
    use crate::evidence::header::tests::header;
    use crate::report::maker::ClockKind;
    use crate::tuning::key::PerKey;
    use crate::tuning::limits::tests::bounds;
    use crate::tuning::trading::{Fees, Latency};

    pub(crate) fn inputs() -> SweepInputs {
        let (axes, fixed) = axes();
        SweepInputs {
            bootstrap: BootstrapSettings { seed: 7, resamples: 200, level: 0.9 },
            engine: "test".to_owned(),
            feeds: vec![FeedRecord {
                first_utc: "2024-08-08T00:00:00Z".to_owned(),
                last_utc: "2024-08-08T00:05:00Z".to_owned(),
                name: "a.gz".to_owned(),
                quality: serde_json::json!({"gaps": 0}),
                sha256: "aa".to_owned(),
                simulated: false,
                symbol: "BTCUSDT".to_owned(),
            }],
            fees: Fees { maker_bps: 0.0, taker_bps: 5.0 },
            grid: crate::commands::tune::choose::grid::CandidateGrid::new(
                &axes,
                &fixed,
                QUOTER,
                &bounds(),
                &safety(),
            )
            .unwrap(),
            latency: Latency { entry_ms: 1.0, response_ms: 1.0 },
            limits: LimitsRecord { bounds: bounds(), feed: serde_json::json!({"gaps": 5}), safety: safety() },
            walk_forward: WalkForwardSplit { train_fraction: 0.7 },
        }
    }

    pub(crate) fn stamp() -> Header {
        header(ClockKind::System, "2026-01-01T00:00:00Z")
    }

    /// Candidate 40 is the best safe one; every third is unsafe; 80 would be best but lives too long.
    pub(crate) fn measurements() -> Vec<CandidateFigures> {
        let one = |index: usize| {
            let lower = match index {
                40 => 2.0,
                80 => 9.0,
                _ => 1.0,
            };
            let p95 = if index % 3 == 2 { 400.0 } else { 300.0 };
            let whole = measured(lower, p95);
            CandidateFigures { index, test: whole.clone(), train: whole.clone(), whole }
        };
        (0..81).map(one).collect()
    }

    pub(crate) fn document() -> SweepDocument {
        assemble(inputs(), "hash".to_owned(), &stamp(), measurements()).unwrap()
    }

    #[test]
    fn the_safe_come_first_and_best_first_and_an_unsafe_best_is_not_chosen() {
        let document = document();
        let order: Vec<usize> = document.candidates.iter().map(|candidate| candidate.index).collect();
        assert_eq!(&order[..4], [40, 0, 1, 3]);
        assert_eq!(document.candidates.iter().filter(|candidate| candidate.safe).count(), 54);
        assert_eq!(document.best_safe.as_ref().map(|best| best.index), Some(40));
        assert_eq!(document.candidates[80].index, 80);
        assert_eq!(document.candidates[80].violations[0].limit, "max_order_age_p95_ms");
        assert_eq!(contradictions(&document), Vec::<String>::new());
    }

    #[test]
    fn without_a_safe_candidate_nothing_is_chosen() {
        let mut inputs = inputs();
        inputs.limits.safety.max_order_age_p95_ms = 200.0;
        let document = assemble(inputs, String::new(), &stamp(), measurements()).unwrap();
        assert_eq!(document.best_safe, None);
        assert_eq!(document.walk_forward.chosen, None);
        assert!(document.walk_forward.flag.is_some());
    }

    #[test]
    fn the_walk_forward_choice_is_made_on_the_first_part_and_flagged_by_the_rest() {
        let mut all = measurements();
        all[10].train = measured(5.0, 300.0);
        all[10].test.metrics.net_bps = Some(-0.25);
        let document = assemble(inputs(), String::new(), &stamp(), all.clone()).unwrap();
        assert_eq!(document.best_safe.as_ref().map(|best| best.index), Some(40));
        assert_eq!(document.walk_forward.chosen, Some(10));
        let flag = document.walk_forward.flag.as_deref();
        assert_eq!(flag, Some("net_bps on the rest is -0.250000, below 0"));
        all[10].test = Figures::default();
        let document = assemble(inputs(), String::new(), &stamp(), all).unwrap();
        assert!(document.walk_forward.flag.unwrap().contains("unknown"));
    }

    #[test]
    fn measurements_that_miss_or_repeat_a_candidate_are_refused() {
        let changes: [fn(&mut Vec<CandidateFigures>); 2] = [
            |all: &mut Vec<CandidateFigures>| drop(all.remove(5)),
            |all: &mut Vec<CandidateFigures>| all.push(all[0].clone()),
        ];
        for change in changes {
            let mut all = measurements();
            change(&mut all);
            assert!(assemble(inputs(), String::new(), &stamp(), all).is_err());
        }
    }

    #[test]
    fn the_order_of_the_measurements_means_nothing() {
        let mut reversed = measurements();
        reversed.reverse();
        assert_eq!(assemble(inputs(), "hash".to_owned(), &stamp(), reversed).unwrap(), document());
    }

    #[test]
    fn an_edited_report_contradicts_itself() {
        let edits: [fn(&mut SweepDocument); 9] = [
            |d| d.best_safe = None,
            |d| d.candidates[80].safe = true,
            |d| d.candidates[80].violations.clear(),
            |d| d.candidates.swap(0, 1),
            |d| d.header.simulated = true,
            |d| d.finished_at += jiff::SignedDuration::from_secs(1),
            |d| d.candidates[0].params.tail_age_ms = 650.0,
            |d| d.walk_forward.chosen = Some(3),
            |d| d.header.schema = "mmops.param-sweep.v2".to_owned(),
        ];
        for (i, edit) in edits.iter().enumerate() {
            let mut edited = document();
            edit(&mut edited);
            assert!(!contradictions(&edited).is_empty(), "edit {i}");
        }
    }

    #[test]
    fn a_report_of_more_candidates_than_can_be_counted_contradicts_itself() {
        let mut edited = document();
        // 2^66 are none where the count wraps around.
        edited.inputs.grid.axes = PerKey::from_fn(|_| vec![0.0; 1 << 11]);
        edited.candidates.clear();
        edited.best_safe = None;
        assert_eq!(edited.inputs.grid.len(), usize::MAX);
        assert!(contradictions(&edited)[0].contains("more than the 100000 candidates"));
    }

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let document = document();
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<SweepDocument>(&text).unwrap(), document);
    }
}
