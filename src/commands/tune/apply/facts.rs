//! What an apply goes by.

use crate::commands::tune::choose::document::SweepDocument;
use crate::commands::tune::choose::safety::SafetyLimits;
use crate::tuning::limits::Bounds;
use crate::tuning::overrides::Overrides;
use jiff::Timestamp;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) document: SweepDocument,
    pub(super) sweep_sha256: String,
    pub(super) finished: FinishTime,
    pub(super) now: Timestamp,
    pub(super) max_age: Duration,
    /// SHA-256 of the feeds that a sweep may have traded; any where none is named.
    pub(super) accepted_feeds: Vec<String>,
    pub(super) allow_simulated: bool,
    /// The limits in force now.
    pub(super) bounds: Bounds,
    pub(super) safety: SafetyLimits,
    /// What the overrides file holds; `None` where there is no file.
    pub(super) current: Option<Overrides>,
    pub(super) dry_run: bool,
}

/// When a sweep was finished.
#[derive(Clone, Debug)]
pub(super) enum FinishTime {
    /// By its own stamp, which its clock and ours agree on.
    Stamped(Timestamp),
    /// By the time of its file, because its stamp was fixed; good enough to rehearse with.
    OfFile(Timestamp),
    /// Its stamp was fixed, which proves no age.
    Fixed,
    /// Its stamp is this text, which is no time.
    Unreadable(String),
}
