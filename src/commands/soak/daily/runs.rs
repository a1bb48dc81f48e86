//! The runs of a day: found on the disk, and judged again from what they have kept.

use super::windows::{RunFiles, RunWindows, touches};
use crate::commands::soak::store::{self, KeptPlan, RUNS};
use crate::ctx::Ctx;
use crate::evidence::daily::{observed_to, report::LeftOut};
use crate::format::hash;
use crate::judge::record::Iteration;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use jiff::Timestamp;
use jiff::civil::Date;
use std::path::{Path, PathBuf};

/// What there is of a day.
#[derive(Debug, Default)]
pub(super) struct RunsFound {
    pub(super) runs: Vec<RunWindows>,
    /// Directories that cannot be read and may have windows of the day.
    pub(super) unreadable: Vec<LeftOut>,
}

/// Every run with windows in the day.
pub(super) fn find(date: Date, ctx: &Ctx) -> Result<RunsFound, Fault> {
    let (home, mut found) = (ctx.path(RUNS), RunsFound::default());
    if fsio::target_kind(&home)? == FileKind::Missing {
        return Ok(found);
    }
    for dir in fsio::list(&home)? {
        let Some(started_ms) = started_ms(&dir) else { continue };
        let begins_later = started_ms >= observed_to(date, Timestamp::MAX).as_millisecond();
        if begins_later || fsio::kind(&dir)? != FileKind::Dir {
            continue;
        }
        ctx.check_cancelled()?;
        match read(&dir, date, ctx) {
            Ok(run) => found.runs.extend(run),
            Err(fault) => {
                found.unreadable.push(LeftOut { run_dir: ctx.show(&dir), reason: fault.to_string() });
            }
        }
    }
    Ok(found)
}

/// When the run of this directory began, by its name.
fn started_ms(dir: &Path) -> Option<i64> {
    let digits = dir.file_name()?.to_str()?.strip_prefix("RUN_")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The windows of a run in the day; none where it has none, or is a run of the earlier toolkit.
fn read(dir: &PathBuf, date: Date, ctx: &Ctx) -> Result<Option<RunWindows>, Fault> {
    let Some(kept) = store::read_plan(dir)? else { return Ok(None) };
    let journal = store::read_journal(dir)?;
    let iterations: Vec<Iteration> = journal.entries.iter().map(|entry| entry.iteration.clone()).collect();
    if !touches(&iterations, date) {
        return Ok(None);
    }
    let plan_problem = store::plan_problem(&kept, &journal);
    let KeptPlan { plan, sha256: plan_sha256 } = kept;
    let replayed = store::replay(dir, &plan, &journal.entries)?;
    let mut contradictions: Vec<String> = plan_problem.into_iter().collect();
    contradictions.extend(replayed.recomputed.differences);
    contradictions.extend(store::unrecorded(dir, &plan, iterations.last().map_or(0, |last| last.iteration))?);
    let journal_sha256 = hash::sha256(fsio::read(&dir.join(store::JOURNAL))?);
    let files = RunFiles { run_dir: ctx.show(dir), plan_sha256, journal_sha256 };
    let mut run = RunWindows::of(date, files, &plan, &iterations, contradictions);
    run.is_simulated |= replayed.collector.saw_simulation();
    Ok(Some(run))
}
