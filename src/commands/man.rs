//! `mmops man`: the manual page in roff, of mmops or of one subcommand, generated from the command tree.

use crate::report::CommandSpec;
use crate::report::exit::Fault;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("man", "MAN", "FAILED");

/// Print the manual page
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Subcommand, such as `tune sweep`; the whole of mmops when left out
    pub(crate) command: Vec<String>,
}

/// Returns the page.
pub(crate) fn run(args: &Args, tree: clap::Command) -> anyhow::Result<String> {
    let mut command = tree;
    let mut name = command.get_name().to_owned();
    for word in &args.command {
        let Some(found) = command.find_subcommand(word) else {
            let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let message = format!("`{name}` has no subcommand `{word}`; it has: {}", known.join(", "));
            return Err(Fault::usage(message).into());
        };
        let found = found.clone();
        name = format!("{name}-{word}");
        command = found;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.name(name)).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
