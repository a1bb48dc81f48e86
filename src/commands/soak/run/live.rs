//! Where a run stands, for others: `status.json` in its directory, and `/status` and `/metrics` while it lasts.
use crate::format::exposition::{Format, Kind, Writer};
use crate::format::json;

use crate::commands::soak::StatusKpi;
use crate::commands::soak::store::{StatusFile, Store};
use crate::judge::record::Ledger;
use crate::judge::statistics::harmonic_mean;
use crate::net::serve::{self, Answer, Server};
use crate::report::exit::Fault;
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
    let mut page = Writer::new(Format::Text);
    let flag = |holds: bool| f64::from(u8::from(holds));
    page.gauge("mmops_soak_iterations_done", "Iterations done.", None, f64::from(status.iteration));
    page.gauge("mmops_soak_iterations_planned", "Iterations planned.", None, f64::from(status.iterations));
    page.gauge("mmops_soak_simulated", "1 when a simulation is watched.", None, flag(status.simulated));
    let mut by_kpi = |name: &str, help: &str, value: &dyn Fn(&StatusKpi) -> Option<f64>| {
        let known = status.kpis.iter().filter_map(|(kpi, state)| Some((kpi, value(state)?)));
        for (at, (kpi, value)) in known.enumerate() {
            if at == 0 {
                page.family(name, Kind::Gauge, help);
            }
            page.sample(name, [("kpi", &kpi[..])], value);
        }
    };
    by_kpi("mmops_soak_kpi", "Figure of the last window.", &|kpi| kpi.value);
    by_kpi("mmops_soak_kpi_holds", "1 when the last window keeps to its gate.", &|kpi| kpi.holds.map(flag));
    let shares = ledger.recent("maker_share_ratio", HMEAN_WINDOWS);
    if let Some(Some(share)) = shares.last() {
        let help = "Maker volume to all volume in the last window, percent.";
        page.gauge("maker_share_pct", help, None, 100.0 * share);
    }
    let shares: Vec<f64> = shares.into_iter().flatten().filter(|share| *share > 0.0).collect();
    if let Some(mean) = harmonic_mean(&shares).filter(|_| shares.len() == HMEAN_WINDOWS) {
        let window = HMEAN_WINDOWS.to_string();
        let help = "Harmonic mean of the maker share.";
        page.gauge("maker_taker_ratio_hmean", help, [("window", &window[..])], mean);
    }
    page.finish()
}
