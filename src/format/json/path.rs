//! Where in a document something is, and patterns over such places.
//!
//! A path is written `root.kpi.net_bps`, `root.iterations[3].ts`, `root["a key"]`, `root.fills[id=7]`; a pattern has
//! `*` and `[*]` for one step and `**` for any number of them. Every path that is printed is a pattern for itself.

use crate::format::text;
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::fmt;

/// Paths longer than this are shown and sorted by their two ends.
const SHOWN_STEPS: usize = 256;

/// Levels that a pattern may leave out, as many as a document may have.
const MOST_LEVELS: usize = 10_000;

/// One step down into a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Index(u64),
    Key(String),
    /// Into an element of an array that is known by a field.
    Label(Label),
    /// Steps that are not shown.
    Left(usize),
}

/// An element of an array that is known by a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label {
    /// Field and value, such as `id=7`; a text that could be something else is in quotes.
    pub(crate) text: String,
    /// Where the element stands in its array.
    pub(crate) index: u64,
}

impl Label {
    /// The text of a label: of a field and what it holds, a text or another plain value.
    pub(crate) fn text_of(field: &str, value: &str, is_text: bool) -> String {
        let is_bare = !is_text || (is_plain(value) && !is_no_text(value));
        let value = if is_bare { value.to_owned() } else { quoted(value) };
        if is_plain(field) { format!("{field}={value}") } else { format!("{}={value}", quoted(field)) }
    }
}

/// Whether a text without quotes would be another value.
fn is_no_text(text: &str) -> bool {
    matches!(text, "true" | "false" | "null") || text.parse::<f64>().is_ok()
}

/// A place in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    #[must_use]
    pub(crate) fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The path with the middle left out where it is very long.
    #[must_use]
    pub(crate) fn shortened(mut self) -> Self {
        let steps = self.0.len();
        if steps > SHOWN_STEPS {
            let half = SHOWN_STEPS / 2;
            self.0.splice(half..steps - half, [Step::Left(steps - SHOWN_STEPS)]);
        }
        self
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("root")?;
        for step in &self.0 {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_plain(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "[{}]", quoted(key))?,
                Step::Label(label) => write!(f, "[{}]", label.text)?,
                Step::Left(steps) => write!(f, "..({steps} levels)..")?,
            }
        }
        Ok(())
    }
}

/// Whether a key is written after a dot, without quotes.
fn is_plain(key: &str) -> bool {
    let is_special = |c: char| c.is_control() || c.is_whitespace() || ".[]:\"*=".contains(c);
    !key.is_empty() && !key.chars().any(|c| is_special(c) || text::is_active(c))
}

/// A key as a JSON string, in which a reader sees every character that does something else than be seen.
pub(crate) fn quoted(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a string serialises");
    if !quoted.contains(text::is_active) {
        return quoted;
    }
    let mut shown = String::new();
    for c in quoted.chars() {
        if text::is_active(c) {
            let units =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            shown.push_str(&units);
        } else {
            shown.push(c);
        }
    }
    shown
}

/// One place in a document, as an operator writes it: `root.runs[0].ok`, `$.runs[0].ok`, or the JSON pointer
/// `/runs/0/ok`. It is shown in the first of the three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(Path);

impl Place {
    /// # Errors
    /// When the text is none of the three, or stands for more than one place.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(pointer) = text.strip_prefix('/') {
            let steps = pointer.split('/').map(|key| Step::Key(key.replace("~1", "/").replace("~0", "~")));
            return Ok(Self(Path(steps.collect())));
        }
        let steps = Pattern::parse(text).map_err(|error| format!("{error:#}"))?.steps();
        let steps = steps.ok_or_else(|| format!("`{text}` stands for more than one place"))?;
        Ok(Self(Path(steps)))
    }

    /// The field of this name at the top.
    pub(crate) fn of_key(name: &str) -> Self {
        Self(Path(vec![Step::Key(name.to_owned())]))
    }

    /// The way there from the top. A key may stand for the index of an element where it comes from a JSON pointer.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.0.0
    }

    /// What stands there. A step of a JSON pointer may be a key or the index of an element.
    pub(crate) fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.0.iter().try_fold(document, |at, step| match (step, at) {
            (Step::Key(key), Value::Array(elements)) => elements.get(key.parse::<usize>().ok()?),
            (Step::Key(key), _) => at.get(key),
            (Step::Index(index), _) => at.get(usize::try_from(*index).ok()?),
            (Step::Label(_) | Step::Left(_), _) => None,
        })
    }

    /// Puts a value there. All on the way must be there, the last key need not be.
    pub(crate) fn put(&self, document: &mut Value, value: Value) -> Option<()> {
        let Some((last, way)) = self.0.0.split_last() else {
            *document = value;
            return Some(());
        };
        let mut at = document;
        for step in way {
            at = match (step, at) {
                (Step::Key(key), Value::Array(elements)) => elements.get_mut(key.parse::<usize>().ok()?)?,
                (Step::Key(key), at) => at.get_mut(key)?,
                (Step::Index(index), at) => at.get_mut(usize::try_from(*index).ok()?)?,
                (Step::Label(_) | Step::Left(_), _) => return None,
            };
        }
        match (last, at) {
            (Step::Key(key), Value::Object(fields)) => {
                fields.insert(key.clone(), value);
            }
            (Step::Key(key), Value::Array(elements)) => {
                *elements.get_mut(key.parse::<usize>().ok()?)? = value;
            }
            (Step::Index(index), Value::Array(elements)) => {
                *elements.get_mut(usize::try_from(*index).ok()?)? = value;
            }
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Key(String),
    Index(u64),
    /// An element by what a field of it holds.
    Label(String),
    AnyKey,
    AnyElement,
    AnyStep,
    AnySteps,
}

/// A set of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    parts: Vec<Part>,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        match Self::parse_start(text)? {
            (pattern, "") => Ok(pattern),
            (_, rest) => bail!("`{text}`: `{rest}` is not a step; write .KEY, [N], [*], .* or .**"),
        }
    }

    /// Reads a pattern at the start of a text, up to a `:` or `=`.
    pub(crate) fn parse_start(text: &str) -> anyhow::Result<(Self, &str)> {
        let Some(mut rest) = text.strip_prefix("root").or_else(|| text.strip_prefix('$')) else {
            bail!("`{text}`: a path begins with root, such as root.{text}");
        };
        let mut parts = Vec::new();
        while !rest.is_empty() && !rest.starts_with([':', '=']) {
            if let Some((levels, after)) = parse_levels(rest) {
                parts.resize(parts.len() + levels, Part::AnyStep);
                rest = after;
                continue;
            }
            let (part, after) = parse_part(rest).with_context(|| {
                format!(
                    "`{text}`: `{rest}` is not a step; write .KEY, [N], [*], [\"a key\"], [FIELD=VALUE], .* or .**"
                )
            })?;
            parts.push(part);
            rest = after;
        }
        let text = text[..text.len() - rest.len()].to_owned();
        Ok((Self { text, parts }, rest))
    }

    /// The steps of a pattern that stands for one path.
    pub(crate) fn steps(&self) -> Option<Vec<Step>> {
        let step = |part: &Part| match part {
            Part::Key(key) => Some(Step::Key(key.clone())),
            Part::Index(index) => Some(Step::Index(*index)),
            _ => None,
        };
        self.parts.iter().map(step).collect()
    }

    /// Whether the pattern is the path's.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        let mut states = self.start();
        for step in &path.0 {
            states = self.after(&states, step);
        }
        states[self.parts.len()]
    }

    /// Whether the pattern is the path's or that of a path above it.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        let mut states = self.start();
        if states[self.parts.len()] {
            return true;
        }
        for step in &path.0 {
            states = self.after(&states, step);
            if states[self.parts.len()] {
                return true;
            }
        }
        false
    }

    /// Whether it may match something below what it matches.
    pub(crate) fn is_recursive(&self) -> bool {
        self.parts.contains(&Part::AnySteps)
    }

    /// Whether an element by a field is part of it.
    pub(crate) fn has_label(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Label(_)))
    }

    /// Whether the path that led to these states is the pattern's.
    pub(crate) fn is_end(&self, states: &[bool]) -> bool {
        states[self.parts.len()]
    }

    /// Which parts may come next, at the root.
    pub(crate) fn start(&self) -> Vec<bool> {
        let mut states = vec![false; self.parts.len() + 1];
        states[0] = true;
        self.skip_any_steps(&mut states);
        states
    }

    /// Which parts may come next, one step further down.
    pub(crate) fn after(&self, states: &[bool], step: &Step) -> Vec<bool> {
        let mut next = vec![false; states.len()];
        for (at, part) in self.parts.iter().enumerate() {
            if !states[at] {
                continue;
            }
            let fits = match (part, step) {
                (Part::AnySteps, _) => {
                    next[at] = true;
                    false
                }
                (Part::Key(wanted), Step::Key(key)) => wanted == key,
                (Part::Index(wanted), Step::Index(index) | Step::Label(Label { index, .. })) => {
                    wanted == index
                }
                (Part::Label(wanted), Step::Label(label)) => *wanted == label.text,
                (Part::AnyKey, Step::Key(_))
                | (Part::AnyElement, Step::Index(_) | Step::Label(_))
                | (Part::AnyStep, _) => true,
                _ => false,
            };
            next[at + 1] |= fits;
        }
        self.skip_any_steps(&mut next);
        next
    }

    fn skip_any_steps(&self, states: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if *part == Part::AnySteps && states[at] {
                states[at + 1] = true;
            }
        }
    }
}

fn parse_part(text: &str) -> Option<(Part, &str)> {
    if let Some(rest) = text.strip_prefix(".**") {
        return Some((Part::AnySteps, rest));
    }
    if let Some(rest) = text.strip_prefix(".*") {
        return Some((Part::AnyKey, rest));
    }
    if let Some(rest) = text.strip_prefix("[*]") {
        return Some((Part::AnyElement, rest));
    }
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(['.', '[', ':', '=']).unwrap_or(rest.len());
        let key = &rest[..end];
        return is_plain(key).then(|| (Part::Key(key.to_owned()), &rest[end..]));
    }
    let inner = text.strip_prefix('[')?;
    let (name, rest) = match parse_quoted(inner) {
        Some((key, rest)) if rest.starts_with(']') => return Some((Part::Key(key), &rest[1..])),
        Some((field, rest)) => (field, rest.strip_prefix('=')?),
        None => {
            let (name, rest) = inner.split_at(inner.find(['=', ']'])?);
            match rest.strip_prefix(']') {
                Some(rest) => return Some((Part::Index(name.parse().ok()?), rest)),
                None => (name.to_owned(), &rest[1..]),
            }
        }
    };
    let (value, is_text, rest) = if let Some((value, rest)) = parse_quoted(rest) {
        (value, true, rest)
    } else {
        let (value, rest) = rest.split_at(rest.find(']')?);
        (value.to_owned(), !value.is_empty() && !is_no_text(value), rest)
    };
    (!name.is_empty() && (is_text || !value.is_empty())).then_some(())?;
    Some((Part::Label(Label::text_of(&name, &value, is_text)), rest.strip_prefix(']')?))
}

/// A JSON string at the start of a text.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    text.starts_with('"').then_some(())?;
    let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let string = strings.next()?.ok()?;
    Some((string, &text[strings.byte_offset()..]))
}

/// The steps that the middle of a long path stands for.
fn parse_levels(text: &str) -> Option<(usize, &str)> {
    let (levels, rest) = text.strip_prefix("..(")?.split_once(" levels)..")?;
    let levels = levels.parse().ok().filter(|levels| *levels <= MOST_LEVELS)?;
    Some((levels, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path(Pattern::parse(text).expect("a path").steps().expect("one path"))
    }

    #[test]
    fn what_is_printed_can_be_given_back() {
        for text in ["root", "root.a.b[3][0].c", "root[\"a.b\"].c", "root[\"\"]", "root[\"x\\\"]\"][7]"] {
            assert_eq!(path(text).to_string(), text);
        }
        let label = |field: &str, value: &str, is_text| {
            Step::Label(Label { text: Label::text_of(field, value, is_text), index: 4 })
        };
        for (step, shown) in [
            (label("id", "7", false), "root[id=7]"),
            (label("id", "7", true), "root[id=\"7\"]"),
            (label("id", "abc", true), "root[id=abc]"),
            (label("id", "a]b\"", true), "root[id=\"a]b\\\"\"]"),
            (label("id", "", true), "root[id=\"\"]"),
            (label("a key", "1.5", false), "root[\"a key\"=1.5]"),
            (Step::Key("a\u{202e}b".into()), "root[\"a\\u202eb\"]"),
        ] {
            let path = Path(vec![step]);
            assert_eq!(path.to_string(), shown);
            assert!(Pattern::parse(shown).expect("a pattern").matches(&path), "{shown}");
        }
        assert!(Pattern::parse("root[4]").expect("a pattern").matches(&Path(vec![label("id", "7", false)])));
        assert!(
            !Pattern::parse("root[id=7]").expect("a pattern").matches(&Path(vec![label("id", "7", true)]))
        );
        let deep = Path(
            (0..1000).map(|n| if n % 2 == 0 { Step::Index(n) } else { Step::Key("k".into()) }).collect(),
        );
        let shown = deep.clone().shortened().to_string();
        assert!(Pattern::parse(&shown).expect("a pattern").matches(&deep), "{shown}");
    }

    #[test]
    fn patterns_match_what_they_say() {
        let table = [
            ("root.a", "root.a", true),
            ("root.a", "root.b", false),
            ("root.a", "root.a.b", false),
            ("root.*.b", "root.a.b", true),
            ("root.*", "root[0]", false),
            ("root[*].ts", "root[12].ts", true),
            ("root[1].ts", "root[12].ts", false),
            ("root.**.ts", "root.ts", true),
            ("root.**.ts", "root.a[3].b.ts", true),
            ("root.**.ts", "root.ts.a", false),
            ("root.**", "root", true),
            ("$.a[\"b c\"]", "root.a[\"b c\"]", true),
        ];
        for (pattern, at, expected) in table {
            let pattern = Pattern::parse(pattern).expect("a pattern");
            assert_eq!(pattern.matches(&path(at)), expected, "{pattern} {at}");
        }
        let pattern = Pattern::parse("root.a[*]").expect("a pattern");
        assert!(pattern.covers(&path("root.a[1].b.c")) && !pattern.covers(&path("root.a")));
    }

    #[test]
    fn a_place_is_read_in_three_notations_and_shown_in_one() {
        let document = serde_json::json!({"runs": [{"ok": 1, "a/b": 2}], "a key": 3});
        for (text, shown, value) in [
            ("root.runs[0].ok", "root.runs[0].ok", Some(1)),
            ("$.runs[0].ok", "root.runs[0].ok", Some(1)),
            ("/runs/0/ok", "root.runs.0.ok", Some(1)),
            ("/runs/0/a~1b", "root.runs.0.a/b", Some(2)),
            ("$[\"a key\"]", "root[\"a key\"]", Some(3)),
            ("root.runs.ok", "root.runs.ok", None),
            ("root.runs[1]", "root.runs[1]", None),
        ] {
            let place = Place::parse(text).expect(text);
            assert_eq!(place.to_string(), shown);
            assert_eq!(place.find(&document).and_then(Value::as_i64), value, "{text}");
            assert_eq!(Place::parse(shown).expect(shown).find(&document), place.find(&document), "{shown}");
        }
        for text in ["verdict", "root.*", "$..a", ""] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for text in [
            "a.b",
            "",
            "root.",
            "root..a",
            "root[",
            "root[x]",
            "root[\"a]",
            "root.a b",
            "rootx",
            "root[=1]",
            "root[a=]",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        let (pattern, rest) = Pattern::parse_start("root.fills[*].legs:id").expect("a pattern");
        assert_eq!((pattern.to_string().as_str(), rest), ("root.fills[*].legs", ":id"));
    }
}
