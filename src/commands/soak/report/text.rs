//! What the readable files of a report have in common.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::ReportFacts;
use super::figures::ranges;
use crate::commands::soak::document::{figure, stamps};
use crate::format::markdown;

/// Title, simulation, and what the file is about.
pub(super) fn head(title: &str, facts: &ReportFacts) -> String {
    let mut out = format!("{title}\n");
    out.push_str(&stamps(facts.header.simulated, facts.header.clock));
    let run = &facts.run;
    out.push_str(&markdown::item_of(&format!("Run: {}", markdown::code(&run.run_dir))));
    out.push_str(&markdown::item(&format!("Source: {}, profile {}", run.source, run.profile)));
    let (there, total) = (facts.analyzed(), facts.iterations_total());
    let last = match there.as_slice() {
        [] => "none of them is there".to_owned(),
        some => format!("the last {} are {}", facts.last_n, ranges(some.iter().copied())),
    };
    out.push_str(&markdown::item(&format!("Iterations: {total} of {}; {last}", run.planned)));
    if !run.ledger.missing.is_empty() {
        let missing = ranges(run.ledger.missing.iter().copied());
        out.push_str(&markdown::item(&format!("Missing iterations: {missing}")));
    }
    if let Some((from, to)) = facts.header.observation() {
        out.push_str(&markdown::item(&format!("Observed: {from} to {to}")));
    }
    if let Some(subject) = &facts.header.subject {
        out.push_str(&markdown::item(&format!("Build: {subject}")));
    }
    if let Some(made_at) = facts.made_at {
        out.push_str(&markdown::item(&format!("Made: {made_at}")));
    }
    out.push('\n');
    out
}

/// A value with its unit, which says nothing of a ratio.
pub(super) fn with_unit(value: Option<f64>, unit: &str) -> String {
    match (value, unit) {
        (None, _) => "unknown".to_owned(),
        (Some(_), "ratio" | "flag" | "count") => figure(value),
        (Some(_), unit) => format!("{} {unit}", figure(value)),
    }
}

/// A change with four digits that count, however small it is.
pub(super) fn small(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.1 {
        return figure(Some(value + 0.0));
    }
    let text = format!("{value:.3e}");
    let exponent = text.split_once('e').map_or("0", |(_, exponent)| exponent);
    let places = exponent.parse().map_or(0, |exponent: i32| exponent.unsigned_abs() as usize) + 3;
    let text = format!("{value:.places$}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_changes_keep_their_digits() {
        let table =
            [(0.0, "0"), (-0.0, "0"), (12.5, "12.5"), (0.000_012_345, "0.00001234"), (-0.001, "-0.001")];
        for (value, text) in table {
            assert_eq!(small(value), text);
        }
    }
}
