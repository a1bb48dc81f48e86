//! `--update`: the actual output becomes the baseline, with a record of who, when and why.
//!
//! Nothing is replaced before every new file lies complete on the disk and the record is written.

use super::arguments::Args;
use super::facts::{Decision, Facts};
use super::pair::{Form, Pair};
use super::pairs::RECORD;
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::hash::{self, Digest};
use crate::format::json;
use crate::format::json::typed;
use crate::format::uninterrupted;
use crate::report::exit::Fault;
use crate::report::maker::ClockKind;
use crate::sys::fsio::{self, AtomicFile, FileId, FileKind};
use crate::sys::lock::Lock;
use crate::sys::{env, prompt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use std::path::Path;

const SCHEMA: &str = "mmops.golden-acceptance.v1";

/// Every acceptance of a baseline, the newest last.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// Of the newest acceptance.
    #[serde(flatten)]
    header: Header,
    /// The baseline.
    baseline: String,
    /// What was accepted, the newest last.
    acceptances: Vec<Accepted>,
}

/// One acceptance.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Accepted {
    /// Who.
    who: String,
    /// When, RFC 3339 UTC.
    when: String,
    /// Why.
    why: String,
    /// Where the new output came from.
    actual: String,
    /// How many differences there were.
    differences: u64,
    /// The differences that were shown.
    listed: Vec<String>,
    /// What became of each file.
    files: Vec<Change>,
    /// The clock behind `when`.
    #[serde(default)]
    clock: ClockKind,
}

/// A file of the baseline that was replaced, added or removed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The file.
    path: String,
    /// SHA-256 before; absent for a new file.
    before: Option<String>,
    /// SHA-256 after; absent for a removed file.
    after: Option<String>,
}

/// An acceptance that may follow the comparison.
pub(super) struct Acceptance<'a> {
    args: &'a Args,
    record: Record,
    pending: AtomicFile,
    _lock: Lock,
}

impl<'a> Acceptance<'a> {
    /// Opens the record, so that a bad path or an unreadable record is known before the work starts.
    pub(super) fn prepare(args: &'a Args, ctx: &Ctx) -> Result<Self, Fault> {
        if !args.yes && !prompt::is_possible() {
            let message = "--update asks before it replaces the baseline, and there is nobody to ask";
            return Err(Fault::usage(message).hint("look at the drift without --update, then add --yes"));
        }
        let baseline = fsio::canonical(&ctx.path(&args.baseline))?;
        let mut name = baseline.file_name().unwrap_or_default().to_owned();
        name.push(RECORD);
        let target = baseline.with_file_name(name);
        // A directory is locked rather than a file, of which a new one will take the place.
        let is_dir = fsio::existing_kind(&baseline)? == FileKind::Dir;
        let lock = ctx.lock_dir(if is_dir { &baseline } else { baseline.parent().unwrap_or(&baseline) })?;
        let shown = args.baseline.display().to_string();
        let record = if fsio::exists(&target)? {
            load(&target)?
        } else {
            Record { header: Header::new(SCHEMA, ctx.maker()), baseline: shown, acceptances: Vec::new() }
        };
        Ok(Self { args, record, pending: AtomicFile::create(&target)?, _lock: lock })
    }

    /// Shows the drift, asks, and replaces the baseline.
    pub(super) fn decide(mut self, pairs: &[Pair], facts: &Facts, ctx: &Ctx) -> Result<Decision, Fault> {
        if let Some(reason) = facts.fault() {
            return Err(Fault::config(format!("nothing is accepted while a file cannot be read: {reason}")));
        }
        let drifted = pairs.iter().zip(&facts.files).filter(|(_, file)| file.differences() > 0);
        let drifted: Vec<&Pair> = drifted.map(|(pair, _)| pair).collect();
        if drifted.is_empty() {
            tracing::info!("nothing drifted, so there is nothing to accept");
            return Ok(Decision::Needless);
        }
        let listed = facts.lines();
        if !self.args.yes {
            let question = format!("Replace {} file(s) of `{}`?", drifted.len(), self.record.baseline);
            // Whoever is asked sees the drift, however quiet the rest of the run is.
            if !prompt::confirm(&format!("{}\n{question}", listed.join("\n")))? {
                return Ok(Decision::Declined);
            }
        }
        let mut copies = Vec::new();
        let mut removals = Vec::new();
        let mut files = Vec::new();
        for pair in drifted {
            ctx.check_cancelled()?;
            let before = if pair.form == Form::Extra { None } else { Some(hash(&pair.baseline.path)?) };
            let after = if pair.form == Form::Missing {
                removals.push(pair.baseline.path.clone());
                None
            } else {
                let (pending, hash) = copy(pair)?;
                copies.push(pending);
                Some(hash)
            };
            files.push(Change { path: pair.baseline.name.clone(), before, after });
        }
        let header = Header::new(SCHEMA, ctx.maker());
        self.record.acceptances.push(Accepted {
            who: self.args.by.clone().unwrap_or_else(user),
            when: ctx.clock.stamp_utc(),
            why: self.args.reason.clone().unwrap_or_default(),
            actual: self.args.actual.display().to_string(),
            differences: facts.differences(),
            listed,
            files,
            clock: header.clock,
        });
        self.record.header = header;
        let target = ctx.show(self.pending.target());
        self.pending.finish(json::document(&self.record).as_bytes())?;
        for pending in copies {
            pending.commit()?;
        }
        for path in removals {
            fsio::remove(&path).map_err(|error| Fault::write(format!("`{}`", path.display()), &error))?;
        }
        Ok(Decision::Accepted(target))
    }
}

fn load(path: &Path) -> Result<Record, Fault> {
    let bad = |reason: String| {
        Fault::config(format!("`{}` is not a record of acceptances: {reason}", path.display()))
    };
    let record: Record = typed::read(&fsio::read_text(path)?).map_err(|error| bad(error.to_string()))?;
    let schema = &record.header.schema;
    if schema == SCHEMA { Ok(record) } else { Err(bad(format!("its schema is `{schema}`"))) }
}

fn hash(path: &Path) -> Result<String, Fault> {
    let hashed = hash::sha256_reader(fsio::open(path)?);
    hashed.map(|(hash, _)| hash).map_err(|error| fsio::unreadable(path, &error))
}

/// Copies the actual file beside the baseline, and makes sure that it is still the one that was compared.
fn copy(pair: &Pair) -> Result<(AtomicFile, String), Fault> {
    let unreadable = |error| fsio::unreadable(&pair.actual.path, &error);
    let mut source = fsio::open(&pair.actual.path)?;
    let mut pending = AtomicFile::create(&pair.baseline.path)?;
    let mut hasher = Digest::default();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = uninterrupted(|| source.read(&mut buffer)).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        let written = pending.file().write_all(&buffer[..read]);
        written.map_err(|error| Fault::write(format!("`{}`", pair.baseline.name), &error))?;
    }
    if pair.actual.id != Some(FileId::of(&fsio::metadata(&pair.actual.path)?)) {
        let message = format!("`{}` changed while it was compared", pair.actual.name);
        return Err(Fault::config(message).hint("run it again when nobody writes the file"));
    }
    Ok((pending, hasher.hex()))
}

/// The user who runs the command, by name where the system knows one.
fn user() -> String {
    let id = env::user_id().to_string();
    let known = fsio::read_text(Path::new("/etc/passwd")).unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {id}"))
}
