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

use crate::commands::{Given, Input, Output};
use crate::ctx::Ctx;
use crate::format::form::Form;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::report::page as frame;
use crate::sys::fsio;
use accept::{Acceptance, RECORD};
use drift::Rules;
use facts::{Decision, Facts};
use page::Subject;
use std::path::PathBuf;

/// What it writes beside its answer.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    given
        .path("html")
        .map(|path| Output::companion("html", path, Form::Text(frame::BEGINNING)))
        .into_iter()
        .collect()
}

/// The record of the baseline's acceptances, which nothing else may be written over.
pub(crate) fn records(given: &Given) -> Vec<PathBuf> {
    let beside = |path: PathBuf| fsio::with_ending(&path.components().collect::<PathBuf>(), RECORD);
    given.path("baseline").map(beside).into_iter().collect()
}

/// The same where the baseline is a link: it lies beside the file.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    let beside = |path: PathBuf| Some(accept::record_of(&fsio::canonical(&ctx.path(path)).ok()?));
    let record = given.path("baseline").and_then(beside);
    record.map(|path| Input { option: String::new(), path }).into_iter().collect()
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    pairs::refuse_one_in_other(args, ctx)?;
    let rules = args.rules();
    let acceptance = if args.update {
        Some(Acceptance::prepare(args, ctx)?)
    } else {
        accept::refuse_cut_off(args, ctx)?;
        None
    };
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
        let mut output = ctx.companion_file(file)?;
        accept::limit(output.file(), args, &pairs, &facts, ctx)?;
        output.finish(page::render(&subject, &facts, verdict).as_bytes())?;
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
