//! Which directories may be rotated at all: existing, real, apart from each other, and none whose loss
//! could only be a mistake.

use super::system_dirs;
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use crate::sys::tree::{Root, Tree};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// Opens the roots at `paths`; `None` for the default root, which may be missing.
pub(super) fn open(paths: Option<&[PathBuf]>, default: &str, ctx: &Ctx) -> Result<Vec<Root>, Fault> {
    let Some(paths) = paths else {
        let path = ctx.path(default);
        if !fsio::exists(&path)? {
            tracing::info!("there is no `{default}`; nothing to rotate");
            return Ok(Vec::new());
        }
        return Ok(vec![open_one(Path::new(default), ctx)?]);
    };
    let mut roots: Vec<Root> = Vec::new();
    for path in paths {
        let new = open_one(path, ctx)?;
        for old in &roots {
            let same = (old.dev, old.ino) == (new.dev, new.ino);
            if same || old.path.starts_with(&new.path) || new.path.starts_with(&old.path) {
                let message = format!("roots `{}` and `{}` overlap", old.name, new.name);
                return Err(Fault::config(message).hint("name only the outer one"));
            }
        }
        roots.push(new);
    }
    Ok(roots)
}

/// A bind mount shows a directory below one root in another, whatever their paths say: what is counted twice would
/// go twice as early.
pub(super) fn refuse_shared(tree: &Tree) -> Result<(), Fault> {
    if tree.roots.len() < 2 {
        return Ok(());
    }
    let mut seen: BTreeMap<(u64, u64), u32> = BTreeMap::new();
    for (dir, entry) in (0..).zip(&tree.dirs) {
        let Some(id) = entry.id.filter(|_| entry.skipped.is_none()) else { continue };
        let Some(other) = seen.insert(id, dir) else { continue };
        if tree.root_of_dir(other) != tree.root_of_dir(dir) {
            let (one, two) = (tree.display_dir(other), tree.display_dir(dir));
            let message = format!("`{one}` and `{two}` are one directory, so two roots overlap");
            return Err(Fault::config(message).hint("name only the outer one"));
        }
    }
    Ok(())
}

fn open_one(path: &Path, ctx: &Ctx) -> Result<Root, Fault> {
    // A trailing slash would make the system follow a link in the last place.
    let full: PathBuf = ctx.path(path).components().collect();
    let shown = path.components().collect::<PathBuf>().display().to_string();
    let refuse = |why: &str| Err(Fault::config(format!("refusing to rotate `{shown}`: {why}")));
    let missing = "a root that is named must exist";
    let kind = fsio::kind(&full)?;
    if kind == FileKind::Link {
        return refuse("it is a symbolic link");
    }
    let canonical = fsio::canonical(&full).map_err(|fault| fault.hint(missing))?;
    if kind != FileKind::Dir {
        return refuse("it is not a directory");
    }
    if canonical.parent().is_none() {
        return refuse("it is the root of the file system");
    }
    let home = ctx.env.bytes("HOME").and_then(|home| fsio::canonical(Path::new(home)).ok());
    if home.is_some_and(|home| home.starts_with(&canonical)) {
        return refuse("it is or contains the home directory");
    }
    if let Some(why) = system_dirs::owner(&canonical) {
        return refuse(why);
    }
    if homes()?.contains(&canonical) {
        return refuse("it is the home directory of a user");
    }
    if canonical.components().any(|part| part == Component::Normal(".git".as_ref())) {
        return refuse("it is part of a repository's own data");
    }
    let working = fsio::canonical(&ctx.root)?;
    if working != canonical && working.starts_with(&canonical) {
        return refuse("it contains the directory that mmops works in");
    }
    // Reports name it relative to the working root where possible.
    let name = canonical.strip_prefix(&working).map_or_else(
        |_| shown.clone(),
        |inside| if inside.as_os_str().is_empty() { ".".to_owned() } else { inside.display().to_string() },
    );
    let root = Root::open(&canonical, name)?;
    if root.has(".git")? {
        return refuse("it is the root of a repository");
    }
    if root.has("HEAD")? && root.has("objects")? && root.has("refs")? {
        return refuse("it is a bare repository");
    }
    Ok(root)
}

/// The home directories that the machine knows.
fn homes() -> Result<Vec<PathBuf>, Fault> {
    let table = Path::new("/etc/passwd");
    if !fsio::exists(table)? {
        return Ok(Vec::new());
    }
    let text = fsio::read_within(table, fsio::SizeLimit::Data)?;
    let home = |line: &[u8]| {
        let home = line.split(|byte| *byte == b':').nth(5)?;
        fsio::canonical(Path::new(OsStr::from_bytes(home))).ok()
    };
    Ok(text.split(|byte| *byte == b'\n').filter_map(home).collect())
}
