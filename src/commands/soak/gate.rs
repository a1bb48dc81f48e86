//! `mmops soak gate`: judges a finished or stopped run again, from its journal or its summaries, and checks
//! that the kept samples give the same figures. Runs of the earlier toolkit are read as well, with the faults
//! that are known of it.

use crate::commands::soak::outputs::{Answer, Origin};
use crate::commands::soak::settings::{self, Files};
use crate::commands::soak::store::{self, Plan};
use crate::ctx::Ctx;
use crate::judge::kpi::collector::{Collector, WHOLE};
use crate::judge::kpi::{DataState, Measurement, Member};
use crate::judge::record::legacy::{self, FindingKind, LegacySummary};
use crate::judge::record::samples::SampleFrame;
use crate::judge::record::{Iteration, Ledger};
use crate::judge::verdict::RunVerdict;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Report, Row, Status};
use crate::sys::fsio;
use crate::sys::json_file;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(crate) const SPEC: CommandSpec = CommandSpec::new("soak gate", "SOAK", "INCONCLUSIVE");

/// Judge a finished or stopped run again, of the earlier toolkit as well
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the run
    #[arg(value_name = "RUN_DIR", default_value = "artifacts/soak/latest")]
    run_dir: PathBuf,
    /// Profile of gates [default: that of the run; kpi-last8 for a run of the earlier toolkit]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    #[command(flatten)]
    files: Files,
    /// Judge a simulated run as the rehearsal it is
    #[arg(long)]
    mock: bool,
}

/// Judges a run.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let dir = ctx.path(&args.run_dir);
    let dir = fsio::canonical(&dir)?;
    match store::read_plan(&dir)? {
        Some(plan) => ours(args, plan, &dir, ctx),
        None => earlier(args, &dir, ctx),
    }
}

fn ours(args: &Args, mut plan: Plan, dir: &Path, ctx: &Ctx) -> anyhow::Result<Report> {
    if let Some(name) = &args.profile {
        let settings = settings::load(&args.files, name, ctx)?;
        plan.profile = settings.profile;
        plan.profile_name.clone_from(name);
    }
    let iterations = store::read_journal(dir)?;
    let mut ledger = Ledger::new(f64::from(plan.iteration_secs), plan.points(), plan.group_by.is_some());
    for iteration in &iterations {
        ledger.add(iteration);
    }
    let mut answer = Answer::of(&plan, &ledger, dir, ctx);
    let mut rows = vec![summaries_row(&plan, &iterations, dir)];
    let mut is_simulated = plan.simulated || ledger.is_simulated();
    if plan.origin.has_samples() {
        let (row, saw_simulation) = recompute(&plan, &iterations, dir)?;
        rows.push(row);
        is_simulated |= saw_simulation;
    }
    if rows.iter().any(|row| row.status == Status::Fail) {
        answer.verdict = RunVerdict::Fail;
    }
    simulated(&mut answer, is_simulated, args.mock, &mut rows);
    Ok(answer.report(&SPEC, "SOAK GATES", rows))
}

/// A simulated run is judged as a rehearsal only where that is asked for.
fn simulated(answer: &mut Answer, simulated: bool, mock: bool, rows: &mut Vec<Row>) {
    if simulated && !mock {
        if answer.verdict == RunVerdict::Pass {
            answer.verdict = RunVerdict::Inconclusive;
        }
        rows.push(
            Row::new("evidence", Status::Fail)
                .reason("a simulation is no evidence; --mock judges it as a rehearsal"),
        );
    }
}

/// Whether the summary files say what the journal says, and all come from the source that was planned.
fn summaries_row(plan: &Plan, iterations: &[Iteration], dir: &Path) -> Row {
    let mut row = Row::new("summaries", Status::Ok).note(format!("{} files", iterations.len()));
    for iteration in iterations {
        let name = store::summary_name(iteration.iteration);
        let found = json_file::load(&dir.join(&name)).map(|(document, _)| document);
        let expected = serde_json::to_value(iteration).expect("plain data serialises");
        let problem = match found {
            _ if iteration.source != plan.origin.word() => {
                format!("`{name}` comes from {}, the run from {}", iteration.source, plan.origin.word())
            }
            Ok(document) if document == expected => continue,
            Ok(_) => format!("`{name}` differs from the journal"),
            Err(fault) => fault.to_string(),
        };
        row.status = Status::Fail;
        row.reasons.push(problem);
        if row.reasons.len() == 5 {
            row.reasons.push("there are more".to_owned());
            break;
        }
    }
    row
}

/// Computes every figure again from the samples that were kept; also whether any came from a simulation.
fn recompute(plan: &Plan, iterations: &[Iteration], dir: &Path) -> anyhow::Result<(Row, bool)> {
    let mut collector = plan.collector();
    let mut fresh = Vec::new();
    let mut check = Recompute { plan, iterations, at: 0, open: false, reasons: Vec::new(), equal: 0 };
    let whole = store::each_frame(&store::samples_path(dir), |frame, _| {
        match frame {
            // A series, and the member it shows, is new in the window of the block that follows.
            SampleFrame::Dictionary(series) => fresh.extend(series),
            SampleFrame::Block(block) => {
                let baseline = block.iteration == 0;
                while check.at < block.iteration || (baseline && check.at > 0 && check.open) {
                    check.close(&mut collector);
                }
                check.open = !baseline;
                for one in fresh.drain(..) {
                    collector.register(&one.name, &one.labels);
                }
                for (index, at_ms) in block.times.iter().enumerate() {
                    collector.begin_scrape(*at_ms);
                    block.scrape(index).for_each(|(series, value)| collector.sample(series, value));
                    collector.end_scrape();
                }
                if baseline && check.at > 0 {
                    collector.close(1);
                }
            }
        }
        true
    })?;
    let last = iterations.last().map_or(0, |last| last.iteration);
    while check.at <= last {
        check.close(&mut collector);
    }
    let mut row = Row::new("recomputed", Status::Ok).note(format!("{} of {} iterations", check.equal, last));
    if !whole {
        row.reasons.push("the last frame of samples is torn".to_owned());
    }
    if !check.reasons.is_empty() {
        row.status = Status::Fail;
        row.reasons.extend(check.reasons.into_iter().take(5));
    }
    Ok((row, collector.saw_simulation()))
}

struct Recompute<'a> {
    plan: &'a Plan,
    iterations: &'a [Iteration],
    /// The iteration that is open; 0 for what came before the first.
    at: u32,
    /// Whether samples of it were seen since the last state of counters.
    open: bool,
    reasons: Vec<String>,
    equal: usize,
}

impl Recompute<'_> {
    fn close(&mut self, collector: &mut Collector) {
        let mut members = collector.close(self.plan.points());
        if let Some(kept) = self.at.checked_sub(1).and_then(|index| self.iterations.get(index as usize)) {
            let whole = if self.plan.group_by.is_none() { members.remove(WHOLE) } else { None };
            let same = first_difference(&kept.kpis, &whole.unwrap_or_default().kpis).or_else(|| {
                let none = Member::default();
                let names: BTreeSet<&String> = kept.members.keys().chain(members.keys()).collect();
                names.into_iter().find_map(|name| {
                    let kept = kept.members.get(name).unwrap_or(&none);
                    first_difference(&kept.kpis, &members.get(name).unwrap_or(&none).kpis)
                })
            });
            match same {
                None => self.equal += 1,
                Some(kpi) => self
                    .reasons
                    .push(format!("iteration {}: `{kpi}` is not what the kept samples give", kept.iteration)),
            }
        }
        self.at += 1;
        self.open = false;
    }
}

/// The first figure whose value differs. Why something is unknown is not in the samples.
fn first_difference(
    kept: &BTreeMap<String, Measurement>,
    computed: &BTreeMap<String, Measurement>,
) -> Option<String> {
    let said = |measured: &Measurement| {
        let is_measured = measured.state == DataState::Measured;
        let value = measured.value.map(f64::to_bits);
        (value, measured.beyond, measured.n, measured.points, measured.expected, is_measured)
    };
    let differs = |name: &&&String| kept.get(**name).map(said) != computed.get(**name).map(said);
    let names: BTreeSet<&String> = kept.keys().chain(computed.keys()).collect();
    names.iter().find(differs).map(|name| (*name).clone())
}

/// A run of the earlier toolkit.
fn earlier(args: &Args, dir: &Path, ctx: &Ctx) -> anyhow::Result<Report> {
    let (home, summaries) = read_summaries(dir, ctx)?;
    let name = args.profile.as_deref().unwrap_or("kpi-last8");
    let settings = settings::load(&args.files, name, ctx)?;
    let mut ledger = Ledger::new(300.0, 1, false);
    summaries.iter().map(legacy::iteration).for_each(|iteration| ledger.add(&iteration));
    let overrides = read_overrides(&home)?;
    let findings = legacy::findings(&summaries, overrides.as_ref());
    let is_mock = findings.iter().any(|finding| finding.kind == FindingKind::Simulated);
    let origin = Origin {
        source: "earlier toolkit",
        simulated: is_mock,
        profile: name,
        iteration_secs: 300.0,
        planned: ledger.iterations(),
    };
    let mut answer = Answer::new(&origin, &ledger, ledger.judge(&settings.profile), &home, ctx);
    let mut rows = Vec::new();
    for finding in &findings {
        let status = if finding.kind == FindingKind::Informative { Status::Warn } else { Status::Fail };
        rows.push(Row::new(finding.name, status).reason(&finding.text));
        answer.verdict = match finding.kind {
            FindingKind::Failure => RunVerdict::Fail,
            FindingKind::Incomplete if answer.verdict == RunVerdict::Pass => RunVerdict::Inconclusive,
            _ => answer.verdict,
        };
    }
    simulated(&mut answer, is_mock, args.mock, &mut rows);
    Ok(answer.report(&SPEC, "SOAK GATES", rows))
}

/// The largest number of an iteration.
const MOST_ITERATIONS: u32 = 1_000_000;

/// Where summaries lie below the directory that was named.
const PLACES: [&str; 5] = ["", "latest", "soak/latest", "artifacts/soak/latest", "artifacts/latest"];

fn read_summaries(dir: &Path, ctx: &Ctx) -> anyhow::Result<(PathBuf, Vec<LegacySummary>)> {
    for place in PLACES {
        let home = if place.is_empty() { dir.to_owned() } else { dir.join(place) };
        if fsio::target_kind(&home)? != fsio::FileKind::Dir {
            continue;
        }
        let mut found: Vec<(u32, PathBuf)> = Vec::new();
        for path in fsio::list(&home)? {
            if let Some(number) = number_of(&path, ctx)? {
                found.push((number, path));
            }
        }
        if found.is_empty() {
            continue;
        }
        found.sort();
        if let Some(twice) = found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let (one, other) = (ctx.show(&twice[0].1), ctx.show(&twice[1].1));
            return Err(Fault::config(format!("`{one}` and `{other}` are the same iteration")).into());
        }
        let mut summaries = Vec::with_capacity(found.len());
        for (number, path) in found {
            ctx.check_cancelled()?;
            let (document, _) = json_file::load(&path)?;
            let bad = |what: &str| Fault::config(format!("`{}` {what}", ctx.show(&path)));
            if !legacy::is_summary(&document) {
                return Err(bad("is no summary of the earlier toolkit, and the run has no RUN.json").into());
            }
            if document.get("iteration").and_then(Value::as_u64) != Some(u64::from(number)) {
                return Err(bad("holds another iteration than its name says").into());
            }
            summaries.push(LegacySummary { iteration: number, document });
        }
        return Ok((home, summaries));
    }
    let message =
        format!("`{}` is no run: there is neither RUN.json nor ITER_SUMMARY_<i>.json", ctx.show(dir));
    Err(Fault::config(message).into())
}

/// The iteration that a file name stands for; `None` for other files.
fn number_of(path: &Path, ctx: &Ctx) -> Result<Option<u32>, Fault> {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let digits = name.strip_prefix("ITER_SUMMARY_").and_then(|rest| rest.strip_suffix(".json"));
    let Some(digits) = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) else {
        return Ok(None);
    };
    match digits.parse() {
        Ok(number @ 1..=MOST_ITERATIONS) => Ok(Some(number)),
        _ => Err(Fault::config(format!(
            "`{}` is no iteration: its number must lie between 1 and {MOST_ITERATIONS}",
            ctx.show(path)
        ))),
    }
}

/// The overrides file of the earlier toolkit, beside the summaries or one directory up.
fn read_overrides(home: &Path) -> anyhow::Result<Option<Value>> {
    for place in [Some(home), home.parent()].into_iter().flatten() {
        let path = place.join("runtime_overrides.json");
        if fsio::exists(&path)? {
            return Ok(Some(json_file::load(&path)?.0));
        }
    }
    Ok(None)
}
