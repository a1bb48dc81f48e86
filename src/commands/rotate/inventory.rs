//! What is known about the files and the directories of a rotation before anything is decided: which
//! directories are units, and what each member counts and gives back.

use super::disks::Disks;
use super::facts::Amount;
use super::retention::dated;
use super::retention::decide::MemberFacts;
use super::retention::member::Guard;
use super::retention::policy::{By, Sizes};
use super::retention::tiers::local_secs;
use super::scope::Scope;
use crate::format::size::total;
use crate::sys::tree::Tree;
use jiff::tz::TimeZone;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;

/// A directory that is kept or removed as one.
#[derive(Debug)]
pub(super) struct DirUnit {
    pub(super) dir: u32,
    /// Index of the rule that makes it one.
    pub(super) rule: usize,
    pub(super) files: u32,
    pub(super) guard: Option<Guard>,
    /// Whether something in it stays whatever the limits say.
    pub(super) is_exempt: bool,
    bytes: u64,
    frees: u64,
    newest_ns: i64,
    settled_ns: i64,
}

/// The members of a rotation: every file of a tree by its number, and behind them the units.
#[derive(Debug)]
pub(super) struct Inventory<'a> {
    pub(super) tree: &'a Tree,
    pub(super) units: Vec<DirUnit>,
    /// The unit that each directory is in; empty where no rule makes units.
    unit_of_dir: Vec<Option<u32>>,
    /// Names of inodes that are counted under another name.
    uncounted: BTreeSet<u32>,
    /// Names after whose removal the inode lives on elsewhere.
    frees_nothing: BTreeSet<u32>,
    pub(super) disks: Disks,
    /// What the names of files say, where that dates them.
    named_ns: Vec<Option<i64>>,
    by: By,
    sizes: Sizes,
    zone: TimeZone,
    /// Changes after this are none of the clock that judges, which is a frozen one.
    last_change_ns: i64,
}

impl<'a> Inventory<'a> {
    /// Finds the units and the hard links of a tree.
    pub(super) fn of(tree: &'a Tree, scope: &Scope) -> Self {
        let named_ns = match scope.by {
            By::Name => tree.files().map(|file| dated::time_in_name(tree.name(file))).collect(),
            By::Mtime | By::Ctime => Vec::new(),
        };
        let mut inventory = Self {
            tree,
            named_ns,
            by: scope.by,
            sizes: scope.sizes,
            zone: scope.zone.clone(),
            last_change_ns: if scope.is_frozen { scope.now_ns } else { i64::MAX },
            units: Vec::new(),
            unit_of_dir: Vec::new(),
            uncounted: BTreeSet::new(),
            frees_nothing: BTreeSet::new(),
            disks: Disks::of(tree),
        };
        if scope.has_units() {
            inventory.find_units(scope);
        }
        inventory.count_links();
        inventory
    }

    fn find_units(&mut self, scope: &Scope) {
        let tree = self.tree;
        self.unit_of_dir = vec![None; tree.dirs.len()];
        for (dir, entry) in (0_u32..).zip(&tree.dirs).filter(|(dir, entry)| entry.parent != *dir) {
            let mut unit = self.unit_of_dir[entry.parent as usize];
            if unit.is_none()
                && entry.skipped.is_none()
                && let Some(rule) = scope.unit_rule(tree, dir)
            {
                let named_ns = dated::time_in_name(tree.dir_name(dir)).filter(|_| self.by == By::Name);
                let number = u32::try_from(self.units.len());
                unit = Some(number.expect("there are fewer units than directories"));
                self.units.push(DirUnit {
                    dir,
                    rule,
                    files: 0,
                    bytes: 0,
                    frees: 0,
                    newest_ns: named_ns.unwrap_or(i64::MIN),
                    settled_ns: i64::MIN,
                    guard: None,
                    is_exempt: self.by == By::Name && named_ns.is_none(),
                });
            }
            self.unit_of_dir[dir as usize] = unit;
            if let Some(unit) = unit {
                self.units[unit as usize].is_exempt |=
                    entry.skipped.is_some() || entry.special > 0 || entry.mounted > 0;
            }
        }
    }

    /// Of several names of one inode, the last in order carries its size, since only with it does the
    /// inode go; an inode with names elsewhere frees nothing.
    fn count_links(&mut self) {
        let tree = self.tree;
        let mut names: BTreeMap<(u64, u64), Vec<u32>> = BTreeMap::new();
        for file in tree.files().filter(|file| tree.is_shared(*file)) {
            let id = tree.file_id(file);
            names.entry((id.dev, id.ino)).or_default().push(file);
        }
        for mut files in names.into_values() {
            files.sort_by(|a, b| tree.path_cmp(*a, *b));
            let Some(last) = files.pop() else { continue };
            if tree.links(last).is_some_and(|links| files.len() + 1 < usize::from(links)) {
                self.frees_nothing.insert(last);
            }
            self.uncounted.extend(files);
        }
    }

    /// The unit that a directory is in.
    pub(super) fn unit_of_dir(&self, dir: u32) -> Option<u32> {
        self.unit_of_dir.get(dir as usize).copied().flatten()
    }

    /// The unit that a file is in.
    pub(super) fn unit_of(&self, file: u32) -> Option<u32> {
        if self.unit_of_dir.is_empty() { None } else { self.unit_of_dir(self.tree.dir(file)) }
    }

    /// Counts a file towards the unit that it is in.
    pub(super) fn join_unit(&mut self, unit: u32, file: u32, guard: Option<Guard>, is_exempt: bool) {
        let (bytes, frees) = (self.size_of(file), self.frees_of(file));
        // The name of the directory dates it, or else its newest file.
        let time_ns = if self.by == By::Name { i64::MIN } else { self.time_of(file) };
        let settled_ns = self.settled_of(file);
        let unit = &mut self.units[unit as usize];
        unit.files += 1;
        unit.bytes = unit.bytes.saturating_add(bytes);
        unit.frees = unit.frees.saturating_add(frees);
        unit.newest_ns = unit.newest_ns.max(time_ns);
        unit.settled_ns = unit.settled_ns.max(settled_ns);
        unit.guard = unit.guard.or(guard);
        unit.is_exempt |= is_exempt;
    }

    /// The unit that a member is, or else its file.
    pub(super) fn unit(&self, member: usize) -> Result<&DirUnit, u32> {
        match member.checked_sub(self.tree.files().len()) {
            Some(unit) => Ok(&self.units[unit]),
            None => Err(u32::try_from(member).expect("files are numbered in 32 bits")),
        }
    }

    /// A member's path as the operator would write it.
    pub(super) fn display(&self, member: usize) -> String {
        match self.unit(member) {
            Ok(unit) => format!("{}/", self.tree.display_dir(unit.dir)),
            Err(file) => self.tree.display(file),
        }
    }

    /// Whether something dates a file.
    pub(super) fn is_dated(&self, file: u32) -> bool {
        self.named_ns.get(file as usize).is_none_or(Option::is_some)
    }

    fn time_of(&self, file: u32) -> i64 {
        match self.by {
            By::Mtime => self.tree.modified_ns(file),
            By::Ctime => self.tree.changed_ns(file).unwrap_or_else(|| self.tree.modified_ns(file)),
            By::Name => self.named_ns[file as usize].unwrap_or(i64::MIN),
        }
    }

    fn settled_of(&self, file: u32) -> i64 {
        let changed_ns = self.tree.changed_ns(file).filter(|changed| *changed <= self.last_change_ns);
        self.time_of(file).max(self.tree.modified_ns(file)).max(changed_ns.unwrap_or(i64::MIN))
    }

    /// What counts towards a limit of the size.
    fn size_of(&self, file: u32) -> u64 {
        match self.sizes {
            Sizes::Apparent => self.bytes_of(file),
            Sizes::Allocated if self.uncounted.contains(&file) => 0,
            Sizes::Allocated => self.tree.disk_bytes(file),
        }
    }

    fn bytes_of(&self, file: u32) -> u64 {
        if !self.uncounted.is_empty() && self.uncounted.contains(&file) {
            return 0;
        }
        self.tree.bytes(file)
    }

    fn frees_of(&self, file: u32) -> u64 {
        let free = self.uncounted.contains(&file) || self.frees_nothing.contains(&file);
        if free { 0 } else { self.tree.disk_bytes(file) }
    }

    /// The files below a root that are really there, each inode's bytes once.
    pub(super) fn found(&self, root: usize, scope: &Scope) -> Amount {
        let mut found = Amount::default();
        for file in scope.lasting(self.tree, root) {
            found.files += 1;
            found.bytes = found.bytes.saturating_add(self.bytes_of(file));
        }
        found
    }

    /// Some files, each inode's bytes once.
    pub(super) fn amount(&self, files: &[u32]) -> Amount {
        Amount { files: files.len() as u64, bytes: total(files.iter().map(|file| self.bytes_of(*file))) }
    }
}

impl MemberFacts for Inventory<'_> {
    fn time_ns(&self, member: usize) -> i64 {
        self.unit(member).map_or_else(|file| self.time_of(file), |unit| unit.newest_ns)
    }

    fn settled_ns(&self, member: usize) -> i64 {
        self.unit(member).map_or_else(|file| self.settled_of(file), |unit| unit.settled_ns)
    }

    fn local_secs(&self, seconds: i64) -> i64 {
        local_secs(&self.zone, seconds)
    }

    fn bytes(&self, member: usize) -> u64 {
        self.unit(member).map_or_else(|file| self.size_of(file), |unit| unit.bytes)
    }

    fn frees(&self, member: usize) -> u64 {
        self.unit(member).map_or_else(|file| self.frees_of(file), |unit| unit.frees)
    }

    fn device(&self, member: usize) -> usize {
        let root = self
            .unit(member)
            .map_or_else(|file| self.tree.root_of(file), |unit| self.tree.root_of_dir(unit.dir));
        self.disks.of_root[root]
    }

    fn path_cmp(&self, a: usize, b: usize) -> Ordering {
        if let (Err(a), Err(b)) = (self.unit(a), self.unit(b)) {
            return self.tree.path_cmp(a, b);
        }
        let place = |member: usize| match self.unit(member) {
            Ok(unit) => (self.tree.root_of_dir(unit.dir), self.tree.dir_path(unit.dir)),
            Err(file) => (self.tree.root_of(file), self.tree.path(file)),
        };
        let ((root_a, a), (root_b, b)) = (place(a), place(b));
        root_a.cmp(&root_b).then_with(|| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()))
    }
}
