//! The windows of a run as far as judging needs them, and what a profile says of them.
#![warn(clippy::wildcard_enum_match_arm)]

use super::condition::Condition;
use super::iteration::Iteration;
use super::lives::Lives;
use crate::format::duration;
use crate::judge::gate::{self, Aggregate, Gate, GateOutcome, GateProfile, Severity, WindowValue};
use crate::judge::kpi::{DataState, Measurement};
use crate::judge::verdict::{GateState, RunVerdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The windows of a run so far.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    window_secs: f64,
    points_per_window: u32,
    is_grouped: bool,
    /// Number of the last iteration.
    pub(crate) iterations: u32,
    /// The iteration at which each member was first seen.
    first_seen: BTreeMap<String, u32>,
    /// Points lost before the iteration that is being added.
    gap_points: u32,
    /// By member and figure.
    pub(super) windows: BTreeMap<String, BTreeMap<String, Vec<WindowValue>>>,
    pub(crate) stats: BTreeMap<String, KpiStats>,
    /// The iteration after each time without observation, and its seconds.
    pub(crate) gaps: Vec<(u32, f64)>,
    /// Iterations that are missing inside the run.
    pub(crate) missing: Vec<u32>,
    /// Whether any iteration comes from a simulation.
    pub(crate) is_simulated: bool,
    /// How many members there should be, where it was said.
    pub(crate) expected_members: Option<u32>,
    pub(crate) lives: Lives,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// What the windows showed of one figure, over all members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct KpiStats {
    /// Unit of the values.
    pub(crate) unit: String,
    /// Windows with a value on enough points.
    pub(crate) measured: u32,
    /// Windows without.
    pub(crate) unknown: u32,
    /// The last value.
    pub(crate) last: Option<f64>,
    /// The mean.
    pub(crate) mean: Option<f64>,
    /// The smallest.
    pub(crate) min: Option<f64>,
    /// The largest.
    pub(crate) max: Option<f64>,
}

impl KpiStats {
    fn add(&mut self, measured: &Measurement) {
        self.unit.clone_from(&measured.unit);
        let Some(value) = measured.value.filter(|_| measured.state == DataState::Measured) else {
            self.unknown += 1;
            return;
        };
        self.measured += 1;
        let count = f64::from(self.measured);
        self.last = Some(value);
        self.mean = Some(self.mean.map_or(value, |mean| mean + (value - mean) / count));
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
    }
}

/// What a profile says of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub verdict: RunVerdict,
    pub(crate) gates: BTreeMap<String, GateResult>,
    pub(crate) conditions: Vec<Condition>,
}

/// One gate with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct GateResult {
    /// The figure.
    pub(crate) kpi: String,
    /// Its unit.
    pub(crate) unit: String,
    /// How the windows become one value.
    pub(crate) aggregate: Aggregate,
    /// The condition, such as `<= 150 ms`.
    pub(crate) condition: String,
    /// The bound of the condition.
    pub(crate) threshold: f64,
    /// The value as it is shown beside the condition.
    #[serde(skip)]
    pub(crate) figure: String,
    /// What a broken gate means.
    pub(crate) severity: Severity,
    /// Whether PASS needs it.
    pub(crate) required: bool,
    /// Whether it holds.
    pub(crate) pass: bool,
    /// The answer; of several members the worst.
    #[serde(flatten)]
    pub(crate) outcome: GateOutcome,
    /// The member with the worst answer, where members are judged one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) member: Option<String>,
    /// Answers by member.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) members: BTreeMap<String, GateOutcome>,
}

impl GateResult {
    /// The answer for each member, or the one answer, with whether PASS needs it.
    pub(crate) fn states(&self) -> impl Iterator<Item = (GateState, bool)> + '_ {
        let one = self.members.is_empty().then_some(&self.outcome);
        self.members.values().chain(one).map(|outcome| (outcome.state, self.required))
    }
}

impl Ledger {
    /// An empty ledger. `points_per_window` is what a window should have shown where a figure is missing
    /// altogether.
    pub fn new(window_secs: f64, points_per_window: u32, is_grouped: bool) -> Self {
        Self { window_secs, points_per_window, is_grouped, ..Self::default() }
    }

    /// Adds the next iteration. Numbers that are left out are windows of which nothing is known.
    pub fn add(&mut self, iteration: &Iteration) {
        let number = iteration.iteration;
        for lost in self.iterations + 1..number {
            self.missing.push(lost);
            for windows in self.windows.values_mut().flat_map(BTreeMap::values_mut) {
                windows.push(WindowValue::missing(lost, self.points_per_window));
            }
        }
        if self.iterations == 0 {
            self.from = iteration.from.parse().ok();
        }
        self.to = iteration.to.parse().ok();
        self.iterations = number;
        self.is_simulated |= iteration.header.simulated;
        self.gaps.extend(iteration.gap_before_secs.map(|secs| (number, secs)));
        self.gap_points = self.points_in(iteration.gap_before_secs.unwrap_or_default());
        self.lives.add("", number, &iteration.lives);
        for (name, member) in &iteration.members {
            self.lives.add(name, number, &member.lives);
        }
        if !self.is_grouped {
            self.add_member("", &iteration.kpis, number);
            return;
        }
        for (name, member) in &iteration.members {
            self.add_member(name, &member.kpis, number);
        }
        // A member that has been seen and shows nothing any more is unknown from then on.
        let gone = self.windows.iter_mut().filter(|(name, _)| !iteration.members.contains_key(*name));
        for windows in gone.flat_map(|(_, kpis)| kpis.values_mut()) {
            let missing = WindowValue::missing(number, self.points_per_window);
            windows.push(WindowValue { gap_points: self.gap_points, ..missing });
        }
    }

    /// Points that should have been there in so many seconds.
    fn points_in(&self, secs: f64) -> u32 {
        let points = secs / self.window_secs * f64::from(self.points_per_window);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded, and never negative"
        )]
        let points = points.clamp(0.0, f64::from(u32::MAX)) as u32;
        points
    }

    /// Seconds of the windows that are there.
    fn observed_secs(&self) -> f64 {
        (f64::from(self.iterations) - self.missing.len() as f64) * self.window_secs
    }

    fn add_member(&mut self, member: &str, kpis: &BTreeMap<String, Measurement>, iteration: u32) {
        // What a member has not shown since it was first seen is unknown, not left out.
        let first =
            if self.is_grouped { *self.first_seen.entry(member.to_owned()).or_insert(iteration) } else { 1 };
        let missing = |number| WindowValue::missing(number, self.points_per_window);
        let known = self.windows.entry(member.to_owned()).or_default();
        for (_, windows) in known.iter_mut().filter(|(kpi, _)| !kpis.contains_key(*kpi)) {
            windows.push(WindowValue { gap_points: self.gap_points, ..missing(iteration) });
        }
        for (kpi, measured) in kpis {
            let window = WindowValue { gap_points: self.gap_points, ..WindowValue::of(iteration, measured) };
            // Looked up before it is made: a fleet has a million of them, and nearly all are known.
            match known.get_mut(kpi) {
                Some(windows) => windows.push(window),
                None => {
                    known.insert(kpi.clone(), (first..iteration).map(missing).chain([window]).collect());
                }
            }
            match self.stats.get_mut(kpi) {
                Some(stats) => stats.add(measured),
                None => self.stats.entry(kpi.clone()).or_default().add(measured),
            }
        }
    }

    /// Begin of the first window and end of the last, where they are known.
    pub(crate) fn observation(&self) -> Option<(Timestamp, Timestamp)> {
        self.from.zip(self.to)
    }

    /// The figure in the last windows, oldest first, of the first member; `None` where it was not measured.
    pub(crate) fn recent(&self, kpi: &str, count: usize) -> Vec<Option<f64>> {
        let windows =
            self.windows.values().next().and_then(|kpis| kpis.get(kpi)).map_or(&[][..], Vec::as_slice);
        let last = &windows[windows.len().saturating_sub(count)..];
        last.iter().map(|window| window.value.filter(|_| window.state == DataState::Measured)).collect()
    }

    /// The windows of a figure by member; without members the name is empty.
    pub(crate) fn windows_of(&self, kpi: &str) -> Vec<(&str, &[WindowValue])> {
        let windows = self.windows.iter();
        windows.map(|(name, kpis)| (name.as_str(), kpis.get(kpi).map_or(&[][..], Vec::as_slice))).collect()
    }

    /// The answer of every gate, and of all of them.
    pub fn judge(&self, profile: &GateProfile) -> Judgement {
        let gates: BTreeMap<String, GateResult> =
            profile.gates.iter().map(|(name, gate)| (name.clone(), self.judge_gate(gate))).collect();
        // Of every member, not of the worst: a soft failure of one must not hide that another is unknown.
        let verdict = RunVerdict::fold(gates.values().flat_map(GateResult::states));
        let conditions = self.conditions(profile);
        let verdict = conditions.iter().map(|condition| condition.verdict).fold(verdict, RunVerdict::max);
        Judgement { verdict, gates, conditions }
    }

    /// What a run must be beside its gates: long enough, without long gaps, of one build, of all members.
    fn conditions(&self, profile: &GateProfile) -> Vec<Condition> {
        let observed = profile.min_observed_secs().filter(|needed| *needed > 0.0).map(|needed| {
            let seen = self.observed_secs();
            let note = format!("{} of {}", duration::text(seen), duration::text(needed));
            Condition::known_if(seen >= needed, "observed", note, "the profile needs it to be watched longer")
        });
        let longest = self.gaps.iter().map(|(_, secs)| *secs).fold(0.0, f64::max);
        let lost = self.missing.len() as f64 * self.window_secs;
        let (longest, most) = (longest.max(lost), profile.max_gap_secs().unwrap_or(self.window_secs));
        // Scrapes that nobody answered are a gap as well, one that is told where it is not borne.
        let unanswered = self.longest_unanswered_secs();
        let longest = if unanswered > most { longest.max(unanswered) } else { longest };
        let gaps = (longest > 0.0).then(|| {
            let note = format!("longest {}, {} are borne", duration::text(longest), duration::text(most));
            Condition::known_if(longest <= most, "gaps", note, "what happened in a gap is not known")
        });
        let members = self.expected_members.map(|expected| {
            let seen = self.windows.len();
            let note = format!("{seen} of {expected}");
            Condition::known_if(
                seen == expected as usize,
                "members",
                note,
                "the members are not those expected",
            )
        });
        [observed, gaps, members, self.lives.one_build()].into_iter().flatten().collect()
    }

    /// The longest time in which a member gave no answer: of windows in a row in which nothing was measured, the part
    /// that is not covered by any figure.
    fn longest_unanswered_secs(&self) -> f64 {
        self.windows.values().map(|kpis| self.unanswered_secs(kpis)).fold(0.0, f64::max)
    }

    fn unanswered_secs(&self, kpis: &BTreeMap<String, Vec<WindowValue>>) -> f64 {
        let covered = |window: &WindowValue| f64::from(window.points) / f64::from(window.expected.max(1));
        let length = kpis.values().map(Vec::len).max().unwrap_or_default();
        let (mut longest, mut lost) = (0.0_f64, 0.0);
        for at in 0..length {
            let windows = || kpis.values().filter_map(|windows| windows.get(at));
            if windows().any(|window| window.state == DataState::Measured) {
                lost = 0.0;
                continue;
            }
            lost += self.window_secs * (1.0 - windows().map(covered).fold(0.0, f64::max).min(1.0));
            longest = longest.max(lost);
        }
        longest
    }

    fn judge_gate(&self, gate: &Gate) -> GateResult {
        let missing = |number| WindowValue::missing(number, self.points_per_window);
        let evaluate = |windows: Option<&Vec<WindowValue>>| match windows {
            Some(windows) => gate::evaluate(gate, windows, self.window_secs),
            None => gate::evaluate(
                gate,
                &(1..=self.iterations).map(missing).collect::<Vec<_>>(),
                self.window_secs,
            ),
        };
        let mut answers: BTreeMap<String, GateOutcome> =
            self.windows.iter().map(|(name, kpis)| (name.clone(), evaluate(kpis.get(&gate.kpi)))).collect();
        if answers.is_empty() {
            answers.insert(String::new(), evaluate(None));
        }
        // Of several with the same answer the one with the worst value, of several of these the first.
        let by_value = |one: &GateOutcome, other: &GateOutcome| match (one.actual, other.actual) {
            (Some(one), Some(other)) if gate.is_worse(one, other) => Ordering::Greater,
            (Some(one), Some(other)) if gate.is_worse(other, one) => Ordering::Less,
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
        let by_answer = |(_, one): &(&String, &GateOutcome), (_, other): &(&String, &GateOutcome)| {
            one.state.cmp(&other.state).then_with(|| by_value(one, other))
        };
        let (name, worst) = answers.iter().rev().max_by(by_answer).expect("there is an answer");
        GateResult {
            kpi: gate.kpi.clone(),
            unit: gate.unit.clone(),
            aggregate: gate.aggregate.clone(),
            condition: gate.condition(),
            threshold: gate.threshold(),
            figure: worst.figure(gate),
            severity: gate.severity,
            required: gate.is_required(),
            pass: worst.state == GateState::Pass,
            outcome: worst.clone(),
            member: (self.is_grouped && !name.is_empty()).then(|| name.clone()),
            members: if self.is_grouped { answers } else { BTreeMap::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::kpi::Member;
    use RunVerdict::{Inconclusive, Pass};

    fn iteration(number: u32, members: &[(&str, f64)]) -> Iteration {
        let member = |(name, value): &(&str, f64)| {
            let kpis = BTreeMap::from([("k".to_owned(), Measurement::single(*value, "u", "test"))]);
            ((*name).to_owned(), Member { kpis, ..Member::default() })
        };
        Iteration { iteration: number, members: members.iter().map(member).collect(), ..Iteration::default() }
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
            min_events: None,
            k_of_n: None,
            min_coverage: 0.95,
        };
        let profile =
            GateProfile { gates: BTreeMap::from([("g".to_owned(), gate)]), ..GateProfile::default() };
        let mut ledger = Ledger::new(300.0, 1, true);
        ledger.add(&iteration(1, &[("old", 2.0)]));
        ledger.add(&iteration(2, &[("old", 2.0), ("young", 0.5)]));
        let judged = ledger.judge(&profile);
        assert_eq!(judged.gates["g"].outcome.state, GateState::SoftFail);
        assert_eq!(judged.gates["g"].members["young"].state, GateState::Warmup);
        assert_eq!(judged.verdict, Inconclusive);
        ledger.add(&iteration(3, &[("old", 2.0), ("young", 0.5)]));
        assert_eq!(ledger.judge(&profile).verdict, Pass);
    }

    #[test]
    fn of_several_members_with_one_answer_the_one_with_the_worst_value_stands_for_all() {
        let judged = |bound: serde_json::Value| {
            let mut gate =
                serde_json::json!({"kpi": "k", "unit": "u", "aggregate": "every", "severity": "hard"});
            gate.as_object_mut().expect("an object").extend(bound.as_object().expect("an object").clone());
            let gate: Gate = serde_json::from_value(gate).expect("a gate");
            let gates = BTreeMap::from([("g".to_owned(), gate)]);
            let mut ledger = Ledger::new(300.0, 1, true);
            ledger.add(&iteration(1, &[("a", 3.0), ("b", 9.0), ("c", 1.0), ("d", 9.0)]));
            let judged = ledger.judge(&GateProfile { gates, ..GateProfile::default() });
            judged.gates["g"].member.clone().expect("a member")
        };
        assert_eq!(judged(serde_json::json!({"at_most": 2.0})), "b");
        assert_eq!(judged(serde_json::json!({"at_least": 5.0})), "c");
        assert_eq!(judged(serde_json::json!({"at_most": 20.0})), "b");
    }

    #[test]
    fn a_run_must_be_as_long_as_its_profile_says_without_long_gaps_and_of_all_its_members() {
        let profile = |min_observed: Option<&str>, max_gap: Option<&str>| GateProfile {
            min_observed: min_observed.map(str::to_owned),
            max_gap: max_gap.map(str::to_owned),
            ..GateProfile::default()
        };
        // Two windows of five minutes, with so many seconds between them.
        let of = |profile: &GateProfile, gap_secs: f64, members: Option<u32>| {
            let mut ledger = Ledger::new(300.0, 1, true);
            ledger.expected_members = members;
            ledger.add(&iteration(1, &[("a", 1.0)]));
            let gap_before_secs = (gap_secs > 0.0).then_some(gap_secs);
            ledger.add(&Iteration { gap_before_secs, ..iteration(2, &[("a", 1.0)]) });
            let found = ledger.conditions(profile).into_iter();
            found.map(|condition| (condition.name, condition.verdict)).collect::<Vec<_>>()
        };
        let row = |name: &str, verdict| vec![(name.to_owned(), verdict)];
        assert_eq!(of(&profile(None, None), 0.0, None), []);
        assert_eq!(of(&profile(Some("10m"), None), 0.0, None), row("observed", Pass));
        assert_eq!(of(&profile(Some("601s"), None), 0.0, None), row("observed", Inconclusive));
        assert_eq!(of(&profile(Some("0s"), None), 0.0, None), []);
        assert_eq!(of(&profile(None, None), 300.0, None), row("gaps", Pass));
        assert_eq!(of(&profile(None, None), 301.0, None), row("gaps", Inconclusive));
        assert_eq!(of(&profile(None, Some("1h")), 301.0, None), row("gaps", Pass));
        assert_eq!(of(&profile(None, Some("0s")), 1.0, None), row("gaps", Inconclusive));
        for (expected, verdict) in [(1, Pass), (2, Inconclusive), (0, Inconclusive)] {
            assert_eq!(of(&profile(None, None), 0.0, Some(expected)), row("members", verdict));
        }
    }

    #[test]
    fn what_nobody_answered_is_a_gap_of_the_member_that_was_silent() {
        // Windows of five minutes with so many of ten points.
        let of = |points: &[u32], max_gap: Option<&str>| {
            let mut ledger = Ledger::new(300.0, 10, true);
            for (number, points) in (1..).zip(points) {
                let mut next = iteration(number, &[("a", 1.0), ("b", 1.0)]);
                let silent = next.members.get_mut("b").and_then(|member| member.kpis.get_mut("k"));
                let measured = silent.expect("it is there");
                (measured.points, measured.expected) = (*points, 10);
                measured.state = match points {
                    0 => DataState::NoData,
                    1..=9 => DataState::Partial,
                    _ => DataState::Measured,
                };
                ledger.add(&next);
            }
            let profile = GateProfile { max_gap: max_gap.map(str::to_owned), ..GateProfile::default() };
            ledger.conditions(&profile).pop().map(|condition| (condition.verdict, condition.note))
        };
        let told =
            |longest: &str, most: &str| Some((Inconclusive, format!("longest {longest}, {most} are borne")));
        assert_eq!(of(&[10, 0, 10, 0, 10], None), None);
        assert_eq!(of(&[10, 0, 0, 10], None), told("10m", "5m"));
        assert_eq!(of(&[10, 4, 0, 6, 10], None), told("10m", "5m"));
        assert_eq!(of(&[10, 5, 5, 10], None), None);
        assert_eq!(of(&[10, 0, 0, 10], Some("10m")), None);
        assert_eq!(of(&[10, 10, 0, 0, 0], Some("10m")), told("15m", "10m"));
    }
}
