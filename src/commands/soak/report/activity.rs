//! What was done to the parameters of a run, and which guards held something back.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::soak::trail::ParametersInForce;
use crate::judge::record::legacy::LegacySummary;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The guards of the earlier toolkit.
const GUARDS: [&str; 4] = ["cooldown", "freeze", "oscillation", "velocity"];

/// Tuning and guards over the whole run.
#[derive(Clone, Debug, Default)]
pub(in crate::commands::soak) struct Activity {
    /// The iterations that each guard acted in.
    pub(in crate::commands::soak) guards: BTreeMap<String, Vec<u32>>,
    /// Why proposed changes were not made, and when.
    pub(super) skipped: BTreeMap<String, Vec<u32>>,
    /// Iterations whose proposal was applied.
    pub(super) applied: Vec<u32>,
    /// Iterations that proposed something.
    pub(super) proposed: Vec<u32>,
    /// Parameters that were changed.
    pub(super) changed_keys: BTreeSet<String>,
    /// What the bot reported as changed.
    pub(super) changes: Vec<ParameterChange>,
    /// Iterations that do not say what was tuned, or are missing.
    pub(super) silent: Vec<u32>,
    /// Whether the subsystems were frozen when the run ended; not known where its end does not say.
    pub(super) is_frozen: Option<bool>,
    /// Maker volume and all volume of the last iterations, where each says both.
    pub(super) volume: Option<(f64, f64)>,
}

/// A parameter that the bot reported with another value than an iteration before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ParameterChange {
    pub(super) iteration: u32,
    /// The member, where members are watched one by one.
    pub(super) member: String,
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// Whether a run was tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tuning {
    /// Nothing was, and every iteration says so.
    Not,
    /// Something was applied.
    Applied,
    /// Parameters changed, and nothing says who asked for it.
    Changed,
    /// Some iterations do not say.
    Unknown,
}

impl Activity {
    pub(super) fn tuning(&self) -> Tuning {
        match (self.applied.is_empty(), self.changes.is_empty(), self.silent.is_empty()) {
            (false, _, _) => Tuning::Applied,
            (true, false, _) => Tuning::Changed,
            (true, true, false) => Tuning::Unknown,
            (true, true, true) => Tuning::Not,
        }
    }

    /// Of a run of ours, in which nothing is tuned: what the bot says of its parameters.
    pub(super) fn of_parameters(windows: &[ParametersInForce]) -> Self {
        let mut changes = Vec::new();
        for pair in windows.windows(2) {
            let [before, after] = pair else { continue };
            let iteration = after.iteration;
            changes.extend(differences("", &before.parameters, &after.parameters, iteration));
            for (member, parameters) in &*after.members {
                if let Some(before) = before.members.get(member) {
                    changes.extend(differences(member, before, parameters, iteration));
                }
            }
        }
        let changed_keys = changes.iter().map(|change| change.name.clone()).collect();
        Self { changes, changed_keys, is_frozen: Some(false), ..Self::default() }
    }

    /// Of a run of the earlier toolkit; `last` are the numbers of its last iterations.
    pub(super) fn of_summaries(summaries: &[LegacySummary], missing: &[u32], last: &[u32]) -> Self {
        let mut activity = Self { silent: missing.to_vec(), ..Self::default() };
        for summary in summaries {
            activity.add(summary.iteration, &summary.document["tuning"]);
        }
        activity.silent.sort_unstable();
        let end = summaries.last().map(|summary| &summary.document["tuning"]).filter(|end| end.is_object());
        activity.is_frozen = end.map(|tuning| tuning["skip_reason"]["freeze"] == true);
        activity.volume = volume(summaries, last);
        activity
    }

    fn add(&mut self, iteration: u32, tuning: &Value) {
        let Some(applied) = tuning.get("applied").and_then(Value::as_bool) else {
            self.silent.push(iteration);
            return;
        };
        let proposed = ["proposed_deltas", "deltas", "suggested_deltas"];
        let proposed = proposed.into_iter().find_map(|name| tuning.get(name)?.as_object());
        if proposed.is_some_and(|proposed| !proposed.is_empty()) {
            self.proposed.push(iteration);
        }
        if applied {
            self.applied.push(iteration);
            let keys = tuning.get("changed_keys").and_then(Value::as_array).into_iter().flatten();
            self.changed_keys.extend(keys.filter_map(Value::as_str).map(str::to_owned));
            return;
        }
        let skip = &tuning["skip_reason"];
        let text = skip.as_str().or_else(|| skip.get("note")?.as_str()).unwrap_or_default().to_owned();
        let names_guard = |guard: &&str| match skip.as_str() {
            Some(text) => text.contains(*guard),
            None => skip[*guard] == true,
        };
        let guards: Vec<&str> = GUARDS.into_iter().filter(names_guard).collect();
        for guard in guards {
            self.guards.entry(guard.to_owned()).or_default().push(iteration);
        }
        if !text.is_empty() {
            self.skipped.entry(text).or_default().push(iteration);
        }
    }
}

fn differences(
    member: &str,
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
    iteration: u32,
) -> Vec<ParameterChange> {
    let change = |(name, to): (&String, &f64)| {
        let from = *before.get(name)?;
        let (member, name) = (member.to_owned(), name.clone());
        (from != *to).then_some(ParameterChange { iteration, member, name, from, to: *to })
    };
    after.iter().filter_map(change).collect()
}

fn volume(summaries: &[LegacySummary], last: &[u32]) -> Option<(f64, f64)> {
    let mut sums = (0.0, 0.0);
    for summary in summaries.iter().filter(|summary| last.contains(&summary.iteration)) {
        let fills = &summary.document["summary"]["fills"];
        let (maker, taker) = (fills["maker_volume"].as_f64()?, fills["taker_volume"].as_f64()?);
        sums = (sums.0 + maker, sums.1 + maker + taker);
    }
    (sums.1 > 0.0).then_some(sums)
}

/// The parameters that all members reported all the time from `begin` on; none where they changed, differ, or were
/// not reported.
pub(super) fn in_force(windows: &[ParametersInForce], begin: u32) -> Option<BTreeMap<String, f64>> {
    let recent = windows.iter().filter(|window| window.iteration >= begin);
    let mut reported = recent.flat_map(|window| {
        let whole = window.members.is_empty().then_some(&*window.parameters);
        window.members.values().chain(whole)
    });
    let first = reported.next()?;
    (!first.is_empty() && reported.all(|other| other == first)).then(|| first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn summary(iteration: u32, tuning: &Value) -> LegacySummary {
        LegacySummary { iteration, document: json!({"tuning": tuning}) }
    }

    #[test]
    fn what_was_applied_held_back_or_not_said_is_told_apart() {
        let blocked = |guard: &str| json!({"applied": false, "skip_reason": {guard: true, "note": "no"}});
        let summaries = [
            summary(1, &json!({"applied": true, "deltas": {"a": 1}, "changed_keys": ["a"]})),
            summary(3, &blocked("velocity")),
            summary(4, &json!({"applied": false, "skip_reason": "cooldown of 2"})),
            summary(5, &json!({})),
            summary(6, &blocked("freeze")),
        ];
        let activity = Activity::of_summaries(&summaries, &[2], &[]);
        let acted: Vec<String> = activity.guards.iter().map(|(name, at)| format!("{name} {at:?}")).collect();
        assert_eq!(acted, ["cooldown [4]", "freeze [6]", "velocity [3]"]);
        assert_eq!((activity.applied.as_slice(), activity.silent.as_slice()), (&[1][..], &[2, 5][..]));
        assert_eq!((activity.is_frozen, activity.tuning()), (Some(true), Tuning::Applied));
        let calm = [summary(1, &json!({"applied": false, "skip_reason": ""}))];
        assert_eq!(Activity::of_summaries(&calm, &[], &[]).tuning(), Tuning::Not);
        assert_eq!(Activity::of_summaries(&calm, &[2], &[]).tuning(), Tuning::Unknown);
        assert_eq!(Activity::of_summaries(&[summary(1, &json!(null))], &[], &[]).is_frozen, None);
    }

    #[test]
    fn parameters_that_the_bot_reports_otherwise_were_changed() {
        let window = |iteration: u32, value: f64| ParametersInForce {
            iteration,
            parameters: BTreeMap::from([("tail_age_ms".to_owned(), value)]).into(),
            members: BTreeMap::new().into(),
        };
        let windows = [window(1, 600.0), window(2, 600.0), window(3, 650.0)];
        let activity = Activity::of_parameters(&windows);
        assert_eq!(activity.tuning(), Tuning::Changed);
        assert_eq!((activity.changes[0].iteration, activity.changes[0].from), (3, 600.0));
        assert_eq!(Activity::of_parameters(&windows[..2]).tuning(), Tuning::Not);
        assert_eq!(in_force(&windows, 2), None);
        assert_eq!(in_force(&windows, 3).expect("constant")["tail_age_ms"], 650.0);
        assert_eq!(in_force(&[ParametersInForce::default()], 0), None);
    }
}
