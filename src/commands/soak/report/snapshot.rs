//! `POST_SOAK_SNAPSHOT.json`: the verdict of a run and the figures behind it, for programs.
#![warn(clippy::wildcard_enum_match_arm)]

use super::advice::{Recommendation, iterations_left};
use super::facts::{ReportFacts, SourceFile};
use super::figures::{Figure, FigureStats};
use crate::evidence::header::Header;
use crate::judge::verdict::{GateState, RunVerdict};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) const SCHEMA: &str = "mmops.post-soak-snapshot.v2";

/// `POST_SOAK_SNAPSHOT.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SnapshotDocument {
    #[serde(flatten)]
    header: Header,
    /// PASS, FAIL or INCONCLUSIVE: that of the run judged again.
    verdict: RunVerdict,
    /// The directory of the run.
    run_dir: String,
    /// Name of the profile that it was judged by.
    profile: String,
    /// Iterations that were planned; of a run of the earlier toolkit, those found.
    iterations_planned: u32,
    /// Iterations of the run, by the number of the last one.
    iterations_total: u32,
    /// Iterations that are missing among them.
    iterations_missing: Vec<u32>,
    /// The last iterations, which the figures are about, as far as they are there.
    iterations_analyzed: Vec<u32>,
    /// So many were asked for.
    last_n: u32,
    /// Figures over the last iterations.
    kpi_last_n: BTreeMap<String, KpiEntry>,
    /// The same over all iterations.
    kpi_all: BTreeMap<String, KpiEntry>,
    /// What a release needs of the last iterations, and whether it is known to be met.
    goals_met: BTreeMap<String, bool>,
    /// The goals with their figures.
    goals: BTreeMap<String, GateEntry>,
    /// The gates of the profile.
    gates: BTreeMap<String, GateEntry>,
    /// Whether the run passed, met every goal, and stands still: no goal's figure moves so fast towards its limit that
    /// it breaks it within as many iterations again.
    freeze_ready: bool,
    /// The iterations in which each guard acted, over the whole run.
    guards: GuardsEntry,
    tuning_summary: TuningSummary,
    recommendations: Vec<Recommendation>,
    /// What it is made from.
    sources: Vec<SourceFile>,
}

/// A figure over some iterations.
#[derive(Debug, Serialize, JsonSchema)]
struct KpiEntry {
    /// Unit of the values.
    unit: String,
    #[serde(flatten)]
    stats: FigureStats,
}

/// A gate or a goal.
#[derive(Debug, Serialize, JsonSchema)]
struct GateEntry {
    kpi: String,
    unit: String,
    /// Such as `<= 150 ms`.
    condition: String,
    state: GateState,
    actual: Option<f64>,
    /// Why it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct GuardsEntry {
    counts: BTreeMap<String, usize>,
    iterations: BTreeMap<String, Vec<u32>>,
}

/// What was tuned.
#[derive(Debug, Serialize, JsonSchema)]
struct TuningSummary {
    applied_count: usize,
    /// Iterations whose proposal was applied, or in which the bot reported other parameters than before; null where
    /// some iterations do not say.
    applied_iterations: Option<Vec<u32>>,
    changed_keys: Vec<String>,
    /// Why proposals were not applied, and how often.
    skip_reasons: BTreeMap<String, usize>,
}

impl SnapshotDocument {
    pub(super) fn new(facts: &ReportFacts, verdict: RunVerdict, advice: &[Recommendation]) -> Self {
        let ReportFacts { run, activity, goals, .. } = facts;
        let stats = |of: fn(&Figure) -> &FigureStats| {
            let entry = |figure: &Figure| {
                let entry = KpiEntry { unit: figure.unit.clone(), stats: of(figure).clone() };
                (figure.name.clone(), entry)
            };
            facts.figures.iter().map(entry).collect::<BTreeMap<_, _>>()
        };
        let mut applied = activity.applied.clone();
        applied.extend(activity.changes.iter().map(|change| change.iteration));
        applied.sort_unstable();
        applied.dedup();
        let counts = activity.guards.iter().map(|(name, at)| (name.clone(), at.len())).collect();
        Self {
            header: facts.header.with_schema(SCHEMA),
            verdict,
            run_dir: run.run_dir.clone(),
            profile: run.profile.clone(),
            iterations_planned: run.planned,
            iterations_total: facts.iterations_total(),
            iterations_missing: run.ledger.missing.clone(),
            iterations_analyzed: facts.analyzed(),
            last_n: facts.last_n,
            kpi_last_n: stats(|figure| &figure.last),
            kpi_all: stats(|figure| &figure.all),
            goals_met: goals.judgement.gates.iter().map(|(name, goal)| (name.clone(), goal.pass)).collect(),
            goals: entries(&goals.judgement),
            gates: entries(&run.judgement),
            freeze_ready: is_freeze_ready(facts, verdict),
            guards: GuardsEntry { counts, iterations: activity.guards.clone() },
            tuning_summary: TuningSummary {
                applied_count: applied.len(),
                applied_iterations: activity.silent.is_empty().then_some(applied),
                changed_keys: activity.changed_keys.iter().cloned().collect(),
                skip_reasons: activity.skipped.iter().map(|(why, at)| (why.clone(), at.len())).collect(),
            },
            recommendations: advice.to_vec(),
            sources: facts.sources.clone(),
        }
    }
}

fn entries(judgement: &crate::judge::record::Judgement) -> BTreeMap<String, GateEntry> {
    let entry = |(name, gate): (&String, &crate::judge::record::GateResult)| {
        let entry = GateEntry {
            kpi: gate.kpi.clone(),
            unit: gate.unit.clone(),
            condition: gate.condition.clone(),
            state: gate.outcome.state,
            actual: gate.outcome.actual,
            reason: gate.outcome.reason.clone(),
        };
        (name.clone(), entry)
    };
    judgement.gates.iter().map(entry).collect()
}

/// Whether the run stands still inside its goals.
pub(super) fn is_freeze_ready(facts: &ReportFacts, verdict: RunVerdict) -> bool {
    let moves_out = facts.goals.profile.gates.values().any(|goal| iterations_left(facts, goal).is_some());
    verdict == RunVerdict::Pass && facts.goals.are_met() && !moves_out
}
