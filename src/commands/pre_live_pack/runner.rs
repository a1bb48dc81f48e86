//! Steps as child processes, and what counts as the failure of one.

use super::plan::{PackPlan, Step, StepState};
use super::verdict::{StepEnd, StepOutput, StepRun};
use crate::ctx::Ctx;
use crate::report::SIMULATED;
use crate::report::exit::Fault;
use crate::sys::proc::{Captured, End, Finished, GRACE, Task};
use crate::sys::work::{self, Queue};
use crate::sys::{env, panics, proc};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes kept of each output stream of a step.
const CAPTURE_BYTES: usize = 1 << 20;

pub(super) struct Runner<'a> {
    ctx: &'a Ctx,
    own_binary: PathBuf,
    /// Of a step without one of its own.
    timeout: Duration,
    env: Vec<(OsString, Option<OsString>)>,
}

/// What the workers share, and what they leave behind.
pub(super) struct Board {
    pub(super) states: Vec<StepState>,
    pub(super) runs: Vec<Option<StepRun>>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(ctx: &'a Ctx, timeout: Duration) -> anyhow::Result<Self> {
        let own_binary = env::own_binary()
            .map_err(|error| Fault::dependency(format!("failed to find the running binary: {error}")))?;
        // A clock frozen by --now must be the children's clock as well.
        let now =
            ctx.clock.is_frozen().then(|| ("MMOPS_NOW".into(), Some(ctx.clock.now().to_string().into())));
        Ok(Self { ctx, own_binary, timeout, env: now.into_iter().collect() })
    }

    /// Runs what waits, so many steps side by side.
    pub(super) fn run_all(&self, plan: &PackPlan, states: Vec<StepState>, jobs: usize) -> Board {
        let runs = plan.steps.iter().map(|_| None).collect();
        let queue = Queue::new(Board { states, runs });
        let next = |board: &mut Board| {
            let at = plan.next(&mut board.states)?;
            board.states[at] = StepState::Running;
            Some(at)
        };
        work::on_threads(jobs.clamp(1, plan.steps.len()), || {
            while let Some((at, running)) = queue.take(next) {
                let run = self.run_caught(&plan.steps[at]);
                let state = if run.end == StepEnd::Passed { StepState::Passed } else { StepState::Failed };
                tracing::debug!("step {} ended: {state:?}", plan.steps[at].name);
                running.finish(|board| {
                    board.states[at] = state;
                    board.runs[at] = Some(run);
                });
            }
        });
        queue.into_state()
    }

    /// Runs the step. A fault of our own fails it: the steps that wait for it must hear of its end.
    fn run_caught(&self, step: &Step) -> StepRun {
        panics::caught(|| self.run(step))
            .unwrap_or_else(|fault| step_run(&Finished::not_started(&fault), StepEnd::Unknown(fault)))
    }

    fn run(&self, step: &Step) -> StepRun {
        let is_own = step.argv[0] == "mmops";
        let mut argv: Vec<OsString> = step.argv.iter().map(OsString::from).collect();
        if is_own {
            argv[0] = self.own_binary.clone().into();
        }
        let timeout =
            step.timeout(self.timeout).expect("the plan's timeouts were checked when it was loaded");
        let task = Task {
            argv,
            dir: self.ctx.root.clone(),
            env: self.env.clone(),
            timeout,
            grace: GRACE,
            capture_bytes: CAPTURE_BYTES,
        };
        let finished = proc::run(&task, &self.ctx.cancel);
        let run = step_run(&finished, judge(&finished, is_own, timeout));
        StepRun { simulated: is_own && says_simulated(&finished.stdout.text()), ..run }
    }
}

fn step_run(finished: &Finished, end: StepEnd) -> StepRun {
    let output = |captured: &Captured| StepOutput {
        text: captured.text(),
        bytes: captured.total(),
        bytes_not_kept: captured.dropped(),
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
        stdout: output(&finished.stdout),
        stderr: output(&finished.stderr),
    }
}

fn judge(finished: &Finished, is_own: bool, timeout: Duration) -> StepEnd {
    let left = finished.left.reasons();
    let failed = |reason: String| {
        StepEnd::Failed(std::iter::once(reason).chain(left.iter().cloned()).collect::<Vec<_>>().join("; "))
    };
    match &finished.end {
        End::NotStarted(reason) => StepEnd::Unknown(reason.clone()),
        End::Cancelled => StepEnd::Unknown("stopped because mmops was asked to stop".to_owned()),
        End::TimedOut => failed(format!("timed out after {}", humantime::format_duration(timeout))),
        End::Signalled(signal) => failed(format!("died by signal {signal}")),
        End::Exited(code) if *code != 0 => failed(format!("exit code {code}")),
        End::Exited(_) if !left.is_empty() => StepEnd::Failed(left.join("; ")),
        End::Exited(_) if is_own && !ends_with_ok_marker(&finished.stdout.text()) => {
            StepEnd::Failed("exit code 0 without a marker line `| name | OK | KEY=VALUE |`".to_owned())
        }
        End::Exited(_) => StepEnd::Passed,
    }
}

/// Whether the last line is the marker of a command that said yes. An exit code alone would let a step
/// pass that only printed its version.
fn ends_with_ok_marker(stdout: &str) -> bool {
    let cells: Vec<&str> = stdout.lines().last().unwrap_or_default().split('|').map(str::trim).collect();
    matches!(cells.as_slice(), ["", name, "OK" | "WARN", marker, ""] if !name.is_empty() && marker.contains('='))
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
    fn only_a_marker_that_says_yes_is_one() {
        assert!(ends_with_ok_marker("x\n| scan_secrets | OK | RESULT=CLEAN |\n"));
        assert!(ends_with_ok_marker("| golden_compare | WARN | GOLDEN=DRIFT |"));
        for text in ["", "mmops 0.1.0\n", "| a | FAIL | B=C |\n", "| a | OK |\n", "| a | OK | B=C |\ntail\n"]
        {
            assert!(!ends_with_ok_marker(text), "{text:?}");
        }
    }
}
