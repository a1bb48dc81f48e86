//! What goes wrong around a run, and a run under it.

use super::processes::{GONE, MARK, marked, unique_mark};
use super::root::{MMOPS, Root, environment};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A run that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(30);

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disturbance {
    StdoutFull,
    StderrFull,
    BothClosed,
    /// The call of these that comes at this number fails, in each thread.
    Fails {
        calls: &'static str,
        error: &'static str,
        at: u32,
    },
    /// Every second call of these is interrupted, from this number on.
    Interrupted {
        calls: &'static str,
        from: u32,
    },
    /// No more descriptors than this.
    Descriptors(u32),
    /// No file may become larger than this many blocks of 512 bytes.
    FileSize(u32),
    /// After this part of the time that an undisturbed run takes.
    Terminated(f64),
    /// Two, a millisecond apart.
    TerminatedTwice(f64),
    Killed(f64),
}

/// A kind of call that can fail, and how.
pub const FAILURES: [(&str, &str); 17] = [
    ("write,writev", "ENOSPC"),
    ("pwrite64,pwritev,pwritev2", "ENOSPC"),
    ("rename,renameat,renameat2", "ENOSPC"),
    ("open,openat,openat2", "ENOSPC"),
    ("fsync,fdatasync,syncfs", "ENOSPC"),
    ("mkdir,mkdirat", "ENOSPC"),
    ("ftruncate,fallocate", "ENOSPC"),
    ("link,linkat,symlink,symlinkat", "ENOSPC"),
    ("copy_file_range,sendfile,splice", "ENOSPC"),
    ("unlink,unlinkat,rmdir", "EIO"),
    ("utimensat,fchmod,fchmodat,fchown", "EIO"),
    ("read,pread64,readv", "EIO"),
    ("getdents64", "EIO"),
    ("stat,lstat,fstat,newfstatat,statx", "EIO"),
    ("flock", "ENOLCK"),
    ("clone,clone3,fork,vfork", "EAGAIN"),
    ("pipe2,memfd_create,socketpair,eventfd2,epoll_create1", "EMFILE"),
];

/// Calls that a signal may interrupt, and how many of each the start of a program makes before its first line.
pub const INTERRUPTIONS: [(&str, u32); 5] = [
    ("open,openat", 14),
    ("read,pread64", 14),
    ("write,pwrite64,writev", 1),
    ("wait4,waitid,poll,ppoll,epoll_wait,epoll_pwait,nanosleep,clock_nanosleep", 2),
    ("fsync,fdatasync,flock,fallocate,ftruncate", 1),
];

impl Disturbance {
    /// The column of the table that it is counted in.
    pub fn kind(self) -> &'static str {
        match self {
            Self::StdoutFull => "stdout full",
            Self::StderrFull => "stderr full",
            Self::BothClosed => "both closed",
            Self::Fails { error: "ENOSPC", .. } | Self::FileSize(_) => "disk full",
            Self::Fails { error: "EAGAIN" | "EMFILE", .. } | Self::Descriptors(_) => {
                "no descriptor or process"
            }
            Self::Fails { .. } => "I/O error",
            Self::Interrupted { .. } => "interrupted calls",
            Self::Terminated(_) => "SIGTERM",
            Self::TerminatedTwice(_) => "two signals",
            Self::Killed(_) => "SIGKILL",
        }
    }

    /// Whether it needs `strace`.
    pub fn is_injected(self) -> bool {
        matches!(self, Self::Fails { .. } | Self::Interrupted { .. })
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// Negative for a signal.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    pub is_hung: bool,
    /// What was still running a second later.
    pub left: Vec<String>,
    /// The calls that were made to fail.
    pub injected: Vec<String>,
}

impl Run {
    /// Whether the program came so far as to have a first line.
    pub fn has_started(&self) -> bool {
        !(self.code == 127 && self.stderr.contains("error while loading shared libraries"))
    }

    /// Whether stdout took what was written to it.
    pub fn could_print(&self) -> bool {
        !self.injected.iter().any(|call| call.contains("write(1, ") || call.contains("writev(1, "))
    }

    /// Whether it was the removal of this file that was made to fail.
    pub fn could_not_remove(&self, name: &str) -> bool {
        let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
        self.injected.iter().any(|call| call.contains(" unlink") && call.contains(last))
    }

    pub fn marker(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

/// Runs a command line in a root, disturbed or not; `usual` is how long it takes undisturbed.
pub fn run(root: &Root, line: &str, disturbance: Option<Disturbance>, usual: Duration) -> Run {
    let mark = unique_mark();
    let calls = tempfile::NamedTempFile::new().unwrap();
    let words = line.split(' ').filter(|word| !word.is_empty());
    let mut command = match disturbance {
        Some(Disturbance::Fails { calls: names, error, at }) => {
            traced(calls.path(), names, &format!("{error}:when={at}"))
        }
        Some(Disturbance::Interrupted { calls: names, from }) => {
            traced(calls.path(), names, &format!("EINTR:when={from}+2"))
        }
        Some(Disturbance::BothClosed) => shell("exec \"$@\" >&- 2>&-"),
        Some(Disturbance::Descriptors(most)) => shell(&format!("ulimit -n {most}; exec \"$@\"")),
        Some(Disturbance::FileSize(most)) => shell(&format!("ulimit -f {most}; exec \"$@\"")),
        _ => Command::new(&*MMOPS),
    };
    environment(command.args(words), root.path(), &mark).process_group(0);
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    command.stdout(if disturbance == Some(Disturbance::StdoutFull) { full() } else { Stdio::piped() });
    command.stderr(if disturbance == Some(Disturbance::StderrFull) { full() } else { Stdio::piped() });
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    signal(&child, disturbance, usual);
    let (mut is_hung, mut pause) = (false, Duration::from_micros(500));
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > LONGEST && !is_hung {
            is_hung = true;
            kill(&mark);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    };
    let took = started.elapsed();
    let ended = Instant::now();
    let mut left = marked(&mark);
    while !left.is_empty() && ended.elapsed() < GONE {
        std::thread::sleep(Duration::from_millis(2));
        left = marked(&mark);
    }
    kill(&mark);
    let text = |reader: std::thread::JoinHandle<Vec<u8>>| {
        root.without_name(&String::from_utf8_lossy(&reader.join().unwrap()))
    };
    let calls = std::fs::read_to_string(calls.path()).unwrap_or_default();
    let injected = calls.lines().filter(|line| line.ends_with("(INJECTED)")).map(str::to_owned).collect();
    let code = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
    Run { code, stdout: text(stdout), stderr: text(stderr), took, is_hung, left, injected }
}

fn traced(log: &std::path::Path, calls: &str, how: &str) -> Command {
    let mut command = Command::new("strace");
    // Not every name is a call of every machine.
    let calls: Vec<String> = calls.split(',').map(|call| format!("?{call}")).collect();
    let calls = calls.join(",");
    command.args(["-f", "--seccomp-bpf", "-qq", "-s", "80", "-o"]).arg(log);
    command.args(["-e", "signal=none", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:error={how}"), "--"]).arg(&*MMOPS);
    command
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(&*MMOPS);
    command
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        bytes
    })
}

fn signal(child: &Child, disturbance: Option<Disturbance>, usual: Duration) {
    let send = |signal| {
        let sent = kill_process(Pid::from_child(child), signal);
        assert!(matches!(sent, Ok(()) | Err(rustix::io::Errno::SRCH)), "{sent:?}");
    };
    match disturbance {
        Some(Disturbance::Terminated(part)) => {
            std::thread::sleep(usual.mul_f64(part));
            send(Signal::TERM);
        }
        Some(Disturbance::TerminatedTwice(part)) => {
            std::thread::sleep(usual.mul_f64(part));
            send(Signal::TERM);
            std::thread::sleep(Duration::from_millis(1));
            send(Signal::INT);
        }
        Some(Disturbance::Killed(part)) => {
            std::thread::sleep(usual.mul_f64(part));
            send(Signal::KILL);
        }
        _ => {}
    }
}

/// Ends what a run has left, each by its own number.
fn kill(mark: &str) {
    for line in marked(mark) {
        let number = line.split(' ').next().and_then(|number| number.parse().ok());
        if let Some(process) = number.and_then(Pid::from_raw) {
            // It may be gone by now.
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// Whether calls can be made to fail here.
pub fn can_inject() -> bool {
    let mut command = traced(std::path::Path::new("/dev/null"), "getpid", "EIO:when=1");
    command.arg("--version").env(MARK, "").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
