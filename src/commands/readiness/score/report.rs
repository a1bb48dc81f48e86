//! The report of a score, and the score as a page.

use super::document::{Document, ScoreAnswer};
use crate::commands::readiness::points::{self, Section};
use crate::commands::readiness::verdict::Verdict;
use crate::commands::readiness::{advice, scale};
use crate::evidence::daily::Window;
use crate::evidence::entry::Entry;
use crate::evidence::explanation::Explanation;
use crate::format::markdown;
use crate::report::{CommandSpec, Outcome, Report, Row};

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("readiness score", "READINESS", "HOLD").named("readiness").revised(2);

/// What the Markdown form begins with.
pub(super) const TITLE: &str = "# READINESS SCORE\n";

pub(super) fn report(window: &Window, document: &Document, explanation: Option<Explanation>) -> Report {
    let mut rows = vec![reports_row(window)];
    rows.extend(points::score(window).iter().map(row));
    rows.extend(document.body.drills.iter().map(Entry::row));
    rows.extend(window.remarks.iter().map(|remark| Row::new("reports", Outcome::Warn).reason(remark)));
    let other_release = document.body.other_release.iter();
    rows.extend(other_release.map(|reason| Row::new("release", Outcome::Fail).reason(reason)));
    if document.header.simulated {
        rows.push(Row::new("simulated", Outcome::Warn).reason("the score rests on simulated runs"));
    }
    let total = Row::new("score", Outcome::of(document.verdict == Verdict::Go))
        .note(format!("{:.6} / 100", document.body.score));
    rows.push(total);
    rows.extend(explanation.iter().flat_map(Explanation::rows));
    Report::new(&SPEC, "READINESS SCORE", document.verdict.conclusion())
        .rows(rows)
        .simulated(document.header.simulated)
        .observed(document.header.observation())
        .body(&ScoreAnswer { body: &document.body, explanation })
}

/// Whether every day of the window has a report that counts.
fn reports_row(window: &Window) -> Row {
    let shown = window.days.iter().filter(|day| day.fault.is_none()).count();
    let note = format!("{shown} of {} days", window.days.len());
    let row = Row::new("reports", Outcome::of(shown == window.days.len())).note(note);
    let faults = window.days.iter().filter_map(|day| Some(format!("{}: {}", day.date, day.fault.as_ref()?)));
    let row = row.reasons(faults);
    row.reasons(advice::for_blank_days(&window.days).map(|advice| to_win_back(&advice)))
}

fn row(section: &Section) -> Row {
    let note = format!("{:.6} / {}", section.points, section.max);
    let row = Row::new(section.name, Outcome::of(!section.is_lost())).note(note).reasons(&section.reasons);
    row.reasons(section.advice.iter().filter(|_| section.is_lost()).map(|advice| to_win_back(advice)))
}

fn to_win_back(advice: &str) -> String {
    format!("to win it back: {advice}")
}

pub(super) fn markdown(document: &Document) -> String {
    let Document { header, verdict, body } = document;
    let mut out = format!("{TITLE}\nResult: {}  Score: {:.6}\n\n", verdict.as_str(), body.score);
    if header.simulated {
        out.push_str("**simulated: true**\n\n");
    }
    if let Some(reason) = &body.other_release {
        out.push_str(&format!("{}\n", markdown::item(reason)));
    }
    out.push_str(&markdown::table_head(&["section", "score"]));
    for ((name, _), points) in scale::SECTIONS.iter().zip(body.sections.points()) {
        out.push_str(&markdown::row([*name, &format!("{points:.6}")]));
    }
    for loss in &body.losses {
        out.push_str(&format!("\n## {}: {:.6} points lost\n\n", loss.section, loss.points));
        out.extend(loss.reasons.iter().map(|reason| markdown::item(reason)));
        out.extend(loss.cheapest.iter().map(|advice| markdown::item(&to_win_back(advice))));
    }
    out
}
