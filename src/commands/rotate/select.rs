//! From files to members: what part each file has, in which group, as which kind, and what was decided.

use super::inventory::Inventory;
use super::retention::decide::{Unmet, decide};
use super::retention::kind;
use super::retention::limits::Overall;
use super::retention::member::{Exempt, Group, Guard, Member, Part};
use super::retention::policy::{GroupBy, Rule};
use super::scope::Scope;
use crate::sys::tree::Tree;
use crate::sys::tree::writers::Writers;
use std::collections::BTreeMap;

/// Every file of a tree and every unit, with what was decided about it.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    pub(super) inventory: Inventory<'a>,
    /// One for each file, by its number, and behind them one for each unit.
    pub(super) members: Vec<Member>,
    pub(super) groups: Vec<Group>,
}

impl<'a> Selection<'a> {
    /// Sorts every file into its group; nothing is decided yet.
    pub(super) fn of(tree: &'a Tree, scope: &Scope, writers: &Writers) -> Self {
        let inventory = Inventory::of(tree, scope);
        let mut members = Vec::with_capacity(tree.files().len() + inventory.units.len());
        let mut sorter = Sorter { scope, writers, inventory, numbers: Numbers::default() };
        for root in 0..tree.roots.len() {
            members.extend(tree.files_of(root).map(|file| sorter.file(root, file)));
        }
        // A unit is known once all its files are.
        let units = 0..sorter.inventory.units.len();
        members.extend(units.map(|unit| sorter.unit(unit)));
        Self { inventory: sorter.inventory, members, groups: sorter.numbers.groups }
    }

    /// Asks the limits about every member; returns those that cannot be met.
    pub(super) fn decide(&mut self, scope: &Scope, overall: &Overall) -> Vec<Unmet> {
        let Self { inventory, members, groups } = self;
        decide(scope.now_ns, inventory, members, groups, &scope.limits(), overall)
    }

    /// The member that speaks for a file.
    pub(super) fn of_file(&self, file: u32) -> &Member {
        let unit = self.inventory.unit_of(file).map(|unit| self.inventory.tree.files().len() + unit as usize);
        &self.members[unit.unwrap_or(file as usize)]
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
    numbers: Numbers,
}

impl Sorter<'_, '_> {
    fn file(&mut self, root: usize, file: u32) -> Member {
        let (tree, scope) = (self.inventory.tree, self.scope);
        let name = tree.name(file);
        let exempt = scope.exempt(tree, file, name);
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
        let group = self.numbers.group(&scope.rules[rule], rule, tree, tree.dir(file));
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
        let group = self.numbers.group(rule, unit.rule, tree, tree.dirs[unit.dir as usize].parent);
        let kind = self.numbers.kind(tree.root_of_dir(unit.dir), group, b"/unit");
        Member::new(group, kind, unit.guard)
    }
}

/// Numbers for groups and kinds.
#[derive(Default)]
struct Numbers {
    groups: Vec<Group>,
    /// By rule, and by directory where the rule has a group for each.
    by_rule: BTreeMap<(usize, Option<u32>), u32>,
    kinds: u32,
    /// By root and group, then by extension.
    by_extension: BTreeMap<(usize, u32), BTreeMap<Box<[u8]>, u32>>,
}

impl Numbers {
    /// The group of the members of a rule in a directory.
    fn group(&mut self, rule: &Rule, index: usize, tree: &Tree, dir: u32) -> u32 {
        let dir = (rule.group_by == GroupBy::Directory).then_some(dir);
        *self.by_rule.entry((index, dir)).or_insert_with(|| {
            let name = match dir {
                None => rule.name.clone(),
                Some(dir) => format!("{} in {}", rule.name, tree.display_dir(dir)),
            };
            self.groups.push(Group { name, rule: index });
            u32::try_from(self.groups.len() - 1).expect("there are fewer groups than files")
        })
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
