//! JSON documents as evidence: strict, because the last of two equal keys is not an answer.

use super::tokens::{JsonError, Kind, NonFinite, Tokens};
use crate::format::node::{DEEPEST, Dialect, Error, Key, Node, Tree, Value, duplicate};
use serde::de::DeserializeOwned;
use std::io::Cursor;

/// Reads a type out of a JSON document. Keys that occur twice, trailing text and numbers that are not
/// finite are refused with line and column.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    tree(text, Dialect::default())?.read()
}

/// The same of bytes, which may be no text.
pub(crate) fn read_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let text = std::str::from_utf8(bytes);
    read(text.map_err(|error| Error::syntax_at(error.to_string(), None))?)
}

/// Parses a JSON document strictly; the error has line and column.
pub(crate) fn parse(text: &str) -> Result<serde_json::Value, Error> {
    Ok(tree(text, Dialect::default())?.into_root().into())
}

/// A JSON document with the place of each value.
pub(crate) fn tree(text: &str, dialect: Dialect) -> Result<Tree<'_>, Error> {
    match document(text) {
        Ok(root) => Ok(Tree::new(text, root, dialect)),
        Err(JsonError::Read(error)) => Err(Error::syntax(error.to_string(), text, None)),
        Err(JsonError::Invalid { offset, reason }) => {
            Err(Error::syntax(reason, text, Some(usize::try_from(offset).unwrap_or(usize::MAX))))
        }
    }
}

type Document<'t> = Tokens<Cursor<&'t [u8]>>;

fn document(text: &str) -> Result<Node, JsonError> {
    let mut tokens = Document::with_window(Cursor::new(text.as_bytes()), NonFinite::Refuse, text.len() + 1)?;
    let root = node(&mut tokens, DEEPEST)?;
    tokens.finish()?;
    Ok(root)
}

fn node(tokens: &mut Document<'_>, depth: usize) -> Result<Node, JsonError> {
    let kind = tokens.value()?;
    let at = offset(tokens);
    let value = match kind {
        Kind::Object | Kind::Array if depth == 0 => {
            return Err(JsonError::invalid(at as u64, format!("more than {DEEPEST} levels")));
        }
        Kind::Object => map(tokens, depth - 1)?,
        Kind::Array => list(tokens, depth - 1)?,
        Kind::Text => Value::Text(text(tokens)),
        Kind::Integer | Kind::Float | Kind::NonFinite => {
            let value = number(&String::from_utf8_lossy(tokens.raw()), kind);
            if matches!(value, Value::Float(value) if value.is_infinite()) {
                return Err(JsonError::invalid(at as u64, "a number out of range"));
            }
            value
        }
        Kind::True => Value::Bool(true),
        Kind::False => Value::Bool(false),
        Kind::Null => Value::Null,
    };
    let length = if matches!(kind, Kind::Object | Kind::Array) { 0 } else { tokens.raw().len() };
    Ok(Node { at, length, is_tagged: false, value })
}

fn list(tokens: &mut Document<'_>, depth: usize) -> Result<Value, JsonError> {
    let mut nodes = Vec::new();
    while tokens.next_element(nodes.is_empty())? {
        nodes.push(node(tokens, depth)?);
    }
    Ok(Value::List(nodes))
}

fn map(tokens: &mut Document<'_>, depth: usize) -> Result<Value, JsonError> {
    let mut entries = Vec::new();
    while tokens.next_key(entries.is_empty())? {
        let key = Key { at: offset(tokens).saturating_sub(1), text: text(tokens), is_text: true };
        entries.push((key, node(tokens, depth)?));
    }
    match duplicate(&entries) {
        Some(key) => Err(JsonError::invalid(key.at as u64, format!("duplicate key `{}`", key.text))),
        None => Ok(Value::Map(entries)),
    }
}

/// Integers beyond 64 bits and minus zero are floats, as they are for `serde_json`.
fn number(text: &str, kind: Kind) -> Value {
    if kind == Kind::Integer {
        if let Ok(value) = text.parse() {
            return Value::Unsigned(value);
        }
        if let Some(value) = text.parse().ok().filter(|value| *value != 0) {
            return Value::Signed(value);
        }
    }
    Value::Float(text.parse().unwrap_or(f64::NAN))
}

fn text(tokens: &Document<'_>) -> String {
    String::from_utf8_lossy(&tokens.decoded()).into_owned()
}

fn offset(tokens: &Document<'_>) -> usize {
    usize::try_from(tokens.token_offset()).unwrap_or(usize::MAX)
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_it_is() {
        let text = r#"{"a": [1, -2, 2.5, 18446744073709551615, null, true, "x"], "b": {}}"#;
        let expected: serde_json::Value = serde_json::from_str(text).expect("valid");
        assert_eq!(parse(text).expect("valid"), expected);
    }

    #[test]
    fn what_is_no_answer_is_refused_with_its_place() {
        for (text, expected) in [
            ("{\"a\": 1,\n \"a\": 2}", "2:2: duplicate key `a`"),
            ("{\"a\": NaN}", "1:7: `NaN`, which JSON does not have"),
            ("{\"a\": 1e999}", "1:12: a number out of range"),
            (&format!("[1{}]", "0".repeat(400)), "1:2: a number out of range"),
            ("{\"a\": 1} x", "1:10: more text after the document"),
            ("{\"a\": [1, 2", "1:12: the document ends where `,` or `]` should be"),
            ("", "1:1: the document ends where a value should be"),
        ] {
            assert_eq!(parse(text).expect_err("refused").to_string(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_exact_to_64_bits() {
        let numbers: Vec<serde_json::Value> =
            read("[9007199254740993, -9223372036854775808, -0, 18446744073709551616, 0.1]").expect("numbers");
        let shown: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["9007199254740993", "-9223372036854775808", "-0.0", "1.8446744073709552e+19", "0.1"]
        );
    }
}
