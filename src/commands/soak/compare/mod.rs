//! `mmops soak compare`: is the candidate worse than the baseline? Two runs are judged figure by figure from what they
//! have kept; a difference counts once it is larger than the margin and than chance.

mod answer;
mod explain;
mod facts;
mod margins;
mod page;
mod verdict;
mod windows;

pub(crate) use answer::{CompareBody, SPEC};
pub(crate) use margins::MarginFile;

use super::again::{self, JudgedAgain, KeptForm, Request};
use super::settings::SettingsFiles;
use super::verdict::Occasion;
use crate::commands::{Given, Input, Output};
use crate::ctx::Ctx;
use crate::format::form::Form;
use crate::judge::statistics::{Tests, judge};
use crate::report::Report;
use crate::report::exit::Fault;
use crate::report::page as frame;
use facts::{CompareFacts, KpiFacts, RunFacts};
use std::path::{Path, PathBuf};
use windows::{Aligned, Alignment, Timeline};

/// What is borne unless another file is named.
const MARGINS: (&str, &str) =
    ("deploy/soak/margins.yaml", include_str!("../../../../deploy/soak/margins.yaml"));

/// Say whether one run is worse than another, by more than margins and chance
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the run that is good enough
    #[arg(long, value_name = "RUN_DIR")]
    baseline: PathBuf,
    /// Directory of the run to judge
    #[arg(long, value_name = "RUN_DIR")]
    candidate: PathBuf,
    /// What is compared, and how much worse is borne [default: deploy/soak/margins.yaml, else the built-in one]
    #[arg(long, value_name = "FILE")]
    margin: Option<PathBuf>,
    /// Write a page that shows both runs and each interval against its margin
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Say of each figure what was found, and the smallest change after which the answer is another
    #[arg(long)]
    explain: bool,
    /// Compare simulated runs as the rehearsals they are
    #[arg(long)]
    mock: bool,
}

pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let page = |path| Output::companion("html", path, Form::Text(frame::BEGINNING));
    given.path("html").map(page).into_iter().collect()
}

/// What the runs have kept.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    let of = |id: &str, option: &str| again::files(given.path(id), option, &[], ctx);
    [of("baseline", "--baseline"), of("candidate", "--candidate")].concat()
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let facts = gather(args, ctx)?;
    let verdict = verdict::verdict(&facts);
    if let Some(file) = &args.html {
        ctx.check_cancelled()?;
        let page = page::render(&facts, verdict, &ctx.maker());
        ctx.companion_file(file)?.finish(page.as_bytes())?;
    }
    let explanation = args.explain.then(|| explain::explanation(&facts, verdict));
    Ok(answer::report(&facts, verdict, explanation))
}

fn gather(args: &Args, ctx: &Ctx) -> Result<CompareFacts, Fault> {
    let source = ctx.configs.choose(args.margin.as_deref(), MARGINS.0, MARGINS.1, "margins")?;
    let margins: MarginFile = source.parse()?;
    let (baseline, candidate) = (Kept::read(&args.baseline, ctx)?, Kept::read(&args.candidate, ctx)?);
    if baseline.judged.dir == candidate.judged.dir {
        let message = format!("`{}` is compared with itself", ctx.show(&baseline.judged.dir));
        return Err(Fault::usage(message).hint("name two runs"));
    }
    let runs = [&baseline, &candidate];
    let kpis = runs.map(|run| &run.judged.kpis);
    if let Some(problem) = margins.problem(&kpis) {
        return Err(Fault::config(format!("the margins cannot be used: {problem}")));
    }
    if baseline.window_secs != candidate.window_secs {
        let (one, other) = (baseline.window_secs, candidate.window_secs);
        let message = format!("iterations of {one} s and of {other} s cannot be compared");
        return Err(Fault::config(message).hint("judge both runs anew with one --iteration"));
    }
    let tolerance_ms = runs.map(|run| run.interval_ms).into_iter().max().unwrap_or_default();
    let alignment = Alignment::new([baseline.timeline(), candidate.timeline()], tolerance_ms);
    let mut figures = Vec::new();
    let mut tests = Vec::new();
    for (kpi, aligned) in alignment.figures(&margins.kpis) {
        ctx.check_cancelled()?;
        tests.push(Tests::of(&aligned.comparison, true));
        figures.push((kpi, aligned));
    }
    let figures = figures.into_iter().zip(judge(tests)).map(|((kpi, aligned), judgement)| {
        let margin = &margins.kpis[&kpi];
        let Aligned { name, series, open, notes, rate_factor, comparison } = aligned;
        let values = |at: usize| series[at].iter().flatten().copied().collect::<Vec<f64>>();
        let [one, two] = [values(0), values(1)];
        KpiFacts {
            name,
            kpi,
            unit: margin.unit.clone(),
            better: margin.better,
            margins: margin.margins(),
            medians: [&one, &two].map(|values| crate::judge::statistics::median(values)),
            counts: [one.len(), two.len()],
            series,
            open,
            notes,
            rate_factor,
            comparison,
            judgement,
        }
    });
    Ok(CompareFacts {
        kpis: figures.collect(),
        concurrency: alignment.concurrency,
        baseline: baseline.facts(ctx),
        candidate: candidate.facts(ctx),
        margins: source.file.unwrap_or_else(|| format!("built-in {}", MARGINS.0)),
        allow_simulated: args.mock,
    })
}

/// A run that was judged again, and where its windows are in time.
struct Kept {
    judged: JudgedAgain,
    started_ms: i64,
    window_secs: u32,
    interval_ms: i64,
}

impl Kept {
    fn read(dir: &Path, ctx: &Ctx) -> Result<Self, Fault> {
        ctx.check_cancelled()?;
        let files = SettingsFiles::default();
        // Whether a simulation counts is asked once of both.
        let request = Request { run_dir: dir, profile: None, files: &files, allow_simulated: true };
        let judged = again::judge(&request, ctx)?;
        match &judged.kept {
            KeptForm::Ours { plan, .. } => {
                let (started_ms, window_secs) = (plan.started_at_ms, plan.iteration_secs);
                let interval_ms = plan.interval_ms();
                Ok(Self { judged, started_ms, window_secs, interval_ms })
            }
            KeptForm::Legacy { .. } => {
                let shown = ctx.show(&judged.dir);
                let message =
                    format!("`{shown}` is a run of the earlier toolkit, whose iterations have no times");
                Err(Fault::config(message).hint("`mmops soak gate` judges it by itself"))
            }
        }
    }

    fn timeline(&self) -> Timeline<'_> {
        Timeline::new(&self.judged.facts.ledger, &self.judged.kpis, self.started_ms, self.window_secs)
    }

    fn facts(&self, ctx: &Ctx) -> RunFacts {
        let run = &self.judged.facts;
        RunFacts {
            run_dir: ctx.show(&self.judged.dir),
            sha256: self.judged.sha256.clone(),
            subject: run.ledger.lives.subject(),
            simulated: run.simulated,
            clock: run.trail.header.clock,
            observed: run.ledger.observation(),
            iterations: run.ledger.iterations,
            planned: run.planned,
            problems: problems(&run.occasion),
        }
    }
}

/// Why what a run has kept cannot be believed.
fn problems(occasion: &Occasion) -> Vec<String> {
    match occasion {
        Occasion::Kept { plan_problem, summaries, recomputed, .. } => {
            let differences = recomputed.iter().flat_map(|found| &found.differences);
            plan_problem.iter().chain(&summaries.problems).chain(differences).cloned().collect()
        }
        Occasion::Finished { .. } | Occasion::Legacy { .. } => Vec::new(),
    }
}
