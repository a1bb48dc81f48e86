//! The report of `soak check`.

use super::verdict::{CheckFacts, of_families, of_selector};
use crate::commands::soak::probe::SelectorCheck;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("soak check", "SOAK_CHECK", "FAIL");

/// What the report has of its own.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct CheckBody {
    /// Where the figures come from.
    source: String,
    /// Name of the profile.
    profile: String,
    /// What was found for each selector.
    selectors: Vec<SelectorCheck>,
}

pub(super) fn report(facts: &CheckFacts, verdict: Outcome) -> Report {
    let CheckFacts { source, profile, simulated, selectors, failures, faulty } = facts;
    let value = if verdict.is_yes() { "OK" } else { "FAIL" };
    let source_row = Row::judged("source", failures.iter().cloned()).note(source);
    let families = (!faulty.is_empty())
        .then(|| Row::new("faulty families", of_families(faulty)).reasons(faulty.iter().cloned()));
    let rows = [source_row].into_iter().chain(families).chain(selectors.iter().map(row)).collect();
    let body = CheckBody { source: source.clone(), profile: profile.clone(), selectors: selectors.clone() };
    Report::new(&SPEC, "SOAK CHECK", Conclusion::new(verdict, value))
        .rows(rows)
        .simulated(*simulated)
        .body(&body)
}

fn row(check: &SelectorCheck) -> Row {
    let members = check.members.map(|members| format!("{members} members"));
    let kind = check.kind.map(|kind| kind.as_str().to_owned());
    let series = format!("{} series", check.series);
    let parts: Vec<String> =
        [Some(series), members, kind, check.unit.clone()].into_iter().flatten().collect();
    let needed_by = (!check.problems.is_empty()).then(|| {
        let gated = if check.is_gated { "" } else { ", which no gate needs" };
        format!("for {}{gated}", check.kpis.join(", "))
    });
    Row::new(&check.selector, of_selector(check))
        .note(parts.join(", "))
        .reasons(check.problems.iter().cloned().chain(needed_by))
}
