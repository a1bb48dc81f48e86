//! `--update`: the actual output becomes the baseline, with a record of who, when and why.
//!
//! Nothing is replaced before every new file lies complete on the disk and the record is written, and either all is
//! replaced or nothing.

use super::arguments::Args;
use super::facts::{Decision, Facts};
use super::pair::{Form, Pair};
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
use std::path::{Path, PathBuf};

const SCHEMA: &str = "mmops.golden-acceptance.v1";

/// Ending of the record that lies beside a baseline that was accepted.
pub(super) const RECORD: &str = ".accepted.json";

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

/// A file that is replaced, added or removed.
struct Step {
    path: PathBuf,
    /// What it is to be; none where it is removed.
    new: Option<AtomicFile>,
    /// What it is, to be put back; none where there is nothing.
    old: Option<AtomicFile>,
}

/// The record beside a baseline without links on the way.
pub(super) fn record_of(baseline: &Path) -> PathBuf {
    fsio::with_ending(baseline, RECORD)
}

/// Whether a file with the name of a record is the record of the file that its name says.
pub(super) fn is_record_beside(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(RECORD));
    let baseline = load(path).ok().map(|record| record.baseline);
    let baseline = baseline.as_deref().and_then(|baseline| Path::new(baseline).file_name()?.to_str());
    name.is_some() && name == baseline
}

/// Refuses a baseline of which its record says what is not so: the newest acceptance did not come to its end.
pub(super) fn refuse_cut_off(args: &Args, ctx: &Ctx) -> Result<(), Fault> {
    let Ok(baseline) = fsio::canonical(&ctx.path(&args.baseline)) else { return Ok(()) };
    match cut_off(&baseline)? {
        None => Ok(()),
        Some(path) => {
            let record = ctx.show(&record_of(&baseline));
            let message =
                format!("`{record}` has an acceptance that was cut off: `{path}` is as it was before it");
            Err(Fault::config(message)
                .hint("accept again with --update, or put the baseline and its record back"))
        }
    }
}

/// The first file that the newest acceptance of a baseline did not come to.
fn cut_off(baseline: &Path) -> Result<Option<String>, Fault> {
    let Ok(record) = load(&record_of(baseline)) else { return Ok(None) };
    let Some(newest) = record.acceptances.last() else { return Ok(None) };
    for change in newest.files.iter().filter(|change| change.before != change.after) {
        let Ok(below) = Path::new(&change.path).strip_prefix(&record.baseline) else { continue };
        let path = if below == Path::new("") { baseline.to_owned() } else { baseline.join(below) };
        let now = if fsio::target_kind(&path)? == FileKind::File { Some(hash(&path)?) } else { None };
        if now == change.before {
            return Ok(Some(change.path.clone()));
        }
    }
    Ok(None)
}

/// Lets nobody read a file that repeats values who may not read the files that they are from.
pub(super) fn limit(
    file: &AtomicFile,
    args: &Args,
    pairs: &[Pair],
    facts: &Facts,
    ctx: &Ctx,
) -> Result<(), Fault> {
    let drifted = pairs.iter().zip(&facts.files).filter(|(_, file)| file.differences() > 0);
    let files = drifted.flat_map(|(pair, _)| [pair.baseline.path.clone(), pair.actual.path.clone()]);
    for path in files.chain([ctx.path(&args.baseline), ctx.path(&args.actual)]) {
        let is_kept = matches!(fsio::target_kind(&path)?, FileKind::File | FileKind::Dir);
        if is_kept {
            file.limit_to(&fsio::metadata(&path)?)?;
        }
    }
    Ok(())
}

impl<'a> Acceptance<'a> {
    /// Opens the record, so that a bad path or an unreadable record is known before the work starts.
    pub(super) fn prepare(args: &'a Args, ctx: &Ctx) -> Result<Self, Fault> {
        if !args.yes && !prompt::is_possible() {
            let message = "--update asks before it replaces the baseline, and there is nobody to ask";
            return Err(Fault::usage(message).hint("look at the drift without --update, then add --yes"));
        }
        let baseline = fsio::canonical(&ctx.path(&args.baseline))?;
        let target = record_of(&baseline);
        // A directory is locked rather than a file, of which a new one will take the place.
        let is_dir = fsio::existing_kind(&baseline)? == FileKind::Dir;
        let lock = ctx.lock_dir(if is_dir { &baseline } else { baseline.parent().unwrap_or(&baseline) })?;
        let shown = args.baseline.display().to_string();
        let record = if fsio::exists(&target)? {
            // Changes are named below the baseline as it is named now.
            Record { baseline: shown, ..load(&target)? }
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
            if !prompt::confirm(&format!("{}\n{question}", listed.join("\n")), &ctx.cancel)? {
                return Ok(Decision::Declined);
            }
        }
        limit(&self.pending, self.args, pairs, facts, ctx)?;
        let record = self.pending.target().to_owned();
        let mut steps = Vec::new();
        let mut files = Vec::new();
        for pair in &drifted {
            ctx.check_cancelled()?;
            let path = pair.baseline.path.clone();
            let copied = |from: &Path, is_there: bool| is_there.then(|| copy_of(from, &path)).transpose();
            let (old, before) = copied(&pair.baseline.path, pair.form != Form::Extra)?.unzip();
            let (new, after) = copied(&pair.actual.path, pair.form != Form::Missing)?.unzip();
            files.push(Change { path: pair.baseline.name.clone(), before, after });
            steps.push(Step { path, new, old });
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
        self.pending.write(json::document(&self.record).as_bytes())?;
        let old = if fsio::exists(&record)? { Some(copy_of(&record, &record)?.0) } else { None };
        let shown = ctx.show(&record);
        // The record comes first: of a run that is killed it says which files were to be replaced.
        steps.insert(0, Step { path: record, new: Some(self.pending), old });
        for located in drifted.iter().flat_map(|pair| [&pair.baseline, &pair.actual]) {
            let now = fsio::metadata(&located.path).ok().map(|found| FileId::of(&found));
            if located.id != now {
                let message = format!("`{}` changed while it was compared", located.name);
                return Err(Fault::config(message).hint("run it again when nobody writes the file"));
            }
        }
        replace(steps)?;
        Ok(Decision::Accepted(shown))
    }
}

/// Does all steps or none: where one fails, what was done before it is put back.
fn replace(steps: Vec<Step>) -> Result<(), Fault> {
    let id = |path: &Path| fsio::metadata(path).ok().map(|found| FileId::of(&found));
    let mut done = Vec::new();
    for Step { path, new, old } in steps {
        let before = id(&path);
        let result = match new {
            Some(new) => new.commit(),
            None => remove(&path),
        };
        done.push((path, old, before));
        let Err(fault) = result else { continue };
        // What failed may have its name all the same.
        for (path, old, _) in done.into_iter().rev().filter(|(path, _, before)| id(path) != *before) {
            let back = old.map_or_else(|| remove(&path), AtomicFile::commit);
            if let Err(fault) = back {
                tracing::error!("`{}` is not as it was before: {fault}", path.display());
            }
        }
        return Err(fault);
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), Fault> {
    fsio::remove(path).map_err(|error| Fault::write(format!("`{}`", path.display()), &error))
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

/// Copies a file to where it may take the place of `target`, with its digest.
fn copy_of(from: &Path, target: &Path) -> Result<(AtomicFile, String), Fault> {
    let mut source = fsio::open(from)?;
    let mut pending = AtomicFile::create(target)?;
    let mut hasher = Digest::default();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read =
            uninterrupted(|| source.read(&mut buffer)).map_err(|error| fsio::unreadable(from, &error))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        let written = pending.file().write_all(&buffer[..read]);
        written.map_err(|error| Fault::write(format!("`{}`", target.display()), &error))?;
    }
    pending.sync()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_file_cannot_be_replaced_all_stay_as_they_were() {
        let dir = fsio::scratch_dir("accept").expect("a directory");
        let path = |name: &str| dir.path().join(name);
        for (name, text) in
            [("record", "old"), ("a", "old"), ("gone", "old"), ("b", "old"), ("c", "old"), ("new", "new")]
        {
            fsio::write_atomic(&path(name), text.as_bytes()).expect("written");
        }
        let copy = |name: &str, to: &str| copy_of(&path(name), &path(to)).expect("copied").0;
        let replaced =
            |to: &str| Step { path: path(to), new: Some(copy("new", to)), old: Some(copy(to, to)) };
        let steps = vec![
            replaced("record"),
            replaced("a"),
            Step { path: path("gone"), new: None, old: Some(copy("gone", "gone")) },
            Step { path: path("added"), new: Some(copy("new", "added")), old: None },
            replaced("b"),
            replaced("c"),
        ];
        // Nothing takes the name of a directory.
        remove(&path("b")).expect("removed");
        fsio::create_dir(&path("b")).expect("created");
        let _ = replace(steps).expect_err("refused");
        for name in ["record", "a", "gone", "c"] {
            assert_eq!(fsio::read(&path(name)).expect("there"), b"old", "{name}");
        }
        assert_eq!(fsio::kind(&path("added")).expect("known"), FileKind::Missing);
        let names = fsio::list(dir.path()).expect("listed");
        assert_eq!(names.len(), 6, "{names:?}");
    }
}
