//! `mmops canary tag`: an annotated tag whose message is what the soak showed. Everything that speaks
//! against it is named at once, and then no tag is put anywhere.

mod report;
mod verdict;

pub(crate) use report::{Body, SPEC};

use super::folder::{self, ReleaseFolder};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::release::bundle::committed::{self, Held};
use crate::release::bundle::manifest;
use crate::release::bundle::name::title;
use crate::release::tag::{self, Naming};
use crate::release::{signed, summary};
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::git::Git;
use report::Message;
use std::path::{Path, PathBuf};
use verdict::{BuiltFrom, Facts, Head, Verdict};

/// Put an annotated tag on the commit of a release, with what its soak showed
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Args {
    /// Folder of the release, as `bundle release` builds it
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Name of the tag: the version of the release, with an ending that is known
    #[arg(long, value_name = "T", required_unless_present = "rc", conflicts_with = "rc")]
    tag: Option<String>,
    /// Put the tag of the next release candidate, one above the highest that is there
    #[arg(long)]
    rc: bool,
    /// What tags of versions begin with
    #[arg(long, value_name = "P", default_value = "v")]
    tag_prefix: String,
    /// A further ending that a tag may have, beside `soak-validated` and `rc<N>` (can be repeated)
    #[arg(long, value_name = "S")]
    tag_suffix: Vec<String>,
    /// Require a signature of the release by this minisign public key: a file, or the key itself
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Tag a rehearsal: a simulated soak, or under a frozen clock; the message says so
    #[arg(long)]
    allow_simulated: bool,
    /// Print the message, of a tag that is refused too, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Let git sign the tag with the key it is configured for
    #[arg(long)]
    sign: bool,
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let git = Git::open(&ctx.root, &ctx.cancel)?;
    let key = args.key.as_ref().map(|key| signed::key(key, &ctx.root)).transpose()?;
    if let Some(tag) = &args.tag
        && !(tag::is_plain(tag) && git.is_tag_name(tag)?)
    {
        return Err(Fault::config(format!("`{}` is not a valid tag name", tag.escape_debug())).into());
    }
    let dir = fsio::canonical(&ctx.path(&args.bundle))?;
    let release = folder::load(&dir, &args.bundle.display().to_string(), key.as_ref(), ctx)?;
    let version = release.manifest.as_ref().map(|(manifest, _)| manifest.version.clone());
    let naming = version.as_ref().map(|version| Naming {
        prefix: &args.tag_prefix,
        version,
        suffixes: &args.tag_suffix,
    });
    let tag = match (&args.tag, &naming) {
        (Some(tag), _) => tag.clone(),
        (None, Some(naming)) => naming.next_candidate(git.tags()?.iter().map(String::as_str)),
        // Without a manifest there is no version, and no tag.
        (None, None) => String::new(),
    };
    let mut facts = facts(&release, &git, (&tag, naming.as_ref()), &dir, args, ctx)?;
    if args.rc && !tag.is_empty() && !(tag::is_plain(&tag) && git.is_tag_name(&tag)?) {
        facts.tag.push(format!("`{}` is not a valid tag name", tag.escape_debug()));
    }
    let verdict = verdict::verdict(&facts);
    let message = match (&release.manifest, facts.head.commit()) {
        (Some((manifest, sha256)), Some(commit)) => {
            let name = title(&manifest.name, &manifest.version);
            let subject = tag::Subject {
                tag: &tag,
                release: &name,
                commit,
                bundle_sha256: sha256,
                is_legacy: release.is_legacy == Some(true),
                is_rehearsal: facts.is_rehearsal,
                signature: facts.signature.as_str(),
            };
            let message = tag::message(&subject, &release.snapshot);
            match (verdict, args.dry_run) {
                (Verdict::Taggable, true) => Message::Tried(message),
                (Verdict::Taggable, false) => {
                    ctx.check_cancelled()?;
                    if git.put_tag(&tag, commit, &message, args.sign)? {
                        // It stays, also where the answer cannot be printed.
                        tracing::info!("put the tag `{tag}` on {commit}");
                        Message::Put(message)
                    } else {
                        facts.tag.push(format!("the tag `{tag}` exists already: it was put in the meantime"));
                        Message::None
                    }
                }
                (Verdict::Refused, true) => Message::Refused(message),
                (Verdict::Refused, false) => Message::None,
            }
        }
        (None, _) | (_, None) => Message::None,
    };
    Ok(report::report(&tag, args.dry_run, &facts, message))
}

fn facts(
    release: &ReleaseFolder,
    git: &Git<'_>,
    (tag, naming): (&str, Option<&Naming<'_>>),
    dir: &Path,
    args: &Args,
    ctx: &Ctx,
) -> Result<Facts, Fault> {
    let head = match (git.head()?, git.branch()?) {
        (None, _) => Head::NoCommit,
        (Some(commit), None) => Head::Detached(commit),
        (Some(commit), Some(name)) => Head::Branch { name, commit },
    };
    let root = fsio::canonical(&ctx.root)?;
    let own = dir.strip_prefix(&root).ok();
    let prefix = git.prefix()?;
    let own = own.map(|own| format!("{prefix}{}/", own.display()));
    // The folder of the release itself may be new.
    let is_own = |path: &String| own.as_ref().is_some_and(|own| path.starts_with(own.as_str()));
    let mut changed = git.changes()?;
    changed.extend(git.untracked()?.into_iter().filter(|path| !is_own(path)));
    let outputs =
        ignorable(&changed, &format!("{prefix}{}/", crate::release::folder::EVIDENCE_DIR), own.as_deref());
    let mut bundle = release.violations.clone();
    if release.is_legacy.is_none() {
        bundle.push(format!("`{}` does not say what the release rests on", summary::JSON_NAME));
    }
    let built_from = built_from(release, git, head.commit(), (&prefix, own.as_deref()))?;
    bundle.extend(unlike_commit(release, git, &built_from)?);
    Ok(Facts {
        soak_verdict: release.snapshot.verdict.clone(),
        snapshot: release.snapshot.problems(&EvidencePolicy::new(&ctx.maker(), args.allow_simulated)),
        is_rehearsal: release.snapshot.simulated || release.is_frozen || ctx.clock.is_frozen(),
        allow_simulated: args.allow_simulated,
        signature: release.signature.clone(),
        bundle,
        is_legacy: release.is_legacy == Some(true),
        tag: tag_problems(tag, naming, git)?,
        changed,
        outputs,
        built_from,
        head,
    })
}

/// The directories of what mmops makes, the evidence and the releases, in which changed files lie.
fn ignorable(changed: &[String], evidence: &str, own: Option<&str>) -> Vec<String> {
    let releases = own.and_then(|own| own.trim_end_matches('/').rsplit_once('/'));
    let dirs = [Some(evidence.to_owned()), releases.map(|(above, _)| format!("{above}/"))];
    let has_changes = |dir: &String| changed.iter().any(|path| path.starts_with(dir.as_str()));
    dirs.into_iter().flatten().filter(has_changes).collect()
}

/// Why the tag cannot be put, or is not one of this version.
fn tag_problems(tag: &str, naming: Option<&Naming<'_>>, git: &Git<'_>) -> Result<Vec<String>, Fault> {
    let mut problems: Vec<String> = naming.and_then(|naming| naming.refusal(tag)).into_iter().collect();
    if let Some(at) = git.tag(tag)? {
        problems.push(format!("the tag `{tag}` exists already, at {}", manifest::short(&at)));
    }
    if let Some(naming) = naming.filter(|naming| naming.is_candidate(tag))
        && git.tag(&naming.plain())?.is_some()
    {
        problems
            .push(format!("the version is tagged already, `{}`: no candidate follows it", naming.plain()));
    }
    for other in git.tags()? {
        let is_below =
            |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
        if is_below(&other, tag) || is_below(tag, &other) {
            problems.push(format!("there is a tag `{other}`, beside which git keeps no `{tag}`"));
        }
    }
    if git.has_branch(tag)? {
        problems.push(format!("there is a branch `{tag}`, which would be taken for the tag"));
    }
    problems.extend(git.tagger_problem()?.map(|why| format!("git does not know who puts it: {why}")));
    Ok(problems)
}

/// What the release was built from, against the commit that the tag goes to; `prefix` is the root and `own` the folder
/// of the release, as git has them.
fn built_from(
    release: &ReleaseFolder,
    git: &Git<'_>,
    commit: Option<&str>,
    (prefix, own): (&str, Option<&str>),
) -> Result<BuiltFrom, Fault> {
    let Some((manifest, _)) = &release.manifest else { return Ok(BuiltFrom::NoManifest) };
    let (Some(revision), Some(commit)) = (&manifest.git, commit) else { return Ok(BuiltFrom::Unknown) };
    if revision.commit == commit {
        return Ok(BuiltFrom::Revision(revision.clone()));
    }
    if is_commit_id(&revision.commit) && !git.is_ancestor(&revision.commit, commit)? && git.is_shallow()? {
        return Ok(BuiltFrom::Shallow(revision.clone()));
    }
    if !is_commit_id(&revision.commit) || !git.is_ancestor(&revision.commit, commit)? {
        return Ok(BuiltFrom::Elsewhere(revision.clone()));
    }
    let evidence = format!("{prefix}{}/", crate::release::folder::EVIDENCE_DIR);
    let is_confined =
        |path: &String| path.starts_with(&evidence) || own.is_some_and(|own| path.starts_with(own));
    let mut others = git.differences(&revision.commit, commit)?;
    others.retain(|path| !is_confined(path));
    Ok(BuiltFrom::Ancestor { revision: revision.clone(), others })
}

/// What a release that says it was built from a commit was made by, and that commit does not have so.
fn unlike_commit(
    release: &ReleaseFolder,
    git: &Git<'_>,
    built_from: &BuiltFrom,
) -> Result<Vec<String>, Fault> {
    let (Some((manifest, _)), BuiltFrom::Revision(revision) | BuiltFrom::Ancestor { revision, .. }) =
        (&release.manifest, built_from)
    else {
        return Ok(Vec::new());
    };
    if revision.dirty {
        return Ok(Vec::new());
    }
    let made_by: Vec<_> = manifest.provenance.configs.iter().chain([&manifest.provenance.plan]).collect();
    let held: Vec<_> = made_by.iter().map(|named| Held { path: &named.path, is_executable: None }).collect();
    let blobs = committed::blobs(git, &revision.commit, &held)?;
    let hashes: Vec<_> = made_by.iter().map(|named| Some(named.sha256.clone())).collect();
    let are_equal = committed::are_equal(git, &blobs, &hashes)?;
    let unlike = made_by.iter().zip(are_equal).filter(|(_, is_equal)| !is_equal);
    let reason = |path: &str| format!("`{path}`, which it was made by, is another one in its commit");
    Ok(unlike.map(|(named, _)| reason(&named.path)).collect())
}

/// Whether it is a full id: what else git takes for a commit is a name, which may stand for another one tomorrow.
fn is_commit_id(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
