//! The disks that the roots of a rotation are on.

use super::facts::ShortDisk;
use crate::report::exit::Fault;
use crate::sys::tree::{Root, Tree};

/// For each root, which disk it is on; disks are numbered in the order of their first roots.
#[derive(Debug)]
pub(super) struct Disks {
    pub(super) of_root: Vec<usize>,
}

impl Disks {
    pub(super) fn of(tree: &Tree) -> Self {
        let mut devices: Vec<u64> = Vec::new();
        let mut number = |root: &Root| {
            let known = devices.iter().position(|dev| *dev == root.dev);
            known.unwrap_or_else(|| {
                devices.push(root.dev);
                devices.len() - 1
            })
        };
        Self { of_root: tree.roots.iter().map(&mut number).collect() }
    }

    /// How a disk is called in reports: by the roots on it.
    pub(super) fn name(&self, tree: &Tree, disk: usize) -> String {
        let here = tree.roots.iter().zip(&self.of_root).filter(|(_, of)| **of == disk);
        let roots: Vec<&str> = here.map(|(root, _)| root.name.as_str()).collect();
        format!("the disk of `{}`", roots.join("`, `"))
    }

    /// The first root on each disk.
    fn first_roots<'a>(&'a self, tree: &'a Tree) -> impl Iterator<Item = (usize, &'a Root)> {
        let count = self.of_root.iter().max().map_or(0, |last| last + 1);
        (0..count).map(|disk| {
            let first = self.of_root.iter().position(|of| *of == disk).expect("disks come from roots");
            (disk, &tree.roots[first])
        })
    }

    /// What each disk lacks of the free space that it is to have.
    pub(super) fn short_bytes(&self, tree: &Tree, wanted: u64) -> Result<Vec<u64>, Fault> {
        self.first_roots(tree).map(|(_, root)| Ok(wanted.saturating_sub(root.free_bytes()?))).collect()
    }

    /// Measures, after the removals, which disks have less free space than they are to have.
    pub(super) fn short(&self, tree: &Tree, wanted: u64) -> Vec<ShortDisk> {
        let measured = self.first_roots(tree).map(|(disk, root)| {
            let free = root.sync_filesystem().and_then(|()| root.free_bytes());
            // What was removed is still to be told, so an error is a part of the answer.
            ShortDisk { of: self.name(tree, disk), free: free.map_err(|fault| fault.to_string()), wanted }
        });
        measured.filter(|disk| !disk.free.as_ref().is_ok_and(|free| *free >= wanted)).collect()
    }
}
