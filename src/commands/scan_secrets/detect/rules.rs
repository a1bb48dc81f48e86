//! Rules ready to scan with: files merged, checked and parsed.

use crate::commands::scan_secrets::detect::allow::{Allowlist, Exception};
use crate::commands::scan_secrets::detect::anchor::{self, Gram};
use crate::commands::scan_secrets::detect::file::{self, RuleFile};
use crate::commands::scan_secrets::detect::pattern::Pattern;
use crate::commands::scan_secrets::detect::prefilter::Prefilter;
use std::collections::{BTreeMap, BTreeSet};

/// The rules that are shipped, and used when no file is named.
pub(crate) const BUILT_IN: &str = include_str!("../../../../deploy/secrets/rules.toml");

/// Tag of the rules that go by a name rather than by the form of a value.
const GENERIC: &str = "generic";

/// Longest match that is looked for where a pattern sets no bound.
pub(crate) const REACH: usize = 64 << 10;

/// Where the pieces of a rule file come from, which decides what its allowlists are: those of the
/// built-in rules say what is no secret at all, those of an operator tolerate a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    BuiltIn,
    Operator,
}

/// Rules before they are compiled, in the order of their files.
#[derive(Debug, Default)]
pub(crate) struct RulesetBuilder {
    rules: Vec<RuleParts>,
    global: Vec<file::Allowlist>,
    exceptions: Vec<file::Exception>,
    /// Rules that were left out; tolerances for them are no mistake.
    disabled: BTreeSet<String>,
    /// What an operator should know, but what stops nothing.
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug)]
struct RuleParts {
    rule: file::Rule,
    definition: Vec<file::Allowlist>,
    tolerance: Vec<file::Allowlist>,
}

impl RulesetBuilder {
    /// Lays `file` over those before: rules of known ids change what they name, others are added.
    pub(crate) fn extend(mut self, file: RuleFile, origin: Origin) -> Result<Self, String> {
        for disabled in &file.extend.disabled_rules {
            self.disabled.insert(disabled.clone());
            let before = self.rules.len();
            self.rules.retain(|known| known.rule.id != *disabled);
            if self.rules.len() == before {
                self.warnings.push(format!("disabledRules: no rule `{disabled}`{}", self.nearest(disabled)));
            }
        }
        let mut seen = BTreeSet::new();
        for rule in file.rules {
            if !seen.insert(rule.id.clone()) {
                return Err(format!("rule `{}` is there twice", rule.id));
            }
            self.add(rule, origin)?;
        }
        self.global.extend(one_spelling(file.allowlist, file.allowlists, "the file")?);
        self.exceptions.extend(file.exceptions);
        Ok(self)
    }

    fn add(&mut self, mut rule: file::Rule, origin: Origin) -> Result<(), String> {
        let lists =
            one_spelling(rule.allowlist.take(), std::mem::take(&mut rule.allowlists), &rule_name(&rule.id))?;
        if let Some(list) = lists.iter().find(|list| !list.target_rules.is_empty()) {
            let targets = list.target_rules.join(", ");
            return Err(format!("rule `{}`: targetRules ({targets}) belongs to a global allowlist", rule.id));
        }
        let (definition, tolerance) = match origin {
            Origin::BuiltIn => (lists, Vec::new()),
            Origin::Operator => (Vec::new(), lists),
        };
        let Some(known) = self.rules.iter_mut().find(|known| known.rule.id == rule.id) else {
            self.rules.push(RuleParts { rule, definition, tolerance });
            return Ok(());
        };
        let base = &mut known.rule;
        let set = |field: &mut Option<String>, value: Option<String>| {
            if value.is_some() {
                *field = value;
            }
        };
        set(&mut base.description, rule.description);
        set(&mut base.path, rule.path);
        set(&mut base.regex, rule.regex);
        base.entropy = rule.entropy.or(base.entropy);
        base.secret_group = rule.secret_group.or(base.secret_group);
        base.keywords.extend(rule.keywords);
        base.tags.extend(rule.tags);
        base.required.extend(rule.required);
        base.skip_report |= rule.skip_report;
        known.definition.extend(definition);
        known.tolerance.extend(tolerance);
        Ok(())
    }

    fn nearest(&self, id: &str) -> String {
        nearest(id, self.rules.iter().map(|known| known.rule.id.as_str()))
    }

    pub(crate) fn compile(self) -> Result<Ruleset, String> {
        if self.rules.is_empty() {
            return Err("there are no rules: add [[rules]], or [extend] with useDefault = true".to_owned());
        }
        let ids: BTreeSet<String> = self.rules.iter().map(|known| known.rule.id.clone()).collect();
        let known_id = |id: &str, whose: &str| {
            let hint = || nearest(id, ids.iter().map(String::as_str));
            if ids.contains(id) || self.disabled.contains(id) {
                Ok(())
            } else {
                Err(format!("{whose}: no rule `{id}`{}", hint()))
            }
        };
        let mut known_grams = BTreeSet::new();
        let mut rules = Vec::with_capacity(self.rules.len());
        let mut gates = Vec::with_capacity(self.rules.len());
        for parts in self.rules {
            for other in &parts.rule.required {
                known_id(&other.id, &format!("rule `{}`: required", parts.rule.id))?;
            }
            let rule = Rule::compile(parts, &known_grams)?;
            let grams = rule.grams();
            known_grams.extend(grams.iter().map(|gram| gram.bytes.clone()));
            gates.push(grams);
            rules.push(rule);
        }
        let mut global = Vec::new();
        for (index, list) in self.global.iter().enumerate() {
            let whose = format!("allowlist {}", index + 1);
            for target in &list.target_rules {
                known_id(target, &whose)?;
            }
            global.push(Allowlist::compile(list, &whose)?);
        }
        let mut exceptions = Vec::new();
        for (index, exception) in self.exceptions.iter().enumerate() {
            let whose = format!("exception {}", index + 1);
            if exception.rule != UNSCANNED {
                known_id(&exception.rule, &whose)?;
            }
            let compiled = Exception::compile(exception);
            exceptions.push(compiled.map_err(|what| format!("{whose}: {what}"))?);
        }
        let prefilter = Prefilter::new(&gates);
        let by_id = rules.iter().enumerate().map(|(index, rule)| (rule.id.clone(), index)).collect();
        Ok(Ruleset { rules, global, exceptions, prefilter, by_id })
    }
}

/// Name of the finding that something could not be scanned.
pub(crate) const UNSCANNED: &str = "unscanned";

fn rule_name(id: &str) -> String {
    format!("rule `{id}`")
}

fn one_spelling(
    old: Option<file::Allowlist>,
    new: Vec<file::Allowlist>,
    whose: &str,
) -> Result<Vec<file::Allowlist>, String> {
    match (old, new.is_empty()) {
        (Some(_), false) => Err(format!("{whose} has both `allowlist` and `allowlists`; keep the second")),
        (Some(old), true) => Ok(vec![old]),
        (None, _) => Ok(new),
    }
}

fn nearest<'a>(id: &str, ids: impl Iterator<Item = &'a str>) -> String {
    let best = ids.map(|known| (strsim::jaro_winkler(id, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((score, known)) if score > 0.75 => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

/// Everything that decides what a finding is.
#[derive(Debug)]
pub(crate) struct Ruleset {
    pub(crate) rules: Vec<Rule>,
    /// Tolerances over several rules.
    pub(crate) global: Vec<Allowlist>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) prefilter: Prefilter,
    by_id: BTreeMap<String, usize>,
}

impl Ruleset {
    pub(crate) fn index_of(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) regex: Option<Pattern>,
    pub(crate) path: Option<Pattern>,
    pub(crate) secret_group: Option<usize>,
    pub(crate) entropy: f64,
    /// Lowercase words of which one must be in the text; empty for no such condition.
    pub(crate) keywords: Vec<String>,
    /// Whether the rule goes by a name: it yields to others and skips binary files.
    pub(crate) is_generic: bool,
    /// Whether the rule only serves others.
    pub(crate) skip_report: bool,
    pub(crate) required: Vec<file::Required>,
    /// What is no secret at all.
    pub(crate) definition: Vec<Allowlist>,
    /// What is tolerated.
    pub(crate) tolerance: Vec<Allowlist>,
    pub(crate) search: SearchPlan,
    pub(crate) reach: usize,
}

/// How the matches of a rule are found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SearchPlan {
    /// At each gram: the match starts at most `before` bytes in front of the anchor.
    Near { grams: BTreeSet<Gram>, before: usize },
    /// Through the whole text, once any of the grams was seen.
    Gated { grams: BTreeSet<Gram> },
    /// Through the whole text, always.
    Always,
}

impl Rule {
    fn compile(parts: RuleParts, known_grams: &BTreeSet<Vec<u8>>) -> Result<Self, String> {
        let RuleParts { rule, definition, tolerance } = parts;
        let id = rule.id;
        if id.is_empty() || id.chars().any(|c| c.is_whitespace() || c == ':') {
            return Err(format!("rule id `{id}`: an id is not empty and has no space and no colon"));
        }
        let whose = rule_name(&id);
        let pattern = |text: Option<&str>, key: &str| -> Result<Option<Pattern>, String> {
            text.filter(|text| !text.is_empty()).map(|text| Pattern::parse_of(text, &whose, key)).transpose()
        };
        let regex = pattern(rule.regex.as_deref(), "regex")?;
        let path = pattern(rule.path.as_deref(), "path")?;
        if regex.is_none() && path.is_none() {
            return Err(format!("{whose} has neither `regex` nor `path`"));
        }
        let groups = regex.as_ref().map_or(0, Pattern::groups);
        if let Some(group) = rule.secret_group.filter(|group| *group > groups) {
            return Err(format!("{whose}: secretGroup = {group}, but the pattern has {groups} groups"));
        }
        let entropy = rule.entropy.unwrap_or(0.0);
        if !entropy.is_finite() || !(0.0..=8.0).contains(&entropy) {
            return Err(format!("{whose}: entropy = {entropy} is not between 0 and 8"));
        }
        let compile = |lists: &[file::Allowlist]| -> Result<Vec<Allowlist>, String> {
            lists.iter().map(|list| Allowlist::compile(list, &format!("{whose}: allowlist"))).collect()
        };
        let (search, reach) = match &regex {
            None => (SearchPlan::Always, 0),
            Some(regex) => {
                let longest = regex.hir().properties().maximum_len().unwrap_or(REACH).min(REACH);
                let search = match anchor::find(regex.hir(), known_grams) {
                    Some(anchor::Anchors { grams, before: Some(before) }) if before < REACH => {
                        SearchPlan::Near { grams, before }
                    }
                    Some(anchor::Anchors { grams, .. }) => SearchPlan::Gated { grams },
                    None => SearchPlan::Always,
                };
                (search, longest)
            }
        };
        Ok(Self {
            description: rule.description.unwrap_or_else(|| id.clone()),
            secret_group: rule.secret_group,
            entropy,
            keywords: rule.keywords.iter().map(|word| word.to_ascii_lowercase()).collect(),
            is_generic: rule.tags.iter().any(|tag| tag == GENERIC) || id.starts_with("generic-"),
            skip_report: rule.skip_report,
            required: rule.required,
            definition: compile(&definition)?,
            tolerance: compile(&tolerance)?,
            regex,
            path,
            search,
            reach,
            id,
        })
    }

    fn grams(&self) -> BTreeSet<Gram> {
        match &self.search {
            SearchPlan::Near { grams, .. } | SearchPlan::Gated { grams } => grams.clone(),
            SearchPlan::Always => BTreeSet::new(),
        }
    }
}
