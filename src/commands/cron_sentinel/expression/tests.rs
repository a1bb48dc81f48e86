//! Civil times by the calendar, and the grammar of each dialect.

use super::*;
use crate::commands::cron_sentinel::dialect::Dialect;
use jiff::civil::{Date, DateTime};
use std::time::Duration;

fn civil(text: &str) -> DateTime {
    text.parse().expect("a civil time")
}

fn calendar(text: &str, dialect: Dialect) -> Expression {
    match parse(text, dialect) {
        Ok(Parsed { timing: Timing::Calendar(expression), .. }) => expression,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_times_before_and_after_are_those_of_the_calendar() {
    use Dialect::{Kubernetes, QuartzLike, Vixie};
    // Expression, a time, the match at or before it, the match at or after it. 2026-03-10 is a Tuesday.
    let table = [
        (Vixie, "0 3 * * *", "2026-03-10T12:00", "2026-03-10T03:00", "2026-03-11T03:00"),
        (Vixie, "0 3 * * *", "2026-03-10T03:00", "2026-03-10T03:00", "2026-03-10T03:00"),
        (Vixie, "0 3 * * *", "2026-03-10T02:59:59", "2026-03-09T03:00", "2026-03-10T03:00"),
        (Vixie, "*/15 * * * *", "2026-03-10T12:44", "2026-03-10T12:30", "2026-03-10T12:45"),
        (Vixie, "5-59/20 9-17 * * mon-fri", "2026-03-14T12:00", "2026-03-13T17:45", "2026-03-16T09:05"),
        (Vixie, "0 0 31 * *", "2026-03-10T12:00", "2026-01-31T00:00", "2026-03-31T00:00"),
        (Vixie, "30 4 29 2 *", "2026-03-10T12:00", "2024-02-29T04:30", "2028-02-29T04:30"),
        (Vixie, "30 4 29 2 *", "2102-01-01T00:00", "2096-02-29T04:30", "2104-02-29T04:30"),
        (Vixie, "0 0 13 * 5", "2026-03-11T00:00", "2026-03-06T00:00", "2026-03-13T00:00"),
        (Vixie, "0 0 1,15 * 0", "2026-03-10T00:00", "2026-03-08T00:00", "2026-03-15T00:00"),
        (Vixie, "0 0 * * 7", "2026-03-10T00:00", "2026-03-08T00:00", "2026-03-15T00:00"),
        (Vixie, "0 0 */2 * 1", "2026-03-10T00:00", "2026-03-09T00:00", "2026-03-23T00:00"),
        (Vixie, "59 23 31 12 *", "2026-06-01T00:00", "2025-12-31T23:59", "2026-12-31T23:59"),
        (Vixie, "@hourly", "2026-01-01T00:00:01", "2026-01-01T00:00", "2026-01-01T01:00"),
        (Vixie, "@weekly", "2026-03-10T12:00", "2026-03-08T00:00", "2026-03-15T00:00"),
        (Vixie, "@Monthly", "2026-03-10T12:00", "2026-03-01T00:00", "2026-04-01T00:00"),
        // A step takes the star away there, and with it the rule that both must match.
        (Kubernetes, "0 0 */2 * 1", "2026-03-10T00:00", "2026-03-09T00:00", "2026-03-11T00:00"),
        (Kubernetes, "0 0 */10 * 0", "2026-03-10T00:00", "2026-03-08T00:00", "2026-03-11T00:00"),
        (Kubernetes, "0 0 */1 * 1", "2026-03-10T00:00", "2026-03-09T00:00", "2026-03-16T00:00"),
        (Kubernetes, "0 0 ? * sun", "2026-03-10T00:00", "2026-03-08T00:00", "2026-03-15T00:00"),
        (
            Kubernetes,
            "CRON_TZ=Asia/Tokyo 30 4 * * *",
            "2026-03-10T00:00",
            "2026-03-09T04:30",
            "2026-03-10T04:30",
        ),
        (QuartzLike, "15 0 12 * * ?", "2026-03-10T12:00:14", "2026-03-09T12:00:15", "2026-03-10T12:00:15"),
        (QuartzLike, "*/20 30 2 ? * 2", "2026-03-10T00:00", "2026-03-09T02:30:40", "2026-03-16T02:30"),
        (QuartzLike, "0 0 0 L * ?", "2026-03-10T12:00", "2026-02-28T00:00", "2026-03-31T00:00"),
        (QuartzLike, "0 0 0 L-2,15 feb ?", "2028-03-01T00:00", "2028-02-27T00:00", "2029-02-15T00:00"),
        (QuartzLike, "0 0 0 LW * ?", "2026-05-10T00:00", "2026-04-30T00:00", "2026-05-29T00:00"),
        // August 1, 2026 is a Saturday, November 1 a Sunday, and neither moves into another month.
        (QuartzLike, "0 0 0 1W 8,11 ?", "2026-09-01T00:00", "2026-08-03T00:00", "2026-11-02T00:00"),
        (QuartzLike, "0 0 0 15W * ?", "2026-03-01T00:00", "2026-02-16T00:00", "2026-03-16T00:00"),
        (QuartzLike, "0 0 0 ? * FRI#2", "2026-03-10T00:00", "2026-02-13T00:00", "2026-03-13T00:00"),
        (QuartzLike, "0 0 0 ? * 2#5", "2026-03-10T00:00", "2025-12-29T00:00", "2026-03-30T00:00"),
        (QuartzLike, "0 0 0 ? * FRIL", "2026-03-10T00:00", "2026-02-27T00:00", "2026-03-27T00:00"),
        (QuartzLike, "0 0 0 ? * L", "2026-03-10T00:00", "2026-03-07T00:00", "2026-03-14T00:00"),
        (QuartzLike, "0 0 0 ? * FRI-MON", "2026-03-10T00:00", "2026-03-09T00:00", "2026-03-13T00:00"),
        (QuartzLike, "0 0 22-2/2 * * ?", "2026-03-10T03:00", "2026-03-10T02:00", "2026-03-10T22:00"),
        (QuartzLike, "0 0 0 1 1 ? 2020/4", "2026-03-10T00:00", "2024-01-01T00:00", "2028-01-01T00:00"),
        (QuartzLike, "0 0 0 1 1 ? 1999,2099", "2026-03-10T00:00", "1999-01-01T00:00", "2099-01-01T00:00"),
    ];
    for (dialect, text, time, before, after) in table {
        let expression = calendar(text, dialect);
        assert_eq!(expression.at_or_before(civil(time)), Some(civil(before)), "{text} before {time}");
        assert_eq!(expression.at_or_after(civil(time)), Some(civil(after)), "{text} after {time}");
    }
}

#[test]
fn what_is_no_expression_of_its_dialect_is_refused() {
    use Dialect::{Kubernetes, QuartzLike, Vixie};
    for (dialect, text, part) in [
        (Vixie, "", "has 0 fields"),
        (Vixie, "0 3 * *", "has 4 fields"),
        (Vixie, "0 0 3 * * *", "has 6 fields"),
        (Vixie, "60 * * * *", "minute `60`: `60` is not between 0 and 59"),
        (Vixie, "* 24 * * *", "hour `24`"),
        (Vixie, "0 0 0 * *", "day of month `0`"),
        (Vixie, "0 0 * 13 *", "month `13`"),
        (Vixie, "0 0 * * 8", "day of week `8`"),
        (Vixie, "0 0 * * funday", "`funday` is not between 0 and 7"),
        (Vixie, "*/0 * * * *", "no step between"),
        (Vixie, "5-1 * * * *", "runs backwards"),
        (Vixie, "0 0 * * fri-mon", "runs backwards, which the dialect vixie does not take"),
        (Vixie, "1, * * * *", "`` is not between"),
        (Vixie, "+1 * * * *", "`+1` is not between"),
        (Vixie, "0 0 30 2 *", "never comes"),
        (Vixie, "@reboot", "`@reboot` is none of @yearly"),
        (Vixie, "@every 1h", "the dialect vixie has no @every"),
        (Vixie, "CRON_TZ=UTC 0 0 * * *", "has no CRON_TZ="),
        (Vixie, "0 0 L * *", "the dialect vixie has no such sign"),
        (Vixie, "0 0 ? * *", "the dialect vixie has no such sign"),
        (Kubernetes, "0 0 * * 7", "`7` is not between 0 and 6"),
        (Kubernetes, "0 0 * * fri-mon", "runs backwards"),
        (Kubernetes, "0 0 * * 5#2", "the dialect kubernetes has no such sign"),
        (Kubernetes, "0 0 0 * * *", "has 6 fields"),
        (Kubernetes, "@every soon", "`@every soon`"),
        (QuartzLike, "0 0 * * *", "has 5 fields"),
        (QuartzLike, "@daily", "has no such names"),
        (QuartzLike, "0 0 0 1 * 2", "must be `?`"),
        (QuartzLike, "0 0 0 ? * ?", "only one"),
        (QuartzLike, "? 0 0 1 * ?", "second `?`"),
        (QuartzLike, "0 0 0 ? * 0", "`0` is not between 1 and 7"),
        (QuartzLike, "0 0 0 ? * 2#6", "no number from 1 to 5"),
        (QuartzLike, "0 0 0 30W 2 ?", "never comes"),
        (QuartzLike, "0 0 0 1 1 ? 1950", "is not between 1970 and 2099"),
    ] {
        let reason = parse(text, dialect).expect_err(text);
        assert!(reason.contains(part), "{text}: {reason}");
    }
    assert!(calendar("* 9 * * *", Vixie).is_every_minute_of_some_hours());
    let every = parse("@every 1h30m", Kubernetes).expect("an interval").timing;
    assert_eq!(every, Timing::Every(Duration::from_mins(90)));
}

#[test]
fn the_shortest_gap_is_found_in_the_day_and_over_days() {
    for (text, secs) in [
        ("* * * * *", Some(60)),
        ("*/45 * * * *", Some(15 * 60)),
        ("30 2 * * *", Some(24 * 3600)),
        ("0 1,22 * * *", Some(3 * 3600)),
        ("0 0 * * 1", Some(7 * 24 * 3600)),
        ("0 0 1 * *", Some(28 * 24 * 3600)),
        ("0 6 * * mon-fri", Some(24 * 3600)),
        ("0 0 29 2 *", Some((4 * 365 + 1) * 24 * 3600)),
    ] {
        assert_eq!(calendar(text, Dialect::Vixie).shortest_gap_secs(), secs, "{text}");
    }
}

#[test]
fn the_rarest_day_is_found_from_any_year() {
    // A February 29 on a Sunday: 2088 and then 2128.
    let rarest = calendar("0 0 29 2 */7", Dialect::Vixie);
    let mut waits = Vec::new();
    for year in 1900..2400 {
        let start = Date::constant(year, 1, 1).at(0, 0, 0, 0);
        let before = rarest.at_or_before(start).expect("a run before");
        let after = rarest.at_or_after(start).expect("a run after");
        waits.push(after.year() - before.year());
    }
    assert_eq!(waits.iter().max(), Some(&40));
}
