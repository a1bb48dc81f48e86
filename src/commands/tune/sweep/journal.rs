//! Finished candidates of a sweep that is still running, one JSON line each behind a line that says
//! which inputs they belong to. It outlives a stopped process and goes away with the finished report.

use crate::commands::tune::choose::document::CandidateFigures;
use crate::commands::tune::paths::beside;
use crate::ctx::Ctx;
use crate::evidence::stamp::{Stamp, StampClock};
use crate::report::exit::Fault;
use crate::sys::fsio;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const SCHEMA: &str = "mmops.param-sweep-journal.v1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: String,
    inputs_sha256: String,
    /// When the first of the candidates may have been measured.
    started_at: String,
    /// Which clock made the stamp; absent for the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<StampClock>,
}

/// The journal of a report.
pub(super) fn path(output: &Path) -> PathBuf {
    beside(output, "journal.jsonl")
}

/// Removes a journal whose report is written.
pub(super) fn discard(path: &Path) -> Result<(), Fault> {
    fsio::remove(path).map_err(|error| Fault::write(format!("`{}`", path.display()), &error))
}

/// The finished candidates of a stopped sweep of the same inputs, and when it began. A last line that was torn by the stop
/// is left out; anything else that does not read is refused.
pub(super) fn read(
    path: &Path,
    inputs_sha256: &str,
    ctx: &Ctx,
) -> Result<Option<(Vec<CandidateFigures>, Stamp)>, Fault> {
    let shown = ctx.show(path);
    if !fsio::exists(path)? {
        tracing::info!("nothing to resume: there is no `{shown}`");
        return Ok(None);
    }
    let text = fsio::read_text(path)?;
    let refuse = |line: usize, problem: &str| {
        Fault::config(format!("failed to resume from `{shown}:{line}`: {problem}"))
            .hint("run without --resume to start anew")
    };
    // Only a line with its end was written whole.
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    if whole.len() < text.len() {
        tracing::info!("leaving out the torn last line of `{shown}`");
    }
    let mut lines = whole.lines().enumerate();
    let Some((_, first)) = lines.next() else {
        tracing::info!("nothing to resume: `{shown}` is empty");
        return Ok(None);
    };
    let head: Head = serde_json::from_str(first).map_err(|error| refuse(1, &error.to_string()))?;
    if head.schema != SCHEMA {
        return Err(refuse(1, &format!("schema `{}`", head.schema)));
    }
    if head.inputs_sha256 != inputs_sha256 {
        return Err(refuse(1, "it belongs to other inputs (grid, limits, feeds, fees, latency or version)"));
    }
    let begun = Stamp { clock: head.clock, finished_at: head.started_at };
    begun.check(ctx.clock.now(), ctx.clock.is_frozen()).map_err(|problem| refuse(1, &problem))?;
    let mut done: Vec<CandidateFigures> = Vec::new();
    let mut known = BTreeSet::new();
    for (number, line) in lines {
        let measurement: CandidateFigures =
            serde_json::from_str(line).map_err(|error| refuse(number + 1, &error.to_string()))?;
        if !known.insert(measurement.index) {
            return Err(refuse(number + 1, &format!("candidate {} stands there twice", measurement.index)));
        }
        done.push(measurement);
    }
    tracing::info!("resuming with {} finished candidates from `{shown}`", done.len());
    Ok(Some((done, begun)))
}

/// A journal that is being written.
pub(super) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// Starts the journal anew with what is known already.
    pub(super) fn start(
        path: &Path,
        inputs_sha256: &str,
        begun: Stamp,
        done: &[CandidateFigures],
        ctx: &Ctx,
    ) -> anyhow::Result<Self> {
        if done.is_empty() && fsio::exists(path)? {
            tracing::info!("starting anew over `{}`", ctx.show(path));
        }
        let Stamp { clock, finished_at: started_at } = begun;
        let (schema, inputs_sha256) = (SCHEMA.to_owned(), inputs_sha256.to_owned());
        let head = Head { schema, inputs_sha256, started_at, clock };
        let mut text = serde_json::to_string(&head)? + "\n";
        for measurement in done {
            text += &serde_json::to_string(measurement)?;
            text.push('\n');
        }
        fsio::write_atomic(path, text.as_bytes())?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(fsio::append(path)?) })
    }

    /// Adds a finished candidate: one write, so that a stop tears at most the last line.
    pub(super) fn add(&self, measurement: &CandidateFigures) -> anyhow::Result<()> {
        let line = serde_json::to_string(measurement)? + "\n";
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = file.write_all(line.as_bytes());
        Ok(written.map_err(|error| Fault::write(format!("`{}`", self.path.display()), &error))?)
    }
}
