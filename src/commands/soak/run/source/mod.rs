//! Where samples come from: the four sources behind one call per window.

mod edge_report;
mod mock;
mod prometheus;
mod scrape;

use super::sink::Sink;
use crate::commands::soak::store::Plan;
use crate::ctx::Ctx;
use crate::judge::kpi::Member;
use crate::net::http::Url;
use crate::simulation::bot::Scenario;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the figures of a run come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Origin {
    /// Simulated bots in process.
    Mock {
        /// What goes wrong with them.
        scenario: Scenario,
        /// Seed of the noise.
        seed: u64,
        /// How many bots.
        instances: u32,
    },
    /// Metrics endpoints.
    Scrape {
        /// Their addresses.
        urls: Vec<String>,
    },
    /// A report file that the bot writes.
    EdgeReport {
        /// The file.
        path: String,
    },
    /// A server with the Prometheus query API.
    Prometheus {
        /// Its address.
        url: String,
        /// Whether recorded time is judged.
        history: bool,
    },
}

impl Origin {
    /// The word for it in summaries.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Origin::Mock { .. } => "mock",
            Origin::Scrape { .. } => "scrape",
            Origin::EdgeReport { .. } => "edge-report",
            Origin::Prometheus { .. } => "prometheus",
        }
    }

    /// The members that must be there from the begin, where they are known.
    pub(crate) fn members(&self) -> Vec<String> {
        match self {
            Origin::Scrape { urls } if urls.len() > 1 => {
                let shown = |url: &String| Url::parse(url).map_or(url.clone(), |(url, _)| url.shown(""));
                urls.iter().map(shown).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the samples behind the figures are kept.
    pub(crate) fn has_samples(&self) -> bool {
        !matches!(self, Origin::EdgeReport { .. })
    }
}

/// A window of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Number, from 1.
    pub(super) iteration: u32,
    /// Its begin, which belongs to the window before.
    pub(super) from_ms: i64,
    /// Its end.
    pub(super) to_ms: i64,
}

/// An open source.
pub(super) enum Source {
    Mock(mock::Mock),
    Scrape(scrape::Scrape),
    EdgeReport(edge_report::EdgeReport),
    Prometheus(Box<prometheus::Prometheus>),
}

impl Source {
    /// Opens the source of a plan.
    pub(super) fn open(plan: &Plan, ctx: &Ctx) -> anyhow::Result<Self> {
        Ok(match &plan.origin {
            Origin::Mock { scenario, seed, instances } => {
                Source::Mock(mock::Mock::new(*scenario, *seed, *instances, plan))
            }
            Origin::Scrape { urls } => Source::Scrape(scrape::Scrape::open(urls, plan, ctx)?),
            Origin::EdgeReport { path } => {
                Source::EdgeReport(edge_report::EdgeReport::open(ctx.path(path), plan, ctx))
            }
            Origin::Prometheus { url, history } => {
                Source::Prometheus(Box::new(prometheus::Prometheus::open(url, *history, plan, ctx)?))
            }
        })
    }

    /// Takes what shows the state before the first window, so that counters have a start.
    pub(super) fn baseline(&mut self, at_ms: i64, sink: &mut Sink, ctx: &Ctx) -> anyhow::Result<()> {
        match self {
            Source::Mock(mock) => mock.scrape(at_ms, sink),
            Source::Scrape(scrape) => scrape.scrape(at_ms, sink, ctx),
            Source::EdgeReport(_) => {}
            Source::Prometheus(prometheus) => prometheus.baseline(at_ms, sink, ctx)?,
        }
        Ok(())
    }

    /// Lives through a window. What it showed goes to the sink, or comes back where the source has figures
    /// instead of samples.
    pub(super) fn window(
        &mut self,
        window: Window,
        sink: &mut Sink,
        ctx: &Ctx,
    ) -> anyhow::Result<Option<BTreeMap<String, Member>>> {
        match self {
            Source::Mock(mock) => mock.window(window, sink, ctx)?,
            Source::Scrape(scrape) => scrape.window(window, sink, ctx)?,
            Source::EdgeReport(report) => return report.window(window, ctx).map(Some),
            Source::Prometheus(prometheus) => return prometheus.window(window, sink, ctx),
        }
        Ok(None)
    }
}

/// Waits until a time, or says that a stop was asked for.
fn wait_until(at_ms: i64, ctx: &Ctx) -> Result<(), crate::report::exit::Fault> {
    let left = at_ms.saturating_sub(ctx.clock.now().as_millisecond());
    if let Ok(left) = u64::try_from(left) {
        ctx.clock.sleep(std::time::Duration::from_millis(left), &ctx.cancel);
    }
    ctx.check_cancelled()
}
