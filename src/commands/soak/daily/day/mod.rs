//! The figures of a day, of the windows of its runs: how much was really seen, of which version, and what it came to.
//!
//! A day counts only whole: with windows that can be believed and do not overlap, of one version, for as long as the
//! configuration asks. Of any other day no figure is known.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::soak::daily::config::{DailyConfig, DayJudge, FigureConfig};
use crate::commands::soak::daily::gates::{JudgedDay, judge};
use crate::commands::soak::daily::windows::{RunWindows, Window, add_versions, seen_secs};
use crate::commands::soak::settings::other_definition;
use crate::evidence::daily::report::versions::untold_change;
use crate::evidence::daily::report::{FigureSource, LeftOut, WatchedBuild};
use crate::evidence::daily::standard::FigureRule;
use crate::evidence::daily::{self, RANGES, Side};
use crate::format::{duration, node, number};
use crate::judge::gate::Aggregate;
use crate::judge::kpi::{DataState, unit_factor};
use crate::judge::verdict::RunVerdict;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// A figure of the report and what it is held against (reference values of readiness, and of a warning).
#[derive(Clone, Copy, Debug)]
pub(super) struct FigureKind {
    pub(super) field: &'static str,
    pub(super) unit: &'static str,
    pub(super) side: Side,
    /// As good as it should be.
    pub(super) good: f64,
    /// Worse, and still a warning alone.
    pub(super) bearable: f64,
    /// What a regression of it is called.
    pub(super) regression: &'static str,
    min: f64,
    max: f64,
}

/// The figures of a report, in the order in which they are judged.
pub(super) const FIGURES: [FigureKind; 3] = [
    FigureKind {
        field: daily::FIGURES[0],
        unit: "bps",
        side: daily::SIDES[0],
        good: 2.5,
        bearable: daily::BEARABLE[0],
        regression: "EDGE_REG",
        min: *RANGES[0].start(),
        max: *RANGES[0].end(),
    },
    FigureKind {
        field: daily::FIGURES[1],
        unit: "ms",
        side: daily::SIDES[1],
        good: 350.0,
        bearable: daily::BEARABLE[1],
        regression: "LAT_REG",
        min: *RANGES[1].start(),
        max: *RANGES[1].end(),
    },
    FigureKind {
        field: daily::FIGURES[2],
        unit: "percent",
        side: daily::SIDES[2],
        good: 15.0,
        bearable: daily::BEARABLE[2],
        regression: "TAKER_REG",
        min: *RANGES[2].start(),
        max: *RANGES[2].end(),
    },
];

/// One figure of the day, or why it is not known.
pub(super) type Figure = Result<f64, String>;

/// What the runs of a day came to.
#[derive(Clone, Debug)]
pub(super) struct DayFigures {
    /// Why nothing of the day counts, if it does not.
    pub(super) fault: Option<String>,
    /// In the order of [`FIGURES`].
    pub(super) figures: [Figure; 3],
    pub(super) sources: BTreeMap<String, FigureSource>,
    pub(super) observed_secs: f64,
    pub(super) observed: Option<(Timestamp, Timestamp)>,
    pub(super) builds: BTreeSet<WatchedBuild>,
    /// The versions that lived at once, one list for each time that they changed.
    pub(super) versions: Vec<Vec<String>>,
    /// What the gates of the day say.
    pub(super) gates: JudgedDay,
    /// The value of each figure in each window, by the begin of the window.
    pub(super) series: [Vec<(Timestamp, f64)>; 3],
}

/// The runs that count, and those that do not with the reason.
pub(super) fn choose(runs: Vec<RunWindows>, is_frozen: bool) -> (Vec<RunWindows>, Vec<LeftOut>) {
    let is_real = |run: &RunWindows| !run.is_simulated && !run.iterations.is_empty();
    let has_real = runs.iter().any(is_real);
    let (mut counting, mut left_out) = (Vec::new(), Vec::new());
    for run in runs {
        let reason = match () {
            () if run.is_frozen && !is_frozen => {
                Some("it was made under a frozen clock, which is not evidence")
            }
            () if run.is_simulated && has_real => Some("it is simulated, and the day has runs that are not"),
            () => None,
        };
        match reason {
            Some(reason) => left_out.push(LeftOut { run_dir: run.run_dir, reason: reason.to_owned() }),
            None => counting.push(run),
        }
    }
    counting.sort_by_key(|run| run.span().map(|(from, _)| from));
    (counting, left_out)
}

/// Why the figures cannot be made by these definitions: one of them does not name its KPI, or has it in another unit.
pub(super) fn config_problem(config: &DailyConfig, judge: &DayJudge) -> Option<String> {
    configured(config).into_iter().find_map(|(kind, figure)| {
        let (place, file) = (format!("figures.{}", kind.field), &judge.rules.kpis.path);
        match judge.kpis.get(&figure.kpi).map(|kpi| &kpi.unit) {
            None => {
                let known: Vec<&str> = judge.kpis.keys().map(String::as_str).collect();
                let nearest = node::nearest(&figure.kpi, &known);
                let nearest = nearest.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                Some(format!("{place}.kpi: `{file}` has no KPI `{}`{nearest}", figure.kpi))
            }
            Some(unit) if *unit != figure.unit => Some(format!(
                "{place}.unit: `{}`, but `{}` of `{file}` is in `{unit}`",
                figure.unit, figure.kpi
            )),
            Some(_) => None,
        }
    })
}

fn configured(config: &DailyConfig) -> [(FigureKind, &FigureConfig); 3] {
    let of =
        [&config.figures.edge_net_bps, &config.figures.order_age_p95_ms, &config.figures.taker_share_pct];
    [(FIGURES[0], of[0]), (FIGURES[1], of[1]), (FIGURES[2], of[2])]
}

/// How each figure is made, by which reports of other days are held.
pub(super) fn rules(config: &DailyConfig) -> BTreeMap<String, FigureRule> {
    let rule = |(kind, figure): (FigureKind, &FigureConfig)| {
        let FigureConfig { kpi, unit, aggregate, complement } = figure;
        let aggregate = name(aggregate).to_owned();
        let rule = FigureRule { kpi: kpi.clone(), unit: unit.clone(), aggregate, complement: *complement };
        (kind.field.to_owned(), rule)
    };
    configured(config).map(rule).into()
}

impl DayFigures {
    /// The figures of the runs that count; `unreadable` are directories that may hide windows of the day.
    pub(super) fn of(
        date: Date,
        config: &DailyConfig,
        day_judge: &DayJudge,
        runs: &[RunWindows],
        unreadable: &[LeftOut],
    ) -> Self {
        let mut windows: Vec<(&RunWindows, &Window)> =
            runs.iter().flat_map(|run| run.windows.iter().map(move |window| (run, window))).collect();
        windows.sort_by_key(|(_, window)| (window.from, window.to));
        let observed_secs = seen_secs(&windows);
        let observed = windows.first().zip(windows.iter().max_by_key(|(_, window)| window.to));
        let builds: BTreeSet<WatchedBuild> = runs.iter().flat_map(|run| run.builds.iter().cloned()).collect();
        let min_secs = config.min_observed().as_secs_f64();
        let mut versions = Vec::new();
        for state in runs.iter().flat_map(|run| &run.versions) {
            add_versions(&mut versions, state.iter().map(String::as_str));
        }
        let gates = judge(runs);
        let fault = unbelievable(runs, unreadable)
            .or_else(|| windows.is_empty().then(|| format!("no run that counts has windows on {date}")))
            .or_else(|| overlap(&windows))
            .or_else(|| long_window(config, runs))
            .or_else(|| (observed_secs < min_secs).then(|| short(observed_secs, min_secs)))
            .or_else(|| version_problem(date, config, runs, &versions))
            .or_else(|| foreign_definition(config, day_judge, runs))
            .or_else(|| unknown_gates(&gates));
        let made = configured(config).map(|(kind, figure)| MadeFigure::of(&kind, figure, &windows, min_secs));
        let sources = made.iter().map(|made| (made.kind.field.to_owned(), made.source.clone())).collect();
        let series = made.each_ref().map(|made| made.series.clone());
        let figures = made.map(|made| match &fault {
            Some(fault) => Err(fault.clone()),
            None => made.value,
        });
        let observed = observed.map(|((_, first), (_, last))| (first.from, last.to));
        Self { fault, figures, sources, observed_secs, observed, builds, versions, gates, series }
    }
}

/// What was kept of a run is not what its journal says, or cannot be read.
fn unbelievable(runs: &[RunWindows], unreadable: &[LeftOut]) -> Option<String> {
    let contradicted = runs.iter().find_map(|run| {
        let first = run.contradictions.first()?;
        let more = run.contradictions.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        Some(format!("`{}` contradicts itself: {first}{more}", run.run_dir))
    });
    let unread = || {
        let first = unreadable.first()?;
        Some(format!("`{}` cannot be judged again: {}", first.run_dir, first.reason))
    };
    contradicted.or_else(unread)
}

fn overlap(windows: &[(&RunWindows, &Window)]) -> Option<String> {
    let clash = windows.windows(2).find(|pair| pair[1].1.from < pair[0].1.to)?;
    let (one, other) = (clash[0], clash[1]);
    Some(format!(
        "`{}` and `{}` overlap at {}: which of them speaks of the service is not known; keep runs of \
         different services in different roots",
        one.0.run_dir, other.0.run_dir, other.1.from
    ))
}

fn short(seen: f64, needed: f64) -> String {
    format!("{} of the day were seen, at least {} are needed", duration::text(seen), duration::text(needed))
}

/// Why it is not known that the day is of one version, or of several as it was meant.
fn version_problem(
    date: Date,
    config: &DailyConfig,
    runs: &[RunWindows],
    versions: &[Vec<String>],
) -> Option<String> {
    if versions.is_empty() || runs.iter().any(|run| run.has_unnamed_build) {
        return Some(
            "the bot does not say its version (mm_build_info), so it may have been several".to_owned(),
        );
    }
    let (before, after) = untold_change(versions, &config.told_changes(date))?;
    Some(format!(
        "versions {before} and {after} ran on the day, and version_changes of daily.yaml does not say so in this \
         direction"
    ))
}

fn long_window(config: &DailyConfig, runs: &[RunWindows]) -> Option<String> {
    let most = config.max_window().as_secs();
    let run = runs.iter().find(|run| u64::from(run.shape.window_secs) > most)?;
    let long = duration::text(f64::from(run.shape.window_secs));
    Some(format!(
        "a window of `{}` is {long}, at most {} count: what happened within is not known",
        run.run_dir, config.max_window
    ))
}

fn foreign_definition(config: &DailyConfig, judge: &DayJudge, runs: &[RunWindows]) -> Option<String> {
    runs.iter().find_map(|run| {
        let figures = configured(config).map(|(_, figure)| figure.kpi.as_str());
        let gates = judge.profile.gates.values().map(|gate| gate.kpi.as_str());
        let kpi = other_definition(&run.definitions, &judge.kpis, figures.into_iter().chain(gates))?;
        let file = &judge.rules.kpis.path;
        Some(format!("`{}` does not measure `{kpi}` as {file} defines it", run.run_dir))
    })
}

fn unknown_gates(gates: &JudgedDay) -> Option<String> {
    let first = gates.unknown.first().map_or("there is no gate", String::as_str);
    let more = gates.unknown.len().saturating_sub(1);
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    (gates.verdict == RunVerdict::Inconclusive)
        .then(|| format!("the gates of the day are INCONCLUSIVE: {first}{more}"))
}

struct MadeFigure {
    kind: FigureKind,
    value: Figure,
    source: FigureSource,
    series: Vec<(Timestamp, f64)>,
}

impl MadeFigure {
    fn of(
        kind: &FigureKind,
        config: &FigureConfig,
        windows: &[(&RunWindows, &Window)],
        min_secs: f64,
    ) -> Self {
        let factor = unit_factor(&config.unit, kind.unit).unwrap_or(f64::NAN);
        let mut series = Vec::new();
        let mut values: Vec<(f64, u32)> = Vec::new();
        let (mut unknown, mut cause) = (0, None);
        for (run, window) in windows {
            match of_window(kind, config, factor, window) {
                Ok(value) => {
                    values.push((value, run.shape.window_secs));
                    if value.is_finite() {
                        series.push((window.from, value));
                    }
                }
                Err(reason) => {
                    unknown += 1;
                    cause = Some(reason);
                }
            }
        }
        let secs: f64 = values.iter().map(|(_, secs)| f64::from(*secs)).sum();
        let value = if secs < min_secs {
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            Err(format!(
                "`{}` was measured for {} of the day, at least {} are needed{cause}",
                config.kpi,
                duration::text(secs),
                duration::text(min_secs)
            ))
        } else {
            aggregate(&config.aggregate, &values)
                .filter(|value| value.is_finite())
                .ok_or_else(|| format!("`{}` lies beyond the last bucket of its histogram", config.kpi))
                .and_then(|value| in_range(kind, value))
        };
        let complement = if config.complement { ", 1 less it" } else { "" };
        let source = FigureSource {
            kpi: config.kpi.clone(),
            unit: config.unit.clone(),
            aggregate: format!("{}{complement}", name(&config.aggregate)),
            windows: count(values.len()),
            unknown_windows: unknown,
            hours: secs / 3600.0,
        };
        Self { kind: *kind, value, source, series }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn in_range(kind: &FigureKind, value: f64) -> Figure {
    let is_inside = (kind.min..=kind.max).contains(&value);
    if is_inside {
        Ok(value)
    } else {
        Err(format!("{} {} is outside what it can be", number::text(value), kind.unit))
    }
}

fn name(aggregate: &Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Mean => "mean",
        Aggregate::Median => "median",
        Aggregate::P95 => "p95",
        Aggregate::Max => "max",
        Aggregate::Min => "min",
        Aggregate::Every => "every",
        Aggregate::Sum => "sum",
        Aggregate::Growth => "growth",
        Aggregate::Ema(_) => "ema",
    }
}

/// The figure in one window, of several members the worst; one that is only known to be at least what it says
/// is without bound.
fn of_window(kind: &FigureKind, config: &FigureConfig, factor: f64, window: &Window) -> Figure {
    let mut worst: Option<f64> = None;
    for (member, kpis) in &window.members {
        let of = if member.is_empty() { String::new() } else { format!(" of {member}") };
        let measured =
            kpis.get(&config.kpi).ok_or_else(|| format!("`{}`{of} was not measured", config.kpi))?;
        let value = measured.value.filter(|_| measured.state == DataState::Measured);
        let Some(value) = value else {
            let reason = measured.reason.clone().unwrap_or_else(|| "it was not measured".to_owned());
            return Err(format!("`{}`{of} at {}: {reason}", config.kpi, window.from));
        };
        let value = if measured.beyond { f64::INFINITY } else { value * factor };
        let value = if config.complement { complement(kind, value) } else { value };
        worst = Some(worst.map_or(value, |worst| match kind.side {
            Side::AtLeast => worst.min(value),
            Side::AtMost => worst.max(value),
        }));
    }
    worst.ok_or_else(|| format!("nothing was seen at {}", window.from))
}

fn complement(kind: &FigureKind, value: f64) -> f64 {
    kind.max - value
}

/// One value of the windows, each of which counts for as long as it lasts.
fn aggregate(how: &Aggregate, values: &[(f64, u32)]) -> Option<f64> {
    let unit = values.iter().map(|(_, secs)| *secs).reduce(common_divisor)?;
    let repeated =
        values.iter().flat_map(|(value, secs)| std::iter::repeat_n(*value, (secs / unit) as usize));
    how.value(&repeated.collect::<Vec<f64>>(), f64::from(unit))
}

fn common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one.max(1) } else { common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests;
