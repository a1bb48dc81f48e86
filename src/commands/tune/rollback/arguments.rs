//! The command line of `mmops tune rollback`.

use crate::commands::tune::paths::TARGET;
use std::path::PathBuf;

/// Restore the overrides file that the last apply replaced
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Overrides file of the bot
    #[arg(long, value_name = "FILE", default_value = TARGET)]
    pub(crate) target: PathBuf,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub(crate) why: String,
    /// Who, for the record [default: the numeric user]
    #[arg(long, value_name = "NAME", value_parser = text)]
    pub(crate) who: Option<String>,
    /// Show the changes and touch nothing outside artifacts/dry-run
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("it must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}
