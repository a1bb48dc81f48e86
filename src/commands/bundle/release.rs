//! `mmops bundle release`: the folder of a soak-validated release. Every document of the soak is read and
//! must say yes; the folder is built beside its place and gets its name when it is complete.

use super::materials;
use crate::commands::bundle::contents::plan;
use crate::ctx::Ctx;
use crate::format::hash;
use crate::format::json::typed;
use crate::format::minisign::{self, Signer};
use crate::release::bundle::manifest::{self, Manifest, Named, Provenance};
use crate::release::policy::{self, Policy};
use crate::release::snapshot::{self, Snapshot};
use crate::release::{changelog, evidence, rollback_plan};
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row, Status};
use crate::sys::clock;
use crate::sys::config::{self, Format, Source};
use crate::sys::fsio::{self, FileKind, NewDirs};
use crate::tuning::limits::{Bounds, bounds_problems};
use crate::tuning::overrides::Overrides;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Limits of the run-time overrides when none are named and the root has no file of its own.
const BUILT_IN_LIMITS: &str = include_str!("../../../deploy/tuning/limits.yaml");
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

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("bundle release", "BUNDLE", "FAILED").named("bundle").revised(2);

/// Build the folder of a release from a soak run that passed
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the soak run
    #[arg(long, value_name = "DIR")]
    src: PathBuf,
    /// Folder of the release, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Version of what is released [default: `MM_VERSION`, else the file VERSION]
    #[arg(long, value_name = "V")]
    version: Option<String>,
    /// Limits of the run-time overrides [default: `deploy/tuning/limits.yaml`, else the built-in limits]
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// Rollback policy that the plan's commands come from
    #[arg(long, value_name = "FILE", default_value = policy::PATH)]
    policy: PathBuf,
    /// Sign the manifest with this minisign secret key
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    /// Release on a simulated soak; stamped into the folder
    #[arg(long)]
    allow_simulated: bool,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// Files of the folder, the manifest not counted.
    files: Vec<String>,
    /// The folder.
    release: String,
    /// SHA-256 of its manifest; null when there is no release.
    sha256: Option<String>,
    /// Verdict of the soak.
    soak_verdict: String,
    /// Version of what is released.
    release_version: String,
}

/// The part of the limits that overrides are held to.
#[derive(Deserialize)]
struct Limits {
    bounds: Bounds,
}

/// A file of the release.
struct Part {
    name: &'static str,
    description: &'static str,
    content: Vec<u8>,
}

/// What was read, and what is wrong with it.
struct Gathered {
    snapshot: Snapshot,
    parts: Vec<Part>,
    rows: Vec<Row>,
}

/// Builds the folder.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let out = ctx.path(&args.out);
    let name = out.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    plan::check_name(&name).map_err(|reason| Fault::config(format!("--out: {reason}")))?;
    if fsio::exists(&out)? {
        let fault = Fault::config(format!("`{}` exists already", args.out.display()));
        return Err(fault.hint("a release is never built over another one; choose another name").into());
    }
    let versioned = materials::version(args.version.as_deref(), ctx)?;
    let version = versioned.version.to_string();
    let password = ctx.env.get("MMOPS_SIGN_PASSWORD");
    let signer = args.sign.as_ref().map(|key| Signer::load(&ctx.path(key), password)).transpose()?;
    let (policy, policy_sha256) = load_policy(args, ctx)?;
    let Gathered { snapshot, mut parts, mut rows } = gather(args, ctx)?;
    let stamp = materials::stamp(ctx)?;
    let created_at = clock::utc(stamp);
    let policy_row = Row::judged("rollback_policy", policy.problems());
    let is_ready = rows.iter().chain([&policy_row]).all(|row| row.status < Status::Skip);
    rows.push(policy_row);
    let mut body = Body {
        files: Vec::new(),
        release: args.out.display().to_string(),
        sha256: None,
        soak_verdict: snapshot.verdict.clone(),
        release_version: version.clone(),
    };
    if !is_ready {
        let conclusion = Conclusion::new(Outcome::Fail, "FAILED");
        return Ok(Report::new(&SPEC, "BUNDLE RELEASE", conclusion)
            .rows(rows)
            .simulated(snapshot.simulated)
            .body(&body));
    }
    let text = changelog::render(&name, &version, &created_at, &snapshot);
    parts.push(Part {
        name: "CHANGELOG.md",
        description: "what the soak showed",
        content: text.into_bytes(),
    });
    let policy_path = args.policy.display().to_string();
    let subject = rollback_plan::Subject {
        name: &name,
        version: &version,
        created_at: &created_at,
        policy_path: &policy_path,
        policy_sha256: &policy_sha256,
    };
    let text = rollback_plan::render(&subject, &policy);
    parts.push(Part {
        name: "rollback_plan.md",
        description: "ten minutes back",
        content: text.into_bytes(),
    });
    parts.sort_by_key(|part| part.name);
    let revision = materials::revision(ctx)?;
    let manifest = Manifest {
        clock: ctx.clock.is_frozen().then(|| "frozen".to_owned()),
        created_at,
        files: parts.iter().map(described).collect(),
        git: revision.clone().ok(),
        name: name.clone(),
        provenance: Provenance {
            builder: concat!("mmops ", env!("CARGO_PKG_VERSION")).to_owned(),
            encoder: "none".to_owned(),
            lock_files: Vec::new(),
            plan: Named { path: policy_path, sha256: policy_sha256 },
        },
        schema: manifest::SCHEMA.to_owned(),
        seal: String::new(),
        version: version.clone(),
    };
    let text = manifest.sealed();
    let sha256 = hash::sha256(text.as_bytes());
    let comment = format!(
        "timestamp:{}\tfile:{}\tversion:{version}\tsha256:{sha256}",
        stamp.as_second(),
        manifest::FILE_NAME
    );
    write(&out, &parts, &text, signer.as_ref(), &comment, ctx)?;
    rows.push(super::create::revision_row(&revision));
    rows.push(
        Row::new("release", Status::Ok).note(&body.release).reason(format!("manifest sha256 {sha256}")),
    );
    body.files = parts.iter().map(|part| part.name.to_owned()).collect();
    body.sha256 = Some(sha256);
    let conclusion = Conclusion::new(Outcome::Pass, "RELEASE");
    let report =
        Report::new(&SPEC, "BUNDLE RELEASE", conclusion).rows(rows).simulated(snapshot.simulated).body(&body);
    Ok(report.evidence([format!("{}/{}", body.release, manifest::FILE_NAME)]))
}

fn described(part: &Part) -> manifest::File {
    manifest::File {
        description: part.description.to_owned(),
        mode: "0644".to_owned(),
        path: part.name.to_owned(),
        sha256: hash::sha256(&part.content),
        size: part.content.len() as u64,
    }
}

/// Builds the folder under another name in the same place, and renames it.
fn write(
    out: &Path,
    parts: &[Part],
    manifest: &str,
    signer: Option<&Signer>,
    comment: &str,
    ctx: &Ctx,
) -> anyhow::Result<()> {
    let above = out.parent().unwrap_or(&ctx.root);
    let dirs = NewDirs::create(above)?;
    let scratch = fsio::scratch_dir_in(above, ".mmops-release-")?;
    for part in parts {
        ctx.check_cancelled()?;
        fsio::write_atomic(&scratch.path().join(part.name), &part.content)?;
    }
    let path = scratch.path().join(manifest::FILE_NAME);
    fsio::write_atomic(&path, manifest.as_bytes())?;
    if let Some(signer) = signer {
        let signature = signer.sign(fsio::open(&path)?, comment)?;
        fsio::write_atomic(&minisign::beside(&path), signature.as_bytes())?;
    }
    ctx.check_cancelled()?;
    fsio::publish_dir(scratch, out)?;
    dirs.keep();
    Ok(())
}

fn load_policy(args: &Args, ctx: &Ctx) -> Result<(Policy, String), Fault> {
    let path = ctx.path(&args.policy);
    let text = fsio::read_text(&path)?;
    let policy = config::parse(&text, Format::of(&path)?, &path.display().to_string())?;
    Ok((policy, hash::sha256(text.as_bytes())))
}

fn load_bounds(args: &Args, ctx: &Ctx) -> Result<Bounds, Fault> {
    let what = "limits of the run-time overrides";
    let source = Source::of(args.limits.as_deref(), LIMITS, BUILT_IN_LIMITS, what, &ctx.root)?;
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
fn gather(args: &Args, ctx: &Ctx) -> anyhow::Result<Gathered> {
    let src = ctx.path(&args.src);
    if fsio::existing_kind(&src)? != FileKind::Dir {
        return Err(Fault::config(format!("--src `{}` is not a directory", args.src.display())).into());
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
        return Err(Fault::config(message).hint("write it by `mmops soak report`").into());
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
        return Err(Fault::config(message).into());
    };
    let mut rows = Vec::new();
    let mut parts = Vec::new();

    let path = analysis.join(snapshot::FILE_NAME);
    let (document, text) = read(&path)?;
    let unusable = |reason: String| Fault::config(format!("`{}` cannot be used: {reason}", ctx.show(&path)));
    let snapshot = Snapshot::parse(&document).map_err(unusable)?;
    rows.push(
        Row::judged("snapshot", snapshot.refusals(ctx.clock.now(), args.allow_simulated))
            .note(&snapshot.verdict),
    );
    if snapshot.simulated && args.allow_simulated {
        rows.push(Row::new("simulated", Status::Warn).reason("the release rests on a simulated soak"));
    }
    let description = "figures and verdict of the soak";
    parts.push(Part { name: snapshot::FILE_NAME, description, content: text.into_bytes() });

    for (name, description) in REPORTS {
        let text = fsio::read_text(&analysis.join(name))?;
        rows.push(Row::judged(name, evidence::markdown(name, &text).err()));
        parts.push(Part { name, description, content: text.into_bytes() });
    }
    let (document, text) = read(&analysis.join(DELTA_VERIFY))?;
    rows.push(Row::judged(DELTA_VERIFY, evidence::delta_verify(&document, snapshot.simulated).err()));
    let description = "whether tuning took effect";
    parts.push(Part { name: DELTA_VERIFY, description, content: text.into_bytes() });

    let bounds = load_bounds(args, ctx)?;
    let (document, text) = read(&overrides)?;
    let Value::Object(fields) = document else {
        return Err(Fault::config(format!("`{}` is no object", ctx.show(&overrides))).into());
    };
    let judged = evidence::overrides(&fields.into_iter().collect::<Overrides>(), &bounds);
    let mut row = Row::judged("runtime_overrides", judged.refusals);
    if !judged.remarks.is_empty() {
        row.status = row.status.max(Status::Warn);
        row.reasons.extend(judged.remarks);
    }
    rows.push(row);
    let description = "run-time parameters that the soak validated";
    parts.push(Part { name: OVERRIDES, description, content: text.into_bytes() });
    Ok(Gathered { snapshot, parts, rows })
}

/// A document and its text, read once: what is judged is what is released.
fn read(path: &Path) -> Result<(Value, String), Fault> {
    let text = fsio::read_text(path)?;
    let document = typed::parse(&text).map_err(|error| error.fault(&path.display().to_string()))?;
    Ok((document, text))
}
