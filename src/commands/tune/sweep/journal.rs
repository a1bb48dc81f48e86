//! Finished candidates of a sweep that is still running, bound to the inputs they belong to. They outlive a
//! stopped process and go away with the finished report.

use crate::commands::tune::choose::document::CandidateFigures;
use crate::ctx::Ctx;
use crate::evidence::age::{Age, AgeSource, EvidencePolicy, display, judge_age};
use crate::evidence::header::{self, Header};
use crate::journal::{self, Durability};
use crate::report::exit::Fault;
use crate::report::maker::ClockKind;
use crate::sys::fsio;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const SCHEMA: &str = "mmops.param-sweep-journal.v2";

/// What the candidates belong to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    inputs_sha256: String,
    /// When the first of the candidates may have been measured.
    #[serde(deserialize_with = "header::time_field")]
    started_at: Timestamp,
    /// The clock behind it.
    clock: ClockKind,
}

/// The journal of a report.
pub(super) fn path(output: &Path) -> PathBuf {
    output.with_extension("journal.jsonl")
}

/// Removes a journal whose report is written.
pub(super) fn discard(path: &Path) -> Result<(), Fault> {
    fsio::remove(path).map_err(|error| Fault::write(format!("`{}`", path.display()), &error))
}

/// The finished candidates of a stopped sweep of the same inputs, and when it began.
pub(super) fn read(
    path: &Path,
    inputs_sha256: &str,
    ctx: &Ctx,
) -> Result<Option<(Vec<CandidateFigures>, Header)>, Fault> {
    let shown = ctx.show(path);
    let anew = |fault: Fault| fault.hint("run without --resume to start anew");
    let found = journal::read::<Context, CandidateFigures>(path, SCHEMA).map_err(anew)?;
    let Some(journal::Contents { context, records: done, is_torn }) = found else {
        tracing::info!("nothing to resume: there is no finished candidate in `{shown}`");
        return Ok(None);
    };
    if is_torn {
        tracing::info!("leaving out the torn last line of `{shown}`");
    }
    let refuse = |problem: &str| anew(Fault::config(format!("failed to resume from `{shown}`: {problem}")));
    if context.inputs_sha256 != inputs_sha256 {
        return Err(refuse("it belongs to other inputs (grid, limits, feeds, fees, latency or version)"));
    }
    let Context { started_at, clock, .. } = context;
    let begun = Header { clock, ..Header::default() }.or_made_at(started_at);
    refuse_future(&begun, ctx).map_err(|problem| refuse(&problem))?;
    let mut known = BTreeSet::new();
    if let Some(twice) = done.iter().find(|measurement| !known.insert(measurement.index)) {
        return Err(refuse(&format!("candidate {} stands there twice", twice.index)));
    }
    tracing::info!("resuming with {} finished candidates from `{shown}`", done.len());
    Ok(Some((done, begun)))
}

/// What is wrong with the time of a part, before it is lost among those of the others. A time that tells no age
/// stays so in the whole.
pub(super) fn refuse_future(part: &Header, ctx: &Ctx) -> Result<(), String> {
    match judge_age(part, AgeSource::Header, Duration::MAX, &EvidencePolicy::new(&ctx.maker(), true)) {
        Age::Future { ahead } => Err(format!("clock: its time is {} in the future", display(ahead))),
        Age::Fresh { .. } | Age::Stale { .. } | Age::Frozen | Age::Untold => Ok(()),
    }
}

/// A journal that is being written by the threads of a sweep.
pub(super) struct Journal(Mutex<journal::Journal>);

impl Journal {
    /// Starts the journal anew with what is known already.
    pub(super) fn start(
        path: &Path,
        inputs_sha256: &str,
        begun: &Header,
        done: &[CandidateFigures],
        ctx: &Ctx,
    ) -> Result<Self, Fault> {
        if done.is_empty() && fsio::exists(path)? {
            tracing::info!("starting anew over `{}`", ctx.show(path));
        }
        let started_at = begun.made_at.unwrap_or_default();
        let context = Context { inputs_sha256: inputs_sha256.to_owned(), started_at, clock: begun.clock };
        // What a loss of power takes is measured again.
        let journal = journal::Journal::create(path, SCHEMA, &context, done, Durability::Process)?;
        Ok(Self(Mutex::new(journal)))
    }

    /// Adds a finished candidate.
    pub(super) fn add(&self, measurement: &CandidateFigures) -> Result<(), Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(measurement)
    }
}
