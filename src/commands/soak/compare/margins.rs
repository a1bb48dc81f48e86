//! `margins.yaml`: which figures are compared, which side of each is the good one, and how much worse is borne.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::judge::kpi::KpiDefinition;
use crate::judge::statistics::Margins;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `margins.yaml`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarginFile {
    /// Figures by name.
    pub(super) kpis: BTreeMap<String, KpiMargin>,
}

/// What is borne of one figure.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KpiMargin {
    /// Its unit; must be that of the definition.
    pub(super) unit: String,
    /// Which side is the good one.
    pub(super) better: Better,
    /// The largest difference that does not matter, in the unit.
    pub(super) margin: f64,
    /// The candidate may vary so many times as much.
    #[serde(default = "one")]
    spread: f64,
    /// SAME needs it to vary less than so many times as much.
    #[serde(default = "half_more")]
    spread_same: f64,
    /// So much more of its points may lie in the common worst twentieth.
    #[serde(default)]
    tail: f64,
    /// Whether varying less is worse as well.
    #[serde(default)]
    any_change: bool,
}

/// Which side of a figure is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

fn one() -> f64 {
    1.0
}

fn half_more() -> f64 {
    1.5
}

impl Better {
    /// What a value is multiplied by so that larger is worse.
    pub(super) fn sign(self) -> f64 {
        match self {
            Self::Lower => 1.0,
            Self::Higher => -1.0,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

impl KpiMargin {
    pub(super) fn margins(&self) -> Margins {
        Margins {
            shift: self.margin,
            spread: self.spread,
            spread_same: self.spread_same,
            tail: self.tail,
            any_change: self.any_change,
        }
    }

    fn problem(&self) -> Option<&'static str> {
        // Numbers that are read are finite.
        [
            (self.margin >= 0.0, "margin must not be negative"),
            (self.spread >= 1.0, "spread must be at least 1"),
            (self.spread_same >= 1.0, "spread_same must be at least 1"),
            ((0.0..1.0).contains(&self.tail), "tail must be at least 0 and below 1"),
        ]
        .into_iter()
        .find_map(|(is_good, problem)| (!is_good).then_some(problem))
    }
}

impl MarginFile {
    /// The first thing that makes it unusable for figures of these definitions.
    pub(super) fn problem(&self, definitions: &[&BTreeMap<String, KpiDefinition>]) -> Option<String> {
        for (name, margin) in &self.kpis {
            if let Some(problem) = margin.problem() {
                return Some(format!("kpis.{name}: {problem}"));
            }
            let mut known = definitions.iter().filter_map(|kpis| kpis.get(name));
            if let Some(other) = known.find(|kpi| kpi.unit != margin.unit) {
                let unit = &margin.unit;
                return Some(format!("kpis.{name}: unit `{unit}`, but it was measured in `{}`", other.unit));
            }
        }
        let is_known = |name: &String| definitions.iter().any(|kpis| kpis.contains_key(name));
        let has_any = self.kpis.keys().any(is_known);
        (!has_any).then(|| "it names no figure of these runs".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::config;

    fn file(text: &str) -> MarginFile {
        config::parse(text, config::Format::Yaml, "margins").expect("margins")
    }

    #[test]
    fn a_margin_that_cannot_be_meant_is_refused() {
        let text = "kpis: {k: {description: d, unit: ms, measure: restarts}}";
        let catalogue: crate::judge::kpi::KpiCatalogue =
            config::parse(text, config::Format::Yaml, "kpis").expect("kpis");
        let table = [
            ("unit: ms, better: lower, margin: 1", None),
            ("unit: ms, better: lower, margin: 0, spread: 1, spread_same: 2, tail: 0.1", None),
            ("unit: ms, better: lower, margin: -1", Some("margin must not be negative")),
            ("unit: ms, better: lower, margin: 1, spread: 0.5", Some("spread must be")),
            ("unit: ms, better: lower, margin: 1, spread_same: 0.5", Some("spread_same must be")),
            ("unit: ms, better: lower, margin: 1, tail: 1", Some("tail must be at least 0 and below 1")),
            ("unit: s, better: lower, margin: 1", Some("unit `s`, but it was measured in `ms`")),
        ];
        for (margin, expected) in table {
            let found = file(&format!("kpis: {{k: {{{margin}}}}}")).problem(&[&catalogue.kpis]);
            match (&found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) if found.contains(expected) => {}
                (found, expected) => panic!("{margin}: {found:?}, {expected:?}"),
            }
        }
        let other = file("kpis: {x: {unit: ms, better: lower, margin: 1}}");
        assert!(other.problem(&[&catalogue.kpis]).is_some_and(|problem| problem.contains("no figure")));
        assert!(file("kpis: {}").problem(&[&catalogue.kpis]).is_some());
    }
}
