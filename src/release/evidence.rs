//! Is the rest of a release's evidence there, and does it say yes?

use crate::evidence::header::{ClockKind, Header};
use crate::tuning::limits::Bounds;
use crate::tuning::overrides::{self, Overrides};
use serde_json::Value;

/// Least share of deltas that must have been applied as proposed.
const LEAST_FULL_APPLY: f64 = 0.90;

/// Whether a report for people says anything.
pub(crate) fn markdown(name: &str, text: &str) -> Result<(), String> {
    let has_heading = text.lines().any(|line| line.starts_with('#'));
    let has_text = text.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#'));
    match (has_heading, has_text) {
        (true, true) => Ok(()),
        (true, false) => Err(format!("`{name}` has headings and nothing below them")),
        (false, _) => Err(format!("`{name}` has no heading, so it is no report")),
    }
}

/// Whether a document comes from a simulation; one that was made under a clock other than the system's does.
pub(crate) fn is_simulated(header: &Header) -> bool {
    header.simulated || header.clock != ClockKind::System
}

/// Whether the verification of the deltas says yes; a simulated one only of a soak that was simulated too.
pub(crate) fn delta_verify(report: &Value, soak_is_simulated: bool) -> Result<(), String> {
    if is_simulated(&Header::read(report)?) && !soak_is_simulated {
        return Err("it is simulated and the soak is not, so it verified something else".to_owned());
    }
    let ratio = match report.get("full_apply_ratio") {
        None => None,
        Some(value) => {
            let ratio = value.as_f64().filter(|ratio| (0.0..=1.0).contains(ratio));
            Some(ratio.ok_or_else(|| format!("full_apply_ratio is {value}, which is no share"))?)
        }
    };
    if let Some(ratio) = ratio.filter(|ratio| *ratio < LEAST_FULL_APPLY) {
        return Err(format!("full_apply_ratio is {ratio}, less than {LEAST_FULL_APPLY}"));
    }
    match (report.get("verdict").map(|verdict| verdict.as_str().unwrap_or_default()), ratio) {
        (Some("PASS" | "OK"), _) | (None, Some(_)) => Ok(()),
        (Some(verdict), _) => Err(format!("its verdict is `{verdict}`, not PASS")),
        (None, None) => Err("it has neither a verdict nor full_apply_ratio".to_owned()),
    }
}

/// What is wrong with the run-time overrides, and what no limit covers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Judged {
    /// Reasons to refuse them.
    pub(crate) refusals: Vec<String>,
    /// Keys that no limit covers.
    pub(crate) remarks: Vec<String>,
}

/// Holds the overrides to the limits: the run-time keys inside their bounds, and no block that could
/// hide a parameter from them.
pub(crate) fn overrides(overrides: &Overrides, bounds: &Bounds) -> Judged {
    let mut judged = Judged::default();
    let broken = overrides::broken(overrides, bounds);
    judged.refusals.extend(broken.iter().map(|violation| format!("overrides break {violation}")));
    for name in overrides::foreign(overrides) {
        match &overrides[name] {
            Value::Object(_) | Value::Array(_) => {
                judged
                    .refusals
                    .push(format!("overrides have a block `{name}`; only flat keys can be held to limits"));
            }
            _ => judged.remarks.push(format!("no limit covers the override `{name}`")),
        }
    }
    judged
}
