//! Questions to anything that speaks the Prometheus query API.
//!
//! A range is cut into requests the server accepts: at most 11,000 points each, smaller where it says
//! that even that is too much or does not answer in time; at most two are on the way at once. What is
//! worth a second try is tried again, with pauses on the clock of the command. An answer is whole or it
//! is a [`QueryError`]: a warning of missing data never becomes a number.

mod error;
mod grid;
mod names;
mod response;

pub use error::{QueryError, QueryErrorKind};
pub use grid::TimeGrid;
pub use response::{QueryResult, Series};

use crate::net::http::{HttpClient, HttpError, HttpSettings, Request, Response, Url, form};
use crate::net::prometheus::{Labels, Point};
use crate::report::exit::Fault;
use crate::sys::clock::Clock;
use crate::sys::signal::Cancel;
use crate::sys::work;
use grid::{GridSpan, POINTS};
use response::Envelope;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;

/// Where a range is asked for.
const RANGE: &str = "/api/v1/query_range";
/// How often a span may be halved because its answer came too late; after that the server is too slow.
const LATE_HALVINGS: u32 = 4;
/// Time between two looks at whether a stop was asked for.
const CANCEL_POLL: Duration = Duration::from_millis(50);
/// How much of a query an error text shows.
const SHOWN_QUERY: usize = 300;

/// How patient and how pressing a client is.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// Requests on the way at once.
    pub in_flight: usize,
    /// Further tries after an error that may pass.
    pub retries: u32,
    /// The pause before the first of them; it doubles each time.
    pub backoff: Duration,
    /// The longest pause, also when the server asks for a longer one.
    pub backoff_max: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            in_flight: 2,
            retries: 4,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
        }
    }
}

/// A client of one server; clones share its connections and its limit of requests.
#[derive(Clone, Debug)]
pub struct PrometheusClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: HttpClient,
    url: Url,
    options: ClientOptions,
    clock: Clock,
    cancel: Cancel,
    busy: Mutex<usize>,
    freed: Condvar,
    /// Set once the server has refused POST; some proxies let only GET through.
    get_only: AtomicBool,
}

/// Why one try gave nothing, and what may help.
struct FailedAttempt {
    error: QueryError,
    remedy: Remedy,
}

/// What may help after a response that is no answer.
enum Remedy {
    /// It may pass; the server may have said when.
    Wait(Option<Duration>),
    AskLess,
    None,
}

type RangeData = (BTreeMap<Labels, Vec<Point>>, Vec<String>);

impl PrometheusClient {
    /// Prepares a client; nothing is sent yet.
    pub fn new(
        url: Url,
        settings: &HttpSettings,
        options: ClientOptions,
        clock: Clock,
        cancel: Cancel,
    ) -> Result<Self, Fault> {
        let http = HttpClient::new(settings)?;
        let (busy, freed, get_only) = (Mutex::new(0), Condvar::new(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { http, url, options, clock, cancel, busy, freed, get_only })))
    }

    /// The values of `query` at every time of `grid`.
    pub fn range(&self, query: &str, grid: &TimeGrid) -> Result<QueryResult, QueryError> {
        // Workers do not try again once the caller has stopped waiting.
        let call = Arc::new(());
        let (sender, receiver) = mpsc::channel();
        let mut todo = vec![grid.whole()];
        let mut most = POINTS;
        let mut under_way = 0;
        let mut parts: BTreeMap<u64, RangeData> = BTreeMap::new();
        loop {
            while under_way < self.0.options.in_flight
                && let Some(next) = todo.pop()
            {
                let (span, rest) = next.cut(most);
                // What is left over may be small without having been too much.
                todo.extend(rest.map(|rest| GridSpan { halved: false, ..rest }));
                let (inner, sender, query) = (Arc::clone(&self.0), sender.clone(), query.to_owned());
                let (grid, caller) = (*grid, Arc::downgrade(&call));
                let started = work::spawn("query", move || {
                    let found = inner.span(&query, &grid, span, &caller);
                    // Nobody listens any more once the call has failed.
                    drop(sender.send((span, found)));
                });
                if let Err(fault) = started {
                    if under_way == 0 {
                        return Err(self.query_error(QueryErrorKind::NotAsked, &fault.to_string()));
                    }
                    // Those that are under way make room.
                    todo.push(span);
                    break;
                }
                under_way += 1;
            }
            if under_way == 0 {
                return Ok(joined(parts));
            }
            let (span, found) = self.wait(&receiver)?;
            under_way -= 1;
            match found {
                Ok(found) => {
                    if span.halved {
                        most = most.min(span.points);
                    }
                    parts.insert(span.first, found);
                }
                Err(FailedAttempt { error, remedy: Remedy::AskLess }) => {
                    let late = error.kind == QueryErrorKind::TimedOut;
                    let late = if late { span.late + 1 } else { 0 };
                    let halves = GridSpan { late, ..span }.halves().filter(|_| late <= LATE_HALVINGS);
                    let Some((head, tail)) = halves else { return Err(error) };
                    // The head comes first, so that a query that never works is soon known not to.
                    todo.extend([tail, head]);
                }
                Err(failed) => return Err(failed.error),
            }
        }
    }

    /// The next message of a worker, unless a stop is asked for first.
    fn wait<T>(&self, receiver: &mpsc::Receiver<T>) -> Result<T, QueryError> {
        loop {
            match receiver.recv_timeout(CANCEL_POLL) {
                Ok(message) => return Ok(message),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(self.query_error(QueryErrorKind::Failed, "a request ended without a result"));
                }
            }
            if let Some(signal) = self.0.cancel.signal() {
                return Err(self.query_error(QueryErrorKind::Stopped(signal), "stopped"));
            }
        }
    }

    fn query_error(&self, kind: QueryErrorKind, why: &str) -> QueryError {
        QueryError { kind, address: self.0.url.to_string(), status: None, why: why.to_owned() }
    }
}

impl Inner {
    /// Asks for a span until there is an answer, or an error that does not pass.
    fn span(
        &self,
        query: &str,
        grid: &TimeGrid,
        span: GridSpan,
        caller: &Weak<()>,
    ) -> Result<RangeData, FailedAttempt> {
        let start = seconds(grid.at(span.first));
        let end = seconds(grid.at(span.first + span.points - 1));
        let step = seconds(grid.step_ms);
        let asked =
            form(&[("query", query), ("start", &start), ("end", &end), ("step", &step), ("nocache", "1")]);
        let mut pause = self.options.backoff;
        let mut left = self.options.retries;
        loop {
            let found = {
                let _slot = Slot::take(self);
                self.once(&asked, grid, span)
            };
            match found {
                Err(FailedAttempt { remedy: Remedy::Wait(after), .. })
                    if left > 0 && self.cancel.signal().is_none() && caller.strong_count() > 0 =>
                {
                    left -= 1;
                    let wait = after.unwrap_or(pause).max(pause).min(self.options.backoff_max);
                    self.clock.sleep(wait, &self.cancel);
                    pause = pause.saturating_mul(2);
                }
                found => return found,
            }
        }
    }

    fn once(&self, asked: &str, grid: &TimeGrid, span: GridSpan) -> Result<RangeData, FailedAttempt> {
        let failed = |(kind, remedy, why), status| {
            let address = self.shown(asked);
            FailedAttempt { error: QueryError { kind, address, status, why }, remedy }
        };
        let response = self.send(asked).map_err(|error| {
            let (kind, remedy) = match error {
                HttpError::Connect(_) | HttpError::Protocol(_) => {
                    (QueryErrorKind::Unreachable, Remedy::Wait(None))
                }
                HttpError::Tls(_) => (QueryErrorKind::Unreachable, Remedy::None),
                // A file that is being rotated is whole again in a moment.
                HttpError::Credentials(_) => (QueryErrorKind::Unauthorised, Remedy::Wait(None)),
                HttpError::Timeout(_) => (QueryErrorKind::TimedOut, Remedy::AskLess),
                HttpError::TooLarge { .. } => (QueryErrorKind::Refused, Remedy::AskLess),
            };
            failed((kind, remedy, error.to_string()), None)
        })?;
        if response.status != 200 {
            return Err(failed(refusal(&response), Some(response.status)));
        }
        whole(&response, grid, span).map_err(|(kind, why)| failed((kind, Remedy::None, why), None))
    }

    /// By POST, where a query may be of any length, until the server has refused it.
    fn send(&self, asked: &str) -> Result<Response, HttpError> {
        if !self.get_only.load(Ordering::Relaxed) {
            let post = Request::Post("application/x-www-form-urlencoded", asked.as_bytes());
            let response = self.http.send(&self.url, RANGE, post)?;
            if !matches!(response.status, 405 | 501) {
                return Ok(response);
            }
            self.get_only.store(true, Ordering::Relaxed);
        }
        self.http.send(&self.url, RANGE, Request::Get(asked))
    }

    fn shown(&self, asked: &str) -> String {
        let address = self.url.shown(RANGE);
        let mark = if address.contains('?') { '&' } else { '?' };
        match asked.char_indices().nth(SHOWN_QUERY) {
            Some((end, _)) => format!("{address}{mark}{}...", &asked[..end]),
            None => format!("{address}{mark}{asked}"),
        }
    }
}

/// The right to have a request on the way.
struct Slot<'a>(&'a Inner);

impl<'a> Slot<'a> {
    fn take(inner: &'a Inner) -> Self {
        let busy = inner.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |busy: &mut usize| *busy >= inner.options.in_flight;
        *inner.freed.wait_while(busy, full).unwrap_or_else(PoisonError::into_inner) += 1;
        Self(inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}

fn refusal(response: &Response) -> (QueryErrorKind, Remedy, String) {
    let envelope: Option<Envelope<'_>> = serde_json::from_slice(&response.body).ok();
    let kind = envelope.as_ref().map(|envelope| envelope.error_type.clone()).unwrap_or_default();
    let why = match envelope {
        Some(envelope) if !envelope.error.is_empty() => {
            let text =
                envelope.error.chars().filter(|c| !c.is_control()).take(SHOWN_QUERY).collect::<String>();
            format!("{kind}: {text}")
        }
        _ => response.excerpt(),
    };
    let (kind, remedy) = match response.status {
        401 | 403 | 407 => (QueryErrorKind::Unauthorised, Remedy::None),
        300..=399 => {
            let target =
                response.location.as_deref().unwrap_or("nowhere").split('?').next().unwrap_or_default();
            let why = format!("a redirect to `{}`, which is not followed", target.escape_debug());
            return (QueryErrorKind::Refused, Remedy::None, why);
        }
        // A query that cannot be parsed does not get better by asking for less of it.
        400 if why.contains("parse error") => (QueryErrorKind::Refused, Remedy::None),
        400 | 413 | 422 => (QueryErrorKind::Refused, Remedy::AskLess),
        408 | 504 => (QueryErrorKind::TimedOut, Remedy::AskLess),
        503 if kind == "timeout" || kind == "canceled" => (QueryErrorKind::TimedOut, Remedy::AskLess),
        429 | 500..=599 => (QueryErrorKind::Failed, Remedy::Wait(response.retry_after)),
        _ => (QueryErrorKind::Refused, Remedy::None),
    };
    (kind, remedy, why)
}

/// The series of a response, if it is whole.
fn whole(
    response: &Response,
    grid: &TimeGrid,
    span: GridSpan,
) -> Result<RangeData, (QueryErrorKind, String)> {
    let malformed =
        |why: String| (QueryErrorKind::Malformed, format!("{why}; it begins `{}`", response.excerpt()));
    let mut envelope: Envelope<'_> =
        serde_json::from_slice(&response.body).map_err(|error| malformed(error.to_string()))?;
    if envelope.status != "success" {
        return Err(malformed(format!("its status is `{}`", envelope.status.escape_debug())));
    }
    let (missing, notes) = envelope.warnings();
    if !missing.is_empty() {
        return Err((QueryErrorKind::Partial, missing.join("; ")));
    }
    let data = envelope.data.ok_or_else(|| malformed("it has no data".to_owned()))?;
    data.range(grid, span).map(|series| (series, notes)).map_err(malformed)
}

/// The parts of a range as one answer, in order of time.
fn joined(parts: BTreeMap<u64, RangeData>) -> QueryResult {
    let mut series: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
    let mut notes = Vec::new();
    for (found, remarks) in parts.into_values() {
        if series.is_empty() {
            series = found;
        } else {
            for (labels, points) in found {
                series.entry(labels).or_default().extend(points);
            }
        }
        notes.extend(remarks);
    }
    notes.sort();
    notes.dedup();
    QueryResult {
        series: series.into_iter().map(|(labels, points)| Series { labels, points }).collect(),
        notes,
    }
}

/// A time in milliseconds as the API wants it.
fn seconds(millis: i64) -> String {
    let (whole, part) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    let sign = if millis < 0 { "-" } else { "" };
    if part == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:03}") }
}
