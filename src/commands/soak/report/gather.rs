//! Reads everything that a report is made of.

use super::activity::{self, Activity};
use super::earlier::EarlierSnapshot;
use super::facts::{Goals, KeptVerdict, ReportFacts, SourceFile};
use super::figures;
use super::kept;
use super::snapshot;
use crate::commands::soak::again::{self, JudgedAgain, KeptForm, LEGACY_PROFILE, Request};
use crate::commands::soak::bands::Bands;
use crate::commands::soak::document::JudgedRun;
use crate::commands::soak::page::EvidenceFile;
use crate::commands::soak::settings::{self, SettingsFiles};
use crate::commands::soak::store;
use crate::commands::soak::trail::Trail;
use crate::commands::soak::verdict::{Occasion, SoakFacts, SoakVerdict, verdict};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::hash;
use crate::format::json;
use crate::judge::record::Ledger;
use crate::judge::record::legacy::{FindingKind, LegacySummary};
use crate::judge::verdict::RunVerdict;
use crate::release::snapshot::FILE_NAME;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use crate::tuning::limits::{Bounds, bounds_problems};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Where the run-time parameters may lie.
const LIMITS: (&str, &str) =
    ("deploy/tuning/limits.yaml", include_str!("../../../../deploy/tuning/limits.yaml"));
/// The verdict that a run leaves in its directory.
const KEPT_VERDICT: &str = "soak_metrics.json";
const KEPT_GATES: &str = "gates_summary.json";
/// Where a snapshot may lie below the directory that was named.
pub(super) const SNAPSHOTS: [&str; 2] = ["", "reports/analysis"];

/// The part of the limits that recommendations keep to.
#[derive(serde::Deserialize)]
struct Limits {
    bounds: Bounds,
}

pub(super) fn gather(
    src: &Path,
    last_n: u32,
    allow_simulated: bool,
    ctx: &Ctx,
) -> Result<ReportFacts, Fault> {
    let files = SettingsFiles::default();
    let request = Request { run_dir: src, profile: None, files: &files, allow_simulated };
    let limits: Limits = ctx.configs.choose(None, LIMITS.0, LIMITS.1, "limits")?.parse()?;
    if let Some(problem) = bounds_problems(&limits.bounds).first() {
        return Err(Fault::config(format!("the limits cannot be used: {problem}")));
    }
    match again::judge_if_there(&request, ctx)? {
        Some(judged) => of_run(judged, last_n, limits.bounds, ctx),
        None => of_snapshot(&request, last_n, limits.bounds, ctx),
    }
}

fn of_run(judged: JudgedAgain, last_n: u32, bounds: Bounds, ctx: &Ctx) -> Result<ReportFacts, Fault> {
    let JudgedAgain { mut facts, kpis, profile, dir, kept, bands, sha256 } = judged;
    let mut goals = settings::goals(&SettingsFiles::default(), &kpis, LEGACY_PROFILE, ctx)?;
    goals.gates.values_mut().for_each(|goal| goal.last = Some(last_n));
    let total = facts.ledger.iterations;
    let last: Vec<u32> = (total.saturating_sub(last_n) + 1..=total).collect();
    let begin = last.first().copied().unwrap_or_default();
    let (answer, allow) = (verdict(&facts), facts.allow_simulated());
    facts.set_allow_simulated(true);
    let rehearsed = verdict(&facts);
    facts.set_allow_simulated(allow);
    let maker = Header::new(snapshot::SCHEMA, ctx.maker());
    let made_at = maker.made_at;
    let (activity, overrides, header, sources, earlier, is_torn);
    let mut kept_verdict = KeptVerdict::None;
    match &kept {
        KeptForm::Ours { plan, is_torn: torn } => {
            plan.origin.set_min_events(&mut goals, &kpis);
            activity = Activity::of_parameters(&facts.trail.parameters);
            let parameters = activity::in_force(&facts.trail.parameters, begin);
            overrides = parameters
                .map(|parameters| parameters.into_iter().map(|(name, value)| (name, value.into())).collect());
            let of_run = if total == 0 { &plan.header } else { &facts.trail.header };
            header = maker.joined(of_run).observed(facts.ledger.observation());
            sources = own_sources(&dir, ctx)?;
            (earlier, is_torn) = (Vec::new(), *torn);
            kept_verdict = read_kept_verdict(&dir, &facts, rehearsed)?;
        }
        KeptForm::Legacy { summaries, overrides: found } => {
            activity = Activity::of_summaries(summaries, &facts.ledger.missing, &last);
            overrides = found.as_ref().and_then(Value::as_object).cloned();
            header = maker.observed(stamped(summaries));
            let path = format!("{}/ITER_SUMMARY_*.json", ctx.show(&dir));
            sources = vec![SourceFile { path, sha256, schema: None }];
            (earlier, is_torn) = (earlier_snapshots(&dir, ctx)?, false);
            if let Some(other) =
                earlier.iter().find(|one| one.simulated.is_some_and(|said| said != facts.simulated))
            {
                let found = if facts.simulated { "were simulated" } else { "do not say so" };
                let message = format!(
                    "`{}` says simulated: {}, and its iterations {found}",
                    other.path, !facts.simulated
                );
                return Err(
                    Fault::config(message).hint("a snapshot belongs to the run that it stands beside")
                );
            }
        }
    }
    Ok(ReportFacts {
        figures: figures::figures(&facts.ledger, [&profile, &goals], &last),
        goals: Goals { judgement: facts.ledger.judge(&goals), profile: goals },
        header: header.simulated(facts.simulated).about(facts.ledger.lives.subject()),
        made_at,
        judged: answer,
        run: facts,
        rehearsed,
        profile,
        started_at_ms: match &kept {
            KeptForm::Ours { plan, .. } => Some(plan.started_at_ms),
            KeptForm::Legacy { .. } => None,
        },
        kpis,
        files: if matches!(kept, KeptForm::Ours { .. }) { evidence_files(&dir)? } else { Vec::new() },
        bands,
        last,
        last_n,
        activity,
        kept_verdict,
        is_torn,
        earlier,
        bounds,
        overrides,
        sources,
    })
}

/// What can be said where only a snapshot of the earlier toolkit is left.
fn of_snapshot(request: &Request, last_n: u32, bounds: Bounds, ctx: &Ctx) -> Result<ReportFacts, Fault> {
    let dir = fsio::canonical(&ctx.path(request.run_dir))?;
    let Some(found) = earlier_snapshots(&dir, ctx)?.into_iter().next() else {
        return Err(again::no_run(&dir, ctx)
            .hint("a snapshot of the earlier toolkit, POST_SOAK_SNAPSHOT.json, is read as well"));
    };
    let settings = settings::load(request.files, LEGACY_PROFILE, ctx)?;
    let mut goals = settings::goals(request.files, &settings.kpis, LEGACY_PROFILE, ctx)?;
    goals.gates.values_mut().for_each(|goal| goal.last = Some(last_n));
    let ledger = Ledger::new(300.0, 1, false);
    let findings = found.findings();
    let simulated = findings.iter().any(|finding| finding.kind == FindingKind::Simulated);
    let run = SoakFacts {
        run_dir: ctx.show(&dir),
        source: "snapshot of the earlier toolkit".to_owned(),
        profile: LEGACY_PROFILE.to_owned(),
        iteration_secs: 300.0,
        planned: found.iterations_total.unwrap_or(1),
        simulated,
        judgement: ledger.judge(&settings.profile),
        ledger,
        trail: Trail::default(),
        occasion: Occasion::Legacy { findings, allow_simulated: request.allow_simulated },
        selectors: BTreeMap::new(),
    };
    let source = SourceFile { path: found.path.clone(), sha256: found.sha256.clone(), schema: None };
    let answer = verdict(&run);
    let maker = Header::new(snapshot::SCHEMA, ctx.maker());
    Ok(ReportFacts {
        figures: figures::of_snapshot(&found, &settings.kpis),
        goals: Goals { judgement: run.ledger.judge(&goals), profile: goals },
        made_at: maker.made_at,
        header: maker.simulated(simulated),
        judged: answer,
        rehearsed: answer,
        run,
        profile: settings.profile,
        kpis: settings.kpis,
        bands: Bands::new(),
        files: Vec::new(),
        started_at_ms: None,
        last: Vec::new(),
        last_n,
        activity: Activity::default(),
        kept_verdict: KeptVerdict::None,
        is_torn: false,
        earlier: vec![found],
        bounds,
        overrides: None,
        sources: vec![source],
    })
}

fn own_sources(dir: &Path, ctx: &Ctx) -> Result<Vec<SourceFile>, Fault> {
    let mut sources = Vec::new();
    for (path, schema) in store::evidence(dir) {
        if fsio::exists(&path)? {
            let sha256 = hash::sha256(fsio::read(&path)?);
            sources.push(SourceFile { path: ctx.show(&path), sha256, schema: Some(schema.to_owned()) });
        }
    }
    Ok(sources)
}

/// What a run keeps for whoever computes it again, with the verdict that it left.
fn evidence_files(dir: &Path) -> Result<Vec<EvidenceFile>, Fault> {
    let mut files = Vec::new();
    for name in store::KEPT.into_iter().chain([KEPT_VERDICT, KEPT_GATES]) {
        let path = dir.join(name);
        if fsio::exists(&path)? {
            let failed = |error: std::io::Error| {
                Fault::config(format!("failed to read `{}`: {error}", path.display()))
            };
            let (sha256, bytes) = hash::sha256_reader(fsio::open(&path)?).map_err(failed)?;
            files.push(EvidenceFile { name: name.to_owned(), bytes, sha256 });
        }
    }
    Ok(files)
}

/// What the run says of itself in its own directory. Documents of another run are a refusal.
fn read_kept_verdict(dir: &Path, facts: &SoakFacts, rehearsed: SoakVerdict) -> Result<KeptVerdict, Fault> {
    let verdict = match rehearsed {
        SoakVerdict::Judged(verdict) => verdict,
        SoakVerdict::Interrupted { .. } => RunVerdict::Inconclusive,
    };
    let run = JudgedRun { facts, verdict };
    // A plan that was changed says nothing of whose the documents are.
    let is_bound = matches!(facts.occasion, Occasion::Kept { plan_problem: None, .. });
    let metrics = kept::read(dir, KEPT_VERDICT, &json::document(&run.metrics()), is_bound)?;
    let gates = kept::read(dir, KEPT_GATES, &json::document(&run.gates()), is_bound)?;
    Ok(match (metrics, gates) {
        (None, None) => KeptVerdict::None,
        (Some(metrics), Some(gates)) => match (metrics, gates) {
            (Ok(metrics), Ok(gates)) => KeptVerdict::Said(metrics.max(gates)),
            (Err(why), _) | (_, Err(why)) => KeptVerdict::Unreadable(why),
        },
        // A run writes both or none.
        (Some(_), None) => KeptVerdict::Unreadable(format!("`{KEPT_GATES}` is missing")),
        (None, Some(_)) => KeptVerdict::Unreadable(format!("`{KEPT_VERDICT}` is missing")),
    })
}

/// The snapshots of the earlier toolkit that lie where its tools leave them.
fn earlier_snapshots(dir: &Path, ctx: &Ctx) -> Result<Vec<EarlierSnapshot>, Fault> {
    let mut found = Vec::new();
    for place in SNAPSHOTS {
        let path = dir.join(place).join(FILE_NAME);
        if !fsio::exists(&path)? {
            continue;
        }
        let (document, _, sha256) = json_file::load_hashed(&path)?;
        if EarlierSnapshot::is_one(&document) {
            let shown = ctx.show(&path);
            let read = EarlierSnapshot::parse(&shown, &document, sha256);
            found.push(read.map_err(|why| Fault::config(format!("`{shown}` cannot be used: {why}")))?);
        }
    }
    Ok(found)
}

/// From when to when the summaries say that they were made; what cannot be read is left out.
fn stamped(summaries: &[LegacySummary]) -> Option<(Timestamp, Timestamp)> {
    let stamp = |summary: &LegacySummary| -> Option<Timestamp> {
        summary.document["summary"].get("runtime_utc")?.as_str()?.parse().ok()
    };
    let stamps = || summaries.iter().filter_map(stamp);
    stamps().min().zip(stamps().max())
}
