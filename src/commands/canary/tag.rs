//! `mmops canary tag`: an annotated tag whose message is what the soak showed. Everything that speaks
//! against it is named at once, and then no tag is put anywhere.

use crate::ctx::Ctx;
use crate::release::bundle::manifest::Git as Revision;
use crate::release::tag;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Report, Row, Status};
use crate::sys::git::{Git, short};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;

/// Paths of a dirty tree that are named before "and more".
const SHOWN: usize = 5;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("canary tag", "CANARY", "FAIL").named("canary").revised(2);

/// Put an annotated tag on the commit of a release, with what its soak showed
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the release, as `bundle release` builds it
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Name of the tag
    #[arg(long, value_name = "T")]
    tag: String,
    /// Print the message and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Let git sign the tag with the key it is configured for
    #[arg(long)]
    sign: bool,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// Commit that is tagged.
    tagged_commit: String,
    /// Whether nothing was written on purpose.
    dry_run: bool,
    /// The tag's message; null when no tag may be put.
    message: Option<String>,
    /// The tag.
    tag: String,
}

/// Tags the commit that is checked out.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let git = Git::open(&ctx.root, &ctx.cancel)?;
    if !git.is_tag_name(&args.tag)? {
        return Err(Fault::config(format!("`{}` is no name for a tag", args.tag)).into());
    }
    let shown = args.bundle.display().to_string();
    let dir = ctx.path(&args.bundle);
    let release = super::load(&dir, &shown, ctx)?;
    let commit = git.head()?;
    let mut rows = vec![
        Row::judged("snapshot", release.snapshot.refusals(ctx.clock.now(), false))
            .note(&release.snapshot.verdict),
    ];
    rows.push(Row::judged("bundle", release.broken));
    let existing =
        git.tag(&args.tag)?.map(|at| format!("the tag `{}` exists already, at {}", args.tag, short(&at)));
    rows.push(Row::judged("tag", existing));
    rows.push(Row::judged("tree", tree_problems(&git, &dir, ctx)?));
    let head = match (&commit, git.branch()?) {
        (None, _) => Row::judged("head", ["there is no commit yet".to_owned()]),
        (Some(commit), None) => {
            Row::judged("head", [format!("the head is detached at {}; check out a branch", short(commit))])
        }
        (Some(commit), Some(branch)) => Row::judged("head", None).note(format!("{branch} {}", short(commit))),
    };
    rows.push(head);
    let commit = commit.unwrap_or_default();
    if let Some((manifest, _)) = &release.manifest {
        rows.push(revision_row(manifest.git.as_ref(), &commit));
    }
    let is_ready = rows.iter().all(|row| row.status < Status::Skip);
    let message = release.manifest.filter(|_| is_ready).map(|(manifest, sha256)| {
        let name = format!("{} {}", manifest.name, manifest.version);
        let subject =
            tag::Subject { tag: &args.tag, release: &name, commit: &commit, bundle_sha256: &sha256 };
        tag::message(&subject, &release.snapshot)
    });
    let body = Body { tagged_commit: commit.clone(), dry_run: args.dry_run, message, tag: args.tag.clone() };
    let (status, value) = match (&body.message, args.dry_run) {
        (None, _) => (Status::Fail, "FAIL"),
        (Some(_), true) => (Status::Ok, "DRYRUN"),
        (Some(message), false) => {
            ctx.check_cancelled()?;
            git.put_tag(&args.tag, &commit, message, args.sign)?;
            (Status::Ok, "TAGGED")
        }
    };
    let report = Report::new(&SPEC, "CANARY TAG", Conclusion::new(status, value)).rows(rows).body(&body);
    Ok(report.preamble(body.message.iter().flat_map(|message| message.lines())))
}

/// The revision that the release was built from, against the commit that the tag goes to.
fn revision_row(built_from: Option<&Revision>, commit: &str) -> Row {
    let Some(revision) = built_from else {
        return Row::judged("revision", ["nobody knows what revision the release was built from".to_owned()]);
    };
    let from = short(&revision.commit);
    if revision.dirty {
        let reason = format!("the release was built from a tree that differed from its commit {from}");
        return Row::judged("revision", [reason]);
    }
    if revision.commit != commit {
        let reason = format!("the release was built from {from}, the tag goes to {}", short(commit));
        return Row::new("revision", Status::Warn).reason(reason);
    }
    Row::judged("revision", None).note(from)
}

/// What differs from the commit; the folder of the release itself may be new.
fn tree_problems(git: &Git<'_>, bundle: &std::path::Path, ctx: &Ctx) -> Result<Option<String>, Fault> {
    let mut paths = git.changes()?;
    let own = |path: &String| ctx.path(path).starts_with(bundle);
    paths.extend(git.untracked()?.into_iter().filter(|path| !own(path)));
    if paths.is_empty() {
        return Ok(None);
    }
    let named: Vec<&str> = paths.iter().take(SHOWN).map(String::as_str).collect();
    let more = paths.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Ok(Some(format!("the tree differs from its commit: {}{more}", named.join(", "))))
}
