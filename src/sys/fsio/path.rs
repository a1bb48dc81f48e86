//! Paths as text, and the paths beside one.

use crate::report::exit::Fault;
use std::io;
use std::path::{Path, PathBuf};

/// The directory that holds a file.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

pub(super) fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}

/// The path of a file that stands beside another: the same name with more at its end.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The fault of an input that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::read(shown(path), error)
}
