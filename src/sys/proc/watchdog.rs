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
use std::io::{self, BufRead, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The first argument of a program that is to be a watchdog.
pub(super) const ARGUMENT: &str = "__watch";

/// How long a dead run's processes are looked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two attempts to read what the run says.
const RETRY: Duration = Duration::from_millis(20);

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
    let run: i32 = pid.to_str()?.parse().ok()?;
    let start_ticks: u64 = ticks.to_str()?.parse().ok()?;
    let run_is_there = || match process::stat(run) {
        Ok(Some(stat)) if start_ticks == 0 || stat.start_ticks == start_ticks => {
            process::is_alive(run).unwrap_or(true)
        }
        Ok(_) => false,
        Err(_) => true,
    };
    let leaders = read_leaders(io::stdin().lock(), run_is_there);
    let is_own = |token: &str| token.starts_with(&begins) && token.ends_with(&ends);
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up && !kill_found(&leaders, is_own) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Some(())
}

/// The leaders that were not reaped when the run ended.
fn read_leaders(mut pipe: impl BufRead, run_is_there: impl Fn() -> bool) -> BTreeSet<i32> {
    let mut leaders = BTreeSet::new();
    let mut line = Vec::new();
    loop {
        match pipe.read_until(b'\n', &mut line) {
            Ok(0) => return leaders,
            Ok(_) if line.ends_with(b"\n") => {
                note(&mut leaders, &String::from_utf8_lossy(&line));
                line.clear();
            }
            // What was read of a line is kept for its rest, or for the end.
            Ok(_) => {}
            // Only the end of the pipe, or of the run, is the end: what is killed before that is alive.
            Err(error) => {
                tracing::debug!("the watchdog cannot read: {error}");
                if !run_is_there() {
                    return leaders;
                }
                std::thread::sleep(RETRY);
            }
        }
    }
}

/// `+` and the number of a leader, or `-` before it is reaped.
fn note(leaders: &mut BTreeSet<i32>, line: &str) {
    let number = line.get(1..).and_then(|number| number.trim_end().parse().ok());
    match (line.as_bytes().first(), number) {
        (Some(b'+'), Some(number)) => _ = leaders.insert(number),
        (Some(b'-'), Some(number)) => _ = leaders.remove(&number),
        _ => {}
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::io::{BufReader, Read};

    /// Gives one part, then an error, then the other part and the end.
    struct Faulty<'a>(Vec<Option<&'a [u8]>>);

    impl Read for Faulty<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(part) = self.0.pop() else { return Ok(0) };
            let part = part.ok_or_else(|| io::Error::from_raw_os_error(5))?;
            buffer[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }

    #[test]
    fn an_error_is_not_the_end_while_the_run_is_there() {
        let parts = || vec![Some(&b"3\n-12\nx\n+\n"[..]), None, Some(&b"+11\n+12\n+1"[..])];
        let asked = Cell::new(0);
        let is_there = || asked.replace(asked.get() + 1) < 5;
        assert_eq!(read_leaders(BufReader::new(Faulty(parts())), is_there), BTreeSet::from([11, 13]));
        assert_eq!(asked.get(), 1);
        assert_eq!(read_leaders(BufReader::new(Faulty(parts())), || false), BTreeSet::from([11, 12]));
    }
}
