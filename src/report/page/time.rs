//! Times and durations of a page: UTC always, said at every time outside an axis.

use super::markup::{Markup, html};
use jiff::Timestamp;
use jiff::tz::TimeZone;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// A time by a pattern of `strftime`; what is no time is the epoch.
pub(super) fn text(ms: i64, pattern: &'static str) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(TimeZone::UTC).strftime(pattern).to_string()
}

/// The time of day, with seconds where there are some.
pub(crate) fn clock(ms: i64) -> String {
    text(ms, if ms.rem_euclid(MINUTE_MS) == 0 { "%H:%M" } else { "%H:%M:%S" })
}

pub(crate) fn day(ms: i64) -> String {
    text(ms, "%a %-d %b")
}

/// A time in prose.
pub(crate) fn time(ms: i64) -> Markup {
    html!("<time datetime=\"{}\">{} {} UTC</time>", text(ms, "%Y-%m-%dT%H:%M:%SZ"), day(ms), clock(ms))
}

pub(crate) fn year(ms: i64) -> String {
    text(ms, "%Y")
}

/// Begin and end.
pub(crate) fn span(from_ms: i64, to_ms: i64) -> Markup {
    let one =
        |ms: i64| html!("<time datetime=\"{}\">{} {}", text(ms, "%Y-%m-%dT%H:%M:%SZ"), day(ms), clock(ms));
    html!("{}</time> to {} UTC</time>", one(from_ms), one(to_ms))
}

/// Two units at most, hours up to 99.
pub(crate) fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    let units = if ms >= 100 * HOUR_MS {
        [(DAY_MS, "d"), (HOUR_MS, "h")]
    } else if ms >= HOUR_MS {
        [(HOUR_MS, "h"), (MINUTE_MS, "min")]
    } else if ms >= MINUTE_MS {
        [(MINUTE_MS, "min"), (SECOND_MS, "s")]
    } else {
        [(SECOND_MS, "s"), (1, "ms")]
    };
    let [(large, large_name), (small, small_name)] = units;
    let (whole, rest) = (ms / large, ms % large / small);
    let part = |count: i64, name: &str| format!("{count}\u{202f}{name}");
    match (whole, rest) {
        (0, 0) => part(0, large_name),
        (0, rest) => part(rest, small_name),
        (whole, 0) => part(whole, large_name),
        (whole, rest) => format!("{} {}", part(whole, large_name), part(rest, small_name)),
    }
}

/// The smallest step of a list that divides time evenly, is a multiple of `unit_ms` and is needed at most `most` times
/// in `span_ms`; else a multiple of the unit.
pub(super) fn step(span_ms: i64, unit_ms: i64, most: i64) -> i64 {
    let minutes = [1, 2, 3, 5, 10, 15, 20, 30].map(|count| count * MINUTE_MS);
    let hours = [1, 2, 3, 6, 12].map(|count| count * HOUR_MS);
    let days = [1, 2, 7, 14, 28, 56, 112, 224].map(|count| count * DAY_MS);
    let seconds = [1, 2, 5, 10, 15, 20, 30].map(|count| count * SECOND_MS);
    let fits = |step: &i64| step % unit_ms == 0 && span_ms <= step * most;
    let all = seconds.into_iter().chain(minutes).chain(hours).chain(days);
    let multiple = ((span_ms + unit_ms * most - 1) / (unit_ms * most).max(1) * unit_ms).max(unit_ms);
    // A unit that divides no hour and no day may divide a week.
    let is_near = |step: &i64| *step <= 4 * multiple;
    all.into_iter().find(fits).filter(is_near).unwrap_or(multiple)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_and_steps_divide_time() {
        let table = [
            (0, "0\u{202f}s"),
            (1500, "1\u{202f}s 500\u{202f}ms"),
            (5 * MINUTE_MS, "5\u{202f}min"),
            (47 * HOUR_MS, "47\u{202f}h"),
            (22 * HOUR_MS + 25 * MINUTE_MS, "22\u{202f}h 25\u{202f}min"),
            (100 * HOUR_MS, "4\u{202f}d 4\u{202f}h"),
        ];
        for (ms, text) in table {
            assert_eq!(duration(ms), text);
        }
        assert_eq!(step(72 * HOUR_MS, 5 * MINUTE_MS, 96), HOUR_MS);
        assert_eq!(step(72 * HOUR_MS, 7 * MINUTE_MS, 96), 49 * MINUTE_MS);
        assert_eq!(step(100, 100, 96), 100);
    }
}
