//! The page of a run: from its facts to one file of HTML. Nothing here judges: what is drawn is what was judged.
#![warn(clippy::wildcard_enum_match_arm)]

mod charts;
mod density;
mod events;
mod facts;
mod layout;
mod members;
mod moved;
mod overview;
mod verdict_box;
mod words;

pub(super) use facts::{EvidenceFile, PageFacts, PageState};

use super::plan::SoakPlan;
use super::trail::Trail;
use super::verdict::{Occasion, SoakFacts, SoakVerdict, verdict};
use crate::judge::record::Iteration;
use crate::report::page::table::Buckets;
use crate::report::page::{self, Cursor, Markup, Page, html, time};
use density::{DENSITIES, Density};
use layout::Layout;
use std::collections::BTreeMap;

/// Bytes that a page may have before it is drawn with less.
const BUDGET: usize = 1_200_000;

/// What a page says of its drawing anew, which its server does.
const REFRESH: &str = "drawn anew every 30 s; ?refresh=off behind the address stops that";

impl From<SoakVerdict> for PageState {
    fn from(verdict: SoakVerdict) -> Self {
        match verdict {
            SoakVerdict::Judged(verdict) => Self::Judged(verdict),
            SoakVerdict::Interrupted { .. } => Self::Interrupted,
        }
    }
}

/// The page of iterations of a plan as it would be now, for tests of what no simulation comes to.
pub fn page_of(
    plan: &serde_json::Value,
    iterations: &[Iteration],
    bands: &BTreeMap<String, Vec<Option<(f64, f64)>>>,
    is_running: bool,
) -> Result<String, String> {
    let plan: SoakPlan = serde_json::from_value(plan.clone()).map_err(|error| error.to_string())?;
    let occasion = Occasion::Finished { stopped_by: None, aborted_by: Vec::new() };
    let (ledger, trail) = (plan.ledger(iterations), Trail::of(iterations));
    let facts = SoakFacts::new(&plan, ledger, trail, "artifacts/soak/RUN_1".to_owned(), occasion);
    let state = if is_running { PageState::Running } else { verdict(&facts).into() };
    let judged_by = (&plan.profile, &plan.kpis);
    let facts = PageFacts::of_judged(&facts, judged_by, state, Vec::new(), bands);
    Ok(render(&PageFacts { started_at_ms: plan.started_at_ms, ..facts }))
}

/// The page as a whole file.
pub(super) fn render(facts: &PageFacts) -> String {
    let layout = Layout::new(facts);
    let mut page = String::new();
    for density in DENSITIES {
        page = render_with(&layout, density);
        if page.len() <= BUDGET {
            break;
        }
    }
    page
}

fn render_with(layout: &Layout, density: Density) -> String {
    let facts = layout.facts;
    let (tone, word) = words::headline(facts.state);
    let name = facts.run_dir.rsplit('/').next().unwrap_or(facts.run_dir);
    let doubts: Vec<&str> = words::doubts(facts).collect();
    let in_title = if doubts.is_empty() { String::new() } else { format!(" ({})", doubts.join(", ")) };
    let buckets = Buckets::new(&layout.axis, density.rows);
    let stamps: Markup = doubts.iter().map(|doubt| html!(" <b>{}.</b>", doubt.to_uppercase())).collect();
    let footer = html!(
        "All times are UTC. One window is {}. A value on the limit is allowed. {}{}",
        time::duration(layout.window_ms()),
        density.note,
        stamps
    );
    page::document(&Page {
        title: format!("{word}{in_title}: soak {name}"),
        tone,
        skip: ("gates", "Skip to the gates"),
        header: html!(
            "<div class=\"top\"><h1>mmops soak report \u{b7} {}</h1>{}</div>{}{}",
            name,
            if facts.state == PageState::Running {
                html!("<small class=\"mu\">{}</small>", REFRESH)
            } else {
                Markup::default()
            },
            verdict_box::verdict_box(layout),
            overview::facts(layout)
        ),
        main: html!(
            "{}{}{}{}{}",
            overview::gates(layout),
            events::section(layout),
            charts::charts(layout, density),
            members::section(layout),
            overview::evidence(layout)
        ),
        cursor: Some(Cursor {
            count: buckets.count(&layout.axis),
            start_ms: layout.axis.start_ms,
            step_ms: buckets.step_ms,
            span_ms: layout.axis.span_ms(),
        }),
        footer,
    })
}
