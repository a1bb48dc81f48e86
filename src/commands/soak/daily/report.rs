//! The report of `soak daily`.

use super::document::{DailyBody, go_note};
use super::verdict::{DailyFacts, verdict};
use super::weekly::{DAYS, WeekVerdict, WeeklyBody, WeeklyFacts, week_verdict};
use crate::commands::soak::document::figure;
use crate::evidence::daily::report::{
    Anomaly, BUG_BASH, CHAOS, DRIFT, DayVerdict, EDGE, ORDER_AGE, REG_GUARD, TAKER_SHARE, TestSource,
};
use crate::format::duration;
use crate::report::exit::Exit;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("soak daily", "SOAK_DAILY", "FAIL");

pub(super) fn report(facts: &DailyFacts, body: &DailyBody) -> Report {
    let (verdict, outcome) = verdict(facts);
    let mut rows = vec![observed_row(facts)];
    rows.extend(facts.outcomes().into_iter().map(|(field, outcome)| field_row(field, outcome, facts)));
    rows.extend((!facts.runs.is_empty()).then(|| gates_row(facts)));
    rows.extend(facts.runs.iter().map(|run| {
        let windows = format!("{} windows", run.windows.len());
        Row::new("run", Outcome::Pass).note(windows).field("run_dir", &run.run_dir)
    }));
    rows.extend(
        facts
            .left_out
            .iter()
            .map(|run| Row::new("run", Outcome::Skipped).reason(format!("{}: {}", run.run_dir, run.reason))),
    );
    rows.extend(facts.weaker.iter().map(|reason| Row::new("rules", Outcome::Warn).reason(reason)));
    rows.extend(facts.anomalies.iter().map(anomaly_row));
    Report::new(&SPEC, format!("SOAK OF {}", facts.date), conclusion(verdict, outcome))
        .rows(rows)
        .simulated(facts.is_simulated())
        .observed(facts.day.observed)
        .body(body)
}

/// What the report of the command has: that of a day, or of a week.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "its schema is what is asked for")]
pub(crate) enum DailyAnswer {
    Day(Box<DailyBody>),
    Week(Box<WeeklyBody>),
}

/// The report of a week.
pub(super) fn weekly(facts: &WeeklyFacts, body: &WeeklyBody) -> Report {
    let verdict = week_verdict(facts);
    let conclusion = match verdict {
        WeekVerdict::Go | WeekVerdict::Warn => conclusion(DayVerdict::Ok, verdict.outcome()),
        WeekVerdict::Inconclusive => conclusion(DayVerdict::Inconclusive, verdict.outcome()),
        WeekVerdict::NoGo => conclusion(DayVerdict::Fail, verdict.outcome()),
    };
    let shown = facts.days.iter().filter(|day| day.fault.is_none()).count();
    let note = format!("{shown} of {DAYS} days");
    let days = if shown == DAYS { Outcome::Pass } else { Outcome::Unknown };
    let mut rows = vec![Row::new("reports", days).note(note).reasons(facts.faults())];
    rows.extend(
        facts
            .figures()
            .into_iter()
            .map(|(field, figure)| Row::new(field, figure.outcome()).reason(figure.text())),
    );
    rows.extend(body.far_days.iter().map(anomaly_row));
    rows.push(Row::new("week", verdict.outcome()).note(verdict.as_str()));
    let title = format!("WEEK FROM {} TO {}", body.period.from, body.period.to);
    Report::new(&SPEC, title, conclusion).rows(rows).simulated(facts.is_simulated()).body(body)
}

fn anomaly_row(one: &Anomaly) -> Row {
    let text = format!(
        "{} at {}: {} against a median of {}, {:.1} deviations away",
        one.figure,
        one.at,
        figure(Some(one.value)),
        figure(Some(one.median)),
        one.score
    );
    Row::new("anomaly", Outcome::Warn).reason(text)
}

pub(super) fn conclusion(verdict: DayVerdict, outcome: Outcome) -> Conclusion {
    let exit = match verdict {
        DayVerdict::Ok => Exit::Ok,
        DayVerdict::Inconclusive => Exit::Stalled,
        DayVerdict::Fail => Exit::Fail,
    };
    Conclusion::new(outcome, verdict.as_str()).exit(exit)
}

fn observed_row(facts: &DailyFacts) -> Row {
    let [seen, needed] = [facts.day.observed_secs, facts.min_observed_secs].map(duration::text);
    let outcome = if facts.day.fault.is_none() { Outcome::Pass } else { Outcome::Unknown };
    let over: u32 = facts.runs.iter().map(|run| run.over_midnight).sum();
    let over = (over > 0)
        .then(|| format!("{over} windows over midnight count for the gates of both days, and for no figure"));
    Row::new("observed", outcome)
        .note(format!("{seen}, at least {needed}"))
        .reasons(facts.day.fault.clone())
        .reasons(over)
}

/// What the gates say of the windows of the day; that nothing is known of it for this is said once.
fn gates_row(facts: &DailyFacts) -> Row {
    let gates = &facts.day.gates;
    let broken = gates.broken.iter().map(|gate| format!("{gate} is broken in the windows of the day"));
    let note = format!("{}, profile {}", gates.verdict.as_str(), facts.rules.profile);
    Row::new("gates", facts.gates()).note(note).reasons(broken).reasons(&gates.unknown)
}

fn field_row(field: &'static str, outcome: Outcome, facts: &DailyFacts) -> Row {
    let row = Row::new(field, outcome);
    let [edge, age, taker] = &facts.day.figures;
    let number = |row: Row, value: &Result<f64, String>, unit: &str| match value {
        Ok(value) => row.note(format!("{} {unit}", figure(Some(*value)))),
        // What holds for the whole day is said once.
        Err(reason) if facts.day.fault.as_ref() == Some(reason) => row.note("unknown"),
        Err(reason) => row.note("unknown").reason(reason),
    };
    let text = |row: Row, value: &Result<String, String>| match value {
        Ok(value) => row.note(value),
        Err(reason) => row.note("unknown").reason(reason),
    };
    match field {
        EDGE => number(row, edge, "bps"),
        ORDER_AGE => number(row, age, "ms"),
        TAKER_SHARE => number(row, taker, "percent"),
        REG_GUARD => text(row, &facts.regression.reason)
            .reasons(&facts.regression.notes)
            .reasons(go_note(facts))
            .reasons(facts.history_faults.iter().map(|fault| format!("not compared with: {fault}"))),
        DRIFT => text(row, &facts.drift.reason).reasons(&facts.drift.notes),
        CHAOS => {
            let row = text(row, &facts.chaos);
            let more =
                facts.drill.iter().flat_map(|drill| drill.reasons.iter()).filter(|_| facts.chaos.is_ok());
            let simulated = facts.drill.as_ref().filter(|drill| drill.simulated);
            row.reasons(more).reasons(simulated.map(|drill| format!("`{}` is simulated", drill.path)))
        }
        BUG_BASH => text(row, &facts.bug_bash).reasons(facts.tests.as_ref().and_then(counts)),
        other => row.note(other),
    }
}

fn counts(tests: &TestSource) -> Option<String> {
    let age = tests.age.as_ref().map_or_else(String::new, |age| format!(", the oldest {age} old"));
    Some(format!(
        "{} tests, {} failures, {} errors, {} skipped{age}",
        tests.tests?, tests.failures?, tests.errors?, tests.skipped?
    ))
}
