//! The snapshot of a finished soak: its verdict and the figures behind it.
//!
//! Read strictly where a claim rests on it: a figure that is missing or no number is an error, never a
//! default. Both spellings of earlier snapshots (`*_last_n`, `*_last8`) are understood.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// File name of the snapshot.
pub const FILE_NAME: &str = "POST_SOAK_SNAPSHOT.json";

/// A figure over the iterations that count.
#[derive(Clone, Debug, PartialEq)]
pub struct Kpi {
    /// Arithmetic mean.
    pub mean: f64,
    /// Middle value.
    pub median: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// `up`, `down` or `flat`, where the snapshot says so.
    pub trend: Option<String>,
}

/// The figures that every release rests on, and what they are called for people.
pub const REQUIRED: [(&str, &str); 4] = [
    ("maker_taker_ratio", "maker share"),
    ("p95_latency_ms", "p95 latency, ms"),
    ("risk_ratio", "risk ratio"),
    ("net_bps", "net edge, bps"),
];

/// What a snapshot says.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// PASS, WARN, FAIL, INCONCLUSIVE.
    pub verdict: String,
    /// Whether the run was simulated.
    pub simulated: bool,
    /// When it was made, where it says so.
    pub made_at: Option<String>,
    /// Iterations of the whole run.
    pub iterations_total: u64,
    /// The iterations that the figures are about, ascending.
    pub iterations: Vec<u64>,
    /// Figures by name.
    pub kpis: BTreeMap<String, Kpi>,
    /// Goals and whether they were met.
    pub goals: BTreeMap<String, bool>,
    /// Whether the run came to rest, where it says so.
    pub freeze_ready: Option<bool>,
    /// How often each guard acted.
    pub guards: BTreeMap<String, u64>,
    /// Tuning: iterations in which something was applied, and which keys.
    pub applied_iterations: Vec<u64>,
    /// Keys that tuning changed.
    pub changed_keys: Vec<String>,
}

impl Snapshot {
    /// Reads a snapshot; the error names what is missing or no value.
    pub fn parse(document: &Value) -> Result<Self, String> {
        let fields = document.as_object().ok_or("the snapshot is no object")?;
        let kpis = object(either(fields, &["kpi_last_n", "kpi_last8", "kpis"]), "kpi_last_n")?;
        let kpi = |(name, value): (&String, &Value)| Ok((name.clone(), Kpi::parse(name, value)?));
        let kpis: BTreeMap<String, Kpi> = kpis.iter().map(kpi).collect::<Result<_, String>>()?;
        for (name, _) in REQUIRED {
            if !kpis.contains_key(name) {
                return Err(format!("kpi_last_n has no `{name}`"));
            }
        }
        let goal = |(name, value): (&String, &Value)| {
            let met = value.as_bool().ok_or_else(|| format!("goals_met.{name} is no boolean"))?;
            Ok((name.clone(), met))
        };
        let goals: BTreeMap<String, bool> =
            object(fields.get("goals_met"), "goals_met")?.iter().map(goal).collect::<Result<_, String>>()?;
        if goals.is_empty() {
            return Err("goals_met names no goal".to_owned());
        }
        let mut iterations = numbers(fields.get("iterations_analyzed"), "iterations_analyzed")?;
        iterations.sort_unstable();
        if iterations.is_empty() {
            return Err("iterations_analyzed is empty".to_owned());
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let simulated = match fields.get("simulated") {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(other) => return Err(format!("simulated is {other}, not a boolean")),
        };
        let freeze_ready = match fields.get("freeze_ready") {
            None => None,
            Some(value) => Some(value.as_bool().ok_or("freeze_ready is no boolean")?),
        };
        let tuning = fields.get("tuning_summary").and_then(Value::as_object);
        let of_tuning = |name: &str| tuning.and_then(|tuning| tuning.get(name));
        let mut changed_keys: Vec<String> = match of_tuning("changed_keys") {
            Some(Value::Array(keys)) => keys.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::Object(keys)) => keys.keys().cloned().collect(),
            _ => Vec::new(),
        };
        changed_keys.sort();
        Ok(Self {
            verdict: text("verdict").ok_or("verdict is missing or no text")?,
            simulated,
            made_at: text("timestamp").or_else(|| text("generated_at")),
            iterations_total: fields
                .get("iterations_total")
                .and_then(Value::as_u64)
                .ok_or("iterations_total is missing or no count")?,
            iterations,
            kpis,
            goals,
            freeze_ready,
            guards: guards(either(fields, &["guards_last_n", "guards_last8", "guards"]))?,
            applied_iterations: match of_tuning("applied_iterations") {
                Some(value) => numbers(Some(value), "tuning_summary.applied_iterations")?,
                None => Vec::new(),
            },
            changed_keys,
        })
    }

    /// Why this is no soak to release on; nothing when it is.
    pub fn refusals(&self, allow_simulated: bool) -> Vec<String> {
        let mut refusals = Vec::new();
        if self.verdict != "PASS" {
            refusals.push(format!("the soak's verdict is {}, not PASS", self.verdict));
        }
        let missed: Vec<&str> =
            self.goals.iter().filter(|(_, met)| !**met).map(|(name, _)| &name[..]).collect();
        if !missed.is_empty() {
            refusals.push(format!("goals were not met: {}", missed.join(", ")));
        }
        if self.freeze_ready == Some(false) {
            refusals.push("freeze_ready is false: the run had not come to rest".to_owned());
        }
        if self.simulated && !allow_simulated {
            refusals.push("the soak was simulated, which is not evidence".to_owned());
        }
        let known = self.iterations_total;
        if self.iterations.iter().any(|iteration| *iteration > known) {
            refusals.push(format!("it analyses iteration {}, the run had {known}", self.last_iteration()));
        }
        refusals
    }

    /// A required figure.
    pub fn kpi(&self, name: &str) -> &Kpi {
        self.kpis.get(name).expect("the required figures were there when the snapshot was read")
    }

    fn last_iteration(&self) -> u64 {
        self.iterations.last().copied().unwrap_or_default()
    }

    /// The iterations that the figures are about, such as `29-36 (8 of 36)`.
    pub fn range(&self) -> String {
        let first = self.iterations.first().copied().unwrap_or_default();
        let (count, total) = (self.iterations.len(), self.iterations_total);
        format!("{first}-{} ({count} of {total})", self.last_iteration())
    }

    /// Goals met and goals asked.
    pub fn goals_met(&self) -> String {
        format!("{}/{}", self.goals.values().filter(|met| **met).count(), self.goals.len())
    }
}

impl Kpi {
    fn parse(name: &str, value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or_else(|| format!("kpi_last_n.{name} is no object"))?;
        let number = |field: &str| {
            let number = fields.get(field).and_then(Value::as_f64).filter(|number| number.is_finite());
            number.ok_or_else(|| format!("kpi_last_n.{name}.{field} is missing or no number"))
        };
        let trend = fields.get("trend").and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            mean: number("mean")?,
            median: number("median")?,
            min: number("min")?,
            max: number("max")?,
            trend,
        })
    }
}

fn either<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| fields.get(*name))
}

fn object<'a>(value: Option<&'a Value>, name: &str) -> Result<&'a Map<String, Value>, String> {
    value.and_then(Value::as_object).ok_or_else(|| format!("{name} is missing or no object"))
}

fn numbers(value: Option<&Value>, name: &str) -> Result<Vec<u64>, String> {
    let items = value.and_then(Value::as_array).ok_or_else(|| format!("{name} is missing or no list"))?;
    let number =
        |item: &Value| item.as_u64().ok_or_else(|| format!("{name} has `{item}`, which is no iteration"));
    items.iter().map(number).collect()
}

/// Counts by guard, wherever the snapshot keeps them.
fn guards(value: Option<&Value>) -> Result<BTreeMap<String, u64>, String> {
    let Some(fields) = value.and_then(Value::as_object) else { return Ok(BTreeMap::new()) };
    let counts = fields.get("counts").and_then(Value::as_object).unwrap_or(fields);
    let count = |(name, value): (&String, &Value)| {
        let count = value.as_u64().ok_or_else(|| format!("the count of guard `{name}` is no count"))?;
        Ok((name.trim_end_matches("_count").to_owned(), count))
    };
    counts.iter().filter(|(_, value)| value.is_number()).map(count).collect()
}
