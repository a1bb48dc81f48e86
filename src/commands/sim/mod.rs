//! `mmops sim ...`: simulated counterparts for rehearsals, each marked as simulated in what it shows.

pub(crate) mod bot;
pub(crate) mod feed;

use crate::ctx::Ctx;
use crate::report::{Marker, Report, Status};

/// Arguments of `mmops sim`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Be a market-making service: metrics, start-up log, overrides, rollback actions
    Bot(bot::Args),
    /// Write a market feed generated from a seed, marked as simulated
    Feed(feed::Args),
}

impl Args {
    /// The command's name in reports, and the marker of its failure.
    pub(crate) fn failure(&self) -> (&'static str, Marker) {
        match self.command {
            Command::Bot(_) => ("sim-bot", Marker::new("sim_bot", Status::Fail, "SIM_BOT", "FAILED")),
            Command::Feed(_) => ("sim-feed", Marker::new("sim_feed", Status::Fail, "SIM_FEED", "FAILED")),
        }
    }
}

/// Runs the simulation asked for.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    match &args.command {
        Command::Bot(args) => bot::run(args, ctx),
        Command::Feed(args) => feed::run(args, ctx),
    }
}
