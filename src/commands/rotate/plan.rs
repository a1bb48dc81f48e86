//! The plan file: every file with what is to become of it and why, sealed with a hash, so that it can
//! be read by a person, kept, and carried out later if nothing has changed since.

use super::archive::PathText;
use super::selection::{Census, Exempt, Grove, Item, Place, Selection, Terms};
use crate::commands::rotate::retention::{Member, tier_words};
use crate::ctx::Ctx;
use crate::format::hash::{self, Digest};
use crate::report::exit::Fault;
use crate::sys::fsio::{self, AtomicFile};
use crate::sys::tree::Tree;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

const SCHEMA: &str = "mmops.rotation-plan.v1";
const SEAL: &str = ",\"seal\":\"";
const SEAL_BYTES: usize = SEAL.len() + 64 + "\"}\n".len();

/// A plan as it is stored.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// `frozen` when the clock was frozen; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    clock: Option<String>,
    /// When the plan was made.
    created_utc: String,
    /// Every file below the roots, sorted by root and path.
    files: Vec<File>,
    /// How it is to be carried out.
    pub(super) options: Options,
    /// What was scanned.
    roots: Vec<RootText>,
    /// `mmops.rotation-plan.v1`
    schema: String,
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

/// A plan file that was opened before the work started.
#[derive(Debug)]
pub(super) struct Draft {
    pending: AtomicFile,
    pub(super) path: PathBuf,
}

impl Draft {
    pub(super) fn create(path: &Path) -> Result<Self, Fault> {
        Ok(Self { pending: AtomicFile::create(path)?, path: path.to_owned() })
    }

    /// Writes the plan; returns its seal. Files are streamed, so that memory does not grow with them.
    pub(super) fn write(
        self,
        selection: &Selection<'_>,
        terms: &Terms,
        options: &Options,
        ctx: &Ctx,
    ) -> anyhow::Result<String> {
        let Self { mut pending, path } = self;
        let fault = |error: io::Error| Fault::write(format!("`{}`", path.display()), &error);
        let seal = {
            let mut out = Sealed { to: BufWriter::new(pending.file()), hash: Digest::default() };
            write_plan(&mut out, selection, terms, options, ctx).map_err(fault)?;
            let seal = out.hash.clone().hex();
            writeln!(out.to, "{SEAL}{seal}\"}}").and_then(|()| out.to.flush()).map_err(fault)?;
            seal
        };
        pending.commit()?;
        Ok(seal)
    }
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

/// Keys in alphabetical order, as in every document; the seal is last by its name.
fn write_plan(
    out: &mut impl Write,
    selection: &Selection<'_>,
    terms: &Terms,
    options: &Options,
    ctx: &Ctx,
) -> io::Result<()> {
    let clock = if ctx.clock.is_frozen() { "\"clock\":\"frozen\"," } else { "" };
    write!(out, "{{{clock}\"created_utc\":\"{}\",\"files\":[", ctx.clock.stamp_utc())?;
    let groves = selection.census.groves;
    let members = members_by_file(selection);
    let mut first = true;
    for place in sorted_places(groves, terms) {
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        serde_json::to_writer(&mut *out, &file_line(selection, terms, &members, place))?;
    }
    let root = |grove: &Grove| {
        let root = &grove.tree.root;
        RootText { dev: root.dev, ino: root.ino, path: PathText::of(&root.path) }
    };
    let roots: Vec<RootText> = groves.iter().map(root).collect();
    let (options, roots) = (serde_json::to_string(options)?, serde_json::to_string(&roots)?);
    write!(out, "\n],\"options\":{options},\"roots\":{roots},\"schema\":\"{SCHEMA}\"")
}

const NO_MEMBER: u32 = u32::MAX;

/// For each tree and file, the member it is or belongs to.
fn members_by_file(selection: &Selection<'_>) -> Vec<Vec<u32>> {
    let census = &selection.census;
    let mut table: Vec<Vec<u32>> =
        census.groves.iter().map(|grove| vec![NO_MEMBER; grove.tree.len()]).collect();
    let mut of_unit = vec![NO_MEMBER; census.units.len()];
    for (index, item) in (0_u32..).zip(census.items()) {
        match item {
            Item::File(place) => table[usize::from(place.tree)][place.file as usize] = index,
            Item::Unit(unit) => of_unit[unit as usize] = index,
        }
    }
    for (tree, members) in (0..).zip(&mut table) {
        for (file, member) in (0..).zip(members) {
            if let Some(unit) = census.unit_of(Place { tree, file }) {
                *member = of_unit[unit as usize];
            }
        }
    }
    table
}

/// Every file that a plan speaks of, by root and path.
fn sorted_places(groves: &[Grove], terms: &Terms) -> Vec<Place> {
    let mut places = Vec::new();
    for (tree, grove) in (0..).zip(groves) {
        let files = (0..).take(grove.tree.len());
        let lasting = |file: &u32| !terms.is_transient(&grove.tree, *file, grove.tree.name(*file));
        let mut files: Vec<u32> = files.filter(lasting).collect();
        files.sort_unstable_by(|a, b| grove.tree.path_cmp(*a, *b));
        places.extend(files.into_iter().map(|file| Place { tree, file }));
    }
    places
}

fn file_line(selection: &Selection<'_>, terms: &Terms, members: &[Vec<u32>], place: Place) -> File {
    let census = &selection.census;
    let tree = &census.groves[usize::from(place.tree)].tree;
    let unit = census.unit_of(place);
    let index = members[usize::from(place.tree)][place.file as usize];
    let (action, because) = match selection.members.get(index as usize) {
        Some(member) => verdict(member),
        None => (Action::Keep, vec![why_exempt(census, terms, place).word().to_owned()]),
    };
    let identity = tree.file_id(place.file);
    File {
        action,
        bytes: identity.bytes,
        because,
        ino: identity.ino,
        modified_ns: identity.modified_ns,
        path: PathText::of(&tree.path(place.file)),
        root: place.tree,
        unit: unit.map(|unit| PathText::of(&tree.dir_path(census.units[unit as usize].dir))),
    }
}

fn verdict(member: &Member) -> (Action, Vec<String>) {
    if member.goes() {
        return (Action::Remove, member.marks.words().map(str::to_owned).collect());
    }
    let because = match member.saved_by() {
        Some(guard) => vec![guard.word().to_owned()],
        None if member.tiers != 0 => tier_words(member.tiers).map(|tier| format!("tier_{tier}")).collect(),
        None => vec!["within_limits".to_owned()],
    };
    (Action::Keep, because)
}

fn why_exempt(census: &Census<'_>, terms: &Terms, place: Place) -> Exempt {
    if census.unit_of(place).is_some() {
        return Exempt::UnitWithProtected;
    }
    let tree = &census.groves[usize::from(place.tree)].tree;
    terms.why_exempt(tree, place.file)
}

/// Reads a plan that nobody has touched since it was written.
pub(super) fn load(path: &Path) -> Result<Plan, Fault> {
    let bytes = fsio::read(path)?;
    let refuse = |why: String| Fault::config(format!("`{}` {why}", path.display()));
    let hint = "make a new plan with `mmops rotate ... --dry-run --plan FILE`";
    let body = bytes.len().checked_sub(SEAL_BYTES).filter(|body| bytes[*body..].starts_with(SEAL.as_bytes()));
    let Some(body) = body else {
        return Err(refuse("is not a rotation plan, or was cut short".to_owned()).hint(hint));
    };
    let seal = hash::sha256(&bytes[..body]);
    if !bytes[body + SEAL.len()..].starts_with(seal.as_bytes()) {
        return Err(refuse("was edited after it was made: its seal does not fit".to_owned()).hint(hint));
    }
    let plan: Plan = serde_json::from_slice(&bytes)
        .map_err(|error| refuse(format!("is not a rotation plan: {error}")).hint(hint))?;
    if plan.schema != SCHEMA {
        return Err(refuse(format!("has the schema `{}` instead of `{SCHEMA}`", plan.schema)).hint(hint));
    }
    Ok(plan)
}

impl Plan {
    /// The roots it speaks of.
    pub(super) fn roots(&self) -> Option<Vec<PathBuf>> {
        self.roots.iter().map(|root| root.path.path()).collect()
    }

    /// The files to remove, or how the trees differ from those the plan was made for.
    pub(super) fn compare(&self, groves: &[Grove], terms: &Terms) -> Result<Vec<Place>, Vec<String>> {
        let mut differences = Vec::new();
        for (root, grove) in self.roots.iter().zip(groves) {
            if (root.dev, root.ino) != (grove.tree.root.dev, grove.tree.root.ino) {
                differences.push(format!("{}: is another directory", grove.shown));
            }
        }
        let mut going = Vec::new();
        let mut actual = sorted_places(groves, terms).into_iter().peekable();
        for planned in &self.files {
            let path = planned.path.path().unwrap_or_default();
            let order = |place: &Place| {
                let by_root = place.tree.cmp(&planned.root);
                let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
                let here = || groves[usize::from(place.tree)].tree.path(place.file);
                by_root.then_with(|| bytes(&here()).cmp(&bytes(&path)))
            };
            while let Some(new) = actual.next_if(|place| order(place) == Ordering::Less) {
                let shown = groves[usize::from(new.tree)].shown(new.file);
                differences.push(format!("{shown}: is new"));
            }
            let Some(place) = actual.next_if(|place| order(place) == Ordering::Equal) else {
                differences.push(format!("{}: is gone", path.display()));
                continue;
            };
            let grove = &groves[usize::from(place.tree)];
            if let Some(what) = planned.change(&grove.tree, place.file) {
                differences.push(format!("{}: {what}", grove.shown(place.file)));
            } else if planned.action == Action::Remove {
                going.push(place);
            }
        }
        let new = actual.map(|new| format!("{}: is new", groves[usize::from(new.tree)].shown(new.file)));
        differences.extend(new);
        if differences.is_empty() { Ok(going) } else { Err(differences) }
    }

    /// The directories of units that go, with everything below them, as tree and directory.
    pub(super) fn unit_dirs(&self, groves: &[Grove]) -> Vec<(u16, u32)> {
        let going = |file: &&File| file.action == Action::Remove;
        let unit = |file: &File| Some((file.root, file.unit.as_ref()?.path()?));
        let units: std::collections::BTreeSet<_> = self.files.iter().filter(going).filter_map(unit).collect();
        let mut dirs = Vec::new();
        for (tree, grove) in (0_u16..).zip(groves) {
            let mut inside = vec![false; grove.tree.dirs.len()];
            for (dir, entry) in (0_u32..).zip(&grove.tree.dirs).skip(1) {
                let is_unit = || units.contains(&(tree, grove.tree.dir_path(dir)));
                inside[dir as usize] = inside[entry.parent as usize] || (!units.is_empty() && is_unit());
                if inside[dir as usize] {
                    dirs.push((tree, dir));
                }
            }
        }
        dirs
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
