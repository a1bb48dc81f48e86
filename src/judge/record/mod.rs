//! A run as a sequence of iterations, and what a profile says of it.

pub(crate) mod legacy;
pub(crate) mod samples;

use crate::judge::gate::{self, Gate, Outcome, Point, Profile, Severity};
use crate::judge::kpi::{Knowledge, Measurement, Member};
use crate::judge::verdict::{State, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Schema of an iteration.
pub const ITERATION_SCHEMA: &str = "mmops.iter-summary.v2";

/// `ITER_SUMMARY_<i>.json`, and one line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Iteration {
    /// `mmops.iter-summary.v2`
    pub schema: String,
    /// Number, from 1.
    pub iteration: u32,
    /// Begin of the window, RFC 3339 UTC.
    pub from: String,
    /// End of the window.
    pub to: String,
    /// Whether the figures come from a simulation.
    pub simulated: bool,
    /// Where the figures come from.
    pub source: String,
    /// Seconds without observation before the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_before_secs: Option<f64>,
    /// The figures; empty where members are judged one by one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kpis: BTreeMap<String, Measurement>,
    /// Run-time parameters in force, as the bot itself reports them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, f64>,
    /// The members of a fleet, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Member>,
    /// SHA-256 over the canonical form of the parameters in force.
    pub state_hash: String,
}

/// The windows of a run so far, as far as judging needs them.
#[derive(Clone, Debug)]
pub struct Ledger {
    window_secs: f64,
    points_per_window: u32,
    grouped: bool,
    last: u32,
    /// The iteration at which each member was first seen.
    first: BTreeMap<String, u32>,
    /// Member, figure, windows.
    points: BTreeMap<String, BTreeMap<String, Vec<Point>>>,
    stats: BTreeMap<String, Stats>,
    /// First iteration of each gap and its length.
    gaps: Vec<(u32, f64)>,
    missing: Vec<u32>,
    simulated: bool,
}

/// What the windows showed of one figure, over all members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Stats {
    /// Unit of the values.
    pub unit: String,
    /// Windows with a value on enough points.
    pub measured: u32,
    /// Windows without.
    pub unknown: u32,
    /// The last value.
    pub last: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// What a profile says of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// Gates by name.
    pub gates: BTreeMap<String, GateResult>,
}

/// One gate with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GateResult {
    /// The figure.
    pub kpi: String,
    /// Its unit.
    pub unit: String,
    /// How the windows become one value.
    pub aggregate: gate::Aggregate,
    /// The condition, such as `<= 150 ms`.
    pub condition: String,
    /// The bound of the condition.
    pub threshold: f64,
    /// What a broken gate means.
    pub severity: Severity,
    /// Whether PASS needs it.
    pub required: bool,
    /// Whether it holds.
    pub pass: bool,
    /// The answer; of several members the worst.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The member with the worst answer, where members are judged one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Answers by member.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Outcome>,
}

impl GateResult {
    /// The answer for each member, or the one answer, with whether PASS needs it.
    fn states(&self) -> impl Iterator<Item = (State, bool)> + '_ {
        let one = self.members.is_empty().then_some(&self.outcome);
        self.members.values().chain(one).map(|outcome| (outcome.state, self.required))
    }
}

impl Ledger {
    /// An empty ledger. `points_per_window` is what a window should have shown where a figure is missing
    /// altogether.
    pub fn new(window_secs: f64, points_per_window: u32, grouped: bool) -> Self {
        Self {
            window_secs,
            points_per_window,
            grouped,
            last: 0,
            first: BTreeMap::new(),
            points: BTreeMap::new(),
            stats: BTreeMap::new(),
            gaps: Vec::new(),
            missing: Vec::new(),
            simulated: false,
        }
    }

    /// Adds the next iteration. Numbers that are left out are windows of which nothing is known.
    pub fn add(&mut self, iteration: &Iteration) {
        for lost in self.last + 1..iteration.iteration {
            self.missing.push(lost);
            self.lose(lost);
        }
        self.last = iteration.iteration;
        self.simulated |= iteration.simulated;
        if let Some(secs) = iteration.gap_before_secs {
            self.gaps.push((iteration.iteration, secs));
        }
        if self.grouped {
            for (name, member) in &iteration.members {
                self.add_member(name, &member.kpis, iteration.iteration);
            }
            // A member that has been seen and shows nothing any more is unknown from then on.
            for (name, kpis) in &mut self.points {
                if !iteration.members.contains_key(name) {
                    for points in kpis.values_mut() {
                        points.push(Point::missing(iteration.iteration, self.points_per_window));
                    }
                }
            }
        } else {
            self.add_member("", &iteration.kpis, iteration.iteration);
        }
    }

    fn lose(&mut self, iteration: u32) {
        for points in self.points.values_mut().flat_map(BTreeMap::values_mut) {
            points.push(Point::missing(iteration, self.points_per_window));
        }
    }

    fn add_member(&mut self, member: &str, kpis: &BTreeMap<String, Measurement>, iteration: u32) {
        // What a member has not shown since it was first seen is unknown, not left out.
        let first = if self.grouped { *self.first.entry(member.to_owned()).or_insert(iteration) } else { 1 };
        let lost = |number| Point::missing(number, self.points_per_window);
        let known = self.points.entry(member.to_owned()).or_default();
        for (kpi, points) in known.iter_mut() {
            if !kpis.contains_key(kpi) {
                points.push(lost(iteration));
            }
        }
        for (kpi, measured) in kpis {
            let points = known.entry(kpi.clone()).or_insert_with(|| (first..iteration).map(lost).collect());
            points.push(Point::of(iteration, measured));
            let stats = self.stats.entry(kpi.clone()).or_default();
            stats.unit.clone_from(&measured.unit);
            match measured.value.filter(|_| measured.state == Knowledge::Measured) {
                None => stats.unknown += 1,
                Some(value) => {
                    stats.measured += 1;
                    let count = f64::from(stats.measured);
                    stats.last = Some(value);
                    stats.mean = Some(stats.mean.map_or(value, |mean| mean + (value - mean) / count));
                    stats.min = Some(stats.min.map_or(value, |min| min.min(value)));
                    stats.max = Some(stats.max.map_or(value, |max| max.max(value)));
                }
            }
        }
    }

    /// Number of the last iteration.
    pub fn iterations(&self) -> u32 {
        self.last
    }

    /// Whether any iteration comes from a simulation.
    pub fn is_simulated(&self) -> bool {
        self.simulated
    }

    /// Iterations that are missing inside the run.
    pub fn missing(&self) -> &[u32] {
        &self.missing
    }

    /// Times without observation: the iteration after each, and its seconds.
    pub fn gaps(&self) -> &[(u32, f64)] {
        &self.gaps
    }

    /// The figure in the last windows, oldest first, of the first member; `None` where it was not measured.
    pub fn recent(&self, kpi: &str, windows: usize) -> Vec<Option<f64>> {
        let points = self.points.values().next().and_then(|kpis| kpis.get(kpi));
        let last = points.map_or(&[][..], |points| &points[points.len().saturating_sub(windows)..]);
        last.iter().map(|point| point.value.filter(|_| point.state == Knowledge::Measured)).collect()
    }

    /// What the windows showed of each figure.
    pub fn stats(&self) -> &BTreeMap<String, Stats> {
        &self.stats
    }

    /// The answer of every gate, and of all of them.
    pub fn judge(&self, profile: &Profile) -> Judgement {
        let gates: BTreeMap<String, GateResult> =
            profile.gates.iter().map(|(name, gate)| (name.clone(), self.judge_gate(gate))).collect();
        // Of every member, not of the worst: a soft failure of one must not hide that another is unknown.
        let verdict = Verdict::fold(gates.values().flat_map(GateResult::states));
        Judgement { verdict, gates }
    }

    fn judge_gate(&self, gate: &Gate) -> GateResult {
        let all_missing = || -> Vec<Point> {
            (1..=self.last).map(|number| Point::missing(number, self.points_per_window)).collect()
        };
        let mut answers: BTreeMap<String, Outcome> = BTreeMap::new();
        for (member, kpis) in &self.points {
            let outcome = match kpis.get(&gate.kpi) {
                Some(points) => gate::judge(gate, points, self.window_secs),
                None => gate::judge(gate, &all_missing(), self.window_secs),
            };
            answers.insert(member.clone(), outcome);
        }
        if answers.is_empty() {
            answers.insert(String::new(), gate::judge(gate, &all_missing(), self.window_secs));
        }
        let (name, worst) =
            answers.iter().rev().max_by_key(|(_, outcome)| outcome.state).expect("there is an answer");
        GateResult {
            kpi: gate.kpi.clone(),
            unit: gate.unit.clone(),
            aggregate: gate.aggregate.clone(),
            condition: gate.condition(),
            threshold: gate.threshold(),
            severity: gate.severity,
            required: gate.is_required(),
            pass: worst.state == State::Pass,
            outcome: worst.clone(),
            member: (self.grouped && !name.is_empty()).then(|| name.clone()),
            members: if self.grouped { answers } else { BTreeMap::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::gate::Aggregate;

    fn iteration(number: u32, members: &[(&str, f64)]) -> Iteration {
        let member = |(name, value): &(&str, f64)| {
            let kpis = BTreeMap::from([("k".to_owned(), Measurement::single(*value, "u", "test"))]);
            ((*name).to_owned(), Member { kpis, params: BTreeMap::new() })
        };
        Iteration {
            schema: ITERATION_SCHEMA.to_owned(),
            iteration: number,
            from: String::new(),
            to: String::new(),
            simulated: false,
            source: "test".to_owned(),
            gap_before_secs: None,
            kpis: BTreeMap::new(),
            params: BTreeMap::new(),
            members: members.iter().map(member).collect(),
            state_hash: String::new(),
        }
    }

    #[test]
    fn a_soft_failure_of_one_member_does_not_hide_that_another_is_unknown() {
        let gate = Gate {
            kpi: "k".to_owned(),
            unit: "u".to_owned(),
            aggregate: Aggregate::Mean,
            at_most: Some(1.0),
            at_least: None,
            severity: Severity::Soft,
            required: None,
            warmup: 0,
            last: Some(2),
            min_samples: 1,
            k_of_n: None,
            min_coverage: 0.95,
        };
        let profile = Profile { description: String::new(), gates: BTreeMap::from([("g".to_owned(), gate)]) };
        let mut ledger = Ledger::new(300.0, 1, true);
        ledger.add(&iteration(1, &[("old", 2.0)]));
        ledger.add(&iteration(2, &[("old", 2.0), ("young", 0.5)]));
        let judged = ledger.judge(&profile);
        assert_eq!(judged.gates["g"].outcome.state, State::SoftFail);
        assert_eq!(judged.gates["g"].members["young"].state, State::Warmup);
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        ledger.add(&iteration(3, &[("old", 2.0), ("young", 0.5)]));
        assert_eq!(ledger.judge(&profile).verdict, Verdict::Pass);
    }
}
