//! How near a score is to another verdict: each rule with its margin, the smallest change of the reports after which
//! the verdict is another, and from when on GO can be reached.
//!
//! Every change is tried before it is told: the score is made again with it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::readiness::points::{self, Section};
use crate::commands::readiness::scale::{EDGE, LATENCY, Side, TAKER, Target};
use crate::commands::readiness::verdict::{Facts, Verdict, verdict};
use crate::evidence::daily::report::{self, SourceFile};
use crate::evidence::daily::{Day, Figure, Flag, Window, report_name};
use crate::evidence::explanation::{Explanation, Flip, InputChange, MissingStep, RuleExplanation};
use crate::judge::statistics::median;
use jiff::civil::Date;
use serde_json::{Value, json};

/// A section of the score, by what its days must show.
#[derive(Clone, Copy)]
enum Rule {
    Median {
        field: fn(&Day) -> &Figure,
        set: fn(&mut Day, Figure),
        target: &'static Target,
        place: &'static str,
    },
    EachDay {
        field: fn(&Day) -> &Flag,
        set: fn(&mut Day, Flag),
        place: &'static str,
        good: &'static str,
        bad: &'static str,
    },
}

/// In the order of the sections.
const RULES: [Rule; 6] = [
    Rule::Median {
        field: |day| &day.edge_net_bps,
        set: |day, figure| day.edge_net_bps = figure,
        target: &EDGE,
        place: report::EDGE,
    },
    Rule::Median {
        field: |day| &day.order_age_p95_ms,
        set: |day, figure| day.order_age_p95_ms = figure,
        target: &LATENCY,
        place: report::ORDER_AGE,
    },
    Rule::Median {
        field: |day| &day.taker_share_pct,
        set: |day, figure| day.taker_share_pct = figure,
        target: &TAKER,
        place: report::TAKER_SHARE,
    },
    Rule::EachDay {
        field: |day| &day.guards_ok,
        set: |day, flag| day.guards_ok = flag,
        place: "reg_guard.reason and drift.reason",
        good: report::NONE,
        bad: "EDGE_REG",
    },
    Rule::EachDay {
        field: |day| &day.chaos_ok,
        set: |day, flag| day.chaos_ok = flag,
        place: report::CHAOS,
        good: report::OK,
        bad: report::FAIL,
    },
    Rule::EachDay {
        field: |day| &day.tests_ok,
        set: |day, flag| day.tests_ok = flag,
        place: report::BUG_BASH,
        good: report::OK,
        bad: report::FAIL,
    },
];

/// A change of one field of one day.
#[derive(Clone, Copy, Debug, PartialEq)]
struct DayChange {
    /// Position in the window.
    day: usize,
    /// Position in [`RULES`].
    rule: usize,
    to: NewValue,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum NewValue {
    Number(f64),
    Flag(bool),
}

/// What a score is explained from.
pub(super) struct Explained<'a> {
    pub(super) window: &'a Window,
    /// The directory of the reports.
    pub(super) reports: String,
    /// Rules of the drills that GO requires.
    pub(super) drills: Vec<RuleExplanation>,
    pub(super) unmet_drills: usize,
    /// The day on which it is asked.
    pub(super) today: Date,
}

impl Explained<'_> {
    pub(super) fn explanation(self) -> Explanation {
        let sections = points::score(self.window);
        let flips: Vec<Vec<DayChange>> = (0..RULES.len()).map(|at| flip(self.window, at)).collect();
        let mut rules: Vec<RuleExplanation> = sections
            .iter()
            .zip(&flips)
            .enumerate()
            .map(|(at, (section, flip))| self.rule(at, section, flip))
            .collect();
        let flip = self.flip(&sections, &flips, &rules);
        let missing = self.missing(&sections);
        rules.extend(self.drills);
        Explanation { rules, flip, missing }
    }

    fn rule(&self, at: usize, section: &Section, flip: &[DayChange]) -> RuleExplanation {
        let days = &self.window.days;
        let (value, limit, margin, n) = match RULES[at] {
            Rule::Median { field, target, .. } => {
                let values: Vec<f64> = days.iter().filter_map(|day| field(day).clone().ok()).collect();
                let middle = median(&values);
                let limit =
                    format!("{} {} {} as the median", target.side.as_str(), target.value, target.unit);
                (json!(middle), limit, middle.map(|middle| 0.0 - target.shortfall(middle)), values.len())
            }
            Rule::EachDay { field, .. } => {
                let good = days.iter().filter(|day| *field(day) == Ok(true)).count();
                let known = days.iter().filter(|day| field(day).is_ok()).count();
                let margin = good as f64 - days.len() as f64;
                (json!(good), format!("OK on each of {} days", days.len()), Some(margin), known)
            }
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
            flip: flip.iter().map(|change| self.input_change(change)).collect(),
        }
    }

    fn input_change(&self, change: &DayChange) -> InputChange {
        let day = &self.window.days[change.day];
        let (place, from, to) = match (RULES[change.rule], change.to) {
            (Rule::Median { field, place, .. }, NewValue::Number(to)) => {
                (place, field(day).as_ref().map_or(Value::Null, |from| json!(from)), json!(to))
            }
            (Rule::EachDay { field, place, good, bad, .. }, NewValue::Flag(to)) => {
                let word = |flag: bool| json!(if flag { good } else { bad });
                // What is not OK may say anything.
                let from = match field(day) {
                    Ok(true) => json!(good),
                    Ok(false) => json!(format!("not {good}")),
                    Err(_) => Value::Null,
                };
                (place, from, word(to))
            }
            (Rule::Median { .. }, NewValue::Flag(_)) | (Rule::EachDay { .. }, NewValue::Number(_)) => {
                unreachable!("a change is of the kind of its rule")
            }
        };
        InputChange {
            path: format!("{}/{}", self.reports, report_name(day.date)),
            place: format!("root.{place}"),
            from,
            to,
        }
    }

    /// The smallest change after which the verdict is another: away from GO the fewest fields of one rule, towards GO
    /// all that is missing of every rule.
    fn flip(&self, sections: &[Section], flips: &[Vec<DayChange>], rules: &[RuleExplanation]) -> Flip {
        let score = points::sections(sections).total();
        let now = verdict(&Facts { score, unmet_drills: self.unmet_drills });
        let chosen: Vec<usize> = match now {
            Verdict::Go => (0..RULES.len()).min_by_key(|at| flips[*at].len()).into_iter().collect(),
            Verdict::Hold | Verdict::Block => (0..RULES.len()).filter(|at| !rules[*at].holds).collect(),
        };
        let changes: Vec<DayChange> = chosen.iter().flat_map(|at| flips[*at].iter().copied()).collect();
        // The changes of documents of drills stand with their rules; here they are taken as made.
        let after = verdict_with(self.window, &changes);
        if after == now {
            return Flip::default();
        }
        let of_drills = self.drills.iter().filter(|rule| !rule.holds && now != Verdict::Go);
        let input = changes.iter().map(|change| self.input_change(change));
        let changes = input.chain(of_drills.flat_map(|rule| rule.flip.iter().cloned())).collect();
        Flip { verdict: after.as_str().to_owned(), changes }
    }

    /// What is missing for GO, by the first day on which it can be there.
    fn missing(&self, sections: &[Section]) -> Vec<MissingStep> {
        let today = Some(self.today.to_string());
        let drills = self.drills.iter().filter(|rule| !rule.holds).map(|rule| MissingStep {
            date: today.clone(),
            rule: rule.rule.clone(),
            what: format!("make it {}", rule.limit),
        });
        let mut missing: Vec<MissingStep> = drills.collect();
        for section in sections.iter().filter(|section| section.is_lost()) {
            let advice = section.advice.clone().unwrap_or_else(|| "supply or repair the reports".to_owned());
            let date = self.holds_from(|sections| {
                sections.iter().any(|other| other.name == section.name && !other.is_lost())
            });
            missing.push(MissingStep {
                date: date.map(|date| date.to_string()),
                rule: section.name.to_owned(),
                what: format!("{advice}; or wait for good days alone"),
            });
        }
        missing.sort();
        if !missing.is_empty() {
            let go = self.holds_from(|sections| sections.iter().all(|section| !section.is_lost()));
            missing.push(MissingStep {
                date: go.map(|date| date.to_string()),
                rule: "GO".to_owned(),
                what: "score again: with good days from today on, and every drill, GO can be reached"
                    .to_owned(),
            });
        }
        missing
    }

    /// The first day on which the sections are as they should be, when every day from today on is good and what
    /// was is left as it is.
    fn holds_from(&self, holds: impl Fn(&[Section]) -> bool) -> Option<Date> {
        let length = self.window.days.len();
        let mut newest = self.today.yesterday().ok()?;
        // The last of them has only days that are still to come.
        for _ in 0..=length {
            let mut dates: Vec<Date> =
                std::iter::successors(Some(newest), |date| date.yesterday().ok()).take(length).collect();
            dates.reverse();
            let days = dates.into_iter().map(|date| self.day_on(date)).collect();
            let window = Window { days, remarks: Vec::new(), simulated: false };
            let next = newest.tomorrow().ok()?;
            if holds(&points::score(&window)) {
                return Some(next);
            }
            newest = next;
        }
        None
    }

    fn day_on(&self, date: Date) -> Day {
        if date >= self.today {
            return good_day(date);
        }
        let known = self.window.days.iter().find(|day| day.date == date).cloned();
        known.unwrap_or_else(|| Day::blank(date, "no report"))
    }
}

fn good_day(date: Date) -> Day {
    let mut day = Day { fault: None, ..Day::blank(date, "") };
    for rule in RULES {
        match rule {
            Rule::Median { set, target, .. } => set(&mut day, Ok(target.value)),
            Rule::EachDay { set, .. } => set(&mut day, Ok(true)),
        }
    }
    day
}

fn with(window: &Window, changes: &[DayChange]) -> Window {
    let mut changed = window.clone();
    for change in changes {
        let day = &mut changed.days[change.day];
        match (RULES[change.rule], change.to) {
            (Rule::Median { set, .. }, NewValue::Number(to)) => set(day, Ok(to)),
            (Rule::EachDay { set, .. }, NewValue::Flag(to)) => set(day, Ok(to)),
            (Rule::Median { .. }, NewValue::Flag(_)) | (Rule::EachDay { .. }, NewValue::Number(_)) => {}
        }
    }
    changed
}

fn is_lost(window: &Window, rule: usize) -> bool {
    points::score(window)[rule].is_lost()
}

fn verdict_with(window: &Window, changes: &[DayChange]) -> Verdict {
    let score = points::sections(&points::score(&with(window, changes))).total();
    verdict(&Facts { score, unmet_drills: 0 })
}

/// The fewest fields, and those nearest to the limit, after which a section is lost, or is not.
fn flip(window: &Window, at: usize) -> Vec<DayChange> {
    let was_lost = is_lost(window, at);
    let mut changes = Vec::new();
    let change = |day: usize, to: NewValue| DayChange { day, rule: at, to };
    let mut days = window.days.iter().enumerate();
    match RULES[at] {
        Rule::Median { field, target, .. } => {
            let limit = target.value;
            if was_lost {
                let unknown = days.clone().filter(|(_, day)| field(day).is_err());
                changes.extend(unknown.map(|(day, _)| change(day, NewValue::Number(limit))));
            }
            let to = if was_lost { limit } else { beyond(target) };
            let on_this_side = |value: f64| (target.shortfall(value) > 0.0) == was_lost;
            let known = days.filter_map(|(at, day)| Some((at, *field(day).as_ref().ok()?)));
            let mut movable: Vec<(usize, f64)> = known.filter(|(_, value)| on_this_side(*value)).collect();
            movable.sort_by(|a, b| {
                target.shortfall(a.1).abs().total_cmp(&target.shortfall(b.1).abs()).then(a.0.cmp(&b.0))
            });
            for (day, from) in movable {
                let is_flipped = |changes: &[DayChange]| is_lost(&with(window, changes), at) != was_lost;
                if is_flipped(&changes) {
                    break;
                }
                changes.push(change(day, NewValue::Number(to)));
                if is_flipped(&changes) {
                    // Of an even number of days the middle is between two: the last one need not go all the way.
                    let before = changes.clone();
                    let tried = |to: f64| {
                        let mut changes = before.clone();
                        changes.pop();
                        changes.push(change(day, NewValue::Number(to)));
                        is_flipped(&changes)
                    };
                    changes.pop();
                    changes.push(change(day, NewValue::Number(nearest_flip(from, to, tried))));
                }
            }
        }
        Rule::EachDay { field, .. } if was_lost => {
            let bad = days.filter(|(_, day)| *field(day) != Ok(true));
            changes.extend(bad.map(|(day, _)| change(day, NewValue::Flag(true))));
        }
        // The newest day is the one that can still be otherwise.
        Rule::EachDay { .. } => {
            changes.extend(days.next_back().map(|(day, _)| change(day, NewValue::Flag(false))));
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
