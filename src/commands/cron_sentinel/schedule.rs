//! From the civil times of an expression to instants of a time zone, over the changes of its clock.
//!
//! An expression that follows the clock runs whenever the clock shows a time that it names: never at what is skipped,
//! and again at what comes twice. Where the dialect makes up for it, one that names times of day runs once: what is
//! skipped when the clock has moved on, what comes twice the first time. A clock that is set by three hours or more is
//! corrected rather than changed, and then every expression follows it (`cron(8)`).

use super::dialect::{Dialect, DialectRules, FoldRule, GapRule};
use super::expression::{self, Expression, Timing};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// From here on a change of the clock is a correction.
const CORRECTION: SignedDuration = SignedDuration::from_hours(3);

/// A match that is this far away lies in no change that is near.
const FAR: SignedDuration = SignedDuration::from_hours(72);

/// Changes of a clock that a search looks over before it goes straight to the next match.
const SEARCHED_CHANGES: usize = 100;

#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) expression: Expression,
    pub(crate) zone: TimeZone,
    pub(crate) rules: DialectRules,
}

/// The runs of an expression after one time and not after another, for tests of the rules as a whole.
pub fn runs(
    text: &str,
    dialect: Dialect,
    zone: &str,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Timestamp>, String> {
    let Timing::Calendar(expression) = expression::parse(text, dialect)?.timing else {
        return Err("it has no calendar".to_owned());
    };
    let zone = crate::format::zone::Zones::built_in().get(zone)?;
    Ok(Schedule { expression, zone, rules: dialect.rules() }.between(from, to).collect())
}

/// A time in which the clock of a zone goes on evenly, and what it showed before.
struct Segment {
    /// None before the first change.
    start: Option<Timestamp>,
    offset: Offset,
    /// What the clock would have shown at the start, had it not been changed; that of the start itself where there
    /// was no change, or a correction.
    expected: DateTime,
    /// What it shows at the start.
    reading: DateTime,
}

impl Schedule {
    /// The last time the job was to run, not later than `now`.
    pub(crate) fn last(&self, now: Timestamp) -> Option<Timestamp> {
        let mut up_to = now;
        for searched in 0..SEARCHED_CHANGES {
            let segment = self.segment(up_to)?;
            let reading = segment.offset.to_datetime(up_to);
            let found = self.expression.at_or_before(reading);
            let Some(start) = segment.start else { return segment.instant(found?) };
            if let Some(found) = found.filter(|found| *found >= self.first_reading(&segment)) {
                return segment.instant(found);
            }
            if self.catches_up(&segment) {
                return Some(start);
            }
            up_to = start.checked_sub(1.nanosecond()).ok()?;
            let found = found?;
            if searched > 0 && reading.duration_since(found) > FAR {
                match self.only_instant(found, false) {
                    Ok(instant) => return instant,
                    Err(gap) => up_to = gap.checked_sub(1.nanosecond()).ok()?,
                }
            }
        }
        None
    }

    /// The first time the job is to run after `now`.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let mut from = now.checked_add(1.nanosecond()).ok()?;
        for searched in 0..SEARCHED_CHANGES {
            let segment = self.segment(from)?;
            if segment.start == Some(from) && self.catches_up(&segment) {
                return Some(from);
            }
            let reading = segment.offset.to_datetime(from);
            let found = self.expression.at_or_after(reading.max(self.first_reading(&segment)))?;
            let change = self.zone.following(from).next().map(|change| change.timestamp());
            let instant = segment.instant(found)?;
            let Some(change) = change.filter(|change| instant >= *change) else { return Some(instant) };
            from = change;
            if searched > 0 && found.duration_since(reading) > FAR {
                match self.only_instant(found, true) {
                    Ok(instant) => return instant,
                    Err(gap) => from = gap,
                }
            }
        }
        None
    }

    /// Every run after one time and not after another.
    pub(crate) fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next(from), |run| self.next(*run)).take_while(move |run| *run <= to)
    }

    /// Whether the job runs for what the clock skips, and once for what comes twice.
    fn makes_up(&self, rule: bool) -> bool {
        rule && !self.expression.is_interval()
    }

    /// The first reading of a segment that counts: what was shown before it is over.
    fn first_reading(&self, segment: &Segment) -> DateTime {
        let once = self.makes_up(self.rules.fold == FoldRule::Once);
        if once { segment.expected.max(segment.reading) } else { segment.reading }
    }

    /// Whether the job runs at the start of a segment because its time was skipped.
    fn catches_up(&self, segment: &Segment) -> bool {
        let last_skipped = segment.reading.checked_sub(1.nanosecond()).ok();
        self.makes_up(self.rules.gap == GapRule::Run)
            && segment.expected < segment.reading
            && last_skipped
                .and_then(|last| self.expression.at_or_before(last))
                .is_some_and(|skipped| skipped >= segment.expected)
    }

    /// The one instant of a civil time, of two the one that comes first from either side and counts; the end of the
    /// gap where it is skipped and nothing makes up for it.
    fn only_instant(&self, civil: DateTime, is_forward: bool) -> Result<Option<Timestamp>, Timestamp> {
        let (offset, change) = match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, None),
            AmbiguousOffset::Fold { before, after } => {
                let later = after.to_timestamp(civil).ok();
                let segment = later.and_then(|later| self.segment(later));
                let counts = segment.is_some_and(|segment| civil >= self.first_reading(&segment));
                (if is_forward || !counts { before } else { after }, None)
            }
            AmbiguousOffset::Gap { before, .. } => (before, before.to_timestamp(civil).ok()),
        };
        let Some(change) = change.and_then(|behind| self.change_at_or_before(behind)) else {
            return Ok(offset.to_timestamp(civil).ok());
        };
        let catches_up = self.segment(change).is_some_and(|segment| self.catches_up(&segment));
        if catches_up { Ok(Some(change)) } else { Err(change) }
    }

    fn segment(&self, time: Timestamp) -> Option<Segment> {
        let offset = self.zone.to_offset(time);
        let start = self.change_at_or_before(time);
        let reading = offset.to_datetime(start.unwrap_or(Timestamp::MIN));
        let expected = match start {
            Some(start) => {
                let before = self.zone.to_offset(start.checked_sub(1.nanosecond()).ok()?);
                let expected = before.to_datetime(start);
                if reading.duration_since(expected).abs() < CORRECTION { expected } else { reading }
            }
            None => reading,
        };
        Some(Segment { start, offset, expected, reading })
    }

    fn change_at_or_before(&self, time: Timestamp) -> Option<Timestamp> {
        let behind = time.checked_add(1.nanosecond()).ok()?;
        self.zone.preceding(behind).next().map(|change| change.timestamp())
    }

    /// The shortest time between two runs, in seconds, also over the changes of the clock in the two years from
    /// `now` on. `wanted` is what it is asked for: a gap that is longer in any case need not be known exactly.
    pub(crate) fn shortest_gap_secs(&self, wanted: u64, now: Timestamp) -> Option<u64> {
        let by_clock = u64::from(self.expression.shortest_gap_secs()?);
        let correction = CORRECTION.as_secs().unsigned_abs();
        if wanted >= by_clock || wanted + correction < by_clock {
            return Some(by_clock);
        }
        let until = now.checked_add((2 * 366 * 24).hours()).ok()?;
        let changes =
            self.zone.following(now).map(|change| change.timestamp()).take_while(|change| *change < until);
        let around = changes.flat_map(|change| {
            let before = change.checked_sub(1.nanosecond()).ok().and_then(|before| self.last(before));
            let first = before.and_then(|before| self.next(before));
            let second = first.and_then(|first| self.next(first));
            [(before, first), (first, second)]
        });
        let gaps =
            around.filter_map(|(before, after)| u64::try_from(after?.duration_since(before?).as_secs()).ok());
        gaps.chain([by_clock]).min()
    }
}

impl Segment {
    fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        self.offset.to_timestamp(civil).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::zone::Zones;

    fn schedule(text: &str, zone: &str) -> Schedule {
        of(text, zone, Dialect::Vixie)
    }

    fn of(text: &str, zone: &str, dialect: Dialect) -> Schedule {
        let zone = Zones::built_in().get(zone).expect("a zone");
        let Ok(Timing::Calendar(expression)) = expression::parse(text, dialect).map(|parsed| parsed.timing)
        else {
            panic!("{text} has no calendar")
        };
        Schedule { expression, zone, rules: dialect.rules() }
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
        // Samoa left out December 30, 2011: a day is a correction.
        let apia = runs("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z");
        assert_eq!(apia, ["29 12:00-10:00", "31 12:00+14:00"]);
        assert_eq!(
            runs("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z"),
            ["29 00:00+00:00"]
        );
    }
}
