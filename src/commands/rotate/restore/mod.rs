//! `mmops rotate restore ARCHIVE`: puts archived files back where they came from, after the whole
//! archive was verified; nothing that exists is replaced.

mod report;

pub(crate) use report::{Body, SPEC};

use super::archive::{Entry, Kind, Stored};
use crate::ctx::Ctx;
use crate::format::hash;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::tree::restore::{self, RestoreDir};
use std::io::{self, BufWriter, Write as _};
use std::path::{Component, Path, PathBuf};

/// Put archived files back where they came from
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Archive that a rotation made
    pub(super) archive: PathBuf,
    /// Directory below which the files are put, under the path of their root [default: the working root]
    #[arg(long, value_name = "DIR")]
    pub(super) to: Option<PathBuf>,
    /// Verify the archive and say what would be restored
    #[arg(long)]
    pub(super) dry_run: bool,
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let shown = ctx.show(&ctx.path(&args.archive));
    let mut stored = Stored::open(fsio::open(&ctx.path(&args.archive))?, &shown)?;
    let manifest = stored.manifest()?;
    let to = args.to.as_ref().map_or_else(|| ctx.root.clone(), |to| ctx.path(to));
    if args.to.is_none()
        && let Some(entry) = manifest.members.iter().find(|entry| entry.root.starts_with('/'))
    {
        let message = format!("`{shown}` holds files of `{}`, outside the working root", entry.root);
        let hint = "name the directory with --to; --to / puts them back where they came from";
        return Err(Fault::config(message).hint(hint).into());
    }
    let mut targets = Vec::new();
    for entry in &manifest.members {
        targets.push(target(entry).ok_or_else(|| {
            Fault::config(format!("`{shown}`: member `{}` would leave its directory", entry.member))
        })?);
    }
    let mut body = Body { archive: shown, to: ctx.show(&to), ..Body::default() };
    body.damage = stored.damage(&manifest);
    if body.damage.is_empty() {
        if !args.dry_run {
            fsio::create_dir(&to)?;
        }
        let place = match RestoreDir::open(&to) {
            Err(error) if args.dry_run && error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened.map_err(|error| fsio::unreadable(&to, &error))?),
        };
        for (entry, path) in manifest.members.iter().zip(&targets) {
            ctx.check_cancelled()?;
            put_back(&mut stored, entry, path, place.as_ref(), args.dry_run, &mut body)?;
        }
        if let (Some(place), false) = (&place, args.dry_run) {
            place.sync().map_err(|error| Fault::write(format!("`{}`", to.display()), &error))?;
        }
    }
    let verdict = report::verdict(&body, args.dry_run);
    Ok(report::report(&body, verdict, args.dry_run))
}

/// Where a member goes, relative to the directory of `--to`.
fn target(entry: &Entry) -> Option<PathBuf> {
    let root = entry.root.trim_start_matches('/');
    let path = Path::new(root).join(entry.path.path()?);
    let path: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && path.file_name().is_some()).then_some(path)
}

fn put_back(
    stored: &mut Stored,
    entry: &Entry,
    path: &Path,
    place: Option<&RestoreDir>,
    dry_run: bool,
    body: &mut Body,
) -> anyhow::Result<()> {
    if entry.stays {
        body.stayed += 1;
        return Ok(());
    }
    let Some(place) = place else {
        body.restored += 1;
        return Ok(());
    };
    let outcome = match present(place, entry, path) {
        Ok(Some(true)) => {
            body.present += 1;
            return Ok(());
        }
        Ok(Some(false)) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "another file has its name; restore elsewhere with --to",
        )),
        Ok(None) if dry_run => Ok(()),
        Ok(None) => create(stored, place, entry, path),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => body.restored += 1,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            return Err(Fault::write(format!("`{}`", path.display()), &error).into());
        }
        Err(error) => {
            body.failed.insert(path.display().to_string(), error.to_string());
        }
    }
    Ok(())
}

/// Whether something is there, and if so, whether it is the archived file.
fn present(place: &RestoreDir, entry: &Entry, path: &Path) -> io::Result<Option<bool>> {
    if entry.kind == Kind::Link {
        return match place.existing_link(path) {
            Ok(target) => Ok(target.map(|target| hash::sha256(&target) == entry.sha256)),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(Some(false)),
            Err(error) => Err(error),
        };
    }
    let Some(file) = place.existing(path)? else { return Ok(None) };
    if !file.metadata()?.is_file() {
        return Ok(Some(false));
    }
    Ok(Some(hash::sha256_reader(file)? == (entry.sha256.clone(), entry.bytes)))
}

fn create(stored: &mut Stored, place: &RestoreDir, entry: &Entry, path: &Path) -> io::Result<()> {
    let changed = || io::Error::other("the archive changed while it was read");
    if entry.kind == Kind::Link {
        let mut link = Vec::new();
        let (sha256, _) = stored.read(entry, &mut link)?;
        if sha256 != entry.sha256 {
            return Err(changed());
        }
        return place.link(path, &link, entry.modified_ns);
    }
    let mut file = place.create(path)?;
    let mut out = BufWriter::new(file.file());
    let copied = stored.read(entry, &mut out)?;
    out.flush()?;
    drop(out);
    if copied != (entry.sha256.clone(), entry.bytes) {
        return Err(changed());
    }
    restore::finish(file, entry.permissions, entry.modified_ns)
}
