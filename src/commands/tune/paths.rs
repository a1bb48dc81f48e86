//! Where the files of `tune` lie.

use std::path::Path;

/// The overrides file that the running bot re-reads, relative to the root.
pub(super) const TARGET: &str = "artifacts/soak/runtime_overrides.json";

/// The folder of what is written beside the target.
pub(super) fn reports(dry_run: bool) -> &'static Path {
    Path::new(if dry_run { "artifacts/dry-run" } else { "artifacts" })
}
