//! The points of a window, section by section.
//!
//! The scale (edge 30, latency 25, taker 15, guards 10, chaos 10, tests 10) takes medians over the window. What a
//! day should have shown and did not (missing report, missing or non-finite field, duplicate date) earns nothing:
//! each section is scaled by the share of days that showed its field, so the score is 100 only with full
//! coverage.

use super::advice;
use super::scale::{SECTIONS, TARGETS, Target};
use crate::evidence::daily::{Day, Figure, Flag, Window};
use crate::format::number;
use crate::judge::statistics::median;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest window.
pub(crate) const MOST_DAYS: u16 = 366;

/// Points of each section.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sections {
    /// Of 30.
    pub edge: f64,
    /// Of 25.
    pub latency: f64,
    /// Of 15.
    pub taker: f64,
    /// Of 10.
    pub guards: f64,
    /// Of 10.
    pub chaos: f64,
    /// Of 10.
    pub tests: f64,
}

impl Sections {
    /// The points in the order of [`SECTIONS`].
    pub fn points(&self) -> [f64; 6] {
        [self.edge, self.latency, self.taker, self.guards, self.chaos, self.tests]
    }

    /// The sum, rounded to six decimals.
    pub fn total(&self) -> f64 {
        round6(self.points().iter().sum())
    }
}

/// One section: its points, why some are lost, and the cheapest way to win them back.
#[derive(Clone, Debug)]
pub struct Section {
    /// Name of [`SECTIONS`].
    pub name: &'static str,
    /// Points that can be earned.
    pub max: f64,
    /// Points that were.
    pub points: f64,
    /// Why points are lost, one reason a line.
    pub reasons: Vec<String>,
    /// What would win them back.
    pub advice: Option<String>,
}

impl Section {
    pub(super) fn is_lost(&self) -> bool {
        self.points < self.max
    }
}

/// What a section of yes-or-no days asks for.
const DAY_RULES: [DayRule; 3] = [
    DayRule { bad_day_costs_all: false, good_day: "a day without a guard stop" },
    DayRule { bad_day_costs_all: true, good_day: "a chaos drill with result OK" },
    DayRule { bad_day_costs_all: true, good_day: "a bug bash with result OK" },
];

/// Scores the window, section by section.
pub fn score(window: &Window) -> Vec<Section> {
    let days = &window.days;
    let (medians, flags) = SECTIONS.split_at(TARGETS.len());
    let by_median = medians.iter().zip(&TARGETS).enumerate().map(|(at, ((name, max), target))| {
        by_median(name, *max, days, &days.iter().map(|day| &day.figures[at]).collect::<Vec<_>>(), target)
    });
    let by_days = flags.iter().zip(&DAY_RULES).enumerate().map(|(at, ((name, max), rule))| {
        by_days(name, *max, days, &days.iter().map(|day| &day.flags[at]).collect::<Vec<_>>(), rule)
    });
    by_median.chain(by_days).collect()
}

/// The points as the document has them.
pub fn sections(scored: &[Section]) -> Sections {
    let points =
        |name| scored.iter().find(|section| section.name == name).map_or(0.0, |section| section.points);
    Sections {
        edge: points("edge"),
        latency: points("latency"),
        taker: points("taker"),
        guards: points("guards"),
        chaos: points("chaos"),
        tests: points("tests"),
    }
}

/// Points for the median of the days that show the figure, times the share of such days.
fn by_median(name: &'static str, max: f64, days: &[Day], figures: &[&Figure], target: &Target) -> Section {
    let shown: Vec<f64> = figures.iter().filter_map(|figure| figure.as_ref().ok()).copied().collect();
    let mut reasons = missing(days, figures.iter().map(|figure| figure.as_ref().err()));
    let coverage = shown.len() as f64 / days.len() as f64;
    let median = median(&shown);
    let earned = median.map_or(0.0, |median| target.share(median));
    let mut advice = None;
    if let Some(median) = median.filter(|_| earned < 1.0) {
        let Target { value, unit, side } = target;
        reasons.push(format!(
            "median {} {unit} over {} days, wanted {} {value} {unit}",
            number::text(median),
            shown.len(),
            side.as_str()
        ));
        advice = Some(advice::for_median(target, days, figures));
    }
    let advice = advice.or_else(|| advice::for_coverage(days, figures.iter().map(|figure| figure.is_ok())));
    Section { name, max, points: round6_below(max * earned * coverage, max), reasons, advice }
}

/// How a section of yes-or-no days is scored: a share of the points for each good day.
struct DayRule {
    /// One bad day loses all points; a missing one loses its share.
    bad_day_costs_all: bool,
    /// What would have been a good day.
    good_day: &'static str,
}

fn by_days(name: &'static str, max: f64, days: &[Day], flags: &[&Flag], rule: &DayRule) -> Section {
    let good = flags.iter().filter(|flag| matches!(flag, Ok(true))).count();
    let bad: Vec<String> = days
        .iter()
        .zip(flags)
        .filter(|(_, flag)| matches!(flag, Ok(false)))
        .map(|(day, _)| day.date.to_string())
        .collect();
    let mut reasons = missing(days, flags.iter().map(|flag| flag.as_ref().err()));
    if !bad.is_empty() {
        reasons.push(format!("{}: not OK", bad.join(", ")));
    }
    let loses_all = rule.bad_day_costs_all && !bad.is_empty();
    let share = if loses_all { 0.0 } else { good as f64 / days.len() as f64 };
    let coverage = advice::for_coverage(days, flags.iter().map(|flag| flag.is_ok()));
    let advice = if bad.is_empty() { coverage } else { Some(advice::for_bad_days(rule.good_day, &bad)) };
    Section { name, max, points: round6_below(max * share, max), reasons, advice }
}

/// What days that have a report fail to show, and how many have none.
fn missing<'a>(days: &[Day], faults: impl Iterator<Item = Option<&'a String>>) -> Vec<String> {
    let faults = days.iter().zip(faults).filter(|(day, _)| day.fault.is_none());
    let mut reasons: Vec<String> =
        faults.filter_map(|(day, fault)| Some(format!("{}: {}", day.date, fault?))).collect();
    let blank = days.iter().filter(|day| day.fault.is_some()).count();
    if blank > 0 {
        reasons.push(format!("{blank} of {} days show nothing", days.len()));
    }
    reasons
}

fn round6(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Rounds to six decimals, but never up to `max`: full points are only for those who have them.
fn round6_below(value: f64, max: f64) -> f64 {
    let rounded = round6(value);
    if value < max && rounded >= max { max - 1e-6 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_never_makes_full_points() {
        assert_eq!(round6_below(24.999_999_99, 25.0).to_string(), "24.999999");
        assert_eq!(round6_below(25.0, 25.0).to_string(), "25");
        assert_eq!(round6_below(24.928_774_928, 25.0).to_string(), "24.928775");
    }

    #[test]
    fn the_sections_add_up_to_a_hundred() {
        let total: f64 = SECTIONS.iter().map(|(_, max)| max).sum();
        assert_eq!(total, crate::commands::readiness::scale::FULL);
    }
}
