//! What a page says of a metric, beside its values.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::format::exposition::Kind;
use serde::{Deserialize, Serialize};

/// What the family of a series says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}
