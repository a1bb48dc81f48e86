//! From files to members: what part each file has, in which group, as which kind, and what was decided.

use super::inventory::Inventory;
use super::retention::decide::{Unmet, decide};
use super::retention::kind;
use super::retention::limits::Overall;
use super::retention::member::{Exempt, Group, Guard, Member, Part};
use super::retention::policy::{Grouping, Rule};
use super::retention::series;
use super::scope::Scope;
use crate::sys::tree::Tree;
use crate::sys::tree::writers::Writers;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// Every file of a tree and every unit, with what was decided about it.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    pub(super) inventory: Inventory<'a>,
    /// One for each file, by its number, and behind them one for each unit.
    pub(super) members: Vec<Member>,
    pub(super) groups: Vec<Group>,
    /// Patterns of what is to be kept that match nothing.
    pub(super) unmatched: Vec<String>,
}

impl<'a> Selection<'a> {
    /// Sorts every file into its group; nothing is decided yet.
    pub(super) fn of(tree: &'a Tree, scope: &Scope, writers: &Writers) -> Self {
        let inventory = Inventory::of(tree, scope);
        let mut members = Vec::with_capacity(tree.files().len() + inventory.units.len());
        let used = vec![false; scope.protect.len()];
        let mut sorter = Sorter { scope, writers, inventory, used, numbers: Numbers::default() };
        for root in 0..tree.roots.len() {
            members.extend(tree.files_of(root).map(|file| sorter.file(root, file)));
        }
        // A unit is known once all its files are.
        let units = 0..sorter.inventory.units.len();
        members.extend(units.map(|unit| sorter.unit(unit)));
        let unmatched = scope.unmatched(tree, &sorter.used);
        Self { inventory: sorter.inventory, members, groups: sorter.numbers.groups, unmatched }
    }

    /// Asks the limits about every member; returns those that cannot be met.
    pub(super) fn decide(&mut self, scope: &Scope, overall: &Overall) -> Vec<Unmet> {
        let Self { inventory, members, groups, .. } = self;
        decide(scope.now_ns, inventory, members, groups, &scope.limits(), overall)
    }

    /// Number of the member that speaks for a file.
    pub(super) fn index_of(&self, file: u32) -> usize {
        let unit = self.inventory.unit_of(file).map(|unit| self.inventory.tree.files().len() + unit as usize);
        unit.unwrap_or(file as usize)
    }

    /// The member that speaks for a file.
    pub(super) fn of_file(&self, file: u32) -> &Member {
        &self.members[self.index_of(file)]
    }

    /// The files that go.
    pub(super) fn going(&self) -> Vec<u32> {
        let goes = |file: &u32| self.of_file(*file).goes();
        let files = self.inventory.tree.files();
        // Counted first: grown step by step the list would take half as much again.
        let mut going = Vec::with_capacity(files.clone().filter(goes).count());
        going.extend(files.filter(goes));
        going
    }

    /// The directories of units that go.
    pub(super) fn going_dirs(&self) -> Vec<u32> {
        let (tree, units) = (self.inventory.tree, self.inventory.tree.files().len());
        let goes = |dir: &u32| {
            let unit = self.inventory.unit_of_dir(*dir);
            unit.is_some_and(|unit| self.members[units + unit as usize].goes())
        };
        (0..).take(tree.dirs.len()).filter(goes).collect()
    }

    /// How many files take no part, by reason.
    pub(super) fn exempt(&self) -> BTreeMap<Exempt, u64> {
        let mut exempt = BTreeMap::new();
        for (index, member) in self.members.iter().enumerate() {
            if let Part::Exempt(why) = member.part {
                let files = self.inventory.unit(index).map_or(1, |unit| unit.files);
                *exempt.entry(why).or_default() += u64::from(files);
            }
        }
        exempt
    }
}

struct Sorter<'a, 's> {
    scope: &'s Scope,
    writers: &'s Writers,
    inventory: Inventory<'a>,
    /// Which patterns of what is to be kept match something.
    used: Vec<bool>,
    numbers: Numbers,
}

impl Sorter<'_, '_> {
    fn file(&mut self, root: usize, file: u32) -> Member {
        let (tree, scope) = (self.inventory.tree, self.scope);
        let name = tree.name(file);
        let exempt = scope.exempt(tree, file, name, &mut self.used);
        let guard = self.guard(file, name);
        if let Some(unit) = self.inventory.unit_of(file) {
            let rule = self.inventory.units[unit as usize].rule;
            let stays = exempt.is_some() || scope.keeps_archive(rule, name);
            self.inventory.join_unit(unit, file, guard, stays);
            return Member::apart(Part::InUnit);
        }
        let rule = match exempt.map_or_else(|| scope.rule_of(tree, file, name), Err) {
            Ok(rule) => rule,
            Err(why) => return Member::apart(Part::Exempt(why)),
        };
        if !self.inventory.is_dated(file) {
            return Member::apart(Part::Exempt(Exempt::Undated));
        }
        let group = self.numbers.group(&scope.rules[rule], rule, tree, tree.dir(file), || tree.path(file));
        let ending = if tree.is_link(file) { b"/link" } else { kind::extension(name) };
        Member::new(group, self.numbers.kind(root, group, ending), guard)
    }

    fn guard(&self, file: u32, name: &[u8]) -> Option<Guard> {
        let id = self.inventory.tree.file_id(file);
        if self.writers.has(id.dev, id.ino) {
            return Some(Guard::OpenForWriting);
        }
        self.scope.is_in_progress(self.inventory.tree, file, name).then_some(Guard::InProgress)
    }

    /// One without a file has no age.
    fn unit(&mut self, index: usize) -> Member {
        let (tree, unit) = (self.inventory.tree, &self.inventory.units[index]);
        if unit.is_exempt {
            return Member::apart(Part::Exempt(Exempt::UnitWithProtected));
        }
        if unit.files == 0 {
            return Member::apart(Part::InUnit);
        }
        let rule = &self.scope.rules[unit.rule];
        let above = tree.dirs[unit.dir as usize].parent;
        let group = self.numbers.group(rule, unit.rule, tree, above, || tree.dir_path(unit.dir));
        let kind = self.numbers.kind(tree.root_of_dir(unit.dir), group, b"/unit");
        Member::new(group, kind, unit.guard)
    }
}

/// What tells the groups of a rule apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum GroupKey {
    Rule,
    Directory(u32),
    Series(Vec<u8>),
}

/// Numbers for groups and kinds.
#[derive(Default)]
struct Numbers {
    groups: Vec<Group>,
    /// By rule, and by what else the rule tells groups apart.
    by_rule: BTreeMap<(usize, GroupKey), u32>,
    kinds: u32,
    /// By root and group, then by extension.
    by_extension: BTreeMap<(usize, u32), BTreeMap<Box<[u8]>, u32>>,
}

impl Numbers {
    /// The group of a member of a rule with this path, in this directory.
    fn group(
        &mut self,
        rule: &Rule,
        index: usize,
        tree: &Tree,
        dir: u32,
        path: impl FnOnce() -> PathBuf,
    ) -> u32 {
        let key = match &rule.grouping {
            Grouping::Rule => GroupKey::Rule,
            Grouping::Directory => GroupKey::Directory(dir),
            Grouping::Series => GroupKey::Series(series::series(path().as_os_str().as_bytes())),
            Grouping::Captured(regex) => {
                GroupKey::Series(series::captured(regex, path().as_os_str().as_bytes()))
            }
        };
        let place = (index, key);
        // Looked up first: a name would be made for every file.
        if let Some(group) = self.by_rule.get(&place) {
            return *group;
        }
        let name = match &place.1 {
            GroupKey::Rule => rule.name.clone(),
            GroupKey::Directory(dir) => format!("{} in {}", rule.name, tree.display_dir(*dir)),
            GroupKey::Series(series) => format!("{}: {}", rule.name, String::from_utf8_lossy(series)),
        };
        self.groups.push(Group { name, rule: index });
        let group = u32::try_from(self.groups.len() - 1).expect("there are fewer groups than files");
        self.by_rule.insert(place, group);
        group
    }

    fn kind(&mut self, root: usize, group: u32, ending: &[u8]) -> u32 {
        let kinds = self.by_extension.entry((root, group)).or_default();
        // Looked up first: an entry would have to own its key.
        if let Some(kind) = kinds.get(ending) {
            return *kind;
        }
        let kind = self.kinds;
        self.kinds += 1;
        kinds.insert(ending.into(), kind);
        kind
    }
}
