//! `mmops schema [NAME]`: the JSON schema of a document that mmops writes or of a file that it reads, or their
//! names.

use crate::commands::bundle::{create, release, verify};
use crate::commands::canary::{checklist, tag};
use crate::commands::chaos::failover;
use crate::commands::readiness::{score, validate};
use crate::commands::scan_secrets::detect::file::RuleFile;
use crate::commands::scan_secrets::detect::fingerprint::Baseline;
use crate::commands::tune::apply::document::TuningApply;
use crate::commands::tune::choose::document::SweepDocument;
use crate::commands::tune::choose::shard::SweepShard;
use crate::commands::tune::rollback::RollbackRecord;
use crate::commands::{
    bundle, cron_sentinel, golden_compare, make_ready, pre_live_pack, rotate, scan_secrets, sim, soak, tune,
};
use crate::ctx::{ConfigBody, Ctx};
use crate::evidence::daily::report::{self as daily_report, DailyReport};
use crate::evidence::entry::Entry;
use crate::evidence::header::Header;
use crate::execute::notify::message::{self, Notification};
use crate::format::json;
use crate::judge::gate::GateProfiles;
use crate::judge::kpi::KpiCatalogue;
use crate::judge::record::Iteration;
use crate::release::bundle::manifest::Manifest;
use crate::release::summary::{self, ReleaseSummary};
use crate::report::exit::Fault;
use crate::report::{CommandSpec, ERROR_SCHEMA, ErrorBody, Status};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("schema", "SCHEMA", "FAILED");

/// Print the JSON schema of a document that mmops writes or of a configuration file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the document, such as `pre-live-pack`; the list of names when left out
    pub(crate) name: Option<String>,
}

/// A published schema.
struct Published {
    name: String,
    /// What the documents say that they are; a configuration does not.
    id: Option<String>,
    schema: Schema,
}

/// The report of a command: its document is what `--format json` prints.
fn report<T: JsonSchema>(spec: &CommandSpec) -> Published {
    answer::<Envelope<T, String>>(spec)
}

fn answer<T: JsonSchema>(spec: &CommandSpec) -> Published {
    Published { name: spec.name(), id: Some(spec.schema()), schema: written::<T>() }
}

/// A document that a command writes.
fn document<T: JsonSchema>(name: &str, id: &str) -> Published {
    Published { name: name.to_owned(), id: Some(id.to_owned()), schema: written::<T>() }
}

/// A file that people write.
fn configuration<T: JsonSchema>(name: &str) -> Published {
    Published { name: name.to_owned(), id: None, schema: schemars::schema_for!(T) }
}

/// Every document and every configuration.
fn published() -> Vec<Published> {
    let mut all = reports();
    all.extend(documents());
    all.extend(configurations());
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn reports() -> Vec<Published> {
    vec![
        report::<create::Facts>(&create::SPEC),
        report::<release::Body>(&release::SPEC),
        report::<verify::Body>(&verify::SPEC),
        report::<checklist::Body>(&checklist::SPEC),
        report::<tag::Body>(&tag::SPEC),
        report::<failover::document::FailoverBody>(&failover::SPEC),
        report::<cron_sentinel::Body>(&cron_sentinel::SPEC),
        report::<golden_compare::Body>(&golden_compare::SPEC),
        answer::<Envelope<make_ready::Body, Entry>>(&make_ready::SPEC),
        report::<pre_live_pack::Body>(&pre_live_pack::SPEC),
        report::<score::ScoreAnswer<'_>>(&score::SPEC),
        report::<validate::Body>(&validate::SPEC),
        report::<rotate::Body>(&rotate::SPEC),
        report::<rotate::RestoreBody>(&rotate::restore::SPEC),
        report::<scan_secrets::Body>(&scan_secrets::SPEC),
        report::<sim::bot::Body>(&sim::bot::SPEC),
        report::<sim::feed::Body>(&sim::feed::SPEC),
        report::<soak::check::CheckBody>(&soak::check::SPEC),
        report::<soak::compare::CompareBody>(&soak::compare::SPEC),
        report::<soak::daily::DailyAnswer>(&soak::daily::SPEC),
        report::<soak::gate::GateBody>(&soak::gate::SPEC),
        report::<soak::report::ReportBody>(&soak::report::SPEC),
        report::<soak::SoakBody>(&soak::run::SPEC),
        report::<tune::apply::document::ApplyBody<'_>>(&tune::apply::SPEC),
        report::<tune::rollback::RollbackBody<'_>>(&tune::rollback::SPEC),
        report::<tune::sweep::SweepAnswer>(&tune::sweep::SPEC),
    ]
}

fn documents() -> Vec<Published> {
    vec![
        document::<RollbackRecord>("auto-rollback", "mmops.auto-rollback.v1"),
        document::<Manifest>("bundle-manifest", "mmops.bundle-manifest.v1"),
        document::<DailyReport>("daily-report", daily_report::SCHEMA),
        document::<Envelope<ErrorBody, String>>("error", ERROR_SCHEMA),
        document::<golden_compare::Record>("golden-acceptance", "mmops.golden-acceptance.v1"),
        document::<Iteration>("iter-summary", "mmops.iter-summary.v2"),
        document::<Notification>("notification", message::SCHEMA),
        document::<SweepDocument>("param-sweep", "mmops.param-sweep.v1"),
        document::<SweepShard>("param-sweep-shard", "mmops.param-sweep-shard.v1"),
        document::<score::Document>("readiness", score::SCHEMA),
        document::<ReleaseSummary>("release-summary", summary::SCHEMA),
        document::<rotate::Manifest>("rotation-archive", "mmops.rotation-archive.v1"),
        document::<rotate::Plan>("rotation-plan", "mmops.rotation-plan.v1"),
        document::<Baseline>("secrets-baseline", Baseline::SCHEMA),
        document::<soak::report::DeltaVerifyReport>("delta-verify-report", "mmops.delta-verify-report.v1"),
        document::<soak::report::SnapshotDocument>("post-soak-snapshot", "mmops.post-soak-snapshot.v2"),
        document::<soak::GatesSummary>("soak-gates", "mmops.soak-gates.v1"),
        document::<soak::SoakMetrics>("soak-metrics", "mmops.soak-metrics.v1"),
        document::<soak::SoakPlan>("soak-plan", "mmops.soak-plan.v2"),
        document::<soak::StatusFile>("soak-status", "mmops.soak-status.v2"),
        document::<soak::TuningReport>("tuning-report", "mmops.tuning-report.v1"),
        document::<TuningApply>("tuning-apply", "mmops.tuning-apply.v1"),
        document::<soak::daily::WeeklyRollup>("weekly-rollup", "mmops.weekly-rollup.v1"),
        // What every report has; it says which one it is by itself.
        Published { name: "report".to_owned(), id: None, schema: written::<Envelope<NoBody, Value>>() },
    ]
}

fn configurations() -> Vec<Published> {
    vec![
        configuration::<soak::daily::AcceptedParameters>("accepted-parameters"),
        configuration::<bundle::BundlePlan>("bundle-plan"),
        configuration::<soak::daily::DailyConfig>("daily"),
        configuration::<GateProfiles>("gates"),
        configuration::<KpiCatalogue>("kpis"),
        configuration::<make_ready::ReadyPlan>("make-ready-plan"),
        configuration::<soak::compare::MarginFile>("margins"),
        configuration::<pre_live_pack::PackPlan>("pre-live-plan"),
        configuration::<score::Drills>("readiness-drills"),
        configuration::<rotate::retention::policy::Policy>("retention-policy"),
        configuration::<crate::release::policy::Policy>("rollback-policy"),
        configuration::<RuleFile>("secret-rules"),
        configuration::<cron_sentinel::task::SentinelConfig>("sentinel"),
        configuration::<tune::GridFile>("tuning-grid"),
        configuration::<tune::LimitsFile>("tuning-limits"),
    ]
}

/// The fields that the report of every command has; those of the command stand beside them.
#[derive(Serialize, JsonSchema)]
struct Envelope<T, E> {
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
    #[serde(flatten)]
    configs: ConfigBody,
    /// What was asked and what came of it.
    rows: Vec<Row>,
    /// Files written or relied on; of `make-ready` with what each says of its making.
    evidence: Vec<E>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Reasons, in full sentences.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<String>>,
    /// File of the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// 1-based line of the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// 1-based column of the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
}

/// A report without fields of its own.
#[derive(Serialize, JsonSchema)]
struct NoBody {}

/// Returns the schema, or the list of names.
pub(crate) fn run(args: &Args, _: &Ctx) -> anyhow::Result<String> {
    let all = published();
    let Some(name) = &args.name else {
        return Ok(all.iter().map(|published| format!("{}\n", published.name)).collect());
    };
    let Some(published) = all.iter().find(|published| published.name == *name) else {
        let known: Vec<&str> = all.iter().map(|published| published.name.as_str()).collect();
        return Err(Fault::usage(format!("no schema `{name}`; there are: {}", known.join(", "))).into());
    };
    Ok(json::document(&published.document()))
}

impl Published {
    /// The schema, which takes no document that says that it is another.
    fn document(&self) -> Schema {
        let mut schema = self.schema.clone();
        let property = schema.pointer_mut("/properties/schema").and_then(Value::as_object_mut);
        if let (Some(id), Some(property)) = (&self.id, property) {
            property.insert("const".to_owned(), id.clone().into());
        }
        schema
    }
}

/// The schema of what is written, in which a field that is left out where it is empty is not required.
fn written<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}
