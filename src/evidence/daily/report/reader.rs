//! The fields of a report, each read by itself.
#![warn(clippy::wildcard_enum_match_arm)]

use super::{DailyFields, Field, Guard};
use serde_json::Value;
use std::ops::RangeInclusive;

/// The fields of a report, each with its reason where it shows nothing.
pub(crate) struct FieldReader<'a> {
    /// Name of the file.
    pub(crate) name: &'a str,
    pub(crate) report: &'a DailyFields,
}

impl FieldReader<'_> {
    pub(crate) fn number(
        &self,
        field: &str,
        found: &Field<f64>,
        range: &RangeInclusive<f64>,
    ) -> Result<f64, String> {
        let name = self.name;
        match found {
            Field::Value(value) if value.is_finite() && range.contains(value) => Ok(*value),
            Field::Value(value) => {
                Err(format!("`{name}`: {field} is {}, outside its range", Value::from(*value)))
            }
            Field::Other(found) => Err(format!("`{name}`: {field} is {found}, not a number")),
            Field::Null => Err(self.null(field, "a number")),
            Field::Missing => Err(format!("`{name}` has no {field}")),
        }
    }

    pub(crate) fn text<'t>(&self, field: &str, found: &'t Field<String>) -> Result<&'t str, String> {
        let name = self.name;
        match found {
            Field::Value(text) => Ok(text),
            Field::Other(found) => Err(format!("`{name}`: {field} is {found}, not text")),
            Field::Null => Err(self.null(field, "text")),
            Field::Missing => Err(format!("`{name}` has no {field}")),
        }
    }

    pub(crate) fn guard<'t>(&self, field: &str, found: &'t Field<Guard>) -> Result<&'t str, String> {
        let name = self.name;
        match found {
            Field::Value(Guard { reason: Field::Value(reason), .. }) => Ok(reason),
            Field::Value(Guard { reason: Field::Other(found), .. }) => {
                Err(format!("`{name}`: {field}.reason is {found}, not text"))
            }
            Field::Value(Guard { reason: Field::Null, .. }) => Err(self.null(field, "text")),
            Field::Null | Field::Missing | Field::Other(_) => Err(format!("`{name}` has no {field}.reason")),
            Field::Value(Guard { reason: Field::Missing, .. }) => {
                Err(format!("`{name}` has no {field}.reason"))
            }
        }
    }

    /// Why a field is null: as the report says itself where it does.
    fn null(&self, field: &str, wanted: &str) -> String {
        let name = self.name;
        match self.report.unknown.get(field) {
            Some(reason) => format!("`{name}`: {field} is null: {reason}"),
            None => format!("`{name}`: {field} is null, not {wanted}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BUG_BASH, CHAOS, DRIFT, DailyReport, EDGE, ORDER_AGE, REG_GUARD, TAKER_SHARE};
    use super::*;
    use serde_json::json;

    #[test]
    fn each_field_is_read_by_itself() {
        let document = json!({
            "edge_net_bps": 2, "order_age_p95_ms": "320", "taker_share_pct": null, "drift": {"reason": null},
            "reg_guard": "NONE", "bug_bash": ["OK"], "more": {}, "runs": 7,
            "unknown": {"drift": "no accepted parameters"},
        });
        let report: DailyReport = serde_json::from_value(document).expect("lenient");
        assert!(report.basis.is_none());
        let report = report.fields;
        let reader = FieldReader { name: "R", report: &report };
        let all = f64::NEG_INFINITY..=f64::INFINITY;
        assert_eq!(reader.number(EDGE, &report.edge_net_bps, &all), Ok(2.0));
        assert_eq!(
            reader.number(EDGE, &report.edge_net_bps, &(3.0..=4.0)),
            Err("`R`: edge_net_bps is 2.0, outside its range".to_owned())
        );
        for (found, expected) in [
            (
                reader.number(ORDER_AGE, &report.order_age_p95_ms, &all).map(|_| ""),
                "`R`: order_age_p95_ms is \"320\", not a number",
            ),
            (
                reader.number(TAKER_SHARE, &report.taker_share_pct, &all).map(|_| ""),
                "`R`: taker_share_pct is null, not a number",
            ),
            (reader.guard(DRIFT, &report.drift), "`R`: drift is null: no accepted parameters"),
            (reader.guard(REG_GUARD, &report.reg_guard), "`R` has no reg_guard.reason"),
            (reader.text(CHAOS, &report.chaos_result), "`R` has no chaos_result"),
            (reader.text(BUG_BASH, &report.bug_bash), "`R`: bug_bash is [\"OK\"], not text"),
        ] {
            assert_eq!(found, Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_header_that_contradicts_itself_is_refused() {
        for (document, part) in [
            (json!({"simulated": "no"}), "simulated is \"no\", not a boolean"),
            (json!({"clock": "slow"}), "clock is \"slow\""),
        ] {
            let error = serde_json::from_value::<DailyReport>(document).expect_err("refused").to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
