//! The table of a sweep, from its report.

use super::shard::Shard;
use crate::commands::tune::choose::document::{Best, Document, WalkForward};
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row, Status};
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("tune sweep", "PARAM_SWEEP", "FAILED");

const TITLE: &str = "PARAMETER SWEEP RESULTS";

/// The fields of `tune sweep --format json` beside those of every command.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct Body {
    /// The chosen candidate; null when none is safe.
    best_safe: Option<Best>,
    /// Number of candidates.
    candidates: usize,
    /// SHA-256 of the inputs.
    inputs_sha256: String,
    /// Number of safe candidates.
    safe: usize,
    /// SHA-256 of the written report.
    sha256: String,
    /// Whether any feed was generated.
    simulated: bool,
    /// How many candidates break each limit.
    violations: BTreeMap<String, usize>,
    /// The walk-forward check.
    walk_forward: WalkForward,
}

/// The report of a whole sweep; `worst` is the worst state of `extra`.
pub(super) fn report(document: &Document, sha256: &str, extra: Vec<Row>, worst: Status) -> Report {
    let safe = document.candidates.iter().filter(|candidate| candidate.safe).count();
    let mut violations = BTreeMap::new();
    for violation in document.candidates.iter().flat_map(|candidate| &candidate.violations) {
        *violations.entry(violation.limit.clone()).or_insert(0) += 1;
    }
    let walk_forward = walk_forward(document);
    // Without a safe candidate there is none to walk forward with: that is the answer, not its consequence.
    let conclusion = match (worst, document.best_safe.is_some(), walk_forward.status) {
        (Status::Fail, ..) | (_, true, Status::Fail) => Conclusion::new(Outcome::Fail, "FAILED"),
        (_, false, _) => Conclusion::new(Outcome::Fail, "NO_SAFE_CANDIDATE"),
        (_, true, _) => Conclusion::new(Outcome::Pass, "OK"),
    };
    let mut rows: Vec<Row> = document.inputs.feeds.iter().map(feed).collect();
    rows.push(Row::new("candidates", Status::Ok).note(document.candidates.len().to_string()));
    rows.push(safe_row(document, safe, &violations));
    rows.push(best(document));
    rows.push(walk_forward);
    rows.extend(extra);
    rows.push(Row::new("report", Status::Ok).note(format!("sha256={sha256}")));
    let body = Body {
        best_safe: document.best_safe.clone(),
        candidates: document.candidates.len(),
        inputs_sha256: document.inputs_sha256.clone(),
        safe,
        sha256: sha256.to_owned(),
        simulated: document.simulated,
        violations,
        walk_forward: document.walk_forward.clone(),
    };
    Report::new(&SPEC, TITLE, conclusion).rows(rows).body(&body)
}

fn feed(feed: &crate::commands::tune::choose::document::FeedRecord) -> Row {
    let status = if feed.simulated { Status::Warn } else { Status::Ok };
    let mut row = Row::new("feed", status)
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

fn safe_row(document: &Document, safe: usize, violations: &BTreeMap<String, usize>) -> Row {
    let total = document.candidates.len();
    let status = if safe == 0 { Status::Fail } else { Status::Ok };
    let mut row = Row::new("safe", status).note(format!("{safe} of {total}"));
    for (limit, count) in violations {
        row = row.reason(format!("{limit} broken by {count}"));
    }
    if let Some(worst) = document.candidates.iter().find(|candidate| !candidate.safe) {
        let text: Vec<String> = worst.violations.iter().map(ToString::to_string).collect();
        row = row.reason(format!("for example candidate {}: {}", worst.index, text.join("; ")));
    }
    row
}

fn best(document: &Document) -> Row {
    let Some(best) = &document.best_safe else {
        return Row::new("best_safe", Status::Fail).note("none").reason("no candidate keeps every limit");
    };
    let loses = best.net_bps_lower < 0.0;
    let status = if loses { Status::Warn } else { Status::Ok };
    let params: Vec<String> = best.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let net = best.net_bps.map_or_else(|| "unknown".to_owned(), |net| format!("{net:.6}"));
    let level = 100.0 * document.inputs.bootstrap.level;
    let mut row = Row::new("best_safe", status)
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

fn walk_forward(document: &Document) -> Row {
    let walk = &document.walk_forward;
    let binds = document.inputs.limits.safety.min_walk_forward_net_bps.is_some();
    let status = match &walk.flag {
        None => Status::Ok,
        Some(_) if binds => Status::Fail,
        Some(_) => Status::Warn,
    };
    let note = walk.chosen.map_or_else(|| "none".to_owned(), |index| format!("CANDIDATE={index}"));
    let mut row = Row::new("walk_forward", status).note(note);
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

/// Whether a sweep gave the same bytes twice.
pub(super) fn reproducible(first: &str, second: &str, jobs: (usize, usize)) -> (Row, Status) {
    let status = if first == second { Status::Ok } else { Status::Fail };
    let row = Row::new("reproducible", status).note(format!("jobs {} and {}", jobs.0, jobs.1));
    let row = match status {
        Status::Ok => row,
        _ => row.reason(format!("sha256 {first}, then {second}")),
    };
    (row, status)
}

/// The report of a shard: it measures and does not judge.
pub(super) fn shard(shard: &Shard, sha256: &str) -> Report {
    let mut rows: Vec<Row> = shard.inputs.feeds.iter().map(feed).collect();
    let count = format!("{} of {}", shard.measurements.len(), shard.inputs.grid.len());
    rows.push(Row::new("candidates", Status::Ok).note(count));
    rows.push(Row::new("shard", Status::Ok).note(format!("{} of {}", shard.index, shard.of)));
    rows.push(Row::new("report", Status::Ok).note(format!("sha256={sha256}")));
    Report::new(&SPEC, TITLE, Conclusion::new(Outcome::Pass, "SHARD")).rows(rows)
}
