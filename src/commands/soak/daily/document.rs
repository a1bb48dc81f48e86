//! The report of a day as a document, and as a page.

use super::day::FIGURES;
use super::verdict::{DailyFacts, verdict};
use super::windows::RunWindows;
use crate::evidence::daily::report::{
    BUG_BASH, CHAOS, DRIFT, DailyBasis, DailyFields, DailyReport, DayGates, Field, Guard, NO_HISTORY,
    REG_GUARD, RunSource, SCHEMA,
};
use crate::evidence::daily::{compact, go_without};
use crate::evidence::header::Header;
use crate::format::markdown;
use crate::report::maker::Maker;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the document and the report of the command have in common.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct DailyBody {
    #[serde(flatten)]
    pub(super) fields: DailyFields,
    #[serde(flatten)]
    pub(super) basis: DailyBasis,
}

/// What the page of a day begins with.
pub(super) const TITLE: &str = "# Soak of ";

/// Days that readiness asks for, unless it is told otherwise.
const WINDOW: usize = 7;

impl DailyBody {
    pub(super) fn new(facts: &DailyFacts) -> Self {
        Self { fields: fields(facts), basis: basis(facts) }
    }

    pub(super) fn document(&self, facts: &DailyFacts, maker: Maker) -> DailyReport {
        let versions: Vec<&str> = facts.day.builds.iter().map(|build| build.version.as_str()).collect();
        let is_one = versions.windows(2).all(|pair| pair[0] == pair[1]);
        let subject = versions.first().filter(|_| is_one).map(|version| (*version).to_owned());
        let header = Header::new(SCHEMA, maker).simulated(facts.is_simulated());
        DailyReport {
            header: header.observed(facts.day.observed).about(subject),
            verdict: Field::Value(verdict(facts).0),
            fields: self.fields.clone(),
            basis: Some(self.basis.clone()),
        }
    }
}

fn fields(facts: &DailyFacts) -> DailyFields {
    let mut unknown = BTreeMap::new();
    let [edge, age, taker] = facts.day.figures.clone();
    for (kind, figure) in FIGURES.iter().zip(&facts.day.figures) {
        unknown.extend(figure.as_ref().err().map(|reason| (kind.field.to_owned(), reason.clone())));
    }
    let answers = [
        (REG_GUARD, &facts.regression.reason),
        (DRIFT, &facts.drift.reason),
        (CHAOS, &facts.chaos),
        (BUG_BASH, &facts.bug_bash),
    ];
    for (field, answer) in answers {
        unknown.extend(answer.as_ref().err().map(|reason| (field.to_owned(), reason.clone())));
    }
    let mut regression = facts.regression.notes.clone();
    regression.extend(go_note(facts));
    regression.extend(facts.history_faults.iter().map(|fault| format!("not compared with: {fault}")));
    let guard = |reason: &Result<String, String>, notes: Vec<String>| {
        Field::Value(Guard { reason: Field::of(reason.clone().ok()), notes })
    };
    DailyFields {
        date: Field::Value(compact(facts.date)),
        edge_net_bps: Field::of(edge.ok()),
        order_age_p95_ms: Field::of(age.ok()),
        taker_share_pct: Field::of(taker.ok()),
        reg_guard: guard(&facts.regression.reason, regression),
        drift: guard(&facts.drift.reason, facts.drift.notes.clone()),
        chaos_result: Field::of(facts.chaos.clone().ok()),
        bug_bash: Field::of(facts.bug_bash.clone().ok()),
        unknown,
    }
}

/// When a day without history stands in the way of GO no more.
pub(super) fn go_note(facts: &DailyFacts) -> Option<String> {
    let has_none = facts.regression.reason.as_deref() == Ok(NO_HISTORY);
    let go = go_without(facts.date, WINDOW).filter(|_| has_none)?;
    Some(format!(
        "a day without history earns nothing: with {WINDOW} good days after it, GO can be reached on {go}"
    ))
}

fn basis(facts: &DailyFacts) -> DailyBasis {
    let last = facts.runs.iter().flat_map(|run| &run.windows).max_by_key(|window| window.to);
    let parameters = last.and_then(|window| window.params.values().next()).cloned().unwrap_or_default();
    DailyBasis {
        observed_hours: facts.day.observed_secs / 3600.0,
        min_observed_hours: facts.min_observed_secs / 3600.0,
        runs: facts.runs.iter().map(run_source).collect(),
        left_out: facts.left_out.clone(),
        builds: facts.day.builds.iter().cloned().collect(),
        versions: facts.day.versions.clone(),
        version_changes: facts.told_changes.clone(),
        rules: facts.rules.clone(),
        gates: facts.day.gates.record(),
        parameters,
        figures: facts.day.sources.clone(),
        baselines: facts.baselines.clone(),
        history: facts.history.clone(),
        accepted: facts.accepted.clone(),
        drill: facts.drill.clone(),
        tests: facts.tests.clone(),
        anomalies: facts.anomalies.clone(),
    }
}

fn run_source(run: &RunWindows) -> RunSource {
    let number = |window: Option<&super::windows::Window>| window.map_or(0, |window| window.iteration);
    RunSource {
        run_dir: run.run_dir.clone(),
        source: run.source.clone(),
        plan_sha256: run.plan_sha256.clone(),
        journal_sha256: run.journal_sha256.clone(),
        iterations: (number(run.windows.first()), number(run.windows.last())),
        windows: u32::try_from(run.windows.len()).unwrap_or(u32::MAX),
        over_midnight: run.over_midnight,
        simulated: run.is_simulated,
    }
}

/// The report as a page.
pub(super) fn page(report: &DailyReport, facts: &DailyFacts) -> String {
    let DailyFields { reg_guard, drift, chaos_result, bug_bash, unknown, .. } = &report.fields;
    let mut text = format!("{TITLE}{}\n\nResult: {}\n\n", facts.date, verdict(facts).0.as_str());
    if report.header.simulated {
        text.push_str("**simulated: true**\n\n");
    }
    let number = |value: &Field<f64>| value.value().map_or("unknown".to_owned(), ToString::to_string);
    let words = |value: &Field<String>| value.value().map_or("unknown".to_owned(), Clone::clone);
    let reason = |guard: &Field<Guard>| {
        guard.value().and_then(|guard| guard.reason.value()).map_or("unknown".to_owned(), Clone::clone)
    };
    let figures =
        [&report.fields.edge_net_bps, &report.fields.order_age_p95_ms, &report.fields.taker_share_pct];
    text.push_str(&markdown::table_head(&["field", "value", "unit", "why unknown"]));
    let why = |field: &str| unknown.get(field).cloned().unwrap_or_default();
    for (kind, figure) in FIGURES.iter().zip(figures) {
        text.push_str(&markdown::safe_row([kind.field, &number(figure), kind.unit, &why(kind.field)]));
    }
    let others = [
        (REG_GUARD, reason(reg_guard)),
        (DRIFT, reason(drift)),
        (CHAOS, words(chaos_result)),
        (BUG_BASH, words(bug_bash)),
    ];
    for (field, value) in others {
        text.push_str(&markdown::safe_row([field, &value, "", &why(field)]));
    }
    text.push_str("\n## Runs\n\n");
    let head = ["run", "source", "windows", "iterations"];
    text.push_str(&markdown::table_head(&head));
    for run in &facts.runs {
        let source = run_source(run);
        text.push_str(&markdown::safe_row([
            source.run_dir,
            source.source,
            source.windows.to_string(),
            format!("{}..{}", source.iterations.0, source.iterations.1),
        ]));
    }
    let left_out = facts.left_out.iter();
    text.extend(left_out.map(|run| markdown::item(&format!("{}: {}", run.run_dir, run.reason))));
    if !facts.runs.is_empty() {
        let DayGates { verdict, broken, unknown } = facts.day.gates.record();
        let rules = &facts.rules;
        text.push_str(&format!("\n## Gates\n\nProfile {}: {verdict}\n\n", rules.profile));
        text.extend(broken.iter().map(|gate| markdown::item(&format!("{gate} is broken"))));
        text.extend(unknown.iter().map(|reason| markdown::item(reason)));
    }
    let notes = [&facts.regression.notes, &facts.drift.notes].into_iter().flatten();
    let notes: Vec<&String> = notes.collect();
    if !notes.is_empty() {
        text.push_str("\n## Guards\n\n");
        text.extend(notes.into_iter().map(|note| markdown::item(note)));
        text.extend(go_note(facts).iter().map(|note| markdown::item(note)));
    }
    if !facts.anomalies.is_empty() {
        text.push_str("\n## Anomalies\n\n");
        text.push_str(&markdown::table_head(&["figure", "window", "value", "median", "score"]));
        for one in &facts.anomalies {
            let figures = [one.value, one.median, one.score].map(|figure| format!("{figure:.4}"));
            text.push_str(&markdown::safe_row([&one.figure, &one.at].into_iter().chain(&figures)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::verdict::good;
    use super::*;
    use crate::report::maker::ClockKind;

    /// What is written reads back as the same fields, each null with its reason.
    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let mut facts = good();
        facts.day.figures[2] = Err("nothing was seen".to_owned());
        facts.chaos = Err("no drill".to_owned());
        let now = "2026-03-10T00:20:00Z".parse().expect("a time");
        let maker = Maker { version: "1.0.0", commit: None, now, stamp: now, clock: ClockKind::System };
        let document = DailyBody::new(&facts).document(&facts, maker);
        let written = serde_json::to_value(&document).expect("plain data");
        let read: DailyReport = serde_json::from_value(written.clone()).expect("its own form");
        assert!(read.basis.is_some());
        assert_eq!(serde_json::to_value(&read).expect("plain data"), written);
        let DailyFields { taker_share_pct, unknown, edge_net_bps, .. } = read.fields;
        assert_eq!((edge_net_bps.value(), taker_share_pct.value()), (Some(&2.5), None));
        assert_eq!(unknown.into_keys().collect::<Vec<_>>(), ["chaos_result", "taker_share_pct"]);
    }
}
