//! The one deserialiser: a type out of a [`Tree`].
//!
//! What it is generic over is compiled once for each type, so each method calls the one method of the
//! visitor that its value needs, and leaves the rest to functions that are compiled once.

use super::{Dialect, Error, Key, Node, Tree, Value};
use crate::format::json::path::Step;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
};
use serde::de::{Deserialize as _, Error as _, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::slice;

impl Tree<'_> {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let root = Reader::new(self, &self.root);
        T::deserialize(root).map_err(|error| {
            let error = root.inside(error);
            if self.text.is_empty() { error } else { error.counted(self.text) }
        })
    }
}

/// Reads a type out of a JSON value; the error has the path, and no line.
pub(crate) fn from_json<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Error> {
    Tree::new("", Node::from(value), Dialect::default()).read()
}

/// A value that is read.
#[derive(Clone, Copy)]
struct Reader<'t> {
    tree: &'t Tree<'t>,
    node: &'t Node,
}

impl<'t> Reader<'t> {
    fn new(tree: &'t Tree<'t>, node: &'t Node) -> Self {
        Self { tree, node }
    }

    /// The error in this value.
    fn inside(&self, error: Error) -> Error {
        error.enter(self.node.at, self.tree.scalar(self.node))
    }

    fn invalid(&self, wanted: &dyn de::Expected) -> Error {
        let found = match &self.node.value {
            Value::Float(value) if !value.is_finite() => return Error::custom("not a finite number"),
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Unsigned(value) => Unexpected::Unsigned(*value),
            Value::Signed(value) => Unexpected::Signed(*value),
            Value::Float(value) => Unexpected::Float(*value),
            Value::Text(text) => Unexpected::Str(text),
            Value::List(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
        };
        Error::invalid_type(found, wanted)
    }

    fn text(&self) -> Option<&'t str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            Value::Bool(_) | Value::Unsigned(_) | Value::Signed(_) | Value::Float(_)
                if self.tree.dialect.plain_text =>
            {
                // A tag can make a number of a quoted scalar.
                self.tree.scalar(self.node).filter(|text| !text.starts_with(['"', '\'', '|', '>']))
            }
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self.node.value {
            Value::Unsigned(value) => Some(value as f64),
            Value::Signed(value) => Some(value as f64),
            Value::Float(value) => Some(value).filter(|value| value.is_finite()),
            _ => None,
        }
    }

    fn items(&self) -> Option<Items<'t>> {
        let (nodes, listed) = match &self.node.value {
            Value::List(nodes) => (nodes.as_slice(), true),
            Value::Null => return None,
            _ if self.tree.dialect.one_or_many => (slice::from_ref(self.node), false),
            _ => return None,
        };
        Some(Items { tree: self.tree, nodes, listed, next: 0 })
    }

    fn entries(&self) -> Option<Entries<'t>> {
        match &self.node.value {
            Value::Map(entries) => Some(Entries { tree: self.tree, entries, next: 0 }),
            _ => None,
        }
    }

    fn variant(&self, name: &str) -> Result<Variant<'t>, Error> {
        if let Some(name) = self.text() {
            return Ok(Variant { name, at: None, content: None });
        }
        match &self.node.value {
            Value::Map(entries) if let [(key, node)] = entries.as_slice() => {
                Ok(Variant { name: &key.text, at: Some(key.at), content: Some(Self::new(self.tree, node)) })
            }
            _ => Err(self.invalid(&format!("one of {name}, as a text or as the one key of a map").as_str())),
        }
    }
}

macro_rules! unsigned {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.node.value {
                Value::Unsigned(value) => visitor.visit_u64(value),
                _ => Err(self.invalid(&visitor)),
            }
        }
    )*};
}

macro_rules! signed {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.node.value {
                Value::Unsigned(value) => visitor.visit_u64(value),
                Value::Signed(value) => visitor.visit_i64(value),
                _ => Err(self.invalid(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Unsigned(value) => visitor.visit_u64(*value),
            Value::Signed(value) => visitor.visit_i64(*value),
            Value::Float(value) if value.is_finite() => visitor.visit_f64(*value),
            Value::Float(_) => Err(self.invalid(&"a finite number")),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => Err(self.invalid(&visitor)),
        }
    }

    unsigned! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 }

    signed! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.float() {
            Some(value) => visitor.visit_f64(value),
            None => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text() {
            Some(text) => visitor.visit_str(text),
            None => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Null => visitor.visit_unit(),
            _ => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Some(mut items) = self.items() else { return Err(self.invalid(&visitor)) };
        let value = visitor.visit_seq(&mut items)?;
        items.ended()?;
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.entries() {
            Some(entries) => visitor.visit_map(entries),
            None => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.variant(name)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf }
}

/// The values of a list, or the one that stands for a list.
struct Items<'t> {
    tree: &'t Tree<'t>,
    nodes: &'t [Node],
    listed: bool,
    next: usize,
}

impl<'t> Items<'t> {
    fn take(&mut self) -> Option<Reader<'t>> {
        let node = self.nodes.get(self.next)?;
        self.next += 1;
        Some(Reader::new(self.tree, node))
    }

    /// The error in the item that was taken last.
    fn inside(&self, error: Error) -> Error {
        let index = self.next - 1;
        let error = Reader::new(self.tree, &self.nodes[index]).inside(error);
        if self.listed { error.under(Step::Index(index as u64)) } else { error }
    }

    fn ended(&self) -> Result<(), Error> {
        if self.next == self.nodes.len() {
            return Ok(());
        }
        Err(Error::invalid_length(self.nodes.len(), &format!("a list of {}", self.next).as_str()))
    }
}

// Not for `Items` itself: the implementation that serde has for references would be one more copy for
// each type.
impl<'t> SeqAccess<'t> for &mut Items<'t> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.take() {
            None => Ok(None),
            Some(item) => match seed.deserialize(item) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.inside(error)),
            },
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.nodes.len() - self.next)
    }
}

/// The entries of a map.
struct Entries<'t> {
    tree: &'t Tree<'t>,
    entries: &'t [(Key, Node)],
    next: usize,
}

impl<'t> Entries<'t> {
    fn take(&mut self) -> Option<KeyReader<'t>> {
        let (key, _) = self.entries.get(self.next)?;
        self.next += 1;
        Some(KeyReader { text: &key.text })
    }

    fn last(&self) -> &'t (Key, Node) {
        &self.entries[self.next - 1]
    }

    fn value(&self) -> Reader<'t> {
        Reader::new(self.tree, &self.last().1)
    }

    /// The error in the value that was read last.
    fn inside(&self, error: Error) -> Error {
        self.value().inside(error).under(Step::Key(self.last().0.text.clone()))
    }
}

impl<'t> MapAccess<'t> for Entries<'t> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.take() {
            None => Ok(None),
            Some(key) => match seed.deserialize(key) {
                Ok(key) => Ok(Some(key)),
                Err(error) => Err(error.at(self.last().0.at)),
            },
        }
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Error> {
        match seed.deserialize(self.value()) {
            Ok(value) => Ok(value),
            Err(error) => Err(self.inside(error)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len() - self.next)
    }
}

/// A key, or the name of a variant.
struct KeyReader<'t> {
    text: &'t str,
}

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(Variant { name: self.text, at: None, content: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant of an enumeration and what it holds.
struct Variant<'t> {
    name: &'t str,
    at: Option<usize>,
    content: Option<Reader<'t>>,
}

impl<'t> Variant<'t> {
    fn content(&self) -> Result<Reader<'t>, Error> {
        self.content.ok_or_else(|| Error::invalid_type(Unexpected::UnitVariant, &"a variant with content"))
    }

    fn inside(&self, error: Error) -> Error {
        match self.content {
            Some(content) => content.inside(error).under(Step::Key(self.name.to_owned())),
            None => error,
        }
    }
}

impl<'t> EnumAccess<'t> for Variant<'t> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        match seed.deserialize(KeyReader { text: self.name }) {
            Ok(value) => Ok((value, self)),
            Err(error) => Err(self.at.into_iter().fold(error, Error::at)),
        }
    }
}

impl<'t> VariantAccess<'t> for Variant<'t> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.content {
            Some(content) => <()>::deserialize(content).map_err(|error| self.inside(error)),
            None => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.content()?).map_err(|error| self.inside(error))
    }

    fn tuple_variant<V: Visitor<'t>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.content()?.deserialize_seq(visitor).map_err(|error| self.inside(error))
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.content()?.deserialize_map(visitor).map_err(|error| self.inside(error))
    }
}
