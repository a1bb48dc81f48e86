//! What `daily.yaml` asks of a day: the report of a day that was made by less shows nothing, and a `daily.yaml` that asks
//! for less than the delivered one is named.
#![warn(clippy::wildcard_enum_match_arm)]

use super::report::{DailyBasis, DayRules, FigureSource, SourceFile};
use crate::format::{config, duration};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where a root's own `daily.yaml` is.
pub(crate) const CONFIG: &str = "deploy/soak/daily.yaml";
/// The one that counts when the root has none.
pub(crate) const BUILT_IN: &str = include_str!("../../../deploy/soak/daily.yaml");
/// The delivered gates and definitions, with the places of a root's own.
pub(crate) const KPIS: (&str, &str) =
    ("deploy/soak/kpis.yaml", include_str!("../../../deploy/soak/kpis.yaml"));
pub(crate) const GATES: (&str, &str) =
    ("deploy/soak/gates.yaml", include_str!("../../../deploy/soak/gates.yaml"));

pub(crate) fn max_window() -> String {
    "1h".to_owned()
}

pub(crate) fn evidence_grace() -> String {
    "12h".to_owned()
}

/// By what the windows of a day are judged.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatesConfig {
    /// Name of the profile; how long it wants a run to be is not asked of a day.
    pub(crate) profile: String,
    /// Its file; `deploy/soak/gates.yaml`, else the built-in one, where none is named.
    #[serde(default)]
    pub(crate) gates_file: Option<String>,
    /// The definitions that the figures of the runs must have; `deploy/soak/kpis.yaml`, else the built-in ones.
    #[serde(default)]
    pub(crate) kpis: Option<String>,
}

impl Default for GatesConfig {
    fn default() -> Self {
        Self { profile: "soak-72h".to_owned(), gates_file: None, kpis: None }
    }
}

/// The part of `daily.yaml` that says how much of a day must be known.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DayRulesConfig {
    min_observed: String,
    #[serde(default = "max_window")]
    max_window: String,
    #[serde(default = "evidence_grace")]
    evidence_grace: String,
    #[serde(default)]
    pub(crate) gates: GatesConfig,
    figures: BTreeMap<String, FigureRule>,
}

/// From what a figure is made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct FigureRule {
    pub(crate) kpi: String,
    pub(crate) unit: String,
    pub(crate) aggregate: String,
    #[serde(default)]
    pub(crate) complement: bool,
}

impl FigureRule {
    /// How the windows become one value, as a report has it.
    pub(crate) fn aggregate(&self) -> String {
        format!("{}{}", self.aggregate, if self.complement { ", 1 less it" } else { "" })
    }
}

impl DayRulesConfig {
    /// The same with the files that it names.
    pub(crate) fn standard(self, gates: SourceFile, kpis: SourceFile) -> DayStandard {
        let Self { min_observed, max_window, evidence_grace, gates: GatesConfig { profile, .. }, figures } =
            self;
        let rules = DayRules { kpis, gates, profile, max_window, evidence_grace };
        DayStandard::new(hours(&min_observed), rules, figures)
    }
}

/// What is asked of a day now.
#[derive(Clone, Debug)]
pub(crate) struct DayStandard {
    min_observed_hours: f64,
    rules: DayRules,
    /// By the name of the field.
    figures: BTreeMap<String, FigureRule>,
    /// Where it asks for less than the delivered one.
    pub(crate) weaker: Vec<String>,
}

fn delivered() -> DayRulesConfig {
    config::parse(BUILT_IN, config::Format::Yaml, CONFIG).expect("what is built in is usable")
}

/// Hours of a day that must be seen, where nobody says otherwise.
pub(crate) fn delivered_min_observed_hours() -> f64 {
    hours(&delivered().min_observed)
}

fn hours(text: &str) -> f64 {
    length(text).as_secs_f64() / 3600.0
}

/// As long as it says; of what is no length nothing is known, and it is as long as can be.
fn length(text: &str) -> Duration {
    duration::parse(text).unwrap_or(Duration::MAX)
}

impl DayStandard {
    pub(crate) fn new(
        min_observed_hours: f64,
        rules: DayRules,
        figures: BTreeMap<String, FigureRule>,
    ) -> Self {
        let standard = Self { min_observed_hours, rules, figures, weaker: Vec::new() };
        Self { weaker: standard.weaker_than_delivered(), ..standard }
    }

    /// What this report was made by.
    pub(crate) fn of_report(basis: &DailyBasis) -> Self {
        let rule = |(field, source): (&String, &FigureSource)| {
            let aggregate = source.aggregate.trim_end_matches(", 1 less it");
            let complement = aggregate != source.aggregate;
            let (kpi, unit, aggregate) = (source.kpi.clone(), source.unit.clone(), aggregate.to_owned());
            (field.clone(), FigureRule { kpi, unit, aggregate, complement })
        };
        Self::new(basis.min_observed_hours, basis.rules.clone(), basis.figures.iter().map(rule).collect())
    }

    /// Hours of a day that must be seen.
    pub(crate) fn min_observed_hours(&self) -> f64 {
        self.min_observed_hours
    }

    /// Why a report was made by less.
    pub(crate) fn refusal(&self, basis: &DailyBasis) -> Option<String> {
        let DayRules { kpis, gates, profile, max_window, evidence_grace } = &basis.rules;
        let own = &self.rules;
        // Not a number is less as well.
        let is_enough = basis.min_observed_hours >= self.min_observed_hours - 1e-9;
        let lengths = [
            ("max_window", max_window, &own.max_window),
            ("evidence_grace", evidence_grace, &own.evidence_grace),
        ];
        let hours = (!is_enough).then(|| {
            format!(
                "min_observed is {}h, daily.yaml says {}h",
                basis.min_observed_hours, self.min_observed_hours
            )
        });
        let longer = lengths.into_iter().find(|(_, found, own)| length(found) > length(own));
        let longer = longer.map(|(key, found, own)| format!("{key} is {found}, daily.yaml says {own}"));
        let other_profile = (*profile != own.profile)
            .then(|| format!("its gates are {profile}, daily.yaml says {}", own.profile));
        let files = [("gates", gates, &own.gates), ("definitions", kpis, &own.kpis)];
        let other_file = files.into_iter().find(|(_, found, own)| found.sha256 != own.sha256);
        let other_file = other_file.map(|(what, found, own)| {
            format!("its {what} ({}) are not what {} holds now", found.path, own.path)
        });
        let other_figure = self.figures.iter().find_map(|(field, rule)| {
            let source = basis.figures.get(field)?;
            let is_so = (&source.kpi, &source.unit) == (&rule.kpi, &rule.unit)
                && source.aggregate == rule.aggregate();
            (!is_so).then(|| {
                format!(
                    "{field} is made of {} by {}, daily.yaml says {} by {}",
                    source.kpi,
                    source.aggregate,
                    rule.kpi,
                    rule.aggregate()
                )
            })
        });
        hours.or(longer).or(other_profile).or(other_file).or(other_figure)
    }

    fn weaker_than_delivered(&self) -> Vec<String> {
        let delivered = delivered();
        let delivered_hours = hours(&delivered.min_observed);
        let less = (self.min_observed_hours < delivered_hours).then(|| {
            format!(
                "min_observed of daily.yaml is {}h, the delivered one {delivered_hours}h",
                self.min_observed_hours
            )
        });
        let lengths = [
            ("max_window", &self.rules.max_window, &delivered.max_window),
            ("evidence_grace", &self.rules.evidence_grace, &delivered.evidence_grace),
        ];
        let longer = lengths.into_iter().filter(|(_, own, delivered)| length(own) > length(delivered));
        let longer = longer.map(|(key, own, delivered)| {
            format!("{key} of daily.yaml is {own}, the delivered one {delivered}")
        });
        less.into_iter().chain(longer).collect()
    }
}
