//! Reads what a release is made of, and what each document says.

use super::arguments::Args;
use super::verdict::Facts;
use crate::commands::bundle::materials;
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::format::config::{self, Format};
use crate::format::hash;
use crate::format::json::typed;
use crate::judge::kpi::KpiCatalogue;
use crate::release::bundle::manifest::Named;
use crate::release::evidence::{self, OverridesCheck};
use crate::release::judged_run::{JudgedRun, KEPT};
use crate::release::policy::{self, Policy};
use crate::release::query::{self, TriggerQueries};
use crate::release::snapshot::{self, Snapshot};
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use crate::tuning::limits::{Bounds, bounds_problems};
use crate::tuning::overrides::Overrides;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Limits of the run-time overrides when none are named and the root has no file of its own.
const BUILT_IN_LIMITS: &str = include_str!("../../../../deploy/tuning/limits.yaml");
const LIMITS: &str = "deploy/tuning/limits.yaml";

/// How the figures of a soak, and of a live bot, are measured.
const KPIS: (&str, &str) = ("deploy/soak/kpis.yaml", include_str!("../../../../deploy/soak/kpis.yaml"));

/// What it reads of the root unasked.
pub(crate) const CONFIGS: [&str; 3] = [LIMITS, KPIS.0, materials::VERSION];

/// The overrides in a release, and what a run calls them.
const OVERRIDES: &str = "soak_profile.runtime_overrides.json";
const RUN_OVERRIDES: &str = "runtime_overrides.json";
const DELTA_VERIFY: &str = "DELTA_VERIFY_REPORT.json";

/// The name of the newest run below a directory of runs.
const LATEST: &str = "latest";

/// What a release takes from a soak, and what each document is.
const DOCUMENTS: [(&str, &str); 6] = [
    (snapshot::FILE_NAME, "figures and verdict of the soak"),
    ("POST_SOAK_AUDIT.md", "audit of the soak"),
    ("RECOMMENDATIONS.md", "recommendations of the soak"),
    ("FAILURES.md", "failures of the soak"),
    (DELTA_VERIFY, "whether tuning took effect"),
    (OVERRIDES, "run-time parameters that the soak validated"),
];

/// Those of them that are for people.
const REPORTS: [&str; 3] = ["POST_SOAK_AUDIT.md", "RECOMMENDATIONS.md", "FAILURES.md"];

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
    /// None where the run did not pass.
    pub(super) judged: Option<Judged>,
    pub(super) evidence: Evidence,
    /// What shows the triggers of a rollback; empty where a figure of them is not defined.
    pub(super) queries: TriggerQueries,
    /// The files of the root that it is made by.
    pub(super) configs: Vec<Named>,
    pub(super) facts: Facts,
}

/// The snapshot of a soak and the files that go into the release.
pub(super) struct Judged {
    pub(super) snapshot: Snapshot,
    pub(super) parts: Vec<Part>,
}

/// What the soak's figures rest on.
pub(super) struct Evidence {
    pub(super) run_dir: String,
    pub(super) files: Vec<Named>,
    /// Whether they are a snapshot alone.
    pub(super) is_legacy: bool,
}

/// The rollback policy, and where it comes from.
pub(super) struct LoadedPolicy {
    pub(super) policy: Policy,
    /// What no plan could be made from.
    pub(super) problems: Vec<String>,
    pub(super) file: Named,
}

pub(super) fn load_policy(args: &Args, ctx: &Ctx) -> Result<LoadedPolicy, Fault> {
    let path = ctx.path(&args.policy);
    if !fsio::exists(&path)? {
        let message = format!("there is no rollback policy `{}`", args.policy.display());
        let hint = format!(
            "write one, of which mmops delivers an example as `{}`, or name it by --policy: the commands of \
             rollback_plan.md come from it",
            policy::PATH
        );
        return Err(Fault::config(message).hint(hint));
    }
    let text = fsio::read_text(&path)?;
    let format = Format::of(&path)?;
    let policy: Policy = config::parse(&text, format, &path.display().to_string())?;
    let shown = fsio::relative_to(&ctx.root, &path)?.display().to_string();
    let problems = policy.problems_in(&text, format, &shown);
    Ok(LoadedPolicy { policy, problems, file: Named { path: shown, sha256: hash::sha256(text) } })
}

fn load_bounds(args: &Args, ctx: &Ctx) -> Result<(Bounds, Option<Named>), Fault> {
    let what = "limits of the run-time overrides";
    let source = ctx.configs.choose(args.limits.as_deref(), LIMITS, BUILT_IN_LIMITS, what)?;
    let limits: Limits = source.parse()?;
    let problems = bounds_problems(&limits.bounds);
    if !problems.is_empty() {
        return Err(Fault::config(problems.join("; ")));
    }
    Ok((limits.bounds, materials::named(&source, ctx)?))
}

/// How the figures are measured, and the file that says so. What a run has measured it has kept the definitions of,
/// whatever the root has now.
fn definitions(kept: Option<KpiCatalogue>, ctx: &Ctx) -> Result<(KpiCatalogue, Option<Named>), Fault> {
    let source = ctx.configs.choose(None, KPIS.0, KPIS.1, "definitions")?;
    let mut catalogue: KpiCatalogue = source.parse()?;
    catalogue.kpis.extend(kept.into_iter().flat_map(|kept| kept.kpis));
    Ok((catalogue, materials::named(&source, ctx)?))
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

/// How a run of ours is judged again, by the command whose run it is.
pub(crate) type JudgeAgain = fn(&Path, bool, &Ctx) -> Result<Option<JudgedRun>, Fault>;

/// The documents of a soak, and what is known of the run beside them.
struct SoakDocuments {
    run_dir: String,
    /// Whether it is the newest of a directory of runs, and not the directory that was named.
    is_newest_of_several: bool,
    verdict: Option<&'static str>,
    complaints: Vec<String>,
    is_simulated: bool,
    texts: BTreeMap<&'static str, String>,
    files: Vec<Named>,
    /// How its figures were measured; none of a snapshot alone.
    definitions: Option<KpiCatalogue>,
    /// Conditions on labels by which it told its bots from others.
    matching: Option<String>,
}

/// Refuses what cannot be a directory of a run, before anything else is read.
pub(super) fn check_source(args: &Args, ctx: &Ctx) -> Result<(), Fault> {
    let fault = match fsio::target_kind(&ctx.path(&args.src))? {
        FileKind::Dir => return Ok(()),
        FileKind::Missing => format!("--src: there is no `{}`", args.src.display()),
        _ => format!("--src `{}` is not a directory", args.src.display()),
    };
    Err(Fault::config(fault).hint("name the directory of a run, such as artifacts/soak/latest"))
}

/// Reads what the soak left, and holds every document of it against the others.
pub(super) fn gather(
    args: &Args,
    judge: JudgeAgain,
    policy: &LoadedPolicy,
    ctx: &Ctx,
) -> Result<Gathered, Fault> {
    let soak = match (judged(args, judge, ctx)?, args.legacy_snapshot) {
        (Some(_), true) => {
            let message =
                format!("`{}` has a plan, a journal and samples to judge again", args.src.display());
            return Err(Fault::usage(message).hint("leave out --legacy-snapshot"));
        }
        (Some(run), false) => run,
        (None, true) => legacy(args, ctx)?,
        (None, false) => {
            let message = format!("there is no run to judge again in `{}`", args.src.display());
            return Err(Fault::config(message).hint(
                "name the directory of a run, such as artifacts/soak/latest; --legacy-snapshot releases on a \
                 snapshot alone, held to every goal",
            ));
        }
    };
    let is_legacy = soak.definitions.is_none();
    let (definitions, definitions_file) = definitions(soak.definitions, ctx)?;
    // What a live bot is asked, by the definitions of the soak.
    let queries = query::queries(&definitions, soak.matching.as_deref());
    let (bounds, bounds_file) = load_bounds(args, ctx)?;
    let configs = definitions_file.into_iter().chain(bounds_file).collect();
    let mut facts = Facts {
        soak_verdict: soak.verdict.unwrap_or_default().to_owned(),
        run_dir: soak.run_dir.clone(),
        newest_in: soak.is_newest_of_several.then(|| args.src.display().to_string()),
        is_simulated: soak.is_simulated,
        clock: ctx.maker().clock,
        allow_simulated: args.allow_simulated,
        is_legacy,
        snapshot: soak.complaints.clone(),
        documents: Vec::new(),
        overrides: OverridesCheck::default(),
        policy: policy.problems.clone(),
        triggers: queries.as_ref().err().cloned(),
    };
    let queries = queries.unwrap_or_default();
    let evidence = Evidence { run_dir: soak.run_dir, files: soak.files, is_legacy };
    if !facts.snapshot.is_empty() {
        return Ok(Gathered { judged: None, evidence, queries, configs, facts });
    }
    let text = |name: &str| soak.texts.get(name).map(String::as_str);
    let missing: Vec<&str> =
        DOCUMENTS.iter().map(|(name, _)| *name).filter(|name| text(name).is_none()).collect();
    if !missing.is_empty() {
        let message =
            format!("the run in `{}` is not complete; missing: {}", evidence.run_dir, missing.join(", "));
        return Err(Fault::config(message));
    }
    let document =
        |name: &str| typed::parse(text(name).unwrap_or_default()).map_err(|error| error.fault(name));
    let snapshot_document = document(snapshot::FILE_NAME)?;
    let snapshot = Snapshot::parse(&snapshot_document).map_err(|error| {
        Fault::config(format!("`{}` of `{}` cannot be used: {error}", snapshot::FILE_NAME, evidence.run_dir))
    })?;
    facts.soak_verdict.clone_from(&snapshot.verdict);
    facts.is_simulated |= snapshot.simulated;
    facts.snapshot = snapshot.problems(&EvidencePolicy::new(&ctx.maker(), args.allow_simulated));
    let mut checked = |name, checked: anyhow::Result<()>| {
        facts.documents.push((name, checked.err().map(|error| error.to_string())));
    };
    for name in REPORTS {
        checked(name, evidence::check_report(name, text(name).unwrap_or_default()));
    }
    let deltas = document(DELTA_VERIFY)?;
    let of_same_run = evidence::check_same_run(&deltas, &snapshot_document, &snapshot);
    checked(DELTA_VERIFY, evidence::check_delta_verify(&deltas, &snapshot).and(of_same_run));
    let Value::Object(fields) = document(OVERRIDES)? else {
        return Err(Fault::config(format!("`{OVERRIDES}` is not an object")));
    };
    facts.overrides = evidence::check_overrides(&fields.into_iter().collect::<Overrides>(), &bounds);
    let part = |(name, description)| Part::new(name, description, soak.texts[name].clone());
    let parts = DOCUMENTS.map(part).into();
    Ok(Gathered { judged: Some(Judged { snapshot, parts }), evidence, queries, configs, facts })
}

/// The run in the directory or the newest below it, judged again.
fn judged(args: &Args, judge: JudgeAgain, ctx: &Ctx) -> Result<Option<SoakDocuments>, Fault> {
    for (dir, is_newest_of_several) in [(args.src.clone(), false), (args.src.join(LATEST), true)] {
        if fsio::target_kind(&ctx.path(&dir))? != FileKind::Dir {
            continue;
        }
        if let Some(run) = judge(&dir, args.allow_simulated, ctx)? {
            return Ok(Some(SoakDocuments {
                run_dir: run.run_dir,
                is_newest_of_several,
                verdict: Some(run.verdict),
                complaints: run.complaints,
                is_simulated: run.is_simulated,
                texts: run.documents,
                files: run.files,
                definitions: Some(run.definitions),
                matching: run.matching,
            }));
        }
    }
    Ok(None)
}

/// The documents that lie in the directory, of which nothing can be judged again.
fn legacy(args: &Args, ctx: &Ctx) -> Result<SoakDocuments, Fault> {
    let src = ctx.path(&args.src);
    // Every document comes from one run; a file of the same name elsewhere speaks of another one, and the
    // overrides beside the runs are those that the bot runs with now.
    let latest = src.join(LATEST);
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
    // Without its plan a run cannot be judged again, and is no run that kept nothing.
    for name in KEPT {
        if fsio::exists(&run.join(name))? {
            let message = format!(
                "`{}` has `{name}`, and no plan to judge it by: it is not a snapshot alone",
                ctx.show(run)
            );
            return Err(Fault::config(message).hint("bring its RUN.json back, or release another run"));
        }
    }
    let homes = [analysis.clone(), (*run).clone(), run.join("soak/latest")];
    let overrides = homes.iter().flat_map(|dir| [OVERRIDES, RUN_OVERRIDES].map(|name| dir.join(name)));
    let overrides = first_that_exists(overrides, Clone::clone)?;
    let mut soak = SoakDocuments {
        run_dir: ctx.show(run),
        is_newest_of_several: *run == &latest,
        verdict: None,
        complaints: Vec::new(),
        is_simulated: false,
        texts: BTreeMap::new(),
        files: Vec::new(),
        definitions: None,
        matching: None,
    };
    for (name, _) in DOCUMENTS {
        let path = if name == OVERRIDES { overrides.clone() } else { Some(analysis.join(name)) };
        let Some(path) = path else { continue };
        if fsio::exists(&path)? {
            // Read once: what is judged is what is released.
            let text = fsio::read_text(&path)?;
            soak.files.push(Named { path: ctx.show(&path), sha256: hash::sha256(&text) });
            soak.texts.insert(name, text);
        }
    }
    Ok(soak)
}
