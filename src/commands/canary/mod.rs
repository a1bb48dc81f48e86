//! `mmops canary`: put a release's tag where its evidence is, and write the checklist of its first days.

pub(crate) mod checklist;
pub(crate) mod tag;

use crate::ctx::Ctx;
use crate::release::bundle::manifest::Manifest;
use crate::release::folder;
use crate::release::snapshot::{self, Snapshot};
use crate::report::exit::Fault;
use crate::sys::json_file;
use std::path::Path;

/// A release folder as it was found.
struct Release {
    snapshot: Snapshot,
    /// Why the folder is not what its manifest says.
    broken: Vec<String>,
    manifest: Option<(Manifest, String)>,
}

/// Reads a release folder: its snapshot must be readable, its manifest may turn out not to hold.
fn load(dir: &Path, shown: &str, ctx: &Ctx) -> anyhow::Result<Release> {
    let found = folder::inspect(dir, &ctx.cancel)?;
    let broken =
        found.all_refusals().map(|refusal| format!("{}: {}", refusal.kind, refusal.detail)).collect();
    let (document, _) = json_file::load(&dir.join(snapshot::FILE_NAME))?;
    let snapshot = Snapshot::parse(&document).map_err(|reason| {
        Fault::config(format!("`{shown}/{}` cannot be used: {reason}", snapshot::FILE_NAME))
    })?;
    Ok(Release { snapshot, broken, manifest: found.manifest.ok() })
}
