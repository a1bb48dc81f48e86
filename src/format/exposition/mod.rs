//! The exposition text that a `/metrics` page speaks: format 0.0.4 and `OpenMetrics` 1.0, read strictly.
//!
//! A page is read whole or refused with the line and column of the fault: a line cut short, a label twice, a
//! series twice or a missing `# EOF` is never half a page of numbers. In 0.0.4 nothing marks the end of a
//! page: one torn between two lines is known by the length of the HTTP answer alone, which is why the other
//! format is asked for first. Reading takes time linear in the text and borrows from it; labels are
//! unescaped when they are asked for.

mod line;
mod unique;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use write::Writer;

use memchr::memchr;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Which of the two formats a text is in.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}: {}", self.line, self.column, self.what)
    }
}

impl std::error::Error for ParseError {}

/// What a family of metrics says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises, but for resets.
    Counter,
    /// Any value.
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
    fn as_str(self) -> &'static str {
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
}

/// What the comments of a family say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family<'a> {
    /// Its kind, if it is told.
    pub kind: Option<Kind>,
    /// Its help, unescaped.
    pub help: Option<Cow<'a, str>>,
    /// Its unit.
    pub unit: Option<&'a str>,
}

/// One line of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The metric's name, with its suffix.
    pub name: &'a str,
    /// The labels.
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
pub struct Labels<'a>(&'a str);

impl<'a> Labels<'a> {
    /// Names and values in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let blank = |c: char| c == ' ' || c == '\t' || c == ',';
            rest = rest.trim_start_matches(blank);
            let (name, after) = rest.split_once('=')?;
            let (_, value) = after.split_once('"')?;
            let end = line::closing_quote(value.as_bytes())?;
            rest = &value[end + 1..];
            Some((name.trim_end_matches(blank), unescaped(&value[..end])))
        })
    }

    /// The labels as a map.
    pub fn to_map(self) -> BTreeMap<String, String> {
        self.iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A page, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposition<'a> {
    /// What the comments say, by the name of the family.
    pub families: BTreeMap<&'a str, Family<'a>>,
    /// The samples in the order of the text.
    pub samples: Vec<Sample<'a>>,
}

impl<'a> Exposition<'a> {
    /// The samples of this exact name.
    pub fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Sample<'a>> {
        self.samples.iter().filter(move |sample| sample.name == name)
    }
}

/// Reads a page.
pub fn parse(bytes: &[u8], format: Format) -> Result<Exposition<'_>, ParseError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(position(bytes, error.valid_up_to(), "invalid UTF-8")),
    };
    let mut page = line::Page::new(format, bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let Some(length) = memchr(b'\n', &bytes[at..]) else {
            return Err(position(bytes, bytes.len(), "the text ends inside a line"));
        };
        page.line(&text[at..at + length]).map_err(|fault| ParseError {
            line: page.number(),
            column: fault.at + 1,
            what: fault.what.into_owned(),
        })?;
        at += length + 1;
    }
    page.finish()
}

/// The error at a byte of the whole text.
fn position(bytes: &[u8], at: usize, what: &str) -> ParseError {
    let before = &bytes[..at];
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    ParseError { line, column: at - start + 1, what: what.to_owned() }
}

/// A text without its escapes; the only ones are `\\`, `\"` and `\n`.
fn unescaped(text: &str) -> Cow<'_, str> {
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
