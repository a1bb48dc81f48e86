//! What lies in the place of an artifact: a file, the newest file of a glob or below a directory, or none.

use super::large;
use crate::commands::cron_sentinel::assertion::Assertion;
use crate::commands::cron_sentinel::judge::{Content, Found};
use crate::commands::cron_sentinel::task::{FINISHED_AT, STARTED_AT, Task};
use crate::ctx::Ctx;
use crate::format::json::tokens::JsonError;
use crate::format::json::typed;
use crate::format::node::{Dialect, Node, Tree};
use crate::format::unfinished::is_unfinished;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use globset::GlobBuilder;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Larger artifacts are not held in memory: they are validated and asked for their times, and not looked
/// into any further.
const LARGEST_CONTENT_BYTES: u64 = 64 << 20;

/// Where a JSON artifact has its times unless the task names other places.
const USUAL_TIMES: [&str; 2] = [STARTED_AT, FINISHED_AT];

/// Finds artifacts; a directory is listed once, however many globs look into it.
pub(super) struct Finder<'a> {
    ctx: &'a Ctx,
    listings: BTreeMap<(PathBuf, usize), Listing>,
}

/// The files below a directory, or why it cannot be listed.
type Listing = Result<Files, String>;

/// Files, relative to their directory.
#[derive(Default)]
struct Files {
    /// Sorted.
    names: Vec<String>,
    /// Those whose names are no UTF-8.
    odd: Vec<PathBuf>,
}

/// A file that may be the artifact.
struct Candidate {
    modified: Timestamp,
    path: PathBuf,
    bytes: u64,
}

/// What of a directory is the artifact.
#[derive(Default)]
struct Newest {
    found: Option<Candidate>,
    /// One of those that match and are still being written.
    unfinished: Option<String>,
}

impl Newest {
    fn of(found: Candidate) -> Self {
        Self { found: Some(found), unfinished: None }
    }
}

impl<'a> Finder<'a> {
    pub(super) fn new(ctx: &'a Ctx) -> Self {
        Self { ctx, listings: BTreeMap::new() }
    }

    /// Finds the artifact of a task, and reads it where somebody has to look into it.
    pub(super) fn find(&mut self, task: &Task) -> Result<Found, Fault> {
        let path = self.ctx.path(&task.artifact);
        let kind = fsio::exists(&path).and_then(|exists| Ok((exists, fsio::target_kind(&path)?)));
        let newest = match kind {
            Err(fault) => return Ok(Found::Error(fault.to_string())),
            Ok((true, FileKind::Dir)) => self.newest_below(&path, "**")?,
            Ok((true, _)) => candidate(&path).map(Newest::of),
            Ok((false, _)) => match split_glob(&task.artifact) {
                None => return Ok(Found::Missing("there is no such file".to_owned())),
                Some((base, pattern)) => {
                    let base = self.ctx.path(base);
                    self.newest_below(&base, pattern)?
                }
            },
        };
        Ok(match newest {
            Err(reason) => Found::Error(reason),
            Ok(Newest { found: Some(found), .. }) => self.read(task, &found),
            Ok(Newest { found: None, unfinished: Some(name) }) => Found::Missing(format!(
                "no finished file is there, only such as `{name}` that are still being written"
            )),
            Ok(Newest { found: None, unfinished: None }) => Found::Missing("no file is there".to_owned()),
        })
    }

    /// The newest file below a directory that matches; the last by name of several.
    fn newest_below(&mut self, base: &Path, pattern: &str) -> Result<Result<Newest, String>, Fault> {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let glob =
            glob.map_err(|error| Fault::config(format!("`{pattern}` is not a glob: {}", error.kind())))?;
        let matcher = glob.compile_matcher();
        let (dirs, own) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        let shows_hidden_dirs = dirs.split('/').any(|part| part.starts_with('.'));
        let shows_hidden = own.starts_with('.');
        let depth = if pattern.contains('/') || pattern.contains("**") { usize::MAX } else { 1 };
        let key = (base.to_owned(), depth);
        if !self.listings.contains_key(&key) {
            let listing = list(base, depth, self.ctx)?;
            self.listings.insert(key.clone(), listing);
        }
        let Files { names, odd } = match &self.listings[&key] {
            Ok(files) => files,
            Err(reason) => return Ok(Err(reason.clone())),
        };
        let counts = |name: &str, path: &Path| {
            let (dirs, own) = name.rsplit_once('/').unwrap_or(("", name));
            let in_hidden = dirs.split('/').any(|part| part.starts_with('.'));
            matcher.is_match(path)
                && (shows_hidden_dirs || !in_hidden)
                && (shows_hidden || !own.starts_with('.'))
        };
        // It may be the newest, and no report could name it.
        if let Some(path) = odd.iter().find(|path| counts(&path.to_string_lossy(), path)) {
            let path = base.join(path);
            return Ok(Err(format!("the name of `{}` is not UTF-8", path.display())));
        }
        // Sorted names with the same beginning lie together.
        let prefix = &pattern[..pattern.find(META).unwrap_or(pattern.len())];
        let from = names.partition_point(|name| name.as_str() < prefix);
        let mut newest = Newest::default();
        for name in names[from..].iter().take_while(|name| name.starts_with(prefix)) {
            if !counts(name, Path::new(name)) {
                continue;
            }
            let own = name.rsplit('/').next().unwrap_or(name);
            if is_unfinished(own.trim_start_matches('.')) {
                newest.unfinished = Some(name.clone());
                continue;
            }
            let path = base.join(name);
            match fsio::target_kind(&path) {
                Err(fault) => return Ok(Err(fault.to_string())),
                // A link to a directory is no file, and one removed since the listing is none either.
                Ok(FileKind::Missing | FileKind::Dir) => continue,
                Ok(FileKind::File | FileKind::Link | FileKind::Other) => {}
            }
            match candidate(&path) {
                Err(reason) => return Ok(Err(reason)),
                Ok(found) => {
                    if newest.found.as_ref().is_none_or(|newest| newest.modified <= found.modified) {
                        newest.found = Some(found);
                    }
                }
            }
        }
        Ok(Ok(newest))
    }

    fn read(&self, task: &Task, found: &Candidate) -> Found {
        let path = &found.path;
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let reads_times = task.started_at.is_some() || task.finished_at.is_some();
        let wants_document = is_json || reads_times || task.assertions.iter().any(Assertion::wants_document);
        let is_looked_into = reads_times || !task.assertions.is_empty();
        let content = if found.bytes > LARGEST_CONTENT_BYTES {
            if is_looked_into {
                let reason = format!("`{}` is too large to look into", self.ctx.show(path));
                return Found::Error(reason);
            }
            let outline = |file| match large::outline(file, &USUAL_TIMES) {
                Ok(document) => Ok(Ok(Node::from(document))),
                Err(JsonError::Read(error)) => Err(fsio::unreadable(path, &error)),
                Err(error) => Ok(Err(error.to_string())),
            };
            let file = fsio::open(path);
            if is_json {
                let document = file.and_then(outline);
                document.map(|document| {
                    Some(Content { text: String::new(), document: Some(document), fault: None })
                })
            } else {
                file.map(|_| None)
            }
        } else if wants_document || is_looked_into {
            fsio::read(path).map(|bytes| Some(content(bytes, wants_document)))
        } else {
            // Whether it can be read at all is asked even where nobody looks into it.
            fsio::open(path).map(|_| None)
        };
        match content {
            Err(fault) => Found::Error(fault.to_string()),
            Ok(content) => Found::File {
                path: self.ctx.show(path),
                modified: found.modified,
                bytes: found.bytes,
                content,
            },
        }
    }
}

fn content(bytes: Vec<u8>, wants_document: bool) -> Content {
    match String::from_utf8(bytes) {
        Err(_) => {
            Content { text: String::new(), document: None, fault: Some("it is not UTF-8 text".to_owned()) }
        }
        Ok(text) => {
            let document = wants_document.then(|| {
                let tree = typed::tree(&text, Dialect::default()).map_err(|error| error.to_string());
                tree.map(Tree::into_root)
            });
            Content { text, document, fault: None }
        }
    }
}

fn candidate(path: &Path) -> Result<Candidate, String> {
    let metadata = fsio::metadata(path).map_err(|fault| fault.to_string())?;
    let unreadable = |reason: String| format!("failed to read `{}`: {reason}", path.display());
    let modified = metadata.modified().map_err(|error| unreadable(error.to_string()))?;
    let modified = Timestamp::try_from(modified).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    Ok(Candidate { modified, path: path.to_owned(), bytes: metadata.len() })
}

fn list(base: &Path, depth: usize, ctx: &Ctx) -> Result<Listing, Fault> {
    match fsio::target_kind(base) {
        Ok(FileKind::Dir) => {}
        Ok(_) => return Ok(Ok(Files::default())),
        Err(fault) => return Ok(Err(fault.to_string())),
    }
    let mut files = Files::default();
    for entry in WalkDir::new(base).min_depth(1).max_depth(depth) {
        ctx.check_cancelled()?;
        let entry = match entry {
            Ok(entry) => entry,
            // A file that went away while the directory was read is no file.
            Err(error) if error.io_error().is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound) => {
                continue;
            }
            Err(error) => return Ok(Err(format!("failed to read `{}`: {error}", base.display()))),
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path().strip_prefix(base).unwrap_or(entry.path());
        match path.to_str() {
            Some(name) => files.names.push(name.to_owned()),
            None => files.odd.push(path.to_owned()),
        }
    }
    files.names.sort();
    files.odd.sort();
    Ok(Ok(files))
}

const META: [char; 4] = ['*', '?', '[', '{'];

/// The directory before the first wildcard, and the rest; none for a plain path.
fn split_glob(text: &str) -> Option<(&str, &str)> {
    let meta = text.find(META)?;
    Some(match text[..meta].rfind('/') {
        Some(0) => ("/", &text[1..]),
        Some(slash) => (&text[..slash], &text[slash + 1..]),
        None => ("", text),
    })
}
