//! What one machine of a fleet writes: its part of the candidates.

use super::document::{CandidateFigures, SweepInputs};
use crate::evidence::stamp::{Stamp, StampClock};
use serde::{Deserialize, Serialize};

pub(crate) const SHARD_SCHEMA: &str = "mmops.param-sweep-shard.v1";

/// A shard, `mmops.param-sweep-shard.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepShard {
    /// Which clock made the stamp; absent for the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<StampClock>,
    /// When the shard was finished.
    pub(crate) finished_at: String,
    /// Number of this shard, from 0.
    pub(crate) index: usize,
    /// Everything that decides the figures.
    pub(crate) inputs: SweepInputs,
    /// SHA-256 of the inputs as canonical JSON.
    pub(crate) inputs_sha256: String,
    /// The figures of every `of`-th candidate from the `index`-th.
    pub(crate) measurements: Vec<CandidateFigures>,
    /// Number of shards.
    pub(crate) of: usize,
    /// `mmops.param-sweep-shard.v1`
    pub(crate) schema: String,
}

impl SweepShard {
    pub(crate) fn new(
        inputs: SweepInputs,
        inputs_sha256: String,
        stamp: Stamp,
        (index, of): (usize, usize),
        measurements: Vec<CandidateFigures>,
    ) -> Self {
        let Stamp { clock, finished_at } = stamp;
        let schema = SHARD_SCHEMA.to_owned();
        Self { clock, finished_at, index, inputs, inputs_sha256, measurements, of, schema }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { clock: self.clock, finished_at: self.finished_at.clone() }
    }
}
