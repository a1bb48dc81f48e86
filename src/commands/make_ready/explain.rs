//! How near the answer is to another one: the rules of every component and of all evidence.
#![warn(clippy::wildcard_enum_match_arm)]

use super::plan::command;
use super::verdict::{Component, Facts, Verdict, verdict};
use crate::evidence::daily::report::SourceFile;
use crate::evidence::entry::{Entry, Found};
use crate::evidence::explanation::{Explanation, Flip, InputChange, MissingStep, RuleExplanation};
use crate::evidence::requirement::{Judge, Requirement};
use crate::evidence::rules;
use crate::format::duration;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The component of the rehearsals.
const PACK: &str = "pre_live_pack";
/// What makes a pack that passed one that is not simulated.
const RECORDED_FEEDS: &str = "it passed on a generated feed: name recorded ones under `feeds` of \
     deploy/tuning/grid.yaml, take --allow-simulated out of deploy/release/pre_live.yaml, and run \
     `mmops pre-live-pack --dry-run`";

/// A requirement, what was found of it, and what judging the newest run again speaks against it.
pub(super) struct Evidence<'a> {
    pub(super) requirement: &'a Requirement,
    pub(super) found: Found,
    pub(super) departures: Vec<String>,
}

impl Evidence<'_> {
    pub(super) fn entry(&self, judge: &Judge) -> Entry {
        self.requirement.judge(&self.found, judge).also(self.departures.clone())
    }

    fn rules(&self, judge: &Judge) -> Vec<RuleExplanation> {
        let mut all = self.requirement.rules(&self.found, judge);
        if let Some(first) = self.departures.first() {
            all.push(RuleExplanation {
                rule: format!("{} judged again", self.requirement.name),
                value: json!(first),
                limit: "what the newest run gives".to_owned(),
                margin: None,
                n: 1,
                of: 1,
                holds: false,
                sources: all.first().map(|rule| rule.sources.clone()).unwrap_or_default(),
                flip: Vec::new(),
            });
        }
        all
    }
}

/// What an answer is explained from.
pub(super) struct Explained<'a> {
    pub(super) facts: &'a Facts,
    pub(super) evidence: &'a [Evidence<'a>],
    pub(super) judge: &'a Judge,
    /// Of the score; none where it could not be made.
    pub(super) readiness: Option<Explanation>,
}

impl Explained<'_> {
    pub(super) fn explanation(&self) -> Explanation {
        let mut rules: Vec<RuleExplanation> =
            self.facts.components.iter().map(|component| self.of_component(component)).collect();
        if let Some(readiness) = &self.readiness {
            rules.extend(
                readiness
                    .rules
                    .iter()
                    .map(|rule| RuleExplanation { rule: format!("readiness {}", rule.rule), ..rule.clone() }),
            );
        }
        let of_evidence: Vec<Vec<RuleExplanation>> =
            self.evidence.iter().map(|evidence| evidence.rules(self.judge)).collect();
        let flip = self.flip(&of_evidence);
        let missing = self.missing();
        rules.extend(of_evidence.into_iter().flatten());
        Explanation { rules, flip, missing }
    }

    fn of_component(&self, component: &Component) -> RuleExplanation {
        let holds = component.outcome(self.facts.allow_simulated).is_yes();
        let simulated = if component.simulated { ", simulated" } else { "" };
        let sources = component.documents.iter().take(1);
        RuleExplanation {
            rule: component.name.to_owned(),
            value: json!(format!("{}{simulated}", component.marker)),
            limit: if self.facts.allow_simulated { "a yes" } else { "a yes without a simulation" }.to_owned(),
            margin: None,
            n: 1,
            of: 1,
            holds,
            sources: sources
                .map(|entry| SourceFile { path: entry.path.clone(), sha256: entry.sha256.clone() })
                .collect(),
            flip: Vec::new(),
        }
    }

    /// The answer with these changes made to the evidence, and the components as they are.
    fn with(&self, changes: &[InputChange], are_components_ok: bool) -> Verdict {
        let entries = self.evidence.iter().map(|evidence| {
            let (mut found, mut judge) = (evidence.found.clone(), self.judge.clone());
            for change in changes
                .iter()
                .filter(|change| change.path.is_empty() || change.path == evidence.requirement.artifact)
            {
                if let Some((changed, then)) = rules::with(change, &found, &judge) {
                    (found, judge) = (changed, then);
                }
            }
            evidence.requirement.judge(&found, &judge).also(evidence.departures.clone())
        });
        let mut entries = entries;
        let is_yes = entries.all(|entry| entry.outcome().is_yes());
        if is_yes && are_components_ok { Verdict::Ok } else { Verdict::Blocked }
    }

    /// Away from OK the first single change that is enough; towards it all that is missing.
    fn flip(&self, of_evidence: &[Vec<RuleExplanation>]) -> Flip {
        let rules = || of_evidence.iter().flatten();
        if verdict(self.facts) == Verdict::Ok {
            let single = rules().filter(|rule| rule.holds).flat_map(|rule| &rule.flip);
            let mut single = single.map(|change| vec![change.clone()]);
            let found = single.find(|changes| self.with(changes, true) == Verdict::Blocked);
            let of_score = || Some(self.readiness.as_ref()?.flip.changes.clone());
            let changes = found.or_else(of_score).unwrap_or_default();
            return Flip { verdict: "BLOCKED".to_owned(), changes, obstacles: Vec::new() };
        }
        let lacking = rules().filter(|rule| !rule.holds);
        let mut changes: Vec<InputChange> = lacking.flat_map(|rule| rule.flip.iter().cloned()).collect();
        let is_yes = |name: &str| {
            let mut named = self.facts.components.iter().filter(|component| component.name == name);
            named.all(|component| component.outcome(self.facts.allow_simulated).is_yes())
        };
        let of_score = self.readiness.as_ref().filter(|_| !is_yes("readiness")).map(|score| &score.flip);
        let is_score_mended = is_yes("readiness") || of_score.is_some_and(|flip| flip.verdict == "GO");
        if self.with(&changes, is_yes(PACK) && is_score_mended) == Verdict::Blocked {
            return Flip { obstacles: self.obstacles(of_evidence), ..Flip::default() };
        }
        changes.extend(of_score.iter().flat_map(|flip| flip.changes.iter().cloned()));
        Flip { verdict: "OK".to_owned(), changes, obstacles: Vec::new() }
    }

    /// What no change of a document mends: what a component comes to by itself, and evidence that is not there.
    fn obstacles(&self, of_evidence: &[Vec<RuleExplanation>]) -> Vec<String> {
        let components = self.facts.components.iter();
        let components =
            components.filter(|component| !component.outcome(self.facts.allow_simulated).is_yes());
        let of_component = |component: &Component| match &self.readiness {
            Some(score) if component.name == "readiness" => {
                let told = score.flip.obstacles.iter();
                told.map(|obstacle| format!("readiness: {obstacle}")).collect()
            }
            Some(_) | None => vec![format!("{}: {}", component.name, component.marker)],
        };
        let obstacles: Vec<String> = components.flat_map(of_component).collect();
        let stuck = self.evidence.iter().zip(of_evidence).flat_map(|(evidence, rules)| {
            let make = match (&evidence.found, command(evidence.requirement)) {
                (Err(_), Some(command)) => format!("run `{command}`, and make it"),
                (Err(_), None) | (Ok(_), _) => "make it".to_owned(),
            };
            let stuck = rules.iter().filter(|rule| !rule.holds && rule.flip.is_empty());
            stuck.map(move |rule| format!("{}: {make} {}", rule.rule, rule.limit))
        });
        obstacles.into_iter().chain(stuck).collect()
    }

    fn missing(&self) -> Vec<MissingStep> {
        let now = self.judge.policy.now;
        let mut missing = Vec::new();
        for component in &self.facts.components {
            if component.outcome(self.facts.allow_simulated).is_yes() {
                continue;
            }
            let steps = self.readiness.as_ref().filter(|_| component.name == "readiness");
            let steps = steps.map_or(&[][..], |readiness| readiness.missing.as_slice());
            missing.extend(
                steps
                    .iter()
                    .map(|step| MissingStep { rule: format!("readiness {}", step.rule), ..step.clone() }),
            );
            if steps.is_empty() {
                let reason = component.reasons.first().map_or(component.marker.as_str(), String::as_str);
                let what = match (component.name, component.answer.is_yes()) {
                    (PACK, true) => RECORDED_FEEDS.to_owned(),
                    (PACK, false) => format!("mend it, and run `mmops pre-live-pack --dry-run`: {reason}"),
                    _ => format!("make it a yes without a simulation: {reason}"),
                };
                missing.push(MissingStep { date: Some(day(now)), rule: component.name.to_owned(), what });
            }
        }
        for evidence in self.evidence {
            let entry = evidence.entry(self.judge);
            let Some(reason) = entry.reasons.first() else { continue };
            let wait =
                evidence.requirement.min_observed.as_deref().and_then(|text| duration::parse(text).ok());
            let wait = SignedDuration::try_from(wait.unwrap_or_default()).unwrap_or_default();
            missing.push(MissingStep {
                date: now.checked_add(wait).ok().map(day),
                rule: entry.name.clone(),
                what: match command(evidence.requirement) {
                    Some(command) => format!("make `{}` with `{command}`: {reason}", entry.path),
                    None => format!("make `{}` again: {reason}", entry.path),
                },
            });
        }
        missing.sort();
        if let Some(last) = missing.iter().map(|step| step.date.clone()).max() {
            let is_known = missing.iter().all(|step| step.date.is_some());
            missing.push(MissingStep {
                date: last.filter(|_| is_known),
                rule: "MAKE_READY".to_owned(),
                what: "ask again: with all of these, OK can be reached".to_owned(),
            });
        }
        missing
    }
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).date().to_string()
}
