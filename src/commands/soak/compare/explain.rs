//! How near a comparison is to another answer: of each figure the smallest margin, or the smallest change of all values
//! of the candidate, after which the finding is another. Every change is tried before it is told.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::{CompareFacts, KpiFacts};
use super::verdict::of_findings;
use crate::evidence::daily::report::SourceFile;
use crate::evidence::explanation::{Explanation, Flip, InputChange, RuleExplanation};
use crate::judge::statistics::{Arm, Comparison, Finding, KpiJudgement, Tests, judge};
use serde_json::json;

/// Halvings after which a change is known to a part in a thousand of itself, or better.
const HALVINGS: u32 = 16;
/// Doublings of a change before it is given up.
const DOUBLINGS: u32 = 40;

/// A change of one figure.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Of the margin, to this.
    Margin(f64),
    /// Of every value of the candidate, by so much for the worse.
    Values(f64),
}

pub(super) fn explanation(facts: &CompareFacts, verdict: Finding) -> Explanation {
    let flips: Vec<Option<Change>> = (0..facts.kpis.len()).map(|at| flip(facts, at)).collect();
    let change = |at: usize| flips[at].map(|change| input_change(facts, &facts.kpis[at], change));
    let rules = facts.kpis.iter().enumerate().map(|(at, kpi)| rule(facts, kpi, change(at))).collect();
    Explanation { rules, flip: of_all(facts, verdict, &flips), missing: Vec::new() }
}

fn rule(facts: &CompareFacts, kpi: &KpiFacts, flip: Option<InputChange>) -> RuleExplanation {
    let worse_by = kpi.shift().map(|shift| shift.estimate * kpi.better.sign());
    let source = |run: &super::facts::RunFacts| SourceFile {
        path: format!("{}/RUN.json", run.run_dir),
        sha256: Some(run.sha256.clone()),
    };
    RuleExplanation {
        rule: kpi.name.clone(),
        value: json!(kpi.shift().map(|shift| shift.estimate)),
        limit: format!(
            "worse by at most {} {}, {} being better",
            kpi.margins.shift,
            kpi.unit,
            kpi.better.as_str()
        ),
        margin: worse_by.map(|worse_by| kpi.margins.shift - worse_by),
        n: kpi.counts[0].min(kpi.counts[1]),
        of: kpi.series[0].len().min(kpi.series[1].len()),
        holds: is_yes(kpi.judgement.finding),
        sources: vec![source(&facts.baseline), source(&facts.candidate)],
        flip: flip.into_iter().collect(),
    }
}

/// What all figures come to once some are changed.
fn judged(facts: &CompareFacts, changes: &[(usize, Change)]) -> Vec<KpiJudgement> {
    let changed = |at: usize, kpi: &KpiFacts| match changes.iter().find(|(of, _)| *of == at) {
        Some((_, change)) => {
            changed(&kpi.comparison, *change).map(|comparison| Tests::of(&comparison, false))
        }
        None => None,
    };
    let kpis = facts.kpis.iter().enumerate();
    judge(kpis.map(|(at, kpi)| changed(at, kpi).unwrap_or_else(|| kpi.judgement.tests.clone())).collect())
}

/// A figure once it is changed; none of one whose values are not judged as a series.
fn changed(comparison: &Comparison, change: Change) -> Option<Comparison> {
    let Comparison::Series(series) = comparison else { return None };
    let mut series = series.clone();
    match change {
        Change::Margin(margin) => series.margins.shift = margin,
        Change::Values(by) => {
            series.arms[1] = Arm::new(series.arms[1].series().iter().map(|value| value + by).collect());
            for difference in series.differences.iter_mut().flatten() {
                *difference += by;
            }
        }
    }
    Some(Comparison::Series(series))
}

/// The smallest change after which the finding of a figure is another: of one that is worse or not decided its margin, of
/// one that is not worse its values.
fn flip(facts: &CompareFacts, at: usize) -> Option<Change> {
    let kpi = &facts.kpis[at];
    let finding = kpi.judgement.finding;
    let of = |change: Change| judged(facts, &[(at, change)])[at].finding;
    let begin =
        kpi.shift().map_or(0.0, |shift| shift.estimate.abs()).max(kpi.margins.shift).max(f64::MIN_POSITIVE);
    match finding {
        Finding::Worse => {
            let is_enough = |margin: f64| of(Change::Margin(margin)) != Finding::Worse;
            smallest(kpi.margins.shift, begin, is_enough).map(Change::Margin)
        }
        Finding::Inconclusive => {
            let is_enough = |margin: f64| of(Change::Margin(margin)) == Finding::Same;
            smallest(kpi.margins.shift, begin, is_enough).map(Change::Margin)
        }
        Finding::Same | Finding::Better => {
            let is_enough = |by: f64| !is_yes(of(Change::Values(by)));
            smallest(0.0, begin, is_enough).map(Change::Values)
        }
    }
}

fn is_yes(finding: Finding) -> bool {
    match finding {
        Finding::Same | Finding::Better => true,
        Finding::Inconclusive | Finding::Worse => false,
    }
}

/// The smallest value above `from` that is enough, found by doubling a step and halving what is between.
fn smallest(from: f64, step: f64, is_enough: impl Fn(f64) -> bool) -> Option<f64> {
    // A step that is small beside what is needed is doubled often; one that is large is halved as often.
    let steps =
        (0..DOUBLINGS).map(|doubling| step * 2.0_f64.powi(i32::try_from(doubling).unwrap_or_default() - 4));
    let mut low = from;
    let mut high = steps.into_iter().map(|step| from + step).find(|value| {
        let is_enough = is_enough(*value);
        low = if is_enough { low } else { *value };
        is_enough
    })?;
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if is_enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

fn input_change(facts: &CompareFacts, kpi: &KpiFacts, change: Change) -> InputChange {
    match change {
        Change::Margin(margin) => InputChange {
            path: facts.margins.clone(),
            place: format!("root.kpis.{}.margin", kpi.kpi),
            from: json!(kpi.margins.shift),
            to: json!(margin),
        },
        Change::Values(by) => InputChange {
            path: format!("{}/samples.bin", facts.candidate.run_dir),
            place: format!("what is added to every value of {}", kpi.name),
            from: json!(0),
            to: json!(by * kpi.better.sign()),
        },
    }
}

/// The changes after which the answer is another: away from a yes those of the figure that is nearest to worse, towards
/// one those of every figure that stands in its way.
fn of_all(facts: &CompareFacts, verdict: Finding, flips: &[Option<Change>]) -> Flip {
    let all = flips.iter().enumerate().filter_map(|(at, change)| Some((at, (*change)?)));
    let finding = |at: usize| facts.kpis[at].judgement.finding;
    let chosen: Vec<(usize, Change)> = match verdict {
        Finding::Same | Finding::Better => {
            // In margins, so that figures of several units can be compared.
            let size = |(at, change): &(usize, Change)| match change {
                Change::Values(by) => by.abs() / facts.kpis[*at].margins.shift,
                Change::Margin(_) => f64::INFINITY,
            };
            all.min_by(|one, other| size(one).total_cmp(&size(other))).into_iter().collect()
        }
        Finding::Worse | Finding::Inconclusive => all.filter(|(at, _)| finding(*at) == verdict).collect(),
    };
    let after = of_findings(facts, judged(facts, &chosen).iter().map(|judgement| judgement.finding));
    if after != verdict && !chosen.is_empty() {
        let changes =
            chosen.into_iter().map(|(at, change)| input_change(facts, &facts.kpis[at], change)).collect();
        return Flip { verdict: after.as_str().to_owned(), changes, obstacles: Vec::new() };
    }
    let stuck =
        facts.kpis.iter().zip(flips).filter(|(kpi, flip)| flip.is_none() && kpi.judgement.finding == verdict);
    let obstacles = stuck.flat_map(|(kpi, _)| {
        super::answer::notes(kpi).into_iter().map(|note| format!("{}: {note}", kpi.name)).collect::<Vec<_>>()
    });
    Flip { verdict: verdict.as_str().to_owned(), changes: Vec::new(), obstacles: obstacles.collect() }
}
