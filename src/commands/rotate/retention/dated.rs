//! The date that a name carries.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use regex::bytes::{Captures, Regex};
use std::sync::LazyLock;

/// `20260301`, `2026-03-01`, with a time of day behind it or not.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let date = r"(?:^|[^0-9])((?:19|20)[0-9]{2})([-_]?)([0-9]{2})(?:[-_]?)([0-9]{2})";
    let time = r"(?:[T_-]?([0-9]{2})[:-]?([0-9]{2})[:-]?([0-9]{2})Z?)?(?:[^0-9]|$)";
    Regex::new(&format!("{date}{time}")).expect("a valid expression")
});

/// Milliseconds since 1970.
static MILLIS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[^0-9])(1[0-9]{12})(?:[^0-9]|$)").expect("a valid expression"));

/// The time in a name, in nanoseconds since 1970; a date without a time of day stands for the end of that day in
/// UTC, as the file may have been written to until then.
pub(crate) fn time_in_name(name: &[u8]) -> Option<i64> {
    if let Some(found) = MILLIS.captures(name) {
        return number(&found, 1)?.checked_mul(1_000_000);
    }
    DATE.captures_iter(name).find_map(|found| date(&found))
}

fn number(found: &Captures<'_>, group: usize) -> Option<i64> {
    std::str::from_utf8(found.get(group)?.as_bytes()).ok()?.parse().ok()
}

fn small(found: &Captures<'_>, group: usize) -> Option<i8> {
    number(found, group)?.try_into().ok()
}

fn date(found: &Captures<'_>) -> Option<i64> {
    let year = number(found, 1)?.try_into().ok()?;
    let date = Date::new(year, small(found, 3)?, small(found, 4)?).ok()?;
    let time = match (small(found, 5), small(found, 6), small(found, 7)) {
        (Some(hour), Some(minute), Some(second)) => {
            DateTime::new(date.year(), date.month(), date.day(), hour, minute, second, 0).ok()?
        }
        _ => date.tomorrow().ok()?.at(0, 0, 0, 0),
    };
    let seconds = TimeZone::UTC.to_timestamp(time).ok()?.as_second();
    seconds.checked_mul(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_names_are_read_and_numbers_that_are_none_are_not() {
        for (name, expected) in [
            ("REPORT_SOAK_20260301.json", Some("2026-03-02T00:00:00Z")),
            ("bot-2026-03-01.log", Some("2026-03-02T00:00:00Z")),
            ("mmops-rotation-20260310T120000Z.zip", Some("2026-03-10T12:00:00Z")),
            ("x_2026-03-01_23-59-58.log", Some("2026-03-01T23:59:58Z")),
            ("RUN_1773144000000", Some("2026-03-10T12:00:00Z")),
            ("20261301.json", None),
            ("12345678.json", None),
            ("120260301.json", None),
            ("plain", None),
        ] {
            let expected = expected
                .map(|time| time.parse::<jiff::Timestamp>().expect("a time").as_second() * 1_000_000_000);
            assert_eq!(time_in_name(name.as_bytes()), expected, "{name}");
        }
    }
}
