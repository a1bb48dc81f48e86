//! The parts of one line: names, labels, numbers, times.

use super::model::{Labels, escaped, unescaped};
use super::unique::Identity;
use memchr::memchr2;
use std::borrow::Cow;

/// What is wrong at a byte of a line.
pub(super) struct LineError {
    pub(super) at: usize,
    pub(super) what: Cow<'static, str>,
    /// Whether the line can still be told from others, so that only the family that it names cannot be used.
    pub(super) is_of_family: bool,
}

/// The text is not built as a page is.
pub(super) fn fault<T>(at: usize, what: impl Into<Cow<'static, str>>) -> Result<T, LineError> {
    Err(LineError { at, what: what.into(), is_of_family: false })
}

/// What stands there is no right value, name or order for its family.
pub(super) fn family_fault<T>(at: usize, what: impl Into<Cow<'static, str>>) -> Result<T, LineError> {
    Err(LineError { at, what: what.into(), is_of_family: true })
}

/// A place in a line.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// `OpenMetrics` allows one space and no other white space.
    pub(super) strict: bool,
}

impl<'a> Line<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// White space that 0.0.4 allows around every part.
    pub(super) fn blanks(&mut self) {
        while !self.strict && matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// The white space between two parts: one space, or in 0.0.4 any.
    pub(super) fn gap(&mut self) -> Result<(), LineError> {
        let before = self.at;
        if self.strict {
            self.eat(b' ');
        }
        self.blanks();
        let previous = before.checked_sub(1).map(|at| self.text.as_bytes()[at]);
        // A closing brace parts labels from a value as well as white space does.
        let parted = self.at > before || (!self.strict && matches!(previous, Some(b'}' | b' ' | b'\t')));
        if parted { Ok(()) } else { fault(before, "expected a space") }
    }

    /// Everything up to the next white space.
    pub(super) fn word(&mut self) -> &'a str {
        let start = self.at;
        while !matches!(self.peek(), None | Some(b' ' | b'\t')) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// A name of a metric, or of a label, which has no colon.
    pub(super) fn name(&mut self, colon: bool) -> Result<&'a str, LineError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let class = if colon { METRIC } else { LABEL };
        while let Some(byte) = bytes.get(self.at)
            && CLASSES[usize::from(*byte)] & class != 0
        {
            self.at += 1;
        }
        if self.at == start || bytes[start].is_ascii_digit() {
            self.at = start;
            return fault(
                start,
                if colon { "expected the name of a metric" } else { "expected the name of a label" },
            );
        }
        Ok(&self.text[start..self.at])
    }

    /// A name in quotes, which may have any characters.
    pub(super) fn quoted_name(&mut self) -> Result<&'a str, LineError> {
        let at = self.at;
        let (name, _) = self.quoted()?;
        match name {
            "" => fault(at, "an empty name"),
            name if name.contains('\\') => family_fault(at, "a name with an escape cannot be used"),
            name => Ok(name),
        }
    }

    /// The name of the metric that stands first in the braces that follow.
    pub(super) fn name_inside(&self) -> Result<&'a str, LineError> {
        let mut ahead = *self;
        ahead.at += 1;
        ahead.blanks();
        if ahead.peek() != Some(b'"') {
            return fault(ahead.at, "expected the name of a metric in quotes");
        }
        let name = ahead.quoted_name()?;
        ahead.blanks();
        if ahead.peek() == Some(b'=') { fault(self.at, "expected the name of a metric") } else { Ok(name) }
    }

    /// Labels in braces, if there are any; `seen` is scratch space. `has_name` is whether the name of the metric
    /// stands first among them.
    pub(super) fn labels(
        &mut self,
        seen: &mut Vec<&'a str>,
        mut has_name: bool,
        mut identity: Option<&mut Identity>,
    ) -> Result<Labels<'a>, LineError> {
        if !self.eat(b'{') {
            return Ok(Labels(""));
        }
        let start = self.at;
        seen.clear();
        loop {
            self.blanks();
            if self.peek() == Some(b'}') && (!self.strict || self.at == start) {
                break;
            }
            let name_at = self.at;
            let name = if self.peek() == Some(b'"') { self.quoted_name()? } else { self.name(false)? };
            self.blanks();
            if !std::mem::take(&mut has_name) {
                seen.push(name);
                if seen.len() <= FEW_LABELS && seen[..seen.len() - 1].contains(&name) {
                    return family_fault(name_at, format!("the label `{name}` stands twice"));
                }
                if !self.eat(b'=') {
                    return fault(self.at, "expected `=`");
                }
                self.blanks();
                let (value, is_plain) = self.quoted()?;
                if let Some(identity) = &mut identity
                    // An empty value is the same as no label.
                    && !value.is_empty()
                {
                    if is_plain {
                        identity.add(name, value);
                    } else {
                        identity.add(name, &escaped(&unescaped(value)));
                    }
                }
                self.blanks();
            }
            if self.eat(b',') {
                continue;
            }
            if self.peek() == Some(b'}') {
                break;
            }
            return fault(self.at, "expected `,` or `}`");
        }
        let labels = Labels(&self.text[start..self.at]);
        self.at += 1;
        if seen.len() > FEW_LABELS {
            seen.sort_unstable();
            if let Some([name, _]) = seen.array_windows().find(|[a, b]| a == b) {
                return family_fault(start, format!("the label `{name}` stands twice"));
            }
        }
        Ok(labels)
    }

    /// A label value between quotes, as it stands there, and whether each of its escapes is one of the three. In
    /// 0.0.4 a backslash before another character is a backslash, as Prometheus reads it.
    fn quoted(&mut self) -> Result<(&'a str, bool), LineError> {
        if !self.eat(b'"') {
            return fault(self.at, "expected `\"`");
        }
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut is_plain = true;
        loop {
            let Some(found) = memchr2(b'"', b'\\', bytes.get(self.at..).unwrap_or_default()) else {
                return fault(start - 1, "the quote is not closed");
            };
            self.at += found;
            if bytes[self.at] == b'"' {
                self.at += 1;
                return Ok((&self.text[start..self.at - 1], is_plain));
            }
            if !matches!(bytes.get(self.at + 1), Some(b'\\' | b'"' | b'n')) {
                if self.strict {
                    return family_fault(self.at, "not an escape; only `\\\\`, `\\\"` and `\\n` are");
                }
                is_plain = false;
            }
            self.at += 2;
        }
    }

    pub(super) fn number(&mut self) -> Result<f64, LineError> {
        let start = self.at;
        let word = self.word();
        // Rust reads `infinity` and `nan` in any case and sign, as Go does, and no underscores.
        match word.parse() {
            Ok(value) if !word.is_empty() => Ok(value),
            _ => family_fault(start, format!("`{}` is not a number", excerpt(word))),
        }
    }

    /// A time after a space, if there is one: milliseconds in 0.0.4, seconds in `OpenMetrics`.
    pub(super) fn timestamp(&mut self) -> Result<Option<i64>, LineError> {
        let before = self.at;
        if self.strict {
            if self.peek() != Some(b' ') || self.text.as_bytes().get(self.at + 1) == Some(&b'#') {
                return Ok(None);
            }
            self.at += 1;
            let start = self.at;
            let word = self.word();
            let seconds: Option<f64> = word.parse().ok().filter(|seconds: &f64| seconds.is_finite());
            let millis = seconds.map(|seconds| (seconds * 1000.0).round());
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            return match millis.filter(|millis| millis.abs() <= MAX_EXACT_MS) {
                Some(millis) => Ok(Some(millis as i64)),
                None => family_fault(start, format!("`{}` is not a time in seconds", excerpt(word))),
            };
        }
        self.blanks();
        if self.peek().is_none() {
            return Ok(None);
        }
        if self.at == before {
            return fault(before, "expected a space");
        }
        let start = self.at;
        let word = self.word();
        match word.parse() {
            Ok(millis) => Ok(Some(millis)),
            Err(_) => family_fault(start, format!("`{}` is not a time in milliseconds", excerpt(word))),
        }
    }
}

/// Up to this many labels a second look for a name is quicker than sorting them.
const FEW_LABELS: usize = 16;
/// The largest time in milliseconds that a floating-point number of seconds can name exactly.
const MAX_EXACT_MS: f64 = 9_007_199_254_740_992.0;

fn excerpt(word: &str) -> String {
    word.escape_debug().take(40).collect()
}

const METRIC: u8 = 1;
const LABEL: u8 = 2;
/// Which bytes may stand in a name.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "a byte is below 256")]
        let c = byte as u8;
        if c.is_ascii_alphanumeric() || c == b'_' {
            classes[byte] = METRIC | LABEL;
        } else if c == b':' {
            classes[byte] = METRIC;
        }
        byte += 1;
    }
    classes
};
