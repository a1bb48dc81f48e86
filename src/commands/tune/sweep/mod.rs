//! `mmops tune sweep`: trade every candidate of a grid on recorded markets, keep the safe ones, choose
//! the best of them, and write down everything the choice was made from.
//!
//! Shards of a large grid (`--shard`) are joined by `--merge` to the bytes of one run. A sweep that was
//! stopped goes on with `--resume`. `--dry-run` sweeps twice and compares the reports.

mod engine;
mod feeds;
mod journal;
mod rows;
mod shard;

pub(crate) use rows::SPEC;

use super::config;
use crate::commands::tune::choose::document::{self, Document, Inputs, Measurement};
use crate::commands::tune::choose::markdown;
use crate::ctx::Ctx;
use crate::evidence::stamp::{Stamp, StampClock};
use crate::format::hash;
use crate::format::json;
use crate::report::exit::Fault;
use crate::report::{Report, Row, Status};
use crate::simulation::market::Feed;
use crate::sys::clock::utc;
use crate::sys::fsio::AtomicFile;
use crate::sys::lock::Lock;
use crate::sys::work;
use crate::tuning::outcome::{Fees, Latency};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) use shard::Shard;

/// Simulator and tool; figures of another version are not mixed with this one's.
pub(crate) const ENGINE: &str = concat!("hftbacktest 0.9.4, mmops ", env!("CARGO_PKG_VERSION"));

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

/// What a sweep is about to do: everything that decides the figures, and the feeds themselves.
struct Plan {
    inputs: Inputs,
    inputs_sha256: String,
    feeds: Vec<Feed>,
}

/// The report's files, opened before the work starts.
struct Outputs {
    json_path: PathBuf,
    md_path: PathBuf,
    json: AtomicFile,
    md: AtomicFile,
    _lock: Lock,
}

impl Outputs {
    fn open(json_path: PathBuf, md_path: PathBuf) -> anyhow::Result<Self> {
        if json_path == md_path {
            let message = format!("--out-json and --out-md both name `{}`", json_path.display());
            return Err(Fault::usage(message).into());
        }
        let json = AtomicFile::create(&json_path)?;
        let md = AtomicFile::create(&md_path)?;
        let lock = Lock::acquire(&super::beside(&json_path, "lock"))?;
        Ok(Self { json_path, md_path, json, md, _lock: lock })
    }

    fn write(self, text: &str, document: &Document) -> Result<[PathBuf; 2], Fault> {
        self.md.finish(markdown::render(document).as_bytes())?;
        self.json.finish(text.as_bytes())?;
        Ok([self.json_path, self.md_path])
    }
}

/// Runs the sweep, one shard of it, or the joining of shards.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (json, md) = output_paths(args, ctx)?;
    if let Some(dir) = &args.merge {
        let outputs = Outputs::open(json, md)?;
        let (document, merged) = shard::merge(&ctx.path(dir), ctx)?;
        return finish(ctx, outputs, &document, vec![merged], Status::Ok);
    }
    if let Some((index, of)) = args.shard {
        let path = shard::path(&json, index, of);
        return run_shard(args, ctx, &path, (index, of));
    }
    let outputs = Outputs::open(json, md)?;
    let plan = plan(args, ctx)?;
    let all: Vec<usize> = (0..plan.inputs.grid.len()).collect();
    let watch = ctx.clock.stopwatch();
    if args.dry_run {
        let (first, second) = twice(jobs(args));
        let stamp = stamp(ctx);
        let mut documents = Vec::new();
        for jobs in [first, second] {
            let measured = engine::measure(&plan, &all, jobs, ctx, |_| Ok(()))?;
            documents.push(assemble(&plan, stamp.clone(), measured)?);
        }
        tell_speed(ctx, &plan, 2 * all.len(), watch.elapsed());
        let hashes = documents.iter().map(|document| hash::sha256(json::document(document).as_bytes()));
        let hashes: Vec<String> = hashes.collect();
        let (row, status) = rows::reproducible(&hashes[0], &hashes[1], (first, second));
        return finish(ctx, outputs, &documents[0], vec![row], status);
    }
    let (measured, stamp) = measure_with_journal(args, ctx, &plan, &outputs.json_path, all)?;
    tell_speed(ctx, &plan, measured.len(), watch.elapsed());
    let document = assemble(&plan, stamp, measured)?;
    let journal = journal::path(&outputs.json_path);
    let report = finish(ctx, outputs, &document, Vec::new(), Status::Ok)?;
    journal::discard(&journal)?;
    Ok(report)
}

fn run_shard(args: &Args, ctx: &Ctx, path: &Path, (index, of): (usize, usize)) -> anyhow::Result<Report> {
    let output = AtomicFile::create(path)?;
    let _lock = Lock::acquire(&super::beside(path, "lock"))?;
    let plan = plan(args, ctx)?;
    let mine: Vec<usize> = (index..plan.inputs.grid.len()).step_by(of).collect();
    let count = mine.len();
    let watch = ctx.clock.stopwatch();
    let (mut measurements, stamp) = measure_with_journal(args, ctx, &plan, path, mine)?;
    tell_speed(ctx, &plan, count, watch.elapsed());
    measurements.sort_by_key(|measurement| measurement.index);
    let shard = Shard::new(plan.inputs, plan.inputs_sha256, stamp, (index, of), measurements);
    let text = json::document(&shard);
    output.finish(text.as_bytes())?;
    journal::discard(&journal::path(path))?;
    Ok(rows::shard(&shard, &hash::sha256(text.as_bytes())).evidence([ctx.show(path)]))
}

/// Where the report goes; a dry run keeps the name and nothing else of it.
fn output_paths(args: &Args, ctx: &Ctx) -> Result<(PathBuf, PathBuf), Fault> {
    let place = |path: &Path| -> Result<PathBuf, Fault> {
        let Some(name) = path.file_name() else {
            return Err(Fault::usage(format!("`{}` names no file", path.display())));
        };
        Ok(if args.dry_run { ctx.path("artifacts/dry-run").join(name) } else { ctx.path(path) })
    };
    let json = place(&args.out_json)?;
    let md = args.out_md.as_deref().map_or_else(|| Ok(super::beside(&json, "md")), place)?;
    Ok((json, md))
}

fn plan(args: &Args, ctx: &Ctx) -> anyhow::Result<Plan> {
    let limits = config::limits(args.limits.as_deref(), ctx)?.value;
    let mut file = config::grid(args.grid.as_deref(), ctx)?;
    if let Some((maker_bps, taker_bps)) = args.fees {
        file.value.fees = Fees { maker_bps, taker_bps };
    }
    if let Some((entry_ms, response_ms)) = args.latency {
        file.value.latency = Latency { entry_ms, response_ms };
    }
    let grid = config::grid_of(&file, &limits)?;
    let file = file.value;
    let named = if args.feed.is_empty() { &file.feeds } else { &args.feed };
    let feeds = feeds::load(named, &file.generated, &limits.feed, ctx)?;
    let inputs = Inputs {
        bootstrap: file.bootstrap,
        engine: ENGINE.to_owned(),
        feeds: feeds.iter().map(feeds::record).collect::<Result<_, _>>()?,
        fees: file.fees,
        grid,
        latency: file.latency,
        limits: limits.record(),
        walk_forward: file.walk_forward,
    };
    let inputs_sha256 = hash(&inputs);
    Ok(Plan { inputs, inputs_sha256, feeds })
}

/// SHA-256 of the inputs as they stand in a report.
pub(super) fn hash(inputs: &Inputs) -> String {
    hash::sha256(json::document(inputs).as_bytes())
}

fn jobs(args: &Args) -> usize {
    args.jobs.map_or_else(work::processors, usize::from)
}

/// The thread counts of a dry run's two sweeps: what was asked for, and another.
fn twice(jobs: usize) -> (usize, usize) {
    (jobs, if jobs == 1 { 2 } else { 1 })
}

/// The time of a finished sweep, and whether it says anything about age.
fn stamp(ctx: &Ctx) -> Stamp {
    let clock = &ctx.clock;
    if clock.is_frozen() {
        return Stamp { clock: Some(StampClock::Frozen), finished_at: utc(clock.now()) };
    }
    let fixed = ctx.env.get("CI_FAKE_UTC").is_some().then_some(StampClock::Stamped);
    Stamp { clock: fixed, finished_at: clock.stamp_utc() }
}

/// Measures what a stopped sweep has not measured yet. Together they are as old as where that one began.
fn measure_with_journal(
    args: &Args,
    ctx: &Ctx,
    plan: &Plan,
    output: &Path,
    mut wanted: Vec<usize>,
) -> anyhow::Result<(Vec<Measurement>, Stamp)> {
    let path = journal::path(output);
    let stopped = if args.resume { journal::read(&path, &plan.inputs_sha256, ctx)? } else { None };
    let (mut done, begun) = stopped.map_or((Vec::new(), None), |(done, begun)| (done, Some(begun)));
    let mine: BTreeSet<usize> = wanted.iter().copied().collect();
    done.retain(|measurement| mine.contains(&measurement.index));
    let known: BTreeSet<usize> = done.iter().map(|measurement| measurement.index).collect();
    wanted.retain(|index| !known.contains(index));
    let begun: Vec<Stamp> = begun.into_iter().filter(|_| !done.is_empty()).collect();
    let since = |now| Stamp::of_parts(&[begun.as_slice(), &[now]].concat());
    let journal = journal::Journal::start(&path, &plan.inputs_sha256, since(stamp(ctx)), &done, ctx)?;
    done.extend(engine::measure(plan, &wanted, jobs(args), ctx, |measurement| journal.add(measurement))?);
    Ok((done, since(stamp(ctx))))
}

fn assemble(plan: &Plan, stamp: Stamp, measured: Vec<Measurement>) -> anyhow::Result<Document> {
    document::assemble(plan.inputs.clone(), plan.inputs_sha256.clone(), stamp, measured)
        .map_err(|problem| anyhow::anyhow!("broken sweep: {problem}"))
}

fn tell_speed(ctx: &Ctx, plan: &Plan, candidates: usize, took: std::time::Duration) {
    let events: usize = plan.feeds.iter().map(|feed| feed.events.len()).sum();
    if ctx.clock.is_frozen() {
        tracing::info!("measured {candidates} candidates on {events} events");
    } else {
        let seconds = took.as_secs_f64();
        tracing::info!("measured {candidates} candidates on {events} events in {seconds:.2} s");
    }
}

/// Writes the report's files and tells what is in them. A sweep that does not reproduce itself is no
/// evidence and leaves no file.
fn finish(
    ctx: &Ctx,
    outputs: Outputs,
    document: &Document,
    extra: Vec<Row>,
    worst: Status,
) -> anyhow::Result<Report> {
    let text = json::document(document);
    let sha256 = hash::sha256(text.as_bytes());
    let mut report = rows::report(document, &sha256, extra, worst);
    if worst != Status::Fail {
        for path in outputs.write(&text, document)? {
            report = report.evidence([ctx.show(&path)]);
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_names_the_simulator_that_is_linked() {
        let lock = include_str!("../../../../Cargo.lock");
        let (name, version) = ENGINE.split(',').next().unwrap().split_once(' ').unwrap();
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"")), "{ENGINE}");
    }

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

    #[test]
    fn a_dry_run_never_sweeps_twice_with_the_same_thread_count() {
        assert_eq!([1, 2, 8].map(twice), [(1, 2), (2, 1), (8, 1)]);
    }
}
