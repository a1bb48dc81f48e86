//! JSON as mmops reads it: strictly, with the place of every fault; and as it writes it.

pub(crate) mod path;
pub(crate) mod tokens;
pub(crate) mod typed;

/// A document as it is stored: sorted keys, two-space indentation, one trailing newline. Floats are the
/// shortest text that parses back to the same `f64`.
pub(crate) fn document(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).expect("plain data serialises");
    let mut text = serde_json::to_string_pretty(&value).expect("a value serialises");
    text.push('\n');
    text
}
