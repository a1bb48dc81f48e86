//! The times that an artifact says of itself.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::format::node::{Node, Value};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

/// How they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeFormat {
    /// `2026-03-10T02:30:00Z`, with its offset.
    #[default]
    Rfc3339,
    /// Seconds since 1970, whole or not.
    Epoch,
    /// Milliseconds since 1970.
    EpochMs,
    /// `2026-03-10T02:30:00` or with a space, on the clock of the task's timezone.
    Local,
}

impl TimeFormat {
    /// What it is, for a message.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Rfc3339 => "an RFC 3339 time; see time_format and `time_key: none`",
            Self::Epoch => "a number of seconds since 1970 that is a time",
            Self::EpochMs => "a number of milliseconds since 1970 that is a time",
            Self::Local => "a time such as 2026-03-10T02:30:00",
        }
    }

    /// The time that a value stands for.
    pub(crate) fn read(self, node: &Node, zone: &TimeZone) -> Option<Timestamp> {
        match (self, &node.value) {
            (Self::Rfc3339, Value::Text(text)) => text.parse().ok(),
            (Self::Epoch, value) => after_epoch(value, 1),
            (Self::EpochMs, value) => after_epoch(value, 1000),
            (Self::Local, Value::Text(text)) => {
                // One that says its offset is not read against it.
                text.parse().ok().or_else(|| {
                    let civil: DateTime = text.parse().ok()?;
                    // Of two the earlier, which makes nothing fresh.
                    zone.to_ambiguous_timestamp(civil).compatible().ok()
                })
            }
            (Self::Rfc3339 | Self::Local, _) => None,
        }
    }
}

fn after_epoch(value: &Value, in_a_second: i64) -> Option<Timestamp> {
    let whole = |count: i64| {
        let nanoseconds = i128::from(count) * i128::from(1_000_000_000 / in_a_second);
        Timestamp::from_nanosecond(nanoseconds).ok()
    };
    match value {
        Value::Unsigned(count) => whole(i64::try_from(*count).ok()?),
        Value::Signed(count) => whole(*count),
        Value::Float(count) if count.is_finite() => {
            let microseconds = (count * (1_000_000 / in_a_second) as f64).round();
            #[expect(clippy::cast_possible_truncation, reason = "beyond the bounds of times either way")]
            Timestamp::from_microsecond(microseconds as i64).ok()
        }
        Value::Text(text) => text.parse().ok().and_then(whole),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_format_reads_its_own_times_and_no_others() {
        let berlin = crate::format::zone::Zones::built_in().get("Europe/Berlin").expect("a zone");
        let time = Some("2026-03-10T01:30:00Z");
        let table = [
            (TimeFormat::Rfc3339, json!("2026-03-10T02:30:00+01:00"), time),
            (TimeFormat::Rfc3339, json!("2026-03-10T02:30:00"), None),
            (TimeFormat::Rfc3339, json!(1_773_106_200), None),
            (TimeFormat::Epoch, json!(1_773_106_200), time),
            (TimeFormat::Epoch, json!(1_773_106_200.0), time),
            (TimeFormat::Epoch, json!("1773106200"), time),
            (TimeFormat::Epoch, json!(1_773_106_200_000_i64), None),
            (TimeFormat::Epoch, json!("2026-03-10T01:30:00Z"), None),
            (TimeFormat::Epoch, json!(null), None),
            (TimeFormat::EpochMs, json!(1_773_106_200_000_i64), time),
            (TimeFormat::Local, json!("2026-03-10T02:30:00"), time),
            (TimeFormat::Local, json!("2026-03-10 02:30:00"), time),
            (TimeFormat::Local, json!("2026-03-10T01:30:00Z"), time),
            (TimeFormat::Local, json!("2026-10-25T02:30:00"), Some("2026-10-25T00:30:00Z")),
            (TimeFormat::Local, json!(1_773_106_200), None),
        ];
        for (format, value, expected) in table {
            let read = format.read(&Node::from(value.clone()), &berlin);
            assert_eq!(read, expected.map(|time| time.parse().expect("a time")), "{format:?} {value}");
        }
    }
}
