//! `readiness.json`.

use crate::commands::readiness::advice;
use crate::commands::readiness::points::{self, Section, Sections};
use crate::commands::readiness::verdict::{Facts, Verdict, verdict};
use crate::evidence::daily::{Day, Window};
use crate::evidence::header::Header;
use crate::evidence::requirement::Judged;
use schemars::JsonSchema;
use serde::Serialize;

/// `readiness.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Document {
    #[serde(flatten)]
    pub(super) header: Header,
    /// GO, HOLD or BLOCK.
    pub(super) verdict: Verdict,
    #[serde(flatten)]
    pub(super) body: Body,
}

/// What the file and the report have in common.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// When and by what the score was made; proves nothing about the age of the evidence.
    runtime: Runtime,
    /// Points of 100, six decimals.
    pub(super) score: f64,
    /// Points by section.
    pub(super) sections: Sections,
    /// Days that were scored.
    window: usize,
    /// The newest day of the window.
    newest_day: String,
    /// What each day shows, oldest first.
    days: Vec<DayShown>,
    /// Why points are lost, and what would win them back.
    pub(super) losses: Vec<Loss>,
    /// The drills that GO requires.
    pub(super) drills: Vec<Judged>,
    /// Files that stand for no day.
    remarks: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Runtime {
    utc: String,
    version: String,
}

/// One day; what it does not show is null.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DayShown {
    date: String,
    /// Why the day shows nothing at all.
    fault: Option<String>,
    edge_net_bps: Option<f64>,
    order_age_p95_ms: Option<f64>,
    taker_share_pct: Option<f64>,
    guards_ok: Option<bool>,
    chaos_ok: Option<bool>,
    tests_ok: Option<bool>,
}

/// Lost points of a section.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Loss {
    pub(super) section: String,
    pub(super) points: f64,
    pub(super) reasons: Vec<String>,
    pub(super) cheapest: Option<String>,
}

impl Document {
    /// `utc` is the time that is printed.
    pub(super) fn new(
        header: Header,
        utc: String,
        window: &Window,
        scored: &[Section],
        drills: Vec<Judged>,
    ) -> Self {
        let sections = points::sections(scored);
        let total = sections.total();
        let unmet_drills = drills.iter().filter(|drill| !drill.outcome().is_yes()).count();
        let loss = |section: &Section| Loss {
            section: section.name.to_owned(),
            points: ((section.max - section.points) * 1e6).round() / 1e6,
            reasons: section.reasons.clone(),
            cheapest: section.advice.clone().or_else(|| advice::for_blank_days(&window.days)),
        };
        let simulated = window.simulated || drills.iter().any(|drill| drill.simulated);
        let body = Body {
            runtime: Runtime { utc, version: env!("CARGO_PKG_VERSION").to_owned() },
            score: total,
            sections,
            window: window.days.len(),
            newest_day: window
                .days
                .iter()
                .map(|day| day.date)
                .max()
                .map_or_else(String::new, |date| date.to_string()),
            days: window.days.iter().map(day_shown).collect(),
            losses: scored.iter().filter(|section| section.is_lost()).map(loss).collect(),
            drills,
            remarks: window.remarks.clone(),
        };
        Self {
            header: header.simulated(simulated),
            verdict: verdict(&Facts { score: total, unmet_drills }),
            body,
        }
    }
}

fn day_shown(day: &Day) -> DayShown {
    DayShown {
        date: day.date.to_string(),
        fault: day.fault.clone(),
        edge_net_bps: day.edge_net_bps.clone().ok(),
        order_age_p95_ms: day.order_age_p95_ms.clone().ok(),
        taker_share_pct: day.taker_share_pct.clone().ok(),
        guards_ok: day.guards_ok.clone().ok(),
        chaos_ok: day.chaos_ok.clone().ok(),
        tests_ok: day.tests_ok.clone().ok(),
    }
}
