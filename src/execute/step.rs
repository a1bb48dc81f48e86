//! A step as a child process: a program with a time of its own, tried again where that is asked for, and what counts
//! as its failure.

use super::outcome::{StepEnd, StepOutput, StepRun};
use crate::format::text;
use crate::report::SIMULATED;
use crate::report::exit::Fault;
use crate::sys::clock::{self, Clock};
use crate::sys::env;
use crate::sys::proc::{self, Captured, End, Finished, GRACE, Task};
use crate::sys::signal::Cancel;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes kept of each output stream of a step.
const CAPTURE_BYTES: usize = 1 << 20;

/// A program that is to be run.
pub(crate) struct StepCommand<'a> {
    /// Program and arguments; the program `mmops` is this binary. Never empty.
    pub(crate) argv: &'a [String],
    /// Working directory.
    pub(crate) dir: PathBuf,
    /// Variables beside those of mmops.
    pub(crate) env: &'a BTreeMap<String, String>,
    /// Time until it is stopped.
    pub(crate) timeout: Duration,
    /// How often it is tried again when it fails.
    pub(crate) retries: u8,
    /// Why it may fail.
    pub(crate) allow_fail: Option<&'a str>,
    /// Where its output goes as well, of all attempts.
    pub(crate) log: Option<Arc<File>>,
}

/// When every step must have ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    started: Instant,
    length: Duration,
}

impl Deadline {
    pub(crate) fn from_now(length: Duration) -> Self {
        Self { started: clock::monotonic(), length }
    }
}

/// Runs steps.
pub(crate) struct StepRunner<'a> {
    cancel: &'a Cancel,
    own_binary: PathBuf,
    env: Vec<(OsString, Option<OsString>)>,
    deadline: Option<Deadline>,
}

impl<'a> StepRunner<'a> {
    pub(crate) fn new(clock: &Clock, cancel: &'a Cancel, deadline: Option<Deadline>) -> Result<Self, Fault> {
        let own_binary = env::own_binary()
            .map_err(|error| Fault::dependency(format!("failed to find the running binary: {error}")))?;
        // A clock frozen by --now must be the children's clock as well.
        let now = clock.is_frozen().then(|| ("MMOPS_NOW".into(), Some(clock.now().to_string().into())));
        Ok(Self { cancel, own_binary, env: now.into_iter().collect(), deadline })
    }

    pub(crate) fn time_left(&self) -> Duration {
        let left = |deadline: Deadline| deadline.length.saturating_sub(deadline.started.elapsed());
        self.deadline.map_or(Duration::MAX, left)
    }

    /// Runs the step to its end, or to that of its last attempt.
    pub(crate) fn run(&self, name: &str, step: &StepCommand<'_>) -> StepRun {
        let mut earlier = Vec::new();
        loop {
            let (finished, end) = self.attempt(step);
            let may_retry = earlier.len() < usize::from(step.retries) && self.time_left() > Duration::ZERO;
            match &end {
                StepEnd::Failed(reason) if may_retry && self.cancel.signal().is_none() => {
                    tracing::debug!("step {name} is tried again: {reason}");
                    earlier.push(reason.clone());
                }
                _ => {
                    let end = end.of_attempts(&earlier, step.allow_fail);
                    let simulated = is_own(step) && says_simulated(&finished.stdout.text());
                    return StepRun { earlier_attempts: earlier, simulated, ..step_run(finished, end) };
                }
            }
        }
    }

    fn attempt(&self, step: &StepCommand<'_>) -> (Finished, StepEnd) {
        let is_own = is_own(step);
        let mut argv: Vec<OsString> = step.argv.iter().map(OsString::from).collect();
        if is_own {
            argv[0] = self.own_binary.clone().into();
        }
        let left = self.time_left();
        let own_env = step.env.iter().map(|(name, value)| (name.into(), Some(value.into())));
        let task = Task {
            argv,
            dir: step.dir.clone(),
            env: self.env.iter().cloned().chain(own_env).collect(),
            timeout: step.timeout.min(left),
            grace: GRACE,
            capture_bytes: CAPTURE_BYTES,
            log: step.log.clone(),
        };
        let finished = proc::run(&task, self.cancel);
        let limit = match self.deadline {
            Some(deadline) if left < step.timeout => {
                format!("stopped at the deadline of {}", humantime::format_duration(deadline.length))
            }
            _ => format!("timed out after {}", humantime::format_duration(step.timeout)),
        };
        let end = judge(&finished, is_own, limit);
        (finished, end)
    }
}

fn is_own(step: &StepCommand<'_>) -> bool {
    step.argv[0] == "mmops"
}

impl StepRun {
    /// A step that could not be started.
    pub(crate) fn not_started(reason: &str) -> Self {
        step_run(Finished::not_started(&reason), StepEnd::Unknown(reason.to_owned()))
    }
}

fn step_run(finished: Finished, end: StepEnd) -> StepRun {
    let output = |captured: Captured| {
        let bytes = captured.total();
        let (text, bytes_not_kept) = captured.text_for_json(CAPTURE_BYTES);
        StepOutput { text: text::redacted(&text).into_owned(), bytes, bytes_not_kept }
    };
    let (exit_code, signal) = match finished.end {
        End::Exited(code) => (Some(code), None),
        End::Signalled(signal) => (None, Some(signal)),
        End::TimedOut | End::Cancelled | End::NotStarted(_) => (None, None),
    };
    StepRun {
        end,
        exit_code,
        signal,
        duration_secs: finished.wall.as_secs_f64(),
        peak_rss_bytes: finished.peak_rss_bytes,
        simulated: false,
        processes_left: finished.left.killed + finished.left.alive.len(),
        earlier_attempts: Vec::new(),
        unowned: Vec::new(),
        stdout: output(finished.stdout),
        stderr: output(finished.stderr),
    }
}

/// `limit` says which limit a step met that was stopped.
fn judge(finished: &Finished, is_own: bool, limit: String) -> StepEnd {
    let left = finished.left.reasons();
    let failed = |reason: String| {
        StepEnd::Failed(std::iter::once(reason).chain(left.iter().cloned()).collect::<Vec<_>>().join("; "))
    };
    match &finished.end {
        End::NotStarted(reason) => StepEnd::Unknown(reason.clone()),
        End::Cancelled => StepEnd::Unknown("stopped because mmops was asked to stop".to_owned()),
        End::TimedOut => failed(limit),
        End::Signalled(signal) => failed(format!("died by signal {signal}")),
        End::Exited(code) if *code != 0 => failed(format!("exit code {code}")),
        End::Exited(_) if !left.is_empty() => StepEnd::Failed(left.join("; ")),
        End::Exited(_) if let Some(error) = finished.unread() => StepEnd::Unknown(error),
        End::Exited(_) if is_own => of_marker(&finished.stdout.text()),
        End::Exited(_) => StepEnd::Passed,
    }
}

/// The answer of a step that is mmops is that of its marker, the last line. An exit code alone would let a step
/// pass that only printed its version.
fn of_marker(stdout: &str) -> StepEnd {
    let cells: Vec<&str> = stdout.lines().last().unwrap_or_default().split('|').map(str::trim).collect();
    match cells.as_slice() {
        ["", name, status, marker, ""] if !name.is_empty() && marker.contains('=') => match *status {
            "OK" => StepEnd::Passed,
            "WARN" => StepEnd::Warned(format!("its report is WARN: {marker}")),
            _ => StepEnd::Failed(format!("exit code 0 with the marker {status} {marker}")),
        },
        _ => StepEnd::Failed("exit code 0 without a marker line `| name | OK | KEY=VALUE |`".to_owned()),
    }
}

/// Whether a report of ours has the row that says so.
fn says_simulated(stdout: &str) -> bool {
    let first_cell = |line: &str| Some(line.strip_prefix('|')?.split('|').next()?.trim().to_owned());
    stdout.lines().filter_map(first_cell).any(|name| name == SIMULATED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_whose_output_could_not_be_read_is_not_one_that_passed() {
        let finished = |code, error: Option<i32>| {
            let mut stdout = Captured::new(64);
            stdout.push(b"| a | OK | B=C |\n");
            if let Some(error) = error {
                stdout.break_off(&std::io::Error::from_raw_os_error(error));
            }
            Finished { end: End::Exited(code), stdout, ..Finished::not_started(&"") }
        };
        for is_own in [false, true] {
            assert_eq!(judge(&finished(0, None), is_own, String::new()), StepEnd::Passed);
            let end = judge(&finished(0, Some(5)), is_own, String::new());
            assert!(
                matches!(&end, StepEnd::Unknown(why) if why.contains("stdout could not be read")),
                "{end:?}"
            );
            assert!(matches!(judge(&finished(1, Some(5)), is_own, String::new()), StepEnd::Failed(_)));
        }
    }

    #[test]
    fn the_answer_of_a_step_that_is_mmops_is_that_of_its_marker() {
        assert_eq!(of_marker("x\n| scan_secrets | OK | RESULT=CLEAN |\n"), StepEnd::Passed);
        let warned = StepEnd::Warned("its report is WARN: GOLDEN=DRIFT".to_owned());
        assert_eq!(of_marker("| golden_compare | WARN | GOLDEN=DRIFT |"), warned);
        for text in ["", "mmops 0.1.0\n", "| a | FAIL | B=C |\n", "| a | OK |\n", "| a | OK | B=C |\ntail\n"]
        {
            assert!(matches!(of_marker(text), StepEnd::Failed(_)), "{text:?}");
        }
    }
}
