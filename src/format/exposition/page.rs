//! One line after the other into a page: comments, samples, and the rules that span lines.

use super::line::{Line, LineError, fault};
use super::model::{Exposition, Family, Format, Kind, ParseError, Sample, unescaped};
use super::unique::{Identity, duplicate};
use std::collections::{BTreeMap, BTreeSet};

/// How long the labels of an exemplar may be, names and values together, in characters.
const EXEMPLAR_CHARS: usize = 128;

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

    pub(super) fn line(&mut self, line: &'a str) -> Result<(), LineError> {
        self.line = self.line.saturating_add(1);
        if self.ended {
            return fault(0, "nothing may follow `# EOF`");
        }
        let strict = self.format == Format::OpenMetrics;
        let mut text = Line { text: line, at: 0, strict };
        text.blanks();
        match text.peek() {
            None if strict => fault(0, "an empty line"),
            None => Ok(()),
            Some(b'#') => self.comment(text),
            Some(_) => self.sample(text),
        }
    }

    fn comment(&mut self, mut text: Line<'a>) -> Result<(), LineError> {
        let strict = self.format == Format::OpenMetrics;
        text.at += 1;
        let rest = &text.text[text.at..];
        if strict && rest == " EOF" {
            self.ended = true;
            return Ok(());
        }
        if !strict {
            text.blanks();
        } else if !text.eat(b' ') {
            return fault(text.at, "expected a space after `#`");
        }
        let word_at = text.at;
        let word = text.word();
        let is_known = ["HELP", "TYPE"].contains(&word) || (strict && word == "UNIT");
        if !is_known {
            return if strict { fault(word_at, "expected `HELP`, `TYPE`, `UNIT` or `EOF`") } else { Ok(()) };
        }
        text.gap()?;
        let name_at = text.at;
        let name = text.name(true)?;
        if strict && !self.open.is_empty() && self.open != name {
            self.close();
        }
        if strict && self.closed.contains(name) {
            return fault(name_at, format!("the family `{name}` was already closed"));
        }
        if strict {
            self.open = name;
        }
        let value_at = text.at;
        let value = if text.peek().is_some() {
            text.gap()?;
            &text.text[text.at..]
        } else {
            ""
        };
        let family = self.families.entry(name).or_default();
        match word {
            "HELP" if family.help.is_some() => return fault(name_at, format!("a second HELP of `{name}`")),
            "HELP" => family.help = Some(unescaped(value)),
            "UNIT" if family.unit.is_some() => return fault(name_at, format!("a second UNIT of `{name}`")),
            "UNIT" => {
                let suffix = name.strip_suffix(value).is_some_and(|base| base.ends_with('_'));
                if !value.is_empty() && !suffix {
                    return fault(value_at, format!("the unit is not the end of the name `{name}`"));
                }
                family.unit = Some(value);
            }
            _ if family.kind.is_some() => return fault(name_at, format!("a second TYPE of `{name}`")),
            _ => {
                let kind = Kind::of_word(value.trim_end_matches([' ', '\t']), self.format);
                let kind = kind.ok_or_else(|| LineError {
                    at: text.at,
                    what: format!("`{}` is not a type of this format", value.escape_debug()).into(),
                })?;
                family.kind = Some(kind);
                let mut names = kind.suffixes().iter().map(|suffix| format!("{name}{suffix}"));
                if names.any(|name| self.names.contains(&name[..])) {
                    return fault(name_at, format!("the TYPE of `{name}` comes after its samples"));
                }
            }
        }
        Ok(())
    }

    fn sample(&mut self, mut text: Line<'a>) -> Result<(), LineError> {
        let name_at = text.at;
        let name = text.name(true)?;
        if name != self.last_name {
            self.begin(name, name_at)?;
        }
        let mut identity = Identity::of_name(name);
        text.blanks();
        let labels = text.labels(&mut self.labels, Some(&mut identity))?;
        text.gap()?;
        let value = text.number()?;
        let timestamp_ms = text.timestamp()?;
        if text.strict && text.text.as_bytes()[text.at..].starts_with(b" # {") {
            self.exemplar(&mut text, name)?;
        }
        text.blanks();
        if text.peek().is_some() {
            return fault(text.at, "expected the end of the line");
        }
        if text.strict
            && let Some(time) = timestamp_ms
        {
            identity.add_time(time);
        }
        self.samples.push(Sample { name, labels, value, timestamp_ms, line: self.line });
        self.numbers.push(identity.number());
        Ok(())
    }

    /// The first sample of a run of equal names.
    fn begin(&mut self, name: &'a str, at: usize) -> Result<(), LineError> {
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
    fn exemplar(&mut self, text: &mut Line<'a>, name: &str) -> Result<(), LineError> {
        let at = text.at;
        if !name.ends_with("_total") && !name.ends_with("_bucket") {
            return fault(at, "only a bucket or the total of a counter may carry an exemplar");
        }
        text.at += 3;
        let labels = text.labels(&mut self.labels, None)?;
        let length: usize = labels.iter().map(|(name, value)| name.len() + value.chars().count()).sum();
        if length > EXEMPLAR_CHARS {
            return fault(at, format!("the exemplar has {length} characters, more than {EXEMPLAR_CHARS}"));
        }
        text.gap()?;
        text.number()?;
        text.timestamp()?;
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
            && kind.suffixes().contains(&suffix)
        {
            return base;
        }
    }
    name
}
