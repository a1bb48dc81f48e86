//! `mmops scan-secrets`: decides from the files of a tree, its archives and its history whether a secret
//! is in them.
//!
//! What cannot be read to its end is a finding. Nothing of a secret but its first characters, at most
//! four, leaves this command.

pub(crate) mod detect;
mod facts;
mod history;
mod load;
mod report;
mod verdict;
mod walk;
mod worker;

pub(crate) use report::{Body, SPEC};

use crate::commands::scan_secrets::detect::finding::{BASELINE, Disposition, Source, Tolerance};
use crate::commands::scan_secrets::detect::fingerprint::{Baseline, Known};
use crate::commands::scan_secrets::detect::rules::UNSCANNED;
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::json;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio::AtomicFile;
use crate::sys::stdin::Stdin;
use crate::sys::work;
use facts::{Facts, ScanResult};
use std::path::PathBuf;
use verdict::verdict;
use worker::{Shared, Worker};

/// Find secrets in files, archives and the history of git
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files and directories to scan; the root when left out
    #[arg(conflicts_with = "stdin")]
    pub(crate) paths: Vec<PathBuf>,
    /// Fail on tolerated findings too [env: `CI_STRICT_SECRETS=1`]
    #[arg(long)]
    pub(crate) strict: bool,
    /// Rules in the format of gitleaks, and exceptions; the built-in rules when left out
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Tolerate the findings that this file lists
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write the findings of this scan as a baseline; the verdict stays what it is
    #[arg(long, value_name = "FILE")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Scan every file of every commit that a ref of git reaches as well
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) git_history: bool,
    /// Scan standard input instead of files
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Threads; as many as there are processors when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Most that one archive may unpack to, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub(crate) max_archive_mb: u64,
}

/// Name of standard input in findings.
const STDIN: &str = "stdin";

/// What it writes: findings may be added to the baseline that is read.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let path = given.path("write_baseline");
    path.map(|path| Output::updated("write-baseline", path, Some("baseline"))).into_iter().collect()
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let strict = args.strict || is_strict(ctx)?;
    let (ruleset, rule_files) = load::rules(ctx, args.config.as_deref())?;
    let today = ctx.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let tolerance = Tolerance {
        ignored: load::ignore_file(ctx)?,
        baseline: load::baseline(ctx, args.baseline.as_deref())?,
        today,
    };
    let pending = args.write_baseline.as_ref().map(|file| AtomicFile::create(&ctx.path(file))).transpose()?;
    let ctx = &ctx.with_own_outputs(&pending);
    let archive_limit = args.max_archive_mb.saturating_mul(1 << 20);
    let check_cancelled = &|| ctx.check_cancelled();
    let shared = Shared { ruleset: &ruleset, tolerance, archive_limit, check_cancelled };
    let ScanResult { mut findings, stats } = scan(args, &shared, ctx)?;
    findings.sort();
    findings.dedup();
    let config_name = rule_files.first().cloned().unwrap_or_default();
    let expired = ruleset.exceptions.iter().filter(|exception| exception.is_expired(today));
    let facts = Facts {
        strict,
        rules: ruleset.rules.len(),
        rule_files,
        stats,
        history: args.git_history,
        expired: expired.map(|exception| (config_name.clone(), exception.expiry())).collect(),
        findings,
    };
    let mut report = report::report(&facts, verdict(&facts));
    if let Some(file) = pending {
        report = report.evidence([ctx.show(file.target())]);
        file.finish(json::document(&baseline_of(ctx, &facts)).as_bytes())?;
    }
    Ok(report)
}

fn scan(args: &Args, shared: &Shared<'_>, ctx: &Ctx) -> anyhow::Result<ScanResult> {
    let jobs = args.jobs.map_or_else(work::processors, usize::from);
    let mut result = if args.stdin {
        scan_stdin(shared, ctx)?
    } else {
        walk::scan(ctx, shared, &walk::Targets::resolve(ctx, &args.paths)?, jobs)?
    };
    if args.git_history {
        result.join(history::scan(ctx, shared, &args.paths, jobs)?);
    }
    ctx.check_cancelled()?;
    if result.stats.files + result.stats.blobs == 0 && result.findings.is_empty() {
        let fault = Fault::config("nothing to scan: there is no file, or .gitignore hides all of them");
        return Err(fault.hint("name a file or a directory").into());
    }
    Ok(result)
}

fn scan_stdin(shared: &Shared<'_>, ctx: &Ctx) -> Result<ScanResult, Fault> {
    let mut worker = Worker::new(shared);
    worker.reader(&mut Stdin(&ctx.cancel), Source { path: STDIN, commit: None })?;
    ctx.check_cancelled()?;
    if worker.result.stats.bytes == 0 && worker.result.findings.is_empty() {
        let fault = Fault::config("stdin is empty: nothing was scanned");
        return Err(fault.hint("check the command in front of the pipe"));
    }
    Ok(worker.result)
}

fn is_strict(ctx: &Ctx) -> Result<bool, Fault> {
    match ctx.env.get("CI_STRICT_SECRETS") {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => Err(Fault::config(format!("CI_STRICT_SECRETS={other} is neither 1 nor 0"))),
    }
}

/// What no other tolerance covers, and what was in the baseline before; not what could not be scanned,
/// because what was not read is not known.
fn baseline_of(ctx: &Ctx, facts: &Facts) -> Baseline {
    let is_for_it = |disposition: &Disposition| match disposition {
        Disposition::Open => true,
        Disposition::Expired(_) => false,
        Disposition::Tolerated { by, .. } => *by == BASELINE,
    };
    let known =
        facts.findings.iter().filter(|found| found.rule != UNSCANNED && is_for_it(&found.disposition));
    let mut findings: Vec<Known> = known
        .map(|finding| Known {
            path: finding.path.clone(),
            rule: finding.rule.clone(),
            fingerprint: finding.fingerprint.clone(),
        })
        .collect();
    findings.sort();
    findings.dedup();
    Baseline {
        header: Header::new(Baseline::SCHEMA, ctx.maker()),
        generated_at: ctx.clock.stamp_utc(),
        findings,
    }
}
