//! The plan file: every file with what is to become of it and why, sealed with a hash, so that it can
//! be read by a person, kept, and carried out later if nothing has changed since.

use super::path_text::PathText;
use super::scope::Scope;
use super::select::Selection;
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::format::hash::{self, Digest};
use crate::report::exit::Fault;
use crate::sys::fsio::{self, AtomicFile, FileId};
use crate::sys::tree::{Root, Tree};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

const SCHEMA: &str = "mmops.rotation-plan.v1";
const SEAL: &str = ",\"seal\":\"";
const SEAL_BYTES: usize = SEAL.len() + 64 + "\"}\n".len();

/// A plan as it is stored.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    #[serde(flatten)]
    header: Header,
    /// When the plan was made.
    created_utc: String,
    /// Every file below the roots, sorted by root and path.
    files: Vec<File>,
    /// How it is to be carried out.
    pub(super) options: Options,
    /// What was scanned.
    roots: Vec<RootText>,
    /// SHA-256 of everything before this field.
    seal: String,
}

/// A file with what is to become of it.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    action: Action,
    bytes: u64,
    /// Why: the limits that mark it, or what keeps it.
    because: Vec<String>,
    ino: u64,
    /// Time of the last write, in nanoseconds since 1970.
    modified_ns: i64,
    /// Path relative to the root.
    path: PathText,
    /// Index of the root.
    root: u16,
    /// The directory that goes or stays as one, relative to the root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    unit: Option<PathText>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    Keep,
    Remove,
}

/// How a plan is to be carried out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// Where files are archived before they are removed.
    pub(super) archive_dir: Option<PathBuf>,
    /// Free space that each disk is to have afterwards, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) min_free: Option<u64>,
    /// Whether empty directories go.
    pub(super) remove_empty_dirs: bool,
}

#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct RootText {
    dev: u64,
    ino: u64,
    path: PathText,
}

/// Writes the plan; returns its seal. Files are streamed, so that memory does not grow with them.
pub(super) fn write(
    mut file: AtomicFile,
    selection: &Selection<'_>,
    scope: &Scope,
    options: &Options,
    ctx: &Ctx,
) -> anyhow::Result<String> {
    let shown = format!("`{}`", file.target().display());
    let fault = |error: io::Error| Fault::write(&shown, &error);
    let seal = {
        let mut out = Sealed { to: BufWriter::new(file.file()), hash: Digest::default() };
        write_plan(&mut out, selection, scope, options, ctx).map_err(fault)?;
        let seal = out.hash.hex();
        writeln!(out.to, "{SEAL}{seal}\"}}").and_then(|()| out.to.flush()).map_err(fault)?;
        seal
    };
    file.commit()?;
    Ok(seal)
}

/// Hashes what passes.
struct Sealed<W> {
    to: W,
    hash: Digest,
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The evidence header first, then keys in alphabetical order; the seal is last.
fn write_plan(
    out: &mut impl Write,
    selection: &Selection<'_>,
    scope: &Scope,
    options: &Options,
    ctx: &Ctx,
) -> io::Result<()> {
    let header = serde_json::to_string(&Header::new(SCHEMA, ctx.maker()).fields())?;
    let header = header.trim_end_matches('}');
    write!(out, "{header},\"created_utc\":\"{}\",\"files\":[", ctx.clock.stamp_utc())?;
    let tree = selection.inventory.tree;
    let mut first = true;
    for file in sorted_files(tree, scope) {
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        serde_json::to_writer(&mut *out, &file_line(selection, file))?;
    }
    let root = |root: &Root| RootText { dev: root.dev, ino: root.ino, path: PathText::of(&root.path) };
    let roots: Vec<RootText> = tree.roots.iter().map(root).collect();
    let (options, roots) = (serde_json::to_string(options)?, serde_json::to_string(&roots)?);
    write!(out, "\n],\"options\":{options},\"roots\":{roots}")
}

/// Every file that a plan speaks of, by root and path.
fn sorted_files(tree: &Tree, scope: &Scope) -> Vec<u32> {
    let mut files: Vec<u32> = (0..tree.roots.len()).flat_map(|root| scope.lasting(tree, root)).collect();
    files.sort_unstable_by(|a, b| tree.path_cmp(*a, *b));
    files
}

fn file_line(selection: &Selection<'_>, file: u32) -> File {
    let (inventory, member) = (&selection.inventory, selection.of_file(file));
    let tree = inventory.tree;
    let FileId { ino, bytes, modified_ns, .. } = tree.file_id(file);
    let unit = inventory.unit_of(file).map(|unit| &inventory.units[unit as usize]);
    File {
        action: if member.goes() { Action::Remove } else { Action::Keep },
        bytes,
        because: member.reasons(),
        ino,
        modified_ns,
        path: PathText::of(&tree.path(file)),
        root: root_index(tree.root_of(file)),
        unit: unit.map(|unit| PathText::of(&tree.dir_path(unit.dir))),
    }
}

fn root_index(root: usize) -> u16 {
    u16::try_from(root).expect("there are no more roots than words on a command line")
}

/// Reads a plan that nobody has touched since it was written.
pub(super) fn load(path: &Path) -> Result<Plan, Fault> {
    let bytes = fsio::read_within(path, fsio::SizeLimit::Data)?;
    let refuse = |why: &str| {
        let hint = "make a new plan with `mmops rotate ... --dry-run --plan FILE`";
        Fault::config(format!("`{}` {why}", path.display())).hint(hint)
    };
    let body = bytes.len().checked_sub(SEAL_BYTES).filter(|body| bytes[*body..].starts_with(SEAL.as_bytes()));
    let Some(body) = body else {
        return Err(refuse("is not a rotation plan, or was cut short"));
    };
    let seal = hash::sha256(&bytes[..body]);
    if !bytes[body + SEAL.len()..].starts_with(seal.as_bytes()) {
        return Err(refuse("was edited after it was made: its seal does not fit"));
    }
    let plan: Plan = serde_json::from_slice(&bytes)
        .map_err(|error| refuse(&format!("is not a rotation plan: {error}")))?;
    let schema = &plan.header.schema;
    if schema != SCHEMA {
        return Err(refuse(&format!("has the schema `{schema}` instead of `{SCHEMA}`")));
    }
    Ok(plan)
}

impl Plan {
    /// The roots it speaks of.
    pub(super) fn roots(&self) -> Option<Vec<PathBuf>> {
        self.roots.iter().map(|root| root.path.path()).collect()
    }

    /// The files to remove, or how the tree differs from the one the plan was made for.
    pub(super) fn compare(&self, tree: &Tree, scope: &Scope) -> Result<Vec<u32>, Vec<String>> {
        let mut differences = Vec::new();
        for (planned, root) in self.roots.iter().zip(&tree.roots) {
            if (planned.dev, planned.ino) != (root.dev, root.ino) {
                differences.push(format!("{}: is another directory", root.name));
            }
        }
        let mut going = Vec::new();
        let mut actual = sorted_files(tree, scope).into_iter().peekable();
        let is_new = |file: u32| format!("{}: is new", tree.display(file));
        for planned in &self.files {
            let path = planned.path.path().unwrap_or_default();
            let order = |file: &u32| {
                let by_root = root_index(tree.root_of(*file)).cmp(&planned.root);
                let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
                by_root.then_with(|| bytes(&tree.path(*file)).cmp(&bytes(&path)))
            };
            while let Some(new) = actual.next_if(|file| order(file) == Ordering::Less) {
                differences.push(is_new(new));
            }
            let Some(file) = actual.next_if(|file| order(file) == Ordering::Equal) else {
                differences.push(format!("{}: is gone", path.display()));
                continue;
            };
            if let Some(what) = planned.change(tree, file) {
                differences.push(format!("{}: {what}", tree.display(file)));
            } else if planned.action == Action::Remove {
                going.push(file);
            }
        }
        differences.extend(actual.map(is_new));
        if differences.is_empty() { Ok(going) } else { Err(differences) }
    }

    /// The directories of units that go, with everything below them.
    pub(super) fn unit_dirs(&self, tree: &Tree) -> Vec<u32> {
        let going = self.files.iter().filter(|file| file.action == Action::Remove);
        let unit = |file: &File| Some((usize::from(file.root), file.unit.as_ref()?.path()?));
        let units: BTreeSet<_> = going.filter_map(unit).collect();
        let mut is_inside = vec![false; tree.dirs.len()];
        if units.is_empty() {
            return Vec::new();
        }
        for root in 0..tree.roots.len() {
            for dir in tree.dirs_of(root).skip(1) {
                let parent = tree.dirs[dir as usize].parent;
                is_inside[dir as usize] =
                    is_inside[parent as usize] || units.contains(&(root, tree.dir_path(dir)));
            }
        }
        (0..).zip(is_inside).filter(|(_, is_inside)| *is_inside).map(|(dir, _)| dir).collect()
    }
}

impl File {
    fn change(&self, tree: &Tree, file: u32) -> Option<String> {
        let now = tree.file_id(file);
        if now.bytes != self.bytes {
            return Some(format!("has {} bytes instead of {}", now.bytes, self.bytes));
        }
        if now.modified_ns != self.modified_ns {
            return Some("was written to".to_owned());
        }
        (now.ino != self.ino).then(|| "was replaced by another file".to_owned())
    }
}
