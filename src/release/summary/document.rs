//! The summary of a release as a document, and the documents that it is made of.

use crate::evidence::entry::{Entry, Found};
use crate::evidence::header::Header;
use crate::release::bundle::manifest::{Named, Revision};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// What a document of the summary is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A soak by its snapshot, or by what the run itself left.
    Soak,
    Readiness,
    Golden,
    Failover,
}

impl Topic {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Soak => "soak",
            Self::Readiness => "readiness",
            Self::Golden => "golden_compare",
            Self::Failover => "failover_drill",
        }
    }

    /// How old it may be, as `make-ready` and `readiness` have it.
    pub(super) fn max_age(self) -> Duration {
        let days = match self {
            Self::Soak | Self::Golden => 7,
            Self::Readiness => return Duration::from_hours(36),
            Self::Failover => 30,
        };
        Duration::from_hours(24 * days)
    }
}

/// A document that was looked for.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) topic: Topic,
    /// Relative to the root or to the release.
    pub(crate) path: String,
    pub(crate) found: Found,
}

/// `RELEASE_SUMMARY.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReleaseSummary {
    #[serde(flatten)]
    pub(super) header: Header,
    /// Name of what is released.
    pub(super) name: String,
    /// Semantic version of what is released.
    pub(super) release_version: String,
    /// The revision it was made from; null when it is not known.
    pub(super) git: Option<Revision>,
    /// Whether the soak's figures are those of a snapshot alone, which was not judged again.
    pub(super) legacy: bool,
    /// The files that the soak was judged from.
    pub(super) judged_from: Vec<Named>,
    /// Soak, readiness, golden comparison and drills.
    pub(super) sections: Vec<Section>,
}

/// What one document shows.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Section {
    #[serde(skip)]
    pub(super) topic: Topic,
    /// The document: path, SHA-256, age and stamps, and why it does not count.
    pub(super) source: Entry,
    /// The largest age at which it counts.
    pub(super) max_age: String,
    /// What it shows; empty where it is not there.
    pub(super) figures: Vec<Figure>,
}

/// A value and its limit.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct Figure {
    pub(super) name: String,
    /// Null where it is not known.
    pub(super) value: Value,
    /// Empty for a ratio, a count or a word.
    pub(super) unit: String,
    /// What it must meet, such as `<= 340`; null where nothing is asked of it.
    pub(super) limit: Option<String>,
    /// What was found of it, such as PASS, where the document says so.
    pub(super) state: Option<String>,
}
