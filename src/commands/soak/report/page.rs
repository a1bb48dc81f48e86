//! `SOAK_REPORT.html`: the page of the run as it was judged again.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::ReportFacts;
use crate::commands::soak::page::{self, PageFacts};

/// None of a run whose windows have no times.
pub(super) fn render(facts: &ReportFacts) -> Option<String> {
    let started_at_ms = facts.started_at_ms?;
    let judged_by = (&facts.profile, &facts.kpis);
    let files = facts.files.clone();
    let of_run = PageFacts::of_judged(&facts.run, judged_by, facts.judged.into(), files, &facts.bands);
    Some(page::render(&PageFacts { started_at_ms, ..of_run }))
}
