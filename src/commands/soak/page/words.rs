//! The words of the page: gates, their values and limits, and what their answers are called.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::{PageFacts, PageState};
use super::layout::{GateView, Layout};
use crate::judge::gate::{Aggregate, Gate, Severity};
use crate::judge::verdict::{GateState, RunVerdict};
use crate::release::shell;
use crate::report::page::chart::Limit;
use crate::report::page::{Markup, Tone, anchor, html, number, time};

/// An answer with its colour. While a run goes on nothing has passed.
pub(super) fn answer(state: GateState, page: PageState) -> (Tone, &'static str) {
    match state {
        GateState::HardFail => (Tone::Bad, "HARD FAIL"),
        GateState::SoftFail => (Tone::Warning, "SOFT FAIL"),
        GateState::ToolError => (Tone::Unknown, "TOOL ERROR"),
        GateState::NoData => (Tone::Unknown, "NO DATA"),
        GateState::Partial => (Tone::Unknown, "PARTIAL"),
        GateState::Warmup => (Tone::Unknown, "TOO EARLY"),
        GateState::Pass => match page {
            PageState::Judged(_) => (Tone::Good, "PASS"),
            PageState::Running | PageState::Interrupted => (Tone::Running, "SO FAR"),
        },
    }
}

/// The command that judges the run again. A path that is no UTF-8 cannot be written down here.
pub(super) fn again(facts: &PageFacts) -> Markup {
    let mock = if facts.simulated { " --mock" } else { "" };
    if facts.run_dir.contains(char::REPLACEMENT_CHARACTER) {
        return html!("<code>mmops soak gate</code> with the directory of the run");
    }
    html!("<code>mmops soak gate {}{}</code>", shell::quoted(facts.run_dir), mock)
}

/// Why the page is no evidence, whatever it says.
pub(super) fn doubts(facts: &PageFacts) -> impl Iterator<Item = &'static str> {
    facts.simulated.then_some("simulated").into_iter().chain(facts.header.clock.doubt())
}

/// The answer of the whole run.
pub(super) fn headline(page: PageState) -> (Tone, &'static str) {
    match page {
        PageState::Running => (Tone::Running, "RUNNING"),
        PageState::Interrupted => (Tone::Unknown, "INTERRUPTED"),
        PageState::Judged(verdict) => {
            let tone = match verdict {
                RunVerdict::Pass => Tone::Good,
                RunVerdict::Inconclusive => Tone::Unknown,
                RunVerdict::Fail => Tone::Bad,
            };
            (tone, verdict.as_str())
        }
    }
}

pub(super) fn limits(gate: &Gate) -> Vec<Limit> {
    let upper = gate.at_most.map(|value| Limit { value, is_upper: true });
    let lower = gate.at_least.map(|value| Limit { value, is_upper: false });
    upper.into_iter().chain(lower).collect()
}

/// The limit as a label, such as `limit ≤ 150 ms`.
pub(super) fn limit_text(gate: &Gate) -> String {
    if gate.unit == "flag" {
        match (gate.at_most, gate.at_least) {
            (Some(0.0), None) => return "must stay off".to_owned(),
            (None, Some(1.0)) => return "must be on".to_owned(),
            _ => {}
        }
    }
    let part = |limit: &Limit| {
        let sign = if limit.is_upper { '\u{2264}' } else { '\u{2265}' };
        format!("{sign} {}", number::limit(limit.value, &gate.unit))
    };
    format!("limit {}", limits(gate).iter().map(part).collect::<Vec<_>>().join(" and "))
}

/// The same inside a sentence.
pub(super) fn allowed(gate: &Gate) -> String {
    if gate.unit == "flag" {
        return limit_text(gate);
    }
    let part = |limit: &Limit| {
        let side = if limit.is_upper { "at most" } else { "at least" };
        format!("{side} {}", number::limit(limit.value, &gate.unit))
    };
    format!("allowed {}", limits(gate).iter().map(part).collect::<Vec<_>>().join(" and "))
}

/// The bound that a value is compared with: the one it breaks, else the nearer one.
fn bound(gate: &Gate, value: f64) -> f64 {
    match (gate.at_most, gate.at_least) {
        (Some(most), Some(least)) if value < least || value <= most && value - least < most - value => least,
        (Some(most), _) => most,
        (None, least) => least.unwrap_or(0.0),
    }
}

/// A value beside the limit of its gate.
pub(super) fn value_text(gate: &Gate, value: f64) -> String {
    number::beside(value, bound(gate, value), &gate.unit)
}

/// The judged value, and how far it is from the limit.
pub(super) fn actual(view: &GateView) -> (String, Option<String>) {
    let (gate, outcome) = (view.gate, &view.result.outcome);
    let Some(value) = outcome.actual else { return ("unknown".to_owned(), None) };
    let sign = if outcome.beyond { "> " } else { "" };
    let distance = number::distance(value, bound(gate, value), !gate.holds(value));
    (format!("{sign}{}", value_text(gate, value)), distance.filter(|_| gate.unit != "flag"))
}

/// How near the judged value is to the limit, 0 on it; none where a share of the limit says nothing.
pub(super) fn nearness(view: &GateView) -> Option<f64> {
    let value = view.result.outcome.actual?;
    let bound = bound(view.gate, value);
    (bound != 0.0 && view.gate.unit != "flag").then(|| (value / bound - 1.0).abs())
}

/// How the windows became the judged value.
pub(super) fn aggregate(gate: &Gate) -> String {
    let text = match &gate.aggregate {
        Aggregate::Every => "worst window",
        Aggregate::P95 => "95th percentile of the windows",
        Aggregate::Mean => "mean of the windows",
        Aggregate::Median => "median of the windows",
        Aggregate::Max => "largest window",
        Aggregate::Min => "smallest window",
        Aggregate::Sum => "in all",
        Aggregate::Growth => "growth from the first half to the second",
        Aggregate::Ema(half_life) => return format!("moving average, half-life {half_life}"),
    };
    text.to_owned()
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Hard => "",
        Severity::Soft => " \u{b7} soft",
        Severity::Events => " \u{b7} evidence",
    }
}

/// A gate by its name, as a link to its chart.
pub(super) fn gate_link(name: &str) -> Markup {
    html!("<a href=\"#{}\">{}</a>", anchor("gate", name), name)
}

pub(super) fn figure_link(layout: &Layout, kpi: &str) -> Markup {
    match layout.gates.iter().find(|view| view.gate.kpi == kpi) {
        Some(view) => html!("<a href=\"#{}\">{}</a>", anchor("gate", view.name), kpi),
        None => html!("<a href=\"#{}\">{}</a>", anchor("kpi", kpi), kpi),
    }
}

pub(super) fn plural(count: usize, one: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{}\u{202f}{one}{s}", number::count(count as u64))
        .replace('\u{202f}', if count < 1000 { " " } else { "\u{a0}" })
}

/// A sentence of another part of the program.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// When a gate was broken, in a sentence.
pub(super) fn when(layout: &Layout, view: &GateView) -> Option<Markup> {
    let (first, longest) = (view.stretches.first()?, view.longest_stretch()?);
    let begin = layout.begin(first.first);
    let after = match begin - layout.axis.start_ms {
        0 => "the start".to_owned(),
        after => format!("{} after the start", time::duration(after)),
    };
    let outcome = &view.result.outcome;
    let is_to_end = view.stretches.last().is_some_and(|last| last.last == layout.facts.ledger.iterations);
    let length = time::duration(layout.stretch_ms(longest));
    let how = match view.stretches.len() {
        1 => format!("{length} without a break"),
        times => format!("{times} times, the longest {length}"),
    };
    let (from, on) = if is_to_end && view.stretches.len() == 1 { ("From ", " on") } else { ("First ", "") };
    Some(html!(
        "{}{}{} ({}): {} of {}, {}{}.",
        from,
        time::time(begin),
        on,
        after,
        number::count(outcome.violations.into()),
        plural(outcome.judged as usize, "window"),
        how,
        if is_to_end { ", to the end" } else { "" }
    ))
}
