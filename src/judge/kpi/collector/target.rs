//! A process that is watched: whether it answers, which of its lives this is, and whether it is one process.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::judge::kpi::{Build, LifeCause};
use std::collections::BTreeSet;

pub(crate) type SeriesId = u32;

/// How far a start time may move without being another one, seconds: some are computed from the time since the
/// machine was started, which moves when the clock is corrected.
const START_TOLERANCE_SECS: f64 = 1.5;

/// A process that is watched.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// The labels that tell it from others.
    pub(super) name: String,
    pub(super) member: usize,
    pub(super) series: Vec<SeriesId>,
    /// Series of figures that it has shown in this life.
    pub(super) expected: u32,
    pub(super) scrape: TargetScrape,
    /// The last scrape that it answered, and whether it answered wholly.
    pub(super) answered: Option<(i64, bool)>,
    pub(super) start_secs: Option<f64>,
    pub(super) builds: BTreeSet<Build>,
    pub(super) has_counters: bool,
    /// Another process has taken its place.
    pub(super) is_retired: bool,
    /// Falls of its counters in the window that no start time explains.
    pub(super) resets: u32,
    /// What it shows in the window is not one process.
    pub(super) is_several: bool,
}

/// What the open scrape shows of a process.
#[derive(Debug, Default)]
pub(super) struct TargetScrape {
    pub(super) up: Option<f64>,
    pub(super) is_faulty: bool,
    /// Samples that say something of it, `up` apart.
    pub(super) samples: u32,
    /// Series of figures among them.
    pub(super) seen: u32,
    pub(super) start_secs: Option<f64>,
    pub(super) builds: BTreeSet<Build>,
    /// A counter is below what it was.
    pub(super) has_fallen: bool,
}

/// What a scrape means for a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TargetStep {
    pub(super) is_answered: bool,
    /// Its counters began at 0 since the scrape before.
    pub(super) is_reset: bool,
    /// Why a life is thought to have begun.
    pub(super) began: Option<LifeCause>,
    /// The scrape before that it answered, and whether it answered wholly.
    pub(super) before: Option<(i64, bool)>,
}

impl Target {
    /// Ends the scrape of a process.
    pub(super) fn step(&mut self, now_ms: i64) -> TargetStep {
        let scrape = std::mem::take(&mut self.scrape);
        let is_up = scrape.up.is_some_and(|up| up >= 1.0);
        if scrape.samples == 0 && !is_up {
            return TargetStep::default();
        }
        let is_whole = !scrape.is_faulty && (is_up || scrape.up.is_none());
        let before = self.answered.replace((now_ms, is_whole));
        // One process is one build.
        self.is_several |= scrape.builds.len() > 1;
        let began = if before.is_none() { Some(LifeCause::FirstSeen) } else { self.began(&scrape) };
        self.start_secs = scrape.start_secs.or(self.start_secs);
        if !scrape.builds.is_empty() {
            self.builds = scrape.builds;
        }
        let is_reset = match began {
            Some(LifeCause::StartTime | LifeCause::CountersFell) => true,
            Some(LifeCause::FirstSeen | LifeCause::Replaced | LifeCause::Build) | None => false,
        };
        TargetStep { is_answered: true, is_reset, began, before }
    }

    fn began(&mut self, scrape: &TargetScrape) -> Option<LifeCause> {
        match self.start_secs.zip(scrape.start_secs) {
            Some((before, now)) if now > before + START_TOLERANCE_SECS => return Some(LifeCause::StartTime),
            // Nobody starts before the one that was there: two answer in turn.
            Some((before, now)) if now < before - START_TOLERANCE_SECS => {
                self.is_several = true;
                return Some(LifeCause::StartTime);
            }
            None if scrape.has_fallen => {
                self.resets += 1;
                self.is_several |= self.resets > 1;
                return Some(LifeCause::CountersFell);
            }
            // Started once, whatever single counters do.
            Some(_) | None => {}
        }
        // Also where it says so for the first time: a later change would show the later build alone.
        let is_other = !scrape.builds.is_empty() && self.builds != scrape.builds;
        is_other.then_some(LifeCause::Build)
    }

    /// Counts a series of a figure that the scrape shows, which is expected from now on.
    pub(super) fn count_series(&mut self, is_expected: &mut bool) {
        self.scrape.seen += 1;
        self.expected += u32::from(!std::mem::replace(is_expected, true));
    }

    /// Whether anything would show that it was started anew.
    pub(super) fn has_identity(&self) -> bool {
        self.has_counters || self.start_secs.is_some()
    }

    pub(super) fn end_window(&mut self) {
        self.resets = 0;
        self.is_several = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(start_secs: Option<f64>, has_fallen: bool) -> TargetScrape {
        TargetScrape { start_secs, has_fallen, samples: 1, ..TargetScrape::default() }
    }

    use LifeCause::{CountersFell, FirstSeen, StartTime};

    /// The begins of lives that scrapes show, a second apart.
    fn lives(scrapes: Vec<TargetScrape>) -> (Vec<Option<LifeCause>>, bool) {
        let mut target = Target::default();
        let step = |(now_ms, scrape)| {
            target.scrape = scrape;
            target.step(now_ms).began
        };
        ((0..).step_by(1000).zip(scrapes).map(step).collect(), target.is_several)
    }

    #[test]
    fn a_life_begins_with_a_later_start_or_with_fallen_counters() {
        let start = |secs| scrape(Some(secs), false);
        let (fell, steady) = (|| scrape(None, true), || scrape(None, false));
        let table = [
            (vec![start(100.0), start(100.9), start(200.0)], vec![FirstSeen, StartTime], false),
            // Two answer in turn.
            (vec![start(100.0), start(200.0), start(100.0)], vec![FirstSeen, StartTime, StartTime], true),
            (vec![steady(), fell(), steady()], vec![FirstSeen, CountersFell], false),
            (vec![steady(), fell(), fell()], vec![FirstSeen, CountersFell, CountersFell], true),
            // A counter that falls in a process that goes on is no restart.
            (vec![start(100.0), scrape(Some(100.0), true)], vec![FirstSeen], false),
            // Without its start time at one scrape only the counters speak.
            (vec![start(100.0), fell(), start(100.0)], vec![FirstSeen, CountersFell], false),
        ];
        for (number, (scrapes, expected, several)) in table.into_iter().enumerate() {
            let (begun, is_several) = lives(scrapes);
            assert_eq!(begun.into_iter().flatten().collect::<Vec<_>>(), expected, "{number}");
            assert_eq!(is_several, several, "{number}");
        }
    }

    #[test]
    fn a_target_answers_when_it_shows_anything_or_is_up() {
        let up =
            |up, samples, is_faulty| TargetScrape { up: Some(up), samples, is_faulty, ..Default::default() };
        let table = [
            (up(1.0, 0, false), Some((7, true))),
            (up(1.0, 3, true), Some((7, false))),
            (up(0.0, 0, false), None),
            (up(0.0, 2, false), Some((7, false))),
            (scrape(None, false), Some((7, true))),
            (TargetScrape::default(), None),
        ];
        for (scrape, answered) in table {
            let shown = format!("{scrape:?}");
            let mut target = Target { scrape, ..Target::default() };
            let step = target.step(7);
            assert_eq!((step.is_answered, target.answered), (answered.is_some(), answered), "{shown}");
        }
    }

    #[test]
    fn another_build_is_another_life() {
        let of = |version: &str| Build { version: version.to_owned(), config_hash: String::new() };
        let build = |version| TargetScrape { builds: [of(version)].into(), samples: 1, ..Default::default() };
        let (begun, _) = lives(vec![build("1"), build("1"), scrape(None, false), build("2")]);
        assert_eq!(begun, [Some(FirstSeen), None, None, Some(LifeCause::Build)]);
        // What it was is known although it said so later than it was seen.
        let (begun, _) = lives(vec![scrape(None, false), build("1"), build("2")]);
        assert_eq!(begun, [Some(FirstSeen), Some(LifeCause::Build), Some(LifeCause::Build)]);
        let both = TargetScrape { builds: [of("1"), of("2")].into(), samples: 1, ..Default::default() };
        assert!(lives(vec![both]).1, "two builds at one address are two processes");
    }
}
