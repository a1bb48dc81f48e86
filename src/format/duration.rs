//! Durations as operators write them, such as `90m`, `36h` or `7d`.

use std::time::Duration;

/// More than this is a slip: no age, timeout or wait of ours is longer than ten years.
const LONGEST: Duration = Duration::from_hours(24 * 3653);

/// # Errors
/// When the text is no duration, is longer than ten years, or has the unit `M`, which the library reads as a month
/// and operators mean as minutes.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let mut units = text.split(|c: char| !c.is_ascii_alphabetic());
    if units.any(|unit| unit == "M") {
        return Err("the unit `M` is not clear; write m for minutes, or d for days".to_owned());
    }
    #[expect(clippy::disallowed_methods, reason = "this file owns durations")]
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration > LONGEST { Err("it is more than ten years".to_owned()) } else { Ok(duration) }
}

/// Seconds as a duration for people, whole ones: `2h 5m`.
pub(crate) fn text(secs: f64) -> String {
    let whole = Duration::try_from_secs_f64(secs.max(0.0).round()).unwrap_or(LONGEST);
    humantime::format_duration(whole).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_minutes_and_ten_years_are_the_most() {
        for (text, secs) in
            [("90m", 5400), ("1h 30min", 5400), ("7d", 604_800), ("0s", 0), ("2months", 5_260_032)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for (text, part) in [
            ("90M", "write m"),
            ("1h 5M", "write m"),
            ("11y", "ten years"),
            ("soon", "number"),
            ("", "empty"),
        ] {
            assert!(parse(text).expect_err(text).contains(part), "{text}: {:?}", parse(text));
        }
    }
}
