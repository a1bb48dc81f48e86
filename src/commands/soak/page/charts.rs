//! Gates and figures over time, each with its reason and its table.
#![warn(clippy::wildcard_enum_match_arm)]

use super::density::Density;
use super::events::marks;
use super::facts::PageState;
use super::layout::{GateView, Layout};
use super::words::{actual, aggregate, allowed, answer, limit_text, limits, plural, sentence, value_text};
use crate::judge::verdict::GateState;
use crate::report::page::chart::{Cell, Chart, EventMark, Level};
use crate::report::page::table::{self, Buckets};
use crate::report::page::{Markup, anchor, html, number, time};

/// Heights of plots in pixels.
const TALL: f64 = 150.0;
const LOW: f64 = 96.0;
const EMPTY: f64 = 40.0;

/// The chart of a gate.
pub(super) fn chart<'a>(
    layout: &'a Layout,
    view: &'a GateView,
    height: f64,
    events: &'a [EventMark],
) -> GateChart<'a> {
    let worst = view.worst_stretch().map(|stretch| {
        let text = format!("worst {}", value_text(view.gate, stretch.worst));
        (layout.cell(stretch.worst_at), stretch.worst, text)
    });
    GateChart {
        layout,
        view,
        height,
        events,
        worst,
        limits: if view.is_of_one_window { limits(view.gate) } else { Vec::new() },
        limit_text: limit_text(view.gate),
        levels: levels(layout, view),
        broken: view.stretches.iter().map(|stretch| layout.stretch_cells(stretch)).collect(),
    }
}

/// What a chart of a gate borrows from.
pub(super) struct GateChart<'a> {
    layout: &'a Layout<'a>,
    view: &'a GateView<'a>,
    height: f64,
    events: &'a [EventMark],
    worst: Option<(usize, f64, String)>,
    limits: Vec<crate::report::page::chart::Limit>,
    limit_text: String,
    levels: Vec<Level>,
    broken: Vec<(usize, usize)>,
}

impl GateChart<'_> {
    fn chart(&self, band_columns: usize, has_band: bool) -> Chart<'_> {
        Chart {
            axis: &self.layout.axis,
            cells: &self.view.line,
            band: if has_band { &self.view.band } else { &[] },
            band_columns,
            unit: &self.view.gate.unit,
            limits: &self.limits,
            limit_text: &self.limit_text,
            must_hold_limits: self.view.state() != GateState::Pass,
            levels: &self.levels,
            worst: self.worst.clone().filter(|_| has_band),
            broken: &self.broken,
            events: self.events,
            height: self.height,
        }
    }

    pub(super) fn miniature(&self, title: &str, name: &str) -> Markup {
        self.chart(1, false).miniature(title, name)
    }
}

/// What was judged of all windows together.
fn levels(layout: &Layout, view: &GateView) -> Vec<Level> {
    if let Some(halves) = &view.halves {
        let level = |(first, last, value): &(u32, u32, f64)| Level {
            cells: (layout.cell(*first), layout.cell(*last) + 1),
            value: *value,
            label: format!("median {}", number::figure(*value, &view.gate.unit)),
        };
        return halves.iter().map(level).collect();
    }
    let is_average = matches!(
        view.gate.aggregate,
        crate::judge::gate::Aggregate::Mean
            | crate::judge::gate::Aggregate::Median
            | crate::judge::gate::Aggregate::P95
            | crate::judge::gate::Aggregate::Ema(_)
    );
    let level = |value: f64| Level {
        cells: (0, layout.cell(layout.facts.ledger.iterations) + 1),
        value,
        label: format!("judged {}", value_text(view.gate, value)),
    };
    view.result.outcome.actual.filter(|_| is_average).map(level).into_iter().collect()
}

/// All charts: gates in the order of their table, then the other figures by name.
pub(super) fn charts(layout: &Layout, density: Density) -> Markup {
    let marks = marks(layout);
    let buckets = Buckets::new(&layout.axis, density.rows);
    let gates: Markup =
        layout.gates.iter().map(|view| gate_figure(layout, view, &marks, buckets, density)).collect();
    let ungated = layout.ungated.iter().map(|(kpi, _)| figure(layout, kpi, &marks, buckets, density));
    let window = time::duration(layout.window_ms());
    html!(
        "<section id=\"charts\"><h2>Charts</h2><ul class=\"key\"><li><svg width=\"34\" height=\"18\" \
         aria-hidden=\"true\"><path class=\"b\" stroke=\"#a9c6e2\" stroke-width=\"12\" d=\"M0 9h34\"/><path class=\"l\" \
         fill=\"none\" stroke=\"#12436d\" d=\"M0 11h12v-4h10v6h12\"/></svg>judged value of each window of {}; pale: {}</li>\
         <li><svg width=\"34\" height=\"18\" aria-hidden=\"true\"><path class=\"m\" fill=\"none\" stroke=\"#14181d\" \
         d=\"M0 4h34\"/><path class=\"x\" fill=\"none\" stroke=\"#b5310b\" d=\"M4 2h10v-1h8v1\"/><path class=\"xf\" \
         fill=\"#b5310b\" d=\"M4 12h20v5h-20z\"/></svg>limit, and where a window broke it</li><li><svg width=\"34\" \
         height=\"18\" aria-hidden=\"true\"><rect class=\"ga\" fill=\"url(#h)\" x=\"1\" y=\"1\" width=\"32\" \
         height=\"16\"/></svg>nothing known</li><li><svg width=\"34\" height=\"18\" aria-hidden=\"true\"><path class=\"ev\" \
         d=\"M4 4h10l-5 9zM26 3l5 5-5 5-5-5z\"/></svg>restart; parameters changed</li></ul><div class=\"figs\">{}{}</div>\
         </section>",
        window,
        if layout.gates.iter().any(|view| !view.members.is_empty()) {
            "all members"
        } else {
            "lowest to highest sample"
        },
        gates,
        ungated.collect::<Markup>()
    )
}

fn gate_figure(
    layout: &Layout,
    view: &GateView,
    marks: &[EventMark],
    buckets: Buckets,
    density: Density,
) -> Markup {
    let is_half = view.state() == GateState::Pass;
    let has_values = view.line.iter().any(|cell| cell.value().is_some());
    let height = if !has_values {
        EMPTY
    } else if is_half {
        LOW
    } else {
        TALL
    };
    let (tone, word) = answer(view.state(), layout.facts.state);
    let id = anchor("gate", view.name);
    let gate_chart = chart(layout, view, height, marks);
    let drawn = |labelled_by: &Markup| gate_chart.chart(density.band_columns, true).figure(labelled_by);
    let table = |name: &str| table::figures(&layout.axis, &view.line, &view.gate.unit, buckets, name);
    let member = match &view.result.member {
        Some(member) if member == view.line_member => {
            format!(" \u{b7} {member}, pale all {} members", view.members.len())
        }
        Some(member) if has_values => {
            format!(
                " \u{b7} {member} has no value; {}, pale all {} members",
                view.line_member,
                view.members.len()
            )
        }
        Some(member) => format!(" \u{b7} {member}"),
        None => String::new(),
    };
    section(&Section {
        id,
        name: view.name,
        is_half: is_half || !has_values,
        status: tone.status(word),
        reason: reason(layout, view),
        caption: format!("{} \u{b7} {}{member}", view.description, view.gate.kpi),
        chart: &drawn,
        table: if has_values { table(&view.gate.kpi) } else { Markup::default() },
    })
}

fn figure(layout: &Layout, kpi: &str, marks: &[EventMark], buckets: Buckets, density: Density) -> Markup {
    let (cells, band) = layout.figure(kpi);
    let definition = &layout.facts.kpis[kpi];
    let has_values = cells.iter().any(|cell| cell.value().is_some());
    let drawn = |labelled_by: &Markup| {
        let chart = Chart {
            axis: &layout.axis,
            cells: &cells,
            band: &band,
            band_columns: density.band_columns,
            unit: &definition.unit,
            limits: &[],
            limit_text: "",
            must_hold_limits: false,
            levels: &[],
            worst: None,
            broken: &[],
            events: marks,
            height: if has_values { LOW } else { EMPTY },
        };
        chart.figure(labelled_by)
    };
    let unknown = cells.iter().filter(|cell| **cell == Cell::Unknown).count();
    let reason = match (has_values, unknown) {
        (false, _) => "No window has a value.".to_owned(),
        (true, 0) => "No gate judges it.".to_owned(),
        (true, unknown) => format!("No gate judges it. {} unknown.", plural(unknown, "window")),
    };
    let has_table = has_values && density.has_ungated_tables;
    let table = || table::figures(&layout.axis, &cells, &definition.unit, buckets, kpi);
    section(&Section {
        id: anchor("kpi", kpi),
        name: kpi,
        is_half: true,
        status: Markup::default(),
        reason: html!("{}", reason),
        caption: definition.description.clone(),
        chart: &drawn,
        table: if has_table { table() } else { Markup::default() },
    })
}

struct Section<'a> {
    id: String,
    name: &'a str,
    is_half: bool,
    status: Markup,
    reason: Markup,
    caption: String,
    chart: &'a dyn Fn(&Markup) -> Markup,
    table: Markup,
}

fn section(of: &Section) -> Markup {
    let Section { id, name, is_half, status, reason, caption, chart, table } = of;
    let labelled_by = html!("h-{} r-{} s-{}", id, id, id);
    html!(
        "<section class=\"fig{}\" id=\"{}\"><div class=\"fh\"><h3 id=\"h-{}\"><a href=\"#{}\">{}</a></h3>{}</div><p \
         id=\"r-{}\">{}</p><figure><figcaption id=\"s-{}\">{}</figcaption>{}</figure>{}</section>",
        if *is_half { " half" } else { "" },
        id,
        id,
        id,
        *name,
        status,
        id,
        reason,
        id,
        caption,
        chart(&labelled_by),
        table
    )
}

/// Why a gate has its answer, in a sentence.
fn reason(layout: &Layout, view: &GateView) -> Markup {
    let (gate, outcome) = (view.gate, &view.result.outcome);
    let of_judge = || sentence(outcome.reason.as_deref().unwrap_or("no reason is known"));
    let (value, _) = actual(view);
    match (view.state(), view.stretches.first(), view.longest_stretch()) {
        (GateState::HardFail | GateState::SoftFail, Some(first), Some(longest)) => {
            let length = time::duration(layout.stretch_ms(longest));
            let times = match view.stretches.len() {
                1 => format!("{length} without a break"),
                times => format!("{times} times, the longest {length}"),
            };
            let judged = if gate.aggregate == crate::judge::gate::Aggregate::Every {
                format!("Worst {value}")
            } else {
                sentence(&format!("{} {value}", aggregate(gate))).trim_end_matches('.').to_owned()
            };
            html!(
                "{} of {} break it, first {}; {}. {}, {}.",
                number::count(outcome.violations.into()),
                plural(outcome.judged as usize, "window"),
                time::time(layout.begin(first.first)),
                times,
                judged,
                allowed(gate)
            )
        }
        (GateState::HardFail | GateState::SoftFail, ..) if outcome.actual.is_some() => {
            let judged = sentence(&format!("{} {value}, {}", aggregate(gate), allowed(gate)));
            let few = outcome.reason.as_deref().filter(|reason| reason.contains("few events"));
            html!("{} {}", judged, few.map(sentence).unwrap_or_default())
        }
        (GateState::Pass, ..) => {
            let held =
                if matches!(layout.facts.state, PageState::Judged(_)) { "Held" } else { "Held so far" };
            html!("{}: {} {}, {}.", held, aggregate(gate), value, limit_text(gate))
        }
        (
            GateState::HardFail
            | GateState::SoftFail
            | GateState::ToolError
            | GateState::NoData
            | GateState::Partial
            | GateState::Warmup,
            ..,
        ) => {
            let cause = layout.facts.trail.cause(view.result.member.as_deref(), &gate.kpi);
            let cause = cause.map(|cause| {
                html!(" Last not known {}: {}.", time::time(layout.begin(cause.iteration)), &cause.reason)
            });
            html!("{}{}", of_judge(), cause.unwrap_or_default())
        }
    }
}
