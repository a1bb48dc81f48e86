//! `mmops rotate`: removes what is too old, too much or too many below the artifact directories, after
//! archiving it on request, and says for every file why it goes or stays.
//!
//! Nothing is removed that was not seen by the scan and is not still the same file; nothing is followed
//! or crossed; nothing is removed that was to be archived and is not, verified, in the archive.
//!
//! The way of a file: `roots` opens the directories, `sys/tree` reads them; `select` asks `scope` which rule
//! a file falls under and makes it a member; `retention` marks and guards the members; `plan` writes down
//! why each goes or stays, or reads it back; `removal` takes out what goes, through `archive` where that was
//! asked. `observe` collects the facts on the way, of which `verdict` and `report` are made.

mod archive;
mod args;
mod disks;
mod explain;
mod facts;
mod inventory;
mod observe;
mod path_text;
mod plan;
mod removal;
mod report;
pub(crate) mod restore;
pub(crate) mod retention;
mod roots;
mod scope;
mod select;
mod settings;
mod system_dirs;
mod verdict;

pub(crate) use archive::Manifest;
pub(crate) use args::Args;
pub(crate) use plan::Plan;
pub(crate) use report::{Body, SPEC};
pub(crate) use restore::Body as RestoreBody;

use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::format::form::Form;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, AtomicFile};
use crate::sys::tree::{self, Detail, Root, Tree};
use disks::Disks;
use facts::{Course, Facts, Mode, Names, PlanBody, PlanFacts, Unfinished};
use inventory::Inventory;
use removal::Removal;
use retention::decide::emptied;
use retention::limits::Overall;
use scope::Scope;
use select::Selection;
use settings::Settings;
use std::path::{Path, PathBuf};
use verdict::verdict;

const DEFAULT_ROOT: &str = "artifacts";

/// What it writes, apart from archives.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    given
        .path("plan")
        .map(|path| Output::removed_first("plan", path, Form::Document("rotation-plan")))
        .into_iter()
        .collect()
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let facts = match &args.apply {
        Some(plan) => apply(plan, args.mode(), ctx)?,
        None => rotate(args, ctx)?,
    };
    Ok(report::report(&facts, verdict(&facts)))
}

/// Decides by limits what goes, and removes it.
fn rotate(args: &Args, ctx: &Ctx) -> anyhow::Result<Facts> {
    let mode = args.mode();
    let mut settings = Settings::of(args, ctx)?;
    let roots = roots::open(settings.roots.as_deref(), DEFAULT_ROOT, ctx)?;
    if roots.is_empty() && settings.min_free.is_some() {
        let message =
            format!("there is no `{DEFAULT_ROOT}`, so nobody knows which disk is to have free space");
        return Err(Fault::config(message).hint("name a directory on it with --base-dir").into());
    }
    let plan = args.plan.as_ref().map(|path| AtomicFile::create(&ctx.path(path))).transpose()?;
    settings.scope.plan = plan.as_ref().map(|plan| canonical_file(plan.target())).transpose()?;
    let (tree, unfinished) = scan(roots, settings.detail(), mode, ctx)?;
    settings.scope.bind(&tree);
    let writers = removal::writers_of(&tree);
    let mut selection = Selection::of(&tree, &settings.scope, &writers);
    let disks = &selection.inventory.disks;
    let short_bytes = settings.min_free.map(|wanted| disks.short_bytes(&tree, wanted)).transpose()?;
    let overall = Overall {
        max_bytes: settings.max_bytes,
        short_bytes: short_bytes.unwrap_or_default(),
        best_effort: args.best_effort,
    };
    if !settings.allow_unmatched && !tree.roots.is_empty() {
        refuse_unmatched(&selection.unmatched)?;
    }
    let unmet = selection.decide(&settings.scope, &overall);
    if !settings.may_remove_all {
        refuse_emptied(&selection)?;
    }
    let mut facts = observe::scanned(&selection.inventory, &settings.scope, mode);
    facts.unfinished = unfinished;
    if mode == Mode::DryRun && (!writers.known || writers.is_partial) {
        facts.process_table = Some(removal::process_table(&writers));
    }
    facts.decision = observe::decision(&selection, &settings, unmet);
    facts.decision.best_effort = args.best_effort;
    facts.suspicion = observe::suspicion(&selection, &settings.scope, args.allow_large);
    if !args.explain.is_empty() {
        let path = |path: &PathBuf| Ok((canonical_file(&ctx.path(path))?, path.display().to_string()));
        let paths: Vec<_> = args.explain.iter().map(path).collect::<Result<_, Fault>>()?;
        facts.explanations = explain::explain(&paths, &selection, &settings.scope, facts.is_refused())?;
    }
    let options = plan::Options {
        archive_dir: args.archive_dir.clone(),
        remove_empty_dirs: args.remove_empty_dirs,
        min_free: settings.min_free,
    };
    let removal = Removal { files: selection.going(), unit_dirs: selection.going_dirs(), options };
    facts.going = selection.inventory.amount(&removal.files);
    facts.going_names = observe::going_names(&selection, settings.scope.now_ns);
    if let Some(file) = plan.filter(|_| !facts.is_refused()) {
        let path = ctx.show(file.target());
        let seal = plan::write(file, &selection, &settings.scope, &removal.options, ctx)?;
        facts.plan = PlanFacts::Written(PlanBody { path, seal });
    }
    drop(selection);
    if facts.is_refused() {
        return Ok(facts);
    }
    finish(facts, removal, &tree, ctx)
}

fn refuse_emptied(selection: &Selection<'_>) -> Result<(), Fault> {
    let Some(group) = emptied(&selection.members, &selection.groups).into_iter().next() else {
        return Ok(());
    };
    let (name, members) = (&selection.groups[group.group].name, group.members);
    let hint = "give the rule a `min_keep`, or add --allow-remove-all if that is meant";
    Err(Fault::config(format!("`{name}` would lose all of its {members} members")).hint(hint))
}

/// A pattern of what is to be kept that matches nothing is a slip more often than not, and the file it means goes.
fn refuse_unmatched(unmatched: &[String]) -> Result<(), Fault> {
    let Some(first) = unmatched.first() else { return Ok(()) };
    let hint = "patterns are relative to the root, as in `reports/**`; --allow-unmatched if nothing of the kind is there yet";
    Err(Fault::config(format!("what is to be kept is not there: `{first}` matches nothing")).hint(hint))
}

/// Removes what a plan says, unless anything changed since it was made.
fn apply(path: &Path, mode: Mode, ctx: &Ctx) -> anyhow::Result<Facts> {
    let path = ctx.path(path);
    let plan = plan::load(&path)?;
    let invalid = || Fault::config(format!("`{}` names a root that is not a path", path.display()));
    let roots = roots::open(Some(&plan.roots().ok_or_else(invalid)?), DEFAULT_ROOT, ctx)?;
    let (tree, unfinished) = scan(roots, Detail::Plain, mode, ctx)?;
    let scope = Scope { plan: Some(canonical_file(&path)?), ..Scope::empty(ctx) };
    let mut facts = observe::scanned(&Inventory::of(&tree, &scope), &scope, mode);
    facts.unfinished = unfinished;
    let files = match plan.compare(&tree, &scope) {
        Ok(files) => files,
        Err(differences) => {
            facts.plan = PlanFacts::Changed(Names::of(differences.len(), differences.into_iter()));
            return Ok(facts);
        }
    };
    facts.plan = PlanFacts::Unchanged;
    (facts.going, facts.going_names) = observe::planned(&tree, &files);
    let removal = Removal { files, unit_dirs: plan.unit_dirs(&tree), options: plan.options };
    finish(facts, removal, &tree, ctx)
}

/// Scans the roots; a real rotation holds their locks from here to its end, and ends first what a killed one began.
fn scan(roots: Vec<Root>, detail: Detail, mode: Mode, ctx: &Ctx) -> Result<(Tree, Vec<Unfinished>), Fault> {
    if mode == Mode::Real {
        roots.iter().try_for_each(Root::lock)?;
    }
    let mut tree = tree::walk(roots, detail, &ctx.cancel)?;
    let mut unfinished = Vec::new();
    if mode == Mode::Real {
        for (name, recovered) in removal::recover(&tree, ctx)? {
            unfinished.push(observe::recovered(&name, recovered));
        }
    }
    if !unfinished.is_empty() {
        tree = tree::walk(std::mem::take(&mut tree.roots), detail, &ctx.cancel)?;
    }
    roots::refuse_shared(&tree)?;
    Ok((tree, unfinished))
}

/// The canonical path of a file that need not exist, in a directory that does.
fn canonical_file(path: &Path) -> Result<PathBuf, Fault> {
    let dir = fsio::canonical(path.parent().unwrap_or(Path::new("/")))?;
    Ok(dir.join(path.file_name().unwrap_or_default()))
}

/// Says what would go, or removes it.
fn finish(mut facts: Facts, mut removal: Removal, tree: &Tree, ctx: &Ctx) -> anyhow::Result<Facts> {
    facts.course = match facts.mode {
        Mode::DryRun => Course::DryRun {
            dirs: removal.dirs(tree, ctx.clock.now_ns()).len() as u64,
            archive_dir: (removal.options.archive_dir.filter(|_| !removal.files.is_empty()))
                .map(|dir| ctx.show(&ctx.path(dir))),
        },
        Mode::Real => {
            removal.files.sort_unstable_by(|a, b| tree.path_cmp(*a, *b));
            let (mut done, process_table) = removal::carry_out(&removal, tree, ctx)?;
            facts.process_table = process_table;
            if let Some(wanted) = removal.options.min_free {
                done.short_disks = Disks::of(tree).short(tree, wanted);
            }
            Course::Done(done)
        }
    };
    Ok(facts)
}
