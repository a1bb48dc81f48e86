//! The two guards of a day: is it worse than the days before, and does the bot run with what was accepted?
#![warn(clippy::wildcard_enum_match_arm)]

use super::config::AcceptedParameters;
use super::day::{FIGURES, Figure, FigureKind};
use super::windows::RunWindows;
use crate::evidence::daily::Side;
use crate::evidence::daily::report::{Baseline, NO_HISTORY, NONE, WatchedBuild};
use crate::format::number;
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
pub(super) const HISTORY_DAYS: usize = 7;
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
                "{}: {} {} against a median of {} over {days} days, the limit is {}",
                kind.field,
                number::text(*today),
                kind.unit,
                number::text(middle),
                number::text(limit)
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
    // What is left out is not compared; a list of nothing accepts nothing.
    let hashes = accepted.config_hash.as_ref();
    let params = accepted.parameters.as_ref().filter(|_| has_params);
    let (by_hash, by_params) = (hashes.is_some(), params.is_some());
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
    let is_strange = |build: &&WatchedBuild| hashes.is_some_and(|known| !known.contains(&build.config_hash));
    let strange = builds.iter().filter(is_strange);
    notes.extend(strange.map(|build| format!("config_hash {} was not accepted", build.config_hash)));
    let is_other_config = !notes.is_empty();
    if let Some(params) = params {
        let mut differences: Vec<String> = windows()
            .flat_map(|window| {
                // A member that says nothing in a window says it in another, or never.
                window.params.values().flat_map(|found| departures(params, found))
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
            None => {
                let wanted = number::text(*wanted);
                departures.push(format!("{name} is not said by the bot, accepted is {wanted}"));
            }
            Some(value) if (value - wanted).abs() <= TOLERANCE => {}
            Some(value) => {
                let [value, wanted] = [*value, *wanted].map(number::text);
                departures.push(format!("{name} is {value}, accepted is {wanted}"));
            }
        }
    }
    let unknown = found.iter().filter(|(name, _)| !accepted.contains_key(*name));
    let untold = |(name, value): (&String, &f64)| {
        format!("{name} is {}, of which nothing was accepted", number::text(*value))
    };
    departures.extend(unknown.map(untold));
    departures
}

#[cfg(test)]
mod tests {
    use super::super::windows::run;
    use super::*;

    fn of(today: [f64; 3], history: &[[f64; 3]]) -> (String, usize) {
        let history: History = history.iter().map(|day| day.map(Some)).collect();
        let (answer, _) = regression(&today.map(Ok), &history);
        (answer.reason.expect("known"), answer.notes.len())
    }

    /// Edge, order age and taker share of a day against the days before, the recorded pairs of the earlier toolkit
    /// among them.
    #[test]
    fn a_day_a_tenth_worse_than_the_median_is_a_regression() {
        let base = [3.0, 300.0, 12.0];
        let table: [([f64; 3], Vec<[f64; 3]>, &str); 14] = [
            ([2.0, 400.0, 15.0], vec![[2.939, 302.1, 12.0]; 7], "EDGE_REG"),
            // Exactly a tenth.
            ([2.7, 330.0, 13.2], vec![base; 7], "NONE"),
            ([2.699, 330.0, 13.2], vec![base; 7], "EDGE_REG"),
            ([2.7, 330.1, 13.2], vec![base; 7], "LAT_REG"),
            ([2.7, 330.0, 13.21], vec![base; 7], "TAKER_REG"),
            ([9.0, 10.0, 0.0], vec![base; 7], "NONE"),
            (base, Vec::new(), "NO_HISTORY"),
            (base, vec![base], "NONE"),
            ([2.0, 300.0, 12.0], vec![base], "EDGE_REG"),
            // The median: one wild day of the seven moves nothing, where the mean would.
            ([2.8, 300.0, 12.0], [vec![[30.0, 300.0, 12.0]], vec![base; 6]].concat(), "NONE"),
            // A loss that grows is a regression as well: a tenth of 2 is allowed, not more.
            ([-2.2, 300.0, 12.0], vec![[-2.0, 300.0, 12.0]; 7], "NONE"),
            ([-2.3, 300.0, 12.0], vec![[-2.0, 300.0, 12.0]; 7], "EDGE_REG"),
            ([0.0, 300.0, 0.0], vec![[0.0, 300.0, 0.0]; 7], "NONE"),
            ([-0.1, 300.0, 0.0], vec![[0.0, 300.0, 0.0]; 7], "EDGE_REG"),
        ];
        for (today, history, expected) in table {
            assert_eq!(of(today, &history).0, expected, "{today:?} {history:?}");
        }
    }

    #[test]
    fn fewer_than_three_days_are_told() {
        let base = [3.0, 300.0, 12.0];
        for (days, notes) in [(1, 3), (2, 3), (3, 0), (7, 0)] {
            assert_eq!(of(base, &vec![base; days]).1, notes, "{days}");
        }
    }

    #[test]
    fn what_is_not_known_cannot_be_compared_unless_another_figure_is_a_regression() {
        let history: History = vec![[Some(3.0), Some(300.0), None]; 7];
        let unknown = || Err("unknown".to_owned());
        let reason = |today: [Figure; 3]| regression(&today, &history).0.reason;
        assert!(reason([Ok(3.0), unknown(), Ok(12.0)]).expect_err("unknown").contains("order_age_p95_ms"));
        assert_eq!(reason([Ok(2.0), unknown(), Ok(12.0)]), Ok("EDGE_REG".to_owned()));
        // None of the days has a taker share.
        assert_eq!(reason([Ok(3.0), Ok(300.0), Ok(12.0)]), Ok("NO_HISTORY".to_owned()));
    }

    #[test]
    fn the_bot_must_run_with_what_was_accepted() {
        let accepted = |hashes: Option<&[&str]>, params: Option<&[(&str, f64)]>| AcceptedParameters {
            config_hash: hashes.map(|hashes| hashes.iter().map(ToString::to_string).collect()),
            parameters: params
                .map(|params| params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()),
        };
        let builds = |hashes: &[&str]| -> BTreeSet<WatchedBuild> {
            let build =
                |hash: &&str| WatchedBuild { version: "1".to_owned(), config_hash: (*hash).to_owned() };
            hashes.iter().map(build).collect()
        };
        let age = [("tail_age_ms", 600.0)];
        let both = accepted(Some(&["a", "b"]), Some(&age));
        let table = [
            ("all as accepted", both.clone(), vec![run(&age)], builds(&["a"]), Ok("NONE")),
            ("both hashes are", both.clone(), vec![run(&age)], builds(&["a", "b"]), Ok("NONE")),
            ("another hash", both.clone(), vec![run(&age)], builds(&["a", "c"]), Ok("DRIFT_CONFIG")),
            (
                "another value",
                both.clone(),
                vec![run(&[("tail_age_ms", 600.001)])],
                builds(&["a"]),
                Ok("DRIFT_PARAMS"),
            ),
            (
                "rounding",
                both.clone(),
                vec![run(&[("tail_age_ms", 600.0 + 1e-10)])],
                builds(&["a"]),
                Ok("NONE"),
            ),
            (
                "one that nobody accepted",
                both.clone(),
                vec![run(&[age[0], ("x", 1.0)])],
                builds(&["a"]),
                Ok("DRIFT_PARAMS"),
            ),
            (
                "one that is not said",
                both.clone(),
                vec![run(&[("x", 1.0)])],
                builds(&["a"]),
                Ok("DRIFT_PARAMS"),
            ),
            (
                "later in the day",
                both.clone(),
                vec![run(&age), run(&[("tail_age_ms", 1.0)])],
                builds(&["a"]),
                Ok("DRIFT_PARAMS"),
            ),
            ("no parameters: the hash alone", both.clone(), vec![run(&[])], builds(&["a"]), Ok("NONE")),
            ("no parameters, another hash", both.clone(), vec![run(&[])], builds(&["c"]), Ok("DRIFT_CONFIG")),
            ("no build", both.clone(), vec![run(&age)], builds(&[]), Err("does not say its config_hash")),
            ("parameters alone", accepted(None, Some(&age)), vec![run(&age)], builds(&["c"]), Ok("NONE")),
            ("the hash alone", accepted(Some(&["a"]), None), vec![run(&age)], builds(&["a"]), Ok("NONE")),
            (
                "no hash is accepted",
                accepted(Some(&[]), Some(&age)),
                vec![run(&age)],
                builds(&["a"]),
                Ok("DRIFT_CONFIG"),
            ),
            (
                "no parameter is accepted",
                accepted(Some(&["a"]), Some(&[])),
                vec![run(&age)],
                builds(&["a"]),
                Ok("DRIFT_PARAMS"),
            ),
            (
                "nothing to go by",
                accepted(None, Some(&age)),
                vec![run(&[])],
                builds(&["c"]),
                Err("no config_hash was accepted"),
            ),
            (
                "nothing accepted",
                accepted(None, None),
                vec![run(&age)],
                builds(&["c"]),
                Err("neither a config_hash"),
            ),
            ("no run", both, vec![], builds(&[]), Err("no run of the day")),
        ];
        for (what, accepted, runs, builds, expected) in table {
            let found = drift(&Ok(accepted), &runs, &builds).reason;
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{what}"),
                (Err(found), Err(part)) => assert!(found.contains(part), "{what}: {found}"),
                (found, expected) => panic!("{what}: {found:?}, not {expected:?}"),
            }
        }
        let missing = drift(&Err("it is not there".to_owned()), &[run(&age)], &builds(&["a"]));
        assert_eq!(missing.reason, Err("it is not there".to_owned()));
    }
}
