//! What counts at which paths of which files.

use super::number::{IntFloat, NanPolicy, Tolerance};
use crate::format::json::path::{Path, Pattern};
use globset::GlobMatcher;

/// What counts at the paths of a pattern.
#[derive(Clone, Debug)]
pub(crate) struct Rule<T> {
    /// Files that it is for; all when left out.
    pub(crate) files: Option<GlobMatcher>,
    pub(crate) at: Pattern,
    pub(crate) what: T,
    /// As it was given, with its option.
    pub(crate) given: String,
}

impl<T> Rule<T> {
    /// The files and the paths that it is for.
    pub(crate) fn scope(&self) -> String {
        match &self.files {
            Some(files) => format!("{}:{}", files.glob(), self.at),
            None => self.at.to_string(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// For numbers without a rule of their own.
    pub(crate) tolerance: Tolerance,
    /// Rules for the numbers at some paths; the last one that matches counts.
    pub(crate) tolerances: Vec<Rule<Tolerance>>,
    pub(crate) ignored: Vec<Rule<()>>,
    /// Arrays whose order means nothing, and the field that pairs their elements; whole elements are paired when it is
    /// left out.
    pub(crate) unordered: Vec<Rule<Option<String>>>,
    pub(crate) nan: NanPolicy,
    pub(crate) int_float: IntFloat,
}

impl Rules {
    /// Those for a file.
    pub(crate) fn for_file(&self, name: &str) -> Self {
        fn kept<T: Clone>(rules: &[Rule<T>], name: &str) -> Vec<Rule<T>> {
            let is_for = |rule: &&Rule<T>| rule.files.as_ref().is_none_or(|files| files.is_match(name));
            rules.iter().filter(is_for).cloned().collect()
        }
        Self {
            tolerances: kept(&self.tolerances, name),
            ignored: kept(&self.ignored, name),
            unordered: kept(&self.unordered, name),
            ..self.clone()
        }
    }

    /// All rules, as they were given.
    pub(crate) fn given(&self) -> Vec<&str> {
        let tolerances = self.tolerances.iter().map(|rule| &rule.given);
        let ignored = self.ignored.iter().map(|rule| &rule.given);
        let unordered = self.unordered.iter().map(|rule| &rule.given);
        tolerances.chain(ignored).chain(unordered).map(String::as_str).collect()
    }

    /// Whether a rule, as it was given, names an element by a field, and no array is paired by one.
    pub(crate) fn needs_pairs(&self, given: &str) -> bool {
        let tolerances = self.tolerances.iter().map(|rule| (&rule.given, &rule.at));
        let ignored = self.ignored.iter().map(|rule| (&rule.given, &rule.at));
        let is_paired = self.unordered.iter().any(|rule| rule.what.is_some());
        !is_paired && tolerances.chain(ignored).any(|(text, at)| text == given && at.has_label())
    }

    /// Whether a path, or one above it, is ignored.
    pub(crate) fn ignores(&self, path: &Path) -> bool {
        self.ignored.iter().any(|rule| rule.at.covers(path))
    }

    /// The rule for the number at a path, and whether it is one of its own.
    pub(crate) fn tolerance_at(&self, path: impl FnOnce() -> Path) -> (Tolerance, bool) {
        if self.tolerances.is_empty() {
            return (self.tolerance, false);
        }
        let path = path();
        let own = self.tolerances.iter().rev().find(|rule| rule.at.matches(&path));
        own.map_or((self.tolerance, false), |rule| (rule.what, true))
    }

    /// The rule for the array at a path, if its order means nothing.
    pub(crate) fn unordered_at(&self, path: impl FnOnce() -> Path) -> Option<&Rule<Option<String>>> {
        if self.unordered.is_empty() {
            return None;
        }
        let path = path();
        self.unordered.iter().rev().find(|rule| rule.at.matches(&path))
    }

    /// Whether an array without order may hold another one.
    pub(crate) fn may_nest(&self) -> bool {
        self.unordered.len() > 1 || self.unordered.iter().any(|rule| rule.at.is_recursive())
    }

    /// Whether two numbers may be close without being equal.
    pub(crate) fn has_tolerance(&self) -> bool {
        let is_some = |tolerance: &Tolerance| *tolerance != Tolerance { abs: 0.0, rel: 0.0, ulp: 0 };
        is_some(&self.tolerance) || self.tolerances.iter().any(|rule| is_some(&rule.what))
    }
}
