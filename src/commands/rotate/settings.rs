//! What was asked for, checked: the limits of the command line, and those of a policy under them.

use super::args::Args;
use super::retention::limits::Limits;
use super::retention::member::Marks;
use super::retention::pattern::Pattern;
use super::retention::policy::{By, Grouping, Policy, Rule, Size, Sizes, Unit, days_ns, removes_everything};
use super::scope::Scope;
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::sys::tree::Detail;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// Everything that was asked for.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) scope: Scope,
    /// Size of all groups together, where a policy has groups.
    pub(super) max_bytes: Option<u64>,
    pub(super) min_free: Option<u64>,
    pub(super) has_policy: bool,
    /// Name of the time zone by whose clock tiers cut days.
    pub(super) timezone: String,
    pub(super) may_remove_all: bool,
    pub(super) allow_unmatched: bool,
    /// None for the default root.
    pub(super) roots: Option<Vec<PathBuf>>,
}

impl Settings {
    pub(super) fn of(args: &Args, ctx: &Ctx) -> Result<Self, Fault> {
        if args.allow_remove_all && args.pattern.is_none() && args.policy.is_none() {
            return Err(Fault::config("--allow-remove-all needs a filter: --pattern or --policy"));
        }
        let limits = limits(args);
        let filter = args.pattern.as_ref().map(|text| pattern("--pattern", text)).transpose()?;
        let protect = |text: &String| {
            Pattern::protecting(text).map_err(|why| Fault::config(format!("--protect: {why}")))
        };
        let protect = args.protect.iter().map(protect).collect::<Result<_, _>>()?;
        let given = if args.roots.is_empty() { &args.base_dir } else { &args.roots };
        let mut settings = Self {
            scope: Scope { protect, filter, by: args.by.unwrap_or_default(), ..Scope::empty(ctx) },
            max_bytes: None,
            min_free: args.min_free.map(|size| size.0),
            has_policy: args.policy.is_some(),
            timezone: "UTC".to_owned(),
            may_remove_all: args.allow_remove_all,
            allow_unmatched: args.allow_unmatched,
            roots: (!given.is_empty()).then(|| given.clone()),
        };
        match &args.policy {
            Some(path) => settings.add_policy(path, args, &limits, ctx)?,
            None => settings.add_rule(&limits)?,
        }
        if args.apparent_size {
            settings.scope.sizes = Sizes::Apparent;
        }
        let nothing_stays = limits.impossible().filter(|_| !args.allow_remove_all);
        if let Some(why) = nothing_stays {
            let hint = "if that is meant, add --allow-remove-all and a --pattern";
            return Err(Fault::config(removes_everything("the command line", why)).hint(hint));
        }
        Ok(settings)
    }

    /// The rules of a policy; what the command line says goes before, and its floors hold in every rule.
    fn add_policy(&mut self, path: &Path, args: &Args, limits: &Limits, ctx: &Ctx) -> Result<(), Fault> {
        let policy: Policy = ctx.configs.load(path)?;
        let fault = |why| Fault::config(format!("failed to use `{}`: {why}", path.display()));
        self.scope.protect.extend(policy.protected().map_err(fault)?);
        self.allow_unmatched |= policy.allow_unmatched;
        self.scope.by = args.by.or(policy.by).unwrap_or_default();
        self.scope.sizes = policy.sizes.unwrap_or_default();
        if let Some(name) = &policy.timezone {
            let unknown = |_| fault(format!("`timezone`: there is no time zone `{name}`"));
            self.scope.zone = TimeZone::get(name).map_err(unknown)?;
            self.timezone.clone_from(name);
        }
        self.max_bytes = limits.max_bytes.or(policy.max_size.map(|size| size.0));
        self.min_free = self.min_free.or(policy.min_free.map(|size| size.0));
        if self.roots.is_none() && !policy.roots.is_empty() {
            self.roots = Some(policy.roots.clone());
        }
        self.scope.rules = policy.rules(self.may_remove_all).map_err(fault)?;
        for rule in &mut self.scope.rules {
            rule.limits.min_keep = rule.limits.min_keep.max(limits.min_keep);
            rule.limits.min_age_ns = rule.limits.min_age_ns.max(limits.min_age_ns);
            if let Some(why) = rule.limits.contradiction() {
                return Err(fault(format!("rule `{}`: {why}", rule.name)));
            }
        }
        Ok(())
    }

    /// The limits of the command line as the only rule.
    fn add_rule(&mut self, limits: &Limits) -> Result<(), Fault> {
        if !limits.limits_anything() && self.min_free.is_none() {
            let message =
                "at least one limit is required: --days, --max-size, --keep, --min-free or --policy";
            return Err(Fault::config(message));
        }
        if let Some(why) = limits.contradiction() {
            return Err(Fault::config(format!("contradictory limits: {why}")));
        }
        self.scope.rules = vec![Rule {
            name: "command_line".to_owned(),
            pattern: None,
            unit: Unit::File,
            grouping: Grouping::Rule,
            limits: limits.clone(),
        }];
        Ok(())
    }

    /// What has to be known about each file.
    pub(super) fn detail(&self) -> Detail {
        let sizes =
            self.scope.sizes == Sizes::Allocated && (self.uses(Marks::SIZE) || self.uses(Marks::TOTAL));
        let changes =
            self.scope.by == By::Ctime || self.scope.rules.iter().any(|rule| rule.limits.min_age_ns > 0);
        if sizes || changes || self.min_free.is_some() { Detail::Full } else { Detail::Plain }
    }

    /// Whether a limit that makes this mark is set.
    pub(super) fn uses(&self, mark: Marks) -> bool {
        let any = |set: fn(&Limits) -> bool| self.scope.rules.iter().any(|rule| set(&rule.limits));
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

fn pattern(option: &str, text: &str) -> Result<Pattern, Fault> {
    Pattern::parse(text).map_err(|why| Fault::config(format!("{option}: {why}")))
}

fn limits(args: &Args) -> Limits {
    let max_size = match args.max_size_gb {
        Some(Size(0)) => {
            tracing::warn!("--max-size-gb 0 means no limit on the size");
            None
        }
        given => given.or(args.max_size),
    };
    Limits {
        ttl_ns: args.days.map(days_ns),
        max_bytes: max_size.map(|size| size.0),
        keep: args.keep,
        tiers: None,
        min_keep: args.min_keep.unwrap_or(0),
        min_age_ns: args.min_age.map_or(0, |age| age.0),
        keeps_newest_of_kind: !args.allow_remove_all,
    }
}
