//! Steps as child processes, and what counts as the failure of one.

use super::plan::{PackPlan, Step, StepState};
use super::verdict::{StepEnd, StepFact, StepOutput, StepRun};
use crate::ctx::Ctx;
use crate::format::text;
use crate::report::SIMULATED;
use crate::report::exit::Fault;
use crate::sys::proc::{Captured, End, Finished, GRACE, Task};
use crate::sys::progress::StepProgress;
use crate::sys::work::{self, Queue};
use crate::sys::{clock, env, fsio, panics, proc};
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes kept of each output stream of a step.
const CAPTURE_BYTES: usize = 1 << 20;

/// What a run is told beside its plan.
#[derive(Clone, Debug)]
pub(super) struct RunOptions {
    /// Of a step without one of its own.
    pub(super) timeout: Duration,
    /// Of the whole run.
    pub(super) deadline: Option<Duration>,
    /// Whether no step is started after one has failed.
    pub(super) is_fail_fast: bool,
    pub(super) jobs: usize,
    /// Where a file with the output of each step goes.
    pub(super) logs: Option<PathBuf>,
}

pub(super) struct Runner<'a> {
    ctx: &'a Ctx,
    plan: &'a PackPlan,
    options: &'a RunOptions,
    own_binary: PathBuf,
    env: Vec<(OsString, Option<OsString>)>,
    started: Instant,
}

/// What the workers share.
struct Board {
    states: Vec<StepState>,
    facts: Vec<Option<StepFact>>,
    /// Steps that run.
    running: usize,
    /// Steps that ended since it was last looked for processes without an owner.
    ended: Vec<usize>,
    /// Why no more steps are started.
    halt: Option<String>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(ctx: &'a Ctx, plan: &'a PackPlan, options: &'a RunOptions) -> anyhow::Result<Self> {
        let own_binary = env::own_binary()
            .map_err(|error| Fault::dependency(format!("failed to find the running binary: {error}")))?;
        // A clock frozen by --now must be the children's clock as well.
        let now =
            ctx.clock.is_frozen().then(|| ("MMOPS_NOW".into(), Some(ctx.clock.now().to_string().into())));
        Ok(Self {
            ctx,
            plan,
            options,
            own_binary,
            env: now.into_iter().collect(),
            started: clock::monotonic(),
        })
    }

    /// Runs the steps that are not left out already, and says of each step what came of it.
    pub(super) fn run_all(&self, left_out: Vec<Option<StepFact>>) -> Vec<StepFact> {
        // A step that was left out holds no other back; its row is SKIP all the same.
        let state = |fact: &Option<StepFact>| fact.as_ref().map_or(StepState::Waiting, |_| StepState::Passed);
        let states = left_out.iter().map(state).collect();
        let board = Board { states, facts: left_out, running: 0, ended: Vec::new(), halt: None };
        let (queue, progress) = (Queue::new(board), StepProgress::new(self.ctx.progress));
        progress.watched(self.plan.steps.len(), || {
            work::on_threads(self.options.jobs.clamp(1, self.plan.steps.len()), || {
                while let Some((at, running)) = queue.take(|board| self.next(board)) {
                    let step = &self.plan.steps[at];
                    let display = progress.begin(&step.name);
                    let run = self.run_caught(at, step);
                    display.end(
                        run.outcome().status().as_str(),
                        (!self.ctx.clock.is_frozen()).then_some(run.duration_secs),
                    );
                    running.finish(|board| self.put_down(board, at, run));
                }
            })
        });
        let Board { states, facts, .. } = queue.into_state();
        let fact = |(at, fact): (usize, Option<StepFact>)| {
            let need = || self.plan.unmet_need(at, &states).unwrap_or("an earlier step").to_owned();
            fact.unwrap_or_else(|| StepFact::NeedNotMet(need()))
        };
        facts.into_iter().enumerate().map(fact).collect()
    }

    /// The step that is to be run next.
    fn next(&self, board: &mut Board) -> Option<usize> {
        let deadline = self.options.deadline.filter(|deadline| self.started.elapsed() >= *deadline);
        if let Some(deadline) = deadline {
            let deadline = humantime::format_duration(deadline);
            board.halt.get_or_insert_with(|| format!("not run: the deadline of {deadline} was over"));
        }
        if let Some(reason) = &board.halt {
            for (state, fact) in board.states.iter_mut().zip(&mut board.facts) {
                if *state == StepState::Waiting {
                    *state = StepState::Skipped;
                    *fact = Some(StepFact::NotStarted(reason.clone()));
                }
            }
        }
        let at = self.plan.next(&mut board.states)?;
        board.states[at] = StepState::Running;
        board.running += 1;
        Some(at)
    }

    fn put_down(&self, board: &mut Board, at: usize, run: StepRun) {
        let name = &self.plan.steps[at].name;
        board.states[at] = if run.end.meets_needs() { StepState::Passed } else { StepState::Failed };
        tracing::debug!("step {name} ended: {:?}", board.states[at]);
        if self.options.is_fail_fast && !run.outcome().is_yes() {
            board.halt.get_or_insert_with(|| format!("not run: `{name}` failed, and --fail-fast was given"));
        }
        board.facts[at] = Some(StepFact::Ran(run));
        board.ended.push(at);
        board.running -= 1;
        if board.running == 0 {
            // While nothing runs, whatever runs below this process is nobody's any more.
            let ended = std::mem::take(&mut board.ended);
            let unowned = proc::sweep().reasons();
            let whose = if ended.len() == 1 { "it" } else { "it, or a step that ran beside it," };
            for at in ended {
                if let Some(StepFact::Ran(run)) = &mut board.facts[at] {
                    run.unowned = unowned.iter().map(|reason| format!("{whose} {reason}")).collect();
                }
            }
        }
    }

    /// Runs the step. A fault of our own fails it: the steps that wait for it must hear of its end.
    fn run_caught(&self, at: usize, step: &Step) -> StepRun {
        panics::caught(|| self.run(at, step))
            .unwrap_or_else(|fault| step_run(Finished::not_started(&fault), StepEnd::Unknown(fault)))
    }

    fn run(&self, at: usize, step: &Step) -> StepRun {
        // One for all attempts.
        let log = match self.log(at, step) {
            Ok(log) => log,
            Err(fault) => {
                return step_run(Finished::not_started(&fault), StepEnd::Unknown(fault.to_string()));
            }
        };
        let mut earlier = Vec::new();
        loop {
            let (finished, end) = self.attempt(step, log.clone());
            let may_retry = earlier.len() < usize::from(step.retries) && self.time_left() > Duration::ZERO;
            match &end {
                StepEnd::Failed(reason) if may_retry && self.ctx.cancel.signal().is_none() => {
                    tracing::debug!("step {} is tried again: {reason}", step.name);
                    earlier.push(reason.clone());
                }
                _ => {
                    let end = end.of_attempts(&earlier, step.allow_fail.as_deref());
                    let simulated = is_own(step) && says_simulated(&finished.stdout.text());
                    return StepRun { earlier_attempts: earlier, simulated, ..step_run(finished, end) };
                }
            }
        }
    }

    fn time_left(&self) -> Duration {
        let left = |deadline: Duration| deadline.saturating_sub(self.started.elapsed());
        self.options.deadline.map_or(Duration::MAX, left)
    }

    fn attempt(&self, step: &Step, log: Option<Arc<File>>) -> (Finished, StepEnd) {
        let is_own = is_own(step);
        let mut argv: Vec<OsString> = step.argv.iter().map(OsString::from).collect();
        if is_own {
            argv[0] = self.own_binary.clone().into();
        }
        let timeout =
            step.timeout(self.options.timeout).expect("the plan's timeouts were checked when it was loaded");
        let left = self.time_left();
        let own_env = step.env.iter().map(|(name, value)| (name.into(), Some(value.into())));
        let task = Task {
            argv,
            dir: step.dir.as_ref().map_or_else(|| self.ctx.root.clone(), |dir| self.ctx.path(dir)),
            env: self.env.iter().cloned().chain(own_env).collect(),
            timeout: timeout.min(left),
            grace: GRACE,
            capture_bytes: CAPTURE_BYTES,
            log,
        };
        let finished = proc::run(&task, &self.ctx.cancel);
        let limit = match self.options.deadline {
            Some(deadline) if left < timeout => {
                format!("stopped at the deadline of {}", humantime::format_duration(deadline))
            }
            _ => format!("timed out after {}", humantime::format_duration(timeout)),
        };
        let end = judge(&finished, is_own, limit);
        (finished, end)
    }

    /// The file for the output of the step, of which the number keeps those with like names apart.
    fn log(&self, at: usize, step: &Step) -> Result<Option<Arc<File>>, Fault> {
        let Some(dir) = &self.options.logs else { return Ok(None) };
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let name: String = step.name.chars().take(100).map(plain).collect();
        let path = self.ctx.path(dir).join(format!("{:02}-{name}.log", at + 1));
        fsio::create_dir(&self.ctx.path(dir))?;
        let log = fsio::append(&path)?;
        log.set_len(0).map_err(|error| Fault::write(format!("`{}`", path.display()), &error))?;
        Ok(Some(Arc::new(log)))
    }
}

fn is_own(step: &Step) -> bool {
    step.argv[0] == "mmops"
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
