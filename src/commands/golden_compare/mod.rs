//! `mmops golden-compare`: decides whether an output drifted from the accepted one, file by file and value
//! by value, and accepts a new one only with a record of who did it and why.
//!
//! A document that cannot be read strictly is no answer: invalid JSON, a duplicate key, NaN, an empty
//! directory, an ignored everything.

mod accept;
mod compare;
pub(crate) mod drift;
mod outcome;
mod tree;

pub(crate) use accept::Record;
pub(crate) use outcome::{Body, SPEC};

use crate::commands::golden_compare::drift::number::Tolerance;
use crate::commands::golden_compare::drift::{IntFloat, NanPolicy, Rules, Unordered};
use crate::ctx::Ctx;
use crate::format::json::path::Pattern;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use accept::Acceptance;
use clap::ValueEnum;
use outcome::Outcome;
use std::path::PathBuf;

/// Say whether an output drifted from the accepted one, and accept a new one with a record
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The accepted file or directory
    #[arg(long, value_name = "PATH")]
    baseline: PathBuf,
    /// The file or directory to judge; files of directories are matched by relative path
    #[arg(long, value_name = "PATH")]
    actual: PathBuf,
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
    tolerance_at: Vec<(Pattern, Tolerance)>,
    /// Leave out what is at or below a path, such as root.meta.ts, root.runs[*].host, root.**.pid (can be repeated)
    #[arg(long, value_name = "PATH", value_parser = Pattern::parse)]
    ignore: Vec<Pattern>,
    /// Compare the array at a path without order, its elements paired by a field or by all they hold (can be repeated)
    #[arg(long, value_name = "PATH[:KEY]", value_parser = parse_unordered)]
    ignore_order: Vec<Unordered>,
    /// Let NaN and Infinity through, and say whether NaN equals NaN; refused as no JSON when left out
    #[arg(long, value_enum)]
    nan: Option<Nan>,
    /// Whether 1 and 1.0 differ
    #[arg(long, value_enum, default_value_t = Numbers::Strict)]
    int_float: Numbers,
    /// List at most N differences of a file; all are counted
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_diffs: usize,
    /// Exit with 1 on drift
    #[arg(long)]
    fail_on_drift: bool,
    /// Show the drift, ask, and make the actual output the new baseline; recorded in BASELINE.accepted.json
    #[arg(long, conflicts_with = "fail_on_drift", requires = "reason")]
    update: bool,
    /// Do not ask
    #[arg(long, requires = "update")]
    yes: bool,
    /// Why the new output is right
    #[arg(long, value_name = "TEXT", requires = "update", value_parser = parse_reason)]
    reason: Option<String>,
    /// Who accepts it; the user who runs the command when left out
    #[arg(long, value_name = "NAME", requires = "update")]
    by: Option<String>,
}

/// What NaN equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Nan {
    /// NaN equals NaN
    Equal,
    /// NaN differs from everything
    Drift,
}

/// Whether integers and floats mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Numbers {
    /// 1 and 1.0 differ in type
    Strict,
    /// Only the value counts
    Lenient,
}

/// Compares, reports, and accepts on request.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (baseline, actual) = (ctx.path(&args.baseline), ctx.path(&args.actual));
    // A pipe has no canonical form; what is missing is refused when it is opened.
    let canonical = |path| fsio::canonical(path).ok();
    if canonical(&baseline).is_some_and(|baseline| canonical(&actual) == Some(baseline)) {
        let message = format!("`{}` and `{}` are the same", args.baseline.display(), args.actual.display());
        return Err(Fault::config(message)
            .hint("nothing can drift from itself; name another --actual")
            .into());
    }
    let rules = rules(args);
    let acceptance = args.update.then(|| Acceptance::prepare(args, ctx)).transpose()?;
    let tasks = tree::tasks(args, ctx)?;
    let mut outcome = Outcome::new(args, &rules);
    for task in tasks {
        ctx.check_cancelled()?;
        let result = task.compare(&rules, args.max_diffs, &|| ctx.check_cancelled())?;
        outcome.add(task, result);
    }
    outcome.make_sure_something_is_compared(&rules)?;
    if let Some(acceptance) = acceptance {
        acceptance.ask_and_write(&mut outcome, ctx)?;
    }
    Ok(outcome.report())
}

fn rules(args: &Args) -> Rules {
    Rules {
        tolerance: Tolerance { abs: args.tolerance, rel: args.rtol, ulp: args.ulp },
        tolerances: args.tolerance_at.clone(),
        ignored: args.ignore.clone(),
        unordered: args.ignore_order.clone(),
        nan: match args.nan {
            None => NanPolicy::Refuse,
            Some(Nan::Equal) => NanPolicy::Equal,
            Some(Nan::Drift) => NanPolicy::Drift,
        },
        int_float: match args.int_float {
            Numbers::Strict => IntFloat::Strict,
            Numbers::Lenient => IntFloat::Lenient,
        },
    }
}

fn parse_distance(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err("it must be finite and not negative".into())
    }
}

/// A relative distance. Two numbers of the same sign are never further apart than the larger of them.
fn parse_share(text: &str) -> Result<f64, String> {
    let value = parse_distance(text)?;
    if value < 1.0 { Ok(value) } else { Err("it must be below 1, or nothing would be too far".into()) }
}

/// A distance in representable numbers, of which there are 2^52 from a number to its double.
fn parse_steps(text: &str) -> Result<u64, String> {
    let value: u64 = text.parse().map_err(|_| format!("`{text}` is no count"))?;
    if value < 1 << 52 { Ok(value) } else { Err("it must be below 2^52, which is twice the number".into()) }
}

fn parse_reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it says nothing".into()) } else { Ok(text.trim().to_owned()) }
}

/// `PATH=1e-6` or `PATH=abs:1e-6,rel:1e-3,ulp:4`; what is left out is zero.
fn parse_tolerance_at(text: &str) -> Result<(Pattern, Tolerance), String> {
    let (pattern, rest) = Pattern::parse_start(text)?;
    let rest = rest.strip_prefix('=').ok_or_else(|| format!("`{text}` has no `=` behind the path"))?;
    let mut tolerance = Tolerance { abs: 0.0, rel: 0.0, ulp: 0 };
    for part in rest.split(',') {
        match part.split_once(':') {
            None => tolerance.abs = parse_distance(part)?,
            Some(("abs", value)) => tolerance.abs = parse_distance(value)?,
            Some(("rel", value)) => tolerance.rel = parse_share(value)?,
            Some(("ulp", value)) => tolerance.ulp = parse_steps(value)?,
            Some((name, _)) => return Err(format!("`{name}` is none of abs, rel, ulp")),
        }
    }
    Ok((pattern, tolerance))
}

fn parse_unordered(text: &str) -> Result<Unordered, String> {
    let (at, rest) = Pattern::parse_start(text)?;
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok(Unordered { at, key: None }),
        Some(key) if !key.is_empty() => Ok(Unordered { at, key: Some(key.to_owned()) }),
        _ => Err(format!("`{text}`: write PATH or PATH:KEY")),
    }
}
