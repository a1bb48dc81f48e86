//! Where an output really goes: links are followed once, and what is no file is written through.

use super::open::{names_descriptor, open_stream};
use super::path::parent;
use super::read::{FileKind, kind, link_target, real_path, target_kind};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

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

/// Whether two paths lead to one file, or will when it is created; a pipe or a device takes both. What cannot
/// be looked at is compared by its name.
pub(crate) fn same_file(a: &Path, b: &Path) -> bool {
    !(is_stream(a) && is_stream(b)) && (a == b || identity(a) == identity(b))
}

/// [`same_file`] of many pairs, which looks at each path once.
#[derive(Default)]
pub(crate) struct Identities(RefCell<BTreeMap<PathBuf, (PathBuf, bool)>>);

impl Identities {
    pub(crate) fn same_file(&self, a: &Path, b: &Path) -> bool {
        let ((a, is_a_stream), (b, is_b_stream)) = (self.of(a), self.of(b));
        !(is_a_stream && is_b_stream) && a == b
    }

    fn of(&self, path: &Path) -> (PathBuf, bool) {
        let mut known = self.0.borrow_mut();
        known.entry(path.to_owned()).or_insert_with(|| (identity(path), is_stream(path))).clone()
    }
}

/// Whether a path leads to what lies at or below another.
pub(crate) fn is_below(path: &Path, other: &Path) -> bool {
    identity(path).starts_with(identity(other))
}

/// As many links as a system follows.
const MOST_LINKS: u32 = 40;

/// Where a file is, or will be once the directories are made that it lacks: links followed, be it to what is not
/// there, and no `.` or `..` left.
fn identity(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    let mut rest: Vec<OsString> = parts(path);
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match part.as_encoded_bytes() {
            b"." => {}
            // What was followed so far is no link.
            b".." => drop(found.pop()),
            _ => {
                let next = found.join(&part);
                let is_link = links < MOST_LINKS && matches!(kind(&next), Ok(FileKind::Link));
                match is_link.then(|| link_target(&next)) {
                    Some(Ok(target)) => {
                        links += 1;
                        rest.extend(parts(&target));
                    }
                    Some(Err(_)) | None => found = next,
                }
            }
        }
    }
    found
}

/// The parts of a path, the first one last.
fn parts(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::dirs::scratch_dir;
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn two_paths_to_one_file_are_known_before_there_is_one() {
        let dir = scratch_dir("target").expect("a directory");
        let path = |name: &str| dir.path().join(name);
        super::super::write_atomic(&path("there/file"), b"x").expect("written");
        for (link, target) in
            [("link", "there"), ("gone", "new/deep"), ("there/up", "../made"), ("round", "round")]
        {
            symlink(target, path(link)).expect("linked");
        }
        for (one, other, same) in [
            ("there/file", "there/./file", true),
            ("there/file", "link/file", true),
            ("there/file", "link/../there/file", true),
            ("there/file", "new/../there/file", true),
            ("new/a/b", "new/./a/../a/b", true),
            ("new/a/b", "new/a/../b", false),
            ("gone/x", "new/deep/x", true),
            ("gone/../x", "new/x", true),
            ("link/up/x", "made/x", true),
            ("new/x", "there/x", false),
            ("round/x", "round/x", true),
            ("round/x", "round/y", false),
        ] {
            assert_eq!(same_file(&path(one), &path(other)), same, "{one} {other}");
            assert_eq!(Identities::default().same_file(&path(one), &path(other)), same, "{one} {other}");
        }
    }
}
