//! Does a document that an earlier command wrote still count as evidence? Decided from its content, its
//! age, and what the plan requires of it.

use crate::evidence::freshness::{self, Freshness};
use crate::report::{Row, Status};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a plan requires of one artifact.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    /// Name of the row.
    pub(crate) name: String,
    /// JSON document, relative to the root.
    pub(crate) artifact: String,
    /// Largest age, such as `36h` or `30d`.
    pub(crate) max_age: String,
    /// JSON pointer to the RFC 3339 time at which the work was finished; the file's modification time
    /// when left out.
    #[serde(default)]
    pub(crate) finished_at: Option<String>,
    /// What the document must say.
    pub(crate) expect: Vec<Expectation>,
}

/// One value that a document must have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// JSON pointer, such as `/verdict`.
    pub(crate) pointer: String,
    /// The value that must stand there.
    pub(crate) equals: Value,
}

/// An artifact as it was found.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// It cannot be read, or is no JSON; the reason.
    Unusable(String),
    /// A document and when its file was last modified.
    Document {
        /// The parsed content.
        content: Value,
        /// Modification time of the file.
        modified: Timestamp,
    },
}

/// The state of one requirement, as readiness files keep it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Judged {
    /// Name of the requirement.
    pub(crate) name: String,
    /// OK or FAIL.
    pub(crate) status: Status,
    /// The document.
    pub(crate) artifact: String,
    /// Why it does not count; empty when it does.
    pub(crate) reasons: Vec<String>,
    /// Whether the document says that it comes from a simulation.
    pub(crate) simulated: bool,
}

/// On what terms evidence counts.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The time at which it is judged.
    pub now: Timestamp,
    /// Whether that time is frozen: only then what was made under a frozen clock counts, as any age could
    /// have been made to look fresh.
    pub is_frozen: bool,
    /// Whether simulated runs count.
    pub allow_simulated: bool,
}

impl Terms {
    /// Why a document does not count because of what it says of its own clock, its field `clock`.
    pub fn clock_fault(&self, shown: &str, clock: Option<&Value>) -> Option<String> {
        let clock = clock.filter(|_| !self.is_frozen)?;
        Some(format!("{shown} was made under a clock that is {clock}, which is not evidence"))
    }
}

impl Found {
    /// What came of reading the document and its modification time.
    pub(crate) fn of<E: std::fmt::Display>(read: Result<(Value, Timestamp), E>) -> Self {
        match read {
            Ok((content, modified)) => Found::Document { content, modified },
            Err(reason) => Found::Unusable(reason.to_string()),
        }
    }
}

impl Requirement {
    /// Says what is wrong with the requirement itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if self.expect.is_empty() {
            return Err(format!("evidence `{name}` expects nothing, so it could not fail"));
        }
        for pointer in self.expect.iter().map(|expect| &expect.pointer).chain(&self.finished_at) {
            if !pointer.starts_with('/') {
                return Err(format!(
                    "evidence `{name}`: `{pointer}` is not a JSON pointer; write /{pointer}"
                ));
            }
        }
        match humantime::parse_duration(&self.max_age) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("evidence `{name}` has max_age `{}`: {error}", self.max_age)),
        }
    }

    /// Judges what was found.
    pub(crate) fn judge(&self, found: &Found, terms: &Terms) -> Judged {
        let (reasons, simulated) = match found {
            Found::Unusable(reason) => (vec![reason.clone()], false),
            Found::Document { content, modified } => {
                (self.faults(content, *modified, terms), is_simulated(content))
            }
        };
        let status = if reasons.is_empty() { Status::Ok } else { Status::Fail };
        Judged { name: self.name.clone(), status, artifact: self.artifact.clone(), reasons, simulated }
    }

    fn faults(&self, content: &Value, modified: Timestamp, terms: &Terms) -> Vec<String> {
        let mut faults = Vec::new();
        for expect in &self.expect {
            match content.pointer(&expect.pointer) {
                None => faults.push(format!("`{}` has no {}", self.artifact, expect.pointer)),
                Some(value) if *value != expect.equals => faults.push(format!(
                    "`{}`: {} is {value}, wanted {}",
                    self.artifact, expect.pointer, expect.equals
                )),
                Some(_) => {}
            }
        }
        faults.extend(terms.clock_fault(&format!("`{}`", self.artifact), content.get("clock")));
        if is_simulated(content) && !terms.allow_simulated {
            faults.push(format!("`{}` is simulated, which is not evidence", self.artifact));
        }
        match self.made(content, modified) {
            Err(reason) => faults.push(reason),
            Ok(made) => faults.extend(self.age_fault(made, terms.now)),
        }
        faults
    }

    fn made(&self, content: &Value, modified: Timestamp) -> Result<Timestamp, String> {
        let Some(pointer) = &self.finished_at else { return Ok(modified) };
        let text = content.pointer(pointer).and_then(Value::as_str);
        let text = text.ok_or_else(|| format!("`{}` has no time at {pointer}", self.artifact))?;
        text.parse().map_err(|_| format!("`{}`: {pointer} is `{text}`, not an RFC 3339 time", self.artifact))
    }

    fn age_fault(&self, made: Timestamp, now: Timestamp) -> Option<String> {
        let max_age = humantime::parse_duration(&self.max_age).unwrap_or_default();
        match freshness::judge(made, now, max_age) {
            Freshness::Fresh { .. } => None,
            Freshness::Stale { age } => Some(format!(
                "`{}` is {} old, the limit is {}",
                self.artifact,
                freshness::shown(age),
                self.max_age
            )),
            Freshness::Clock { ahead } => {
                Some(format!("clock: `{}` was made {} in the future", self.artifact, freshness::shown(ahead)))
            }
        }
    }
}

/// Whether a document says that it comes from a simulation, or says it in words that nobody knows.
pub(crate) fn is_simulated(content: &Value) -> bool {
    content.get("simulated").is_some_and(|simulated| *simulated != Value::Bool(false))
}

impl Judged {
    /// The row of a table.
    pub(crate) fn row(&self) -> Row {
        Row::new(&self.name, self.status).field("artifact", &self.artifact).reasons(&self.reasons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn requirement() -> Requirement {
        Requirement {
            name: "golden".into(),
            artifact: "artifacts/golden.json".into(),
            max_age: "1h".into(),
            finished_at: None,
            expect: vec![Expectation { pointer: "/verdict".into(), equals: json!("MATCH") }],
        }
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn judged(content: Value, modified: &str) -> Judged {
        let found = Found::Document { content, modified: time(modified) };
        let now = time("2026-03-10T12:00:00Z");
        requirement().judge(&found, &Terms { now, is_frozen: false, allow_simulated: false })
    }

    #[test]
    fn a_fresh_document_that_says_yes_is_evidence() {
        let judged = judged(json!({"verdict": "MATCH"}), "2026-03-10T11:30:00Z");
        assert_eq!((judged.status, judged.reasons), (Status::Ok, vec![]));
    }

    #[test]
    fn anything_else_is_not_and_says_why() {
        for (content, modified, part) in [
            (json!({"verdict": "DRIFT"}), "2026-03-10T11:30:00Z", "wanted \"MATCH\""),
            (json!({}), "2026-03-10T11:30:00Z", "has no /verdict"),
            (json!({"verdict": "MATCH"}), "2026-03-10T10:00:00Z", "2h old, the limit is 1h"),
            (json!({"verdict": "MATCH"}), "2026-03-10T13:00:00Z", "clock:"),
            (json!({"verdict": "MATCH", "simulated": true}), "2026-03-10T11:30:00Z", "simulated"),
            (json!({"verdict": "MATCH", "simulated": "no"}), "2026-03-10T11:30:00Z", "simulated"),
        ] {
            let judged = judged(content, modified);
            assert_eq!(judged.status, Status::Fail);
            assert!(judged.reasons.iter().any(|reason| reason.contains(part)), "{judged:?}");
        }
    }

    #[test]
    fn a_requirement_that_cannot_fail_is_refused() {
        let mut requirement = requirement();
        requirement.expect.clear();
        assert!(requirement.check().expect_err("refused").contains("could not fail"));
    }
}
