//! `mmops soak gate`: judges a finished or stopped run again, from its journal or its summaries, and checks
//! that the kept samples give the same figures. Runs of the earlier toolkit are read as well, with the faults
//! that are known of it.

mod legacy_files;

use super::plan::SoakPlan;
use super::report::report;
use super::settings::{self, SettingsFiles};
use super::store::{self, KeptPlan};
use super::trail::Trail;
use super::verdict::{Occasion, SoakFacts, SummaryCheck, verdict};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::judge::kpi::KpiCatalogue;
use crate::judge::record::legacy::{self, FindingKind};
use crate::judge::record::{Iteration, Ledger};
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) use super::report::GATE as SPEC;

/// Summaries that are looked at once so many are known to be wrong.
const ENOUGH: usize = 6;

/// Judge a finished or stopped run again, of the earlier toolkit as well
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the run
    #[arg(value_name = "RUN_DIR", default_value = "artifacts/soak/latest")]
    run_dir: PathBuf,
    /// Profile of gates; of --gates-file where that is given [default: that of the run; kpi-last8 for a run of the earlier toolkit]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    #[command(flatten)]
    files: SettingsFiles,
    /// Judge a simulated run as the rehearsal it is
    #[arg(long)]
    mock: bool,
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let dir = fsio::canonical(&ctx.path(&args.run_dir))?;
    let facts = match store::read_plan(&dir)? {
        Some(plan) => kept_facts(args, plan, &dir, ctx)?,
        None => legacy_facts(args, &dir, ctx)?,
    };
    Ok(report(&facts, verdict(&facts)))
}

/// What the kept figures of a run say now, be it simulated: the fields of the report, those of an observation
/// among them.
pub(crate) fn judge_again(run_dir: &Path, ctx: &Ctx) -> anyhow::Result<Map<String, Value>> {
    let files = SettingsFiles::default();
    let report = run(&Args { run_dir: run_dir.to_owned(), profile: None, files, mock: true }, ctx)?;
    let header = Header::default().observed(report.observation()).simulated(report.is_simulated());
    let mut fields = report.document();
    fields.extend(
        header
            .fields()
            .into_iter()
            .filter(|(name, _)| ["simulated", "observed_from", "observed_to"].contains(&name.as_str())),
    );
    Ok(fields)
}

fn kept_facts(args: &Args, kept: KeptPlan, dir: &Path, ctx: &Ctx) -> Result<SoakFacts, Fault> {
    let journal = store::read_journal(dir)?;
    let plan_problem = store::plan_problem(&kept, &journal);
    let mut plan = kept.plan;
    let replayed = store::replay(dir, &plan, &journal.entries)?;
    let has_samples = plan.origin.has_samples() || !replayed.recomputed.differences.is_empty();
    let iterations: Vec<Iteration> = journal.entries.into_iter().map(|entry| entry.iteration).collect();
    let done = iterations.last().map_or(0, |last| last.iteration);
    let mut summaries = check_summaries(&plan, &iterations, dir);
    summaries.problems.extend(store::unrecorded(dir, &plan, done)?);
    choose_profile(args, &mut plan, ctx)?;
    let occasion = Occasion::Kept {
        plan_problem,
        summaries,
        recomputed: has_samples.then_some(replayed.recomputed),
        allow_simulated: args.mock,
    };
    let (ledger, trail) = (plan.ledger(&iterations), Trail::of(&iterations));
    let mut facts = SoakFacts::new(&plan, ledger, trail, ctx.show(dir), occasion);
    facts.simulated |= replayed.collector.saw_simulation();
    Ok(facts)
}

/// Puts the profile that was asked for in the place of the run's own. Its gates must fit the figures as the run
/// measured them.
fn choose_profile(args: &Args, plan: &mut SoakPlan, ctx: &Ctx) -> Result<(), Fault> {
    if args.files.kpis.is_some() {
        let message = "--kpis says how figures are measured, and those of this run are measured already";
        return Err(Fault::usage(message).hint("leave it out: the definitions are kept with the run"));
    }
    if args.profile.is_none() && args.files.gates_file.is_none() {
        return Ok(());
    }
    let name = args.profile.as_ref().unwrap_or(&plan.profile_name).clone();
    let catalogue = KpiCatalogue { kpis: plan.kpis.clone() };
    let mut profile = settings::load_profile(&args.files, &name, &catalogue, ctx)?;
    plan.origin.set_min_events(&mut profile, &plan.kpis);
    plan.profile = profile;
    plan.profile_name = name;
    Ok(())
}

fn check_summaries(plan: &SoakPlan, iterations: &[Iteration], dir: &Path) -> SummaryCheck {
    let source = plan.origin.as_str();
    let problem = |iteration: &Iteration| {
        let name = store::summary_name(iteration.iteration);
        if iteration.source != source {
            return Some(format!("`{name}` comes from {}, the run from {source}", iteration.source));
        }
        let expected = serde_json::to_value(iteration).expect("plain data serialises");
        match json_file::load(&dir.join(&name)) {
            Ok((document, _)) if document == expected => None,
            Ok(_) => Some(format!("`{name}` differs from the journal")),
            Err(fault) => Some(fault.to_string()),
        }
    };
    let problems = iterations.iter().filter_map(problem).take(ENOUGH).collect();
    SummaryCheck { files: iterations.len(), problems }
}

fn legacy_facts(args: &Args, dir: &Path, ctx: &Ctx) -> Result<SoakFacts, Fault> {
    let (home, summaries) = legacy_files::summaries(dir, ctx)?;
    let profile = args.profile.as_deref().unwrap_or("kpi-last8");
    let settings = settings::load(&args.files, profile, ctx)?;
    let iteration_secs = 300.0;
    let mut ledger = Ledger::new(iteration_secs, 1, false);
    summaries.iter().map(legacy::iteration).for_each(|iteration| ledger.add(&iteration));
    let findings = legacy::findings(&summaries, legacy_files::overrides(&home)?.as_ref());
    Ok(SoakFacts {
        run_dir: ctx.show(&home),
        source: "earlier toolkit".to_owned(),
        profile: profile.to_owned(),
        iteration_secs,
        planned: ledger.iterations,
        simulated: findings.iter().any(|finding| finding.kind == FindingKind::Simulated),
        judgement: ledger.judge(&settings.profile),
        ledger,
        trail: Trail::default(),
        occasion: Occasion::Legacy { findings, allow_simulated: args.mock },
        selectors: BTreeMap::new(),
    })
}
