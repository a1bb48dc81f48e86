//! Journals whose lines are chained by hashes: does each line still stand as it was written?
//!
//! A line is a JSON object with `prev_hash` and `hash`. `hash` is the SHA-256 of its canonical form without
//! `hash` (sorted keys, no spaces, numbers as they stand; text escaped to ASCII or plain); `prev_hash` is
//! the `hash` before it, `GENESIS` in the first line.

use crate::format::hash::sha256;
use serde::Deserializer as _;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Levels of nesting that are walked into; each of them reads its part of the line once more.
const DEEPEST: usize = 128;

/// `prev_hash` of the first line.
pub(crate) const GENESIS: &str = "GENESIS";

/// The number of lines of a chain without a fault, or the first fault.
pub(crate) fn verify(text: &str) -> Result<u64, String> {
    let mut before = GENESIS.to_owned();
    let mut lines = 0;
    for line in text.lines() {
        lines += 1;
        let fault = |reason: String| format!("line {lines}: {reason}");
        let object = Object::parse(line).map_err(fault)?;
        let hash = object.text("hash").map_err(fault)?;
        let prev = object.text("prev_hash").map_err(fault)?;
        if prev != before {
            return Err(fault(format!("prev_hash is `{prev}`, the line before has `{before}`")));
        }
        let told = [Letters::Ascii, Letters::Plain].map(|letters| object.hash(letters));
        let [ascii, plain] = told;
        if hash != ascii.map_err(fault)? && hash != plain.map_err(fault)? {
            return Err(fault("its content is not what was hashed".to_owned()));
        }
        before = hash;
    }
    match lines {
        0 => Err("the journal is empty".to_owned()),
        _ if !text.ends_with('\n') => Err(format!("line {lines}: it has no end")),
        _ => Ok(lines),
    }
}

/// How letters beyond ASCII are written.
#[derive(Clone, Copy)]
enum Letters {
    Ascii,
    Plain,
}

struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let object = deserializer.deserialize_map(ObjectVisitor).map_err(|error| error.to_string())?;
        deserializer.end().map_err(|error| error.to_string())?;
        Ok(object)
    }

    fn text(&self, key: &str) -> Result<String, String> {
        let value = self.0.get(key).ok_or_else(|| format!("it has no {key}"))?;
        serde_json::from_str(value.get()).map_err(|_| format!("its {key} is not a string"))
    }

    fn hash(&self, letters: Letters) -> Result<String, String> {
        let mut text = String::new();
        self.write(letters, Some("hash"), 1, &mut text)?;
        Ok(sha256(text))
    }

    fn write(
        &self,
        letters: Letters,
        without: Option<&str>,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        out.push('{');
        let members = self.0.iter().filter(|(key, _)| Some(key.as_str()) != without);
        for (index, (key, value)) in members.enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            write_text(key, letters, out);
            out.push(':');
            write_value(value, letters, depth + 1, out)?;
        }
        out.push('}');
        Ok(())
    }
}

fn write_value(value: &RawValue, letters: Letters, depth: usize, out: &mut String) -> Result<(), String> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth > DEEPEST => {
            return Err(format!("it is nested deeper than {DEEPEST} levels"));
        }
        Some(b'{') => Object::parse(text)?.write(letters, None, depth, out)?,
        Some(b'[') => {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            let items = deserializer.deserialize_seq(ItemsVisitor).map_err(|error| error.to_string())?;
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_value(item, letters, depth + 1, out)?;
            }
            out.push(']');
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(text).map_err(|error| error.to_string())?;
            write_text(&text, letters, out);
        }
        _ => out.push_str(text),
    }
    Ok(())
}

fn write_text(text: &str, letters: Letters, out: &mut String) {
    let quoted = serde_json::to_string(text).expect("a string serialises");
    match letters {
        Letters::Plain => out.push_str(&quoted),
        Letters::Ascii => {
            for letter in quoted.chars() {
                // What escapes to ASCII escapes DEL too, which JSON would let stand.
                if letter.is_ascii() && letter != '\u{7f}' {
                    out.push(letter);
                } else {
                    let units = &mut [0; 2];
                    letter
                        .encode_utf16(units)
                        .iter()
                        .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
                }
            }
        }
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object<'de>, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry::<String, &RawValue>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!("duplicate key `{key}`")));
            }
            object.insert(key, value);
        }
        Ok(Object(object))
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element()? {
            found.push(item);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Durability, Journal};
    use crate::sys::fsio;
    use serde_json::json;

    /// Two lines as the earlier toolkit wrote them, hashed there.
    fn journal() -> String {
        let first = r#"{"action":"NONE","caps":{"capital_usd":1e-07,"share":0.05},"prev_hash":"GENESIS","ts":"2026-01-01T00:00:00Z"}"#;
        let one = sha256(first);
        let second = format!(r#"{{"action":"\u00e4\u007f","prev_hash":"{one}","ts":[1,2.50]}}"#);
        let two = sha256(&second);
        let with = |line: &str, hash: &str| format!("{},\"hash\":\"{hash}\"}}\n", &line[..line.len() - 1]);
        with(first, &one) + &with(&second, &two)
    }

    #[test]
    fn an_untouched_chain_holds() {
        assert_eq!(verify(&journal()), Ok(2));
        let (escaped, spaced) = ("\"action\":\"\\u00e4\\u007f\"", "\"action\" : \"\u{e4}\u{7f}\"");
        assert!(journal().contains(escaped));
        assert_eq!(verify(&journal().replace(escaped, spaced)), Ok(2));
    }

    #[test]
    fn a_journal_of_our_own_is_such_a_chain() {
        let dir = fsio::scratch_dir("chain").expect("a directory");
        let path = dir.path().join("j");
        let records =
            [json!({"b": 1.5e-7, "a": [null, "\u{e4}\n\"}"]}), json!("\u{7f}"), json!({"hash": {}})];
        drop(Journal::create(&path, "mmops.x.v1", &"it", &records, Durability::Process).expect("made"));
        assert_eq!(verify(&fsio::read_text(&path).expect("text")), Ok(4));
    }

    #[test]
    fn nesting_without_end_is_a_fault_and_not_a_crash() {
        let line = |levels: usize| {
            let lists = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            let body = format!(r#"{{"n":{lists},"prev_hash":"GENESIS"}}"#);
            let hash = sha256(&body);
            format!("{},\"hash\":\"{hash}\"}}\n", &body[..body.len() - 1])
        };
        assert_eq!(verify(&line(DEEPEST - 1)), Ok(1));
        for levels in [DEEPEST, 60_000] {
            assert_eq!(verify(&line(levels)), Err("line 1: it is nested deeper than 128 levels".to_owned()));
        }
    }

    #[test]
    fn every_edit_is_found() {
        let whole = journal();
        let lines: Vec<&str> = whole.lines().collect();
        let table = [
            (whole.replace("0.05", "0.06"), "line 1: its content is not what was hashed"),
            (whole.replace("2.50", "2.5"), "line 2: its content is not what was hashed"),
            (format!("{}\n", lines[1]), "line 1: prev_hash is"),
            (format!("{}\n{}\n", lines[0], lines[0]), "line 2: prev_hash is `GENESIS`"),
            (whole.replace("GENESIS", "GENESIS2"), "line 1: prev_hash"),
            (whole[..whole.len() - 1].to_owned(), "line 2: it has no end"),
            (whole[..whole.len() - 9].to_owned(), "line 2: EOF"),
            (String::new(), "the journal is empty"),
            ("\n".to_owned(), "line 1: EOF"),
            ("{\"hash\":\"x\"}\n".to_owned(), "line 1: it has no prev_hash"),
            (whole.replacen("{\"action\"", "{\"action\":\"NONE\",\"action\"", 1), "duplicate key `action`"),
        ];
        for (text, part) in table {
            let fault = verify(&text).expect_err("found");
            assert!(fault.contains(part), "{part}: {fault}");
        }
    }
}
