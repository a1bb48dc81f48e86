//! Child processes: each in a process group of its own, with a deadline, bounded capture of its output,
//! and the certainty that nothing it started survives it.
//!
//! At the deadline the group gets SIGTERM, then SIGKILL after the grace period. Children that leave the
//! group (`setsid`) are found as well: this process is a child subreaper, so orphans come to it, and
//! each carries the step's token in its environment.
#![expect(clippy::disallowed_methods, reason = "this file owns child processes")]

mod capture;
mod strays;

pub(crate) use capture::Captured;
pub(crate) use strays::sweep;

use crate::sys::signal::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wait4::Wait4 as _;

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
    /// Processes it left behind, which were killed.
    pub(crate) strays: usize,
}

impl Finished {
    pub(crate) fn not_started(reason: &dyn std::fmt::Display) -> Self {
        Self {
            end: End::NotStarted(reason.to_string()),
            wall: Duration::ZERO,
            peak_rss_bytes: None,
            stdout: Captured::new(0),
            stderr: Captured::new(0),
            strays: 0,
        }
    }
}

/// Runs `task` to its end, its deadline or a cancellation; nothing it started is alive afterwards.
pub(crate) fn run(task: &Task, cancel: &Cancel) -> Finished {
    let started = Instant::now();
    let fail = |error| Finished { wall: started.elapsed(), ..Finished::not_started(&error) };
    let piped = |command: &mut Command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    };
    match Group::spawn(&task.argv, &task.dir, &task.env, piped) {
        Ok(mut group) => match supervise(&mut group, task, started, cancel) {
            Ok(finished) => finished,
            Err(error) => fail(error),
        },
        Err(error) => fail(error),
    }
}

fn supervise(group: &mut Group, task: &Task, started: Instant, cancel: &Cancel) -> io::Result<Finished> {
    let (stdout, stderr) = (group.child().stdout.take(), group.child().stderr.take());
    let mut out = Stream::new(stdout.map(OwnedFd::from), task.capture_bytes);
    let mut err = Stream::new(stderr.map(OwnedFd::from), task.capture_bytes);
    let pidfd = pidfd_open(group.pid, PidfdFlags::empty())?;
    let mut stop: Option<(End, Instant)> = None;
    let mut killed = false;
    loop {
        let due = stop.as_ref().map_or(started + task.timeout, |(_, kill_at)| *kill_at);
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() && !killed {
            if stop.is_some() {
                group.signal_tree(Signal::KILL);
                killed = true;
            } else {
                group.signal(Signal::TERM);
                stop = Some((End::TimedOut, Instant::now() + task.grace));
            }
        }
        if cancel.signal().is_some() && stop.is_none() {
            group.signal(Signal::TERM);
            stop = Some((End::Cancelled, Instant::now() + task.grace));
        }
        let wait = if killed { SLICE } else { left.clamp(Duration::from_micros(100), SLICE) };
        if read_ready(&mut [&mut out, &mut err], Some(&pidfd), wait)? {
            break;
        }
    }
    let wall = started.elapsed();
    if let Some((_, kill_at)) = &stop {
        // The leader is gone; what else was asked to stop has the rest of the grace period.
        while Instant::now() < *kill_at && !strays::of(&group.token, group.pid).is_empty() {
            read_ready(&mut [&mut out, &mut err], None, Duration::from_millis(5))?;
        }
    }
    let strays = group.kill_strays();
    let drained = Instant::now() + DRAIN;
    while (out.fd.is_some() || err.fd.is_some()) && Instant::now() < drained {
        read_ready(&mut [&mut out, &mut err], None, SLICE)?;
    }
    let used = group.reap()?;
    let end = match (stop, used.status.code(), used.status.signal()) {
        (Some((end, _)), ..) => end,
        (None, Some(code), _) => End::Exited(code),
        (None, None, signal) => End::Signalled(signal.unwrap_or_default()),
    };
    let peak_rss_bytes = (used.rusage.maxrss > 0).then_some(used.rusage.maxrss);
    Ok(Finished { end, wall, peak_rss_bytes, stdout: out.captured, stderr: err.captured, strays })
}

/// One output pipe and what was read from it.
struct Stream {
    fd: Option<std::fs::File>,
    captured: Captured,
}

impl Stream {
    fn new(fd: Option<OwnedFd>, limit: usize) -> Self {
        Self { fd: fd.map(std::fs::File::from), captured: Captured::new(limit) }
    }
}

/// Waits up to `wait` and reads what is there; says whether the process behind `pidfd` has ended.
fn read_ready(streams: &mut [&mut Stream], pidfd: Option<&OwnedFd>, wait: Duration) -> io::Result<bool> {
    let open: Vec<usize> = (0..streams.len()).filter(|i| streams[*i].fd.is_some()).collect();
    let (ended, readable) = {
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(3);
        for index in &open {
            let file = streams[*index].fd.as_ref().expect("only open streams are listed");
            fds.push(PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN));
        }
        if let Some(pidfd) = pidfd {
            fds.push(PollFd::new(pidfd, PollFlags::IN));
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.min(SLICE).subsec_nanos()) };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ended = pidfd.is_some() && fds.last().is_some_and(|fd| !fd.revents().is_empty());
        let ready = |(slot, index): (usize, &usize)| (!fds[slot].revents().is_empty()).then_some(*index);
        (ended, open.iter().enumerate().filter_map(ready).collect::<Vec<_>>())
    };
    let mut buffer = [0; 16 * 1024];
    for index in readable {
        let stream = &mut *streams[index];
        let Some(file) = stream.fd.as_mut() else { continue };
        match file.read(&mut buffer) {
            Ok(0) => stream.fd = None,
            Ok(n) => stream.captured.push(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => stream.fd = None,
        }
    }
    Ok(ended)
}

/// A running child that leads a process group; dropping it kills everything it started.
#[derive(Debug)]
pub(crate) struct Group {
    child: Option<Child>,
    pid: Pid,
    token: String,
}

impl Group {
    /// Starts `argv` in a process group of its own with stdin closed; `configure` sets the other streams. A
    /// variable of `env` without a value is not inherited.
    pub(crate) fn spawn(
        argv: &[OsString],
        dir: &Path,
        env: &[(OsString, Option<OsString>)],
        configure: impl FnOnce(&mut Command),
    ) -> io::Result<Self> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        strays::adopt_orphans()?;
        let Some((program, args)) = argv.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "empty command"));
        };
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let token = format!("{}-{number}-{}", std::process::id(), strays::boot_ticks());
        let mut command = Command::new(program);
        command.args(args).current_dir(dir).stdin(Stdio::null()).process_group(0);
        for (name, value) in env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env(strays::TOKEN, &token);
        configure(&mut command);
        let child = strays::spawn_tracked(&mut command).map_err(|error| named(&error, program, dir))?;
        let pid = Pid::from_child(&child);
        Ok(Self { child: Some(child), pid, token })
    }

    /// The child's handle, for its output streams.
    pub(crate) fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("the child is not reaped while the group is in use")
    }

    /// Sends `signal` to every process of the group; one that is gone is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.child.is_some() && kill_process_group(self.pid, signal).is_err() {
            tracing::debug!("process group {} is gone", self.pid.as_raw_nonzero());
        }
    }

    /// Whether the leader has ended, without waiting; it is reaped later.
    pub(crate) fn has_ended(&self) -> bool {
        self.child.is_none() || strays::is_zombie(self.pid)
    }

    /// Whether a stop signal has taken effect on the leader since the last call.
    pub(crate) fn has_stopped(&self) -> bool {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        matches!(waitid(WaitId::Pid(self.pid), options), Ok(Some(_)))
    }

    fn signal_tree(&self, signal: Signal) {
        self.signal(signal);
        for stray in strays::of(&self.token, self.pid) {
            strays::kill(stray, signal);
        }
    }

    /// Kills what the leader left behind and returns how many processes that were.
    fn kill_strays(&self) -> usize {
        strays::kill_all(|| strays::of(&self.token, self.pid))
    }

    fn reap(&mut self) -> io::Result<wait4::ResUse> {
        let child = self.child.take().expect("a group is reaped once");
        let used = child.wait4();
        strays::forget(self.pid);
        used
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.child.is_none() {
            return;
        }
        self.signal_tree(Signal::KILL);
        self.kill_strays();
        if let Err(error) = self.reap() {
            tracing::warn!("failed to reap process {}: {error}", self.pid.as_raw_nonzero());
        }
    }
}

fn named(error: &io::Error, program: &OsStr, dir: &Path) -> io::Error {
    let (program, dir) = (program.display(), dir.display());
    io::Error::new(error.kind(), format!("failed to start `{program}` in `{dir}`: {error}"))
}

#[cfg(test)]
mod tests;
