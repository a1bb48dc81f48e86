//! Due times by the rules that the manuals state, minute by minute, and nothing of how mmops finds them: what
//! `cron(8)` and `crontab(5)` say, and what the documentation of `robfig/cron` says, which Kubernetes uses.
//!
//! Expressions are made together with the sets that they stand for, so that nothing is parsed here either.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use mmops::testing::cron::{Dialect, runs};

/// With their clocks changed by an hour, half an hour, two and three, at midnight and around Ramadan, and not at all.
pub const ZONES: [&str; 20] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "America/Scoresbysund",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "Antarctica/Casey",
];

const MINUTE_S: i64 = 60;
const DAY_MIN: i64 = 1440;
/// `cron(8)`: changes of three hours or more are corrections of the clock.
const CORRECTION_MIN: i64 = 180;

/// A field as text and as what it stands for.
struct Field {
    text: String,
    values: Vec<bool>,
    begins_with_star: bool,
    /// `*` or `?` without a step, which is what `robfig/cron` calls a star.
    is_star: bool,
}

pub struct Job {
    pub text: String,
    pub dialect: Dialect,
    fields: [Field; 5],
}

/// A generator of numbers that is the same on every machine.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

impl Field {
    /// One of the values from `least` to `most`, of which those up to `picked` are named.
    fn any(
        numbers: &mut Numbers,
        dialect: Dialect,
        (least, picked, most): (usize, usize, usize),
        names: &[&str],
    ) -> Self {
        let mut values = vec![false; 60];
        let pick = |numbers: &mut Numbers| least + numbers.below(picked - least + 1);
        let name = |numbers: &mut Numbers, value: usize| match names.get(value - least) {
            Some(name) if numbers.below(2) == 0 => (*name).to_owned(),
            _ => value.to_string(),
        };
        let mut is_star = false;
        let mut all = |from: usize, to: usize, step: usize| {
            for value in (from..=to).step_by(step) {
                values[value] = true;
            }
        };
        let text = match numbers.below(8) {
            0 | 1 => {
                all(least, most, 1);
                is_star = true;
                if dialect == Dialect::Kubernetes && numbers.below(4) == 0 { "?" } else { "*" }.to_owned()
            }
            2 => {
                // A step is not beyond the field.
                let step = 1 + numbers.below(most.min(20));
                all(least, most, step);
                is_star = step == 1;
                format!("*/{step}")
            }
            3 => {
                let (a, b) = (pick(numbers), pick(numbers));
                all(a.min(b), a.max(b), 1);
                format!("{}-{}", name(numbers, a.min(b)), name(numbers, a.max(b)))
            }
            4 => {
                let (a, b, step) = (pick(numbers), pick(numbers), 1 + numbers.below(most.min(9)));
                all(a.min(b), a.max(b), step);
                format!("{}-{}/{step}", a.min(b), a.max(b))
            }
            5 if dialect == Dialect::Kubernetes => {
                let (a, step) = (pick(numbers), 1 + numbers.below(most.min(9)));
                all(a, most, step);
                format!("{a}/{step}")
            }
            6 => {
                let listed: Vec<usize> = (0..2 + numbers.below(3)).map(|_| pick(numbers)).collect();
                for value in &listed {
                    all(*value, *value, 1);
                }
                listed.iter().map(|value| name(numbers, *value)).collect::<Vec<_>>().join(",")
            }
            _ => {
                let value = pick(numbers);
                all(value, value, 1);
                name(numbers, value)
            }
        };
        Self { begins_with_star: text.starts_with('*'), text, values, is_star }
    }
}

impl Job {
    pub fn any(numbers: &mut Numbers, dialect: Dialect) -> Self {
        let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let last = if dialect == Dialect::Vixie { 7 } else { 6 };
        let is_nightly = numbers.below(2) == 0;
        let mut fields = [
            Field::any(numbers, dialect, (0, 59, 59), &[]),
            // Half of the jobs run at night, where clocks are changed.
            Field::any(numbers, dialect, (0, if is_nightly { 3 } else { 23 }, 23), &[]),
            Field::any(numbers, dialect, (1, 31, 31), &[]),
            Field::any(numbers, dialect, (1, 12, 12), &months),
            Field::any(numbers, dialect, (0, last, last), &days),
        ];
        // Sunday is 0 and 7.
        fields[4].values[0] |= fields[4].values[7];
        let text: Vec<&str> = fields.iter().map(|field| field.text.as_str()).collect();
        Self { text: text.join(" "), dialect, fields }
    }

    /// Whether it names a day, counted from 1970.
    fn has_day(&self, day: i64) -> bool {
        let [_, _, days, months, weekdays] = &self.fields;
        let (month, of_month) = civil(day);
        let (by_month, by_week) =
            (days.values[of_month], weekdays.values[usize::try_from((day + 4).rem_euclid(7)).unwrap()]);
        let both = match self.dialect {
            // "If both fields are restricted (i.e., do not start with *), the command will be run when either field
            // matches the current time."
            Dialect::Vixie => days.begins_with_star || weekdays.begins_with_star,
            Dialect::Kubernetes | Dialect::QuartzLike => days.is_star || weekdays.is_star,
        };
        months.values[month] && if both { by_month && by_week } else { by_month || by_week }
    }

    fn has_clock(&self, minute_of_day: i64) -> bool {
        let value = |value: i64| usize::try_from(value).unwrap();
        self.fields[0].values[value(minute_of_day % 60)] && self.fields[1].values[value(minute_of_day / 60)]
    }

    /// Whether it names a minute of the local calendar.
    fn has(&self, local: i64, day: &mut (i64, bool)) -> bool {
        let today = local.div_euclid(DAY_MIN);
        if day.0 != today {
            *day = (today, self.has_day(today));
        }
        day.1 && self.has_clock(local.rem_euclid(DAY_MIN))
    }

    /// "Only jobs that run at a particular time (not specified as @hourly, nor with '*' in the hour or minute
    /// specifier) are affected" by a change of the clock, and in Kubernetes none is.
    fn is_affected(&self) -> bool {
        self.dialect == Dialect::Vixie && !self.fields[0].begins_with_star && !self.fields[1].begins_with_star
    }

    /// Every run in a stretch of minutes, in seconds since 1970.
    fn due(&self, minutes: &[(i64, i64)]) -> Vec<i64> {
        let mut day = (i64::MIN, false);
        let mut found = Vec::new();
        let mut before: Option<i64> = None;
        let mut done_until = i64::MIN;
        for (at, local) in minutes {
            let expected = before.map_or(*local, |before| before + 1);
            let jump = local - expected;
            before = Some(*local);
            let mut is_due = self.has(*local, &mut day);
            if self.is_affected() {
                if jump != 0 {
                    // "If time has moved forward, those jobs that would have run in the interval that has been skipped
                    // will be run immediately. Conversely, if time has moved backward, care is taken to avoid running
                    // jobs twice."
                    let is_correction = jump.abs() >= CORRECTION_MIN;
                    done_until = if is_correction { i64::MIN } else { expected };
                    if jump > 0 && !is_correction {
                        is_due |= (expected..*local).any(|skipped| self.has(skipped, &mut day));
                    }
                }
                is_due &= *local >= done_until || jump > 0;
            }
            if is_due {
                found.push(*at);
            }
        }
        found
    }
}

/// Month and day of month of a day counted from 1970.
fn civil(day: i64) -> (usize, usize) {
    // The calendar from March on, in eras of 400 years.
    let day = day + 719_468;
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (usize::try_from(month).unwrap(), usize::try_from(of_month).unwrap())
}

pub fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

/// Each minute from one second on to another, with what the clock of the zone shows, in minutes since 1970.
pub fn minutes(zone: &TimeZone, from_s: i64, to_s: i64) -> Vec<(i64, i64)> {
    let local = |at: i64| {
        let offset = i64::from(zone.to_offset(Timestamp::from_second(at).unwrap()).seconds());
        (at, (at + offset).div_euclid(MINUTE_S))
    };
    (from_s..to_s).step_by(60).map(local).collect()
}

/// The days around each change of a clock between two times, and some of the others.
pub fn stretches(zone: &TimeZone, (from_s, to_s): (i64, i64), numbers: &mut Numbers) -> Vec<(i64, i64)> {
    let day_s = DAY_MIN * MINUTE_S;
    let from = Timestamp::from_second(from_s).unwrap();
    let changes = zone.following(from).map(|change| change.timestamp().as_second());
    let near: Vec<i64> = changes.take_while(|change| *change < to_s).collect();
    let days = usize::try_from((to_s - from_s) / day_s - 9).unwrap();
    let far = (0..3).map(|_| from_s + i64::try_from(numbers.below(days)).unwrap() * day_s);
    let stretches = near.iter().map(|change| (change.div_euclid(60) * 60 - 2 * day_s, 4));
    stretches.chain(far.map(|from| (from, 8))).map(|(from, days)| (from, from + days * day_s)).collect()
}

/// Holds the runs of a job in a stretch of minutes to the rule; how many there were.
pub fn hold(job: &Job, zone_name: &str, minutes: &[(i64, i64)]) -> usize {
    let (first, last) = (minutes[0].0, minutes[minutes.len() - 1].0);
    let bounds = (Timestamp::from_second(first - 1).unwrap(), Timestamp::from_second(last).unwrap());
    let found = match runs(&job.text, job.dialect, zone_name, bounds) {
        Ok(found) => found,
        // Such as February 30.
        Err(reason) if reason.contains("never comes") => Vec::new(),
        Err(reason) => panic!("{}: {reason}", job.text),
    };
    let found: Vec<i64> = found.into_iter().map(Timestamp::as_second).collect();
    let due = job.due(minutes);
    if found != due {
        let show = |at: &&i64| Timestamp::from_second(**at).unwrap().to_zoned(zone(zone_name)).to_string();
        let extra: Vec<String> =
            found.iter().filter(|at| !due.contains(at)).take(5).map(|at| show(&at)).collect();
        let missing: Vec<String> =
            due.iter().filter(|at| !found.contains(at)).take(5).map(|at| show(&at)).collect();
        panic!("{:?} `{}` in {zone_name}: {extra:?} too many, {missing:?} missing", job.dialect, job.text);
    }
    due.len()
}
