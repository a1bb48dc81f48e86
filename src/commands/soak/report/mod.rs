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
mod kept;
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
use crate::format::form::Form;
use crate::format::json;
use crate::judge::kpi::KpiCatalogue;
use crate::judge::verdict::RunVerdict;
use crate::release::bundle::manifest::Named;
use crate::release::judged_run::JudgedRun;
use crate::release::snapshot::{FILE_NAME, LEAST_ITERATIONS};
use crate::report::Report;
use crate::report::exit::Fault;
use crate::report::page as frame;
use crate::sys::fsio::{self, OutputKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where reports of a run go, below its directory.
const ANALYSIS: &str = "reports/analysis";
/// The run-time parameters that the run validated, for whoever starts the bot.
const SETTINGS: (&str, Form) = ("soak_profile.runtime_overrides.json", Form::Numbers);
const DELTA_VERIFY: &str = "DELTA_VERIFY_REPORT.json";
const PAGE: &str = "SOAK_REPORT.html";
/// What stands beside the verdicts, and how each begins.
const COMPANIONS: [(&str, Form); 5] = [
    ("POST_SOAK_AUDIT.md", Form::Text(audit::TITLE)),
    ("RECOMMENDATIONS.md", Form::Text(recommendations::TITLE)),
    ("FAILURES.md", Form::Text(failures::TITLE)),
    ("DELTA_VERIFY_REPORT.md", Form::Text(delta_verify::TITLE)),
    ("POST_SOAK_METRICS.prom", Form::Text(exposition::BEGINNING)),
];

/// What others go by, in the order in which it gets its names: programs by the snapshot, people by the page. Who sees
/// either has everything before it.
const VERDICTS: [(&str, Form); 3] = [
    (DELTA_VERIFY, Form::Document("delta-verify-report")),
    (FILE_NAME, Form::Document("post-soak-snapshot")),
    (PAGE, Form::Text(frame::BEGINNING)),
];

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

/// The files that go together. The earlier toolkit has files of the same names. Below the directory of a run they are
/// opened only when it is known to be one.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let named = given.path("out");
    let dir = named.clone().unwrap_or_else(|| given.path("src").unwrap_or_default().join(ANALYSIS));
    let output = |of: fn(&'static str, PathBuf, Form) -> Output, (name, form): &(&str, Form)| {
        let of = if named.is_some() { of } else { Output::removed_first };
        of("out", dir.join(name), *form)
    };
    let beside = COMPANIONS.iter().map(|companion| output(Output::companion, companion));
    let verdicts = VERDICTS.iter().map(|verdict| output(Output::of_verdict, verdict));
    let settings = Output::settings("out", dir.join(SETTINGS.0), SETTINGS.1);
    beside.chain(verdicts).chain([settings]).map(Output::of_own_name).collect()
}

/// What the run has kept is read and never replaced.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    let ours: Vec<&str> =
        COMPANIONS.iter().chain(&VERDICTS).chain([&SETTINGS]).map(|(name, _)| *name).collect();
    again::files(given.path("src"), "--src", &ours, ctx)
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let facts = gather::gather(&args.src, args.last_n, args.mock, ctx)?;
    let verdict = verdict::verdict(&facts);
    let advice = advice::recommendations(&facts);
    let out = args.out.clone().unwrap_or_else(|| args.src.join(ANALYSIS));
    let delta = DeltaVerifyReport::new(&facts);
    let beside = [
        Some(audit::render(&facts, verdict)),
        Some(recommendations::render(&facts, verdict, &advice)),
        Some(failures::render(&facts, verdict)),
        Some(delta.markdown(&facts)),
        Some(exposition::render(&facts, verdict)),
        facts.settings().map(json::document),
    ];
    let verdicts = [
        Some(json::document(&delta)),
        Some(json::document(&SnapshotDocument::new(&facts, verdict, &advice))),
        page::render(&facts, verdict),
    ];
    let beside = COMPANIONS.into_iter().chain([SETTINGS]).zip(beside);
    let all = beside
        .map(|(file, text)| (OutputKind::Companion, file, text))
        .chain(VERDICTS.into_iter().zip(verdicts).map(|(file, text)| (OutputKind::Verdict, file, text)));
    let mut files = Vec::new();
    for (kind, (name, form), text) in all {
        ctx.check_cancelled()?;
        let path = ctx.path(out.join(name));
        let Some(text) = text else {
            // Beside this report, that of an earlier run would pass for a part of it.
            fsio::remove_own(&path, form)?;
            continue;
        };
        ctx.outputs.take(kind, &path)?.finish(text.as_bytes())?;
        files.push(ctx.show(&path));
    }
    Ok(answer::report(&facts, verdict, advice.len(), files))
}

/// What a run of ours comes to now, for a release; none where the directory has no plan of one.
pub(crate) fn judge_again(src: &Path, allow_simulated: bool, ctx: &Ctx) -> Result<Option<JudgedRun>, Fault> {
    let Some(kept) = store::read_plan(&fsio::canonical(&ctx.path(src))?)? else { return Ok(None) };
    let facts = gather::gather(src, LEAST_ITERATIONS, allow_simulated, ctx)?;
    let verdict = verdict::verdict(&facts);
    let advice = advice::recommendations(&facts);
    let snapshot = SnapshotDocument::new(&facts, verdict, &advice);
    let documents = [
        ("POST_SOAK_AUDIT.md", Some(audit::render(&facts, verdict))),
        ("RECOMMENDATIONS.md", Some(recommendations::render(&facts, verdict, &advice))),
        ("FAILURES.md", Some(failures::render(&facts, verdict))),
        (DELTA_VERIFY, Some(json::document(&DeltaVerifyReport::new(&facts)))),
        (SETTINGS.0, facts.settings().map(json::document)),
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
        definitions: KpiCatalogue { kpis: facts.kpis.clone() },
        matching: kept.plan.origin.matching().map(str::to_owned),
        files: facts.files.iter().map(named).collect(),
    }))
}
