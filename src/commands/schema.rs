//! `mmops schema [NAME]`: the JSON schema of a document that mmops writes, or their names.

use crate::commands::bundle::{create, release, verify};
use crate::commands::canary::{checklist, tag};
use crate::commands::chaos::failover;
use crate::commands::readiness::{score, validate};
use crate::commands::scan_secrets::detect::fingerprint::Baseline;
use crate::commands::{
    cron_sentinel, golden_compare, make_ready, pre_live_pack, rotate, scan_secrets, sim, soak,
};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::json;
use crate::judge::record::Iteration;
use crate::release::bundle::manifest::Manifest;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Status};
use schemars::{JsonSchema, Schema};
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("schema", "SCHEMA", "FAILED");

/// Print the JSON schema of a document that mmops writes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the document, such as `pre-live-pack`; the list of names when left out
    pub(crate) name: Option<String>,
}

/// Every published document: its name and its schema.
const DOCUMENTS: &[(&str, fn() -> Schema)] = &[
    ("bundle-create", schema_of::<Envelope<create::Facts>>),
    ("bundle-manifest", schema_of::<Manifest>),
    ("bundle-release", schema_of::<Envelope<release::Body>>),
    ("bundle-verify", schema_of::<Envelope<verify::Body>>),
    ("canary-checklist", schema_of::<Envelope<checklist::Body>>),
    ("canary-tag", schema_of::<Envelope<tag::Body>>),
    ("chaos-failover", schema_of::<Envelope<failover::document::FailoverBody>>),
    ("cron-sentinel", schema_of::<Envelope<cron_sentinel::Body>>),
    ("golden-acceptance", schema_of::<golden_compare::Record>),
    ("golden-compare", schema_of::<Envelope<golden_compare::Body>>),
    ("iter-summary", schema_of::<Iteration>),
    ("make-ready", schema_of::<Envelope<make_ready::Body>>),
    ("pre-live-pack", schema_of::<Envelope<pre_live_pack::Body>>),
    ("readiness", schema_of::<score::Document>),
    ("readiness-score", schema_of::<Envelope<score::Body>>),
    ("readiness-validate", schema_of::<Envelope<validate::Body>>),
    ("report", schema_of::<Envelope<NoBody>>),
    ("rotate", schema_of::<Envelope<rotate::Body>>),
    ("rotate-restore", schema_of::<Envelope<rotate::RestoreBody>>),
    ("rotation-archive", schema_of::<rotate::Manifest>),
    ("rotation-plan", schema_of::<rotate::Plan>),
    ("scan-secrets", schema_of::<Envelope<scan_secrets::Body>>),
    ("secrets-baseline", schema_of::<Baseline>),
    ("sim-bot", schema_of::<Envelope<sim::bot::Body>>),
    ("sim-feed", schema_of::<Envelope<sim::feed::Body>>),
    ("soak-gate", schema_of::<Envelope<soak::SoakBody>>),
    ("soak-gates", schema_of::<soak::GatesSummary>),
    ("soak-metrics", schema_of::<soak::SoakMetrics>),
    ("soak-plan", schema_of::<soak::SoakPlan>),
    ("soak-run", schema_of::<Envelope<soak::SoakBody>>),
    ("soak-status", schema_of::<soak::StatusFile>),
];

/// The fields that the report of every command has; those of the command stand beside them.
#[derive(Serialize, JsonSchema)]
struct Envelope<T> {
    #[serde(flatten)]
    header: Header,
    /// The value of the marker, such as `GO`.
    verdict: String,
    /// The state of the marker.
    status: Status,
    /// `KEY=VALUE` of the last line.
    marker: String,
    /// What the process returned.
    exit_code: u8,
    /// When the report was made, RFC 3339 UTC.
    generated_at: String,
    /// What was asked and what came of it.
    rows: Vec<Row>,
    /// Files written or relied on.
    evidence: Vec<String>,
    #[serde(flatten)]
    body: T,
}

/// A row; a command may add fields of its own.
#[derive(Serialize, JsonSchema)]
struct Row {
    /// What was asked.
    name: String,
    /// The answer.
    status: Status,
    /// Short remark.
    note: Option<String>,
    /// Reasons, in full sentences.
    reasons: Option<Vec<String>>,
    /// File of the finding.
    path: Option<String>,
    /// 1-based line of the finding.
    line: Option<u64>,
    /// 1-based column of the finding.
    column: Option<u64>,
}

/// A report without fields of its own.
#[derive(Serialize, JsonSchema)]
struct NoBody {}

/// Returns the schema, or the list of names.
pub(crate) fn run(args: &Args, _: &Ctx) -> anyhow::Result<String> {
    let Some(name) = &args.name else {
        return Ok(DOCUMENTS.iter().map(|(name, _)| format!("{name}\n")).collect());
    };
    let Some((_, schema)) = DOCUMENTS.iter().find(|(known, _)| known == name) else {
        let known: Vec<&str> = DOCUMENTS.iter().map(|(name, _)| *name).collect();
        return Err(Fault::usage(format!("no schema `{name}`; there are: {}", known.join(", "))).into());
    };
    Ok(json::document(&schema()))
}

fn schema_of<T: JsonSchema>() -> Schema {
    schemars::schema_for!(T)
}
