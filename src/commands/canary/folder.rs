//! The folder of a release, as the commands of canary read it.

use crate::ctx::Ctx;
use crate::format::hash;
use crate::format::json::typed;
use crate::format::minisign::Verifier;
use crate::release::bundle::manifest::{self, Manifest};
use crate::release::checklist;
use crate::release::folder;
use crate::release::signature::{Bound, Signature};
use crate::release::signed;
use crate::release::snapshot::{self, Snapshot};
use crate::release::summary::{self, ReleaseSummary};
use crate::report::exit::Fault;
use crate::report::maker::ClockKind;
use crate::sys::root_dir::RootDir;
use std::io::Read as _;
use std::path::Path;

/// Largest document of a release that is read here.
const LARGEST_BYTES: u64 = 64 << 20;

pub(super) struct ReleaseFolder {
    pub(super) snapshot: Snapshot,
    /// Why the folder is not what its manifest says.
    pub(super) violations: Vec<String>,
    /// The manifest and its SHA-256, where it can be read.
    pub(super) manifest: Option<(Manifest, String)>,
    /// Whether it rests on a snapshot alone; none where it does not say.
    pub(super) is_legacy: Option<bool>,
    pub(super) checklist: Option<String>,
    /// Whether it was made under a frozen clock.
    pub(super) is_frozen: bool,
    pub(super) signature: Signature,
}

/// Reads a release folder: its snapshot must be readable, its manifest may turn out not to hold.
pub(super) fn load(
    dir: &Path,
    shown: &str,
    key: Option<&Verifier>,
    ctx: &Ctx,
) -> Result<ReleaseFolder, Fault> {
    let found = folder::inspect(dir, &ctx.cancel)?;
    let mut violations: Vec<String> = found.all_violations().map(ToString::to_string).collect();
    let root = RootDir::open(dir)?;
    let manifest = found.manifest.ok();
    if let Some((manifest, _)) = &manifest {
        violations.extend(manifest.clock_fault(ctx.clock.now()));
        if manifest.provenance.encoder != manifest::NO_ENCODER {
            violations.push("it is what was unpacked of an archive, and no release".to_owned());
        }
        violations.extend(folder::missing(manifest).map(|violation| violation.to_string()));
    }
    let (version, sha256) =
        manifest.as_ref().map_or(("", ""), |(manifest, sha256)| (&*manifest.version, &**sha256));
    let bound = Bound { name: manifest::FILE_NAME, sha256, provenance: None, version };
    let signature = signed::check(&dir.join(manifest::FILE_NAME), &*found.manifest_text, bound, key)?;
    // What is judged below is what the manifest vouches for, whatever took its place since it was looked at.
    let mut document = |name: &str| -> Result<Option<String>, Fault> {
        let unusable = |why: String| Fault::config(format!("`{shown}/{name}` cannot be used: {why}"));
        let file = match root.file(Path::new(name)) {
            Ok(file) => file,
            Err(_) if name != snapshot::FILE_NAME => return Ok(None),
            Err(error) => return Err(unusable(error.to_string())),
        };
        let mut text = String::new();
        let read = file.take(LARGEST_BYTES).read_to_string(&mut text);
        read.map_err(|error| unusable(error.to_string()))?;
        let listed = manifest.iter().flat_map(|(manifest, _)| &manifest.files).find(|file| file.path == name);
        if listed.is_none_or(|file| file.sha256 != hash::sha256(&text)) {
            violations.push(format!("`{name}` is not the file of the manifest"));
        }
        Ok(Some(text))
    };
    let text = document(snapshot::FILE_NAME)?.unwrap_or_default();
    let summary = document(summary::JSON_NAME)?;
    let checklist = document(checklist::FILE_NAME)?;
    let parsed = typed::parse(&text).map_err(|error| error.to_string());
    let snapshot = parsed.and_then(|document| Snapshot::parse(&document).map_err(|error| error.to_string()));
    let snapshot = snapshot.map_err(|error| {
        Fault::config(format!("`{shown}/{}` cannot be used: {error}", snapshot::FILE_NAME))
    })?;
    Ok(ReleaseFolder {
        snapshot,
        violations,
        is_legacy: summary.as_deref().and_then(ReleaseSummary::is_legacy),
        checklist,
        is_frozen: manifest.as_ref().is_some_and(|(manifest, _)| manifest.clock == Some(ClockKind::Frozen)),
        signature,
        manifest,
    })
}
