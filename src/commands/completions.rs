//! `mmops completions SHELL`: the completion script of a shell, generated from the command tree.

use crate::report::CommandSpec;
use clap_complete::Shell;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("completions", "COMPLETIONS", "FAILED");

/// Print a shell completion script
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shell to print the script for
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Returns the script.
pub(crate) fn run(args: &Args, mut tree: clap::Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut tree, "mmops", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
