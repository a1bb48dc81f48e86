//! Where a run stands, for others: `status.json` in its directory, and `/status` and `/metrics` while it lasts.

use crate::commands::soak::status::StatusFile;
use crate::commands::soak::store::RunStore;
use crate::format::json;
use crate::judge::record::Ledger;
use crate::net::serve::{self, Response, Server};
use crate::report::exit::Fault;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
struct Pages {
    metrics: String,
    status: String,
}

pub(super) struct StatusPublisher {
    pages: Arc<Mutex<Pages>>,
    _server: Option<Server>,
}

impl StatusPublisher {
    /// Begins to answer requests, where that was asked for.
    pub(super) fn start(listen: Option<SocketAddr>) -> Result<Self, Fault> {
        let pages = Arc::<Mutex<Pages>>::default();
        let server = listen.map(|address| {
            let pages = Arc::clone(&pages);
            Server::start(address, move |request| {
                let pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
                match (request.method, request.path) {
                    ("GET", "/metrics") => Response::ok(serve::EXPOSITION, pages.metrics.clone()),
                    ("GET", "/status") => Response::ok(serve::JSON, pages.status.clone()),
                    (_, "/metrics" | "/status") => Response::error(405, "method not allowed"),
                    _ => Response::error(404, "there are /metrics and /status"),
                }
            })
        });
        let server = server.transpose()?;
        if let Some(server) = &server {
            tracing::info!("serving http://{}/status and /metrics", server.address());
        }
        Ok(Self { pages, _server: server })
    }

    pub(super) fn publish(
        &self,
        status: &StatusFile,
        ledger: &Ledger,
        store: &RunStore,
    ) -> Result<(), Fault> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        *pages = Pages { metrics: status.metrics(ledger), status: json::document(status) };
        store.write_status(status)
    }
}
