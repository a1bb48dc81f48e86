//! `mmops soak gate`: judges a finished or stopped run again, from its journal or its summaries, and checks
//! that the kept samples give the same figures. Runs of the earlier toolkit are read as well, with the faults
//! that are known of it.

use crate::commands::soak::outputs::{Answer, Origin};
use crate::commands::soak::settings::{self, Files};
use crate::commands::soak::store::{self, Plan};
use crate::ctx::Ctx;
use crate::domain::kpi::collector::{Collector, WHOLE};
use crate::domain::kpi::{Measurement, Member};
use crate::domain::soak::legacy::{self, Summary, Weight};
use crate::domain::soak::samples::Frame;
use crate::domain::soak::{Iteration, Ledger};
use crate::domain::verdict::Verdict;
use crate::exit::Fault;
use crate::report::{Report, Row, Status};
use crate::sys::{fsio, json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Arguments of `mmops soak gate`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
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
pub fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
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
    let (iterations, _) = store::read_journal(&store::journal_path(dir), ctx)?;
    let mut ledger = Ledger::new(f64::from(plan.iteration_secs), plan.points(), plan.group_by.is_some());
    for iteration in &iterations {
        ledger.add(iteration);
    }
    let mut answer = Answer::of(&plan, &ledger, dir, ctx);
    let mut rows = vec![summaries_row(&iterations, dir)];
    let recomputed = recompute_row(&plan, &iterations, dir)?;
    rows.extend(recomputed);
    if rows.iter().any(|row| row.status == Status::Fail) {
        answer.verdict = Verdict::Fail;
    }
    simulated(&mut answer, plan.simulated || ledger.is_simulated(), args.mock, &mut rows);
    Ok(answer.report("soak-gate", rows))
}

/// A simulated run is judged as a rehearsal only where that is asked for.
fn simulated(answer: &mut Answer, simulated: bool, mock: bool, rows: &mut Vec<Row>) {
    if simulated && !mock {
        if answer.verdict == Verdict::Pass {
            answer.verdict = Verdict::Inconclusive;
        }
        rows.push(
            Row::new("evidence", Status::Fail)
                .reason("a simulation is no evidence; --mock judges it as a rehearsal"),
        );
    }
}

/// Whether the summary files say what the journal says.
fn summaries_row(iterations: &[Iteration], dir: &Path) -> Row {
    let mut row = Row::new("summaries", Status::Ok).note(format!("{} files", iterations.len()));
    for iteration in iterations {
        let name = store::summary_name(iteration.iteration);
        let found = json::load(&dir.join(&name)).map(|(document, _)| document);
        let expected = serde_json::to_value(iteration).expect("plain data serialises");
        let problem = match found {
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

/// Computes every figure again from the samples that were kept.
fn recompute_row(plan: &Plan, iterations: &[Iteration], dir: &Path) -> anyhow::Result<Option<Row>> {
    if iterations.first().is_some_and(|first| first.source == "edge-report") {
        return Ok(None);
    }
    let kpis: Vec<_> = plan.kpis.iter().map(|(name, kpi)| (name.clone(), kpi.clone())).collect();
    let interval_ms = i64::from(plan.interval_secs) * 1000;
    let mut collector = Collector::new(kpis, plan.group_by.clone(), plan.origin.word(), interval_ms);
    let mut check = Recompute { plan, iterations, at: 0, open: false, reasons: Vec::new(), equal: 0 };
    let whole = store::each_frame(&store::samples_path(dir), |frame, _| {
        match frame {
            Frame::Dictionary(series) => {
                for one in series {
                    collector.register(&one.name, &one.labels);
                }
            }
            Frame::Block(block) => {
                let baseline = block.iteration == 0;
                while check.at < block.iteration || (baseline && check.at > 0 && check.open) {
                    check.close(&mut collector);
                }
                check.open = !baseline;
                for (index, at_ms) in block.times.iter().enumerate() {
                    collector.begin_scrape(*at_ms);
                    block.scrape(index).for_each(|(series, value)| collector.sample(series, value));
                    collector.end_scrape();
                }
                if baseline && check.at > 0 {
                    collector.close(1, 1.0);
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
    Ok(Some(row))
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
        let mut members = collector.close(self.plan.points(), f64::from(self.plan.interval_secs));
        if let Some(kept) = self.at.checked_sub(1).and_then(|index| self.iterations.get(index as usize)) {
            let whole = members.remove(WHOLE).unwrap_or_default();
            let same = if kept.members.is_empty() {
                first_difference(&kept.kpis, &whole.kpis)
            } else {
                let other = |name: &String| members.get(name).map(|member: &Member| &member.kpis);
                kept.members.iter().find_map(|(name, member)| {
                    first_difference(&member.kpis, other(name).unwrap_or(&BTreeMap::new()))
                })
            };
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
    let differs = |(name, kept): &(&String, &Measurement)| {
        let same = computed.get(*name).is_some_and(|computed| {
            computed.value.map(f64::to_bits) == kept.value.map(f64::to_bits)
                && computed.n == kept.n
                && computed.points == kept.points
        });
        !same
    };
    kept.iter().find(differs).map(|(name, _)| name.clone())
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
    let is_mock = findings.iter().any(|finding| finding.weight == Weight::NoMeasurement);
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
        let status = if finding.weight == Weight::Remark { Status::Warn } else { Status::Fail };
        rows.push(Row::new(finding.name, status).reason(&finding.text));
        answer.verdict = match finding.weight {
            Weight::Fails => Verdict::Fail,
            Weight::Missing if answer.verdict == Verdict::Pass => Verdict::Inconclusive,
            _ => answer.verdict,
        };
    }
    simulated(&mut answer, is_mock, args.mock, &mut rows);
    Ok(answer.report("soak-gate", rows))
}

/// Where summaries lie below the directory that was named.
const PLACES: [&str; 5] = ["", "latest", "soak/latest", "artifacts/soak/latest", "artifacts/latest"];

fn read_summaries(dir: &Path, ctx: &Ctx) -> anyhow::Result<(PathBuf, Vec<Summary>)> {
    for place in PLACES {
        let home = if place.is_empty() { dir.to_owned() } else { dir.join(place) };
        if !home.is_dir() {
            continue;
        }
        let mut found: Vec<(u32, PathBuf)> =
            fsio::list(&home)?.into_iter().filter_map(|path| Some((number_of(&path)?, path))).collect();
        if found.is_empty() {
            continue;
        }
        found.sort();
        let mut summaries = Vec::with_capacity(found.len());
        for (number, path) in found {
            ctx.check_cancelled()?;
            let (document, _) = json::load(&path)?;
            let bad = |what: &str| Fault::config(format!("`{}` {what}", ctx.show(&path)));
            if !legacy::is_summary(&document) {
                return Err(bad("is no summary of the earlier toolkit, and the run has no RUN.json").into());
            }
            if document.get("iteration").and_then(Value::as_u64) != Some(u64::from(number)) {
                return Err(bad("holds another iteration than its name says").into());
            }
            summaries.push(Summary { iteration: number, document });
        }
        return Ok((home, summaries));
    }
    let message =
        format!("`{}` is no run: there is neither RUN.json nor ITER_SUMMARY_<i>.json", ctx.show(dir));
    Err(Fault::config(message).into())
}

fn number_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix("ITER_SUMMARY_")?.strip_suffix(".json")?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
        .filter(|number| *number > 0)
}

/// The overrides file of the earlier toolkit, beside the summaries or one directory up.
fn read_overrides(home: &Path) -> anyhow::Result<Option<Value>> {
    for place in [Some(home), home.parent()].into_iter().flatten() {
        let path = place.join("runtime_overrides.json");
        if fsio::exists(&path)? {
            return Ok(Some(json::load(&path)?.0));
        }
    }
    Ok(None)
}
