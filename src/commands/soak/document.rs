//! What a judged run leaves for others: `soak_metrics.json`, `gates_summary.json`, `SOAK_RESULTS.md`.

use super::verdict::SoakFacts;
use crate::evidence::header::Header;
use crate::format::markdown;
use crate::judge::record::{GateResult, KpiStats};
use crate::judge::verdict::RunVerdict;
use serde::Serialize;
use std::collections::BTreeMap;

/// `soak_metrics.json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct SoakMetrics {
    #[serde(flatten)]
    header: Header,
    /// When and by what the file was made.
    runtime: Runtime,
    /// PASS, FAIL or INCONCLUSIVE.
    verdict: RunVerdict,
    #[serde(flatten)]
    body: SoakBody,
    /// What the windows showed of each figure.
    metrics: BTreeMap<String, KpiStats>,
}

/// `gates_summary.json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct GatesSummary {
    #[serde(flatten)]
    header: Header,
    /// When and by what the file was made.
    runtime: Runtime,
    /// PASS, FAIL or INCONCLUSIVE.
    verdict: RunVerdict,
    /// The directory of the run.
    run_dir: String,
    /// Name of the profile.
    profile: String,
    /// Gates by name.
    gates: BTreeMap<String, GateResult>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Runtime {
    utc: String,
    version: String,
}

/// What the file and the report have in common.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct SoakBody {
    /// The directory of the run.
    run_dir: String,
    /// Where the figures come from.
    source: String,
    /// Name of the profile.
    profile: String,
    /// Hours that the finished iterations cover.
    duration_hours: f64,
    /// Length of an iteration, seconds.
    iteration_secs: f64,
    /// Iterations that were planned; of a run of the earlier toolkit, those found.
    planned: u32,
    /// Iterations that are there.
    iterations: u32,
    /// Iterations that are missing between others.
    missing: Vec<u32>,
    /// Times without observation.
    gaps: Vec<Gap>,
    /// Gates by name.
    gates: BTreeMap<String, GateResult>,
}

#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct Gap {
    /// The iteration after the gap.
    before_iteration: u32,
    /// Its length, seconds.
    secs: f64,
}

impl SoakBody {
    pub(super) fn new(facts: &SoakFacts) -> Self {
        let SoakFacts { ledger, iteration_secs, .. } = facts;
        let gap = |(before_iteration, secs): (u32, f64)| Gap { before_iteration, secs };
        Self {
            run_dir: facts.run_dir.clone(),
            source: facts.source.clone(),
            profile: facts.profile.clone(),
            duration_hours: f64::from(ledger.iterations) * iteration_secs / 3600.0,
            iteration_secs: *iteration_secs,
            planned: facts.planned,
            iterations: ledger.iterations,
            missing: ledger.missing.clone(),
            gaps: ledger.gaps.iter().copied().map(gap).collect(),
            gates: facts.judgement.gates.clone(),
        }
    }
}

/// A judged run with what its documents say of their making.
pub(super) struct JudgedRun<'a> {
    pub(super) facts: &'a SoakFacts,
    pub(super) verdict: RunVerdict,
    /// Its schema is that of each document.
    pub(super) header: Header,
    /// The time that is printed.
    pub(super) stamp: String,
}

impl JudgedRun<'_> {
    fn header(&self, schema: &str) -> Header {
        self.header
            .with_schema(schema)
            .simulated(self.facts.simulated)
            .observed(self.facts.ledger.observation())
            .about(self.facts.ledger.lives.subject())
    }

    fn runtime(&self) -> Runtime {
        Runtime { utc: self.stamp.clone(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    pub(super) fn metrics(&self) -> SoakMetrics {
        SoakMetrics {
            header: self.header("mmops.soak-metrics.v1"),
            runtime: self.runtime(),
            verdict: self.verdict,
            body: SoakBody::new(self.facts),
            metrics: self.facts.ledger.stats.clone(),
        }
    }

    pub(super) fn gates(&self) -> GatesSummary {
        GatesSummary {
            header: self.header("mmops.soak-gates.v1"),
            runtime: self.runtime(),
            verdict: self.verdict,
            run_dir: self.facts.run_dir.clone(),
            profile: self.facts.profile.clone(),
            gates: self.facts.judgement.gates.clone(),
        }
    }

    pub(super) fn markdown(&self) -> String {
        let SoakFacts { run_dir, source, profile, planned, ledger, judgement, .. } = self.facts;
        let mut text = format!("# SOAK RESULTS\n\nVerdict: **{}**\n\n", self.verdict.as_str());
        if self.facts.simulated {
            text.push_str(
                "**SIMULATED: these figures come from a simulation and prove nothing about a service.**\n\n",
            );
        }
        let done = ledger.iterations;
        let hours = SoakBody::new(self.facts).duration_hours;
        text.push_str(&format!("- Run: `{run_dir}`\n- Source: {source}\n- Profile: {profile}\n"));
        text.push_str(&format!("- Iterations: {done} of {planned}, {hours:.2} h\n- Made: {}\n", self.stamp));
        for (before, secs) in &ledger.gaps {
            text.push_str(&format!("- Gap: {secs:.0} s before iteration {before} were not observed\n"));
        }
        if !ledger.missing.is_empty() {
            text.push_str(&format!("- Missing: {} iterations\n", ledger.missing.len()));
        }
        text.push_str("\n## Gates\n\n");
        let columns = ["gate", "state", "actual", "condition", "coverage", "severity"];
        text.push_str(&markdown::table_head(&columns));
        for (name, gate) in &judgement.gates {
            text.push_str(&markdown::row([
                name,
                gate.outcome.state.as_str(),
                &figure(gate.outcome.actual),
                &gate.condition,
                &format!("{:.2} %", 100.0 * gate.outcome.coverage),
                gate.severity.as_str(),
            ]));
        }
        for (name, gate) in judgement.gates.iter().filter(|(_, gate)| !gate.pass) {
            text.push_str(&format!("\n- {name}: {}", gate.outcome.reason.as_deref().unwrap_or_default()));
        }
        text.push_str("\n## Figures\n\n");
        let columns = ["figure", "unit", "windows", "unknown", "last", "mean", "min", "max"];
        text.push_str(&markdown::table_head(&columns));
        for (name, stats) in &ledger.stats {
            let counts = [stats.measured, stats.unknown].map(|count| count.to_string());
            let figures = [stats.last, stats.mean, stats.min, stats.max].map(figure);
            let cells = [name, &stats.unit].into_iter().chain(&counts).chain(&figures);
            text.push_str(&markdown::row(cells));
        }
        text
    }
}

/// A figure with up to four decimals.
pub(super) fn figure(value: Option<f64>) -> String {
    value.map_or("unknown".to_owned(), |value| {
        let text = format!("{value:.4}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    })
}
