//! `mmops tune`: choose quoting parameters on recorded markets, apply them, take them back.

pub(crate) mod apply;
pub(crate) mod choose;
pub(crate) mod rollback;
pub(crate) mod sweep;

mod config;

use crate::ctx::Ctx;
use crate::report::{Marker, Report, Status};
use std::path::{Path, PathBuf};

/// The overrides file that the running bot re-reads, relative to the root.
pub(crate) const TARGET: &str = "artifacts/soak/runtime_overrides.json";

/// Arguments of `mmops tune`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Try a grid of parameters on recorded markets and choose the best safe one
    Sweep(Box<sweep::Args>),
    /// Write the chosen parameters of a sweep to the bot's overrides file
    Apply(apply::Args),
    /// Restore the overrides file that the last apply replaced
    Rollback(rollback::Args),
}

impl Args {
    /// The command's name and the marker it ends with when the question could not be asked.
    pub(crate) fn failure(&self) -> (&'static str, Marker) {
        let (command, name, key) = match self.command {
            Command::Sweep(_) => ("tune-sweep", "tune_sweep", "PARAM_SWEEP"),
            Command::Apply(_) => ("tune-apply", "tune_apply", "TUNING_APPLY"),
            Command::Rollback(_) => ("tune-rollback", "tune_rollback", "TUNING_ROLLBACK"),
        };
        (command, Marker::new(name, Status::Fail, key, "FAILED"))
    }
}

/// Runs the subcommand.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    match &args.command {
        Command::Sweep(args) => sweep::run(args, ctx),
        Command::Apply(args) => apply::run(args, ctx),
        Command::Rollback(args) => rollback::run(args, ctx),
    }
}

/// The path of a file that belongs to `path`: the same name with another ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}
