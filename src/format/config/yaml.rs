//! YAML out of the events of its parser: anchors and merges are resolved, and a key that occurs twice, a
//! second document and a tag that is not of the core schema are refused.
//!
//! Nothing here recurses, so that a hostile text cannot exhaust the stack; aliases are copies, so their sum
//! is bounded.

use super::plain;
use crate::format::node::{DEEPEST, Dialect, Error, Key, Node, Tree, Value, duplicate};
use granit_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::{BTreeMap, BTreeSet};

/// Most values of a document, copies included.
const MOST_NODES: usize = 250_000;

const MERGE: &str = "<<";

/// Something, or the byte where it is wrong, and why.
type Composed<T> = Result<T, (usize, String)>;

pub(super) fn parse(text: &str) -> Result<Tree<'_>, Error> {
    let mut composer = Composer { text, ..Composer::default() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let (line, column) = (error.marker().line() as u64, error.marker().col() as u64 + 1);
            Error::syntax_at(error.kind().to_string(), Some((line, column)))
        })?;
        let place = span.byte_range().unwrap_or_default();
        let taken = composer.take(event, place.start, place.len());
        taken.map_err(|(at, message)| Error::syntax(message, text, Some(at)))?;
    }
    let nothing = Node { at: 0, length: 0, is_tagged: false, value: Value::Null };
    let root = composer.root.map_or(nothing, |part| part.node);
    Ok(Tree::new(text, root, Dialect { plain_text: true, one_or_many: true }))
}

/// A whole value, and how many values and levels it has.
#[derive(Clone)]
struct Part {
    node: Node,
    nodes: usize,
    levels: usize,
}

/// A list or map that has not ended yet.
struct Open {
    at: usize,
    anchor: usize,
    nodes: usize,
    levels: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, merged: Vec<Node>, key: Option<Key> },
}

#[derive(Default)]
struct Composer<'t> {
    text: &'t str,
    open: Vec<Open>,
    /// Whole values by the number of their anchor.
    anchors: BTreeMap<usize, Part>,
    nodes: usize,
    root: Option<Part>,
}

impl Composer<'_> {
    fn take(&mut self, event: Event<'_>, at: usize, length: usize) -> Composed<()> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err((at, "more than one document".to_owned())),
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref()).map_err(|message| (at, message))?;
                self.count(at, 1)?;
                let node = Node { at, length, is_tagged: tag.is_some(), value };
                self.add(Part { node, nodes: 1, levels: 0 }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "seq").map_err(|message| (at, message))?;
                self.start(at, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "map").map_err(|message| (at, message))?;
                self.start(at, anchor, Content::Map { entries: Vec::new(), merged: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let part = self.anchors.get(&anchor).cloned();
                let part = part.ok_or_else(|| (at, "an alias inside what it stands for".to_owned()))?;
                self.count(at, part.nodes)?;
                self.check_depth(at, part.levels)?;
                self.add(part, 0)
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, at: usize, nodes: usize) -> Composed<()> {
        self.nodes += nodes;
        if self.nodes > MOST_NODES { Err((at, format!("more than {MOST_NODES} values"))) } else { Ok(()) }
    }

    fn check_depth(&self, at: usize, levels: usize) -> Composed<()> {
        let levels = self.open.len() + levels;
        if levels > DEEPEST { Err((at, format!("more than {DEEPEST} levels"))) } else { Ok(()) }
    }

    fn start(&mut self, at: usize, anchor: usize, content: Content) -> Composed<()> {
        self.open.push(Open { at, anchor, nodes: 1, levels: 1, content });
        self.count(at, 1)?;
        self.check_depth(at, 0)
    }

    fn end(&mut self) -> Composed<()> {
        let Some(Open { at, anchor, nodes, levels, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, merged, .. } => Value::Map(merge(entries, merged)?),
        };
        let node = Node { at, length: 0, is_tagged: false, value };
        self.add(Part { node, nodes, levels }, anchor)
    }

    /// Puts a whole value where it belongs.
    fn add(&mut self, part: Part, anchor: usize) -> Composed<()> {
        if anchor != 0 {
            self.count(part.node.at, part.nodes)?;
            self.anchors.insert(anchor, part.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(part);
            return Ok(());
        };
        open.nodes += part.nodes;
        open.levels = open.levels.max(part.levels + 1);
        match &mut open.content {
            Content::List(items) => items.push(part.node),
            Content::Map { entries, merged, key } => match key.take() {
                None => *key = Some(key_of(part.node, self.text)?),
                Some(key) if key.text == MERGE && self.text[key.at..].starts_with(MERGE) => {
                    merged.push(part.node);
                }
                Some(key) => entries.push((key, part.node)),
            },
        }
        Ok(())
    }
}

/// A key is the text that it was written as, whatever it would be as a value.
fn key_of(node: Node, text: &str) -> Composed<Key> {
    let at = node.at;
    let is_bool = matches!(node.value, Value::Bool(_));
    let is_number = matches!(node.value, Value::Unsigned(_) | Value::Signed(_) | Value::Float(_));
    let text = match node.value {
        Value::Text(text) => text,
        Value::Bool(_) | Value::Unsigned(_) | Value::Signed(_) | Value::Float(_) => {
            text.get(at..at + node.length).unwrap_or_default().to_owned()
        }
        Value::Null | Value::List(_) | Value::Map(_) => {
            return Err((at, "a key that is not a text".to_owned()));
        }
    };
    // `on` and `y` are truth values to few readers, and names to all who write them.
    let is_truth_value = is_bool && ["true", "false"].contains(&&*text.to_ascii_lowercase());
    let is_text = !is_number && !is_truth_value;
    Ok(Key { at, text, is_text })
}

/// The entries of a map and those that it takes over: its own win, then the first.
fn merge(mut entries: Vec<(Key, Node)>, merged: Vec<Node>) -> Composed<Vec<(Key, Node)>> {
    if let Some(key) = duplicate(&entries) {
        return Err((key.at, format!("duplicate key `{}`", key.text)));
    }
    let mut sources = Vec::new();
    for node in merged {
        match node.value {
            Value::List(nodes) => sources.extend(nodes),
            _ => sources.push(node),
        }
    }
    let mut known: BTreeSet<String> = if sources.is_empty() {
        BTreeSet::new()
    } else {
        entries.iter().map(|(key, _)| key.text.clone()).collect()
    };
    for node in sources {
        let Value::Map(others) = node.value else {
            return Err((node.at, format!("`{MERGE}` takes a map or a list of maps")));
        };
        entries.extend(others.into_iter().filter(|(key, _)| known.insert(key.text.clone())));
    }
    Ok(entries)
}

/// What a scalar stands for: one that is not plain is a text, unless its tag says what it is.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        let is_plain = style == ScalarStyle::Plain;
        return Ok(if is_plain { plain::resolve(text) } else { Value::Text(text.to_owned()) });
    };
    if tag.core_suffix() == Some("str") || tag.parts() == ("", "!") || tag.parts() == ("!", "") {
        return Ok(Value::Text(text.to_owned()));
    }
    let value = plain::resolve(text);
    let fits = match (tag.core_suffix(), &value) {
        (None, _) => return Err(format!("unknown tag `{}`", tag.original())),
        (Some("null"), Value::Null)
        | (Some("bool"), Value::Bool(_))
        | (Some("int"), Value::Unsigned(_) | Value::Signed(_))
        | (Some("float"), Value::Unsigned(_) | Value::Signed(_) | Value::Float(_)) => true,
        _ => false,
    };
    let is_float = tag.core_suffix() == Some("float");
    let value = match value {
        #[expect(clippy::cast_precision_loss, reason = "a float has no more digits")]
        Value::Unsigned(value) if is_float => Value::Float(value as f64),
        #[expect(clippy::cast_precision_loss, reason = "a float has no more digits")]
        Value::Signed(value) if is_float => Value::Float(value as f64),
        value => value,
    };
    if fits { Ok(value) } else { Err(format!("not of the type that its tag `{}` says", tag.original())) }
}

fn check_tag(tag: Option<&Tag>, wanted: &str) -> Result<(), String> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(wanted) => Err(format!("unknown tag `{}`", tag.original())),
        _ => Ok(()),
    }
}
