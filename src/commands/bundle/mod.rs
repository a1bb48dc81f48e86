//! `mmops bundle`: make an archive whose every byte can be accounted for, check one, build the folder of
//! a release. Bare `mmops bundle` creates.

pub(crate) mod contents;
pub(crate) mod create;
mod materials;
pub(crate) mod release;
mod select;
pub(crate) mod verify;

use crate::ctx::Ctx;
use crate::report::{Marker, Report, Status};

/// Arguments of `mmops bundle`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    create: create::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make an archive with a manifest, its hash beside it, and a signature on request
    Create(create::Args),
    /// Say whether an archive or a folder is what its manifest says, to the last bit
    Verify(verify::Args),
    /// Build the folder of a release from a soak run that passed
    Release(release::Args),
}

impl Args {
    /// The command's name and the marker it ends with when the question could not be asked.
    pub(crate) fn failure(&self) -> (&'static str, Marker) {
        let command = match self.command {
            Some(Command::Create(_)) | None => "bundle-create",
            Some(Command::Verify(_)) => "bundle-verify",
            Some(Command::Release(_)) => "bundle-release",
        };
        (command, marker(Status::Fail, "FAILED"))
    }
}

/// Creates, verifies or releases.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    match &args.command {
        Some(Command::Create(args)) => create::run(args, ctx),
        Some(Command::Verify(args)) => verify::run(args, ctx),
        Some(Command::Release(args)) => release::run(args, ctx),
        None => create::run(&args.create, ctx),
    }
}

fn marker(status: Status, value: &str) -> Marker {
    Marker::new("bundle", status, "BUNDLE", value)
}
