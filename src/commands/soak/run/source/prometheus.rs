//! A server with the Prometheus query API: live, window by window, or what it has recorded.
//!
//! The series that the figures need are asked for at every interval of the window, each point no older than
//! one and a half intervals, and go the same way as scraped samples. A figure with a query of its own is
//! computed by the server and reduced here.

use super::window::{TimeWindow, wait_until};
use crate::commands::soak::plan::SoakPlan;
use crate::commands::soak::run::recorder::Recorder;
use crate::ctx::Ctx;
use crate::judge::kpi::collector::{Affected, Declared, OWN_METRICS};
use crate::judge::kpi::{Measure, Selector};
use crate::net::prometheus::client::{PrometheusClient, QueryErrorKind, QueryResult, TimeGrid};
use crate::net::prometheus::{access, staleness};
use crate::report::exit::Fault;
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Points of one series that are asked for ahead in recorded time.
const AHEAD: u32 = 2_000;

pub(crate) struct PrometheusSource {
    client: PrometheusClient,
    history: bool,
    /// Name of the series as it is recorded, and the query that gives it.
    queries: Vec<(String, String)>,
    interval_ms: i64,
    iterations_ahead: u32,
    iterations: u32,
    /// Scrapes that were asked for ahead, by time.
    ready: BTreeMap<i64, Vec<(u32, f64)>>,
    ready_until_ms: i64,
    error: Option<String>,
    /// Remarks of the server that were passed on.
    remarks: BTreeSet<String>,
}

impl PrometheusSource {
    /// Prepares the client; nothing is sent yet.
    pub(super) fn open(url: &str, history: bool, plan: &SoakPlan, ctx: &Ctx) -> Result<Self, Fault> {
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
        for name in OWN_METRICS {
            selectors.insert(Selector::try_from(name.to_owned()).expect("a metric name"));
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
            interval_ms: plan.interval_ms(),
            iterations_ahead: if history { (AHEAD / plan.points()).max(1) } else { 1 },
            iterations: plan.iterations,
            ready: BTreeMap::new(),
            ready_until_ms: i64::MIN,
            error: None,
            remarks: BTreeSet::new(),
        })
    }

    /// Asks for the points at the begin of the first window.
    pub(super) fn baseline(&mut self, at_ms: i64, recorder: &mut Recorder, ctx: &Ctx) -> Result<(), Fault> {
        self.fetch(at_ms, at_ms, recorder, ctx)?;
        self.hand_over(at_ms, at_ms, recorder);
        Ok(())
    }

    /// Waits for the end of the window, asks for its points, and hands them over.
    pub(super) fn window(
        &mut self,
        window: TimeWindow,
        recorder: &mut Recorder,
        ctx: &Ctx,
    ) -> Result<(), Fault> {
        if !self.history {
            wait_until(window.to_ms, ctx)?;
        }
        if window.to_ms > self.ready_until_ms {
            let ahead = self.iterations_ahead.min(self.iterations - window.iteration + 1);
            let length = window.to_ms - window.from_ms;
            let until = window.from_ms + i64::from(ahead) * length;
            self.fetch(window.from_ms + self.interval_ms, until, recorder, ctx)?;
        }
        self.hand_over(window.from_ms + self.interval_ms, window.to_ms, recorder);
        Ok(())
    }

    fn fetch(&mut self, from_ms: i64, to_ms: i64, recorder: &mut Recorder, ctx: &Ctx) -> Result<(), Fault> {
        self.ready.clear();
        self.error = None;
        self.ready_until_ms = to_ms;
        let time = |ms| Timestamp::from_millisecond(ms).map_err(|error| Fault::config(error.to_string()));
        let step = Duration::from_millis(self.interval_ms.unsigned_abs());
        let grid = TimeGrid::new(time(from_ms)?, time(to_ms)?, step)?;
        for (name, query) in &self.queries {
            ctx.check_cancelled()?;
            match self.client.range(query, &grid) {
                Ok(QueryResult { series, notes }) => {
                    for note in notes.into_iter().filter(|note| self.remarks.insert(note.clone())) {
                        tracing::info!("the server remarks: {note}");
                    }
                    for one in series {
                        let own = one.labels.iter().filter(|(name, _)| *name != "__name__");
                        let labels =
                            || own.map(|(name, value)| (&name[..], Cow::Borrowed(&value[..]))).collect();
                        let Some(id) = recorder.series_in_use(name, labels, Declared::default) else {
                            continue;
                        };
                        let live = one.points.iter().filter(|(_, value)| !staleness::is_stale(*value));
                        for (at, value) in live {
                            self.ready.entry(*at).or_default().push((id, *value));
                        }
                    }
                }
                Err(unknown) => match unknown.kind {
                    QueryErrorKind::Stopped(signal) => return Err(Fault::stopped(signal)),
                    // Asked wrongly, every further question is: the operator must know now.
                    QueryErrorKind::Unauthorised | QueryErrorKind::Refused => return Err(unknown.fault()),
                    _ => {
                        tracing::warn!("{unknown}");
                        self.error = Some(unknown.to_string());
                        // What one query could not get is not there for this time at all.
                        self.ready.clear();
                        return Ok(());
                    }
                },
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, from_ms: i64, to_ms: i64, recorder: &mut Recorder) {
        if let Some(error) = &self.error {
            recorder.fail_scrape(Affected::default(), error);
        }
        let mut at_ms = from_ms;
        while at_ms <= to_ms {
            recorder.begin_scrape(at_ms);
            for (id, value) in self.ready.remove(&at_ms).unwrap_or_default() {
                recorder.sample(id, value);
            }
            recorder.end_scrape();
            at_ms += self.interval_ms;
        }
    }
}
