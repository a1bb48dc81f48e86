//! A JSON artifact that is too large to be held: checked to its last byte, and kept of it what stands at its
//! top under a few keys.

use crate::format::json::tokens::cursor::{Container, Cursor};
use crate::format::json::tokens::scan::Skipper;
use crate::format::json::tokens::{JsonError, Kind, NonFinite, Tokens};
use serde_json::{Map, Value};
use std::io::{Read, Seek};

/// The document with nothing but these keys; a list or an object below one of them stays empty.
pub(super) fn outline<R: Read + Seek>(input: R, wanted: &[&str]) -> Result<Value, JsonError> {
    let mut tokens = Tokens::new(input, NonFinite::Refuse)?;
    let mut skipper = Skipper::default();
    let kind = tokens.value()?;
    let mut found = Map::new();
    if kind == Kind::Object {
        let mut cursor = Cursor::default();
        cursor.enter(Container::Object, 0)?;
        while cursor.advance(&mut tokens)? {
            let key = wanted.iter().find(|key| key.as_bytes() == cursor.key());
            let kind = tokens.value()?;
            if let Some(key) = key {
                found.insert((*key).to_owned(), scalar(kind, &tokens));
            }
            skipper.skip_rest(kind, &mut tokens, None)?;
        }
    } else {
        skipper.skip_rest(kind, &mut tokens, None)?;
    }
    tokens.finish()?;
    Ok(Value::Object(found))
}

fn scalar<R: Read + Seek>(kind: Kind, tokens: &Tokens<R>) -> Value {
    match kind {
        Kind::Null => Value::Null,
        Kind::Text => Value::String(String::from_utf8_lossy(&tokens.decoded()).into_owned()),
        Kind::Array => Value::Array(Vec::new()),
        Kind::Object => Value::Object(Map::new()),
        Kind::True | Kind::False => Value::Bool(kind == Kind::True),
        // Shown as it stands in the document.
        Kind::Integer | Kind::Float | Kind::NonFinite => {
            serde_json::from_slice(tokens.raw()).unwrap_or(Value::Bool(false))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Cursor;

    fn of(text: &str) -> Result<Value, String> {
        outline(Cursor::new(text), &["a", "b"]).map_err(|error| error.to_string())
    }

    #[test]
    fn the_keys_at_the_top_are_kept_and_no_others() {
        let text = r#"{"x": {"a": 1}, "\u0061": "t\n", "y": [{"b": 2}], "b": null}"#;
        assert_eq!(of(text), Ok(json!({"a": "t\n", "b": null})));
        assert_eq!(of(r#"{"a": {"b": 1}, "b": [1]}"#), Ok(json!({"a": {}, "b": []})));
        assert_eq!(of(r#"{"a": 17, "b": true}"#), Ok(json!({"a": 17, "b": true})));
        assert_eq!(of("[{\"a\": 1}]"), Ok(json!({})));
    }

    #[test]
    fn what_is_no_document_to_its_end_is_refused() {
        for text in ["", "{\"a\": 1", "{\"a\": 1} x", "{\"a\": 1, \"a\": 2}", "{\"x\": {\"y\": 1, \"y\": 1}}"]
        {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
