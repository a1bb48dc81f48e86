//! Times as operators write them: RFC 3339, or RFC 9557 with a time zone in brackets.

use jiff::{Timestamp, Zoned};

/// # Errors
/// When the text is no time, or names a time zone that contradicts its offset: one of the two is a slip, and
/// nobody knows which.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    let parsed = if text.contains('[') {
        text.parse::<Zoned>().map(|zoned| zoned.timestamp())
    } else {
        text.parse::<Timestamp>()
    };
    parsed.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_contradicts_the_offset_is_refused() {
        let noon = parse("2026-01-10T12:00:00Z").expect("a time");
        for text in [
            "2026-01-10T13:00:00+01:00",
            "2026-01-10T13:00:00+01:00[Europe/Berlin]",
            "2026-01-10T12:00:00Z[UTC]",
        ] {
            assert_eq!(parse(text), Ok(noon), "{text}");
        }
        for text in ["2026-01-10T12:00:00+05:00[Europe/Berlin]", "2026-01-10T12:00:00", "2026-01-10", "noon"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
