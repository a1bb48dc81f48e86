//! What a page says: families and samples, borrowed from its text.

use memchr::{memchr, memchr2};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// `OpenMetrics` text 1.0.
    OpenMetrics,
}

impl Format {
    /// The value of `Accept` that asks for either.
    pub const ACCEPT: &'static str =
        "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

    /// The format that a `Content-Type` names; without one it is 0.0.4.
    pub fn of_content_type(content_type: Option<&str>) -> Self {
        let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/openmetrics-text") { Self::OpenMetrics } else { Self::Text }
    }
}

/// Where and why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} column {column}: {what}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 1.
    pub column: usize,
    pub what: String,
}

/// What a family of metrics says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only ever rises, but for resets.
    Counter,
    Gauge,
    /// Cumulative buckets.
    Histogram,
    /// Buckets that may fall.
    GaugeHistogram,
    /// Quantiles computed by the process.
    Summary,
    /// One of several states.
    StateSet,
    /// Text as labels.
    Info,
    /// Nothing is said.
    Unknown,
}

impl Kind {
    /// As a `TYPE` line of either format has it; 0.0.4 knows the first four alone.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::GaugeHistogram => "gaugehistogram",
            Self::StateSet => "stateset",
            Self::Info => "info",
            Self::Unknown => "unknown",
        }
    }

    /// The kind that a `TYPE` line of a format names.
    pub(super) fn of_word(word: &str, format: Format) -> Option<Self> {
        let open_metrics = format == Format::OpenMetrics;
        Some(match (word, open_metrics) {
            ("counter", _) => Self::Counter,
            ("gauge", _) => Self::Gauge,
            ("histogram", _) => Self::Histogram,
            ("summary", _) => Self::Summary,
            ("untyped", false) | ("unknown", _) => Self::Unknown,
            ("gaugehistogram", true) => Self::GaugeHistogram,
            ("stateset", true) => Self::StateSet,
            ("info", true) => Self::Info,
            _ => return None,
        })
    }

    /// What the names of its samples may end in.
    pub(super) fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["", "_total", "_created"],
            Self::Histogram => &["_bucket", "_count", "_sum", "_created"],
            Self::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
            Self::Summary => &["", "_count", "_sum", "_created"],
            Self::Info => &["_info"],
            Self::Gauge | Self::StateSet | Self::Unknown => &[""],
        }
    }
}

/// What the comments of a family say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family<'a> {
    /// Its kind, if it is told.
    pub kind: Option<Kind>,
    pub help: Option<Cow<'a, str>>,
    pub unit: Option<&'a str>,
}

/// One line of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The metric's name, with its suffix.
    pub name: &'a str,
    pub labels: Labels<'a>,
    /// The value; it may be infinite or not a number.
    pub value: f64,
    /// Its time in milliseconds, if it has one.
    pub timestamp_ms: Option<i64>,
    /// The line it stands in, from 1.
    pub line: u32,
}

/// Labels as they stand in the text, checked; unescaped on the way out.
#[derive(Clone, Copy, PartialEq)]
pub struct Labels<'a>(pub(super) &'a str);

impl<'a> Labels<'a> {
    /// Names and values in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let blank = |c: char| c == ' ' || c == '\t' || c == ',';
            rest = rest.trim_start_matches(blank);
            let mut named = next_name(rest)?;
            // The name of the metric stands among its labels, and is none.
            if rest.starts_with('"') && !named.1.starts_with('=') {
                named = next_name(named.1.trim_start_matches(blank))?;
            }
            let (name, after) = named;
            let (_, value) = after.split_once('"')?;
            let end = closing_quote(value.as_bytes())?;
            rest = &value[end + 1..];
            Some((name, unescaped(&value[..end])))
        })
    }

    pub fn to_map(self) -> BTreeMap<String, String> {
        self.iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Exposition<'a> {
    /// What the comments say, by the name of the family.
    pub families: BTreeMap<&'a str, Family<'a>>,
    /// Samples of families without a fault.
    pub samples: Vec<Sample<'a>>,
    /// Families that cannot be used, each with its first fault, in the order of the lines.
    pub faults: Vec<(&'a str, ParseError)>,
}

impl<'a> Exposition<'a> {
    /// The samples of this exact name.
    pub fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Sample<'a>> {
        self.samples.iter().filter(move |sample| sample.name == name)
    }

    /// What the family of a sample says of itself.
    pub(crate) fn family(&self, sample: &str) -> Option<&Family<'a>> {
        let kind_of = |name: &str| self.families.get(name).and_then(|family| family.kind);
        self.families.get(base_name(sample, kind_of))
    }

    /// Every name that a sample of a family may have.
    pub(crate) fn names(&self, family: &str) -> Vec<String> {
        let kind = self.families.get(family).and_then(|family| family.kind);
        let suffixes = kind.map_or(&[""][..], Kind::suffixes);
        suffixes.iter().map(|suffix| format!("{family}{suffix}")).collect()
    }
}

/// The name of the family of a sample: its own, or that before a suffix of the family's kind.
pub(super) fn base_name(name: &str, kind_of: impl Fn(&str) -> Option<Kind>) -> &str {
    for suffix in ["_bucket", "_count", "_sum", "_gcount", "_gsum", "_total", "_created", "_info"] {
        if let Some(base) = name.strip_suffix(suffix)
            && let Some(kind) = kind_of(base)
            && kind.suffixes().contains(&suffix)
        {
            return base;
        }
    }
    name
}

/// A name, in quotes or not, checked already, and what follows it, from the `=` on where one does.
fn next_name(text: &str) -> Option<(&str, &str)> {
    let blank = [' ', '\t'];
    let Some(quoted) = text.strip_prefix('"') else {
        let end = memchr(b'=', text.as_bytes())?;
        return Some((text[..end].trim_end_matches(blank), &text[end..]));
    };
    let end = closing_quote(quoted.as_bytes())?;
    Some((&quoted[..end], quoted[end + 1..].trim_start_matches(blank)))
}

/// A text as it stands between quotes.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A text without its escapes; the only ones are `\\`, `\"` and `\n`.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(escaped @ ('\\' | '"'))) => out.push(escaped),
            (c, other) => out.extend([Some(c), other].into_iter().flatten()),
        }
    }
    Cow::Owned(out)
}

/// The place of the quote that ends a label value.
fn closing_quote(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'"' {
            return Some(found);
        }
        at = found + 2;
    }
}
