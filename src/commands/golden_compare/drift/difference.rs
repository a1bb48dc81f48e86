//! A difference between two documents, and how it is said.

use super::number::{Tolerance, scientific};
use crate::format::json::path::Path;
use schemars::JsonSchema;
use serde::Serialize;

/// Longest text of a value in a message, in characters.
const SHOWN_CHARS: usize = 80;
/// Most keys that one message names.
const SHOWN_KEYS: usize = 20;

/// Missing keys come before those of the common ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    /// Keys of the baseline that are not there, or elements of an array without order.
    Missing {
        /// `keys` or `elements`.
        noun: &'static str,
        names: Vec<String>,
    },
    /// Keys that the baseline does not have.
    Extra {
        /// `keys` or `elements`.
        noun: &'static str,
        names: Vec<String>,
    },
    Type {
        baseline: &'static str,
        actual: &'static str,
    },
    Length {
        baseline: u64,
        actual: u64,
        /// First index at which they differ.
        first: u64,
    },
    /// Numbers too far apart.
    Float {
        baseline: String,
        actual: String,
        distance: f64,
        tolerance: Tolerance,
    },
    Value {
        baseline: String,
        actual: String,
    },
    /// Files that are not JSON and differ.
    Bytes {
        /// First line that differs.
        line: u64,
        /// Whether line endings are the only difference.
        line_endings: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drift {
    /// Where it is in the document.
    pub(crate) path: Path,
    pub(crate) difference: Difference,
    /// Byte of the actual document at which it was seen.
    pub(crate) offset: u64,
}

/// A difference as reports keep it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ListedDrift {
    /// The file, relative to the two directories; absent where two files were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Where in the document, such as `root.kpi.net_bps`.
    pub(crate) path: String,
    /// `missing`, `extra`, `type`, `length`, `float`, `value` or `bytes`.
    pub(crate) kind: String,
    /// The whole sentence, path included.
    pub(crate) message: String,
    /// 1-based line in the actual file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// 1-based column in the actual file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<u64>,
}

impl Difference {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Difference::Missing { .. } => "missing",
            Difference::Extra { .. } => "extra",
            Difference::Type { .. } => "type",
            Difference::Length { .. } => "length",
            Difference::Float { .. } => "float",
            Difference::Value { .. } => "value",
            Difference::Bytes { .. } => "bytes",
        }
    }
}

impl Drift {
    pub(crate) fn message(&self) -> String {
        let path = &self.path;
        match &self.difference {
            Difference::Missing { noun, names } => format!("{path}: missing {noun}: {}", list(names)),
            Difference::Extra { noun, names } => format!("{path}: extra {noun}: {}", list(names)),
            Difference::Type { baseline, actual } => {
                format!("{path}: type mismatch (baseline={baseline}, actual={actual})")
            }
            Difference::Length { baseline, actual, first } => format!(
                "{path}: length mismatch (baseline={baseline}, actual={actual}), first difference at [{first}]"
            ),
            Difference::Float { baseline, actual, distance, tolerance } => {
                let (baseline, actual) = floats(baseline, actual);
                let distance = scientific(distance.abs());
                format!(
                    "{path}: float drift (baseline={baseline}, actual={actual}, diff={distance}, tolerance {tolerance})"
                )
            }
            Difference::Value { baseline, actual } => {
                format!("{path}: value mismatch (baseline={}, actual={})", short(baseline), short(actual))
            }
            Difference::Bytes { line, line_endings: false } => {
                format!("content mismatch, first difference in line {line}")
            }
            Difference::Bytes { line, line_endings: true } => {
                format!("content mismatch, only in line endings, first difference in line {line}")
            }
        }
    }

    /// Orders differences as a walk in the order of sorted keys meets them.
    pub(crate) fn order(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |difference: &Difference| match difference {
            Difference::Missing { .. } => 0,
            Difference::Extra { .. } => 1,
            _ => 2,
        };
        self.path.cmp(&other.path).then_with(|| rank(&self.difference).cmp(&rank(&other.difference)))
    }
}

/// Nine decimals, or the numbers as they stand where nine decimals would hide what differs.
fn floats(baseline: &str, actual: &str) -> (String, String) {
    let fixed =
        |text: &str| text.parse::<f64>().ok().filter(|value| value.abs() < 1e15).map(|v| format!("{v:.9}"));
    match (fixed(baseline), fixed(actual)) {
        (Some(a), Some(b)) if a != b => (a, b),
        _ => (short(baseline), short(actual)),
    }
}

/// A text cut to a length that fits a line.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}.. ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

fn list(names: &[String]) -> String {
    let quote = |name: &String| format!("'{}'", short(name).replace('\\', "\\\\").replace('\'', "\\'"));
    let shown: Vec<String> = names.iter().take(SHOWN_KEYS).map(quote).collect();
    let left = names.len().saturating_sub(SHOWN_KEYS);
    let left = if left > 0 { format!(", and {left} more") } else { String::new() };
    format!("[{}{left}]", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json::path::Step;

    fn message(difference: Difference) -> String {
        Drift { path: Path(vec![Step::Key("value".into())]), difference, offset: 0 }.message()
    }

    #[test]
    fn the_sentences_are_those_of_the_earlier_tool() {
        let float = |baseline: &str, actual: &str, distance| Difference::Float {
            baseline: baseline.into(),
            actual: actual.into(),
            distance,
            tolerance: Tolerance::default(),
        };
        assert_eq!(
            message(float("2.0", "2.1", 0.1)),
            "root.value: float drift (baseline=2.000000000, actual=2.100000000, diff=1.000000000e-01, tolerance abs=1e-9)"
        );
        assert!(
            message(float("1e-12", "5e-10", 4.99e-10)).contains("baseline=0.000000000, actual=0.000000001")
        );
        assert!(message(float("1e-12", "3e-12", 2e-12)).contains("baseline=1e-12, actual=3e-12"));
        assert!(message(float("1e300", "2e300", 1e300)).contains("baseline=1e300, actual=2e300"));
        assert_eq!(
            message(Difference::Type { baseline: "int", actual: "float" }),
            "root.value: type mismatch (baseline=int, actual=float)"
        );
        assert_eq!(
            message(Difference::Missing { noun: "keys", names: vec!["c".into(), "it's".into()] }),
            "root.value: missing keys: ['c', 'it\\'s']"
        );
        assert_eq!(
            message(Difference::Length { baseline: 3, actual: 2, first: 1 }),
            "root.value: length mismatch (baseline=3, actual=2), first difference at [1]"
        );
        assert_eq!(
            message(Difference::Value { baseline: "1".into(), actual: "2".into() }),
            "root.value: value mismatch (baseline=1, actual=2)"
        );
    }

    #[test]
    fn long_lists_and_values_are_cut_with_their_size() {
        let names: Vec<String> = (0..25).map(|n| n.to_string()).collect();
        assert!(message(Difference::Extra { noun: "keys", names }).ends_with("'19', and 5 more]"));
        let long = message(Difference::Value { baseline: "x".repeat(500), actual: "1".into() });
        assert!(long.contains("xx.. (500 bytes)") && long.len() < 200, "{long}");
    }
}
