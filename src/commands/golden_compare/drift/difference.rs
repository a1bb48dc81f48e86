//! A difference between two documents, and how it is said.

use super::excerpt::{self, short};
use super::number::{self, Tolerance};
use crate::format::decimal::Decimal;
use crate::format::json::path::{Path, Step, quoted};
use std::cmp::Ordering;

/// What a message calls the things that an object or an array without order holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noun {
    Keys,
    Elements,
}

impl Noun {
    fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Elements => "elements",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    /// A key of the baseline that is not there, or an element of an array without order.
    Missing {
        noun: Noun,
        name: String,
    },
    /// One that the baseline does not have.
    Extra {
        noun: Noun,
        name: String,
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
        tolerance: Tolerance,
    },
    /// Integers that must be equal, or booleans.
    Value {
        baseline: String,
        actual: String,
    },
    /// Texts, without their quotes and escapes.
    Text {
        baseline: String,
        actual: String,
    },
    /// A run of lines in files of lines.
    Lines {
        /// First line, of the actual file.
        line: u64,
        baseline: Vec<String>,
        actual: Vec<String>,
        /// Whether lines of one side stand where those of the other do, rather than elsewhere in the run.
        is_replaced: bool,
        /// The run with the lines around it, as `diff -u` writes it.
        hunk: String,
    },
    /// Files that are neither data nor lines, or too large to look at line by line.
    Bytes {
        /// First line that differs.
        line: u64,
        /// Whether line endings are the only difference.
        line_endings: bool,
    },
}

/// Where the values of a difference begin, for those that are looked up when they are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    pub(crate) baseline: Option<u64>,
    pub(crate) actual: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drift {
    /// Where it was found in the document: of a key or an element that one side does not have, what should hold it.
    pub(crate) path: Path,
    /// The step from there to what differs.
    pub(crate) step: Option<Step>,
    pub(crate) difference: Difference,
    /// Byte of the actual document at which it was seen.
    pub(crate) offset: u64,
    pub(crate) values: Offsets,
}

impl Difference {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Difference::Missing { .. } => "missing",
            Difference::Extra { .. } => "extra",
            Difference::Type { .. } => "type",
            Difference::Length { .. } => "length",
            Difference::Float { .. } => "float",
            Difference::Value { .. } | Difference::Text { .. } => "value",
            Difference::Lines { .. } => "lines",
            Difference::Bytes { .. } => "bytes",
        }
    }

    /// The two values as they are listed, where they are known here.
    pub(crate) fn values(&self) -> Option<(String, String)> {
        match self {
            Difference::Float { baseline, actual, .. } | Difference::Value { baseline, actual } => {
                Some((baseline.clone(), actual.clone()))
            }
            Difference::Text { baseline, actual } => {
                let excerpts = excerpt::of_pair(baseline, actual, excerpt::LISTED_CHARS);
                Some((quoted(&excerpts.baseline), quoted(&excerpts.actual)))
            }
            Difference::Length { baseline, actual, .. } => {
                Some((format!("{baseline} elements"), format!("{actual} elements")))
            }
            Difference::Lines { baseline, actual, .. } => {
                let is_cut = |lines: &[String]| lines.last().is_some_and(|line| !line.ends_with('\n'));
                let text = |lines: &[String]| {
                    let end = if is_cut(lines) { "\n\\ No newline at end of file" } else { "" };
                    short(&(lines.concat() + end), excerpt::LISTED_CHARS)
                };
                Some((text(baseline), text(actual)))
            }
            Difference::Missing { .. }
            | Difference::Extra { .. }
            | Difference::Type { .. }
            | Difference::Bytes { .. } => None,
        }
    }

    /// How far two numbers are apart.
    pub(crate) fn distance(&self) -> Option<String> {
        match self {
            Difference::Float { baseline, actual, .. } => Some(number::distance(baseline, actual)),
            Difference::Value { baseline, actual } if Decimal::parse(baseline).is_some() => {
                Some(number::distance(baseline, actual))
            }
            Difference::Missing { .. }
            | Difference::Extra { .. }
            | Difference::Type { .. }
            | Difference::Length { .. }
            | Difference::Value { .. }
            | Difference::Text { .. }
            | Difference::Lines { .. }
            | Difference::Bytes { .. } => None,
        }
    }

    pub(crate) fn tolerance(&self) -> Option<Tolerance> {
        if let Difference::Float { tolerance, .. } = self { Some(*tolerance) } else { None }
    }

    /// The lines as `diff -u` writes them.
    pub(crate) fn hunk(&self) -> Option<&str> {
        if let Difference::Lines { hunk, .. } = self { Some(hunk) } else { None }
    }
}

impl Drift {
    /// The path of what differs.
    pub(crate) fn place(&self) -> String {
        match (&self.difference, &self.step) {
            (Difference::Lines { line, .. } | Difference::Bytes { line, .. }, _) => format!("line {line}"),
            (_, Some(step)) => self.path.with(step.clone()).to_string(),
            (_, None) => self.path.to_string(),
        }
    }

    pub(crate) fn message(&self) -> String {
        let path = &self.path;
        match &self.difference {
            Difference::Missing { noun, name } => {
                format!("{path}: missing {}: {}", noun.as_str(), list(name))
            }
            Difference::Extra { noun, name } => format!("{path}: extra {}: {}", noun.as_str(), list(name)),
            Difference::Type { baseline, actual } => {
                format!("{path}: type mismatch (baseline={baseline}, actual={actual})")
            }
            Difference::Length { baseline, actual, first } => format!(
                "{path}: length mismatch (baseline={baseline}, actual={actual}), first difference at [{first}]"
            ),
            Difference::Float { baseline, actual, tolerance } => {
                let distance = number::distance(baseline, actual);
                let (baseline, actual) = floats(baseline, actual);
                format!(
                    "{path}: float drift (baseline={baseline}, actual={actual}, diff={distance}, tolerance {tolerance})"
                )
            }
            Difference::Value { baseline, actual } => {
                let excerpts = excerpt::of_pair(baseline, actual, excerpt::MESSAGE_CHARS);
                let (baseline, actual) = (excerpts.baseline, excerpts.actual);
                format!("{path}: value mismatch (baseline={baseline}, actual={actual})")
            }
            Difference::Text { baseline, actual } => {
                format!("{path}: value mismatch ({})", texts(baseline, actual))
            }
            Difference::Lines { line, baseline, actual, is_replaced, .. } => {
                match (&baseline[..], &actual[..]) {
                    ([baseline], [actual]) if *is_replaced => {
                        format!("line {line}: content mismatch ({})", texts(baseline, actual))
                    }
                    (baseline, actual) => format!(
                        "line {line}: content mismatch ({} removed, {} added)",
                        excerpt::counted(baseline.len(), "line"),
                        excerpt::counted(actual.len(), "line")
                    ),
                }
            }
            Difference::Bytes { line, line_endings: false } => {
                format!("content mismatch, first difference in line {line}")
            }
            Difference::Bytes { line, line_endings: true } => {
                format!("content mismatch, only in line endings, first difference in line {line}")
            }
        }
    }

    /// Orders differences as a walk in the order of sorted keys meets them: of one path, missing keys come before extra
    /// ones, and these before what else is there.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let rank = |drift: &Self| match drift.difference {
            Difference::Missing { .. } => 0,
            Difference::Extra { .. } => 1,
            Difference::Type { .. }
            | Difference::Length { .. }
            | Difference::Float { .. }
            | Difference::Value { .. }
            | Difference::Text { .. }
            | Difference::Lines { .. }
            | Difference::Bytes { .. } => 2,
        };
        self.path
            .cmp(&other.path)
            .then_with(|| rank(self).cmp(&rank(other)))
            .then_with(|| self.step.cmp(&other.step))
    }
}

/// Nine decimals, or the numbers as they stand where nine decimals would not be all.
fn floats(baseline: &str, actual: &str) -> (String, String) {
    let fixed = |text: &str| Decimal::parse(text)?.fixed(9, 15);
    if let (Some(baseline), Some(actual)) = (fixed(baseline), fixed(actual)) {
        return (baseline, actual);
    }
    let excerpts = excerpt::of_pair(baseline, actual, excerpt::MESSAGE_CHARS);
    (excerpts.baseline, excerpts.actual)
}

/// Two texts, and where they differ if that is not seen.
fn texts(baseline: &str, actual: &str) -> String {
    let excerpts = excerpt::of_pair(baseline, actual, excerpt::MESSAGE_CHARS);
    let (baseline, actual) = (quoted(&excerpts.baseline), quoted(&excerpts.actual));
    let unseen = excerpts.unseen.map(|unseen| format!(", {unseen}")).unwrap_or_default();
    format!("baseline={baseline}, actual={actual}{unseen}")
}

fn list(name: &str) -> String {
    let name = short(name, excerpt::MESSAGE_CHARS);
    format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(difference: Difference) -> String {
        let path = Path(vec![Step::Key("value".into())]);
        Drift { path, step: None, difference, offset: 0, values: Offsets::default() }.message()
    }

    fn float(baseline: &str, actual: &str) -> String {
        let tolerance = Tolerance::default();
        message(Difference::Float { baseline: baseline.into(), actual: actual.into(), tolerance })
    }

    fn text(baseline: &str, actual: &str) -> String {
        message(Difference::Text { baseline: baseline.into(), actual: actual.into() })
    }

    #[test]
    fn the_sentences_are_those_of_the_earlier_tool() {
        assert_eq!(
            float("2.0", "2.1"),
            "root.value: float drift (baseline=2.000000000, actual=2.100000000, diff=1.000000000e-01, tolerance abs=1e-9)"
        );
        assert_eq!(
            message(Difference::Type { baseline: "int", actual: "float" }),
            "root.value: type mismatch (baseline=int, actual=float)"
        );
        assert_eq!(
            message(Difference::Missing { noun: Noun::Keys, name: "it's".into() }),
            "root.value: missing keys: ['it\\'s']"
        );
        assert_eq!(
            message(Difference::Length { baseline: 3, actual: 2, first: 1 }),
            "root.value: length mismatch (baseline=3, actual=2), first difference at [1]"
        );
        assert_eq!(
            message(Difference::Value { baseline: "1".into(), actual: "2".into() }),
            "root.value: value mismatch (baseline=1, actual=2)"
        );
        assert_eq!(text("a", "b"), "root.value: value mismatch (baseline=\"a\", actual=\"b\")");
    }

    #[test]
    fn printed_numbers_have_every_digit_that_tells_them_apart() {
        for (baseline, actual, expected) in [
            ("1e-12", "5e-10", "baseline=1e-12, actual=5e-10, diff=4.990000000e-10"),
            ("1e300", "2e300", "baseline=1e300, actual=2e300, diff=1.000000000e+300"),
            (
                "11111111111111111111.0",
                "11111111111111111119.0",
                "baseline=11111111111111111111.0, actual=11111111111111111119.0, diff=8.000000000e+00",
            ),
            (
                "0.12345678901234567",
                "0.2",
                "baseline=0.12345678901234567, actual=0.2, diff=7.654321098765433e-02",
            ),
        ] {
            assert!(float(baseline, actual).contains(expected), "{}", float(baseline, actual));
        }
        let long = |end: &str| "1".repeat(400) + end;
        let found = message(Difference::Value { baseline: long("2"), actual: long("3") });
        assert!(found.contains("12, actual") && found.contains("13)") && found.len() < 300, "{found}");
    }

    #[test]
    fn two_texts_never_look_the_same() {
        let long = |end: &str| "x".repeat(500) + end;
        let found = text(&long("a"), &long("b"));
        assert!(
            found.contains("xa\", actual=") && found.contains("xb\", first difference at character 501)"),
            "{found}"
        );
        assert!(found.len() < 300, "{found}");
        let found = text("caf\u{e9}", "cafe\u{301}");
        assert!(found.ends_with("first difference at character 4: U+00E9 against U+0065 U+0301)"), "{found}");
        let found = text("ab", "a\u{200b}b");
        assert!(found.ends_with("first difference at character 2: nothing against U+200B)"), "{found}");
    }
}
