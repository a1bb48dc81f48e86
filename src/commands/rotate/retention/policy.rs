//! The policy file: which patterns form which groups, and the limits of each; refused when it
//! contradicts itself or could only be satisfied by an empty directory.

use super::age::Age;
use super::limits::{DAY_NS, Limits};
use super::pattern::Pattern;
use super::tiers::Tiers;
use crate::format::size;
use regex::bytes::Regex;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// Directories to rotate; those of the command line win.
    #[serde(default)]
    pub(crate) roots: Vec<PathBuf>,
    /// Patterns of files that always stay.
    #[serde(default)]
    pub(crate) protect: Vec<String>,
    /// Smallest age of every rule that names none.
    #[serde(default)]
    pub(crate) min_age: Option<Age>,
    /// Size of all groups together.
    #[serde(default)]
    pub(crate) max_size: Option<Size>,
    /// Free space each disk is to have.
    #[serde(default)]
    pub(crate) min_free: Option<Size>,
    /// Whether patterns of `protect` may match nothing; else that is an error.
    #[serde(default)]
    pub(crate) allow_unmatched: bool,
    /// What dates a file.
    #[serde(default)]
    pub(crate) by: Option<By>,
    /// What of a file counts towards a size limit.
    #[serde(default)]
    pub(crate) sizes: Option<Sizes>,
    /// The time zone in which tiers cut hours, days, weeks, months and years; UTC when left out.
    #[serde(default)]
    pub(crate) timezone: Option<String>,
    /// Groups and their limits; a file in a unit belongs to the unit's rule, any other to the first that
    /// matches.
    pub(crate) rules: Vec<RuleText>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleText {
    name: String,
    pattern: String,
    #[serde(default)]
    unit: Unit,
    /// Which members compete: `rule`, `directory` or `series`; `series` where there are tiers, else `rule`.
    group_by: Option<GroupBy>,
    /// What of its path says which members compete, as a regular expression with a group.
    group: Option<String>,
    days: Option<u32>,
    max_size: Option<Size>,
    keep: Option<u64>,
    tiers: Option<Tiers>,
    #[serde(default)]
    min_keep: u64,
    min_age: Option<Age>,
    #[serde(default = "yes")]
    keep_newest: bool,
}

fn yes() -> bool {
    true
}

/// What is kept or removed as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    #[default]
    File,
    /// Each matching directory with everything in it, aged by its newest file.
    Dir,
}

/// Which members compete with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GroupBy {
    /// All of the rule.
    Rule,
    /// Those of one directory.
    Directory,
    /// Those whose paths differ in numbers alone, such as dates.
    Series,
}

/// The groups of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Grouping {
    Rule,
    Directory,
    Series,
    /// Those of whose path this finds the same.
    Captured(Regex),
}

/// What dates a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// The last write.
    #[default]
    Mtime,
    /// The last change of any kind, which nobody can set back.
    Ctime,
    /// The date in its name.
    Name,
}

impl By {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            By::Mtime => "mtime",
            By::Ctime => "ctime",
            By::Name => "name",
        }
    }
}

/// What of a file counts towards a size limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sizes {
    /// The space that it takes on the disk.
    #[default]
    Allocated,
    /// Its length.
    Apparent,
}

impl Sizes {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Sizes::Allocated => "allocated",
            Sizes::Apparent => "apparent",
        }
    }
}

/// A size such as `2G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "NumberOrText")]
#[schemars(with = "NumberOrText")]
pub(crate) struct Size(pub(crate) u64);

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl TryFrom<NumberOrText> for Size {
    type Error = anyhow::Error;

    fn try_from(value: NumberOrText) -> anyhow::Result<Self> {
        match value {
            NumberOrText::Number(bytes) => Ok(Size(bytes)),
            NumberOrText::Text(text) => size::parse(&text).map(Size),
        }
    }
}

/// A limit beyond this never bites.
pub(crate) const MOST_DAYS: u32 = 36_500;

/// Nanoseconds in `days`, or the largest number of nanoseconds.
pub(crate) fn days_ns(days: u32) -> i64 {
    i64::from(days).saturating_mul(DAY_NS)
}

/// A rule ready to be applied.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// What it applies to; everything if there is none.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) unit: Unit,
    pub(crate) grouping: Grouping,
    pub(crate) limits: Limits,
}

impl RuleText {
    fn grouping(&self) -> Result<Grouping, String> {
        let by = self.group_by.unwrap_or(if self.tiers.is_some() { GroupBy::Series } else { GroupBy::Rule });
        let Some(text) = &self.group else {
            return Ok(match by {
                GroupBy::Rule => Grouping::Rule,
                GroupBy::Directory => Grouping::Directory,
                GroupBy::Series => Grouping::Series,
            });
        };
        if self.group_by.is_some() {
            return Err("`group` and `group_by` both say which members compete".to_owned());
        }
        let regex = Regex::new(text).map_err(|error| format!("`group`: {error}"))?;
        if regex.captures_len() < 2 {
            return Err("`group` has no group in parentheses".to_owned());
        }
        Ok(Grouping::Captured(regex))
    }
}

impl Policy {
    /// Checks the policy and returns its rules.
    pub(crate) fn rules(&self, may_remove_all: bool) -> Result<Vec<Rule>, String> {
        let overall = self.max_size.is_some() || self.min_free.is_some();
        if self.rules.is_empty() {
            return Err("`rules` is empty; a policy without a rule rotates nothing".to_owned());
        }
        if self.max_size == Some(Size(0)) && !may_remove_all {
            return Err(removes_everything("the policy", "max size 0"));
        }
        let (mut names, mut patterns) = (BTreeSet::new(), BTreeSet::new());
        for rule in &self.rules {
            if !names.insert(&rule.name) {
                return Err(format!("two rules are called `{}`", rule.name));
            }
            if !patterns.insert(&rule.pattern) {
                let rule = &rule.name;
                return Err(format!("rule `{rule}` has the pattern of an earlier rule and never matches"));
            }
            if self.protect.contains(&rule.pattern) {
                let (rule, pattern) = (&rule.name, &rule.pattern);
                return Err(format!("rule `{rule}` rotates `{pattern}`, which `protect` keeps"));
            }
        }
        self.rules.iter().map(|rule| self.rule(rule, overall, may_remove_all)).collect()
    }

    fn rule(&self, text: &RuleText, overall: bool, may_remove_all: bool) -> Result<Rule, String> {
        let named = |why: String| format!("rule `{}`: {why}", text.name);
        if let Some(days) = text.days.filter(|days| *days > MOST_DAYS) {
            return Err(named(format!("`days` {days} is more than {MOST_DAYS}")));
        }
        let limits = Limits {
            ttl_ns: text.days.map(days_ns),
            max_bytes: text.max_size.map(|size| size.0),
            keep: text.keep,
            tiers: text.tiers.clone(),
            min_keep: text.min_keep,
            min_age_ns: text.min_age.or(self.min_age).map_or(0, |age| age.0),
            keeps_newest_of_kind: text.keep_newest,
        };
        if !limits.limits_anything() && !overall {
            return Err(named("it has no limit; use `protect` for what always stays".to_owned()));
        }
        if let Some(why) = limits.contradiction() {
            return Err(named(why));
        }
        if let Some(why) = limits.impossible().filter(|_| !may_remove_all) {
            return Err(removes_everything(&format!("rule `{}`", text.name), why));
        }
        Ok(Rule {
            name: text.name.clone(),
            pattern: Some(Pattern::parse(&text.pattern).map_err(named)?),
            unit: text.unit,
            grouping: text.grouping().map_err(named)?,
            limits,
        })
    }

    /// The patterns of files that always stay.
    pub(crate) fn protected(&self) -> Result<Vec<Pattern>, String> {
        self.protect.iter().map(|text| Pattern::protecting(text)).collect()
    }
}

/// The refusal of a limit that leaves nothing.
pub(crate) fn removes_everything(who: &str, why: &str) -> String {
    format!("{who} would remove everything: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        serde_json::from_str(text).expect("a policy")
    }

    fn refusal(text: &str) -> String {
        policy(text).rules(false).expect_err("refused")
    }

    #[test]
    fn a_contradictory_policy_is_refused_with_the_rule_and_the_reason() {
        for (rule, why) in [
            (r#""days": 7, "tiers": {"daily": 7}"#, "`tiers` say what stays"),
            (r#""keep": 5, "min_keep": 10"#, "`min_keep` 10 keeps more than `keep` 5"),
            (r#""days": 1, "min_age": "3d""#, "`min_age` keeps files for longer"),
            (r#""min_keep": 3"#, "it has no limit"),
            (r#""days": 36501"#, "`days` 36501 is more than 36500"),
            (r#""keep": 3, "group": "[""#, "`group`: "),
            (r#""keep": 3, "group": "x""#, "no group in parentheses"),
            (r#""keep": 3, "group": "(x)", "group_by": "rule""#, "both say"),
            (r#""keep": 0"#, "would remove everything: keep 0"),
            (r#""max_size": "0K""#, "would remove everything: max size 0"),
            (r#""tiers": {}"#, "would remove everything: tiers that keep nothing"),
        ] {
            let text = format!(r#"{{"rules": [{{"name": "logs", "pattern": "*.log", {rule}}}]}}"#);
            let error = refusal(&text);
            assert!(error.starts_with("rule `logs`") && error.contains(why), "{error}");
        }
    }

    #[test]
    fn rules_that_hide_each_other_are_refused() {
        let two = |a: &str, b: &str| format!(r#"{{"protect": ["*.keep"], "rules": [{a}, {b}]}}"#);
        let rule =
            |name: &str, pattern: &str| format!(r#"{{"name": "{name}", "pattern": "{pattern}", "keep": 3}}"#);
        assert!(refusal(&two(&rule("a", "*.x"), &rule("a", "*.y"))).contains("two rules are called `a`"));
        assert!(refusal(&two(&rule("a", "*.x"), &rule("b", "*.x"))).contains("never matches"));
        assert!(refusal(&two(&rule("a", "*.x"), &rule("b", "*.keep"))).contains("`protect` keeps"));
        assert!(refusal(r#"{"rules": []}"#).contains("`rules` is empty"));
        assert!(refusal(&two(&rule("a", "/etc/*"), &rule("b", "*.y"))).contains("relative to the root"));
        assert!(refusal(&two(&rule("a", "[x"), &rule("b", "*.y"))).contains("is not a pattern"));
    }
}
