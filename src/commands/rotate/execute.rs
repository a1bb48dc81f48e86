//! Carries a decision out: archive, then remove file by file, then the directories that became empty.

use super::archive::{self, Archive};
use super::selection::{Grove, Place};
use crate::ctx::Ctx;
use crate::sys::progress;
use crate::sys::tree::remove::{Refusal, Remover};
use crate::sys::tree::writers::{self, Writers};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A directory nobody has put a file into for so long is empty for good.
const EMPTY_FOR_NS: i64 = 600 * 1_000_000_000;

/// What is to be removed.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Files, sorted by path.
    pub(super) files: Vec<Place>,
    /// Directories of units, which go with their files.
    pub(super) unit_dirs: Vec<(u16, u32)>,
    /// Where the files are archived first.
    pub(super) archive_dir: Option<PathBuf>,
    /// Whether directories that are empty go as well.
    pub(super) remove_empty_dirs: bool,
    /// Free space that each disk is to have afterwards.
    pub(super) min_free: Option<u64>,
}

/// What was removed, and what was not and why.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) dirs: u64,
    /// Kept, because it changed or is in use.
    pub(super) kept: BTreeMap<String, String>,
    /// Should have gone, but the system refused.
    pub(super) failed: BTreeMap<String, String>,
    pub(super) archive: Option<Archive>,
    /// Who was writing when the removals began; none if there was nothing to remove.
    pub(super) writers: Option<Writers>,
}

impl Order {
    /// Lets every file of a unit stay of which one has to.
    fn keep_units_whole(&self, groves: &[Grove], stay: &mut BTreeMap<Place, Refusal>) {
        let dirs: BTreeSet<(u16, u32)> = self.unit_dirs.iter().copied().collect();
        // The outermost directory of those that go as one.
        let unit = |place: Place| {
            let tree = &groves[usize::from(place.tree)].tree;
            let mut at = tree.dir(place.file);
            if !dirs.contains(&(place.tree, at)) {
                return None;
            }
            while dirs.contains(&(place.tree, tree.dirs[at as usize].parent)) {
                at = tree.dirs[at as usize].parent;
            }
            Some((place.tree, at))
        };
        let torn: BTreeSet<(u16, u32)> = stay.keys().filter_map(|place| unit(*place)).collect();
        if torn.is_empty() {
            return;
        }
        for &place in &self.files {
            if unit(place).is_some_and(|unit| torn.contains(&unit)) {
                stay.entry(place).or_insert(Refusal::Unit);
            }
        }
    }

    /// The directories that go if every file does: deepest first.
    pub(super) fn dirs(&self, groves: &[Grove], now_ns: i64) -> Vec<(u16, u32)> {
        let units: BTreeSet<(u16, u32)> = self.unit_dirs.iter().copied().collect();
        if units.is_empty() && !self.remove_empty_dirs {
            return Vec::new();
        }
        let mut going = Vec::new();
        for (tree, grove) in (0_u16..).zip(groves) {
            let dirs = &grove.tree.dirs;
            let mut left: Vec<u32> = dirs.iter().map(|dir| dir.entries).collect();
            let mut touched = vec![false; dirs.len()];
            for place in self.files.iter().filter(|place| place.tree == tree) {
                let dir = grove.tree.dir(place.file) as usize;
                left[dir] = left[dir].saturating_sub(1);
                touched[dir] = true;
            }
            // Children have higher indices than their parents, so this is deepest first.
            let numbered: Vec<u32> = (1..).take(dirs.len().saturating_sub(1)).collect();
            for index in numbered.into_iter().rev() {
                let at = index as usize;
                let dir = &dirs[at];
                let old = now_ns.saturating_sub(dir.modified_ns) > EMPTY_FOR_NS;
                let asked =
                    units.contains(&(tree, index)) || (self.remove_empty_dirs && (touched[at] || old));
                if dir.skipped.is_none() && left[at] == 0 && asked {
                    going.push((tree, index));
                    left[dir.parent as usize] = left[dir.parent as usize].saturating_sub(1);
                    touched[dir.parent as usize] |= touched[at];
                }
            }
        }
        going
    }
}

/// Archives and removes what was ordered.
pub(super) fn execute(order: &Order, groves: &[Grove], ctx: &Ctx) -> anyhow::Result<Done> {
    let mut done = Done::default();
    let mut stay = BTreeMap::new();
    if let (Some(dir), false) = (&order.archive_dir, order.files.is_empty()) {
        let archived = archive::write(dir, groves, &order.files, ctx)?;
        (done.archive, stay) = (archived.archive, archived.stay);
    }
    if !order.files.is_empty() {
        // As late as possible: the scan is as old as the archive took, or as the plan is.
        let devices: BTreeSet<u64> = groves.iter().map(|grove| grove.tree.root.dev).collect();
        let writers = writers::scan(&devices);
        for &place in &order.files {
            let identity = groves[usize::from(place.tree)].tree.file_id(place.file);
            if writers.has(identity.dev, identity.ino) {
                stay.entry(place).or_insert(Refusal::Open);
            }
        }
        done.writers = Some(writers);
    }
    order.keep_units_whole(groves, &mut stay);
    let mut reach: Vec<Remover<'_>> = groves.iter().map(|grove| Remover::new(&grove.tree)).collect();
    let bar = progress::bar(ctx.progress, order.files.len() as u64, "delete");
    for &place in &order.files {
        if let Err(fault) = ctx.check_cancelled() {
            tracing::warn!("stopped after {} of {} removals", done.files, order.files.len());
            return Err(fault.into());
        }
        bar.inc(1);
        let grove = &groves[usize::from(place.tree)];
        let outcome = match stay.remove(&place) {
            Some(refusal) => Err(refusal),
            None => reach[usize::from(place.tree)].remove(place.file),
        };
        match outcome {
            Ok(()) => {
                done.files += 1;
                done.bytes = done.bytes.saturating_add(grove.tree.bytes(place.file));
            }
            Err(Refusal::Failed(error)) => {
                done.failed.insert(grove.shown(place.file), error.to_string());
            }
            Err(refusal) => {
                done.kept.insert(grove.shown(place.file), refusal.to_string());
            }
        }
    }
    bar.finish_and_clear();
    let now_ns = super::now_ns(ctx);
    for (tree, dir) in order.dirs(groves, now_ns) {
        match reach[usize::from(tree)].remove_dir(dir) {
            Ok(true) => done.dirs += 1,
            // Something was put into it meanwhile, or somebody else removed it.
            Ok(false) | Err(Refusal::Gone) => {}
            Err(refusal) => {
                let shown = groves[usize::from(tree)].shown_dir(dir);
                done.failed.insert(shown, refusal.to_string());
            }
        }
    }
    Ok(done)
}
