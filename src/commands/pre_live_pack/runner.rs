//! The steps of a plan side by side, each when its needs are met.

use super::plan::{PackPlan, Step, StepState};
use super::verdict::StepFact;
use crate::ctx::Ctx;
use crate::execute::outcome::StepRun;
use crate::execute::step::{Deadline, StepCommand, StepRunner};
use crate::report::exit::Fault;
use crate::sys::progress::StepProgress;
use crate::sys::work::{self, Queue};
use crate::sys::{fsio, panics, proc};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    steps: StepRunner<'a>,
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
        let deadline = options.deadline.map(Deadline::from_now);
        Ok(Self { ctx, plan, options, steps: StepRunner::new(&ctx.clock, &ctx.cancel, deadline)? })
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
        if let Some(deadline) = self.options.deadline.filter(|_| self.steps.time_left().is_zero()) {
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
        panics::caught(|| self.run(at, step)).unwrap_or_else(|fault| StepRun::not_started(&fault))
    }

    fn run(&self, at: usize, step: &Step) -> StepRun {
        // One for all attempts.
        let log = match self.log(at, step) {
            Ok(log) => log,
            Err(fault) => return StepRun::not_started(&fault.to_string()),
        };
        let command = StepCommand {
            argv: &step.argv,
            dir: step.dir.as_ref().map_or_else(|| self.ctx.root.clone(), |dir| self.ctx.path(dir)),
            env: &step.env,
            timeout: step
                .timeout(self.options.timeout)
                .expect("the plan's timeouts were checked when it was loaded"),
            retries: step.retries,
            allow_fail: step.allow_fail.as_deref(),
            log,
        };
        self.steps.run(&step.name, &command)
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
