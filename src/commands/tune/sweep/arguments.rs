//! The command line of `mmops tune sweep`.

use std::path::PathBuf;

/// Try a grid of parameters on recorded markets and choose the best safe one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Recorded feed to trade, instead of the feeds of the grid file (can be repeated)
    #[arg(long, value_name = "FILE")]
    pub(crate) feed: Vec<PathBuf>,
    /// Grid of parameters [default: deploy/tuning/grid.yaml, else the same built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) grid: Option<PathBuf>,
    /// Safety limits and bounds [default: deploy/tuning/limits.yaml, else the same built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// Fees in basis points, instead of those of the grid file; a rebate is negative
    #[arg(long, value_name = "MAKER,TAKER", value_parser = pair, allow_hyphen_values = true)]
    pub(crate) fees: Option<(f64, f64)>,
    /// One-way delays in milliseconds, instead of those of the grid file
    #[arg(long, value_name = "ENTRY,RESPONSE", value_parser = pair)]
    pub(crate) latency: Option<(f64, f64)>,
    /// Threads [default: one for each processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Measure only every n-th candidate from the i-th, counted from 0, and write a shard for --merge
    #[arg(long, value_name = "I/N", value_parser = shard_of)]
    pub(crate) shard: Option<(usize, usize)>,
    /// Join the shards in DIR instead of measuring
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["feed", "grid", "limits", "fees", "latency", "jobs", "shard", "resume", "dry_run"]
    )]
    pub(crate) merge: Option<PathBuf>,
    /// Go on with the candidates that a stopped sweep had not finished
    #[arg(long)]
    pub(crate) resume: bool,
    /// Sweep twice with different thread counts, compare, and write only under artifacts/dry-run
    #[arg(long, conflicts_with_all = ["shard", "resume"])]
    pub(crate) dry_run: bool,
    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = "artifacts/PARAM_SWEEP.json")]
    pub(crate) out_json: PathBuf,
    /// Where the report goes as a Markdown table [default: beside the JSON]
    #[arg(long, value_name = "FILE")]
    pub(crate) out_md: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(f64, f64), String> {
    let (a, b) = text.split_once(',').ok_or("give two numbers with a comma between them")?;
    let number = |part: &str| {
        let value: f64 = part.trim().parse().map_err(|_| format!("`{part}` is not a number"))?;
        if value.is_finite() { Ok(value) } else { Err(format!("`{part}` is not finite")) }
    };
    Ok((number(a)?, number(b)?))
}

fn shard_of(text: &str) -> Result<(usize, usize), String> {
    let (i, n) = text.split_once('/').ok_or("give the shard as I/N, such as 0/4")?;
    let number = |part: &str| part.parse::<usize>().map_err(|_| format!("`{part}` is not a whole number"));
    let (i, n) = (number(i)?, number(n)?);
    if i < n { Ok((i, n)) } else { Err(format!("shard {i} of {n}: shards are numbered 0 to N-1")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_slices_are_checked() {
        assert_eq!(pair("-0.5, 5"), Ok((-0.5, 5.0)));
        for bad in ["1", "1,", "a,1", "nan,1", "inf,1"] {
            assert!(pair(bad).is_err(), "{bad}");
        }
        assert_eq!(shard_of("0/4"), Ok((0, 4)));
        for bad in ["4/4", "0/0", "1", "-1/4", "a/b"] {
            assert!(shard_of(bad).is_err(), "{bad}");
        }
    }
}
