//! From facts and verdict to the report.

use super::verdict::{Facts, Verdict};
use crate::release::checklist;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("canary checklist", "CANARY", "FAIL").named("canary");

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// Where the checklist was written; null where it was printed or refused.
    checklist: Option<String>,
    /// Its text; null where it was written to a file or refused.
    text: Option<String>,
}

/// `out` is where the checklist goes once it may be written.
pub(super) fn report(out: Option<String>, facts: Facts, verdict: Verdict) -> Report {
    let mut problems = facts.problems;
    if facts.checklist.is_none() {
        problems.push(format!("`{}` is not in the release", checklist::FILE_NAME));
    }
    let mut rows = vec![Row::judged("release", problems).note(format!("soak: {}", facts.soak_verdict))];
    if facts.is_simulated {
        rows.push(Row::new("simulated", Outcome::Warn).reason("the targets come from a simulated soak"));
    }
    let (conclusion, body) = match (verdict, out) {
        (Verdict::Complete, Some(out)) => {
            (Conclusion::new(Outcome::Pass, "CHECKLIST"), Body { checklist: Some(out), text: None })
        }
        (Verdict::Complete, None) => {
            (Conclusion::new(Outcome::Pass, "CHECKLIST"), Body { checklist: None, text: facts.checklist })
        }
        (Verdict::Refused, _) => {
            (Conclusion::new(Outcome::Fail, "FAIL"), Body { checklist: None, text: None })
        }
    };
    let lines: Vec<String> = body.text.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    Report::new(&SPEC, "CANARY CHECKLIST", conclusion)
        .rows(rows)
        .simulated(facts.is_simulated)
        .body(&body)
        .preamble(lines)
        .evidence(body.checklist)
}
