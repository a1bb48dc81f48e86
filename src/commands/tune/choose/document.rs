//! The sweep's report, `mmops.param-sweep.v1`: everything the choice was made from, so that it can be
//! made again by whoever reads it.

use super::bootstrap;
use super::choice::{self, Contender};
use super::grid::{Grid, MAX_CANDIDATES, Split};
use super::measure::Measured;
use super::safety::Safety;
use crate::evidence::stamp::{Stamp, StampClock};
use crate::tuning::key::Point;
use crate::tuning::limits::{Bounds, Violation, out_of_bounds};
use crate::tuning::outcome::{Fees, Latency};
use serde::{Deserialize, Serialize};

/// The schema name of the report.
pub(crate) const SCHEMA: &str = "mmops.param-sweep.v1";

/// A feed the candidates traded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedRecord {
    /// Exchange time of the first event.
    pub(crate) first_utc: String,
    /// Exchange time of the last event.
    pub(crate) last_utc: String,
    /// File name, or the generator's description.
    pub(crate) name: String,
    /// Gaps, crossed books and other defects, as the reader counted them.
    pub(crate) quality: serde_json::Value,
    /// SHA-256 of the feed.
    pub(crate) sha256: String,
    /// Whether the market was generated.
    pub(crate) simulated: bool,
    /// Symbol as the exchange names it.
    pub(crate) symbol: String,
}

/// The limits that were in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsRecord {
    /// Ranges of the parameters.
    pub(crate) bounds: Bounds,
    /// Most defects of each kind in a feed.
    pub(crate) feed: serde_json::Value,
    /// Limits on a candidate's figures.
    pub(crate) safety: Safety,
}

/// Everything that decides the figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inputs {
    /// How intervals are drawn.
    pub(crate) bootstrap: bootstrap::Settings,
    /// Simulator and tool with their versions.
    pub(crate) engine: String,
    /// The feeds, in the order they were traded.
    pub(crate) feeds: Vec<FeedRecord>,
    /// Fees.
    pub(crate) fees: Fees,
    /// What is tried.
    pub(crate) grid: Grid,
    /// Delays.
    pub(crate) latency: Latency,
    /// What is allowed.
    pub(crate) limits: LimitsRecord,
    /// How each feed is split.
    pub(crate) walk_forward: Split,
}

impl Inputs {
    /// Whether any feed was generated. No feed at all is no recording either.
    pub(crate) fn simulated(&self) -> bool {
        self.feeds.is_empty() || self.feeds.iter().any(|feed| feed.simulated)
    }
}

/// The measured figures of one candidate: what a worker computes, a journal keeps and a shard carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measurement {
    /// Number in the grid.
    pub(crate) index: usize,
    /// On the rest of each feed.
    pub(crate) test: Measured,
    /// On the first part of each feed.
    pub(crate) train: Measured,
    /// On both parts together.
    pub(crate) whole: Measured,
}

/// One candidate with its judgement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Candidate {
    /// Number in the grid.
    pub(crate) index: usize,
    /// Its run-time parameters.
    pub(crate) params: Point,
    /// Whether it keeps every limit.
    pub(crate) safe: bool,
    /// On the rest of each feed.
    pub(crate) test: Measured,
    /// On the first part of each feed.
    pub(crate) train: Measured,
    /// The limits it breaks.
    pub(crate) violations: Vec<Violation>,
    /// On both parts together.
    pub(crate) whole: Measured,
}

/// The chosen candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Best {
    /// Number in the grid.
    pub(crate) index: usize,
    /// `net_bps` on all of the recording.
    pub(crate) net_bps: Option<f64>,
    /// Lower end of its interval, by which it was chosen.
    pub(crate) net_bps_lower: f64,
    /// 95th percentile of how old orders were when they were filled, milliseconds.
    pub(crate) order_age_p95_ms: f64,
    /// Its run-time parameters.
    pub(crate) params: Point,
}

/// What became of the choice when it was made on the first part only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WalkForward {
    /// Candidate chosen on the first part; null when none was safe there.
    pub(crate) chosen: Option<usize>,
    /// Why the choice does not hold on the rest; absent when it does.
    pub(crate) flag: Option<String>,
    /// Its figures on the rest.
    pub(crate) test: Option<Measured>,
    /// Its `net_bps` on the first part.
    pub(crate) train_net_bps: Option<f64>,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// The chosen candidate; null when none is safe.
    pub(crate) best_safe: Option<Best>,
    /// All candidates: the safe ones best first, then the others in grid order.
    pub(crate) candidates: Vec<Candidate>,
    /// Which clock made the stamp; absent for the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<StampClock>,
    /// When the last candidate was measured; of a merged sweep when its oldest slice was, of a resumed one
    /// when it first began.
    pub(crate) finished_at: String,
    /// Everything that decides the figures.
    pub(crate) inputs: Inputs,
    /// SHA-256 of the inputs as canonical JSON.
    pub(crate) inputs_sha256: String,
    /// `mmops.param-sweep.v1`
    pub(crate) schema: String,
    /// Whether any feed was generated; such a sweep is no evidence for a real market.
    pub(crate) simulated: bool,
    /// The walk-forward check.
    pub(crate) walk_forward: WalkForward,
}

/// Judges all measurements of a sweep and puts the report together.
///
/// `measurements` must have each candidate of the grid exactly once, in any order.
pub(crate) fn assemble(
    inputs: Inputs,
    inputs_sha256: String,
    stamp: Stamp,
    measurements: Vec<Measurement>,
) -> Result<Document, String> {
    if inputs.grid.len() > MAX_CANDIDATES {
        return Err(format!("the grid has more than the {MAX_CANDIDATES} candidates that are tried"));
    }
    let mut measurements = measurements;
    measurements.sort_by_key(|measurement| measurement.index);
    if !measurements.iter().map(|measurement| measurement.index).eq(0..inputs.grid.len()) {
        let (have, need) = (measurements.len(), inputs.grid.len());
        return Err(format!("{have} measurements do not cover the {need} candidates once each"));
    }
    let LimitsRecord { bounds, safety, .. } = &inputs.limits;
    let mut candidates: Vec<Candidate> = measurements
        .into_iter()
        .map(|Measurement { index, test, train, whole }| {
            let params = inputs.grid.point(index);
            let violations = violations(&params, &whole, bounds, safety);
            Candidate { index, params, safe: violations.is_empty(), test, train, violations, whole }
        })
        .collect();
    let walk_forward = walk_forward(&candidates, inputs.walk_forward, bounds, safety);
    sort(&mut candidates);
    let best_safe = best_safe(&candidates, bounds, safety);
    let simulated = inputs.simulated();
    Ok(Document {
        best_safe,
        candidates,
        clock: stamp.clock,
        finished_at: stamp.finished_at,
        inputs,
        inputs_sha256,
        schema: SCHEMA.to_owned(),
        simulated,
        walk_forward,
    })
}

/// Every limit that a candidate breaks.
fn violations(params: &Point, whole: &Measured, bounds: &Bounds, safety: &Safety) -> Vec<Violation> {
    let mut violations = out_of_bounds(params, bounds);
    violations.extend(safety.broken_by(whole));
    violations
}

/// The best of the candidates that keep these limits, judged again from their figures.
pub(crate) fn best_safe(candidates: &[Candidate], bounds: &Bounds, safety: &Safety) -> Option<Best> {
    let safe = candidates
        .iter()
        .filter(|candidate| violations(&candidate.params, &candidate.whole, bounds, safety).is_empty());
    let best = choice::best(safe.filter_map(|candidate| Contender::new(candidate.index, &candidate.whole)))?;
    let candidate = candidates.iter().find(|candidate| candidate.index == best.index)?;
    Some(Best {
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
    split: Split,
    bounds: &Bounds,
    safety: &Safety,
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
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => a.index.cmp(&b.index),
        }
    });
}

impl Document {
    /// When it was finished, and by which clock.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { clock: self.clock, finished_at: self.finished_at.clone() }
    }

    /// What in a stored report contradicts its own figures: a report that was edited, or written by a
    /// tool that judged differently.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.schema != SCHEMA {
            found.push(format!("schema is `{}`, not `{SCHEMA}`", self.schema));
        }
        if self.simulated != self.inputs.simulated() {
            found.push("`simulated` does not follow from the feeds".to_owned());
        }
        let measurements = self.candidates.iter().map(|candidate| Measurement {
            index: candidate.index,
            test: candidate.test.clone(),
            train: candidate.train.clone(),
            whole: candidate.whole.clone(),
        });
        let sha256 = self.inputs_sha256.clone();
        match assemble(self.inputs.clone(), sha256, self.stamp(), measurements.collect()) {
            Err(problem) => found.push(problem),
            Ok(again) => {
                for (stored, judged) in self.candidates.iter().zip(&again.candidates) {
                    if stored != judged {
                        found.push(format!(
                            "candidate {} stands where the figures put candidate {} (safe: {} against {})",
                            stored.index, judged.index, stored.safe, judged.safe
                        ));
                        break;
                    }
                }
                if self.best_safe != again.best_safe {
                    found.push("`best_safe` does not follow from the candidates".to_owned());
                }
                if self.walk_forward != again.walk_forward {
                    found.push("`walk_forward` does not follow from the candidates".to_owned());
                }
            }
        }
        found
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::commands::tune::choose::grid::tests::{QUOTER, axes};
    use crate::commands::tune::choose::safety::tests::{measured, safety};
    use crate::tuning::key::PerKey;
    use crate::tuning::limits::tests::bounds;

    pub(crate) fn inputs() -> Inputs {
        let (axes, fixed) = axes();
        Inputs {
            bootstrap: bootstrap::Settings { seed: 7, resamples: 200, level: 0.9 },
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
            grid: Grid::new(&axes, &fixed, QUOTER, &bounds(), &safety()).unwrap(),
            latency: Latency { entry_ms: 1.0, response_ms: 1.0 },
            limits: LimitsRecord { bounds: bounds(), feed: serde_json::json!({"gaps": 5}), safety: safety() },
            walk_forward: Split { train_fraction: 0.7 },
        }
    }

    pub(crate) fn stamp() -> Stamp {
        Stamp { clock: None, finished_at: "2026-01-01T00:00:00Z".to_owned() }
    }

    /// Candidate 40 is the best safe one; every third is unsafe; 80 would be best but lives too long.
    pub(crate) fn measurements() -> Vec<Measurement> {
        let one = |index: usize| {
            let lower = match index {
                40 => 2.0,
                80 => 9.0,
                _ => 1.0,
            };
            let p95 = if index % 3 == 2 { 400.0 } else { 300.0 };
            let whole = measured(lower, p95);
            Measurement { index, test: whole.clone(), train: whole.clone(), whole }
        };
        (0..81).map(one).collect()
    }

    pub(crate) fn document() -> Document {
        assemble(inputs(), "hash".to_owned(), stamp(), measurements()).unwrap()
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
        assert_eq!(document.contradictions(), Vec::<String>::new());
    }

    #[test]
    fn without_a_safe_candidate_nothing_is_chosen() {
        let mut inputs = inputs();
        inputs.limits.safety.max_order_age_p95_ms = 200.0;
        let document = assemble(inputs, String::new(), stamp(), measurements()).unwrap();
        assert_eq!(document.best_safe, None);
        assert_eq!(document.walk_forward.chosen, None);
        assert!(document.walk_forward.flag.is_some());
    }

    #[test]
    fn the_walk_forward_choice_is_made_on_the_first_part_and_flagged_by_the_rest() {
        let mut all = measurements();
        all[10].train = measured(5.0, 300.0);
        all[10].test.metrics.net_bps = Some(-0.25);
        let document = assemble(inputs(), String::new(), stamp(), all.clone()).unwrap();
        assert_eq!(document.best_safe.as_ref().map(|best| best.index), Some(40));
        assert_eq!(document.walk_forward.chosen, Some(10));
        let flag = document.walk_forward.flag.as_deref();
        assert_eq!(flag, Some("net_bps on the rest is -0.250000, below 0"));
        all[10].test = Measured::default();
        let document = assemble(inputs(), String::new(), stamp(), all).unwrap();
        assert!(document.walk_forward.flag.unwrap().contains("unknown"));
    }

    #[test]
    fn measurements_that_miss_or_repeat_a_candidate_are_refused() {
        let changes: [fn(&mut Vec<Measurement>); 2] = [
            |all: &mut Vec<Measurement>| drop(all.remove(5)),
            |all: &mut Vec<Measurement>| all.push(all[0].clone()),
        ];
        for change in changes {
            let mut all = measurements();
            change(&mut all);
            assert!(assemble(inputs(), String::new(), stamp(), all).is_err());
        }
    }

    #[test]
    fn the_order_of_the_measurements_means_nothing() {
        let mut reversed = measurements();
        reversed.reverse();
        assert_eq!(assemble(inputs(), "hash".to_owned(), stamp(), reversed).unwrap(), document());
    }

    #[test]
    fn an_edited_report_contradicts_itself() {
        let edits: [fn(&mut Document); 8] = [
            |d| d.best_safe = None,
            |d| d.candidates[80].safe = true,
            |d| d.candidates[80].violations.clear(),
            |d| d.candidates.swap(0, 1),
            |d| d.simulated = true,
            |d| d.candidates[0].params.tail_age_ms = 650.0,
            |d| d.walk_forward.chosen = Some(3),
            |d| d.schema = "mmops.param-sweep.v2".to_owned(),
        ];
        for (i, edit) in edits.iter().enumerate() {
            let mut edited = document();
            edit(&mut edited);
            assert!(!edited.contradictions().is_empty(), "edit {i}");
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
        assert!(edited.contradictions()[0].contains("more than the 100000 candidates"));
    }

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let document = document();
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), document);
    }
}
