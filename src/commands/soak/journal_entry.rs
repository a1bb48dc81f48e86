//! What the journal of a run holds: what it is bound to, and a record for each finished iteration.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::format::hash::Digest;
use crate::judge::record::Iteration;
use serde::{Deserialize, Serialize};

/// What a journal is bound to: the run that was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunBinding {
    /// SHA-256 of `RUN.json` as it was written at the start.
    pub(super) plan_sha256: String,
}

/// A finished iteration, and how far the samples reached when it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalEntry {
    pub(super) iteration: Iteration,
    pub(super) samples: SamplesMark,
}

/// How long the file of samples was, and what it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SamplesMark {
    pub(super) bytes: u64,
    /// SHA-256 of all of them.
    pub(super) sha256: String,
}

/// The begin of a file of samples, up to the end of a frame.
#[derive(Clone, Debug, Default)]
pub(super) struct SamplesPrefix {
    bytes: u64,
    digest: Digest,
}

impl SamplesPrefix {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn mark(&self) -> SamplesMark {
        SamplesMark { bytes: self.bytes, sha256: self.digest.clone().hex() }
    }
}
