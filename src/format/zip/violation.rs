//! Why a bundle is refused.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// Why an archive or a folder is refused, by a fixed name, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Violation {
    /// Such as `overlapping-entries`.
    pub(crate) kind: &'static str,
    /// Which entry, and the values.
    pub(crate) detail: String,
}

impl Violation {
    pub(crate) fn new(kind: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

impl std::error::Error for Violation {}
