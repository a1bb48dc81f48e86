//! A document of any format as one tree of values that know their place in the text. Every type is
//! deserialised from such a tree, so that its code exists once and not once for each format.

mod error;
mod read;

pub(crate) use error::{Error, nearest};
pub(crate) use read::from_json;

/// Deepest nesting of a document, so that recursion over it cannot exhaust the stack.
pub(crate) const DEEPEST: usize = 128;

/// A parsed document.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    text: &'t str,
    root: Node,
    dialect: Dialect,
}

/// What depends on the language that a document was written in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dialect {
    /// A number or a boolean is also the text that it was written as, where a text is wanted: YAML's plain
    /// scalars, such as `version: 1.10`.
    pub(crate) plain_text: bool,
    /// One value where a list is wanted is a list of one: configuration that people write.
    pub(crate) one_or_many: bool,
}

/// A value and the bytes of the text where it stands; a list or map has no length.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) length: usize,
    /// Whether the text itself says of what type it is, rather than how it looks: a tag of YAML.
    pub(crate) is_tagged: bool,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Unsigned(u64),
    /// Always negative.
    Signed(i64),
    /// Infinite and not-a-number are told apart from numbers when one is asked for, so that `1e999` can be
    /// the text of a plain scalar.
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) at: usize,
    pub(crate) text: String,
    /// Whether it is a text to its language: YAML has keys that are numbers.
    pub(crate) is_text: bool,
}

impl<'t> Tree<'t> {
    pub(crate) fn new(text: &'t str, root: Node, dialect: Dialect) -> Self {
        Self { text, root, dialect }
    }

    pub(crate) fn into_root(self) -> Node {
        self.root
    }

    /// The content of a text, and every other scalar as it was written.
    fn scalar<'n>(&self, node: &'n Node) -> Option<&'n str>
    where
        't: 'n,
    {
        match &node.value {
            Value::Text(text) => Some(text),
            Value::List(_) | Value::Map(_) => None,
            Value::Null | Value::Bool(_) | Value::Unsigned(_) | Value::Signed(_) | Value::Float(_) => {
                self.text.get(node.at..node.at + node.length).filter(|text| !text.is_empty())
            }
        }
    }
}

/// The first key that a map has twice.
pub(crate) fn duplicate(entries: &[(Key, Node)]) -> Option<&Key> {
    let mut keys: Vec<&Key> = entries.iter().map(|(key, _)| key).collect();
    keys.sort_by(|a, b| a.text.cmp(&b.text));
    let twice = keys.windows(2).filter(|pair| pair[0].text == pair[1].text).map(|pair| pair[1]);
    twice.min_by_key(|key| key.at)
}

/// A value without a place.
impl From<serde_json::Value> for Node {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => Value::Unsigned(value),
                (None, Some(value)) => Value::Signed(value),
                (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text),
            Json::Array(items) => Value::List(items.into_iter().map(Node::from).collect()),
            Json::Object(map) => Value::Map(
                map.into_iter()
                    .map(|(text, value)| (Key { at: 0, text, is_text: true }, Node::from(value)))
                    .collect(),
            ),
        };
        Self { at: 0, length: 0, is_tagged: false, value }
    }
}

impl From<Node> for serde_json::Value {
    fn from(node: Node) -> Self {
        match node.value {
            Value::Null => Self::Null,
            Value::Bool(value) => value.into(),
            Value::Unsigned(value) => value.into(),
            Value::Signed(value) => value.into(),
            Value::Float(value) => value.into(),
            Value::Text(text) => text.into(),
            Value::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Map(entries) => {
                Self::Object(entries.into_iter().map(|(key, node)| (key.text, node.into())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests;
