//! One iteration after the other: live through the window, keep what it showed, say where the run stands.

use super::live::Live;
use super::sink::Sink;
use super::source::{Source, Window};
use crate::commands::soak::store::{Left, Plan, StatusFile, StatusKpi, Store};
use crate::ctx::Ctx;
use crate::format::hash;
use crate::judge::kpi::collector::WHOLE;
use crate::judge::kpi::{DataState, Member};
use crate::judge::record::{ITERATION_SCHEMA, Iteration, Ledger};
use crate::report::exit::{Exit, Fault, classify};
use crate::sys::progress;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What a run came to.
pub(super) struct Finished {
    /// The windows.
    pub(super) ledger: Ledger,
    /// The signal that ended it early.
    pub(super) stopped: Option<i32>,
}

/// A run under way.
struct Run<'a> {
    plan: &'a Plan,
    ctx: &'a Ctx,
    store: Store,
    live: Live,
    source: Source,
    sink: Sink,
    ledger: Ledger,
    /// End of the last window.
    at_ms: i64,
    gap_before_secs: Option<f64>,
    last: Option<Iteration>,
}

/// Runs what is left of a plan.
pub(super) fn execute(
    plan: &Plan,
    store: Store,
    left: Left,
    live: Live,
    ctx: &Ctx,
) -> anyhow::Result<Finished> {
    let done = u32::try_from(left.iterations.len()).expect("iterations are counted in 32 bits");
    let mut ledger = Ledger::new(f64::from(plan.iteration_secs), plan.points(), plan.group_by.is_some());
    left.iterations.iter().for_each(|iteration| ledger.add(iteration));
    let source = Source::open(plan, ctx)?;
    let sink = sink(plan, left.series);
    let last = left.iterations.into_iter().last();
    let mut run = Run {
        plan,
        ctx,
        store,
        live,
        source,
        sink,
        ledger,
        at_ms: plan.started_at_ms,
        gap_before_secs: None,
        last,
    };
    let stopped = match run.finish(done) {
        Ok(()) => None,
        Err(error) => match (classify(&error), ctx.cancel.signal()) {
            (Exit::Interrupted | Exit::Terminated, Some(signal)) => Some(signal),
            _ => return Err(error),
        },
    };
    let state = if stopped.is_some() { "interrupted" } else { "finished" };
    run.tell(state)?;
    Ok(Finished { ledger: run.ledger, stopped })
}

fn sink(plan: &Plan, series: Vec<crate::judge::record::samples::SeriesKey>) -> Sink {
    let mut used: Vec<String> =
        plan.kpis.values().flat_map(|kpi| kpi.measure.selectors()).map(|selector| selector.name).collect();
    used.extend(["mm_param".to_owned(), "mm_simulated".to_owned()]);
    used.sort();
    used.dedup();
    Sink::new(plan.collector(), used, series)
}

impl Run<'_> {
    fn finish(&mut self, done: u32) -> anyhow::Result<()> {
        self.tell("running")?;
        let bar = progress::bar(self.ctx.progress, u64::from(self.plan.iterations), "soak");
        bar.set_position(u64::from(done));
        self.catch_up(done)?;
        for iteration in done + 1..=self.plan.iterations {
            self.ctx.check_cancelled()?;
            self.iterate(iteration)?;
            bar.set_position(u64::from(iteration));
            if self.ctx.progress {
                bar.set_message(self.shown());
            }
            self.tell("running")?;
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Brings the source to where the run stopped: a simulation is lived through again, recorded time goes
    /// on where it was, and of a service that went on alone the time between is a gap.
    fn catch_up(&mut self, done: u32) -> anyhow::Result<()> {
        let length_ms = i64::from(self.plan.iteration_secs) * 1000;
        let computed = matches!(self.source, Source::Mock(_));
        let recorded = matches!(self.source, Source::Prometheus(_));
        if computed || done == 0 {
            self.sink.begin_window(0, done > 0);
            self.source.baseline(self.at_ms, &mut self.sink, self.ctx)?;
            for iteration in 1..=done {
                self.sink.begin_window(iteration, true);
                let window = Window { iteration, from_ms: self.at_ms, to_ms: self.at_ms + length_ms };
                self.source.window(window, &mut self.sink, self.ctx)?;
                self.sink.close(self.plan.points());
                self.at_ms = window.to_ms;
            }
            if done == 0 {
                self.sink.close_baseline();
            }
            return Ok(());
        }
        let ended = self.last.as_ref().map_or_else(String::new, |last| last.to.clone());
        let ended_ms = ended.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(|error| {
            Fault::config(format!("iteration {done} of the journal ended at `{ended}`: {error}"))
        })?;
        let now_ms = self.ctx.clock.now().as_millisecond();
        self.at_ms = if recorded { ended_ms } else { now_ms.max(ended_ms) };
        let gap_ms = self.at_ms - ended_ms;
        if gap_ms > 0 {
            self.gap_before_secs = Some(gap_ms as f64 / 1e3);
            tracing::warn!("{:.0} s were not observed", gap_ms as f64 / 1e3);
        }
        self.sink.begin_window(0, false);
        self.source.baseline(self.at_ms, &mut self.sink, self.ctx)?;
        self.sink.close_baseline();
        Ok(())
    }

    fn iterate(&mut self, iteration: u32) -> anyhow::Result<()> {
        let to_ms = self.at_ms + i64::from(self.plan.iteration_secs) * 1000;
        let window = Window { iteration, from_ms: self.at_ms, to_ms };
        self.sink.begin_window(iteration, false);
        let figures = self.source.window(window, &mut self.sink, self.ctx)?;
        let (collected, frames) = self.sink.close(self.plan.points());
        let members = figures.unwrap_or(collected);
        let summary = self.summary(window, members)?;
        self.store.add(&summary, &frames)?;
        self.ledger.add(&summary);
        self.last = Some(summary);
        self.at_ms = to_ms;
        Ok(())
    }

    fn summary(&mut self, window: Window, mut members: BTreeMap<String, Member>) -> Result<Iteration, Fault> {
        let time = |ms| {
            let time = Timestamp::from_millisecond(ms);
            time.map(|time| time.to_string()).map_err(|error| Fault::config(error.to_string()))
        };
        let whole = if self.plan.group_by.is_none() { members.remove(WHOLE) } else { None };
        let whole = whole.unwrap_or_default();
        let params: Vec<&BTreeMap<String, f64>> =
            [&whole.params].into_iter().chain(members.values().map(|member| &member.params)).collect();
        let state_hash = hash::sha256(serde_json::to_vec(&params).expect("plain data serialises"));
        Ok(Iteration {
            schema: ITERATION_SCHEMA.to_owned(),
            iteration: window.iteration,
            from: time(window.from_ms)?,
            to: time(window.to_ms)?,
            simulated: self.is_simulated(),
            source: self.plan.origin.word().to_owned(),
            gap_before_secs: self.gap_before_secs.take(),
            kpis: whole.kpis,
            params: whole.params,
            members,
            state_hash,
        })
    }

    /// Whether anything that was seen, before a stop as well, comes from a simulation.
    fn is_simulated(&self) -> bool {
        self.plan.simulated || self.sink.saw_simulation() || self.ledger.is_simulated()
    }

    fn tell(&self, state: &str) -> Result<(), Fault> {
        self.live.show(&self.status(state), &self.ledger, &self.store)
    }

    fn status(&self, state: &str) -> StatusFile {
        let done = self.ledger.iterations();
        let mut kpis = BTreeMap::new();
        if let Some(last) = &self.last {
            for gate in self.plan.profile.gates.values() {
                let found = last.kpis.get(&gate.kpi).or_else(|| {
                    let mut members = last.members.values().filter_map(|member| member.kpis.get(&gate.kpi));
                    // Of several members the first that does not keep to it stands for all.
                    let holds = |value: &Option<f64>| value.is_some_and(|value| gate.holds(value));
                    let bad = members.clone().find(|measured| !holds(&measured.value));
                    bad.or_else(|| members.next())
                });
                let value = found
                    .filter(|measured| measured.state == DataState::Measured)
                    .and_then(|measured| measured.value);
                let holds =
                    value.filter(|_| gate.aggregate.is_of_one_window()).map(|value| gate.holds(value));
                kpis.insert(gate.kpi.clone(), StatusKpi { value, condition: gate.condition(), holds });
            }
        }
        StatusFile {
            schema: "mmops.soak-status.v1".to_owned(),
            state: state.to_owned(),
            simulated: self.is_simulated(),
            iteration: done,
            iterations: self.plan.iterations,
            left_secs: u64::from(self.plan.iterations - done) * u64::from(self.plan.iteration_secs),
            as_of: self.last.as_ref().map(|last| last.to.clone()).unwrap_or_default(),
            kpis,
        }
    }

    /// The gated figures on one line, for a terminal.
    fn shown(&self) -> String {
        let status = self.status("running");
        let parts = status.kpis.iter().map(|(name, kpi)| {
            let value = kpi.value.map_or("?".to_owned(), |value| format!("{value:.3}"));
            let mark = if kpi.holds == Some(false) { "!" } else { "" };
            format!("{name} {value}{mark}")
        });
        parts.collect::<Vec<_>>().join("  ")
    }
}
