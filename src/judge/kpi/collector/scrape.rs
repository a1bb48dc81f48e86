//! The end of a scrape: what it means for each process, and then for each figure.
#![warn(clippy::wildcard_enum_match_arm)]

use super::cell::Increase;
use super::target::{TargetScrape, TargetStep};
use super::{Collector, Role, Series, SeriesUse};
use crate::judge::kpi::{LifeBegin, LifeCause};
use jiff::Timestamp;

impl Collector {
    /// Ends a scrape: each figure whose series were all there gains a point.
    pub fn end_scrape(&mut self) {
        if self.is_late {
            return;
        }
        let steps: Vec<TargetStep> = self.targets.iter_mut().map(|target| target.step(self.now_ms)).collect();
        self.begin_lives(&steps);
        self.read_figures(&steps);
        self.miss_expected();
        self.count_restart_points(&steps);
        let (kpis, now_ms) = (&self.kpis, self.now_ms);
        for state in &mut self.states {
            state.end_scrape(kpis, now_ms);
        }
    }

    fn begin_lives(&mut self, steps: &[TargetStep]) {
        let answering = || steps.iter().enumerate().filter(|(_, step)| step.is_answered);
        for (index, step) in answering() {
            let target = &mut self.targets[index];
            let Some(state) = self.states.get_mut(target.member) else { continue };
            let is_back = std::mem::take(&mut target.is_retired);
            if state.has_targets && (is_back || step.began == Some(LifeCause::FirstSeen)) {
                self.newcomers.push(index);
            }
            if step.is_reset {
                state.restart();
                self.forget(index);
            }
            if let Some(cause) = step.began {
                self.note_life(index, cause);
            }
        }
        for (index, _) in answering() {
            if let Some(state) = self.states.get_mut(self.targets[index].member) {
                state.has_targets = true;
            }
        }
        self.replace_silent(steps);
    }

    /// Lets a process that came later take the place of one that is silent and that nobody looks for any more.
    fn replace_silent(&mut self, steps: &[TargetStep]) {
        if self.newcomers.is_empty() {
            return;
        }
        for silent in 0..self.targets.len() {
            let old = &self.targets[silent];
            let is_gone = !steps[silent].is_answered && !old.is_retired && old.answered.is_some();
            if !is_gone || self.was_looked_for(silent) {
                continue;
            }
            let fits = |new: &usize| steps[*new].is_answered && self.targets[*new].member == old.member;
            let Some(at) = self.newcomers.iter().position(fits) else { continue };
            let new = self.newcomers.remove(at);
            self.targets[silent].is_retired = true;
            self.forget(silent);
            if let Some(state) = self.states.get_mut(self.targets[new].member) {
                state.restart();
            }
            self.note_life(new, LifeCause::Replaced);
        }
    }

    /// Whether `up` has a sample of it in this scrape.
    fn was_looked_for(&self, target: usize) -> bool {
        let is_up = |series: &Series| series.uses.iter().any(|one| matches!(one, SeriesUse::Up));
        let mut series = self.targets[target].series.iter().map(|id| &self.series[*id as usize]);
        series.any(|series| series.last_ms == self.now_ms && is_up(series))
    }

    /// Forgets what a process has shown: its next life owes nothing to it.
    fn forget(&mut self, target: usize) {
        self.targets[target].expected = 0;
        for id in &self.targets[target].series {
            let series = &mut self.series[*id as usize];
            (series.before, series.is_expected) = (None, false);
        }
    }

    fn note_life(&mut self, index: usize, cause: LifeCause) {
        let target = &self.targets[index];
        let Some(state) = self.states.get_mut(target.member) else { return };
        let seen_at =
            Timestamp::from_millisecond(self.now_ms).map(|time| time.to_string()).unwrap_or_default();
        state.begin_life(LifeBegin {
            process: target.name.clone(),
            seen_at,
            started_at_secs: target.start_secs,
            build: target.builds.first().cloned(),
            cause,
        });
    }

    fn read_figures(&mut self, steps: &[TargetStep]) {
        let Self { series, targets, states, scrape, now_ms, max_gap_ms, .. } = self;
        for id in &*scrape {
            let one = &mut series[*id as usize];
            let (target, step) = (&mut targets[one.target], steps[one.target]);
            let Some(state) = states.get_mut(target.member) else { continue };
            if one.is_figure {
                target.count_series(&mut one.is_expected);
            }
            let is_usable = one.value.is_finite() && one.value >= 0.0;
            let grown =
                if one.is_counter && is_usable { one.grow(step, *now_ms, *max_gap_ms) } else { Ok(None) };
            for use_of in &one.uses {
                match use_of {
                    SeriesUse::Param(name) => state.param(name, one.value),
                    SeriesUse::Figure { kpi, role, selectors, contradiction } => {
                        let cell = &mut state.cells[*kpi];
                        if let Some(contradiction) = contradiction {
                            cell.contradict(contradiction);
                        }
                        match (role, &grown) {
                            (Role::Gauge, _) => cell.gauge(selectors, one.value),
                            (Role::Counter(_), _) if !is_usable => cell.reject_scrape(None),
                            (Role::Counter(_), Err(before)) => {
                                let (key, value) = (&one.key, one.value);
                                cell.reject_scrape(Some(&|| {
                                    format!("`{key}` fell from {before} to {value} in a process that went on")
                                }));
                            }
                            (Role::Counter(role), Ok(Some(increase))) => {
                                cell.increase(*role, selectors, *increase);
                            }
                            (Role::Counter(_), Ok(None)) => cell.leave_unpaired(),
                        }
                    }
                    SeriesUse::Simulated
                    | SeriesUse::Up
                    | SeriesUse::FaultyFamilies
                    | SeriesUse::StartTime
                    | SeriesUse::Build(_) => {}
                }
            }
        }
    }

    /// Series that a process has shown in this life and does not show now.
    fn miss_expected(&mut self) {
        let Self { series, targets, states, now_ms, .. } = self;
        for target in targets {
            let seen = std::mem::take(&mut target.scrape.seen);
            if seen >= target.expected || target.is_retired {
                continue;
            }
            let Some(state) = states.get_mut(target.member) else { continue };
            let is_missed = |series: &&Series| series.is_expected && series.last_ms < *now_ms;
            for missed in target.series.iter().map(|id| &series[*id as usize]).filter(is_missed) {
                for use_of in &missed.uses {
                    if let SeriesUse::Figure { kpi, .. } = use_of {
                        let key = &missed.key;
                        state.cells[*kpi].reject_scrape(Some(&|| format!("`{key}` is not there any more")));
                    }
                }
            }
        }
    }

    /// A scrape shows whether anything was started anew where every process of the member answers.
    fn count_restart_points(&mut self, steps: &[TargetStep]) {
        for (target, step) in self.targets.iter().zip(steps).filter(|(target, _)| !target.is_retired) {
            if let Some(state) = self.states.get_mut(target.member)
                && target.answered.is_some()
            {
                state.count_answer(step.is_answered);
            }
        }
    }
}

impl Series {
    /// Notes what its sample says of its process, and says whether that is a simulation.
    pub(super) fn show(&self, scrape: &mut TargetScrape) -> bool {
        let value = self.value;
        let (mut is_of_target, mut is_simulated) = (true, false);
        for one in &self.uses {
            match one {
                SeriesUse::Simulated => is_simulated |= value != 0.0,
                SeriesUse::Up => (scrape.up, is_of_target) = (Some(value), false),
                SeriesUse::FaultyFamilies => (scrape.is_faulty, is_of_target) = (value > 0.0, false),
                SeriesUse::StartTime if value.is_finite() => scrape.start_secs = Some(value),
                SeriesUse::Build(build) if value != 0.0 => {
                    scrape.builds.insert(build.clone());
                }
                SeriesUse::StartTime
                | SeriesUse::Build(_)
                | SeriesUse::Param(_)
                | SeriesUse::Figure { .. } => {}
            }
        }
        scrape.samples += u32::from(is_of_target);
        scrape.has_fallen |=
            self.is_counter && value >= 0.0 && self.before.is_some_and(|(_, before)| value < before);
        is_simulated
    }

    /// What a counter grew by since the sample before, nothing where there is none to compare with, or the value
    /// that it fell from although its process went on.
    fn grow(&mut self, step: TargetStep, now_ms: i64, max_gap_ms: i64) -> Result<Option<Increase>, f64> {
        let value = self.value;
        let is_near = |at_ms: &i64| now_ms - at_ms <= max_gap_ms;
        let from_zero = |from_ms: i64, is_reset| Increase { by: value, from_ms, is_reset };
        match self.before.replace((now_ms, value)) {
            _ if step.is_reset => {
                let before = step.before.map(|(at_ms, _)| at_ms).filter(is_near);
                Ok(before.map(|at_ms| from_zero(at_ms, true)))
            }
            Some((_, before)) if value < before => Err(before),
            Some((at_ms, before)) if is_near(&at_ms) => {
                Ok(Some(Increase { by: value - before, from_ms: at_ms, is_reset: false }))
            }
            Some(_) => Ok(None),
            // It began at 0 after a scrape that showed everything, and not it.
            None => {
                let whole = step.before.filter(|(at_ms, is_whole)| *is_whole && is_near(at_ms));
                Ok(whole.map(|(at_ms, _)| from_zero(at_ms, false)))
            }
        }
    }
}
