//! `mmops readiness score` and `mmops readiness validate`: the GO/HOLD point scale over the daily
//! reports, and whether a score file is what it claims to be. Bare `mmops readiness` scores.

pub(crate) mod score;
pub(crate) mod scoring;
pub(crate) mod validate;

use crate::commands::readiness::scoring::score::Verdict;
use crate::ctx::Ctx;
use crate::report::{Marker, Report, Status};

/// Arguments of `mmops readiness`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    score: score::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Score the last daily reports: GO, HOLD or BLOCK
    Score(score::Args),
    /// Check a score file: structure, ranges, sum, verdict, age
    Validate(validate::Args),
}

impl Args {
    /// The command's name in reports.
    pub(crate) fn name(&self) -> &'static str {
        match self.command {
            Some(Command::Validate(_)) => "readiness-validate",
            Some(Command::Score(_)) | None => "readiness-score",
        }
    }
}

/// Scores or validates.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    match &args.command {
        Some(Command::Validate(args)) => validate::run(args, ctx),
        Some(Command::Score(args)) => score::run(args, ctx),
        None => score::run(&args.score, ctx),
    }
}

fn marker(verdict: Verdict) -> Marker {
    let status = if verdict == Verdict::Go { Status::Ok } else { Status::Fail };
    Marker::new("readiness", status, "READINESS", verdict.word())
}
