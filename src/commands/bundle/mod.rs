//! `mmops bundle`: make an archive whose every byte can be accounted for, check one, build the folder of
//! a release. Bare `mmops bundle` creates.

pub mod create;
mod materials;
mod select;

use crate::ctx::Ctx;
use crate::report::{Marker, Report, Status};

/// Arguments of `mmops bundle`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    create: create::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make an archive with a manifest, its hash beside it, and a signature on request
    Create(create::Args),
}

impl Args {
    /// The command's name and the marker it ends with when the question could not be asked.
    pub fn failure(&self) -> (&'static str, Marker) {
        let command = match self.command {
            Some(Command::Create(_)) | None => "bundle-create",
        };
        (command, marker(Status::Fail, "FAILED"))
    }
}

/// Creates, verifies or releases.
pub fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    match &args.command {
        Some(Command::Create(args)) => create::run(args, ctx),
        None => create::run(&args.create, ctx),
    }
}

fn marker(status: Status, value: &str) -> Marker {
    Marker::new("bundle", status, "BUNDLE", value)
}
