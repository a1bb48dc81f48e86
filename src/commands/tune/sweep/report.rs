//! The report of a sweep, and of a shard of one.

use super::verdict::{Facts, Origin, Verdict};
use crate::commands::tune::choose::document::{BestCandidate, FeedRecord, SweepDocument, WalkForward};
use crate::commands::tune::choose::shard::SweepShard;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("tune sweep", "PARAM_SWEEP", "FAILED");

const TITLE: &str = "PARAMETER SWEEP RESULTS";

/// The fields of `tune sweep --format json` beside those of every command.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(crate) enum SweepAnswer {
    Sweep(Box<SweepBody>),
    Shard(ShardBody),
}

/// The fields of a shard, which measures and does not judge.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct ShardBody {
    /// The part of the candidates, from 0.
    shard: usize,
    /// The number of parts.
    of: usize,
    /// SHA-256 of the written report.
    sha256: String,
}

/// The fields of a whole sweep.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct SweepBody {
    /// The chosen candidate; null when none is safe.
    best_safe: Option<BestCandidate>,
    /// Number of candidates.
    candidates: usize,
    /// SHA-256 of the inputs.
    inputs_sha256: String,
    /// Number of safe candidates.
    safe: usize,
    /// SHA-256 of the written report.
    sha256: String,
    /// How many candidates break each limit.
    violations: BTreeMap<String, usize>,
    /// The walk-forward check.
    walk_forward: WalkForward,
}

pub(super) fn report(facts: &Facts, verdict: Verdict, sha256: &str) -> Report {
    let document = &facts.document;
    let mut violations = BTreeMap::new();
    for violation in document.candidates.iter().flat_map(|candidate| &candidate.violations) {
        *violations.entry(violation.limit.clone()).or_insert(0) += 1;
    }
    let conclusion = match verdict {
        Verdict::Chosen => Conclusion::new(Outcome::Pass, "OK"),
        Verdict::NoSafeCandidate => Conclusion::new(Outcome::Fail, "NO_SAFE_CANDIDATE"),
        Verdict::NotReproducible | Verdict::WalkForwardFailed => Conclusion::new(Outcome::Fail, "FAILED"),
    };
    let mut rows: Vec<Row> = document.inputs.feeds.iter().map(feed).collect();
    rows.push(Row::new("candidates", Outcome::Pass).note(document.candidates.len().to_string()));
    rows.push(safe_row(document, &violations));
    rows.push(best(document));
    rows.push(walk_forward(document));
    rows.extend(origin(&facts.origin));
    rows.push(Row::new("report", Outcome::Pass).note(format!("sha256={sha256}")));
    let body = SweepBody {
        best_safe: document.best_safe.clone(),
        candidates: document.candidates.len(),
        inputs_sha256: document.inputs_sha256.clone(),
        safe: document.safe_count(),
        sha256: sha256.to_owned(),
        violations,
        walk_forward: document.walk_forward.clone(),
    };
    Report::new(&SPEC, TITLE, conclusion)
        .rows(rows)
        .simulated(document.header.simulated)
        .body(&SweepAnswer::Sweep(Box::new(body)))
}

fn feed(feed: &FeedRecord) -> Row {
    let outcome = if feed.simulated { Outcome::Warn } else { Outcome::Pass };
    let mut row = Row::new("feed", outcome)
        .note(feed.name.clone())
        .reason(format!("{} {} to {}", feed.symbol, feed.first_utc, feed.last_utc))
        .reason(format!("sha256 {}", feed.sha256))
        .reason(defects(&feed.quality))
        .field("simulated", feed.simulated)
        .field("quality", &feed.quality);
    if feed.simulated {
        row = row.reason("simulated: true; no evidence for a real market");
    }
    row
}

/// The defects of a feed by kind; a report of another version may have no counts.
fn defects(quality: &serde_json::Value) -> String {
    let Some(counts) = quality["defects"].as_object() else { return "defects unknown".to_owned() };
    let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    counts.join(", ")
}

fn safe_row(document: &SweepDocument, violations: &BTreeMap<String, usize>) -> Row {
    let (safe, total) = (document.safe_count(), document.candidates.len());
    let outcome = if safe == 0 { Outcome::Fail } else { Outcome::Pass };
    let mut row = Row::new("safe", outcome).note(format!("{safe} of {total}"));
    for (limit, count) in violations {
        row = row.reason(format!("{limit} broken by {count}"));
    }
    if let Some(worst) = document.candidates.iter().find(|candidate| !candidate.safe) {
        let text: Vec<String> = worst.violations.iter().map(ToString::to_string).collect();
        row = row.reason(format!("for example candidate {}: {}", worst.index, text.join("; ")));
    }
    row
}

fn best(document: &SweepDocument) -> Row {
    let Some(best) = &document.best_safe else {
        return Row::new("best_safe", Outcome::Fail).note("none").reason("no candidate keeps every limit");
    };
    let loses = best.net_bps_lower < 0.0;
    let outcome = if loses { Outcome::Warn } else { Outcome::Pass };
    let params: Vec<String> = best.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let net = best.net_bps.map_or_else(|| "unknown".to_owned(), |net| format!("{net:.6}"));
    let level = 100.0 * document.inputs.bootstrap.level;
    let mut row = Row::new("best_safe", outcome)
        .note(format!("CANDIDATE={}", best.index))
        .reason(params.join(" "))
        .reason(format!(
            "net_bps {net}, lower end {:.6} at {level}%, order_age_p95_ms {:.6}",
            best.net_bps_lower, best.order_age_p95_ms
        ));
    if loses {
        row = row.reason("it keeps every limit but is not shown to earn: the lower end is below 0");
    }
    row
}

fn walk_forward(document: &SweepDocument) -> Row {
    let walk = &document.walk_forward;
    let note = walk.chosen.map_or_else(|| "none".to_owned(), |index| format!("CANDIDATE={index}"));
    let mut row = Row::new("walk_forward", walk.outcome(&document.inputs.limits.safety)).note(note);
    let shown = |net: Option<f64>| net.map_or_else(|| "unknown".to_owned(), |net| format!("{net:.6}"));
    if let Some(test) = &walk.test {
        let (train, test) = (shown(walk.train_net_bps), shown(test.metrics.net_bps));
        let percent = 100.0 * document.inputs.walk_forward.train_fraction;
        row = row.reason(format!("net_bps {train} on the first {percent}%, {test} on the rest"));
    }
    if let Some(flag) = &walk.flag {
        row = row.reason(flag.clone());
    }
    row
}

/// Whether shards were joined, or a repeated sweep gave the same bytes.
fn origin(origin: &Origin) -> Option<Row> {
    match origin {
        Origin::Measured => None,
        Origin::Merged { shards } => Some(Row::new("merged", Outcome::Pass).note(format!("{shards} shards"))),
        Origin::Repeated { jobs: [one, other], sha256: [first, second] } => {
            let row = |outcome| Row::new("reproducible", outcome).note(format!("jobs {one} and {other}"));
            Some(if origin.is_reproducible() {
                row(Outcome::Pass)
            } else {
                row(Outcome::Fail).reason(format!("sha256 {first}, then {second}"))
            })
        }
    }
}

/// The report of a shard: it measures and does not judge.
pub(super) fn shard(shard: &SweepShard, sha256: &str) -> Report {
    let mut rows: Vec<Row> = shard.inputs.feeds.iter().map(feed).collect();
    let count = format!("{} of {}", shard.measurements.len(), shard.inputs.grid.len());
    rows.push(Row::new("candidates", Outcome::Pass).note(count));
    rows.push(Row::new("shard", Outcome::Pass).note(format!("{} of {}", shard.index, shard.of)));
    rows.push(Row::new("report", Outcome::Pass).note(format!("sha256={sha256}")));
    Report::new(&SPEC, TITLE, Conclusion::new(Outcome::Pass, "SHARD"))
        .rows(rows)
        .simulated(shard.inputs.simulated())
        .body(&SweepAnswer::Shard(ShardBody { shard: shard.index, of: shard.of, sha256: sha256.to_owned() }))
}
