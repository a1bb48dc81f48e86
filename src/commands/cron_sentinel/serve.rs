//! The tasks inspected again and again, for a browser and for Prometheus.

use super::inspect::Inspector;
use super::metrics::metrics;
use super::notice::notice;
use super::page;
use super::report;
use super::verdict::{Facts, Verdict};
use crate::ctx::Ctx;
use crate::execute::notify::Notifier;
use crate::execute::notify::delivery::{Delivery, DeliveryState};
use crate::execute::notify::message::{Event, Notification};
use crate::net::serve::{self, Request, Response, Server};
use crate::report::Report;
use crate::report::page::content_security_policy;
use crate::sys::clock::Clock;
use crate::sys::fsio;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) struct Settings<'a> {
    pub(super) address: SocketAddr,
    pub(super) address_file: Option<&'a Path>,
    pub(super) every: Duration,
    pub(super) host: &'a str,
}

#[derive(Default)]
struct Pages {
    page: String,
    metrics: String,
}

/// Serves until a signal; the report is of the last inspection.
pub(super) fn run(
    inspector: &Inspector<'_>,
    notifier: &Notifier<'_>,
    settings: &Settings<'_>,
    ctx: &Ctx,
) -> anyhow::Result<Report> {
    let pages = Arc::<Mutex<Pages>>::default();
    let mut sent = SentState::default();
    let mut seen = inspector.inspect()?;
    publish(&pages, &seen, ctx);
    let server = {
        let pages = Arc::clone(&pages);
        Server::start(settings.address, move |request| {
            respond(request, &pages.lock().unwrap_or_else(PoisonError::into_inner))
        })?
    };
    let address = format!("http://{}", server.address());
    if let Some(path) = settings.address_file {
        fsio::write_atomic(&ctx.path(path), format!("{address}\n").as_bytes())?;
    }
    tracing::info!("serving {address}/ and /metrics");
    loop {
        let (facts, verdict) = &seen;
        let deliveries = sent.notify(facts, notice(facts, *verdict, settings.host, &ctx.maker()), notifier);
        for delivery in deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Failed) {
            let reason = delivery.reason.as_deref().unwrap_or_default();
            tracing::warn!("notify {}: {reason}", delivery.name);
        }
        Clock::system(None).sleep(settings.every, &ctx.cancel);
        let next = inspector.inspect();
        if let Some(signal) = ctx.cancel.signal() {
            drop(server);
            let (facts, _) = seen;
            return Ok(report::stopped(facts, signal, deliveries));
        }
        seen = next?;
        publish(&pages, &seen, ctx);
    }
}

fn publish(pages: &Mutex<Pages>, (facts, verdict): &(Facts, Verdict), ctx: &Ctx) {
    let maker = ctx.maker();
    let next = Pages { page: page::render(facts, *verdict, &maker), metrics: metrics(facts, maker.now) };
    *pages.lock().unwrap_or_else(PoisonError::into_inner) = next;
}

fn respond(request: &Request<'_>, pages: &Pages) -> Response {
    match (request.method, request.path) {
        ("GET", "/") => Response::live_page(pages.page.clone(), content_security_policy(), request),
        ("GET", "/metrics") => Response::ok(serve::EXPOSITION, pages.metrics.clone()),
        (_, "/" | "/metrics") => Response::error(405, "method not allowed"),
        _ => Response::error(404, "there are / and /metrics"),
    }
}

/// What was sent last: the same is not sent after every inspection, and to whom it did not come through it is sent
/// again.
#[derive(Default)]
struct SentState {
    /// The tasks that were not what they must be; none before the first notification.
    states: Option<BTreeMap<String, &'static str>>,
    notification: Option<Notification>,
    deliveries: Vec<Delivery>,
}

impl SentState {
    fn notify(
        &mut self,
        facts: &Facts,
        notification: Option<Notification>,
        notifier: &Notifier<'_>,
    ) -> Vec<Delivery> {
        let wrong = facts.tasks.iter().filter(|task| !task.outcome().is_yes());
        let states: BTreeMap<String, &'static str> =
            wrong.map(|task| (task.name.clone(), task.state.as_str())).collect();
        // A job that runs inside its time is no news: what was wrong before is not well yet.
        let is_news = notification.is_some() && self.states.as_ref() != Some(&states);
        if is_news {
            // That all is well from the start is none either.
            let is_first = self.states.is_none();
            self.notification = notification.filter(|new| !is_first || new.event == Event::Trigger);
            self.deliveries = notifier.send(self.notification.as_ref());
            self.states = Some(states);
        } else {
            self.deliveries = notifier.send_again(self.notification.as_ref(), &self.deliveries);
        }
        self.deliveries.clone()
    }
}
