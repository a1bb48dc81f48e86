//! The directory of a run: what was planned, a summary and a record in the journal for each iteration, the raw
//! samples, and the state now.
//!
//! The record in the journal is the moment at which an iteration is done. It says how far the samples reached,
//! and the journal begins with the hash of the plan, so that neither can be changed without the other. Whatever a
//! crash leaves behind the last record is cut off when the run is resumed; what no crash leaves is refused. On a
//! virtual clock nothing waits for the disk: the run is computed again in seconds after a loss of power.

pub(super) use crate::release::judged_run::KEPT;

use super::journal_entry::{JournalEntry, RunBinding};
use super::plan::{PLAN_SCHEMA, PLAN_SCHEMA_BEFORE, SoakPlan};
use super::replay::{Replay, Replayed};
use super::samples_file::{SamplesFile, each_frame};
use super::status::StatusFile;
use crate::ctx::Ctx;
use crate::format::hash;
use crate::format::json;
use crate::format::node;
use crate::journal::{self, Durability, Journal};
use crate::judge::record::Iteration;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where runs are.
pub(super) const RUNS: &str = "artifacts/soak";
/// Name of the link to the newest run.
pub(super) const LATEST: &str = "latest";

const PLAN: &str = KEPT[0];
pub(super) const JOURNAL: &str = KEPT[1];
const JOURNAL_SCHEMA: &str = "mmops.soak-journal.v2";
pub(super) const SAMPLES: &str = KEPT[2];
const STATUS: &str = "status.json";

/// The directory of a run that goes on.
#[derive(Debug)]
pub(super) struct RunStore {
    dir: PathBuf,
    durability: Durability,
    journal: Journal,
    samples: SamplesFile,
}

/// The plan of a run as it stands in its directory.
#[derive(Clone, Debug)]
pub(super) struct KeptPlan {
    pub(super) plan: SoakPlan,
    /// Of the file.
    pub(super) sha256: String,
}

/// What the journal of a run says.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptJournal {
    /// Hash of the plan that the run was started with; none where there is no journal.
    pub(super) plan_sha256: Option<String>,
    pub(super) entries: Vec<JournalEntry>,
    /// Whether its last line was torn and left out.
    pub(super) is_torn: bool,
}

impl RunStore {
    /// Makes the directory of a new run and writes its plan.
    pub(super) fn create(plan: &SoakPlan, ctx: &Ctx) -> Result<Self, Fault> {
        let runs = ctx.path(RUNS);
        fsio::create_dir(&runs)?;
        // The run before may have been killed in the middle of a file, and no later one writes beside it.
        fsio::remove_left_behind(&runs.join(LATEST).join(PLAN));
        let mut number = plan.started_at_ms;
        let dir = loop {
            let dir = runs.join(format!("RUN_{number}"));
            // A directory without a finished iteration was left by a start that did not get far.
            if fsio::create_new_dir(&dir)?
                || matches!(read_journal(&dir), Ok(kept) if kept.entries.is_empty())
            {
                break dir;
            }
            number += 1;
        };
        let text = json::document(plan);
        fsio::write_atomic(&dir.join(PLAN), text.as_bytes())?;
        let (durability, samples) = (durability(plan), SamplesFile::create(&dir.join(SAMPLES))?);
        let store =
            Self { durability, journal: new_journal(&dir, hash::sha256(&text), durability)?, samples, dir };
        fsio::replace_link(&runs.join(LATEST), &store.dir)?;
        Ok(store)
    }

    /// Opens the directory of a stopped run, whose samples were replayed, and cuts off what belongs to no finished
    /// iteration.
    pub(super) fn reopen(dir: &Path, kept: &KeptPlan, replayed: &Replayed, ctx: &Ctx) -> Result<Self, Fault> {
        let (path, durability) = (dir.join(JOURNAL), durability(&kept.plan));
        let resumed = Journal::resume::<RunBinding, JournalEntry>(&path, JOURNAL_SCHEMA, durability)?;
        let journal = match resumed {
            None => new_journal(dir, kept.sha256.clone(), durability)?,
            Some((journal, contents)) => {
                if contents.is_torn {
                    tracing::info!("leaving out the torn last line of `{}`", ctx.show(&path));
                }
                journal
            }
        };
        let path = dir.join(SAMPLES);
        let samples = if replayed.kept.bytes() == 0 {
            SamplesFile::create(&path)?
        } else {
            SamplesFile::reopen(&path, replayed.kept.clone())?
        };
        Ok(Self { dir: dir.to_owned(), durability, journal, samples })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds a finished iteration: samples, summary, and then its record in the journal.
    pub(super) fn append(&mut self, iteration: Iteration, frames: &[u8]) -> Result<(), Fault> {
        self.samples.append(frames)?;
        self.write(&summary_name(iteration.iteration), &iteration)?;
        if self.durability == Durability::Disk {
            self.samples.sync()?;
        }
        self.journal.append(&JournalEntry { iteration, samples: self.samples.mark() })
    }

    pub(super) fn write_status(&self, status: &StatusFile) -> Result<(), Fault> {
        fsio::write_volatile(&self.dir.join(STATUS), json::document(status).as_bytes())
    }

    fn write(&self, name: &str, document: &impl Serialize) -> Result<(), Fault> {
        let (path, text) = (self.dir.join(name), json::document(document));
        match self.durability {
            Durability::Disk => fsio::write_atomic(&path, text.as_bytes()),
            Durability::Process => fsio::write_volatile(&path, text.as_bytes()),
        }
    }
}

fn durability(plan: &SoakPlan) -> Durability {
    if plan.origin.is_simulated() { Durability::Process } else { Durability::Disk }
}

fn new_journal(dir: &Path, plan_sha256: String, durability: Durability) -> Result<Journal, Fault> {
    let binding = RunBinding { plan_sha256 };
    Journal::create::<JournalEntry>(&dir.join(JOURNAL), JOURNAL_SCHEMA, &binding, &[], durability)
}

pub(super) fn summary_name(iteration: u32) -> String {
    format!("ITER_SUMMARY_{iteration}.json")
}

/// What a run is judged by and from, beside its samples, with the schemas.
pub(super) fn evidence(dir: &Path) -> [(PathBuf, &'static str); 2] {
    [(dir.join(PLAN), PLAN_SCHEMA), (dir.join(JOURNAL), JOURNAL_SCHEMA)]
}

/// The plan of a run; `None` when the directory is no run of ours.
pub(super) fn read_plan(dir: &Path) -> Result<Option<KeptPlan>, Fault> {
    let path = dir.join(PLAN);
    if !fsio::exists(&path)? {
        return Ok(None);
    }
    let (document, _, sha256) = json_file::load_hashed(&path)?;
    let bad = |problem: String| Fault::config(format!("`{}` cannot be used: {problem}", path.display()));
    let schema = document.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default();
    if schema == PLAN_SCHEMA_BEFORE {
        let fault =
            bad("it is of mmops 0.1.0, whose journal does not say which plan and which samples it is of"
                .to_owned());
        return Err(fault
            .hint("judge the run with mmops 0.1.0, or begin a new one: `mmops soak run` without --resume"));
    }
    if schema != PLAN_SCHEMA {
        return Err(bad(format!("it has the schema `{schema}`, not `{PLAN_SCHEMA}`")));
    }
    let plan: SoakPlan =
        node::from_json(document).map_err(|error| error.fault(&path.display().to_string()))?;
    match plan.problem() {
        None => Ok(Some(KeptPlan { plan, sha256 })),
        Some(problem) => Err(bad(problem)),
    }
}

/// A file by which a directory without a plan is known to have held a run of ours: the earlier toolkit wrote neither a
/// journal nor samples, and named no schema.
pub(super) fn remnant(dir: &Path) -> Result<Option<String>, Fault> {
    for path in fsio::list(dir)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_kept = KEPT.contains(&name.as_str());
        let is_document = || {
            let schema = json_file::load(&path).ok()?.0.get("schema")?.as_str()?.starts_with("mmops.");
            Some(schema)
        };
        let is_json = path.extension().is_some_and(|ending| ending == "json");
        if is_kept || is_json && is_document() == Some(true) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The finished iterations of a run, numbered from 1 on.
pub(super) fn read_journal(dir: &Path) -> Result<KeptJournal, Fault> {
    let path = dir.join(JOURNAL);
    let contents = journal::read::<RunBinding, JournalEntry>(&path, JOURNAL_SCHEMA)?;
    let Some(contents) = contents else { return Ok(KeptJournal::default()) };
    let entries = contents.records;
    if let Some((entry, number)) =
        entries.iter().zip(1..).find(|(entry, number)| entry.iteration.iteration != *number)
    {
        return Err(Fault::config(format!(
            "failed to read `{}`: record {number} is iteration {}",
            path.display(),
            entry.iteration.iteration
        )));
    }
    Ok(KeptJournal { plan_sha256: Some(contents.context.plan_sha256), entries, is_torn: contents.is_torn })
}

/// Takes the kept samples of a run once more.
pub(super) fn replay(dir: &Path, plan: &SoakPlan, entries: &[JournalEntry]) -> Result<Replayed, Fault> {
    let (path, mut replay) = (dir.join(SAMPLES), Replay::new(plan, entries));
    if entries.is_empty() && !fsio::exists(&path)? {
        return Ok(replay.finish(true));
    }
    let is_whole = each_frame(&path, |frame, read| replay.frame(frame, read))?;
    Ok(replay.finish(is_whole))
}

/// Why the plan in the directory of a run is not the one it was started with.
pub(super) fn plan_problem(kept: &KeptPlan, journal: &KeptJournal) -> Option<String> {
    let is_other = journal.plan_sha256.as_ref().is_some_and(|started| *started != kept.sha256);
    is_other.then(|| format!("`{PLAN}` is not what the run was started with: it was changed since"))
}

/// What speaks for iterations that the journal has no record of. The next one may have left its summary, and a
/// simulation does not wait for the disk.
pub(super) fn unrecorded(dir: &Path, plan: &SoakPlan, done: u32) -> Result<Option<String>, Fault> {
    let status = dir.join(STATUS);
    if plan.origin.is_simulated() {
        return Ok(None);
    }
    if fsio::exists(&dir.join(summary_name(done + 2)))? {
        return Ok(Some(format!(
            "the journal ends with iteration {done}, but there is `{}`",
            summary_name(done + 2)
        )));
    }
    // It is no evidence by itself, and a loss of power may leave it unreadable.
    if let Ok((document, _)) = json_file::load(&status) {
        let known = document.get("iteration").and_then(serde_json::Value::as_u64).unwrap_or_default();
        if known > u64::from(done) {
            return Ok(Some(format!(
                "the journal ends with iteration {done}, but `{STATUS}` has seen {known}"
            )));
        }
    }
    Ok(None)
}
