//! What a member has gathered in a window.
#![warn(clippy::wildcard_enum_match_arm)]

use super::cell::{Cell, Unmeasured};
use crate::judge::kpi::{DataState, KpiDefinition, LifeBegin, LifeCause, Measure, Measurement, Member};
use std::collections::BTreeMap;

/// Name of the member when nothing tells members apart.
pub const WHOLE: &str = "all";

/// What a failed scrape leaves unknown: everything, unless a member or a metric is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affected<'a> {
    pub(crate) member: Option<&'a str>,
    pub(crate) metric: Option<&'a str>,
}

/// Reasons that are kept of a window.
pub(super) const MOST_FAILURES: usize = 64;
/// Begins of lives that are kept of a window; restarts are counted beyond it.
const MOST_LIVES: usize = 100;

/// Why a scrape, or a part of one, is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    member: Option<String>,
    metric: Option<String>,
    reason: String,
}

impl Failure {
    pub(super) fn new(affected: Affected<'_>, reason: &str) -> Self {
        let (member, metric) = (affected.member.map(str::to_owned), affected.metric.map(str::to_owned));
        Self { member, metric, reason: reason.to_owned() }
    }

    pub(super) fn is_of(&self, member: &str) -> bool {
        // Where nothing tells members apart, whatever failed is of the one that there is.
        member == WHOLE || self.member.as_deref().is_none_or(|name| name == member)
    }

    fn is_of_figure(&self, measure: &Measure) -> bool {
        let is_read = |metric: &str| measure.selectors().iter().any(|selector| selector.name == metric);
        self.metric.as_deref().is_none_or(is_read)
    }
}

#[derive(Debug)]
pub(super) struct MemberState {
    /// In the order of the figures.
    pub(super) cells: Vec<Cell>,
    params: BTreeMap<String, f64>,
    lives: Vec<LifeBegin>,
    restarts: u32,
    restart_points: u32,
    /// Processes that answered the open scrape, and those that did not.
    answered: u32,
    silent: u32,
    /// Whether a process of it ever answered.
    pub(super) has_targets: bool,
    /// What one of its processes showed in the window is not one process.
    pub(super) is_several: bool,
}

impl MemberState {
    pub(super) fn new(cells: Vec<Cell>) -> Self {
        Self {
            cells,
            params: BTreeMap::new(),
            lives: Vec::new(),
            restarts: 0,
            restart_points: 0,
            answered: 0,
            silent: 0,
            has_targets: false,
            is_several: false,
        }
    }

    pub(super) fn param(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.params.insert(name.to_owned(), value);
        }
    }

    /// A process of it was started anew.
    pub(super) fn restart(&mut self) {
        self.restarts += 1;
        self.cells.iter_mut().for_each(Cell::begin_life);
    }

    pub(super) fn begin_life(&mut self, life: LifeBegin) {
        // One that takes the place of another was noted when it was first seen, in this scrape or before.
        if life.cause == LifeCause::Replaced
            && let Some(known) = self.lives.iter_mut().find(|known| known.process == life.process)
        {
            known.cause = life.cause;
        } else if self.lives.len() < MOST_LIVES || self.lives.iter().all(|known| known.build != life.build) {
            // Another build is never one too many.
            self.lives.push(life);
        }
    }

    pub(super) fn count_answer(&mut self, is_answered: bool) {
        self.answered += u32::from(is_answered);
        self.silent += u32::from(!is_answered);
    }

    pub(super) fn end_scrape(&mut self, kpis: &[(String, KpiDefinition)], now_ms: i64) {
        for (cell, (_, definition)) in self.cells.iter_mut().zip(kpis) {
            cell.end_scrape(definition, now_ms);
        }
        self.restart_points += u32::from(self.answered > 0 && self.silent == 0);
        (self.answered, self.silent) = (0, 0);
    }

    pub(super) fn end_baseline(&mut self) {
        self.cells.iter_mut().for_each(|cell| drop(cell.take()));
        self.params.clear();
        self.restart_points = 0;
        self.is_several = false;
    }

    /// Ends the window. `has_identity` says whether anything would show that a process was started anew.
    pub(super) fn close(
        &mut self,
        kpis: &[(String, KpiDefinition)],
        expected: u32,
        source: &str,
        failures: &[&Failure],
        has_identity: bool,
    ) -> Member {
        // What a bot does not show any more is not in force as far as anyone knows.
        let params = std::mem::take(&mut self.params);
        let mut member = Member { params, lives: std::mem::take(&mut self.lives), ..Member::default() };
        let is_several = std::mem::take(&mut self.is_several);
        for (index, (kpi, definition)) in kpis.iter().enumerate() {
            let cell = self.cells[index].take();
            let failure = failures.iter().find(|failure| failure.is_of_figure(&definition.measure));
            let failure = failure.map(|failure| failure.reason.as_str());
            let window = Unmeasured { definition, expected, source, failure };
            let measured = if is_several {
                window.because(DataState::ToolError, "several processes answer at this address?")
            } else if matches!(definition.measure, Measure::Restarts) {
                self.measure_restarts(&window, has_identity)
            } else {
                cell.measure(&window)
            };
            member.kpis.insert(kpi.clone(), measured);
        }
        (self.restarts, self.restart_points) = (0, 0);
        member
    }

    /// Restarts that were seen; where scrapes are missing there may have been more.
    fn measure_restarts(&self, window: &Unmeasured<'_>, has_identity: bool) -> Measurement {
        if self.restart_points == 0 && self.restarts == 0 {
            return match window.failure {
                Some(failure) => window.because(DataState::ToolError, failure),
                None => window.because(DataState::NoData, "no process answered"),
            };
        }
        if !has_identity {
            let reason = "neither process_start_time_seconds nor a counter says when the process was started";
            return window.because(DataState::NoData, reason);
        }
        window.measured(self.restart_points, u64::from(self.restart_points), f64::from(self.restarts))
    }
}
