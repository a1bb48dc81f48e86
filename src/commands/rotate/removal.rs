//! Carries a decision out: archive, then remove file by file, then the directories that became empty.

use super::archive;
use super::facts::{Done, ProcessTable};
use super::plan::Options;
use crate::ctx::Ctx;
use crate::sys::progress;
use crate::sys::tree::Tree;
use crate::sys::tree::remove::{RemoveError, Remover};
use crate::sys::tree::writers::{self, Writers};
use std::collections::{BTreeMap, BTreeSet};

/// A directory nobody has put a file into for so long is empty for good.
const EMPTY_FOR_NS: i64 = 600 * 1_000_000_000;

/// What is to be removed.
#[derive(Debug, Default)]
pub(super) struct Removal {
    /// Files, sorted by path where they are removed.
    pub(super) files: Vec<u32>,
    /// Directories of units, which go with their files.
    pub(super) unit_dirs: Vec<u32>,
    pub(super) options: Options,
}

impl Removal {
    /// Lets every file of a unit stay of which one has to.
    fn keep_units_whole(&self, tree: &Tree, stay: &mut BTreeMap<u32, RemoveError>) {
        let dirs: BTreeSet<u32> = self.unit_dirs.iter().copied().collect();
        // The outermost directory of those that go as one.
        let unit = |file: u32| {
            let mut at = tree.dir(file);
            if !dirs.contains(&at) {
                return None;
            }
            while dirs.contains(&tree.dirs[at as usize].parent) {
                at = tree.dirs[at as usize].parent;
            }
            Some(at)
        };
        let torn: BTreeSet<u32> = stay.keys().filter_map(|file| unit(*file)).collect();
        if torn.is_empty() {
            return;
        }
        for &file in &self.files {
            if unit(file).is_some_and(|unit| torn.contains(&unit)) {
                stay.entry(file).or_insert(RemoveError::Unit);
            }
        }
    }

    /// The directories that go if every file does: deepest first.
    pub(super) fn dirs(&self, tree: &Tree, now_ns: i64) -> Vec<u32> {
        let units: BTreeSet<u32> = self.unit_dirs.iter().copied().collect();
        if units.is_empty() && !self.options.remove_empty_dirs {
            return Vec::new();
        }
        let mut left: Vec<u32> = tree.dirs.iter().map(|dir| dir.entries).collect();
        let mut touched = vec![false; tree.dirs.len()];
        for file in &self.files {
            let dir = tree.dir(*file) as usize;
            left[dir] = left[dir].saturating_sub(1);
            touched[dir] = true;
        }
        let mut going = Vec::new();
        for root in 0..tree.roots.len() {
            // Children have higher numbers than their parents, so this is deepest first.
            for number in tree.dirs_of(root).skip(1).rev() {
                let at = number as usize;
                let dir = &tree.dirs[at];
                let is_old = now_ns.saturating_sub(dir.modified_ns) > EMPTY_FOR_NS;
                let is_asked =
                    units.contains(&number) || (self.options.remove_empty_dirs && (touched[at] || is_old));
                if dir.skipped.is_none() && left[at] == 0 && is_asked {
                    going.push(number);
                    left[dir.parent as usize] = left[dir.parent as usize].saturating_sub(1);
                    touched[dir.parent as usize] |= touched[at];
                }
            }
        }
        going
    }

    /// The files that must stay although they were to go: what is open for writing, and what a unit holds
    /// together.
    fn keep_what_is_used(&self, tree: &Tree, stay: &mut BTreeMap<u32, RemoveError>) -> Option<ProcessTable> {
        if self.files.is_empty() {
            return None;
        }
        // As late as possible: the scan is as old as the archive took, or as the plan is.
        let writers = writers_of(tree);
        for &file in &self.files {
            let id = tree.file_id(file);
            if writers.has(id.dev, id.ino) {
                stay.entry(file).or_insert(RemoveError::Open);
            }
        }
        self.keep_units_whole(tree, stay);
        Some(process_table(&writers))
    }
}

/// Who is writing to the disks of a tree.
pub(super) fn writers_of(tree: &Tree) -> Writers {
    writers::scan(&tree.roots.iter().map(|root| root.dev).collect())
}

pub(super) fn process_table(writers: &Writers) -> ProcessTable {
    ProcessTable { is_readable: writers.known, hidden: writers.closed }
}

/// Archives and removes what is to go. How much of the process table was seen is known where there was
/// something to remove.
pub(super) fn carry_out(
    removal: &Removal,
    tree: &Tree,
    ctx: &Ctx,
) -> anyhow::Result<(Done, Option<ProcessTable>)> {
    let mut done = Done::default();
    let mut stay = BTreeMap::new();
    if let (Some(dir), false) = (&removal.options.archive_dir, removal.files.is_empty()) {
        let archived = archive::write(&ctx.path(dir), tree, &removal.files, ctx)?;
        (done.archive, stay) = (archived.archive, archived.stay);
    }
    let process_table = removal.keep_what_is_used(tree, &mut stay);
    let mut remover = Remover::new(tree);
    let bar = progress::bar(ctx.progress, removal.files.len() as u64, "delete");
    for &file in &removal.files {
        if let Err(fault) = ctx.check_cancelled() {
            tracing::warn!("stopped after {} of {} removals", done.removed.files, removal.files.len());
            return Err(fault.into());
        }
        bar.inc(1);
        let outcome = stay.remove(&file).map_or_else(|| remover.remove(file), Err);
        match outcome {
            Ok(()) => {
                done.removed.files += 1;
                done.removed.bytes = done.removed.bytes.saturating_add(tree.bytes(file));
            }
            Err(RemoveError::Failed(error)) => {
                done.failed.insert(tree.display(file), error.to_string());
            }
            Err(refusal) => {
                done.kept.insert(tree.display(file), refusal.to_string());
            }
        }
    }
    bar.finish_and_clear();
    for dir in removal.dirs(tree, ctx.clock.now_ns()) {
        match remover.remove_dir(dir) {
            Ok(true) => done.dirs += 1,
            // Something was put into it meanwhile, or somebody else removed it.
            Ok(false) | Err(RemoveError::Gone) => {}
            Err(refusal) => {
                done.failed.insert(tree.display_dir(dir), refusal.to_string());
            }
        }
    }
    Ok((done, process_table))
}
