//! What is allowed: the profiles of `gates.yaml`, and whether the windows of a run keep to them.
#![warn(clippy::wildcard_enum_match_arm)]

mod aggregate;
mod evaluation;

pub use aggregate::Aggregate;
pub(crate) use evaluation::{GateOutcome, WindowValue, evaluate};

use crate::judge::kpi::{KpiCatalogue, MIN_COVERAGE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `gates.yaml`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateProfiles {
    pub(crate) profiles: BTreeMap<String, GateProfile>,
}

/// A named set of gates.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateProfile {
    /// What it is for.
    pub description: String,
    /// Gates by name.
    pub gates: BTreeMap<String, Gate>,
}

/// One condition on one figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The figure.
    pub kpi: String,
    /// Its unit; must be that of the definition.
    pub unit: String,
    /// How the windows become one value.
    pub aggregate: Aggregate,
    /// The value must not be larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The value must not be smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// What a broken gate means.
    pub severity: Severity,
    /// Whether PASS needs it; a hard gate unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Windows left out at the start.
    #[serde(default)]
    pub warmup: u32,
    /// Only so many windows at the end count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// Fewest observations behind all windows.
    #[serde(default = "one")]
    pub min_samples: u64,
    /// With `every`: broken once `k` of `n` windows in a row break it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k_of_n: Option<KOfN>,
    /// The part of the expected points that must be there over all windows.
    #[serde(default = "min_coverage")]
    pub min_coverage: f64,
}

fn one() -> u64 {
    1
}

fn min_coverage() -> f64 {
    MIN_COVERAGE
}

/// `k` of `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KOfN {
    /// So many broken windows.
    pub k: u32,
    /// Of so many in a row.
    pub n: u32,
}

/// What a broken gate means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run fails.
    Hard,
    /// The run is reported with a warning.
    Soft,
    /// Not enough was seen to judge: the run is inconclusive.
    Events,
}

impl Severity {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Events => "events",
        }
    }
}

impl Gate {
    /// Whether PASS needs this gate to hold.
    pub(crate) fn is_required(&self) -> bool {
        self.required.unwrap_or(self.severity != Severity::Soft)
    }

    /// Whether a value keeps to the threshold; the threshold itself does.
    pub(crate) fn holds(&self, value: f64) -> bool {
        self.at_most.is_none_or(|most| value <= most) && self.at_least.is_none_or(|least| value >= least)
    }

    /// The condition as it is shown, such as `<= 150 ms`.
    pub(crate) fn condition(&self) -> String {
        let part = |sign: &str, bound: Option<f64>| bound.map(|bound| format!("{sign} {bound}"));
        let parts: Vec<String> =
            [part("<=", self.at_most), part(">=", self.at_least)].into_iter().flatten().collect();
        format!("{} {}", parts.join(" and "), self.unit)
    }

    /// The bound that is shown where one number is asked for.
    pub(crate) fn threshold(&self) -> f64 {
        self.at_most.or(self.at_least).unwrap_or(f64::NAN)
    }
}

impl GateProfile {
    /// Everything that makes the profile unusable with these definitions, one sentence each.
    pub(crate) fn problems(&self, name: &str, catalogue: &KpiCatalogue) -> Vec<String> {
        let mut problems = Vec::new();
        if self.gates.is_empty() {
            problems.push(format!("profiles.{name}: there is no gate"));
        }
        if !self.gates.values().any(|gate| gate.severity == Severity::Hard) {
            problems.push(format!("profiles.{name}: there is no hard gate, so it could not fail"));
        }
        for (key, gate) in &self.gates {
            let mut bad = |what: String| problems.push(format!("profiles.{name}.gates.{key}: {what}"));
            match catalogue.kpis.get(&gate.kpi) {
                None => bad(format!("there is no kpi `{}`", gate.kpi)),
                Some(kpi) if kpi.unit != gate.unit => {
                    bad(format!("unit `{}`, but `{}` is in `{}`", gate.unit, gate.kpi, kpi.unit));
                }
                Some(_) => {}
            }
            if gate.at_most.is_none() && gate.at_least.is_none() {
                bad("one of at_most and at_least is needed".to_owned());
            }
            if [gate.at_most, gate.at_least].into_iter().flatten().any(|bound| !bound.is_finite()) {
                bad("the threshold must be finite".to_owned());
            }
            if !(gate.min_coverage > 0.0 && gate.min_coverage <= 1.0) {
                bad("min_coverage must be above 0 and at most 1".to_owned());
            }
            let only_rises = gate.aggregate.traits().only_rises && gate.at_most.is_none();
            if gate.severity == Severity::Events && !only_rises {
                bad("events need `sum` or `max` and at_least: what was seen so far is enough or not"
                    .to_owned());
            }
            if gate.last == Some(0) {
                bad("last must be at least 1".to_owned());
            }
            if gate.min_samples == 0 {
                bad("min_samples must be at least 1".to_owned());
            }
            match gate.k_of_n {
                Some(_) if gate.aggregate != Aggregate::Every => bad("k_of_n goes with `every`".to_owned()),
                Some(KOfN { k, n }) if k == 0 || k > n => bad("k_of_n needs 1 <= k <= n".to_owned()),
                Some(_) | None => {}
            }
            if let Err(problem) = gate.aggregate.half_life_secs() {
                bad(problem);
            }
        }
        problems
    }
}
