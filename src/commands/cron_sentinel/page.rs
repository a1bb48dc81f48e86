//! The states of the tasks as a page. Nothing here judges.
#![warn(clippy::wildcard_enum_match_arm)]

use super::judge::{Judged, State};
use super::verdict::{Facts, Verdict};
use crate::report::Outcome;
use crate::report::maker::Maker;
use crate::report::page::number::count;
use crate::report::page::{self, Markup, Page, Tone, anchor, html, time};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Tasks that a page lists, those that are not fresh first.
const ROWS: usize = 2000;

pub(super) fn render(facts: &Facts, verdict: Verdict, maker: &Maker) -> String {
    let (tone, headline) = headline(verdict);
    page::document(&Page {
        title: format!("{headline}: {}", facts.config),
        tone,
        skip: ("tasks", "Skip to the tasks"),
        header: html!(
            "<div class=\"top\"><h1>mmops cron sentinel \u{b7} {}</h1></div>{}",
            &facts.config,
            verdict_box(facts, verdict)
        ),
        main: table(facts),
        cursor: None,
        footer: html!(
            "Inspected {}{}; this page comes anew by itself (<a \
             href=\"?refresh=off\">stop that</a>). <a href=\"/metrics\">Metrics</a>. mmops {}.",
            time::time(maker.now.as_millisecond()),
            maker.clock.remark(),
            maker.version
        ),
    })
}

fn headline(verdict: Verdict) -> (Tone, &'static str) {
    match verdict {
        Verdict::Fresh => (Tone::Good, "FRESH"),
        Verdict::Running => (Tone::Running, "FRESH"),
        Verdict::Stale => (Tone::Bad, "STALE"),
    }
}

fn verdict_box(facts: &Facts, verdict: Verdict) -> Markup {
    let (tone, headline) = headline(verdict);
    let total = facts.tasks.len();
    let wrong: Vec<&Judged> = facts.tasks.iter().filter(|task| !task.outcome().is_yes()).collect();
    let summary = match verdict {
        Verdict::Fresh => format!("Every one of {} tasks still produces.", count(total as u64)),
        Verdict::Running => "No task is late; at least one runs inside its time.".to_owned(),
        Verdict::Stale if total == 0 => "There are no tasks, so nothing is known.".to_owned(),
        Verdict::Stale => {
            format!(
                "{} of {} tasks are not what they must be.",
                count(wrong.len() as u64),
                count(total as u64)
            )
        }
    };
    let names = wrong.iter().take(5).map(|task| {
        let id = anchor("task", &task.name);
        html!("<a href=\"#{}\">{}</a>", id, &task.name)
    });
    let next = facts.tasks.iter().filter_map(|task| Some((task.next_due.as_ref()?, &task.name))).min();
    let mut rows = Vec::new();
    if !wrong.is_empty() {
        let more = if wrong.len() > 5 { format!(" and {} more", wrong.len() - 5) } else { String::new() };
        rows.push(("Not fresh", html!("{}{}", Markup::joined(names, ", "), more)));
    }
    if let Some((due, name)) = next {
        rows.push(("Due next", html!("{}, {}", name, when(due, &TimeZone::UTC, "UTC"))));
    }
    page::verdict_box(tone, headline, [], &summary, rows, None)
}

fn table(facts: &Facts) -> Markup {
    let mut tasks: Vec<&Judged> = facts.tasks.iter().collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.outcome()));
    let left = tasks.len().saturating_sub(ROWS);
    let rows: Markup = tasks.into_iter().take(ROWS).map(row).collect();
    let more = if left > 0 {
        html!("<p>{} more, which are fresh or not listed.</p>", left)
    } else {
        Markup::default()
    };
    html!(
        "<section id=\"tasks\"><h2>Tasks</h2><table class=\"df\"><thead><tr><th scope=\"col\">state</th><th \
         scope=\"col\">task</th><th scope=\"col\">artifact</th><th scope=\"col\">made and due</th></tr></thead><tbody>{}\
         </tbody></table>{}</section>",
        rows,
        more
    )
}

fn row(task: &Judged) -> Markup {
    let tone = match (task.outcome(), task.state) {
        (Outcome::Pass, _) => Tone::Good,
        (Outcome::Warn, _) => Tone::Running,
        (Outcome::Unknown | Outcome::Skipped, _) => Tone::Unknown,
        (Outcome::Fail, State::Clock) => Tone::Warning,
        (
            Outcome::Fail,
            State::Fresh | State::Running | State::Stale | State::Invalid | State::Missing | State::Error,
        ) => Tone::Bad,
    };
    let owner = task.owner.as_ref().map(|owner| html!(", owner {}", owner)).unwrap_or_default();
    let reasons: Markup = task.reasons.iter().map(|reason| html!("<small>{}</small>", reason)).collect();
    let zone = task.timezone.as_str();
    let place = task.zone.clone();
    let made = task.made_at.as_ref().map_or_else(
        || html!("<small>no time known</small>"),
        |made| html!("<small>made {}</small>", when(made, &place, zone)),
    );
    let due = task.next_due.as_ref().map(|due| html!("<small>due {}</small>", when(due, &place, zone)));
    let id = anchor("task", &task.name);
    html!(
        "<tr id=\"{}\"><td>{}</td><td><b>{}</b><small>severity {}{}</small></td><td><code>{}</code>{}</td><td>{}{}</td></tr>",
        id,
        tone.status(task.state.as_str()),
        &task.name,
        task.severity.as_str(),
        owner,
        &task.artifact,
        reasons,
        made,
        due.unwrap_or_default()
    )
}

/// A time of the report in UTC, and on the clock of the task where that is another.
fn when(text: &str, zone: &TimeZone, name: &str) -> Markup {
    let Ok(at) = text.parse::<Timestamp>() else { return html!("{}", text) };
    let utc = time::time(at.as_millisecond());
    match name {
        "UTC" => utc,
        name => html!(
            "{} ({} {})",
            utc,
            at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M%:z").to_string(),
            name
        ),
    }
}
