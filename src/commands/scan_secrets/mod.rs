//! `mmops scan-secrets`: decides from the files of a tree, its archives and its history whether a secret
//! is in them.
//!
//! What cannot be read to its end is a finding. Nothing of a secret but its first characters, at most
//! four, leaves this command.

pub(crate) mod detect;
mod history;
mod load;
mod outcome;
mod walk;
mod worker;

use crate::format::json;
pub(crate) use outcome::{Body, SPEC};

use crate::commands::scan_secrets::detect::finding::{BASELINE, Source, Standing, Tolerance};
use crate::commands::scan_secrets::detect::fingerprint::{Baseline, Known};
use crate::commands::scan_secrets::detect::rules::UNSCANNED;
use crate::ctx::Ctx;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio::AtomicFile;
use crate::sys::work;
use std::path::PathBuf;

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

/// Scans, and says what was found.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let strict = args.strict || is_strict(ctx)?;
    let (ruleset, rule_files) = load::rules(ctx, args.config.as_deref())?;
    let tolerance = Tolerance {
        ignored: load::ignore_file(ctx)?,
        baseline: load::baseline(ctx, args.baseline.as_deref())?,
        today: ctx.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date(),
    };
    let pending = args.write_baseline.as_ref().map(|file| AtomicFile::create(&ctx.path(file))).transpose()?;
    let ctx = &ctx.with_own_outputs(&pending);
    let today = tolerance.today;
    let archive_limit = args.max_archive_mb.saturating_mul(1 << 20);
    let shared = worker::Shared { ctx, ruleset: &ruleset, tolerance, archive_limit };
    let jobs = args.jobs.map_or_else(work::processors, usize::from);

    let mut harvest = if args.stdin {
        let mut worker = worker::Worker::new(&shared);
        worker.reader(&mut std::io::stdin().lock(), Source { path: STDIN, commit: None })?;
        let mut harvest = walk::Harvest::default();
        harvest.add(&mut worker, None);
        if harvest.tally.bytes == 0 && harvest.findings.is_empty() {
            let fault = Fault::config("stdin is empty: nothing was scanned");
            return Err(fault.hint("check the command in front of the pipe").into());
        }
        harvest
    } else {
        let targets = walk::Targets::resolve(&shared, &args.paths)?;
        walk::scan(&shared, &targets, jobs)?
    };
    if args.git_history {
        let past = history::scan(&shared, &args.paths, jobs)?;
        harvest.findings.extend(past.findings);
        harvest.tally.add(&past.tally);
    }
    ctx.check_cancelled()?;
    if harvest.tally.files + harvest.tally.blobs == 0 && harvest.findings.is_empty() {
        let fault = Fault::config("nothing to scan: there is no file, or .gitignore hides all of them");
        return Err(fault.hint("name a file or a directory").into());
    }
    harvest.findings.sort();
    harvest.findings.dedup();

    let config_name = rule_files.first().cloned().unwrap_or_default();
    let expired = ruleset.exceptions.iter().filter(|exception| exception.is_expired(today));
    let outcome = outcome::Outcome {
        strict,
        rules: ruleset.rules.len(),
        rule_files,
        tally: harvest.tally,
        history: args.git_history,
        expired: expired.map(|exception| (config_name.clone(), outcome::expiry(exception))).collect(),
        findings: harvest.findings,
    };
    let mut report = outcome::report(&outcome);
    if let (Some(pending), Some(file)) = (pending, &args.write_baseline) {
        let document = baseline_of(ctx, &outcome);
        pending.finish(json::document(&document).as_bytes())?;
        report = report.evidence([ctx.show(&ctx.path(file))]);
    }
    Ok(report)
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
fn baseline_of(ctx: &Ctx, outcome: &outcome::Outcome) -> Baseline {
    let is_for_it = |standing: &Standing| match standing {
        Standing::Open => true,
        Standing::Expired(_) => false,
        Standing::Tolerated { by, .. } => *by == BASELINE,
    };
    let known = outcome.findings.iter().filter(|found| found.rule != UNSCANNED && is_for_it(&found.standing));
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
        schema: Baseline::SCHEMA.to_owned(),
        generated_at: ctx.clock.stamp_utc(),
        clock: ctx.clock.is_frozen().then(|| "frozen".to_owned()),
        findings,
    }
}
