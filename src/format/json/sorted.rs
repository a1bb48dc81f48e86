//! JSON with sorted keys, made of the text that a serialiser writes: a tree of values in between would take most of
//! the time of a document with a million figures.

use serde::Serialize;
use std::cmp::Ordering;
use std::ops::Range;

/// How a document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Without spaces.
    Compact,
    /// An indentation of two spaces, as `serde_json` lays it out.
    Pretty,
}

/// The text of a document with the keys of each object in the order of their bytes.
pub(crate) fn text(value: &impl Serialize, layout: Layout) -> String {
    let written = serde_json::to_vec(value).expect("plain data serialises");
    let out = Vec::with_capacity(written.len() * if layout == Layout::Pretty { 2 } else { 1 });
    let mut sorter =
        Sorter { text: &written, at: 0, layout, depth: 0, out, fields: Vec::new(), scratch: Vec::new() };
    sorter.value();
    String::from_utf8(sorter.out).expect("a serialiser writes UTF-8")
}

struct Sorter<'a> {
    /// What a serialiser wrote, without spaces.
    text: &'a [u8],
    at: usize,
    layout: Layout,
    depth: usize,
    out: Vec<u8>,
    /// The fields of all open objects, the outermost first.
    fields: Vec<Field>,
    scratch: Vec<u8>,
}

/// A field of an object that is open.
#[derive(Clone)]
struct Field {
    /// What stands between the quotes of its key, in the text.
    key: Range<usize>,
    /// From the comma before it to the end of its value, in the output.
    written: Range<usize>,
}

impl Sorter<'_> {
    fn value(&mut self) {
        match self.text[self.at] {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => {
                let string = self.string();
                self.out.extend_from_slice(&self.text[string.start - 1..=string.end]);
            }
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}'));
                let scalar = &rest[..end.unwrap_or(rest.len())];
                self.out.extend_from_slice(scalar);
                self.at += scalar.len();
            }
        }
    }

    /// Passes a string and says what stands between its quotes.
    fn string(&mut self) -> Range<usize> {
        let start = self.at + 1;
        let mut end = start;
        while self.text[end] != b'"' {
            end += if self.text[end] == b'\\' { 2 } else { 1 };
        }
        self.at = end + 1;
        start..end
    }

    fn object(&mut self) {
        let (first, outer) = (self.out.len(), self.fields.len());
        self.depth += 1;
        while self.next_element(b'}') {
            let start = self.out.len();
            self.separate();
            let key = self.string();
            self.out.extend_from_slice(&self.text[key.start - 1..=key.end]);
            self.at += 1;
            self.out.extend_from_slice(if self.layout == Layout::Pretty { b": " } else { b":" });
            self.value();
            self.fields.push(Field { key, written: start..self.out.len() });
        }
        self.depth -= 1;
        let text = self.text;
        let fields = &mut self.fields[outer..];
        if !fields.is_sorted_by(|a, b| order(text, a, b).is_lt()) {
            fields.sort_by(|a, b| order(text, a, b));
            self.scratch.clear();
            for field in &*fields {
                self.scratch.extend_from_slice(&self.out[field.written.clone()]);
            }
            self.out[first..].copy_from_slice(&self.scratch);
        }
        self.fields.truncate(outer);
        self.close(first, [b'{', b'}']);
    }

    fn array(&mut self) {
        let first = self.out.len();
        self.depth += 1;
        while self.next_element(b']') {
            self.separate();
            self.value();
        }
        self.depth -= 1;
        self.close(first, [b'[', b']']);
    }

    /// Passes the bracket or the comma before the next element, or the bracket at the end, and says which it was.
    fn next_element(&mut self, end: u8) -> bool {
        if self.text[self.at] != end {
            self.at += 1;
            if self.text[self.at] != end {
                return true;
            }
        }
        self.at += 1;
        false
    }

    fn separate(&mut self) {
        self.out.push(b',');
        self.indent();
    }

    fn indent(&mut self) {
        if self.layout == Layout::Pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * self.depth, b' ');
        }
    }

    /// Puts the brackets; the first one stands in the place of the comma before the first element.
    fn close(&mut self, first: usize, [open, end]: [u8; 2]) {
        if self.out.len() == first {
            self.out.push(open);
        } else {
            self.out[first] = open;
            self.indent();
        }
        self.out.push(end);
    }
}

/// The order of the keys themselves, whatever escapes they are written with.
fn order(text: &[u8], a: &Field, b: &Field) -> Ordering {
    let (a, b) = (&text[a.key.clone()], &text[b.key.clone()]);
    if a.contains(&b'\\') || b.contains(&b'\\') { unescaped(a).cmp(&unescaped(b)) } else { a.cmp(b) }
}

fn unescaped(key: &[u8]) -> String {
    serde_json::from_slice(&[b"\"", key, b"\""].concat()).expect("a serialiser writes whole strings")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Number, Value};

    fn json() -> impl Strategy<Value = Value> {
        let number =
            any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number));
        let text = r#"[a-c"\\\n\u{0}\u{e9}\u{1f600}{}\[\],:]{0,4}"#;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            number,
            text.prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            let fields = prop::collection::vec((text, inner.clone()), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::Array),
                fields.prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    /// An object whose keys are written backwards.
    struct Backwards<'a>(&'a Value);

    impl Serialize for Backwards<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                Value::Object(fields) => {
                    serializer.collect_map(fields.iter().rev().map(|(key, value)| (key, Backwards(value))))
                }
                Value::Array(values) => serializer.collect_seq(values.iter().map(Backwards)),
                leaf => leaf.serialize(serializer),
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_what_a_tree_with_sorted_keys_gives(value in json()) {
            let written = Backwards(&value);
            prop_assert_eq!(text(&written, Layout::Compact), value.to_string());
            prop_assert_eq!(text(&written, Layout::Pretty), serde_json::to_string_pretty(&value).unwrap());
        }
    }
}
