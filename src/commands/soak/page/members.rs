//! The members of a fleet: those that do not pass, and each of them beside the others on one scale.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::PageState;
use super::layout::{GateView, Layout, MemberView, rank};
use super::words::{answer, limit_text, limits, plural, value_text};
use crate::judge::verdict::GateState;
use crate::report::page::chart::strip::SharedScale;
use crate::report::page::{Markup, anchor, html, number, time};
use std::collections::BTreeMap;

/// Gates that are shown member by member.
const MOST_GATES: usize = 8;
/// Members that are shown at least.
const LEAST_SHOWN: usize = 6;
/// Columns of a small chart.
const COLUMNS: i64 = 72;

/// Nothing where members are not judged one by one.
pub(super) fn section(layout: &Layout) -> Markup {
    let mut members: BTreeMap<&str, Vec<(&GateView, &MemberView)>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for view in &layout.gates {
        for member in &view.members {
            if !order.contains(&member.name) {
                order.push(member.name);
            }
            members.entry(member.name).or_default().push((view, member));
        }
    }
    if order.is_empty() {
        return Markup::default();
    }
    let worst = |name: &&str| {
        members[*name].iter().map(|(_, member)| rank(member.outcome.state)).min().unwrap_or(u8::MAX)
    };
    let mut failing: Vec<&str> =
        order.iter().copied().filter(|name| worst(name) < rank(GateState::Pass)).collect();
    failing.sort_by_key(worst);
    let rows: Markup = failing.iter().map(|name| row(layout, name, &members[name])).collect();
    let verb = |count: usize, one: &'static str, many: &'static str| if count == 1 { one } else { many };
    let is_over = matches!(layout.facts.state, PageState::Judged(_));
    let good = order.len() - failing.len();
    let summary = html!(
        "<p>{}, each judged by itself; the worst one counts. <b>{} {}</b>, {} {}.</p>",
        plural(order.len(), "member"),
        failing.len(),
        verb(failing.len(), "does not hold every gate", "do not hold every gate"),
        good,
        if is_over { verb(good, "does", "do") } else { verb(good, "does so far", "do so far") }
    );
    let table = html!(
        "<table class=\"t mx\"><caption>Members that do not hold every gate, the worst first.</caption><thead><tr><th \
         scope=\"col\">member</th><th scope=\"col\">answer</th><th scope=\"col\">gates</th></tr></thead><tbody>{}</tbody>\
         </table>",
        rows
    );
    let open: Vec<&GateView> = layout.gates.iter().filter(|view| view.state() != GateState::Pass).collect();
    let rest: Vec<&str> = open.iter().skip(MOST_GATES).map(|view| view.name).collect();
    let rest = if rest.is_empty() {
        Markup::default()
    } else {
        html!("<p class=\"mu\">Not shown member by member: {}.</p>", rest.join(", "))
    };
    html!(
        "<section id=\"members\"><h2>Members</h2>{}{}{}{}</section>",
        summary,
        if failing.is_empty() { Markup::default() } else { table },
        open.into_iter().take(MOST_GATES).map(|view| multiples(layout, view)).collect::<Markup>(),
        rest
    )
}

fn row(layout: &Layout, name: &str, gates: &[(&GateView, &MemberView)]) -> Markup {
    let bad: Vec<&(&GateView, &MemberView)> =
        gates.iter().filter(|(_, member)| member.outcome.state != GateState::Pass).collect();
    let state = bad.iter().map(|(_, member)| member.outcome.state).min_by_key(|state| rank(*state));
    let (tone, word) = answer(state.unwrap_or(GateState::Pass), layout.facts.state);
    let mut groups: BTreeMap<u8, (&'static str, Vec<Markup>)> = BTreeMap::new();
    for (view, member) in &bad {
        let state = member.outcome.state;
        let (_, word) = answer(state, layout.facts.state);
        let link = html!("<a href=\"#{}\">{}</a>", anchor("gate", view.name), view.name);
        let is_broken = matches!(state, GateState::HardFail | GateState::SoftFail);
        let text = match member.outcome.actual.filter(|_| is_broken) {
            Some(value) => html!("{} {}", link, value_text(view.gate, value)),
            None => link,
        };
        groups.entry(rank(state)).or_insert((if is_broken { "" } else { word }, Vec::new())).1.push(text);
    }
    let one = |(word, links): (&'static str, Vec<Markup>)| match word {
        "" => Markup::joined(links, ", "),
        word if links.len() == gates.len() => {
            html!("all {} {}", plural(links.len(), "gate"), word.to_lowercase())
        }
        word => html!("{} {}", Markup::joined(links, ", "), word.to_lowercase()),
    };
    html!(
        "<tr id=\"{}\"><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
        anchor("member", name),
        name,
        tone.status(word),
        Markup::joined(groups.into_values().map(one), "; ")
    )
}

/// One gate, member by member: failing first, at least six shown, the others folded.
fn multiples(layout: &Layout, view: &GateView) -> Markup {
    let limits = if view.is_of_one_window { limits(view.gate) } else { Vec::new() };
    let cells = view.members.iter().map(|member| member.cells.as_slice());
    let Some(scale) = SharedScale::new(&view.gate.unit, cells, &limits) else { return Markup::default() };
    let mut members: Vec<&MemberView> = view.members.iter().collect();
    members.sort_by_key(|member| rank(member.outcome.state));
    let failing = members.iter().filter(|member| member.outcome.state != GateState::Pass).count();
    let (shown, folded) = members.split_at(failing.max(LEAST_SHOWN).min(members.len()));
    let list = |members: &[&MemberView]| {
        let items: Markup = members.iter().map(|member| small(layout, view, &scale, member)).collect();
        html!("<ul class=\"sm\">{}</ul>", items)
    };
    let column = layout.axis.span_ms() / COLUMNS.min(i64::try_from(layout.axis.cells).unwrap_or(COLUMNS));
    html!(
        "<h3 id=\"{}\">{} by member</h3><p class=\"mu\">Same scale for all, {} to {}; {}; {} a bar, from its lowest to its \
         highest window.</p>{}{}",
        anchor("members", view.name),
        view.name,
        number::figure(scale.low, &view.gate.unit),
        number::figure(scale.high, &view.gate.unit),
        limit_text(view.gate),
        time::duration(column.max(layout.window_ms())),
        list(shown),
        if folded.is_empty() {
            Markup::default()
        } else {
            html!(
                "<details><summary>The other {}</summary>{}</details>",
                plural(folded.len(), "member"),
                list(folded)
            )
        }
    )
}

fn small(layout: &Layout, view: &GateView, scale: &SharedScale, member: &MemberView) -> Markup {
    let (tone, word) = answer(member.outcome.state, layout.facts.state);
    let value = member.outcome.actual.map_or("unknown".to_owned(), |value| value_text(view.gate, value));
    html!(
        "<li><div class=\"h\"><span class=\"nm1\" title=\"{}\">{}</span>{}</div><div role=\"img\" aria-label=\"{}\">{}\
         </div></li>",
        member.name,
        member.name,
        tone.status(&value),
        format!("{} of {}: {word}", view.name, member.name),
        scale.small(&layout.axis, &member.cells)
    )
}
