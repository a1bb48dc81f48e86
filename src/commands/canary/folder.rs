//! The folder of a release, as the commands of canary read it.

use crate::ctx::Ctx;
use crate::release::bundle::manifest::Manifest;
use crate::release::folder;
use crate::release::snapshot::{self, Snapshot};
use crate::report::exit::Fault;
use crate::sys::json_file;
use std::path::Path;

pub(super) struct ReleaseFolder {
    pub(super) snapshot: Snapshot,
    /// Why the folder is not what its manifest says.
    pub(super) violations: Vec<String>,
    /// The manifest and its SHA-256, where it can be read.
    pub(super) manifest: Option<(Manifest, String)>,
}

/// Reads a release folder: its snapshot must be readable, its manifest may turn out not to hold.
pub(super) fn load(dir: &Path, shown: &str, ctx: &Ctx) -> Result<ReleaseFolder, Fault> {
    let found = folder::inspect(dir, &ctx.cancel)?;
    let violations = found.all_violations().map(ToString::to_string).collect();
    let (document, _) = json_file::load(&dir.join(snapshot::FILE_NAME))?;
    let snapshot = Snapshot::parse(&document).map_err(|error| {
        Fault::config(format!("`{shown}/{}` cannot be used: {error}", snapshot::FILE_NAME))
    })?;
    Ok(ReleaseFolder { snapshot, violations, manifest: found.manifest.ok() })
}
