//! The drift guard of a day: does the bot run with what was accepted?
#![warn(clippy::wildcard_enum_match_arm)]

use super::config::AcceptedParameters;
use super::guards::GuardAnswer;
use super::windows::{RunWindows, Window};
use crate::evidence::daily::report::{NONE, WatchedBuild};
use crate::format::{duration, number};
use std::collections::{BTreeMap, BTreeSet};

/// How far a parameter may be from the accepted value.
const TOLERANCE: f64 = 1e-9;
/// Differences that are told.
const ENOUGH: usize = 5;

/// Compares what the bot says of itself with what was accepted. A bot that says no parameters is judged by the hash of
/// its configuration alone.
///
/// Parameters that were seen for an hour say nothing of the rest: they must be there in the first window of the day and
/// in the last, and for as long as must be seen of it, of each member.
pub(super) fn drift(
    accepted: &Result<AcceptedParameters, String>,
    runs: &[RunWindows],
    builds: &BTreeSet<WatchedBuild>,
    min_secs: f64,
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
    if notes.is_empty()
        && params.is_some()
        && let Some(reason) = unseen_parameters(runs, min_secs)
    {
        return unknown(reason);
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

/// Why the parameters are not known through the day, where they are not.
fn unseen_parameters(runs: &[RunWindows], min_secs: f64) -> Option<String> {
    let windows = || {
        let mut windows: Vec<(&Window, f64)> = Vec::new();
        for run in runs {
            windows.extend(run.windows.iter().map(|window| (window, f64::from(run.shape.window_secs))));
        }
        windows
    };
    let members: BTreeSet<&String> = windows().iter().flat_map(|(window, _)| window.params.keys()).collect();
    members.into_iter().find_map(|member| {
        // A member counts from when it was first there.
        let is_there = |window: &Window| window.members.contains_key(member);
        let of_member: Vec<_> = windows().into_iter().filter(|(window, _)| is_there(window)).collect();
        let says = |window: &Window| window.params.contains_key(member);
        let name = if member.is_empty() { "the bot".to_owned() } else { format!("`{member}`") };
        let ends = [of_member.first(), of_member.last()].into_iter().flatten();
        if let Some((window, _)) = ends.into_iter().find(|(window, _)| !says(window)) {
            return Some(format!("{name} does not say its parameters (mm_param) at {}", window.from));
        }
        let seen: f64 = of_member.iter().filter(|(window, _)| says(window)).map(|(_, secs)| secs).sum();
        let there: f64 = of_member.iter().map(|(_, secs)| secs).sum();
        let needed = min_secs.min(there);
        (seen < needed).then(|| {
            let [seen, needed] = [seen, needed].map(duration::text);
            format!(
                "{name} says its parameters (mm_param) for {seen} of the day, at least {needed} are needed"
            )
        })
    })
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

    fn accepted(hashes: Option<&[&str]>, params: Option<&[(&str, f64)]>) -> AcceptedParameters {
        AcceptedParameters {
            config_hash: hashes.map(|hashes| hashes.iter().map(ToString::to_string).collect()),
            parameters: params
                .map(|params| params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()),
        }
    }

    fn builds(hashes: &[&str]) -> BTreeSet<WatchedBuild> {
        let build = |hash: &&str| WatchedBuild { version: "1".to_owned(), config_hash: (*hash).to_owned() };
        hashes.iter().map(build).collect()
    }

    const AGE: [(&str, f64); 1] = [("tail_age_ms", 600.0)];

    #[test]
    fn parameters_are_known_that_are_seen_through_the_day() {
        let both = Ok(accepted(Some(&["a"]), Some(&AGE)));
        let table = [
            (
                "seen at its end alone",
                vec![run(&[]), run(&AGE), run(&AGE)],
                Err("does not say its parameters (mm_param) at"),
            ),
            (
                "seen at its begin alone",
                vec![run(&AGE), run(&AGE), run(&[])],
                Err("does not say its parameters (mm_param) at"),
            ),
            ("as often as is needed", vec![run(&AGE), run(&[]), run(&[]), run(&AGE)], Ok("NONE")),
            (
                "another value, and too seldom",
                vec![run(&[]), run(&[("tail_age_ms", 1.0)])],
                Ok("DRIFT_PARAMS"),
            ),
        ];
        for (what, runs, expected) in table {
            let found = drift(&both, &runs, &builds(&["a"]), 600.0).reason;
            match expected {
                Ok(expected) => assert_eq!(found.as_deref(), Ok(expected), "{what}"),
                Err(part) => {
                    assert!(found.as_ref().is_err_and(|reason: &String| reason.contains(part)), "{what}");
                }
            }
        }
        let seldom = drift(&both, &[run(&AGE), run(&[]), run(&[]), run(&AGE)], &builds(&["a"]), 900.0);
        let reason = seldom.reason.expect_err("too seldom");
        assert_eq!(
            reason,
            "the bot says its parameters (mm_param) for 10m of the day, at least 15m are needed"
        );
    }

    #[test]
    fn the_bot_must_run_with_what_was_accepted() {
        let (age, both) = (AGE, accepted(Some(&["a", "b"]), Some(&AGE)));
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
            let found = drift(&Ok(accepted), &runs, &builds, 600.0).reason;
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{what}"),
                (Err(found), Err(part)) => assert!(found.contains(part), "{what}: {found}"),
                (found, expected) => panic!("{what}: {found:?}, not {expected:?}"),
            }
        }
        let missing = drift(&Err("it is not there".to_owned()), &[run(&age)], &builds(&["a"]), 600.0);
        assert_eq!(missing.reason, Err("it is not there".to_owned()));
    }
}
