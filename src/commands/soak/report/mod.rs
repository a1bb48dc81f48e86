//! `mmops soak report`: what a run came to, for programs and for people. The run is judged again from what it has
//! kept; every file says the same as the answer, and none says more than the run shows.

mod activity;
mod advice;
mod answer;
mod audit;
mod delta_verify;
mod earlier;
mod exposition;
mod facts;
mod failures;
mod figures;
mod gather;
mod page;
mod recommendations;
mod snapshot;
mod text;
mod verdict;

pub(crate) use answer::{ReportBody, SPEC};
pub(crate) use delta_verify::DeltaVerifyReport;
pub(crate) use snapshot::SnapshotDocument;

use crate::commands::soak::page::EvidenceFile;
use crate::commands::soak::{again, store};
use crate::commands::{Given, Input, Output};
use crate::ctx::Ctx;
use crate::format::json;
use crate::judge::verdict::RunVerdict;
use crate::release::bundle::manifest::Named;
use crate::release::judged_run::JudgedRun;
use crate::release::snapshot::{FILE_NAME, LEAST_ITERATIONS};
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where reports of a run go, below its directory.
const ANALYSIS: &str = "reports/analysis";
const OVERRIDES: &str = "soak_profile.runtime_overrides.json";
const DELTA_VERIFY: &str = "DELTA_VERIFY_REPORT.json";
/// The readable forms, and the page of metrics.
const COMPANIONS: [&str; 6] = [
    "SOAK_REPORT.html",
    "POST_SOAK_AUDIT.md",
    "RECOMMENDATIONS.md",
    "FAILURES.md",
    "DELTA_VERIFY_REPORT.md",
    "POST_SOAK_METRICS.prom",
];

/// The documents, the one by which others go last.
const VERDICTS: [&str; 3] = [OVERRIDES, DELTA_VERIFY, FILE_NAME];

/// Write what a run came to: snapshot, audit, failures, recommendations, metrics
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the run, of the earlier toolkit as well
    #[arg(long, value_name = "DIR", default_value = "artifacts/soak/latest")]
    src: PathBuf,
    /// Where the files go [default: reports/analysis below the directory of the run]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Iterations at the end that the figures and the goals are about
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    last_n: u32,
    /// Report on a simulated run as the rehearsal it is
    #[arg(long)]
    mock: bool,
}

/// The files that go together; the snapshot, by which others go, is named last. Below the directory of a run they are
/// opened only when it is known to be one.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let Some(dir) = given.path("out") else {
        let dir = given.path("src").unwrap_or_default().join(ANALYSIS);
        let all = COMPANIONS.into_iter().chain(VERDICTS);
        return all.map(|name| Output::removed_first("out", dir.join(name))).collect();
    };
    let companions = COMPANIONS.into_iter().map(|name| Output::companion("out", dir.join(name)));
    companions.chain(VERDICTS.map(|name| Output::of_verdict("out", dir.join(name)))).collect()
}

/// What the run has kept, and what the earlier toolkit left under the name of an output, is read and never replaced.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    let is_earlier = |output: &Output| gather::is_earlier(&ctx.path(&output.path));
    let earlier = outputs(given).into_iter().filter(is_earlier);
    let earlier = earlier.map(|output| Input { option: "--src".to_owned(), path: output.path });
    let ours = [&COMPANIONS[..], &VERDICTS].concat();
    again::files(given.path("src"), "--src", &ours, ctx).into_iter().chain(earlier).collect()
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let facts = gather::gather(&args.src, args.last_n, args.mock, ctx)?;
    let verdict = verdict::verdict(&facts);
    let advice = advice::recommendations(&facts);
    let out = args.out.clone().unwrap_or_else(|| args.src.join(ANALYSIS));
    let delta = DeltaVerifyReport::new(&facts);
    let texts = [
        page::render(&facts, verdict),
        Some(audit::render(&facts, verdict)),
        Some(recommendations::render(&facts, verdict, &advice)),
        Some(failures::render(&facts, verdict)),
        Some(delta.markdown(&facts)),
        Some(exposition::render(&facts, verdict)),
    ];
    let mut files = Vec::new();
    let shown = |name: &str| ctx.show(&ctx.path(out.join(name)));
    for (name, text) in COMPANIONS.into_iter().zip(texts) {
        ctx.check_cancelled()?;
        let Some(text) = text else { continue };
        ctx.companion_file(out.join(name))?.finish(text.as_bytes())?;
        files.push(shown(name));
    }
    if let Some(overrides) = &facts.overrides {
        write(&out, OVERRIDES, &gather::overrides_text(overrides), ctx)?;
        files.push(shown(OVERRIDES));
    }
    write(&out, DELTA_VERIFY, &json::document(&delta), ctx)?;
    let snapshot = SnapshotDocument::new(&facts, verdict, &advice);
    write(&out, FILE_NAME, &json::document(&snapshot), ctx)?;
    files.extend([DELTA_VERIFY, FILE_NAME].map(shown));
    Ok(answer::report(&facts, verdict, advice.len(), files))
}

/// What a run of ours comes to now, for a release; none where the directory has no plan of one.
pub(crate) fn judge_again(src: &Path, allow_simulated: bool, ctx: &Ctx) -> Result<Option<JudgedRun>, Fault> {
    if store::read_plan(&fsio::canonical(&ctx.path(src))?)?.is_none() {
        return Ok(None);
    }
    let facts = gather::gather(src, LEAST_ITERATIONS, allow_simulated, ctx)?;
    let verdict = verdict::verdict(&facts);
    let advice = advice::recommendations(&facts);
    let snapshot = SnapshotDocument::new(&facts, verdict, &advice);
    let documents = [
        ("POST_SOAK_AUDIT.md", Some(audit::render(&facts, verdict))),
        ("RECOMMENDATIONS.md", Some(recommendations::render(&facts, verdict, &advice))),
        ("FAILURES.md", Some(failures::render(&facts, verdict))),
        (DELTA_VERIFY, Some(json::document(&DeltaVerifyReport::new(&facts)))),
        (OVERRIDES, facts.overrides.as_ref().map(gather::overrides_text)),
        (FILE_NAME, Some(json::document(&snapshot))),
    ];
    let documents: BTreeMap<&str, String> =
        documents.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
    let named = |file: &EvidenceFile| Named { path: file.name.clone(), sha256: file.sha256.clone() };
    let complaints = match verdict {
        RunVerdict::Pass => Vec::new(),
        RunVerdict::Inconclusive | RunVerdict::Fail => {
            answer::report(&facts, verdict, advice.len(), Vec::new()).complaints().collect()
        }
    };
    Ok(Some(JudgedRun {
        run_dir: facts.run.run_dir.clone(),
        verdict: verdict.as_str(),
        complaints,
        is_simulated: facts.header.is_rehearsal(),
        documents,
        files: facts.files.iter().map(named).collect(),
    }))
}

fn write(out: &Path, name: &str, text: &str, ctx: &Ctx) -> anyhow::Result<()> {
    ctx.check_cancelled()?;
    Ok(ctx.verdict_file(out.join(name))?.finish(text.as_bytes())?)
}
