//! Runs of the earlier toolkit: its summaries as figures, and the faults that are known of it.
#![warn(clippy::wildcard_enum_match_arm)]

use super::iteration::Iteration;
use crate::judge::kpi::{DataState, Measurement};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a summary has what we call by another name.
const FIELDS: [(&str, &str, &str); 9] = [
    ("maker_share_ratio", "maker_taker_ratio", "ratio"),
    ("order_latency_p95_ms", "p95_latency_ms", "ms"),
    ("risk_block_ratio", "risk_ratio", "ratio"),
    ("net_bps", "net_bps", "bps"),
    // What drives them, where nothing is judged by it.
    ("adverse_p95_bps", "adverse_bps_p95", "bps"),
    ("slippage_p95_bps", "slippage_bps_p95", "bps"),
    ("order_age_p95_ms", "order_age_p95_ms", "ms"),
    ("min_interval_block_ratio", "min_interval_ratio", "ratio"),
    ("concurrency_block_ratio", "concurrency_ratio", "ratio"),
];

/// Limits of the run-time parameters.
const LIMITS: [(&str, f64, f64); 6] = [
    ("base_spread_bps_delta", 0.0, 0.6),
    ("impact_cap_ratio", 0.04, 0.12),
    ("max_delta_ratio", 0.10, 0.20),
    ("min_interval_ms", 50.0, 300.0),
    ("replace_rate_per_min", 120.0, 360.0),
    ("tail_age_ms", 400.0, 1000.0),
];

/// More iterations in a row with one signature than this count as stuck.
const STUCK: usize = 3;

/// A summary of the earlier toolkit.
#[derive(Clone, Debug)]
pub(crate) struct LegacySummary {
    /// Number of the iteration, as the file says.
    pub(crate) iteration: u32,
    pub(crate) document: Value,
}

/// What is wrong with a run, and whether it stands for a lost or forged measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LegacyFinding {
    pub(crate) name: &'static str,
    pub(crate) kind: FindingKind,
    /// What was found where.
    pub(crate) text: String,
}

/// What a finding means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FindingKind {
    /// The run fails.
    Failure,
    /// The figures are computed, not measured.
    Simulated,
    /// A part of the run is not known.
    Incomplete,
    /// Only to be known.
    Informative,
}

/// Whether a document is a summary of the earlier toolkit.
pub(crate) fn is_summary(document: &Value) -> bool {
    document.get("schema").is_none() && document.get("summary").is_some_and(Value::is_object)
}

/// The figures of a summary.
pub(crate) fn iteration(summary: &LegacySummary) -> Iteration {
    let fields = &summary.document["summary"];
    let kpis = FIELDS.map(|(kpi, field, unit)| {
        let value = fields.get(field).and_then(Value::as_f64);
        // The earlier toolkit wrote defaults for what it did not have: these values are no measurements.
        let invented = match field {
            "p95_latency_ms" | "risk_ratio" | "min_interval_ratio" | "concurrency_ratio" => {
                value == Some(0.0)
            }
            "order_age_p95_ms" => value == Some(300.0),
            "maker_taker_ratio" => {
                let source = fields.get("maker_taker_source").and_then(Value::as_str);
                !matches!(source, Some("fills_volume" | "fills_count" | "internal_fills" | "weekly_rollup"))
            }
            _ => false,
        };
        let measured = if let Some(value) = value.filter(|_| !invented) {
            Measurement::single(value, unit, "iter-summary")
        } else {
            let reason = if invented {
                format!("`{field}` holds a default, not a measurement")
            } else {
                format!("no number in `summary.{field}`")
            };
            Measurement::unknown(DataState::NoData, unit, 1, "iter-summary", &reason)
        };
        (kpi.to_owned(), measured)
    });
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Iteration {
        iteration: summary.iteration,
        to: text("runtime_utc"),
        source: "iter-summary".to_owned(),
        kpis: BTreeMap::from(kpis),
        ..Iteration::default()
    }
}

/// Every known fault of a run, given its summaries in numeric order and its overrides file if there is one.
pub(crate) fn findings(summaries: &[LegacySummary], overrides: Option<&Value>) -> Vec<LegacyFinding> {
    let whole_run = [closed_form(summaries), constant_stamp(summaries), missing(summaries)];
    let mut found: Vec<LegacyFinding> = whole_run.into_iter().flatten().collect();
    if let Some(overrides) = overrides {
        found.extend(deltas_as_values(summaries, overrides));
        found.extend(out_of_limits(overrides));
    }
    found.extend(stuck(summaries));
    found
}

fn number(summary: &LegacySummary, field: &str) -> Option<f64> {
    summary.document["summary"].get(field)?.as_f64()
}

/// The mock computed its figures from the number of the iteration.
fn closed_form(summaries: &[LegacySummary]) -> Option<LegacyFinding> {
    let close = |a: Option<f64>, b: f64| a.is_some_and(|a| (a - b).abs() < 1e-9);
    let fits = |summary: &&LegacySummary| {
        let k = f64::from(summary.iteration) - 1.0;
        let (net, latency, risk) = match summary.iteration {
            1 => (-1.5, 250.0, 0.17),
            2 => (-0.8, 280.0, 0.33),
            number => {
                let power = i32::try_from(number).map_or(i32::MAX, |number| number - 3);
                (2.8 + 0.1 * k, (320.0 - 5.0 * k).max(180.0), (0.68 * 0.83_f64.powi(power)).max(0.30))
            }
        };
        close(number(summary, "net_bps"), net)
            && close(number(summary, "p95_latency_ms"), latency)
            && close(number(summary, "risk_ratio"), risk)
    };
    let count = summaries.iter().filter(fits).count();
    (count >= 3 && 10 * count >= 9 * summaries.len()).then(|| LegacyFinding {
        name: "closed_form_mock",
        kind: FindingKind::Simulated,
        text: format!(
            "net_bps, p95_latency_ms and risk_ratio of {count} of {} iterations are functions of the iteration number",
            summaries.len()
        ),
    })
}

fn constant_stamp(summaries: &[LegacySummary]) -> Option<LegacyFinding> {
    let stamp = |summary: &LegacySummary| summary.document["summary"].get("runtime_utc").cloned();
    let first = stamp(summaries.first()?)?;
    (summaries.len() >= 3 && summaries.iter().all(|summary| stamp(summary).as_ref() == Some(&first))).then(
        || LegacyFinding {
            name: "constant_stamp",
            kind: FindingKind::Informative,
            text: format!("all {} iterations carry the time {first}", summaries.len()),
        },
    )
}

fn missing(summaries: &[LegacySummary]) -> Option<LegacyFinding> {
    let mut lost = Vec::new();
    let mut next = 1;
    for summary in summaries {
        if summary.iteration > next {
            lost.push((next, summary.iteration - 1));
        }
        next = summary.iteration + 1;
    }
    let shown: Vec<String> = lost
        .iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    (!lost.is_empty()).then(|| LegacyFinding {
        name: "gaps",
        kind: FindingKind::Incomplete,
        text: format!("iterations {} are missing", shown.join(", ")),
    })
}

/// The nested sections of the overrides file that the earlier toolkit wrote, with the flat keys.
fn overridden(overrides: &Value) -> Vec<(String, &'static str, f64)> {
    let mut found = Vec::new();
    for (key, _, _) in LIMITS {
        if let Some(value) = overrides.get(key).and_then(Value::as_f64) {
            found.push((key.to_owned(), key, value));
        }
        for section in ["engine", "risk", "quoting", "impact"] {
            if let Some(value) =
                overrides.get(section).and_then(|section| section.get(key)).and_then(Value::as_f64)
            {
                found.push((format!("{section}.{key}"), key, value));
            }
        }
    }
    found
}

fn deltas_as_values(summaries: &[LegacySummary], overrides: &Value) -> Vec<LegacyFinding> {
    let delta = |key: &str| {
        summaries.iter().rev().find_map(|summary| {
            let tuning = &summary.document["tuning"];
            let applied = tuning.get("applied").and_then(Value::as_bool) == Some(true);
            let delta = tuning.get("deltas").and_then(|deltas| deltas.get(key)).and_then(Value::as_f64);
            delta.filter(|_| applied).map(|delta| (summary.iteration, delta))
        })
    };
    let finding = |(path, key, value): (String, &str, f64)| {
        let (iteration, _) = delta(key).filter(|(_, delta)| (value - delta).abs() < 1e-12)?;
        let text = format!("`{path}` is {value}: the step proposed at iteration {iteration}, not a value");
        Some(LegacyFinding { name: "delta_as_value", kind: FindingKind::Failure, text })
    };
    overridden(overrides).into_iter().filter_map(finding).collect()
}

fn out_of_limits(overrides: &Value) -> Vec<LegacyFinding> {
    let finding = |(path, key, value): (String, &str, f64)| {
        let (_, min, max) = LIMITS.into_iter().find(|(name, ..)| *name == key).expect("from the table");
        let name = if value < 0.0 { "negative_value" } else { "out_of_limits" };
        let text = format!("`{path}` is {value}, allowed is {min} to {max}");
        (value < min || value > max).then_some(LegacyFinding { name, kind: FindingKind::Failure, text })
    };
    overridden(overrides).into_iter().filter_map(finding).collect()
}

/// The signature stays the same although changes are proposed.
fn stuck(summaries: &[LegacySummary]) -> Option<LegacyFinding> {
    let signature = |summary: &LegacySummary| {
        let tuning = &summary.document["tuning"];
        let text = |key: &str| tuning.get(key).and_then(Value::as_str).map(str::to_owned);
        text("state_hash").or_else(|| text("signature"))
    };
    let mut runs: Vec<(u32, u32, usize)> = Vec::new();
    let mut last: Option<String> = None;
    for summary in summaries {
        // Where a guard blocked there is no hash: nothing was written, so the state stayed.
        let current = signature(summary).or_else(|| last.clone());
        let same = current.is_some() && current == last;
        match runs.last_mut() {
            Some(run) if same => (run.1, run.2) = (summary.iteration, run.2 + 1),
            _ => runs.push((summary.iteration, summary.iteration, 1)),
        }
        last = current;
    }
    let stuck: Vec<&(u32, u32, usize)> = runs.iter().filter(|run| run.2 > STUCK).collect();
    let longest = stuck.iter().max_by_key(|run| run.2)?;
    Some(LegacyFinding {
        name: "stuck_signature",
        kind: FindingKind::Informative,
        text: format!(
            "the parameters never changed over iterations {}-{}: one signature {} times{}",
            longest.0,
            longest.1,
            longest.2,
            if stuck.len() > 1 {
                format!(", and in {} further stretches", stuck.len() - 1)
            } else {
                String::new()
            }
        ),
    })
}
