//! What is wrong in a document, and where: `line:column, root.a.b: message`.

use crate::format::json::path::{Path, Step};
use crate::format::json::tokens::place;
use crate::report::exit::Fault;
use serde::de::{self, Expected, Unexpected};
use std::fmt;

/// Characters of a value that an error shows.
const SHOWN_CHARS: usize = 40;

/// Names less alike than this are not taken for a slip of the keyboard.
const ALIKE: f64 = 0.7;

/// Why a document cannot be used.
#[derive(Debug)]
pub(crate) struct Error(Box<Parts>);

#[derive(Debug, Default)]
struct Parts {
    message: String,
    /// Byte of the text, until line and column are counted.
    at: Option<usize>,
    place: Option<(u64, u64)>,
    /// From the place upwards; `None` where the text is no document at all.
    path: Option<Vec<Step>>,
    /// Whether the message may be without the value that it is about.
    untold: bool,
}

impl Error {
    /// The error of a text that is not of its language.
    pub(crate) fn syntax(message: impl Into<String>, text: &str, at: Option<usize>) -> Self {
        Self(Box::new(Parts { message: message.into(), at, ..Parts::default() })).counted(text)
    }

    /// The same where the reader of the language has counted already.
    pub(crate) fn syntax_at(message: impl Into<String>, place: Option<(u64, u64)>) -> Self {
        Self(Box::new(Parts { message: message.into(), place, ..Parts::default() }))
    }

    fn told(message: String) -> Self {
        Self(Box::new(Parts { message, path: Some(Vec::new()), ..Parts::default() }))
    }

    fn unknown(what: &str, name: &str, valid: &[&str]) -> Self {
        let list: Vec<String> = valid.iter().map(|name| format!("`{name}`")).collect();
        let expected = match list.as_slice() {
            [] => format!("there are no {what}s"),
            [one] => format!("expected {one}"),
            [one, other] => format!("expected {one} or {other}"),
            _ => format!("expected one of {}", list.join(", ")),
        };
        let nearest = nearest(name, valid).map(|name| format!("; did you mean `{name}`?"));
        Self::told(format!("unknown {what} `{name}`, {expected}{}", nearest.unwrap_or_default()))
    }

    /// The place, unless a deeper one is known.
    pub(super) fn at(mut self, at: usize) -> Self {
        self.0.at.get_or_insert(at);
        self
    }

    /// The step that leads to where the error is.
    pub(super) fn under(mut self, step: Step) -> Self {
        self.0.path.get_or_insert_default().push(step);
        self
    }

    /// The value that the error is in, or about: its place, and the text of a scalar.
    pub(super) fn enter(mut self, at: usize, scalar: Option<&str>) -> Self {
        if std::mem::take(&mut self.0.untold)
            && let Some(value) =
                scalar.map(shortened).filter(|value| !self.0.message.contains(value.as_str()))
        {
            self.0.message += &format!("; there stands `{value}`");
        }
        self.at(at)
    }

    /// Line and column of the place, now that the text is at hand.
    pub(super) fn counted(mut self, text: &str) -> Self {
        if let Some(at) = self.0.at {
            let places = place::of_all(text.as_bytes(), &[at as u64]);
            self.0.place = places.ok().and_then(|places| places.first().copied());
        }
        self
    }

    /// The fault of the file that the document came from.
    pub(crate) fn fault(&self, name: &str) -> Fault {
        let place = self.0.place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
        let path = self.path().map_or_else(String::new, |path| format!(", {path}"));
        Fault::config(format!("failed to load `{name}{place}`{path}: {}", self.0.message))
    }

    fn path(&self) -> Option<Path> {
        let steps = self.0.path.as_ref()?;
        Some(Path(steps.iter().rev().cloned().collect()).shortened())
    }
}

fn described(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Str(text) => format!("string {:?}", shortened(text)),
        other => other.to_string(),
    }
}

/// What a type expects, in words of documents: the derived code has only names of types.
fn plain(wanted: &dyn Expected) -> String {
    let wanted = wanted.to_string();
    match wanted.as_str() {
        "f32" | "f64" => "a number".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number from 0".to_owned(),
        "i32" | "i64" => "a whole number".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a map".to_owned(),
        other if other.starts_with("a tuple") || other.starts_with("tuple ") => "a list".to_owned(),
        _ => wanted,
    }
}

/// As much of a text as a line shows.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(SHOWN_CHARS).collect()
}

/// The closest of the valid names.
pub(crate) fn nearest<'n>(wrong: &str, valid: &[&'n str]) -> Option<&'n str> {
    let scored = valid.iter().map(|name| (strsim::jaro_winkler(wrong, name), *name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > ALIKE).then_some(best.1)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.place, self.path()) {
            (Some((line, column)), Some(path)) => write!(f, "{line}:{column}, {path}: ")?,
            (Some((line, column)), None) => write!(f, "{line}:{column}: ")?,
            (None, Some(path)) => write!(f, "{path}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let mut error = Self::told(message.to_string());
        error.0.untold = true;
        error
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::told(format!("invalid type: {}, expected {}", described(found), plain(wanted)))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::told(format!("invalid value: {}, expected {}", described(found), plain(wanted)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("variant", variant, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("field", field, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::told(format!("missing field `{field}`"))
    }
}
