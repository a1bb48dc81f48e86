//! JSON as mmops reads it: strictly, with the place of every fault; and as it writes it.

pub(crate) mod path;
pub(crate) mod sorted;
pub(crate) mod tokens;
pub(crate) mod typed;

/// A document as it is stored: sorted keys, two-space indentation, one trailing newline. Floats are the
/// shortest text that parses back to the same `f64`.
pub(crate) fn document(value: &impl serde::Serialize) -> String {
    let mut text = sorted::text(value, sorted::Layout::Pretty);
    text.push('\n');
    text
}
