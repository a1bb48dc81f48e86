//! What one machine of a fleet writes: its part of the candidates.

use super::document::{CandidateFigures, SweepInputs};
use crate::evidence::header::{self, Header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) const SHARD_SCHEMA: &str = "mmops.param-sweep-shard.v1";

/// A shard, `mmops.param-sweep-shard.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepShard {
    /// When the shard was finished.
    #[serde(deserialize_with = "header::time_field")]
    #[schemars(with = "String")]
    pub(crate) finished_at: Timestamp,
    #[serde(flatten)]
    pub(crate) header: Header,
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
}

impl SweepShard {
    pub(crate) fn new(
        inputs: SweepInputs,
        inputs_sha256: String,
        header: &Header,
        (index, of): (usize, usize),
        measurements: Vec<CandidateFigures>,
    ) -> Self {
        let header = header.with_schema(SHARD_SCHEMA).simulated(inputs.simulated());
        let finished_at = header.made_at.unwrap_or_default();
        Self { finished_at, header, index, inputs, inputs_sha256, measurements, of }
    }
}
