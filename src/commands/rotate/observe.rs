//! The facts of a rotation, taken from the tree and from what was decided about it.

use super::facts::{
    Amount, Course, Decision, Facts, Mode, NAMES, Names, PlanFacts, RootBody, RuleBody, Skipped, UnmetLimit,
};
use super::inventory::Inventory;
use super::retention::decide::{MemberFacts as _, Unmet};
use super::retention::limits::{DAY_NS, FUTURE_NS};
use super::retention::member::{Guard, Marks, Member};
use super::scope::Scope;
use super::select::Selection;
use super::settings::Settings;
use crate::format::size::{display as size, total};
use crate::sys::tree::{SkipReason, Tree};
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
        let (row, is_usual) = match why {
            SkipReason::Hidden => ("hidden_directories", true),
            SkipReason::Repository => ("repositories", true),
            SkipReason::Marked => ("marked_directories", true),
            SkipReason::Mount => ("mount_points", false),
            // Named among what could not be read, with the reason.
            SkipReason::Unreadable => return None,
        };
        dirs.sort();
        Some(Skipped { row, is_usual, dirs: Names::of(dirs.len(), dirs.into_iter()) })
    };
    skipped.into_iter().filter_map(named).collect()
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
        let age = days(now_ns.saturating_sub(inventory.modified_ns(member)));
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
        inventory.modified_ns(a).cmp(&inventory.modified_ns(b)).then_with(|| inventory.path_cmp(a, b))
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
