//! Which series: a metric name with label conditions, written as in `PromQL`.
#![warn(clippy::wildcard_enum_match_arm)]

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A metric name and conditions on labels: `name{label="value",other!="value"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Selector {
    /// Name of the metric.
    pub name: String,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Condition {
    label: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Whether a series of this name and these labels is meant; a label that is not there is empty.
    pub(crate) fn matches(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let holds = |condition: &Condition| {
            let value = labels.get(&condition.label).map_or("", String::as_str);
            (value == condition.value) == condition.equal
        };
        self.name == name && self.conditions.iter().all(holds)
    }

    /// As a server is asked for it: with `conditions`, such as `job="bot"`, beside its own.
    pub(crate) fn narrowed(&self, conditions: Option<&str>) -> String {
        let text = self.to_string();
        match (conditions, text.strip_suffix('}')) {
            (None, _) => text,
            (Some(conditions), Some(open)) => format!("{open},{conditions}}}"),
            (Some(conditions), None) => format!("{text}{{{conditions}}}"),
        }
    }

    /// The buckets of a histogram.
    #[must_use]
    pub(crate) fn buckets(&self) -> Self {
        Self { name: format!("{}_bucket", self.name), conditions: self.conditions.clone() }
    }
}

fn is_name(text: &str, colons: bool) -> bool {
    let start = |c: char| c.is_ascii_alphabetic() || c == '_' || (colons && c == ':');
    text.starts_with(start) && text.chars().all(|c| start(c) || c.is_ascii_digit())
}

impl TryFrom<String> for Selector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = |what: &str| format!("`{text}` is no selector: {what}");
        let (name, rest) = match text.split_once('{') {
            None => (text.as_str(), None),
            Some((name, rest)) => {
                (name, Some(rest.strip_suffix('}').ok_or_else(|| bad("the brace is not closed"))?))
            }
        };
        if !is_name(name, true) {
            return Err(bad("the metric name is not valid"));
        }
        let mut conditions = Vec::new();
        let mut rest = rest.unwrap_or_default().trim();
        while !rest.is_empty() {
            let (head, tail) = rest.split_once('"').ok_or_else(|| bad("a label needs a value in quotes"))?;
            let (value, tail) = tail.split_once('"').ok_or_else(|| bad("a quote is not closed"))?;
            if value.contains('\\') {
                return Err(bad("escapes in label values are not supported"));
            }
            let head = head.trim();
            let (label, equal) = match (head.strip_suffix("!="), head.strip_suffix('=')) {
                (Some(label), _) => (label.trim(), false),
                (None, Some(label)) => (label.trim(), true),
                (None, None) => return Err(bad("only `=` and `!=` are supported")),
            };
            if !is_name(label, false) {
                return Err(bad("a label name is not valid"));
            }
            conditions.push(Condition { label: label.to_owned(), value: value.to_owned(), equal });
            rest = match tail.trim_start().strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if tail.trim().is_empty() => "",
                None => return Err(bad("a comma is missing")),
            };
        }
        Ok(Self { name: name.to_owned(), conditions })
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.conditions.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = self
            .conditions
            .iter()
            .map(|c| format!("{}{}\"{}\"", c.label, if c.equal { "=" } else { "!=" }, c.value))
            .collect();
        write!(f, "{{{}}}", shown.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_read_matched_and_written_back() {
        let selector = Selector::try_from("m{a=\"1\", b!=\"2\"}".to_owned()).expect("valid");
        assert_eq!(selector.to_string(), "m{a=\"1\",b!=\"2\"}");
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert!(selector.matches("m", &labels(&[("a", "1")])));
        assert!(!selector.matches("m", &labels(&[("a", "1"), ("b", "2")])));
        assert!(!selector.matches("m", &labels(&[])));
        assert!(!selector.matches("n", &labels(&[("a", "1")])));
        assert_eq!(selector.buckets().name, "m_bucket");
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in
            ["", "1m", "m{", "m{a}", "m{a=1}", "m{a=~\"x\"}", "m{a=\"x}", "m{a=\"x\" b=\"y\"}", "m{=\"x\"}"]
        {
            assert!(Selector::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
