//! A server with the Prometheus query API: live, window by window, or what it has recorded.
//!
//! The series that the figures need are asked for at every interval of the window, each point no older than
//! one and a half intervals, and go the same way as scraped samples. A figure with a query of its own is
//! computed by the server and reduced here.

use super::{Window, wait_until};
use crate::commands::soak::run::sink::Sink;
use crate::commands::soak::store::Plan;
use crate::ctx::Ctx;
use crate::judge::kpi::{Measure, Member, Selector};
use crate::net::prometheus::client::{Answer, Client, Grid, Kind};
use crate::net::prometheus::{access, staleness};
use crate::report::exit::Fault;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Points of one series that are asked for ahead in recorded time.
const AHEAD: u32 = 2_000;

/// A server, and what to ask it.
pub(in crate::commands::soak::run) struct Prometheus {
    client: Client,
    history: bool,
    /// Name of the series in the sink, and the query that gives it.
    queries: Vec<(String, String)>,
    interval_ms: i64,
    iterations_ahead: u32,
    iterations: u32,
    /// Scrapes that were asked for ahead, by time.
    ready: BTreeMap<i64, Vec<(u32, f64)>>,
    ready_until_ms: i64,
    failure: Option<String>,
    /// Remarks of the server that were passed on.
    remarks: BTreeSet<String>,
}

impl Prometheus {
    /// Prepares the client; nothing is sent yet.
    pub(super) fn open(url: &str, history: bool, plan: &Plan, ctx: &Ctx) -> Result<Self, Fault> {
        let client = access::client(url, &ctx.root, &ctx.env, &ctx.clock, &ctx.cancel)?;
        let lookback_ms = u64::from(plan.interval_secs) * 1500;
        let mut selectors: BTreeSet<Selector> = BTreeSet::new();
        let mut queries = Vec::new();
        for (name, definition) in &plan.kpis {
            match (&definition.promql, &definition.measure) {
                (Some(query), Measure::Gauge { of, .. }) => queries.push((of.name.clone(), query.clone())),
                (Some(_), _) => {
                    return Err(Fault::config(format!(
                        "kpis.{name}: a promql needs a gauge as its measure, which reduces the points"
                    )));
                }
                (None, measure) => selectors.extend(measure.selectors()),
            }
        }
        for text in ["mm_param", "mm_simulated"] {
            selectors.insert(Selector::try_from(text.to_owned()).expect("a metric name"));
        }
        let mut taken: BTreeSet<&str> = selectors.iter().map(|selector| selector.name.as_str()).collect();
        for (name, _) in &queries {
            if !taken.insert(name) {
                return Err(Fault::config(format!(
                    "the promql of a figure gives `{name}`, which another figure measures as well"
                ))
                .hint("give its `of` a name that no other figure and no metric has"));
            }
        }
        let ask = |selector: &Selector| {
            (selector.name.clone(), format!("last_over_time({selector}[{lookback_ms}ms])"))
        };
        queries.extend(selectors.iter().map(ask));
        Ok(Self {
            client,
            history,
            queries,
            interval_ms: i64::from(plan.interval_secs) * 1000,
            iterations_ahead: if history { (AHEAD / plan.points()).max(1) } else { 1 },
            iterations: plan.iterations,
            ready: BTreeMap::new(),
            ready_until_ms: i64::MIN,
            failure: None,
            remarks: BTreeSet::new(),
        })
    }

    /// Asks for the points at the begin of the first window.
    pub(super) fn baseline(&mut self, at_ms: i64, sink: &mut Sink, ctx: &Ctx) -> anyhow::Result<()> {
        self.fetch(at_ms, at_ms, sink, ctx)?;
        self.hand_over(at_ms, at_ms, sink);
        Ok(())
    }

    /// Waits for the end of the window, asks for its points, and hands them over.
    pub(super) fn window(
        &mut self,
        window: Window,
        sink: &mut Sink,
        ctx: &Ctx,
    ) -> anyhow::Result<Option<BTreeMap<String, Member>>> {
        if !self.history {
            wait_until(window.to_ms, ctx)?;
        }
        if window.to_ms > self.ready_until_ms {
            let ahead = self.iterations_ahead.min(self.iterations - window.iteration + 1);
            let length = window.to_ms - window.from_ms;
            let until = window.from_ms + i64::from(ahead) * length;
            self.fetch(window.from_ms + self.interval_ms, until, sink, ctx)?;
        }
        self.hand_over(window.from_ms + self.interval_ms, window.to_ms, sink);
        Ok(None)
    }

    fn fetch(&mut self, from_ms: i64, to_ms: i64, sink: &mut Sink, ctx: &Ctx) -> anyhow::Result<()> {
        self.ready.clear();
        self.failure = None;
        self.ready_until_ms = to_ms;
        let time = |ms| Timestamp::from_millisecond(ms).map_err(|error| Fault::config(error.to_string()));
        let step = Duration::from_millis(self.interval_ms.unsigned_abs());
        let grid = Grid::new(time(from_ms)?, time(to_ms)?, step)?;
        for (name, query) in &self.queries {
            ctx.check_cancelled()?;
            match self.client.range(query, &grid) {
                Ok(Answer { series, notes }) => {
                    for note in notes.into_iter().filter(|note| self.remarks.insert(note.clone())) {
                        tracing::info!("the server remarks: {note}");
                    }
                    for mut one in series {
                        one.labels.remove("__name__");
                        let Some(id) = sink.register_used(name, &one.labels) else { continue };
                        let live = one.points.iter().filter(|(_, value)| !staleness::is_stale(*value));
                        for (at, value) in live {
                            self.ready.entry(*at).or_default().push((id, *value));
                        }
                    }
                }
                Err(unknown) => match unknown.kind {
                    Kind::Stopped(signal) => return Err(Fault::stopped(signal).into()),
                    // Asked wrongly, every further question is: the operator must know now.
                    Kind::Unauthorised | Kind::Refused => return Err(unknown.fault().into()),
                    _ => {
                        tracing::warn!("{unknown}");
                        self.failure = Some(unknown.to_string());
                        // What one query could not get is not there for this time at all.
                        self.ready.clear();
                        return Ok(());
                    }
                },
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, from_ms: i64, to_ms: i64, sink: &mut Sink) {
        if let Some(failure) = &self.failure {
            sink.fail_scrape(failure);
        }
        let mut at_ms = from_ms;
        while at_ms <= to_ms {
            sink.begin_scrape(at_ms);
            for (id, value) in self.ready.remove(&at_ms).unwrap_or_default() {
                sink.sample(id, value);
            }
            sink.end_scrape();
            at_ms += self.interval_ms;
        }
    }
}
