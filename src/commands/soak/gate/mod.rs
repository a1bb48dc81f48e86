//! `mmops soak gate`: judges a finished or stopped run again, from its journal or its summaries, and checks
//! that the kept samples give the same figures. Runs of the earlier toolkit are read as well, with the faults
//! that are known of it.

mod explain;

use super::again::{self, JudgedAgain, KeptForm, Request};
use super::answer::report;
use super::document::SoakBody;
use super::settings::{self, SettingsFiles};
use super::verdict::verdict;
use crate::commands::{Given, Input};
use crate::ctx::Ctx;
use crate::evidence::daily::report::SourceFile;
use crate::evidence::explanation::Explanation;
use crate::evidence::header::Header;
use crate::format::duration;
use crate::judge::record::GateResult;
use crate::judge::verdict::RunVerdict;
use crate::report::Report;
use explain::Explained;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// By what somebody else judges a run, whatever it was started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OtherGates<'a> {
    pub(crate) profile: &'a str,
    /// Their file, and the definitions that the figures must have; those of the root where none is named.
    pub(crate) gates_file: Option<&'a Path>,
    pub(crate) kpis: Option<&'a Path>,
    /// The longest window that counts: what happened within is not known.
    pub(crate) max_window: Duration,
}

/// Why a run does not pass by these gates.
pub(crate) fn refusals(run_dir: &Path, gates: &OtherGates, ctx: &Ctx) -> anyhow::Result<Vec<String>> {
    let OtherGates { profile, gates_file, kpis, max_window } = gates;
    let gates_file = gates_file.map(Path::to_path_buf);
    let named = SettingsFiles { kpis: kpis.map(Path::to_path_buf), gates_file: gates_file.clone() };
    let wanted = settings::load(&named, profile, ctx)?;
    let files = SettingsFiles { kpis: None, gates_file };
    let again = again::judge(
        &Request { run_dir, profile: Some(profile), files: &files, allow_simulated: true },
        ctx,
    )?;
    let KeptForm::Ours { plan, .. } = &again.kept else {
        return Ok(vec!["the run is of the earlier toolkit, which measured nothing".to_owned()]);
    };
    let mut refusals = Vec::new();
    if u64::from(plan.iteration_secs) > max_window.as_secs() {
        let [window, most] = [f64::from(plan.iteration_secs), max_window.as_secs_f64()].map(duration::text);
        refusals.push(format!(
            "its windows are {window}, at most {most} count: what happened within is not known"
        ));
    }
    let figures = wanted.profile.gates.values().map(|gate| gate.kpi.as_str());
    if let Some(kpi) = settings::other_definition(&again.kpis, &wanted.kpis, figures) {
        let file = &wanted.kpis_file.path;
        refusals.push(format!("it does not measure `{kpi}` as {file} defines it"));
    }
    let judged = &again.facts.judgement;
    refusals.extend(judged.gates.iter().filter_map(|(name, gate)| of_gate(name, gate)));
    let unmet = judged.conditions.iter().filter(|condition| condition.verdict != RunVerdict::Pass);
    refusals.extend(unmet.map(|condition| format!("{}: {}", condition.name, condition.note)));
    let by = |reason| format!("by the profile {profile} of {}: {reason}", wanted.gates_file.path);
    Ok(refusals.into_iter().map(by).collect())
}

fn of_gate(name: &str, gate: &GateResult) -> Option<String> {
    let is_kept = RunVerdict::fold(gate.states()) == RunVerdict::Pass;
    let reason = gate.outcome.reason.as_deref().unwrap_or("it is not known");
    (!is_kept).then(|| format!("{name}: {}: {reason}", gate.outcome.state.as_str()))
}
