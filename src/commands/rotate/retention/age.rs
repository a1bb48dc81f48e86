//! Ages as operators write them.

use crate::format::duration;
use serde::Deserialize;

/// An age such as `36h`, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Age(pub(crate) i64);

impl TryFrom<String> for Age {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_age(&text)
    }
}

/// An age such as `10m`, `36h` or `7d`.
pub(crate) fn parse_age(text: &str) -> Result<Age, String> {
    let parsed = duration::parse(text).map_err(|error| format!("`{text}` is not an age: {error}"))?;
    Ok(Age(i64::try_from(parsed.as_nanos()).expect("ten years of nanoseconds fit")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_beyond_the_clock_are_refused() {
        assert_eq!(parse_age("10m"), Ok(Age(600_000_000_000)));
        assert!(parse_age("400years").expect_err("refused").contains("more than ten years"));
        for text in ["90M", "584542000000y", "-1m", "1 fortnight"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
        assert!(parse_age("soon").is_err());
    }
}
