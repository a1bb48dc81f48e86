//! `mmops bundle release`: the folder of a soak-validated release. Every document of the soak is read and
//! must say yes; the folder is built beside its place and gets its name when it is complete.

mod arguments;
mod gather;
mod report;
mod verdict;

pub(crate) use arguments::Args;
pub(crate) use report::{Body, SPEC};

use super::materials::{self, Versioned};
use super::plan;
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::entry::FoundDocument;
use crate::format::hash;
use crate::format::json::typed;
use crate::format::minisign::Signer;
use crate::format::text;
use crate::release::bundle::manifest::{self, Manifest, Named, Provenance, Revision};
use crate::release::bundle::name::title;
use crate::release::query::TriggerQueries;
use crate::release::summary::{self, ReleaseSummary, Source, Topic};
use crate::release::{changelog, checklist, rollback_plan, snapshot};
use crate::report::Report;
use crate::report::exit::Fault;
use crate::report::maker::ClockKind;
use crate::sys::clock;
use crate::sys::fsio::{self, NewDirs, ScratchDir};
use crate::sys::root_dir::RootDir;
pub(crate) use gather::{CONFIGS, JudgeAgain};

use gather::{Evidence, Gathered, Judged, LoadedPolicy, Part};
use report::Released;
use std::path::Path;
use verdict::Verdict;

pub(crate) fn run(args: &Args, judge: JudgeAgain, ctx: &Ctx) -> anyhow::Result<Report> {
    let out = ctx.path(&args.out);
    let name = out.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    plan::check_name(&name).map_err(|error| Fault::config(format!("--out: {error}")))?;
    for (option, path) in [("--out", &args.out), ("--policy", &args.policy)] {
        // Both stand in what the release tells people to type.
        let is_shown = |c: char| !text::is_active(c) && !matches!(c, '\n' | '\t');
        if !path.to_str().is_some_and(|path| path.chars().all(is_shown)) {
            let path = path.to_string_lossy().escape_debug().to_string();
            return Err(Fault::config(format!("{option} `{path}` has a character that nobody sees")).into());
        }
    }
    materials::check_place(&out, ctx)?;
    if fsio::is_below(&out, &ctx.path(&args.src)) {
        let message = format!("--out `{}` lies in the run that the release is made of", args.out.display());
        return Err(Fault::config(message).into());
    }
    if fsio::exists(&out)? {
        let fault = Fault::config(format!("`{}` exists already", args.out.display()));
        return Err(fault.hint("a release is never built over another one; choose another name").into());
    }
    gather::check_source(args, ctx)?;
    let versioned = materials::version(args.version.as_deref(), ctx)?;
    let signer = args.sign.as_ref().map(|key| materials::signer(key, ctx)).transpose()?;
    let policy = gather::load_policy(args, ctx)?;
    let Gathered { judged, evidence, queries, configs, facts } = gather::gather(args, judge, &policy, ctx)?;
    let released = match (verdict::verdict(&facts), judged) {
        (Verdict::Refused, _) | (Verdict::Released, None) => None,
        (Verdict::Released, Some(judged)) => {
            let shown = &ctx.show(&out);
            let (versioned, allow_simulated) = (&versioned, args.allow_simulated);
            let release = Release {
                name,
                out: &out,
                versioned,
                signer,
                policy,
                evidence,
                shown,
                allow_simulated,
                queries,
                configs,
            };
            Some(release.build(judged, ctx)?)
        }
    };
    let (release, version) = (args.out.display().to_string(), versioned.version.to_string());
    Ok(report::report(release, version, &facts, released))
}

/// A release that may be built.
struct Release<'a> {
    name: String,
    out: &'a Path,
    versioned: &'a Versioned,
    signer: Option<Signer>,
    policy: LoadedPolicy,
    evidence: Evidence,
    /// The folder as the command line has it.
    shown: &'a str,
    allow_simulated: bool,
    /// What shows the triggers of a rollback.
    queries: TriggerQueries,
    /// The files of the root that it is made by, beside the policy.
    configs: Vec<Named>,
}

impl Release<'_> {
    fn build(&self, judged: Judged, ctx: &Ctx) -> anyhow::Result<Released> {
        let Judged { snapshot, mut parts } = judged;
        let (name, version) = (&self.name, self.versioned.version.to_string());
        let stamp = materials::stamp(ctx)?;
        let created_at = clock::utc(stamp);
        let text = changelog::render(name, &version, &created_at, &snapshot, self.evidence.is_legacy);
        parts.push(Part::new("CHANGELOG.md", "what the soak showed", text));
        let subject = rollback_plan::Subject {
            name,
            version: &version,
            created_at: &created_at,
            policy_path: &self.policy.file.path,
            policy_sha256: &self.policy.file.sha256,
        };
        let text = rollback_plan::render(&subject, &self.policy.policy, &self.queries);
        parts.push(Part::new("rollback_plan.md", "ten minutes back", text));
        let shown = self.shown;
        let text = checklist::render(&title(name, &version), shown, &snapshot, &self.queries);
        parts.push(Part::new(checklist::FILE_NAME, "the first two days", text));
        let mut checkout = materials::checkout(ctx)?;
        let configs: Vec<Named> = self.configs.iter().chain(&self.versioned.file).cloned().collect();
        let made_by: Vec<&Named> = configs.iter().chain([&self.policy.file]).collect();
        let root = RootDir::open(&ctx.root)?;
        let uncommitted = materials::uncommitted(&mut checkout, (&[], &[]), &made_by, &root, ctx)?;
        let summary = self.summary(&parts, checkout.as_ref().ok(), ctx);
        parts.extend(summary.files().map(|(name, text)| Part::new(name, summary::DESCRIPTION, text)));
        parts.sort_by_key(|part| part.name);
        let manifest = Manifest {
            clock: ctx.clock.is_frozen().then_some(ClockKind::Frozen),
            created_at,
            files: parts.iter().map(described).collect(),
            git: checkout.clone().ok(),
            name: name.clone(),
            provenance: Provenance {
                builder: manifest::BUILDER.to_owned(),
                configs,
                encoder: manifest::NO_ENCODER.to_owned(),
                plan: self.policy.file.clone(),
                uncommitted: uncommitted.clone(),
                ..Provenance::default()
            },
            schema: manifest::SCHEMA.to_owned(),
            seal: String::new(),
            version,
        };
        let text = manifest.sealed();
        let sha256 = hash::sha256(&text);
        let comment =
            materials::trusted_comment(stamp, manifest::FILE_NAME, &self.versioned.version, &sha256);
        self.write(&parts, &text, &comment, ctx)?;
        let files = parts.iter().map(|part| part.name.to_owned()).collect();
        let (findings, is_simulated) = (summary.findings(), summary.is_simulated());
        Ok(Released { files, sha256, checkout, uncommitted, findings, is_simulated })
    }

    /// What the release rests on: the snapshot that is in it, and what lies beside the soak.
    fn summary(&self, parts: &[Part], git: Option<&Revision>, ctx: &Ctx) -> ReleaseSummary {
        let of_soak = |part: &Part| {
            let text = String::from_utf8_lossy(&part.content);
            let content = typed::parse(&text).map_err(|error| error.to_string())?;
            Ok(FoundDocument { content, modified: ctx.clock.now(), sha256: hash::sha256(&part.content) })
        };
        let path = snapshot::FILE_NAME;
        let soak = parts.iter().find(|part| part.name == path).map(of_soak);
        let found = soak.unwrap_or_else(|| Err(format!("`{path}` is not there")));
        let soak = Source { topic: Topic::Soak, path: path.to_owned(), found };
        let sources: Vec<Source> = std::iter::once(soak).chain(summary::others(&ctx.root)).collect();
        let subject = summary::Subject {
            name: &self.name,
            version: &self.versioned.version.to_string(),
            git,
            is_legacy: self.evidence.is_legacy,
            judged_from: self.evidence.files.clone(),
            maker: ctx.maker(),
            policy: EvidencePolicy::new(&ctx.maker(), self.allow_simulated),
        };
        ReleaseSummary::new(&subject, &sources)
    }

    /// Builds the folder under another name in the same place; it gets its own with the answer of the run.
    fn write(&self, parts: &[Part], manifest: &str, comment: &str, ctx: &Ctx) -> Result<(), Fault> {
        let above = self.out.parent().unwrap_or(&ctx.root);
        let dirs = NewDirs::create(above)?;
        let scratch = ScratchDir::create_in(above, "release")?;
        for part in parts {
            ctx.check_cancelled()?;
            fsio::write_atomic(&scratch.path().join(part.name), &part.content)?;
        }
        let path = scratch.path().join(manifest::FILE_NAME);
        fsio::write_atomic(&path, manifest.as_bytes())?;
        if let Some(signer) = &self.signer {
            let signature = signer.sign(fsio::open(&path)?, comment)?;
            fsio::write_atomic(&scratch.path().join(manifest::SIGNATURE_NAME), signature.as_bytes())?;
        }
        ctx.check_cancelled()?;
        ctx.outputs.add_dir(scratch, self.out);
        dirs.keep();
        Ok(())
    }
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
