//! What one run has to do with the one before it: the same process lived on, or it was started anew while nobody looked.
#![warn(clippy::wildcard_enum_match_arm)]

use super::windows::{LivesOfRun, RunShape, RunWindows, times};
use crate::commands::soak::plan::SampleSource;
use crate::evidence::daily::report::ToldChange;
use crate::judge::kpi::{DataState, LifeBegin, Measure, Measurement};
use crate::judge::record::Iteration;
use jiff::Timestamp;

/// A run that ended before the day, as its journal has it: that day has judged it, and it is not replayed.
#[derive(Clone, Debug)]
pub(super) struct EarlierRun {
    pub(super) origin: SampleSource,
    pub(super) shape: RunShape,
    pub(super) iterations: Vec<Iteration>,
}

/// A run before another one, whether it ended before the day or on it.
struct Predecessor<'a> {
    ended: Timestamp,
    shape: &'a RunShape,
    lives: LivesOfRun,
    iterations: Vec<&'a Iteration>,
}

/// Puts before each run what was recorded of the same lives in the runs before it, and counts in its first window how
/// often a process was started anew since the run before it on the same day. Runs of a simulation have bots of their
/// own.
pub(super) fn join(runs: &mut [RunWindows], earlier: &[EarlierRun], told: &[ToldChange]) {
    runs.sort_by_key(|run| run.span().map(|(from, _)| from));
    let mut found = Vec::new();
    for run in runs.iter() {
        let (mut before, mut restarts) = (Vec::new(), Vec::new());
        let mut known = predecessors(run, runs, earlier);
        if let Some(last) =
            known.last().filter(|last| run.span().is_some_and(|(from, _)| last.is_of_day(runs, from)))
        {
            restarts = restarted(&last.lives, &run.lives, told);
        }
        // As far back as it is the same life.
        let mut first = run.lives.clone();
        while let Some(last) = known.pop() {
            if *last.shape != run.shape || !is_same_life(&last.lives, &first) {
                break;
            }
            before.splice(0..0, last.iterations.iter().map(|iteration| (*iteration).clone()));
            first = last.lives;
        }
        found.push((before, restarts));
    }
    for (run, (mut before, restarts)) in runs.iter_mut().zip(found) {
        before.append(&mut run.before);
        run.before = before;
        for member in restarts {
            count_restart(run, &member);
        }
    }
}

/// The runs of the same address that ended before this one began, the latest last.
fn predecessors<'a>(
    run: &RunWindows,
    runs: &'a [RunWindows],
    earlier: &'a [EarlierRun],
) -> Vec<Predecessor<'a>> {
    let Some((began, _)) = run.before.first().or(run.iterations.first()).and_then(times) else {
        return Vec::new();
    };
    if run.origin.is_simulated() {
        return Vec::new();
    }
    let of_day = runs.iter().filter(|other| other.origin == run.origin).map(|other| {
        (&other.shape, other.before.iter().chain(&other.iterations).collect::<Vec<&Iteration>>())
    });
    let of_earlier = earlier.iter().filter(|other| other.origin == run.origin);
    let of_earlier = of_earlier.map(|other| (&other.shape, other.iterations.iter().collect()));
    let known = of_day.chain(of_earlier).filter_map(|(shape, iterations)| {
        let (_, ended) = times(iterations.last()?)?;
        let lives = LivesOfRun::of(iterations.iter().copied());
        (ended <= began).then_some(Predecessor { ended, shape, lives, iterations })
    });
    let mut known: Vec<Predecessor> = known.collect();
    known.sort_by_key(|run| run.ended);
    known
}

impl Predecessor<'_> {
    /// Whether it is one of the runs of the day.
    fn is_of_day(&self, runs: &[RunWindows], began: Timestamp) -> bool {
        let ends = runs.iter().filter_map(|run| Some(run.span()?.1));
        self.ended <= began && ends.into_iter().any(|ended| ended == self.ended)
    }
}

/// Members whose process was started anew, once for each: its start time is another. Another version that was told has
/// to be.
fn restarted(before: &LivesOfRun, after: &LivesOfRun, told: &[ToldChange]) -> Vec<String> {
    let is_told = |one: &LifeBegin, other: &LifeBegin| {
        let versions = one.build.as_ref().zip(other.build.as_ref());
        versions.is_some_and(|(one, other)| {
            told.iter().any(|change| change.from == one.version && change.to == other.version)
        })
    };
    let known = after.first.iter().filter_map(|(key, next)| Some((key, before.last.get(key)?, next)));
    let anew = known.filter(|(_, last, next)| {
        let started = last.started_at_secs.zip(next.started_at_secs);
        started.is_some_and(|(last, next)| last.to_bits() != next.to_bits()) && !is_told(last, next)
    });
    anew.map(|((member, _), ..)| member.clone()).collect()
}

/// Whether every process says that it has lived since before.
fn is_same_life(before: &LivesOfRun, after: &LivesOfRun) -> bool {
    let is_same = |(key, next): (&(String, String), &LifeBegin)| {
        let last = before.last.get(key).and_then(|last| last.started_at_secs);
        last.is_some() && last.map(f64::to_bits) == next.started_at_secs.map(f64::to_bits)
    };
    !after.first.is_empty() && after.first.iter().all(is_same)
}

/// Adds a restart to what the first window of a run counted, where it was known.
fn count_restart(run: &mut RunWindows, member: &str) {
    let Some(first) = run.iterations.first_mut() else { return };
    let kpis = match first.members.get_mut(member) {
        Some(member) => &mut member.kpis,
        None => &mut first.kpis,
    };
    for (name, definition) in &run.definitions {
        if !matches!(definition.measure, Measure::Restarts) {
            continue;
        }
        if let Some(Measurement {
            value: Some(value), state: DataState::Measured | DataState::Partial, ..
        }) = kpis.get_mut(name)
        {
            *value += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::windows::run;
    use super::*;
    use crate::judge::kpi::{Build, KpiDefinition, LifeCause};
    use std::collections::BTreeMap;

    fn begin(started: f64, version: &str) -> LifeBegin {
        LifeBegin {
            process: String::new(),
            seen_at: String::new(),
            started_at_secs: Some(started),
            build: Some(Build { version: version.to_owned(), config_hash: "a".to_owned() }),
            cause: LifeCause::FirstSeen,
        }
    }

    fn iteration(hour: u32, lives: &[LifeBegin]) -> Iteration {
        Iteration {
            iteration: hour + 1,
            from: format!("2026-03-09T{hour:02}:00:00Z"),
            to: format!("2026-03-09T{:02}:00:00Z", hour + 1),
            kpis: BTreeMap::from([("restarts".to_owned(), Measurement::single(0.0, "count", "test"))]),
            lives: lives.to_vec(),
            ..Iteration::default()
        }
    }

    /// A run of one window that begins at this hour, with a process that started then.
    fn of(hour: u32, started: f64, version: &str) -> RunWindows {
        let restarts: KpiDefinition = crate::format::node::from_json(
            serde_json::json!({"description": "d", "unit": "count", "measure": "restarts"}),
        )
        .expect("a definition");
        let iterations = vec![iteration(hour, &[begin(started, version)])];
        RunWindows {
            lives: LivesOfRun::of(&iterations),
            iterations,
            definitions: BTreeMap::from([("restarts".to_owned(), restarts)]),
            ..run(&[])
        }
    }

    #[test]
    fn a_process_that_is_started_anew_between_two_runs_was_restarted() {
        let told = ToldChange { from: "1".to_owned(), to: "2".to_owned(), reason: "meant".to_owned() };
        for (runs, restarts, before) in [
            (vec![of(0, 5.0, "1"), of(2, 5.0, "1"), of(4, 5.0, "1")], [0.0, 0.0, 0.0], [0, 1, 2]),
            (vec![of(4, 9.0, "1"), of(2, 7.0, "1"), of(0, 5.0, "1")], [0.0, 1.0, 1.0], [0, 0, 0]),
            (vec![of(0, 5.0, "1"), of(2, 7.0, "2"), of(4, 7.0, "2")], [0.0, 0.0, 0.0], [0, 0, 1]),
            (vec![of(0, 5.0, "2"), of(2, 7.0, "1"), of(4, 7.0, "1")], [0.0, 1.0, 0.0], [0, 0, 1]),
        ] {
            let mut runs = runs;
            join(&mut runs, &[], std::slice::from_ref(&told));
            let found: Vec<f64> =
                runs.iter().filter_map(|run| run.iterations[0].kpis["restarts"].value).collect();
            let length: Vec<usize> = runs.iter().map(|run| run.before.len()).collect();
            assert_eq!((found.as_slice(), length.as_slice()), (&restarts[..], &before[..]));
        }
    }

    #[test]
    fn of_a_run_that_ended_before_the_day_the_life_goes_on_and_a_restart_is_of_no_day() {
        let earlier = |started: f64| EarlierRun {
            origin: run(&[]).origin,
            shape: run(&[]).shape,
            iterations: vec![iteration(0, &[begin(started, "1")])],
        };
        for (started, length) in [(5.0, 1), (4.0, 0)] {
            let mut runs = vec![of(2, 5.0, "1")];
            join(&mut runs, &[earlier(started)], &[]);
            assert_eq!(runs[0].before.len(), length);
            assert_eq!(runs[0].iterations[0].kpis["restarts"].value, Some(0.0));
        }
    }
}
