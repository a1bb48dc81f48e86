//! Why one file stays or goes, and until when.

use super::facts::Explanation;
use super::retention::decide::MemberFacts as _;
use super::retention::limits::Limits;
use super::retention::member::{Exempt, Guard, Member, Part};
use super::scope::Scope;
use super::select::Selection;
use crate::report::exit::Fault;
use crate::sys::tree::{SkipReason, Tree};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Explains what becomes of each of some files, which are named by canonical paths and as they were asked for.
pub(super) fn explain(
    paths: &[(PathBuf, String)],
    selection: &Selection<'_>,
    scope: &Scope,
    is_refused: bool,
) -> Result<Vec<Explanation>, Fault> {
    let tree = selection.inventory.tree;
    let mut places: BTreeMap<(usize, PathBuf), Option<u32>> = BTreeMap::new();
    let place = |path: &Path| {
        let mut roots = tree.roots.iter().enumerate();
        roots.find_map(|(index, root)| Some((index, path.strip_prefix(&root.path).ok()?.to_owned())))
    };
    places.extend(paths.iter().filter_map(|(path, _)| place(path)).map(|place| (place, None)));
    for file in tree.files() {
        if let Some(found) = places.get_mut(&(tree.root_of(file), tree.path(file))) {
            *found = Some(file);
        }
    }
    let explain = |(path, shown): &(PathBuf, String)| {
        let place = place(path);
        if let Some(file) = place.as_ref().and_then(|place| places[place]) {
            return Ok(of_file(shown, file, selection, scope, is_refused));
        }
        let skipped = place.and_then(|(root, path)| skipped(tree, root, &path));
        let missing = || Fault::config(format!("`{shown}` is not a file below a directory that is rotated"));
        skipped.map(|why| left_alone(shown, why)).ok_or_else(missing)
    };
    paths.iter().map(explain).collect()
}

/// Why the directory that holds a path was not entered.
fn skipped(tree: &Tree, root: usize, path: &Path) -> Option<SkipReason> {
    let mut dirs = tree.dirs_of(root).filter(|dir| tree.dirs[*dir as usize].skipped.is_some());
    let dir = dirs.find(|dir| path.starts_with(tree.dir_path(*dir)))?;
    tree.dirs[dir as usize].skipped
}

fn left_alone(shown: &str, why: SkipReason) -> Explanation {
    let why = match why {
        SkipReason::Hidden => "hidden_directory",
        SkipReason::Repository => "repository",
        SkipReason::Marked => "marked_directory",
        SkipReason::Mount => "mount_point",
        SkipReason::Unreadable => "unreadable",
    };
    Explanation {
        path: shown.to_owned(),
        action: "keep",
        rule: None,
        group: None,
        because: vec![why.to_owned()],
        dated: None,
        until: "as long as its directory is left alone".to_owned(),
    }
}

fn of_file(
    shown: &str,
    file: u32,
    selection: &Selection<'_>,
    scope: &Scope,
    is_refused: bool,
) -> Explanation {
    let index = selection.index_of(file);
    let member = &selection.members[index];
    let group = member.is_candidate().then(|| &selection.groups[member.group as usize]);
    let goes = member.goes() && !is_refused;
    let until = if is_refused {
        "as long as the clock is not believed".to_owned()
    } else {
        match group {
            Some(group) => until(index, member, &scope.rules[group.rule].limits, selection),
            None => exempt_until(member.part).to_owned(),
        }
    };
    Explanation {
        path: shown.to_owned(),
        action: if goes { "remove" } else { "keep" },
        rule: group.map(|group| scope.rules[group.rule].name.clone()),
        group: group.map(|group| group.name.clone()),
        because: member.reasons(),
        dated: group.map(|_| utc(selection.inventory.time_ns(index))),
        until,
    }
}

fn exempt_until(part: Part) -> &'static str {
    match part {
        Part::Exempt(Exempt::Transient) => "until whoever writes it has ended",
        Part::Exempt(Exempt::NoRule) => "as long as no rule matches it",
        Part::Exempt(Exempt::Filtered) => "as long as --pattern does not match it",
        Part::Exempt(Exempt::Undated) => "as long as its name has no date",
        Part::Exempt(Exempt::Archive) => "as long as no pattern names archives",
        Part::Exempt(Exempt::UnitWithProtected) => "as long as something in its directory has to stay",
        Part::Exempt(Exempt::Protected | Exempt::ControlFile)
        | Part::Free
        | Part::Guarded(_)
        | Part::InUnit => "for good",
    }
}

/// Until when a member stays if nothing else is written.
fn until(index: usize, member: &Member, limits: &Limits, selection: &Selection<'_>) -> String {
    if member.goes() {
        return "the next rotation".to_owned();
    }
    let facts = &selection.inventory;
    match member.saved_by() {
        Some(Guard::OpenForWriting) => return "until it is closed".to_owned(),
        Some(Guard::InProgress) => return "until it is a day old".to_owned(),
        Some(Guard::TooYoung) => return utc(facts.settled_ns(index).saturating_add(limits.min_age_ns)),
        Some(Guard::Floor) => return format!("as long as it is one of the newest {}", limits.min_keep),
        Some(Guard::NewestOfKind) => return "as long as it is the newest of its kind".to_owned(),
        None => {}
    }
    let mut until = Vec::new();
    if let Some(ttl_ns) = limits.ttl_ns {
        until.push(utc(facts.time_ns(index).saturating_add(ttl_ns)));
    }
    if let Some(keep) = limits.keep {
        let newer = keep.saturating_sub(rank(index, member, selection));
        until.push(format!("{newer} newer ones more"));
    }
    if limits.tiers.is_some() {
        until.push("as long as a tier wants it".to_owned());
    }
    if limits.max_bytes.is_some() || until.is_empty() {
        until.push("as long as the size is within its limit".to_owned());
    }
    until.join(", or ")
}

/// How many members of its group are at least as new, itself among them.
fn rank(index: usize, member: &Member, selection: &Selection<'_>) -> u64 {
    let facts = &selection.inventory;
    let own = facts.time_ns(index);
    let others = selection.members.iter().enumerate();
    let rivals = others.filter(|(_, other)| other.is_candidate() && other.group == member.group);
    let is_newer =
        |other: usize| facts.time_ns(other).cmp(&own).then_with(|| facts.path_cmp(other, index)).is_ge();
    rivals.filter(|(other, _)| is_newer(*other)).count() as u64
}

fn utc(time_ns: i64) -> String {
    Timestamp::from_second(time_ns.div_euclid(1_000_000_000))
        .map_or_else(|_| "never".to_owned(), |time| time.to_string())
}
