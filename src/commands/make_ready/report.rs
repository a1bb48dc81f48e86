//! The report of `make-ready`.

use super::verdict::{Component, Facts, Verdict, verdict};
use crate::evidence::requirement::Judged;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};

pub(crate) const SPEC: CommandSpec = CommandSpec::new("make-ready", "MAKE_READY", "BLOCKED").clamped();

pub(super) fn report(facts: &Facts) -> Report {
    let mut rows: Vec<Row> = facts.components.iter().map(row).collect();
    rows.extend(facts.evidence.iter().map(Judged::row));
    let conclusion = match verdict(facts) {
        Verdict::Ok => Conclusion::new(Outcome::Pass, "OK"),
        Verdict::Blocked => Conclusion::new(Outcome::Fail, "BLOCKED"),
    };
    Report::new(&SPEC, "MAKE-READY", conclusion)
        .preamble(preamble(&facts.components))
        .rows(rows)
        .simulated(facts.is_simulated())
        .evidence(facts.components.iter().flat_map(|component| &component.files))
}

fn row(component: &Component) -> Row {
    Row::new(component.name, component.outcome).conclusion_of(&component.marker).reasons(&component.reasons)
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
