//! The six parameters that the running bot takes at run time: the flat keys of its overrides file.
//! What cannot be applied is not swept, so grids, bounds and candidates all have exactly these keys.

use serde::{Deserialize, Serialize};

/// One value for each run-time parameter, in key order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerKey<T> {
    /// Added to the base spread, basis points.
    pub base_spread_bps_delta: T,
    /// Bound on the price shift taken from book imbalance, fraction of the half spread.
    pub impact_cap_ratio: T,
    /// Bound on the size change per requote, fraction of the current size.
    pub max_delta_ratio: T,
    /// Least time between two updates of one side, milliseconds.
    pub min_interval_ms: T,
    /// Most replaces a minute over both sides.
    pub replace_rate_per_min: T,
    /// Resting orders older than this are cancelled, milliseconds.
    pub tail_age_ms: T,
}

/// The values of one candidate, as they are written to the overrides file.
pub(crate) type ParameterPoint = PerKey<f64>;

/// The names, in key order: the order of the fields above.
pub const NAMES: [&str; 6] = [
    "base_spread_bps_delta",
    "impact_cap_ratio",
    "max_delta_ratio",
    "min_interval_ms",
    "replace_rate_per_min",
    "tail_age_ms",
];

impl<T> PerKey<T> {
    pub fn values(&self) -> [&T; 6] {
        [
            &self.base_spread_bps_delta,
            &self.impact_cap_ratio,
            &self.max_delta_ratio,
            &self.min_interval_ms,
            &self.replace_rate_per_min,
            &self.tail_age_ms,
        ]
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        NAMES.into_iter().zip(self.values())
    }

    /// Builds the six values from their position in key order.
    pub fn from_fn(mut value: impl FnMut(usize) -> T) -> Self {
        Self {
            base_spread_bps_delta: value(0),
            impact_cap_ratio: value(1),
            max_delta_ratio: value(2),
            min_interval_ms: value(3),
            replace_rate_per_min: value(4),
            tail_age_ms: value(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_values_and_serialised_keys_agree_in_order() {
        let point = PerKey::from_fn(|i| i);
        let pairs: Vec<_> = point.iter().map(|(name, value)| (name, *value)).collect();
        let expected: Vec<_> = NAMES.into_iter().zip(0..).collect();
        assert_eq!(pairs, expected);
        let json = serde_json::to_string(&point).unwrap();
        let fields: Vec<String> =
            expected.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        assert_eq!(json, format!("{{{}}}", fields.join(",")));
        assert!(NAMES.is_sorted());
    }
}
