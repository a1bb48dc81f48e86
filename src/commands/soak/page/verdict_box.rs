//! The box at the top: the answer, why, since when, and what to do.
#![warn(clippy::wildcard_enum_match_arm)]

use super::charts;
use super::facts::PageState;
use super::layout::{GateView, Layout};
use super::moved::moved_with;
use super::words::{
    actual, again, allowed, answer, doubts, figure_link, gate_link, headline, limit_text, nearness, plural,
    sentence, when,
};
use crate::judge::verdict::{GateState, RunVerdict};
use crate::report::page::{self, Markup, anchor, html, number, time};
use std::collections::BTreeMap;

/// Gates that are named in a list; the rest is counted.
const NAMED: usize = 6;

pub(super) fn verdict_box(layout: &Layout) -> Markup {
    let (tone, word) = headline(layout.facts.state);
    let of_interest = of_interest(layout);
    let mini = of_interest.map(|view| {
        let text = format!("{} over time, {}", view.name, limit_text(view.gate));
        html!(
            "<a class=\"mi\" href=\"#{}\">{}</a>",
            anchor("gate", view.name),
            charts::chart(layout, view, 118.0, &[]).miniature(view.name, &text)
        )
    });
    page::verdict_box(tone, word, doubts(layout.facts), &summary(layout), rows(layout), mini)
}

/// The gate that is drawn beside the answer: the worst broken one; where none is, the one nearest to its limit.
fn of_interest<'a>(layout: &'a Layout) -> Option<&'a GateView<'a>> {
    let has_values = |view: &&GateView| view.line.iter().any(|cell| cell.value().is_some());
    let broken = layout.gates.iter().filter(has_values).find(|view| view.is_broken());
    let is_unknown = layout.facts.state == PageState::Judged(RunVerdict::Inconclusive);
    broken.or_else(|| if is_unknown { None } else { nearest(layout).into_iter().find(has_values) })
}

/// Gates that hold, the nearest to its limit first.
fn nearest<'a>(layout: &'a Layout) -> Vec<&'a GateView<'a>> {
    let held = layout.gates.iter().filter(|view| view.state() == GateState::Pass);
    let mut near: Vec<(f64, &GateView)> = held.filter_map(|view| Some((nearness(view)?, view))).collect();
    near.sort_by(|one, other| one.0.total_cmp(&other.0));
    near.into_iter().map(|(_, view)| view).collect()
}

fn is_unknown(view: &GateView) -> bool {
    !view.is_broken() && view.state() != GateState::Pass
}

fn summary(layout: &Layout) -> String {
    let (gates, facts) = (&layout.gates, layout.facts);
    let hard = gates.iter().filter(|view| view.state() == GateState::HardFail).count();
    let soft = gates.iter().filter(|view| view.state() == GateState::SoftFail).count();
    let unknown = gates.iter().filter(|view| is_unknown(view)).count();
    let all = plural(gates.len(), "gate");
    let seen = || format!("{} of {}", facts.ledger.iterations, plural(facts.planned as usize, "window"));
    match facts.state {
        PageState::Running => format!("{} seen. No verdict before the end.", seen()),
        PageState::Interrupted => {
            format!("Stopped after {}. A stopped run has no verdict; it can go on.", seen())
        }
        PageState::Judged(RunVerdict::Fail) if hard > 0 => {
            let more = if unknown > 0 { format!(", {unknown} more unknown") } else { String::new() };
            format!("{} of {all} broken{more}.", plural(hard, "hard gate"))
        }
        PageState::Judged(RunVerdict::Fail) => {
            "No hard gate is broken; the run itself cannot count.".to_owned()
        }
        PageState::Judged(RunVerdict::Inconclusive) if unknown > 0 => {
            format!("{unknown} of {all} unknown: that is no yes.")
        }
        PageState::Judged(RunVerdict::Inconclusive) => {
            "No gate is broken, and not enough was seen to say yes.".to_owned()
        }
        PageState::Judged(RunVerdict::Pass) if soft > 0 => {
            format!("Every required gate holds; {} of {all} broken.", plural(soft, "soft gate"))
        }
        PageState::Judged(RunVerdict::Pass) => format!("All {all} hold."),
    }
}

fn rows(layout: &Layout) -> Vec<(&'static str, Markup)> {
    let facts = layout.facts;
    let broken: Vec<&GateView> = layout.gates.iter().filter(|view| view.is_broken()).collect();
    let mut why: Vec<Markup> = Vec::new();
    if let Some((first, rest)) = broken.split_first() {
        why.push(broken_sentence(first));
        if !rest.is_empty() {
            let names: Vec<&str> = rest.iter().map(|view| view.name).collect();
            why.push(html!("Also broken: {}.", gate_names(&names)));
        }
    }
    why.extend(unknown_sentences(layout));
    let conditions = facts.judgement.conditions.iter().filter_map(|condition| {
        let reason = condition.reason.as_ref()?;
        Some(html!(
            "{}: {}.",
            sentence(&condition.name).trim_end_matches('.'),
            format!("{reason} ({})", condition.note)
        ))
    });
    why.extend(conditions);
    let is_over = facts.state != PageState::Running;
    let (done, planned) = (facts.ledger.iterations, facts.planned);
    if is_over && done < planned {
        why.push(html!("Only {} of {} were run.", done, plural(planned as usize, "planned window")));
    }
    why.extend(facts.problems.iter().map(|problem| html!("{}", sentence(problem))));
    let holds: Vec<Markup> = if why.is_empty() {
        nearest(layout).into_iter().take(2).map(held_sentence).collect()
    } else {
        Vec::new()
    };
    let mut rows = Vec::new();
    if !why.is_empty() {
        rows.push(("Why", Markup::joined(why, " ")));
    } else if !holds.is_empty() {
        rows.push(("Nearest", Markup::joined(holds, " ")));
    }
    let first = broken.first().copied();
    if let Some(member) = first.and_then(|view| view.result.member.as_deref()) {
        let of = first.map_or(0, |view| view.members.len());
        let bad = first.map_or(0, |view| {
            view.members.iter().filter(|member| member.outcome.state == view.state()).count()
        });
        let others = if bad > 1 { format!(", and {} more", bad - 1) } else { String::new() };
        rows.push((
            "Where",
            html!(
                "<a href=\"#{}\">{}</a>{} of {}.",
                anchor("member", member),
                member,
                others,
                plural(of, "member")
            ),
        ));
    }
    if let Some(text) = first.and_then(|view| when(layout, view)) {
        rows.push(("When", text));
    }
    rows.push(("What to do", what_to_do(layout, first)));
    if facts.simulated {
        rows.push(("Simulated", html!("A simulation proves nothing about a service.")));
    }
    rows
}

fn broken_sentence(view: &GateView) -> Markup {
    let (value, distance) = actual(view);
    let distance = distance.map(|text| html!(" (<b>{}</b>)", text)).unwrap_or_default();
    let what = if view.is_of_one_window { "at worst" } else { "in all" };
    html!("{}: <b>{}</b> {}, {}{}.", gate_link(view.name), value, what, allowed(view.gate), distance)
}

fn held_sentence(view: &GateView) -> Markup {
    let (value, distance) = actual(view);
    let distance = distance.map(|text| format!(" ({text})")).unwrap_or_default();
    html!("{}: {}, {}{}.", gate_link(view.name), value, allowed(view.gate), distance)
}

/// Gates that are not known, those of one answer together.
fn unknown_sentences(layout: &Layout) -> Vec<Markup> {
    let mut groups: BTreeMap<u8, (&'static str, Vec<&str>)> = BTreeMap::new();
    for view in layout.gates.iter().filter(|view| is_unknown(view)) {
        let (_, word) = answer(view.state(), layout.facts.state);
        groups.entry(super::layout::rank(view.state())).or_insert((word, Vec::new())).1.push(view.name);
    }
    let one = |(word, names): (&'static str, Vec<&str>)| {
        let all = if names.len() == layout.gates.len() { "All ".to_owned() } else { String::new() };
        html!("{}{} {}: {}.", all, plural(names.len(), "gate"), word.to_lowercase(), gate_names(&names))
    };
    groups.into_values().map(one).collect()
}

fn gate_names(names: &[&str]) -> Markup {
    let more = names.len().saturating_sub(NAMED);
    let links = Markup::joined(names.iter().take(NAMED).map(|name| gate_link(name)), ", ");
    if more == 0 { links } else { html!("{} and {} more", links, more) }
}

fn what_to_do(layout: &Layout, broken: Option<&GateView>) -> Markup {
    let again = again(layout.facts);
    match layout.facts.state {
        PageState::Running => match broken {
            Some(_) => html!("Look at what is broken now: the run will not be a yes unless this mends."),
            None => html!("Wait for the end; this page is drawn anew with each window."),
        },
        PageState::Interrupted => html!("Go on with <code>mmops soak run --resume</code>."),
        PageState::Judged(RunVerdict::Pass) => {
            html!("Let {} compute it again before it is relied on.", again)
        }
        // A rehearsal that was judged as evidence lacks nothing that could be mended.
        PageState::Judged(RunVerdict::Inconclusive)
            if layout.facts.simulated && !layout.gates.iter().any(is_unknown) =>
        {
            html!("Soak the real service. As the rehearsal that this was, {} judges it.", again)
        }
        PageState::Judged(RunVerdict::Inconclusive) => html!(
            "Do not go live on this. Mend what keeps the figures from being known, and run the soak again. {} says what \
             each gate lacks.",
            again
        ),
        PageState::Judged(RunVerdict::Fail) => {
            let Some(view) = broken else {
                return html!("Do not go live. Mend what is named above, and run the soak again.");
            };
            let moved = moved_with(layout, view);
            let moved = moved.into_iter().map(|one| {
                html!(
                    "{} went from {} to {}",
                    figure_link(layout, one.kpi),
                    number::figure(one.before, one.unit),
                    number::figure(one.after, one.unit)
                )
            });
            let moved = Markup::joined(moved, " and ");
            let moved = if moved.is_empty() { moved } else { html!(" What moved with it: {}.", moved) };
            let comes_and_goes = if view.stretches.len() > 8 {
                " It comes and goes: look at what runs at those times."
            } else {
                ""
            };
            let find = match view.stretches.first() {
                Some(first) if layout.begin(first.first) == layout.axis.start_ms => {
                    html!(" It was so from the start: find out why,")
                }
                Some(first) => html!(" Find what changed before {},", time::time(layout.begin(first.first))),
                None => html!(" Find out why,"),
            };
            html!("Do not go live.{}{}{} mend it, and run the soak again.", comes_and_goes, moved, find)
        }
    }
}
