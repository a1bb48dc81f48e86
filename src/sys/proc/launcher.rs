//! The first moments of a child: this program, started again, makes itself what a child is to be and then
//! becomes the program that was asked for.
//!
//! A child has a session of its own, so that it has no terminal to wait for, and gets SIGKILL from the kernel
//! when the thread that started it ends, whatever that dies of. Neither can be set from outside. It tells of
//! itself through a pipe which stands where its stdin or stderr will be `/dev/null`: `r` and the end of the pipe
//! when it becomes the program, or the number of the error.
#![expect(clippy::disallowed_methods, reason = "this folder owns child processes")]

use super::process::own_pid;
use crate::format::uninterrupted;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Signal, getppid, set_parent_process_death_signal, setsid};
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// The first argument of a program that is to become a child; no command is called so.
pub(super) const ARGUMENT: &str = "__become";

/// How long a child may take to become its program.
const START: Timespec = Timespec { tv_sec: 30, tv_nsec: 0 };

/// Whether the running binary understands [`ARGUMENT`]. Tests of the library run in one that does not; their
/// children get a process group of their own, and nobody ends them if the test is killed.
static IS_ENABLED: AtomicBool = AtomicBool::new(false);

/// The running binary passes its first argument to [`super::hidden`].
pub(super) fn enable() {
    IS_ENABLED.store(true, Ordering::Relaxed);
}

pub(super) fn is_enabled() -> bool {
    IS_ENABLED.load(Ordering::Relaxed)
}

/// This program as it runs, also where its file was replaced.
pub(super) fn own_program() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("mmops");
    command
}

/// The streams of a child; none is `/dev/null`. One of stdin and stderr must be.
pub(crate) struct Streams {
    pub(crate) stdin: Option<Stdio>,
    pub(crate) stdout: Stdio,
    pub(crate) stderr: Option<Stdio>,
}

/// A command that is ready to be spawned.
pub(super) struct Launch {
    pub(super) command: Command,
    status: Option<PipeReader>,
}

/// The command that becomes `program`.
pub(super) fn launch(program: &OsStr, args: &[OsString], streams: Streams) -> io::Result<Launch> {
    let Streams { stdin, stdout, stderr } = streams;
    if !is_enabled() {
        let mut command = Command::new(program);
        command.args(args).process_group(0).stdout(stdout);
        command.stdin(stdin.unwrap_or_else(Stdio::null)).stderr(stderr.unwrap_or_else(Stdio::null));
        return Ok(Launch { command, status: None });
    }
    let (reader, writer) = io::pipe()?;
    let mut command = own_program();
    let channel = if stdin.is_none() { Channel::Stdin } else { Channel::Stderr };
    command.args([ARGUMENT, channel.as_str(), &own_pid().to_string()]).arg(program).args(args).stdout(stdout);
    let (stdin, stderr) = match channel {
        Channel::Stdin => (writer.into(), stderr.unwrap_or_else(Stdio::null)),
        Channel::Stderr => {
            debug_assert!(
                stderr.is_none(),
                "a child whose stdin and stderr are both used cannot report its start"
            );
            (stdin.unwrap_or_else(Stdio::null), writer.into())
        }
    };
    command.stdin(stdin).stderr(stderr);
    Ok(Launch { command, status: Some(reader) })
}

impl Launch {
    /// Waits until the spawned child is the program, or says why it did not become it.
    pub(super) fn wait(self) -> io::Result<()> {
        // With the command goes our end of the pipe on which the child reports.
        drop(self.command);
        let Some(mut status) = self.status else { return Ok(()) };
        let mut report = String::new();
        loop {
            let mut fds = [PollFd::new(&status, PollFlags::IN)];
            match poll(&mut fds, Some(&START)) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not start within 30 s")),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let mut bytes = [0; 32];
            match uninterrupted(|| status.read(&mut bytes))? {
                0 => break,
                n => report.push_str(&String::from_utf8_lossy(&bytes[..n])),
            }
        }
        match report.split_once('e') {
            None if report == "r" => Ok(()),
            Some((_, number)) => {
                Err(number.parse().map_or_else(io::Error::other, io::Error::from_raw_os_error))
            }
            None => Err(io::Error::other("it ended before it became the program")),
        }
    }
}

/// The stream that carries the report.
#[derive(Clone, Copy)]
enum Channel {
    Stdin,
    Stderr,
}

impl Channel {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stdin => "stdin",
            Self::Stderr => "stderr",
        }
    }

    fn parse(text: &OsStr) -> Option<Self> {
        [Self::Stdin, Self::Stderr].into_iter().find(|channel| text == channel.as_str())
    }

    /// Takes the pipe away and leaves `/dev/null` in its place.
    fn take(self) -> io::Result<PipeWriter> {
        let null =
            retry_on_intr(|| rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()))?;
        let above_streams = 3;
        let own = match self {
            Self::Stdin => rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), above_streams)?,
            Self::Stderr => rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), above_streams)?,
        };
        match self {
            Self::Stdin => rustix::stdio::dup2_stdin(&null)?,
            Self::Stderr => rustix::stdio::dup2_stderr(&null)?,
        }
        Ok(PipeWriter::from(own))
    }
}

/// Becomes the program that these arguments after [`ARGUMENT`] name; returns only if that fails, which the parent
/// is told of.
pub(super) fn become_program(args: &[OsString]) -> Option<()> {
    let [channel, parent, program, args @ ..] = args else { return None };
    let mut status = Channel::parse(channel)?.take().ok()?;
    let error = try_become(parent.to_str()?.parse().ok()?, program, args, &mut status);
    let number = error.raw_os_error().unwrap_or_else(|| Errno::INVAL.raw_os_error());
    // Without a parent there is nobody to tell.
    status.write_all(format!("e{number}").as_bytes()).ok()
}

fn try_become(parent: i32, program: &OsStr, args: &[OsString], status: &mut PipeWriter) -> io::Error {
    let prepare = || -> io::Result<()> {
        setsid()?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have died before the line above took effect.
        match getppid() {
            Some(actual) if actual.as_raw_nonzero().get() == parent => Ok(()),
            _ => Err(Errno::SRCH.into()),
        }
    };
    if let Err(error) = prepare() {
        return error;
    }
    if let Err(error) = status.write_all(b"r") {
        return error;
    }
    Command::new(program).args(args).exec()
}
