//! `mmops tune sweep`: trade every candidate of a grid on recorded markets, keep the safe ones, choose
//! the best of them, and write down everything the choice was made from.
//!
//! Shards of a large grid (`--shard`) are joined by `--merge` to the bytes of one run. A sweep that was
//! stopped goes on with `--resume`. `--dry-run` sweeps twice and compares the reports.

mod arguments;
mod engine;
mod feeds;
mod journal;
mod plan;
mod report;
mod shard;
mod verdict;

pub(crate) use arguments::Args;
pub(crate) use report::{SPEC, SweepAnswer};

use super::choose::document::{CandidateFigures, SCHEMA, SweepDocument};
use super::choose::shard::SweepShard;
use super::choose::{judge, markdown};
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::form::Form;
use crate::format::hash;
use crate::format::json;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio::OutputFile;
use crate::sys::lock::Lock;
use crate::sys::work;
use plan::SweepPlan;
use std::collections::BTreeSet;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::Duration;
use verdict::{Facts, Origin, Verdict};

/// The report's files, opened before the work starts.
struct Outputs {
    json_path: PathBuf,
    md_path: PathBuf,
    json: OutputFile,
    md: OutputFile,
    _lock: Lock,
}

impl Outputs {
    fn open(json_path: PathBuf, md_path: PathBuf, ctx: &Ctx) -> anyhow::Result<Self> {
        let lock = ctx.lock(&json_path.with_extension("lock"))?;
        let (json, md) = (ctx.verdict_file(&json_path)?, ctx.companion_file(&md_path)?);
        Ok(Self { json_path, md_path, json, md, _lock: lock })
    }

    fn write(self, text: &str, document: &SweepDocument) -> Result<[PathBuf; 2], Fault> {
        self.md.finish(markdown::render(document).as_bytes())?;
        self.json.finish(text.as_bytes())?;
        Ok([self.json_path, self.md_path])
    }
}

/// Runs the sweep, one shard of it, or the joining of shards.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (json, md) = output_paths(args, ctx)?;
    if let Some(dir) = &args.merge {
        let outputs = Outputs::open(json, md, ctx)?;
        let (document, shards) = shard::merge(&ctx.path(dir), ctx)?;
        return finish(ctx, outputs, &Facts { document, origin: Origin::Merged { shards } });
    }
    if let Some((index, of)) = args.shard {
        return run_shard(args, ctx, &shard::path(&json, index, of), (index, of));
    }
    let outputs = Outputs::open(json, md, ctx)?;
    let plan = SweepPlan::load(args, ctx)?;
    let all: Vec<usize> = (0..plan.inputs.grid.len()).collect();
    if args.dry_run {
        let facts = sweep_twice(args, ctx, &plan, &all)?;
        return finish(ctx, outputs, &facts);
    }
    let journal = journal::path(&outputs.json_path);
    let (measured, header) = measure_with_journal(args, ctx, &plan, &journal, all)?;
    let facts = Facts { document: assemble(&plan, &header, measured)?, origin: Origin::Measured };
    let report = finish(ctx, outputs, &facts)?;
    // What the journal is for has its name before the journal goes.
    ctx.outputs.publish()?;
    journal::discard(&journal)?;
    Ok(report)
}

/// The document of the first of two sweeps, with the digests of both.
fn sweep_twice(args: &Args, ctx: &Ctx, plan: &SweepPlan, all: &[usize]) -> anyhow::Result<Facts> {
    let (jobs, header, watch) =
        (two_job_counts(jobs(args)), Header::new(SCHEMA, ctx.maker()), ctx.clock.stopwatch());
    let sweep = |jobs| {
        let measured = engine::measure(plan, all, jobs, ctx, |_| Ok(()))?;
        let document = assemble(plan, &header, measured)?;
        let sha256 = hash::sha256(json::document(&document).as_bytes());
        anyhow::Ok((document, sha256))
    };
    let (document, first) = sweep(jobs[0])?;
    let (_, second) = sweep(jobs[1])?;
    log_speed(ctx, plan, 2 * all.len(), watch.elapsed());
    Ok(Facts { document, origin: Origin::Repeated { jobs, sha256: [first, second] } })
}

fn run_shard(args: &Args, ctx: &Ctx, path: &Path, (index, of): (usize, usize)) -> anyhow::Result<Report> {
    let _lock = ctx.lock(&path.with_extension("lock"))?;
    let output = ctx.verdict_file(path)?;
    let plan = SweepPlan::load(args, ctx)?;
    let mine: Vec<usize> = (index..plan.inputs.grid.len()).step_by(of).collect();
    let journal = journal::path(path);
    let (mut measurements, header) = measure_with_journal(args, ctx, &plan, &journal, mine)?;
    measurements.sort_by_key(|measurement| measurement.index);
    let shard = SweepShard::new(plan.inputs, plan.inputs_sha256, &header, (index, of), measurements);
    let text = json::document(&shard);
    output.finish(text.as_bytes())?;
    ctx.outputs.publish()?;
    journal::discard(&journal)?;
    Ok(report::shard(&shard, &hash::sha256(text.as_bytes())).evidence([ctx.show(path)]))
}

/// Where the report goes; a dry run keeps the name and nothing else of it.
fn output_paths(args: &Args, ctx: &Ctx) -> Result<(PathBuf, PathBuf), Fault> {
    if let Some(path) = iter::once(&args.out_json).chain(&args.out_md).find(|path| path.file_name().is_none())
    {
        return Err(Fault::usage(format!("`{}` names no file", path.display())));
    }
    let json = place(&args.out_json, args.dry_run);
    let md = args.out_md.as_deref().map_or_else(|| json.with_extension("md"), |md| place(md, args.dry_run));
    Ok((ctx.path(json), ctx.path(md)))
}

fn place(path: &Path, dry_run: bool) -> PathBuf {
    match path.file_name() {
        Some(name) if dry_run => Path::new("artifacts/dry-run").join(name),
        _ => path.to_owned(),
    }
}

/// What a sweep writes.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let dry_run = given.is_set("dry_run");
    let Some(json) = given.path("out_json").map(|path| place(&path, dry_run)) else { return Vec::new() };
    let shard = given.text("shard").and_then(|text| text.split_once('/'));
    if let Some((Ok(index), Ok(of))) = shard.map(|(index, of)| (index.parse(), of.parse())) {
        let form = Form::Document("param-sweep-shard");
        return vec![Output::of_verdict("out-json", shard::path(&json, index, of), form)];
    }
    match given.path("out_md").map(|path| place(&path, dry_run)) {
        Some(md) => vec![
            Output::of_verdict("out-json", json, Form::Document("param-sweep")),
            Output::companion("out-md", md, Form::Text(markdown::TITLE)),
        ],
        None => Output::with_markdown("out-json", json, "param-sweep", markdown::TITLE),
    }
}

fn jobs(args: &Args) -> usize {
    args.jobs.map_or_else(work::processors, usize::from)
}

/// The thread counts of a dry run's two sweeps: the requested one, and another.
fn two_job_counts(jobs: usize) -> [usize; 2] {
    [jobs, if jobs == 1 { 2 } else { 1 }]
}

/// Measures what a stopped sweep has not measured yet. Together they are as old as where that one began.
fn measure_with_journal(
    args: &Args,
    ctx: &Ctx,
    plan: &SweepPlan,
    path: &Path,
    mut wanted: Vec<usize>,
) -> anyhow::Result<(Vec<CandidateFigures>, Header)> {
    let watch = ctx.clock.stopwatch();
    let stopped = if args.resume { journal::read(path, &plan.inputs_sha256, ctx)? } else { None };
    let (mut done, begun) = stopped.map_or((Vec::new(), None), |(done, begun)| (done, Some(begun)));
    let mine: BTreeSet<usize> = wanted.iter().copied().collect();
    done.retain(|measurement| mine.contains(&measurement.index));
    let known: BTreeSet<usize> = done.iter().map(|measurement| measurement.index).collect();
    wanted.retain(|index| !known.contains(index));
    let begun = begun.filter(|_| !done.is_empty());
    let since_begun = || begun.iter().fold(Header::new(SCHEMA, ctx.maker()), Header::joined);
    let journal = journal::Journal::start(path, &plan.inputs_sha256, &since_begun(), &done, ctx)?;
    done.extend(engine::measure(
        plan,
        &wanted,
        jobs(args),
        ctx,
        |measurement| Ok(journal.add(measurement)?),
    )?);
    log_speed(ctx, plan, done.len(), watch.elapsed());
    Ok((done, since_begun()))
}

fn assemble(
    plan: &SweepPlan,
    header: &Header,
    measured: Vec<CandidateFigures>,
) -> anyhow::Result<SweepDocument> {
    judge::assemble(plan.inputs.clone(), plan.inputs_sha256.clone(), header, measured)
        .map_err(|problem| anyhow::anyhow!("broken sweep: {problem}"))
}

fn log_speed(ctx: &Ctx, plan: &SweepPlan, candidates: usize, took: Duration) {
    let events = plan.events();
    if ctx.clock.is_frozen() {
        tracing::info!("measured {candidates} candidates on {events} events");
    } else {
        let seconds = took.as_secs_f64();
        tracing::info!("measured {candidates} candidates on {events} events in {seconds:.2} s");
    }
}

/// Writes the report's files and tells what is in them. A sweep that does not reproduce itself is no
/// evidence and leaves no file.
fn finish(ctx: &Ctx, outputs: Outputs, facts: &Facts) -> anyhow::Result<Report> {
    let text = json::document(&facts.document);
    let verdict = verdict::verdict(facts);
    let report = report::report(facts, verdict, &hash::sha256(text.as_bytes()));
    if verdict == Verdict::NotReproducible {
        return Ok(report);
    }
    let written = outputs.write(&text, &facts.document)?;
    Ok(report.evidence(written.map(|path| ctx.show(&path))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_never_sweeps_twice_with_the_same_thread_count() {
        assert_eq!([1, 2, 8].map(two_job_counts), [[1, 2], [2, 1], [8, 1]]);
    }
}
