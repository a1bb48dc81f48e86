//! `mmops tune apply`: write the chosen parameters of a sweep to the bot's overrides file.
//!
//! Refuses a sweep that is stale, of a foreign feed, simulated, edited, or without a safe candidate under
//! the limits in force now. All six run-time keys are written, since the figures hold for the six together;
//! keys of other origin stay. The file that was there is kept for `tune rollback`.

mod arguments;
mod checks;
pub(crate) mod document;
mod facts;
mod report;
mod verdict;

pub(crate) use arguments::Args;
pub(crate) use report::SPEC;

use super::choose::document::{SCHEMA, SweepDocument};
use super::config;
use super::paths::reports;
use super::target::{self, TargetFile};
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::header::Header;
use crate::format::form::Form;
use crate::format::hash;
use crate::format::json;
use crate::format::json::typed;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::tuning::limits::Bounds;
use crate::tuning::overrides;
use document::{Decision, TuningApply};
use facts::Facts;
use jiff::Timestamp;
use serde::Deserialize;
use std::path::Path;

/// What it writes beside the overrides.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let dry_run = given.is_set("dry_run");
    let path = reports(dry_run).join("TUNING_APPLY.json");
    let report = if dry_run {
        Output::of_verdict("", path, Form::Document("tuning-apply"))
    } else {
        Output::record("", path)
    };
    let target = given.path("target").map(|path| Output::updated("target", path, None));
    target.into_iter().chain([report]).collect()
}

/// Checks the sweep, writes the overrides, and tells what changed.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let sweep_path = ctx.path(&args.sweep);
    let text = fsio::read_text(&sweep_path)?;
    let document = read_sweep(&text, &ctx.show(&sweep_path))?;
    let limits = config::limits(args.limits.as_deref(), ctx)?.value;
    let report_path = ctx.path(reports(args.dry_run)).join("TUNING_APPLY.json");
    let output = ctx.record_file(&report_path)?;
    let target = ctx.path(&args.target);
    let lock = (!args.dry_run).then(|| ctx.lock(&target.with_extension("lock"))).transpose()?;

    let modified = args.dry_run.then(|| modified(&sweep_path)).transpose()?;
    let accepted_feeds = accepted_feeds(args, ctx)?;
    let before = target::read(&target, ctx)?;
    let facts = Facts {
        sweep_sha256: hash::sha256(text.as_bytes()),
        document,
        modified,
        max_age: args.max_age,
        accepted_feeds,
        policy: EvidencePolicy::new(&ctx.maker(), args.allow_simulated),
        bounds: limits.bounds,
        safety: limits.safety,
        current: before.as_ref().map(|before| before.overrides.clone()),
        dry_run: args.dry_run,
    };
    let verdict = verdict::verdict(&facts);
    let next = verdict.next.as_ref().map(json::document);
    let after = match verdict.decision {
        Decision::Applied | Decision::DryRun => next.as_ref().map(|next| hash::sha256(next.as_bytes())),
        Decision::Unchanged => before.as_ref().map(|before| before.sha256.clone()),
        Decision::Refused => None,
    };
    if let (Decision::Applied, Some(next)) = (verdict.decision, &next) {
        replace(&target, before.as_ref(), next, &facts.bounds)?;
    }
    drop(lock);

    let shown = ctx.show(&target);
    let written = (verdict.decision == Decision::Applied).then(|| shown.clone());
    let report = report::report(&facts, &verdict, &shown, after.as_deref())
        .evidence([ctx.show(&report_path)])
        .evidence(written);
    let document = TuningApply {
        at: ctx.clock.stamp_utc(),
        candidate: verdict.best,
        changes: verdict.changes,
        header: Header::new("mmops.tuning-apply.v1", ctx.maker()).simulated(facts.document.header.simulated),
        feeds: facts.document.inputs.feeds,
        refusals: verdict.refusals,
        sweep: ctx.show(&sweep_path),
        sweep_finished_at: facts.document.finished_at,
        sweep_sha256: facts.sweep_sha256,
        target: shown,
        target_sha256_after: after,
        target_sha256_before: before.map(|before| before.sha256),
        verdict: verdict.decision,
    };
    output.finish(json::document(&document).as_bytes())?;
    Ok(report)
}

/// Decodes a sweep; anything else is refused by what it says it is.
fn read_sweep(text: &str, shown: &str) -> Result<SweepDocument, Fault> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let refuse = |problem: String| {
        Fault::config(format!("`{shown}` is not a sweep: {problem}"))
            .hint("write one with `mmops tune sweep`")
    };
    let head: Head = typed::read(text).map_err(|error| refuse(error.to_string()))?;
    if head.schema != SCHEMA {
        return Err(refuse(format!("its schema is `{}`, not `{SCHEMA}`", head.schema)));
    }
    typed::read(text).map_err(|error| error.fault(shown))
}

/// When the file of a sweep was last written.
fn modified(path: &Path) -> anyhow::Result<Timestamp> {
    let modified = fsio::metadata(path)?.modified().map_err(|error| fsio::unreadable(path, &error))?;
    Ok(Timestamp::try_from(modified)?)
}

/// The digests of the feeds that the operator named, else of those of the grid file.
fn accepted_feeds(args: &Args, ctx: &Ctx) -> anyhow::Result<Vec<String>> {
    let mut accepted = args.feed_sha256.clone();
    let mut files = args.feed.clone();
    if accepted.is_empty() && files.is_empty() {
        files = config::grid(None, ctx)?.value.feeds;
    }
    for path in files {
        let path = ctx.path(path);
        let (sha256, _) =
            hash::sha256_reader(fsio::open(&path)?).map_err(|error| fsio::unreadable(&path, &error))?;
        accepted.push(sha256);
    }
    Ok(accepted)
}

/// Keeps the file that is there, replaces it, and reads back what stands there now.
fn replace(target: &Path, before: Option<&TargetFile>, bytes: &str, bounds: &Bounds) -> anyhow::Result<()> {
    // No file means no overrides, and so does an empty object: rolling back restores that.
    let previous = before.map_or(b"{}\n".as_slice(), |before| &before.bytes);
    fsio::write_atomic(&target.with_extension("prev.json"), previous)?;
    fsio::write_atomic(target, bytes.as_bytes())?;
    let written = fsio::read_text(target)?;
    let shown = target.display();
    anyhow::ensure!(written == bytes, "`{shown}` does not hold what was written to it");
    let broken = overrides::broken(&target::parse(&written, &shown.to_string())?, bounds);
    anyhow::ensure!(broken.is_empty(), "`{shown}` is outside its bounds after the change");
    Ok(())
}
