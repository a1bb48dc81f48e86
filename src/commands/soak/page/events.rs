//! What happened while the run lasted, in order of time.
#![warn(clippy::wildcard_enum_match_arm)]

use super::layout::{GateView, Layout, milliseconds};
use super::words::{gate_link, plural, value_text};
use crate::judge::kpi::LifeCause;
use crate::judge::record::lives::Life;
use crate::report::page::chart::{EventKind, EventMark};
use crate::report::page::{Markup, Tone, html, number, time};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Entries of the folded list.
const MOST: usize = 200;
/// Marks above a chart; many restarts are a row of triangles anyway.
const MOST_MARKS: usize = 60;

struct Event {
    at_ms: i64,
    tone: Tone,
    word: &'static str,
    text: Markup,
    lasts_ms: Option<i64>,
}

/// Where a process was started anew.
fn restarts<'a>(layout: &'a Layout) -> impl Iterator<Item = (i64, &'a Life, &'static str)> {
    layout.facts.ledger.lives.kept.iter().filter_map(|life| {
        let how = match life.begin.cause {
            LifeCause::StartTime => "the process says that it started anew",
            LifeCause::CountersFell => "counters began again at zero",
            LifeCause::Replaced => "another process took its place",
            LifeCause::FirstSeen | LifeCause::Build => return None,
        };
        let seen = life.begin.seen_at.parse().map(Timestamp::as_millisecond);
        Some((seen.unwrap_or_else(|_| layout.begin(life.iteration)), life, how))
    })
}

/// Parameters that changed: when, and from what to what.
fn changes(layout: &Layout) -> Vec<(i64, String)> {
    // The same change of many members at one time is told once.
    let mut changes: BTreeMap<(i64, String), Vec<&str>> = BTreeMap::new();
    let mut before: BTreeMap<&str, &BTreeMap<String, f64>> = BTreeMap::new();
    for window in &layout.facts.trail.parameters {
        let members = window.members.iter().map(|(name, parameters)| (name.as_str(), parameters));
        for (member, parameters) in members.chain([("", &*window.parameters)]) {
            if parameters.is_empty() {
                continue;
            }
            if let Some(old) = before.insert(member, parameters).filter(|old| *old != parameters) {
                let differs = |(name, value): (&String, &f64)| {
                    let was = old.get(name).map_or("unknown".to_owned(), |was| number::figure(*was, "count"));
                    (old.get(name) != Some(value))
                        .then(|| format!("{name} {was} \u{2192} {}", number::figure(*value, "count")))
                };
                let all: Vec<String> = parameters.iter().filter_map(differs).collect();
                let key = (layout.begin(window.iteration), all.join("; "));
                changes.entry(key).or_default().push(member);
            }
        }
    }
    let spell = |((at_ms, text), members): ((i64, String), Vec<&str>)| match members[..] {
        [""] => (at_ms, text),
        [member] => (at_ms, format!("{member}: {text}")),
        _ => (at_ms, format!("{} members: {text}", members.len())),
    };
    changes.into_iter().map(spell).collect()
}

/// Restarts and changes as marks above the charts.
pub(super) fn marks(layout: &Layout) -> Vec<EventMark> {
    let restarts = restarts(layout).map(|(at_ms, life, how)| {
        let of = if life.member.is_empty() { "" } else { &life.member };
        let title = format!("restart {of} {} {} UTC: {how}", time::day(at_ms), time::clock(at_ms));
        EventMark { at_ms, kind: EventKind::Restart, title }
    });
    let changes = changes(layout).into_iter().map(|(at_ms, text)| {
        let title = format!("parameters {} {} UTC: {text}", time::day(at_ms), time::clock(at_ms));
        EventMark { at_ms, kind: EventKind::Change, title }
    });
    restarts.chain(changes).take(MOST_MARKS).collect()
}

/// How often processes were started anew and parameters changed, in words.
pub(super) fn counts(layout: &Layout) -> String {
    if layout.facts.ledger.iterations == 0 {
        return "nothing seen yet".to_owned();
    }
    let restarts = match restarts(layout).count() {
        0 => "no restart".to_owned(),
        count => plural(count, "restart"),
    };
    let reported = layout.facts.trail.parameters.iter();
    let mut reported = reported.flat_map(|window| window.members.values().chain([&*window.parameters]));
    let changes = match changes(layout).len() {
        0 if reported.all(BTreeMap::is_empty) => "the service does not say its parameters".to_owned(),
        0 => "parameters never changed".to_owned(),
        count => format!("parameters changed {}", plural(count, "time")),
    };
    format!("{restarts}; {changes}")
}

pub(super) fn section(layout: &Layout) -> Markup {
    let (mut first, mut rest) = (happened(layout), Vec::new());
    for view in layout.gates.iter().filter(|view| !view.stretches.is_empty()) {
        let longest = view.longest_stretch();
        for (at, stretch) in view.stretches.iter().enumerate() {
            let event = broken(layout, view, stretch);
            if at == 0 || Some(stretch) == longest { &mut first } else { &mut rest }.push(event);
        }
    }
    first.sort_by_key(|event| event.at_ms);
    rest.sort_by_key(|event| event.at_ms);
    let list = |events: &[Event]| {
        let items: Markup = events.iter().take(MOST).map(item).collect();
        html!("<ol class=\"e\">{}</ol>", items)
    };
    let more = |events: &[Event]| match events.len().saturating_sub(MOST) {
        0 => Markup::default(),
        count => html!("<p class=\"mu\">and {} more, in soak_metrics.json and the journal</p>", count),
    };
    let nothing = html!("<p>Nothing: no gap, no restart, no change, no broken limit.</p>");
    let folded = html!(
        "<details><summary>The other {} a limit was broken</summary>{}{}</details>",
        plural(rest.len(), "time"),
        list(&rest),
        more(&rest)
    );
    html!(
        "<section id=\"events\"><h2>What happened</h2>{}{}{}</section>",
        if first.is_empty() {
            nothing
        } else {
            html!(
                "<p class=\"mu\">In order of time: gaps, restarts, changes, and of each broken limit the first and the \
                 longest time.</p>{}",
                list(&first)
            )
        },
        more(&first),
        if rest.is_empty() { Markup::default() } else { folded }
    )
}

fn happened(layout: &Layout) -> Vec<Event> {
    let ledger = layout.facts.ledger;
    let gaps = ledger.gaps.iter().map(|(before, secs)| Event {
        at_ms: layout.begin(*before) - milliseconds(*secs),
        tone: Tone::Unknown,
        word: "gap",
        text: html!("not observed"),
        lasts_ms: Some(milliseconds(*secs)),
    });
    let missing = ledger.missing.iter().map(|number| Event {
        at_ms: layout.begin(*number),
        tone: Tone::Unknown,
        word: "missing",
        text: html!("the window is not in the journal"),
        lasts_ms: Some(layout.window_ms()),
    });
    let restarts = restarts(layout).map(|(at_ms, life, how)| {
        let of =
            [life.member.as_str(), life.begin.process.as_str()].into_iter().find(|name| !name.is_empty());
        let of = of.map(|name| format!("{name}: ")).unwrap_or_default();
        Event { at_ms, tone: Tone::Running, word: "restart", text: html!("{}{}", of, how), lasts_ms: None }
    });
    let changes = changes(layout).into_iter().map(|(at_ms, text)| Event {
        at_ms,
        tone: Tone::Running,
        word: "parameters",
        text: html!("{}", text),
        lasts_ms: None,
    });
    let steps = layout.facts.trail.clock_steps.iter().map(|(number, secs)| Event {
        at_ms: layout.begin(*number),
        tone: Tone::Warning,
        word: "clock",
        text: html!("the wall clock was set by {}", number::figure(*secs, "s")),
        lasts_ms: None,
    });
    gaps.chain(missing).chain(restarts).chain(changes).chain(steps).collect()
}

fn broken(layout: &Layout, view: &GateView, stretch: &crate::judge::gate::BrokenStretch) -> Event {
    let side = if view.gate.is_worse(1.0, 0.0) { "up to" } else { "down to" };
    let member = if view.members.is_empty() { String::new() } else { format!(" ({})", view.line_member) };
    let is_soft = view.gate.severity != crate::judge::gate::Severity::Hard;
    Event {
        at_ms: layout.begin(stretch.first),
        tone: if is_soft { Tone::Warning } else { Tone::Bad },
        word: "broken",
        text: html!("{} {} {}{}", gate_link(view.name), side, value_text(view.gate, stretch.worst), member),
        lasts_ms: Some(layout.stretch_ms(stretch)),
    }
}

fn item(event: &Event) -> Markup {
    let lasts = event.lasts_ms.map(|ms| html!("<span class=\"mu\">, for {}</span>", time::duration(ms)));
    html!(
        "<li><span>{}</span> <span class=\"{}\"><b class=\"st\">{}</b></span> <span>{}{}</span></li>",
        time::time(event.at_ms),
        event.tone.class(),
        event.word,
        &event.text,
        lasts.unwrap_or_default()
    )
}
