//! YAML: anchors and merges are resolved, a key twice is refused, as are tags that nothing here knows.

use crate::format::node::{Dialect, Error, Key, Node, Tree, Value, duplicate};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Location, Options, Spanned};
use std::fmt;

pub(super) fn parse(text: &str) -> Result<Tree<'_>, Error> {
    let parsed: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let place = error.location().map(|at| (at.line(), at.column()));
        let message = match error.without_snippet() {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("duplicate key `{key}`")
            }
            other => without_place(&other.to_string()).to_owned(),
        };
        Error::syntax_at(message, place)
    })?;
    let dialect = Dialect { plain_text: true, one_or_many: true };
    Ok(Tree::new(text, node(parsed), dialect))
}

fn options() -> Options {
    let mut options = Options::default();
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.reject_unsupported_tags = true;
    options
}

/// The first line of a message without the position that it repeats.
fn without_place(message: &str) -> &str {
    let message = message.lines().next().unwrap_or_default();
    let cut = [" at line ", " at <input>"].iter().filter_map(|mark| message.rfind(mark)).min();
    let message = &message[..cut.unwrap_or(message.len())];
    match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") || place.starts_with("error") => rest,
        _ => message,
    }
}

/// A value as the parser resolves it, before it is known where it stands.
struct Raw(Value);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor).map(Raw)
    }
}

fn node(Spanned { value: Raw(value), defined, .. }: Spanned<Raw>) -> Node {
    let (at, length) = bytes(defined);
    let length = if matches!(value, Value::List(_) | Value::Map(_)) { 0 } else { length };
    Node { at, length, value }
}

/// Where something stands; aliases stand where their anchor is.
fn bytes(place: Location) -> (usize, usize) {
    let span = place.span();
    let number = |value: Option<u64>| value.and_then(|value| usize::try_from(value).ok()).unwrap_or_default();
    (number(span.byte_offset()), number(span.byte_len()))
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::Signed(value), Value::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(item) = items.next_element()? {
            nodes.push(node(item));
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(Spanned { value: text, defined, .. }) = map.next_key()? {
            let (at, _) = bytes(defined);
            entries.push((Key { at, text }, node(map.next_value()?)));
        }
        // Keys that YAML tells apart, such as 1 and "1", can have the same text.
        match duplicate(&entries) {
            Some(key) => Err(de::Error::custom(format_args!("duplicate key `{}`", key.text))),
            None => Ok(Value::Map(entries)),
        }
    }
}
