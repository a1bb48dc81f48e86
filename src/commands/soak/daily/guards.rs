//! The two guards of a day: is it worse than the days before, and does the bot run with what was accepted?
#![warn(clippy::wildcard_enum_match_arm)]

use super::config::{AcceptedParameters, Side};
use super::day::{FIGURES, Figure, FigureKind};
use super::windows::RunWindows;
use crate::evidence::daily::report::{Baseline, NO_HISTORY, NONE, WatchedBuild};
use crate::judge::statistics::median;
use std::collections::{BTreeMap, BTreeSet};

/// What a guard says: its reason, or why it cannot say one, and what it was judged on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GuardAnswer {
    pub(super) reason: Result<String, String>,
    pub(super) notes: Vec<String>,
}

/// The days before, newest first: the value of each figure, where it has one.
pub(super) type History = Vec<[Option<f64>; 3]>;

/// How many days back are compared with.
pub(super) const HISTORY_DAYS: i64 = 7;
/// How much worse a figure may be, as a part of the median.
const MARGIN: f64 = 0.1;
/// With fewer days the answer says on how few.
const FEW: usize = 3;
/// What only rounding tells from the limit keeps it.
const SLACK: f64 = 1e-12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Kept,
    Regressed,
    NoHistory,
    Unknown,
}

/// Compares each figure with the median of the days that have a value.
pub(super) fn regression(
    figures: &[Figure; 3],
    history: &History,
) -> (GuardAnswer, BTreeMap<String, Baseline>) {
    let (mut notes, mut baselines, mut found) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (at, (kind, today)) in FIGURES.iter().zip(figures).enumerate() {
        let values: Vec<f64> = history.iter().filter_map(|day| day[at]).collect();
        let (days, middle) = (values.len(), median(&values));
        let limit = middle.map(|middle| limit(kind, middle));
        baselines.insert(kind.field.to_owned(), Baseline { median: middle, days, limit });
        let comparison = match (limit, today) {
            (_, Err(_)) => Comparison::Unknown,
            (None, Ok(_)) => Comparison::NoHistory,
            (Some(limit), Ok(today)) if is_kept(kind.side, *today, limit) => Comparison::Kept,
            (Some(_), Ok(_)) => Comparison::Regressed,
        };
        if let (Some(limit), Some(middle), Ok(today)) = (limit, middle, today)
            && comparison == Comparison::Regressed
        {
            notes.push(format!(
                "{}: {today} {} against a median of {middle} over {days} days, the limit is {limit}",
                kind.field, kind.unit
            ));
        } else if (1..FEW).contains(&days) {
            notes.push(format!("{}: judged on {days} of {HISTORY_DAYS} days alone", kind.field));
        }
        found.push((kind, comparison));
    }
    let first = |wanted: Comparison| found.iter().find(|(_, comparison)| *comparison == wanted);
    let reason = if let Some((kind, _)) = first(Comparison::Regressed) {
        Ok(kind.regression.to_owned())
    } else if let Some((kind, _)) = first(Comparison::Unknown) {
        Err(format!("{} of the day is not known, so it cannot be compared", kind.field))
    } else if let Some((kind, _)) = first(Comparison::NoHistory) {
        notes.push(format!("{}: none of the {HISTORY_DAYS} days before has a value", kind.field));
        Ok(NO_HISTORY.to_owned())
    } else {
        Ok(NONE.to_owned())
    };
    (GuardAnswer { reason, notes }, baselines)
}

/// What a figure must not pass: a tenth of the median worse than it, also where the median is below zero.
fn limit(kind: &FigureKind, median: f64) -> f64 {
    match kind.side {
        Side::AtLeast => median - MARGIN * median.abs(),
        Side::AtMost => median + MARGIN * median.abs(),
    }
}

pub(super) fn is_kept(side: Side, value: f64, limit: f64) -> bool {
    let slack = SLACK * limit.abs().max(value.abs());
    match side {
        Side::AtLeast => value >= limit - slack,
        Side::AtMost => value <= limit + slack,
    }
}

/// How far a parameter may be from the accepted value.
const TOLERANCE: f64 = 1e-9;
/// Differences that are told.
const ENOUGH: usize = 5;

/// Compares what the bot says of itself with what was accepted. A bot that says no parameters is judged by the hash of
/// its configuration alone.
pub(super) fn drift(
    accepted: &Result<AcceptedParameters, String>,
    runs: &[RunWindows],
    builds: &BTreeSet<WatchedBuild>,
) -> GuardAnswer {
    let unknown = |reason: String| GuardAnswer { reason: Err(reason), notes: Vec::new() };
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(reason) => return unknown(reason.clone()),
    };
    let windows = || runs.iter().flat_map(|run| &run.windows);
    if windows().next().is_none() {
        return unknown("no run of the day says its parameters".to_owned());
    }
    let has_params = windows().any(|window| !window.params.is_empty());
    let by_hash = !accepted.config_hash.is_empty();
    let by_params = has_params && !accepted.parameters.is_empty();
    if !by_hash && !by_params {
        let reason = if has_params {
            "neither a config_hash nor parameters were accepted"
        } else {
            "the bot says no parameters (mm_param), and no config_hash was accepted"
        };
        return unknown(reason.to_owned());
    }
    if by_hash && builds.is_empty() {
        return unknown("the bot does not say its config_hash (mm_build_info)".to_owned());
    }
    let said: BTreeSet<&String> = windows().flat_map(|window| window.params.keys()).collect();
    let silent = windows().flat_map(|window| window.members.keys()).find(|member| !said.contains(member));
    if let Some(member) = silent.filter(|_| !by_hash) {
        return unknown(format!("`{member}` says no parameters (mm_param), and no config_hash was accepted"));
    }
    let mut notes = Vec::new();
    let is_accepted = |build: &&WatchedBuild| accepted.config_hash.contains(&build.config_hash);
    let strange = builds.iter().filter(|build| by_hash && !is_accepted(build));
    notes.extend(strange.map(|build| format!("config_hash {} was not accepted", build.config_hash)));
    let is_other_config = !notes.is_empty();
    if by_params {
        let mut differences: Vec<String> = windows()
            .flat_map(|window| {
                // A member that says nothing in a window says it in another, or never.
                window.params.values().flat_map(|params| departures(&accepted.parameters, params))
            })
            .collect();
        differences.sort();
        differences.dedup();
        notes.extend(differences.into_iter().take(ENOUGH));
    }
    let reason = match (notes.is_empty(), is_other_config) {
        (true, _) => NONE,
        (false, true) => "DRIFT_CONFIG",
        (false, false) => "DRIFT_PARAMS",
    };
    if reason == NONE && !by_params {
        notes.push("judged by config_hash alone".to_owned());
    } else if reason == NONE && !by_hash {
        notes.push("judged by the parameters alone".to_owned());
    }
    GuardAnswer { reason: Ok(reason.to_owned()), notes }
}

fn departures(accepted: &BTreeMap<String, f64>, found: &BTreeMap<String, f64>) -> Vec<String> {
    let mut departures = Vec::new();
    for (name, wanted) in accepted {
        match found.get(name) {
            None => departures.push(format!("{name} is not said by the bot, accepted is {wanted}")),
            Some(value) if (value - wanted).abs() <= TOLERANCE => {}
            Some(value) => departures.push(format!("{name} is {value}, accepted is {wanted}")),
        }
    }
    let unknown = found.iter().filter(|(name, _)| !accepted.contains_key(*name));
    departures.extend(unknown.map(|(name, value)| format!("{name} is {value}, of which nothing was accepted")));
    departures
}
