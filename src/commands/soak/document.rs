//! What a judged run leaves for others: `soak_metrics.json`, `gates_summary.json`, `SOAK_RESULTS.md`.

use super::trail::ParametersInForce;
use super::verdict::{Occasion, SoakFacts};
use crate::evidence::header::Header;
use crate::format::{markdown, number};
use crate::judge::record::{GateResult, KpiStats};
use crate::judge::verdict::RunVerdict;
use crate::report::maker::ClockKind;
use serde::Serialize;
use std::collections::BTreeMap;

/// What `SOAK_RESULTS.md` begins with.
pub(super) const TITLE: &str = "# SOAK RESULTS\n";

/// `soak_metrics.json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct SoakMetrics {
    #[serde(flatten)]
    header: Header,
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
    /// PASS, FAIL or INCONCLUSIVE.
    verdict: RunVerdict,
    /// The directory of the run.
    run_dir: String,
    /// Name of the profile.
    profile: String,
    /// Gates by name.
    gates: BTreeMap<String, JudgedGate>,
}

/// `TUNING_REPORT.json`: which parameters were in force, window by window, and what was done about them.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct TuningReport {
    #[serde(flatten)]
    header: Header,
    /// The directory of the run.
    run_dir: String,
    iterations: Vec<TuningIteration>,
}

/// One window.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct TuningIteration {
    #[serde(flatten)]
    in_force: ParametersInForce,
    /// Changes that were proposed, by parameter.
    proposed: BTreeMap<String, f64>,
    /// Changes that were made.
    applied: BTreeMap<String, f64>,
    /// Changes that were not made, and why.
    skipped: BTreeMap<String, String>,
    /// Why there are no more.
    why: String,
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
    /// Where the wall clock was set while the run lasted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clock_steps: Vec<ClockStep>,
    /// What ended the run before it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    aborted: Option<Aborted>,
    /// Gates by name.
    gates: BTreeMap<String, JudgedGate>,
}

/// Why a run ended before it was done.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct Aborted {
    /// Gates that were broken for good.
    gates: Vec<String>,
    /// The last iteration.
    after_iteration: u32,
    /// Iterations that were not run.
    not_run: u32,
}

/// A gate with what it is about.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct JudgedGate {
    #[serde(flatten)]
    result: GateResult,
    /// What its figure is measured from.
    selectors: Vec<String>,
    /// Why the figure was last not known, where the gate does not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl JudgedGate {
    fn all(facts: &SoakFacts) -> BTreeMap<String, Self> {
        let judged = |gate: &GateResult| Self {
            result: gate.clone(),
            selectors: facts.selectors.get(&gate.kpi).cloned().unwrap_or_default(),
            cause: facts
                .trail
                .cause(gate.member.as_deref(), &gate.kpi)
                .filter(|_| !gate.pass)
                .map(|cause| format!("iteration {}: {}", cause.iteration, cause.reason)),
        };
        facts.judgement.gates.iter().map(|(name, gate)| (name.clone(), judged(gate))).collect()
    }
}

#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct Gap {
    /// The iteration after the gap.
    before_iteration: u32,
    /// Its length, seconds.
    secs: f64,
}

#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct ClockStep {
    /// The iteration in which it was set.
    iteration: u32,
    /// By so many seconds, backwards below 0.
    secs: f64,
}

impl SoakBody {
    pub(super) fn new(facts: &SoakFacts) -> Self {
        let SoakFacts { ledger, iteration_secs, .. } = facts;
        let gap = |(before_iteration, secs): (u32, f64)| Gap { before_iteration, secs };
        let step = |(iteration, secs): (u32, f64)| ClockStep { iteration, secs };
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
            clock_steps: facts.trail.clock_steps.iter().copied().map(step).collect(),
            aborted: aborted(facts),
            gates: JudgedGate::all(facts),
        }
    }
}

fn aborted(facts: &SoakFacts) -> Option<Aborted> {
    let gates = match &facts.occasion {
        Occasion::Finished { aborted_by, .. } => aborted_by.clone(),
        Occasion::Kept { .. } | Occasion::Legacy { .. } => Vec::new(),
    };
    let after_iteration = facts.ledger.iterations;
    let not_run = facts.planned.saturating_sub(after_iteration);
    (!gates.is_empty()).then_some(Aborted { gates, after_iteration, not_run })
}

/// A judged run. Its documents are made when its last iteration is, so that a run that is judged again has the
/// same.
pub(super) struct JudgedRun<'a> {
    pub(super) facts: &'a SoakFacts,
    pub(super) verdict: RunVerdict,
}

impl JudgedRun<'_> {
    fn header(&self, schema: &str) -> Header {
        let SoakFacts { ledger, trail, simulated, .. } = self.facts;
        let header = trail.header.with_schema(schema).simulated(*simulated);
        header.observed(ledger.observation()).about(ledger.lives.subject())
    }

    pub(super) fn metrics(&self) -> SoakMetrics {
        SoakMetrics {
            header: self.header("mmops.soak-metrics.v1"),
            verdict: self.verdict,
            body: SoakBody::new(self.facts),
            metrics: self.facts.ledger.stats.clone(),
        }
    }

    pub(super) fn gates(&self) -> GatesSummary {
        GatesSummary {
            header: self.header("mmops.soak-gates.v1"),
            verdict: self.verdict,
            run_dir: self.facts.run_dir.clone(),
            profile: self.facts.profile.clone(),
            gates: JudgedGate::all(self.facts),
        }
    }

    pub(super) fn tuning(&self) -> TuningReport {
        let window = |in_force: &ParametersInForce| TuningIteration {
            in_force: in_force.clone(),
            proposed: BTreeMap::new(),
            applied: BTreeMap::new(),
            skipped: BTreeMap::new(),
            why: "nothing is tuned in this run".to_owned(),
        };
        TuningReport {
            header: self.header("mmops.tuning-report.v1"),
            run_dir: self.facts.run_dir.clone(),
            iterations: self.facts.trail.parameters.iter().map(window).collect(),
        }
    }

    pub(super) fn markdown(&self) -> String {
        let SoakFacts { run_dir, source, profile, planned, ledger, judgement, .. } = self.facts;
        let mut text = format!("{TITLE}\nVerdict: **{}**\n\n", self.verdict.as_str());
        text.push_str(&stamps(self.facts.simulated, self.facts.trail.header.clock));
        let done = ledger.iterations;
        let hours = SoakBody::new(self.facts).duration_hours;
        text.push_str(&markdown::item_of(&format!("Run: {}", markdown::code(run_dir))));
        text.push_str(&markdown::item(&format!("Source: {source}")));
        text.push_str(&markdown::item(&format!("Profile: {profile}")));
        text.push_str(&format!("- Iterations: {done} of {planned}, {hours:.2} h\n"));
        if let Some((from, to)) = ledger.observation() {
            text.push_str(&format!("- Observed: {from} to {to}\n"));
        }
        if let Some(made_at) = self.facts.trail.header.made_at {
            text.push_str(&format!("- Made: {made_at}\n"));
        }
        for (before, secs) in &ledger.gaps {
            text.push_str(&format!("- Gap: {secs:.0} s before iteration {before} were not observed\n"));
        }
        if let Some(Aborted { gates, not_run, .. }) = aborted(self.facts) {
            let gates = gates.join(", ");
            let line = format!("Aborted: {gates} broken for good, {not_run} iterations not run");
            text.push_str(&markdown::item(&line));
        }
        for (iteration, secs) in &self.facts.trail.clock_steps {
            text.push_str(&format!("- Clock: set by {secs:+.1} s in iteration {iteration}\n"));
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
                &gate.figure,
                &gate.condition,
                &format!("{:.2} %", 100.0 * gate.outcome.coverage),
                gate.severity.as_str(),
            ]));
        }
        if judgement.gates.values().any(|gate| !gate.pass) {
            text.push('\n');
        }
        for (name, gate) in judgement.gates.iter().filter(|(_, gate)| !gate.pass) {
            let reason = gate.outcome.reason.clone().into_iter();
            let why: Vec<String> = reason.chain(self.facts.explanation(gate)).collect();
            text.push_str(&markdown::item(&format!("{name}: {}", why.join("; "))));
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

/// What a readable form says first of a run that proves nothing about a service, a paragraph for each reason.
pub(super) fn stamps(simulated: bool, clock: ClockKind) -> String {
    let of_simulation = simulated.then_some(
        "**SIMULATED: these figures come from a simulation and prove nothing about a service.**\n\n",
    );
    let of_clock = match clock {
        ClockKind::System => None,
        ClockKind::Frozen => {
            Some("**FROZEN CLOCK: the times of this run tell no age, and it is no evidence.**\n\n")
        }
        ClockKind::Stamped => Some("**STAMPED: the times of this run were fixed and tell no age.**\n\n"),
    };
    of_simulation.into_iter().chain(of_clock).collect()
}

/// A figure with up to four decimals.
pub(super) fn figure(value: Option<f64>) -> String {
    value.map_or("unknown".to_owned(), |value| number::rounded(value, 4))
}
