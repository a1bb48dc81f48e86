//! What to do about a gate or goal that is broken: the iterations that break it, the figure that moves with it, the
//! parameter that should mend it, and how far it must go.
#![warn(clippy::wildcard_enum_match_arm)]

use super::effects::{self, Lever, MeasuredEffect};
use super::recommendation::{Change, Recommendation};
use crate::commands::soak::document::figure as show;
use crate::commands::soak::report::facts::ReportFacts;
use crate::commands::soak::report::figures::{Figure, ranges};
use crate::judge::gate::{Aggregate, Gate};
use crate::judge::record::{Breach, GateResult};
use crate::judge::statistics::rank_correlation;
use crate::tuning::limits::Bound;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A relation weaker than that is none.
const RELATED: f64 = 0.6;
/// A relation over fewer iterations is none.
const LEAST_PAIRS: usize = 8;
/// A shortfall of so much, relative to the limit, is worth a step of a parameter whose effect is not known.
const SHORTFALL_OF_A_STEP: f64 = 0.10;
/// So many steps at once, and no more.
const MOST_STEPS: f64 = 3.0;

pub(super) fn recommend(facts: &ReportFacts, name: &str, gate: &Gate, result: &GateResult) -> Recommendation {
    let breaches = facts.run.ledger.breaches(gate);
    let figure = facts.figures.iter().find(|figure| figure.name == gate.kpi);
    let driver = figure.and_then(|figure| driver(facts, figure));
    let lever = figure.and_then(|figure| {
        let driver = driver.as_ref().map(|driver| driver.figure.as_str());
        choose(facts, gate, result, figure, effects::levers(&gate.kpi, driver))
    });
    let (change, blocked) = match lever {
        None => (None, Vec::new()),
        Some(Choice { change, blocked }) => (change, blocked),
    };
    let numbers = breaches.iter().map(|breach| breach.iteration).collect::<BTreeSet<u32>>();
    let action = match &change {
        Some(_) => format!(
            "set it, run at least {} iterations, and read `{}`: `{}` is wanted",
            gate.last.unwrap_or(facts.last_n).max(1),
            gate.kpi,
            gate.condition(),
        ),
        None => without_parameter(facts, gate, &breaches, &blocked),
    };
    Recommendation {
        about: name.to_owned(),
        finding: shortfall_text(gate, result, &breaches),
        iterations: ranges(numbers),
        driver: driver.map(|driver| driver.text),
        change,
        action,
    }
}

fn shortfall_text(gate: &Gate, result: &GateResult, breaches: &[Breach]) -> String {
    let unit = &gate.unit;
    let by = shortfall(gate, result)
        .map_or(String::new(), |short| format!(", off by {} {unit}", show(Some(short))));
    let how = match gate.aggregate {
        Aggregate::Every => "worst",
        Aggregate::P95 => "95th percentile",
        Aggregate::Mean => "mean",
        Aggregate::Median => "median",
        Aggregate::Max => "largest",
        Aggregate::Min => "smallest",
        Aggregate::Sum => "sum",
        Aggregate::Growth => "growth",
        Aggregate::Ema(_) => "moving average",
    };
    let where_ =
        match streaks(breaches).into_iter().max_by_key(|streak| (streak.len(), Reverse(streak[0].iteration)))
        {
            None => String::new(),
            Some(longest) => {
                let first = &breaches[0];
                format!(
                    "; {} iterations beyond it by themselves, first {}, the longest streak {} from {}",
                    breaches.len(),
                    first.iteration,
                    longest.len(),
                    longest[0].iteration
                )
            }
        };
    format!("`{}` was {} {unit} ({how}), wanted {}{by}{where_}", gate.kpi, result.figure, gate.condition())
}

/// How far the value is beyond the limit.
fn shortfall(gate: &Gate, result: &GateResult) -> Option<f64> {
    let actual = result.outcome.actual?;
    let above = gate.at_most.map(|most| actual - most).filter(|short| *short > 0.0);
    above.or(gate.at_least.map(|least| least - actual).filter(|short| *short > 0.0))
}

/// Violations in a row.
pub(in crate::commands::soak) fn streaks(breaches: &[Breach]) -> Vec<&[Breach]> {
    breaches.chunk_by(|_, next| next.continues).collect()
}

/// Another figure that moves with this one.
pub(super) struct Driver {
    figure: String,
    pub(super) text: String,
}

pub(super) fn driver(facts: &ReportFacts, figure: &Figure) -> Option<Driver> {
    let known: BTreeMap<u32, f64> = figure.series.known.iter().copied().collect();
    let related = |other: &&Figure| other.name != figure.name && !same_measure(&other.name, &figure.name);
    let correlation = |other: &Figure| {
        let pairs: Vec<(f64, f64)> =
            other.series.known.iter().filter_map(|(at, value)| Some((*value, *known.get(at)?))).collect();
        let count = pairs.len();
        (count >= LEAST_PAIRS).then(|| rank_correlation(&pairs)).flatten().map(|rho| (rho, count))
    };
    let found = facts.figures.iter().filter(related).filter_map(|other| Some((other, correlation(other)?)));
    let (other, (rho, count)) = found
        .filter(|(_, (rho, _))| rho.abs() >= RELATED)
        .max_by(|(_, one), (_, other)| one.0.abs().total_cmp(&other.0.abs()))?;
    let how = if rho > 0.0 { "rises and falls with it" } else { "moves against it" };
    let text = format!(
        "`{}` {how} (rank correlation {rho:.2} over {count} iterations; {} {} to {} {})",
        other.name,
        show(other.all.min),
        other.unit,
        show(other.all.max),
        other.unit
    );
    Some(Driver { figure: other.name.clone(), text })
}

/// Whether two figures are of one measure, of which one cannot explain the other.
fn same_measure(one: &str, other: &str) -> bool {
    let families = [
        &["tick_latency_p95_ms", "tick_latency_p50_ms", "deadline_miss_ratio"][..],
        &["net_bps", "edge_ema24h_bps", "edge_ema1h_bps"],
        &["ticks", "tick_rate"],
    ];
    families.iter().any(|family| family.contains(&one) && family.contains(&other))
}

/// A parameter that was chosen, and those that could not be.
struct Choice {
    change: Option<Change>,
    blocked: Vec<String>,
}

fn choose(
    facts: &ReportFacts,
    gate: &Gate,
    result: &GateResult,
    figure: &Figure,
    levers: &[Lever],
) -> Option<Choice> {
    let short = shortfall(gate, result)?;
    let mut blocked = Vec::new();
    for lever in levers {
        let (_, limits) = facts.bounds.iter().find(|(name, _)| *name == lever.parameter)?;
        let from = in_force(facts, lever.parameter);
        let effect = effects::measured(lever.parameter, &facts.run.trail.parameters, &figure.series.known);
        // The figure must fall where it is above its limit, and rise where it is below.
        let falls = gate.at_most.zip(result.outcome.actual).is_some_and(|(most, actual)| actual > most);
        let wanted = if falls { -short } else { short };
        let (by, basis) = match effect {
            Some(effect) if (wanted / effect.per_unit).signum() == lever.step.signum() => {
                sized(lever, &effect, wanted, &figure.unit)
            }
            Some(effect) => {
                let effect = show(Some(effect.per_unit));
                blocked.push(format!(
                    "`{}` did the contrary in this run ({effect} for each unit)",
                    lever.parameter
                ));
                continue;
            }
            None => stepped(lever, short, gate),
        };
        if let Some(value) = from {
            let to = (value + by).clamp(limits.min, limits.max);
            if (to - value).abs() < 1e-9 || (to - value).signum() != by.signum() {
                let text = format!(
                    "`{}` is {} already, its limits are {} to {}",
                    lever.parameter,
                    show(Some(value)),
                    limits.min,
                    limits.max
                );
                blocked.push(text);
                continue;
            }
            let by = to - value;
            return Some(Choice {
                change: Some(change(lever, Some(value), Some(to), by, *limits, basis)),
                blocked,
            });
        }
        return Some(Choice { change: Some(change(lever, None, None, by, *limits, basis)), blocked });
    }
    Some(Choice { change: None, blocked })
}

pub(super) fn change(
    lever: &Lever,
    from: Option<f64>,
    to: Option<f64>,
    by: f64,
    limits: Bound,
    basis: String,
) -> Change {
    // Steps are decimal; their sums are shown as such.
    let round = |value: f64| (value * 1e9).round() / 1e9;
    Change { parameter: lever.parameter.to_owned(), from, to: to.map(round), by: round(by), limits, basis }
}

/// As far as the effect that the run itself showed asks for.
fn sized(lever: &Lever, effect: &MeasuredEffect, wanted: f64, unit: &str) -> (f64, String) {
    let MeasuredEffect { per_unit, values, iterations } = effect;
    let basis = format!(
        "measured in this run: {} {unit} for each unit, between {} ({} iterations) and {} ({} iterations)",
        show(Some(*per_unit)),
        show(Some(values.0)),
        iterations.0,
        show(Some(values.1)),
        iterations.1
    );
    let most = MOST_STEPS * lever.step.abs();
    ((wanted / per_unit).clamp(-most, most), basis)
}

/// By steps, more of them for a larger shortfall.
fn stepped(lever: &Lever, short: f64, gate: &Gate) -> (f64, String) {
    let relative = short / gate.threshold().abs().max(f64::MIN_POSITIVE);
    let steps = (relative / SHORTFALL_OF_A_STEP).ceil().clamp(1.0, MOST_STEPS);
    let basis = format!(
        "{}; {steps} step(s) of {} for a shortfall of {:.1} % of the limit: the parameter stood still in this run, so \
         its effect is not known",
        lever.because,
        lever.step.abs(),
        100.0 * relative
    );
    (steps * lever.step, basis)
}

/// The value of a parameter at the end of the run.
fn in_force(facts: &ReportFacts, parameter: &str) -> Option<f64> {
    let reported = facts.run.trail.parameters.last().and_then(|window| {
        let members = window.members.values().find_map(|parameters| parameters.get(parameter));
        window.parameters.get(parameter).or(members)
    });
    reported.copied().or_else(|| facts.overrides.as_ref()?.get(parameter)?.as_f64())
}

/// What to do where no run-time parameter helps, from what the run shows of it.
fn without_parameter(facts: &ReportFacts, gate: &Gate, breaches: &[Breach], blocked: &[String]) -> String {
    let mut text = String::new();
    if !blocked.is_empty() {
        text = format!("no parameter is left: {}; ", blocked.join("; "));
    } else if effects::levers(&gate.kpi, None).is_empty() {
        text.push_str("no run-time parameter acts on it; ");
    }
    let first = breaches.first().map(|breach| breach.iteration);
    let lives: Vec<String> = facts
        .run
        .ledger
        .lives
        .kept
        .iter()
        .filter(|life| life.iteration > 1 || first == Some(life.iteration))
        .take(3)
        .map(|life| format!("iteration {} at {}", life.iteration, life.begin.seen_at))
        .collect();
    let trend = facts.figures.iter().find(|figure| figure.name == gate.kpi).map(|figure| &figure.all);
    text + &match (gate.aggregate == Aggregate::Growth, trend.and_then(|stats| stats.slope), first) {
        (true, Some(slope), _) => format!(
            "it changes by {} {} an iteration (95 %: {} to {}): find what holds it, from iteration {} on",
            show(Some(slope.per_iteration)),
            gate.unit,
            show(Some(slope.low)),
            show(Some(slope.high)),
            trend.and_then(|stats| stats.min_at).unwrap_or(1)
        ),
        (_, _, Some(first)) if gate.kpi == "restarts" && !lives.is_empty() => {
            format!(
                "read the log of the process before it began anew: {} (first in iteration {first})",
                lives.join(", ")
            )
        }
        (_, _, Some(first)) => {
            let values: Vec<f64> = breaches.iter().map(|breach| breach.value).collect();
            let worst = breaches.iter().max_by(|one, other| off(gate, one).total_cmp(&off(gate, other)));
            format!(
                "read what the service did from iteration {first} on{}: {} of its iterations are beyond the limit",
                worst.map_or(String::new(), |worst| format!(
                    ", and in iteration {} ({} {})",
                    worst.iteration,
                    show(Some(worst.value)),
                    gate.unit
                )),
                values.len()
            )
        }
        (_, _, None) => format!("read how `{}` came to {}", gate.kpi, gate.condition()),
    }
}

/// How far a violating value is beyond the limit.
pub(in crate::commands::soak) fn off(gate: &Gate, breach: &Breach) -> f64 {
    let above = gate.at_most.map(|most| breach.value - most).filter(|off| *off > 0.0);
    above.or(gate.at_least.map(|least| least - breach.value)).unwrap_or_default()
}
