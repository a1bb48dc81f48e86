//! Logs on stderr: one line an event, `level: message key=value`, or JSON objects.
//!
//! The log serves the run and never ends it: what stderr does not take, because the disk is full, the terminal
//! is gone or nobody reads the pipe, is counted and left out.

use crate::format::text;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// `note: message key=value`
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Starts logging; `verbosity` is -1 for quiet, 0 for notes and warnings, more for details. A second
/// call in one process changes nothing.
pub(crate) fn start(format: LogFormat, verbosity: i8) {
    let level = match verbosity {
        ..=-1 => Level::ERROR,
        0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    // The library would report a failed write of its own with `eprintln!`, which panics.
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .log_internal_errors(false)
        .with_writer(move || Stderr { format });
    let started = match format {
        LogFormat::Text => {
            let subscriber = builder.with_ansi(false).event_format(Line).finish();
            tracing::subscriber::set_global_default(subscriber)
        }
        LogFormat::Json => tracing::subscriber::set_global_default(builder.json().finish()),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Logs a fault of mmops itself, whether or not logging was started.
pub(crate) fn fatal(message: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::error!("{message}");
    } else {
        Stderr { format: LogFormat::Text }.put(format!("error: {message}\n").as_bytes());
    }
}

/// So many bytes a pipe takes at once without waiting where it takes any.
const PIPE_BUF: usize = 4096;

/// How long a line waits for a reader. After one that waited in vain the next ones do not wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// Lines that stderr did not take since the last one that it took.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Stderr, to which a write never fails and never waits for long.
struct Stderr {
    format: LogFormat,
}

impl Stderr {
    fn put(&self, line: &[u8]) {
        let lost = LOST.load(Ordering::Relaxed);
        let patience = if lost == 0 { PATIENCE } else { Duration::ZERO };
        let gap = (lost > 0).then(|| self.gap(lost));
        let is_written =
            gap.is_none_or(|gap| write_waiting(gap.as_bytes(), patience)) && write_waiting(line, patience);
        LOST.store(if is_written { 0 } else { lost + 1 }, Ordering::Relaxed);
    }

    /// The line that says how many are missing before it.
    fn gap(&self, lost: u64) -> String {
        let text = format!("{lost} lines of the log are missing here, which stderr did not take");
        match self.format {
            LogFormat::Text => format!("warning: {text}\n"),
            LogFormat::Json => format!("{{\"level\":\"WARN\",\"fields\":{{\"message\":\"{text}\"}}}}\n"),
        }
    }
}

impl io::Write for Stderr {
    /// Gets each line whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.put(text::redacted(&text).as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_waiting(text: &[u8], patience: Duration) -> bool {
    let mut stderr = io::stderr().lock();
    text.chunks(PIPE_BUF).all(|part| takes_bytes(patience) && stderr.write_all(part).is_ok())
}

/// Whether stderr takes something within `patience`; one that is broken says so when it is written to.
fn takes_bytes(patience: Duration) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(rustix::stdio::stderr(), PollFlags::OUT)];
    let seconds = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX);
    let timeout = Timespec { tv_sec: seconds, tv_nsec: i64::from(patience.subsec_nanos()) };
    !matches!(poll(&mut fds, Some(&timeout)), Ok(0))
}

/// Target of events that say what to do about the error before them, which is their word in the log as well.
pub(crate) const HINT: &str = "hint";

/// The words of an operator's terminal: `note:`, `warning:`, `error:`, `hint:`.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "note",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let label = if event.metadata().target() == HINT { HINT } else { level };
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        writeln!(writer, "{label}: {}", text::line(&fields))
    }
}
