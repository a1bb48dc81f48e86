//! What a run is to do, as `RUN.json` keeps it: everything that its figures and its verdict depend on.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::header::Header;
use crate::judge::gate::GateProfile;
use crate::judge::kpi::collector::{Collector, Grouping, OWN_METRICS};
use crate::judge::kpi::{KpiCatalogue, KpiDefinition, Selector};
use crate::judge::record::{Iteration, Ledger};
use crate::simulation::bot::Scenario;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const PLAN_SCHEMA: &str = "mmops.soak-plan.v2";
/// That of mmops 0.1.0.
pub(super) const PLAN_SCHEMA_BEFORE: &str = "mmops.soak-plan.v1";

/// `RUN.json`: everything a run depends on.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SoakPlan {
    /// `mmops.soak-plan.v2`. That a run is a simulation is set once and stays.
    #[serde(flatten)]
    pub(super) header: Header,
    /// Begin of the first window, milliseconds since the epoch.
    pub(super) started_at_ms: i64,
    /// Number of iterations.
    pub(super) iterations: u32,
    /// Length of an iteration, seconds.
    pub(super) iteration_secs: u32,
    /// Distance of two samples, seconds.
    pub(super) interval_secs: u32,
    /// Where the figures come from.
    pub(super) origin: SampleSource,
    /// The label whose values are judged one by one.
    pub(super) group_by: Option<String>,
    /// How many members there must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expect_members: Option<u32>,
    /// Name of the profile.
    pub(super) profile_name: String,
    /// The profile as it was.
    pub(super) profile: GateProfile,
    /// The definitions as they were.
    pub(super) kpis: BTreeMap<String, KpiDefinition>,
}

/// Where the figures of a run come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SampleSource {
    /// Simulated bots in process.
    Mock {
        /// What goes wrong with them.
        scenario: Scenario,
        /// Seed of the noise.
        seed: u64,
        /// How many bots.
        instances: u32,
        /// Parameters that they start with, beside their own.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        overrides: BTreeMap<String, f64>,
    },
    /// Metrics endpoints.
    Scrape {
        /// Their addresses.
        urls: Vec<String>,
    },
    /// A report file that the bot writes.
    EdgeReport {
        /// The file.
        path: String,
    },
    /// A server with the Prometheus query API.
    Prometheus {
        /// Its address.
        url: String,
        /// Whether recorded time is judged.
        history: bool,
        /// Conditions on labels that each selector carries beside its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        matching: Option<String>,
        /// How long after its end a window is read, seconds; measured where it is not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lag_secs: Option<u32>,
    },
}

impl SampleSource {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Mock { .. } => "mock",
            Self::Scrape { .. } => "scrape",
            Self::EdgeReport { .. } => "edge-report",
            Self::Prometheus { .. } => "prometheus",
        }
    }

    /// Whether it is computed on a clock of its own, in seconds, as often as one likes.
    pub(super) fn is_simulated(&self) -> bool {
        match self {
            Self::Mock { .. } => true,
            Self::Scrape { .. } | Self::EdgeReport { .. } | Self::Prometheus { .. } => false,
        }
    }

    /// Conditions on labels that each of its selectors carried beside its own.
    pub(super) fn matching(&self) -> Option<&str> {
        match self {
            Self::Prometheus { matching, .. } => matching.as_deref(),
            Self::Mock { .. } | Self::Scrape { .. } | Self::EdgeReport { .. } => None,
        }
    }

    /// Whether recorded time is judged.
    pub(super) fn is_history(&self) -> bool {
        matches!(self, Self::Prometheus { history: true, .. })
    }

    /// The labels that tell one process from another.
    fn target_labels(&self) -> Vec<String> {
        let labels: &[&str] = match self {
            Self::Mock { instances: 1, .. } | Self::EdgeReport { .. } => &[],
            Self::Scrape { urls } if urls.len() == 1 => &[],
            Self::Mock { .. } | Self::Scrape { .. } => &["instance"],
            Self::Prometheus { .. } => &["job", "instance"],
        };
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    /// Sets the fewest events of a window for the gates on figures that count events.
    pub(super) fn set_min_events(&self, profile: &mut GateProfile, kpis: &BTreeMap<String, KpiDefinition>) {
        profile.set_min_events(|kpi| {
            // Where a query gives the value, its points are counted and not events.
            let counts = |kpi: &KpiDefinition| {
                kpi.measure.counts_events() && !(self.is_server() && kpi.promql.is_some())
            };
            self.has_samples() && kpis.get(kpi).is_some_and(counts)
        });
    }

    /// Whether it computes figures of its own from queries.
    pub(super) fn is_server(&self) -> bool {
        match self {
            Self::Prometheus { .. } => true,
            Self::Mock { .. } | Self::Scrape { .. } | Self::EdgeReport { .. } => false,
        }
    }

    /// Whether what is not asked for at its time is lost.
    pub(super) fn is_live(&self) -> bool {
        match self {
            Self::Scrape { .. } | Self::EdgeReport { .. } => true,
            Self::Mock { .. } | Self::Prometheus { .. } => false,
        }
    }

    /// Whether the samples behind the figures are kept.
    pub(super) fn has_samples(&self) -> bool {
        match self {
            Self::EdgeReport { .. } => false,
            Self::Mock { .. } | Self::Scrape { .. } | Self::Prometheus { .. } => true,
        }
    }
}

/// The value of the label `instance` of an endpoint; its address holds no secrets.
pub(super) fn instance(url: &str) -> &str {
    url.trim_end_matches('/')
}

impl SoakPlan {
    /// Samples that a window should have.
    pub(super) fn points(&self) -> u32 {
        self.iteration_secs / self.interval_secs
    }

    pub(super) fn iteration_ms(&self) -> i64 {
        i64::from(self.iteration_secs) * 1000
    }

    pub(super) fn interval_ms(&self) -> i64 {
        i64::from(self.interval_secs) * 1000
    }

    /// What makes figures of the samples of the run.
    pub(super) fn collector(&self) -> Collector {
        let kpis = self.kpis.iter().map(|(name, kpi)| (name.clone(), kpi.clone())).collect();
        let grouping =
            Grouping { group_by: self.group_by.clone(), target_labels: self.origin.target_labels() };
        let mut collector = Collector::new(kpis, grouping, self.origin.as_str(), self.interval_ms());
        match &self.origin {
            // What never answers is a member all the same.
            SampleSource::Scrape { urls } if urls.len() > 1 => {
                for url in urls {
                    collector.expect_member(instance(url));
                }
            }
            SampleSource::Mock { .. }
            | SampleSource::Scrape { .. }
            | SampleSource::EdgeReport { .. }
            | SampleSource::Prometheus { .. } => {}
        }
        collector
    }

    /// The selectors behind each figure, as they are written.
    pub(super) fn selectors(&self) -> BTreeMap<String, Vec<String>> {
        let of = |kpi: &KpiDefinition| match &kpi.promql {
            Some(query) if self.origin.is_server() => vec![query.clone()],
            Some(_) | None => {
                let selectors: BTreeSet<Selector> = kpi.measure.selectors().into_iter().collect();
                selectors.iter().map(ToString::to_string).collect()
            }
        };
        self.kpis.iter().map(|(name, kpi)| (name.clone(), of(kpi))).collect()
    }

    /// Names of the metrics that a figure or the run itself needs.
    pub(super) fn metrics(&self) -> Vec<String> {
        let selectors = self.kpis.values().flat_map(|kpi| kpi.measure.selectors());
        let names = selectors.map(|selector| selector.name);
        names.chain(OWN_METRICS.map(str::to_owned)).collect()
    }

    pub(super) fn ledger<'a>(&self, iterations: impl IntoIterator<Item = &'a Iteration>) -> Ledger {
        let mut ledger = Ledger::new(f64::from(self.iteration_secs), self.points(), self.group_by.is_some());
        ledger.expected_members = self.expect_members;
        iterations.into_iter().for_each(|iteration| ledger.add(iteration));
        ledger
    }

    /// Why the plan cannot be run or judged.
    pub(super) fn problem(&self) -> Option<String> {
        if self.interval_secs == 0 || self.iteration_secs < self.interval_secs {
            return Some("it has no usable interval".to_owned());
        }
        let catalogue = KpiCatalogue { kpis: self.kpis.clone() };
        let mut problems = catalogue.problems();
        problems.extend(self.profile.problems(&self.profile_name, &catalogue));
        problems.into_iter().next()
    }
}
