//! The report of `make-ready`.

use super::verdict::{Component, Facts, Verdict, verdict};
use crate::evidence::entry::Entry;
use crate::evidence::explanation::Explanation;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("make-ready", "MAKE_READY", "BLOCKED").clamped().revised(2);

pub(super) fn report(facts: &Facts, explanation: Option<&Explanation>) -> Report {
    let mut rows: Vec<Row> =
        facts.components.iter().map(|component| row(component, facts.allow_simulated)).collect();
    rows.extend(facts.evidence.iter().map(Entry::row));
    rows.extend(
        facts
            .not_required
            .iter()
            .map(|name| Row::new(*name, Outcome::Skipped).reason(format!("{name} not required by the plan"))),
    );
    rows.extend(explanation.into_iter().flat_map(Explanation::rows));
    let conclusion = match verdict(facts) {
        Verdict::Ok => Conclusion::new(Outcome::Pass, "OK"),
        Verdict::Blocked => Conclusion::new(Outcome::Fail, "BLOCKED"),
    };
    let folded = facts.components.iter().flat_map(|component| &component.documents).chain(&facts.evidence);
    Report::new(&SPEC, "MAKE-READY", conclusion)
        .preamble(preamble(&facts.components))
        .rows(rows)
        .simulated(facts.is_simulated())
        .documents(&folded.collect::<Vec<&Entry>>())
}

fn row(component: &Component, allow_simulated: bool) -> Row {
    let outcome = component.outcome(allow_simulated);
    let doubt = (outcome != component.answer).then_some(if outcome.is_yes() {
        "it rests on simulated input, which was allowed"
    } else {
        "it rests on simulated input, which is not evidence; --allow-simulated makes it a rehearsal"
    });
    let row = Row::new(component.name, outcome).conclusion_of(&component.marker);
    row.reasons(&component.reasons).reasons(doubt)
}

fn preamble(components: &[Component]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, Component { title, word, exit_code, .. }) in components.iter().enumerate() {
        lines.push(format!("[{}/{}] Running {title}...", at + 1, components.len()));
        lines.push(format!("      Result: {word} (exit {exit_code})"));
    }
    lines.extend([String::new(), "SUMMARY".to_owned()]);
    lines
}
