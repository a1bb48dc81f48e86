//! The rules of a requirement one by one: what each found, how far it is from its limit, and the smallest change of the
//! document after which it says otherwise.
//!
//! A change is made in a copy of the document, or of the time, and the rule is asked again; one after which it says the
//! same is not told.
#![warn(clippy::wildcard_enum_match_arm)]

use super::age::{Age, display};
use super::daily::report::SourceFile;
use super::entry::{Found, FoundDocument};
use super::explanation::{InputChange, RuleExplanation};
use super::header::Header;
use super::requirement::{Expectation, Judge, Requirement, value_at};
use crate::format::json::path::Place;
use crate::format::{duration, number};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

/// A change after which one rule may say otherwise.
#[derive(Clone, Debug)]
struct Change {
    place: String,
    to: Value,
}

/// The place of a change that is the time.
const NOW: &str = "now";

impl Requirement {
    /// Every rule of it, by what was found, with the changes that were tried.
    pub(crate) fn rules(&self, found: &Found, judge: &Judge) -> Vec<RuleExplanation> {
        let mut rules = self.untried_rules(found, judge);
        for (at, rule) in rules.iter_mut().enumerate() {
            let holds = rule.holds;
            rule.flip.retain(|change| {
                let changed = with(change, found, judge);
                let after = changed.map(|(found, judge)| self.untried_rules(&found, &judge));
                after.and_then(|rules| Some(rules.get(at)?.holds != holds)).unwrap_or(false)
            });
        }
        rules
    }

    fn untried_rules(&self, found: &Found, judge: &Judge) -> Vec<RuleExplanation> {
        let path = &self.artifact;
        let source = |sha256| vec![SourceFile { path: path.clone(), sha256 }];
        let blank = |rule: &str, limit: String| RuleExplanation {
            rule: format!("{} {rule}", self.name),
            value: Value::Null,
            limit,
            margin: None,
            n: 0,
            of: 1,
            holds: false,
            sources: source(None),
            flip: Vec::new(),
        };
        let document = match found {
            Ok(document) => document,
            Err(reason) => {
                let rule = blank("document", format!("a document at {path}"));
                return vec![RuleExplanation { value: json!(reason), ..rule }];
            }
        };
        let Ok(header) = Header::read(&document.content) else {
            return vec![blank("header", "a header that does not contradict itself".to_owned())];
        };
        let mut rules: Vec<RuleExplanation> =
            self.expect.iter().flat_map(|expect| self.of_expectation(expect, document)).collect();
        rules.push(self.of_simulation(&header, judge));
        rules.extend(self.of_age(&header, document, judge));
        rules.extend(self.of_observation(&header));
        if self.same_release {
            rules.push(self.of_release(&header, judge));
        }
        for rule in &mut rules {
            rule.sources = source(Some(document.sha256.clone()));
        }
        rules
    }

    fn rule(
        &self,
        rule: &str,
        value: Value,
        limit: String,
        holds: bool,
        change: Option<Change>,
    ) -> RuleExplanation {
        let flip = change.map(|Change { place, to }| InputChange {
            path: if place == NOW { String::new() } else { self.artifact.clone() },
            from: value.clone(),
            place,
            to,
        });
        RuleExplanation {
            rule: format!("{} {rule}", self.name),
            n: usize::from(!value.is_null()),
            value,
            limit,
            margin: None,
            of: 1,
            holds,
            sources: Vec::new(),
            flip: flip.into_iter().collect(),
        }
    }

    /// One rule for each bound.
    fn of_expectation(&self, expect: &Expectation, document: &FoundDocument) -> Vec<RuleExplanation> {
        let Expectation { pointer, equals, at_least, at_most } = expect;
        let value = value_at(&document.content, pointer).cloned().unwrap_or(Value::Null);
        let alone = |equals: Option<&Value>, at_least: Option<f64>, at_most: Option<f64>| Expectation {
            pointer: pointer.clone(),
            equals: equals.cloned(),
            at_least,
            at_most,
        };
        let holds = |expect: &Expectation| expect.refusal(document, "").is_none();
        let change = |to: Value| Some(Change { place: pointer.clone(), to });
        let mut rules = Vec::new();
        if let Some(wanted) = equals {
            let holds = holds(&alone(Some(wanted), None, None));
            let to = if holds { Value::Null } else { wanted.clone() };
            rules.push(self.rule(pointer, value.clone(), format!("equal to {wanted}"), holds, change(to)));
        }
        let bounds = [
            (*at_least, "at least", alone(None, *at_least, None), 1.0),
            (*at_most, "at most", alone(None, None, *at_most), -1.0),
        ];
        for (bound, side, expect, sign) in bounds {
            let Some(bound) = bound else { continue };
            let holds = holds(&expect);
            let to = if holds { beyond(bound, &value, -sign) } else { as_count(bound, &value) };
            let rule = self.rule(pointer, value.clone(), format!("{side} {bound}"), holds, change(to));
            let margin = value.as_f64().map(|value| sign * (value - bound));
            rules.push(RuleExplanation { margin, ..rule });
        }
        rules
    }

    fn of_simulation(&self, header: &Header, judge: &Judge) -> RuleExplanation {
        let holds = self.simulation_refusal(header, &judge.policy, "").is_none();
        let is_allowed = judge.policy.allow_simulated && !self.not_simulated;
        let limit = if is_allowed { "true or false" } else { "false" };
        let change = (!is_allowed)
            .then(|| Change { place: "root.simulated".to_owned(), to: json!(!header.simulated) });
        self.rule("simulated", json!(header.simulated), limit.to_owned(), holds, change)
    }

    /// The age, which flips by waiting; of a document that is too old, by one that is younger.
    fn of_age(&self, header: &Header, document: &FoundDocument, judge: &Judge) -> Option<RuleExplanation> {
        let limit = duration::parse(&self.max_age).ok()?;
        let text = format!("at most {}", display(limit));
        let now = judge.policy.now;
        let unknown = || Some(self.rule("age", Value::Null, text.clone(), false, None));
        let (age, holds) = match self.age(header, document, &judge.policy) {
            Ok(Age::Fresh { age }) => (age, true),
            Ok(Age::Stale { age }) => (age, false),
            Ok(Age::Future { .. } | Age::Frozen | Age::Untold) | Err(_) => return unknown(),
        };
        let made = before(now, age)?;
        let change = if holds {
            let ends = made.checked_add(SignedDuration::try_from(limit).ok()?).ok()?;
            let to = ends.checked_add(SignedDuration::from_secs(1)).ok()?;
            Some(Change { place: NOW.to_owned(), to: json!(to.to_string()) })
        } else {
            let place = match &self.finished_at {
                Some(place) => Some(place.clone()),
                None if header.observed_to.is_some() => Some("root.observed_to".to_owned()),
                None if header.made_at.is_some() => Some("root.made_at".to_owned()),
                // The time of a file is no place in it.
                None => None,
            };
            let to = json!(before(now, limit)?.to_string());
            place.map(|place| Change { place, to })
        };
        let mut rule = self.rule("age", json!(display(age)), text, holds, change);
        for change in &mut rule.flip {
            change.from = json!(if holds { now } else { made }.to_string());
        }
        rule.margin = Some((limit.as_secs_f64() - age.as_secs_f64()).round());
        rule.limit = format!("{}, margin in seconds", rule.limit);
        Some(rule)
    }

    fn of_observation(&self, header: &Header) -> Option<RuleExplanation> {
        let least = duration::parse(self.min_observed.as_ref()?).ok()?;
        let holds = self.observation_refusal(header, "").is_none();
        let text = format!("at least {}, margin in seconds", display(least));
        let Some((from, to)) = header.observation() else {
            return Some(self.rule("observed", Value::Null, text, false, None));
        };
        let seen = Duration::try_from(to.duration_since(from)).unwrap_or_default();
        let needed = before(to, least)?;
        let moved = if holds { needed.checked_add(SignedDuration::from_secs(1)).ok()? } else { needed };
        let change = Change { place: "root.observed_from".to_owned(), to: json!(moved.to_string()) };
        let mut rule = self.rule("observed", json!(display(seen)), text, holds, Some(change));
        for change in &mut rule.flip {
            change.from = json!(from.to_string());
        }
        rule.margin = Some((seen.as_secs_f64() - least.as_secs_f64()).round());
        Some(rule)
    }

    fn of_release(&self, header: &Header, judge: &Judge) -> RuleExplanation {
        let holds = judge.release.refusal(header, &judge.maker, "").is_none();
        // What is to be released is not known everywhere.
        let release = judge.release.to_string();
        let of = if release.is_empty() { release } else { format!(", of {release}") };
        let limit = format!("made by mmops {}{of}", judge.maker.version);
        let to = if holds { json!("0.0.0-other") } else { json!(judge.maker.version) };
        let change = Change { place: "root.version".to_owned(), to };
        self.rule("release", json!(header.version), limit, holds, Some(change))
    }
}

/// A limit as a value like this one has it: a count is a whole number.
fn as_count(bound: f64, like: &Value) -> Value {
    let is_count = (like.is_u64() || like.is_i64()) && bound.fract() == 0.0;
    let count = if is_count { format!("{bound:.0}").parse::<i64>().ok() } else { None };
    count.map_or(json!(bound), |count| json!(count))
}

/// The nearest value on the other side of a limit that somebody would write: for a count the next one, else the last
/// decimal that the limit or the value has; where that says nothing, the next number there is.
fn beyond(bound: f64, value: &Value, sign: f64) -> Value {
    if let Some(count) = as_count(bound, value).as_i64() {
        return json!(count + if sign > 0.0 { 1 } else { -1 });
    }
    let most = number::decimals(bound).max(value.as_f64().map_or(0, number::decimals)).clamp(1, 9);
    let step = format!("1e-{most}").parse().unwrap_or(0.0_f64);
    let near = number::rounded(bound + sign * step, most).parse().unwrap_or(bound);
    let is_beyond = (near - bound) * sign > 0.0;
    json!(match (is_beyond, sign > 0.0) {
        (true, _) => near,
        (false, true) => bound.next_up(),
        (false, false) => bound.next_down(),
    })
}

fn before(time: Timestamp, span: Duration) -> Option<Timestamp> {
    time.checked_sub(SignedDuration::try_from(span).ok()?).ok()
}

/// The document and the time with a change.
pub(crate) fn with(change: &InputChange, found: &Found, judge: &Judge) -> Option<(Found, Judge)> {
    let mut judge = judge.clone();
    if change.place == NOW {
        judge.policy.now = change.to.as_str()?.parse().ok()?;
        return Some((found.clone(), judge));
    }
    let mut document = found.as_ref().ok()?.clone();
    Place::parse(&change.place).ok()?.put(&mut document.content, change.to.clone())?;
    Some((Ok(document), judge))
}

#[cfg(test)]
mod tests {
    use super::super::age::EvidencePolicy;
    use super::super::entry::ReleaseIdentity;
    use super::*;
    use crate::report::maker::{ClockKind, Maker};
    use proptest::prelude::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn judge(allow_simulated: bool) -> Judge {
        let now = time("2026-03-10T12:00:00Z");
        Judge {
            policy: EvidencePolicy { now, is_frozen: false, allow_simulated },
            maker: Maker { version: "1.0.0", commit: None, now, stamp: now, clock: ClockKind::System },
            release: ReleaseIdentity { version: Some("2.0.0".into()), commit: None },
        }
    }

    fn requirement() -> Requirement {
        let requirement = json!({
            "name": "soak", "artifact": "soak.json", "max_age": "7d", "min_observed": "24h", "same_release": true,
            "expect": [
                {"pointer": "root.verdict", "equals": "PASS"},
                {"pointer": "root.inner.hours", "at_least": 24, "at_most": 100},
            ],
        });
        crate::format::node::from_json(requirement).expect("a requirement")
    }

    fn found(
        verdict: &str,
        hours: f64,
        age_hours: i64,
        seen_hours: i64,
        simulated: bool,
        version: &str,
    ) -> FoundDocument {
        let ended = time("2026-03-10T12:00:00Z") - SignedDuration::from_hours(age_hours);
        let began = ended - SignedDuration::from_hours(seen_hours);
        let content = json!({
            "schema": "mmops.soak-metrics.v1", "version": version, "commit": null, "made_at": ended.to_string(),
            "clock": "system", "simulated": simulated, "observed_from": began.to_string(),
            "observed_to": ended.to_string(), "subject": "2.0.0", "verdict": verdict, "inner": {"hours": hours},
        });
        FoundDocument { content, modified: ended, sha256: "5a".into() }
    }

    #[test]
    fn each_rule_has_its_value_limit_and_margin() {
        let rules = requirement().rules(&Ok(found("PASS", 30.0, 24, 48, false, "1.0.0")), &judge(false));
        let told: Vec<(&str, bool, Option<f64>)> =
            rules.iter().map(|rule| (rule.rule.as_str(), rule.holds, rule.margin)).collect();
        let expected = [
            ("soak root.verdict", true, None),
            ("soak root.inner.hours", true, Some(6.0)),
            ("soak root.inner.hours", true, Some(70.0)),
            ("soak simulated", true, None),
            ("soak age", true, Some(518_400.0)),
            ("soak observed", true, Some(86_400.0)),
            ("soak release", true, None),
        ];
        assert_eq!(told, expected);
        let age = &rules[4].flip[0];
        assert_eq!((age.place.as_str(), &age.to), ("now", &json!("2026-03-16T12:00:01Z")));
        assert!(rules.iter().all(|rule| rule.sources[0].sha256.as_deref() == Some("5a")));
    }

    #[test]
    fn a_count_changes_by_whole_numbers_and_a_rate_by_what_is_printed_of_it() {
        for (bound, value, sign, expected) in [
            (1.0, json!(1), -1.0, json!(0)),
            (0.0, json!(0), 1.0, json!(1)),
            (0.95, json!(1), -1.0, json!(0.94)),
            (0.95, json!(0.975), -1.0, json!(0.949)),
            (24.0, json!(24.5), -1.0, json!(23.9)),
            (24.0, Value::Null, -1.0, json!(23.9)),
            (1e300, json!(1e300), 1.0, json!(1e300_f64.next_up())),
        ] {
            assert_eq!(beyond(bound, &value, sign), expected, "{bound} {value}");
        }
        assert_eq!((as_count(1.0, &json!(0)), as_count(1.0, &json!(0.5))), (json!(1), json!(1.0)));
        let release = |release: ReleaseIdentity| {
            let judge = Judge { release, ..judge(false) };
            requirement().rules(&Ok(found("PASS", 30.0, 24, 48, false, "1.0.0")), &judge)[6].limit.clone()
        };
        assert_eq!(release(ReleaseIdentity::default()), "made by mmops 1.0.0");
        let known = ReleaseIdentity { version: Some("2.0.0".into()), commit: None };
        assert_eq!(release(known), "made by mmops 1.0.0, of version 2.0.0");
    }

    #[test]
    fn a_document_that_is_not_there_has_no_change() {
        let rules = requirement().rules(&Err("no such file".to_owned()), &judge(false));
        assert_eq!((rules.len(), rules[0].holds, rules[0].flip.len()), (1, false, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        /// Asked again with its change, each rule says otherwise.
        #[test]
        fn the_change_of_a_rule_flips_it(
            verdict in prop_oneof![Just("PASS"), Just("FAIL")],
            hours in 0.0..200.0_f64,
            age in 0_i64..400,
            seen in 1_i64..60,
            simulated in any::<bool>(),
            allowed in any::<bool>(),
            version in prop_oneof![Just("1.0.0"), Just("0.9.0")],
        ) {
            let (requirement, judge) = (requirement(), judge(allowed));
            let found = Ok(found(verdict, hours, age, seen, simulated, version));
            let rules = requirement.rules(&found, &judge);
            for (at, rule) in rules.iter().enumerate() {
                let is_open = rule.rule == "soak simulated" && allowed;
                prop_assert_eq!(rule.flip.len(), usize::from(!is_open), "{}", rule.rule);
                for change in &rule.flip {
                    let (changed, then) = with(change, &found, &judge).expect("it can be made");
                    let after = requirement.rules(&changed, &then);
                    prop_assert_ne!(after[at].holds, rule.holds, "{:?}", change);
                    prop_assert_eq!(&after[at].rule, &rule.rule);
                }
            }
        }
    }
}
