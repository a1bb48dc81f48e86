//! The overrides file of the running bot: flat run-time keys beside keys of other origin, which stay.

use super::key::{NAMES, ParameterPoint};
use super::limits::{Bounds, Violation, out_of_bounds};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::BTreeMap;
use std::fmt;

/// What the overrides file holds, keys sorted.
pub type Overrides = BTreeMap<String, Value>;

/// What happens to one run-time key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// Name of the key.
    pub(crate) field: String,
    /// Value after; null when the key goes away.
    pub(crate) new: Value,
    /// Value before; null when the key was not there.
    pub(crate) old: Value,
}

impl Change {
    /// Whether the value stays as it is.
    pub(crate) fn is_none(&self) -> bool {
        match (self.old.as_f64(), self.new.as_f64()) {
            (Some(old), Some(new)) => old == new,
            _ => self.old == self.new,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| if value.is_null() { "unset".to_owned() } else { value.to_string() };
        if self.is_none() {
            write!(f, "{} unchanged", shown(&self.new))
        } else {
            write!(f, "{} -> {}", shown(&self.old), shown(&self.new))
        }
    }
}

/// The overrides with all six run-time keys of `point`: its figures hold for the six together.
pub fn with_point(current: &Overrides, point: &ParameterPoint) -> Overrides {
    let mut next = current.clone();
    for (name, value) in point.iter() {
        next.insert(name.to_owned(), Value::Number(number(*value)));
    }
    next
}

/// Whole numbers are written without a fraction, as the bot's own writers do.
///
/// # Panics
/// When `value` is not finite; candidates are checked against their bounds before.
fn number(value: f64) -> Number {
    #[expect(clippy::cast_possible_truncation, reason = "whole and far below 2^53")]
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Number::from(value as i64);
    }
    Number::from_f64(value).expect("bounds are finite")
}

/// Every key that differs, and the six run-time keys in any case, in key order.
pub(crate) fn changes(current: &Overrides, next: &Overrides) -> Vec<Change> {
    let value = |map: &Overrides, name: &str| map.get(name).cloned().unwrap_or(Value::Null);
    let mut names: Vec<&str> = current.keys().chain(next.keys()).map(String::as_str).chain(NAMES).collect();
    names.sort_unstable();
    names.dedup();
    let all = names.into_iter().map(|name| Change {
        field: name.to_owned(),
        new: value(next, name),
        old: value(current, name),
    });
    all.filter(|change| NAMES.contains(&change.field.as_str()) || !change.is_none()).collect()
}

/// Every run-time key of an overrides file that is missing, no number, or outside its bounds.
pub fn broken(overrides: &Overrides, bounds: &Bounds) -> Vec<Violation> {
    let point =
        ParameterPoint::from_fn(|i| overrides.get(NAMES[i]).and_then(Value::as_f64).unwrap_or(f64::NAN));
    out_of_bounds(&point, bounds)
}

/// The keys that no bound covers.
pub(crate) fn foreign(overrides: &Overrides) -> Vec<&str> {
    overrides.keys().map(String::as_str).filter(|name| !NAMES.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuning::limits::tests::bounds;
    use serde_json::json;

    const POINT: ParameterPoint = ParameterPoint {
        base_spread_bps_delta: 0.0,
        impact_cap_ratio: 0.08,
        max_delta_ratio: 0.12,
        min_interval_ms: 80.0,
        replace_rate_per_min: 300.0,
        tail_age_ms: 700.0,
    };

    fn map(value: Value) -> Overrides {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn six_keys_are_set_whole_numbers_stay_whole_and_other_keys_stay() {
        let current = map(json!({"min_interval_ms": 60, "engine": {"min_interval_ms": 5}, "zeta": "x"}));
        let next = with_point(&current, &POINT);
        let text = serde_json::to_string(&next).unwrap();
        assert_eq!(
            text,
            "{\"base_spread_bps_delta\":0,\"engine\":{\"min_interval_ms\":5},\"impact_cap_ratio\":0.08,\
             \"max_delta_ratio\":0.12,\"min_interval_ms\":80,\"replace_rate_per_min\":300,\
             \"tail_age_ms\":700,\"zeta\":\"x\"}"
        );
        assert_eq!(foreign(&next), ["engine", "zeta"]);
        assert_eq!(broken(&next, &bounds()), []);
    }

    #[test]
    fn changes_tell_old_and_new_by_value_not_by_spelling() {
        let current = map(json!({"min_interval_ms": 60, "tail_age_ms": 700.0, "max_delta_ratio": "0.12"}));
        let shown: Vec<String> = changes(&current, &with_point(&current, &POINT))
            .iter()
            .map(|change| format!("{}: {change}", change.field))
            .collect();
        assert_eq!(
            shown,
            [
                "base_spread_bps_delta: unset -> 0",
                "impact_cap_ratio: unset -> 0.08",
                "max_delta_ratio: \"0.12\" -> 0.12",
                "min_interval_ms: 60 -> 80",
                "replace_rate_per_min: unset -> 300",
                "tail_age_ms: 700 unchanged",
            ]
        );
    }

    #[test]
    fn a_missing_key_a_string_and_a_value_outside_its_bounds_are_broken() {
        let mut overrides = with_point(&Overrides::new(), &POINT);
        overrides.insert("tail_age_ms".to_owned(), json!(1001));
        overrides.insert("min_interval_ms".to_owned(), json!("80"));
        overrides.remove("impact_cap_ratio");
        let names: Vec<String> =
            broken(&overrides, &bounds()).into_iter().map(|violation| violation.limit).collect();
        assert_eq!(names, ["bounds.impact_cap_ratio", "bounds.min_interval_ms", "bounds.tail_age_ms"]);
    }
}
