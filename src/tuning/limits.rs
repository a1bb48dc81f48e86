//! Bounds on what may be set, and the violation of a limit.

use super::key::{ParameterPoint, PerKey};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Closed range of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Smallest allowed value.
    pub min: f64,
    /// Largest allowed value.
    pub max: f64,
}

/// Ranges of all run-time parameters.
pub(crate) type Bounds = PerKey<Bound>;

/// One limit that a candidate breaks, with its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// Name of the limit in the limits file.
    pub limit: String,
    /// The candidate's value, or null where it is unknown.
    pub value: Option<f64>,
    /// The limit's value; null where nothing but knowledge is asked for.
    pub bound: Option<f64>,
    /// Why the value is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.limit)?;
        if let Some(bound) = self.bound {
            write!(f, " {bound}")?;
        }
        match (self.value, &self.unknown) {
            (Some(value), _) => write!(f, ": is {value}"),
            (None, Some(reason)) => write!(f, ": unknown, {reason}"),
            (None, None) => write!(f, ": unknown"),
        }
    }
}

/// What is wrong with the bounds themselves.
pub(crate) fn bounds_problems(bounds: &Bounds) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, bound) in bounds.iter() {
        if !(bound.min.is_finite() && bound.max.is_finite()) {
            problems
                .push(format!("`bounds.{name}` is {}..{}: both ends must be finite", bound.min, bound.max));
        } else if bound.min > bound.max {
            problems.push(format!("`bounds.{name}` has min {} above max {}", bound.min, bound.max));
        }
    }
    problems
}

/// Every parameter of a point that lies outside its bounds.
pub fn out_of_bounds(point: &ParameterPoint, bounds: &Bounds) -> Vec<Violation> {
    let mut broken = Vec::new();
    for ((name, value), bound) in point.iter().zip(bounds.values()) {
        let edge = if *value > bound.max { bound.max } else { bound.min };
        if !(bound.min..=bound.max).contains(value) {
            let value = value.is_finite().then_some(*value);
            let unknown = value.is_none().then(|| "it is not a finite number".to_owned());
            broken.push(Violation { limit: format!("bounds.{name}"), value, bound: Some(edge), unknown });
        }
    }
    broken
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn bounds() -> Bounds {
        let ends = [(0.0, 0.6), (0.04, 0.12), (0.10, 0.20), (50.0, 300.0), (120.0, 360.0), (400.0, 1000.0)];
        PerKey::from_fn(|i| Bound { min: ends[i].0, max: ends[i].1 })
    }

    #[test]
    fn contradicting_bounds_are_named() {
        let mut swapped = bounds();
        swapped.tail_age_ms = Bound { min: 1000.0, max: 400.0 };
        swapped.min_interval_ms.max = f64::NAN;
        let problems = bounds_problems(&swapped);
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[1], "`bounds.tail_age_ms` has min 1000 above max 400");
    }

    #[test]
    fn a_point_outside_its_bounds_is_told_the_nearer_end() {
        let mut point = PerKey::from_fn(|i| bounds().values()[i].min);
        assert_eq!(out_of_bounds(&point, &bounds()), []);
        point.tail_age_ms = 1000.5;
        point.min_interval_ms = 49.0;
        point.impact_cap_ratio = f64::NAN;
        let broken: Vec<String> = out_of_bounds(&point, &bounds()).iter().map(ToString::to_string).collect();
        assert_eq!(
            broken,
            [
                "bounds.impact_cap_ratio 0.04: unknown, it is not a finite number",
                "bounds.min_interval_ms 50: is 49",
                "bounds.tail_age_ms 1000: is 1000.5",
            ]
        );
    }
}
