//! The windows of a run that lie in a day, and what is known of the service in them.
#![warn(clippy::wildcard_enum_match_arm)]

use super::config::DayJudge;
use crate::commands::soak::plan::{SampleSource, SoakPlan};
use crate::evidence::daily::{end, report::WatchedBuild, start};
use crate::judge::gate::GateProfile;
use crate::judge::kpi::{Build, DataState, KpiDefinition, LifeBegin, Measurement};
use crate::judge::record::Iteration;
use crate::report::maker::ClockKind;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// The part of a run that lies in a day.
#[derive(Clone, Debug)]
pub(super) struct RunWindows {
    /// The directory of the run, as it is shown.
    pub(super) run_dir: String,
    pub(super) source: String,
    pub(super) plan_sha256: String,
    pub(super) journal_sha256: String,
    pub(super) is_simulated: bool,
    pub(super) is_frozen: bool,
    pub(super) shape: RunShape,
    /// How it measures each figure.
    pub(super) definitions: BTreeMap<String, KpiDefinition>,
    /// The profile of the day, as far as its source counts events.
    pub(super) profile: GateProfile,
    /// In order, each wholly inside the day.
    pub(super) windows: Vec<Window>,
    /// As they were recorded, with those over midnight: what happened in one of them happened on either day, and both
    /// are judged by it.
    pub(super) iterations: Vec<Iteration>,
    /// All that was recorded of the same lives before them: what grows from day to day, and the windows in a row that
    /// begin on the day before.
    pub(super) before: Vec<Iteration>,
    /// Windows over midnight.
    pub(super) over_midnight: u32,
    /// Where its samples come from.
    pub(super) origin: SampleSource,
    /// Which lives it began and ended with.
    pub(super) lives: LivesOfRun,
    pub(super) builds: BTreeSet<WatchedBuild>,
    /// The versions that lived at once, one list for each time that they changed.
    pub(super) versions: Vec<Vec<String>>,
    /// A process did not say which build it is.
    pub(super) has_unnamed_build: bool,
    /// Why what was kept cannot be believed; empty where it can.
    pub(super) contradictions: Vec<String>,
}

/// What must be equal for the windows of two runs to stand in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunShape {
    pub(super) window_secs: u32,
    /// Samples of a window.
    pub(super) points: u32,
    pub(super) is_grouped: bool,
    pub(super) expect_members: Option<u32>,
}

impl RunShape {
    pub(super) fn of(plan: &SoakPlan) -> Self {
        Self {
            window_secs: plan.iteration_secs,
            points: plan.points(),
            is_grouped: plan.group_by.is_some(),
            expect_members: plan.expect_members,
        }
    }
}

/// One window of a day.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    pub(super) iteration: u32,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// The figures of each member; of a single service under the empty name.
    pub(super) members: BTreeMap<String, BTreeMap<String, Measurement>>,
    /// Its parameters.
    pub(super) params: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Window {
    fn of(iteration: &Iteration, from: Timestamp, to: Timestamp) -> Self {
        let one = (String::new(), iteration.kpis.clone());
        let members = iteration.members.iter().map(|(name, member)| (name.clone(), member.kpis.clone()));
        let of_members = iteration.members.iter().map(|(name, member)| (name.clone(), member.params.clone()));
        let params = std::iter::once((String::new(), iteration.params.clone())).chain(of_members);
        Self {
            iteration: iteration.iteration,
            from,
            to,
            members: if iteration.members.is_empty() { BTreeMap::from([one]) } else { members.collect() },
            params: params.filter(|(_, params)| !params.is_empty()).collect(),
        }
    }

    /// The part of it in which anything at all was measured: what nobody answered was not seen.
    pub(super) fn seen_part(&self) -> f64 {
        let kpis = self.members.values().flat_map(BTreeMap::values);
        let measured = kpis.filter(|measured| measured.state == DataState::Measured);
        measured.map(|measured| measured.coverage).fold(0.0, f64::max).min(1.0)
    }
}

/// The files of a run as they were found.
#[derive(Clone, Debug)]
pub(super) struct RunFiles {
    pub(super) run_dir: String,
    pub(super) plan_sha256: String,
    pub(super) journal_sha256: String,
}

/// Whether any of its windows lies in the day.
pub(super) fn touches<'a>(iterations: impl Iterator<Item = &'a Iteration>, date: Date) -> bool {
    iterations.filter_map(times).any(|(from, to)| place(from, to, date) != Place::Elsewhere)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Inside,
    OverMidnight,
    Elsewhere,
}

fn place(from: Timestamp, to: Timestamp, date: Date) -> Place {
    let (begin, end) = (start(date), end(date));
    match (from >= begin && to <= end, from < end && to > begin) {
        (true, _) => Place::Inside,
        (false, true) => Place::OverMidnight,
        (false, false) => Place::Elsewhere,
    }
}

pub(super) fn times(iteration: &Iteration) -> Option<(Timestamp, Timestamp)> {
    iteration.from.parse().ok().zip(iteration.to.parse().ok())
}

impl RunWindows {
    /// The windows of `date`. `contradictions` are those that judging the run again has found.
    pub(super) fn of<'a>(
        date: Date,
        files: RunFiles,
        plan: &SoakPlan,
        judge: &DayJudge,
        iterations: impl Iterator<Item = &'a Iteration>,
        contradictions: Vec<String>,
    ) -> Self {
        let (mut windows, mut over_midnight) = (Vec::new(), 0);
        let (mut kept, mut before_day, mut lives) = (Vec::new(), Vec::new(), Lives::default());
        let (mut builds, mut has_unnamed_build) = (BTreeSet::new(), false);
        let mut versions: Vec<Vec<String>> = Vec::new();
        let mut of_run = LivesOfRun::default();
        for iteration in iterations {
            let Some((from, to)) = times(iteration) else { continue };
            let place = place(from, to, date);
            let is_inside = place == Place::Inside;
            match place {
                Place::OverMidnight => {
                    over_midnight += 1;
                    kept.push(iteration.clone());
                }
                Place::Elsewhere if to <= start(date) => before_day.push(iteration.clone()),
                Place::Inside | Place::Elsewhere => {}
            }
            if place != Place::Elsewhere || to <= start(date) {
                of_run.add(iteration);
            }
            // A build that ends in the window was watched in it as well as the one that follows.
            let before = lives.builds();
            lives.add(iteration);
            if is_inside {
                for state in [&before, &lives.builds()] {
                    add_versions(&mut versions, state.iter().map(|build| build.version.as_str()));
                }
                builds.extend(before.into_iter().chain(lives.builds()));
                has_unnamed_build |= lives.has_unnamed();
                windows.push(Window::of(iteration, from, to));
                kept.push(iteration.clone());
            }
        }
        let mut profile = judge.profile.clone();
        plan.origin.set_min_events(&mut profile, &judge.kpis);
        let clocks = kept.iter().map(|iteration| iteration.header.clock);
        Self {
            run_dir: files.run_dir,
            source: plan.origin.as_str().to_owned(),
            plan_sha256: files.plan_sha256,
            journal_sha256: files.journal_sha256,
            is_simulated: plan.header.simulated || kept.iter().any(|iteration| iteration.header.simulated),
            is_frozen: clocks.chain([plan.header.clock]).any(|clock| clock == ClockKind::Frozen),
            shape: RunShape::of(plan),
            definitions: plan.kpis.clone(),
            profile,
            windows,
            iterations: kept,
            before: before_day,
            over_midnight,
            origin: plan.origin.clone(),
            lives: of_run,
            builds,
            versions,
            has_unnamed_build,
            contradictions,
        }
    }

    /// Begin of the first window that counts for the day, and end of the last.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, _) = times(self.iterations.first()?)?;
        let (_, last) = times(self.iterations.last()?)?;
        Some((first, last))
    }
}

/// The seconds that were seen, in windows by their begin. What two of them saw was seen once: a day has 24 h.
pub(super) fn seen_secs(windows: &[(&RunWindows, &Window)]) -> f64 {
    let mut until = Timestamp::MIN;
    let mut seen = 0.0;
    for (run, window) in windows {
        let length = window.to.duration_since(window.from).as_secs_f64();
        let added = window.to.duration_since(window.from.max(until)).as_secs_f64();
        let part = if added < length { added.max(0.0) / length } else { 1.0 };
        seen += f64::from(run.shape.window_secs) * window.seen_part() * part;
        until = until.max(window.to);
    }
    seen
}

/// Adds the versions that live at once, unless they are those of before.
pub(super) fn add_versions<'a>(versions: &mut Vec<Vec<String>>, living: impl Iterator<Item = &'a str>) {
    let living: BTreeSet<&str> = living.collect();
    let state: Vec<String> = living.into_iter().map(str::to_owned).collect();
    if !state.is_empty() && versions.last() != Some(&state) {
        versions.push(state);
    }
}

/// The processes that live, and which build each says that it is.
#[derive(Clone, Debug, Default)]
struct Lives(BTreeMap<(String, String), Option<Build>>);

impl Lives {
    fn add(&mut self, iteration: &Iteration) {
        let mut begin = |member: &str, life: &LifeBegin| {
            self.0.insert((member.to_owned(), life.process.clone()), life.build.clone());
        };
        iteration.lives.iter().for_each(|life| begin("", life));
        for (name, member) in &iteration.members {
            member.lives.iter().for_each(|life| begin(name, life));
        }
    }

    fn builds(&self) -> Vec<WatchedBuild> {
        let named = self.0.values().flatten();
        named
            .map(|Build { version, config_hash }| WatchedBuild {
                version: version.clone(),
                config_hash: config_hash.clone(),
            })
            .collect()
    }

    fn has_unnamed(&self) -> bool {
        self.0.is_empty() || self.0.values().any(Option::is_none)
    }
}

/// The lives that a run began and ended with, by member and process.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LivesOfRun {
    pub(super) first: BTreeMap<(String, String), LifeBegin>,
    pub(super) last: BTreeMap<(String, String), LifeBegin>,
}

impl LivesOfRun {
    pub(super) fn of<'a>(iterations: impl IntoIterator<Item = &'a Iteration>) -> Self {
        let mut lives = Self::default();
        iterations.into_iter().for_each(|iteration| lives.add(iteration));
        lives
    }

    fn add(&mut self, iteration: &Iteration) {
        let members = iteration.members.iter().map(|(name, member)| (name.as_str(), &member.lives));
        for (member, begins) in members.chain([("", &iteration.lives)]) {
            for begin in begins {
                let key = (member.to_owned(), begin.process.clone());
                self.first.entry(key.clone()).or_insert_with(|| begin.clone());
                self.last.insert(key, begin.clone());
            }
        }
    }
}

/// A run of one window in which the bot says these parameters.
#[cfg(test)]
pub(super) fn run(params: &[(&str, f64)]) -> RunWindows {
    let params: BTreeMap<String, f64> =
        params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let params = BTreeMap::from([(String::new(), params)]);
    let params = params.into_iter().filter(|(_, params)| !params.is_empty()).collect();
    let window =
        Window { members: BTreeMap::from([(String::new(), BTreeMap::new())]), params, ..Window::default() };
    RunWindows {
        run_dir: "RUN_1".to_owned(),
        source: "scrape".to_owned(),
        plan_sha256: String::new(),
        journal_sha256: String::new(),
        is_simulated: false,
        is_frozen: false,
        shape: RunShape { window_secs: 300, points: 20, is_grouped: false, expect_members: None },
        definitions: BTreeMap::new(),
        profile: GateProfile::default(),
        windows: vec![window],
        iterations: Vec::new(),
        before: Vec::new(),
        over_midnight: 0,
        origin: SampleSource::Scrape { urls: Vec::new() },
        lives: LivesOfRun::default(),
        builds: BTreeSet::new(),
        versions: Vec::new(),
        has_unnamed_build: false,
        contradictions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_window_belongs_to_the_day_that_it_lies_in_wholly() {
        let date = jiff::civil::date(2026, 3, 9);
        let table = [
            ("2026-03-09T00:00:00Z", "2026-03-09T01:00:00Z", Place::Inside),
            ("2026-03-09T23:00:00Z", "2026-03-10T00:00:00Z", Place::Inside),
            ("2026-03-08T23:00:00Z", "2026-03-09T00:00:00Z", Place::Elsewhere),
            ("2026-03-10T00:00:00Z", "2026-03-10T01:00:00Z", Place::Elsewhere),
            ("2026-03-08T23:30:00Z", "2026-03-09T00:30:00Z", Place::OverMidnight),
            ("2026-03-09T23:30:00Z", "2026-03-10T00:30:00Z", Place::OverMidnight),
        ];
        for (from, to, expected) in table {
            assert_eq!(place(at(from), at(to), date), expected, "{from}");
        }
    }

    #[test]
    fn a_build_that_is_replaced_was_watched_as_well_as_the_one_that_follows() {
        let life = |version: Option<&str>| LifeBegin {
            process: String::new(),
            seen_at: String::new(),
            started_at_secs: None,
            build: version.map(|version| Build { version: version.to_owned(), config_hash: "a".to_owned() }),
            cause: crate::judge::kpi::LifeCause::Build,
        };
        let with = |lives: &[LifeBegin]| Iteration { lives: lives.to_vec(), ..Iteration::default() };
        let versions =
            |lives: &Lives| lives.builds().into_iter().map(|build| build.version).collect::<Vec<_>>();
        let mut lives = Lives::default();
        assert!(lives.has_unnamed());
        lives.add(&with(&[life(Some("1"))]));
        assert_eq!((versions(&lives), lives.has_unnamed()), (vec!["1".to_owned()], false));
        lives.add(&with(&[]));
        assert_eq!(versions(&lives), ["1"]);
        lives.add(&with(&[life(None)]));
        assert_eq!((versions(&lives), lives.has_unnamed()), (Vec::new(), true));
        lives.add(&with(&[life(Some("2"))]));
        assert_eq!((versions(&lives), lives.has_unnamed()), (vec!["2".to_owned()], false));
    }
}
