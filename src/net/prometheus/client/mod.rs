//! Questions to anything that speaks the Prometheus query API.
//!
//! A range is cut into requests the server accepts: at most 11,000 points each, smaller where it says
//! that even that is too much or does not answer in time; at most two are on the way at once. What is
//! worth a second try is tried again, with pauses on the clock of the command. An answer is whole or it
//! is an [`Unknown`]: a warning of missing data never becomes a number.

mod answer;
mod span;
mod unknown;

pub use answer::{Answer, Series};
pub use span::Grid;
pub use unknown::{Kind, Unknown};

use crate::net::http::{Failure, Http, Reply, Send, Settings, Url, form};
use crate::net::prometheus::{Labels, Point};
use crate::report::exit::Fault;
use crate::sys::clock::Clock;
use crate::sys::signal::Cancel;
use answer::Envelope;
use span::{POINTS, Span};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;

/// Where a range is asked for.
const RANGE: &str = "/api/v1/query_range";
/// How often a span may be halved because its answer came too late; after that the server is too slow.
const LATE_HALVINGS: u32 = 4;
/// Between two looks at whether a stop was asked for.
const LOOK: Duration = Duration::from_millis(50);
/// How much of a query an error text shows.
const SHOWN_QUERY: usize = 300;

/// How patient and how pressing a client is.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Requests on the way at once.
    pub in_flight: usize,
    /// Further tries after a failure that may pass.
    pub retries: u32,
    /// The pause before the first of them; it doubles each time.
    pub backoff: Duration,
    /// The longest pause, also when the server asks for a longer one.
    pub backoff_max: Duration,
}

impl Default for Options {
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
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Http,
    url: Url,
    options: Options,
    clock: Clock,
    cancel: Cancel,
    busy: Mutex<usize>,
    freed: Condvar,
    /// Set once the server has refused POST; some proxies let only GET through.
    get_only: AtomicBool,
}

/// What one try came to.
enum Trouble {
    /// It may pass; the server may have said when.
    Passing(Unknown, Option<Duration>),
    /// Less may work.
    TooMuch(Unknown),
    /// It will not change.
    Final(Unknown),
}

type Found = (BTreeMap<Labels, Vec<Point>>, Vec<String>);

impl Client {
    /// Prepares a client; nothing is sent yet.
    pub fn new(
        url: Url,
        settings: &Settings,
        options: Options,
        clock: Clock,
        cancel: Cancel,
    ) -> Result<Self, Fault> {
        let http = Http::new(settings)?;
        let (busy, freed, get_only) = (Mutex::new(0), Condvar::new(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { http, url, options, clock, cancel, busy, freed, get_only })))
    }

    /// The address of the server, fit to be shown.
    pub fn address(&self) -> String {
        self.0.url.to_string()
    }

    /// The values of `query` at every time of `grid`.
    pub fn range(&self, query: &str, grid: &Grid) -> Result<Answer, Unknown> {
        let call = Arc::new(());
        let (sender, receiver) = mpsc::channel();
        let mut todo = vec![grid.whole()];
        let mut most = POINTS;
        let mut under_way = 0;
        let mut parts: BTreeMap<u64, Found> = BTreeMap::new();
        loop {
            while under_way < self.0.options.in_flight
                && let Some(next) = todo.pop()
            {
                let (span, rest) = next.cut(most);
                // What is left over may be small without having been too much.
                todo.extend(rest.map(|rest| Span { halved: false, ..rest }));
                let (inner, sender, query) = (Arc::clone(&self.0), sender.clone(), query.to_owned());
                let (grid, caller) = (*grid, Caller::of(&call));
                std::thread::spawn(move || {
                    let found = inner.span(&query, &grid, span, &caller);
                    // Nobody listens any more once the call has failed.
                    drop(sender.send((span, found)));
                });
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
                Err(Trouble::TooMuch(unknown)) => {
                    let late = unknown.kind == Kind::TimedOut;
                    let late = if late { span.late + 1 } else { 0 };
                    let halves = Span { late, ..span }.halves().filter(|_| late <= LATE_HALVINGS);
                    let Some((head, tail)) = halves else { return Err(unknown) };
                    // The head comes first, so that a query that never works is soon known not to.
                    todo.extend([tail, head]);
                }
                Err(Trouble::Passing(unknown, _) | Trouble::Final(unknown)) => return Err(unknown),
            }
        }
    }

    /// The next message of a worker, unless a stop is asked for first.
    fn wait<T>(&self, receiver: &mpsc::Receiver<T>) -> Result<T, Unknown> {
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(message) => return Ok(message),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(self.unknown(Kind::Failed, "a request ended without a result"));
                }
            }
            if let Some(signal) = self.0.cancel.signal() {
                return Err(self.unknown(Kind::Stopped(signal), "stopped"));
            }
        }
    }

    fn unknown(&self, kind: Kind, why: &str) -> Unknown {
        Unknown { kind, address: self.address(), status: None, why: why.to_owned() }
    }
}

/// A caller that may have stopped waiting; then its workers do not try again.
#[derive(Clone)]
struct Caller(Weak<()>);

impl Caller {
    fn of(call: &Arc<()>) -> Self {
        Self(Arc::downgrade(call))
    }

    fn waits(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl Inner {
    fn span(&self, query: &str, grid: &Grid, span: Span, caller: &Caller) -> Result<Found, Trouble> {
        let start = seconds(grid.at(span.first));
        let end = seconds(grid.at(span.first + span.points - 1));
        let step = seconds(grid.step_ms());
        let pairs = [("query", query), ("start", &start), ("end", &end), ("step", &step), ("nocache", "1")];
        self.ask(&pairs, caller, grid, span)
    }

    /// Asks until there is an answer, or trouble that does not pass.
    fn ask(
        &self,
        pairs: &[(&str, &str)],
        caller: &Caller,
        grid: &Grid,
        span: Span,
    ) -> Result<Found, Trouble> {
        let mut pause = self.options.backoff;
        let mut left = self.options.retries;
        loop {
            let found = {
                let _slot = Slot::take(self);
                self.once(pairs, grid, span)
            };
            match found {
                Err(Trouble::Passing(_, after))
                    if left > 0 && self.cancel.signal().is_none() && caller.waits() =>
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

    fn once(&self, pairs: &[(&str, &str)], grid: &Grid, span: Span) -> Result<Found, Trouble> {
        let sent = form(pairs);
        let mut reply = Err(Failure::Protocol(String::new()));
        if !self.get_only.load(Ordering::Relaxed) {
            let post = Send::Post("application/x-www-form-urlencoded", sent.as_bytes());
            reply = self.http.send(&self.url, RANGE, post);
            if reply.as_ref().is_ok_and(|reply| matches!(reply.status, 405 | 501)) {
                self.get_only.store(true, Ordering::Relaxed);
            }
        }
        if self.get_only.load(Ordering::Relaxed) {
            reply = self.http.send(&self.url, RANGE, Send::Get(&sent));
        }
        let unknown = |kind, status, why: String| Unknown { kind, address: self.shown(pairs), status, why };
        let reply = reply.map_err(|failure| {
            let why = failure.to_string();
            match failure {
                Failure::Connect(_) | Failure::Protocol(_) => {
                    Trouble::Passing(unknown(Kind::Unreachable, None, why), None)
                }
                Failure::Tls(_) => Trouble::Final(unknown(Kind::Unreachable, None, why)),
                Failure::Timeout(_) => Trouble::TooMuch(unknown(Kind::TimedOut, None, why)),
                Failure::TooLarge { .. } => Trouble::TooMuch(unknown(Kind::Refused, None, why)),
            }
        })?;
        if reply.status == 200 {
            return whole(&reply, grid, span).map_err(|(kind, why)| Trouble::Final(unknown(kind, None, why)));
        }
        let (kind, passing, why) = refusal(&reply);
        let unknown = unknown(kind, Some(reply.status), why);
        Err(match passing {
            Remedy::Wait => Trouble::Passing(unknown, reply.retry_after),
            Remedy::AskLess => Trouble::TooMuch(unknown),
            Remedy::None => Trouble::Final(unknown),
        })
    }

    fn shown(&self, pairs: &[(&str, &str)]) -> String {
        let address = self.url.shown(RANGE);
        let mark = if address.contains('?') { '&' } else { '?' };
        let query = form(pairs);
        match query.char_indices().nth(SHOWN_QUERY) {
            Some((end, _)) => format!("{address}{mark}{}...", &query[..end]),
            None => format!("{address}{mark}{query}"),
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

/// What may help after a reply that is no answer.
enum Remedy {
    Wait,
    AskLess,
    None,
}

fn refusal(reply: &Reply) -> (Kind, Remedy, String) {
    let envelope: Option<Envelope<'_>> = serde_json::from_slice(&reply.body).ok();
    let kind = envelope.as_ref().map(|envelope| envelope.error_type.clone()).unwrap_or_default();
    let why = match envelope {
        Some(envelope) if !envelope.error.is_empty() => {
            let text =
                envelope.error.chars().filter(|c| !c.is_control()).take(SHOWN_QUERY).collect::<String>();
            format!("{kind}: {text}")
        }
        _ => reply.excerpt(),
    };
    let (kind, remedy) = match reply.status {
        401 | 403 | 407 => (Kind::Unauthorised, Remedy::None),
        300..=399 => {
            let target = reply.location.as_deref().unwrap_or("nowhere").split('?').next().unwrap_or_default();
            let why = format!("a redirect to `{}`, which is not followed", target.escape_debug());
            return (Kind::Refused, Remedy::None, why);
        }
        // A query that cannot be parsed does not get better by asking for less of it.
        400 if why.contains("parse error") => (Kind::Refused, Remedy::None),
        400 | 413 | 422 => (Kind::Refused, Remedy::AskLess),
        408 | 504 => (Kind::TimedOut, Remedy::AskLess),
        503 if kind == "timeout" || kind == "canceled" => (Kind::TimedOut, Remedy::AskLess),
        429 | 500..=599 => (Kind::Failed, Remedy::Wait),
        _ => (Kind::Refused, Remedy::None),
    };
    (kind, remedy, why)
}

/// The series of a reply, if it is whole.
fn whole(reply: &Reply, grid: &Grid, span: Span) -> Result<Found, (Kind, String)> {
    let malformed = |why: String| (Kind::Malformed, format!("{why}; it begins `{}`", reply.excerpt()));
    let mut envelope: Envelope<'_> =
        serde_json::from_slice(&reply.body).map_err(|error| malformed(error.to_string()))?;
    if envelope.status != "success" {
        return Err(malformed(format!("its status is `{}`", envelope.status.escape_debug())));
    }
    let (missing, notes) = envelope.warnings();
    if !missing.is_empty() {
        return Err((Kind::Partial, missing.join("; ")));
    }
    let data = envelope.data.ok_or_else(|| malformed("it has no data".to_owned()))?;
    data.range(grid, span).map(|series| (series, notes)).map_err(malformed)
}

/// The parts of a range as one answer, in order of time.
fn joined(parts: BTreeMap<u64, Found>) -> Answer {
    let mut series: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
    let mut notes = Vec::new();
    for (found, remarks) in parts.into_values() {
        for (labels, points) in found {
            series.entry(labels).or_default().extend(points);
        }
        notes.extend(remarks);
    }
    notes.sort();
    notes.dedup();
    Answer { series: series.into_iter().map(|(labels, points)| Series { labels, points }).collect(), notes }
}

/// A time in milliseconds as the API wants it.
fn seconds(millis: i64) -> String {
    let (whole, part) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    let sign = if millis < 0 { "-" } else { "" };
    if part == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:03}") }
}
