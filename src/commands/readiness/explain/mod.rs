//! How near a score is to another verdict: each rule with its margin, the smallest change of the reports after which
//! the verdict is another, and from when on GO can be reached.
//!
//! Every change is tried before it is told: it is made in a copy of the reports, which are read and scored again. Of a
//! day that is refused for its age, its date or a simulation no figure helps, and what would is told instead.
#![warn(clippy::wildcard_enum_match_arm)]

mod reports;

use crate::commands::readiness::points::{self, Section};
use crate::commands::readiness::scale::{SECTIONS, TARGETS, Target};
use crate::commands::readiness::verdict::{Facts, Verdict, verdict};
use crate::evidence::daily::baseline::HISTORY_DAYS;
use crate::evidence::daily::report::SourceFile;
use crate::evidence::daily::standard::{DayStandard, delivered_min_observed_hours};
use crate::evidence::daily::{Day, File, Outlook, PastDay, Remedy, Rules, Side, Window, other_release};
use crate::evidence::entry::ReleaseIdentity;
use crate::evidence::explanation::{Explanation, Flip, InputChange, MissingStep, RuleExplanation};
use crate::format::number;
use crate::judge::statistics::median;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use reports::{NewValue, Reports};
use serde_json::json;
use std::borrow::Cow;
use std::time::Duration;

/// A change of one section of one day.
#[derive(Clone, Copy, Debug, PartialEq)]
struct DayChange {
    /// Position in the window.
    day: usize,
    to: NewValue,
}

impl DayChange {
    /// The same with a figure that has no more decimals than are printed of what it was, or of its limit.
    fn written(&self, window: &Window) -> Self {
        let NewValue::Figure(at, to) = self.to else { return *self };
        let Ok(from) = window.days[self.day].figures[at] else { return *self };
        let decimals = number::decimals(from).max(number::decimals(TARGETS[at].value)).clamp(1, 9);
        let scale = f64::from(10_u32.pow(u32::try_from(decimals).unwrap_or(9)));
        let scaled = to * scale;
        let to = if to > from { scaled.ceil() / scale } else { scaled.floor() / scale };
        Self { to: NewValue::Figure(at, to), ..*self }
    }
}

/// What a score is explained from.
pub(super) struct Explained<'a> {
    pub(super) window: &'a Window,
    /// All of the directory.
    pub(super) files: &'a [File],
    pub(super) rules: Rules,
    /// The directory.
    pub(super) reports: String,
    /// Rules of the drills that GO requires.
    pub(super) drills: Vec<RuleExplanation>,
    pub(super) unmet_drills: usize,
    pub(super) release: ReleaseIdentity,
}

impl Explained<'_> {
    pub(super) fn explanation(self) -> Explanation {
        let sections = points::score(self.window);
        let flips: Vec<Vec<InputChange>> = (0..SECTIONS.len()).map(|at| self.tried(at)).collect();
        let mut rules: Vec<RuleExplanation> = sections
            .iter()
            .zip(&flips)
            .enumerate()
            .map(|(at, (section, flip))| self.rule(at, section, flip.clone()))
            .collect();
        let flip = self.flip(&sections, &flips);
        let missing = self.missing(&sections);
        rules.extend(self.drills);
        Explanation { rules, flip, missing }
    }

    fn files(&self) -> Reports<'_> {
        Reports { files: Cow::Borrowed(self.files), dir: &self.reports }
    }

    /// The sections once these changes are made in the reports.
    fn after<'c>(&self, changes: impl IntoIterator<Item = &'c InputChange>) -> Vec<Section> {
        points::score(&self.files().with(changes).window(&self.rules))
    }

    /// The change of the reports after which a section is lost, or is not; empty where none is enough.
    fn tried(&self, section: usize) -> Vec<InputChange> {
        let was_lost = is_lost(self.window, section);
        // That all of them are too old is mended by a newer one, and not by what they say.
        let young = self.files().window(&Rules { max_age: Duration::MAX, ..self.rules.clone() });
        if is_lost(&young, section) != was_lost {
            return Vec::new();
        }
        let exact = flip(&young, section);
        let of_day = |change: &DayChange| self.files().changes(self.window.days[change.day].date, change.to);
        let in_reports =
            |changes: &[DayChange]| changes.iter().flat_map(of_day).collect::<Vec<InputChange>>();
        let is_flipped = |changes: &[InputChange]| self.after(changes)[section].is_lost() != was_lost;
        // Numbers that a person would write, where they are not more than is needed.
        let written: Vec<DayChange> = exact.iter().map(|change| change.written(&young)).collect();
        let needs_all = |changes: &[DayChange]| {
            let but = |at: usize| in_reports(&[&changes[..at], &changes[at + 1..]].concat());
            (0..changes.len()).all(|at| !is_flipped(&but(at)))
        };
        let written = if written != exact && needs_all(&written) { Some(in_reports(&written)) } else { None };
        let tried = written.into_iter().chain([in_reports(&exact)]);
        tried.into_iter().find(|changes| is_flipped(changes)).unwrap_or_default()
    }

    fn rule(&self, at: usize, section: &Section, flip: Vec<InputChange>) -> RuleExplanation {
        let days = &self.window.days;
        let (value, limit, margin, n) = if let Some(target) = TARGETS.get(at) {
            let values: Vec<f64> = days.iter().filter_map(|day| day.figures[at].clone().ok()).collect();
            let middle = median(&values);
            let limit = format!("{} {} {} as the median", target.side.as_str(), target.value, target.unit);
            (json!(middle), limit, middle.map(|middle| 0.0 - target.shortfall(middle)), values.len())
        } else {
            let flags = || days.iter().map(|day| &day.flags[at - TARGETS.len()]);
            let good = flags().filter(|flag| **flag == Ok(true)).count();
            let margin = good as f64 - days.len() as f64;
            let limit = format!("OK on each of {} days", days.len());
            (json!(good), limit, Some(margin), flags().filter(|flag| flag.is_ok()).count())
        };
        let sources = days.iter().filter_map(|day| day.report.as_ref()).map(|report| SourceFile {
            path: format!("{}/{}", self.reports, report.name),
            sha256: report.sha256.clone(),
        });
        RuleExplanation {
            rule: section.name.to_owned(),
            value,
            limit,
            margin,
            n,
            of: days.len(),
            holds: !section.is_lost(),
            sources: sources.collect(),
            flip,
        }
    }

    /// The smallest change after which the verdict is another: away from GO the fewest fields of one rule, towards GO
    /// all that is missing of every rule.
    fn flip(&self, sections: &[Section], flips: &[Vec<InputChange>]) -> Flip {
        let score = points::sections(sections).total();
        let other_release = other_release(&self.window.days, &self.release);
        let now = verdict(&Facts {
            score,
            unmet_drills: self.unmet_drills,
            is_other_release: other_release.is_some(),
        });
        let changes: Vec<InputChange> = match now {
            Verdict::Go => {
                let tried = flips.iter().filter(|changes| !changes.is_empty());
                tried.min_by_key(|changes| changes.len()).cloned().unwrap_or_default()
            }
            Verdict::Hold | Verdict::Block => {
                let lost = sections.iter().zip(flips).filter(|(section, _)| section.is_lost());
                lost.flat_map(|(_, changes)| changes.iter().cloned()).collect()
            }
        };
        // The changes of documents of drills stand with their rules; here they are taken as made.
        let score = points::sections(&self.after(&changes)).total();
        let after = verdict(&Facts { score, unmet_drills: 0, is_other_release: false });
        let is_reached = (after == Verdict::Go) != (now == Verdict::Go);
        let obstacles = if is_reached { Vec::new() } else { self.obstacles(sections, flips) };
        // Of a drill whose document is not there, or is too old by itself, there is nothing to change.
        let stuck =
            self.drills.iter().filter(|rule| !rule.holds && rule.flip.is_empty() && now != Verdict::Go);
        let stuck = stuck.map(|rule| format!("{}: make it {}", rule.rule, rule.limit));
        // What the days speak of is changed by other days, or by another release.
        let obstacles: Vec<String> = obstacles.into_iter().chain(stuck).chain(other_release).collect();
        if !obstacles.is_empty() {
            return Flip { obstacles, ..Flip::default() };
        }
        let of_drills = self.drills.iter().filter(|rule| !rule.holds && now != Verdict::Go);
        let changes =
            changes.into_iter().chain(of_drills.flat_map(|rule| rule.flip.iter().cloned())).collect();
        Flip { verdict: after.as_str().to_owned(), changes, obstacles: Vec::new() }
    }

    /// Why no change of a figure is enough, and what would be: the days that show nothing whatever they say, and those
    /// whose report would contradict what it rests on.
    fn obstacles(&self, sections: &[Section], flips: &[Vec<InputChange>]) -> Vec<String> {
        let mut obstacles: Vec<(String, Vec<String>, Remedy)> = Vec::new();
        for day in &self.window.days {
            let Some(fault) = day.fault.as_ref().filter(|_| day.remedy != Remedy::Report) else { continue };
            match obstacles.iter_mut().find(|(known, ..)| known == fault) {
                Some((_, dates, _)) => dates.push(day.date.to_string()),
                None => obstacles.push((fault.clone(), vec![day.date.to_string()], day.remedy)),
            }
        }
        let mut told: Vec<String> = obstacles
            .into_iter()
            .map(|(fault, dates, remedy)| {
                format!("{}: no figure counts: {fault}; {}", dates.join(", "), remedy.as_str())
            })
            .collect();
        let stuck = sections.iter().zip(flips).filter(|(section, flip)| section.is_lost() && flip.is_empty());
        if told.is_empty() {
            told.extend(stuck.map(|(section, _)| {
                let remedy = Remedy::Anew.as_str();
                format!(
                    "{}: a value that is written into a report contradicts what it rests on; {remedy}",
                    section.name
                )
            }));
        }
        told
    }

    /// What is missing for GO, by the first day on which it can be there.
    fn missing(&self, sections: &[Section]) -> Vec<MissingStep> {
        let (today, outlook) = (Some(self.today().to_string()), self.outlook());
        let drills = self.drills.iter().filter(|rule| !rule.holds).map(|rule| MissingStep {
            date: today.clone(),
            rule: rule.rule.clone(),
            what: format!("make it {}", rule.limit),
        });
        let mut missing: Vec<MissingStep> = drills.collect();
        for section in sections.iter().filter(|section| section.is_lost()) {
            let advice = section.advice.clone().unwrap_or_else(|| "supply or repair the reports".to_owned());
            let date = self.holds_from(outlook, |sections| {
                sections.iter().any(|other| other.name == section.name && !other.is_lost())
            });
            missing.push(MissingStep {
                date: date.map(|date| date.to_string()),
                rule: section.name.to_owned(),
                what: format!("{advice}; or wait for good days alone"),
            });
        }
        missing.extend(other_release(&self.window.days, &self.release).map(|reason| MissingStep {
            date: None,
            rule: "release".to_owned(),
            what: format!("{reason}: run what is to be released, or release what ran"),
        }));
        missing.sort();
        if !missing.is_empty() {
            let go = self.holds_from(outlook, |sections| sections.iter().all(|section| !section.is_lost()));
            let Outlook { first_good, has_history } = outlook;
            let first = if has_history { "" } else { " (that day has none to be compared with)" };
            missing.push(MissingStep {
                date: go.map(|date| date.to_string()),
                rule: "GO".to_owned(),
                what: format!(
                    "score again: with good days from {first_good} on{first}, and every drill, GO can be reached"
                ),
            });
        }
        missing
    }

    /// The day on which it is asked.
    fn today(&self) -> Date {
        self.rules.policy.now.to_zoned(TimeZone::UTC).date()
    }

    /// What can still become a good day, by all days before today that one can be compared with.
    fn outlook(&self) -> Outlook {
        let rules = Rules { window: HISTORY_DAYS, max_age: Duration::MAX, ..self.rules.clone() };
        let needed = self.rules.standard.as_ref();
        let needed = needed.map_or_else(delivered_min_observed_hours, DayStandard::min_observed_hours);
        let before: Vec<PastDay> = self.files().window(&rules).days.iter().map(Day::past).collect();
        Outlook::new(self.rules.policy.now, needed, &before)
    }

    /// The first day on which the sections are as they should be, when every day that can still be a good one is, and
    /// what was is left as it is.
    fn holds_from(&self, outlook: Outlook, holds: impl Fn(&[Section]) -> bool) -> Option<Date> {
        let length = self.window.days.len();
        let mut newest = self.today().yesterday().ok()?;
        // The last of them has only days that are still to come, and that have others before them.
        for _ in 0..=length + 2 {
            let mut dates: Vec<Date> =
                std::iter::successors(Some(newest), |date| date.yesterday().ok()).take(length).collect();
            dates.reverse();
            let days = dates.into_iter().map(|date| self.day_on(date, outlook)).collect();
            let window = Window { days, remarks: Vec::new(), simulated: false };
            let next = newest.tomorrow().ok()?;
            if holds(&points::score(&window)) {
                return Some(next);
            }
            newest = next;
        }
        None
    }

    fn day_on(&self, date: Date, outlook: Outlook) -> Day {
        if date < outlook.first_good {
            let known = self.window.days.iter().find(|day| day.date == date).cloned();
            return known.unwrap_or_else(|| Day::missing(date, "no report"));
        }
        let mut day = good_day(date);
        if outlook.is_without_history(date) {
            day.flags[0] = Err("there is no day to compare it with".to_owned());
        }
        day
    }
}

fn good_day(date: Date) -> Day {
    let figures = TARGETS.each_ref().map(|target| Ok(target.value));
    Day { fault: None, figures, flags: [const { Ok(true) }; 3], ..Day::missing(date, "") }
}

fn with(window: &Window, changes: &[DayChange]) -> Window {
    let mut changed = window.clone();
    for change in changes {
        change.to.set(&mut changed.days[change.day]);
    }
    changed
}

fn is_lost(window: &Window, section: usize) -> bool {
    points::score(window)[section].is_lost()
}

/// The fewest fields, and those nearest to the limit, after which a section is lost, or is not.
fn flip(window: &Window, section: usize) -> Vec<DayChange> {
    let was_lost = is_lost(window, section);
    if let Some(target) = TARGETS.get(section) {
        return flip_median(window, section, target, was_lost);
    }
    let flag = section - TARGETS.len();
    let mut days = window.days.iter().enumerate();
    let change = |(day, _): (usize, &Day)| DayChange { day, to: NewValue::Flag(flag, was_lost) };
    if was_lost {
        days.filter(|(_, day)| day.flags[flag] != Ok(true)).map(change).collect()
    } else {
        // The newest day is the one that can still be otherwise.
        days.next_back().map(change).into_iter().collect()
    }
}

fn flip_median(window: &Window, section: usize, target: &Target, was_lost: bool) -> Vec<DayChange> {
    let mut changes = Vec::new();
    let change = |day: usize, to: f64| DayChange { day, to: NewValue::Figure(section, to) };
    let is_flipped = |changes: &[DayChange]| is_lost(&with(window, changes), section) != was_lost;
    let days = || window.days.iter().map(|day| &day.figures[section]).enumerate();
    if was_lost {
        changes
            .extend(days().filter(|(_, figure)| figure.is_err()).map(|(day, _)| change(day, target.value)));
    }
    let to = if was_lost { target.value } else { beyond(target) };
    let on_this_side = |value: f64| (target.shortfall(value) > 0.0) == was_lost;
    let known = days().filter_map(|(at, figure)| Some((at, *figure.as_ref().ok()?)));
    let mut movable: Vec<(usize, f64)> = known.filter(|(_, value)| on_this_side(*value)).collect();
    movable.sort_by(|a, b| {
        target.shortfall(a.1).abs().total_cmp(&target.shortfall(b.1).abs()).then(a.0.cmp(&b.0))
    });
    for (day, from) in movable {
        if is_flipped(&changes) {
            break;
        }
        changes.push(change(day, to));
        if is_flipped(&changes) {
            // Of an even number of days the middle is between two: the last one need not go all the way.
            changes.pop();
            let tried = |to: f64| is_flipped(&[&changes[..], &[change(day, to)]].concat());
            let nearest = nearest_flip(from, to, tried);
            changes.push(change(day, nearest));
        }
    }
    changes
}

/// The value nearest to `from` that flips, given that `to` does.
fn nearest_flip(from: f64, to: f64, is_flipped: impl Fn(f64) -> bool) -> f64 {
    let (mut unflipped, mut flipped) = (from, to);
    loop {
        let middle = f64::midpoint(unflipped, flipped);
        // No number lies between the two.
        if middle <= unflipped.min(flipped) || middle >= unflipped.max(flipped) {
            return flipped;
        }
        if is_flipped(middle) { flipped = middle } else { unflipped = middle }
    }
}

/// The first value on the wrong side of the limit.
fn beyond(target: &Target) -> f64 {
    match target.side {
        Side::AtLeast => target.value.next_down(),
        Side::AtMost => target.value.next_up(),
    }
}

#[cfg(test)]
mod tests;
