//! Where a run stands, for others: `status.json` in its directory, and while it lasts `/status`, `/metrics` and a page
//! for people at `/`.

use crate::commands::soak::page::{self, PageFacts};
use crate::commands::soak::status::StatusFile;
use crate::commands::soak::store::RunStore;
use crate::format::json;
use crate::judge::record::Ledger;
use crate::net::serve::{self, Request, Response, Server};
use crate::report::exit::Fault;
use crate::report::page::content_security_policy;
use crate::sys::clock;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A page is drawn anew once so many times its own time went by: a simulation does not wait for it.
const PAUSE: u32 = 20;

#[derive(Default)]
struct Pages {
    metrics: String,
    status: String,
    page: String,
}

pub(super) struct StatusPublisher {
    pages: Arc<Mutex<Pages>>,
    server: Option<Server>,
    /// When the page was drawn last, and how long that took.
    drawn: Option<(Instant, Duration)>,
}

impl StatusPublisher {
    /// Begins to answer requests, where that was asked for.
    pub(super) fn start(listen: Option<SocketAddr>) -> Result<Self, Fault> {
        let pages = Arc::<Mutex<Pages>>::default();
        let server = listen.map(|address| {
            let pages = Arc::clone(&pages);
            Server::start(address, move |request| {
                respond(request, &pages.lock().unwrap_or_else(PoisonError::into_inner))
            })
        });
        let server = server.transpose()?;
        if let Some(server) = &server {
            tracing::info!("serving http://{}/, /status and /metrics", server.address());
        }
        Ok(Self { pages, server, drawn: None })
    }

    pub(super) fn publish(
        &mut self,
        status: &StatusFile,
        ledger: &Ledger,
        store: &RunStore,
        facts: impl FnOnce(&dyn Fn(&PageFacts) -> String) -> String,
    ) -> Result<(), Fault> {
        let page = self.is_due().then(|| {
            let begun = clock::monotonic();
            let page = facts(&page::render);
            self.drawn = Some((clock::monotonic(), begun.elapsed()));
            page
        });
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let page = page.unwrap_or_else(|| std::mem::take(&mut pages.page));
        *pages = Pages { metrics: status.metrics(ledger), status: json::document(status), page };
        store.write_status(status)
    }

    /// Whether somebody could see the page, and it is not too soon.
    fn is_due(&self) -> bool {
        self.server.is_some() && self.drawn.is_none_or(|(at, took)| at.elapsed() >= took * PAUSE)
    }
}

fn respond(request: &Request<'_>, pages: &Pages) -> Response {
    match (request.method, request.path) {
        ("GET", "/") if pages.page.is_empty() => {
            Response::error(503, "the run has not begun; ask again in a moment")
        }
        ("GET", "/") => Response::live_page(pages.page.clone(), content_security_policy(), request),
        ("GET", "/metrics") => Response::ok(serve::EXPOSITION, pages.metrics.clone()),
        ("GET", "/status") => Response::ok(serve::JSON, pages.status.clone()),
        (_, "/" | "/metrics" | "/status") => Response::error(405, "method not allowed"),
        _ => Response::error(404, "there are /, /metrics and /status"),
    }
}
