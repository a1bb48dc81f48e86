//! Cancellation: SIGINT, SIGTERM, SIGHUP and SIGQUIT ask for a stop, which every long loop looks for.
//!
//! A second one makes the stop urgent: children are killed without a grace period, and the run still cleans up
//! and says what came of it, with the code of the first. Only where even that takes too long does the process
//! end as the signal would have ended it.
#![expect(clippy::disallowed_methods, reason = "this file owns signals, and waits for nothing but them")]

use crate::sys::work;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// How long an urgent stop may take.
const LAST_RESORT: Duration = Duration::from_secs(10);

/// Whether a stop was asked for, and by which signal.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Stop>);

#[derive(Debug, Default)]
struct Stop {
    /// The first signal; 0 for none.
    signal: AtomicI32,
    is_urgent: AtomicBool,
}

impl Cancel {
    /// A flag that the four signals set. SIGXFSZ is taken without effect, so that a write beyond the limit of
    /// the file size fails as one to a full disk does; SIGPIPE is ignored from the start of the process.
    pub fn on_signals() -> std::io::Result<Self> {
        let cancel = Self::default();
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        signal_hook::flag::register(SIGUSR1, Arc::clone(&STATUS))?;
        let mut stops = vec![SIGINT, SIGTERM, SIGQUIT];
        // Under `nohup` a terminal that goes away is to be survived.
        if !is_ignored(SIGHUP) {
            stops.push(SIGHUP);
        }
        let mut signals = Signals::new(stops)?;
        let stop = cancel.clone();
        let wait = move || signals.forever().for_each(|signal| stop.take(signal));
        work::spawn("signals", wait).map_err(std::io::Error::other)?;
        Ok(cancel)
    }

    fn take(&self, signal: i32) {
        self.request(signal);
        if self.is_urgent() {
            std::thread::sleep(LAST_RESORT);
            tracing::error!("the stop did not come to an end within {} s", LAST_RESORT.as_secs());
            if let Err(error) = signal_hook::low_level::emulate_default_handler(signal) {
                tracing::error!("signal {signal} cannot end the process: {error}");
            }
        }
    }

    /// The signal that asked for a stop, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.0.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Whether a second signal came: nothing is waited for any more.
    pub(crate) fn is_urgent(&self) -> bool {
        self.0.is_urgent.load(Ordering::SeqCst)
    }

    /// Asks for a stop as if `signal` had arrived.
    pub fn request(&self, signal: i32) {
        let first = self.0.signal.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
        if first.is_err() {
            self.0.is_urgent.store(true, Ordering::SeqCst);
        }
    }
}

/// Set by SIGUSR1, which asks what is being done.
static STATUS: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Whether SIGUSR1 came since the last call.
pub(crate) fn is_status_wanted() -> bool {
    STATUS.swap(false, Ordering::SeqCst)
}

/// Whether the process was started with this signal ignored.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_is_the_one_that_counts_and_the_second_is_urgent() {
        let cancel = Cancel::default();
        assert_eq!((cancel.signal(), cancel.is_urgent()), (None, false));
        cancel.request(SIGHUP);
        assert_eq!((cancel.signal(), cancel.is_urgent()), (Some(SIGHUP), false));
        cancel.request(SIGTERM);
        assert_eq!((cancel.signal(), cancel.is_urgent()), (Some(SIGHUP), true));
    }
}
