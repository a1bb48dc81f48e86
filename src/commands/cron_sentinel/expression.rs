//! Cron expressions: five fields, or one of the names such as `@daily`; the civil times they name.
//!
//! As in the cron of Vixie: a day matches either day field when both are given, both when one begins
//! with `*`. `L` is the last day of the month. What runs in a gap or a fold of local time is decided by
//! `schedule`, from whether the expression names hours or runs through them.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time};

/// The longest wait between two matches is forty years, for a February 29 on one day of the week around a
/// year like 2100.
const SEARCHED_DAYS: i32 = 40 * 366;

const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When a job runs, in the local time of its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    minutes: u64,
    hours: u64,
    days: u64,
    last_day: bool,
    months: u64,
    weekdays: u64,
    /// Whether a day must match both day fields rather than one of them.
    both_days: bool,
    /// Whether the minutes or hours begin with `*`.
    interval: bool,
}

/// A field: its name, its bounds, and names for its values.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: &MONTHS },
    Field { name: "day of week", least: 0, most: 7, names: &DAYS },
];

impl Expression {
    /// Reads an expression; one that never comes is refused.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let resolved = match MACROS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
            Some((_, fields)) => *fields,
            None if text.starts_with('@') => {
                let known: Vec<&str> = MACROS.iter().map(|(name, _)| *name).collect();
                return Err(format!("`{text}` is none of {}", known.join(", ")));
            }
            None => text,
        };
        let parts: Vec<&str> = resolved.split_whitespace().collect();
        let Ok([minute, hour, day, month, weekday]) = <[&str; 5]>::try_from(parts.as_slice()) else {
            return Err(format!(
                "`{text}` has {} fields; five are wanted: minute, hour, day of month, month, day of week",
                parts.len()
            ));
        };
        let (day, last_day) = without_last_day(day);
        let days = if day.is_empty() { 0 } else { FIELDS[2].parse(&day)? };
        let weekdays = FIELDS[4].parse(weekday)?;
        let expression = Self {
            minutes: FIELDS[0].parse(minute)?,
            hours: FIELDS[1].parse(hour)?,
            days,
            last_day,
            months: FIELDS[3].parse(month)?,
            // Sunday is 0 and 7.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            both_days: day.starts_with('*') || weekday.starts_with('*'),
            interval: minute.starts_with('*') || hour.starts_with('*'),
        };
        let start = Date::constant(2096, 3, 1).at(0, 0, 0, 0);
        match expression.at_or_after(start) {
            Some(_) => Ok(expression),
            None => Err(format!("`{text}` never comes")),
        }
    }

    /// Whether the job runs through the hours or minutes, rather than at times of day.
    pub(crate) fn is_interval(&self) -> bool {
        self.interval
    }

    /// Whether the job runs more than once in each of its hours, and not every hour: often a slip.
    pub(crate) fn is_every_minute_of_some_hours(&self) -> bool {
        self.minutes.count_ones() == 60 && self.hours.count_ones() < 24
    }

    /// The last named civil time that is not later.
    pub(crate) fn at_or_before(&self, time: DateTime) -> Option<DateTime> {
        let mut date = time.date();
        let mut latest = clock_of(time);
        for _ in 0..SEARCHED_DAYS {
            if self.has_day(date)
                && let Some((hour, minute)) = self.latest(latest)
            {
                return Some(at(date, hour, minute));
            }
            date = date.yesterday().ok()?;
            latest = (23, 59);
        }
        None
    }

    /// The first named civil time that is not earlier.
    pub(crate) fn at_or_after(&self, time: DateTime) -> Option<DateTime> {
        let whole = time.second() == 0 && time.subsec_nanosecond() == 0;
        let time = if whole { time } else { time.checked_add(1.minute()).ok()? };
        let mut date = time.date();
        let mut earliest = clock_of(time);
        for _ in 0..SEARCHED_DAYS {
            if self.has_day(date)
                && let Some((hour, minute)) = self.earliest(earliest)
            {
                return Some(at(date, hour, minute));
            }
            date = date.tomorrow().ok()?;
            earliest = (0, 0);
        }
        None
    }

    fn has_day(&self, date: Date) -> bool {
        if !has(self.months, unsigned(date.month())) {
            return false;
        }
        let day =
            has(self.days, unsigned(date.day())) || (self.last_day && date.day() == date.days_in_month());
        let weekday = has(self.weekdays, unsigned(date.weekday().to_sunday_zero_offset()));
        if self.both_days { day && weekday } else { day || weekday }
    }

    fn latest(&self, (hour, minute): (u8, u8)) -> Option<(u8, u8)> {
        if has(self.hours, hour)
            && let Some(minute) = highest(self.minutes, minute)
        {
            return Some((hour, minute));
        }
        Some((highest(self.hours, hour.checked_sub(1)?)?, highest(self.minutes, 59)?))
    }

    fn earliest(&self, (hour, minute): (u8, u8)) -> Option<(u8, u8)> {
        if has(self.hours, hour)
            && let Some(minute) = lowest(self.minutes, minute)
        {
            return Some((hour, minute));
        }
        Some((lowest(self.hours, hour + 1)?, lowest(self.minutes, 0)?))
    }
}

impl Field {
    fn parse(&self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        for part in text.split(',') {
            bits |= self.parse_part(part).map_err(|reason| format!("{} `{text}`: {reason}", self.name))?;
        }
        Ok(bits)
    }

    fn parse_part(&self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step = step.parse::<u8>().ok().filter(|step| (1..=self.most).contains(step));
                (
                    range,
                    Some(step.ok_or_else(|| format!("`{part}` has no step between 1 and {}", self.most))?),
                )
            }
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None if step.is_some() => (self.value(range)?, self.most),
            None => (self.value(range)?, self.value(range)?),
        };
        if from > to {
            return Err(format!("`{range}` runs backwards"));
        }
        Ok((from..=to).step_by(step.unwrap_or(1).into()).fold(0, |bits, value| bits | 1 << value))
    }

    fn value(&self, text: &str) -> Result<u8, String> {
        let name = self.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        // Months are named from 1 on, days of the week from 0 on.
        let named = name.and_then(|at| u8::try_from(at).ok()).map(|at| at + self.least);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let value = named.or_else(|| text.parse().ok().filter(|_| digits));
        value
            .filter(|value| (self.least..=self.most).contains(value))
            .ok_or_else(|| format!("`{text}` is not between {} and {}", self.least, self.most))
    }
}

/// Takes `L` out of a list of days.
fn without_last_day(text: &str) -> (String, bool) {
    let (last, days): (Vec<&str>, Vec<&str>) =
        text.split(',').partition(|part| part.eq_ignore_ascii_case("l"));
    (days.join(","), !last.is_empty())
}

fn clock_of(time: DateTime) -> (u8, u8) {
    (unsigned(time.hour()), unsigned(time.minute()))
}

fn at(date: Date, hour: u8, minute: u8) -> DateTime {
    let part = |value: u8| i8::try_from(value).unwrap_or_default();
    date.to_datetime(Time::new(part(hour), part(minute), 0, 0).unwrap_or(Time::MIN))
}

fn unsigned(value: i8) -> u8 {
    value.unsigned_abs()
}

fn has(bits: u64, value: u8) -> bool {
    bits >> value & 1 == 1
}

fn highest(bits: u64, most: u8) -> Option<u8> {
    let below = bits & (u64::MAX >> (63 - most.min(63)));
    (below != 0).then(|| u8::try_from(below.ilog2()).unwrap_or_default())
}

fn lowest(bits: u64, least: u8) -> Option<u8> {
    let above = bits.checked_shr(least.into()).unwrap_or_default();
    (above != 0).then(|| least + u8::try_from(above.trailing_zeros()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn civil(text: &str) -> DateTime {
        text.parse().expect("a civil time")
    }

    #[test]
    fn the_times_before_and_after_are_those_of_the_calendar() {
        // Expression, a time, the match at or before it, the match at or after it. 2026-03-10 is a Tuesday.
        let table = [
            ("0 3 * * *", "2026-03-10T12:00", "2026-03-10T03:00", "2026-03-11T03:00"),
            ("0 3 * * *", "2026-03-10T03:00", "2026-03-10T03:00", "2026-03-10T03:00"),
            ("0 3 * * *", "2026-03-10T02:59:59", "2026-03-09T03:00", "2026-03-10T03:00"),
            ("*/15 * * * *", "2026-03-10T12:44", "2026-03-10T12:30", "2026-03-10T12:45"),
            ("5-59/20 9-17 * * mon-fri", "2026-03-14T12:00", "2026-03-13T17:45", "2026-03-16T09:05"),
            ("0 0 31 * *", "2026-03-10T12:00", "2026-01-31T00:00", "2026-03-31T00:00"),
            ("0 0 L * *", "2026-03-10T12:00", "2026-02-28T00:00", "2026-03-31T00:00"),
            ("0 0 15,L feb *", "2028-03-01T00:00", "2028-02-29T00:00", "2029-02-15T00:00"),
            ("30 4 29 2 *", "2026-03-10T12:00", "2024-02-29T04:30", "2028-02-29T04:30"),
            ("30 4 29 2 *", "2102-01-01T00:00", "2096-02-29T04:30", "2104-02-29T04:30"),
            ("0 0 13 * 5", "2026-03-11T00:00", "2026-03-06T00:00", "2026-03-13T00:00"),
            ("0 0 1,15 * 0", "2026-03-10T00:00", "2026-03-08T00:00", "2026-03-15T00:00"),
            ("0 0 * * 7", "2026-03-10T00:00", "2026-03-08T00:00", "2026-03-15T00:00"),
            ("0 0 */2 * 1", "2026-03-10T00:00", "2026-03-09T00:00", "2026-03-23T00:00"),
            ("59 23 31 12 *", "2026-06-01T00:00", "2025-12-31T23:59", "2026-12-31T23:59"),
            ("@hourly", "2026-01-01T00:00:01", "2026-01-01T00:00", "2026-01-01T01:00"),
            ("@weekly", "2026-03-10T12:00", "2026-03-08T00:00", "2026-03-15T00:00"),
            ("@Monthly", "2026-03-10T12:00", "2026-03-01T00:00", "2026-04-01T00:00"),
        ];
        for (text, time, before, after) in table {
            let expression = Expression::parse(text).expect("an expression");
            assert_eq!(expression.at_or_before(civil(time)), Some(civil(before)), "{text} before {time}");
            assert_eq!(expression.at_or_after(civil(time)), Some(civil(after)), "{text} after {time}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for (text, part) in [
            ("", "has 0 fields"),
            ("0 3 * *", "has 4 fields"),
            ("0 0 3 * * *", "has 6 fields"),
            ("60 * * * *", "minute `60`: `60` is not between 0 and 59"),
            ("* 24 * * *", "hour `24`"),
            ("0 0 0 * *", "day of month `0`"),
            ("0 0 * 13 *", "month `13`"),
            ("0 0 * * 8", "day of week `8`"),
            ("0 0 * * funday", "`funday` is not between 0 and 7"),
            ("*/0 * * * *", "no step between"),
            ("5-1 * * * *", "runs backwards"),
            ("1, * * * *", "`` is not between"),
            ("+1 * * * *", "`+1` is not between"),
            ("0 0 30 2 *", "never comes"),
            ("@reboot", "`@reboot` is none of @yearly"),
        ] {
            let reason = Expression::parse(text).expect_err("refused");
            assert!(reason.contains(part), "{text}: {reason}");
        }
        assert!(Expression::parse("* 9 * * *").expect("valid").is_every_minute_of_some_hours());
    }

    #[test]
    fn the_rarest_day_is_found_from_any_year() {
        // A February 29 on a Sunday: 2088 and then 2128.
        let rarest = Expression::parse("0 0 29 2 */7").expect("an expression");
        let mut waits = Vec::new();
        for year in 1900..2400 {
            let start = Date::constant(year, 1, 1).at(0, 0, 0, 0);
            let before = rarest.at_or_before(start).expect("a run before");
            let after = rarest.at_or_after(start).expect("a run after");
            waits.push(after.year() - before.year());
        }
        assert_eq!(waits.iter().max(), Some(&40));
    }
}
