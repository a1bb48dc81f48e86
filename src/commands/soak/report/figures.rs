//! What each figure of a run was: over the last iterations and over all, and where it is going.
#![warn(clippy::wildcard_enum_match_arm)]

use super::earlier::{EarlierFigure, EarlierSnapshot};
use crate::judge::gate::GateProfile;
use crate::judge::kpi::KpiDefinition;
use crate::judge::record::{FigureSeries, Ledger};
use crate::judge::statistics::{Sum, median};
use crate::judge::trend::{self, Direction, Slope};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A figure over the run. Of a fleet, the worst member of each iteration.
#[derive(Clone, Debug)]
pub(in crate::commands::soak) struct Figure {
    pub(in crate::commands::soak) name: String,
    pub(in crate::commands::soak) unit: String,
    /// Over the last iterations.
    pub(in crate::commands::soak) last: FigureStats,
    /// Over all.
    pub(in crate::commands::soak) all: FigureStats,
    pub(in crate::commands::soak) series: FigureSeries,
}

/// A figure over some iterations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(in crate::commands::soak) struct FigureStats {
    /// Iterations in which it was measured.
    pub(in crate::commands::soak) n: usize,
    /// Iterations in which it was not, missing ones among them.
    pub(in crate::commands::soak) unknown: usize,
    pub(in crate::commands::soak) mean: Option<f64>,
    pub(in crate::commands::soak) median: Option<f64>,
    pub(in crate::commands::soak) min: Option<f64>,
    /// The iteration of the smallest value, the first of several.
    pub(in crate::commands::soak) min_at: Option<u32>,
    pub(in crate::commands::soak) max: Option<f64>,
    /// The iteration of the largest value, the first of several.
    pub(in crate::commands::soak) max_at: Option<u32>,
    /// Where it is going; flat where its slope cannot be told from 0.
    pub(in crate::commands::soak) trend: Trend,
    /// Theil-Sen slope with its 95 % interval; null where there are too few iterations.
    pub(in crate::commands::soak) slope: Option<Slope>,
}

/// The direction of a slope, unknown unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub(in crate::commands::soak) struct Trend(pub(in crate::commands::soak) Direction);

impl Default for Trend {
    fn default() -> Self {
        Self(Direction::Unknown)
    }
}

impl FigureStats {
    fn of(known: &[(u32, f64)], unknown: usize) -> Self {
        let values: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
        let mean = values.iter().copied().collect::<Sum>().value() / values.len() as f64;
        let first = |better: fn(f64, f64) -> bool| {
            known
                .iter()
                .copied()
                .reduce(|kept, next| if better(next.1, kept.1) { next } else { kept })
                .unzip()
        };
        let (min_at, min) = first(|next, kept| next < kept);
        let (max_at, max) = first(|next, kept| next > kept);
        let slope = trend::slope(known);
        // What is rounded in the mean must not lead out of its values.
        let within = |mean: f64| min.zip(max).map(|(min, max)| mean.clamp(min, max));
        Self {
            n: values.len(),
            unknown,
            mean: within(mean),
            median: median(&values),
            min,
            min_at,
            max,
            max_at,
            trend: Trend(Slope::direction(slope)),
            slope,
        }
    }
}

/// Every figure of the run; `last` are the numbers of the last iterations, of which some may be missing.
pub(super) fn figures(ledger: &Ledger, profiles: [&GateProfile; 2], last: &[u32]) -> Vec<Figure> {
    let figure = |(name, stats): (&String, &crate::judge::record::KpiStats)| {
        let series = worst(ledger, name, prefers_less(name, profiles));
        let begin = last.first().copied().unwrap_or(u32::MAX);
        let recent: Vec<(u32, f64)> =
            series.known.iter().copied().filter(|(number, _)| *number >= begin).collect();
        let silent = series.unknown.iter().filter(|number| **number >= begin).count();
        Figure {
            name: name.clone(),
            unit: stats.unit.clone(),
            last: FigureStats::of(&recent, silent),
            all: FigureStats::of(&series.known, series.unknown.len()),
            series,
        }
    };
    ledger.stats.iter().map(figure).collect()
}

/// What a snapshot of the earlier toolkit says, whose windows are not there.
pub(super) fn of_snapshot(found: &EarlierSnapshot, kpis: &BTreeMap<String, KpiDefinition>) -> Vec<Figure> {
    let figure = |(name, said): (&String, &EarlierFigure)| Figure {
        name: name.clone(),
        unit: kpis.get(name).map_or_else(String::new, |kpi| kpi.unit.clone()),
        last: FigureStats {
            mean: said.mean,
            median: said.median,
            min: said.min,
            max: said.max,
            ..FigureStats::default()
        },
        all: FigureStats::default(),
        series: FigureSeries::default(),
    };
    found.figures.iter().map(figure).collect()
}

/// Whether less of a figure is better, as the first limit on it has it.
fn prefers_less(kpi: &str, profiles: [&GateProfile; 2]) -> bool {
    let gates = profiles.into_iter().flat_map(|profile| profile.gates.values());
    gates.filter(|gate| gate.kpi == kpi).map(|gate| gate.at_most.is_some()).next().unwrap_or(true)
}

/// A figure iteration by iteration: of several members the worst, and unknown where it is of any.
fn worst(ledger: &Ledger, kpi: &str, less_is_better: bool) -> FigureSeries {
    let mut members = ledger.members().map(|member| ledger.series(member, kpi));
    let Some(mut all) = members.next() else { return FigureSeries::default() };
    for series in members {
        let mut folded: BTreeMap<u32, f64> = all.known.into_iter().collect();
        for (number, value) in series.known {
            let worse = |kept: f64| if less_is_better { kept.max(value) } else { kept.min(value) };
            folded.entry(number).and_modify(|kept| *kept = worse(*kept)).or_insert(value);
        }
        let unknown: BTreeSet<u32> = all.unknown.into_iter().chain(series.unknown).collect();
        folded.retain(|number, _| !unknown.contains(number));
        all = FigureSeries { known: folded.into_iter().collect(), unknown: unknown.into_iter().collect() };
    }
    all
}

/// Numbers of iterations as ranges, such as `1-3, 7`.
pub(in crate::commands::soak) fn ranges(iterations: impl IntoIterator<Item = u32>) -> String {
    let mut all: Vec<(u32, u32)> = Vec::new();
    for number in iterations {
        match all.last_mut() {
            Some(range) if range.1 + 1 == number => range.1 = number,
            _ => all.push((number, number)),
        }
    }
    let show = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    all.iter().map(show).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_know_what_they_rest_on() {
        assert_eq!(FigureStats::of(&[], 3), FigureStats { unknown: 3, ..FigureStats::default() });
        let stats = FigureStats::of(&[(1, 0.0), (2, -1.0), (4, -1.0), (5, 3.0)], 1);
        assert_eq!((stats.n, stats.mean, stats.median), (4, Some(0.25), Some(-0.5)));
        assert_eq!(
            (stats.min, stats.min_at, stats.max, stats.max_at),
            (Some(-1.0), Some(2), Some(3.0), Some(5))
        );
        // 0.85 eight times is 0.85.
        let equal: Vec<(u32, f64)> = (1..=8).map(|number| (number, 0.85)).collect();
        assert_eq!(FigureStats::of(&equal, 0).mean, Some(0.85));
    }

    #[test]
    fn iterations_are_shown_as_ranges() {
        assert_eq!(ranges([]), "");
        assert_eq!(ranges([1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
    }
}
