//! What must be there before a release.

use crate::evidence::requirement::Requirement;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// `make_ready.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadyPlan {
    pub(super) pre_live_pack: PackPlan,
    pub(super) readiness: ReadinessPlan,
    pub(super) evidence: Vec<Requirement>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackPlan {
    pub(super) plan: Option<PathBuf>,
    timeout: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadinessPlan {
    pub(super) reports: Option<PathBuf>,
    pub(super) out_json: PathBuf,
    pub(super) window: u16,
    max_age: String,
    pub(super) drills: Vec<Requirement>,
}

impl ReadyPlan {
    /// Says what is wrong with a requirement.
    pub(super) fn check(&self) -> Result<(), String> {
        self.evidence.iter().chain(&self.readiness.drills).try_for_each(Requirement::check)
    }
}

impl PackPlan {
    pub(super) fn timeout(&self) -> Result<Duration, String> {
        duration("pre_live_pack.timeout", &self.timeout)
    }
}

impl ReadinessPlan {
    pub(super) fn max_age(&self) -> Result<Duration, String> {
        duration("readiness.max_age", &self.max_age)
    }
}

fn duration(key: &str, text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{key} is `{text}`: {error}; write 30s or 36h"))
}
