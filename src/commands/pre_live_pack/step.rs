//! One step: the child process it becomes, what counts as its failure, and its place in the reports.

use crate::commands::pre_live_pack::steps::Step;
use crate::ctx::Ctx;
use crate::format::markdown;
use crate::report::exit::Fault;
use crate::report::{Row, Status};
use crate::sys::{env, proc};
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes kept of each output stream of a step.
const CAPTURE_BYTES: usize = 1 << 20;
/// Lines of output shown below a failed row.
const SHOWN_LINES: usize = 3;

/// What became of a step.
#[derive(Debug)]
pub(super) struct Ran {
    /// Why it failed, or nothing.
    pub(super) failure: Option<String>,
    finished: proc::Finished,
}

/// Turns steps into child processes.
pub(super) struct Runner {
    own_binary: PathBuf,
    timeout: Duration,
    env: Vec<(OsString, OsString)>,
}

/// Longest time that a step may be given.
const LONGEST: Duration = Duration::from_hours(24);

/// The time after which `step` is stopped.
pub(super) fn timeout(step: &Step, default: Duration) -> Result<Duration, String> {
    let timeout = match &step.timeout {
        None => default,
        Some(text) => humantime::parse_duration(text).map_err(|error| {
            format!("step `{}` has timeout `{text}`: {error}; write 30s or 2m", step.name)
        })?,
    };
    if timeout.is_zero() || timeout > LONGEST {
        let shown = humantime::format_duration(timeout);
        return Err(format!(
            "step `{}` has a timeout of {shown}, it must be above 0s and at most 24h",
            step.name
        ));
    }
    Ok(timeout)
}

impl Runner {
    pub(super) fn new(ctx: &Ctx, timeout: Duration) -> anyhow::Result<Self> {
        let own_binary = env::own_binary()
            .map_err(|error| Fault::dependency(format!("failed to find the running binary: {error}")))?;
        // A clock frozen by --now must be the children's clock as well.
        let now = ctx.clock.is_frozen().then(|| ("MMOPS_NOW".into(), ctx.clock.now().to_string().into()));
        Ok(Self { own_binary, timeout, env: now.into_iter().collect() })
    }

    /// Runs the step. A fault of our own fails it: the steps that wait for it must hear of its end.
    pub(super) fn run_caught(&self, step: &Step, ctx: &Ctx) -> Ran {
        let run = std::panic::AssertUnwindSafe(|| self.run(step, ctx));
        std::panic::catch_unwind(run).unwrap_or_else(|_| {
            let reason = "internal fault: the message above names the place";
            Ran { failure: Some(reason.to_owned()), finished: proc::Finished::not_started(&reason) }
        })
    }

    fn run(&self, step: &Step, ctx: &Ctx) -> Ran {
        let is_own = step.argv[0] == "mmops";
        let mut argv: Vec<OsString> = step.argv.iter().map(OsString::from).collect();
        if is_own {
            argv[0] = self.own_binary.clone().into();
        }
        let timeout =
            timeout(step, self.timeout).expect("the plan's timeouts were checked when it was loaded");
        let task = proc::Task {
            argv,
            dir: ctx.root.clone(),
            env: self.env.clone(),
            timeout,
            grace: proc::GRACE,
            capture_bytes: CAPTURE_BYTES,
        };
        let finished = proc::run(&task, &ctx.cancel);
        let failure = failure(&finished, is_own, timeout);
        Ran { failure, finished }
    }
}

fn failure(finished: &proc::Finished, is_own: bool, timeout: Duration) -> Option<String> {
    match &finished.end {
        proc::End::NotStarted(reason) => Some(reason.clone()),
        proc::End::TimedOut => Some(format!("timed out after {}", humantime::format_duration(timeout))),
        proc::End::Cancelled => Some("stopped because mmops was asked to stop".to_owned()),
        proc::End::Signalled(signal) => Some(format!("died by signal {signal}")),
        proc::End::Exited(code) if *code != 0 => Some(format!("exit code {code}")),
        proc::End::Exited(_) if finished.strays > 0 => {
            Some(format!("left {} processes running, which were killed", finished.strays))
        }
        proc::End::Exited(_) if is_own && !ends_with_ok_marker(&finished.stdout.text()) => {
            Some("exit code 0 without a marker line `| name | OK | KEY=VALUE |`".to_owned())
        }
        proc::End::Exited(_) => None,
    }
}

/// Whether the last line is the marker of a command that said yes. An exit code alone would let a step
/// pass that only printed its version.
fn ends_with_ok_marker(stdout: &str) -> bool {
    let cells: Vec<&str> = stdout.lines().last().unwrap_or_default().split('|').map(str::trim).collect();
    matches!(cells.as_slice(), ["", name, "OK" | "WARN", marker, ""] if !name.is_empty() && marker.contains('='))
}

/// What of a failed step's output tells most: the end of its errors; else the failed rows and the marker
/// of a report; else the end of what it printed.
fn complaint<'a>(stdout: &'a str, stderr: &'a str) -> Vec<&'a str> {
    let written = |line: &&str| !line.trim().is_empty();
    let errors: Vec<&str> =
        stderr.lines().filter(written).filter(|line| !line.starts_with("note: ")).collect();
    let lines: Vec<&str> = stdout.lines().filter(written).collect();
    let is_failed = |line: &&&str| line.starts_with("| ") && line.contains("| FAIL |");
    let mut failed: Vec<&str> = lines.iter().filter(is_failed).copied().collect();
    // The marker stands there twice: in the table, and unpadded at the end.
    let marker = failed.pop();
    failed.pop();
    let report: Vec<&str> = failed.into_iter().take(SHOWN_LINES - 1).chain(marker).collect();
    let chosen = if !errors.is_empty() {
        errors
    } else if !report.is_empty() {
        report
    } else {
        lines
    };
    chosen[chosen.len().saturating_sub(SHOWN_LINES)..].to_vec()
}

impl Ran {
    /// The row of the table, with everything known about the step in its JSON fields. Measured figures
    /// are left out under a frozen clock, which promises the same bytes for the same inputs.
    pub(super) fn row(&self, step: &Step, frozen: bool) -> Row {
        let finished = &self.finished;
        let status = if self.failure.is_none() { Status::Ok } else { Status::Fail };
        let mut row = Row::new(&step.name, status).field("argv", &step.argv);
        if let Some(failure) = &self.failure {
            row = row.reason(failure);
            for line in complaint(&finished.stdout.text(), &finished.stderr.text()) {
                row = row.reason(format!("> {line}"));
            }
        }
        match finished.end {
            proc::End::Exited(code) => row = row.field("step_exit_code", code),
            proc::End::Signalled(signal) => row = row.field("step_signal", signal),
            _ => {}
        }
        if !frozen {
            row = row.field("duration_s", finished.wall.as_secs_f64());
            row = row.field("peak_rss_bytes", finished.peak_rss_bytes);
        }
        let stream = |captured: &proc::Captured| json!({"text": captured.text(), "bytes": captured.total(), "bytes_not_kept": captured.dropped()});
        row.field("processes_left", finished.strays)
            .field("stdout", stream(&finished.stdout))
            .field("stderr", stream(&finished.stderr))
    }
}

/// The output of the steps that failed, as Markdown.
pub(super) fn outputs(steps: &[Step], ran: &[Option<Ran>]) -> String {
    let mut out = String::new();
    for (step, ran) in steps.iter().zip(ran) {
        let Some(ran) = ran.as_ref().filter(|ran| ran.failure.is_some()) else { continue };
        for (name, captured) in [("stdout", &ran.finished.stdout), ("stderr", &ran.finished.stderr)] {
            let text = captured.text();
            out.push_str(&format!("\n## {}: {name}\n\n", step.name));
            out.push_str(&markdown::fenced("", text.trim_end()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_marker_that_says_yes_is_one() {
        assert!(ends_with_ok_marker("x\n| scan_secrets | OK | RESULT=CLEAN |\n"));
        assert!(ends_with_ok_marker("| golden_compare | WARN | GOLDEN=DRIFT |"));
        for text in ["", "mmops 0.1.0\n", "| a | FAIL | B=C |\n", "| a | OK |\n", "| a | OK | B=C |\ntail\n"]
        {
            assert!(!ends_with_ok_marker(text), "{text:?}");
        }
    }
}
