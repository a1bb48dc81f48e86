//! Is the rest of a release's evidence there, and does it say yes?

use super::snapshot::Snapshot;
use crate::evidence::header::Header;
use crate::tuning::limits::Bounds;
use crate::tuning::overrides::{self, Overrides};
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// Least share of deltas that must have been applied as proposed.
const LEAST_FULL_APPLY: f64 = 0.90;

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
