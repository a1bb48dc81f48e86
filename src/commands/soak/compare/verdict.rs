//! Is the candidate worse?
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::CompareFacts;
use crate::judge::statistics::Finding;

/// The worst of all figures. What cannot be believed decides nothing, and a simulation is no yes.
pub(super) fn verdict(facts: &CompareFacts) -> Finding {
    let is_unusable = facts.runs().iter().any(|(_, run)| !run.problems.is_empty());
    if is_unusable {
        return Finding::Inconclusive;
    }
    of_findings(facts, facts.kpis.iter().map(|kpi| kpi.judgement.finding))
}

/// The same of other findings.
pub(super) fn of_findings(facts: &CompareFacts, findings: impl Iterator<Item = Finding>) -> Finding {
    let worst = findings.max().unwrap_or(Finding::Inconclusive);
    if facts.is_no_evidence() { worst.max(Finding::Inconclusive) } else { worst }
}
