//! `FAILURES.md`: every iteration that breaks a limit, with its value, and every figure that is not known.
#![warn(clippy::wildcard_enum_match_arm)]

use super::advice::{off, streaks};
use super::facts::ReportFacts;
use super::figures::ranges;
use super::text::{head, with_unit};
use crate::commands::soak::verdict::Occasion;
use crate::format::{markdown, text};
use crate::judge::gate::{Aggregate, Gate};
use crate::judge::record::legacy::FindingKind;
use crate::judge::record::{Breach, GateResult};
use crate::judge::verdict::{GateState, RunVerdict};

pub(super) const TITLE: &str = "# Failures of a soak\n";

pub(super) fn render(facts: &ReportFacts, verdict: RunVerdict) -> String {
    let mut out = head(TITLE, facts);
    out.push_str(&format!("Verdict: **{}**\n", verdict.as_str()));
    let before = out.len();
    let mut seen: Vec<&Gate> = Vec::new();
    let judged = [
        ("gate", &facts.profile, &facts.run.judgement.gates),
        ("goal", &facts.goals.profile, &facts.goals.judgement.gates),
    ];
    for (what, profile, results) in judged {
        for (name, result) in results {
            let Some(gate) = profile.gates.get(name).filter(|gate| !seen.contains(gate)) else { continue };
            seen.push(gate);
            section(&mut out, facts, what, name, gate, result);
        }
    }
    others(&mut out, facts);
    if out.len() == before {
        out.push_str("\nNo iteration breaks a gate or a goal, and every figure is known.\n");
    }
    out
}

fn section(out: &mut String, facts: &ReportFacts, what: &str, name: &str, gate: &Gate, result: &GateResult) {
    let breaches = facts.run.ledger.breaches(gate);
    let silent = facts.run.ledger.silent_windows(gate);
    if result.pass && breaches.is_empty() && silent.is_empty() {
        return;
    }
    let state = result.outcome.state;
    let how = match state {
        GateState::Pass => "holds all the same",
        GateState::SoftFail | GateState::HardFail => "is broken",
        GateState::Warmup | GateState::Partial | GateState::NoData | GateState::ToolError => "is not known",
    };
    out.push_str(&format!("\n{}\n", markdown::heading(2, &format!("{name}: the {what} {how}"))));
    let line = format!(" wanted {}: {} ({})", gate.condition(), result.figure, state.as_str());
    let line = markdown::code(&gate.kpi) + &markdown::plain(&text::line(&line));
    out.push_str(&markdown::item_of(&line));
    let causes = facts.run.explanation(result);
    for reason in result.outcome.reason.iter().chain(&causes) {
        out.push_str(&markdown::item(reason));
    }
    for (member, iterations) in silent {
        let of = if member.is_empty() { String::new() } else { format!(" of {member}") };
        out.push_str(&markdown::item(&format!("Not known{of} in iterations: {}", ranges(iterations))));
    }
    if breaches.is_empty() {
        return;
    }
    let streaks = streaks(&breaches);
    let length = |streak: &&&[Breach]| (streak.len(), std::cmp::Reverse(streak[0].iteration));
    let longest = streaks.iter().max_by_key(length).expect("there is a violation");
    let (first, last) = (longest[0].iteration, longest[longest.len() - 1].iteration);
    out.push_str(&markdown::item(&format!(
        "{} iterations, first {}; {} streaks, the longest {} in a row ({})",
        breaches.len(),
        breaches[0].iteration,
        streaks.len(),
        longest.len(),
        ranges(first..=last)
    )));
    let is_fleet = breaches.iter().any(|breach| !breach.member.is_empty());
    let limit = gate.condition();
    let columns: &[&str] = match (is_fleet, &gate.aggregate) {
        (false, Aggregate::Sum) => &["iteration", "adds", "wanted of the sum"],
        (true, Aggregate::Sum) => &["iteration", "adds", "wanted of the sum", "member"],
        (false, _) => &["iteration", "value", "wanted", "off by"],
        (true, _) => &["iteration", "value", "wanted", "off by", "member"],
    };
    out.push('\n');
    out.push_str(&markdown::table_head(columns));
    for breach in &breaches {
        let sign = if breach.beyond { "> " } else { "" };
        let value = format!("{sign}{}", gate.figure(breach.value));
        let mut cells = vec![breach.iteration.to_string(), value, limit.clone()];
        if gate.aggregate != Aggregate::Sum {
            cells.push(with_unit(Some(off(gate, breach)), &gate.unit));
        }
        if is_fleet {
            cells.push(breach.member.clone());
        }
        out.push_str(&markdown::row(cells));
    }
}

/// What is wrong beside the gates.
fn others(out: &mut String, facts: &ReportFacts) {
    let mut lines: Vec<String> = Vec::new();
    let missing = &facts.run.ledger.missing;
    if !missing.is_empty() {
        lines.push(format!("Iterations {} are missing", ranges(missing.iter().copied())));
    }
    let short = facts.run.planned.saturating_sub(facts.run.ledger.iterations);
    if short > 0 {
        let (done, planned) = (facts.run.ledger.iterations, facts.run.planned);
        lines.push(format!("{done} of {planned} iterations are there: the run goes on, or was stopped"));
    }
    let conditions =
        facts.run.judgement.conditions.iter().filter(|condition| condition.verdict != RunVerdict::Pass);
    lines.extend(conditions.map(|condition| {
        format!(
            "{}: {} ({})",
            condition.name,
            condition.reason.as_deref().unwrap_or_default(),
            condition.note
        )
    }));
    match &facts.run.occasion {
        Occasion::Legacy { findings, .. } => {
            let bad = findings.iter().filter(|finding| finding.kind != FindingKind::Informative);
            lines.extend(bad.map(|finding| format!("{}: {}", finding.name, finding.text)));
        }
        Occasion::Kept { plan_problem, summaries, recomputed, .. } => {
            lines.extend(plan_problem.iter().chain(&summaries.problems).cloned());
            lines.extend(recomputed.iter().flat_map(|found| found.differences.iter().cloned()));
        }
        Occasion::Finished { .. } => {}
    }
    lines.extend(facts.kept_problem());
    if facts.run.is_no_evidence() {
        lines.push("A simulation is no evidence; --mock judges it as a rehearsal".to_owned());
    }
    if lines.is_empty() {
        return;
    }
    out.push_str("\n## The run itself\n\n");
    for line in &lines {
        out.push_str(&markdown::item(line));
    }
    let worst = facts.figures.iter().filter(|one| one.all.n == 0).map(|one| one.name.as_str());
    let unknown: Vec<&str> = worst.collect();
    if !unknown.is_empty() {
        out.push_str(&markdown::item(&format!("Never known: {}", unknown.join(", "))));
    }
}
