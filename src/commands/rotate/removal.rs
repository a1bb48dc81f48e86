//! Carries a decision out: archive, then remove file by file, then the directories that became empty.

use super::archive;
use super::facts::{Done, ProcessTable};
use super::plan::Options;
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::sys::progress;
use crate::sys::signal::Cancel;
use crate::sys::tree::Tree;
use crate::sys::tree::aside::{self, Recovered};
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
    /// The outermost directory that goes as one and holds a file.
    fn unit(tree: &Tree, dirs: &BTreeSet<u32>, file: u32) -> Option<u32> {
        let mut at = tree.dir(file);
        if !dirs.contains(&at) {
            return None;
        }
        while dirs.contains(&tree.dirs[at as usize].parent) {
            at = tree.dirs[at as usize].parent;
        }
        Some(at)
    }

    /// Lets every file of a unit stay of which one has to.
    fn keep_units_whole(&self, tree: &Tree, stay: &mut BTreeMap<u32, RemoveError>) {
        let dirs: BTreeSet<u32> = self.unit_dirs.iter().copied().collect();
        let torn: BTreeSet<u32> = stay.keys().filter_map(|file| Self::unit(tree, &dirs, *file)).collect();
        if torn.is_empty() {
            return;
        }
        for &file in &self.files {
            if Self::unit(tree, &dirs, file).is_some_and(|unit| torn.contains(&unit)) {
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
    writers::scan(&tree.devices())
}

pub(super) fn process_table(writers: &Writers) -> ProcessTable {
    ProcessTable { is_readable: writers.known, hidden: writers.closed, is_partial: writers.is_partial }
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
    let dirs: BTreeSet<u32> = removal.unit_dirs.iter().copied().collect();
    let mut units: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut remover = Remover::new(tree);
    let bar = progress::bar(ctx.progress, removal.files.len() as u64, "delete");
    let check = |done: &Done| {
        ctx.check_cancelled().inspect_err(|_| {
            tracing::warn!("stopped after {} of {} removals", done.removed.files, removal.files.len());
        })
    };
    for &file in &removal.files {
        check(&done)?;
        if let (Some(unit), false) = (Removal::unit(tree, &dirs, file), stay.contains_key(&file)) {
            units.entry(unit).or_default().push(file);
            continue;
        }
        bar.inc(1);
        let outcome = stay.remove(&file).map_or_else(|| remover.remove(file), Err);
        done.note(tree, file, outcome);
    }
    let mut units: Vec<(u32, Vec<u32>)> = units.into_iter().collect();
    units.sort_by_cached_key(|(unit, _)| (tree.root_of_dir(*unit), tree.dir_path(*unit)));
    for (unit, files) in units {
        check(&done)?;
        bar.inc(files.len() as u64);
        remove_unit(unit, &files, &dirs, &mut remover, &mut done);
    }
    bar.finish_and_clear();
    for dir in removal.dirs(tree, ctx.clock.now_ns()).into_iter().filter(|dir| !dirs.contains(dir)) {
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

impl Done {
    /// Counts what became of a file that was to go.
    fn note(&mut self, tree: &Tree, file: u32, outcome: Result<(), RemoveError>) {
        match outcome {
            Ok(()) => {
                self.removed.files += 1;
                self.removed.bytes = self.removed.bytes.saturating_add(tree.bytes(file));
            }
            Err(RemoveError::Failed(error)) => {
                self.failed.insert(tree.display(file), error.to_string());
            }
            Err(refusal) => {
                self.kept.insert(tree.display(file), refusal.to_string());
            }
        }
    }
}

/// Removes a directory with all that was seen in it, or nothing of it.
fn remove_unit(
    unit: u32,
    files: &[u32],
    unit_dirs: &BTreeSet<u32>,
    remover: &mut Remover<'_>,
    done: &mut Done,
) {
    let tree = remover.tree();
    let name = format!("{}/", tree.display_dir(unit));
    let is_inside = |dir: u32| {
        let mut at = dir;
        while at != unit && tree.dirs[at as usize].parent != at {
            at = tree.dirs[at as usize].parent;
        }
        at == unit
    };
    let dirs: Vec<u32> = unit_dirs.iter().copied().filter(|dir| is_inside(*dir)).collect();
    match remover.set_aside(unit) {
        Ok(()) => {}
        Err(RemoveError::Failed(error)) => {
            done.failed.insert(name, error.to_string());
            return;
        }
        Err(refusal) => {
            done.kept.insert(name, refusal.to_string());
            return;
        }
    }
    // A stop is no reason to leave it where nobody looks for it.
    let as_seen = remover.is_as_seen(unit, files, &dirs, &Cancel::default());
    let is_going = match &as_seen {
        Ok(true) => remover.let_go(unit).map_err(|refusal| refusal.to_string()),
        Ok(false) => Err("something in it changed since the scan".to_owned()),
        Err(fault) => Err(fault.to_string()),
    };
    if let Err(why) = is_going {
        match remover.put_back(unit) {
            Ok(()) => done.kept.insert(name, format!("{why}; nothing of it was removed")),
            Err(refusal) => {
                done.failed.insert(name, format!("{why}; its name cannot be given back: {refusal}"))
            }
        };
        return;
    }
    let mut left: Option<String> = None;
    let mut removed = 0;
    for &file in files {
        let outcome = remover.remove(file);
        if let Err(refusal) = &outcome {
            left.get_or_insert_with(|| format!("{}: {refusal}", tree.display(file)));
        } else {
            removed += 1;
            done.note(tree, file, outcome);
        }
    }
    for dir in dirs.iter().rev() {
        match remover.remove_dir(*dir) {
            Ok(true) => done.dirs += 1,
            Ok(false) => {
                left.get_or_insert_with(|| "something was put into it while it was removed".to_owned());
            }
            Err(refusal) => {
                left.get_or_insert_with(|| refusal.to_string());
            }
        }
    }
    let Some(why) = left else {
        remover.forget_aside();
        return;
    };
    let back = remover
        .put_back(unit)
        .map_or_else(|refusal| format!(", under another name: {refusal}"), |()| String::new());
    let torn = format!("torn: {removed} of {} files are gone, the rest stays{back}; {why}", files.len());
    done.failed.insert(name, torn);
}

/// Ends what a killed rotation began.
pub(super) fn recover(tree: &Tree, ctx: &Ctx) -> Result<Vec<(String, Recovered)>, Fault> {
    let left = tree.left_aside().into_iter();
    left.map(|dir| Ok((tree.display_dir(dir), aside::recover(tree, dir, &ctx.cancel)?))).collect()
}
