//! The facts of a rotation, taken from the tree and from what was decided about it.

use super::facts::{
    Amount, Basis, Course, Decision, Facts, Mode, NAMES, Names, PlanFacts, RootBody, RuleBody, Skipped,
    Suspicion, Unfinished, UnmetLimit,
};
use super::inventory::Inventory;
use super::retention::decide::{MemberFacts as _, PastAge, Unmet, past_age};
use super::retention::limits::{DAY_NS, FUTURE_NS};
use super::retention::member::{Guard, Marks, Member};
use super::scope::Scope;
use super::select::Selection;
use super::settings::Settings;
use crate::format::size::{display as size, total};
use crate::sys::tree::aside::Recovered;
use crate::sys::tree::{Dir, SkipReason, Tree};
use std::collections::BTreeMap;

/// What was scanned; nothing is decided yet.
pub(super) fn scanned(inventory: &Inventory<'_>, scope: &Scope, mode: Mode) -> Facts {
    let tree = inventory.tree;
    let roots = tree.roots.iter().enumerate().map(|(index, root)| {
        let Amount { files, bytes } = inventory.found(index, scope);
        let directories = tree.dirs_of(index).len() as u64;
        RootBody { path: root.name.clone(), files, bytes, directories }
    });
    Facts {
        mode,
        roots: roots.collect(),
        skipped: skipped(tree),
        unreadable: tree.unreadable.clone(),
        future: future(tree, scope),
        process_table: None,
        decision: Decision::default(),
        suspicion: None,
        unfinished: Vec::new(),
        explanations: Vec::new(),
        going: Amount::default(),
        going_names: Names::default(),
        plan: PlanFacts::None,
        course: Course::Refused,
    }
}

fn skipped(tree: &Tree) -> Vec<Skipped> {
    let mut skipped: BTreeMap<SkipReason, Vec<String>> = BTreeMap::new();
    for (dir, entry) in (0..).zip(&tree.dirs) {
        if let Some(why) = entry.skipped {
            skipped.entry(why).or_default().push(tree.display_dir(dir));
        }
    }
    let named = |(why, mut dirs): (SkipReason, Vec<String>)| {
        let (row, is_usual, reason) = match why {
            SkipReason::Hidden => ("hidden_directories", true, "their names begin with a dot"),
            SkipReason::Repository => ("repositories", true, "they hold a .git"),
            SkipReason::Marked => ("marked_directories", true, "they hold a .mmops-keep"),
            SkipReason::Mount => ("mount_points", false, "another file system or a bind mount begins there"),
            // Named among what could not be read, with the reason.
            SkipReason::Unreadable => return None,
        };
        dirs.sort();
        let (count, dirs) = (dirs.len(), Names::of(dirs.len(), dirs.into_iter()));
        Some(Skipped { row, reason, is_usual, count: count as u64, dirs })
    };
    let special = in_dirs(tree, "special_files", "they are sockets, pipes or devices", |dir| dir.special);
    let mounted = in_dirs(tree, "mounted_files", "another file system is mounted on each", |dir| dir.mounted);
    skipped.into_iter().filter_map(named).chain(special).chain(mounted).collect()
}

/// Entries of directories that are left alone, unless there is none.
fn in_dirs(
    tree: &Tree,
    row: &'static str,
    reason: &'static str,
    left: impl Fn(&Dir) -> u32,
) -> Option<Skipped> {
    let held = (0..).zip(&tree.dirs).map(|(dir, entry)| (dir, left(entry))).filter(|(_, left)| *left > 0);
    let held: Vec<(u32, u32)> = held.collect();
    let count = held.iter().map(|(_, left)| u64::from(*left)).sum();
    let mut dirs: Vec<String> =
        held.iter().map(|(dir, left)| format!("{}: {left}", tree.display_dir(*dir))).collect();
    dirs.sort();
    (count > 0).then(|| Skipped {
        row,
        reason,
        is_usual: false,
        count,
        dirs: Names::of(dirs.len(), dirs.into_iter()),
    })
}

/// What became of a directory that a killed rotation was about to remove.
pub(super) fn recovered(name: &str, recovered: Recovered) -> Unfinished {
    let (what, is_torn) = match recovered {
        Recovered::PutBack => ("a killed rotation had set it aside; it has its name again", false),
        Recovered::Finished => ("a killed rotation had begun to remove it; the rest is gone now", false),
        Recovered::Torn => {
            ("torn: a killed rotation had begun to remove it, and what is left has changed", true)
        }
    };
    Unfinished { reason: format!("{name}: {what}"), is_torn }
}

/// Whether the clock can be believed: a pass after a jump would find everything old.
pub(super) fn suspicion(selection: &Selection<'_>, scope: &Scope, is_allowed: bool) -> Option<Suspicion> {
    let tree = selection.inventory.tree;
    let past = past_age(&selection.members, &selection.groups, &scope.limits());
    let newest_ns = (0..tree.roots.len()).flat_map(|root| scope.lasting(tree, root));
    let newest_ns = newest_ns.map(|file| tree.modified_ns(file)).max();
    let changed_ns = tree.newest_change_ns.filter(|_| !scope.is_frozen);
    let goes = selection.members.iter().any(Member::goes);
    let age_ns = |time_ns: i64| scope.now_ns.saturating_sub(time_ns);
    let reason = doubt(goes, past, newest_ns.map(age_ns), changed_ns.map(age_ns));
    reason.map(|reason| Suspicion { reason, is_allowed })
}

/// Why the clock is not to be believed: the machine itself has dated a change in its future, or nothing at all is
/// younger than what has to go. Ages are those of the newest write and of the newest change.
fn doubt(goes: bool, past: PastAge, written: Option<i64>, changed: Option<i64>) -> Option<String> {
    if let Some(changed) = changed.filter(|changed| *changed < -FUTURE_NS) {
        let ahead = days(-changed);
        return Some(format!(
            "the clock is {ahead} days behind the newest change of a file: was it set back?"
        ));
    }
    let PastAge { members, past, least_ttl_ns } = past;
    let is_all_old = written.zip(least_ttl_ns).is_some_and(|(written, ttl_ns)| written > ttl_ns);
    let is_suspect = goes && members > 1 && members == past && is_all_old;
    is_suspect.then(|| {
        format!("nothing is younger than the limit that {members} files are past: has the clock jumped?")
    })
}

/// Files from the future; what mmops itself is just writing is none, whose names are of one run only.
fn future(tree: &Tree, scope: &Scope) -> Names {
    let is_ahead = |file: &u32| tree.modified_ns(*file).saturating_sub(scope.now_ns) > FUTURE_NS;
    let files = (0..tree.roots.len()).flat_map(|root| scope.lasting(tree, root));
    let mut ahead: Vec<String> = files.filter(is_ahead).map(|file| tree.display(file)).collect();
    ahead.sort();
    Names::of(ahead.len(), ahead.into_iter())
}

/// What the limits and the guards say.
pub(super) fn decision(selection: &Selection<'_>, settings: &Settings, unmet: Vec<Unmet>) -> Decision {
    let marked = |(mark, word): (Marks, &'static str)| {
        let count = selection.members.iter().filter(|member| member.marks.has(mark)).count();
        settings.uses(mark).then_some((word, count as u64))
    };
    let saved = |guard: Guard| {
        let names = oldest(
            selection,
            |member| member.saved_by() == Some(guard),
            |member| selection.inventory.display(member),
        );
        (names.count > 0).then_some((guard, names))
    };
    let named = |unmet: Unmet| {
        let of = match unmet.mark {
            Marks::MIN_FREE => selection.inventory.disks.name(selection.inventory.tree, unmet.of),
            Marks::TOTAL => "all files".to_owned(),
            _ if !settings.has_policy => "all files".to_owned(),
            _ => format!("rule `{}`", selection.groups[unmet.of].name),
        };
        UnmetLimit { of, unmet }
    };
    Decision {
        marked: Marks::ALL.into_iter().filter_map(marked).collect(),
        rules: if settings.has_policy { rules(selection, &settings.scope) } else { Vec::new() },
        saved: Guard::ALL.into_iter().filter_map(saved).collect(),
        exempt: selection.exempt(),
        unmet: unmet.into_iter().map(named).collect(),
        best_effort: false,
        unmatched: selection.unmatched.clone(),
        basis: Basis {
            by: settings.scope.by.as_str(),
            sizes: settings.scope.sizes.as_str(),
            timezone: settings.timezone.clone(),
        },
    }
}

fn rules(selection: &Selection<'_>, scope: &Scope) -> Vec<(String, RuleBody)> {
    let mut rules: Vec<_> = scope.rules.iter().map(|rule| (rule.name.clone(), RuleBody::default())).collect();
    for member in selection.members.iter().filter(|member| member.is_candidate()) {
        let (_, rule) = &mut rules[selection.groups[member.group as usize].rule];
        rule.members += 1;
        rule.going += u64::from(member.goes());
    }
    rules
}

/// What goes, with its age and why.
pub(super) fn going_names(selection: &Selection<'_>, now_ns: i64) -> Names {
    let inventory = &selection.inventory;
    oldest(selection, Member::goes, |member| {
        let words: Vec<&str> = selection.members[member].marks.words().collect();
        let age = days(now_ns.saturating_sub(inventory.time_ns(member)));
        let (name, bytes) = (inventory.display(member), size(inventory.bytes(member)));
        format!("{name} ({bytes}, {age} days old): {}", words.join(", "))
    })
}

/// What a plan removes.
pub(super) fn planned(tree: &Tree, files: &[u32]) -> (Amount, Names) {
    let bytes = total(files.iter().map(|file| tree.bytes(*file)));
    let names = Names::of(files.len(), files.iter().map(|file| tree.display(*file)));
    (Amount { files: files.len() as u64, bytes }, names)
}

/// The oldest of the members that pass, oldest first.
fn oldest(
    selection: &Selection<'_>,
    passes: impl Fn(&Member) -> bool,
    name: impl Fn(usize) -> String,
) -> Names {
    let inventory = &selection.inventory;
    let order = |a: &u32, b: &u32| {
        let (a, b) = (*a as usize, *b as usize);
        inventory.time_ns(a).cmp(&inventory.time_ns(b)).then_with(|| inventory.path_cmp(a, b))
    };
    let passing = (0..).zip(&selection.members).filter(|(_, member)| passes(member));
    let mut ids: Vec<u32> = passing.map(|(id, _)| id).collect();
    let count = ids.len();
    if count > NAMES {
        ids.select_nth_unstable_by(NAMES, order);
        ids.truncate(NAMES);
    }
    ids.sort_unstable_by(order);
    Names::of(count, ids.into_iter().map(|id| name(id as usize)))
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn days(age_ns: i64) -> String {
    format!("{:.1}", age_ns as f64 / DAY_NS as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_or_has_jumped_is_not_believed() {
        let past = |members, past| PastAge { members, past, least_ttl_ns: Some(7 * DAY_NS) };
        let old = Some(8 * DAY_NS);
        assert!(
            doubt(false, past(9, 0), old, Some(-2 * FUTURE_NS)).is_some_and(|why| why.contains("set back"))
        );
        assert!(
            doubt(true, past(9, 9), old, Some(-FUTURE_NS)).is_some_and(|why| why.contains("that 9 files"))
        );
        assert!(doubt(true, past(9, 8), old, None).is_none());
        assert!(doubt(true, past(9, 9), Some(DAY_NS), None).is_none(), "another file is young");
        assert!(doubt(false, past(9, 9), old, None).is_none());
        assert!(doubt(true, past(1, 1), old, None).is_none(), "one file is no sign of a clock");
    }
}
