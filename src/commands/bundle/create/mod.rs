//! `mmops bundle create`: chooses the files, packs them, describes them in a manifest inside the archive,
//! and puts the archive's hash, its provenance and on request its signature beside it.

mod report;
mod verdict;

pub(crate) use report::SPEC;
pub(crate) use verdict::Facts;

use super::checkout::Checkout;
use super::materials::{self, Versioned};
use super::plan::{self, BundlePlan, Entry};
use super::select::{self, Chosen, Selection};
use super::{provenance, sbom};
use crate::commands::{Given, Input};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::format::hash;
use crate::format::minisign::{self, Signer};
use crate::format::zip::deflate::Deflater;
use crate::format::zip::deflate::ENCODER;
use crate::format::zip::layout::DosTime;
use crate::format::zip::pack::{Archive, Chunks, Finished, Member};
use crate::release::bundle::manifest::{self, Manifest, Named, Provenance};
use crate::release::folder;
use crate::release::summary::{self, ReleaseSummary};
use crate::report::Report;
use crate::report::exit::Fault;
use crate::report::maker::{ClockKind, Maker};
use crate::sys::clock;
use crate::sys::fsio::{self, AtomicFile, FileKind, NewDirs, OutputKind};
use crate::sys::root_dir::{self, RootDir};
use crate::sys::{progress, work};
use std::collections::BTreeSet;
use std::io::BufWriter;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use verdict::verdict;

/// The list of contents when none is named and the root has no file of its own.
const BUILT_IN: &str = include_str!("../../../../deploy/release/bundle.yaml");
/// Endings of the files that it writes.
const ENDINGS: [&str; 4] = ["", ".sha256", provenance::ENDING, minisign::ENDING];
/// Most threads; more would need more memory than they are worth.
const MOST_JOBS: usize = 16;
/// Names that the bundle itself needs.
const RESERVED: [&str; 4] =
    [manifest::FILE_NAME, manifest::SBOM_NAME, summary::JSON_NAME, summary::MARKDOWN_NAME];
/// Where a root's own list is.
const PLAN: &str = "deploy/release/bundle.yaml";

/// Make an archive with a manifest, its hash beside it, and a signature on request
#[derive(Clone, Debug, clap::Args)]
#[group(id = "create")]
pub(crate) struct Args {
    /// Name of what is released [default: the plan's, mm-bot]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Version of what is released [default: `MM_VERSION`, else the file VERSION]
    #[arg(long, value_name = "V")]
    version: Option<String>,
    /// Directory the archive goes to [default: the plan's, artifacts/release]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// More files, by a pattern relative to the root (can be repeated)
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// List of contents [default: `deploy/release/bundle.yaml`, else the built-in list]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Sign the archive with this minisign secret key
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    /// Put a bill of materials (`CycloneDX`), read from lock files, into the archive
    #[arg(long)]
    sbom: bool,
    /// Take the place of an archive of this version that has other content
    #[arg(long)]
    replace: bool,
    /// Threads that read and compress; the archive is the same for any number [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<u16>>,
}

/// Everything that is decided before the first byte is written.
struct Order {
    name: String,
    versioned: Versioned,
    plan: Named,
    /// Files of the root that it is made by, beside the plan and the lock files.
    configs: Vec<Named>,
    selection: Selection,
    checkout: Checkout,
    /// Files that are evidence, and those that the commit does not have so.
    evidence: Vec<String>,
    uncommitted: Vec<String>,
    /// Files of the commit that are not there.
    absent: Vec<String>,
    stamp: jiff::Timestamp,
    bill: Option<materials::Bill>,
    /// What the bundle rests on.
    summary: ReleaseSummary,
    signer: Option<Signer>,
    root: RootDir,
    out: PathBuf,
}

impl Order {
    fn file_name(&self) -> String {
        manifest::archive_name(&self.name, &self.versioned.version.to_string())
    }
}

/// The files that only the plan names, and those that the archive brings: no output of the run may be one.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    let plan: Option<BundlePlan> = ctx.configs.peek(given.path("plan").as_deref(), PLAN, BUILT_IN);
    let Some(plan) = plan else { return Vec::new() };
    let input = |option: &str, path: PathBuf| Input { option: option.to_owned(), path };
    let listed = plan.contents.iter().filter_map(|entry| entry.path.clone());
    let mut files: Vec<Input> =
        listed.map(|path| input(&format!("`{path}` of the plan"), path.clone().into())).collect();
    files.push(input("the version", materials::VERSION.into()));
    if given.is_set("sbom") {
        let top = fsio::list(&ctx.root).unwrap_or_default();
        let names = top.iter().filter_map(|path| path.file_name()?.to_str());
        files.extend(
            names.filter(|name| sbom::Kind::of(name).is_some()).map(|name| input("--sbom", name.into())),
        );
    }
    // Of patterns is only asked whether they take what every command can write.
    let mut entries = plan.contents;
    entries.extend(given.texts("include").map(Entry::included));
    for side in ["junit", "metrics_file"].into_iter().filter_map(|id| given.path(id)) {
        let path = fsio::relative_to(&ctx.root, &ctx.path(&side)).unwrap_or_else(|_| side.clone());
        let paths = path.to_str().map(str::to_owned).into_iter().collect();
        if select::named_by(&entries, paths).is_ok_and(|named| !named.is_empty()) {
            files.push(input("the contents of the bundle", side));
        }
    }
    if let Ok(versioned) = materials::version(given.text("version"), ctx) {
        let name = given.text("name").unwrap_or(&plan.name);
        let out = given.path("out").unwrap_or_else(|| PathBuf::from(&plan.out));
        let archive = out.join(manifest::archive_name(name, &versioned.version.to_string()));
        files.extend(ENDINGS.map(|ending| input("the archive", fsio::with_ending(&archive, ending))));
    }
    files
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let order = order(args, ctx)?;
    let archive = order.out.join(order.file_name());
    for ending in ENDINGS {
        // One that leads to another of them, to what is bundled or to the key would be written over.
        let path = fsio::with_ending(&archive, ending);
        if fsio::kind(&path)? == FileKind::Link {
            let message = format!("`{}` is a link, and would be written through", ctx.show(&path));
            return Err(Fault::config(message)
                .hint("remove it, or choose another directory by --out")
                .into());
        }
    }
    let dirs = NewDirs::create(&order.out)?;
    ctx.outputs.hold(ctx.lock_dir(&order.out)?);
    // The archive comes last: whoever waits for it finds what vouches for it, and between the first and the
    // last name an older archive does not verify rather than the new one without its hash.
    let mut zip = ctx.outputs.replace(OutputKind::Verdict, &archive)?;
    let beside =
        |ending: &str| ctx.outputs.replace(OutputKind::Companion, &fsio::with_ending(&archive, ending));
    let (sidecar, statement) = (beside(".sha256")?, beside(provenance::ENDING)?);
    let signature_path = fsio::with_ending(&archive, minisign::ENDING);
    let signature = order.signer.as_ref().map(|signer| Ok::<_, Fault>((signer, beside(minisign::ENDING)?)));
    let signature = signature.transpose()?;
    let (made, manifest) = write(args, &order, zip.file(), ctx)?;
    if !args.replace {
        check_replaced(&archive, &made.sha256)?;
    }
    let name = order.file_name();
    sidecar.finish(format!("{}  {name}\n", made.sha256).as_bytes())?;
    let document = provenance::statement(&manifest, &made.sha256);
    let provenance_sha256 = hash::sha256(&document);
    statement.finish(document.as_bytes())?;
    let has_signature = signature.is_some();
    if let Some((signer, file)) = signature {
        let version = &order.versioned.version;
        let comment = materials::trusted_comment(order.stamp, &name, version, &made.sha256);
        let comment = format!("{comment}\tprovenance:{provenance_sha256}");
        file.finish(signer.sign(zip.file().reread()?, &comment)?.as_bytes())?;
    }
    zip.complete()?;
    ctx.check_cancelled()?;
    // A signature of the archive that is being replaced would vouch for nothing.
    if !has_signature && fsio::exists(&signature_path)? {
        ctx.outputs.remove(&signature_path);
    }
    dirs.keep();
    let facts = Facts {
        archive: ctx.show(&archive),
        archive_bytes: made.bytes,
        content_bytes: manifest.files.iter().map(|file| file.size).sum(),
        files: manifest.files.len(),
        left_out: order.selection.left_out,
        plan: order.plan.path,
        sha256: made.sha256,
        signature: has_signature.then(|| ctx.show(&signature_path)),
        bundle_version: order.versioned.version.to_string(),
        signs: args.sign.is_some(),
        version_source: order.versioned.source,
        file_version: order.versioned.file_differs,
        checkout: order.checkout,
        evidence_files: manifest.provenance.evidence,
        uncommitted: manifest.provenance.uncommitted,
        absent: manifest.provenance.absent,
        findings: order.summary.findings(),
        is_simulated: order.summary.is_simulated(),
        listings: order.bill.map(|bill| bill.listings),
    };
    Ok(report::report(&facts, verdict(&facts)))
}

/// A version names one archive: another content under its name is what nobody can tell apart later.
fn check_replaced(archive: &Path, sha256: &str) -> Result<(), Fault> {
    if !fsio::exists(archive)? {
        return Ok(());
    }
    let unreadable = |error| fsio::unreadable(archive, &error);
    let (found, _) = hash::sha256_reader(fsio::open(archive)?).map_err(unreadable)?;
    if found == sha256 {
        return Ok(());
    }
    let fault = format!("`{}` is there already, with other content: SHA-256 {found}", archive.display());
    Err(Fault::config(fault).hint("raise the version, or take the archive's place with --replace"))
}

fn order(args: &Args, ctx: &Ctx) -> anyhow::Result<Order> {
    let (plan, source, is_built_in) = load_plan(args, ctx)?;
    let name = args.name.clone().unwrap_or_else(|| plan.name.clone());
    plan::check_name(&name).map_err(|error| Fault::config(error.to_string()))?;
    let versioned = materials::version(args.version.as_deref(), ctx)?;
    let stamp = materials::stamp(ctx)?;
    let out = ctx.path(args.out.as_deref().unwrap_or(Path::new(&plan.out)));
    materials::check_place(&out.join("x"), ctx)?;
    let root = RootDir::open(&ctx.root)?;
    let mut entries = plan.contents;
    for glob in &args.include {
        let entry = Entry::included(glob);
        entry.check().map_err(|error| Fault::config(format!("--include: {error}")))?;
        entries.push(entry);
    }
    let selection = select::select(&entries, &out, &root, ctx).map_err(|fault| {
        // Where there are no files to begin with, what asks for them is not obvious.
        let asks = if is_built_in { "the built-in one" } else { &source.path };
        fault.hint(format!(
            "the list of contents ({asks}) says what a bundle needs: add what is missing, or have a list of your \
             own in `{PLAN}` or by --plan, whose entries may be `required: false`"
        ))
    })?;
    let reserved = |chosen: &&Chosen| RESERVED.contains(&chosen.name.as_str());
    if let Some(chosen) = selection.files.iter().find(reserved) {
        return Err(Fault::config(format!("`{}` is a name that the bundle itself needs", chosen.name)).into());
    }
    let bill = if args.sbom { Some(materials::bill(&selection.files, &root, ctx)?) } else { None };
    let signer = args.sign.as_ref().map(|key| materials::signer(key, ctx)).transpose()?;
    let mut checkout = materials::checkout(ctx)?;
    let (evidence, code): (Vec<&Chosen>, Vec<&Chosen>) =
        selection.files.iter().partition(|chosen| is_evidence(chosen));
    let locks = bill.as_ref().map_or(&[][..], |bill| &bill.files);
    let configs: Vec<Named> = versioned.file.clone().into_iter().collect();
    let plan_file = Some(&source).filter(|_| !is_built_in);
    let made_by: Vec<&Named> = locks.iter().chain(&configs).chain(plan_file).collect();
    let uncommitted = materials::uncommitted(&mut checkout, (&code, &evidence), &made_by, &root, ctx)?;
    let absent = materials::absent(&mut checkout, &entries, &selection, ctx)?;
    // Only now is known whether the commit has all of it.
    let summary = summary(&name, &versioned, &checkout, stamp, ctx);
    let evidence = evidence.into_iter().map(|chosen| chosen.name.clone()).collect();
    Ok(Order {
        name,
        versioned,
        plan: source,
        configs,
        selection,
        checkout,
        evidence,
        uncommitted,
        absent,
        stamp,
        bill,
        summary,
        signer,
        root,
        out,
    })
}

/// A file that lies where evidence does, and not only its link: what a link there leads to may be code.
fn is_evidence(chosen: &Chosen) -> bool {
    [&chosen.source, &chosen.real].iter().all(|path| path.starts_with(folder::EVIDENCE_DIR))
}

/// What the bundle rests on, at the time that it carries.
fn summary(
    name: &str,
    versioned: &Versioned,
    checkout: &Checkout,
    stamp: jiff::Timestamp,
    ctx: &Ctx,
) -> ReleaseSummary {
    let own = ctx.maker();
    let is_fixed = ctx.env.get("SOURCE_DATE_EPOCH").is_some();
    let clock = if is_fixed { ClockKind::Stamped } else { own.clock };
    let maker = Maker { now: stamp, stamp, clock, ..own };
    let subject = summary::Subject {
        name,
        version: &versioned.version.to_string(),
        git: checkout.as_ref().ok(),
        is_legacy: false,
        judged_from: Vec::new(),
        maker,
        policy: EvidencePolicy::new(&maker, false),
    };
    let sources: Vec<_> =
        std::iter::once(summary::soak(&ctx.root)).chain(summary::others(&ctx.root)).collect();
    ReleaseSummary::new(&subject, &sources)
}

/// The plan, its name and hash, and whether it is the built-in one.
fn load_plan(args: &Args, ctx: &Ctx) -> anyhow::Result<(BundlePlan, Named, bool)> {
    let what = "list of contents bundle";
    let chosen = ctx.configs.choose(args.plan.as_deref(), PLAN, BUILT_IN, what)?;
    let (plan, shown): (BundlePlan, String) = (chosen.parse()?, chosen.name());
    plan.check().map_err(|error| Fault::config(format!("plan `{shown}` cannot be used: {error}")))?;
    let named = materials::named(&chosen, ctx)?;
    let is_built_in = named.is_none();
    let built_in = || Named { path: shown, sha256: hash::sha256(chosen.text.as_bytes()) };
    Ok((plan, named.unwrap_or_else(built_in), is_built_in))
}

/// Where the content of a file comes from.
enum Source<'a> {
    File(&'a Chosen),
    Text(String),
}

impl Order {
    /// The files in the order of their names, with a hash that is not theirs yet, and their sources.
    fn contents(&self, created_at: &str, version: &str) -> (Vec<manifest::File>, Vec<Source<'_>>) {
        let file = |path: &str, description: &str, is_executable: bool, size: u64| manifest::File {
            description: description.to_owned(),
            mode: manifest::mode(is_executable).1.to_owned(),
            path: path.to_owned(),
            sha256: hash::sha256(b""),
            size,
        };
        let mut contents = Vec::new();
        for chosen in &self.selection.files {
            let Chosen { name, description, state, .. } = chosen;
            let listed = file(name, description, state.is_executable(), state.id.bytes);
            contents.push((listed, Source::File(chosen)));
        }
        if let Some(bill) = &self.bill {
            let text = sbom::document(&self.name, version, created_at, &bill.listings);
            let listed = file(manifest::SBOM_NAME, "bill of materials", false, text.len() as u64);
            contents.push((listed, Source::Text(text)));
        }
        for (name, text) in self.summary.files() {
            let listed = file(name, summary::DESCRIPTION, false, text.len() as u64);
            contents.push((listed, Source::Text(text)));
        }
        contents.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        contents.into_iter().unzip()
    }

    fn read(&self, source: &Source<'_>, offset: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let chosen = match source {
            Source::File(chosen) => chosen,
            Source::Text(text) => {
                let start = usize::try_from(offset).expect("text is in memory");
                buffer.copy_from_slice(&text.as_bytes()[start..start + buffer.len()]);
                return Ok(());
            }
        };
        let failed = |reason: String| Fault::config(format!("`{}` {reason}", chosen.source.display()));
        let file = self.root.file(&chosen.source).map_err(|refused| failed(refused.to_string()))?;
        root_dir::read_unchanged(&file, &chosen.state, offset, buffer).map_err(failed)
    }
}

fn write(
    args: &Args,
    order: &Order,
    zip: &mut AtomicFile,
    ctx: &Ctx,
) -> anyhow::Result<(Finished, Manifest)> {
    let created_at = clock::utc(order.stamp);
    let version = order.versioned.version.to_string();
    let (files, sources) = order.contents(&created_at, &version);
    let mut manifest = Manifest {
        clock: ctx.clock.is_frozen().then_some(ClockKind::Frozen),
        created_at,
        files,
        git: order.checkout.clone().ok(),
        name: order.name.clone(),
        provenance: Provenance {
            absent: order.absent.clone(),
            builder: manifest::BUILDER.to_owned(),
            configs: order.configs.clone(),
            encoder: ENCODER.to_owned(),
            evidence: order.evidence.clone(),
            include: args.include.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
            lock_files: order.bill.as_ref().map_or_else(Vec::new, |bill| bill.files.clone()),
            plan: order.plan.clone(),
            uncommitted: order.uncommitted.clone(),
        },
        schema: manifest::SCHEMA.to_owned(),
        seal: String::new(),
        version,
    };
    let unusable = |error: anyhow::Error| Fault::config(error.to_string());
    manifest.check().map_err(unusable)?;
    manifest.clone().check_size().map_err(unusable)?;
    if let Some(refusal) = manifest.clock_fault(ctx.clock.now()) {
        return Err(Fault::config(refusal).into());
    }
    let member = |file: &manifest::File| Member {
        name: file.path.clone(),
        permissions: file.permissions().expect("a mode that bundles have"),
        bytes: file.size,
    };
    let members: Vec<Member> = manifest.files.iter().map(member).collect();
    let bar = progress::bar(ctx.progress, members.iter().map(|member| member.bytes).sum(), "bundling");
    let read = |index: usize, offset: u64, buffer: &mut [u8]| order.read(&sources[index], offset, buffer);
    let out = BufWriter::with_capacity(1 << 18, zip.file());
    let mut archive = Archive::new(out, DosTime::of(order.stamp));
    let fail = |error: std::io::Error| Fault::write("the archive", &error);
    let jobs = args.jobs.map_or_else(work::processors, |jobs| usize::from(jobs.get())).min(MOST_JOBS);
    let chunks = Chunks::new(&members, &read);
    let hashes = work::in_order(
        jobs,
        2 * jobs + 2,
        chunks.len(),
        Deflater::default,
        |deflater, at| chunks.pack(at, deflater),
        |packed| {
            let mut hashes = Vec::with_capacity(members.len());
            for (at, chunk) in packed.enumerate() {
                ctx.check_cancelled()?;
                hashes.extend(archive.add_chunk(chunks.member(at), chunk?).map_err(fail)?);
                bar.inc(chunks.bytes(at));
            }
            Ok::<_, Fault>(hashes)
        },
    )?;
    bar.finish_and_clear();
    for (file, sha256) in manifest.files.iter_mut().zip(hashes) {
        file.sha256 = sha256;
    }
    archive.add(manifest::FILE_NAME, 0o644, manifest.clone().sealed().into_bytes()).map_err(fail)?;
    Ok((archive.finish().map_err(fail)?, manifest))
}
