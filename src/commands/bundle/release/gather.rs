//! Reads what a release is made of, and what each document says.

use super::arguments::Args;
use super::verdict::Facts;
use crate::ctx::Ctx;
use crate::format::config::{self, Format};
use crate::format::hash;
use crate::format::json::typed;
use crate::release::evidence;
use crate::release::policy::Policy;
use crate::release::snapshot::{self, Snapshot};
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use crate::tuning::limits::{Bounds, bounds_problems};
use crate::tuning::overrides::Overrides;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Limits of the run-time overrides when none are named and the root has no file of its own.
const BUILT_IN_LIMITS: &str = include_str!("../../../../deploy/tuning/limits.yaml");
const LIMITS: &str = "deploy/tuning/limits.yaml";

/// The overrides in a release, and what a run calls them.
const OVERRIDES: &str = "soak_profile.runtime_overrides.json";
const RUN_OVERRIDES: &str = "runtime_overrides.json";
const DELTA_VERIFY: &str = "DELTA_VERIFY_REPORT.json";

/// The reports for people that the soak wrote, and what they are.
const REPORTS: [(&str, &str); 3] = [
    ("POST_SOAK_AUDIT.md", "audit of the soak"),
    ("RECOMMENDATIONS.md", "recommendations of the soak"),
    ("FAILURES.md", "failures of the soak"),
];

/// The part of the limits that overrides are held to.
#[derive(Deserialize)]
struct Limits {
    bounds: Bounds,
}

/// A file of the release.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) content: Vec<u8>,
}

impl Part {
    pub(super) fn new(name: &'static str, description: &'static str, content: String) -> Self {
        Self { name, description, content: content.into_bytes() }
    }
}

/// What was read.
pub(super) struct Gathered {
    pub(super) snapshot: Snapshot,
    pub(super) parts: Vec<Part>,
    pub(super) facts: Facts,
}

/// The rollback policy, and where it comes from.
pub(super) struct LoadedPolicy {
    pub(super) policy: Policy,
    pub(super) shown: String,
    pub(super) sha256: String,
}

pub(super) fn load_policy(args: &Args, ctx: &Ctx) -> Result<LoadedPolicy, Fault> {
    let path = ctx.path(&args.policy);
    let text = fsio::read_text(&path)?;
    let policy = config::parse(&text, Format::of(&path)?, &path.display().to_string())?;
    let shown = fsio::relative_to(&ctx.root, &path)?.display().to_string();
    Ok(LoadedPolicy { policy, shown, sha256: hash::sha256(text) })
}

fn load_bounds(args: &Args, ctx: &Ctx) -> Result<Bounds, Fault> {
    let what = "limits of the run-time overrides";
    let source = ctx.configs.choose(args.limits.as_deref(), LIMITS, BUILT_IN_LIMITS, what)?;
    let limits: Limits = source.parse()?;
    let problems = bounds_problems(&limits.bounds);
    if problems.is_empty() { Ok(limits.bounds) } else { Err(Fault::config(problems.join("; "))) }
}

/// The first of several at whose path something stands; one that cannot be looked at is not passed over.
fn first_that_exists<T>(
    mut choices: impl Iterator<Item = T>,
    path: impl Fn(&T) -> PathBuf,
) -> Result<Option<T>, Fault> {
    choices
        .find_map(|choice| match fsio::exists(&path(&choice)) {
            Ok(false) => None,
            Ok(true) => Some(Ok(choice)),
            Err(fault) => Some(Err(fault)),
        })
        .transpose()
}

/// Reads every document of the run; a missing one cannot be released without, and all are named at once.
pub(super) fn gather(args: &Args, policy: &Policy, ctx: &Ctx) -> Result<Gathered, Fault> {
    let src = ctx.path(&args.src);
    if fsio::existing_kind(&src)? != FileKind::Dir {
        return Err(Fault::config(format!("--src `{}` is not a directory", args.src.display())));
    }
    // Every document comes from one run; a file of the same name elsewhere speaks of another one, and the
    // overrides beside the runs are those that the bot runs with now.
    let latest = src.join("latest");
    let places = [
        (src.join("reports/analysis"), &src),
        (latest.join("reports/analysis"), &latest),
        (src.clone(), &src),
    ];
    let place = first_that_exists(places.iter(), |(analysis, _)| analysis.join(snapshot::FILE_NAME))?;
    let Some((analysis, run)) = place else {
        let message = format!(
            "there is no `{}` in `{}` or its reports/analysis",
            snapshot::FILE_NAME,
            args.src.display()
        );
        return Err(Fault::config(message).hint("write it by `mmops soak report`"));
    };
    let homes = [analysis.clone(), (*run).clone(), run.join("soak/latest")];
    let overrides = homes.iter().flat_map(|dir| [OVERRIDES, RUN_OVERRIDES].map(|name| dir.join(name)));
    let overrides = first_that_exists(overrides, Clone::clone)?;
    let mut missing: Vec<&str> = Vec::new();
    for name in REPORTS.iter().map(|(name, _)| *name).chain([DELTA_VERIFY]) {
        if !fsio::exists(&analysis.join(name))? {
            missing.push(name);
        }
    }
    if overrides.is_none() {
        missing.push(RUN_OVERRIDES);
    }
    let (Some(overrides), true) = (overrides, missing.is_empty()) else {
        let (run, missing) = (ctx.show(run), missing.join(", "));
        let message = format!("the run in `{run}` is not complete; missing: {missing}");
        return Err(Fault::config(message));
    };

    let path = analysis.join(snapshot::FILE_NAME);
    let (document, text) = read(&path)?;
    let snapshot = Snapshot::parse(&document)
        .map_err(|error| Fault::config(format!("`{}` cannot be used: {error}", ctx.show(&path))))?;
    let mut parts = vec![Part::new(snapshot::FILE_NAME, "figures and verdict of the soak", text)];
    let mut documents = Vec::new();
    let mut checked = |name, checked: anyhow::Result<()>| {
        documents.push((name, checked.err().map(|error| error.to_string())));
    };
    for (name, description) in REPORTS {
        let text = fsio::read_text(&analysis.join(name))?;
        checked(name, evidence::check_report(name, &text));
        parts.push(Part::new(name, description, text));
    }
    let (document, text) = read(&analysis.join(DELTA_VERIFY))?;
    checked(DELTA_VERIFY, evidence::check_delta_verify(&document, &snapshot));
    parts.push(Part::new(DELTA_VERIFY, "whether tuning took effect", text));

    let bounds = load_bounds(args, ctx)?;
    let (document, text) = read(&overrides)?;
    let Value::Object(fields) = document else {
        return Err(Fault::config(format!("`{}` is not an object", ctx.show(&overrides))));
    };
    let overrides = evidence::check_overrides(&fields.into_iter().collect::<Overrides>(), &bounds);
    parts.push(Part::new(OVERRIDES, "run-time parameters that the soak validated", text));
    let facts = Facts {
        soak_verdict: snapshot.verdict.clone(),
        is_simulated: snapshot.simulated,
        allow_simulated: args.allow_simulated,
        snapshot: snapshot.problems(ctx.clock.now(), args.allow_simulated),
        documents,
        overrides,
        policy: policy.problems(),
    };
    Ok(Gathered { snapshot, parts, facts })
}

/// A document and its text, read once: what is judged is what is released.
fn read(path: &Path) -> Result<(Value, String), Fault> {
    let text = fsio::read_text(path)?;
    let document = typed::parse(&text).map_err(|error| error.fault(&path.display().to_string()))?;
    Ok((document, text))
}
