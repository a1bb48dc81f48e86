//! `mmops sim feed`: writes a generated market feed in the form of a recorded one, for where nothing is
//! recorded. The same flags give the same bytes. The file says that it is simulated, and `tune apply`
//! does not take it for evidence.
use crate::format::hash;

use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use crate::simulation::market::{FeedSpec, Regime, gzip, text};
use clap::builder::{RangedU64ValueParser, TypedValueParser as _};
use std::path::PathBuf;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("sim feed", "SIM_FEED", "FAILED");

/// Write a market feed generated from a seed, marked as simulated
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seed of the random numbers
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Length in minutes
    #[arg(long, default_value_t = 5, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1440))]
    minutes: u32,
    /// What the market does
    #[arg(long, value_enum, default_value_t = Regime::Calm)]
    regime: Regime,
    /// Symbol: letters and digits
    #[arg(long, default_value = "BTCUSDT", value_parser = clap::builder::NonEmptyStringValueParser::new().try_map(|text| symbol(&text)))]
    symbol: String,
    /// File to write; compressed when the name ends in .gz
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The fields of the report beside those of every report.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Body {
    /// The file as it was named.
    path: String,
    /// SHA-256 of the file.
    sha256: String,
    /// Bytes of the file.
    bytes: u64,
    /// Lines before compression, the mark included.
    lines: u64,
    /// What the feed was generated from.
    spec: FeedSpec,
}

/// What it writes.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    given.path("out").map(|path| Output::record("out", path)).into_iter().collect()
}

/// Generates and writes the feed.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let Args { seed, minutes, regime, symbol, out } = args;
    let spec = FeedSpec { seed: *seed, minutes: *minutes, regime: *regime, symbol: symbol.clone() };
    let path = ctx.path(out);
    // A bad path costs nothing when it is found before the work.
    let pending = ctx.record_file(&path)?;
    let text = text(&spec);
    ctx.check_cancelled()?;
    let lines = text.lines().count() as u64;
    let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
    let bytes = if is_gzip { gzip(text.as_bytes()) } else { text.into_bytes() };
    let body =
        Body { path: ctx.show(&path), sha256: hash::sha256(&bytes), bytes: bytes.len() as u64, lines, spec };
    pending.finish(&bytes)?;
    let row = |name: &str, note: String| Row::new(name, Outcome::Pass).note(note);
    let rows = vec![
        row("feed", format!("{} {} {minutes} min seed {seed}", body.spec.symbol, regime.name())),
        row("lines", lines.to_string()),
        row("sha256", body.sha256.clone()),
    ];
    let report = Report::new(&SPEC, "SIMULATED MARKET FEED", Conclusion::new(Outcome::Pass, "WRITTEN"));
    Ok(report.rows(rows).simulated(true).body(&body).evidence([&body.path]))
}

fn symbol(text: &str) -> Result<String, Fault> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err(Fault::usage("a symbol has letters and digits only"))
}
