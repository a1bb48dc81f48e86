//! `mmops soak`: watch a service for days and say, with evidence, whether it stayed inside its limits. Bare
//! `mmops soak` runs.

pub(crate) mod gate;
pub(crate) mod run;

mod outputs;
mod settings;
mod store;

use crate::commands::Answer;
use crate::ctx::Ctx;
use crate::report::{Marker, Status};

pub(crate) use outputs::{Body, GatesSummary, Metrics};
pub(crate) use store::{Plan, StatusFile, StatusKpi};

/// Arguments of `mmops soak`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Watch a service iteration by iteration and judge it
    Run(Box<run::Args>),
    /// Judge a finished or stopped run again, of the earlier toolkit as well
    Gate(gate::Args),
}

impl Args {
    /// The command's name in reports, and the marker of its failure.
    pub(crate) fn failure(&self) -> (&'static str, Marker) {
        let name = match self.command {
            Some(Command::Gate(_)) => "soak-gate",
            Some(Command::Run(_)) | None => "soak-run",
        };
        // A question that could not be asked has no answer.
        (name, Marker::new(&name.replace('-', "_"), Status::Fail, "SOAK", "INCONCLUSIVE"))
    }
}

/// Runs or judges.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Answer> {
    match &args.command {
        Some(Command::Gate(args)) => gate::run(args, ctx),
        Some(Command::Run(args)) => run::run(args, ctx),
        None => run::run(&args.run, ctx),
    }
    .map(Answer::Report)
}
