//! `POST_SOAK_AUDIT.md`: the whole of a run for people.
#![warn(clippy::wildcard_enum_match_arm)]

use super::activity::Activity;
use super::delta_verify;
use super::earlier::EarlierSnapshot;
use super::facts::{KeptVerdict, ReportFacts};
use super::figures::{Figure, FigureStats, ranges};
use super::snapshot::is_freeze_ready;
use super::text::{head, small, with_unit};
use crate::commands::soak::document::figure;
use crate::commands::soak::verdict::Occasion;
use crate::format::{markdown, text};
use crate::judge::record::GateResult;
use crate::judge::verdict::RunVerdict;

/// Characters of a sparkline at most; with more iterations each stands for several.
const WIDTH: usize = 60;
const LEVELS: [char; 5] = ['_', '-', '=', '+', '#'];

pub(super) const TITLE: &str = "# Audit of a soak\n";

pub(super) fn render(facts: &ReportFacts, verdict: RunVerdict) -> String {
    let mut out = head(TITLE, facts);
    out.push_str(&format!("Verdict: **{}**\n\n", verdict.as_str()));
    let ready = if is_freeze_ready(facts, verdict) { "yes" } else { "no" };
    out.push_str(&format!("Stands still inside its goals: {ready}\n\n"));
    out.push_str("## Goals of the last iterations\n\n");
    gates(&mut out, facts.goals.judgement.gates.iter());
    out.push_str("\n## Gates of the run\n\n");
    gates(&mut out, facts.run.judgement.gates.iter());
    for condition in &facts.run.judgement.conditions {
        let reason = condition.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        let line = format!("{}: {}, {}{reason}", condition.name, condition.verdict.as_str(), condition.note);
        out.push_str(&markdown::item(&line));
    }
    figures(&mut out, facts);
    sparklines(&mut out, facts);
    activity(&mut out, facts);
    evidence(&mut out, facts, verdict);
    out
}

fn gates<'a>(out: &mut String, gates: impl Iterator<Item = (&'a String, &'a GateResult)>) {
    out.push_str(&markdown::table_head(&["name", "figure", "wanted", "value", "state", "why"]));
    for (name, gate) in gates {
        let why = gate.outcome.reason.as_deref().unwrap_or_default();
        let state = gate.outcome.state.as_str();
        out.push_str(&markdown::row([name, &gate.kpi, &gate.condition, &gate.figure, state, why]));
    }
}

fn figures(out: &mut String, facts: &ReportFacts) {
    out.push_str("\n## Figures\n\n");
    out.push_str(&markdown::table_head(&[
        "figure",
        "iterations",
        "known",
        "unknown",
        "mean",
        "median",
        "smallest",
        "largest",
        "trend",
        "slope an iteration (95 %)",
    ]));
    for one in &facts.figures {
        row(out, one, "last", &one.last);
        row(out, one, "all", &one.all);
    }
}

fn row(out: &mut String, one: &Figure, which: &str, stats: &FigureStats) {
    let at = |value: Option<f64>, at: Option<u32>| match at {
        None => "unknown".to_owned(),
        Some(at) => format!("{} in {at}", with_unit(value, &one.unit)),
    };
    let slope = stats.slope.map_or("unknown".to_owned(), |slope| {
        let [middle, low, high] = [slope.per_iteration, slope.low, slope.high].map(small);
        format!("{middle} ({low} to {high})")
    });
    out.push_str(&markdown::row([
        one.name.clone(),
        which.to_owned(),
        stats.n.to_string(),
        stats.unknown.to_string(),
        with_unit(stats.mean, &one.unit),
        with_unit(stats.median, &one.unit),
        at(stats.min, stats.min_at),
        at(stats.max, stats.max_at),
        stats.trend.0.as_str().to_owned(),
        slope,
    ]));
}

fn sparklines(out: &mut String, facts: &ReportFacts) {
    let total = facts.iterations_total() as usize;
    if total == 0 {
        return;
    }
    let each = total.div_ceil(WIDTH);
    out.push_str("\n## Course\n\n");
    let lines = facts.figures.iter().map(|one| format!("{:<24} [{}]", one.name, sparkline(one, total, each)));
    out.push_str(&markdown::fenced("text", &lines.collect::<Vec<_>>().join("\n")));
    let of = match each {
        1 => "an iteration".to_owned(),
        each => format!("the mean of {each} iterations"),
    };
    out.push_str(&format!(
        "\nEach sign stands for {of}, from `_` (smallest) to `#` (largest); a space is unknown.\n"
    ));
}

fn sparkline(one: &Figure, total: usize, each: usize) -> String {
    let (low, high) = (one.all.min.unwrap_or_default(), one.all.max.unwrap_or_default());
    let mut groups = vec![(0.0, 0_u32); total.div_ceil(each)];
    for (number, value) in &one.series.known {
        if let Some(group) = groups.get_mut((*number as usize).saturating_sub(1) / each) {
            *group = (group.0 + value, group.1 + 1);
        }
    }
    let sign = |(sum, count): &(f64, u32)| match count {
        0 => ' ',
        _ if high <= low => LEVELS[1],
        count => {
            let share = (sum / f64::from(*count) - low) / (high - low);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 5")]
            let level = (share.clamp(0.0, 1.0) * LEVELS.len() as f64) as usize;
            LEVELS[level.min(LEVELS.len() - 1)]
        }
    };
    groups.iter().map(sign).collect()
}

fn activity(out: &mut String, facts: &ReportFacts) {
    let Activity { guards, skipped, applied, changes, changed_keys, .. } = &facts.activity;
    out.push_str("\n## Tuning and guards\n\n");
    let (verdict, reason) = delta_verify::answer(facts);
    out.push_str(&markdown::item(&format!("Deltas: {} ({reason})", verdict.as_str())));
    if !applied.is_empty() {
        out.push_str(&markdown::item(&format!("Applied in iterations: {}", ranges(applied.iter().copied()))));
    }
    if !changed_keys.is_empty() {
        let keys: Vec<&str> = changed_keys.iter().map(String::as_str).collect();
        out.push_str(&markdown::item(&format!("Changed parameters: {}", keys.join(", "))));
    }
    for change in changes {
        let of = if change.member.is_empty() { String::new() } else { format!(" of {}", change.member) };
        let (from, to) = (figure(Some(change.from)), figure(Some(change.to)));
        let (name, of) = (markdown::code(&change.name), markdown::plain(&text::line(&of)));
        out.push_str(&markdown::item_of(&format!(
            "Iteration {}: {name}{of} {from} -> {to}",
            change.iteration
        )));
    }
    for (guard, at) in guards {
        let times = at.len();
        let line = format!("Guard {guard} blocked {times} iterations: {}", ranges(at.iter().copied()));
        out.push_str(&markdown::item(&line));
    }
    if guards.is_empty() {
        out.push_str("- No guard held a change back.\n");
    }
    for (why, at) in skipped {
        let line = format!("Not applied, \"{why}\": {} times, in {}", at.len(), ranges(at.iter().copied()));
        out.push_str(&markdown::item(&line));
    }
}

fn evidence(out: &mut String, facts: &ReportFacts, verdict: RunVerdict) {
    out.push_str("\n## Evidence\n\n");
    match &facts.run.occasion {
        Occasion::Legacy { findings, .. } => {
            for finding in findings {
                out.push_str(&markdown::item(&format!("{}: {}", finding.name, finding.text)));
            }
        }
        Occasion::Kept { plan_problem, summaries, recomputed, .. } => {
            out.push_str(&markdown::list_or(
                plan_problem,
                "The plan is the one that the run was started with",
            ));
            out.push_str(&markdown::list_or(&summaries.problems, "The summaries say what the journal says"));
            if let Some(found) = recomputed {
                let whole = format!(
                    "{} of {} iterations computed again from the samples",
                    found.equal, found.iterations
                );
                out.push_str(&markdown::list_or(&found.differences, &whole));
            }
        }
        Occasion::Finished { .. } => {}
    }
    if facts.is_torn {
        out.push_str("- The last line of the journal was torn, and left out\n");
    }
    match &facts.kept_verdict {
        KeptVerdict::None => out.push_str("- The run left no verdict of its own\n"),
        KeptVerdict::Said(kept) => {
            let line =
                format!("The run itself said {}, this report says {}", kept.as_str(), verdict.as_str());
            out.push_str(&markdown::item(&line));
        }
        KeptVerdict::Unreadable(why) => {
            out.push_str(&markdown::item(&format!("The run's own verdict: {why}")));
        }
    }
    for (iteration, secs) in &facts.run.trail.clock_steps {
        out.push_str(&markdown::item(&format!("The clock was set by {secs:+.1} s in iteration {iteration}")));
    }
    for (before, secs) in &facts.run.ledger.gaps {
        out.push_str(&markdown::item(&format!("{secs:.0} s before iteration {before} were not observed")));
    }
    for earlier in &facts.earlier {
        let EarlierSnapshot { path, version, .. } = earlier;
        let differences = facts.differences(earlier);
        let line = match differences.as_slice() {
            [] => format!(" (version {version}) says the same"),
            some => format!(" (version {version}): {}", some.join("; ")),
        };
        let line = markdown::code(path) + &markdown::plain(&text::line(&line));
        out.push_str(&markdown::item_of(&line));
    }
    for source in &facts.sources {
        out.push_str(&markdown::item_of(&format!(
            "Made from {}, SHA-256 {}",
            markdown::code(&source.path),
            source.sha256
        )));
    }
}
