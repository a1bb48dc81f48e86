//! How near a run is to another verdict: each gate with its value, limit and margin, and the limit at which its answer is
//! another. Every change is tried before it is told: the windows are judged again by it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::soak::verdict::{SoakFacts, SoakVerdict, verdict};
use crate::evidence::daily::report::SourceFile;
use crate::evidence::explanation::{Explanation, Flip, InputChange, RuleExplanation};
use crate::judge::gate::{Gate, GateProfile};
use crate::judge::record::GateResult;
use crate::judge::verdict::{GateState, RunVerdict};
use serde_json::json;

/// By how much of itself a limit is moved beyond a value, so that the value breaks it.
const BEYOND: f64 = 1e-9;

/// What a verdict is explained from.
pub(super) struct Explained<'a> {
    pub(super) facts: &'a SoakFacts,
    pub(super) profile: &'a GateProfile,
    /// The file that has the gates, or would have them.
    pub(super) gates_file: String,
    pub(super) source: SourceFile,
}

/// Which bound of a gate is moved, and where to.
#[derive(Clone, Copy, Debug)]
struct Change {
    is_upper: bool,
    to: f64,
}

impl Change {
    fn made_in(self, gate: &Gate) -> Gate {
        let mut changed = gate.clone();
        *(if self.is_upper { &mut changed.at_most } else { &mut changed.at_least }) = Some(self.to);
        changed
    }
}

impl Explained<'_> {
    pub(super) fn explanation(&self) -> Explanation {
        let gates =
            || self.profile.gates.iter().map(|(name, gate)| (name, gate, &self.facts.judgement.gates[name]));
        let flips: Vec<(&String, Option<Change>)> =
            gates().map(|(name, gate, found)| (name, self.flip(name, gate, found))).collect();
        let rules = gates().zip(&flips).map(|((name, gate, found), (_, flip))| {
            let limit = gate.condition();
            let margin = found.outcome.actual.map(|value| margin(gate, value));
            RuleExplanation {
                rule: name.clone(),
                value: json!(found.outcome.actual),
                limit,
                margin,
                n: found.outcome.judged as usize,
                of: found.outcome.windows as usize,
                holds: found.pass,
                sources: vec![self.source.clone()],
                flip: flip.iter().map(|change| self.input_change(name, gate, *change)).collect(),
            }
        });
        Explanation { rules: rules.collect(), flip: self.of_all(&flips), missing: Vec::new() }
    }

    /// The answers of all gates once one or more are changed.
    fn after(&self, changes: &[(&String, Change)]) -> SoakFacts {
        let mut profile = self.profile.clone();
        for (name, change) in changes {
            if let Some(gate) = profile.gates.get_mut(*name) {
                *gate = change.made_in(gate);
            }
        }
        let mut facts = self.facts.clone();
        facts.judgement = facts.ledger.judge(&profile);
        facts
    }

    /// The limit nearest to the present one at which the answer of the gate is another; none where no limit is.
    fn flip(&self, name: &String, gate: &Gate, found: &GateResult) -> Option<Change> {
        let is_known = match found.outcome.state {
            GateState::Pass | GateState::SoftFail | GateState::HardFail => true,
            GateState::Warmup | GateState::Partial | GateState::NoData | GateState::ToolError => false,
        };
        if !is_known {
            return None;
        }
        let windows = self.facts.ledger.windows_of(&gate.kpi).into_iter().flat_map(|(_, windows)| windows);
        let mut values: Vec<f64> =
            windows.filter_map(|window| gate.used(window)).chain(found.outcome.actual).collect();
        let mut tried = Vec::new();
        for (is_upper, bound) in [(true, gate.at_most), (false, gate.at_least)] {
            let Some(bound) = bound else { continue };
            // A gate that holds is broken by a limit just beyond a value, one that is broken holds at a value.
            let side = if is_upper { -1.0 } else { 1.0 };
            let at =
                |value: f64| if found.pass { value + side * BEYOND * value.abs().max(BEYOND) } else { value };
            values.sort_by(|one, other| (one - bound).abs().total_cmp(&(other - bound).abs()));
            let flips = |value: f64| {
                let change = Change { is_upper, to: at(value) };
                let after = self.after_one(name, change);
                (after.is_some_and(|pass| pass != found.pass)).then_some((change, (at(value) - bound).abs()))
            };
            let is_candidate = |value: &f64| {
                let is_above = *value > bound;
                // The limit moves towards the values of a gate that holds, and away for one that is broken.
                is_above == (is_upper != found.pass)
            };
            let candidates: Vec<f64> = values.iter().copied().filter(is_candidate).collect();
            tried.extend(nearest(&candidates, flips));
        }
        tried.into_iter().min_by(|one, other| one.1.total_cmp(&other.1)).map(|(change, _)| change)
    }

    /// Whether a gate holds once it is changed.
    fn after_one(&self, name: &String, change: Change) -> Option<bool> {
        let gate = change.made_in(self.profile.gates.get(name)?);
        let gates = std::iter::once((name.clone(), gate)).collect();
        let judgement = self.facts.ledger.judge(&GateProfile { gates, ..GateProfile::default() });
        judgement.gates.get(name).map(|found| found.pass)
    }

    fn input_change(&self, name: &str, gate: &Gate, change: Change) -> InputChange {
        let (bound, from) =
            if change.is_upper { ("at_most", gate.at_most) } else { ("at_least", gate.at_least) };
        InputChange {
            path: self.gates_file.clone(),
            place: format!("root.profiles.{}.gates.{name}.{bound}", self.facts.profile),
            from: json!(from),
            to: json!(change.to),
        }
    }

    /// The changes after which the verdict is another: of a pass that of the required gate which is nearest to its limit,
    /// of a fail those of all gates that are broken.
    fn of_all(&self, flips: &[(&String, Option<Change>)]) -> Flip {
        let now = verdict(self.facts);
        let found = |name: &str| &self.facts.judgement.gates[name];
        let all = flips.iter().filter_map(|(name, change)| Some((*name, (*change)?)));
        let size = |(name, change): &(&String, Change)| {
            let limit = found(name).threshold;
            (change.to - limit).abs() / limit.abs().max(f64::MIN_POSITIVE)
        };
        let chosen: Vec<(&String, Change)> = match now {
            SoakVerdict::Judged(RunVerdict::Pass) => all
                .filter(|(name, _)| found(name).required)
                .min_by(|one, other| size(one).total_cmp(&size(other)))
                .into_iter()
                .collect(),
            SoakVerdict::Judged(RunVerdict::Fail | RunVerdict::Inconclusive)
            | SoakVerdict::Interrupted { .. } => {
                all.filter(|(name, _)| !found(name).pass && found(name).required).collect()
            }
        };
        let after = verdict(&self.after(&chosen));
        let as_str = |verdict: SoakVerdict| match verdict {
            SoakVerdict::Judged(verdict) => verdict.as_str(),
            SoakVerdict::Interrupted { .. } => "INTERRUPTED",
        };
        if after != now {
            let change = |(name, change): (&String, Change)| {
                self.input_change(name, &self.profile.gates[name], change)
            };
            let changes = chosen.into_iter().map(change).collect();
            return Flip { verdict: as_str(after).to_owned(), changes, obstacles: Vec::new() };
        }
        let obstacles = self.facts.judgement.gates.iter().filter(|(_, gate)| !gate.pass && gate.required);
        let obstacles =
            obstacles.filter_map(|(name, gate)| Some(format!("{name}: {}", gate.outcome.reason.as_ref()?)));
        let conditions = self.facts.judgement.conditions.iter().filter(|one| one.verdict != RunVerdict::Pass);
        let conditions = conditions.map(|condition| format!("{}: {}", condition.name, condition.note));
        Flip {
            verdict: as_str(now).to_owned(),
            changes: Vec::new(),
            obstacles: obstacles.chain(conditions).collect(),
        }
    }
}

/// How far a value lies on the good side of the nearest bound.
fn margin(gate: &Gate, value: f64) -> f64 {
    let above = gate.at_most.map(|most| most - value);
    let below = gate.at_least.map(|least| value - least);
    above.into_iter().chain(below).fold(f64::INFINITY, f64::min)
}

/// The first of the values, nearest first, that flips; what is further away flips as well.
fn nearest<T>(values: &[f64], flips: impl Fn(f64) -> Option<T>) -> Option<T> {
    let at = values.partition_point(|value| flips(*value).is_none());
    values.get(at).and_then(|value| flips(*value))
}
