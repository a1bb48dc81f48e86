//! The archive that is made before anything is removed: a ZIP whose members are hashed while they are
//! written, whose manifest names every one of them, and which is read back and verified before it gets
//! its name.

use super::facts::ArchiveBody;
use super::path_text::PathText;
use super::retention::pattern::ARCHIVE_PREFIX;
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::hash;
use crate::format::json;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, AtomicFile, Temporary};
use crate::sys::tree::Tree;
use crate::sys::tree::remove::{RemoveError, Remover};
use rustix::fs::{Mode, fchmod, fstat};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Name of the manifest inside the archive.
pub(super) const MANIFEST: &str = "MMOPS-ROTATION-MANIFEST.json";

/// Name of an archive that is being written; locked, so that one left by a killed rotation can be told.
const TEMPORARY: Temporary = Temporary { prefix: ".mmops-rotation-", suffix: ".partial", mode: 0o644 };

/// Most archives whose names carry the same second.
const MOST_OF_ONE_SECOND: u32 = 9999;

const SCHEMA: &str = "mmops.rotation-archive.v1";

/// A manifest is packed to a tenth of its size at best, as half of it is hashes; one that claims more than this
/// many times the bytes that it takes is a forgery that would fill the memory.
const MOST_RATIO: u64 = 32;

/// What is longer is named in the manifest alone.
const LONGEST_NAME: usize = 32 * 1024;

/// Start of the archive's comment; the manifest's SHA-256 follows.
const COMMENT: &str = "mmops rotation archive v1, manifest sha256 ";

/// What the manifest says.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    #[serde(flatten)]
    header: Header,
    /// When the archive was made.
    pub(super) created_utc: String,
    /// The files, sorted by member name.
    pub(super) members: Vec<Entry>,
}

/// One archived file.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Size.
    pub(super) bytes: u64,
    /// What it was.
    pub(super) kind: Kind,
    /// Name in the archive.
    pub(super) member: String,
    /// Time of the last write, in nanoseconds since 1970.
    pub(super) modified_ns: i64,
    /// Path relative to the root that was rotated, in hexadecimal when it is no UTF-8.
    pub(super) path: PathText,
    /// Permission bits.
    pub(super) permissions: u32,
    /// The root that was rotated, relative to the working root or absolute.
    pub(super) root: String,
    /// SHA-256 of the content, or of the target of a link.
    pub(super) sha256: String,
    /// Whether the original was left in place because it changed meanwhile.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) stays: bool,
}

/// What an archived file was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A symbolic link; its content is the target.
    Link,
}

/// What archiving came to: the archive, unless there was nothing to put into it, and the files that
/// must stay.
#[derive(Debug, Default)]
pub(super) struct Archived {
    pub(super) archive: Option<ArchiveBody>,
    pub(super) stay: BTreeMap<u32, RemoveError>,
}

/// Archives `going`, which is sorted by path, into a new file in `dir`.
pub(super) fn write(dir: &Path, tree: &Tree, going: &[u32], ctx: &Ctx) -> anyhow::Result<Archived> {
    fsio::create_dir(dir)?;
    let mut unfinished = AtomicFile::create_locked(dir, TEMPORARY)?;
    let shown = ctx.show(dir);
    let fail = |error: zip::result::ZipError| write_fault(&shown, error);
    if let Some(root) = tree.roots.iter().find(|root| root.name.contains(char::REPLACEMENT_CHARACTER)) {
        let message = format!("`{}` cannot be archived: its name is not UTF-8", root.name);
        return Err(Fault::config(message).into());
    }
    // Nobody may read in the archive what they may not read in the tree; until that is known, nobody else may at all.
    let mut allowed = fstat(unfinished.file())
        .map(|stat| stat.st_mode & 0o777)
        .map_err(|error| fail(io::Error::from(error).into()))?;
    fchmod(unfinished.file(), Mode::from_raw_mode(0o600))
        .map_err(|error| fail(io::Error::from(error).into()))?;
    let mut archived = Archived::default();
    let mut entries = Vec::new();
    let mut names = BTreeSet::from([MANIFEST.to_owned()]);
    let out = BufWriter::with_capacity(1 << 18, unfinished.file());
    // Dropped, as after an error, it would complete the archive.
    let mut zip = ManuallyDrop::new(ZipWriter::new(out));
    let mut remover = Remover::new(tree);
    for &file in going {
        ctx.check_cancelled()?;
        let root = &tree.roots[tree.root_of(file)].name;
        let member = unused(&mut names, &member_name(root, &tree.path(file)));
        let source = if tree.is_link(file) {
            remover.link_target(file).map(Source::Link)
        } else {
            remover.open(file).map(Source::File)
        };
        let source = match source {
            Ok(source) => source,
            Err(refusal) => {
                archived.stay.insert(file, refusal);
                continue;
            }
        };
        let (entry, refusal) = add(&mut zip, tree, file, member, source, &remover).map_err(fail)?;
        archived.stay.extend(refusal.map(|refusal| (file, refusal)));
        if entry.kind == Kind::File {
            allowed &= entry.permissions & remover.access();
        }
        entries.push(entry);
    }
    let manifest = Manifest {
        header: Header::new(SCHEMA, ctx.maker()),
        created_utc: ctx.clock.stamp_utc(),
        members: entries,
    };
    let text = json::document(&manifest);
    zip.start_file(MANIFEST, options(0)).map_err(fail)?;
    zip.write_all(text.as_bytes()).map_err(|error| fail(error.into()))?;
    zip.set_comment(format!("{COMMENT}{}", hash::sha256(text.as_bytes()))).map_err(fail)?;
    let mut out = ManuallyDrop::into_inner(zip).finish().map_err(fail)?;
    out.flush().map_err(|error| fail(error.into()))?;
    drop(out);
    let mode = Mode::from_raw_mode(allowed | 0o600);
    fchmod(unfinished.file(), mode).map_err(|error| fail(io::Error::from(error).into()))?;
    unfinished.sync()?;
    if manifest.members.is_empty() {
        return Ok(archived);
    }
    let stem = format!("{ARCHIVE_PREFIX}{}", ctx.clock.stamp().strftime("%Y%m%dT%H%M%SZ"));
    let (sha256, bytes) = verify(unfinished.reread()?, &format!("{shown}/{stem}.zip"), &manifest)?;
    let names = (1..=MOST_OF_ONE_SECOND).map(|count| match count {
        1 => format!("{stem}.zip"),
        _ => format!("{stem}-{count}.zip"),
    });
    let path = unfinished.commit_as(names)?;
    let path =
        path.ok_or_else(|| Fault::config(format!("`{shown}` has too many archives called `{stem}`")))?;
    let (path, members) = (ctx.show(&path), manifest.members.len() as u64);
    archived.archive = Some(ArchiveBody { path, sha256, bytes, members });
    Ok(archived)
}

fn write_fault(shown: &str, error: zip::result::ZipError) -> anyhow::Error {
    let what = format!("an archive in `{shown}`");
    match error {
        zip::result::ZipError::Io(error) => Fault::write(what, &error).into(),
        other => anyhow::anyhow!("failed to write {what}: {other}"),
    }
}

/// Times in the archive are fixed; the manifest has the real ones, to the nanosecond.
fn options(bytes: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(bytes >= u64::from(u32::MAX))
}

/// What is put into the archive.
enum Source {
    File(File),
    /// The target of a link.
    Link(Vec<u8>),
}

fn add<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    tree: &Tree,
    file: u32,
    member: String,
    source: Source,
    remover: &Remover<'_>,
) -> zip::result::ZipResult<(Entry, Option<RemoveError>)> {
    let id = tree.file_id(file);
    zip.start_file(&member, options(id.bytes))?;
    let (kind, permissions, (sha256, bytes), refusal) = match source {
        Source::Link(target) => (Kind::Link, 0, hash::copy(&*target, zip)?, None),
        Source::File(opened) => {
            let permissions = opened.metadata()?.mode() & 0o777;
            let mut readable = Readable { file: &opened, error: None };
            let copied = hash::copy(&mut readable, zip)?;
            // Written to while it was read: what was copied is kept, and so is the original.
            let is_changed = copied.1 != id.bytes || remover.check(file, &opened).is_err();
            let changed = is_changed.then_some(RemoveError::Changed);
            (Kind::File, permissions, copied, readable.error.map(RemoveError::Failed).or(changed))
        }
    };
    let stays = refusal.is_some();
    let entry = Entry {
        bytes,
        kind,
        member,
        modified_ns: id.modified_ns,
        path: PathText::of(&tree.path(file)),
        permissions,
        root: tree.roots[tree.root_of(file)].name.clone(),
        sha256,
        stays,
    };
    Ok((entry, refusal))
}

/// Reads a file as far as its disk gives it: what it does not give keeps this file where it is and no other.
struct Readable<'a> {
    file: &'a File,
    error: Option<io::Error>,
}

impl Read for Readable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.file.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.error = Some(error);
                Ok(0)
            }
            read => read,
        }
    }
}

/// The name of a file in an archive: its root as shown, and its path; bytes that are no text are
/// replaced by a hexadecimal form that no other name has.
fn member_name(root: &str, path: &Path) -> String {
    let tail = path.to_str().map_or_else(
        || {
            let bytes = path.as_os_str().as_bytes();
            format!("not-utf8-{}", hash::sha256(bytes))
        },
        str::to_owned,
    );
    // A name in the archive has at most 64 KiB.
    let tail = if tail.len() > LONGEST_NAME { format!("long-{}", hash::sha256(tail)) } else { tail };
    let root = root.trim_start_matches('/');
    if root == "." { tail } else { format!("{root}/{tail}") }
}

/// A name like `name` that no member has: roots inside and outside the working root may look alike, and a
/// file may be called as the manifest is.
fn unused(names: &mut BTreeSet<String>, name: &str) -> String {
    let mut unused = name.to_owned();
    let mut count = 2_u64;
    while !names.insert(unused.clone()) {
        unused = format!("{name}~{count}");
        count += 1;
    }
    unused
}

/// Reads an archive from its start and compares it with what it should hold; returns the SHA-256 and
/// the size of the whole file.
fn verify(mut file: File, shown: &str, expected: &Manifest) -> anyhow::Result<(String, u64)> {
    let whole = hash::sha256_reader(&file).map_err(|error| fsio::unreadable(Path::new(shown), &error))?;
    file.seek(SeekFrom::Start(0)).map_err(|error| fsio::unreadable(Path::new(shown), &error))?;
    let mut stored = Stored::open(file, shown)?;
    let manifest = stored.manifest()?;
    let same = serde_json::to_value(&manifest)? == serde_json::to_value(expected)?;
    let damage = if same { stored.damage(&manifest) } else { vec!["the manifest differs".to_owned()] };
    if let Some(first) = damage.first() {
        let message = format!("the archive just written to `{shown}` does not read back: {first}");
        return Err(Fault::dependency(message).hint("nothing was removed; check the disk").into());
    }
    Ok(whole)
}

/// An archive that is being read.
pub(super) struct Stored {
    zip: ZipArchive<BufReader<File>>,
    shown: String,
}

impl Stored {
    /// Opens an archive that a rotation made.
    pub(super) fn open(file: File, shown: &str) -> Result<Self, Fault> {
        let zip = ZipArchive::new(BufReader::with_capacity(1 << 17, file));
        let zip =
            zip.map_err(|error| Fault::config(format!("`{shown}` is not a readable archive: {error}")))?;
        Ok(Self { zip, shown: shown.to_owned() })
    }

    /// The manifest, after comparing it with the hash in the archive's comment.
    pub(super) fn manifest(&mut self) -> Result<Manifest, Fault> {
        let refuse = |why: &str| Fault::config(format!("`{}` is not a rotation archive: {why}", self.shown));
        let comment = String::from_utf8_lossy(self.zip.comment()).into_owned();
        let Some(sha256) = comment.strip_prefix(COMMENT) else {
            return Err(refuse("its comment is not that of one"));
        };
        let mut text = String::new();
        let read = match self.zip.by_name(MANIFEST) {
            Ok(member) if member.size() / MOST_RATIO > member.compressed_size() => {
                return Err(refuse(&format!("`{MANIFEST}` would take {} bytes", member.size())));
            }
            Ok(member) => {
                let size = member.size();
                member.take(size.saturating_add(1)).read_to_string(&mut text).map(|_| ())
            }
            Err(error) => return Err(refuse(&format!("`{MANIFEST}`: {error}"))),
        };
        if let Err(error) = read {
            return Err(refuse(&format!("`{MANIFEST}` cannot be read: {error}")));
        }
        if hash::sha256(text.as_bytes()) != sha256 {
            return Err(refuse("the manifest does not have the hash in the comment"));
        }
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| refuse(&format!("`{MANIFEST}`: {error}")))?;
        if manifest.header.schema != SCHEMA {
            let schema = &manifest.header.schema;
            return Err(refuse(&format!("`{MANIFEST}` has the schema `{schema}` instead of `{SCHEMA}`")));
        }
        if manifest.members.is_empty() {
            return Err(refuse("it has no member"));
        }
        Ok(manifest)
    }

    /// What of the manifest the archive does not hold, or holds differently.
    pub(super) fn damage(&mut self, manifest: &Manifest) -> Vec<String> {
        let mut damage = Vec::new();
        for entry in &manifest.members {
            match self.read(entry, io::sink()) {
                Ok((sha256, bytes)) if sha256 == entry.sha256 && bytes == entry.bytes => {}
                Ok(_) => damage.push(format!("`{}` does not have its recorded content", entry.member)),
                Err(error) => damage.push(format!("`{}`: {error}", entry.member)),
            }
        }
        let expected = manifest.members.len() + 1;
        if self.zip.len() != expected {
            damage.push(format!("it has {} members instead of {expected}", self.zip.len()));
        }
        damage
    }

    /// Copies a member to `to`; returns its SHA-256 and size. Not a byte more than recorded and one is
    /// unpacked, so that a forged member cannot fill the disk.
    pub(super) fn read(&mut self, entry: &Entry, to: impl Write) -> io::Result<(String, u64)> {
        let member = self.zip.by_name(&entry.member).map_err(io::Error::other)?;
        hash::copy(member.take(entry.bytes.saturating_add(1)), to)
    }
}
