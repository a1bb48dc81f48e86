//! `mmops chaos`: faults on purpose, and what they prove.

pub(crate) mod drill;
pub(crate) mod failover;
pub(crate) mod node;
pub(crate) mod order_log;
pub(crate) mod verdict;

use crate::commands::Answer;
use crate::ctx::Ctx;
use clap::Subcommand;

/// Arguments of `mmops chaos`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which drill
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The drills.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Kill or pause the leader of two contending processes and prove that the other takes over
    Failover(failover::Args),
    /// Contend for the lease of a running drill
    #[command(hide = true)]
    Node(node::Args),
}

/// Runs the drill.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Answer> {
    match &args.command {
        Command::Failover(args) => failover::run(args, ctx).map(Answer::Report),
        Command::Node(args) => node::run(args, ctx).map(|()| Answer::Text(String::new())),
    }
}
