//! Finding and killing what a child left behind.
//!
//! As a child subreaper this process becomes the parent of every orphan below it, so each descendant
//! can be found by walking `/proc/<pid>/task/*/children`; a step's own ones carry its token in their
//! environment, are in its session or its process group, or are below one of these.
#![expect(clippy::disallowed_methods, reason = "this folder owns child processes")]

use super::process::{self, own_pid};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Children that are somebody's `Child` and must be reaped by their owner alone.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// How long processes are killed until those that are still there count as survivors.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was found running where nothing should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leftovers {
    /// How many processes were killed.
    pub(crate) killed: usize,
    /// Those that are still there.
    pub(crate) alive: Vec<Survivor>,
    /// Why it is not known what is there.
    pub(crate) unknown: Option<String>,
}

/// A process that SIGKILL did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Survivor {
    pub(crate) pid: i32,
    /// As `/proc/PID/stat` has it, such as `D` for one that waits for a device.
    pub(crate) state: char,
}

impl fmt::Display for Survivor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}, state {}", self.pid, self.state)
    }
}

impl Survivor {
    /// The process, if it is still there.
    pub(super) fn of(pid: i32) -> io::Result<Option<Self>> {
        Ok(process::live_state(pid)?.map(|state| Self { pid, state }))
    }
}

impl Leftovers {
    /// What speaks of them.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.killed > 0 {
            reasons.push(format!("left {} processes running, which were killed", self.killed));
        }
        if !self.alive.is_empty() {
            let alive: Vec<String> = self.alive.iter().map(Survivor::to_string).collect();
            reasons.push(format!("could not be killed: {}", alive.join("; ")));
        }
        reasons.extend(
            self.unknown.iter().map(|why| format!("what it left running cannot be found out: {why}")),
        );
        reasons
    }
}

fn leaders() -> MutexGuard<'static, BTreeSet<i32>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Children that this process had before it started any: those of the shell that became it by `exec`.
static INHERITED: OnceLock<BTreeSet<i32>> = OnceLock::new();

/// Makes orphaned descendants come to this process instead of to init. Called before the first child is
/// started, so that those that were there already can be told from ours.
pub(super) fn adopt_orphans() -> io::Result<()> {
    if INHERITED.get().is_none() {
        let inherited = process::descendants(own_pid())?;
        INHERITED.get_or_init(|| inherited);
    }
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
    process::stat(own_pid()).ok().flatten().map_or(0, |stat| stat.start_ticks)
}

/// Living descendants of this process that belong to the step with `token`, its leader apart.
pub(super) fn of(token: &str, leader: Pid) -> io::Result<Vec<Pid>> {
    let leader = leader.as_raw_nonzero().get();
    let mut belonging = process::descendants(leader)?;
    for pid in process::descendants(own_pid())? {
        if pid == leader || belonging.contains(&pid) {
            continue;
        }
        let Some(stat) = process::stat(pid)? else { continue };
        let is_near = stat.group == leader || stat.session == leader;
        if is_near || process::has_mark(pid, |known| known == token) {
            belonging.insert(pid);
            belonging.extend(process::descendants(pid)?);
        }
    }
    belonging.remove(&leader);
    living(belonging)
}

fn living(pids: impl IntoIterator<Item = i32>) -> io::Result<Vec<Pid>> {
    let mut living = Vec::new();
    for pid in pids {
        if process::is_alive(pid)? {
            living.extend(Pid::from_raw(pid));
        }
    }
    Ok(living)
}

/// Kills every living descendant that is no step's: neither a leader, nor inherited, nor below one of
/// these, nor marked. Called when all steps have ended, it catches those that cleared their environment.
pub(crate) fn sweep() -> Leftovers {
    kill_all(|| {
        let mut known = leaders().clone();
        known.extend(INHERITED.get().into_iter().flatten());
        let mut below = BTreeSet::new();
        for leader in &known {
            below.extend(process::descendants(*leader)?);
        }
        let own_marks = format!("{}-", own_pid());
        let is_unknown = |pid: &i32| {
            !known.contains(pid)
                && !below.contains(pid)
                && !process::has_mark(*pid, |token| token.starts_with(&own_marks))
        };
        living(process::descendants(own_pid())?.into_iter().filter(is_unknown))
    })
}

/// Kills what `find` returns until it returns nothing: a fork in flight escapes one round. The dead are
/// reaped. What `find` cannot say is not nothing.
pub(super) fn kill_all(find: impl Fn() -> io::Result<Vec<Pid>>) -> Leftovers {
    let mut seen = BTreeSet::new();
    let give_up = Instant::now() + PATIENCE;
    let (alive, unknown) = loop {
        let (alive, unknown) = match find() {
            Ok(found) => (found, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        if (alive.is_empty() && unknown.is_none()) || Instant::now() >= give_up {
            break (alive, unknown);
        }
        for pid in &alive {
            seen.insert(pid.as_raw_nonzero().get());
            kill(*pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
        reap(&seen);
    };
    reap(&seen);
    let alive: Vec<Survivor> =
        alive.iter().filter_map(|pid| Survivor::of(pid.as_raw_nonzero().get()).ok().flatten()).collect();
    for Survivor { pid, .. } in &alive {
        seen.remove(pid);
    }
    Leftovers { killed: seen.len(), alive, unknown }
}

/// Sends a signal; a process that is gone is no error.
pub(super) fn kill(pid: Pid, signal: Signal) {
    if let Err(error) = kill_process(pid, signal) {
        tracing::debug!("process {} was not signalled: {error}", pid.as_raw_nonzero());
    }
}

fn reap(pids: &BTreeSet<i32>) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // A killed process whose parent still lives is that parent's to reap.
        if let Err(error) = waitpid(Some(pid), WaitOptions::NOHANG) {
            tracing::trace!("process {} was not reaped here: {error}", pid.as_raw_nonzero());
        }
    }
}
