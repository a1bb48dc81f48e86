//! One line after the other into a page: comments, samples, and the rules that span lines.

use super::sample::{Exposition, Family, Format, Kind, Labels, ParseError, Sample, unescaped};
use super::unique::{Identity, duplicate};
use memchr::memchr2;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// How long the labels of an exemplar may be, names and values together, in characters.
const EXEMPLAR_CHARS: usize = 128;

/// What is wrong at a byte of a line.
pub(super) struct LineFault {
    pub(super) at: usize,
    pub(super) what: Cow<'static, str>,
}

fn fault<T>(at: usize, what: impl Into<Cow<'static, str>>) -> Result<T, LineFault> {
    Err(LineFault { at, what: what.into() })
}

/// A page that is being read.
pub(super) struct Page<'a> {
    format: Format,
    line: u32,
    families: BTreeMap<&'a str, Family<'a>>,
    samples: Vec<Sample<'a>>,
    numbers: Vec<u64>,
    /// Every name that a sample had, to refuse a type that comes too late.
    names: BTreeSet<&'a str>,
    last_name: &'a str,
    /// Families whose samples have ended, and the one that goes on; `OpenMetrics` forbids to mix them.
    closed: BTreeSet<&'a str>,
    open: &'a str,
    labels: Vec<&'a str>,
    ended: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(format: Format, bytes: usize) -> Self {
        // A line of numbers has about this many bytes; a wrong guess costs a move.
        let guess = bytes / 80 + 1;
        Self {
            format,
            line: 0,
            families: BTreeMap::new(),
            samples: Vec::with_capacity(guess),
            numbers: Vec::with_capacity(guess),
            names: BTreeSet::new(),
            last_name: "",
            closed: BTreeSet::new(),
            open: "",
            labels: Vec::new(),
            ended: false,
        }
    }

    /// The line that was read last.
    pub(super) fn number(&self) -> usize {
        self.line as usize
    }

    pub(super) fn line(&mut self, line: &'a str) -> Result<(), LineFault> {
        self.line = self.line.saturating_add(1);
        if self.ended {
            return fault(0, "nothing may follow `# EOF`");
        }
        let strict = self.format == Format::OpenMetrics;
        let mut cursor = Cursor { text: line, at: 0, strict };
        if !strict {
            cursor.blanks();
        }
        match cursor.peek() {
            None if strict => fault(0, "an empty line"),
            None => Ok(()),
            Some(b'#') => self.comment(cursor),
            Some(_) => self.sample(cursor),
        }
    }

    fn comment(&mut self, mut cursor: Cursor<'a>) -> Result<(), LineFault> {
        let strict = self.format == Format::OpenMetrics;
        cursor.at += 1;
        let rest = &cursor.text[cursor.at..];
        if strict && rest == " EOF" {
            self.ended = true;
            return Ok(());
        }
        if !strict {
            cursor.blanks();
        } else if !cursor.eat(b' ') {
            return fault(cursor.at, "expected a space after `#`");
        }
        let word_at = cursor.at;
        let word = cursor.word();
        let is_known = ["HELP", "TYPE"].contains(&word) || (strict && word == "UNIT");
        if !is_known {
            return if strict { fault(word_at, "expected `HELP`, `TYPE`, `UNIT` or `EOF`") } else { Ok(()) };
        }
        cursor.gap()?;
        let name_at = cursor.at;
        let name = cursor.name(true)?;
        if strict && !self.open.is_empty() && self.open != name {
            self.close();
        }
        if strict && self.closed.contains(name) {
            return fault(name_at, format!("the family `{name}` was already closed"));
        }
        if strict {
            self.open = name;
        }
        let value_at = cursor.at;
        let value = if cursor.peek().is_some() {
            cursor.gap()?;
            &cursor.text[cursor.at..]
        } else {
            ""
        };
        let family = self.families.entry(name).or_default();
        match word {
            "HELP" if family.help.is_some() => fault(name_at, format!("a second HELP of `{name}`")),
            "HELP" => {
                family.help = Some(unescaped(value));
                Ok(())
            }
            "UNIT" if family.unit.is_some() => fault(name_at, format!("a second UNIT of `{name}`")),
            "UNIT" => {
                let suffix = name.strip_suffix(value).is_some_and(|base| base.ends_with('_'));
                if !value.is_empty() && !suffix {
                    return fault(value_at, format!("the unit is not the end of the name `{name}`"));
                }
                family.unit = Some(value);
                Ok(())
            }
            _ if family.kind.is_some() => fault(name_at, format!("a second TYPE of `{name}`")),
            _ => {
                let kind = kind(value.trim_end_matches([' ', '\t']), strict);
                let kind = kind.ok_or_else(|| LineFault {
                    at: cursor.at,
                    what: format!("`{}` is no type of this format", value.escape_debug()).into(),
                })?;
                family.kind = Some(kind);
                let late = suffixes(kind).iter().any(|suffix| {
                    if suffix.is_empty() {
                        self.names.contains(name)
                    } else {
                        self.names.contains(format!("{name}{suffix}").as_str())
                    }
                });
                if late {
                    fault(name_at, format!("the TYPE of `{name}` comes after its samples"))
                } else {
                    Ok(())
                }
            }
        }
    }

    fn sample(&mut self, mut cursor: Cursor<'a>) -> Result<(), LineFault> {
        let name_at = cursor.at;
        let name = cursor.name(true)?;
        if name != self.last_name {
            self.begin(name, name_at)?;
        }
        let mut identity = Identity::of_name(name);
        if !cursor.strict {
            cursor.blanks();
        }
        let labels = cursor.labels(&mut self.labels, Some(&mut identity))?;
        cursor.gap()?;
        let value = cursor.number()?;
        let timestamp_ms = cursor.timestamp()?;
        if cursor.strict && cursor.text.as_bytes()[cursor.at..].starts_with(b" # {") {
            self.exemplar(&mut cursor, name)?;
        }
        if !cursor.strict {
            cursor.blanks();
        }
        if cursor.peek().is_some() {
            return fault(cursor.at, "expected the end of the line");
        }
        if cursor.strict
            && let Some(time) = timestamp_ms
        {
            identity.add_time(time);
        }
        self.samples.push(Sample { name, labels, value, timestamp_ms, line: self.line });
        self.numbers.push(identity.number());
        Ok(())
    }

    /// The first sample of a run of equal names.
    fn begin(&mut self, name: &'a str, at: usize) -> Result<(), LineFault> {
        self.last_name = name;
        self.names.insert(name);
        if self.format == Format::Text {
            return Ok(());
        }
        let kind_of = |name: &str| self.families.get(name).and_then(|family| family.kind);
        let base = base_name(name, kind_of);
        if kind_of(base) == Some(Kind::Counter) && base == name {
            return fault(at, format!("a sample of the counter `{name}` must end in `_total`"));
        }
        if self.open != base {
            self.close();
            if self.closed.contains(base) {
                return fault(at, format!("the family `{base}` was already closed"));
            }
            self.open = base;
        }
        Ok(())
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.closed.insert(self.open);
        }
        self.last_name = "";
    }

    /// Passes over an exemplar: it must be a right one, and no figure needs it.
    fn exemplar(&mut self, cursor: &mut Cursor<'a>, name: &str) -> Result<(), LineFault> {
        let at = cursor.at;
        if !name.ends_with("_total") && !name.ends_with("_bucket") {
            return fault(at, "only a bucket or the total of a counter may carry an exemplar");
        }
        cursor.at += 3;
        let labels = cursor.labels(&mut self.labels, None)?;
        let length: usize = labels.iter().map(|(name, value)| name.len() + value.chars().count()).sum();
        if length > EXEMPLAR_CHARS {
            return fault(at, format!("the exemplar has {length} characters, more than {EXEMPLAR_CHARS}"));
        }
        cursor.gap()?;
        cursor.number()?;
        cursor.timestamp()?;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Exposition<'a>, ParseError> {
        let line = self.line as usize + 1;
        if self.format == Format::OpenMetrics && !self.ended {
            return Err(ParseError {
                line,
                column: 1,
                what: "`# EOF` is missing; the text is torn".to_owned(),
            });
        }
        if let Some((first, second)) = duplicate(self.format, &self.samples, &self.numbers) {
            let what = format!(
                "the series `{}{:?}` stands already in line {}",
                second.name, second.labels, first.line
            );
            return Err(ParseError { line: second.line as usize, column: 1, what });
        }
        Ok(Exposition { families: self.families, samples: self.samples })
    }
}

/// The name of the family of a sample: its own, or that before a suffix of the family's kind.
pub(super) fn base_name(name: &str, kind_of: impl Fn(&str) -> Option<Kind>) -> &str {
    for suffix in ["_bucket", "_count", "_sum", "_gcount", "_gsum", "_total", "_created", "_info"] {
        if let Some(base) = name.strip_suffix(suffix)
            && let Some(kind) = kind_of(base)
            && suffixes(kind).contains(&suffix)
        {
            return base;
        }
    }
    name
}

fn suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Counter => &["", "_total", "_created"],
        Kind::Histogram => &["_bucket", "_count", "_sum", "_created"],
        Kind::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
        Kind::Summary => &["", "_count", "_sum", "_created"],
        Kind::Info => &["_info"],
        Kind::Gauge | Kind::StateSet | Kind::Unknown => &[""],
    }
}

fn kind(word: &str, open_metrics: bool) -> Option<Kind> {
    Some(match (word, open_metrics) {
        ("counter", _) => Kind::Counter,
        ("gauge", _) => Kind::Gauge,
        ("histogram", _) => Kind::Histogram,
        ("summary", _) => Kind::Summary,
        ("untyped", false) | ("unknown", _) => Kind::Unknown,
        ("gaugehistogram", true) => Kind::GaugeHistogram,
        ("stateset", true) => Kind::StateSet,
        ("info", true) => Kind::Info,
        _ => return None,
    })
}

/// A place in a line.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// `OpenMetrics` allows one space and no other white space.
    strict: bool,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// The white space between two parts: one space, or in 0.0.4 any.
    fn gap(&mut self) -> Result<(), LineFault> {
        let before = self.at;
        if self.strict {
            self.eat(b' ');
        } else {
            self.blanks();
        }
        let previous = before.checked_sub(1).map(|at| self.text.as_bytes()[at]);
        // A closing brace parts labels from a value as well as white space does.
        let parted = self.at > before || (!self.strict && matches!(previous, Some(b'}' | b' ' | b'\t')));
        if parted { Ok(()) } else { fault(before, "expected a space") }
    }

    /// Everything up to the next white space.
    fn word(&mut self) -> &'a str {
        let start = self.at;
        while !matches!(self.peek(), None | Some(b' ' | b'\t')) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// A name of a metric, or of a label, which has no colon.
    fn name(&mut self, colon: bool) -> Result<&'a str, LineFault> {
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

    /// Labels in braces, if there are any; `seen` is scratch space.
    fn labels(
        &mut self,
        seen: &mut Vec<&'a str>,
        mut identity: Option<&mut Identity>,
    ) -> Result<Labels<'a>, LineFault> {
        if !self.eat(b'{') {
            return Ok(Labels(""));
        }
        let start = self.at;
        seen.clear();
        loop {
            if !self.strict {
                self.blanks();
            }
            if self.peek() == Some(b'}') && (!self.strict || self.at == start) {
                break;
            }
            let name_at = self.at;
            let name = self.name(false)?;
            seen.push(name);
            if seen.len() <= FEW_LABELS && seen[..seen.len() - 1].contains(&name) {
                return fault(name_at, format!("the label `{name}` stands twice"));
            }
            if !self.strict {
                self.blanks();
            }
            if !self.eat(b'=') {
                return fault(self.at, "expected `=`");
            }
            if !self.strict {
                self.blanks();
            }
            let value = self.quoted()?;
            if let Some(identity) = &mut identity
                // An empty value is the same as no label.
                && !value.is_empty()
            {
                identity.add(name, value);
            }
            if !self.strict {
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
                return fault(start, format!("the label `{name}` stands twice"));
            }
        }
        Ok(labels)
    }

    /// A label value between quotes, as it stands there.
    fn quoted(&mut self) -> Result<&'a str, LineFault> {
        if !self.eat(b'"') {
            return fault(self.at, "expected `\"`");
        }
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            let Some(found) = memchr2(b'"', b'\\', &bytes[self.at..]) else {
                return fault(start - 1, "the quote is not closed");
            };
            self.at += found;
            if bytes[self.at] == b'"' {
                self.at += 1;
                return Ok(&self.text[start..self.at - 1]);
            }
            if !matches!(bytes.get(self.at + 1), Some(b'\\' | b'"' | b'n')) {
                return fault(self.at, "not an escape; only `\\\\`, `\\\"` and `\\n` are");
            }
            self.at += 2;
        }
    }

    fn number(&mut self) -> Result<f64, LineFault> {
        let start = self.at;
        let word = self.word();
        // Rust reads `infinity` and `nan` in any case and sign, as Go does, and no underscores.
        match word.parse() {
            Ok(value) if !word.is_empty() => Ok(value),
            _ => fault(start, format!("`{}` is not a number", excerpt(word))),
        }
    }

    /// A time after a space, if there is one: milliseconds in 0.0.4, seconds in `OpenMetrics`.
    fn timestamp(&mut self) -> Result<Option<i64>, LineFault> {
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
                None => fault(start, format!("`{}` is not a time in seconds", excerpt(word))),
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
            Err(_) => fault(start, format!("`{}` is not a time in milliseconds", excerpt(word))),
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
