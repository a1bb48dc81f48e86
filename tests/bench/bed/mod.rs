//! Every command under everything that can go wrong around it: what is left must be an answer or none, whole
//! files, no process, and a next run that says what it says undisturbed.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::must_use_candidate,
    clippy::cast_possible_truncation,
    reason = "a bench and a test use a part of it each"
)]

pub mod cases;
pub mod disturbance;
mod judge;
mod root;

use super::{conformity, processes};
use cases::Case;
use disturbance::Disturbance;
use judge::Undisturbed;
use processes::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Of one command under one kind of disturbance: how many runs, and what was wrong.
pub type Results = BTreeMap<(String, &'static str), (usize, Vec<String>)>;

/// The paths of all commands, the hidden ones too, as the binary's own completions have them.
pub fn commands() -> BTreeSet<String> {
    let output = Command::new(&*root::MMOPS).args(["completions", "bash"]).output().unwrap();
    let script = String::from_utf8(output.stdout).unwrap();
    let path = |line: &str| {
        let (above, last) = line.trim().strip_suffix(')')?.strip_prefix("mmops")?.split_once(',')?;
        let above = above.replace("__subcmd__", " ");
        let path = format!("{above} {}", last.replace("mmops__subcmd__", "")).trim().to_owned();
        (!path.split(' ').any(|word| word == "help")).then_some(path)
    };
    let paths: BTreeSet<String> = script.lines().filter_map(path).collect();
    let is_group = |path: &&String| {
        path.as_str() != "rotate" && paths.iter().any(|other| other.starts_with(&format!("{path} ")))
    };
    let groups: Vec<String> = paths.iter().filter(is_group).cloned().collect();
    paths.into_iter().filter(|path| !groups.contains(path)).collect()
}

/// The commands of the binary that no case runs.
pub fn uncovered() -> Vec<String> {
    let covered: BTreeSet<String> = cases::cases().iter().map(|case| case.command.to_owned()).collect();
    commands().difference(&covered).cloned().collect()
}

/// Runs what `plan` makes of each case that `is_wanted`, in `threads`.
fn over_cases(
    threads: usize,
    is_whole: bool,
    is_wanted: impl Fn(&Case) -> bool + Sync,
    plan: impl Fn(usize, Duration, Disturb<'_>) + Sync,
    tell: impl Fn(&str) + Sync,
) -> Results {
    let (cases, next, results) = (cases::cases(), AtomicUsize::new(0), Mutex::new(Results::new()));
    let add = |case: &Case, kind, runs, faults: Vec<String>| {
        let mut results = results.lock().unwrap();
        let (all, found) = results.entry((case.command.to_owned(), kind)).or_default();
        *all += runs;
        for fault in &faults {
            tell(fault);
        }
        found.extend(faults);
    };
    let work = || {
        while let Some((at, case)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, cases.get(at)?)))
        {
            if !is_wanted(case) {
                continue;
            }
            let line = case.line();
            let usual = match Undisturbed::of(case, is_whole) {
                Ok(usual) => usual,
                Err(fault) => {
                    add(case, "undisturbed", 1, vec![format!("mmops {line}: {fault}")]);
                    continue;
                }
            };
            plan(at, usual.usual, &mut |disturbance: Disturbance| {
                let (ran, faults) = usual.judge(case, disturbance);
                let faults = faults.join("\n    ");
                let fault = format!("mmops {line}, {disturbance:?}:\n    {faults}");
                let faults = Some(fault).filter(|_| !faults.is_empty()).into_iter().collect();
                add(case, disturbance.kind(), 1, faults);
                !disturbance.is_injected() || !ran.injected.is_empty()
            });
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    results.into_inner().unwrap()
}

/// Takes a disturbance; false where no call was left that could fail.
type Disturb<'a> = &'a mut dyn FnMut(Disturbance) -> bool;

/// Each case with a full stdout and one failed call, and one in three with one more disturbance, chosen by the seed.
pub fn sample(seed: u64) -> Results {
    let can_inject = disturbance::can_inject();
    let plan = |at: usize, _, disturb: Disturb<'_>| {
        let mut random = Random::new(seed.wrapping_mul(1000) + at as u64);
        let mut number = |below: u64| u32::try_from(random.below(below)).unwrap();
        disturb(Disturbance::StdoutFull);
        disturb(if can_inject {
            let (calls, error) = disturbance::FAILURES[number(4) as usize];
            let first = if calls.contains("open") { 6 } else { 1 };
            Disturbance::Fails { calls, error, at: first + number(8) }
        } else {
            Disturbance::FileSize(number(9))
        });
        if !(seed + at as u64).is_multiple_of(3) {
            return;
        }
        let part = f64::from(number(1200)) / 1000.0;
        disturb(match number(7) {
            0 => Disturbance::StderrFull,
            1 => Disturbance::BothClosed,
            2 => Disturbance::Descriptors(4 + number(20)),
            3 => Disturbance::FileSize(number(9)),
            4 => Disturbance::Terminated(part),
            5 => Disturbance::TerminatedTwice(part),
            _ => Disturbance::Killed(part),
        });
    };
    over_cases(4, false, |_| true, plan, |_| {})
}

/// The most calls of one kind that are made to fail one after the other.
const MOST_CALLS: u32 = 60;
/// The same of a case that takes longer than [`LONG`].
const FEW_CALLS: u32 = 12;
const LONG: Duration = Duration::from_millis(500);

/// All of it for the commands and the kinds that begin so.
pub fn whole(seed: u64, command: &str, kind: &str, tell: impl Fn(&str) + Sync) -> Results {
    let can_inject = disturbance::can_inject();
    let plan = |at: usize, usual, disturb: Disturb<'_>| {
        let is_wanted = |disturbance: &Disturbance| disturbance.kind().starts_with(kind);
        let disturb = &mut |disturbance| is_wanted(&disturbance) && disturb(disturbance);
        let most = if usual > LONG { FEW_CALLS } else { MOST_CALLS };
        let random = &mut Random::new(seed.wrapping_mul(1000) + at as u64);
        everything(can_inject.then_some(most), random, disturb);
    };
    over_cases(3, true, |case| case.command.starts_with(command), plan, tell)
}

fn everything(calls: Option<u32>, random: &mut Random, disturb: Disturb<'_>) {
    for disturbance in [Disturbance::StdoutFull, Disturbance::StderrFull, Disturbance::BothClosed] {
        disturb(disturbance);
    }
    for (names, error) in disturbance::FAILURES.into_iter().filter(|_| calls.is_some()) {
        // Before that a program is only loaded.
        let first = if names.contains("open") { 5 } else { 1 };
        let mut numbers = first..first + calls.unwrap_or_default();
        while numbers.next().is_some_and(|at| disturb(Disturbance::Fails { calls: names, error, at })) {}
    }
    for (names, from) in disturbance::INTERRUPTIONS.into_iter().filter(|_| calls.is_some()) {
        disturb(Disturbance::Interrupted { calls: names, from });
        disturb(Disturbance::Interrupted { calls: names, from: from + 1 });
    }
    for most in 4..28 {
        disturb(Disturbance::Descriptors(most));
    }
    for most in [0, 1, 2, 4, 8, 16] {
        disturb(Disturbance::FileSize(most));
    }
    for make in [Disturbance::Terminated, Disturbance::TerminatedTwice, Disturbance::Killed] {
        for _ in 0..30 {
            disturb(make(random.below(1200) as f64 / 1000.0));
        }
    }
}

/// One line for each fault that was found.
pub fn faults(results: &Results) -> Vec<String> {
    results.values().flat_map(|(_, faults)| faults.clone()).collect()
}
