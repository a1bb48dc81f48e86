//! From trees to members: which files take part, in which group, as which kind, and which are left
//! alone whatever the limits say.

use crate::commands::rotate::retention::policy::{ARCHIVE_PREFIX, GroupBy, Pattern, Rule, Unit};
use crate::commands::rotate::retention::{DAY_NS, Facts, Group, Guard, Limits, Member, kind};
use crate::format::size::total;
use crate::sys::tree::writers::Writers;
use crate::sys::tree::{SkipReason, Tree};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Files that version control needs in an otherwise empty directory.
const CONTROL_FILES: [&[u8]; 4] = [b".gitkeep", b".gitignore", b".gitattributes", b".keep"];

/// Ends of names of files that are still being written.
const IN_PROGRESS: [&[u8]; 4] = [b".tmp", b".part", b".partial", b".crdownload"];

/// Files and their bytes, each inode once.
#[derive(Clone, Copy, Debug, Default, Serialize, schemars::JsonSchema)]
pub(super) struct Amount {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// A tree with the name it has in reports.
#[derive(Debug)]
pub(super) struct Grove {
    pub(super) shown: String,
    pub(super) tree: Tree,
    /// Index of its device among all devices.
    pub(super) device: u16,
}

impl Grove {
    /// The file's path as the operator would write it.
    pub(super) fn shown(&self, file: u32) -> String {
        let path = self.tree.path(file);
        if self.shown == "." { path } else { Path::new(&self.shown).join(path) }.display().to_string()
    }

    /// The directory's path as the operator would write it.
    pub(super) fn shown_dir(&self, dir: u32) -> String {
        Path::new(&self.shown).join(self.tree.dir_path(dir)).display().to_string()
    }
}

/// A file: index of its tree and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) tree: u16,
    pub(super) file: u32,
}

/// Why a file takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exempt {
    Protected,
    ControlFile,
    Archive,
    Transient,
    Filtered,
    NoRule,
    UnitWithProtected,
}

impl Exempt {
    /// The word in reports and plans.
    pub(super) fn word(self) -> &'static str {
        match self {
            Exempt::Protected => "protected",
            Exempt::ControlFile => "control_file",
            Exempt::Archive => "rotation_archive",
            Exempt::Transient => "temporary_of_mmops",
            Exempt::Filtered => "not_matched",
            Exempt::NoRule => "no_rule",
            Exempt::UnitWithProtected => "unit_with_protected",
        }
    }
}

/// What decides which files take part.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) rules: Vec<Rule>,
    pub(super) protect: Vec<Pattern>,
    pub(super) filter: Option<Pattern>,
    pub(super) now_ns: i64,
    /// Canonical path of the plan, which is no part of the tree that it describes.
    pub(super) plan: Option<PathBuf>,
}

impl Terms {
    /// The limits, by rule.
    pub(super) fn limits(&self) -> Vec<Limits> {
        self.rules.iter().map(|rule| rule.limits.clone()).collect()
    }

    /// The files of a tree that are as good as not there: what mmops itself is just writing, and the
    /// plan.
    pub(super) fn is_transient(&self, tree: &Tree, file: u32, name: &[u8]) -> bool {
        let fresh = || self.now_ns.saturating_sub(tree.modified_ns(file)) < DAY_NS;
        let own = name.starts_with(b".mmops-") && IN_PROGRESS.iter().any(|end| name.ends_with(end));
        let plan = self.plan.as_deref();
        let is_plan = || {
            plan.and_then(Path::file_name).is_some_and(|plan| plan.as_bytes() == name)
                && plan == Some(tree.root.path.join(tree.path(file)).as_path())
        };
        (own && fresh()) || is_plan()
    }

    fn exempt(&self, tree: &Tree, file: u32, name: &[u8]) -> Option<Exempt> {
        if CONTROL_FILES.contains(&name) {
            return Some(Exempt::ControlFile);
        }
        if self.is_transient(tree, file, name) {
            return Some(Exempt::Transient);
        }
        let matches =
            |pattern: &Pattern| pattern.matches(|| tree.path(file), Path::new(OsStr::from_bytes(name)));
        if self.protect.iter().any(matches) {
            return Some(Exempt::Protected);
        }
        None
    }

    /// The rule of a file that is no part of a unit.
    fn rule_of(&self, tree: &Tree, file: u32, name: &[u8]) -> Result<usize, Exempt> {
        let matches =
            |pattern: &Pattern| pattern.matches(|| tree.path(file), Path::new(OsStr::from_bytes(name)));
        if self.filter.as_ref().is_some_and(|filter| !matches(filter)) {
            return Err(Exempt::Filtered);
        }
        let applies = |rule: &&Rule| rule.unit == Unit::File && rule.pattern.as_ref().is_none_or(matches);
        let by_name = self.rules.iter().enumerate().find(|(_, rule)| applies(rule));
        let Some((rule, _)) = by_name else {
            return Err(Exempt::NoRule);
        };
        if self.keeps_archive(rule, name) { Err(Exempt::Archive) } else { Ok(rule) }
    }

    /// Whether this is the archive of a rotation, and neither the filter nor the rule speaks of those.
    fn keeps_archive(&self, rule: usize, name: &[u8]) -> bool {
        let is_archive = name.starts_with(ARCHIVE_PREFIX.as_bytes()) && name.ends_with(b".zip");
        let mut patterns = self.filter.iter().chain(&self.rules[rule].pattern);
        is_archive && !patterns.any(|pattern| pattern.names_archives)
    }

    /// Why a file that is no member takes no part.
    pub(super) fn why_exempt(&self, tree: &Tree, file: u32) -> Exempt {
        let name = tree.name(file);
        let by_rule = || self.rule_of(tree, file, name).err();
        self.exempt(tree, file, name).or_else(by_rule).unwrap_or(Exempt::NoRule)
    }

    /// The rule for which a directory is a unit.
    fn unit_rule(&self, tree: &Tree, dir: u32) -> Option<usize> {
        let name = Path::new(OsStr::from_bytes(tree.dir_name(dir)));
        let matches = |pattern: &Pattern| pattern.matches(|| tree.dir_path(dir), name);
        let applies = |rule: &Rule| rule.unit == Unit::Dir && rule.pattern.as_ref().is_some_and(matches);
        let rule = self.rules.iter().position(applies)?;
        self.filter.as_ref().is_none_or(matches).then_some(rule)
    }
}

/// A directory that is kept or removed as one.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) tree: u16,
    pub(super) dir: u32,
    rule: usize,
    files: u32,
    bytes: u64,
    frees: u64,
    newest_ns: i64,
    guard: Option<Guard>,
    exempt: bool,
}

/// A member's place: a file, or a unit by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    File(Place),
    Unit(u32),
}

/// Where each member is, as runs of places that follow each other: members are added in the order of the
/// trees, so a few runs stand for all but what was left out between them.
#[derive(Debug, Default)]
struct Places {
    runs: Vec<Run>,
    members: usize,
}

#[derive(Debug)]
struct Run {
    /// The first member.
    member: usize,
    /// Where it is.
    item: Item,
}

impl Item {
    /// The item that lies `steps` behind this one.
    fn after(self, steps: usize) -> Self {
        let steps = u32::try_from(steps).expect("a tree has fewer than 2^32 files");
        match self {
            Item::File(Place { tree, file }) => Item::File(Place { tree, file: file + steps }),
            Item::Unit(unit) => Item::Unit(unit + steps),
        }
    }
}

impl Places {
    fn push(&mut self, item: Item) {
        let follows = |run: &Run| run.item.after(self.members - run.member) == item;
        if !self.runs.last().is_some_and(follows) {
            self.runs.push(Run { member: self.members, item });
        }
        self.members += 1;
    }

    fn item(&self, member: usize) -> Item {
        let run = &self.runs[self.runs.partition_point(|run| run.member <= member) - 1];
        run.item.after(member - run.member)
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        let ends = self.runs.iter().skip(1).map(|run| run.member).chain([self.members]);
        let of_run = |(run, end): (&Run, usize)| {
            let item = run.item;
            (0..end - run.member).map(move |steps| item.after(steps))
        };
        self.runs.iter().zip(ends).flat_map(of_run)
    }
}

/// Every member and what is known about it.
#[derive(Debug)]
pub(super) struct Census<'a> {
    pub(super) groves: &'a [Grove],
    places: Places,
    pub(super) units: Vec<Whole>,
    /// For each tree, the unit of each directory.
    unit_of_dir: Vec<Vec<u32>>,
    /// Names of inodes that are counted under another name.
    uncounted: BTreeSet<Place>,
    /// Names after whose removal the inode lives on elsewhere.
    frees_nothing: BTreeSet<Place>,
}

/// Members with their groups, and how many files take no part.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    pub(super) census: Census<'a>,
    pub(super) members: Vec<Member>,
    pub(super) groups: Vec<Group>,
    pub(super) exempt: BTreeMap<Exempt, u64>,
}

const NO_UNIT: u32 = u32::MAX;

impl<'a> Selection<'a> {
    /// Sorts every file into its place.
    pub(super) fn of(groves: &'a [Grove], terms: &Terms, writers: &Writers) -> Self {
        let mut census = Census::new(groves, terms);
        let capacity = groves.iter().map(|grove| grove.tree.len()).sum();
        let mut sorter = Sorter {
            terms,
            names: Names::default(),
            members: Vec::with_capacity(capacity),
            exempt: BTreeMap::new(),
        };
        for (tree, grove) in (0..).zip(groves) {
            for file in (0..).take(grove.tree.len()) {
                sorter.sort(&mut census, Place { tree, file }, writers);
            }
        }
        sorter.add_units(&mut census);
        let Sorter { names, members, exempt, .. } = sorter;
        Self { census, members, groups: names.groups, exempt }
    }

    /// The files that go.
    pub(super) fn going(&self) -> Vec<Place> {
        let count = self.members.iter().filter(|member| member.goes()).count();
        let mut going = Vec::with_capacity(count);
        let mut units = BTreeSet::new();
        for (_, item) in self.members.iter().zip(self.census.items()).filter(|(member, _)| member.goes()) {
            match item {
                Item::File(place) => going.push(place),
                Item::Unit(unit) => {
                    units.insert(unit);
                }
            }
        }
        if !units.is_empty() {
            for (tree, grove) in (0..).zip(self.census.groves) {
                let of_unit = |file: &u32| {
                    self.census.unit_of(Place { tree, file: *file }).is_some_and(|unit| units.contains(&unit))
                };
                let files = (0..).take(grove.tree.len()).filter(of_unit);
                going.extend(files.map(|file| Place { tree, file }));
            }
        }
        going
    }

    /// The directories of units that go, as tree and directory.
    pub(super) fn going_dirs(&self) -> Vec<(u16, u32)> {
        let mut dirs = Vec::new();
        for (member, item) in self.members.iter().zip(self.census.items()) {
            if let (true, Item::Unit(unit)) = (member.goes(), item) {
                let tree = self.census.units[unit as usize].tree;
                let of_dir = &self.census.unit_of_dir[usize::from(tree)];
                let inside = (0_u32..).zip(of_dir).filter(|(_, of)| **of == unit);
                dirs.extend(inside.map(|(dir, _)| (tree, dir)));
            }
        }
        dirs
    }
}

impl<'a> Census<'a> {
    /// The trees, with the units and the hard links found in them.
    pub(super) fn new(groves: &'a [Grove], terms: &Terms) -> Self {
        let mut census = Self {
            groves,
            places: Places::default(),
            units: Vec::new(),
            unit_of_dir: vec![Vec::new(); groves.len()],
            uncounted: BTreeSet::new(),
            frees_nothing: BTreeSet::new(),
        };
        if terms.rules.iter().any(|rule| rule.unit == Unit::Dir) {
            for (tree, grove) in (0..).zip(groves) {
                census.find_units(tree, &grove.tree, terms);
            }
        }
        census.count_links();
        census
    }

    fn find_units(&mut self, index: u16, tree: &Tree, terms: &Terms) {
        let mut of_dir = vec![NO_UNIT; tree.dirs.len()];
        for (dir, entry) in (0_u32..).zip(&tree.dirs).skip(1) {
            let mut unit = of_dir[entry.parent as usize];
            if unit == NO_UNIT
                && entry.skipped.is_none()
                && let Some(rule) = terms.unit_rule(tree, dir)
            {
                unit = u32::try_from(self.units.len()).expect("there are fewer units than directories");
                self.units.push(Whole {
                    tree: index,
                    dir,
                    rule,
                    files: 0,
                    bytes: 0,
                    frees: 0,
                    newest_ns: i64::MIN,
                    guard: None,
                    exempt: false,
                });
            }
            of_dir[dir as usize] = unit;
            if unit != NO_UNIT && (entry.skipped.is_some() || entry.special > 0) {
                self.units[unit as usize].exempt = true;
            }
        }
        self.unit_of_dir[usize::from(index)] = of_dir;
    }

    /// Where a member is.
    pub(super) fn item(&self, member: usize) -> Item {
        self.places.item(member)
    }

    /// Where each member is.
    pub(super) fn items(&self) -> impl Iterator<Item = Item> {
        self.places.items()
    }

    /// The unit that a file belongs to.
    pub(super) fn unit_of(&self, place: Place) -> Option<u32> {
        let dir = self.groves[usize::from(place.tree)].tree.dir(place.file);
        let unit = *self.unit_of_dir[usize::from(place.tree)].get(dir as usize)?;
        (unit != NO_UNIT).then_some(unit)
    }

    /// Of several names of one inode, the last in order carries its size, since only with it does the
    /// inode go; an inode with names elsewhere frees nothing.
    fn count_links(&mut self) {
        let mut names: BTreeMap<(u64, u64), Vec<Place>> = BTreeMap::new();
        for (tree, grove) in (0..).zip(self.groves) {
            for file in (0..).take(grove.tree.len()) {
                if grove.tree.is_shared(file) {
                    let identity = grove.tree.file_id(file);
                    names.entry((identity.dev, identity.ino)).or_default().push(Place { tree, file });
                }
            }
        }
        for mut places in names.into_values() {
            places.sort_by(|a, b| self.path_order(*a, *b));
            let Some(last) = places.pop() else { continue };
            let links = self.groves[usize::from(last.tree)].tree.links(last.file);
            if links.is_some_and(|links| places.len() + 1 < usize::from(links)) {
                self.frees_nothing.insert(last);
            }
            self.uncounted.extend(places);
        }
    }

    fn path_order(&self, a: Place, b: Place) -> Ordering {
        let same_tree = || self.groves[usize::from(a.tree)].tree.path_cmp(a.file, b.file);
        a.tree.cmp(&b.tree).then_with(same_tree)
    }

    fn tree(&self, place: Place) -> &Tree {
        &self.groves[usize::from(place.tree)].tree
    }

    fn bytes_of(&self, place: Place) -> u64 {
        if !self.uncounted.is_empty() && self.uncounted.contains(&place) {
            return 0;
        }
        self.tree(place).bytes(place.file)
    }

    fn frees_of(&self, place: Place) -> u64 {
        let free = self.uncounted.contains(&place) || self.frees_nothing.contains(&place);
        if free { 0 } else { self.tree(place).disk_bytes(place.file) }
    }

    fn join_unit(&mut self, unit: u32, place: Place, guard: Option<Guard>, exempt: bool) {
        let (bytes, frees) = (self.bytes_of(place), self.frees_of(place));
        let modified_ns = self.tree(place).modified_ns(place.file);
        let unit = &mut self.units[unit as usize];
        unit.files += 1;
        unit.bytes = unit.bytes.saturating_add(bytes);
        unit.frees = unit.frees.saturating_add(frees);
        unit.newest_ns = unit.newest_ns.max(modified_ns);
        unit.guard = unit.guard.or(guard);
        unit.exempt |= exempt;
    }

    /// All files of a tree that are really there, each inode's bytes once.
    pub(super) fn found(&self, tree: u16, terms: &Terms) -> Amount {
        let mut found = Amount::default();
        let grove = &self.groves[usize::from(tree)].tree;
        for file in (0..).take(grove.len()) {
            if !terms.is_transient(grove, file, grove.name(file)) {
                found.files += 1;
                found.bytes = found.bytes.saturating_add(self.bytes_of(Place { tree, file }));
            }
        }
        found
    }

    /// Bytes of some files, each inode once.
    pub(super) fn bytes_of_all(&self, places: &[Place]) -> u64 {
        total(places.iter().map(|place| self.bytes_of(*place)))
    }
}

impl Facts for Census<'_> {
    fn modified_ns(&self, member: usize) -> i64 {
        match self.item(member) {
            Item::File(place) => self.tree(place).modified_ns(place.file),
            Item::Unit(unit) => self.units[unit as usize].newest_ns,
        }
    }

    fn bytes(&self, member: usize) -> u64 {
        match self.item(member) {
            Item::File(place) => self.bytes_of(place),
            Item::Unit(unit) => self.units[unit as usize].bytes,
        }
    }

    fn frees(&self, member: usize) -> u64 {
        match self.item(member) {
            Item::File(place) => self.frees_of(place),
            Item::Unit(unit) => self.units[unit as usize].frees,
        }
    }

    fn device(&self, member: usize) -> usize {
        let tree = match self.item(member) {
            Item::File(place) => place.tree,
            Item::Unit(unit) => self.units[unit as usize].tree,
        };
        usize::from(self.groves[usize::from(tree)].device)
    }

    fn path_cmp(&self, a: usize, b: usize) -> Ordering {
        if let (Item::File(a), Item::File(b)) = (self.item(a), self.item(b)) {
            return self.path_order(a, b);
        }
        let path = |item: Item| match item {
            Item::File(place) => (place.tree, self.tree(place).path(place.file)),
            Item::Unit(unit) => {
                let unit = &self.units[unit as usize];
                (unit.tree, self.groves[usize::from(unit.tree)].tree.dir_path(unit.dir))
            }
        };
        let ((tree_a, a), (tree_b, b)) = (path(self.item(a)), path(self.item(b)));
        tree_a.cmp(&tree_b).then_with(|| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()))
    }
}

struct Sorter<'t> {
    terms: &'t Terms,
    names: Names,
    members: Vec<Member>,
    exempt: BTreeMap<Exempt, u64>,
}

impl Sorter<'_> {
    fn sort(&mut self, census: &mut Census<'_>, place: Place, writers: &Writers) {
        let grove = &census.groves[usize::from(place.tree)];
        let tree = &grove.tree;
        let name = tree.name(place.file);
        let exempt = self.terms.exempt(tree, place.file, name);
        let guard = self.guard(tree, place.file, name, writers);
        if let Some(unit) = census.unit_of(place) {
            let stays = exempt.is_some() || self.terms.keeps_archive(census.units[unit as usize].rule, name);
            census.join_unit(unit, place, guard, stays);
            return;
        }
        let rule = match exempt.map_or_else(|| self.terms.rule_of(tree, place.file, name), Err) {
            Ok(rule) => rule,
            Err(why) => {
                *self.exempt.entry(why).or_default() += 1;
                return;
            }
        };
        let dir = tree.dir(place.file);
        let group = self.names.group(&self.terms.rules[rule], rule, (grove, place.tree, dir));
        let ending = if tree.is_link(place.file) { b"/link" } else { kind::extension(name) };
        let kind = self.names.kind(place.tree, group, ending);
        census.places.push(Item::File(place));
        self.members.push(Member::new(group, kind, guard));
    }

    fn guard(&self, tree: &Tree, file: u32, name: &[u8], writers: &Writers) -> Option<Guard> {
        let identity = tree.file_id(file);
        if writers.has(identity.dev, identity.ino) {
            return Some(Guard::OpenForWriting);
        }
        let young = || self.terms.now_ns.saturating_sub(identity.modified_ns) < DAY_NS;
        let in_progress = IN_PROGRESS.iter().any(|end| name.ends_with(end)) && young();
        in_progress.then_some(Guard::InProgress)
    }

    /// Units become members once all their files are known. One without a file has no age.
    fn add_units(&mut self, census: &mut Census<'_>) {
        for (index, unit) in (0_u32..).zip(&census.units) {
            if unit.exempt {
                *self.exempt.entry(Exempt::UnitWithProtected).or_default() += u64::from(unit.files);
            } else if unit.files > 0 {
                let grove = &census.groves[usize::from(unit.tree)];
                let above = grove.tree.dirs[unit.dir as usize].parent;
                let rule = &self.terms.rules[unit.rule];
                let group = self.names.group(rule, unit.rule, (grove, unit.tree, above));
                let kind = self.names.kind(unit.tree, group, b"/unit");
                census.places.push(Item::Unit(index));
                self.members.push(Member::new(group, kind, unit.guard));
            }
        }
    }
}

/// Numbers for groups and kinds.
#[derive(Default)]
struct Names {
    groups: Vec<Group>,
    by_directory: BTreeMap<(usize, u16, u32), u32>,
    by_rule: Vec<(usize, u32)>,
    few_kinds: Vec<Kind>,
    more_kinds: BTreeMap<Kind, u32>,
}

/// Tree, group and extension.
type Kind = (u16, u32, Box<[u8]>);

/// Up to so many kinds are looked for one by one, which is faster than a tree for the few there are.
const FEW_KINDS: usize = 16;

impl Names {
    fn group(&mut self, rule: &Rule, index: usize, (grove, tree, dir): (&Grove, u16, u32)) -> u32 {
        if rule.group_by == GroupBy::Rule {
            if let Some((_, group)) = self.by_rule.iter().find(|(known, _)| *known == index) {
                return *group;
            }
            let group = self.add(rule.name.clone(), index);
            self.by_rule.push((index, group));
            return group;
        }
        if let Some(group) = self.by_directory.get(&(index, tree, dir)) {
            return *group;
        }
        let group = self.add(format!("{} in {}", rule.name, grove.shown_dir(dir)), index);
        self.by_directory.insert((index, tree, dir), group);
        group
    }

    fn add(&mut self, name: String, rule: usize) -> u32 {
        self.groups.push(Group { name, rule });
        u32::try_from(self.groups.len() - 1).expect("there are fewer groups than files")
    }

    fn kind(&mut self, tree: u16, group: u32, ending: &[u8]) -> u32 {
        let same = |(a, b, text): &Kind| *a == tree && *b == group && **text == *ending;
        if let Some(index) = self.few_kinds.iter().position(same) {
            return u32::try_from(index).expect("few");
        }
        let key = (tree, group, Box::from(ending));
        if self.few_kinds.len() < FEW_KINDS {
            self.few_kinds.push(key);
            return u32::try_from(self.few_kinds.len() - 1).expect("few");
        }
        let next = FEW_KINDS + self.more_kinds.len();
        let next = u32::try_from(next).expect("there are fewer kinds than files");
        *self.more_kinds.entry(key).or_insert(next)
    }
}

/// Directories that were left alone, by reason, as the operator would write them.
pub(super) fn left_alone(groves: &[Grove]) -> BTreeMap<SkipReason, Vec<String>> {
    let mut left: BTreeMap<SkipReason, Vec<String>> = BTreeMap::new();
    for grove in groves {
        for (dir, entry) in (0..).zip(&grove.tree.dirs) {
            if let Some(why) = entry.skipped {
                left.entry(why).or_default().push(grove.shown_dir(dir));
            }
        }
    }
    for paths in left.values_mut() {
        paths.sort();
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_places_give_back_every_member_in_order() {
        let file = |tree, file| Item::File(Place { tree, file });
        let items = [
            file(0, 0),
            file(0, 1),
            file(0, 3),
            file(1, 4),
            file(1, 5),
            Item::Unit(0),
            Item::Unit(1),
            Item::Unit(5),
            Item::Unit(6),
        ];
        let mut places = Places::default();
        for item in items {
            places.push(item);
        }
        assert_eq!(places.runs.len(), 5);
        assert_eq!(places.items().collect::<Vec<_>>(), items);
        let one_by_one: Vec<Item> = (0..items.len()).map(|member| places.item(member)).collect();
        assert_eq!(one_by_one, items);
        assert_eq!(Places::default().items().count(), 0);
    }
}
