//! The cheapest way to win back the points of a section: the fewest days that would have to be better.

use super::scale::Target;
use crate::evidence::daily::{Day, Figure, report_name};
use crate::format::number;

/// The smallest set of days that would bring the median to its target, those nearest to it first.
pub(super) fn for_median(target: &Target, days: &[Day], figures: &[&Figure]) -> String {
    let Target { value: wanted, unit, side } = target;
    let shown = days.iter().zip(figures).filter_map(|(day, figure)| Some((*figure.as_ref().ok()?, day.date)));
    let mut misses: Vec<_> = shown.map(|(value, date)| (target.shortfall(value), value, date)).collect();
    let needed = misses.len() / 2 + 1;
    misses.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The median needs more than half of the days at the target; those already there are free.
    let nearest = misses.iter().take(needed).filter(|(shortfall, ..)| *shortfall > 0.0);
    let listed: Vec<String> =
        nearest.map(|(_, value, date)| format!("{date} ({} {unit})", number::text(*value))).collect();
    format!("bring {} to {} {wanted} {unit}", listed.join(", "), side.as_str())
}

/// The reports in which a figure has to be supplied; days that show nothing at all are named apart.
pub(super) fn for_coverage(days: &[Day], shown: impl Iterator<Item = bool>) -> Option<String> {
    let missing: Vec<&Day> = days
        .iter()
        .zip(shown)
        .filter(|(day, shown)| !shown && day.fault.is_none())
        .map(|(day, _)| day)
        .collect();
    (!missing.is_empty()).then(|| format!("supply or repair {}", names(&missing)))
}

/// The reports of days that show nothing at all.
pub(super) fn for_blank_days(days: &[Day]) -> Option<String> {
    let blank: Vec<&Day> = days.iter().filter(|day| day.fault.is_some()).collect();
    (!blank.is_empty()).then(|| format!("supply or repair {}", names(&blank)))
}

fn names(days: &[&Day]) -> String {
    let names: Vec<String> = days.iter().map(|day| report_name(day.date)).collect();
    names.join(", ")
}

/// What a section of yes-or-no days needs.
pub(super) fn for_bad_days(good_day: &str, bad: &[String]) -> String {
    let last = bad.last().map_or("", String::as_str);
    format!("{good_day} on every day of the window; {last} leaves it when it is the oldest")
}
