//! The streaming reader accepts what `serde_json` accepts, says the same of it, and refuses duplicate keys.

use mmops::testing::scan::validate;
use mmops::testing::tokens::{JsonError, Kind, NonFinite, Tokens};
use proptest::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Cursor;

/// Whether an object somewhere in a valid document has a key twice, as `serde_json` reads it.
struct Duplicates<'a>(&'a mut bool);

impl<'de> DeserializeSeed<'de> for Duplicates<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Duplicates<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Duplicates(self.0))?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            *self.0 |= !keys.insert(key);
            entries.next_value_seed(Duplicates(self.0))?;
        }
        Ok(())
    }
}

fn agrees(text: &[u8]) -> Result<(), TestCaseError> {
    let shown = String::from_utf8_lossy(text).into_owned();
    let theirs = serde_json::from_slice::<Value>(text);
    let ours = validate(Cursor::new(text), NonFinite::Refuse);
    let mut duplicates = false;
    if theirs.is_ok() {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        Duplicates(&mut duplicates).deserialize(&mut deserializer).expect("valid");
    }
    match &ours {
        Ok(()) => prop_assert!(theirs.is_ok() && !duplicates, "accepted {shown}: {theirs:?}"),
        Err(JsonError::Invalid { offset, reason }) => {
            prop_assert!(theirs.is_err() || duplicates, "refused {shown}: {reason}");
            prop_assert!(usize::try_from(*offset).is_ok_and(|at| at <= text.len()), "{shown}");
            prop_assert!(!duplicates || reason.starts_with("duplicate key"), "{shown}: {reason}");
        }
        Err(other) => prop_assert!(false, "{shown}: {other}"),
    }
    Ok(())
}

/// Pieces out of which documents and near-documents are made.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let fixed: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" ",
        b"\r\n",
        b"\t",
        b"\x0b",
        b"true",
        b"false",
        b"null",
        b"nul",
        b"NaN",
        b"Infinity",
        b"-",
        b"-0",
        b"0",
        b"00",
        b"1",
        b"12345678901234567890123",
        b"1.",
        b".5",
        b"1.5",
        b"1e5",
        b"1E+400",
        b"1e-400",
        b"1e",
        b"-1.5e-7",
        b"\"\"",
        b"\"a\"",
        b"\"a\":",
        b"\"\\u0061\":1",
        b"\"b\":",
        b"\"\\n\\/\\\\\"",
        b"\"\\x\"",
        b"\"\\ud83d\\ude00\"",
        b"\"\\ud83d\"",
        b"\"\\udc00\"",
        b"\"\\ud83d\\u0041\"",
        b"\"\x01\"",
        b"\"\x7f\"",
        b"\"\xc3\xa4\"",
        b"\"\xc3\"",
        b"\"\xff\"",
        b"\"\xed\xa0\x80\"",
        b"\"",
        b"\\",
        b"\xef\xbb\xbf",
        b"\x00",
        b"[1,2]",
        b"{\"a\":1}",
        b"{\"a\":1,\"b\":[{}]}",
        b"{\"a\":1,\"a\":2}",
    ];
    prop::sample::select(fixed).prop_map(<[u8]>::to_vec)
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|n| serde_json::Number::from_f64(n).map_or(Value::Null, Value::Number)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,3}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_in_any_order_are_judged_alike(pieces in prop::collection::vec(pieces(), 0..8)) {
        agrees(&pieces.concat())?;
    }

    #[test]
    fn a_document_with_one_byte_changed_is_judged_alike(
        document in documents(), at in any::<prop::sample::Index>(), byte in any::<u8>(), pretty in any::<bool>()
    ) {
        let mut text = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) }
            .expect("serialises");
        agrees(&text)?;
        let at = at.index(text.len());
        text[at] = byte;
        agrees(&text)?;
        text.truncate(at);
        agrees(&text)?;
    }

    #[test]
    fn strings_and_numbers_say_the_same(text in ".{0,40}", number in any::<f64>(), window in 16_usize..64) {
        let quoted = serde_json::to_vec(&text).expect("serialises");
        let mut tokens = Tokens::with_window(Cursor::new(&quoted), NonFinite::Refuse, window).expect("starts");
        prop_assert_eq!(tokens.value().expect("a string"), Kind::Text);
        prop_assert_eq!(tokens.decoded().into_owned(), text.as_bytes());
        if let Some(number) = serde_json::Number::from_f64(number) {
            let written = number.to_string();
            let mut tokens = Tokens::with_window(Cursor::new(&written), NonFinite::Refuse, window).expect("starts");
            prop_assert_eq!(tokens.value().expect("a number"), Kind::Float);
            prop_assert_eq!(tokens.raw(), written.as_bytes());
        }
    }
}
