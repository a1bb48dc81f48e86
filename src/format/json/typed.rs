//! JSON documents as evidence: strict, because the last of two equal keys is not an answer.

use crate::report::exit::Fault;
use crate::sys::fsio;
use jiff::Timestamp;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use std::path::Path;

/// Reads a JSON document and the time its file was last modified. Duplicate keys, trailing text and
/// non-finite literals are refused with line and column.
pub(crate) fn load(path: &Path) -> Result<(Value, Timestamp), Fault> {
    let modified = fsio::metadata(path)?.modified().map_err(|error| fsio::unreadable(path, &error))?;
    let bad = |reason: String| Fault::config(format!("failed to load `{}`: {reason}", path.display()));
    let modified = Timestamp::try_from(modified).map_err(|error| bad(error.to_string()))?;
    Ok((parse(&fsio::read_text(path)?).map_err(bad)?, modified))
}

/// Parses a JSON document strictly; the error has line and column.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| error.to_string())
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format_args!("duplicate key `{key}`")));
            }
            let Strict(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_it_is() {
        let text = r#"{"a": [1, -2, 2.5, 18446744073709551615, null, true, "x"], "b": {}}"#;
        assert_eq!(parse(text), Ok(serde_json::from_str(text).expect("valid")));
    }

    #[test]
    fn what_is_no_answer_is_refused_with_its_place() {
        for (text, part) in [
            ("{\"a\": 1,\n \"a\": 2}", "duplicate key `a` at line 2 column"),
            ("{\"a\": NaN}", "line 1 column 7"),
            ("{\"a\": 1e999}", "number out of range at line 1"),
            ("{\"a\": 1} x", "trailing characters at line 1 column 10"),
            ("{\"a\": [1, 2", "EOF while parsing a list at line 1"),
            ("", "EOF while parsing a value at line 1"),
        ] {
            let message = parse(text).expect_err("refused");
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let text = "[".repeat(200_000);
        assert!(parse(&text).expect_err("refused").contains("recursion limit"));
    }
}
