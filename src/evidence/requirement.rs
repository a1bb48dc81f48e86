//! Does a document that an earlier command wrote still count as evidence? Decided from its content, its
//! age, and what the plan requires of it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::age::{Age, AgeSource, EvidencePolicy, display, judge_age};
use crate::evidence::entry::{Entry, Found, FoundDocument, ReleaseIdentity};
use crate::evidence::header::Header;
use crate::format::duration;
use crate::format::json::path::Place;
use crate::report::maker::Maker;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// What a plan requires of one artifact.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    /// Name of the row.
    pub(crate) name: String,
    /// JSON document, relative to the root.
    pub(crate) artifact: String,
    /// Largest age, such as `36h` or `30d`.
    pub(crate) max_age: String,
    /// Place of the RFC 3339 time at which the work was finished; when left out, the age is that of the
    /// evidence header, and of a document without one that of the file's last write.
    #[serde(default)]
    pub(crate) finished_at: Option<String>,
    /// A simulated document does not count, not even with `--allow-simulated`.
    #[serde(default)]
    pub(crate) not_simulated: bool,
    /// Least time that was observed, such as `24h`, by the evidence header.
    #[serde(default)]
    pub(crate) min_observed: Option<String>,
    /// Made by this mmops, and of the version or commit that is to be released, where both are known.
    #[serde(default)]
    pub(crate) same_release: bool,
    /// What the document must say.
    pub(crate) expect: Vec<Expectation>,
}

/// One value that a document must have.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// Place of the value, such as `root.verdict` or `/verdict`.
    pub(crate) pointer: String,
    /// The value that must stand there.
    #[serde(default)]
    pub(crate) equals: Option<Value>,
    /// Least number that may stand there.
    #[serde(default)]
    pub(crate) at_least: Option<f64>,
    /// Largest number that may stand there.
    #[serde(default)]
    pub(crate) at_most: Option<f64>,
}

/// What requirements are judged against.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    pub(crate) policy: EvidencePolicy,
    pub(crate) maker: Maker,
    pub(crate) release: ReleaseIdentity,
}

impl Requirement {
    /// Says what is wrong with the requirement itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if self.expect.is_empty() {
            return Err(format!("evidence `{name}` expects nothing, so it could not fail"));
        }
        for place in self.expect.iter().map(|expect| &expect.pointer).chain(&self.finished_at) {
            Place::parse(place).map_err(|reason| format!("evidence `{name}`: {reason}"))?;
        }
        self.expect.iter().try_for_each(|expect| {
            expect.check().map_err(|reason| format!("evidence `{name}`: {}: {reason}", expect.pointer))
        })?;
        let durations = [("max_age", Some(&self.max_age)), ("min_observed", self.min_observed.as_ref())];
        durations.into_iter().filter_map(|(key, text)| Some((key, text?))).try_for_each(|(key, text)| {
            let refuse = |error| format!("evidence `{name}` has {key} `{text}`: {error}");
            duration::parse(text).map(|_| ()).map_err(refuse)
        })
    }

    /// Judges what was found.
    pub(crate) fn judge(&self, found: &Found, judge: &Judge) -> Entry {
        let (entry, header) = Entry::of(&self.name, &self.artifact, found);
        let Ok(document) = found else { return entry };
        let subject = format!("`{}`", self.artifact);
        let mut reasons: Vec<String> =
            self.expect.iter().filter_map(|e| e.refusal(document, &subject)).collect();
        let Some(header) = header else {
            reasons.extend(entry.reasons.iter().cloned());
            return entry.judged(reasons);
        };
        let age = self.age(&header, document, &judge.policy);
        let told = match &age {
            Ok(Age::Fresh { age } | Age::Stale { age }) => Some(display(*age)),
            Ok(Age::Future { .. } | Age::Frozen | Age::Untold) | Err(_) => None,
        };
        reasons.extend(self.simulation_refusal(&header, &judge.policy, &subject));
        reasons.extend(age.map_or_else(Some, |age| age.refusal(&subject, &self.max_age)));
        reasons.extend(self.observation_refusal(&header, &subject));
        if self.same_release {
            reasons.extend(judge.release.refusal(&header, &judge.maker, &subject));
        }
        Entry { age: told, ..entry.judged(reasons) }
    }

    pub(super) fn simulation_refusal(
        &self,
        header: &Header,
        policy: &EvidencePolicy,
        subject: &str,
    ) -> Option<String> {
        let allow_simulated = policy.allow_simulated && !self.not_simulated;
        EvidencePolicy { allow_simulated, ..*policy }.simulation_refusal(header, subject)
    }

    pub(super) fn observation_refusal(&self, header: &Header, subject: &str) -> Option<String> {
        let wanted = self.min_observed.as_ref()?;
        let least = duration::parse(wanted).unwrap_or(Duration::MAX);
        let Some((from, to)) = header.observation() else {
            return Some(format!("{subject} does not say how long it observed, at least {wanted} is wanted"));
        };
        let observed = Duration::try_from(to.duration_since(from)).unwrap_or_default();
        (observed < least)
            .then(|| format!("{subject} observed {}, at least {wanted} is wanted", display(observed)))
    }

    /// The age of the document against the limit, or why that cannot be said.
    pub(super) fn age(
        &self,
        header: &Header,
        document: &FoundDocument,
        policy: &EvidencePolicy,
    ) -> Result<Age, String> {
        let max_age = duration::parse(&self.max_age).unwrap_or_default();
        Ok(judge_age(header, self.age_source(header, document)?, max_age, policy))
    }

    fn age_source(&self, header: &Header, document: &FoundDocument) -> Result<AgeSource, String> {
        Ok(match &self.finished_at {
            None if header.made_at.is_some() => AgeSource::Header,
            None => AgeSource::Outside(document.modified),
            Some(place) => {
                let text = value_at(&document.content, place).and_then(Value::as_str);
                let text = text.ok_or_else(|| format!("`{}` has no time at {place}", self.artifact))?;
                AgeSource::Field(
                    text.parse().map_err(|_| {
                        format!("`{}`: {place} is `{text}`, not an RFC 3339 time", self.artifact)
                    })?,
                )
            }
        })
    }

    /// The time from which the age of what was found is counted, where it has one.
    pub(crate) fn made(&self, found: &Found) -> Option<Timestamp> {
        let document = found.as_ref().ok()?;
        let header = Header::read(&document.content).ok()?;
        self.age_source(&header, document).ok()?.time(&header)
    }
}

impl Expectation {
    fn check(&self) -> Result<(), &'static str> {
        if self.equals.is_none() && self.at_least.is_none() && self.at_most.is_none() {
            return Err("one of equals, at_least and at_most must be there");
        }
        let is_number = |bound: &Option<f64>| bound.is_none_or(f64::is_finite);
        let are_numbers = is_number(&self.at_least) && is_number(&self.at_most);
        are_numbers.then_some(()).ok_or("at_least and at_most must be finite numbers")
    }

    /// Why the document does not say what it must.
    pub(super) fn refusal(&self, document: &FoundDocument, subject: &str) -> Option<String> {
        let Self { pointer, equals, at_least, at_most } = self;
        let Some(value) = value_at(&document.content, pointer) else {
            return Some(format!("{subject} has no {pointer}"));
        };
        if let Some(wanted) = equals.as_ref().filter(|wanted| *wanted != value) {
            return Some(format!("{subject}: {pointer} is {value}, wanted {wanted}"));
        }
        // A text such as "24" and a number that is none are outside every bound.
        let figure = value.as_f64();
        let is_below = at_least.is_some_and(|least| !figure.is_some_and(|figure| figure >= least));
        if let Some(least) = at_least.filter(|_| is_below) {
            return Some(format!("{subject}: {pointer} is {value}, wanted at least {least}"));
        }
        let is_above = at_most.is_some_and(|most| !figure.is_some_and(|figure| figure <= most));
        at_most
            .filter(|_| is_above)
            .map(|most| format!("{subject}: {pointer} is {value}, wanted at most {most}"))
    }
}

/// What stands at a place, whose notation was checked with the requirement.
pub(super) fn value_at<'a>(document: &'a Value, place: &str) -> Option<&'a Value> {
    Place::parse(place).ok()?.find(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;
    use crate::report::maker::ClockKind;
    use serde_json::json;

    fn requirement() -> Requirement {
        Requirement {
            name: "golden".into(),
            artifact: "artifacts/golden.json".into(),
            max_age: "1h".into(),
            finished_at: None,
            not_simulated: false,
            min_observed: None,
            same_release: false,
            expect: vec![equals("/verdict", json!("MATCH"))],
        }
    }

    fn equals(pointer: &str, value: Value) -> Expectation {
        Expectation { pointer: pointer.into(), equals: Some(value), at_least: None, at_most: None }
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn judge(allow_simulated: bool) -> Judge {
        let now = time("2026-03-10T12:00:00Z");
        let release = ReleaseIdentity { version: Some("2.0.0".into()), commit: Some("c0ffee5eed".into()) };
        Judge {
            policy: EvidencePolicy { now, is_frozen: false, allow_simulated },
            maker: Maker { version: "1.0.0", commit: Some("aaa"), now, stamp: now, clock: ClockKind::System },
            release,
        }
    }

    fn found(content: Value, modified: &str) -> FoundDocument {
        FoundDocument { content, modified: time(modified), sha256: "5a".into() }
    }

    fn judged(content: Value, modified: &str) -> Entry {
        requirement().judge(&Ok(found(content, modified)), &judge(false))
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

    /// A document with every field of the header.
    fn document() -> Value {
        json!({
            "verdict": "MATCH", "schema": "mmops.golden-compare.v1", "version": "1.0.0", "commit": null,
            "made_at": "2026-03-10T11:30:00Z", "clock": "system", "simulated": false, "hours": 24.0,
            "observed_from": "2026-03-09T11:30:00Z", "observed_to": "2026-03-10T11:30:00Z",
        })
    }

    #[test]
    fn bounds_observation_and_release_are_required_by_their_keys() {
        let bound = |least, most| Expectation {
            pointer: "root.hours".into(),
            equals: None,
            at_least: least,
            at_most: most,
        };
        let strict = Requirement {
            not_simulated: true,
            min_observed: Some("24h".into()),
            same_release: true,
            expect: vec![equals("$.verdict", json!("MATCH")), bound(Some(24.0), Some(24.0))],
            ..requirement()
        };
        assert_eq!(strict.check(), Ok(()));
        let of = |document: Value| strict.judge(&Ok(found(document, "2026-03-10T11:30:00Z")), &judge(true));
        let good = of(document());
        assert_eq!((good.status, good.reasons, good.age.as_deref()), (Status::Ok, vec![], Some("30m")));
        for (field, value, part) in [
            ("hours", json!(23.9), "root.hours is 23.9, wanted at least 24"),
            ("hours", json!(24.1), "root.hours is 24.1, wanted at most 24"),
            ("hours", json!("24"), "wanted at least 24"),
            ("hours", json!(null), "wanted at least 24"),
            ("simulated", json!(true), "is simulated"),
            ("observed_from", json!("2026-03-09T11:30:01Z"), "observed 23h 59m 59s, at least 24h"),
            ("observed_from", json!(null), "does not say how long"),
            ("version", json!("0.9.0"), "made by mmops 0.9.0, this is 1.0.0"),
            ("commit", json!("bbb"), "mmops of commit bbb, this is aaa"),
            ("subject", json!("1.9.9"), "speaks of 1.9.9"),
            ("subject", json!("c0ffee4"), "what is to be released is version 2.0.0, commit c0ffee5eed"),
        ] {
            let mut changed = document();
            changed[field] = value;
            let judged = of(changed);
            assert_eq!(judged.reasons.len(), 1, "{field}: {judged:?}");
            assert!(judged.reasons[0].contains(part), "{field}: {judged:?}");
        }
        let mut headless = document();
        headless.as_object_mut().expect("an object").remove("made_at");
        assert!(of(headless).reasons.iter().any(|reason| reason.contains("no evidence header")));
        for subject in ["2.0.0", "v2.0.0", "c0ffee5", "c0ffee5eed"] {
            let mut same = document();
            same["subject"] = json!(subject);
            assert_eq!(of(same).reasons, Vec::<String>::new(), "{subject}");
        }
    }

    #[test]
    fn a_place_that_is_none_and_an_expectation_of_nothing_are_refused() {
        let with = |expect| Requirement { expect: vec![expect], ..requirement() }.check();
        let nothing = Expectation { equals: None, ..equals("/a", json!(1)) };
        assert!(with(nothing.clone()).expect_err("refused").contains("one of equals"));
        let endless = Expectation { at_least: Some(f64::NEG_INFINITY), ..nothing };
        assert!(with(endless).expect_err("refused").contains("finite"));
        for place in ["a", "root.*", "root..a"] {
            assert!(with(equals(place, json!(1))).is_err(), "{place}");
        }
        let old = Requirement { max_age: "11years".into(), ..requirement() };
        assert!(old.check().expect_err("refused").contains("ten years"));
    }
}
