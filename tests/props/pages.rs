//! Runs whose pages are looked at: what goes wrong, what is not known, and what is hard to draw.
#![allow(
    clippy::unnecessary_wraps,
    clippy::cast_possible_truncation,
    reason = "gates and values have the form that a figure takes; a gap is a few days"
)]

use mmops::testing::record::Iteration;
use mmops::testing::soak_page::page_of;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// 2026-03-09T00:00:00Z, a Monday.
pub const START_MS: i64 = 1_773_014_400_000;

/// A figure with what it shows in a window; without a value nothing is known.
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    /// The fields of its gate beside figure and unit; none where it has none.
    pub gate: Option<Value>,
    pub value: Box<dyn Fn(u32) -> Option<f64>>,
}

pub struct Run {
    pub figures: Vec<Figure>,
    pub windows: u32,
    pub planned: u32,
    pub window_secs: u32,
    pub simulated: bool,
    /// Seconds without observation before these windows.
    pub gaps: Vec<(u32, f64)>,
    /// Windows in which the process was started anew.
    pub restarts: Vec<u32>,
    /// Members, judged one by one; their values are those of the figures times their factor, none where it is none.
    pub members: Vec<(String, Option<f64>)>,
    pub is_running: bool,
    pub description: &'static str,
}

/// A number between 0 and 1 that depends on its input alone.
pub fn noise(seed: u32, at: u32) -> f64 {
    let mut x = u64::from(seed) << 32 | u64::from(at);
    for _ in 0..2 {
        x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (x >> 29);
        x = x.wrapping_add(0x1234_5678_9abc_def1);
    }
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

pub fn figure(
    name: &str,
    unit: &'static str,
    gate: Option<Value>,
    value: impl Fn(u32) -> Option<f64> + 'static,
) -> Figure {
    Figure { name: name.to_owned(), unit, gate, value: Box::new(value) }
}

pub fn at_most(bound: f64) -> Option<Value> {
    Some(json!({"aggregate": "every", "severity": "hard", "at_most": bound}))
}

pub fn at_least(bound: f64) -> Option<Value> {
    Some(json!({"aggregate": "every", "severity": "hard", "at_least": bound}))
}

fn soft(gate: Option<Value>) -> Option<Value> {
    let mut gate = gate?;
    gate["severity"] = json!("soft");
    Some(gate)
}

/// The figures of a service of this field; `latency` is what its ticks take.
pub fn service(latency: impl Fn(u32) -> Option<f64> + 'static) -> Vec<Figure> {
    let around = |middle: f64, spread: f64, seed: u32| {
        move |at: u32| Some(middle + spread * (noise(seed, at) + noise(seed + 1, at) - 1.0))
    };
    let aggregate = |kind: &str, bound: (&str, f64), severity: &str| {
        let mut gate = json!({"aggregate": kind, "severity": severity});
        gate[bound.0] = json!(bound.1);
        Some(gate)
    };
    vec![
        figure("latency_p95", "ms", at_most(150.0), latency),
        figure("breaker", "flag", at_most(0.0), |_| Some(0.0)),
        figure("deadline_miss", "ratio", at_most(0.02), around(0.012, 0.006, 3)),
        figure("edge", "bps", aggregate("mean", ("at_least", 2.0), "hard"), around(3.3, 0.4, 5)),
        figure("guard_trips", "1/h", at_most(30.0), |at| Some(if at % 60 == 0 { 4.0 } else { 0.0 })),
        figure("hit_ratio", "ratio", at_least(0.7), around(0.78, 0.01, 7)),
        figure(
            "memory",
            "bytes",
            aggregate("growth", ("at_most", 67_108_864.0), "hard"),
            around(1.9e8, 2e6, 9),
        ),
        figure("ticks", "count", aggregate("sum", ("at_least", 200.0), "events"), |_| Some(2999.0)),
        figure("ws_lag", "ms", soft(at_most(200.0)), around(120.0, 40.0, 11)),
        figure("cpu", "ratio", None, around(0.4, 0.1, 13)),
        figure("order_latency", "ms", None, around(285.0, 8.0, 15)),
    ]
}

fn creep(at: u32) -> Option<f64> {
    Some((92.0 + 0.215 * f64::from(at)).min(169.0) + 8.0 * (noise(1, at) - 0.5))
}

fn calm(at: u32) -> Option<f64> {
    Some(95.0 + 12.0 * (noise(1, at) - 0.5))
}

impl Run {
    pub fn of(figures: Vec<Figure>) -> Self {
        Self {
            figures,
            windows: 864,
            planned: 864,
            window_secs: 300,
            simulated: true,
            gaps: Vec::new(),
            restarts: Vec::new(),
            members: Vec::new(),
            is_running: false,
            description: "what the figure is, for people",
        }
    }

    pub fn plan(&self) -> Value {
        let mut kpis = Map::new();
        let mut gates = Map::new();
        for figure in &self.figures {
            let measure = json!({"gauge": {"of": "m", "over": "max"}});
            kpis.insert(
                figure.name.clone(),
                json!({"description": self.description, "unit": figure.unit, "measure": measure}),
            );
            if let Some(mut gate) = figure.gate.clone() {
                gate["kpi"] = json!(figure.name);
                gate["unit"] = json!(figure.unit);
                gates.insert(figure.name.clone(), gate);
            }
        }
        let source = if self.simulated {
            json!({"mock": {"scenario": "steady", "seed": 7, "instances": self.members.len().max(1)}})
        } else {
            json!({"scrape": {"urls": ["http://bot:9100/metrics"]}})
        };
        json!({
            "schema": "mmops.soak-plan.v2", "version": "0.1.0", "commit": null, "clock": "frozen",
            "made_at": "2026-03-12T00:00:00Z", "simulated": self.simulated,
            "started_at_ms": START_MS, "iterations": self.planned, "iteration_secs": self.window_secs,
            "interval_secs": 15.min(self.window_secs), "origin": source,
            "group_by": if self.members.is_empty() { Value::Null } else { json!("instance") },
            "profile_name": "soak-72h", "profile": {"description": "", "gates": gates}, "kpis": kpis,
        })
    }

    fn kpis(&self, at: u32, factor: f64) -> Value {
        let kpi = |figure: &Figure| {
            let value = (figure.value)(at).map(|value| value * factor);
            let state = if value.is_some() { "MEASURED" } else { "NO_DATA" };
            let points = if value.is_some() { 20 } else { 0 };
            let fields = json!({
                "value": value, "unit": figure.unit, "n": points, "points": points, "expected": 20,
                "coverage": f64::from(points) / 20.0, "state": state, "source": "mock",
            });
            (figure.name.clone(), fields)
        };
        Value::Object(self.figures.iter().map(kpi).collect())
    }

    pub fn iterations(&self) -> Vec<Iteration> {
        let time = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
        let (length, mut at_ms) = (i64::from(self.window_secs) * 1000, START_MS);
        let mut iterations = Vec::new();
        for at in 1..=self.windows {
            let gap = self.gaps.iter().find(|(before, _)| *before == at).map(|(_, secs)| *secs);
            at_ms += (gap.unwrap_or_default() * 1e3) as i64;
            let params = json!({"spread_bps": if at < 120 { 0.05 } else { 0.08 }});
            let begin = |cause: &str| {
                json!({"process": "", "seen_at": time(at_ms), "cause": cause,
                    "build": {"version": "0.1.0", "config_hash": "sim-7"}})
            };
            let mut lives = if at == 1 { vec![begin("first_seen")] } else { Vec::new() };
            lives.extend(self.restarts.contains(&at).then(|| begin("counters_fell")));
            let mut iteration = json!({
                "schema": "mmops.iter-summary.v2", "version": "0.1.0", "commit": null, "clock": "frozen",
                "made_at": "2026-03-12T00:00:00Z", "simulated": self.simulated,
                "iteration": at, "from": time(at_ms), "to": time(at_ms + length), "source": "mock",
                "gap_before_secs": gap, "state_hash": "",
            });
            if self.members.is_empty() {
                iteration["kpis"] = self.kpis(at, 1.0);
                iteration["params"] = params;
                iteration["lives"] = json!(lives);
            } else {
                let known = self.members.iter().filter_map(|(name, factor)| Some((name, (*factor)?)));
                let member = |(name, factor): (&String, f64)| {
                    (name.clone(), json!({"kpis": self.kpis(at, factor), "params": params}))
                };
                let mut members: Map<String, Value> = known.map(member).collect();
                for (name, _) in self.members.iter().filter(|(_, factor)| factor.is_none()) {
                    let kpis: Map<String, Value> = self
                        .figures
                        .iter()
                        .map(|figure| (figure.name.clone(), unknown(figure.unit)))
                        .collect();
                    members.insert(name.clone(), json!({"kpis": kpis, "params": {}}));
                }
                iteration["members"] = Value::Object(members);
            }
            iterations.push(serde_json::from_value(iteration).unwrap());
            at_ms += length;
        }
        iterations
    }

    /// Samples around the values of the windows.
    fn bands(&self) -> BTreeMap<String, Vec<Option<(f64, f64)>>> {
        let band = |figure: &Figure| {
            let wide = |at: u32| {
                (figure.value)(at).map(|value| (value * (0.97 - 0.03 * noise(50, at)), value * 1.03))
            };
            (figure.name.clone(), (1..=self.windows).map(wide).collect())
        };
        if self.members.is_empty() { self.figures.iter().map(band).collect() } else { BTreeMap::new() }
    }

    pub fn page(&self) -> String {
        page_of(&self.plan(), &self.iterations(), &self.bands(), self.is_running).unwrap()
    }
}

fn unknown(unit: &str) -> Value {
    json!({"value": null, "unit": unit, "n": 0, "points": 0, "expected": 20, "coverage": 0.0, "state": "NO_DATA",
        "source": "mock", "reason": "connection refused"})
}

/// Names that try to be more than names: of a gate, of another, of a figure without one.
pub fn hard_names() -> [String; 3] {
    ["\"><script>alert(1)</script>", "a\u{202e}b\u{200b}c&amp;'", "javascript:alert(1)"].map(str::to_owned)
}

/// Figures that are hard to draw.
fn hard() -> Vec<Figure> {
    let peaks = |at: u32| {
        let phase = f64::from(at % 114) / 114.0 - 0.5;
        Some(
            (12.0 + 6.0 * noise(21, at) + 40_000.0 * (-phase * phase * 300.0).exp() * (0.5 + noise(22, at)))
                .round(),
        )
    };
    let mut figures = service(creep);
    let [gated, other, bare] = hard_names();
    let long = format!("{}_of_a_name_that_does_not_end", "very_long_".repeat(18));
    figures.extend([
        figure("queue", "count", at_most(20_000.0), peaks),
        figure(
            "funding",
            "count",
            Some(json!({"aggregate": "max", "severity": "events", "at_least": 1.0})),
            |_| None,
        ),
        figure("reconnects", "count", at_most(3.0), |at| (at % 4 == 0).then_some(f64::from(at % 3))),
        figure("slippage", "ratio", soft(at_most(0.05)), |at| {
            Some(if at % 97 < 6 { 0.2 * noise(23, at) } else { 0.01 })
        }),
        figure("pnl", "custom:USD", at_least(-5000.0), |at| {
            Some(1000.0 * (noise(24, at) - 0.5) - f64::from(at))
        }),
        figure("exact", "ms", at_most(150.0), |at| Some(if at == 300 { 150.000_4 } else { 149.0 })),
        figure("tiny", "s", at_most(1e-6), |at| Some(1e-9 * (1.0 + noise(25, at)))),
        figure("large", "count", None, |at| Some(1e9 + 1e7 * f64::from(at))),
        figure("six_decades", "count", None, |at| Some(10_f64.powf(6.0 * noise(26, at)).round())),
        figure(&long, "ms", at_most(200.0), calm),
        figure(&gated, "ms", at_most(200.0), calm),
        figure(&other, "custom:<b>\"&'", at_most(200.0), calm),
        figure(&bare, "ms", None, calm),
    ]);
    figures
}

/// The same figure, of which nothing is known.
fn nothing(figure: Figure) -> Figure {
    Figure { value: Box::new(|_| None), ..figure }
}

/// Every page that is looked at, by name.
pub fn all() -> Vec<(&'static str, Run)> {
    let run = |figures: Vec<Figure>| Run::of(figures);
    let mut fifty = hard();
    for number in 0..26 {
        let name = format!("figure_{number:02}");
        fifty.push(figure(&name, "ms", at_most(200.0), move |at| {
            Some(100.0 + 50.0 * noise(100 + number, at))
        }));
    }
    let member = |number: u32| {
        let factor = match number {
            17 | 23 => Some(1.9),
            41 => Some(0.05),
            60 => None,
            _ => Some(0.9 + 0.1 * noise(40, number)),
        };
        (format!("sim-{number}"), factor)
    };
    vec![
        ("fail", run(service(creep))),
        ("pass", run(service(calm))),
        (
            "soft",
            run(service(calm)
                .into_iter()
                .chain([figure("slip", "ratio", soft(at_most(0.05)), |at| {
                    Some(if at % 97 < 6 { 0.2 } else { 0.01 })
                })])
                .collect()),
        ),
        ("unknown", Run { simulated: false, ..run(service(|_| None).into_iter().map(nothing).collect()) }),
        ("running", Run { windows: 300, is_running: true, simulated: false, ..run(service(calm)) }),
        ("running_broken", Run { windows: 500, is_running: true, ..run(service(creep)) }),
        ("begun", Run { windows: 0, is_running: true, simulated: false, ..run(service(calm)) }),
        ("empty", Run { windows: 0, simulated: false, ..run(service(calm)) }),
        ("short", Run { windows: 200, simulated: false, ..run(service(calm)) }),
        ("one", Run { windows: 1, planned: 1, ..run(service(calm)) }),
        ("one_broken", run(service(|at| Some(if at == 400 { 180.0 } else { 95.0 })))),
        ("two_thousand", Run { windows: 2000, planned: 2000, ..run(service(creep)) }),
        (
            "hard",
            Run {
                gaps: vec![(85, 7500.0), (640, 1500.0), (700, 20.0)],
                restarts: vec![85, 700],
                ..run(hard())
            },
        ),
        ("fifty", Run { gaps: vec![(85, 7500.0)], ..run(fifty) }),
        (
            "fleet",
            Run {
                members: (1..=60).map(member).collect(),
                windows: 216,
                planned: 216,
                window_secs: 1200,
                ..run(service(calm))
            },
        ),
        (
            "gaps_only",
            Run {
                windows: 3,
                planned: 3,
                gaps: vec![(2, 40_000.0), (3, 80_000.0)],
                simulated: false,
                ..run(service(|_| None).into_iter().map(nothing).collect())
            },
        ),
    ]
}
