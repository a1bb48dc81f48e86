//! The command line of `mmops tune apply`.

use crate::commands::tune::paths::TARGET;
use crate::format::duration;
use std::path::PathBuf;
use std::time::Duration;

/// Write the chosen parameters of a sweep to the bot's overrides file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Report of the sweep
    #[arg(long, value_name = "FILE", default_value = "artifacts/PARAM_SWEEP.json")]
    pub(crate) sweep: PathBuf,
    /// Overrides file of the bot
    #[arg(long, value_name = "FILE", default_value = TARGET)]
    pub(crate) target: PathBuf,
    /// Oldest sweep to accept
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration::parse)]
    pub(crate) max_age: Duration,
    /// Accept a sweep on a generated market; never for a bot that trades real money
    #[arg(long)]
    pub(crate) allow_simulated: bool,
    /// Safety limits and bounds [default: deploy/tuning/limits.yaml, else the same built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// Accept only sweeps on this feed (can be repeated) [default: the feeds of the grid file, if any]
    #[arg(long, value_name = "FILE")]
    pub(crate) feed: Vec<PathBuf>,
    /// Accept only sweeps on the feed with this hash (can be repeated)
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub(crate) feed_sha256: Vec<String>,
    /// Show the changes and touch nothing outside artifacts/dry-run
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn sha256(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { Ok(text) } else { Err("a SHA-256 has 64 hexadecimal digits".to_owned()) }
}
