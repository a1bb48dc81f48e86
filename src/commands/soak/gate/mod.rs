//! `mmops soak gate`: judges a finished or stopped run again, from its journal or its summaries, and checks
//! that the kept samples give the same figures. Runs of the earlier toolkit are read as well, with the faults
//! that are known of it.

use super::again::{self, Request};
use super::answer::report;
use super::settings::SettingsFiles;
use super::verdict::verdict;
use crate::commands::{Given, Input};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::report::Report;
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
    /// Judge a simulated run as the rehearsal it is
    #[arg(long)]
    mock: bool,
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
    let facts = again::judge(&request, ctx)?.facts;
    Ok(report(&facts, verdict(&facts)))
}

/// What the kept figures of a run say now, be it simulated: the fields of the report, those of an observation
/// among them.
pub(crate) fn judge_again(run_dir: &Path, ctx: &Ctx) -> anyhow::Result<Map<String, Value>> {
    let files = SettingsFiles::default();
    let report = run(&Args { run_dir: run_dir.to_owned(), profile: None, files, mock: true }, ctx)?;
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
