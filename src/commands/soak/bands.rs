//! The lowest and the highest sample behind a figure in each window, taken while the samples of a run are replayed:
//! what one window's value leaves out is seen in a chart, and nothing of the samples has to be kept.
#![warn(clippy::wildcard_enum_match_arm)]

use super::plan::SoakPlan;
use crate::judge::kpi::{Measure, Reducer, Selector};
use crate::report::page::chart::Extremes;
use std::collections::BTreeMap;

/// Lowest and highest sample of a figure in each window, the first window first.
pub(super) type Bands = BTreeMap<String, Vec<Extremes>>;

/// Gathers the extremes of gauges; nothing of a run whose members are judged one by one.
#[derive(Debug, Default)]
pub(super) struct BandCollector {
    gauges: Vec<Gauge>,
    /// Of each series: the gauges that it belongs to.
    series: Vec<Vec<usize>>,
}

#[derive(Debug)]
struct Gauge {
    kpi: String,
    of: Selector,
    across: Reducer,
    factor: f64,
    /// What the open scrape shows: how many series, and their values as one.
    scrape: (u32, f64),
    window: Extremes,
    windows: Vec<Extremes>,
}

impl BandCollector {
    pub(super) fn new(plan: &SoakPlan) -> Self {
        if plan.group_by.is_some() {
            return Self::default();
        }
        let gauge = |(kpi, definition): (&String, &crate::judge::kpi::KpiDefinition)| {
            let (of, across) = match &definition.measure {
                Measure::Gauge { of, across, .. } => (of.clone(), *across),
                Measure::Ratio { .. }
                | Measure::Rate { .. }
                | Measure::Increase { .. }
                | Measure::Quantile { .. }
                | Measure::Restarts => return None,
            };
            let factor = definition.factor();
            Some(Gauge {
                kpi: kpi.clone(),
                of,
                across,
                factor,
                scrape: (0, 0.0),
                window: None,
                windows: Vec::new(),
            })
        };
        Self { gauges: plan.kpis.iter().filter_map(gauge).collect(), series: Vec::new() }
    }

    /// Names the next series.
    pub(super) fn register(&mut self, name: &str, labels: &BTreeMap<String, String>) {
        let gauges = self.gauges.iter().enumerate();
        let of = gauges.filter(|(_, gauge)| gauge.of.matches(name, labels)).map(|(at, _)| at);
        self.series.push(of.collect());
    }

    pub(super) fn sample(&mut self, series: u32, value: f64) {
        let gauges = self.series.get(series as usize).map_or(&[][..], Vec::as_slice);
        for at in gauges.iter().filter(|_| value.is_finite()) {
            let Gauge { across, scrape: (count, known), .. } = &mut self.gauges[*at];
            *known = match across {
                _ if *count == 0 => value,
                Reducer::Max => known.max(value),
                Reducer::Min => known.min(value),
                Reducer::Mean | Reducer::Sum => *known + value,
                Reducer::Last => value,
            };
            *count += 1;
        }
    }

    pub(super) fn end_scrape(&mut self) {
        for gauge in &mut self.gauges {
            let (count, known) = std::mem::take(&mut gauge.scrape);
            if count > 0 {
                let parts = if gauge.across == Reducer::Mean { f64::from(count) } else { 1.0 };
                let value = known / parts * gauge.factor;
                let widened =
                    gauge.window.map_or((value, value), |(low, high)| (low.min(value), high.max(value)));
                gauge.window = Some(widened);
            }
        }
    }

    pub(super) fn end_window(&mut self) {
        for gauge in &mut self.gauges {
            gauge.windows.push(gauge.window.take());
        }
    }

    pub(super) fn bands(self) -> Bands {
        self.gauges.into_iter().map(|gauge| (gauge.kpi, gauge.windows)).collect()
    }
}
