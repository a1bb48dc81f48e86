//! Simulated bots in process, on a clock that only they see.

use super::window::TimeWindow;
use crate::commands::soak::plan::SoakPlan;
use crate::commands::soak::run::recorder::{LabelPairs, Recorder};
use crate::ctx::Ctx;
use crate::judge::kpi::collector::Declared;
use crate::report::exit::Fault;
use crate::simulation::bot::model::with_overrides;
use crate::simulation::bot::{Scenario, SimulatedBot};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

pub(crate) struct MockSource {
    /// Bots, and the numbers of their series.
    bots: Vec<(SimulatedBot, Vec<u32>)>,
    interval_ms: i64,
    values: Vec<f64>,
}

impl MockSource {
    pub(super) fn new(
        scenario: Scenario,
        seed: u64,
        instances: u32,
        overrides: &BTreeMap<String, f64>,
        plan: &SoakPlan,
    ) -> Self {
        let started_secs = plan.started_at_ms as f64 / 1e3;
        let overrides = overrides.iter().map(|(name, value)| (name.clone(), Value::from(*value))).collect();
        let bot = |number| {
            let mut bot = SimulatedBot::new(scenario, seed.wrapping_add(u64::from(number)), started_secs);
            (bot.params, _) = with_overrides(&bot.params, &overrides);
            bot
        };
        let bots = (0..instances).map(|number| (bot(number), Vec::new())).collect();
        Self { bots, interval_ms: plan.interval_ms(), values: Vec::new() }
    }

    pub(super) fn window(
        &mut self,
        window: TimeWindow,
        recorder: &mut Recorder,
        ctx: &Ctx,
    ) -> Result<(), Fault> {
        for at_ms in window.times(self.interval_ms) {
            ctx.check_cancelled()?;
            self.step();
            self.scrape(at_ms, recorder);
        }
        Ok(())
    }

    /// Brings the bots to the end of a window whose samples are kept already.
    pub(super) fn skip(&mut self, window: TimeWindow, ctx: &Ctx) -> Result<(), Fault> {
        ctx.check_cancelled()?;
        window.times(self.interval_ms).for_each(|_| self.step());
        Ok(())
    }

    fn step(&mut self) {
        for (bot, _) in &mut self.bots {
            bot.step(self.interval_ms as f64 / 1e3);
        }
    }

    /// Takes the values of every series.
    pub(super) fn scrape(&mut self, at_ms: i64, recorder: &mut Recorder) {
        let is_fleet = self.bots.len() > 1;
        for (number, (bot, ids)) in (1..).zip(&mut self.bots).filter(|(_, (_, ids))| ids.is_empty()) {
            for series in &bot.series {
                let own = series.labels.iter().map(|(name, value)| (&name[..], Cow::Borrowed(&value[..])));
                let mut labels: LabelPairs<'_> = own.collect();
                if is_fleet {
                    labels.push(("instance", format!("sim-{number}").into()));
                }
                ids.push(recorder.series(&series.name, labels, Declared::default));
            }
        }
        recorder.begin_scrape(at_ms);
        for (bot, ids) in &self.bots {
            self.values.clear();
            bot.values(&mut self.values);
            for (id, value) in ids.iter().zip(&self.values) {
                recorder.sample(*id, *value);
            }
        }
        recorder.end_scrape();
    }
}
