//! Reads that fail closed and name their path, and what stands at a path.
#![expect(clippy::disallowed_methods, reason = "this folder owns the file system")]

use super::open::{SizeLimit, read_within};
use super::path::unreadable;
use crate::report::exit::Fault;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Reads a whole document.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    read_within(path, SizeLimit::Document)
}

/// Reads a whole document as UTF-8, naming the line of the first bad byte.
pub(crate) fn read_text(path: &Path) -> Result<String, Fault> {
    read_text_within(path, SizeLimit::Document)
}

/// The same with another limit of size.
pub(crate) fn read_text_within(path: &Path, limit: SizeLimit) -> Result<String, Fault> {
    String::from_utf8(read_within(path, limit)?).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        Fault::config(format!("failed to read `{}`: invalid UTF-8 at line {line}", path.display()))
    })
}

/// The metadata of what `path` names, following links.
pub(crate) fn metadata(path: &Path) -> Result<fs::Metadata, Fault> {
    fs::metadata(path).map_err(|error| unreadable(path, &error))
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// Nothing, or something below what is no directory.
    Missing,
    File,
    Dir,
    /// A symbolic link, where links are not followed.
    Link,
    /// A pipe, a socket or a device.
    Other,
}

impl FileKind {
    fn of(found: &fs::Metadata) -> Self {
        let kind = found.file_type();
        if kind.is_file() {
            Self::File
        } else if kind.is_dir() {
            Self::Dir
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Other
        }
    }

    fn of_perhaps(path: &Path, found: io::Result<fs::Metadata>) -> Result<Self, Fault> {
        match found {
            Ok(found) => Ok(Self::of(&found)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Self::Missing),
                _ => Err(unreadable(path, &error)),
            },
        }
    }
}

/// What stands at `path`, which is not followed where it is a link.
pub(crate) fn kind(path: &Path) -> Result<FileKind, Fault> {
    FileKind::of_perhaps(path, fs::symlink_metadata(path))
}

/// What `path` leads to, its links followed; a link to nothing leads to [`FileKind::Missing`].
pub(crate) fn target_kind(path: &Path) -> Result<FileKind, Fault> {
    FileKind::of_perhaps(path, fs::metadata(path))
}

/// The same where something must be: [`FileKind::Missing`] is an error.
pub(crate) fn existing_kind(path: &Path) -> Result<FileKind, Fault> {
    Ok(FileKind::of(&metadata(path)?))
}

/// Whether something stands under the name `path`. A link to nothing does, and so does all below one: what
/// it was to name is not known to be missing. Below anything else that is no directory is an error.
pub(crate) fn exists(path: &Path) -> Result<bool, Fault> {
    for place in path.ancestors() {
        match kind(place)? {
            FileKind::Missing => {}
            _ if place == path => return Ok(true),
            FileKind::Dir => return Ok(false),
            FileKind::Link => match target_kind(place)? {
                FileKind::Missing => return Ok(true),
                FileKind::Dir => return Ok(false),
                _ => return Err(unreadable(path, &io::ErrorKind::NotADirectory.into())),
            },
            FileKind::File | FileKind::Other => {
                return Err(unreadable(path, &io::ErrorKind::NotADirectory.into()));
            }
        }
    }
    Ok(false)
}

/// Whether `path` leads to something, its links followed.
pub(crate) fn target_exists(path: &Path) -> Result<bool, Fault> {
    Ok(target_kind(path)? != FileKind::Missing)
}

/// The names in a directory, sorted.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut paths = Vec::new();
    let entries = loop {
        match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            opened => break opened,
        }
    };
    for entry in entries.map_err(|error| unreadable(dir, &error))? {
        paths.push(entry.map_err(|error| unreadable(dir, &error))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The canonical form of an existing path.
pub(crate) fn canonical(path: &Path) -> Result<PathBuf, Fault> {
    fs::canonicalize(path).map_err(|error| unreadable(path, &error))
}

/// An existing `path` as it is found from `root`, links resolved: one spelling for one file, wherever the root is.
pub(crate) fn relative_to(root: &Path, path: &Path) -> Result<PathBuf, Fault> {
    let (root, path) = (canonical(root)?, canonical(path)?);
    let common = root.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = root.components().skip(common).map(|_| Component::ParentDir);
    Ok(up.chain(path.components().skip(common)).collect())
}

pub(super) fn real_path(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// What a link names.
pub(super) fn link_target(path: &Path) -> io::Result<PathBuf> {
    fs::read_link(path)
}

/// Removes a file.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::super::atomic::write_atomic;
    use super::super::dirs::scratch_dir;
    use super::*;

    #[test]
    fn a_link_to_nothing_exists_and_leads_nowhere() {
        let dir = scratch_dir("fsio").expect("a directory");
        let path = |name: &str| dir.path().join(name);
        for link in ["file", "dir"] {
            std::os::unix::fs::symlink("absent", path(link)).expect("linked");
        }
        std::os::unix::fs::symlink(".", path("here")).expect("linked");
        for (name, expected) in [
            ("file", true),
            ("dir/limits.yaml", true),
            ("dir/sub/limits.yaml", true),
            ("here", true),
            ("here/file", true),
            ("here/absent", false),
            ("absent", false),
            ("absent/limits.yaml", false),
        ] {
            assert_eq!(exists(&path(name)).expect("known"), expected, "{name}");
            assert_eq!(target_exists(&path(name)).expect("known"), name == "here", "{name}");
        }
        assert!(read(&path("file")).is_err());
    }

    #[test]
    fn what_stands_at_a_path_is_told_and_what_cannot_be_looked_at_is_an_error() {
        let dir = scratch_dir("fsio").expect("a directory");
        let path = |name: &str| dir.path().join(name);
        write_atomic(&path("file"), b"").expect("written");
        for (link, target) in [("link", "file"), ("loop", "loop")] {
            std::os::unix::fs::symlink(target, path(link)).expect("linked");
        }
        for (name, itself, target) in [
            ("", FileKind::Dir, FileKind::Dir),
            ("file", FileKind::File, FileKind::File),
            ("link", FileKind::Link, FileKind::File),
            ("absent", FileKind::Missing, FileKind::Missing),
            ("file/x", FileKind::Missing, FileKind::Missing),
        ] {
            assert_eq!(kind(&path(name)).expect("known"), itself, "{name}");
            assert_eq!(target_kind(&path(name)).expect("known"), target, "{name}");
        }
        assert_eq!(kind(Path::new("/dev/null")).expect("known"), FileKind::Other);
        assert_eq!(kind(&path("loop")).expect("known"), FileKind::Link);
        assert!(target_kind(&path("loop")).is_err() && exists(&path("file/x")).is_err());
    }

    #[test]
    fn invalid_utf8_names_its_line() {
        let dir = scratch_dir("fsio").expect("a directory");
        let path = dir.path().join("x.txt");
        write_atomic(&path, b"one\ntwo\xff\n").expect("written");
        let message = read_text(&path).expect_err("refused").to_string();
        assert!(message.ends_with("invalid UTF-8 at line 2"), "{message}");
    }
}
