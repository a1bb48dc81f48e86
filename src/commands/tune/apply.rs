//! `mmops tune apply`: write the chosen parameters of a sweep to the bot's overrides file.
//!
//! Refuses a sweep that is stale, of a foreign feed, simulated, edited, or without a safe candidate under
//! the limits in force now. The choice is made again from the report's figures; its own flags are only
//! compared. All six run-time keys are written, since the figures hold for the six together; keys of
//! other origin stay. The file that was there is kept for `tune rollback`.

use super::config::{self, LimitsFile};
use super::{TARGET, beside};
use crate::commands::tune::choose::document::{self, Best, Document, FeedRecord, SCHEMA};
use crate::ctx::Ctx;
use crate::evidence::freshness::CLOCK_TOLERANCE;
use crate::evidence::stamp::StampClock;
use crate::format::config::{Format, parse};
use crate::format::hash;
use crate::format::json;
use crate::format::json::typed;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Report, Row, Status};
use crate::sys::fsio::{self, AtomicFile};
use crate::sys::lock::Lock;
use crate::tuning::overrides::{self, Change, Overrides};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("tune apply", "TUNING_APPLY", "FAILED");

/// Write the chosen parameters of a sweep to the bot's overrides file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Report of the sweep
    #[arg(long, value_name = "FILE", default_value = "artifacts/PARAM_SWEEP.json")]
    pub(crate) sweep: PathBuf,
    /// Overrides file of the bot
    #[arg(long, value_name = "FILE", default_value = TARGET)]
    pub(crate) target: PathBuf,
    /// Oldest sweep to accept
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Duration,
    /// Accept a sweep on a generated market; never for a bot that trades real money
    #[arg(long)]
    pub(crate) allow_simulated: bool,
    /// Safety limits and bounds [default: deploy/tuning/limits.yaml, else the same built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// Accept only sweeps on this feed (can be repeated) [default: the feeds of the grid file, if any]
    #[arg(long, value_name = "FILE")]
    pub(crate) feed: Vec<PathBuf>,
    /// Accept only sweeps on the feed with this hash (can be repeated)
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub(crate) feed_sha256: Vec<String>,
    /// Show the changes and touch nothing outside artifacts/dry-run
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn sha256(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { Ok(text) } else { Err("a SHA-256 has 64 hexadecimal digits".to_owned()) }
}

/// What came of an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Verdict {
    /// The overrides file was replaced.
    Applied,
    /// It would have been replaced.
    DryRun,
    /// Nothing was touched, for the reasons given.
    Refused,
    /// The overrides file holds these values already.
    Unchanged,
}

/// `artifacts/TUNING_REPORT.json`, `mmops.tuning-report.v1`.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TuningReport {
    /// When.
    pub(crate) at: String,
    /// The chosen candidate under the limits in force; null when none is safe.
    pub(crate) candidate: Option<Best>,
    /// Old and new value by key.
    pub(crate) changes: Vec<Change>,
    /// Which clock made the stamp; absent for the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<StampClock>,
    /// Feeds the sweep was made on.
    pub(crate) feeds: Vec<FeedRecord>,
    /// Why the sweep was refused.
    pub(crate) refusals: Vec<String>,
    /// `mmops.tuning-report.v1`
    pub(crate) schema: String,
    /// Whether the sweep was made on a generated market.
    pub(crate) simulated: bool,
    /// The sweep's report.
    pub(crate) sweep: String,
    /// When the sweep was finished.
    pub(crate) sweep_finished_at: String,
    /// SHA-256 of the sweep's report.
    pub(crate) sweep_sha256: String,
    /// The overrides file.
    pub(crate) target: String,
    /// SHA-256 of the overrides file as it is now, or would be; null when refused.
    pub(crate) target_sha256_after: Option<String>,
    /// SHA-256 of the overrides file as it was; null when there was none.
    pub(crate) target_sha256_before: Option<String>,
    /// What came of it.
    pub(crate) verdict: Verdict,
}

/// The fields of `tune apply --format json` beside those of every command.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct Body<'a> {
    /// The chosen candidate.
    candidate: &'a Option<Best>,
    /// Old and new value by key.
    changes: &'a [Change],
    /// What came of it.
    apply_verdict: Verdict,
}

/// Checks the sweep, writes the overrides, and tells what changed.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let sweep_path = ctx.path(&args.sweep);
    let text = fsio::read_text(&sweep_path)?;
    let document = read_sweep(&text, &ctx.show(&sweep_path))?;
    let limits = config::limits(args.limits.as_deref(), ctx)?.value;
    let folder = if args.dry_run { "artifacts/dry-run" } else { "artifacts" };
    let report_path = ctx.path(folder).join("TUNING_REPORT.json");
    let output = AtomicFile::create(&report_path)?;
    let target = ctx.path(&args.target);
    let lock = (!args.dry_run).then(|| Lock::acquire(&beside(&target, "lock"))).transpose()?;

    let best = document::best_safe(&document.candidates, &limits.bounds, &limits.safety);
    let mut rows = vec![
        integrity(&document, &text),
        age(&document, &sweep_path, args, ctx)?,
        feed(&document, args, ctx)?,
        simulated(&document, args.allow_simulated),
        best_safe(&document, best.as_ref()),
        walk_forward(&document, &limits),
    ];
    let before = read_target(&target, ctx)?;
    let current = before.as_ref().map_or_else(Overrides::new, |before| before.overrides.clone());
    let next = best.as_ref().map(|best| overrides::with_point(&current, &best.params));
    let changes = next.as_ref().map_or_else(Vec::new, |next| overrides::changes(&current, next));
    if let Some(next) = &next {
        rows.push(bounds(next, &limits));
    }
    rows.extend(changes.iter().map(|change| {
        Row::new(change.field.clone(), Status::Ok)
            .note(change.to_string())
            .field("old", &change.old)
            .field("new", &change.new)
    }));
    if !overrides::foreign(&current).is_empty() {
        let keys = overrides::foreign(&current).join(", ");
        rows.push(
            Row::new("kept", Status::Warn).note(keys).reason("keys of other origin: no bound covers them"),
        );
    }
    let failed = rows.iter().filter(|row| row.status == Status::Fail);
    let refusals: Vec<String> =
        failed.map(|row| format!("{}: {}", row.name, row.reasons.join("; "))).collect();

    let shown = ctx.show(&target);
    let mut after = None;
    let verdict = match &next {
        Some(next) if refusals.is_empty() => {
            let bytes = json::document(next);
            after = Some(hash::sha256(bytes.as_bytes()));
            let unchanged = before.is_some() && changes.iter().all(Change::is_none);
            match (args.dry_run, unchanged) {
                (true, _) => Verdict::DryRun,
                (false, true) => Verdict::Unchanged,
                (false, false) => {
                    replace(&target, before.as_ref(), &bytes, &limits)?;
                    Verdict::Applied
                }
            }
        }
        _ => Verdict::Refused,
    };
    if verdict == Verdict::Unchanged {
        after = before.as_ref().map(|before| before.sha256.clone());
    }
    rows.push(target_row(verdict, &shown, after.as_deref()));
    drop(lock);

    let report = TuningReport {
        at: ctx.clock.stamp_utc(),
        candidate: best,
        changes,
        clock: ctx.clock.is_frozen().then_some(StampClock::Frozen),
        feeds: document.inputs.feeds,
        refusals,
        schema: "mmops.tuning-report.v1".to_owned(),
        simulated: document.simulated,
        sweep: ctx.show(&sweep_path),
        sweep_finished_at: document.finished_at,
        sweep_sha256: hash::sha256(text.as_bytes()),
        target: shown.clone(),
        target_sha256_after: after,
        target_sha256_before: before.map(|before| before.sha256),
        verdict,
    };
    output.finish(json::document(&report).as_bytes())?;
    let (status, value) = match verdict {
        Verdict::Applied | Verdict::Unchanged => (Status::Ok, "OK"),
        Verdict::DryRun => (Status::Ok, "DRYRUN"),
        Verdict::Refused => (Status::Fail, "FAILED"),
    };
    let body = Body { candidate: &report.candidate, changes: &report.changes, apply_verdict: verdict };
    let answer = Report::new(&SPEC, "TUNING APPLY RESULTS", Conclusion::new(status, value));
    let written = (verdict == Verdict::Applied).then_some(shown);
    Ok(answer.rows(rows).body(&body).evidence([ctx.show(&report_path)]).evidence(written))
}

/// Decodes a sweep; anything else is refused by what it says it is.
fn read_sweep(text: &str, shown: &str) -> Result<Document, Fault> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let refuse = |problem: String| {
        Fault::config(format!("`{shown}` is not a sweep: {problem}"))
            .hint("write one with `mmops tune sweep`")
    };
    let head: Head = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    if head.schema != SCHEMA {
        return Err(refuse(format!("its schema is `{}`, not `{SCHEMA}`", head.schema)));
    }
    parse(text, Format::Json, shown)
}

fn integrity(document: &Document, text: &str) -> Row {
    let mut contradictions = document.contradictions();
    if super::sweep::hash(&document.inputs) != document.inputs_sha256 {
        contradictions.push("`inputs_sha256` is not the hash of its inputs".to_owned());
    }
    let status = if contradictions.is_empty() { Status::Ok } else { Status::Fail };
    let mut row = Row::new("sweep", status).note(format!("sha256={}", hash::sha256(text.as_bytes())));
    if !contradictions.is_empty() {
        row = row
            .reason("the report contradicts its own figures: it was edited, or written by another version");
    }
    contradictions.into_iter().fold(row, Row::reason)
}

/// The age by the report's finish time, where its clock and ours tell the same time. A finish time that
/// was fixed proves nothing: a dry run then goes by the file's own time and says so, an apply refuses.
fn age(document: &Document, path: &Path, args: &Args, ctx: &Ctx) -> anyhow::Result<Row> {
    let name = "age";
    let same_clock = document.stamp().tells_age(ctx.clock.is_frozen());
    let finished = if same_clock {
        let Ok(finished) = document.finished_at.parse::<Timestamp>() else {
            let reason = format!("`finished_at` is `{}`, no RFC 3339 time", document.finished_at);
            return Ok(Row::new(name, Status::Fail).note("unknown").reason(reason));
        };
        finished
    } else {
        let fixed = "the sweep's finish time was fixed and proves no age";
        if !args.dry_run {
            return Ok(Row::new(name, Status::Fail).note("unknown").reason(fixed));
        }
        tracing::info!("{fixed}; going by the file's own time");
        let modified = fsio::metadata(path)?.modified().map_err(|error| fsio::unreadable(path, &error))?;
        Timestamp::try_from(modified)?
    };
    let age = ctx.clock.now().duration_since(finished);
    let most = SignedDuration::try_from(args.max_age).unwrap_or(SignedDuration::MAX);
    if age < -CLOCK_TOLERANCE {
        let reason = format!("clock: the sweep was finished {} in the future", whole_seconds(-age));
        return Ok(Row::new(name, Status::Fail).note("clock").reason(reason));
    }
    if age > most {
        let limit = humantime::format_duration(args.max_age);
        let reason = format!("stale: finished {} ago, the limit is {limit}", whole_seconds(age));
        return Ok(Row::new(name, Status::Fail).note("stale").reason(reason));
    }
    let row = Row::new(name, if same_clock { Status::Ok } else { Status::Warn });
    let limit = format!("at most {}", humantime::format_duration(args.max_age));
    let row = row.note(limit).field("age_s", age.as_secs().max(0));
    Ok(if same_clock { row } else { row.reason("finish time fixed; the file's own time was taken") })
}

fn whole_seconds(duration: SignedDuration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(duration.as_secs().unsigned_abs()))
}

/// Whether the sweep traded only feeds that are accepted.
fn feed(document: &Document, args: &Args, ctx: &Ctx) -> anyhow::Result<Row> {
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
    let feeds = &document.inputs.feeds;
    let names: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
    let row = |status| Row::new("feed", status).note(names.join(", "));
    if feeds.is_empty() {
        return Ok(row(Status::Fail).reason("the sweep names no feed"));
    }
    if accepted.is_empty() {
        let reason = "not pinned: any feed is accepted; pin one with --feed or --feed-sha256";
        return Ok(row(Status::Warn).reason(reason));
    }
    let foreign: Vec<&FeedRecord> = feeds.iter().filter(|feed| !accepted.contains(&feed.sha256)).collect();
    let status = if foreign.is_empty() { Status::Ok } else { Status::Fail };
    let reason = |feed: &FeedRecord| format!("foreign feed: `{}`, sha256 {}", feed.name, feed.sha256);
    Ok(foreign.into_iter().map(reason).fold(row(status), Row::reason))
}

fn simulated(document: &Document, allowed: bool) -> Row {
    let simulated = document.simulated || document.inputs.simulated();
    let row = |status| Row::new("market", status).note(if simulated { "simulated" } else { "recorded" });
    match (simulated, allowed) {
        (false, _) => row(Status::Ok),
        (true, true) => {
            row(Status::Warn).reason("accepted by --allow-simulated; no evidence for a real market")
        }
        (true, false) => row(Status::Fail).reason("a sweep on a generated market is no evidence"),
    }
}

/// The choice under the limits in force now, which may not be those of the sweep.
fn best_safe(document: &Document, best: Option<&Best>) -> Row {
    let Some(best) = best else {
        let row = Row::new("best_safe", Status::Fail).note("none");
        return row.reason("unsafe: no candidate keeps every limit in force");
    };
    let mut row = Row::new("best_safe", Status::Ok).note(format!("CANDIDATE={}", best.index));
    row = row.reason(format!("net_bps at least {:.6}", best.net_bps_lower));
    let stored = document.best_safe.as_ref().map(|stored| stored.index);
    if stored != Some(best.index) {
        let stored = stored.map_or_else(|| "none".to_owned(), |index| index.to_string());
        row.status = Status::Warn;
        row = row.reason(format!("the sweep's own limits chose {stored}; the limits in force differ"));
    }
    if best.net_bps_lower < 0.0 {
        row.status = Status::Warn;
        row = row.reason("it is not shown to earn: the lower end is below 0");
    }
    row
}

fn walk_forward(document: &Document, limits: &LimitsFile) -> Row {
    let split = document.inputs.walk_forward;
    let walk = document::walk_forward(&document.candidates, split, &limits.bounds, &limits.safety);
    let note = walk.chosen.map_or_else(|| "none".to_owned(), |index| format!("CANDIDATE={index}"));
    let binds = limits.safety.min_walk_forward_net_bps.is_some();
    match walk.flag {
        None => Row::new("walk_forward", Status::Ok).note(note),
        Some(flag) => {
            Row::new("walk_forward", if binds { Status::Fail } else { Status::Warn }).note(note).reason(flag)
        }
    }
}

fn bounds(next: &Overrides, limits: &LimitsFile) -> Row {
    let broken = overrides::broken(next, &limits.bounds);
    let status = if broken.is_empty() { Status::Ok } else { Status::Fail };
    broken.iter().map(ToString::to_string).fold(Row::new("bounds", status), Row::reason)
}

fn target_row(verdict: Verdict, shown: &str, after: Option<&str>) -> Row {
    let (status, word) = match verdict {
        Verdict::Applied => (Status::Ok, "written"),
        Verdict::DryRun | Verdict::Refused => (Status::Skip, "not touched"),
        Verdict::Unchanged => (Status::Ok, "unchanged"),
    };
    let mut row = Row::new("target", status).note(word).reason(shown.to_owned());
    if let Some(sha256) = after {
        row = row.reason(format!("sha256 {sha256}"));
    }
    row
}

/// The overrides file as it is.
pub(super) struct Before {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
    pub(super) overrides: Overrides,
}

/// Reads an overrides file; one that is no JSON object is refused rather than replaced.
pub(super) fn read_target(path: &Path, ctx: &Ctx) -> Result<Option<Before>, Fault> {
    if !fsio::exists(path)? {
        return Ok(None);
    }
    let text = fsio::read_text(path)?;
    let overrides = parse_overrides(&text, &ctx.show(path))?;
    let bytes = text.into_bytes();
    Ok(Some(Before { sha256: hash::sha256(&bytes), bytes, overrides }))
}

/// A key that stands there twice is refused: the bot may take the other of the two values.
fn parse_overrides(text: &str, shown: &str) -> Result<Overrides, Fault> {
    let value = typed::parse(text).and_then(|value| match value {
        Value::Object(map) => Ok(map.into_iter().collect()),
        _ => Err("it is no object".to_owned()),
    });
    value.map_err(|reason| Fault::config(format!("failed to load `{shown}`: {reason}")))
}

/// Keeps the file that is there, replaces it, and reads back what stands there now.
fn replace(target: &Path, before: Option<&Before>, bytes: &str, limits: &LimitsFile) -> anyhow::Result<()> {
    // No file means no overrides, and so does an empty object: rolling back restores that.
    let previous = before.map_or(b"{}\n".as_slice(), |before| &before.bytes);
    fsio::write_atomic(&beside(target, "prev.json"), previous)?;
    fsio::write_atomic(target, bytes.as_bytes())?;
    let written = fsio::read_text(target)?;
    let shown = target.display();
    anyhow::ensure!(written == bytes, "`{shown}` does not hold what was written to it");
    let stands = parse_overrides(&written, &shown.to_string())?;
    let broken = overrides::broken(&stands, &limits.bounds);
    anyhow::ensure!(broken.is_empty(), "`{shown}` is outside its bounds after the change");
    Ok(())
}
