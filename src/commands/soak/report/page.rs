//! `SOAK_REPORT.html`: the page of the run with the answer of the report.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::ReportFacts;
use crate::commands::soak::page::{self, PageFacts, PageState};
use crate::commands::soak::verdict::SoakVerdict;
use crate::evidence::header::Header;
use crate::judge::verdict::RunVerdict;

/// None of a run whose windows have no times.
pub(super) fn render(facts: &ReportFacts, verdict: RunVerdict) -> Option<String> {
    let started_at_ms = facts.started_at_ms?;
    let judged_by = (&facts.profile, &facts.kpis);
    let files = facts.files.clone();
    let state = match (facts.judged, verdict) {
        (SoakVerdict::Interrupted { .. }, RunVerdict::Pass | RunVerdict::Inconclusive) => {
            PageState::Interrupted
        }
        (SoakVerdict::Interrupted { .. }, RunVerdict::Fail) | (SoakVerdict::Judged(_), _) => {
            PageState::Judged(verdict)
        }
    };
    let mut of_run = PageFacts::of_judged(&facts.run, judged_by, state, files, &facts.bands);
    of_run.problems.extend(facts.kept_problem());
    let header = Header { made_at: facts.made_at, ..facts.header.clone() };
    Some(page::render(&PageFacts { started_at_ms, header, ..of_run }))
}
