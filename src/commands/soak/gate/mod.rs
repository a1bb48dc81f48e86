//! `mmops soak gate`: judges a finished or stopped run again, from its journal or its summaries, and checks
//! that the kept samples give the same figures. Runs of the earlier toolkit are read as well, with the faults
//! that are known of it.

mod explain;

use super::again::{self, JudgedAgain, Request};
use super::answer::report;
use super::document::SoakBody;
use super::settings::SettingsFiles;
use super::verdict::verdict;
use crate::commands::{Given, Input};
use crate::ctx::Ctx;
use crate::evidence::daily::report::SourceFile;
use crate::evidence::explanation::Explanation;
use crate::evidence::header::Header;
use crate::report::Report;
use explain::Explained;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

pub(crate) use super::answer::GATE as SPEC;

/// Judge a finished or stopped run again, of the earlier toolkit as well
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the run
    #[arg(value_name = "RUN_DIR", default_value = "artifacts/soak/latest")]
    run_dir: PathBuf,
    /// Profile of gates; of --gates-file where that is given [default: that of the run; kpi-last8 for a run of the earlier toolkit]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    #[command(flatten)]
    files: SettingsFiles,
    /// Say of each gate the limit at which its answer is another, and which of them change the verdict
    #[arg(long)]
    explain: bool,
    /// Judge a simulated run as the rehearsal it is
    #[arg(long)]
    mock: bool,
}

/// Fields of the report.
#[derive(Serialize, JsonSchema)]
pub(crate) struct GateBody {
    #[serde(flatten)]
    body: SoakBody,
    /// Why the answer is what it is, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// What the run has kept.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    again::files(given.path("run_dir"), "RUN_DIR", &[], ctx)
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let request = Request {
        run_dir: &args.run_dir,
        profile: args.profile.as_deref(),
        files: &args.files,
        allow_simulated: args.mock,
    };
    let judged = again::judge(&request, ctx)?;
    let facts = &judged.facts;
    let explanation = args.explain.then(|| explanation(args, &judged));
    let body = GateBody { body: SoakBody::new(facts), explanation };
    let rows = body.explanation.iter().flat_map(Explanation::rows).collect();
    Ok(report(facts, verdict(facts), rows, &body))
}

fn explanation(args: &Args, judged: &JudgedAgain) -> Explanation {
    let gates_file = args.files.gates_file.as_ref().map(|path| path.display().to_string());
    let (facts, profile) = (&judged.facts, &judged.profile);
    let source = SourceFile { path: facts.run_dir.clone(), sha256: Some(judged.sha256.clone()) };
    let gates_file = gates_file.unwrap_or_else(|| "deploy/soak/gates.yaml".to_owned());
    Explained { facts, profile, gates_file, source }.explanation()
}

/// What the kept figures of a run say now, be it simulated: the fields of the report, those of an observation
/// among them.
pub(crate) fn judge_again(run_dir: &Path, ctx: &Ctx) -> anyhow::Result<Map<String, Value>> {
    let files = SettingsFiles::default();
    let args = Args { run_dir: run_dir.to_owned(), profile: None, files, explain: false, mock: true };
    let report = run(&args, ctx)?;
    let header = Header::default().observed(report.observation()).simulated(report.is_simulated());
    let mut fields = report.document();
    fields.extend(
        header
            .fields()
            .into_iter()
            .filter(|(name, _)| ["simulated", "observed_from", "observed_to"].contains(&name.as_str())),
    );
    Ok(fields)
}
