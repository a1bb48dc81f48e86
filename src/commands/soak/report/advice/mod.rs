//! What to do about a run, made of what it showed: which iterations, what moves with them, which parameter, how far.
#![warn(clippy::wildcard_enum_match_arm)]

mod broken;
mod effects;
mod recommendation;
mod run;

use super::facts::ReportFacts;
use super::figures::ranges;
use crate::judge::gate::Gate;
use crate::judge::record::GateResult;
use crate::judge::verdict::GateState;

pub(in crate::commands::soak) use broken::{off, streaks};
pub(in crate::commands::soak) use recommendation::{Change, Recommendation};
pub(super) use run::iterations_left;

/// Every recommendation: one for each gate and each goal that is not met, and for what else is wrong.
pub(in crate::commands::soak) fn recommendations(facts: &ReportFacts) -> Vec<Recommendation> {
    let mut all = run::findings(facts);
    let mut seen: Vec<&Gate> = Vec::new();
    let judged =
        [(&facts.profile, &facts.run.judgement.gates), (&facts.goals.profile, &facts.goals.judgement.gates)];
    for (profile, results) in judged {
        for (name, result) in results.iter().filter(|(_, result)| !result.pass) {
            let Some(gate) = profile.gates.get(name).filter(|gate| !seen.contains(gate)) else { continue };
            seen.push(gate);
            all.push(of_gate(facts, name, gate, result));
        }
    }
    all.extend(run::conditions(facts));
    if all.is_empty() {
        all.extend(run::approaching(facts));
    }
    all
}

/// What to do about a gate that does not hold or is not known.
fn of_gate(facts: &ReportFacts, name: &str, gate: &Gate, result: &GateResult) -> Recommendation {
    let reason = result.outcome.reason.clone().unwrap_or_default();
    match result.outcome.state {
        GateState::Pass | GateState::SoftFail | GateState::HardFail => {
            broken::recommend(facts, name, gate, result)
        }
        GateState::Warmup | GateState::Partial | GateState::NoData | GateState::ToolError => {
            let silent = facts.run.ledger.silent_windows(gate).into_iter().flat_map(|(_, at)| at);
            let mut silent: Vec<u32> = silent.collect();
            silent.sort_unstable();
            silent.dedup();
            let sources = facts.run.explanation(result);
            let why = if sources.is_empty() { String::new() } else { format!(" ({})", sources.join("; ")) };
            Recommendation {
                about: name.to_owned(),
                finding: format!(
                    "`{}` is not known ({}): {reason}{why}",
                    gate.kpi,
                    result.outcome.state.as_str()
                ),
                iterations: ranges(silent),
                driver: None,
                change: None,
                action: unknown_action(gate, result),
            }
        }
    }
}

fn unknown_action(gate: &Gate, result: &GateResult) -> String {
    let measured = result.outcome.judged;
    let wanted = gate.last.map_or(result.outcome.windows, |last| last.max(result.outcome.windows));
    let (show, how) = if result.outcome.state == GateState::Partial {
        ("show enough of", "make the iterations longer (--iteration), so that each sees as much as it needs")
    } else {
        ("show", "let the source show it in every iteration (`mmops soak check` asks for it at once)")
    };
    format!(
        "{measured} of {wanted} iterations {show} `{}`: {how}, and run {} more before `{}` is asked again",
        gate.kpi,
        wanted.saturating_sub(measured).max(1),
        gate.condition(),
    )
}
