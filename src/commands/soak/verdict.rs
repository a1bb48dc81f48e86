//! What a run comes to: its gates, how much of it is there, and whether what was kept can be believed.
#![warn(clippy::wildcard_enum_match_arm)]

use super::plan::SoakPlan;
use super::trail::Trail;
use crate::judge::gate::{Aggregate, Gate, GateOutcome, GateProfile};
use crate::judge::record::legacy::{FindingKind, LegacyFinding};
use crate::judge::record::{GateResult, Judgement, Ledger};
use crate::judge::verdict::{GateState, RunVerdict};
use std::collections::BTreeMap;

/// What a run is judged by.
#[derive(Clone, Debug)]
pub(super) struct SoakFacts {
    /// The directory of the run, as it is shown.
    pub(super) run_dir: String,
    pub(super) source: String,
    pub(super) profile: String,
    pub(super) iteration_secs: f64,
    /// Iterations that were planned; of a run of the earlier toolkit, those found.
    pub(super) planned: u32,
    pub(super) simulated: bool,
    pub(super) ledger: Ledger,
    pub(super) trail: Trail,
    pub(super) judgement: Judgement,
    pub(super) occasion: Occasion,
    /// The selectors behind each figure; none of a run of the earlier toolkit.
    pub(super) selectors: BTreeMap<String, Vec<String>>,
}

/// When and from what a run is judged.
#[derive(Clone, Debug)]
pub(super) enum Occasion {
    /// At its end, which a signal, or gates that were broken for good, may have brought early.
    Finished { stopped_by: Option<i32>, aborted_by: Vec<String> },
    /// From what it has kept.
    Kept {
        /// Why the plan is not the one that the run was started with.
        plan_problem: Option<String>,
        summaries: SummaryCheck,
        recomputed: Option<Recomputed>,
        allow_simulated: bool,
    },
    /// From what the earlier toolkit has kept.
    Legacy { findings: Vec<LegacyFinding>, allow_simulated: bool },
}

/// Whether the summary files say what the journal says, and all come from the source that was planned.
#[derive(Clone, Debug, Default)]
pub(super) struct SummaryCheck {
    pub(super) files: usize,
    pub(super) problems: Vec<String>,
}

/// What the kept samples give when the figures are computed again.
#[derive(Clone, Debug, Default)]
pub(super) struct Recomputed {
    pub(super) equal: usize,
    pub(super) iterations: u32,
    pub(super) is_torn: bool,
    pub(super) differences: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SoakVerdict {
    Judged(RunVerdict),
    /// A signal ended the run before it could be judged.
    Interrupted {
        signal: i32,
    },
}

impl SoakFacts {
    /// The facts of a run of ours, judged by the profile of its plan.
    pub(super) fn new(
        plan: &SoakPlan,
        ledger: Ledger,
        trail: Trail,
        run_dir: String,
        occasion: Occasion,
    ) -> Self {
        Self {
            run_dir,
            source: plan.origin.as_str().to_owned(),
            profile: plan.profile_name.clone(),
            iteration_secs: f64::from(plan.iteration_secs),
            planned: plan.iterations,
            simulated: plan.header.simulated || ledger.is_simulated,
            judgement: ledger.judge(&plan.profile),
            ledger,
            trail,
            occasion,
            selectors: plan.selectors(),
        }
    }

    /// What a gate that does not pass is about, and why its figure was not known where it was not.
    pub(super) fn explanation(&self, gate: &GateResult) -> Vec<String> {
        if gate.pass {
            return Vec::new();
        }
        let cause = self.trail.cause(gate.member.as_deref(), &gate.kpi);
        let cause = cause.map(|cause| format!("iteration {}: {}", cause.iteration, cause.reason));
        let selectors = self.selectors.get(&gate.kpi).filter(|of| !of.is_empty());
        let selectors = selectors.map(|of| format!("{}: {}", gate.kpi, of.join(", ")));
        cause.into_iter().chain(selectors).collect()
    }

    /// Whether a simulation counts as the rehearsal that it is.
    pub(super) fn allow_simulated(&self) -> bool {
        match self.occasion {
            Occasion::Finished { .. } => true,
            Occasion::Kept { allow_simulated, .. } | Occasion::Legacy { allow_simulated, .. } => {
                allow_simulated
            }
        }
    }

    pub(super) fn set_allow_simulated(&mut self, allow: bool) {
        match &mut self.occasion {
            Occasion::Finished { .. } => {}
            Occasion::Kept { allow_simulated, .. } | Occasion::Legacy { allow_simulated, .. } => {
                *allow_simulated = allow;
            }
        }
    }

    /// Whether figures of a simulation are judged by somebody who wants to know of a service.
    pub(super) fn is_no_evidence(&self) -> bool {
        match self.occasion {
            Occasion::Finished { .. } => false,
            Occasion::Kept { allow_simulated, .. } | Occasion::Legacy { allow_simulated, .. } => {
                self.simulated && !allow_simulated
            }
        }
    }
}

pub(super) fn verdict(facts: &SoakFacts) -> SoakVerdict {
    let at_least_unknown = |is_so: bool| if is_so { RunVerdict::Inconclusive } else { RunVerdict::Pass };
    let of_evidence = match &facts.occasion {
        Occasion::Finished { stopped_by: Some(signal), .. } => {
            return SoakVerdict::Interrupted { signal: *signal };
        }
        Occasion::Finished { stopped_by: None, aborted_by } => {
            if aborted_by.is_empty() {
                RunVerdict::Pass
            } else {
                RunVerdict::Fail
            }
        }
        Occasion::Kept { plan_problem, summaries, recomputed, .. } => {
            let differs = |found: &Recomputed| !found.differences.is_empty();
            let is_contradicted = plan_problem.is_some()
                || !summaries.problems.is_empty()
                || recomputed.as_ref().is_some_and(differs);
            if is_contradicted { RunVerdict::Fail } else { RunVerdict::Pass }
        }
        Occasion::Legacy { findings, .. } => {
            findings.iter().map(of_finding).max().unwrap_or(RunVerdict::Pass)
        }
    };
    // A run that ended early has not seen what it was to see.
    let is_short = facts.ledger.iterations < facts.planned;
    let parts = [at_least_unknown(is_short), at_least_unknown(facts.is_no_evidence()), of_evidence];
    SoakVerdict::Judged(parts.into_iter().fold(facts.judgement.verdict, RunVerdict::max))
}

/// Hard gates that are broken whatever further iterations show.
pub(super) fn broken_for_good(profile: &GateProfile, judgement: &Judgement) -> Vec<String> {
    let is_final = |gate: &Gate, outcome: &GateOutcome| {
        let above = gate.at_most.zip(outcome.actual).is_some_and(|(most, actual)| actual > most);
        let below = gate.at_least.zip(outcome.actual).is_some_and(|(least, actual)| actual < least);
        // Windows that a moving end leaves behind are forgotten.
        gate.last.is_none()
            && match gate.aggregate {
                Aggregate::Every => true,
                Aggregate::Max => above,
                Aggregate::Min => below,
                Aggregate::Mean
                | Aggregate::Median
                | Aggregate::P95
                | Aggregate::Sum
                | Aggregate::Growth
                | Aggregate::Ema(_) => false,
            }
    };
    let broken = judgement.gates.iter().filter(|(name, found)| {
        found.outcome.state == GateState::HardFail
            && profile.gates.get(*name).is_some_and(|gate| is_final(gate, &found.outcome))
    });
    broken.map(|(name, _)| name.clone()).collect()
}

fn of_finding(finding: &LegacyFinding) -> RunVerdict {
    match finding.kind {
        FindingKind::Failure => RunVerdict::Fail,
        FindingKind::Incomplete => RunVerdict::Inconclusive,
        // That the figures are computed makes the whole run a simulation.
        FindingKind::Simulated | FindingKind::Informative => RunVerdict::Pass,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::judge::kpi::Measurement;
    use crate::judge::record::Iteration;

    /// A run of two iterations, both below its one limit.
    pub(in super::super) fn facts(occasion: Occasion) -> SoakFacts {
        let mut ledger = Ledger::new(300.0, 1, false);
        for number in 1..=2 {
            let kpis = BTreeMap::from([("k".to_owned(), Measurement::single(1.0, "u", "test"))]);
            ledger.add(&Iteration { iteration: number, kpis, ..Iteration::default() });
        }
        let gate = serde_json::json!({
            "kpi": "k", "unit": "u", "aggregate": "mean", "at_most": 2.0, "severity": "hard",
        });
        let gate = serde_json::from_value(gate).expect("a gate");
        let gates = BTreeMap::from([("g".to_owned(), gate)]);
        let judgement = ledger.judge(&GateProfile { gates, ..GateProfile::default() });
        SoakFacts {
            run_dir: "RUN_1".to_owned(),
            source: "test".to_owned(),
            profile: "p".to_owned(),
            iteration_secs: 300.0,
            planned: 2,
            simulated: false,
            ledger,
            trail: Trail::default(),
            judgement,
            occasion,
            selectors: BTreeMap::new(),
        }
    }

    fn of(change: impl FnOnce(&mut SoakFacts), occasion: Occasion) -> SoakVerdict {
        let mut facts = facts(occasion);
        change(&mut facts);
        verdict(&facts)
    }

    fn finished() -> Occasion {
        Occasion::Finished { stopped_by: None, aborted_by: Vec::new() }
    }

    fn kept(allow_simulated: bool) -> Occasion {
        let summaries = SummaryCheck { files: 2, problems: Vec::new() };
        let recomputed = Some(Recomputed::default());
        Occasion::Kept { plan_problem: None, summaries, recomputed, allow_simulated }
    }

    fn legacy(kind: FindingKind, allow_simulated: bool) -> Occasion {
        let finding = LegacyFinding { name: "x", kind, text: String::new() };
        Occasion::Legacy { findings: vec![finding], allow_simulated }
    }

    const PASS: SoakVerdict = SoakVerdict::Judged(RunVerdict::Pass);
    const INCONCLUSIVE: SoakVerdict = SoakVerdict::Judged(RunVerdict::Inconclusive);
    const FAIL: SoakVerdict = SoakVerdict::Judged(RunVerdict::Fail);

    #[test]
    fn a_run_is_what_its_gates_are_unless_it_is_short_or_stopped() {
        let short = |facts: &mut SoakFacts| facts.planned = 3;
        let failed = |facts: &mut SoakFacts| facts.judgement.verdict = RunVerdict::Fail;
        assert_eq!(of(|_| (), finished()), PASS);
        assert_eq!(of(short, finished()), INCONCLUSIVE);
        assert_eq!(of(failed, finished()), FAIL);
        let both = |facts: &mut SoakFacts| {
            short(facts);
            failed(facts);
        };
        assert_eq!(of(both, finished()), FAIL);
        let stopped = Occasion::Finished { stopped_by: Some(2), aborted_by: Vec::new() };
        assert_eq!(of(failed, stopped), SoakVerdict::Interrupted { signal: 2 });
        let simulated = |facts: &mut SoakFacts| facts.simulated = true;
        assert_eq!(of(simulated, finished()), PASS, "whoever runs a simulation knows it");
    }

    #[test]
    fn what_was_kept_must_agree_and_be_no_simulation() {
        let simulated = |facts: &mut SoakFacts| facts.simulated = true;
        assert_eq!(of(|_| (), kept(false)), PASS);
        assert_eq!(of(simulated, kept(false)), INCONCLUSIVE);
        assert_eq!(of(simulated, kept(true)), PASS);
        for part in 0..3 {
            let contradicted = |facts: &mut SoakFacts| {
                let Occasion::Kept { plan_problem, summaries, recomputed: Some(found), .. } =
                    &mut facts.occasion
                else {
                    unreachable!("made above")
                };
                match part {
                    0 => summaries.problems.push("x".to_owned()),
                    1 => found.differences.push("x".to_owned()),
                    _ => *plan_problem = Some("x".to_owned()),
                }
            };
            assert_eq!(of(contradicted, kept(true)), FAIL);
        }
    }

    #[test]
    fn a_gate_is_broken_for_good_where_no_window_can_mend_it() {
        let judged = |aggregate: serde_json::Value, more: (&str, serde_json::Value)| {
            let mut gate =
                serde_json::json!({"kpi": "k", "unit": "u", "aggregate": aggregate, "severity": "hard"});
            gate[more.0] = more.1;
            let gate: Gate = serde_json::from_value(gate).expect("a gate");
            let gates = BTreeMap::from([("g".to_owned(), gate)]);
            let profile = GateProfile { gates, ..GateProfile::default() };
            let ledger = facts(finished()).ledger;
            !broken_for_good(&profile, &ledger.judge(&profile)).is_empty()
        };
        let half = || serde_json::json!(0.5);
        let two = || serde_json::json!(2.0);
        assert!(judged("every".into(), ("at_most", half())));
        assert!(judged("max".into(), ("at_most", half())));
        assert!(judged("min".into(), ("at_least", two())));
        // One good window more, and these hold again.
        assert!(!judged("max".into(), ("at_least", two())));
        assert!(!judged("mean".into(), ("at_most", half())));
        assert!(!judged("median".into(), ("at_least", two())));
        assert!(!judged("every".into(), ("at_most", two())), "it holds");
    }

    #[test]
    fn each_kind_of_finding_means_what_its_name_says() {
        let simulated = |facts: &mut SoakFacts| facts.simulated = true;
        assert_eq!(of(|_| (), legacy(FindingKind::Failure, true)), FAIL);
        assert_eq!(of(|_| (), legacy(FindingKind::Incomplete, true)), INCONCLUSIVE);
        assert_eq!(of(|_| (), legacy(FindingKind::Informative, false)), PASS);
        assert_eq!(of(simulated, legacy(FindingKind::Simulated, false)), INCONCLUSIVE);
        assert_eq!(of(simulated, legacy(FindingKind::Simulated, true)), PASS);
    }
}
