//! A day, UTC: its text, its begin and end, and the name of its report.
#![warn(clippy::wildcard_enum_match_arm)]

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const PREFIX: &str = "REPORT_SOAK_";
const ENDING: &str = ".json";

/// A day in its one form, `YYYY-MM-DD`.
///
/// # Errors
/// When it is written in another way, or is no day of the calendar.
pub(crate) fn parse(text: &str) -> Result<Date, String> {
    let is_form = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let date = is_form.then(|| text.parse().ok()).flatten();
    date.ok_or_else(|| format!("`{text}` is not a date of the form YYYY-MM-DD, such as 2026-03-09"))
}

/// The beginning of a day, UTC.
pub(crate) fn start(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |start| start.timestamp())
}

/// The end of a day, which is the beginning of the next.
pub(crate) fn end(date: Date) -> Timestamp {
    date.tomorrow().map_or(Timestamp::MAX, start)
}

/// Up to when the report of a day speaks, from which its age is counted: the end of the day in UTC, or now
/// while the day lasts.
pub(crate) fn observed_to(date: Date, now: Timestamp) -> Timestamp {
    if start(date) <= now { end(date).min(now) } else { end(date) }
}

/// The date in `REPORT_SOAK_<YYYYMMDD>.json`; none of another name, be it that of a backup or a draft.
pub(crate) fn date_of(name: &str) -> Option<Date> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(ENDING)?;
    let is_plain = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    Date::strptime("%Y%m%d", digits).ok().filter(|_| is_plain)
}

/// The name of a day's report.
pub(crate) fn report_name(date: Date) -> String {
    format!("{PREFIX}{}{ENDING}", compact(date))
}

/// Whether the name of a file begins as that of a daily report does.
pub(crate) fn is_report(name: &str) -> bool {
    name.strip_suffix(ENDING).is_some_and(|stem| stem.starts_with(PREFIX))
}

/// A date as report names have it.
pub(crate) fn compact(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form() {
        assert_eq!(parse("2026-03-09"), Ok(jiff::civil::date(2026, 3, 9)));
        for text in
            ["20260309", "2026-3-9", "2026-03-09T00:00", "+002026-03-09", "2026-02-30", "2026/03/09", ""]
        {
            assert!(parse(text).expect_err(text).contains("YYYY-MM-DD"), "{text}");
        }
    }
}
