//! `mmops chaos node`: one contender of the failover drill, started by it as a child process.

use crate::commands::chaos::drill::node::{self, NodeSettings};
use crate::ctx::Ctx;
use crate::format::duration;
use crate::report::CommandSpec;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("chaos node", "CHAOS_NODE", "FAIL");

/// Contend for the lease of a running drill
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// Name of the node
    #[arg(long)]
    name: String,
    /// Directory of the run
    #[arg(long)]
    dir: PathBuf,
    /// How long a lease lasts
    #[arg(long, value_parser = duration::parse)]
    ttl: Duration,
    /// Time between two renewals
    #[arg(long, value_parser = duration::parse)]
    renew: Duration,
    /// Boot time from which orders are due
    #[arg(long)]
    origin_us: u64,
    /// Process without which the node must not live
    #[arg(long)]
    parent: u32,
}

/// Contends until it is told to end.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<String> {
    let settings = NodeSettings {
        name: args.name.clone(),
        dir: ctx.path(&args.dir),
        ttl: args.ttl,
        renew: args.renew,
        origin_us: args.origin_us,
    };
    node::run(&settings, args.parent, &ctx.cancel).map(|()| String::new())
}
