//! The facts of a run in six boxes, the table of its gates, and the files behind it.
#![warn(clippy::wildcard_enum_match_arm)]

use super::events;
use super::layout::{GateView, Layout};
use super::words::{actual, again, aggregate, answer, gate_link, limit_text, plural, severity};
use crate::judge::record::lives::Life;
use crate::report::maker::ClockKind;
use crate::report::page::chart::Cell;
use crate::report::page::chart::strip::{strip, strip_head};
use crate::report::page::{Markup, anchor, html, number, time};
use jiff::Timestamp;
use std::collections::BTreeSet;

pub(super) fn facts(layout: &Layout) -> Markup {
    let (facts, ledger) = (layout.facts, layout.facts.ledger);
    let observed = ledger.observation().map_or_else(
        || html!("nothing yet"),
        |(from, to)| {
            let (from, to) = (from.as_millisecond(), to.as_millisecond());
            html!("{} {}<br>for {}", time::span(from, to), time::year(to), time::duration(to - from))
        },
    );
    let worst = layout.gates.iter().map(|view| view.result.outcome.coverage).reduce(f64::min);
    let worst = worst.filter(|_| ledger.iterations > 0);
    let worst = worst.map(|worst| format!(", at worst {} of the points", number::coverage(worst)));
    let lost: f64 = ledger.gaps.iter().map(|(_, secs)| secs).sum();
    let gaps = match ledger.gaps.len() {
        0 => "no gap".to_owned(),
        count => format!(
            "{} of {} altogether",
            plural(count, "gap"),
            time::duration(super::layout::milliseconds(lost))
        ),
    };
    let seen = u64::from(ledger.iterations) - ledger.missing.len() as u64;
    let seen = html!(
        "{} of {} of {}{}; {}",
        number::count(seen),
        plural(facts.planned as usize, "window"),
        time::duration(layout.window_ms()),
        worst.unwrap_or_default(),
        gaps
    );
    let members = layout.gates.iter().map(|view| view.members.len()).max().unwrap_or(0);
    let members = if members > 0 { format!(", {}", plural(members, "member")) } else { String::new() };
    let source = html!("{}, profile <b>{}</b>{}", facts.source, facts.profile_name, members);
    let header = &facts.header;
    let clock = match header.clock {
        ClockKind::System => "",
        ClockKind::Frozen => ", clock frozen: its times tell no age",
        ClockKind::Stamped => ", times fixed: they tell no age",
    };
    let made = header.made_at.map(Timestamp::as_millisecond);
    let report = html!(
        "{} by mmops {}{}",
        made.map_or_else(|| html!("made"), |ms| html!("made {} {}", time::time(ms), time::year(ms))),
        header.version.as_deref().unwrap_or(env!("CARGO_PKG_VERSION")),
        clock
    );
    let rows = [
        ("Observed", observed),
        ("Seen", seen),
        ("Version soaked", html!("{}", builds(layout))),
        ("Source and limits", source),
        ("Restarts, changes", html!("{}", events::counts(layout))),
        ("Report", report),
    ];
    let rows = rows.into_iter().map(|(head, text)| html!("<div><dt>{}</dt><dd>{}</dd></div>", head, text));
    html!("<dl class=\"f\">{}</dl>", rows.collect::<Markup>())
}

fn builds(layout: &Layout) -> String {
    let build = |life: &Life| {
        life.begin
            .build
            .as_ref()
            .map(|build| format!("{}, configuration {}", build.version, build.config_hash))
    };
    let builds: BTreeSet<String> = layout.facts.ledger.lives.kept.iter().filter_map(build).collect();
    match builds.len() {
        0 if layout.facts.ledger.iterations == 0 => "not known yet".to_owned(),
        0 => "unknown: the service does not say".to_owned(),
        1..=2 => builds.into_iter().collect::<Vec<_>>().join("; "),
        count => format!("{} builds, such as {}", count, builds.first().map_or("", String::as_str)),
    }
}

pub(super) fn gates(layout: &Layout) -> Markup {
    let rows: Markup = layout.gates.iter().map(|view| gate_row(layout, view)).collect();
    html!(
        "<section id=\"gates\"><h2>Gates</h2><p class=\"mu\">Worst first. The strip shows when: a thin bar while the limit \
         held, a tall bar where it broke, hatching where nothing is known, grey where windows are left out or not judged \
         one by one.{}</p><table class=\"g\"><thead><tr><th \
         scope=\"col\">answer</th><th scope=\"col\">gate</th><th scope=\"col\">{}<span class=\"skip\">when</span></th><th \
         scope=\"col\">worst, and limit</th><th scope=\"col\" class=\"n\">windows broken</th><th scope=\"col\" \
         class=\"n\">coverage</th></tr></thead><tbody>{}</tbody></table></section>",
        if layout.gates.iter().any(|view| !view.members.is_empty()) {
            " Of several members the worst one at each moment."
        } else {
            ""
        },
        strip_head(&layout.axis),
        rows
    )
}

fn gate_row(layout: &Layout, view: &GateView) -> Markup {
    let (tone, word) = answer(view.state(), layout.facts.state);
    let (outcome, gate) = (&view.result.outcome, view.gate);
    let (value, distance) = actual(view);
    let over = if view.is_broken() { "over" } else { "" };
    let distance = distance.map(|text| html!(" <span class=\"mu\">{}</span>", text)).unwrap_or_default();
    let broken = if view.is_of_one_window && outcome.judged > 0 {
        format!("{} of {}", number::count(outcome.violations.into()), number::count(outcome.judged.into()))
    } else {
        "\u{2014}".to_owned()
    };
    let member = view.result.member.as_ref().filter(|_| view.members.len() > 1);
    let member = member.map(|member| format!("; {member}")).unwrap_or_default();
    let runs: Vec<(usize, usize)> = broken_runs(&view.strip);
    let cells = view.strip.iter().filter(|cell| **cell != Cell::Ahead).count();
    let unknown = view.strip.iter().filter(|cell| **cell == Cell::Unknown).count();
    let bad = view.strip.iter().filter(|cell| cell.is_broken()).count();
    let name = format!("{}: {bad} of {} broken, {unknown} unknown", view.name, plural(cells, "window"));
    html!(
        "<tr id=\"{}\"><td>{}</td><td><b class=\"nm\">{}</b> <small>{}{}</small></td><td>{}</td><td><span \
         class=\"{}\">{}</span>{} <small>{}; {}{}</small></td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        anchor("row", view.name),
        tone.status(word),
        gate_link(view.name),
        view.description,
        severity(gate.severity),
        strip(&layout.axis, &view.strip, &runs, view.is_of_one_window, &name),
        over,
        value,
        distance,
        aggregate(gate),
        limit_text(gate),
        member,
        broken,
        number::coverage(outcome.coverage)
    )
}

/// Runs of broken cells.
fn broken_runs(cells: &[Cell]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in cells.iter().enumerate().filter(|(_, cell)| cell.is_broken()) {
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            Some(_) | None => runs.push((at, at + 1)),
        }
    }
    runs
}

pub(super) fn evidence(layout: &Layout) -> Markup {
    let facts = layout.facts;
    let row = |file: &super::facts::EvidenceFile| {
        html!(
            "<tr id=\"{}\"><th scope=\"row\">{}</th><td class=\"n\">{}</td><td><code>{}</code></td></tr>",
            anchor("ev", &file.name),
            &file.name,
            number::count(file.bytes),
            &file.sha256
        )
    };
    let files = if facts.files.is_empty() {
        html!("<p class=\"mu\">The files are still being written; their hashes come with the verdict.</p>")
    } else {
        html!(
            "<div class=\"sc\" tabindex=\"0\" role=\"region\" aria-label=\"Files\"><table class=\"t\"><thead><tr><th \
             scope=\"col\">file</th><th scope=\"col\" class=\"n\">bytes</th><th scope=\"col\">SHA-256</th></tr></thead>\
             <tbody>{}</tbody></table></div>",
            facts.files.iter().map(row).collect::<Markup>()
        )
    };
    html!(
        "<section id=\"evidence\"><h2>Evidence</h2><p>Every figure above can be computed again from the files of the run: \
         {}</p>{}</section>",
        again(facts),
        files
    )
}
