//! Child processes: each in a session of its own, without a terminal, with a deadline, bounded capture of its
//! output, and the certainty that nothing it started survives it.
//!
//! At the deadline the group gets SIGTERM, then SIGKILL after the grace period. Children that leave the
//! group (`setsid`) are found as well: this process is a child subreaper, so orphans come to it, and
//! each carries the step's token in its environment. What ends with this process, however that ends, is in
//! [`launcher`] and [`watchdog`].
#![expect(clippy::disallowed_methods, reason = "this folder owns child processes")]

mod capture;
mod group;
mod launcher;
mod process;
mod strays;
mod stream;
mod watchdog;

pub(crate) use capture::Captured;
pub(crate) use group::Group;
pub(crate) use launcher::Streams;
pub(crate) use strays::{Leftovers, sweep};

use crate::sys::signal::Cancel;
use group::KILL_WAIT;
use rustix::process::Signal;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use stream::{Stream, read_ready};

/// Does what the program was started for by itself: to become a child, or to watch over the children of a run.
/// `None` for a command line. From then on children are started by way of this program.
pub(crate) fn hidden(args: &[OsString]) -> Option<ExitCode> {
    let done = match args.get(1).and_then(|word| word.to_str()) {
        Some(launcher::ARGUMENT) => launcher::become_program(&args[2..]),
        Some(watchdog::ARGUMENT) => watchdog::watch(&args[2..]),
        _ => {
            launcher::enable();
            return None;
        }
    };
    Some(done.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}

/// The run comes to its end: nobody needs to watch over it any more.
pub(crate) fn dismiss_watchdog() {
    watchdog::dismiss();
}

/// Time between SIGTERM and SIGKILL.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Longest time without a look at the cancellation flag.
const SLICE: Duration = Duration::from_millis(50);

/// Longest wait for the end of the output once every process of the step is gone.
const DRAIN: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) argv: Vec<OsString>,
    /// Working directory of the child.
    pub(crate) dir: PathBuf,
    /// Beside the inherited variables; one without a value is not inherited.
    pub(crate) env: Vec<(OsString, Option<OsString>)>,
    /// Time until SIGTERM.
    pub(crate) timeout: Duration,
    /// Time between SIGTERM and SIGKILL.
    pub(crate) grace: Duration,
    /// Bytes kept of each output stream.
    pub(crate) capture_bytes: usize,
    /// Where both streams go as well, whole and as they come.
    pub(crate) log: Option<Arc<File>>,
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exited(i32),
    /// A signal that we did not send ended it.
    Signalled(i32),
    /// It was stopped at its deadline.
    TimedOut,
    /// It was stopped because mmops was asked to stop.
    Cancelled,
    /// It could not be started.
    NotStarted(String),
}

#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    /// From start to end, monotonic.
    pub(crate) wall: Duration,
    /// Peak resident memory of the child and the descendants it waited for.
    pub(crate) peak_rss_bytes: Option<u64>,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    /// What it left behind.
    pub(crate) left: Leftovers,
}

impl Finished {
    /// Why its output is not whole, where it could not be read to its end.
    pub(crate) fn unread(&self) -> Option<String> {
        let streams = [("stdout", &self.stdout), ("stderr", &self.stderr)];
        let unread = streams.into_iter().find_map(|(name, stream)| Some((name, stream.unread()?)));
        unread.map(|(name, error)| format!("its {name} could not be read to the end: {error}"))
    }

    pub(crate) fn not_started(reason: &dyn std::fmt::Display) -> Self {
        Self {
            end: End::NotStarted(reason.to_string()),
            wall: Duration::ZERO,
            peak_rss_bytes: None,
            stdout: Captured::new(0),
            stderr: Captured::new(0),
            left: Leftovers::default(),
        }
    }
}

/// Runs `task` to its end, its deadline or a cancellation; nothing it started is alive afterwards.
pub(crate) fn run(task: &Task, cancel: &Cancel) -> Finished {
    let started = Instant::now();
    let fail = |error| Finished { wall: started.elapsed(), ..Finished::not_started(&error) };
    if cancel.signal().is_some() {
        return Finished { end: End::Cancelled, ..fail(io::Error::other("a stop was asked for")) };
    }
    let streams = Streams { stdin: None, stdout: Stdio::piped(), stderr: Some(Stdio::piped()) };
    match Group::spawn(&task.argv, &task.dir, &task.env, streams) {
        Ok(mut group) => match supervise(&mut group, task, started, cancel) {
            Ok(finished) => finished,
            Err(error) => fail(error),
        },
        Err(error) => fail(error),
    }
}

fn supervise(group: &mut Group, task: &Task, started: Instant, cancel: &Cancel) -> io::Result<Finished> {
    let (stdout, stderr) = (group.child().stdout.take(), group.child().stderr.take());
    let stream = |fd| Stream::new(fd, task.capture_bytes, task.log.clone());
    let (mut out, mut err) = (stream(stdout.map(OwnedFd::from)), stream(stderr.map(OwnedFd::from)));
    let stop = wait(group, task, started, cancel, &mut [&mut out, &mut err])?;
    let wall = started.elapsed();
    let survivor = group.survivor()?;
    if let Some((_, kill_at)) = stop.as_ref().filter(|_| survivor.is_none()) {
        // The leader is gone; what else was asked to stop has the rest of the grace period.
        while Instant::now() < *kill_at && !cancel.is_urgent() && group.has_strays() {
            read_ready(&mut [&mut out, &mut err], None, Duration::from_millis(5))?;
        }
    }
    let mut left = group.kill_strays();
    let drained = Instant::now() + DRAIN;
    while (out.is_open() || err.is_open()) && survivor.is_none() && Instant::now() < drained {
        read_ready(&mut [&mut out, &mut err], None, SLICE)?;
    }
    let used = match survivor {
        None => Some(group.reap()?),
        Some(survivor) => {
            left.alive.insert(0, survivor);
            group.abandon();
            None
        }
    };
    let status = used.as_ref().map(|used| used.status);
    let end = match (stop, status.and_then(|status| status.code()), status.and_then(|status| status.signal()))
    {
        (Some((end, _)), ..) => end,
        (None, Some(code), _) => End::Exited(code),
        (None, None, signal) => End::Signalled(signal.unwrap_or_default()),
    };
    let peak_rss_bytes = used.map(|used| used.rusage.maxrss).filter(|bytes| *bytes > 0);
    Ok(Finished { end, wall, peak_rss_bytes, stdout: out.captured, stderr: err.captured, left })
}

/// Waits for the end of the leader, which is asked for at the deadline or at a stop and enforced after the grace
/// period; says why it was asked for, and when the grace period ends. Returns as well when the leader is there
/// for some time after it was killed.
fn wait(
    group: &Group,
    task: &Task,
    started: Instant,
    cancel: &Cancel,
    streams: &mut [&mut Stream],
) -> io::Result<Option<(End, Instant)>> {
    let pidfd = group.pidfd()?;
    let mut stop: Option<(End, Instant)> = None;
    let mut killed: Option<Instant> = None;
    loop {
        let now = Instant::now();
        if stop.is_none() {
            let is_late = now >= started + task.timeout;
            if is_late || cancel.signal().is_some() {
                group.signal(Signal::TERM);
                stop = Some((if is_late { End::TimedOut } else { End::Cancelled }, now + task.grace));
            }
        }
        let due = stop.as_ref().map_or(started + task.timeout, |(_, kill_at)| *kill_at);
        if stop.is_some() && killed.is_none() && (now >= due || cancel.is_urgent()) {
            group.kill_tree();
            killed = Some(now);
        }
        if killed.is_some_and(|killed| now >= killed + KILL_WAIT) {
            return Ok(stop);
        }
        let left = due.saturating_duration_since(now);
        let wait = if killed.is_some() { SLICE } else { left.clamp(Duration::from_micros(100), SLICE) };
        if read_ready(streams, Some(&pidfd), wait)? {
            return Ok(stop);
        }
    }
}

#[cfg(test)]
mod tests;
