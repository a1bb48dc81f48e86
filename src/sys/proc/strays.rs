//! Finding and killing what a child left behind.
//!
//! As a child subreaper this process becomes the parent of every orphan below it, so each descendant
//! can be found by walking `/proc/<pid>/task/*/children`; a step's own ones carry its token in their
//! environment or are in its process group.

#![expect(clippy::disallowed_methods, reason = "this folder owns child processes")]

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Environment variable that marks every process of a step.
pub(super) const TOKEN: &str = "MMOPS_STEP";

/// Leaders that are somebody's `Child` and must be reaped by their owner alone.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Rounds of killing before a process that cannot be killed is left and reported.
const ROUNDS: usize = 400;

fn leaders() -> MutexGuard<'static, BTreeSet<i32>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Children that this process had before it started any: those of the shell that became it by `exec`.
static INHERITED: OnceLock<BTreeSet<i32>> = OnceLock::new();

/// Makes orphaned descendants come to this process instead of to init. Called before the first child is
/// started, so that those that were there already can be told from ours.
pub(super) fn adopt_orphans() -> io::Result<()> {
    INHERITED.get_or_init(descendants);
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(io::Error::from)
}

/// Spawns a child and registers it as a leader before anybody can take it for a stray.
pub(super) fn spawn_tracked(command: &mut Command) -> io::Result<Child> {
    let mut leaders = leaders();
    let child = command.spawn()?;
    leaders.insert(Pid::from_child(&child).as_raw_nonzero().get());
    Ok(child)
}

/// A leader was reaped.
pub(super) fn forget(leader: Pid) {
    leaders().remove(&leader.as_raw_nonzero().get());
}

/// Start time of this process in clock ticks: with its id, a name that is never used again.
pub(super) fn boot_ticks() -> u64 {
    stat(std::process::id().cast_signed()).map_or(0, |stat| stat.start_ticks)
}

/// Living descendants of this process that belong to the step with `token`, its leader apart.
pub(super) fn of(token: &str, leader: Pid) -> Vec<Pid> {
    let leader = leader.as_raw_nonzero().get();
    let mark = format!("{TOKEN}={token}");
    let belongs = |pid: &i32| {
        *pid != leader
            && stat(*pid).is_some_and(|stat| {
                !stat.zombie
                    && (stat.group == leader || has_mark(*pid, |variable| variable == mark.as_bytes()))
            })
    };
    descendants().into_iter().filter(belongs).filter_map(Pid::from_raw).collect()
}

/// Kills every living descendant that is no step's: neither a leader, nor inherited, nor below one of
/// these, nor marked. Called when all steps have ended, it catches those that cleared their environment;
/// returns how many.
pub(crate) fn sweep() -> usize {
    kill_all(|| {
        let mut known = leaders().clone();
        known.extend(INHERITED.get().into_iter().flatten());
        let mut below = BTreeSet::new();
        for leader in &known {
            collect(*leader, &mut below);
        }
        let own_marks = format!("{TOKEN}={}-", std::process::id());
        let unknown = |pid: &i32| {
            !known.contains(pid)
                && !below.contains(pid)
                && stat(*pid).is_some_and(|stat| !stat.zombie)
                && !has_mark(*pid, |variable| variable.starts_with(own_marks.as_bytes()))
        };
        descendants().into_iter().filter(unknown).filter_map(Pid::from_raw).collect()
    })
}

/// Kills what `find` returns until it returns nothing: a fork in flight escapes one round. The dead are
/// reaped. Returns how many different processes were killed.
pub(super) fn kill_all(find: impl Fn() -> Vec<Pid>) -> usize {
    let mut seen = BTreeSet::new();
    for _ in 0..ROUNDS {
        let found = find();
        if found.is_empty() {
            break;
        }
        for pid in found {
            seen.insert(pid.as_raw_nonzero().get());
            kill(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
        reap(&seen);
    }
    reap(&seen);
    seen.len()
}

/// Sends a signal; a process that is gone is no error.
pub(super) fn kill(pid: Pid, signal: Signal) {
    if let Err(error) = kill_process(pid, signal) {
        tracing::debug!("process {} was not signalled: {error}", pid.as_raw_nonzero());
    }
}

/// Whether the process has ended and waits to be reaped, or is gone.
pub(super) fn is_zombie(pid: Pid) -> bool {
    stat(pid.as_raw_nonzero().get()).is_none_or(|stat| stat.zombie)
}

fn reap(pids: &BTreeSet<i32>) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // A killed process whose parent still lives is that parent's to reap.
        if let Err(error) = waitpid(Some(pid), WaitOptions::NOHANG) {
            tracing::trace!("process {} was not reaped here: {error}", pid.as_raw_nonzero());
        }
    }
}

fn descendants() -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    collect(std::process::id().cast_signed(), &mut found);
    found
}

fn collect(parent: i32, found: &mut BTreeSet<i32>) {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{parent}/task")) else { return };
    for task in tasks.flatten() {
        let Ok(children) = std::fs::read_to_string(task.path().join("children")) else { continue };
        for child in children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()) {
            if found.insert(child) {
                collect(child, found);
            }
        }
    }
}

struct Stat {
    zombie: bool,
    group: i32,
    start_ticks: u64,
}

fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may itself contain any character.
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_ascii_whitespace().collect();
    Some(Stat {
        zombie: matches!(*fields.first()?, "Z" | "X"),
        group: fields.get(2)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

fn has_mark(pid: i32, is_mark: impl Fn(&[u8]) -> bool) -> bool {
    let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    environment.split(|byte| *byte == 0).any(is_mark)
}
