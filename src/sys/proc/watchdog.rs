//! A second process that outlives a run which is killed, and kills what the run had started.
//!
//! The kernel kills the leaders of a dead run's children, but not what those have started in turn. The watchdog
//! reads a pipe whose other end only the run has: at its end, unless the run has ended the watchdog before, it
//! kills every process that is in the session of one of the leaders, carries a token of the run, or is below one
//! of these. Not found is a process that left the session and cleared its environment, once its parent is dead.
#![expect(clippy::disallowed_methods, reason = "this folder owns child processes")]

use super::process::{self, own_pid};
use super::{launcher, strays};
use rustix::process::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The first argument of a program that is to be a watchdog.
pub(super) const ARGUMENT: &str = "__watch";

/// How long a dead run's processes are looked for.
const PATIENCE: Duration = Duration::from_secs(5);

static WATCHDOG: Mutex<Option<Child>> = Mutex::new(None);

fn watchdog() -> MutexGuard<'static, Option<Child>> {
    WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the watchdog unless there is one.
pub(super) fn start() -> io::Result<()> {
    let mut watchdog = watchdog();
    if watchdog.is_some() || !launcher::is_enabled() {
        return Ok(());
    }
    let mut command = launcher::own_program();
    command.args([ARGUMENT, &own_pid().to_string(), &strays::boot_ticks().to_string()]);
    // What is typed at the terminal is not for it.
    command.process_group(0).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    *watchdog = Some(strays::spawn_tracked(&mut command)?);
    Ok(())
}

/// The watchdog hears of a leader, or that it is about to be reaped and its number free for others.
pub(super) fn notify(sign: char, leader: Pid) {
    if let Some(stdin) = watchdog().as_mut().and_then(|child| child.stdin.as_mut())
        && let Err(error) = writeln!(stdin, "{sign}{}", leader.as_raw_nonzero())
    {
        tracing::debug!("the watchdog is gone: {error}");
    }
}

/// Ends the watchdog: the run comes to an orderly end.
pub(super) fn dismiss() {
    if let Some(mut child) = watchdog().take()
        && let Err(error) = child.kill().and_then(|()| child.wait())
    {
        tracing::debug!("the watchdog was not ended: {error}");
    }
}

/// Waits for the end of the run that these arguments after [`ARGUMENT`] name, and kills what it left.
pub(super) fn watch(args: &[OsString]) -> Option<()> {
    let [pid, ticks] = args else { return None };
    let (begins, ends) = (format!("{}-", pid.to_str()?), format!("-{}", ticks.to_str()?));
    // It has nothing to stop for as long as the run is there; who ends the run may end both at once.
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::default()).ok()?;
    }
    if let Err(error) = rustix::thread::set_name(c"mmops-watchdog") {
        tracing::debug!("the watchdog keeps its name: {error}");
    }
    let leaders = read_leaders();
    let is_own = |token: &str| token.starts_with(&begins) && token.ends_with(&ends);
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up && !kill_found(&leaders, is_own) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Some(())
}

/// The leaders that were not reaped when the run ended.
fn read_leaders() -> BTreeSet<i32> {
    let mut leaders = BTreeSet::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let number = line.get(1..).and_then(|number| number.parse().ok()).unwrap_or_default();
        if line.starts_with('+') {
            leaders.insert(number);
        } else {
            leaders.remove(&number);
        }
    }
    leaders
}

/// Whether nothing was found any more.
fn kill_found(leaders: &BTreeSet<i32>, is_own: impl Fn(&str) -> bool) -> bool {
    let mut found = BTreeSet::new();
    let Ok(all) = process::all() else { return false };
    for pid in all.into_iter().filter(|pid| *pid != own_pid()) {
        let in_session = matches!(process::stat(pid), Ok(Some(stat)) if leaders.contains(&stat.session));
        if (in_session || process::has_mark(pid, &is_own)) && process::is_alive(pid).unwrap_or(true) {
            found.extend(process::descendants(pid).unwrap_or_default());
            found.insert(pid);
        }
    }
    found
        .iter()
        .filter_map(|pid| Pid::from_raw(*pid))
        .for_each(|pid| strays::kill(pid, rustix::process::Signal::KILL));
    found.is_empty()
}
