//! What is allowed: the profiles of `gates.yaml`, and whether the windows of a run keep to them.
#![warn(clippy::wildcard_enum_match_arm)]

mod aggregate;
mod evaluation;
mod windows;

pub use aggregate::Aggregate;
pub(crate) use evaluation::{GateOutcome, WindowValue, evaluate, halves, judged_windows};
pub(crate) use windows::{BrokenStretch, JudgedWindow, WindowAnswer};

use crate::format::duration;
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateProfile {
    /// What it is for.
    pub description: String,
    /// A profile whose gates it has beside its own, and whose other rules hold where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// How long the service must have been watched for PASS, such as `72h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_observed: Option<String>,
    /// The longest time without observation that PASS bears; one iteration unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_gap: Option<String>,
    /// Gates by name.
    #[serde(default)]
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
    /// Fewest events of a window of a ratio or a quantile, 200 unless said otherwise: with fewer, the window is not
    /// known for this gate, unless an exact binomial bound decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_events: Option<u64>,
    /// With `every`: broken once `k` of `n` windows in a row break it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k_of_n: Option<KOfN>,
    /// The part of the expected points that must be there over all windows.
    #[serde(default = "min_coverage")]
    pub min_coverage: f64,
}

/// How far, relative to both, a value may lie beyond a threshold by rounding alone.
const SLACK: f64 = 1e-12;
/// Fewest events of a window of a ratio or a quantile.
pub(crate) const MIN_EVENTS: u64 = 200;

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

    /// Whether a value keeps to the threshold; the threshold itself does, and what only rounding tells from it.
    pub(crate) fn holds(&self, value: f64) -> bool {
        let slack = |bound: f64| SLACK * bound.abs().max(value.abs());
        self.at_most.is_none_or(|most| value <= most + slack(most))
            && self.at_least.is_none_or(|least| value >= least - slack(least))
    }

    /// A value with as many decimals as show on which side of the threshold it lies, four at most if any do.
    pub(crate) fn figure(&self, value: f64) -> String {
        let holds = self.holds(value);
        let is_told = |text: &String| text.parse().is_ok_and(|shown| self.holds(shown) == holds);
        let texts = (4..=17).map(|decimals| {
            let text = format!("{value:.decimals$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        });
        texts.into_iter().find(is_told).unwrap_or_else(|| value.to_string())
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

impl GateProfiles {
    /// A profile with what it takes over from others; `None` where there is none of that name.
    pub(crate) fn resolve(&self, name: &str) -> Option<Result<GateProfile, String>> {
        let mut profile = self.profiles.get(name)?.clone();
        let mut seen = vec![name];
        while let Some(base) = profile.extends.take() {
            let Some((base, found)) = self.profiles.get_key_value(&base) else {
                return Some(Err(format!("profiles.{name}: extends `{base}`, which is not there")));
            };
            if seen.contains(&base.as_str()) {
                return Some(Err(format!("profiles.{name}: extends itself")));
            }
            seen.push(base);
            let GateProfile { description: _, extends, min_observed, max_gap, gates } = found.clone();
            profile.extends = extends;
            profile.min_observed = profile.min_observed.or(min_observed);
            profile.max_gap = profile.max_gap.or(max_gap);
            for (gate, rule) in gates {
                profile.gates.entry(gate).or_insert(rule);
            }
        }
        Some(Ok(profile))
    }
}

impl GateProfile {
    /// How long the service must have been watched, seconds.
    pub(crate) fn min_observed_secs(&self) -> Option<f64> {
        secs(self.min_observed.as_deref()).ok().flatten()
    }

    /// The longest time without observation that PASS bears, seconds.
    pub(crate) fn max_gap_secs(&self) -> Option<f64> {
        secs(self.max_gap.as_deref()).ok().flatten()
    }

    /// Sets the fewest events of a window where the file does not say it. `counts_events` says of which figures the
    /// source counts events.
    pub(crate) fn set_min_events(&mut self, counts_events: impl Fn(&str) -> bool) {
        for gate in self.gates.values_mut() {
            gate.min_events = counts_events(&gate.kpi).then(|| gate.min_events.unwrap_or(MIN_EVENTS));
        }
    }

    /// Everything that makes the profile unusable with these definitions, one sentence each.
    pub(crate) fn problems(&self, name: &str, catalogue: &KpiCatalogue) -> Vec<String> {
        let mut problems = Vec::new();
        if self.gates.is_empty() {
            problems.push(format!("profiles.{name}: there is no gate"));
        }
        if !self.gates.values().any(|gate| gate.severity == Severity::Hard) {
            problems.push(format!("profiles.{name}: there is no hard gate, so it could not fail"));
        }
        for (field, text) in [("min_observed", &self.min_observed), ("max_gap", &self.max_gap)] {
            if let Err(problem) = secs(text.as_deref()) {
                problems.push(format!("profiles.{name}.{field}: {problem}"));
            }
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
            if catalogue.kpis.get(&gate.kpi).is_some_and(|kpi| !kpi.measure.counts_events())
                && gate.min_events.is_some()
            {
                bad("min_events goes with a ratio or a quantile".to_owned());
            }
            if gate.at_least.zip(gate.at_most).is_some_and(|(least, most)| least > most) {
                bad("at_least is above at_most, which no value keeps".to_owned());
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

fn secs(text: Option<&str>) -> Result<Option<f64>, String> {
    text.map(|text| duration::parse(text).map(|length| length.as_secs_f64())).transpose()
}
