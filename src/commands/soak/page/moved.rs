//! Which figures moved when a gate broke. That they did is no cause, and the page does not call it one.
#![warn(clippy::wildcard_enum_match_arm)]

use super::layout::{GateView, Layout};
use crate::judge::kpi::DataState;
use crate::judge::statistics::median;

/// Windows that both sides need.
const LEAST_WINDOWS: usize = 6;
/// A median has moved by so many scaled absolute deviations, and by this part of what it was.
const DEVIATIONS: f64 = 3.0;
const PART: f64 = 0.1;
/// Makes the median of absolute deviations the standard deviation of normal figures.
const SCALE: f64 = 1.4826;
const MOST: usize = 2;

pub(super) struct Moved<'a> {
    pub(super) kpi: &'a str,
    pub(super) unit: &'a str,
    pub(super) before: f64,
    pub(super) after: f64,
    by: f64,
}

/// The figures that moved most, two at most, of the member that broke the gate.
pub(super) fn moved_with<'a>(layout: &Layout<'a>, broken: &GateView) -> Vec<Moved<'a>> {
    let Some(first) = broken.stretches.first() else { return Vec::new() };
    let member = broken.result.member.as_deref().unwrap_or_default();
    let of = |(kpi, definition): (&'a String, &'a crate::judge::kpi::KpiDefinition)| {
        let all = layout.facts.ledger.windows_of(kpi);
        let (_, windows) = all.iter().find(|(name, _)| *name == member)?;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for window in windows.iter().filter(|window| window.state == DataState::Measured) {
            let side = if window.iteration < first.first { &mut before } else { &mut after };
            side.extend(window.value);
        }
        if before.len() < LEAST_WINDOWS || after.len() < LEAST_WINDOWS {
            return None;
        }
        let (was, is) = (median(&before)?, median(&after)?);
        let deviations: Vec<f64> = before.iter().map(|value| (value - was).abs()).collect();
        let spread = SCALE * median(&deviations)?;
        let shift = (is - was).abs();
        let has_moved = shift > 0.0 && shift >= DEVIATIONS * spread && shift >= PART * was.abs();
        let by = shift / spread.max(f64::MIN_POSITIVE);
        has_moved.then_some(Moved { kpi, unit: &definition.unit, before: was, after: is, by })
    };
    let others = layout.facts.kpis.iter().filter(|(kpi, _)| **kpi != broken.gate.kpi);
    let mut moved: Vec<Moved> = others.filter_map(of).collect();
    moved.sort_by(|one, other| other.by.total_cmp(&one.by));
    moved.truncate(MOST);
    moved
}
