//! What an apply goes by.

use crate::commands::tune::choose::document::SweepDocument;
use crate::commands::tune::choose::safety::SafetyLimits;
use crate::evidence::age::EvidencePolicy;
use crate::tuning::limits::Bounds;
use crate::tuning::overrides::Overrides;
use jiff::Timestamp;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) document: SweepDocument,
    pub(super) sweep_sha256: String,
    /// When the file of the sweep was last written, where it stands for a time that was fixed: good enough to
    /// rehearse with.
    pub(super) modified: Option<Timestamp>,
    pub(super) policy: EvidencePolicy,
    pub(super) max_age: Duration,
    /// SHA-256 of the feeds that a sweep may have traded; any where none is named.
    pub(super) accepted_feeds: Vec<String>,
    /// The limits in force now.
    pub(super) bounds: Bounds,
    pub(super) safety: SafetyLimits,
    /// What the overrides file holds; `None` where there is no file.
    pub(super) current: Option<Overrides>,
    pub(super) dry_run: bool,
}
