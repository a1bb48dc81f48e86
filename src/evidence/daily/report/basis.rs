//! Where the fields of a report came from.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::entry::Entry;
use crate::format::config::Source;
use crate::format::hash;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the fields of a report came from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DailyBasis {
    /// Hours of the day that were really seen.
    pub(crate) observed_hours: f64,
    /// Hours that must be.
    pub(crate) min_observed_hours: f64,
    /// The runs whose windows lie in the day.
    pub(crate) runs: Vec<RunSource>,
    /// Runs of the day that do not count, and why.
    pub(crate) left_out: Vec<LeftOut>,
    /// Builds that were watched, as they say themselves.
    pub(crate) builds: Vec<WatchedBuild>,
    /// The versions that were watched at once, one list for each time that they changed, the first first.
    pub(crate) versions: Vec<Vec<String>>,
    /// The changes of the version that were meant on this day.
    pub(crate) version_changes: Vec<ToldChange>,
    /// What the windows were judged by, whatever the runs were started with.
    pub(crate) rules: DayRules,
    /// What its gates say of the windows.
    pub(crate) gates: DayGates,
    /// Parameters at the end of the day, as the bot reports them; of several members those of the first.
    pub(crate) parameters: BTreeMap<String, f64>,
    /// How each figure was come by, by the name of its field.
    pub(crate) figures: BTreeMap<String, FigureSource>,
    /// What each figure was compared with, by the name of its field.
    pub(crate) baselines: BTreeMap<String, Baseline>,
    /// The reports of the days before that were compared with, newest first.
    pub(crate) history: Vec<SourceFile>,
    /// The accepted parameters.
    pub(crate) accepted: Option<SourceFile>,
    /// The newest failover drill.
    pub(crate) drill: Option<Entry>,
    /// What the test sweep showed.
    pub(crate) tests: Option<TestSource>,
    /// Windows that lie far from the others of the day, the farthest first, at most three a figure.
    pub(crate) anomalies: Vec<Anomaly>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SourceFile {
    /// Relative to the root where possible.
    pub(crate) path: String,
    /// Of its bytes; null where it could not be read.
    pub(crate) sha256: Option<String>,
}

impl SourceFile {
    /// A configuration that was chosen, be it the built-in one of this place.
    pub(crate) fn of_config(source: &Source, place: &str) -> Self {
        Self {
            path: source.file.clone().unwrap_or_else(|| format!("built-in {place}")),
            sha256: Some(hash::sha256(&source.text)),
        }
    }
}

/// A run whose windows lie in the day.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RunSource {
    /// The directory of the run.
    pub(crate) run_dir: String,
    /// Where its figures come from.
    pub(crate) source: String,
    /// SHA-256 of `RUN.json`, which the journal names as well.
    pub(crate) plan_sha256: String,
    /// SHA-256 of `JOURNAL.jsonl`, whose records name the samples.
    pub(crate) journal_sha256: String,
    /// First and last iteration whose window lies in the day.
    pub(crate) iterations: (u32, u32),
    /// Number of these windows.
    pub(crate) windows: u32,
    /// Windows over midnight, by which the gates of both days are judged and which are of no figure.
    pub(crate) over_midnight: u32,
    /// Whether it is a simulation.
    pub(crate) simulated: bool,
}

/// By what the windows of a day are judged.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DayRules {
    /// The definitions that the figures of the runs must have.
    pub(crate) kpis: SourceFile,
    /// The file of the gates.
    pub(crate) gates: SourceFile,
    /// The profile of it.
    pub(crate) profile: String,
    /// The longest window that counts, such as `1h`.
    pub(crate) max_window: String,
    /// How long after its end what is made still speaks of the day, such as `12h`.
    pub(crate) evidence_grace: String,
}

/// What the gates say of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DayGates {
    /// PASS, INCONCLUSIVE or FAIL.
    pub(crate) verdict: String,
    /// Hard gates that the windows break.
    pub(crate) broken: Vec<String>,
    /// What is not known, and why.
    pub(crate) unknown: Vec<String>,
}

/// A change of the version that was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ToldChange {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Why the day counts all the same.
    pub(crate) reason: String,
}

/// A run that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LeftOut {
    pub(crate) run_dir: String,
    pub(crate) reason: String,
}

/// A build that was watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WatchedBuild {
    pub(crate) version: String,
    pub(crate) config_hash: String,
}

/// How a figure was come by.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FigureSource {
    /// The KPI of the runs.
    pub(crate) kpi: String,
    /// Its unit.
    pub(crate) unit: String,
    /// How the windows became one value.
    pub(crate) aggregate: String,
    /// Windows with a value.
    pub(crate) windows: u32,
    /// Windows without.
    pub(crate) unknown_windows: u32,
    /// Hours that the windows with a value cover.
    pub(crate) hours: f64,
}

/// What a figure was compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Baseline {
    /// Median of the days with a value; null where there is none.
    pub(crate) median: Option<f64>,
    /// Number of these days.
    pub(crate) days: usize,
    /// What the figure must not pass; null where there is no median.
    pub(crate) limit: Option<f64>,
}

/// What the test sweep showed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TestSource {
    /// The files with the results, or the command.
    pub(crate) from: Vec<String>,
    /// SHA-256 of each file.
    pub(crate) sha256: Vec<String>,
    /// Test cases; null where a command gave no counts.
    pub(crate) tests: Option<u64>,
    pub(crate) failures: Option<u64>,
    pub(crate) errors: Option<u64>,
    pub(crate) skipped: Option<u64>,
    /// Age of the oldest result, such as `2h 5m`; null for a command, which was run now.
    pub(crate) age: Option<String>,
    /// Whether the command says that it rests on a simulation.
    pub(crate) simulated: bool,
}

/// A value that lies far from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Anomaly {
    /// The field.
    pub(crate) figure: String,
    /// Begin of the window, or the date.
    pub(crate) at: String,
    pub(crate) value: f64,
    /// Of all values.
    pub(crate) median: f64,
    /// Distance from the median in robust standard deviations (1.4826 times the median absolute deviation).
    pub(crate) score: f64,
}

impl DayGates {
    /// Whether a hard limit broke.
    pub(crate) fn is_broken(&self) -> bool {
        self.verdict == "FAIL" || !self.broken.is_empty()
    }
}
