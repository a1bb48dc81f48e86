//! Has a readiness file the form of one? Keys, types, ranges, the sum, and the verdict of the score.

use super::points::Sections;
use super::scale::SECTIONS;
use super::verdict::Verdict;
use crate::evidence::header;
use crate::format::node;
use crate::report::ERROR_SCHEMA;
use serde_json::Value;

/// What the schema of a score begins with.
const ANY_SCORE: &str = "mmops.readiness.v";

/// Everything that is wrong with the document, one sentence each; empty when nothing is.
///
/// # Errors
/// When the document is not a readiness file at all: no object, none of its keys, another document of mmops, or one that
/// says why there is no score.
pub(super) fn faults(document: &Value) -> Result<Vec<String>, String> {
    let Value::Object(fields) = document else {
        return Err("the document is not a JSON object".to_owned());
    };
    match fields.get("schema").and_then(Value::as_str) {
        Some(ERROR_SCHEMA) => {
            let message = fields.get("message").and_then(Value::as_str).unwrap_or("it does not say why");
            return Err(format!("it says that there is no score: {message}"));
        }
        Some(schema) if schema.starts_with("mmops.") && !schema.starts_with(ANY_SCORE) => {
            return Err(format!("its schema is `{schema}`"));
        }
        Some(_) | None => {}
    }
    if !["score", "sections", "verdict"].iter().any(|key| fields.contains_key(*key)) {
        return Err("the document has none of score, sections, verdict".to_owned());
    }
    let missing = |key: &&&str| !fields.contains_key(**key);
    let mut faults: Vec<String> =
        KEYS.iter().filter(missing).map(|key| format!("Missing required key: '{key}'")).collect();
    if !faults.is_empty() {
        return Ok(faults);
    }
    let is_known =
        |key: &str| KEYS.contains(&key) || OF_RELEASE.contains(&key) || header::FIELDS.contains(&key);
    for key in fields.keys().filter(|key| !is_known(key)) {
        faults.push(format!("Unknown key: '{key}'"));
    }
    for key in ["utc", "version"] {
        if fields["runtime"].get(key).and_then(Value::as_str).is_none() {
            faults.push(format!("Missing 'runtime.{key}'"));
        }
    }
    let score = fields["score"].as_f64();
    if score.is_none() {
        faults.push("'score' must be a number".to_owned());
    }
    let sections = read_sections(&fields["sections"], &mut faults);
    let claimed = claimed(document);
    if claimed.is_none() {
        let found = &fields["verdict"];
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        faults.push(format!("'verdict' must be 'GO', 'HOLD' or 'BLOCK', got: '{found}'"));
    }
    if let (Some(score), Some(sections), true) = (score, sections, faults.is_empty()) {
        check_values(score, &sections, claimed, &mut faults);
    }
    Ok(faults)
}

/// The verdict that the document states, if it is one.
pub(super) fn claimed(document: &Value) -> Option<Verdict> {
    node::from_json(document.get("verdict")?.clone()).ok()
}

/// Keys of a readiness file beside those of the evidence header.
const KEYS: [&str; 11] = [
    "runtime",
    "score",
    "sections",
    "verdict",
    "window",
    "days",
    "losses",
    "required_drills",
    "drills",
    "remarks",
    "newest_day",
];
/// Those of what is to be released, which are there where it is known.
const OF_RELEASE: [&str; 2] = ["release", "other_release"];

fn read_sections(found: &Value, faults: &mut Vec<String>) -> Option<Sections> {
    let Value::Object(fields) = found else {
        faults.push("'sections' must be an object".to_owned());
        return None;
    };
    for key in fields.keys().filter(|key| !SECTIONS.iter().any(|(name, _)| name == key)) {
        faults.push(format!("Unknown section: '{key}'"));
    }
    for (name, _) in SECTIONS {
        match fields.get(name) {
            None => faults.push(format!("Missing section: '{name}'")),
            Some(value) if value.as_f64().is_none() => {
                faults.push(format!("Section '{name}' must be a number"));
            }
            Some(_) => {}
        }
    }
    node::from_json(found.clone()).ok()
}

fn check_values(score: f64, sections: &Sections, claimed: Option<Verdict>, faults: &mut Vec<String>) {
    if !(0.0..=100.0).contains(&score) {
        faults.push(format!("'score' must be 0-100, got: {score}"));
    }
    for ((name, max), points) in SECTIONS.iter().zip(sections.points()) {
        if !(0.0..=*max).contains(&points) {
            faults.push(format!("Section '{name}' must be 0-{max:.1}, got: {points:.1}"));
        }
    }
    let total = sections.total();
    if (total - score).abs() > 5e-7 {
        faults.push(format!("The sections add up to {total}, but 'score' is {score}"));
    }
    if claimed == Some(Verdict::Go) && score < 100.0 {
        faults.push(format!("Verdict 'GO' requires score=100.0, got: {score:.1}"));
    }
}
