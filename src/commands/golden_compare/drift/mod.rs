//! Does a document differ from the accepted one? The rules of comparison, and the words for a drift.
//!
//! The walk over two documents is elsewhere; here stands what it asks: is this path ignored, are these
//! two numbers close enough, how is that said.

pub(crate) mod difference;
pub(crate) mod number;

use crate::format::json::path::{Path, Pattern};
use number::Tolerance;
pub(crate) use number::{IntFloat, NanPolicy};

/// An array whose order means nothing.
#[derive(Clone, Debug)]
pub(crate) struct Unordered {
    pub(crate) at: Pattern,
    /// Field that pairs its elements; whole elements are paired when left out.
    pub(crate) key: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// For numbers without a rule of their own.
    pub(crate) tolerance: Tolerance,
    /// Rules for the numbers at some paths; the last one that matches counts.
    pub(crate) tolerances: Vec<(Pattern, Tolerance)>,
    pub(crate) ignored: Vec<Pattern>,
    pub(crate) unordered: Vec<Unordered>,
    pub(crate) nan: NanPolicy,
    pub(crate) int_float: IntFloat,
}

impl Rules {
    /// Whether a path, or one above it, is ignored.
    pub(crate) fn ignores(&self, path: &Path) -> bool {
        self.ignored.iter().any(|pattern| pattern.covers(path))
    }

    /// The rule for the number at a path, and whether it is one of its own.
    pub(crate) fn tolerance_at(&self, path: impl FnOnce() -> Path) -> (Tolerance, bool) {
        if self.tolerances.is_empty() {
            return (self.tolerance, false);
        }
        let path = path();
        let own = self.tolerances.iter().rev().find(|(pattern, _)| pattern.matches(&path));
        own.map_or((self.tolerance, false), |(_, tolerance)| (*tolerance, true))
    }

    /// The rule for the array at a path, if its order means nothing.
    pub(crate) fn unordered_at(&self, path: impl FnOnce() -> Path) -> Option<&Unordered> {
        if self.unordered.is_empty() {
            return None;
        }
        let path = path();
        self.unordered.iter().rev().find(|rule| rule.at.matches(&path))
    }
}
