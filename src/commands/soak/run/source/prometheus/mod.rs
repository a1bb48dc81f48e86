//! A server with the Prometheus query API: live, window by window, or what it has recorded.
//!
//! The series that the figures need are asked for at every interval of the window, each point no older than
//! one and a half intervals and of a series that had not ended by then, and go the same way as scraped samples. A
//! figure with a query of its own is computed by the server and reduced here.
//!
//! A query that fails leaves its own metric unknown. What was refused from the start is an error at once: asked
//! wrongly, every further question is, and the operator must know now. What is refused after it was answered once,
//! for a rotated credential or a server that is being replaced, is asked once more, and then a window without it.

mod batch;
mod lag;
mod queries;

use super::window::{TimeWindow, wait_until};
use crate::commands::soak::plan::SoakPlan;
use crate::commands::soak::run::recorder::Recorder;
use crate::ctx::Ctx;
use crate::judge::kpi::Declared;
use crate::judge::kpi::collector::{Affected, SIMULATED};
use crate::net::prometheus::client::{
    ClientOptions, PrometheusClient, QueryError, QueryErrorKind, QueryResult, Series, TimeGrid,
};
use crate::net::prometheus::{Labels, Point, access, staleness};
use crate::report::exit::Fault;
use crate::sys::work;
use batch::Batch;
use jiff::Timestamp;
use lag::{LOOKBACK, Lag, hidden_ms, lateness_ms};
use queries::{Queries, Query, fold};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Points of one series that are asked for ahead in recorded time, at most.
const POINTS_AHEAD: usize = 2_000;
/// Samples of all series together that are held in memory, 16 bytes each.
const SAMPLES_AHEAD: usize = 2_000_000;
/// How many series there are is not known before the first answer.
const SERIES_AT_FIRST: usize = 100_000;
/// How often a window is read again whose end is missing.
const SECOND_LOOKS: u32 = 2;
/// Queries that the server failed to answer, also after every retry, before the rest is not asked.
const MOST_FAILED: usize = 2;
/// The pause before what was refused, though it was answered before, is asked once more.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);
/// Queries on the way at once.
const AT_ONCE: usize = 2;

pub(crate) struct PrometheusSource {
    client: PrometheusClient,
    /// For questions whose answer is not needed.
    impatient: PrometheusClient,
    history: bool,
    queries: Vec<Query>,
    states: Vec<QueryState>,
    interval_ms: i64,
    /// End of the run.
    until_ms: i64,
    batch: Batch,
    /// The last scrape in which a series was handed over, by its number.
    handed: Vec<i64>,
    /// Series of the last answers.
    series: usize,
    lag: Lag,
    /// Remarks of the server that were passed on.
    remarks: BTreeSet<String>,
}

/// What is known of the answers to one query.
#[derive(Clone, Copy, Debug, Default)]
struct QueryState {
    /// Whether there ever was one.
    is_answered: bool,
    /// Series that had a point at the end of what was read last, and now.
    at_end: usize,
    at_end_now: usize,
    failed_now: bool,
}

/// The points that a query has, and what lay between them where that was asked for.
type Answer = Result<(QueryResult, Option<QueryResult>), QueryError>;

impl PrometheusSource {
    /// Prepares the clients; nothing is sent yet.
    pub(super) fn open(
        url: &str,
        history: bool,
        (matching, lag_secs): (Option<&str>, Option<u32>),
        plan: &SoakPlan,
        ctx: &Ctx,
    ) -> Result<Self, Fault> {
        let client = |options| access::client(url, options, &ctx.root, &ctx.env, &ctx.clock, &ctx.cancel);
        let Queries { queries, mixed, written } = Queries::of(plan, matching)?;
        for name in mixed {
            tracing::warn!(
                "`{name}` is measured in several ways: of its samples between two points none is seen"
            );
        }
        if let (Some(matching), Some(name)) = (matching, written.first()) {
            let more = if written.len() > 1 { " and others" } else { "" };
            tracing::warn!("the promql of `{name}`{more} is asked as it is written, without `{matching}`");
        }
        Ok(Self {
            client: client(ClientOptions::default())?,
            impatient: client(ClientOptions { retries: 0, ..ClientOptions::default() })?,
            history,
            states: vec![QueryState::default(); queries.len()],
            queries,
            interval_ms: plan.interval_ms(),
            until_ms: plan.started_at_ms + i64::from(plan.iterations) * plan.iteration_ms(),
            batch: Batch::new(),
            handed: Vec::new(),
            series: SERIES_AT_FIRST,
            lag: Lag::new(lag_secs, plan.interval_ms()),
            remarks: BTreeSet::new(),
        })
    }

    /// The newest time that the server answers for, which is asked of it once.
    pub(super) fn newest_ms(&mut self, ctx: &Ctx) -> Result<i64, Fault> {
        if !self.history && !self.lag.is_measured() {
            self.measure_lag(ctx)?;
        }
        Ok(self.lag.newest_ms(ctx.clock.now().as_millisecond()))
    }

    /// Asks for the points at the begin of the first window.
    pub(super) fn baseline(&mut self, at_ms: i64, recorder: &mut Recorder, ctx: &Ctx) -> Result<(), Fault> {
        self.read(at_ms, at_ms, recorder, ctx)?;
        self.hand_over(at_ms, at_ms, recorder);
        Ok(())
    }

    /// Waits until the points of the window are there, asks for them, and hands them over, in parts that fit
    /// into memory.
    pub(super) fn window(
        &mut self,
        window: TimeWindow,
        recorder: &mut Recorder,
        ctx: &Ctx,
    ) -> Result<(), Fault> {
        let mut at_ms = window.from_ms + self.interval_ms;
        while at_ms <= window.to_ms {
            if at_ms > self.batch.until_ms {
                let most_ms = if self.history { self.until_ms.max(window.to_ms) } else { window.to_ms };
                self.read(at_ms, most_ms.min(at_ms + self.ahead_ms()), recorder, ctx)?;
            }
            let until_ms = window.to_ms.min(self.batch.until_ms);
            self.hand_over(at_ms, until_ms, recorder);
            at_ms = until_ms + self.interval_ms;
        }
        Ok(())
    }

    /// How much of the time after a point is held in memory with it.
    fn ahead_ms(&self) -> i64 {
        let points = (SAMPLES_AHEAD / self.series.max(1)).clamp(1, POINTS_AHEAD);
        i64::try_from(points - 1).unwrap_or(0) * self.interval_ms
    }

    /// Asks for a span once the server must have it, and again where its end is missing.
    fn read(&mut self, from_ms: i64, to_ms: i64, recorder: &mut Recorder, ctx: &Ctx) -> Result<(), Fault> {
        let age_ms = ctx.clock.now().as_millisecond() - to_ms;
        if self.history && age_ms > millis(LOOKBACK) {
            return self.fetch(from_ms, to_ms, recorder, ctx);
        }
        if !self.lag.is_measured() {
            self.measure_lag(ctx)?;
        }
        wait_until(to_ms + self.lag.delay_ms(), ctx)?;
        self.fetch(from_ms, to_ms, recorder, ctx)?;
        for _ in 0..SECOND_LOOKS {
            if !self.is_end_missing() {
                break;
            }
            self.measure_lag(ctx)?;
            let pause_ms = self.interval_ms.clamp(500, 5000);
            let now_ms = ctx.clock.now().as_millisecond();
            wait_until((to_ms + self.lag.delay_ms()).max(now_ms + pause_ms), ctx)?;
            self.fetch(from_ms, to_ms, recorder, ctx)?;
        }
        for state in self.states.iter_mut().filter(|state| !state.failed_now) {
            state.at_end = state.at_end_now;
        }
        Ok(())
    }

    /// Whether fewer series of a query reach the end of what was read than reached the end before.
    fn is_end_missing(&self) -> bool {
        self.states.iter().any(|state| !state.failed_now && state.at_end_now < state.at_end)
    }

    /// Measures how late the server is, unless the operator knows. Where that cannot be asked it stays unknown.
    fn measure_lag(&mut self, ctx: &Ctx) -> Result<(), Fault> {
        if !self.lag.is_automatic() {
            return Ok(());
        }
        let now_ms = ctx.clock.now().as_millisecond() / 1000 * 1000;
        let grid = grid(now_ms - millis(LOOKBACK), now_ms, Duration::from_secs(1))?;
        let mut late_ms = 0;
        let selectors = self.queries.iter().filter_map(|query| query.newest.as_deref());
        for query in ["time()"].into_iter().chain(selectors) {
            ctx.check_cancelled()?;
            let answer = match self.impatient.range(query, &grid) {
                Ok(answer) => answer,
                Err(unknown) => {
                    tracing::debug!("how late the server is cannot be measured: {unknown}");
                    return Ok(());
                }
            };
            for series in &answer.series {
                let measured =
                    if query == "time()" { hidden_ms } else { lateness_ms }(&series.points, now_ms);
                late_ms = late_ms.max(measured);
            }
        }
        if self.lag.learn(late_ms) {
            let (late, delay) = (self.lag.late_secs(), self.lag.delay_ms() / 1000);
            tracing::info!("the server answers {late} s late: windows are read {delay} s after their end");
        }
        Ok(())
    }

    fn fetch(&mut self, from_ms: i64, to_ms: i64, recorder: &mut Recorder, ctx: &Ctx) -> Result<(), Fault> {
        self.batch.begin(from_ms, to_ms, self.interval_ms);
        self.states.iter_mut().for_each(|state| (state.at_end_now, state.failed_now) = (0, false));
        let grid = grid(from_ms, to_ms, Duration::from_millis(self.interval_ms.unsigned_abs()))?;
        let (mut series, mut failed) = (0, 0);
        let mut may_pass = true;
        for first in (0..self.queries.len()).step_by(AT_ONCE) {
            ctx.check_cancelled()?;
            let asked = first..(first + AT_ONCE).min(self.queries.len());
            let answers = ask(&self.client, &self.queries[asked.clone()], &grid);
            for (query, mut answer) in asked.zip(answers) {
                if let Err(unknown) = &answer
                    && may_pass
                    && self.was_answered_before(query, unknown)
                {
                    ctx.clock.sleep(REFUSAL_PAUSE, &ctx.cancel);
                    answer = ask_one(&self.client, &self.queries[query], &grid);
                    may_pass = answer.is_ok();
                }
                let unknown = match answer {
                    Ok(answer) => {
                        series += self.take(query, answer, to_ms, recorder);
                        continue;
                    }
                    Err(unknown) => unknown,
                };
                self.check_refusal(query, &unknown, from_ms)?;
                if self.batch.failures.is_empty() {
                    tracing::warn!("{unknown}");
                }
                self.fail(query, &unknown.to_string());
                failed +=
                    usize::from(matches!(unknown.kind, QueryErrorKind::Failed | QueryErrorKind::TimedOut));
                if unknown.kind == QueryErrorKind::Unreachable {
                    self.batch.fail_whole(&unknown.to_string());
                    if self.history {
                        // A server that is gone is gone for the next span as well; each would be tried as often.
                        let ahead_ms = i64::try_from(POINTS_AHEAD - 1).unwrap_or(0) * self.interval_ms;
                        self.batch.until_ms = self.until_ms.min(from_ms + ahead_ms).max(to_ms);
                    }
                    self.states.iter_mut().for_each(|state| state.failed_now = true);
                    return Ok(());
                }
            }
            if self.batch.samples > 2 * SAMPLES_AHEAD && from_ms < to_ms {
                // There are more series than before: less of the time fits.
                self.series = series * self.queries.len() / (first + AT_ONCE).min(self.queries.len());
                let to_ms = (from_ms + self.ahead_ms()).min(to_ms - self.interval_ms);
                return self.fetch(from_ms, to_ms, recorder, ctx);
            }
            if failed >= MOST_FAILED {
                // Each further one would be tried as often, and the next window is waiting.
                let reason = self.batch.failures[0].1.clone();
                (first + AT_ONCE..self.queries.len()).for_each(|query| self.fail(query, &reason));
                break;
            }
        }
        if self.batch.failures.is_empty() {
            (self.series, self.batch.series) = (series, series);
        }
        Ok(())
    }

    /// Whether a refusal may be one of a moment: a credential is being rotated, a route replaced.
    fn was_answered_before(&self, query: usize, unknown: &QueryError) -> bool {
        self.states[query].is_answered
            && matches!(unknown.kind, QueryErrorKind::Unauthorised | QueryErrorKind::Refused)
    }

    /// Says of an error whether it ends the run.
    fn check_refusal(&self, query: usize, unknown: &QueryError, from_ms: i64) -> Result<(), Fault> {
        let is_first = !self.states[query].is_answered;
        match unknown.kind {
            QueryErrorKind::Stopped(signal) => Err(Fault::stopped(signal)),
            QueryErrorKind::Unauthorised | QueryErrorKind::Refused if is_first => Err(unknown.fault()),
            // Before a query frontend, times that are no multiples of the step come back moved.
            QueryErrorKind::Malformed
                if is_first && self.history && from_ms.rem_euclid(self.interval_ms) != 0 =>
            {
                let before_ms = from_ms - from_ms.rem_euclid(self.interval_ms);
                let time = |ms| Timestamp::from_millisecond(ms).map(|time| time.to_string());
                let (before, after) = (time(before_ms), time(before_ms + self.interval_ms));
                let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
                let hint = "a server that aligns times to the interval";
                Err(unknown.fault().hint(format!("{hint} needs --from {before} or --from {after}")))
            }
            QueryErrorKind::Unauthorised
            | QueryErrorKind::Refused
            | QueryErrorKind::Malformed
            | QueryErrorKind::Partial
            | QueryErrorKind::Unreachable
            | QueryErrorKind::Failed
            | QueryErrorKind::NotAsked
            | QueryErrorKind::TimedOut => Ok(()),
        }
    }

    /// Notes that a query has no answer for this span.
    fn fail(&mut self, query: usize, reason: &str) {
        self.states[query].failed_now = true;
        let name = &self.queries[query].name;
        if name == SIMULATED {
            self.batch.fail_whole(reason);
        } else {
            self.batch.failures.push((Some(name.clone()), reason.to_owned()));
        }
    }

    /// Takes an answer and says how many series it has.
    fn take(
        &mut self,
        query: usize,
        (QueryResult { series, notes }, extremes): (QueryResult, Option<QueryResult>),
        to_ms: i64,
        recorder: &mut Recorder,
    ) -> usize {
        let Query { name, extreme, .. } = &self.queries[query];
        for note in notes.into_iter().filter(|note| self.remarks.insert(note.clone())) {
            tracing::info!("the server remarks: {note}");
        }
        let mut extremes: BTreeMap<Labels, Vec<Point>> =
            extremes.into_iter().flat_map(|result| result.series).map(without_name).collect();
        let state = &mut self.states[query];
        state.is_answered = true;
        let found = series.len();
        for one in series {
            let (labels, mut points) = without_name(one);
            if let (Some((extremum, _)), Some(extremes)) = (extreme, extremes.remove(&labels)) {
                fold(&mut points, &extremes, *extremum);
            }
            let pairs =
                || labels.iter().map(|(name, value)| (&name[..], Cow::Borrowed(&value[..]))).collect();
            let Some(id) = recorder.series_in_use(name, pairs, Declared::default) else { continue };
            state.at_end_now += usize::from(points.last().is_some_and(|(at_ms, _)| *at_ms == to_ms));
            for (at_ms, value) in points.into_iter().filter(|(_, value)| !staleness::is_stale(*value)) {
                self.batch.add(at_ms, self.interval_ms, id, value);
            }
        }
        found
    }

    fn hand_over(&mut self, from_ms: i64, to_ms: i64, recorder: &mut Recorder) {
        for (metric, reason) in &self.batch.failures {
            recorder.fail_scrape(Affected { metric: metric.as_deref(), ..Affected::default() }, reason);
        }
        let mut at_ms = from_ms;
        while at_ms <= to_ms {
            recorder.begin_scrape(at_ms);
            for (id, value) in self.batch.remove(at_ms, self.interval_ms) {
                let number = id as usize;
                self.handed.resize(self.handed.len().max(number + 1), i64::MIN);
                // Several selectors may mean one series.
                if std::mem::replace(&mut self.handed[number], at_ms) != at_ms {
                    recorder.sample(id, value);
                }
            }
            recorder.end_scrape();
            at_ms += self.interval_ms;
        }
    }
}

/// Asks some queries at once, each on a thread of its own where there is room for so many.
fn ask(client: &PrometheusClient, queries: &[Query], grid: &TimeGrid) -> Vec<Answer> {
    work::map(queries.len(), queries.len(), |at| ask_one(client, &queries[at], grid))
}

fn ask_one(client: &PrometheusClient, query: &Query, grid: &TimeGrid) -> Answer {
    let plain = client.range(&query.plain, grid)?;
    let extremes = query.extreme.as_ref().map(|(_, extreme)| client.range(extreme, grid)).transpose()?;
    Ok((plain, extremes))
}

fn without_name(Series { mut labels, points }: Series) -> (Labels, Vec<Point>) {
    labels.remove("__name__");
    (labels, points)
}

fn grid(from_ms: i64, to_ms: i64, step: Duration) -> Result<TimeGrid, Fault> {
    let time = |ms| Timestamp::from_millisecond(ms).map_err(|error| Fault::config(error.to_string()));
    TimeGrid::new(time(from_ms)?, time(to_ms)?, step)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
