//! The civil times that an expression names, found month by month.

use super::bits::{has, highest, lowest};
use super::days::Days;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time};
use std::collections::BTreeSet;

/// The longest wait between two matches is forty years, for a February 29 on one day of the week around a
/// year like 2100.
const SEARCHED_MONTHS: u32 = 12 * 41;

const DAY_SECS: u32 = 24 * 3600;

/// When a job runs, in the local time of its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) months: u64,
    pub(super) days: Days,
    /// All where none are named.
    pub(super) years: Option<BTreeSet<i16>>,
    /// Whether the minutes or hours begin with `*`.
    pub(super) is_interval: bool,
}

/// Hour, minute, second.
type ClockTime = (u8, u8, u8);

impl Expression {
    /// Whether the job runs through the hours or minutes, rather than at times of day.
    pub(crate) fn is_interval(&self) -> bool {
        self.is_interval
    }

    /// Whether the job runs more than once in each of its hours, and not every hour: often a slip.
    pub(crate) fn is_every_minute_of_some_hours(&self) -> bool {
        self.minutes.count_ones() == 60 && self.hours.count_ones() < 24
    }

    /// Whether there is any time that it names.
    pub(super) fn comes(&self) -> bool {
        let year = if self.years.is_some() { 1970 } else { 2096 };
        self.at_or_after(Date::constant(year, 1, 1).at(0, 0, 0, 0)).is_some()
    }

    /// The shortest time between two runs by the clock on the wall, in seconds; none where there is one run alone.
    pub(crate) fn shortest_gap_secs(&self) -> Option<u32> {
        let clocks = |bits: u64| (0..60).filter(move |value| has(bits, *value));
        let mut gap = None;
        let mut times = clocks(self.hours).flat_map(|hour| {
            let minutes = clocks(self.minutes).map(move |minute| (hour, minute));
            minutes.flat_map(|(hour, minute)| {
                clocks(self.seconds).map(move |second| secs((hour, minute, second)))
            })
        });
        let first = times.next()?;
        let mut last = first;
        for time in times {
            let between = time - last;
            gap = Some(gap.map_or(between, |gap: u32| gap.min(between)));
            last = time;
            // Nothing is shorter than what the smallest unit in use can be.
            if gap == Some(1) || (gap == Some(60) && self.seconds.is_power_of_two()) {
                return gap;
            }
        }
        let over_days = self.shortest_days().map(|days| days.saturating_mul(DAY_SECS) - (last - first));
        gap.into_iter().chain(over_days).min()
    }

    /// The fewest days from one on which it runs to the next, looked for over 28 years.
    fn shortest_days(&self) -> Option<u32> {
        let first_year = self.years.as_ref().and_then(|years| years.first().copied()).unwrap_or(2000);
        let last_year = self.years.as_ref().and_then(|years| years.last().copied()).unwrap_or(2028);
        let mut shortest = None;
        let mut before: Option<Date> = None;
        for year in first_year..=last_year {
            for month in 1..=12 {
                let mut mask = self.days_of(year, month);
                while let Some(day) = lowest(mask, 0) {
                    mask &= mask - 1;
                    let Ok(date) = Date::new(year, signed(month), signed(day)) else { continue };
                    let gap = before.and_then(|before| u32::try_from((date - before).get_days()).ok());
                    shortest = shortest.into_iter().chain(gap).min();
                    before = Some(date);
                    if shortest == Some(1) {
                        return shortest;
                    }
                }
            }
        }
        shortest
    }

    /// The days of a month on which it runs.
    fn days_of(&self, year: i16, month: u8) -> u64 {
        let is_named = self.years.as_ref().is_none_or(|years| years.contains(&year));
        if is_named && has(self.months, month) { self.days.mask(year, month) } else { 0 }
    }

    /// The last named civil time that is not later.
    pub(crate) fn at_or_before(&self, time: DateTime) -> Option<DateTime> {
        let (mut year, mut month) = (time.year(), unsigned(time.month()));
        let mut up_to_day = unsigned(time.day());
        let mut clock = clock_of(time);
        for _ in 0..SEARCHED_MONTHS {
            let mut days = self.days_of(year, month);
            while let Some(day) = highest(days, up_to_day) {
                let limit = if day == up_to_day { clock } else { (23, 59, 59) };
                if let Some(clock) = self.latest(limit) {
                    return at(year, month, day, clock);
                }
                days &= (1 << day) - 1;
            }
            (up_to_day, clock) = (31, (23, 59, 59));
            (year, month) = if month == 1 { (self.year_before(year)?, 12) } else { (year, month - 1) };
        }
        None
    }

    /// The first named civil time that is not earlier.
    pub(crate) fn at_or_after(&self, time: DateTime) -> Option<DateTime> {
        let time = if time.subsec_nanosecond() == 0 { time } else { time.checked_add(1.second()).ok()? };
        let (mut year, mut month) = (time.year(), unsigned(time.month()));
        let mut from_day = unsigned(time.day());
        let mut clock = clock_of(time);
        for _ in 0..SEARCHED_MONTHS {
            let mut days = self.days_of(year, month);
            while let Some(day) = lowest(days, from_day) {
                let limit = if day == from_day { clock } else { (0, 0, 0) };
                if let Some(clock) = self.earliest(limit) {
                    return at(year, month, day, clock);
                }
                days &= !((2 << day) - 1);
            }
            (from_day, clock) = (0, (0, 0, 0));
            (year, month) = if month == 12 { (self.year_after(year)?, 1) } else { (year, month + 1) };
        }
        None
    }

    /// The year before, of those that are named.
    fn year_before(&self, year: i16) -> Option<i16> {
        match &self.years {
            Some(years) => years.range(..year).next_back().copied(),
            None => Some(year - 1),
        }
    }

    fn year_after(&self, year: i16) -> Option<i16> {
        match &self.years {
            Some(years) => years.range(year + 1..).next().copied(),
            None => Some(year + 1),
        }
    }

    fn latest(&self, (hour, minute, second): ClockTime) -> Option<ClockTime> {
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = highest(self.seconds, second)
            {
                return Some((hour, minute, second));
            }
            if let Some(minute) = minute.checked_sub(1).and_then(|minute| highest(self.minutes, minute)) {
                return Some((hour, minute, highest(self.seconds, 59)?));
            }
        }
        let hour = highest(self.hours, hour.checked_sub(1)?)?;
        Some((hour, highest(self.minutes, 59)?, highest(self.seconds, 59)?))
    }

    fn earliest(&self, (hour, minute, second): ClockTime) -> Option<ClockTime> {
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = lowest(self.seconds, second)
            {
                return Some((hour, minute, second));
            }
            if let Some(minute) = lowest(self.minutes, minute + 1) {
                return Some((hour, minute, lowest(self.seconds, 0)?));
            }
        }
        Some((lowest(self.hours, hour + 1)?, lowest(self.minutes, 0)?, lowest(self.seconds, 0)?))
    }
}

fn clock_of(time: DateTime) -> ClockTime {
    (unsigned(time.hour()), unsigned(time.minute()), unsigned(time.second()))
}

fn secs((hour, minute, second): ClockTime) -> u32 {
    u32::from(hour) * 3600 + u32::from(minute) * 60 + u32::from(second)
}

fn at(year: i16, month: u8, day: u8, (hour, minute, second): ClockTime) -> Option<DateTime> {
    let date = Date::new(year, signed(month), signed(day)).ok()?;
    Some(date.to_datetime(Time::new(signed(hour), signed(minute), signed(second), 0).ok()?))
}

fn signed(value: u8) -> i8 {
    i8::try_from(value).unwrap_or_default()
}

fn unsigned(value: i8) -> u8 {
    value.unsigned_abs()
}
