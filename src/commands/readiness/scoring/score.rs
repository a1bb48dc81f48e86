//! The points of a window, section by section, and the verdict that follows.

use super::advice;
use super::scale::{BLOCK_BELOW, EDGE_TARGET_BPS, FULL, LATENCY_TARGET_MS, SECTIONS, TAKER_TARGET_PCT};
use crate::evidence::daily::{Day, Figure, Flag, Window};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// The answer to "may we go live?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Every point, every day, every drill.
    Go,
    /// Something is missing.
    Hold,
    /// Less than 70 points.
    Block,
}

impl Verdict {
    /// The verdict of a score, given whether all required drills hold.
    pub fn of(score: f64, drills_hold: bool) -> Self {
        if score < BLOCK_BELOW {
            Verdict::Block
        } else if score.to_bits() == FULL.to_bits() && drills_hold {
            Verdict::Go
        } else {
            Verdict::Hold
        }
    }

    /// The word in the marker.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Go => "GO",
            Verdict::Hold => "HOLD",
            Verdict::Block => "BLOCK",
        }
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

/// Scores the window, section by section.
pub fn score(window: &Window) -> Vec<Section> {
    let days = &window.days;
    let figures = |field: fn(&Day) -> &Figure| days.iter().map(field).collect::<Vec<_>>();
    let flags = |field: fn(&Day) -> &Flag| days.iter().map(field).collect::<Vec<_>>();
    let edge = |median: f64| (median / EDGE_TARGET_BPS).clamp(0.0, 1.0);
    let at_most = |target: f64| move |median: f64| if median <= target { 1.0 } else { target / median };
    let [edge_max, latency_max, taker_max, guards_max, chaos_max, tests_max] = SECTIONS.map(|(_, max)| max);
    vec![
        by_median("edge", edge_max, days, &figures(|day| &day.edge_net_bps), edge),
        by_median(
            "latency",
            latency_max,
            days,
            &figures(|day| &day.order_age_p95_ms),
            at_most(LATENCY_TARGET_MS),
        ),
        by_median("taker", taker_max, days, &figures(|day| &day.taker_share_pct), at_most(TAKER_TARGET_PCT)),
        by_days("guards", guards_max, days, &flags(|day| &day.guards_ok), Rule::Share),
        by_days("chaos", chaos_max, days, &flags(|day| &day.chaos_ok), Rule::AllOrNothing),
        by_days("tests", tests_max, days, &flags(|day| &day.tests_ok), Rule::AllOrNothing),
    ]
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
fn by_median(
    name: &'static str,
    max: f64,
    days: &[Day],
    figures: &[&Figure],
    share: impl Fn(f64) -> f64,
) -> Section {
    let shown: Vec<f64> = figures.iter().filter_map(|figure| figure.as_ref().ok()).copied().collect();
    let mut reasons = missing(days, figures.iter().map(|figure| figure.as_ref().err()));
    let coverage = shown.len() as f64 / days.len() as f64;
    let median = median(&shown);
    let earned = median.map_or(0.0, &share);
    let mut advice = None;
    if let Some(median) = median.filter(|_| earned < 1.0) {
        let (target, unit, better) = advice::target(name);
        reasons.push(format!(
            "median {median} {unit} over {} days, wanted {better} {target} {unit}",
            shown.len()
        ));
        advice = Some(advice::for_median(name, days, figures));
    }
    let advice = advice.or_else(|| advice::for_coverage(days, figures.iter().map(|figure| figure.is_ok())));
    Section { name, max, points: round6_below(max * earned * coverage, max), reasons, advice }
}

/// How a section of yes-or-no days is scored.
#[derive(Clone, Copy)]
enum Rule {
    /// A share of the points for each good day.
    Share,
    /// One bad day loses them all; a missing one loses its share.
    AllOrNothing,
}

fn by_days(name: &'static str, max: f64, days: &[Day], flags: &[&Flag], rule: Rule) -> Section {
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
    let share = match rule {
        Rule::AllOrNothing if !bad.is_empty() => 0.0,
        Rule::AllOrNothing | Rule::Share => good as f64 / days.len() as f64,
    };
    let coverage = advice::for_coverage(days, flags.iter().map(|flag| flag.is_ok()));
    let advice = if bad.is_empty() { coverage } else { Some(advice::for_bad_days(name, &bad)) };
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

/// The middle value; the mean of the middle two for an even count.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
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
    fn the_median_of_an_even_count_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[4.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_verdict_follows_from_the_score_and_the_drills() {
        assert_eq!(Verdict::of(100.0, true), Verdict::Go);
        assert_eq!(Verdict::of(100.0, false), Verdict::Hold);
        assert_eq!(Verdict::of(99.999_999, true), Verdict::Hold);
        assert_eq!(Verdict::of(70.0, true), Verdict::Hold);
        assert_eq!(Verdict::of(69.999_999, true), Verdict::Block);
    }

    #[test]
    fn the_sections_add_up_to_a_hundred() {
        let total: f64 = SECTIONS.iter().map(|(_, max)| max).sum();
        assert_eq!(total.to_bits(), FULL.to_bits());
    }
}
