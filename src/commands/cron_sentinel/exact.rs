//! Values of a JSON artifact beside those of the configuration, numbers by every digit that is written: an `f64`
//! would round identifiers and nanoseconds together.

use crate::format::decimal::Decimal;
use crate::format::json::path::{Place, Step};
use crate::format::node::{Node, Value as NodeValue};
use serde_json::Value;
use std::cmp::Ordering;

/// What stands at a place. A step of a JSON pointer may be a key or the index of an element.
pub(super) fn find<'n>(root: &'n Node, place: &Place) -> Option<&'n Node> {
    place.steps().iter().try_fold(root, |at, step| match (step, &at.value) {
        (Step::Key(key), NodeValue::List(items)) => items.get(key.parse::<usize>().ok()?),
        (Step::Key(key), NodeValue::Map(fields)) => {
            fields.iter().find(|(name, _)| name.text == *key).map(|(_, value)| value)
        }
        (Step::Index(index), NodeValue::List(items)) => items.get(usize::try_from(*index).ok()?),
        _ => None,
    })
}

/// A number of the artifact; none of anything else.
pub(super) fn of_node(node: &Node, text: &str) -> Option<Decimal> {
    match node.value {
        NodeValue::Unsigned(_) | NodeValue::Signed(_) | NodeValue::Float(_) => {
            Decimal::parse(written(node, text))
        }
        _ => None,
    }
}

/// A number of the configuration; none of anything else.
pub(super) fn of_json(value: &Value) -> Option<Decimal> {
    value.as_number().and_then(|number| Decimal::parse(&number.to_string()))
}

/// Whether two values are equal; `1` and `1.0` are one number.
pub(super) fn same(node: &Node, wanted: &Value, text: &str) -> bool {
    match (&node.value, wanted) {
        (NodeValue::Null, Value::Null) => true,
        (NodeValue::Bool(found), Value::Bool(wanted)) => found == wanted,
        (NodeValue::Text(found), Value::String(wanted)) => found == wanted,
        (NodeValue::List(found), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|(found, wanted)| same(found, wanted, text))
        }
        (NodeValue::Map(found), Value::Object(wanted)) => {
            let is_there = |(key, value): (&String, &Value)| {
                found.iter().any(|(name, found)| name.text == *key && same(found, value, text))
            };
            found.len() == wanted.len() && wanted.iter().all(is_there)
        }
        _ => match (of_node(node, text), of_json(wanted)) {
            (Some(found), Some(wanted)) => found.cmp_value(&wanted) == Ordering::Equal,
            _ => false,
        },
    }
}

/// Whether both are texts, numbers, lists and so on.
pub(super) fn same_kind(node: &Node, wanted: &Value) -> bool {
    match &node.value {
        NodeValue::Null => wanted.is_null(),
        NodeValue::Bool(_) => wanted.is_boolean(),
        NodeValue::Unsigned(_) | NodeValue::Signed(_) | NodeValue::Float(_) => wanted.is_number(),
        NodeValue::Text(_) => wanted.is_string(),
        NodeValue::List(_) => wanted.is_array(),
        NodeValue::Map(_) => wanted.is_object(),
    }
}

/// The value as JSON, a number as it is written.
pub(super) fn display(node: &Node, text: &str) -> String {
    match node.value {
        NodeValue::Unsigned(_) | NodeValue::Signed(_) | NodeValue::Float(_) => written(node, text).to_owned(),
        _ => Value::from(node.clone()).to_string(),
    }
}

fn written<'t>(node: &Node, text: &'t str) -> &'t str {
    text.get(node.at..node.at + node.length).unwrap_or_default()
}
