//! `RECOMMENDATIONS.md`: what to do, for people.
#![warn(clippy::wildcard_enum_match_arm)]

use super::advice::{Change, Recommendation};
use super::facts::ReportFacts;
use super::text::head;
use crate::commands::soak::document::figure;
use crate::format::{markdown, text};
use crate::judge::gate::Gate;
use crate::judge::record::GateResult;
use crate::judge::verdict::RunVerdict;

pub(super) const TITLE: &str = "# Recommendations of a soak\n";

pub(super) fn render(facts: &ReportFacts, verdict: RunVerdict, advice: &[Recommendation]) -> String {
    let mut out = head(TITLE, facts);
    out.push_str(&format!("Verdict: **{}**\n", verdict.as_str()));
    for (number, one) in (1..).zip(advice) {
        out.push_str(&format!("\n## {number}. {}\n\n", markdown::plain(&text::line(&one.about))));
        out.push_str(&markdown::item(&format!("Found: {}", one.finding)));
        if !one.iterations.is_empty() {
            out.push_str(&markdown::item(&format!("Iterations: {}", one.iterations)));
        }
        if let Some(driver) = &one.driver {
            out.push_str(&markdown::item(&format!("Driver: {driver}")));
        }
        if let Some(change) = &one.change {
            change_lines(&mut out, change);
        }
        if !one.action.is_empty() {
            out.push_str(&markdown::item(&format!("Do: {}", one.action)));
        }
    }
    if advice.is_empty() {
        out.push_str(&nothing(facts));
    }
    out
}

fn change_lines(out: &mut String, change: &Change) {
    let Change { parameter, from, to, by, limits, basis } = change;
    let values = match (from, to) {
        (Some(_), Some(_)) => format!("{} -> {}", figure(*from), figure(*to)),
        (None, _) | (_, None) => format!("{} (the value in force is not known)", figure(Some(*by))),
    };
    let parameter = markdown::code(parameter);
    let line = format!("Change: {parameter} {values}, allowed {} to {}", limits.min, limits.max);
    out.push_str(&markdown::item_of(&line));
    out.push_str(&markdown::item(&format!("Basis: {basis}")));
}

/// Where nothing is wrong, what is nearest to its limit.
fn nothing(facts: &ReportFacts) -> String {
    let judged =
        [(&facts.profile, &facts.run.judgement.gates), (&facts.goals.profile, &facts.goals.judgement.gates)];
    let all = judged.into_iter().flat_map(|(profile, results)| {
        results
            .iter()
            .filter_map(|(name, result)| Some((name, margin(profile.gates.get(name)?, result)?, result)))
    });
    let nearest = all.min_by(|one, other| one.1.total_cmp(&other.1));
    let text = match nearest {
        None => "no figure can be held against a limit".to_owned(),
        Some((name, margin, result)) => format!(
            "the nearest to its limit is {name}, {} where {} is wanted ({:.1} % of the limit away)",
            result.figure,
            result.condition,
            100.0 * margin
        ),
    };
    format!(
        "\nNothing to change: every gate and every goal holds, and none moves towards its limit; {text}.\n"
    )
}

/// How far a value is inside its limit, relative to it; none of a limit at 0.
fn margin(gate: &Gate, result: &GateResult) -> Option<f64> {
    let actual = result.outcome.actual?;
    let below = gate.at_most.map(|most| (most - actual, most));
    let above = gate.at_least.map(|least| (actual - least, least));
    let inside = |(room, limit): (f64, f64)| (limit != 0.0).then(|| room / limit.abs());
    below.into_iter().chain(above).filter_map(inside).reduce(f64::min)
}
