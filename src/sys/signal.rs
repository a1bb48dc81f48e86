//! Cancellation: SIGINT and SIGTERM set a flag that every long loop looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether a stop was asked for, and by which signal.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicUsize>);

impl Cancel {
    /// A flag that SIGINT and SIGTERM set; a second signal of the same kind ends the process at once,
    /// so that a stuck stop can still be stopped.
    pub fn on_signals() -> std::io::Result<Self> {
        let cancel = Self::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let number = usize::try_from(signal).expect("signal numbers are positive");
            let armed = Arc::new(std::sync::atomic::AtomicBool::new(false));
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&armed))?;
            signal_hook::flag::register(signal, armed)?;
            signal_hook::flag::register_usize(signal, Arc::clone(&cancel.0), number)?;
        }
        Ok(cancel)
    }

    /// The signal that asked for a stop, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            number => i32::try_from(number).ok(),
        }
    }

    /// Asks for a stop as if `signal` had arrived.
    pub fn request(&self, signal: i32) {
        self.0.store(usize::try_from(signal).unwrap_or(15), Ordering::Relaxed);
    }
}
