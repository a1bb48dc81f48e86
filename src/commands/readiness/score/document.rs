//! `readiness.json`.

use super::day::DayRecord;
use crate::commands::readiness::advice;
use crate::commands::readiness::points::{self, Section, Sections};
use crate::commands::readiness::verdict::{Facts, Verdict, verdict};
use crate::evidence::daily::{Window, other_release};
use crate::evidence::entry::{Entry, ReleaseIdentity};
use crate::evidence::explanation::Explanation;
use crate::evidence::header::Header;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema of the file. The first one did not name the reports that it rests on.
pub(crate) const SCHEMA: &str = "mmops.readiness.v2";

/// `readiness.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Document {
    #[serde(flatten)]
    pub(crate) header: Header,
    /// GO, HOLD or BLOCK.
    pub(crate) verdict: Verdict,
    #[serde(flatten)]
    pub(crate) body: Body,
}

/// What the file and the report have in common.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Body {
    /// When and by what the score was made; proves nothing about the age of the evidence.
    pub(crate) runtime: Runtime,
    /// Points of 100, six decimals.
    pub(crate) score: f64,
    /// Points by section.
    pub(crate) sections: Sections,
    /// Days that were scored.
    pub(crate) window: usize,
    /// The newest day of the window.
    pub(crate) newest_day: String,
    /// What is to be released, where that is known and a day names a version.
    #[serde(default, skip_serializing_if = "ReleaseIdentity::is_unknown")]
    pub(crate) release: ReleaseIdentity,
    /// Why the days speak of something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) other_release: Option<String>,
    /// What each day shows, oldest first.
    pub(crate) days: Vec<DayRecord>,
    /// Why points are lost, and what would win them back.
    pub(crate) losses: Vec<Loss>,
    /// Names of the drills that GO requires.
    pub(crate) required_drills: Vec<String>,
    /// What was found of each of them.
    pub(crate) drills: Vec<Entry>,
    /// Files that stand for no day.
    pub(crate) remarks: Vec<String>,
}

/// What the report of the command has.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ScoreAnswer<'a> {
    #[serde(flatten)]
    pub(crate) body: &'a Body,
    /// How near the score is to another verdict, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explanation: Option<Explanation>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runtime {
    pub(crate) utc: String,
    pub(crate) version: String,
}

/// Lost points of a section.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Loss {
    pub(crate) section: String,
    pub(crate) points: f64,
    pub(crate) reasons: Vec<String>,
    pub(crate) cheapest: Option<String>,
}

impl Document {
    /// The score of a window. `header` says who made it and when, `now` up to when a day of today was observed.
    pub(crate) fn new(
        header: Header,
        runtime: Runtime,
        window: &Window,
        drills: Vec<Entry>,
        release: ReleaseIdentity,
        now: Timestamp,
    ) -> Self {
        let scored = points::score(window);
        let sections = points::sections(&scored);
        let total = sections.total();
        let unmet_drills = drills.iter().filter(|drill| !drill.outcome().is_yes()).count();
        let loss = |section: &Section| Loss {
            section: section.name.to_owned(),
            points: ((section.max - section.points) * 1e6).round() / 1e6,
            reasons: section.reasons.clone(),
            cheapest: section.advice.clone().or_else(|| advice::for_blank_days(&window.days)),
        };
        let simulated = window.simulated || drills.iter().any(|drill| drill.simulated);
        let other_release = other_release(&window.days, &release);
        let is_other_release = other_release.is_some();
        let newest = window.days.iter().map(|day| day.date).max();
        let body = Body {
            runtime,
            score: total,
            sections,
            window: window.days.len(),
            newest_day: newest.map_or_else(String::new, |date| date.to_string()),
            release,
            other_release,
            days: window.days.iter().map(DayRecord::of).collect(),
            losses: scored.iter().filter(|section| section.is_lost()).map(loss).collect(),
            required_drills: drills.iter().map(|drill| drill.name.clone()).collect(),
            drills,
            remarks: window.remarks.clone(),
        };
        Self {
            header: header.simulated(simulated).observed(window.observed(now)),
            verdict: verdict(&Facts { score: total, unmet_drills, is_other_release }),
            body,
        }
    }
}
