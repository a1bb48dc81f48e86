//! How near a score is to another verdict: each rule with its margin, the smallest change of the reports after which
//! the verdict is another, and from when on GO can be reached.
//!
//! Every change is tried before it is told: the score is made again with it.
#![warn(clippy::wildcard_enum_match_arm)]

use super::points::{self, Section};
use super::scale::{EDGE, LATENCY, Side, TAKER, Target};
use super::verdict::{Facts, Verdict, verdict};
use crate::evidence::daily::report::{self, SourceFile};
use crate::evidence::daily::{Day, Figure, Flag, Window, report_name};
use crate::evidence::explanation::{Explanation, Flip, InputChange, MissingStep, RuleExplanation};
use crate::judge::statistics::median;
use jiff::civil::Date;
use serde_json::{Value, json};

/// A section of the score, by what its days must show.
#[derive(Clone, Copy)]
enum Rule {
    Median { field: fn(&Day) -> &Figure, set: fn(&mut Day, Figure), target: &'static Target, place: &'static str },
    EachDay { field: fn(&Day) -> &Flag, set: fn(&mut Day, Flag), place: &'static str, good: &'static str, bad: &'static str },
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
                let limit = format!("{} {} {} as the median", target.side.as_str(), target.value, target.unit);
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
        InputChange { path: format!("{}/{}", self.reports, report_name(day.date)), place: format!("root.{place}"), from, to }
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
                what: "score again: with good days from today on, and every drill, GO can be reached".to_owned(),
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
            for (day, _) in movable {
                if is_lost(&with(window, &changes), at) != was_lost {
                    break;
                }
                changes.push(change(day, NewValue::Number(to)));
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

/// The first value on the wrong side of the limit.
fn beyond(target: &Target) -> f64 {
    match target.side {
        Side::AtLeast => target.value.next_down(),
        Side::AtMost => target.value.next_up(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(day: i64) -> Date {
        jiff::civil::date(2026, 3, 1) + jiff::Span::new().days(day)
    }

    fn figure(range: std::ops::Range<f64>) -> impl Strategy<Value = Figure> {
        prop_oneof![6 => range.prop_map(Ok), 1 => Just(Err("unknown".to_owned()))]
    }

    fn flag() -> impl Strategy<Value = Flag> {
        prop_oneof![8 => Just(Ok(true)), 1 => Just(Ok(false)), 1 => Just(Err("unknown".to_owned()))]
    }

    fn window() -> impl Strategy<Value = Window> {
        let day = (figure(2.3..3.0), figure(300.0..370.0), figure(10.0..16.0), flag(), flag(), flag());
        proptest::collection::vec(day, 1..9).prop_map(|days| {
            let day = |(at, (edge, age, taker, guards, chaos, tests))| Day {
                edge_net_bps: edge,
                order_age_p95_ms: age,
                taker_share_pct: taker,
                guards_ok: guards,
                chaos_ok: chaos,
                tests_ok: tests,
                ..good_day(date(at))
            };
            let days: Vec<Day> = (0_i64..).zip(days).map(day).collect();
            Window { days, remarks: Vec::new(), simulated: false }
        })
    }

    fn good(days: i64) -> Window {
        Window { days: (0..days).map(|at| good_day(date(at))).collect(), remarks: Vec::new(), simulated: false }
    }

    fn explained(window: &Window, today: i64) -> Explanation {
        Explained { window, reports: "r".to_owned(), drills: Vec::new(), unmet_drills: 0, today: date(today) }.explanation()
    }

    fn verdict_of(window: &Window) -> Verdict {
        verdict_with(window, &[])
    }

    proptest! {
        /// Made again with it, each rule is otherwise; with one change less it is not, and away from the limit a
        /// value on it is not enough.
        #[test]
        fn the_change_of_a_rule_flips_it_and_a_smaller_one_does_not(window in window()) {
            for at in 0..RULES.len() {
                let (was, changes) = (is_lost(&window, at), flip(&window, at));
                prop_assert!(!changes.is_empty());
                prop_assert_ne!(is_lost(&with(&window, &changes), at), was);
                for left_out in 0..changes.len() {
                    let mut fewer = changes.clone();
                    fewer.remove(left_out);
                    prop_assert_eq!(is_lost(&with(&window, &fewer), at), was);
                }
                if let (false, Rule::Median { target, .. }) = (was, RULES[at]) {
                    let on_limit: Vec<DayChange> = changes
                        .iter()
                        .map(|change| DayChange { to: NewValue::Number(target.value), ..*change })
                        .collect();
                    prop_assert!(!is_lost(&with(&window, &on_limit), at));
                }
            }
        }

        /// The change of the verdict flips it: from GO to HOLD, from anything else to GO.
        #[test]
        fn the_change_of_the_verdict_flips_it(window in window()) {
            let flip = explained(&window, 20).flip;
            let expected = if verdict_of(&window) == Verdict::Go { "HOLD" } else { "GO" };
            prop_assert_eq!(flip.verdict, expected);
        }
    }

    #[test]
    fn a_good_week_is_one_bad_day_from_hold() {
        let week = good(7);
        let explained = explained(&week, 7);
        assert_eq!(explained.missing, []);
        let edge = &explained.rules[0];
        assert_eq!((&edge.value, edge.margin, edge.n, edge.of), (&json!(2.5), Some(0.0), 7, 7));
        // The median of seven falls with the fourth.
        assert_eq!(edge.flip.len(), 4);
        assert_eq!(edge.flip[0].to, json!(2.5_f64.next_down()));
        assert_eq!((explained.flip.verdict.as_str(), explained.flip.changes.len()), ("HOLD", 1));
    }

    #[test]
    fn what_is_missing_is_told_with_the_day_on_which_it_can_be_there() {
        let mut week = good(7);
        // The oldest day has no history, and the edge of four days is low.
        week.days[0].guards_ok = Err("NO_HISTORY".to_owned());
        for day in &mut week.days[3..] {
            day.edge_net_bps = Ok(2.0);
        }
        week.days[6].chaos_ok = Ok(false);
        let explained = explained(&week, 7);
        let missing: Vec<(&str, Option<&str>)> =
            explained.missing.iter().map(|step| (step.rule.as_str(), step.date.as_deref())).collect();
        let expected = [
            // One more good day, and the day without history has left the window.
            ("guards", Some("2026-03-09")),
            // Four low days of seven until the first of them has left.
            ("edge", Some("2026-03-12")),
            // The last day must leave.
            ("chaos", Some("2026-03-15")),
            ("GO", Some("2026-03-15")),
        ];
        assert_eq!(missing, expected);
        assert_eq!(explained.flip.verdict, "GO");
        // Guards, chaos, and one of the four low days.
        assert_eq!(explained.flip.changes.len(), 3);
    }

    #[test]
    fn without_a_report_seven_days_are_missing() {
        let days = (0..7).map(|at| Day::blank(date(at), "no report")).collect();
        let window = Window { days, remarks: Vec::new(), simulated: false };
        let explained = explained(&window, 7);
        assert_eq!(explained.flip.changes.len(), 42);
        assert_eq!(explained.missing.last().expect("GO").date.as_deref(), Some("2026-03-15"));
    }
}
