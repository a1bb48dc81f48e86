//! Is the rest of a release's evidence there, and does it say yes?

use super::snapshot::Snapshot;
use crate::evidence::header::Header;
use crate::tuning::limits::Bounds;
use crate::tuning::overrides::{self, Overrides};
use anyhow::{Context as _, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Least share of deltas that must have been applied as proposed.
const LEAST_FULL_APPLY: f64 = 0.90;

/// How long before the end of its run a document of it may have been made.
const SAME_RUN: SignedDuration = SignedDuration::from_hours(24);

/// Refuses a report for people that says nothing.
pub(crate) fn check_report(name: &str, text: &str) -> anyhow::Result<()> {
    let has_heading = text.lines().any(|line| line.starts_with('#'));
    let has_text = text.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#'));
    ensure!(has_heading, "`{name}` has no heading, so it is not a report");
    ensure!(has_text, "`{name}` has headings and nothing below them");
    Ok(())
}

/// Refuses a verification of the deltas that does not say yes, and a simulated one of a soak that was not. That
/// nothing was tuned is a yes of a soak whose snapshot says the same.
pub(crate) fn check_delta_verify(report: &Value, soak: &Snapshot) -> anyhow::Result<()> {
    let header = Header::read(report).map_err(anyhow::Error::msg)?;
    let is_foreign = header.is_rehearsal() && !soak.simulated;
    ensure!(!is_foreign, "it is simulated and the soak is not, so it verified something else");
    let ratio = match report.get("full_apply_ratio") {
        None => None,
        Some(value) => {
            let ratio = value.as_f64().filter(|ratio| (0.0..=1.0).contains(ratio));
            Some(ratio.with_context(|| format!("full_apply_ratio is {value}, which is not a share"))?)
        }
    };
    if let Some(ratio) = ratio.filter(|ratio| *ratio < LEAST_FULL_APPLY) {
        bail!("full_apply_ratio is {ratio}, less than {LEAST_FULL_APPLY}");
    }
    match (report.get("verdict").map(|verdict| verdict.as_str().unwrap_or_default()), ratio) {
        (Some("PASS" | "OK"), _) | (None, Some(_)) => Ok(()),
        (Some("NOT_TUNED"), None) if soak.applied_iterations.as_ref().is_some_and(Vec::is_empty) => Ok(()),
        (Some("NOT_TUNED"), _) => {
            bail!("it says that nothing was tuned, and the snapshot does not say so")
        }
        (Some(verdict), _) => bail!("its verdict is `{verdict}`, not PASS"),
        (None, None) => bail!("it has neither a verdict nor full_apply_ratio"),
    }
}

/// Fields by which a document says of which run it is, or how far that went.
const RUN: [&str; 9] = [
    "run_dir",
    "run_id",
    "run",
    "started_at_ms",
    "observed_from",
    "observed_to",
    "subject",
    "iterations_total",
    "iterations_analyzed",
];

/// Refuses a document that speaks of another run than the snapshot does, as far as both say of which.
pub(crate) fn check_same_run(report: &Value, document: &Value, soak: &Snapshot) -> anyhow::Result<()> {
    for name in RUN {
        if let (Some(of_report), Some(of_soak)) = (report.get(name), document.get(name)) {
            let is_same = of_report == of_soak || of_report.is_null() || of_soak.is_null();
            ensure!(is_same, "it is of another run: its {name} is {of_report}, the snapshot's {of_soak}");
        }
    }
    let lists = report.as_object().into_iter().flatten().filter(|(name, _)| name.ends_with("iterations"));
    for (name, list) in lists {
        let last = list.as_array().into_iter().flatten().filter_map(Value::as_u64).max().unwrap_or_default();
        let total = soak.iterations_total;
        ensure!(last <= total, "it is of another run: {name} has {last}, the snapshot's run has {total}");
        if let Some(applied) = soak.applied_iterations.as_ref().filter(|_| name == "applied_iterations") {
            let is_same = *list == json!(applied);
            ensure!(is_same, "it is of another run: {name} is {list}, the snapshot's {applied:?}");
        }
    }
    let time = |name: &str| report.get(name)?.as_str()?.parse::<Timestamp>().ok();
    let made = ["made_at", "timestamp", "generated_at"].into_iter().find_map(time);
    // Whoever verified the deltas of a run did so when it had ended.
    if let Some(made) = made.filter(|made| *made < soak.observed_to.unwrap_or(soak.made_at) - SAME_RUN) {
        bail!("it is of another run: it was made at {made}, the snapshot speaks of {}", soak.as_of());
    }
    Ok(())
}

/// What is wrong with the run-time overrides, and what no limit covers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OverridesCheck {
    /// Reasons to refuse them.
    pub(crate) refusals: Vec<String>,
    /// Keys that no limit covers.
    pub(crate) remarks: Vec<String>,
}

/// Holds the overrides to the limits: the run-time keys inside their bounds, and no block that could
/// hide a parameter from them.
pub(crate) fn check_overrides(overrides: &Overrides, bounds: &Bounds) -> OverridesCheck {
    let mut check = OverridesCheck::default();
    let broken = overrides::broken(overrides, bounds);
    check.refusals.extend(broken.iter().map(|violation| format!("overrides break {violation}")));
    for name in overrides::foreign(overrides) {
        match &overrides[name] {
            Value::Object(_) | Value::Array(_) => {
                check
                    .refusals
                    .push(format!("overrides have a block `{name}`; only flat keys can be held to limits"));
            }
            _ => check.remarks.push(format!("no limit covers the override `{name}`")),
        }
    }
    check
}
