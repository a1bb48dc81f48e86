//! A run judged again from what it has kept: its plan, its journal, its samples; or the summaries that the earlier
//! toolkit left of one.

mod legacy_files;

use super::bands::Bands;
use super::journal_entry::JournalEntry;
use super::plan::SoakPlan;
use super::settings::{self, SettingsFiles};
use super::store::{self, KeptPlan};
use super::trail::Trail;
use super::verdict::{Occasion, SoakFacts, SummaryCheck};
use crate::commands::Input;
use crate::ctx::Ctx;
use crate::format::json;
use crate::judge::gate::GateProfile;
use crate::judge::kpi::{KpiCatalogue, KpiDefinition};
use crate::judge::record::legacy::{self, FindingKind, LegacySummary};
use crate::judge::record::{Iteration, Ledger};
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use crate::sys::work;
use legacy_files::LegacyFiles;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Summaries that are looked at once so many are known to be wrong.
const ENOUGH: usize = 6;

/// The profile that a run of the earlier toolkit is judged by.
pub(super) const LEGACY_PROFILE: &str = "kpi-last8";

/// What is to be judged, and by what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) run_dir: &'a Path,
    /// Another profile than that of the run.
    pub(super) profile: Option<&'a str>,
    pub(super) files: &'a SettingsFiles,
    /// Whether a simulation is judged as the rehearsal that it is.
    pub(super) allow_simulated: bool,
}

/// A run that was judged again.
#[derive(Debug)]
pub(super) struct JudgedAgain {
    pub(super) facts: SoakFacts,
    /// How its figures were measured.
    pub(super) kpis: BTreeMap<String, KpiDefinition>,
    /// The gates that it was judged by.
    pub(super) profile: GateProfile,
    /// Where its files are.
    pub(super) dir: PathBuf,
    pub(super) kept: KeptForm,
    /// What its samples were between the values of its windows.
    pub(super) bands: Bands,
    /// Of its plan; of the earlier toolkit, of what `sha256sum` prints of its summaries in numeric order.
    pub(super) sha256: String,
}

/// The files of a run: no output may take the place of one. What reports have written there before is none of them.
pub(super) fn files(given: Option<PathBuf>, option: &str, reports: &[&str], ctx: &Ctx) -> Vec<Input> {
    let dir = given.unwrap_or_default();
    let names = fsio::list(&ctx.path(&dir)).unwrap_or_default();
    let names = names.iter().filter_map(|path| path.file_name());
    let kept = names.filter(|name| !name.to_str().is_some_and(|name| reports.contains(&name)));
    kept.map(|name| Input { option: option.to_owned(), path: dir.join(name) }).collect()
}

/// What kind of files a run has kept.
#[derive(Debug)]
pub(super) enum KeptForm {
    /// Those of `soak run`.
    Ours {
        plan: Box<SoakPlan>,
        /// Whether the last line of the journal was torn and left out.
        is_torn: bool,
    },
    /// Those of the earlier toolkit.
    Legacy {
        summaries: Vec<LegacySummary>,
        /// Its overrides file.
        overrides: Option<Value>,
    },
}

pub(super) fn judge(request: &Request, ctx: &Ctx) -> Result<JudgedAgain, Fault> {
    let judged = judge_if_there(request, ctx)?;
    let dir = || fsio::canonical(&ctx.path(request.run_dir));
    judged.map_or_else(|| Err(no_run(&dir()?, ctx)), Ok)
}

/// The same; none where the directory holds nothing of a run.
pub(super) fn judge_if_there(request: &Request, ctx: &Ctx) -> Result<Option<JudgedAgain>, Fault> {
    let dir = fsio::canonical(&ctx.path(request.run_dir))?;
    if fsio::existing_kind(&dir)? != fsio::FileKind::Dir {
        let message = format!("`{}` is no directory, and so no run", ctx.show(&dir));
        return Err(Fault::config(message).hint("name the directory that `mmops soak run` made"));
    }
    match store::read_plan(&dir)? {
        Some(plan) => judge_kept(request, plan, dir, ctx).map(Some),
        None => match legacy_files::summaries(&dir, ctx)? {
            Some(found) => judge_legacy(request, found, ctx).map(Some),
            None => Ok(None),
        },
    }
}

/// That a directory holds nothing of a run.
pub(super) fn no_run(dir: &Path, ctx: &Ctx) -> Fault {
    let shown = ctx.show(dir);
    Fault::config(format!("`{shown}` is no run: there is neither RUN.json nor ITER_SUMMARY_<i>.json"))
}

fn judge_kept(request: &Request, kept: KeptPlan, dir: PathBuf, ctx: &Ctx) -> Result<JudgedAgain, Fault> {
    let journal = store::read_journal(&dir)?;
    let plan_problem = store::plan_problem(&kept, &journal);
    let (mut plan, is_torn, sha256) = (kept.plan, journal.is_torn, kept.sha256);
    // Both take as long, and neither needs the other.
    let (mut summaries, replayed) = work::both(
        || check_summaries(&plan, &journal.entries, &dir),
        || store::replay(&dir, &plan, &journal.entries),
    );
    let replayed = replayed?;
    let has_samples = plan.origin.has_samples() || !replayed.recomputed.differences.is_empty();
    let iterations: Vec<Iteration> = journal.entries.into_iter().map(|entry| entry.iteration).collect();
    let done = iterations.last().map_or(0, |last| last.iteration);
    summaries.problems.extend(store::unrecorded(&dir, &plan, done)?);
    choose_profile(request, &mut plan, ctx)?;
    let occasion = Occasion::Kept {
        plan_problem,
        summaries,
        recomputed: has_samples.then_some(replayed.recomputed),
        allow_simulated: request.allow_simulated,
    };
    let (ledger, trail) = (plan.ledger(&iterations), Trail::of(&iterations));
    let mut facts = SoakFacts::new(&plan, ledger, trail, ctx.show(&dir), occasion);
    facts.simulated |= replayed.collector.saw_simulation();
    let (kpis, profile, bands) = (plan.kpis.clone(), plan.profile.clone(), replayed.bands);
    Ok(JudgedAgain {
        facts,
        kpis,
        profile,
        dir,
        kept: KeptForm::Ours { plan: Box::new(plan), is_torn },
        bands,
        sha256,
    })
}

/// Puts the profile that was asked for in the place of the run's own. Its gates must fit the figures as the run
/// measured them.
fn choose_profile(request: &Request, plan: &mut SoakPlan, ctx: &Ctx) -> Result<(), Fault> {
    if request.files.kpis.is_some() {
        let message = "--kpis says how figures are measured, and those of this run are measured already";
        return Err(Fault::usage(message).hint("leave it out: the definitions are kept with the run"));
    }
    if request.profile.is_none() && request.files.gates_file.is_none() {
        return Ok(());
    }
    let name = request.profile.unwrap_or(&plan.profile_name).to_owned();
    let catalogue = KpiCatalogue { kpis: plan.kpis.clone() };
    let mut profile = settings::load_profile(request.files, &name, &catalogue, ctx)?;
    plan.origin.set_min_events(&mut profile, &plan.kpis);
    plan.profile = profile;
    plan.profile_name = name;
    Ok(())
}

fn check_summaries(plan: &SoakPlan, entries: &[JournalEntry], dir: &Path) -> SummaryCheck {
    let source = plan.origin.as_str();
    let problem = |iteration: &Iteration| {
        let name = store::summary_name(iteration.iteration);
        if iteration.source != source {
            return Some(format!("`{name}` comes from {}, the run from {source}", iteration.source));
        }
        let path = dir.join(&name);
        // Nearly always it stands there as it was written, which costs no parsing.
        if fsio::read_text(&path).is_ok_and(|text| text == json::document(iteration)) {
            return None;
        }
        let expected = serde_json::to_value(iteration).expect("plain data serialises");
        match json_file::load(&path) {
            Ok((document, _)) if document == expected => None,
            Ok(_) => Some(format!("`{name}` differs from the journal")),
            Err(fault) => Some(fault.to_string()),
        }
    };
    let problems = entries.iter().filter_map(|entry| problem(&entry.iteration)).take(ENOUGH).collect();
    SummaryCheck { files: entries.len(), problems }
}

fn judge_legacy(request: &Request, found: LegacyFiles, ctx: &Ctx) -> Result<JudgedAgain, Fault> {
    let LegacyFiles { home, summaries, sha256 } = found;
    let profile = request.profile.unwrap_or(LEGACY_PROFILE);
    let settings = settings::load(request.files, profile, ctx)?;
    let iteration_secs = 300.0;
    let mut ledger = Ledger::new(iteration_secs, 1, false);
    summaries.iter().map(legacy::iteration).for_each(|iteration| ledger.add(&iteration));
    let overrides = legacy_files::overrides(&home)?;
    let findings = legacy::findings(&summaries, overrides.as_ref());
    let facts = SoakFacts {
        run_dir: ctx.show(&home),
        source: "earlier toolkit".to_owned(),
        profile: profile.to_owned(),
        iteration_secs,
        planned: ledger.iterations,
        simulated: findings.iter().any(|finding| finding.kind == FindingKind::Simulated),
        judgement: ledger.judge(&settings.profile),
        ledger,
        trail: Trail::default(),
        occasion: Occasion::Legacy { findings, allow_simulated: request.allow_simulated },
        selectors: BTreeMap::new(),
    };
    let kept = KeptForm::Legacy { summaries, overrides };
    let (kpis, profile, bands) = (settings.kpis, settings.profile, Bands::new());
    Ok(JudgedAgain { facts, kpis, profile, dir: home, kept, bands, sha256 })
}
