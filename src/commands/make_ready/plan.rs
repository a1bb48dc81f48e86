//! What must be there before a release.

use crate::commands::Input;
use crate::commands::readiness::points::MOST_DAYS;
use crate::evidence::requirement::Requirement;
use crate::format::duration;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// `make_ready.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadyPlan {
    /// The dress rehearsals.
    pub(super) pre_live_pack: RehearsalPlan,
    /// The score over the daily reports.
    pub(super) readiness: ReadinessPlan,
    /// By what the newest run of a soak is judged again, whatever it was started with.
    #[serde(default)]
    pub(super) soak_gates: SoakGates,
    /// Further documents that must count.
    pub(super) evidence: Vec<Requirement>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RehearsalPlan {
    /// Another plan than that of pre-live-pack.
    pub(super) plan: Option<PathBuf>,
    /// Of a step without one of its own.
    timeout: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadinessPlan {
    /// Directory of the daily reports.
    pub(super) reports: Option<PathBuf>,
    /// Where the score goes.
    pub(super) out_json: PathBuf,
    /// Days that are scored, 1 to 366.
    pub(super) window: u16,
    /// Largest age of the newest day.
    max_age: String,
    /// Documents that GO requires.
    pub(super) drills: Vec<Requirement>,
}

/// By what the newest run of a soak is judged again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SoakGates {
    /// Name of the profile.
    pub(super) profile: String,
    /// Its file; `deploy/soak/gates.yaml`, else the built-in one, where none is named.
    #[serde(default)]
    pub(super) gates_file: Option<PathBuf>,
    /// The definitions that the figures of the run must have; `deploy/soak/kpis.yaml`, else the built-in ones.
    #[serde(default)]
    pub(super) kpis: Option<PathBuf>,
    /// The longest window that counts, such as `1h`: of a longer one nobody knows what happened within.
    #[serde(default = "max_window")]
    max_window: String,
}

fn max_window() -> String {
    "1h".to_owned()
}

impl Default for SoakGates {
    fn default() -> Self {
        Self { profile: "soak-24h".to_owned(), gates_file: None, kpis: None, max_window: max_window() }
    }
}

impl SoakGates {
    pub(super) fn max_window(&self) -> Result<Duration, String> {
        let max_window = duration("soak_gates.max_window", &self.max_window)?;
        if max_window.is_zero() || max_window > Duration::from_hours(24) {
            let given = &self.max_window;
            return Err(format!("soak_gates.max_window is `{given}`, it must be above 0s and at most 24h"));
        }
        Ok(max_window)
    }
}

/// What a plan can require beside its two components: the name of the row, files that mean it as well, and the command
/// that makes it.
const KNOWN: [(&str, &[&str], Option<&str>); 8] = [
    ("soak", &["soak_metrics.json", "gates_summary.json"], Some("mmops soak run")),
    ("failover_drill", &["CHAOS_FAILOVER.json"], Some("mmops chaos failover")),
    ("rollback_drill", &[], None),
    ("golden_compare", &[], Some("mmops golden-compare")),
    ("bundle_verify", &[], Some("mmops bundle verify")),
    ("cron_sentinel", &[], Some("mmops cron-sentinel")),
    ("runtime_smoke", &["RUNTIME_SMOKE.json"], None),
    ("runtime_gate", &["RUNTIME_GATE.json"], None),
];

/// Whether a requirement is one of those that are known.
fn is_known(requirement: &Requirement, name: &str, files: &[&str]) -> bool {
    let file = requirement.artifact.rsplit('/').next().unwrap_or_default();
    requirement.name == name || files.contains(&file)
}

/// The command that makes what is required, where that is known.
pub(super) fn command(requirement: &Requirement) -> Option<&'static str> {
    KNOWN
        .iter()
        .find(|(name, files, _)| is_known(requirement, name, files))
        .and_then(|(_, _, command)| *command)
}

impl ReadyPlan {
    /// Everything that it requires beside the components.
    pub(super) fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.evidence.iter().chain(&self.readiness.drills)
    }

    /// The files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = Input> {
        let required = self.requirements().map(|requirement| {
            let option = format!("evidence `{}` of the plan", requirement.name);
            Input { option, path: PathBuf::from(&requirement.artifact) }
        });
        let score = &self.readiness.out_json;
        let score = [score.clone(), score.with_extension("md")];
        let score = score.map(|path| Input { option: "readiness.out_json of the plan".to_owned(), path });
        let pack = self.pre_live_pack.plan.clone();
        let pack = pack.map(|path| Input { option: "pre_live_pack.plan of the plan".to_owned(), path });
        let gates = [("gates_file", &self.soak_gates.gates_file), ("kpis", &self.soak_gates.kpis)];
        let gates = gates.into_iter().filter_map(|(key, path)| {
            Some(Input { option: format!("soak_gates.{key} of the plan"), path: path.clone()? })
        });
        required.chain(score).chain(pack).chain(gates)
    }

    /// What it could require and does not.
    pub(super) fn not_required(&self) -> Vec<&'static str> {
        let is_required = |name: &str, files: &[&str]| {
            self.requirements().any(|requirement| is_known(requirement, name, files))
        };
        KNOWN.iter().filter(|(name, files, _)| !is_required(name, files)).map(|(name, ..)| *name).collect()
    }

    /// Says what is wrong with the window or a requirement.
    pub(super) fn check(&self) -> Result<(), String> {
        let window = self.readiness.window;
        if !(1..=MOST_DAYS).contains(&window) {
            return Err(format!("readiness.window is {window}, it must be 1 to {MOST_DAYS} days"));
        }
        self.soak_gates.max_window()?;
        let mut names = BTreeSet::new();
        if let Some(twice) = self.requirements().find(|requirement| !names.insert(&requirement.name)) {
            return Err(format!("evidence `{}` stands twice in the plan", twice.name));
        }
        self.requirements().try_for_each(Requirement::check)
    }
}

impl RehearsalPlan {
    pub(super) fn timeout(&self) -> Result<Duration, String> {
        duration("pre_live_pack.timeout", &self.timeout)
    }
}

impl ReadinessPlan {
    pub(super) fn max_age(&self) -> Result<Duration, String> {
        duration("readiness.max_age", &self.max_age)
    }
}

fn duration(key: &str, text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("{key} is `{text}`: {error}; write 30s or 36h"))
}
