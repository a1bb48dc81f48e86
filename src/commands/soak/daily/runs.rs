//! The runs of a day: found on the disk, and judged again from what they have kept.

use super::config::DayJudge;
use super::continuity::{self, EarlierRun};
use super::windows::{RunFiles, RunShape, RunWindows, touches};
use crate::commands::soak::store::{self, KeptJournal, KeptPlan, RUNS};
use crate::ctx::Ctx;
use crate::evidence::daily::report::{LeftOut, ToldChange};
use crate::evidence::daily::{end, start};
use crate::format::hash;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileId, FileKind};
use jiff::civil::Date;
use std::path::Path;

/// What there is of a day.
#[derive(Debug, Default)]
pub(super) struct RunsFound {
    pub(super) runs: Vec<RunWindows>,
    /// Directories that cannot be read and may have windows of the day.
    pub(super) unreadable: Vec<LeftOut>,
    /// Those that cannot be read, and that nobody has written to since the day began.
    pub(super) earlier: Vec<LeftOut>,
}

/// What a directory holds of a day.
enum RunRead {
    OfDay(Box<RunWindows>),
    Earlier(EarlierRun),
    /// It is of another day, or a run of the earlier toolkit.
    Nothing,
}

/// Every run with windows in the day, joined to the runs before it; `told` are the changes of the version that were
/// meant.
pub(super) fn find(date: Date, judge: &DayJudge, told: &[ToldChange], ctx: &Ctx) -> Result<RunsFound, Fault> {
    let (home, mut found, mut earlier) = (ctx.path(RUNS), RunsFound::default(), Vec::new());
    if fsio::target_kind(&home)? == FileKind::Missing {
        return Ok(found);
    }
    for dir in fsio::list(&home)? {
        let Some(started_ms) = started_ms(&dir) else { continue };
        let begins_later = started_ms >= end(date).as_millisecond();
        if begins_later {
            continue;
        }
        ctx.check_cancelled()?;
        // A run that was moved to another disk and linked is a run.
        let run = if fsio::target_kind(&dir)? == FileKind::Dir {
            read(&dir, date, judge, ctx)
        } else {
            Err(Fault::config("it is not a directory"))
        };
        match run {
            Ok(RunRead::OfDay(run)) => found.runs.push(*run),
            Ok(RunRead::Earlier(run)) => earlier.push(run),
            Ok(RunRead::Nothing) => {}
            Err(fault) => {
                let left_out = LeftOut { run_dir: ctx.show(&dir), reason: fault.to_string() };
                let list =
                    if may_reach(&dir, date, ctx)? { &mut found.unreadable } else { &mut found.earlier };
                list.push(left_out);
            }
        }
    }
    continuity::join(&mut found.runs, &earlier, told);
    Ok(found)
}

/// When the run of this directory began, by its name.
fn started_ms(dir: &Path) -> Option<i64> {
    let digits = dir.file_name()?.to_str()?.strip_prefix("RUN_")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Whether a run that cannot be read may have windows of the day: one that was written to since the day began. Under a
/// frozen clock the times of files say nothing.
fn may_reach(dir: &Path, date: Date, ctx: &Ctx) -> Result<bool, Fault> {
    let mut newest = FileId::of(&fsio::metadata(dir)?).modified();
    let files = if fsio::target_kind(dir)? == FileKind::Dir { fsio::list(dir)? } else { Vec::new() };
    for path in files {
        if fsio::kind(&path)? == FileKind::File {
            newest = newest.max(FileId::of(&fsio::metadata(&path)?).modified());
        }
    }
    Ok(ctx.clock.is_frozen() || newest >= start(date))
}

/// How often a run is read again that went on while it was read.
const ATTEMPTS: u32 = 3;

/// The windows of a run in the day, or what it has to do with it.
fn read(dir: &Path, date: Date, judge: &DayJudge, ctx: &Ctx) -> Result<RunRead, Fault> {
    let Some(kept) = store::read_plan(dir)? else {
        // Of the earlier toolkit's runs there is no journal, and of a start that did not get far nothing.
        return match store::remnant(dir)? {
            Some(name) => Err(Fault::config(format!("its plan is missing, and there is `{name}`"))),
            None => Ok(RunRead::Nothing),
        };
    };
    let mut attempt = 1;
    loop {
        let journal = store::read_journal(dir)?;
        let done = journal.entries.len();
        // The first iteration may have been cut off before its record; of a second one there must be the first.
        if done == 0 && fsio::exists(&dir.join(store::summary_name(2)))? {
            return Err(Fault::config("its journal is missing or empty, and there are iterations"));
        }
        if !touches(journal.entries.iter().map(|entry| &entry.iteration), date) {
            let iterations: Vec<_> = journal.entries.into_iter().map(|entry| entry.iteration).collect();
            let (origin, shape) = (kept.plan.origin.clone(), RunShape::of(&kept.plan));
            // Those that began later were left out by their names.
            let is_nothing = iterations.is_empty() || origin.is_simulated();
            let earlier = EarlierRun { origin, shape, iterations };
            return Ok(if is_nothing { RunRead::Nothing } else { RunRead::Earlier(earlier) });
        }
        let run = judge_again(dir, date, &kept, &journal, judge, ctx)?;
        let is_contradicted = !run.contradictions.is_empty();
        // What a live run adds meanwhile is not in the records that were read.
        let goes_on = || Ok::<bool, Fault>(store::read_journal(dir)?.entries.len() > done);
        if !is_contradicted || attempt == ATTEMPTS || !goes_on()? {
            return Ok(RunRead::OfDay(Box::new(run)));
        }
        attempt += 1;
    }
}

fn judge_again(
    dir: &Path,
    date: Date,
    kept: &KeptPlan,
    journal: &KeptJournal,
    judge: &DayJudge,
    ctx: &Ctx,
) -> Result<RunWindows, Fault> {
    let plan = &kept.plan;
    let mut contradictions: Vec<String> = store::plan_problem(kept, journal).into_iter().collect();
    let iterations = || journal.entries.iter().map(|entry| &entry.iteration);
    let replayed = store::replay(dir, plan, &journal.entries)?;
    contradictions.extend(replayed.recomputed.differences);
    let last = iterations().next_back().map_or(0, |last| last.iteration);
    contradictions.extend(store::unrecorded(dir, plan, last)?);
    let journal_sha256 = hash::sha256(fsio::read(&dir.join(store::JOURNAL))?);
    let files = RunFiles { run_dir: ctx.show(dir), plan_sha256: kept.sha256.clone(), journal_sha256 };
    let mut run = RunWindows::of(date, files, plan, judge, iterations(), contradictions);
    run.is_simulated |= replayed.collector.saw_simulation();
    Ok(run)
}
