//! Where samples come from: the four sources behind one call per window.

mod edge_report;
mod mock;
mod probe;
mod prometheus;
mod scrape;
mod window;

pub(super) use probe::ProbeDepth;
pub(super) use window::{TimeWindow, wait_until};

use super::recorder::Recorder;
use crate::commands::soak::plan::{SampleSource, SoakPlan};
use crate::commands::soak::probe::Probed;
use crate::ctx::Ctx;
use crate::judge::kpi::Member;
use crate::report::exit::Fault;
use std::collections::BTreeMap;

/// An open source.
pub(super) enum Source {
    Mock(mock::MockSource),
    Scrape(scrape::ScrapeSource),
    EdgeReport(edge_report::EdgeReportSource),
    Prometheus(Box<prometheus::PrometheusSource>),
}

impl Source {
    /// Opens the source of a plan; nothing is asked of it yet.
    pub(super) fn open(plan: &SoakPlan, ctx: &Ctx) -> Result<Self, Fault> {
        Ok(match &plan.origin {
            SampleSource::Mock { scenario, seed, instances, overrides } => {
                Self::Mock(mock::MockSource::new(*scenario, *seed, *instances, overrides, plan))
            }
            SampleSource::Scrape { urls } => Self::Scrape(scrape::ScrapeSource::open(urls, plan, ctx)?),
            SampleSource::EdgeReport { path } => {
                Self::EdgeReport(edge_report::EdgeReportSource::open(ctx.path(path), plan, ctx))
            }
            SampleSource::Prometheus { url, history, matching, lag_secs } => {
                let limits = (matching.as_deref(), *lag_secs);
                let source = prometheus::PrometheusSource::open(url, *history, limits, plan, ctx)?;
                Self::Prometheus(Box::new(source))
            }
        })
    }

    /// Asks for all that the plan needs once; nothing of a report file, which has no series.
    pub(super) fn probe(
        &mut self,
        plan: &SoakPlan,
        depth: ProbeDepth,
        ctx: &Ctx,
    ) -> Result<Option<Probed>, Fault> {
        match self {
            Self::Mock(_) => Ok(Some(probe::of_bot())),
            Self::Scrape(scrape) => probe::of_pages(scrape, ctx).map(Some),
            Self::EdgeReport(_) => Ok(None),
            Self::Prometheus(server) => {
                // One that hides its newest time would not have anything.
                let newest_ms = server.newest_ms(ctx)?;
                probe::of_server(plan, newest_ms, depth, ctx)
            }
        }
    }

    /// Takes what shows the state before the first window, so that counters have a start.
    pub(super) fn baseline(&mut self, at_ms: i64, recorder: &mut Recorder, ctx: &Ctx) -> anyhow::Result<()> {
        match self {
            Self::Mock(mock) => mock.scrape(at_ms, recorder),
            Self::Scrape(scrape) => scrape.scrape(at_ms, recorder, ctx)?,
            Self::EdgeReport(_) => {}
            Self::Prometheus(prometheus) => prometheus.baseline(at_ms, recorder, ctx)?,
        }
        Ok(())
    }

    /// Leaves out a window whose samples are kept already: only a simulation has to live through it.
    pub(super) fn skip(&mut self, window: TimeWindow, ctx: &Ctx) -> Result<(), Fault> {
        match self {
            Self::Mock(mock) => mock.skip(window, ctx),
            Self::Scrape(_) | Self::EdgeReport(_) | Self::Prometheus(_) => Ok(()),
        }
    }

    /// Observes a window. What it showed goes to the recorder, or comes back where the source has figures
    /// instead of samples.
    pub(super) fn window(
        &mut self,
        window: TimeWindow,
        recorder: &mut Recorder,
        ctx: &Ctx,
    ) -> anyhow::Result<Option<BTreeMap<String, Member>>> {
        match self {
            Self::Mock(mock) => mock.window(window, recorder, ctx)?,
            Self::Scrape(scrape) => scrape.window(window, recorder, ctx)?,
            Self::EdgeReport(report) => return Ok(Some(report.window(window, ctx)?)),
            Self::Prometheus(prometheus) => prometheus.window(window, recorder, ctx)?,
        }
        Ok(None)
    }
}
