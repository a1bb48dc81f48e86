//! What a document of the summary shows, figure by figure.

use super::document::{Figure, Topic};
use crate::release::figure::FIGURES;
use serde_json::{Map, Value};

/// The figure that a document comes to.
pub(super) const VERDICT: &str = "verdict";

/// Points of a section of the readiness score.
const POINTS: [(&str, u32); 6] =
    [("edge", 30), ("latency", 25), ("taker", 15), ("guards", 10), ("chaos", 10), ("tests", 10)];

pub(super) fn of(topic: Topic, document: &Value) -> Vec<Figure> {
    let mut figures = vec![word(VERDICT, &document["verdict"], verdict_limit(topic))];
    figures.extend(match topic {
        Topic::Soak => soak(document),
        Topic::Readiness => readiness(document),
        Topic::Golden => golden(document),
        Topic::Failover => failover(document),
    });
    figures
}

fn verdict_limit(topic: Topic) -> &'static str {
    match topic {
        Topic::Soak => "PASS",
        Topic::Readiness => "GO",
        Topic::Golden => "MATCH",
        Topic::Failover => "OK",
    }
}

fn word(name: &str, value: &Value, limit: &str) -> Figure {
    let state = Some(if value == limit { "PASS" } else { "FAIL" }.to_owned());
    Figure {
        name: name.to_owned(),
        value: value.clone(),
        unit: String::new(),
        limit: Some(limit.to_owned()),
        state,
    }
}

fn number(name: impl Into<String>, value: &Value, unit: &str) -> Figure {
    let (name, unit) = (name.into(), unit.to_owned());
    Figure { name, value: value.clone(), unit, limit: None, state: None }
}

/// The figure with a limit that it was held to here, where the document does not say what came of it.
fn limited(figure: Figure, limit: String, holds: impl Fn(f64) -> bool) -> Figure {
    let state = match figure.value.as_f64() {
        None => "UNKNOWN",
        Some(value) if holds(value) => "PASS",
        Some(_) => "FAIL",
    };
    Figure { limit: Some(limit), state: Some(state.to_owned()), ..figure }
}

fn none(name: &str, value: &Value) -> Figure {
    limited(number(name, value, ""), "<= 0".to_owned(), |value| value <= 0.0)
}

/// GO is for all points alone.
fn points(name: &str, value: &Value, most: u32) -> Figure {
    limited(number(name, value, "points"), format!("of {most}"), |value| value >= f64::from(most))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn fields<'a>(document: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    document.get(name).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// The figures that count of the last iterations, then the goals and the gates as they were judged. A run's own document
/// has the figures of all its windows.
fn soak(document: &Value) -> Vec<Figure> {
    let mut found = Vec::new();
    let spelling = ["kpi_last_n", "kpi_last8", "kpis", "metrics"];
    let kpis = spelling.into_iter().find(|name| document.get(*name).is_some_and(Value::is_object));
    for (name, stats) in fields(document, kpis.unwrap_or_default()) {
        let known = FIGURES.iter().find(|figure| [figure.key, figure.earlier].contains(&name.as_str()));
        let known_goal = known.filter(|_| kpis != Some("metrics"));
        let part = known_goal.map_or("mean", |figure| figure.part.name());
        let unit = known.map(|figure| figure.trigger.unit).or(stats["unit"].as_str());
        let figure = number(format!("{name}, {part}"), &stats[part], unit.unwrap_or_default());
        found.push(match known_goal {
            Some(known) => limited(figure, known.goal.display(), |value| known.goal.holds(value)),
            None => figure,
        });
    }
    for (kind, name) in [("goal", "goals"), ("gate", "gates")] {
        for (gate, judged) in fields(document, name) {
            let figure = number(
                format!("{kind} {gate}"),
                &judged["actual"],
                judged["unit"].as_str().unwrap_or_default(),
            );
            found.push(Figure { limit: text(&judged["condition"]), state: text(&judged["state"]), ..figure });
        }
    }
    // The earlier toolkit says of a goal that it was met, and not by what.
    if document.get("goals").is_none() {
        for (goal, met) in fields(document, "goals_met") {
            let state = if *met == true { "PASS" } else { "FAIL" };
            let figure = number(format!("goal {goal}"), met, "");
            found.push(Figure { state: Some(state.to_owned()), limit: Some("true".to_owned()), ..figure });
        }
    }
    found
}

fn readiness(document: &Value) -> Vec<Figure> {
    let sections = POINTS.iter().map(|(name, most)| points(name, &document["sections"][*name], *most));
    std::iter::once(points("score", &document["score"], 100)).chain(sections).collect()
}

fn golden(document: &Value) -> Vec<Figure> {
    let count = |name: &str| number(name, &document[name], "");
    vec![none("differences", &document["differences"]), count("files_compared"), count("tolerance")]
}

fn failover(document: &Value) -> Vec<Figure> {
    let asked = ["scenario", "mode", "runs"].map(|name| number(name, &document["parameters"][name], ""));
    let wrongs = fields(document, "wrongs").map(|(name, count)| none(name, count));
    asked.into_iter().chain(wrongs).collect()
}
