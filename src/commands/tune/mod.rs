//! `mmops tune`: choose quoting parameters on recorded markets, apply them, take them back.

pub(crate) mod apply;
pub(crate) mod choose;
pub(crate) mod rollback;
pub(crate) mod sweep;

mod config;

use std::path::{Path, PathBuf};

/// The overrides file that the running bot re-reads, relative to the root.
pub(crate) const TARGET: &str = "artifacts/soak/runtime_overrides.json";

/// The path of a file that belongs to `path`: the same name with another ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}
