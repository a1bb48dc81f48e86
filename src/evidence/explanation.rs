//! How near an answer is to another one: each rule with its value and limit, and the smallest change of what was read
//! after which the answer is another.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::daily::report::SourceFile;
use crate::format::number;
use crate::report::{Outcome, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Why the answer is what it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Explanation {
    /// Every rule that was asked.
    pub(crate) rules: Vec<RuleExplanation>,
    /// The smallest change of input after which the answer is another.
    pub(crate) flip: Flip,
    /// What is missing for a yes, in the order in which it can be had.
    pub(crate) missing: Vec<MissingStep>,
}

/// A change of input, and the answer after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Flip {
    /// The answer after the change.
    pub(crate) verdict: String,
    /// All of them together; empty where no change of a document is enough.
    pub(crate) changes: Vec<InputChange>,
    /// Why none is, and what would be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) obstacles: Vec<String>,
}

/// One value of a document, or the time, that would have to be another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct InputChange {
    /// The document; empty for the time.
    pub(crate) path: String,
    /// The place in it, such as `root.verdict`, or `now`.
    pub(crate) place: String,
    /// What stands there; null where there is nothing.
    pub(crate) from: Value,
    /// What would have to.
    pub(crate) to: Value,
}

/// One rule of the answer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RuleExplanation {
    /// Its name.
    pub(crate) rule: String,
    /// What was found; null where it is not known.
    pub(crate) value: Value,
    /// What must hold for it, such as `at least 2.5 bps`.
    pub(crate) limit: String,
    /// How far the value lies on the good side of the limit, in its unit; below zero on the other side, null where
    /// there is no distance.
    pub(crate) margin: Option<f64>,
    /// Observations behind the value, and how many there should be.
    pub(crate) n: usize,
    pub(crate) of: usize,
    /// Whether it holds.
    pub(crate) holds: bool,
    /// Where the value came from.
    pub(crate) sources: Vec<SourceFile>,
    /// The smallest change after which the rule holds no more, or does; empty where there is no document to change.
    pub(crate) flip: Vec<InputChange>,
}

/// Something that is missing for a yes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub(crate) struct MissingStep {
    /// The first day on which it can be there, UTC, with nothing else going wrong; null where nobody can tell.
    pub(crate) date: Option<String>,
    /// The rule that it is for.
    pub(crate) rule: String,
    /// What is to be done.
    pub(crate) what: String,
}

impl InputChange {
    fn text(&self) -> String {
        let document = if self.path.is_empty() { String::new() } else { format!(" of {}", self.path) };
        format!("{}{document} from {} to {}", self.place, self.from, self.to)
    }
}

impl RuleExplanation {
    /// The rule in lines for people; `there` are the documents that could be read.
    fn lines(&self, there: &BTreeSet<&str>) -> Vec<String> {
        let short = |figure: f64| number::rounded(figure, 6);
        let margin = self.margin.map_or_else(String::new, |margin| format!(", margin {}", short(margin)));
        let value = self.value.as_f64().map_or_else(|| self.value.to_string(), short);
        let mut lines =
            vec![format!("{} is {value}, {}{margin}, n {} of {}", self.rule, self.limit, self.n, self.of)];
        lines.extend(self.sources.iter().map(|source| match &source.sha256 {
            Some(sha256) => format!("from {} ({sha256})", source.path),
            None => format!("from {}, which could not be read", source.path),
        }));
        if !self.flip.is_empty() {
            let becomes = if self.holds { "holds no more" } else { "holds" };
            lines.extend(told(becomes, &self.flip, there));
        }
        lines
    }
}

impl Explanation {
    /// A row for each rule, and one for the change and what is missing. None of them says no by itself.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let row = |holds: bool, lines: Vec<String>| {
            let outcome = if holds { Outcome::Pass } else { Outcome::Warn };
            Row::new("explain", outcome).reasons(lines)
        };
        let sources = self.rules.iter().flat_map(|rule| &rule.sources);
        let there = sources.filter(|source| source.sha256.is_some()).map(|source| source.path.as_str());
        let there: BTreeSet<&str> = there.collect();
        let mut rows: Vec<Row> = self.rules.iter().map(|rule| row(rule.holds, rule.lines(&there))).collect();
        rows.push(row(self.missing.is_empty(), self.lines(&there)));
        rows
    }

    /// The change and what is missing, in lines for people.
    fn lines(&self, there: &BTreeSet<&str>) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.flip.changes.is_empty() {
            lines.extend(told(&self.flip.verdict, &self.flip.changes, there));
        }
        if !self.flip.obstacles.is_empty() {
            lines.push("no change of a value in a document is enough".to_owned());
            lines.extend(self.flip.obstacles.iter().cloned());
        }
        // What several rules wait for is one thing.
        let mut steps: Vec<(&MissingStep, Vec<&str>)> = Vec::new();
        for step in &self.missing {
            let is_same =
                |(other, _): &&mut (&MissingStep, _)| (&other.date, &other.what) == (&step.date, &step.what);
            match steps.iter_mut().find(is_same) {
                Some((_, rules)) => rules.push(&step.rule),
                None => steps.push((step, vec![&step.rule])),
            }
        }
        lines.extend(steps.into_iter().map(|(MissingStep { date, what, .. }, rules)| {
            let date = date.as_deref().unwrap_or("on a day that nobody can tell");
            format!("{date}: {}: {what}", rules.join(", "))
        }));
        lines
    }
}

/// What the changes make, with one change in its line, and several below it: a line has a largest length. That documents
/// are missing is said once of all of them.
fn told(becomes: &str, changes: &[InputChange], there: &BTreeSet<&str>) -> Vec<String> {
    let is_missing = |change: &&InputChange| !change.path.is_empty() && !there.contains(change.path.as_str());
    let (missing, mut texts): (Vec<&InputChange>, Vec<String>) = (
        changes.iter().filter(is_missing).collect(),
        changes.iter().filter(|change| !is_missing(change)).map(InputChange::text).collect(),
    );
    let paths: BTreeSet<&str> = missing.iter().map(|change| change.path.as_str()).collect();
    if let [first, .., last] = paths.iter().collect::<Vec<_>>().as_slice() {
        let mut values: Vec<String> = Vec::new();
        for InputChange { place, to, .. } in missing {
            let value = format!("{place} {to}");
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let count = paths.len();
        texts.push(format!(
            "{} in the {count} documents that are missing, {first} to {last}",
            values.join(", ")
        ));
    } else {
        texts.extend(missing.into_iter().map(InputChange::text));
    }
    match texts.as_slice() {
        [text] => vec![format!("{becomes} with {text}")],
        texts => {
            let first = format!("{becomes} with these {} changes together:", texts.len());
            std::iter::once(first).chain(texts.iter().map(|text| format!("- {text}"))).collect()
        }
    }
}
