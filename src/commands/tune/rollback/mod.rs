//! `mmops tune rollback`: restore the overrides file that the last apply replaced, byte for byte, and
//! record who did it, when and why.
//!
//! The kept file is used up, so that a second rollback finds nothing instead of bringing the bad
//! parameters back. What was rolled back stays beside the target as `*.rolled-back.json`.

mod arguments;
mod report;
mod verdict;

pub(crate) use arguments::Args;
pub(crate) use report::{RollbackBody, RollbackRecord, SPEC};

use super::apply::document::TuningApply;
use super::paths::reports;
use super::target;
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::form::Form;
use crate::format::json;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::env;
use crate::sys::fsio;
use crate::sys::json_file;
use crate::tuning::overrides::{self, Overrides};
use report::OverridesVersion;
use std::path::Path;
use verdict::{Facts, Verdict};

/// What it writes beside the overrides.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let dry_run = given.is_set("dry_run");
    let path = reports(dry_run).join("AUTO_ROLLBACK.json");
    let report = if dry_run {
        Output::of_verdict("", path, Form::Document("auto-rollback"))
    } else {
        Output::record("", path)
    };
    let target = given.path("target").map(|path| Output::updated("target", path, None));
    target.into_iter().chain([report]).collect()
}

/// Restores the previous file and records it.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let target = ctx.path(&args.target);
    let previous_path = target.with_extension("prev.json");
    let record_path = ctx.path(reports(args.dry_run)).join("AUTO_ROLLBACK.json");
    let _lock = (!args.dry_run).then(|| ctx.lock(&target.with_extension("lock"))).transpose()?;

    let current = target::read(&target, ctx)?;
    let previous = target::read(&previous_path, ctx)?;
    let current_sha256 = current.as_ref().map(|current| current.sha256.clone());
    let facts = Facts {
        changed_since_apply: changed_since_apply(ctx, &target, current_sha256.as_deref()),
        current_sha256,
        previous_sha256: previous.as_ref().map(|previous| previous.sha256.clone()),
        dry_run: args.dry_run,
    };
    let verdict = verdict::verdict(&facts);
    let shown = (ctx.show(&target), ctx.show(&previous_path));
    let files = (&*shown.0, &*shown.1);
    let previous = match (verdict, previous) {
        (Verdict::Restored | Verdict::DryRun, Some(previous)) => previous,
        (verdict, _) => return Ok(report::report(&facts, verdict, None, files)),
    };
    let output = ctx.record_file(&record_path)?;
    let rolled_back_path = target.with_extension("rolled-back.json");
    let empty = Overrides::new();
    let now = current.as_ref().map_or(&empty, |current| &current.overrides);
    let changes = overrides::changes(now, &previous.overrides);
    if !args.dry_run {
        if let Some(current) = &current {
            fsio::write_atomic(&rolled_back_path, &current.bytes)?;
        }
        fsio::write_atomic(&target, &previous.bytes)?;
        let removed = fsio::remove(&previous_path);
        removed.map_err(|error| Fault::write(format!("`{}`", ctx.show(&previous_path)), &error))?;
    }
    let kept = |path: &Path| Some(ctx.show(path));
    let record = RollbackRecord {
        at: ctx.clock.stamp_utc(),
        changes,
        dry_run: args.dry_run,
        from: OverridesVersion {
            path: current.as_ref().and_then(|_| kept(if args.dry_run { &target } else { &rolled_back_path })),
            sha256: facts.current_sha256.clone(),
        },
        header: Header::new("mmops.auto-rollback.v1", ctx.maker()),
        target: ctx.show(&target),
        to: OverridesVersion {
            path: kept(if args.dry_run { &previous_path } else { &target }),
            sha256: facts.previous_sha256.clone(),
        },
        who: args.who.clone().unwrap_or_else(|| format!("uid {}", env::user_id())),
        why: args.why.clone(),
    };
    output.finish(json::document(&record).as_bytes())?;
    Ok(report::report(&facts, verdict, Some(&record), files).evidence([ctx.show(&record_path)]))
}

/// Whether the last apply's own report says that it left other bytes in this file. Without a readable
/// report nothing is known, and nothing is claimed.
fn changed_since_apply(ctx: &Ctx, target: &Path, current_sha256: Option<&str>) -> bool {
    // The second name is that of an apply of 0.1.0.
    let names = ["artifacts/TUNING_APPLY.json", "artifacts/TUNING_REPORT.json"];
    let read = |name: &str| json_file::read::<TuningApply>(&ctx.path(name)).ok();
    let Some(report) = names.into_iter().find_map(read) else { return false };
    let same_file = report.target == ctx.show(target) && report.target_sha256_after.is_some();
    same_file && report.target_sha256_after.as_deref() != current_sha256
}
