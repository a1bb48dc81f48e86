//! The exit codes, and which error leads to which: the only file with these numbers.
//!
//! `Ok(report)` with failing rows means the answer is no; `Err` means the question could not be
//! asked. A [`Fault`] anywhere in an error's chain says why, and [`classify`] turns it into a code.

use rustix::io::Errno;
use std::fmt;
use std::io;

/// What the process tells its caller; documented in `mmops --help` and the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The question was asked and the answer is yes.
    Ok = 0,
    /// The answer is no.
    Fail = 1,
    /// A deadline or the evidence ran out before there was an answer.
    Stalled = 2,
    /// Configuration or an input file cannot be used.
    Config = 3,
    /// A remote side failed.
    Api = 4,
    /// A local program or resource is missing.
    Dependency = 5,
    /// The command line is wrong.
    Usage = 64,
    /// A fault of mmops itself.
    Internal = 70,
    /// Ended by SIGHUP after a clean stop.
    Hangup = 129,
    /// Ended by SIGINT after a clean stop.
    Interrupted = 130,
    /// Ended by SIGQUIT after a clean stop.
    Quit = 131,
    /// Ended by SIGTERM after a clean stop.
    Terminated = 143,
}

impl Exit {
    /// Every code with its name and meaning, in numeric order; the source of each printed table.
    pub const TABLE: [(Exit, &'static str, &'static str); 12] = [
        (Exit::Ok, "OK", "the question was asked and the answer is yes"),
        (Exit::Fail, "FAIL", "the answer is no"),
        (Exit::Stalled, "STALLED", "a deadline or the evidence ran out before there was an answer"),
        (Exit::Config, "CONFIG", "configuration or an input file cannot be used"),
        (Exit::Api, "API", "a remote side failed"),
        (Exit::Dependency, "DEPENDENCY", "a local program or resource is missing"),
        (Exit::Usage, "USAGE", "the command line is wrong"),
        (Exit::Internal, "INTERNAL", "a fault of mmops itself"),
        (Exit::Hangup, "HANGUP", "ended by SIGHUP after a clean stop"),
        (Exit::Interrupted, "INTERRUPTED", "ended by SIGINT after a clean stop"),
        (Exit::Quit, "QUIT", "ended by SIGQUIT after a clean stop"),
        (Exit::Terminated, "TERMINATED", "ended by SIGTERM after a clean stop"),
    ];

    /// The number the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The code of a clean stop that this signal asked for.
    pub(crate) fn of_signal(signal: i32) -> Self {
        match signal {
            1 => Self::Hangup,
            2 => Self::Interrupted,
            3 => Self::Quit,
            _ => Self::Terminated,
        }
    }

    /// Whether a signal ended the run.
    pub(crate) fn is_stop(self) -> bool {
        matches!(self, Self::Hangup | Self::Interrupted | Self::Quit | Self::Terminated)
    }

    /// The one place where a command that promises 0 or 1 and nothing else keeps its promise.
    #[must_use]
    pub fn clamped(self) -> Self {
        if self == Exit::Ok { Exit::Ok } else { Exit::Fail }
    }
}

/// Why a question could not be asked, with what the operator can do about it.
#[derive(Clone, Debug)]
pub struct Fault {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Fault {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Configuration or an input file cannot be used; the message names path, line and value.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Exit::Config, message)
    }

    /// A local program or resource is missing.
    pub fn dependency(message: impl Into<String>) -> Self {
        Self::new(Exit::Dependency, message)
    }

    /// A remote side failed: unreachable, refused, unauthorised, or its answer cannot be used.
    pub fn api(message: impl Into<String>) -> Self {
        Self::new(Exit::Api, message)
    }

    /// A deadline or the evidence ran out.
    pub fn stalled(message: impl Into<String>) -> Self {
        Self::new(Exit::Stalled, message)
    }

    /// The command line contradicts itself in a way clap cannot see.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A stop asked for by a signal.
    pub fn stopped(signal: i32) -> Self {
        let message = match signal {
            1 => "stopped by SIGHUP",
            2 => "interrupted",
            3 => "stopped by SIGQUIT",
            _ => "terminated",
        };
        Self::new(Exit::of_signal(signal), message)
    }

    /// Adds a line that tells the operator what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The fault of a failed write to `what`: a full or read-only disk or another exhausted resource is a
    /// missing resource, anything else means that the output path cannot be used.
    pub fn write(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::of_file(format!("failed to write {what}: {error}"), error)
    }

    /// The same of a failed read from `what`.
    pub fn read(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::of_file(format!("failed to read {what}: {error}"), error)
    }

    fn of_file(message: String, error: &io::Error) -> Self {
        if is_exhausted(error) { Self::dependency(message) } else { Self::config(message) }
    }
}

/// Whether the system has no more of something: room, descriptors, memory, processes.
fn is_exhausted(error: &io::Error) -> bool {
    let kind = matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::WouldBlock
    );
    kind || [Errno::MFILE, Errno::NFILE].iter().any(|code| error.raw_os_error() == Some(code.raw_os_error()))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// The code of an error: that of the first [`Fault`] in its chain, 0 for a closed pipe, else 70.
pub fn classify(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(fault) = cause.downcast_ref::<Fault>() {
            return fault.exit;
        }
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::BrokenPipe
        {
            return Exit::Ok;
        }
    }
    Exit::Internal
}

/// The hints of every [`Fault`] in the chain, outermost first.
pub(crate) fn hints(error: &anyhow::Error) -> impl Iterator<Item = &str> {
    error.chain().filter_map(|cause| cause.downcast_ref::<Fault>()?.hint.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn the_table_is_in_numeric_order_and_complete() {
        let codes: Vec<u8> = Exit::TABLE.iter().map(|(exit, ..)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 64, 70, 129, 130, 131, 143]);
    }

    #[test]
    fn an_error_takes_the_code_of_the_first_fault_in_its_chain() {
        let error = Err::<(), _>(anyhow::Error::new(Fault::config("bad `x`")))
            .context("failed to start")
            .unwrap_err();
        assert_eq!(classify(&error), Exit::Config);
        assert_eq!(classify(&anyhow::anyhow!("surprise")), Exit::Internal);
        let pipe = anyhow::Error::new(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(classify(&pipe), Exit::Ok);
    }

    #[test]
    fn what_is_exhausted_is_a_missing_resource_and_a_bad_path_is_configuration() {
        let full = Fault::write("`a`", &io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit, Exit::Dependency);
        let denied = Fault::write("`a`", &io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(denied.exit, Exit::Config);
        for code in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN] {
            assert_eq!(Fault::read("`a`", &code.into()).exit, Exit::Dependency, "{code}");
        }
        assert_eq!(Fault::read("`a`", &Errno::IO.into()).exit, Exit::Config);
    }

    #[test]
    fn the_code_of_a_stop_is_that_of_the_shell() {
        for (signal, code) in [(1, 129), (2, 130), (3, 131), (15, 143)] {
            let exit = Exit::of_signal(signal);
            assert_eq!((exit.code(), exit.is_stop()), (code, true));
        }
        assert_eq!(Exit::TABLE.iter().filter(|(exit, ..)| exit.is_stop()).count(), 4);
    }

    #[test]
    fn a_clamped_code_is_0_or_1() {
        for (exit, ..) in Exit::TABLE {
            assert_eq!(exit.clamped() == Exit::Ok, exit == Exit::Ok);
            assert!(exit.clamped().code() <= 1);
        }
    }
}
