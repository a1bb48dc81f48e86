//! From facts and verdict to the report.

use super::verdict::{Facts, Verdict};
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("canary checklist", "CANARY", "FAIL").named("canary");

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The checklist; null when none was written.
    checklist: Option<String>,
}

/// `out` is where the checklist is, once it may be written.
pub(super) fn report(out: String, facts: &Facts, verdict: Verdict) -> Report {
    let mut rows = vec![Row::judged("release", facts.problems.clone()).note(&facts.soak_verdict)];
    if facts.is_simulated {
        rows.push(Row::new("simulated", Outcome::Warn).reason("the targets come from a simulated soak"));
    }
    let (conclusion, checklist) = match verdict {
        Verdict::Complete => (Conclusion::new(Outcome::Pass, "CHECKLIST"), Some(out)),
        Verdict::Refused => (Conclusion::new(Outcome::Fail, "FAIL"), None),
    };
    let body = Body { checklist };
    Report::new(&SPEC, "CANARY CHECKLIST", conclusion)
        .rows(rows)
        .simulated(facts.is_simulated)
        .body(&body)
        .evidence(body.checklist)
}
