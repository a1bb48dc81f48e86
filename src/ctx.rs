//! All that a command may ask of the world: a root, a clock, an environment, and whether to stop.

use crate::exit::Fault;
use crate::report::Report;
use crate::sys::{clock::Clock, env::Env, signal::Cancel};
use std::path::{Path, PathBuf};

/// The world as a command sees it. Commands cannot print; they return a `Report`.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// Absolute directory against which every relative path is resolved.
    pub root: PathBuf,
    /// The one clock value.
    pub clock: Clock,
    /// The environment as it was at start.
    pub env: Env,
    /// Set by SIGINT or SIGTERM.
    pub cancel: Cancel,
    /// Whether progress may be drawn on stderr.
    pub progress: bool,
}

impl Ctx {
    /// Resolves `path` against the root.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// `path` as it should be shown: relative to the root where it lies inside it.
    pub fn show(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// Stamps a report with the time, and says so when the clock was frozen.
    pub fn stamp(&self, report: &mut Report) {
        report.body.insert("generated_at".into(), self.clock.stamp_utc().into());
        if self.clock.is_frozen() {
            report.body.insert("clock".into(), "frozen".into());
        }
    }

    /// Returns early with the stop's own fault once a signal has asked for it.
    pub fn check_cancelled(&self) -> Result<(), Fault> {
        self.cancel.signal().map_or(Ok(()), |signal| Err(Fault::stopped(signal)))
    }
}
