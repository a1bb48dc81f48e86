//! `mmops canary`: put a release's tag where its evidence is, and write the checklist of its first days.

pub(crate) mod checklist;
pub(crate) mod tag;

use crate::ctx::Ctx;
use crate::format::json::typed;
use crate::release::bundle::manifest::Manifest;
use crate::release::folder;
use crate::release::snapshot::{self, Snapshot};
use crate::report::exit::Fault;
use crate::report::{Marker, Report, Status};
use std::path::Path;

/// Arguments of `mmops canary`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Put an annotated tag on the commit of a release, with what its soak showed
    Tag(tag::Args),
    /// Write the checklist of a release's first two days
    Checklist(checklist::Args),
}

impl Args {
    /// The command's name and the marker it ends with when the question could not be asked.
    pub(crate) fn failure(&self) -> (&'static str, Marker) {
        let command = match self.command {
            Command::Tag(_) => "canary-tag",
            Command::Checklist(_) => "canary-checklist",
        };
        (command, marker(Status::Fail, "FAIL"))
    }
}

/// Tags or lists.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    match &args.command {
        Command::Tag(args) => tag::run(args, ctx),
        Command::Checklist(args) => checklist::run(args, ctx),
    }
}

fn marker(status: Status, value: &str) -> Marker {
    Marker::new("canary", status, "CANARY", value)
}

/// A release folder as it was found.
struct Release {
    snapshot: Snapshot,
    /// Why the folder is not what its manifest says.
    broken: Vec<String>,
    manifest: Option<(Manifest, String)>,
}

/// Reads a release folder: its snapshot must be readable, its manifest may turn out not to hold.
fn load(dir: &Path, shown: &str, ctx: &Ctx) -> anyhow::Result<Release> {
    let found = folder::inspect(dir, &ctx.cancel)?;
    let broken =
        found.all_refusals().map(|refusal| format!("{}: {}", refusal.kind, refusal.detail)).collect();
    let (document, _) = typed::load(&dir.join(snapshot::FILE_NAME))?;
    let snapshot = Snapshot::parse(&document).map_err(|reason| {
        Fault::config(format!("`{shown}/{}` cannot be used: {reason}", snapshot::FILE_NAME))
    })?;
    Ok(Release { snapshot, broken, manifest: found.manifest.ok() })
}
