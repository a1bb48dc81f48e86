//! Does a document that an earlier command wrote still count as evidence? Decided from its content, its
//! age, and what the plan requires of it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::age::{AgeSource, EvidencePolicy, judge_age};
use crate::evidence::header::Header;
use crate::report::{Outcome, Row, Status};
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
    /// JSON pointer to the RFC 3339 time at which the work was finished; when left out, the age is that of
    /// the evidence header, and of a document without one that of the file's last write.
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
    pub(crate) fn judge(&self, found: &Found, policy: &EvidencePolicy) -> Judged {
        let (reasons, simulated) = match found {
            Found::Unusable(reason) => (vec![reason.clone()], false),
            Found::Document { content, modified } => self.judge_document(content, *modified, policy),
        };
        let status = Outcome::of_refusals(&reasons).status();
        Judged { name: self.name.clone(), status, artifact: self.artifact.clone(), reasons, simulated }
    }

    /// Why the document does not count, and whether it is simulated or does not say so clearly.
    fn judge_document(
        &self,
        content: &Value,
        modified: Timestamp,
        policy: &EvidencePolicy,
    ) -> (Vec<String>, bool) {
        let subject = format!("`{}`", self.artifact);
        let mut reasons = Vec::new();
        for expect in &self.expect {
            match content.pointer(&expect.pointer) {
                None => reasons.push(format!("{subject} has no {}", expect.pointer)),
                Some(value) if *value != expect.equals => reasons
                    .push(format!("{subject}: {} is {value}, wanted {}", expect.pointer, expect.equals)),
                Some(_) => {}
            }
        }
        let header = match Header::read(content) {
            Ok(header) => header,
            Err(reason) => {
                reasons.push(format!("{subject}: {reason}"));
                return (reasons, true);
            }
        };
        reasons.extend(policy.simulation_refusal(&header, &subject));
        let max_age = humantime::parse_duration(&self.max_age).unwrap_or_default();
        match self.age_source(&header, content, modified) {
            Err(reason) => reasons.push(reason),
            Ok(source) => {
                reasons.extend(judge_age(&header, source, max_age, policy).refusal(&subject, &self.max_age));
            }
        }
        (reasons, header.simulated)
    }

    fn age_source(&self, header: &Header, content: &Value, modified: Timestamp) -> Result<AgeSource, String> {
        let Some(pointer) = &self.finished_at else {
            let has_header = header.made_at.is_some();
            return Ok(if has_header { AgeSource::Header } else { AgeSource::Outside(modified) });
        };
        let text = content.pointer(pointer).and_then(Value::as_str);
        let text = text.ok_or_else(|| format!("`{}` has no time at {pointer}", self.artifact))?;
        let time = text.parse();
        time.map(AgeSource::Field)
            .map_err(|_| format!("`{}`: {pointer} is `{text}`, not an RFC 3339 time", self.artifact))
    }
}

impl Judged {
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of_refusals(&self.reasons)
    }

    /// The row of a table.
    pub(crate) fn row(&self) -> Row {
        Row::new(&self.name, self.outcome()).field("artifact", &self.artifact).reasons(&self.reasons)
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
        requirement().judge(&found, &EvidencePolicy { now, is_frozen: false, allow_simulated: false })
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
    fn the_header_tells_the_age_and_not_the_file_that_was_copied() {
        let header = |made_at: &str, clock: &str| {
            json!({
                "verdict": "MATCH", "schema": "mmops.golden-compare.v1", "version": "1.0.0", "commit": null,
                "made_at": made_at, "clock": clock, "simulated": false,
            })
        };
        let now = "2026-03-10T12:00:00Z";
        for (made_at, clock, reason) in [
            ("2026-03-10T11:30:00Z", "system", None),
            ("2026-03-10T10:30:00Z", "system", Some("1h 30m old")),
            ("2026-03-10T11:30:00Z", "frozen", Some("frozen clock")),
            ("2026-03-10T11:30:00Z", "stamped", Some("does not tell its age")),
        ] {
            let judged = judged(header(made_at, clock), now);
            let expected = if reason.is_none() { Status::Ok } else { Status::Fail };
            assert_eq!(judged.status, expected, "{judged:?}");
            let part = reason.unwrap_or_default();
            assert!(judged.reasons.iter().all(|reason| reason.contains(part)), "{judged:?}");
        }
        let mut cut = header(now, "system");
        cut.as_object_mut().expect("an object").remove("clock");
        assert_eq!(judged(cut, now).reasons, ["`artifacts/golden.json`: the evidence header has no clock"]);
    }

    #[test]
    fn a_requirement_that_cannot_fail_is_refused() {
        let mut requirement = requirement();
        requirement.expect.clear();
        assert!(requirement.check().expect_err("refused").contains("could not fail"));
    }
}
