//! What a server is asked for the figures of a plan.

use crate::commands::soak::plan::SoakPlan;
use crate::judge::kpi::collector::{FAULTY_FAMILIES, OWN_METRICS};
use crate::judge::kpi::{Measure, Reducer, Selector};
use crate::report::exit::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// A time in milliseconds and a value.
type Point = (i64, f64);

/// A question, whose answer is recorded under a name.
#[derive(Debug)]
pub(super) struct Query {
    /// Name of the series as it is recorded.
    pub(super) name: String,
    /// Gives the value at each point.
    pub(super) plain: String,
    /// Gives what lay between two points, where a figure is the largest or the smallest of all samples.
    pub(super) extreme: Option<(Extremum, String)>,
    /// Gives the time of the newest sample; a query of the operator's own has none.
    pub(super) newest: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extremum {
    Max,
    Min,
}

/// Every question of a plan.
#[derive(Debug)]
pub(super) struct Queries {
    pub(super) queries: Vec<Query>,
    /// Metrics of which figures want different values at a point, so that only the point itself is asked for.
    pub(super) mixed: Vec<String>,
    /// Figures with a query of their own, which is asked as it is written.
    pub(super) written: Vec<String>,
}

impl Queries {
    pub(super) fn of(plan: &SoakPlan, matching: Option<&str>) -> Result<Self, Fault> {
        let mut selectors: BTreeSet<Selector> = BTreeSet::new();
        // What is made of the samples between two points, by the name of the metric.
        let mut wanted: BTreeMap<String, BTreeSet<Wanted>> = BTreeMap::new();
        let (mut queries, mut written) = (Vec::new(), Vec::new());
        for (name, definition) in &plan.kpis {
            match (&definition.promql, &definition.measure) {
                (Some(query), Measure::Gauge { of, .. }) => {
                    written.push(name.clone());
                    queries.push(Query {
                        name: of.name.clone(),
                        plain: query.clone(),
                        extreme: None,
                        newest: None,
                    });
                }
                (Some(_), _) => {
                    return Err(Fault::config(format!(
                        "kpis.{name}: a promql needs a gauge as its measure, which reduces the points"
                    )));
                }
                (None, measure) => {
                    for selector in measure.selectors() {
                        wanted.entry(selector.name.clone()).or_default().insert(Wanted::of(measure));
                        selectors.insert(selector);
                    }
                }
            }
        }
        // No server has it: it is what is found on a page.
        for name in OWN_METRICS.into_iter().filter(|name| *name != FAULTY_FAMILIES) {
            wanted.entry(name.to_owned()).or_default().insert(Wanted::Point);
            selectors.insert(Selector::try_from(name.to_owned()).expect("a metric name"));
        }
        let mut taken: BTreeSet<&str> = selectors.iter().map(|selector| selector.name.as_str()).collect();
        for Query { name, .. } in &queries {
            if !taken.insert(name) {
                return Err(Fault::config(format!(
                    "the promql of a figure gives `{name}`, which another figure measures as well"
                ))
                .hint("give its `of` a name that no other figure and no metric has"));
            }
        }
        let interval_ms = plan.interval_ms();
        for selector in &selectors {
            let how = &wanted[&selector.name];
            let extremum = if how.len() == 1 { how.first().and_then(|how| how.extremum()) } else { None };
            queries.push(Query::of(selector, matching, extremum, interval_ms));
        }
        let is_mixed =
            |how: &BTreeSet<Wanted>| how.len() > 1 && how.iter().any(|how| how.extremum().is_some());
        let mixed = wanted.into_iter().filter(|(_, how)| is_mixed(how)).map(|(name, _)| name).collect();
        Ok(Self { queries, mixed, written })
    }
}

/// Which value a figure wants at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    /// The newest.
    Point,
    Largest,
    Smallest,
}

impl Wanted {
    fn of(measure: &Measure) -> Self {
        match measure {
            Measure::Gauge { over: Reducer::Max, .. } => Self::Largest,
            Measure::Gauge { over: Reducer::Min, .. } => Self::Smallest,
            Measure::Gauge { over: Reducer::Mean | Reducer::Sum | Reducer::Last, .. }
            | Measure::Ratio { .. }
            | Measure::Rate { .. }
            | Measure::Increase { .. }
            | Measure::Quantile { .. }
            | Measure::Restarts => Self::Point,
        }
    }

    fn extremum(self) -> Option<Extremum> {
        match self {
            Self::Point => None,
            Self::Largest => Some(Extremum::Max),
            Self::Smallest => Some(Extremum::Min),
        }
    }
}

impl Query {
    fn of(selector: &Selector, matching: Option<&str>, extremum: Option<Extremum>, interval_ms: i64) -> Self {
        let series = selector.narrowed(matching);
        // The range alone steps over the marker with which a server ends a series, and the selector alone
        // looks back for five minutes: a point is there when both have it. Raw samples (`series[range]`) come
        // without the markers as well, so that nobody could tell from them when a series has ended.
        let plain = format!("last_over_time({series}[{}ms]) and {series}", interval_ms * 3 / 2);
        let extreme = extremum.map(|extremum| {
            let function = match extremum {
                Extremum::Max => "max_over_time",
                Extremum::Min => "min_over_time",
            };
            (extremum, format!("{function}({series}[{interval_ms}ms])"))
        });
        let newest = Some(format!("max(timestamp({series}))"));
        Self { name: selector.name.clone(), plain, extreme, newest }
    }
}

/// Adds what lay between the points: each extreme to its own point, or where the series had ended by then to the
/// point before, so that what a process showed last counts and the point is missed all the same.
pub(super) fn fold(points: &mut [Point], extremes: &[Point], extremum: Extremum) {
    for (at_ms, extreme) in extremes {
        let before = points.partition_point(|(known, _)| known <= at_ms);
        let Some((_, value)) = points.get_mut(before.saturating_sub(1)) else { continue };
        let is_further = match extremum {
            Extremum::Max => *extreme > *value,
            Extremum::Min => *extreme < *value,
        };
        // A point that is not a number stays one: it cannot be used, whatever lay before it.
        if is_further {
            *value = *extreme;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_asked_for_where_the_series_goes_on_and_with_what_lay_before_it() {
        let selector = Selector::try_from("m{a=\"1\"}".to_owned()).expect("a selector");
        let query = Query::of(&selector, Some("job=\"bot\""), Some(Extremum::Max), 15_000);
        let series = "m{a=\"1\",job=\"bot\"}";
        assert_eq!(query.plain, format!("last_over_time({series}[22500ms]) and {series}"));
        assert_eq!(query.extreme, Some((Extremum::Max, format!("max_over_time({series}[15000ms])"))));
        assert_eq!(query.newest, Some(format!("max(timestamp({series}))")));
    }

    #[test]
    fn an_extreme_counts_at_its_point_or_at_the_last_one_before_it() {
        let mut points = [(10, 1.0), (20, 2.0), (40, f64::NAN)];
        fold(&mut points, &[(5, 4.0), (10, 0.5), (30, 9.0), (40, 7.0)], Extremum::Max);
        assert_eq!(points[..2], [(10, 4.0), (20, 9.0)]);
        assert!(points[2].1.is_nan());
        let mut points = [(10, 1.0), (20, 2.0)];
        fold(&mut points, &[(20, -1.0), (10, 3.0)], Extremum::Min);
        assert_eq!(points, [(10, 1.0), (20, -1.0)]);
        fold(&mut [], &[(10, 1.0)], Extremum::Max);
    }
}
