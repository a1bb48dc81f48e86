//! One iteration after the other: observe the window, keep what it showed, say where the run stands.

use super::progress_log::ProgressLog;
use super::publisher::StatusPublisher;
use super::recorder::Recorder;
use super::source::{Source, TimeWindow, wait_until};
use crate::commands::soak::bands::Bands;
use crate::commands::soak::page::{PageFacts, PageState};
use crate::commands::soak::plan::SoakPlan;
use crate::commands::soak::status::{RunState, STATUS_SCHEMA, StatusFile};
use crate::commands::soak::store::RunStore;
use crate::commands::soak::trail::Trail;
use crate::commands::soak::verdict::broken_for_good;
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::hash;
use crate::judge::kpi::Member;
use crate::judge::kpi::collector::{Collector, WHOLE};
use crate::judge::record::samples::SeriesKey;
use crate::judge::record::{ITERATION_SCHEMA, Iteration, Ledger};
use crate::report::exit::{Fault, classify};
use crate::sys::progress;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A wall clock that is further from the steady one than before by more than this was set.
const LEAST_STEP_MS: i64 = 1000;

/// What a run came to.
pub(super) struct FinishedRun {
    pub(super) ledger: Ledger,
    pub(super) trail: Trail,
    /// The signal that ended it early.
    pub(super) stopped_by: Option<i32>,
    /// The gates that ended it early, being broken for good.
    pub(super) aborted_by: Vec<String>,
}

/// What is wanted of a run beside its plan.
pub(super) struct Options {
    pub(super) publisher: StatusPublisher,
    /// Whether a gate that is broken for good ends it.
    pub(super) abort_on_fail: bool,
}

/// Where a run goes on: at its begin, or after the iterations that are finished.
pub(super) struct Progress {
    pub(super) iterations: Vec<Iteration>,
    /// As it was at the end of the last of them.
    pub(super) collector: Collector,
    pub(super) series: Vec<SeriesKey>,
    pub(super) is_resumed: bool,
}

struct ActiveRun<'a> {
    plan: &'a SoakPlan,
    ctx: &'a Ctx,
    /// The same world, whose time no setting of the wall clock changes: windows and scrapes go by it.
    steady: Ctx,
    store: RunStore,
    options: Options,
    source: Source,
    recorder: Recorder,
    ledger: Ledger,
    trail: Trail,
    /// End of the last window.
    at_ms: i64,
    gap_before_secs: Option<f64>,
    /// How far the wall clock is ahead of the steady one.
    wall_ahead_ms: i64,
    /// What the wall clock was set by and no iteration says yet.
    clock_step_ms: i64,
    last: Option<Iteration>,
}

/// Runs what is left of a plan.
pub(super) fn execute(
    plan: &SoakPlan,
    store: RunStore,
    source: Source,
    progress: Progress,
    options: Options,
    ctx: &Ctx,
) -> anyhow::Result<FinishedRun> {
    let Progress { iterations, collector, series, is_resumed } = progress;
    let done = u32::try_from(iterations.len()).expect("iterations are counted in 32 bits");
    let steady = Ctx { clock: ctx.clock.steady(), ..ctx.clone() };
    let mut run = ActiveRun {
        plan,
        ctx,
        store,
        options,
        source,
        steady,
        recorder: Recorder::new(collector, plan.metrics(), &series),
        ledger: plan.ledger(&iterations),
        trail: Trail::of(&iterations),
        at_ms: plan.started_at_ms,
        gap_before_secs: None,
        wall_ahead_ms: 0,
        clock_step_ms: 0,
        last: iterations.into_iter().last(),
    };
    let stopped_by = match run.finish(done, is_resumed) {
        Ok(aborted_by) => {
            run.publish(RunState::Finished)?;
            return Ok(FinishedRun { ledger: run.ledger, trail: run.trail, stopped_by: None, aborted_by });
        }
        Err(error) => match (classify(&error), ctx.cancel.signal()) {
            (exit, Some(signal)) if exit.is_stop() => signal,
            _ => return Err(error),
        },
    };
    run.publish(RunState::Interrupted)?;
    let (stopped_by, aborted_by) = (Some(stopped_by), Vec::new());
    Ok(FinishedRun { ledger: run.ledger, trail: run.trail, stopped_by, aborted_by })
}

impl ActiveRun<'_> {
    /// Observes what is left, and says which gates ended the run before that.
    fn finish(&mut self, done: u32, is_resumed: bool) -> anyhow::Result<Vec<String>> {
        self.publish(RunState::Running)?;
        let bar = progress::bar(self.ctx.progress, u64::from(self.plan.iterations), "soak");
        bar.set_position(u64::from(done));
        let log = ProgressLog::start(self.ctx, self.plan.iterations);
        self.catch_up(done, is_resumed)?;
        for iteration in done + 1..=self.plan.iterations {
            self.ctx.check_cancelled()?;
            let broken = self.broken_for_good();
            if !broken.is_empty() {
                tracing::error!("ended before iteration {iteration}: {} broken for good", broken.join(", "));
                return Ok(broken);
            }
            self.iterate(iteration)?;
            bar.set_position(u64::from(iteration));
            let line = || self.status(RunState::Running).line();
            if self.ctx.progress {
                bar.set_message(line());
            }
            log.iteration(iteration, line);
            self.publish(RunState::Running)?;
        }
        bar.finish_and_clear();
        Ok(Vec::new())
    }

    /// Hard gates that no further iteration can mend, where these are to end the run.
    fn broken_for_good(&self) -> Vec<String> {
        if !self.options.abort_on_fail || self.ledger.iterations == 0 {
            return Vec::new();
        }
        broken_for_good(&self.plan.profile, &self.ledger.judge(&self.plan.profile))
    }

    /// Brings the source to where the run stopped: a simulation lives through it again, recorded time goes on where
    /// it was, and of a service that went on alone the time between is a gap. What shows where counters stand is
    /// asked for only where no sample of that time is kept.
    fn catch_up(&mut self, done: u32, is_resumed: bool) -> anyhow::Result<()> {
        for iteration in 1..=done {
            let window = self.next_window(iteration);
            self.source.skip(window, &self.steady)?;
            self.at_ms = window.to_ms;
        }
        if let Some(last) = self.last.as_ref() {
            self.at_ms = last.to.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(|error| {
                Fault::config(format!("iteration {done} of the journal ended at `{}`: {error}", last.to))
            })?;
        }
        let ended_ms = self.at_ms;
        if is_resumed && self.plan.origin.is_live() {
            self.at_ms = self.time_to_resume(ended_ms)?;
            let gap_secs = (self.at_ms - ended_ms) as f64 / 1e3;
            if gap_secs > 0.0 {
                self.gap_before_secs = Some(gap_secs);
                tracing::warn!("{gap_secs:.0} s were not observed");
            }
        }
        if done == 0 || self.at_ms > ended_ms {
            self.recorder.begin_window(0);
            self.source.baseline(self.at_ms, &mut self.recorder, &self.steady)?;
            self.recorder.close_baseline();
        }
        Ok(())
    }

    /// When a live run goes on: now, unless the clock stands before what was observed already.
    fn time_to_resume(&mut self, ended_ms: i64) -> Result<i64, Fault> {
        let now = self.steady.clock.now();
        let behind_ms = ended_ms - now.as_millisecond();
        if behind_ms <= 0 {
            return Ok(now.as_millisecond());
        }
        let ended = self.last.as_ref().map_or_else(String::new, |last| last.to.clone());
        let message = format!("the clock says {now}, and the run was observed until {ended}");
        if behind_ms > self.plan.iteration_ms() {
            let hint = "set the clock right; a run goes on only after what it has observed";
            return Err(Fault::config(message).hint(hint));
        }
        let resume_ms = ended_ms + self.plan.interval_ms();
        tracing::warn!("{message}: waiting {} s", (resume_ms - now.as_millisecond()) / 1000);
        wait_until(resume_ms, &self.steady)?;
        self.clock_step_ms = -behind_ms;
        Ok(resume_ms)
    }

    fn next_window(&self, iteration: u32) -> TimeWindow {
        TimeWindow { iteration, from_ms: self.at_ms, to_ms: self.at_ms + self.plan.iteration_ms() }
    }

    fn iterate(&mut self, iteration: u32) -> anyhow::Result<()> {
        let window = self.next_window(iteration);
        self.recorder.begin_window(iteration);
        let figures = self.source.window(window, &mut self.recorder, &self.steady)?;
        let (collected, frames) = self.recorder.close(self.plan.points());
        let summary = self.summary(window, figures.unwrap_or(collected))?;
        self.store.append(summary.clone(), &frames)?;
        self.ledger.add(&summary);
        self.trail.add(&summary);
        self.last = Some(summary);
        self.at_ms = window.to_ms;
        Ok(())
    }

    fn summary(
        &mut self,
        window: TimeWindow,
        mut members: BTreeMap<String, Member>,
    ) -> Result<Iteration, Fault> {
        let time = |ms| Timestamp::from_millisecond(ms).map_err(|error| Fault::config(error.to_string()));
        let (from, to) = (time(window.from_ms)?, time(window.to_ms)?);
        let whole = if self.plan.group_by.is_none() { members.remove(WHOLE) } else { None };
        let whole = whole.unwrap_or_default();
        let params: Vec<&BTreeMap<String, f64>> =
            [&whole.params].into_iter().chain(members.values().map(|member| &member.params)).collect();
        let state_hash = hash::sha256(serde_json::to_vec(&params).expect("plain data serialises"));
        Ok(Iteration {
            header: self.header(ITERATION_SCHEMA).observed(Some((from, to))),
            iteration: window.iteration,
            from: from.to_string(),
            to: to.to_string(),
            source: self.plan.origin.as_str().to_owned(),
            gap_before_secs: self.gap_before_secs.take(),
            clock_step_secs: self.clock_step_secs(),
            kpis: whole.kpis,
            params: whole.params,
            lives: whole.lives,
            members,
            state_hash,
        })
    }

    /// By how many seconds the wall clock was set since this was last asked. A second and less is none.
    fn clock_step_secs(&mut self) -> Option<f64> {
        let wall = self.ctx.clock.now();
        let ahead_ms = wall.as_millisecond() - self.steady.clock.now().as_millisecond();
        let step_ms = ahead_ms - self.wall_ahead_ms;
        if step_ms.abs() > LEAST_STEP_MS {
            self.wall_ahead_ms = ahead_ms;
            self.clock_step_ms += step_ms;
            tracing::warn!("the wall clock was set by {:.1} s, to {wall}", step_ms as f64 / 1e3);
        }
        let step_ms = std::mem::take(&mut self.clock_step_ms);
        (step_ms != 0).then(|| step_ms as f64 / 1e3)
    }

    /// A simulation, if anything that was seen comes from one, before a stop as well.
    fn header(&self, schema: &str) -> Header {
        let saw_simulation = self.recorder.saw_simulation() || self.ledger.is_simulated;
        Header::new(schema, self.ctx.maker()).simulated(self.plan.header.simulated || saw_simulation)
    }

    fn publish(&mut self, state: RunState) -> Result<(), Fault> {
        let status = self.status(state);
        let Self { plan, ledger, trail, store, ctx, .. } = self;
        let page_state = match state {
            // The verdict of a finished run is made when its server is gone.
            RunState::Running | RunState::Finished => PageState::Running,
            RunState::Interrupted => PageState::Interrupted,
        };
        let simulated = plan.header.simulated || ledger.is_simulated || self.recorder.saw_simulation();
        let page = |render: &dyn Fn(&PageFacts) -> String| {
            render(&PageFacts {
                run_dir: &ctx.show(store.dir()),
                source: plan.origin.as_str(),
                profile_name: &plan.profile_name,
                profile: &plan.profile,
                kpis: &plan.kpis,
                window_secs: f64::from(plan.iteration_secs),
                planned: plan.iterations,
                started_at_ms: plan.started_at_ms,
                state: page_state,
                simulated,
                header: trail.header.clone(),
                ledger,
                trail,
                judgement: &ledger.judge(&plan.profile),
                problems: Vec::new(),
                files: Vec::new(),
                bands: &Bands::new(),
            })
        };
        self.options.publisher.publish(&status, ledger, store, page)
    }

    fn status(&self, state: RunState) -> StatusFile {
        let header = self.header(STATUS_SCHEMA).observed(self.ledger.observation());
        StatusFile::new(header, self.plan, &self.ledger, self.last.as_ref(), state)
    }
}
