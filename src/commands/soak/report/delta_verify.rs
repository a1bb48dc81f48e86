//! `DELTA_VERIFY_REPORT.{json,md}`: whether tuning took effect. Where nothing was tuned, that is said; else only
//! `soak verify` can tell.
#![warn(clippy::wildcard_enum_match_arm)]

use super::activity::Tuning;
use super::facts::ReportFacts;
use super::figures::ranges;
use super::text::head;
use crate::evidence::header::Header;
use crate::format::{markdown, text};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const SCHEMA: &str = "mmops.delta-verify-report.v1";
pub(super) const TITLE: &str = "# Verification of deltas\n";

/// `DELTA_VERIFY_REPORT.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeltaVerifyReport {
    #[serde(flatten)]
    header: Header,
    verdict: DeltaVerdict,
    /// Why it is that.
    reason: String,
    /// The directory of the run.
    run_dir: String,
    /// Iterations that proposed a change.
    proposed_iterations: Vec<u32>,
    /// Iterations that say that they applied one.
    applied_iterations: Vec<u32>,
    /// Iterations in which the bot reported other parameters than before.
    changed_iterations: Vec<u32>,
    /// Iterations that do not say.
    silent_iterations: Vec<u32>,
}

/// What is known of the deltas without `soak verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum DeltaVerdict {
    /// Nothing was tuned, so that there is nothing to verify.
    NotTuned,
    /// Something was changed, or may have been, and nobody has verified it.
    NotVerified,
}

impl DeltaVerdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NotTuned => "NOT_TUNED",
            Self::NotVerified => "NOT_VERIFIED",
        }
    }
}

impl DeltaVerifyReport {
    pub(super) fn new(facts: &ReportFacts) -> Self {
        let activity = &facts.activity;
        let (verdict, reason) = answer(facts);
        let mut changed: Vec<u32> = activity.changes.iter().map(|change| change.iteration).collect();
        changed.dedup();
        Self {
            header: facts.header.with_schema(SCHEMA),
            verdict,
            reason,
            run_dir: facts.run.run_dir.clone(),
            proposed_iterations: activity.proposed.clone(),
            applied_iterations: activity.applied.clone(),
            changed_iterations: changed,
            silent_iterations: activity.silent.clone(),
        }
    }

    pub(super) fn markdown(&self, facts: &ReportFacts) -> String {
        let mut out = head(TITLE, facts);
        let reason = markdown::plain(&text::line(&self.reason));
        out.push_str(&format!("Verdict: **{}**\n\n{reason}.\n\n", self.verdict.as_str()));
        let list = |iterations: &[u32]| match iterations {
            [] => "none".to_owned(),
            some => ranges(some.iter().copied()),
        };
        for (what, iterations) in [
            ("Iterations that proposed a change", &self.proposed_iterations),
            ("Iterations that say that they applied one", &self.applied_iterations),
            ("Iterations in which the bot reported other parameters", &self.changed_iterations),
            ("Iterations that do not say", &self.silent_iterations),
        ] {
            out.push_str(&format!("- {what}: {}\n", list(iterations)));
        }
        out
    }
}

/// What is known, and why.
pub(super) fn answer(facts: &ReportFacts) -> (DeltaVerdict, String) {
    let activity = &facts.activity;
    let verify = "`mmops soak verify` must say whether the bot took them";
    match activity.tuning() {
        Tuning::Not if facts.has_windows() => {
            (DeltaVerdict::NotTuned, "nothing was tuned in this run".to_owned())
        }
        Tuning::Not => (DeltaVerdict::NotVerified, "no iteration is there to say what was tuned".to_owned()),
        Tuning::Applied => {
            let at = ranges(activity.applied.iter().copied());
            (DeltaVerdict::NotVerified, format!("changes were applied in iterations {at}; {verify}"))
        }
        Tuning::Changed => {
            let mut at: Vec<u32> = activity.changes.iter().map(|change| change.iteration).collect();
            at.dedup();
            let at = ranges(at);
            let reason = format!(
                "the bot reported other parameters from iterations {at} on, and the run does not say who asked for them"
            );
            (DeltaVerdict::NotVerified, reason)
        }
        Tuning::Unknown => {
            let at = ranges(activity.silent.iter().copied());
            (DeltaVerdict::NotVerified, format!("iterations {at} do not say what was tuned"))
        }
    }
}
