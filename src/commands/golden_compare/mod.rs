//! `mmops golden-compare`: decides whether an output drifted from the accepted one, file by file and value
//! by value, and accepts a new one only with a record of who did it and why.
//!
//! A document that cannot be read strictly is no answer: invalid JSON, a duplicate key, NaN, an empty
//! directory, an ignored everything.

mod accept;
mod arguments;
mod compare;
pub(crate) mod drift;
mod facts;
mod pairs;
mod report;
mod verdict;

pub(crate) use accept::Record;
pub(crate) use arguments::Args;
pub(crate) use report::{Body, SPEC};

use crate::ctx::Ctx;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use accept::Acceptance;
use facts::{Decision, Facts};

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (baseline, actual) = (ctx.path(&args.baseline), ctx.path(&args.actual));
    // A pipe has no canonical form; what is missing is refused when it is opened.
    let canonical = |path| fsio::canonical(path).ok();
    if canonical(&baseline).is_some_and(|baseline| canonical(&actual) == Some(baseline)) {
        let message = format!("`{}` and `{}` are the same", args.baseline.display(), args.actual.display());
        return Err(Fault::config(message)
            .hint("nothing can drift from itself; name another --actual")
            .into());
    }
    let rules = args.rules();
    let acceptance = args.update.then(|| Acceptance::prepare(args, ctx)).transpose()?;
    let pairs = pairs::find(args, ctx)?;
    let mut facts =
        Facts { files: Vec::new(), fail_on_drift: args.fail_on_drift, decision: Decision::NotAsked };
    for pair in &pairs {
        ctx.check_cancelled()?;
        facts.files.push(pair.compare(&rules, args.max_diffs, &|| ctx.check_cancelled())?);
    }
    pairs::refuse_empty_comparison(&pairs, &facts, &rules, &args.baseline)?;
    if let Some(acceptance) = acceptance {
        facts.decision = acceptance.decide(&pairs, &facts, ctx)?;
    }
    Ok(report::report(args, &rules, &facts, verdict::verdict(&facts)))
}
