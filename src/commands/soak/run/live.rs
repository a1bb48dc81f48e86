//! Where a run stands, for others: `status.json` in its directory, and `/status` and `/metrics` while it lasts.
use crate::format::json;

use crate::commands::soak::store::{StatusFile, Store};
use crate::judge::record::Ledger;
use crate::net::serve::{self, Answer, Server};
use crate::report::exit::Fault;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Windows behind the harmonic mean of the maker share.
const HMEAN_WINDOWS: usize = 8;

/// What is answered: the metrics and the status.
type Pages = Arc<Mutex<(String, String)>>;

/// Tells where the run stands.
pub(super) struct Live {
    pages: Pages,
    _server: Option<Server>,
}

impl Live {
    /// Begins to answer, where that was asked for.
    pub(super) fn start(listen: Option<SocketAddr>) -> Result<Self, Fault> {
        let pages = Pages::default();
        let server = listen.map(|address| {
            let pages = Arc::clone(&pages);
            Server::start(address, move |asked| {
                let pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
                match (asked.method, asked.path) {
                    ("GET", "/metrics") => Answer::ok(serve::EXPOSITION, pages.0.clone()),
                    ("GET", "/status") => Answer::ok(serve::JSON, pages.1.clone()),
                    (_, "/metrics" | "/status") => Answer::refused(405, "method not allowed"),
                    _ => Answer::refused(404, "there are /metrics and /status"),
                }
            })
        });
        let server = server.transpose()?;
        if let Some(server) = &server {
            tracing::info!("serving http://{}/status and /metrics", server.address());
        }
        Ok(Self { pages, _server: server })
    }

    /// Shows a new state.
    pub(super) fn show(&self, status: &StatusFile, ledger: &Ledger, store: &Store) -> Result<(), Fault> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        *pages = (metrics(status, ledger), json::document(status));
        store.put_status(status)
    }
}

/// The state in the text exposition format.
fn metrics(status: &StatusFile, ledger: &Ledger) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, lines: Vec<(String, f64)>| {
        if lines.is_empty() {
            return;
        }
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge").expect("writing to a string");
        for (labels, value) in lines {
            writeln!(text, "{name}{labels} {value}").expect("writing to a string");
        }
    };
    let one = |value: f64| vec![(String::new(), value)];
    let flag = |holds: bool| f64::from(u8::from(holds));
    gauge("mmops_soak_iterations_done", "Iterations done.", one(f64::from(status.iteration)));
    gauge("mmops_soak_iterations_planned", "Iterations planned.", one(f64::from(status.iterations)));
    gauge("mmops_soak_simulated", "1 when a simulation is watched.", one(flag(status.simulated)));
    let kpis = |value: fn(&crate::commands::soak::StatusKpi) -> Option<f64>| {
        let line = |(name, kpi)| Some((format!("{{kpi=\"{name}\"}}"), value(kpi)?));
        status.kpis.iter().filter_map(line).collect::<Vec<_>>()
    };
    gauge("mmops_soak_kpi", "Figure of the last window.", kpis(|kpi| kpi.value));
    let holds = |kpi: &crate::commands::soak::StatusKpi| kpi.holds.map(|holds| f64::from(u8::from(holds)));
    gauge("mmops_soak_kpi_holds", "1 when the last window keeps to its gate.", kpis(holds));
    let shares = ledger.recent("maker_share_ratio", HMEAN_WINDOWS);
    if let Some(Some(share)) = shares.last() {
        gauge(
            "maker_share_pct",
            "Maker volume to all volume in the last window, percent.",
            one(100.0 * share),
        );
    }
    let shares: Vec<f64> = shares.into_iter().flatten().filter(|share| *share > 0.0).collect();
    if shares.len() == HMEAN_WINDOWS {
        let mean = HMEAN_WINDOWS as f64 / shares.iter().map(|share| 1.0 / share).sum::<f64>();
        let labels = format!("{{window=\"{HMEAN_WINDOWS}\"}}");
        gauge("maker_taker_ratio_hmean", "Harmonic mean of the maker share.", vec![(labels, mean)]);
    }
    text
}
