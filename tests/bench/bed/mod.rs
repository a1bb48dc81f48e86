//! Every command under everything that can go wrong around it: what is left must be an answer or none, whole
//! files, no process, and a next run that says what it says undisturbed.

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

/// Of one command under one kind of disturbance: how many runs, and what was wrong.
pub type Results = BTreeMap<(String, &'static str), (usize, Vec<String>)>;

/// The paths of all commands, the hidden ones too, as the binary's own completions have them.
pub fn commands() -> BTreeSet<String> {
    let output = Command::new(root::MMOPS).args(["completions", "bash"]).output().unwrap();
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
    is_wanted: impl Fn(&Case) -> bool + Sync,
    plan: impl Fn(usize, &mut dyn FnMut(Disturbance) -> bool) + Sync,
) -> Results {
    let (cases, next, results) = (cases::cases(), AtomicUsize::new(0), Mutex::new(Results::new()));
    let add = |case: &Case, kind, runs, faults: Vec<String>| {
        let mut results = results.lock().unwrap();
        let (all, found) = results.entry((case.command.to_owned(), kind)).or_default();
        *all += runs;
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
            let usual = match Undisturbed::of(case) {
                Ok(usual) => usual,
                Err(fault) => {
                    add(case, "undisturbed", 1, vec![format!("mmops {line}: {fault}")]);
                    continue;
                }
            };
            plan(at, &mut |disturbance| {
                let (ran, faults) = usual.judge(case, disturbance);
                let faults = match faults.is_empty() {
                    true => Vec::new(),
                    false => vec![format!("mmops {line}, {disturbance:?}:\n    {}", faults.join("\n    "))],
                };
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

/// Each case with a full stdout, one failed call and one more disturbance, chosen by the seed.
pub fn sample(seed: u64) -> Results {
    let can_inject = disturbance::can_inject();
    over_cases(
        4,
        |_| true,
        |at, disturb| {
            let mut random = Random::new(seed.wrapping_mul(1000) + at as u64);
            disturb(Disturbance::StdoutFull);
            if can_inject {
                let (calls, error) = disturbance::FAILURES[usize::try_from(random.below(4)).unwrap()];
                let from = if calls.contains("open") { 6 } else { 1 };
                disturb(Disturbance::Fails {
                    calls,
                    error,
                    at: from + u32::try_from(random.below(8)).unwrap(),
                });
            } else {
                disturb(Disturbance::FileSize(u32::try_from(random.below(9)).unwrap()));
            }
            let part = random.below(1200) as f64 / 1000.0;
            disturb(match random.below(7) {
                0 => Disturbance::StderrFull,
                1 => Disturbance::BothClosed,
                2 => Disturbance::Descriptors(u32::try_from(4 + random.below(20)).unwrap()),
                3 => Disturbance::FileSize(u32::try_from(random.below(9)).unwrap()),
                4 => Disturbance::Terminated(part),
                5 => Disturbance::TerminatedTwice(part),
                _ => Disturbance::Killed(part),
            });
        },
    )
}

/// The most calls of one kind that are made to fail one after the other.
const MOST_CALLS: u32 = 60;

/// All of it for the commands that begin so.
pub fn whole(seed: u64, command: &str, kind: &str) -> Results {
    let can_inject = disturbance::can_inject();
    over_cases(
        3,
        |case| case.command.starts_with(command),
        |at, disturb| {
            let mut random = Random::new(seed.wrapping_mul(1000) + at as u64);
            let disturb = &mut |disturbance: Disturbance| {
                if !kind.is_empty() && !disturbance.kind().contains(kind) {
                    return false;
                }
                disturb(disturbance)
            };
            for disturbance in [Disturbance::StdoutFull, Disturbance::StderrFull, Disturbance::BothClosed] {
                disturb(disturbance);
            }
            for (calls, error) in disturbance::FAILURES.into_iter().filter(|_| can_inject) {
                // Before that a program is only loaded.
                let first = if calls.contains("open") { 5 } else { 1 };
                for at in first..first + MOST_CALLS {
                    if !disturb(Disturbance::Fails { calls, error, at }) {
                        break;
                    }
                }
            }
            for (calls, from) in disturbance::INTERRUPTIONS.into_iter().filter(|_| can_inject) {
                disturb(Disturbance::Interrupted { calls, from });
                disturb(Disturbance::Interrupted { calls, from: from + 1 });
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
        },
    )
}

/// One line for each fault that was found.
pub fn faults(results: &Results) -> Vec<String> {
    results.values().flat_map(|(_, faults)| faults.clone()).collect()
}
