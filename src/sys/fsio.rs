//! Files: reads that fail closed and name their path, writes that are whole or absent.
//!
//! A write goes to a temporary file in the same directory, is fsynced, renamed over the target, and
//! the directory is fsynced. A crash at any moment leaves the old content or the new, nothing between.
#![expect(clippy::disallowed_methods, reason = "this file owns the file system")]

use crate::format::json;
use crate::report::exit::Fault;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File};
use std::io::{self, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// Reads a whole file as UTF-8, naming the line of the first bad byte.
pub(crate) fn read_text(path: &Path) -> Result<String, Fault> {
    String::from_utf8(read(path)?).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        Fault::config(format!("failed to read `{}`: invalid UTF-8 at line {line}", path.display()))
    })
}

/// Reads a file from a byte on; an offset beyond its end reads nothing.
pub(crate) fn read_from(path: &Path, offset: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut file = open(path)?;
    file.seek(io::SeekFrom::Start(offset))
        .and_then(|_| file.read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, Fault> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

/// Opens an existing file for writing over its content.
pub(crate) fn open_writable(path: &Path) -> Result<File, Fault> {
    File::options().write(true).open(path).map_err(|error| Fault::write(shown(path), &error))
}

/// The metadata of what `path` names, following links.
pub(crate) fn metadata(path: &Path) -> Result<fs::Metadata, Fault> {
    fs::metadata(path).map_err(|error| unreadable(path, &error))
}

/// The path of a file that stands beside another: the same name with more at its end.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Whether something stands under the name `path`. A link to nothing does, and so does all below one: what
/// it was to name is not known to be missing. An error other than "not found" is an error.
pub(crate) fn exists(path: &Path) -> Result<bool, Fault> {
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    for place in path.ancestors() {
        match fs::symlink_metadata(place) {
            Ok(_) if place == path => return Ok(true),
            Ok(found) => return Ok(found.is_symlink() && !leads_on(place)?),
            Err(error) if missing(&error) => {}
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    Ok(false)
}

/// Whether `path` leads to something, its links followed; an error other than "not found" is an error.
pub(crate) fn leads_on(path: &Path) -> Result<bool, Fault> {
    path.try_exists().map_err(|error| unreadable(path, &error))
}

/// The names in a directory, sorted.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, &error))? {
        paths.push(entry.map_err(|error| unreadable(dir, &error))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The canonical form of an existing path.
pub(crate) fn canonical(path: &Path) -> Result<PathBuf, Fault> {
    fs::canonicalize(path).map_err(|error| unreadable(path, &error))
}

/// The fault of an input that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::config(format!("failed to read `{}`: {error}", path.display()))
}

/// Creates a directory and its parents.
pub(crate) fn create_dir(dir: &Path) -> Result<(), Fault> {
    fs::create_dir_all(dir).map_err(|error| Fault::write(shown(dir), &error))
}

/// Creates a directory; false when it is there already.
pub(crate) fn create_new_dir(dir: &Path) -> Result<bool, Fault> {
    match fs::create_dir(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Fault::write(shown(dir), &error)),
    }
}

/// Lets the symbolic link `link` name `target`, which lies in the same directory. The link is replaced whole;
/// anything else under its name is left alone and refused.
pub(crate) fn replace_link(link: &Path, target: &Path) -> Result<(), Fault> {
    let fail = |error: io::Error| Fault::write(shown(link), &error);
    if link.symlink_metadata().is_ok_and(|metadata| !metadata.is_symlink()) {
        let message = format!("{} is no link to the newest run", shown(link));
        return Err(Fault::config(message).hint("move it away: every run has a directory of its own"));
    }
    let name = target.file_name().expect("a directory below its parent has a name");
    let fresh = with_ending(link, ".new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    std::os::unix::fs::symlink(name, &fresh).map_err(fail)?;
    fs::rename(&fresh, link).map_err(fail)
}

/// Removes a file.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Creates a file for appending, or opens it.
pub(crate) fn append(path: &Path) -> Result<File, Fault> {
    let file = File::options().create(true).append(true).read(true).open(path);
    file.map_err(|error| Fault::write(shown(path), &error))
}

/// A fresh private directory that is removed when the value is dropped.
#[cfg(test)]
pub(crate) fn scratch_dir(prefix: &str) -> Result<tempfile::TempDir, Fault> {
    let dir = tempfile::Builder::new().prefix(prefix).tempdir();
    dir.map_err(|error| Fault::write("a temporary directory", &error))
}

/// The same inside `dir`, which is created.
pub(crate) fn scratch_dir_in(dir: &Path, prefix: &str) -> Result<tempfile::TempDir, Fault> {
    create_dir(dir)?;
    let made = tempfile::Builder::new().prefix(prefix).tempdir_in(dir);
    made.map_err(|error| Fault::write(format!("a directory in {}", shown(dir)), &error))
}

/// Directories that were created for work that may fail; unless they are kept, those that are still empty
/// are removed again.
#[derive(Debug)]
pub(crate) struct NewDirs(Vec<PathBuf>);

impl NewDirs {
    /// Creates a directory and its parents.
    pub(crate) fn create(dir: &Path) -> Result<Self, Fault> {
        let missing = dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists());
        let new = Self(missing.map(Path::to_owned).collect());
        create_dir(dir)?;
        Ok(new)
    }

    /// Keeps what was created.
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewDirs {
    fn drop(&mut self) {
        for dir in &self.0 {
            // One that somebody else uses by now stays.
            if fs::remove_dir(dir).is_err() {
                return;
            }
        }
    }
}

/// Puts a finished directory under its name, durably and for everybody to read; the name must be free.
pub(crate) fn publish_dir(made: tempfile::TempDir, to: &Path) -> Result<(), Fault> {
    let fail = |error: io::Error| Fault::write(shown(to), &error);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(made.path(), mode).map_err(fail)?;
    sync_dir(made.path()).map_err(fail)?;
    let moved = renameat_with(CWD, made.path(), CWD, to, RenameFlags::NOREPLACE);
    moved.map_err(|error| fail(error.into()))?;
    // The name it was made under is gone; there is nothing left to remove.
    drop(made.keep());
    sync_dir(parent(to)).map_err(fail)
}

/// A file that appears under its name only when it is complete.
#[derive(Debug)]
pub(crate) struct Pending {
    target: PathBuf,
    file: tempfile::NamedTempFile,
}

impl Pending {
    /// Creates the directory and the temporary file, so that a bad path fails before the work starts.
    pub(crate) fn create(target: &Path) -> Result<Self, Fault> {
        let fail = |error: io::Error| Fault::write(shown(target), &error);
        if target.is_dir() {
            return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let dir = parent(target);
        fs::create_dir_all(dir).map_err(fail)?;
        let mut builder = tempfile::Builder::new();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let file = builder.prefix(".mmops-").suffix(".tmp").permissions(mode).tempfile_in(dir);
        Ok(Self { target: target.to_owned(), file: file.map_err(fail)? })
    }

    /// Like [`Pending::create`], and removes what stands there: an answer that is asked for again is not
    /// known until there is a new one.
    pub(crate) fn in_place_of(target: &Path) -> Result<Self, Fault> {
        let pending = Self::create(target)?;
        match fs::remove_file(target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::write(shown(target), &error)),
            _ => Ok(pending),
        }
    }

    /// Where the content goes.
    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// The path it has until it is complete.
    pub(crate) fn temporary(&self) -> &Path {
        self.file.path()
    }

    /// Opens what was written so far for reading.
    pub(crate) fn reread(&self) -> Result<File, Fault> {
        self.file.reopen().map_err(|error| unreadable(self.file.path(), &error))
    }

    /// Writes `bytes` and puts the file under its name.
    pub(crate) fn finish(mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.fill(bytes)?;
        self.commit()
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.file.as_file_mut().write_all(bytes);
        written.map_err(|error| Fault::write(shown(&self.target), &error))
    }

    /// Writes `bytes` durably and leaves the name to [`Self::commit`]: of several files that belong
    /// together, none appears when the disk has no room for all.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.fill(bytes)?;
        self.file.as_file().sync_all().map_err(|error| Fault::write(shown(&self.target), &error))
    }

    /// Puts what was written so far under its name, durably.
    pub(crate) fn commit(self) -> Result<(), Fault> {
        let fail = |error: &io::Error| Fault::write(shown(&self.target), error);
        self.file.as_file().sync_all().map_err(|error| fail(&error))?;
        self.file.persist(&self.target).map_err(|error| fail(&error.error))?;
        sync_dir(parent(&self.target)).map_err(|error| fail(&error))
    }
}

/// Replaces `path` with `bytes`, whole or not at all.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    Pending::create(path)?.finish(bytes)
}

/// Replaces `path` with `bytes`, whole for every process at every moment, without waiting for the disk.
/// For state that need not survive a loss of power; the caller keeps other writers of `path` out.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let fail = |error: io::Error| Fault::write(shown(path), &error);
    let name = with_ending(path, ".new");
    fs::write(&name, bytes).map_err(fail)?;
    fs::rename(&name, path).map_err(fail)
}

/// Replaces `path` with a JSON document: sorted keys where the value is a map, two-space indentation,
/// one trailing newline.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Fault> {
    write_atomic(path, json::document(value).as_bytes())
}

/// Flushes a directory, so that a rename in it survives a crash.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abandoned_write_leaves_the_old_content_and_no_other_file() {
        let dir = scratch_dir("fsio").expect("a directory");
        let path = dir.path().join("sub/state.json");
        write_atomic(&path, b"old").expect("written");
        let mut pending = Pending::create(&path).expect("created");
        pending.file().write_all(b"half").expect("written");
        drop(pending);
        assert_eq!(read(&path).expect("read"), b"old");
        assert_eq!(list(&dir.path().join("sub")).expect("listed"), [path]);
    }

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
            assert_eq!(leads_on(&path(name)).expect("known"), name == "here", "{name}");
        }
        assert!(read(&path("file")).is_err());
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
