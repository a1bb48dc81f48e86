//! One line after the other into a page: comments, samples, and the rules that span lines.

use super::line::{Line, LineError, family_fault, fault};
use super::model::{Exposition, Family, Format, Kind, ParseError, Sample, base_name, unescaped};
use super::unique::{Identity, Repeated, repeated};
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
    /// What the line at hand is about, as soon as that is known.
    subject: &'a str,
    /// What is wrong with a line, by what it is about.
    faults: Vec<(&'a str, ParseError)>,
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
            subject: "",
            faults: Vec::new(),
            ended: false,
        }
    }

    /// Takes the next line. What is wrong with it alone is kept; an error is what leaves no page.
    pub(super) fn line(&mut self, line: &'a str) -> Result<(), ParseError> {
        self.line = self.line.saturating_add(1);
        self.subject = "";
        let Err(LineError { at, what, is_of_family }) = self.read(line) else { return Ok(()) };
        let fault = ParseError { line: self.line as usize, column: at + 1, what: what.into_owned() };
        if !is_of_family || self.subject.is_empty() {
            return Err(fault);
        }
        self.faults.push((self.subject, fault));
        Ok(())
    }

    fn read(&mut self, line: &'a str) -> Result<(), LineError> {
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
        let name = if text.peek() == Some(b'"') { text.quoted_name()? } else { text.name(true)? };
        self.subject = name;
        if strict && !self.open.is_empty() && self.open != name {
            self.close();
        }
        if strict && self.closed.contains(name) {
            return family_fault(name_at, format!("the family `{name}` was already closed"));
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
            "HELP" if family.help.is_some() => {
                return family_fault(name_at, format!("a second HELP of `{name}`"));
            }
            "HELP" => family.help = Some(unescaped(value)),
            "UNIT" if family.unit.is_some() => {
                return family_fault(name_at, format!("a second UNIT of `{name}`"));
            }
            "UNIT" => {
                let suffix = name.strip_suffix(value).is_some_and(|base| base.ends_with('_'));
                if !value.is_empty() && !suffix {
                    return family_fault(value_at, format!("the unit is not the end of the name `{name}`"));
                }
                family.unit = Some(value);
            }
            _ if family.kind.is_some() => return family_fault(name_at, format!("a second TYPE of `{name}`")),
            _ => {
                let kind = Kind::of_word(value.trim_end_matches([' ', '\t']), self.format);
                let Some(kind) = kind else {
                    let what = format!("`{}` is not a type of this format", value.escape_debug());
                    return family_fault(text.at, what);
                };
                family.kind = Some(kind);
                let mut names = kind.suffixes().iter().map(|suffix| format!("{name}{suffix}"));
                if names.any(|name| self.names.contains(&name[..])) {
                    return family_fault(name_at, format!("the TYPE of `{name}` comes after its samples"));
                }
            }
        }
        Ok(())
    }

    fn sample(&mut self, mut text: Line<'a>) -> Result<(), LineError> {
        let name_at = text.at;
        let has_name = text.peek() == Some(b'{');
        let name = if has_name { text.name_inside()? } else { text.name(true)? };
        self.subject = name;
        if name != self.last_name {
            self.begin(name, name_at)?;
        }
        let mut identity = Identity::of_name(name);
        text.blanks();
        let labels = text.labels(&mut self.labels, has_name, Some(&mut identity))?;
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
            return family_fault(at, format!("a sample of the counter `{name}` must end in `_total`"));
        }
        if self.open != base {
            self.close();
            if self.closed.contains(base) {
                return family_fault(at, format!("the family `{base}` was already closed"));
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
            return family_fault(at, "only a bucket or the total of a counter may carry an exemplar");
        }
        text.at += 3;
        let labels = text.labels(&mut self.labels, false, None)?;
        let length: usize = labels.iter().map(|(name, value)| name.len() + value.chars().count()).sum();
        if length > EXEMPLAR_CHARS {
            return family_fault(
                at,
                format!("the exemplar has {length} characters, more than {EXEMPLAR_CHARS}"),
            );
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
        let Self { families, mut samples, mut faults, .. } = self;
        for Repeated { first, second, is_backwards } in repeated(self.format, &samples, &self.numbers) {
            let series = format!("`{}{:?}`", second.name, second.labels);
            let what = if is_backwards {
                format!("the series {series} has a later time in line {}", first.line)
            } else {
                format!("the series {series} stands already in line {}", first.line)
            };
            faults.push((second.name, ParseError { line: second.line as usize, column: 1, what }));
        }
        if !faults.is_empty() {
            let kind_of = |name: &str| families.get(name).and_then(|family: &Family<'_>| family.kind);
            for (name, _) in &mut faults {
                *name = base_name(name, kind_of);
            }
            faults.sort_by_key(|(_, fault)| (fault.line, fault.column));
            let mut faulty = BTreeSet::new();
            faults.retain(|(family, _)| faulty.insert(*family));
            samples.retain(|sample| !faulty.contains(base_name(sample.name, kind_of)));
        }
        Ok(Exposition { families, samples, faults })
    }
}
