//! From the civil times of an expression to instants of a time zone, over the changes of its clock.
//!
//! A job at times of day whose time is skipped runs when the clock has moved on, and one whose time comes
//! twice runs the first time. A job that runs through the hours or minutes (`*` or `*/n` there) follows
//! the clock as it is: it skips what does not exist and runs again in the hour that comes twice.

use super::expression::Expression;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

/// More than any clock was ever set back.
const LARGEST_FOLD_HOURS: i64 = 25;

/// Changes of a clock that a search looks over; between two of them lie months.
const SEARCHED_CHANGES: usize = 100;

#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) expression: Expression,
    pub(crate) zone: TimeZone,
}

impl Schedule {
    /// The last time the job was to run, not later than `now`.
    pub(crate) fn last(&self, now: Timestamp) -> Option<Timestamp> {
        if self.expression.is_interval() { self.last_of_interval(now) } else { self.last_of_day_times(now) }
    }

    /// The first time the job is to run after `now`.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if self.expression.is_interval() { self.next_of_interval(now) } else { self.next_of_day_times(now) }
    }

    fn last_of_day_times(&self, now: Timestamp) -> Option<Timestamp> {
        // The first 02:30 of a night with two of them is over when the clock shows 02:10 again.
        let mut civil = self.civil(now).checked_add(LARGEST_FOLD_HOURS.hours()).ok()?;
        loop {
            civil = self.expression.at_or_before(civil)?;
            let time = self.instant(civil)?;
            if time <= now {
                return Some(time);
            }
            civil = civil.checked_sub(1.minute()).ok()?;
        }
    }

    fn next_of_day_times(&self, now: Timestamp) -> Option<Timestamp> {
        let mut civil = self.civil(now).checked_sub(LARGEST_FOLD_HOURS.hours()).ok()?;
        loop {
            civil = self.expression.at_or_after(civil)?;
            let time = self.instant(civil)?;
            if time > now {
                return Some(time);
            }
            civil = civil.checked_add(1.minute()).ok()?;
        }
    }

    fn last_of_interval(&self, now: Timestamp) -> Option<Timestamp> {
        let mut upto = now;
        for _ in 0..SEARCHED_CHANGES {
            let offset = self.zone.to_offset(upto);
            let civil = self.expression.at_or_before(offset.to_datetime(upto))?;
            let change = self.change_at_or_before(upto);
            let time = offset.to_timestamp(civil).ok()?;
            match change {
                Some(change) if time < change => upto = change.checked_sub(1.nanosecond()).ok()?,
                _ => return Some(time),
            }
        }
        None
    }

    fn next_of_interval(&self, now: Timestamp) -> Option<Timestamp> {
        let mut from = now.checked_add(1.nanosecond()).ok()?;
        for _ in 0..SEARCHED_CHANGES {
            let offset = self.zone.to_offset(from);
            let civil = self.expression.at_or_after(offset.to_datetime(from))?;
            let change = self.zone.following(from).next().map(|change| change.timestamp());
            let time = offset.to_timestamp(civil).ok()?;
            match change {
                Some(change) if time >= change => from = change,
                _ => return Some(time),
            }
        }
        None
    }

    fn civil(&self, time: Timestamp) -> DateTime {
        self.zone.to_datetime(time)
    }

    /// The instant of a civil time: the first of two, or the end of the gap it lies in.
    fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(civil).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(civil).ok(),
            AmbiguousOffset::Gap { before, .. } => {
                let behind = before.to_timestamp(civil).ok()?;
                self.change_at_or_before(behind).or(Some(behind))
            }
        }
    }

    fn change_at_or_before(&self, time: Timestamp) -> Option<Timestamp> {
        let behind = time.checked_add(1.nanosecond()).ok()?;
        self.zone.preceding(behind).next().map(|change| change.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(text: &str, zone: &str) -> Schedule {
        let zone = TimeZone::get(zone).expect("a zone");
        Schedule { expression: Expression::parse(text).expect("an expression"), zone }
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// Every run between two times, forwards and, to the same result, backwards.
    fn runs(text: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
        let schedule = schedule(text, zone);
        let (from, to) = (time(from), time(to));
        let (mut forth, mut back) = (Vec::new(), Vec::new());
        let mut now = from;
        while let Some(next) = schedule.next(now).filter(|next| *next <= to) {
            assert_eq!(schedule.last(next), Some(next));
            forth.push(next);
            now = next;
        }
        let mut now = to;
        while let Some(last) = schedule.last(now).filter(|last| *last > from) {
            back.push(last);
            now = last.checked_sub(1.nanosecond()).expect("in range");
        }
        back.reverse();
        assert_eq!(forth, back, "{text} {zone}");
        let shown =
            |time: &Timestamp| time.to_zoned(schedule.zone.clone()).strftime("%d %H:%M%:z").to_string();
        forth.iter().map(shown).collect()
    }

    #[test]
    fn a_skipped_time_of_day_runs_when_the_clock_has_moved_on() {
        let berlin = |text: &str| runs(text, "Europe/Berlin", "2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z");
        assert_eq!(berlin("30 2 * * *"), ["28 02:30+01:00", "29 03:00+02:00", "30 02:30+02:00"]);
        assert_eq!(
            berlin("0,30 2 * * *")[2..4],
            ["29 03:00+02:00", "30 02:00+02:00"],
            "two times make one run"
        );
        assert_eq!(berlin("0 3 * * *"), ["28 03:00+01:00", "29 03:00+02:00", "30 03:00+02:00"]);
        let york = runs("15 2 * * *", "America/New_York", "2026-03-07T05:00:00Z", "2026-03-10T04:00:00Z");
        assert_eq!(york, ["07 02:15-05:00", "08 03:00-04:00", "09 02:15-04:00"]);
    }

    #[test]
    fn a_time_of_day_that_comes_twice_runs_once() {
        let berlin = runs("30 2 * * *", "Europe/Berlin", "2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z");
        assert_eq!(berlin, ["24 02:30+02:00", "25 02:30+02:00", "26 02:30+01:00"]);
        let york = runs("30 1 * * *", "America/New_York", "2026-10-31T04:00:00Z", "2026-11-02T05:00:00Z");
        assert_eq!(york, ["31 01:30-04:00", "01 01:30-04:00"]);
    }

    #[test]
    fn what_runs_through_the_hours_follows_the_clock() {
        let spring = runs("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z");
        assert_eq!(spring, ["29 03:00+02:00", "29 04:00+02:00"]);
        let autumn = runs("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z");
        assert_eq!(autumn, ["25 02:00+02:00", "25 02:00+01:00", "25 03:00+01:00"]);
        let quarters =
            runs("*/30 1 * * *", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T08:00:00Z");
        assert_eq!(quarters, ["01 01:00-04:00", "01 01:30-04:00", "01 01:00-05:00", "01 01:30-05:00"]);
        let skipped =
            runs("*/30 2 * * *", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z");
        assert_eq!(skipped, [""; 0]);
    }

    #[test]
    fn half_hours_and_far_zones_have_their_own_clocks() {
        let lord_howe =
            runs("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T14:00:00Z", "2026-10-04T14:00:00Z");
        assert_eq!(lord_howe, ["03 02:15+10:30", "04 02:30+11:00"]);
        // Samoa left out December 30, 2011.
        let apia = runs("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z");
        assert_eq!(apia, ["29 12:00-10:00", "31 00:00+14:00", "31 12:00+14:00"]);
        assert_eq!(
            runs("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z"),
            ["29 00:00+00:00"]
        );
    }
}
