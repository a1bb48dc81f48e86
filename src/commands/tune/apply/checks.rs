//! What is looked at before the parameters of a sweep are written, each with its outcome.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::Facts;
use crate::commands::tune::choose::document::{BestCandidate, FeedRecord};
use crate::commands::tune::choose::judge;
use crate::evidence::age::{Age, AgeSource, display, judge_age};
use crate::report::Outcome;
use crate::tuning::overrides::{self, Overrides};

#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    pub(super) note: String,
    pub(super) reasons: Vec<String>,
    /// Age of the sweep, seconds, where this is what was looked at and it is known.
    pub(super) age_s: Option<u64>,
}

impl Check {
    fn new(name: &'static str, outcome: Outcome, note: impl Into<String>) -> Self {
        Self { name, outcome, note: note.into(), reasons: Vec::new(), age_s: None }
    }

    fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }
}

pub(super) fn integrity(facts: &Facts) -> Check {
    let document = &facts.document;
    let mut contradictions = judge::contradictions(document);
    if document.inputs.sha256() != document.inputs_sha256 {
        contradictions.push("`inputs_sha256` is not the hash of its inputs".to_owned());
    }
    let note = format!("sha256={}", facts.sweep_sha256);
    if contradictions.is_empty() {
        return Check::new("sweep", Outcome::Pass, note);
    }
    let check = Check::new("sweep", Outcome::Fail, note)
        .reason("the report contradicts its own figures: it was edited, or written by another version");
    contradictions.into_iter().fold(check, Check::reason)
}

/// A finish time that was fixed proves no age; a rehearsal then goes by the file's own time and says so.
pub(super) fn age(facts: &Facts) -> Check {
    let name = "age";
    let Facts { document, policy, max_age, .. } = facts;
    let told = judge_age(&document.header, AgeSource::Field(document.finished_at), *max_age, policy);
    let (age, is_told) = match (told, facts.modified) {
        (Age::Frozen | Age::Untold, Some(modified)) => (Age::of(modified, policy.now, *max_age), false),
        (age, _) => (age, true),
    };
    let limit = display(*max_age);
    match age {
        Age::Frozen | Age::Untold => Check::new(name, Outcome::Unknown, "unknown")
            .reason("the sweep's finish time was fixed and proves no age"),
        Age::Future { ahead } => Check::new(name, Outcome::Fail, "clock")
            .reason(format!("clock: the sweep was finished {} in the future", display(ahead))),
        Age::Stale { age } => Check::new(name, Outcome::Fail, "stale")
            .reason(format!("stale: finished {} ago, the limit is {limit}", display(age))),
        Age::Fresh { age } => {
            let outcome = if is_told { Outcome::Pass } else { Outcome::Warn };
            let mut check = Check::new(name, outcome, format!("at most {limit}"));
            check.age_s = Some(age.as_secs());
            if is_told { check } else { check.reason("finish time fixed; the file's own time was taken") }
        }
    }
}

/// Whether the sweep traded only feeds that are accepted.
pub(super) fn feed(facts: &Facts) -> Check {
    let feeds = &facts.document.inputs.feeds;
    let names: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
    let check = |outcome| Check::new("feed", outcome, names.join(", "));
    if feeds.is_empty() {
        return check(Outcome::Fail).reason("the sweep names no feed");
    }
    let accepted = &facts.accepted_feeds;
    if accepted.is_empty() {
        return check(Outcome::Warn)
            .reason("not pinned: any feed is accepted; pin one with --feed or --feed-sha256");
    }
    let foreign: Vec<&FeedRecord> = feeds.iter().filter(|feed| !accepted.contains(&feed.sha256)).collect();
    let outcome = if foreign.is_empty() { Outcome::Pass } else { Outcome::Fail };
    let reason = |feed: &FeedRecord| format!("foreign feed: `{}`, sha256 {}", feed.name, feed.sha256);
    foreign.into_iter().map(reason).fold(check(outcome), Check::reason)
}

pub(super) fn market(facts: &Facts) -> Check {
    let name = "market";
    let simulated = facts.document.header.simulated || facts.document.inputs.simulated();
    match (simulated, facts.policy.allow_simulated) {
        (false, _) => Check::new(name, Outcome::Pass, "recorded"),
        (true, true) => Check::new(name, Outcome::Warn, "simulated")
            .reason("accepted by --allow-simulated; no evidence for a real market"),
        (true, false) => Check::new(name, Outcome::Fail, "simulated")
            .reason("a sweep on a generated market is not evidence"),
    }
}

/// The choice under the limits in force now, which may not be those of the sweep.
pub(super) fn best_safe(facts: &Facts, best: Option<&BestCandidate>) -> Check {
    let name = "best_safe";
    let Some(best) = best else {
        return Check::new(name, Outcome::Fail, "none")
            .reason("unsafe: no candidate keeps every limit in force");
    };
    let mut check = Check::new(name, Outcome::Pass, format!("CANDIDATE={}", best.index))
        .reason(format!("net_bps at least {:.6}", best.net_bps_lower));
    let stored = facts.document.best_safe.as_ref().map(|stored| stored.index);
    if stored != Some(best.index) {
        let stored = stored.map_or_else(|| "none".to_owned(), |index| index.to_string());
        check.outcome = Outcome::Warn;
        check = check.reason(format!("the sweep's own limits chose {stored}; the limits in force differ"));
    }
    if best.net_bps_lower < 0.0 {
        check.outcome = Outcome::Warn;
        check = check.reason("it is not shown to earn: the lower end is below 0");
    }
    check
}

pub(super) fn walk_forward(facts: &Facts) -> Check {
    let Facts { document, bounds, safety, .. } = facts;
    let walk = judge::walk_forward(&document.candidates, document.inputs.walk_forward, bounds, safety);
    let note = walk.chosen.map_or_else(|| "none".to_owned(), |index| format!("CANDIDATE={index}"));
    walk.flag.iter().fold(Check::new("walk_forward", walk.outcome(safety), note), Check::reason)
}

pub(super) fn bounds(facts: &Facts, next: &Overrides) -> Check {
    let broken = overrides::broken(next, &facts.bounds);
    let outcome = if broken.is_empty() { Outcome::Pass } else { Outcome::Fail };
    broken.iter().map(ToString::to_string).fold(Check::new("bounds", outcome, ""), Check::reason)
}
