//! `mmops tune rollback`: restore the overrides file that the last apply replaced, byte for byte, and
//! record who did it, when and why.
//!
//! The kept file is used up, so that a second rollback finds nothing instead of bringing the bad
//! parameters back. What was rolled back stays beside the target as `*.rolled-back.json`.

use super::apply::{TuningReport, read_target};
use super::{TARGET, beside};
use crate::ctx::Ctx;
use crate::evidence::stamp::StampClock;
use crate::format::json;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row, Status};
use crate::sys::fsio::{self, AtomicFile};
use crate::sys::lock::Lock;
use crate::tuning::overrides::{self, Change, Overrides};
use serde::Serialize;
use std::path::{Path, PathBuf};

pub(crate) const SPEC: CommandSpec = CommandSpec::new("tune rollback", "TUNING_ROLLBACK", "FAILED");
const TITLE: &str = "TUNING ROLLBACK RESULTS";

/// Restore the overrides file that the last apply replaced
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Overrides file of the bot
    #[arg(long, value_name = "FILE", default_value = TARGET)]
    pub(crate) target: PathBuf,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub(crate) why: String,
    /// Who, for the record [default: the numeric user]
    #[arg(long, value_name = "NAME", value_parser = text)]
    pub(crate) who: Option<String>,
    /// Show the changes and touch nothing outside artifacts/dry-run
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("it must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// A version of the overrides file.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct Version {
    /// Where its bytes are kept now; absent where there was no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// SHA-256 of its bytes; null where there was no file.
    sha256: Option<String>,
}

/// `artifacts/AUTO_ROLLBACK.json`, `mmops.auto-rollback.v1`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct RollbackRecord {
    /// When.
    at: String,
    /// Old and new value by key.
    changes: Vec<Change>,
    /// Which clock made the stamp; absent for the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<StampClock>,
    /// Whether it was only shown.
    dry_run: bool,
    /// What was rolled back.
    from: Version,
    /// `mmops.auto-rollback.v1`
    schema: String,
    /// The overrides file.
    target: String,
    /// What was restored.
    to: Version,
    /// Who.
    who: String,
    /// Why.
    why: String,
}

/// The fields of `tune rollback --format json` beside those of every command.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct Body {
    /// The record, when something was rolled back or would be.
    record: Option<RollbackRecord>,
}

/// Restores the previous file and records it.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let target = ctx.path(&args.target);
    let previous_path = beside(&target, "prev.json");
    let rolled_back_path = beside(&target, "rolled-back.json");
    let folder = if args.dry_run { "artifacts/dry-run" } else { "artifacts" };
    let record_path = ctx.path(folder).join("AUTO_ROLLBACK.json");
    let _lock = (!args.dry_run).then(|| Lock::acquire(&beside(&target, "lock"))).transpose()?;

    let current = read_target(&target, ctx)?;
    let Some(previous) = read_target(&previous_path, ctx)? else {
        let reason = format!("nothing to roll back to: there is no `{}`", ctx.show(&previous_path));
        return Ok(refused(reason));
    };
    if current.as_ref().is_some_and(|current| current.bytes == previous.bytes) {
        let reason =
            format!("nothing to roll back: `{}` holds the previous values already", ctx.show(&target));
        return Ok(refused(reason));
    }
    let output = AtomicFile::create(&record_path)?;
    let empty = Overrides::new();
    let now = current.as_ref().map_or(&empty, |current| &current.overrides);
    let changes = overrides::changes(now, &previous.overrides);

    let mut rows = vec![Row::new("previous", Status::Ok).note(format!("sha256={}", previous.sha256))];
    let stands = current.as_ref().map(|current| current.sha256.as_str());
    if changed_since_apply(ctx, &target, stands) {
        let reason = "it was changed after the last apply; those changes are rolled back as well";
        rows.push(Row::new("target", Status::Warn).note("changed since apply").reason(reason));
    }
    rows.extend(
        changes.iter().map(|change| Row::new(change.field.clone(), Status::Ok).note(change.to_string())),
    );
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
        clock: ctx.clock.is_frozen().then_some(StampClock::Frozen),
        dry_run: args.dry_run,
        from: Version {
            path: current.as_ref().and_then(|_| kept(if args.dry_run { &target } else { &rolled_back_path })),
            sha256: current.as_ref().map(|current| current.sha256.clone()),
        },
        schema: "mmops.auto-rollback.v1".to_owned(),
        target: ctx.show(&target),
        to: Version {
            path: kept(if args.dry_run { &previous_path } else { &target }),
            sha256: Some(previous.sha256),
        },
        who: args.who.clone().unwrap_or_else(|| format!("uid {}", crate::sys::env::user_id())),
        why: args.why.clone(),
    };
    output.finish(json::document(&record).as_bytes())?;
    rows.push(Row::new("why", Status::Ok).note(record.why.clone()));
    let value = if args.dry_run { "DRYRUN" } else { "OK" };
    let report = Report::new(&SPEC, TITLE, Conclusion::new(Outcome::Pass, value)).rows(rows);
    Ok(report.body(&Body { record: Some(record) }).evidence([ctx.show(&record_path)]))
}

fn refused(reason: String) -> Report {
    let rows = vec![Row::new("previous", Status::Fail).note("none").reason(reason)];
    let conclusion = Conclusion::new(Outcome::Fail, "FAILED");
    Report::new(&SPEC, TITLE, conclusion).rows(rows).body(&Body { record: None })
}

/// Whether the last apply's own report says that it left other bytes in this file. Without a readable
/// report nothing is known, and nothing is claimed.
fn changed_since_apply(ctx: &Ctx, target: &Path, stands: Option<&str>) -> bool {
    let path = ctx.path("artifacts/TUNING_REPORT.json");
    let Ok(report) = crate::format::config::load::<TuningReport>(&path) else { return false };
    let same_file = report.target == ctx.show(target) && report.target_sha256_after.is_some();
    same_file && report.target_sha256_after.as_deref() != stands
}
