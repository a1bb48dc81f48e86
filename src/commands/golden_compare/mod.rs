//! `mmops golden-compare`: decides whether an output drifted from the accepted one, file by file and value
//! by value, and accepts a new one only with a record of who did it and why.
//!
//! A document that cannot be read strictly is no answer: invalid JSON, a duplicate key, NaN, an empty
//! directory, an ignored everything.

mod accept;
mod arguments;
mod compare;
mod convert;
mod document;
pub(crate) mod drift;
mod facts;
mod page;
mod pair;
mod pairs;
mod report;
mod verdict;

pub(crate) use accept::Record;
pub(crate) use arguments::Args;
pub(crate) use report::{Body, SPEC};

use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::format::form::Form;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::report::page as frame;
use crate::sys::fsio;
use accept::Acceptance;
use drift::Rules;
use facts::{Decision, Facts};
use page::Subject;

/// What it writes beside its answer.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    given
        .path("html")
        .map(|path| Output::companion("html", path, Form::Text(frame::BEGINNING)))
        .into_iter()
        .collect()
}

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
    let mut facts = Facts {
        files: Vec::new(),
        fail_on_drift: args.fail_on_drift,
        decision: Decision::NotAsked,
        unused_rules: Vec::new(),
    };
    for pair in &pairs {
        ctx.check_cancelled()?;
        facts.files.push(pair.compare(&rules, args.max_diffs, &|| ctx.check_cancelled())?);
    }
    pairs::refuse_empty_comparison(&pairs, &facts, &rules, &args.baseline)?;
    facts.unused_rules = unused_rules(&rules, &facts);
    if let Some(rule) = facts.unused_rules.first().filter(|_| args.strict_rules) {
        let message = format!("`{rule}` matches nothing of what was compared");
        return Err(Fault::config(message).hint("mend it, or leave it out").into());
    }
    if let Some(acceptance) = acceptance {
        facts.decision = acceptance.decide(&pairs, &facts, ctx)?;
    }
    let verdict = verdict::verdict(&facts);
    if let Some(file) = &args.html {
        let (baseline, actual) = (args.baseline.display().to_string(), args.actual.display().to_string());
        let (rules, maker) = (&rules, ctx.maker());
        let subject = Subject { baseline: &baseline, actual: &actual, rules, maker };
        ctx.companion_file(file)?.finish(page::render(&subject, &facts, verdict).as_bytes())?;
    }
    Ok(report::report(args, &rules, &facts, verdict))
}

/// The rules that no file had something for, as they were given. Nothing is known of them while a file cannot be read.
fn unused_rules(rules: &Rules, facts: &Facts) -> Vec<String> {
    if facts.fault().is_some() {
        return Vec::new();
    }
    let is_used = |rule: &&str| facts.files.iter().any(|file| file.used_rules.contains(*rule));
    rules.given().into_iter().filter(|rule| !is_used(rule)).map(str::to_owned).collect()
}
