//! One iteration after the other: observe the window, keep what it showed, say where the run stands.

use super::publisher::StatusPublisher;
use super::recorder::Recorder;
use super::source::{Source, TimeWindow};
use crate::commands::soak::plan::SoakPlan;
use crate::commands::soak::status::{RunState, STATUS_SCHEMA, StatusFile};
use crate::commands::soak::store::{Progress, RunStore};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::hash;
use crate::judge::kpi::Member;
use crate::judge::kpi::collector::WHOLE;
use crate::judge::record::{ITERATION_SCHEMA, Iteration, Ledger};
use crate::report::exit::{Fault, classify};
use crate::sys::progress;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What a run came to.
pub(super) struct FinishedRun {
    pub(super) ledger: Ledger,
    /// The signal that ended it early.
    pub(super) stopped_by: Option<i32>,
}

struct ActiveRun<'a> {
    plan: &'a SoakPlan,
    ctx: &'a Ctx,
    store: RunStore,
    publisher: StatusPublisher,
    source: Source,
    recorder: Recorder,
    ledger: Ledger,
    /// End of the last window.
    at_ms: i64,
    gap_before_secs: Option<f64>,
    last: Option<Iteration>,
}

/// Runs what is left of a plan.
pub(super) fn execute(
    plan: &SoakPlan,
    store: RunStore,
    progress: Progress,
    publisher: StatusPublisher,
    ctx: &Ctx,
) -> anyhow::Result<FinishedRun> {
    let Progress { iterations, series } = progress;
    let done = u32::try_from(iterations.len()).expect("iterations are counted in 32 bits");
    let mut run = ActiveRun {
        plan,
        ctx,
        store,
        publisher,
        source: Source::open(plan, ctx)?,
        recorder: Recorder::new(plan.collector(), plan.metrics(), &series),
        ledger: plan.ledger(&iterations),
        at_ms: plan.started_at_ms,
        gap_before_secs: None,
        last: iterations.into_iter().last(),
    };
    let stopped_by = match run.finish(done) {
        Ok(()) => None,
        Err(error) => match (classify(&error), ctx.cancel.signal()) {
            (exit, Some(signal)) if exit.is_stop() => Some(signal),
            _ => return Err(error),
        },
    };
    run.publish(if stopped_by.is_some() { RunState::Interrupted } else { RunState::Finished })?;
    Ok(FinishedRun { ledger: run.ledger, stopped_by })
}

impl ActiveRun<'_> {
    fn finish(&mut self, done: u32) -> anyhow::Result<()> {
        self.publish(RunState::Running)?;
        let bar = progress::bar(self.ctx.progress, u64::from(self.plan.iterations), "soak");
        bar.set_position(u64::from(done));
        self.catch_up(done)?;
        for iteration in done + 1..=self.plan.iterations {
            self.ctx.check_cancelled()?;
            self.iterate(iteration)?;
            bar.set_position(u64::from(iteration));
            if self.ctx.progress {
                bar.set_message(self.status(RunState::Running).line());
            }
            self.publish(RunState::Running)?;
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Brings the source to where the run stopped: a simulation is computed again, recorded time goes on where
    /// it was, and of a service that went on alone the time between is a gap.
    fn catch_up(&mut self, done: u32) -> anyhow::Result<()> {
        let is_recorded = match self.source {
            Source::Mock(_) => return self.replay(done),
            Source::Prometheus(_) => true,
            Source::Scrape(_) | Source::EdgeReport(_) => false,
        };
        if let Some(last) = self.last.as_ref().filter(|_| done > 0) {
            let ended_ms = last.to.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(|error| {
                Fault::config(format!("iteration {done} of the journal ended at `{}`: {error}", last.to))
            })?;
            let now_ms = self.ctx.clock.now().as_millisecond();
            self.at_ms = if is_recorded { ended_ms } else { now_ms.max(ended_ms) };
            let gap_secs = (self.at_ms - ended_ms) as f64 / 1e3;
            if gap_secs > 0.0 {
                self.gap_before_secs = Some(gap_secs);
                tracing::warn!("{gap_secs:.0} s were not observed");
            }
        }
        self.recorder.begin_window(0, false);
        self.source.baseline(self.at_ms, &mut self.recorder, self.ctx)?;
        self.recorder.close_baseline();
        Ok(())
    }

    fn replay(&mut self, done: u32) -> anyhow::Result<()> {
        self.recorder.begin_window(0, done > 0);
        self.source.baseline(self.at_ms, &mut self.recorder, self.ctx)?;
        for iteration in 1..=done {
            self.recorder.begin_window(iteration, true);
            let window = self.next_window(iteration);
            self.source.window(window, &mut self.recorder, self.ctx)?;
            self.recorder.close(self.plan.points());
            self.at_ms = window.to_ms;
        }
        if done == 0 {
            self.recorder.close_baseline();
        }
        Ok(())
    }

    fn next_window(&self, iteration: u32) -> TimeWindow {
        TimeWindow { iteration, from_ms: self.at_ms, to_ms: self.at_ms + self.plan.iteration_ms() }
    }

    fn iterate(&mut self, iteration: u32) -> anyhow::Result<()> {
        let window = self.next_window(iteration);
        self.recorder.begin_window(iteration, false);
        let figures = self.source.window(window, &mut self.recorder, self.ctx)?;
        let (collected, frames) = self.recorder.close(self.plan.points());
        let summary = self.summary(window, figures.unwrap_or(collected))?;
        self.store.append(&summary, &frames)?;
        self.ledger.add(&summary);
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
            kpis: whole.kpis,
            params: whole.params,
            lives: whole.lives,
            members,
            state_hash,
        })
    }

    /// A simulation, if anything that was seen comes from one, before a stop as well.
    fn header(&self, schema: &str) -> Header {
        let saw_simulation = self.recorder.saw_simulation() || self.ledger.is_simulated;
        Header::new(schema, self.ctx.maker()).simulated(self.plan.header.simulated || saw_simulation)
    }

    fn publish(&self, state: RunState) -> Result<(), Fault> {
        self.publisher.publish(&self.status(state), &self.ledger, &self.store)
    }

    fn status(&self, state: RunState) -> StatusFile {
        let header = self.header(STATUS_SCHEMA).observed(self.ledger.observation());
        StatusFile::new(header, self.plan, &self.ledger, self.last.as_ref(), state)
    }
}
