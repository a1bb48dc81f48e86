//! The snapshot of a finished soak: its verdict and the figures behind it.
//!
//! Read strictly where a claim rests on it: a figure that is missing, no number or impossible beside the
//! others is an error, never a default. Both spellings of earlier snapshots (`*_last_n`, `*_last8`) are
//! understood, and where both are there they must agree. A verdict alone is no evidence: every figure is held to
//! its goal, and every count and flag to the figures.

use super::figure::{FIGURES, Figure};
use super::kpi::Kpi;
use super::states::States;
use crate::evidence::age::{Age, EvidencePolicy};
use crate::evidence::header::Header;
use crate::format::text;
use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const FILE_NAME: &str = "POST_SOAK_SNAPSHOT.json";

/// So many iterations at the end of a soak are judged for a release, and no fewer.
pub(crate) const LEAST_ITERATIONS: u32 = 8;

/// How long after its end a soak may still be released.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);
const MAX_AGE_TEXT: &str = "7days";

/// A guard that acted more often than this was an anomaly to the earlier toolkit.
const ANOMALOUS: u64 = 5;

/// What a snapshot says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    /// PASS, WARN, FAIL, INCONCLUSIVE.
    pub(crate) verdict: String,
    /// Whether the run was simulated, or its clock was not the system's.
    pub(crate) simulated: bool,
    pub(crate) made_at: Timestamp,
    /// When the service was last observed, where it says so.
    pub(crate) observed_to: Option<Timestamp>,
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
    /// How many goals the earlier toolkit counted as met.
    pub(crate) pass_count: Option<u64>,
    /// How many anomalies the earlier toolkit counted.
    pub(crate) anomalies: Option<u64>,
    /// What it says of gates and goals one by one.
    pub(super) states: States,
}

impl Snapshot {
    /// Reads a snapshot; the error names what is missing or no value.
    pub(crate) fn parse(document: &Value) -> anyhow::Result<Self> {
        let fields = document.as_object().context("the snapshot is not an object")?;
        refuse_active_text(document)?;
        check_version(fields)?;
        let header = Header::of_fields(fields).map_err(anyhow::Error::msg)?;
        let kpis = object(agreed(fields, &["kpi_last_n", "kpi_last8", "kpis"])?, "kpi_last_n")?;
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
        let applied = given(tuning, "applied_iterations")
            .map(|value| numbers(Some(value), "applied_iterations"))
            .transpose()?;
        if let Some((applied, count)) = applied.as_ref().zip(given(tuning, "applied_count")) {
            let length = applied.len();
            ensure!(*count == length, "applied_count is {count}, applied_iterations has {length}");
        }
        let count = |names: &[&str]| -> anyhow::Result<Option<u64>> {
            let value = agreed(fields, names)?;
            value
                .map(|value| value.as_u64().with_context(|| format!("{} is {value}, not a count", names[0])))
                .transpose()
        };
        Ok(Self {
            verdict: verdict.to_owned(),
            simulated: header.is_rehearsal() || is_of_a_mock(fields)?,
            made_at: made_at(&header, fields)?,
            observed_to: header.observed_to,
            iterations_total,
            iterations: ascending(fields.get("iterations_analyzed"), "iterations_analyzed")?,
            kpis,
            goals,
            freeze_ready,
            guards: guards(agreed(fields, &["guards_last_n", "guards_last8", "guards"])?)?,
            applied_iterations: applied,
            changed_keys: given(tuning, "changed_keys").map(keys).transpose()?,
            pass_count: count(&["pass_count_last_n", "pass_count_last8"])?,
            anomalies: count(&["anomalies_count"])?,
            states: States::deserialize(document)?,
        })
    }

    /// From when on its age counts. What a simulation observed lies on a clock of its own.
    pub(crate) fn as_of(&self) -> Timestamp {
        self.observed_to.filter(|_| !self.simulated).unwrap_or(self.made_at)
    }

    /// What speaks against a release on this soak.
    pub(crate) fn problems(&self, policy: &EvidencePolicy) -> Vec<String> {
        let mut problems = Vec::new();
        let age = |time| {
            let refusal = Age::of(time, policy.now, MAX_AGE).refusal("the snapshot", MAX_AGE_TEXT)?;
            let frozen = if policy.is_frozen { " (by a frozen clock)" } else { "" };
            Some(format!("{refusal}{frozen}"))
        };
        problems.extend(age(self.as_of()).or_else(|| age(self.made_at)));
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
        for figure in &FIGURES {
            if !figure.goal_names.iter().any(|name| self.goals.contains_key(*name)) {
                problems.push(format!("goals_met does not say whether {} met its goal", figure.trigger.what));
            }
        }
        if let Some(count) = self.pass_count {
            let met = self.goals.values().filter(|met| **met).count();
            if u64::try_from(met) != Ok(count) {
                problems.push(format!("pass_count_last_n is {count}, goals_met has {met}"));
            }
        }
        let guards = self.guards.iter().flatten();
        let anomalous: Vec<&str> =
            guards.filter(|(_, count)| **count > ANOMALOUS).map(|(name, _)| &name[..]).collect();
        if let Some(count) = self.anomalies.filter(|count| *count > 0 || !anomalous.is_empty()) {
            let guards = if anomalous.is_empty() { "none".to_owned() } else { anomalous.join(", ") };
            problems.push(format!("anomalies_count is {count}; guards that acted too often: {guards}"));
        }
        problems.extend(self.states.problems(&self.goals, self.iterations_total));
        if self.simulated && !policy.allow_simulated {
            problems.push("the soak was simulated, which is not evidence".to_owned());
        }
        for figure in &FIGURES {
            let (value, trigger) = (figure.value(self.kpi(figure.key)), &figure.trigger);
            if !trigger.limit.holds(value) {
                let (name, condition) = (trigger.name(), trigger.condition());
                problems.push(format!("{name} was {value}; a live release is rolled back at {condition}"));
            } else if !figure.goal.holds(value) {
                let (name, goal) = (trigger.name(), figure.goal.display());
                problems.push(format!("{name} was {value}; the goal of a release is {goal}"));
            }
        }
        let (known, last) = (self.iterations_total, self.last_iteration());
        if last > known {
            problems.push(format!("it analyses iteration {last}, the run had {known}"));
        } else if last < known {
            problems.push(format!("it analyses no iteration after {last}, the run had {known}"));
        }
        let count = self.iterations.len();
        if count < LEAST_ITERATIONS as usize {
            problems.push(format!(
                "{count} iterations were analysed; a release needs {LEAST_ITERATIONS} or more"
            ));
        }
        if self.iterations.windows(2).any(|pair| pair[1] - pair[0] > 1) {
            problems.push("iterations are missing among those that it analyses".to_owned());
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

/// What is read here: snapshots of ours, and of the earlier toolkit in the versions that have these figures.
fn check_version(fields: &Map<String, Value>) -> anyhow::Result<()> {
    let (name, known): (&str, &[&str]) = if fields.contains_key("schema") {
        ("schema", &["mmops.post-soak-snapshot.v1", "mmops.post-soak-snapshot.v2"])
    } else {
        ("schema_version", &["1.1", "1.2"])
    };
    let value = fields.get(name).with_context(|| format!("{name} is missing"))?;
    let is_known = value.as_str().is_some_and(|value| known.contains(&value));
    ensure!(is_known, "{name} is {value}, not {}", known.join(" or "));
    Ok(())
}

/// When it was made: by its header, else by a field that a snapshot without one has. All that are there agree.
fn made_at(header: &Header, fields: &Map<String, Value>) -> anyhow::Result<Timestamp> {
    let mut found = header.made_at.map(|time| ("made_at", time));
    for name in ["timestamp", "generated_at"] {
        let Some(value) = fields.get(name) else { continue };
        let time = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let time = time.with_context(|| format!("{name} is {value}, not an RFC 3339 time"))?;
        match found {
            Some((other, before)) if before != time => bail!("{other} is {before}, {name} is {time}"),
            Some(_) => {}
            None => found = Some((name, time)),
        }
    }
    found.map(|(_, time)| time).context("timestamp is missing")
}

/// What several names stand for. Where more than one is there, they must say the same.
fn agreed<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> anyhow::Result<Option<&'a Value>> {
    let mut found = names.iter().filter_map(|name| Some((name, given(fields, name)?)));
    let Some((name, value)) = found.next() else { return Ok(None) };
    if let Some((other, _)) = found.find(|(_, other)| *other != value) {
        bail!("{name} and {other} contradict each other");
    }
    Ok(Some(value))
}

/// Whether a field beside the header says that the figures come from no service.
fn is_of_a_mock(fields: &Map<String, Value>) -> anyhow::Result<bool> {
    let is_mock = |text: &str| ["mock", "simul", "synthetic", "fake"].iter().any(|word| text.contains(word));
    let mut found = given(fields, "mock").is_some_and(|mock| mock != false);
    for name in ["mode", "run_mode", "source", "data_source"] {
        let Some(value) = given(fields, name) else { continue };
        let text = value.as_str().with_context(|| format!("{name} is {value}, which is not text"))?;
        found |= is_mock(&text.to_lowercase());
    }
    Ok(found)
}

/// Names and words of a snapshot stand in the message of a tag, in a changelog and on a terminal, each on its line.
fn refuse_active_text(value: &Value) -> anyhow::Result<()> {
    let check = |text: &str| {
        let active = text.chars().find(|c| text::is_active(*c) || matches!(c, '\n' | '\t'));
        match active {
            Some(c) => bail!("`{}` has the character U+{:04X}", text::line(text), u32::from(c)),
            None => Ok(()),
        }
    };
    match value {
        Value::String(text) => check(text),
        Value::Array(items) => items.iter().try_for_each(refuse_active_text),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            check(name)?;
            refuse_active_text(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
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
    if let Some(iterations) = fields.get("iterations").filter(|_| fields.contains_key("counts")) {
        let iterations = object(Some(iterations), "guards_last_n.iterations")?;
        for name in counts.keys().chain(iterations.keys()) {
            let listed = iterations.get(name).map(|listed| numbers(Some(listed), name)).transpose()?;
            let (count, length) =
                (counts.get(name).unwrap_or(&Value::Null), listed.map_or(0, |all| all.len()));
            ensure!(*count == length, "guard `{name}` acted {count} times, its iterations are {length}");
        }
    }
    let count = |(name, value): (&String, &Value)| {
        let count = value.as_u64().with_context(|| format!("the count of guard `{name}` is {value}"))?;
        Ok((name.trim_end_matches("_count").to_owned(), count))
    };
    counts.iter().map(count).collect::<anyhow::Result<_>>().map(Some)
}
