//! The directory of a run: what was planned, a summary and a record in the journal for each iteration, the raw
//! samples, and the state now.
//!
//! The record in the journal is the moment at which an iteration is done. Whatever a crash leaves behind it is
//! cut off when the run is resumed. On a virtual clock nothing waits for the disk: the run is computed again in
//! seconds after a loss of power.

use super::plan::{PLAN_SCHEMA, SoakPlan};
use super::samples_file::SamplesFile;
use super::status::StatusFile;
use crate::ctx::Ctx;
use crate::format::json;
use crate::format::node;
use crate::journal::{self, Durability, Journal};
use crate::judge::record::Iteration;
use crate::judge::record::samples::SeriesKey;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where runs are.
pub(super) const RUNS: &str = "artifacts/soak";
/// Name of the link to the newest run.
pub(super) const LATEST: &str = "latest";

const PLAN: &str = "RUN.json";
const JOURNAL: &str = "JOURNAL.jsonl";
const JOURNAL_SCHEMA: &str = "mmops.soak-journal.v1";
const SAMPLES: &str = "samples.bin";
const STATUS: &str = "status.json";

/// The directory of a run that goes on.
#[derive(Debug)]
pub(super) struct RunStore {
    dir: PathBuf,
    durability: Durability,
    journal: Journal,
    samples: SamplesFile,
}

/// What a stopped run has left.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) iterations: Vec<Iteration>,
    pub(super) series: Vec<SeriesKey>,
}

impl RunStore {
    /// Makes the directory of a new run and writes its plan.
    pub(super) fn create(plan: &SoakPlan, ctx: &Ctx) -> Result<Self, Fault> {
        let runs = ctx.path(RUNS);
        fsio::create_dir(&runs)?;
        let mut number = plan.started_at_ms;
        let dir = loop {
            let dir = runs.join(format!("RUN_{number}"));
            // A directory without a finished iteration was left by a start that did not get far.
            if fsio::create_new_dir(&dir)? || read_journal(&dir)?.is_empty() {
                break dir;
            }
            number += 1;
        };
        fsio::write_json(&dir.join(PLAN), plan)?;
        let (durability, samples) = (durability(plan), SamplesFile::create(&dir.join(SAMPLES))?);
        let store = Self { durability, journal: new_journal(&dir, durability)?, samples, dir };
        fsio::replace_link(&runs.join(LATEST), &store.dir)?;
        Ok(store)
    }

    /// Opens the directory of a stopped run and cuts off what belongs to no finished iteration.
    pub(super) fn reopen(dir: &Path, plan: &SoakPlan, ctx: &Ctx) -> Result<(Self, Progress), Fault> {
        let (path, durability) = (dir.join(JOURNAL), durability(plan));
        let (journal, iterations) = match Journal::resume::<(), Iteration>(&path, JOURNAL_SCHEMA, durability)?
        {
            None => (new_journal(dir, durability)?, Vec::new()),
            Some((journal, contents)) => {
                if contents.is_torn {
                    tracing::info!("leaving out the torn last line of `{}`", ctx.show(&path));
                }
                (journal, in_order(&path, contents.records)?)
            }
        };
        let done = iterations.last().map_or(0, |iteration| iteration.iteration);
        let (samples, series) = SamplesFile::reopen(&dir.join(SAMPLES), done)?;
        let store = Self { dir: dir.to_owned(), durability, journal, samples };
        Ok((store, Progress { iterations, series }))
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds a finished iteration: samples, summary, and then its record in the journal.
    pub(super) fn append(&mut self, iteration: &Iteration, frames: &[u8]) -> Result<(), Fault> {
        self.samples.append(frames)?;
        self.write(&summary_name(iteration.iteration), iteration)?;
        if self.durability == Durability::Disk {
            self.samples.sync()?;
        }
        self.journal.append(iteration)
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

fn new_journal(dir: &Path, durability: Durability) -> Result<Journal, Fault> {
    Journal::create::<Iteration>(&dir.join(JOURNAL), JOURNAL_SCHEMA, &(), &[], durability)
}

pub(super) fn summary_name(iteration: u32) -> String {
    format!("ITER_SUMMARY_{iteration}.json")
}

pub(super) fn samples_path(dir: &Path) -> PathBuf {
    dir.join(SAMPLES)
}

/// The plan of a run; `None` when the directory is no run of ours.
pub(super) fn read_plan(dir: &Path) -> Result<Option<SoakPlan>, Fault> {
    let path = dir.join(PLAN);
    if !fsio::exists(&path)? {
        return Ok(None);
    }
    let (document, _) = json_file::load(&path)?;
    let bad = |problem: String| Fault::config(format!("`{}` cannot be used: {problem}", path.display()));
    let schema = document.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default();
    if schema != PLAN_SCHEMA {
        return Err(bad(format!("it has the schema `{schema}`")));
    }
    let plan: SoakPlan =
        node::from_json(document).map_err(|error| error.fault(&path.display().to_string()))?;
    plan.problem().map_or(Ok(Some(plan)), |problem| Err(bad(problem)))
}

/// The finished iterations of a run.
pub(super) fn read_journal(dir: &Path) -> Result<Vec<Iteration>, Fault> {
    let path = dir.join(JOURNAL);
    let contents = journal::read::<(), Iteration>(&path, JOURNAL_SCHEMA)?;
    contents.map_or(Ok(Vec::new()), |contents| in_order(&path, contents.records))
}

/// Iterations that are numbered from 1 on.
fn in_order(path: &Path, iterations: Vec<Iteration>) -> Result<Vec<Iteration>, Fault> {
    match iterations.iter().zip(1..).find(|(iteration, number)| iteration.iteration != *number) {
        None => Ok(iterations),
        Some((iteration, number)) => Err(Fault::config(format!(
            "failed to read `{}`: record {number} is iteration {}",
            path.display(),
            iteration.iteration
        ))),
    }
}
