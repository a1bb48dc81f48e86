//! Simulated bots in process, on a clock that only they see.

use super::Window;
use crate::commands::soak::run::sink::Sink;
use crate::commands::soak::store::Plan;
use crate::ctx::Ctx;
use crate::simulation::bot::{Scenario, SimulatedBot};

/// Bots, and the numbers of their series.
pub(in crate::commands::soak::run) struct Mock {
    bots: Vec<(SimulatedBot, Vec<u32>)>,
    interval_secs: u32,
    values: Vec<f64>,
}

impl Mock {
    /// Starts the bots.
    pub(super) fn new(scenario: Scenario, seed: u64, instances: u32, plan: &Plan) -> Self {
        let started_secs = plan.started_at_ms as f64 / 1e3;
        let bot = |number| SimulatedBot::new(scenario, seed.wrapping_add(u64::from(number)), started_secs);
        let bots = (0..instances).map(|number| (bot(number), Vec::new())).collect();
        Self { bots, interval_secs: plan.interval_secs, values: Vec::new() }
    }

    /// Lives through a window.
    pub(super) fn window(&mut self, window: Window, sink: &mut Sink, ctx: &Ctx) -> anyhow::Result<()> {
        let step_ms = i64::from(self.interval_secs) * 1000;
        let mut at_ms = window.from_ms + step_ms;
        while at_ms <= window.to_ms {
            ctx.check_cancelled()?;
            for (bot, _) in &mut self.bots {
                bot.step(f64::from(self.interval_secs));
            }
            self.scrape(at_ms, sink);
            at_ms += step_ms;
        }
        Ok(())
    }

    /// Takes the values of every series.
    pub(super) fn scrape(&mut self, at_ms: i64, sink: &mut Sink) {
        let several = self.bots.len() > 1;
        for (number, (bot, ids)) in self.bots.iter_mut().enumerate().filter(|(_, (_, ids))| ids.is_empty()) {
            for series in bot.series() {
                let mut labels = series.labels.clone();
                if several {
                    labels.insert("instance".to_owned(), format!("sim-{}", number + 1));
                }
                ids.push(sink.register(&series.name, &labels));
            }
        }
        sink.begin_scrape(at_ms);
        for (bot, ids) in &self.bots {
            self.values.clear();
            bot.values(&mut self.values);
            for (id, value) in ids.iter().zip(&self.values) {
                sink.sample(*id, *value);
            }
        }
        sink.end_scrape();
    }
}
