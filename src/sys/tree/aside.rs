//! Takes a directory that goes as one out of everybody's way before anything in it is removed.
//!
//! It is renamed, looked at once more, and renamed again to say that all of it may go: a file that was put into it
//! meanwhile is found before the first is removed, and what a killed rotation leaves says by its name how far it came.
//! The second name carries the time of the first renaming by the clock of the file system, before which everything in
//! the directory was last changed; what changed later is nobody's to remove.

use super::remove::{RemoveError, Remover};
use super::{Detail, Root, SkipReason, Tree, changed_ns, walk};
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::signal::Cancel;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, RenameFlags, renameat, renameat_with, statx};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};

/// In front of the name of a directory that is looked at.
const ASIDE: &[u8] = b".mmops-removing-";

/// In front of the time and the name of one that goes.
const GOING: &[u8] = b".mmops-removed-";

fn c_name(parts: &[&[u8]]) -> CString {
    CString::new(parts.concat()).expect("names of files have no NUL")
}

/// Renames unless something has the name; where the file system does not know how, our own names are free anyway.
fn rename(dir: impl AsFd, from: &CStr, to: &CStr) -> Result<(), Errno> {
    match renameat_with(&dir, from, &dir, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match statx(&dir, to, AtFlags::SYMLINK_NOFOLLOW, super::STAT_MASK) {
                Err(Errno::NOENT) => renameat(&dir, from, &dir, to),
                Ok(_) => Err(Errno::EXIST),
                Err(error) => Err(error),
            }
        }
        renamed => renamed,
    }
}

impl Remover<'_> {
    /// Renames a directory, so that who looks for it by its name finds nothing.
    pub(crate) fn set_aside(&mut self, dir: u32) -> Result<(), RemoveError> {
        self.rename(dir, c_name(&[ASIDE, self.tree.dir_name(dir)]))
    }

    /// Says by its name that all of a directory goes that has not changed since it was set aside.
    pub(crate) fn let_go(&mut self, dir: u32) -> Result<(), RemoveError> {
        let opened = self.open_dir(dir)?;
        let since_ns = changed_ns(&statx(&opened, c"", AtFlags::EMPTY_PATH, super::STAT_MASK)?);
        let name = c_name(&[GOING, format!("{since_ns}-").as_bytes(), self.tree.dir_name(dir)]);
        self.rename(dir, name)
    }

    /// Gives a directory its own name back.
    pub(crate) fn put_back(&mut self, dir: u32) -> Result<(), RemoveError> {
        self.rename(dir, c_name(&[self.tree.dir_name(dir)]))?;
        self.aside = None;
        Ok(())
    }

    fn rename(&mut self, dir: u32, to: CString) -> Result<(), RemoveError> {
        self.at = None;
        let above = self.open_dir(self.tree.dirs[dir as usize].parent)?;
        rename(&above, self.name_of(dir), &to)?;
        self.aside = Some((dir, to));
        Ok(())
    }

    /// Whether a directory that is set aside holds these files and directories, as they were seen, and nothing else.
    pub(crate) fn is_as_seen(
        &self,
        dir: u32,
        files: &[u32],
        dirs: &[u32],
        cancel: &Cancel,
    ) -> Result<bool, Fault> {
        let tree = self.tree;
        let path = tree.roots[tree.root_of_dir(dir)].path.join(tree.dir_path(dir));
        let fail = |error: Errno| fsio::unreadable(&path, &error.into());
        let opened = self.open_dir(dir).map_err(fail)?;
        let root = Root::of(opened, &path, tree.display_dir(dir)).map_err(fail)?;
        let now = walk::walk_with(vec![root], Detail::Plain, cancel, 1)?;
        let prefix = tree.dir_path(dir);
        let below = |path: PathBuf| path.strip_prefix(&prefix).map(Path::to_path_buf).unwrap_or(path);
        let seen: BTreeMap<_, _> =
            files.iter().map(|file| (below(tree.path(*file)), tree.file_id(*file))).collect();
        let found: BTreeMap<_, _> = now.files().map(|file| (now.path(file), now.file_id(file))).collect();
        let mut seen_dirs: Vec<PathBuf> = dirs.iter().map(|dir| below(tree.dir_path(*dir))).collect();
        let mut found_dirs: Vec<PathBuf> = now.dirs_of(0).map(|dir| now.dir_path(dir)).collect();
        seen_dirs.sort();
        found_dirs.sort();
        Ok(seen == found && seen_dirs == found_dirs && now.is_plain())
    }
}

impl Tree {
    /// Whether it has nothing but files, links and directories that could be read.
    fn is_plain(&self) -> bool {
        self.unreadable.is_empty()
            && self.dirs.iter().all(|dir| dir.skipped.is_none() && dir.special == 0 && dir.mounted == 0)
    }

    /// The directories that a rotation which was killed has renamed.
    pub(crate) fn left_aside(&self) -> Vec<u32> {
        let is_ours = |name: &[u8]| name.starts_with(ASIDE) || name.starts_with(GOING);
        let is_left = |dir: &u32| {
            let entry = &self.dirs[*dir as usize];
            entry.skipped == Some(SkipReason::Hidden) && is_ours(entry.name.to_bytes())
        };
        (0..).take(self.dirs.len()).filter(is_left).collect()
    }
}

/// What became of a directory that a rotation which was killed has renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovered {
    /// Nothing of it had gone: it has its name again.
    PutBack,
    /// The rest of it has gone.
    Finished,
    /// Something of it had gone, and it has changed since: what is left has its name again.
    Torn,
}

/// Ends what a killed rotation began with a directory.
pub(crate) fn recover(tree: &Tree, dir: u32, cancel: &Cancel) -> Result<Recovered, Fault> {
    let path = tree.roots[tree.root_of_dir(dir)].path.join(tree.dir_path(dir));
    let fail = |error: Errno| fsio::unreadable(&path, &error.into());
    let remover = Remover::new(tree);
    let above = remover.open_dir(tree.dirs[dir as usize].parent).map_err(fail)?;
    let name = tree.dir_name(dir);
    if let Some(own) = name.strip_prefix(ASIDE) {
        rename(&above, &c_name(&[name]), &c_name(&[own])).map_err(fail)?;
        return Ok(Recovered::PutBack);
    }
    let rest = name.strip_prefix(GOING).unwrap_or_default();
    let dash = rest.iter().position(|byte| *byte == b'-').unwrap_or_default();
    let (time, own) = (&rest[..dash], rest.get(dash + 1..).unwrap_or_default());
    let since_ns: Option<i64> = std::str::from_utf8(time).ok().and_then(|time| time.parse().ok());
    let (Some(since_ns), false) = (since_ns, own.is_empty()) else { return Err(fail(Errno::INVAL)) };
    let opened = remover.open_dir(dir).map_err(fail)?;
    let root = Root::of(opened, &path, tree.display_dir(dir)).map_err(fail)?;
    let left = walk::walk_with(vec![root], Detail::Full, cancel, 1)?;
    // Losing another name is a change, too.
    let is_old = |file: u32| {
        let is_linked =
            left.is_shared(file) || left.changed_ns(file).is_none_or(|changed| changed < since_ns);
        left.modified_ns(file) < since_ns && is_linked
    };
    let is_gone = left.is_plain() && left.files().all(is_old) && empty(&left) && {
        let gone = rustix::fs::unlinkat(&above, &*c_name(&[name]), AtFlags::REMOVEDIR);
        gone.is_ok()
    };
    if is_gone {
        return Ok(Recovered::Finished);
    }
    rename(&above, &c_name(&[name]), &c_name(&[own])).map_err(fail)?;
    Ok(Recovered::Torn)
}

/// Removes all of a tree but its root; says whether it did.
fn empty(tree: &Tree) -> bool {
    let mut remover = Remover::new(tree);
    let files = tree.files().all(|file| remover.remove(file).is_ok());
    files && tree.dirs_of(0).skip(1).rev().all(|dir| remover.remove_dir(dir).is_ok_and(|gone| gone))
}
