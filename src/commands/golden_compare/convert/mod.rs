//! Data that is not JSON as JSON, so that one walk compares all and every rule counts for all. Each value keeps its
//! place in the text that it came from, and each number its digits.

mod table;
mod tree;

pub(super) use table::{BadTable, has_names, table};
pub(super) use tree::tree;

use crate::format::json::path::quoted;
use crate::format::json::tokens::{Kind, NonFinite, Tokens};
use std::io::Cursor;

/// A document made of another one.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub(super) json: Vec<u8>,
    /// Where values begin, here and in the text that they came from.
    places: Vec<(u64, u64)>,
}

impl Converted {
    /// The byte of the text that a byte of the document came from.
    pub(super) fn origin(&self, offset: u64) -> u64 {
        let after = self.places.partition_point(|(here, _)| *here <= offset);
        after.checked_sub(1).map_or(0, |at| self.places[at].1)
    }

    fn begin(&mut self, origin: usize) {
        self.places.push((self.json.len() as u64, origin as u64));
    }

    fn push(&mut self, text: &str) {
        self.json.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.push(&quoted(text));
    }
}

/// A number as JSON writes it, with all its digits; none of what is no finite number.
fn number(text: &str) -> Option<String> {
    let (unsigned, sign) = text.strip_prefix('-').map_or((text, ""), |rest| (rest, "-"));
    let unsigned = unsigned.strip_prefix('+').filter(|_| sign.is_empty()).unwrap_or(unsigned);
    let (mantissa, exponent) = unsigned.split_at(unsigned.find(['e', 'E']).unwrap_or(unsigned.len()));
    let (whole, part) =
        mantissa.split_once('.').map_or((mantissa, None), |(whole, part)| (whole, Some(part)));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let part = part.map(|part| format!(".{}", if part.is_empty() { "0" } else { part })).unwrap_or_default();
    let number = format!("{sign}{whole}{part}{exponent}");
    is_number(&number).then_some(number)
}

/// Whether a text is a number of JSON and nothing else.
fn is_number(text: &str) -> bool {
    let Ok(mut tokens) = Tokens::with_window(Cursor::new(text), NonFinite::Refuse, text.len() + 1) else {
        return false;
    };
    let kind = tokens.value();
    matches!(kind, Ok(Kind::Integer | Kind::Float)) && tokens.raw().len() == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (text, expected) in [
            ("1", Some("1")),
            ("+1.50", Some("1.50")),
            (".5", Some("0.5")),
            ("-.5e3", Some("-0.5e3")),
            ("5.", Some("5.0")),
            ("007", Some("7")),
            ("11111111111111111119.0", Some("11111111111111111119.0")),
            ("1e999", None),
            ("1 ", None),
            ("nan", None),
            ("-+1", None),
        ] {
            assert_eq!(number(text).as_deref(), expected, "{text}");
        }
    }
}
