//! A running child with everything that it starts.
#![expect(clippy::disallowed_methods, reason = "this folder owns child processes")]

use super::launcher::{self, Streams};
use super::process::{TOKEN, WITHIN, own_pid};
use super::strays::{Leftovers, Survivor};
use super::{process, strays, watchdog};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wait4::Wait4 as _;

/// How long a process may take to be gone after SIGKILL.
pub(super) const KILL_WAIT: Duration = Duration::from_secs(2);

/// A running child that leads a session and a process group; dropping it kills everything it started. It must
/// not outlive the thread that started it: the kernel kills the child at the end of that.
#[derive(Debug)]
pub(crate) struct Group {
    child: Option<Child>,
    pid: Pid,
    token: String,
}

impl Group {
    /// Starts `argv`; what it starts in turn is found by the token in its environment. A variable of `env`
    /// without a value is not inherited.
    pub(crate) fn spawn(
        argv: &[OsString],
        dir: &Path,
        env: &[(OsString, Option<OsString>)],
        streams: Streams,
    ) -> io::Result<Self> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        strays::adopt_orphans()?;
        watchdog::start()?;
        let Some((program, args)) = argv.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "empty command"));
        };
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let token = format!("{}-{number}-{}", own_pid(), strays::boot_ticks());
        let failed = |error: io::Error| named(&error, program, dir);
        let mut launch = launcher::launch(program, args, streams).map_err(failed)?;
        launch.command.current_dir(dir);
        for (name, value) in env {
            match value {
                Some(value) => launch.command.env(name, value),
                None => launch.command.env_remove(name),
            };
        }
        launch.command.env(TOKEN, marked(&token));
        let child = strays::spawn_tracked(&mut launch.command).map_err(failed)?;
        let pid = Pid::from_child(&child);
        watchdog::notify('+', pid);
        // A child that does not start is killed and reaped when the group is dropped.
        let group = Self { child: Some(child), pid, token };
        launch.wait().map_err(failed)?;
        Ok(group)
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
        self.child.is_none() || matches!(process::is_alive(self.pid.as_raw_nonzero().get()), Ok(false))
    }

    /// Whether a stop signal has taken effect on the leader since the last call.
    pub(crate) fn has_stopped(&self) -> bool {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        matches!(waitid(WaitId::Pid(self.pid), options), Ok(Some(_)))
    }

    /// Becomes readable when the leader ends.
    pub(super) fn pidfd(&self) -> io::Result<OwnedFd> {
        Ok(pidfd_open(self.pid, PidfdFlags::empty())?)
    }

    /// Kills every process that belongs to the group, in it or not.
    pub(super) fn kill_tree(&self) {
        self.signal(Signal::KILL);
        strays::kill(self.pid, Signal::KILL);
        match strays::of(&self.token, self.pid) {
            Ok(strays) => strays.into_iter().for_each(|stray| strays::kill(stray, Signal::KILL)),
            Err(error) => tracing::debug!("what else is to be killed is not known: {error}"),
        }
    }

    /// Whether something besides the leader is there, as far as is known.
    pub(super) fn has_strays(&self) -> bool {
        strays::of(&self.token, self.pid).map_or(true, |strays| !strays.is_empty())
    }

    /// Kills what the leader left behind.
    pub(super) fn kill_strays(&self) -> Leftovers {
        strays::kill_all(|| strays::of(&self.token, self.pid))
    }

    /// The leader, if it is still there.
    pub(super) fn survivor(&self) -> io::Result<Option<Survivor>> {
        Survivor::of(self.pid.as_raw_nonzero().get())
    }

    /// What the leader, which has ended, has used.
    pub(super) fn reap(&mut self) -> io::Result<wait4::ResUse> {
        let child = self.child.take().expect("a group is reaped once");
        watchdog::notify('-', self.pid);
        let used = child.wait4();
        strays::forget(self.pid);
        used
    }

    /// Gives up a leader that cannot be killed. It stays a leader, so that nobody takes it for a stray.
    pub(super) fn abandon(&mut self) {
        self.child = None;
    }

    fn ends_within(&self, patience: Duration) -> io::Result<bool> {
        let pidfd = self.pidfd()?;
        let due = Instant::now() + patience;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
            let timeout = Timespec { tv_sec: seconds, tv_nsec: i64::from(left.subsec_nanos()) };
            match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.child.is_none() {
            return;
        }
        self.kill_tree();
        let has_ended = self.ends_within(KILL_WAIT);
        self.kill_strays();
        let reaped = match has_ended {
            Ok(true) => self.reap().map(drop),
            Ok(false) => Err(io::Error::new(io::ErrorKind::TimedOut, "it could not be killed")),
            Err(error) => Err(error),
        };
        if let Err(error) = reaped {
            tracing::warn!("failed to reap process {}: {error}", self.pid.as_raw_nonzero());
        }
    }
}

/// The tokens of this process with one more.
fn marked(token: &str) -> OsString {
    let mut mark = std::env::var_os(TOKEN).unwrap_or_default();
    if !mark.is_empty() {
        mark.push(WITHIN.to_string());
    }
    mark.push(token);
    mark
}

fn named(error: &io::Error, program: &OsStr, dir: &Path) -> io::Error {
    let (program, dir) = (program.display(), dir.display());
    io::Error::new(error.kind(), format!("failed to start `{program}` in `{dir}`: {error}"))
}
