//! `mmops rotate`: removes what is too old, too much or too many below the artifact directories, after
//! archiving it on request, and says for every file why it goes or stays.
//!
//! Nothing is removed that was not seen by the scan and is not still the same file; nothing is followed
//! or crossed; nothing is removed that was to be archived and is not, verified, in the archive.

mod archive;
mod execute;
mod plan;
mod report;
pub(crate) mod restore;
pub(crate) mod retention;
mod roots;
mod selection;

pub(crate) use archive::Manifest;
pub(crate) use plan::Plan;
pub(crate) use report::{Body, SPEC};
pub(crate) use restore::Body as RestoreBody;

use crate::commands::rotate::retention::policy::{
    Age, GroupBy, Pattern, Policy, Rule, Size, Unit, days_ns, parse_age, removes_everything,
};
use crate::commands::rotate::retention::{Limits, Marks, Overall, decide, emptied};
use crate::ctx::Ctx;
use crate::format::config;
use crate::format::size;
use crate::report::exit::Fault;
use crate::report::{Report, Row, Status};
use crate::sys::fsio;
use crate::sys::tree::{self, Detail, writers};
use execute::Order;
use roots::NamedRoot;
use selection::{Census, Grove, Place, Selection, Terms};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const DEFAULT_ROOT: &str = "artifacts";

/// Remove old artifacts within limits, after archiving them on request
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Remove files older than N days
    #[arg(long, alias = "keep-days", value_name = "N", value_parser = parse_days, allow_hyphen_values = true)]
    days: Option<u32>,
    /// Remove the oldest files until the rest fits; K, M, G, T are 1024-based
    #[arg(long, value_name = "SIZE", value_parser = parse_size, allow_hyphen_values = true)]
    max_size: Option<Size>,
    /// Old spelling of --max-size, in gigabytes
    #[arg(long, hide = true, value_name = "F", value_parser = parse_gigabytes, conflicts_with = "max_size",
          allow_hyphen_values = true)]
    max_size_gb: Option<Size>,
    /// Remove all but the N newest files
    #[arg(long, value_name = "N", value_parser = parse_count, allow_hyphen_values = true)]
    keep: Option<u64>,
    /// Directory to rotate (can be repeated) [default: artifacts]
    #[arg(long, value_name = "DIR")]
    base_dir: Vec<PathBuf>,
    /// Old spelling of several --base-dir
    #[arg(long, hide = true, value_name = "DIR", num_args = 1.., conflicts_with = "base_dir")]
    roots: Vec<PathBuf>,
    /// Rotate only files that match; without a slash the pattern is compared with the file name
    #[arg(long, value_name = "GLOB")]
    pattern: Option<String>,
    /// Never touch files that match (can be repeated)
    #[arg(long, value_name = "GLOB")]
    protect: Vec<String>,
    /// Rotate by the rules of a policy file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["days", "keep"])]
    policy: Option<PathBuf>,
    /// Archive files into a verified ZIP in this directory before removing them
    #[arg(long, value_name = "DIR")]
    archive_dir: Option<PathBuf>,
    /// Remove the oldest files until the disk has this much free space
    #[arg(long, value_name = "SIZE", value_parser = parse_size, allow_hyphen_values = true)]
    min_free: Option<Size>,
    /// Keep at least the N newest files, whatever the limits say
    #[arg(long, value_name = "N", value_parser = parse_count, allow_hyphen_values = true)]
    min_keep: Option<u64>,
    /// Keep files younger than this, such as 10m, whatever the limits say
    #[arg(long, value_name = "AGE", value_parser = parse_age, allow_hyphen_values = true)]
    min_age: Option<Age>,
    /// Allow limits that leave nothing; needs --pattern or --policy
    #[arg(long)]
    allow_remove_all: bool,
    /// Remove directories that are empty or become empty
    #[arg(long)]
    remove_empty_dirs: bool,
    /// Write every file with what becomes of it and why
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Carry out a plan, unless anything changed since it was made
    #[arg(long, value_name = "PLAN", conflicts_with_all = [
        "days", "max_size", "max_size_gb", "keep", "base_dir", "roots", "pattern", "protect", "policy",
        "archive_dir", "min_free", "min_keep", "min_age", "allow_remove_all", "remove_empty_dirs", "plan",
    ])]
    apply: Option<PathBuf>,
    /// Say what would be removed and remove nothing
    #[arg(long)]
    dry_run: bool,
}

fn parse_days(text: &str) -> Result<u32, String> {
    const MOST: u32 = 36_500;
    let days = text.parse().ok().filter(|days| *days <= MOST);
    days.ok_or_else(|| format!("it must be a whole number of days from 0 to {MOST}"))
}

fn parse_count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "it must be a whole number of files".to_owned())
}

fn parse_size(text: &str) -> Result<Size, String> {
    size::parse(text).map(Size)
}

fn parse_gigabytes(text: &str) -> Result<Size, String> {
    parse_size(&format!("{text}G"))
}

/// Whether anything is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Nothing.
    DryRun,
    /// What has to go.
    Real,
}

/// Everything that was asked for, checked.
#[derive(Debug)]
struct Settings {
    terms: Terms,
    max_bytes: Option<u64>,
    min_free: Option<u64>,
    has_policy: bool,
    may_remove_all: bool,
    roots: Option<Vec<PathBuf>>,
}

impl Args {
    fn mode(&self) -> Mode {
        if self.dry_run { Mode::DryRun } else { Mode::Real }
    }

    fn settings(&self, now_ns: i64, ctx: &Ctx) -> Result<Settings, Fault> {
        if self.allow_remove_all && self.pattern.is_none() && self.policy.is_none() {
            let message = "--allow-remove-all needs a filter: --pattern or --policy";
            return Err(Fault::config(message));
        }
        let mut limits = Limits {
            ttl_ns: self.days.map(days_ns),
            max_bytes: self.max_size.map(|size| size.0),
            keep: self.keep,
            tiers: None,
            min_keep: self.min_keep.unwrap_or(0),
            min_age_ns: self.min_age.map_or(0, |age| age.0),
            keeps_newest_of_kind: !self.allow_remove_all,
        };
        match self.max_size_gb {
            Some(Size(0)) => tracing::warn!("--max-size-gb 0 means no limit on the size"),
            Some(size) => limits.max_bytes = Some(size.0),
            None => {}
        }
        let invalid = |option: &str, why: String| Fault::config(format!("{option}: {why}"));
        let parse =
            |option: &'static str, text: &String| Pattern::parse(text).map_err(|why| invalid(option, why));
        let filter = self.pattern.as_ref().map(|text| parse("--pattern", text)).transpose()?;
        let mut protect =
            self.protect.iter().map(|text| parse("--protect", text)).collect::<Result<Vec<_>, _>>()?;
        let given = if self.roots.is_empty() { &self.base_dir } else { &self.roots };
        let mut roots = (!given.is_empty()).then(|| given.clone());
        let mut min_free = self.min_free.map(|size| size.0);
        let mut overall = None;
        let rules = if let Some(path) = &self.policy {
            let policy: Policy = config::load(&ctx.path(path))?;
            let fault = |why| Fault::config(format!("failed to use `{}`: {why}", path.display()));
            protect.extend(policy.protected().map_err(fault)?);
            overall = limits.max_bytes.or(policy.max_size.map(|size| size.0));
            min_free = min_free.or(policy.min_free.map(|size| size.0));
            roots = roots.or_else(|| (!policy.roots.is_empty()).then(|| policy.roots.clone()));
            let mut rules = policy.rules(self.allow_remove_all).map_err(fault)?;
            for rule in &mut rules {
                rule.limits.min_keep = rule.limits.min_keep.max(limits.min_keep);
                rule.limits.min_age_ns = rule.limits.min_age_ns.max(limits.min_age_ns);
                if let Some(why) = rule.limits.contradiction() {
                    return Err(fault(format!("rule `{}`: {why}", rule.name)));
                }
            }
            rules
        } else {
            if !limits.limits_anything() && min_free.is_none() {
                let message =
                    "at least one limit is required: --days, --max-size, --keep, --min-free or --policy";
                return Err(Fault::config(message));
            }
            if let Some(why) = limits.contradiction() {
                return Err(invalid("contradictory limits", why));
            }
            let name = "command_line".to_owned();
            vec![Rule {
                name,
                pattern: None,
                unit: Unit::File,
                group_by: GroupBy::Rule,
                limits: limits.clone(),
            }]
        };
        let nothing_stays = limits.impossible().filter(|_| !self.allow_remove_all);
        if let Some(why) = nothing_stays {
            let hint = "if that is meant, add --allow-remove-all and a --pattern";
            return Err(Fault::config(removes_everything("the command line", why)).hint(hint));
        }
        Ok(Settings {
            terms: Terms { rules, protect, filter, now_ns, plan: None },
            max_bytes: overall,
            min_free,
            has_policy: self.policy.is_some(),
            may_remove_all: self.allow_remove_all,
            roots,
        })
    }
}

impl Settings {
    /// Whether a limit that makes this mark is set.
    fn uses(&self, mark: Marks) -> bool {
        let any = |set: fn(&Limits) -> bool| self.terms.rules.iter().any(|rule| set(&rule.limits));
        match mark {
            Marks::TTL => any(|limits| limits.ttl_ns.is_some()),
            Marks::SIZE => any(|limits| limits.max_bytes.is_some()),
            Marks::COUNT => any(|limits| limits.keep.is_some()),
            Marks::TIERS => any(|limits| limits.tiers.is_some()),
            Marks::TOTAL => self.max_bytes.is_some(),
            _ => self.min_free.is_some(),
        }
    }
}

/// The time from which ages are computed, in nanoseconds since 1970.
fn now_ns(ctx: &Ctx) -> i64 {
    i64::try_from(ctx.clock.now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Runs the command.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    match &args.apply {
        Some(plan) => apply(plan, args.mode(), ctx),
        None => rotate(args, ctx),
    }
}

fn rotate(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (mode, now_ns) = (args.mode(), now_ns(ctx));
    let mut settings = args.settings(now_ns, ctx)?;
    let roots = roots::open(settings.roots.as_deref(), DEFAULT_ROOT, ctx)?;
    if roots.is_empty() && settings.min_free.is_some() {
        let message =
            format!("there is no `{DEFAULT_ROOT}`, so nobody knows which disk is to have free space");
        return Err(Fault::config(message).hint("name a directory on it with --base-dir").into());
    }
    let plan = args.plan.as_ref().map(|path| plan::Draft::create(&ctx.path(path))).transpose()?;
    settings.terms.plan = plan.as_ref().map(|plan| canonical_file(&plan.path)).transpose()?;
    let detail = if settings.min_free.is_some() { Detail::Disk } else { Detail::Plain };
    let groves = scan(roots, detail, mode, ctx)?;
    let devices: BTreeSet<u64> = groves.iter().map(|grove| grove.tree.root.dev).collect();
    let writers = writers::scan(&devices);
    let mut selection = Selection::of(&groves, &settings.terms, &writers);
    let overall = Overall { max_bytes: settings.max_bytes, short_bytes: short_bytes(&groves, &settings)? };
    let Selection { census, members, groups, .. } = &mut selection;
    let unmet = decide(now_ns, census, members, groups, &settings.terms.limits(), &overall);
    if !settings.may_remove_all
        && let Some(group) = emptied(members, groups).first()
    {
        let (name, members) = (&groups[group.group].name, group.members);
        let hint = "give the rule a `min_keep`, or add --allow-remove-all if that is meant";
        let message = format!("`{name}` would lose all of its {members} members");
        return Err(Fault::config(message).hint(hint).into());
    }
    let found: Vec<selection::Amount> =
        (0..).take(groves.len()).map(|tree| selection.census.found(tree, &settings.terms)).collect();
    let mut draft = report::Draft::new(&groves, &found, now_ns, mode);
    if mode == Mode::DryRun && !writers.known {
        draft.open_files(&writers);
    }
    draft.decided(&selection, &settings, &unmet);
    let order = Order {
        files: selection.going(),
        unit_dirs: selection.going_dirs(),
        archive_dir: args.archive_dir.as_ref().map(|dir| ctx.path(dir)),
        remove_empty_dirs: args.remove_empty_dirs,
        min_free: settings.min_free,
    };
    draft.going(&selection, &order.files, now_ns);
    if let Some(plan) = plan {
        let path = ctx.show(&plan.path);
        let options = plan::Options {
            archive_dir: args.archive_dir.clone(),
            remove_empty_dirs: args.remove_empty_dirs,
            min_free: settings.min_free,
        };
        let seal = plan.write(&selection, &settings.terms, &options, ctx)?;
        draft.plan(report::PlanBody { path, seal });
    }
    drop(selection);
    finish(draft, order, &groves, mode, ctx)
}

fn apply(path: &Path, mode: Mode, ctx: &Ctx) -> anyhow::Result<Report> {
    let (path, now_ns) = (ctx.path(path), now_ns(ctx));
    let plan = plan::load(&path)?;
    let invalid = || Fault::config(format!("`{}` names a root that is no path", path.display()));
    let roots = roots::open(Some(&plan.roots().ok_or_else(invalid)?), DEFAULT_ROOT, ctx)?;
    let groves = scan(roots, Detail::Plain, mode, ctx)?;
    let plan_file = Some(canonical_file(&path)?);
    let terms = Terms { rules: Vec::new(), protect: Vec::new(), filter: None, now_ns, plan: plan_file };
    let census = Census::new(&groves, &terms);
    let found: Vec<selection::Amount> =
        (0..).take(groves.len()).map(|tree| census.found(tree, &terms)).collect();
    let mut draft = report::Draft::new(&groves, &found, now_ns, mode);
    let files = match plan.compare(&groves, &terms) {
        Ok(files) => files,
        Err(differences) => {
            let row = Row::new("plan", Status::Fail).note(format!("DIFFERENCES={}", differences.len()));
            let mut row = row.reason("the tree changed since the plan was made; nothing was removed");
            row.reasons.extend(differences.into_iter().take(report::NAMES));
            draft.row(row);
            return Ok(draft.finish());
        }
    };
    draft.row(Row::new("plan", Status::Ok).reason("nothing changed since the plan was made"));
    draft.planned(&groves, &files);
    let order = Order {
        files,
        unit_dirs: plan.unit_dirs(&groves),
        archive_dir: plan.options.archive_dir.as_ref().map(|dir| ctx.path(dir)),
        remove_empty_dirs: plan.options.remove_empty_dirs,
        min_free: plan.options.min_free,
    };
    finish(draft, order, &groves, mode, ctx)
}

/// Scans the roots; a real rotation holds their locks from here to its end.
fn scan(roots: Vec<NamedRoot>, detail: Detail, mode: Mode, ctx: &Ctx) -> Result<Vec<Grove>, Fault> {
    let mut devices: Vec<u64> = Vec::new();
    let mut groves = Vec::new();
    for NamedRoot { shown, root } in roots {
        if mode == Mode::Real {
            root.lock()?;
        }
        let known = devices.iter().position(|device| *device == root.dev);
        let device = known.unwrap_or_else(|| {
            devices.push(root.dev);
            devices.len() - 1
        });
        let Ok(device) = u16::try_from(device) else {
            return Err(Fault::usage("too many roots: at most 65536 file systems are rotated together"));
        };
        groves.push(Grove { shown, tree: tree::walk(root, detail, &ctx.cancel)?, device });
    }
    Ok(groves)
}

/// What each device lacks of the free space that it is to have.
fn short_bytes(groves: &[Grove], settings: &Settings) -> Result<Vec<u64>, Fault> {
    let Some(wanted) = settings.min_free else { return Ok(Vec::new()) };
    disks(groves).map(|grove| Ok(wanted.saturating_sub(grove.tree.root.free_bytes()?))).collect()
}

/// One tree on each device, in the order of the devices.
fn disks(groves: &[Grove]) -> impl Iterator<Item = &Grove> {
    let mut next = 0;
    groves.iter().filter(move |grove| {
        let is_first = grove.device == next;
        next += u16::from(is_first);
        is_first
    })
}

/// The canonical path of a file that need not exist, in a directory that does.
fn canonical_file(path: &Path) -> Result<PathBuf, Fault> {
    let dir = fsio::canonical(path.parent().unwrap_or(Path::new("/")))?;
    Ok(dir.join(path.file_name().unwrap_or_default()))
}

fn finish(
    mut draft: report::Draft,
    mut order: Order,
    groves: &[Grove],
    mode: Mode,
    ctx: &Ctx,
) -> anyhow::Result<Report> {
    if mode == Mode::DryRun {
        let dirs = order.dirs(groves, now_ns(ctx));
        if !dirs.is_empty() {
            draft.would_remove_dirs(dirs.len());
        }
        if let (Some(dir), false) = (&order.archive_dir, order.files.is_empty()) {
            let row = Row::new("would_archive", Status::Ok).note(format!("MEMBERS={}", order.files.len()));
            draft.row(row.reason(format!("into {}", ctx.show(dir))));
        }
        return Ok(draft.finish());
    }
    sort(&mut order.files, groves);
    let done = execute::execute(&order, groves, ctx)?;
    if let Some(wanted) = order.min_free {
        for grove in disks(groves) {
            let root = &grove.tree.root;
            match root.sync_filesystem().and_then(|()| root.free_bytes()) {
                Ok(free) if free >= wanted => {}
                Ok(free) => draft.too_little_free(groves, grove.device, free, wanted),
                // What was removed is still to be told.
                Err(fault) => draft.row(Row::new("min_free_unmet", Status::Fail).reason(fault.to_string())),
            }
        }
    }
    if let Some(writers) = &done.writers {
        draft.open_files(writers);
    }
    let archive = done.archive.as_ref().map(|archive| ctx.show(&archive.path));
    draft.done(done, archive);
    Ok(draft.finish())
}

fn sort(files: &mut [Place], groves: &[Grove]) {
    files.sort_unstable_by(|a, b| {
        let by_path = || groves[usize::from(a.tree)].tree.path_cmp(a.file, b.file);
        a.tree.cmp(&b.tree).then_with(by_path)
    });
}
