//! What golden-compare is asked.

use crate::commands::golden_compare::drift::number::Tolerance;
use crate::commands::golden_compare::drift::{IntFloat, NanPolicy, Rule, Rules};
use crate::format::json::path::Pattern;
use anyhow::{Context as _, bail, ensure};
use globset::{GlobBuilder, GlobMatcher};
use std::path::PathBuf;

/// Say whether an output drifted from the accepted one, and accept a new one with a record
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Args {
    /// The accepted file or directory
    #[arg(long, value_name = "PATH")]
    pub(super) baseline: PathBuf,
    /// The file or directory to judge; files of directories are matched by relative path
    #[arg(long, value_name = "PATH")]
    pub(super) actual: PathBuf,
    /// Largest absolute distance of two floats
    #[arg(long, value_name = "ABS", default_value = "1e-9", value_parser = parse_distance, allow_hyphen_values = true)]
    tolerance: f64,
    /// Largest distance of two floats relative to the larger one
    #[arg(long, value_name = "REL", default_value = "0", value_parser = parse_share, allow_hyphen_values = true)]
    rtol: f64,
    /// Largest distance of two floats in representable numbers
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = parse_steps)]
    ulp: u64,
    /// Tolerance of the numbers, integers too, at a path: PATH=1e-6 or PATH=abs:1e-6,rel:1e-3,ulp:4 (can be repeated; the last match counts)
    #[arg(long, value_name = "PATH=TOLERANCE", value_parser = parse_tolerance_at)]
    tolerance_at: Vec<Rule<Tolerance>>,
    /// Leave out what is at or below a path, such as root.meta.ts, root.runs[*].host, root.**.pid (can be repeated; this and other rules are for some files of a directory alone with FILES: in front, such as daily/*.json:root.ts)
    #[arg(long, value_name = "PATH", value_parser = parse_ignore)]
    ignore: Vec<Rule<()>>,
    /// Compare the array at a path without order, its elements paired by a field or by all they hold (can be repeated)
    #[arg(long, value_name = "PATH[:KEY]", value_parser = parse_unordered)]
    ignore_order: Vec<Rule<Option<String>>>,
    /// Refuse a rule for a path that matches nothing, rather than warn
    #[arg(long)]
    pub(super) strict_rules: bool,
    /// Let NaN and Infinity through, and say whether NaN equals NaN; refused as not JSON when left out
    #[arg(long, value_enum)]
    nan: Option<NanPolicy>,
    /// Whether 1 and 1.0 differ
    #[arg(long, value_enum, default_value = "strict")]
    int_float: IntFloat,
    /// List at most N differences of a file; all are counted
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) max_diffs: usize,
    /// Write a page that shows what was accepted beside what is there now
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Exit with 1 on drift
    #[arg(long)]
    pub(super) fail_on_drift: bool,
    /// Show the drift, ask, and make the actual output the new baseline; recorded in BASELINE.accepted.json
    #[arg(long, conflicts_with = "fail_on_drift", requires = "reason")]
    pub(super) update: bool,
    /// Do not ask
    #[arg(long, requires = "update")]
    pub(super) yes: bool,
    /// Why the new output is right
    #[arg(long, value_name = "TEXT", requires = "update", value_parser = parse_reason)]
    pub(super) reason: Option<String>,
    /// Who accepts it; the user who runs the command when left out
    #[arg(long, value_name = "NAME", requires = "update", value_parser = parse_reason)]
    pub(super) by: Option<String>,
}

impl Args {
    pub(super) fn rules(&self) -> Rules {
        Rules {
            tolerance: Tolerance { abs: self.tolerance, rel: self.rtol, ulp: self.ulp },
            tolerances: self.tolerance_at.clone(),
            ignored: self.ignore.clone(),
            unordered: self.ignore_order.clone(),
            nan: self.nan.unwrap_or_default(),
            int_float: self.int_float,
        }
    }
}

fn parse_distance(text: &str) -> anyhow::Result<f64> {
    let value: f64 = text.parse().context("it is not a number")?;
    ensure!(value.is_finite() && value >= 0.0, "it must be finite and not negative");
    Ok(value)
}

/// A relative distance. Two numbers of the same sign are never further apart than the larger of them.
fn parse_share(text: &str) -> anyhow::Result<f64> {
    let value = parse_distance(text)?;
    ensure!(value < 1.0, "it must be below 1, or nothing would be too far");
    Ok(value)
}

/// A distance in representable numbers, of which there are 2^52 from a number to its double.
fn parse_steps(text: &str) -> anyhow::Result<u64> {
    let value: u64 = text.parse().with_context(|| format!("`{text}` is not a count"))?;
    ensure!(value < 1 << 52, "it must be below 2^52, which is twice the number");
    Ok(value)
}

fn parse_reason(text: &str) -> anyhow::Result<String> {
    ensure!(!text.trim().is_empty(), "it says nothing");
    Ok(text.trim().to_owned())
}

/// The files that a rule is for, and the rest of it: `a/*.json:root.ts`.
fn split_files(text: &str) -> anyhow::Result<(Option<GlobMatcher>, &str)> {
    let begins_path = |text: &str| text.starts_with("root") || text.starts_with('$');
    if begins_path(text) {
        return Ok((None, text));
    }
    let colons = text.match_indices(':').map(|(at, _)| at);
    let Some(at) = colons.into_iter().find(|at| begins_path(&text[at + 1..])) else {
        return Ok((None, text));
    };
    let glob = GlobBuilder::new(&text[..at]).literal_separator(true).build();
    let glob = glob.with_context(|| format!("`{}` is not a pattern of files", &text[..at]))?;
    Ok((Some(glob.compile_matcher()), &text[at + 1..]))
}

fn parse_ignore(text: &str) -> anyhow::Result<Rule<()>> {
    let (files, path) = split_files(text)?;
    Ok(Rule { files, at: Pattern::parse(path)?, what: (), given: format!("--ignore {text}") })
}

/// `PATH=1e-6` or `PATH=abs:1e-6,rel:1e-3,ulp:4`; what is left out is zero.
fn parse_tolerance_at(text: &str) -> anyhow::Result<Rule<Tolerance>> {
    let (files, path) = split_files(text)?;
    let (at, rest) = Pattern::parse_start(path)?;
    let rest = rest.strip_prefix('=').with_context(|| format!("`{text}` has no `=` behind the path"))?;
    let mut tolerance = Tolerance { abs: 0.0, rel: 0.0, ulp: 0 };
    for part in rest.split(',') {
        match part.split_once(':') {
            None => tolerance.abs = parse_distance(part)?,
            Some(("abs", value)) => tolerance.abs = parse_distance(value)?,
            Some(("rel", value)) => tolerance.rel = parse_share(value)?,
            Some(("ulp", value)) => tolerance.ulp = parse_steps(value)?,
            Some((name, _)) => bail!("`{name}` is none of abs, rel, ulp"),
        }
    }
    Ok(Rule { files, at, what: tolerance, given: format!("--tolerance-at {text}") })
}

fn parse_unordered(text: &str) -> anyhow::Result<Rule<Option<String>>> {
    let (files, path) = split_files(text)?;
    let (at, rest) = Pattern::parse_start(path)?;
    let what = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        Some(key) if !key.is_empty() => Some(key.to_owned()),
        _ => bail!("`{text}`: write PATH or PATH:KEY"),
    };
    Ok(Rule { files, at, what, given: format!("--ignore-order {text}") })
}
