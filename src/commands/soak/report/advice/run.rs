//! What to do about a run beside its gates: what was kept of it, what it must be, and what it is on its way to.
#![warn(clippy::wildcard_enum_match_arm)]

use super::broken::{change, driver};
use super::effects::Lever;
use super::recommendation::{Change, Recommendation};
use crate::commands::soak::document::figure as show;
use crate::commands::soak::report::facts::ReportFacts;
use crate::commands::soak::report::figures::ranges;
use crate::commands::soak::verdict::Occasion;
use crate::judge::gate::{Gate, GateProfile};
use crate::judge::record::legacy::{FindingKind, LegacyFinding};
use crate::judge::trend::Direction;
use crate::tuning::limits::Bound;
use serde_json::Value;

/// Contradictions that are named one by one.
const MOST: usize = 5;

/// What the earlier toolkit did wrong, and how to put it right.
pub(super) fn findings(facts: &ReportFacts) -> Vec<Recommendation> {
    let found = match &facts.run.occasion {
        Occasion::Legacy { findings, .. } => findings.as_slice(),
        Occasion::Finished { .. } | Occasion::Kept { .. } => &[],
    };
    let mended = mended_overrides(facts, found);
    let of = |finding: &LegacyFinding| {
        let change = mended.iter().find(|(path, _)| finding.text.contains(&format!("`{path}` is")));
        let action = match (finding.kind, change) {
            (FindingKind::Failure, Some((path, _))) => {
                format!("take `{path}` out of the overrides file and set the flat key, which the bot reads")
            }
            (FindingKind::Failure, None) => "mend it before anything is released on this run".to_owned(),
            (FindingKind::Simulated, _) => {
                "soak the real service: `mmops soak run --scrape URL` or `--prometheus URL`".to_owned()
            }
            (FindingKind::Incomplete, _) => "run again: what is missing cannot be judged".to_owned(),
            (FindingKind::Informative, _) => String::new(),
        };
        Recommendation {
            about: finding.name.to_owned(),
            finding: finding.text.clone(),
            iterations: String::new(),
            driver: None,
            change: change.map(|(_, change)| change.clone()),
            action,
        }
    };
    let mut all: Vec<Recommendation> = Vec::new();
    for one in found.iter().filter(|finding| finding.kind != FindingKind::Informative).map(of) {
        // A step that was written as a value lies outside of its limits as well: one thing to do.
        let is_known = one.change.is_some() && all.iter().any(|known| known.change == one.change);
        if !is_known {
            all.push(one);
        }
    }
    all
}

/// The values that steps written as values should have been, by the place that they stand at.
fn mended_overrides(facts: &ReportFacts, findings: &[LegacyFinding]) -> Vec<(String, Change)> {
    let Some(overrides) = &facts.overrides else { return Vec::new() };
    let mut mended = Vec::new();
    for (section, fields) in overrides.iter().filter_map(|(name, value)| Some((name, value.as_object()?))) {
        for (name, limits) in facts.bounds.iter() {
            let Some(step) = fields.get(name).and_then(Value::as_f64) else { continue };
            let Some(flat) = overrides.get(name).and_then(Value::as_f64) else { continue };
            let path = format!("`{section}.{name}` is");
            let is_step =
                |finding: &LegacyFinding| finding.name == "delta_as_value" && finding.text.starts_with(&path);
            if !findings.iter().any(is_step) {
                continue;
            }
            let to = (flat + step).clamp(limits.min, limits.max);
            let basis = format!(
                "{flat} with the step {} that stands at `{section}.{name}`, inside the limits",
                show(Some(step))
            );
            let lever = Lever { parameter: name, step, because: "" };
            mended.push((
                format!("{section}.{name}"),
                change(&lever, Some(flat), Some(to), to - flat, *limits, basis),
            ));
        }
    }
    mended
}

/// What a run must be beside its gates.
pub(super) fn conditions(facts: &ReportFacts) -> Vec<Recommendation> {
    let short = facts.run.planned.saturating_sub(facts.run.ledger.iterations);
    let unfinished = (short > 0 && facts.run.ledger.iterations > 0).then(|| Recommendation {
        about: "iterations".to_owned(),
        finding: format!("{} of {} iterations are there", facts.run.ledger.iterations, facts.run.planned),
        iterations: String::new(),
        driver: None,
        change: None,
        action: format!(
            "let the run go on for {short} iterations (`mmops soak run --resume`), then report again"
        ),
    });
    let failed = facts.run.judgement.conditions.iter().filter_map(|condition| {
        Some(Recommendation {
            about: condition.name.clone(),
            finding: format!("{}: {}", condition.note, condition.reason.clone()?),
            iterations: ranges(facts.run.ledger.gaps.iter().map(|(before, _)| *before)),
            driver: None,
            change: None,
            action: match condition.name.as_str() {
                "observed" => "watch the service longer, by the same profile".to_owned(),
                "build" => "soak one build from its start to the end".to_owned(),
                _ => "run again without it".to_owned(),
            },
        })
    });
    let contradicted = contradictions(facts).into_iter().map(|finding| Recommendation {
        about: "evidence".to_owned(),
        finding,
        iterations: String::new(),
        driver: None,
        change: None,
        action: "release nothing on this run: what it kept contradicts itself; find out who changed it, and run again"
            .to_owned(),
    });
    let is_ours = matches!(facts.run.occasion, Occasion::Kept { .. });
    let simulated = (is_ours && facts.run.is_no_evidence()).then(|| Recommendation {
        about: "simulated".to_owned(),
        finding: format!("all {} iterations come from a simulation", facts.run.ledger.iterations),
        iterations: String::new(),
        driver: None,
        change: None,
        action: "soak the real service; --mock reports on this run as the rehearsal it is".to_owned(),
    });
    let outside = if is_ours { outside(facts) } else { Vec::new() };
    unfinished.into_iter().chain(failed).chain(contradicted).chain(simulated).chain(outside).collect()
}

/// Parameters that the bot reported outside of their limits.
fn outside(facts: &ReportFacts) -> Vec<Recommendation> {
    let reported = |(name, limits): (&'static str, &Bound)| {
        let value = facts.overrides.as_ref()?.get(name)?.as_f64()?;
        let to = value.clamp(limits.min, limits.max);
        let lever = Lever { parameter: name, step: to - value, because: "" };
        let basis = "the nearest value that is allowed".to_owned();
        (to != value).then(|| Recommendation {
            about: name.to_owned(),
            finding: format!(
                "the bot ran with {}, allowed is {} to {}",
                show(Some(value)),
                limits.min,
                limits.max
            ),
            iterations: ranges(facts.analyzed()),
            driver: None,
            change: Some(change(&lever, Some(value), Some(to), to - value, *limits, basis)),
            action: "set it, and soak again: a release holds the parameters to these limits".to_owned(),
        })
    };
    facts.bounds.iter().filter_map(reported).collect()
}

/// Where the files of a run do not agree.
fn contradictions(facts: &ReportFacts) -> Vec<String> {
    let mut all: Vec<String> = match &facts.run.occasion {
        Occasion::Kept { plan_problem, summaries, recomputed, .. } => {
            let differences = recomputed.iter().flat_map(|found| &found.differences);
            plan_problem.iter().chain(&summaries.problems).chain(differences).take(MOST).cloned().collect()
        }
        Occasion::Legacy { .. } | Occasion::Finished { .. } => Vec::new(),
    };
    all.extend(facts.kept_problem());
    all
}

/// What is inside its limits and on its way out of them.
pub(super) fn approaching(facts: &ReportFacts) -> Vec<Recommendation> {
    let profiles: [&GateProfile; 2] = [&facts.profile, &facts.goals.profile];
    let mut all: Vec<Recommendation> = Vec::new();
    for (name, gate) in profiles.into_iter().flat_map(|profile| profile.gates.iter()) {
        let Some(left) = iterations_left(facts, gate) else { continue };
        let about = name.clone();
        if all.iter().any(|known| known.about == about) {
            continue;
        }
        all.push(Recommendation {
            about,
            finding: format!("`{}` holds ({}) and moves towards its limit: at the slope of the last iterations it is reached in {left:.0} more", gate.kpi, gate.condition()),
            iterations: ranges(facts.last.iter().copied()),
            driver: facts.figures.iter().find(|figure| figure.name == gate.kpi).and_then(|figure| driver(facts, figure)).map(|driver| driver.text),
            change: None,
            action: format!("run {left:.0} iterations more before the limit is trusted"),
        });
    }
    all
}

/// How many iterations a figure has left until it breaks its limit, where it moves there and will be there within as
/// many iterations as its slope was measured over.
pub(in crate::commands::soak) fn iterations_left(facts: &ReportFacts, gate: &Gate) -> Option<f64> {
    let figure = facts.figures.iter().find(|figure| figure.name == gate.kpi)?;
    let (slope, value) = (figure.last.slope?, figure.last.median?);
    let room = match figure.last.trend.0 {
        Direction::Up => gate.at_most? - value,
        Direction::Down => value - gate.at_least?,
        Direction::Flat | Direction::Unknown => return None,
    };
    let left = (room / slope.per_iteration.abs()).ceil();
    (room >= 0.0 && left <= figure.last.n as f64 && gate.aggregate.traits().is_of_one_window).then_some(left)
}
