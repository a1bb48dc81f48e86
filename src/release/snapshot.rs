//! The snapshot of a finished soak: its verdict and the figures behind it.
//!
//! Read strictly where a claim rests on it: a figure that is missing, no number or impossible beside the
//! others is an error, never a default. Both spellings of earlier snapshots (`*_last_n`, `*_last8`) are
//! understood. A verdict alone is no evidence: the figures must not contradict it.

use super::figure::{FIGURES, Figure};
use super::kpi::Kpi;
use crate::evidence::age::Age;
use crate::evidence::header::Header;
use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const FILE_NAME: &str = "POST_SOAK_SNAPSHOT.json";

/// What a snapshot says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    /// PASS, WARN, FAIL, INCONCLUSIVE.
    pub(crate) verdict: String,
    /// Whether the run was simulated, or its clock was not the system's.
    pub(crate) simulated: bool,
    pub(crate) made_at: Timestamp,
    /// Iterations of the whole run.
    pub(crate) iterations_total: u64,
    /// The iterations that the figures are about, ascending.
    pub(crate) iterations: Vec<u64>,
    pub(crate) kpis: BTreeMap<String, Kpi>,
    /// Goals and whether they were met.
    pub(crate) goals: BTreeMap<String, bool>,
    /// Whether the run converged, where it says so.
    pub(crate) freeze_ready: Option<bool>,
    /// How often each guard acted, where it says so.
    pub(crate) guards: Option<BTreeMap<String, u64>>,
    /// Iterations in which tuning applied something, where it says so.
    pub(crate) applied_iterations: Option<Vec<u64>>,
    /// Keys that tuning changed, where it says so.
    pub(crate) changed_keys: Option<Vec<String>>,
}

impl Snapshot {
    /// Reads a snapshot; the error names what is missing or no value.
    pub(crate) fn parse(document: &Value) -> anyhow::Result<Self> {
        let fields = document.as_object().context("the snapshot is not an object")?;
        let header = Header::of_fields(fields).map_err(anyhow::Error::msg)?;
        let kpis = object(either(fields, &["kpi_last_n", "kpi_last8", "kpis"]), "kpi_last_n")?;
        let kpis = figures(kpis)?;
        for figure in &FIGURES {
            let kpi = kpis.get(figure.key).with_context(|| format!("kpi_last_n has no `{}`", figure.key))?;
            possible(figure, kpi)?;
        }
        let goal = |(name, value): (&String, &Value)| {
            let met = value.as_bool().with_context(|| format!("goals_met.{name} is not a boolean"))?;
            Ok((name.clone(), met))
        };
        let goals: BTreeMap<String, bool> =
            object(fields.get("goals_met"), "goals_met")?.iter().map(goal).collect::<anyhow::Result<_>>()?;
        ensure!(!goals.is_empty(), "goals_met names no goal");
        let total = fields.get("iterations_total").and_then(Value::as_u64);
        let iterations_total = total.context("iterations_total is missing or not a count")?;
        ensure!(iterations_total > 0, "iterations_total is 0: nothing was run");
        let verdict =
            fields.get("verdict").and_then(Value::as_str).context("verdict is missing or not text")?;
        let freeze_ready = match fields.get("freeze_ready") {
            None => None,
            Some(value) => Some(value.as_bool().context("freeze_ready is not a boolean")?),
        };
        let nothing = Map::new();
        let tuning = match given(fields, "tuning_summary") {
            None => &nothing,
            tuning => object(tuning, "tuning_summary")?,
        };
        let applied = given(tuning, "applied_iterations");
        Ok(Self {
            verdict: verdict.to_owned(),
            simulated: header.is_rehearsal(),
            made_at: header.made_at.map_or_else(|| made_at(fields), Ok)?,
            iterations_total,
            iterations: ascending(fields.get("iterations_analyzed"), "iterations_analyzed")?,
            kpis,
            goals,
            freeze_ready,
            guards: guards(either(fields, &["guards_last_n", "guards_last8", "guards"]))?,
            applied_iterations: applied
                .map(|value| numbers(Some(value), "applied_iterations"))
                .transpose()?,
            changed_keys: given(tuning, "changed_keys").map(keys).transpose()?,
        })
    }

    /// What speaks against a release on this soak.
    pub(crate) fn problems(&self, now: Timestamp, allow_simulated: bool) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(Age::of(self.made_at, now, Duration::MAX).refusal("the snapshot", ""));
        if self.verdict != "PASS" {
            problems.push(format!("the soak's verdict is {}, not PASS", self.verdict));
        }
        let missed: Vec<&str> =
            self.goals.iter().filter(|(_, met)| !**met).map(|(name, _)| &name[..]).collect();
        if !missed.is_empty() {
            problems.push(format!("goals were not met: {}", missed.join(", ")));
        }
        if self.freeze_ready == Some(false) {
            problems.push("freeze_ready is false: the run had not converged".to_owned());
        }
        if self.simulated && !allow_simulated {
            problems.push("the soak was simulated, which is not evidence".to_owned());
        }
        for figure in &FIGURES {
            let (value, trigger) = (figure.value(self.kpi(figure.key)), &figure.trigger);
            if !trigger.limit.holds(value) {
                let (name, condition) = (trigger.name(), trigger.condition());
                problems.push(format!("{name} was {value}; a live release is rolled back at {condition}"));
            }
        }
        let known = self.iterations_total;
        if self.iterations.iter().any(|iteration| *iteration > known) {
            problems.push(format!("it analyses iteration {}, the run had {known}", self.last_iteration()));
        }
        problems
    }

    /// One of the figures that every release rests on.
    pub(crate) fn kpi(&self, name: &str) -> &Kpi {
        self.kpis.get(name).expect("the figures of every release were there when the snapshot was read")
    }

    fn last_iteration(&self) -> u64 {
        self.iterations.last().copied().unwrap_or_default()
    }

    /// The iterations that the figures are about, such as `29-36 (8 of 36)`.
    pub(crate) fn range(&self) -> String {
        let first = self.iterations.first().copied().unwrap_or_default();
        let (count, total) = (self.iterations.len(), self.iterations_total);
        format!("{first}-{} ({count} of {total})", self.last_iteration())
    }

    /// Goals met and goals asked.
    pub(crate) fn goals_met(&self) -> String {
        format!("{}/{}", self.goals.values().filter(|met| **met).count(), self.goals.len())
    }
}

/// The figures by the names that they have now. One that no release rests on may be unknown.
fn figures(kpis: &Map<String, Value>) -> anyhow::Result<BTreeMap<String, Kpi>> {
    let mut found = BTreeMap::new();
    for (name, value) in kpis {
        let needed = FIGURES.iter().find(|figure| [figure.key, figure.earlier].contains(&name.as_str()));
        if needed.is_none() && value.get("mean").is_some_and(Value::is_null) {
            continue;
        }
        let key = needed.map_or(name.as_str(), |figure| figure.key);
        let is_new = found.insert(key.to_owned(), Kpi::parse(name, value)?).is_none();
        ensure!(is_new, "kpi_last_n has `{key}` under two names");
    }
    Ok(found)
}

fn possible(figure: &Figure, kpi: &Kpi) -> anyhow::Result<()> {
    let (least, most) = figure.possible;
    if kpi.min < least || kpi.max > most {
        let (key, min, max) = (figure.key, kpi.min, kpi.max);
        bail!("kpi_last_n.{key} goes from {min} to {max}, which a {} cannot", figure.trigger.what);
    }
    Ok(())
}

fn given<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// When a snapshot without an evidence header says that it was made.
fn made_at(fields: &Map<String, Value>) -> anyhow::Result<Timestamp> {
    let (name, value) = ["timestamp", "generated_at"]
        .into_iter()
        .find_map(|name| Some((name, fields.get(name)?)))
        .context("timestamp is missing")?;
    let time = value.as_str().and_then(|text| text.parse().ok());
    time.with_context(|| format!("{name} is {value}, not an RFC 3339 time"))
}

fn either<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| given(fields, name))
}

fn object<'a>(value: Option<&'a Value>, name: &str) -> anyhow::Result<&'a Map<String, Value>> {
    value.and_then(Value::as_object).with_context(|| format!("{name} is missing or not an object"))
}

fn numbers(value: Option<&Value>, name: &str) -> anyhow::Result<Vec<u64>> {
    let items =
        value.and_then(Value::as_array).with_context(|| format!("{name} is missing or not a list"))?;
    let number = |item: &Value| {
        item.as_u64().with_context(|| format!("{name} has `{item}`, which is not an iteration"))
    };
    items.iter().map(number).collect()
}

/// Numbers of iterations, which count from 1.
fn ascending(value: Option<&Value>, name: &str) -> anyhow::Result<Vec<u64>> {
    let iterations = numbers(value, name)?;
    ensure!(!iterations.is_empty(), "{name} is empty");
    let goes_up = iterations[0] > 0 && iterations.is_sorted_by(|a, b| a < b);
    ensure!(goes_up, "{name} does not go up from 1 or later, each iteration once");
    Ok(iterations)
}

fn keys(value: &Value) -> anyhow::Result<Vec<String>> {
    let mut keys: Vec<String> = match value {
        Value::Object(keys) => keys.keys().cloned().collect(),
        Value::Array(keys) => {
            let key = |key: &Value| key.as_str().map(str::to_owned);
            let keys: Option<Vec<String>> = keys.iter().map(key).collect();
            keys.context("changed_keys has something that is not a key")?
        }
        _ => bail!("changed_keys is not a list"),
    };
    keys.sort();
    Ok(keys)
}

/// Counts by guard, wherever the snapshot keeps them.
fn guards(value: Option<&Value>) -> anyhow::Result<Option<BTreeMap<String, u64>>> {
    let Some(value) = value else { return Ok(None) };
    let fields = object(Some(value), "guards_last_n")?;
    let counts = match fields.get("counts") {
        None => fields,
        counts => object(counts, "guards_last_n.counts")?,
    };
    let count = |(name, value): (&String, &Value)| {
        let count = value.as_u64().with_context(|| format!("the count of guard `{name}` is {value}"))?;
        Ok((name.trim_end_matches("_count").to_owned(), count))
    };
    counts.iter().map(count).collect::<anyhow::Result<_>>().map(Some)
}
