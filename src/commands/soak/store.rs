//! The directory of a run: what was planned, a summary and a journal line for each iteration, the raw
//! samples, and the state now.
//!
//! The record in the journal is the moment at which an iteration is done. Whatever a crash leaves behind it is
//! cut off when the run is resumed. On a virtual clock nothing waits for the disk: the run is computed again in
//! seconds after a loss of power.

use crate::commands::soak::run::source::Origin;
use crate::ctx::Ctx;
use crate::format::json;
use crate::format::node;
use crate::journal::{self, Durability, Journal};
use crate::judge::gate::GateProfile;
use crate::judge::kpi::KpiDefinition;
use crate::judge::kpi::collector::Collector;
use crate::judge::record::Iteration;
use crate::judge::record::samples::{self, SampleFrame, SeriesKey};
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _};
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

/// `RUN.json`: everything a run depends on.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// `mmops.soak-plan.v1`
    pub(crate) schema: String,
    /// Version of mmops.
    pub(crate) version: String,
    /// Begin of the first window, milliseconds since the epoch.
    pub(crate) started_at_ms: i64,
    /// Number of iterations.
    pub(crate) iterations: u32,
    /// Length of an iteration, seconds.
    pub(crate) iteration_secs: u32,
    /// Distance of two samples, seconds.
    pub(crate) interval_secs: u32,
    /// Whether the figures come from a simulation. Set once, it stays.
    pub(crate) simulated: bool,
    /// Where the figures come from.
    pub(crate) origin: Origin,
    /// The label whose values are judged one by one.
    pub(crate) group_by: Option<String>,
    /// Name of the profile.
    pub(crate) profile_name: String,
    /// The profile as it was.
    pub(crate) profile: GateProfile,
    /// The definitions as they were.
    pub(crate) kpis: BTreeMap<String, KpiDefinition>,
}

impl Plan {
    /// Samples that a window should have.
    pub(crate) fn points(&self) -> u32 {
        self.iteration_secs / self.interval_secs
    }

    /// What makes figures of the samples of the run.
    pub(super) fn collector(&self) -> Collector {
        let kpis = self.kpis.iter().map(|(name, kpi)| (name.clone(), kpi.clone())).collect();
        let interval_ms = i64::from(self.interval_secs) * 1000;
        let mut collector = Collector::new(kpis, self.group_by.clone(), self.origin.word(), interval_ms);
        self.origin.members().iter().for_each(|member| collector.expect_member(member));
        collector
    }

    /// A run on a virtual clock is computed again in seconds.
    fn durability(&self) -> Durability {
        if matches!(self.origin, Origin::Mock { .. }) { Durability::Process } else { Durability::Disk }
    }
}

/// `status.json`: where the run stands.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct StatusFile {
    /// `mmops.soak-status.v1`
    pub(crate) schema: String,
    /// `running`, `finished` or `interrupted`.
    pub(crate) state: String,
    /// Whether the figures come from a simulation.
    pub(crate) simulated: bool,
    /// Iterations done.
    pub(crate) iteration: u32,
    /// Iterations planned.
    pub(crate) iterations: u32,
    /// Seconds until the planned end.
    pub(crate) left_secs: u64,
    /// End of the last window.
    pub(crate) as_of: String,
    /// The gated figures of the last window.
    pub(crate) kpis: BTreeMap<String, StatusKpi>,
}

/// One figure of the last window.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct StatusKpi {
    /// The value; null when it is not known.
    pub(crate) value: Option<f64>,
    /// The condition of its gate.
    pub(crate) condition: String,
    /// Whether the window keeps to it; null when it is not known.
    pub(crate) holds: Option<bool>,
}

/// The directory of a run.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    durability: Durability,
    journal: Journal,
    samples: File,
}

/// What a stopped run has left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) iterations: Vec<Iteration>,
    pub(super) series: Vec<SeriesKey>,
}

impl Store {
    /// Makes the directory of a new run and writes its plan.
    pub(super) fn create(plan: &Plan, ctx: &Ctx) -> anyhow::Result<Self> {
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
        let samples = fsio::append(&dir.join(SAMPLES))?;
        samples.set_len(0).map_err(|error| Fault::write(SAMPLES, &error))?;
        let durability = plan.durability();
        let mut store = Self { durability, journal: new_journal(&dir, durability)?, samples, dir };
        write(&mut store.samples, samples::MAGIC, SAMPLES)?;
        fsio::replace_link(&runs.join(LATEST), &store.dir)?;
        Ok(store)
    }

    /// Opens the directory of a stopped run and cuts off what belongs to no finished iteration. Samples that
    /// are damaged before that are refused: they are the evidence of what is finished.
    pub(super) fn reopen(dir: &Path, plan: &Plan, ctx: &Ctx) -> anyhow::Result<(Self, Left)> {
        let shown = ctx.show(dir);
        let (path, durability) = (dir.join(JOURNAL), plan.durability());
        let (journal, iterations) = match Journal::resume::<(), Iteration>(&path, JOURNAL_SCHEMA, durability)?
        {
            None => (new_journal(dir, durability)?, Vec::new()),
            Some((journal, contents)) => {
                if contents.is_torn {
                    tracing::info!("leaving out the torn last line of `{shown}/{JOURNAL}`");
                }
                (journal, in_order(&path, contents.records)?)
            }
        };
        let done = iterations.last().map_or(0, |iteration| iteration.iteration);
        let mut samples = fsio::append(&dir.join(SAMPLES))?;
        let (series, end) = if done == 0 || length(&mut samples)? < samples::MAGIC.len() as u64 {
            samples.set_len(0).map_err(|error| Fault::write(SAMPLES, &error))?;
            write(&mut samples, samples::MAGIC, SAMPLES)?;
            (Vec::new(), samples::MAGIC.len() as u64)
        } else {
            let mut series = Vec::new();
            let mut keep = samples::MAGIC.len() as u64;
            let mut kept = 0;
            let whole = each_frame(&dir.join(SAMPLES), |frame, end| {
                match frame {
                    SampleFrame::Block(block) if block.iteration > done => return false,
                    SampleFrame::Block(block) => (keep, kept) = (end, kept.max(block.iteration)),
                    // A dictionary belongs to the block after it.
                    SampleFrame::Dictionary(fresh) => series.push((end, fresh)),
                }
                true
            })?;
            if !whole && kept < done {
                let message =
                    format!("`{shown}/{SAMPLES}` is damaged after iteration {kept}, {done} are finished");
                return Err(Fault::config(message)
                    .hint("judge what is there with `mmops soak gate`, or begin a new run")
                    .into());
            }
            let series =
                series.into_iter().filter(|(end, _)| *end <= keep).flat_map(|(_, fresh)| fresh).collect();
            (series, keep)
        };
        samples.set_len(end).map_err(|error| Fault::write(SAMPLES, &error))?;
        let store = Self { dir: dir.to_owned(), durability, journal, samples };
        Ok((store, Left { iterations, series }))
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends frames of raw samples.
    pub(super) fn add_samples(&mut self, frames: &[u8]) -> Result<(), Fault> {
        if frames.is_empty() { Ok(()) } else { write(&mut self.samples, frames, SAMPLES) }
    }

    /// Adds a finished iteration: samples, summary, and then its record in the journal.
    pub(super) fn add(&mut self, iteration: &Iteration, frames: &[u8]) -> Result<(), Fault> {
        self.add_samples(frames)?;
        self.put(&summary_name(iteration.iteration), iteration)?;
        if self.durability == Durability::Disk {
            self.samples.sync_data().map_err(|error| Fault::write(SAMPLES, &error))?;
        }
        self.journal.append(iteration)
    }

    /// Writes where the run stands.
    pub(super) fn put_status(&self, status: &StatusFile) -> Result<(), Fault> {
        fsio::write_volatile(&self.dir.join(STATUS), json::document(status).as_bytes())
    }

    fn put(&self, name: &str, document: &impl Serialize) -> Result<(), Fault> {
        let path = self.dir.join(name);
        let text = json::document(document);
        match self.durability {
            Durability::Disk => fsio::write_atomic(&path, text.as_bytes()),
            Durability::Process => fsio::write_volatile(&path, text.as_bytes()),
        }
    }
}

fn length(file: &mut File) -> Result<u64, Fault> {
    file.seek(SeekFrom::End(0)).map_err(|error| Fault::write("a file of the run", &error))
}

fn write(file: &mut File, bytes: &[u8], name: &str) -> Result<(), Fault> {
    file.write_all(bytes).map_err(|error| Fault::write(format!("`{name}` of the run"), &error))
}

/// Name of the summary of an iteration.
pub(super) fn summary_name(iteration: u32) -> String {
    format!("ITER_SUMMARY_{iteration}.json")
}

/// The plan of a run; `None` when the directory is no run of ours.
pub(super) fn read_plan(dir: &Path) -> anyhow::Result<Option<Plan>> {
    let path = dir.join(PLAN);
    if !fsio::exists(&path)? {
        return Ok(None);
    }
    let (document, _) = json_file::load(&path)?;
    let schema = document.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default();
    if schema != "mmops.soak-plan.v1" {
        return Err(Fault::config(format!("`{}` has the schema `{schema}`", path.display())).into());
    }
    let plan: Plan = node::from_json(document).map_err(|error| error.fault(&path.display().to_string()))?;
    if plan.interval_secs == 0 || plan.iteration_secs < plan.interval_secs {
        return Err(Fault::config(format!("`{}` has no usable interval", path.display())).into());
    }
    Ok(Some(plan))
}

fn new_journal(dir: &Path, durability: Durability) -> Result<Journal, Fault> {
    Journal::create::<Iteration>(&dir.join(JOURNAL), JOURNAL_SCHEMA, &(), &[], durability)
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

/// The samples file of a run.
pub(super) fn samples_path(dir: &Path) -> PathBuf {
    dir.join(SAMPLES)
}

/// Hands every whole frame with the offset of its end to `visit`, until it says false. Returns whether the
/// file ended with a whole frame.
pub(super) fn each_frame(
    path: &Path,
    mut visit: impl FnMut(SampleFrame, u64) -> bool,
) -> anyhow::Result<bool> {
    let unreadable = |error: std::io::Error| fsio::unreadable(path, &error);
    let mut reader = BufReader::with_capacity(1 << 20, fsio::open(path)?);
    let mut magic = vec![0; samples::MAGIC.len()];
    if reader.read_exact(&mut magic).is_err() || magic != samples::MAGIC {
        return Err(Fault::config(format!("`{}` is no file of samples", path.display())).into());
    }
    let mut at = samples::MAGIC.len() as u64;
    let mut buffer = Vec::new();
    loop {
        let mut head = [0; 8];
        buffer.clear();
        match reader.read_exact(&mut head) {
            Ok(()) => buffer.extend(head),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Ok(reader.stream_position().map_err(unreadable)? == at);
            }
            Err(error) => return Err(unreadable(error).into()),
        }
        let length = u64::from(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
        let read = (&mut reader).take(length).read_to_end(&mut buffer).map_err(unreadable)?;
        let Some((frame, size)) = samples::decode(&buffer).filter(|_| read as u64 == length) else {
            return Ok(false);
        };
        at += size as u64;
        if !visit(frame, at) {
            return Ok(true);
        }
    }
}
