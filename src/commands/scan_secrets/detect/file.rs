//! A rule file as it is written: the keys that gitleaks documents, and the exceptions of mmops.
//!
//! Unknown keys are refused, because a misspelt `entropy` or `regexes` would change what is found
//! without a word.

use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is for people is accepted and not read")]
pub(crate) struct RuleFile {
    /// Name of the file, for people.
    pub(crate) title: Option<String>,
    /// What the file is for, for people.
    pub(crate) description: Option<String>,
    /// Least version of gitleaks; accepted and not used.
    #[serde(default, rename = "minVersion", alias = "minversion")]
    pub(crate) min_version: Option<String>,
    #[serde(default)]
    pub(crate) extend: Extend,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    /// A tolerance over all rules, the older spelling.
    #[serde(default, alias = "allowList")]
    pub(crate) allowlist: Option<Allowlist>,
    /// Tolerances over all rules, or over `targetRules`.
    #[serde(default, alias = "allowLists")]
    pub(crate) allowlists: Vec<Allowlist>,
    /// Deliberate, dated exceptions of mmops.
    #[serde(default)]
    pub(crate) exceptions: Vec<Exception>,
}

/// Which rules a file builds on.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extend {
    /// Build on the built-in rules.
    #[serde(default, rename = "useDefault", alias = "usedefault")]
    pub(crate) use_default: bool,
    /// Build on another rule file, relative to this one.
    pub(crate) path: Option<String>,
    /// Known to gitleaks; refused, because mmops does not load rules over the network.
    pub(crate) url: Option<String>,
    /// Rules of the base to leave out.
    #[serde(default, rename = "disabledRules", alias = "disabledrules")]
    pub(crate) disabled_rules: Vec<String>,
}

/// One rule. A rule with the id of a rule of the base changes the fields that it names.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Name of the rule, in reports, fingerprints and exceptions.
    pub(crate) id: String,
    pub(crate) description: Option<String>,
    pub(crate) regex: Option<String>,
    /// Pattern of the path; on its own it makes every file with such a path a finding.
    pub(crate) path: Option<String>,
    /// Group of `regex` that is the secret.
    #[serde(default, rename = "secretGroup", alias = "secretgroup")]
    pub(crate) secret_group: Option<usize>,
    /// Shannon entropy, bits per byte, that the secret must exceed.
    pub(crate) entropy: Option<f64>,
    /// Words of which one must be in the text, in any case, for the rule to apply. The text is the file;
    /// of a file that is scanned in pieces, the piece with the match.
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
    /// Labels; `generic` makes a rule yield to others and skip binary files.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// A tolerance for this rule, the older spelling.
    #[serde(default, alias = "allowList")]
    pub(crate) allowlist: Option<Allowlist>,
    #[serde(default, alias = "allowLists")]
    pub(crate) allowlists: Vec<Allowlist>,
    /// Other rules that must match nearby.
    #[serde(default)]
    pub(crate) required: Vec<Required>,
    /// The rule serves others through `required` and reports nothing itself.
    #[serde(default, rename = "skipReport", alias = "skipreport")]
    pub(crate) skip_report: bool,
}

/// A rule that must match near a match of another.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Required {
    pub(crate) id: String,
    /// Most lines between the two.
    #[serde(default, rename = "withinLines", alias = "withinlines")]
    pub(crate) within_lines: Option<u64>,
    /// Most columns between the two.
    #[serde(default, rename = "withinColumns", alias = "withincolumns")]
    pub(crate) within_columns: Option<u64>,
}

/// What is tolerated, or is no secret.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowlist {
    /// Why, for people.
    pub(crate) description: Option<String>,
    /// Whether one of the criteria is enough.
    #[serde(default)]
    pub(crate) condition: Condition,
    /// Rules that a tolerance over all rules is limited to.
    #[serde(default, rename = "targetRules", alias = "targetrules")]
    pub(crate) target_rules: Vec<String>,
    #[serde(default)]
    pub(crate) commits: Vec<String>,
    #[serde(default)]
    pub(crate) paths: Vec<String>,
    /// What `regexes` are tried on.
    #[serde(default, rename = "regexTarget", alias = "regextarget")]
    pub(crate) regex_target: Target,
    #[serde(default)]
    pub(crate) regexes: Vec<String>,
    /// Words, in any case, inside the secret.
    #[serde(default, alias = "stopWords")]
    pub(crate) stopwords: Vec<String>,
}

/// Whether one criterion of an allowlist is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
pub(crate) enum Condition {
    #[default]
    #[serde(rename = "OR", alias = "or", alias = "||")]
    Any,
    /// Every criterion that is given must hold.
    #[serde(rename = "AND", alias = "and", alias = "&&")]
    All,
}

/// What the patterns of an allowlist are tried on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Target {
    #[default]
    Secret,
    /// Everything the rule matched.
    Match,
    Line,
}

/// A deliberate exception: one rule, in one place, for a reason, until a day.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exception {
    /// Path or glob, relative to the root.
    pub(crate) path: String,
    pub(crate) rule: String,
    pub(crate) reason: String,
    /// Last day on which it is, `YYYY-MM-DD`.
    pub(crate) expires: String,
    /// Only the finding with this fingerprint.
    pub(crate) fingerprint: Option<String>,
}
