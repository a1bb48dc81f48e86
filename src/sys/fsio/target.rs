//! Where an output really goes: links are followed once, and what is no file is written through.

use super::open::{names_descriptor, open_stream};
use super::path::parent;
use super::read::{FileKind, kind, link_target, real_path, target_kind};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What the bytes of an output are put into.
#[derive(Debug)]
pub(super) enum Target {
    /// A file that is replaced, or does not exist yet.
    File(PathBuf),
    /// A pipe, a terminal or another device, which stays what it is.
    Stream(File),
}

/// Where an output called `path` goes. A link stays a link: the file that it leads to is replaced.
pub(super) fn resolve(path: &Path) -> io::Result<Target> {
    if path.file_name().is_none() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if names_descriptor(path) {
        return open_stream(path).map(Target::Stream);
    }
    match file_behind(path)? {
        Some(file) => Ok(Target::File(file)),
        None => open_stream(path).map(Target::Stream),
    }
}

/// The file that an output replaces or creates; none where it is written through.
pub(super) fn file_behind(path: &Path) -> io::Result<Option<PathBuf>> {
    match target_kind(path).map_err(io::Error::other)? {
        FileKind::Dir => Err(io::ErrorKind::IsADirectory.into()),
        FileKind::Other => Ok(None),
        FileKind::File | FileKind::Link => real_path(path).map(Some),
        FileKind::Missing if kind(path).map_err(io::Error::other)? == FileKind::Link => {
            let target = parent(path).join(link_target(path)?);
            let leads_to_a_link = kind(&target).map_err(io::Error::other)? == FileKind::Link;
            if leads_to_a_link {
                return Err(io::Error::other("it is a link to a link that leads nowhere"));
            }
            Ok(Some(target))
        }
        FileKind::Missing => Ok(Some(path.to_owned())),
    }
}

/// Whether an output called `path` is written through rather than replaced.
pub(crate) fn is_stream(path: &Path) -> bool {
    names_descriptor(path) || matches!(file_behind(path), Ok(None))
}

/// Whether two paths lead to one file, or would when it is created; a pipe or a device takes both. What cannot
/// be looked at is compared by its name.
pub(crate) fn same_file(a: &Path, b: &Path) -> bool {
    !(is_stream(a) && is_stream(b)) && (a == b || identity(a) == identity(b))
}

/// Whether a path leads to what lies at or below another that exists, or would when it is created.
pub(crate) fn is_below(path: &Path, other: &Path) -> bool {
    let Ok(other) = real_path(other) else { return false };
    let file = file_behind(path).ok().flatten().unwrap_or_else(|| path.to_owned());
    for above in file.ancestors() {
        let Ok(mut real) = real_path(above) else { continue };
        // What is not there yet is no link, so that `..` in it leads to what is named before.
        for part in file.strip_prefix(above).unwrap_or(&file).components() {
            match part {
                Component::ParentDir => drop(real.pop()),
                Component::Normal(name) => real.push(name),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        return real.starts_with(&other);
    }
    false
}

/// Where a file is: what its links lead to, as far as there is something.
fn identity(path: &Path) -> PathBuf {
    let file = file_behind(path).ok().flatten().unwrap_or_else(|| path.to_owned());
    match (real_path(&file), real_path(parent(&file)), file.file_name()) {
        (Ok(real), ..) => real,
        (Err(_), Ok(dir), Some(name)) => dir.join(name),
        (Err(_), ..) => file,
    }
}
