//! What an artifact must say: a value in a JSON document, a pattern in its text, an unbroken chain.

use super::chain;
use super::exact;
use crate::format::decimal::Decimal;
use crate::format::json::path::Place;
use crate::format::node::{Node, Value as NodeValue};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use std::cmp::Ordering;

/// An assertion as it is configured: `json` with `op` and `value`, or `regex`, or `hash_chain`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssertionConfig {
    json: Option<String>,
    op: Option<String>,
    value: Option<Value>,
    regex: Option<String>,
    hash_chain: Option<HashChain>,
}

#[derive(Clone, Copy, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum HashChain {
    Ok,
}

#[derive(Clone, Debug)]
pub(crate) enum Assertion {
    /// The value at a place of a JSON document.
    Json {
        place: Place,
        wanted: Wanted,
    },
    /// A pattern that must be found in the text.
    Regex(Regex),
    HashChain,
}

#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    Equal(Value, bool),
    /// A number on one side of another; the limit itself counts where it says so.
    Ordered(Order, Limit),
    In(Vec<Value>),
    /// A text that contains another, or a list that has an element.
    Contains(Value),
    /// A text in which a pattern is found.
    Matches(Regex),
    Exists,
}

/// A number as it is configured, and exactly.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    configured: Value,
    exact: Decimal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Below,
    AtMost,
    Above,
    AtLeast,
}

const OPERATORS: &str = "==, !=, <, <=, >, >=, in, contains, matches, exists";

impl AssertionConfig {
    pub(crate) fn check(&self) -> Result<Assertion, String> {
        match (&self.json, &self.regex, &self.hash_chain) {
            (Some(path), None, None) => {
                Ok(Assertion::Json { place: Place::parse(path)?, wanted: self.wanted()? })
            }
            (None, Some(pattern), None) if self.op.is_none() && self.value.is_none() => {
                Ok(Assertion::Regex(regex(pattern)?))
            }
            (None, None, Some(HashChain::Ok)) if self.op.is_none() && self.value.is_none() => {
                Ok(Assertion::HashChain)
            }
            _ => Err("an assertion is one of {json, op, value}, {regex} or {hash_chain: ok}".to_owned()),
        }
    }

    fn wanted(&self) -> Result<Wanted, String> {
        let op = self.op.as_deref().unwrap_or("==");
        if op == "exists" {
            let message = "`exists` takes no value";
            return if self.value.is_none() { Ok(Wanted::Exists) } else { Err(message.to_owned()) };
        }
        let value = self.value.clone().ok_or_else(|| format!("`{op}` needs a value, and null is none"))?;
        if has(&value, &Value::is_null) {
            return Err(format!("`{op}` compares with null, which counts as missing"));
        }
        if has(&value, &|value| {
            value.is_f64() && value.as_f64().is_some_and(|number| number.abs() >= BEYOND_EXACT)
        }) {
            return Err(format!("{value} has a number of more than 64 bits, which would be rounded"));
        }
        let ordered = |order| {
            let number =
                exact::of_json(&value).ok_or_else(|| format!("`{op}` needs a number, not {value}"))?;
            Ok(Wanted::Ordered(order, Limit { configured: value.clone(), exact: number }))
        };
        match op {
            "==" => Ok(Wanted::Equal(value, true)),
            "!=" => Ok(Wanted::Equal(value, false)),
            "<" => ordered(Order::Below),
            "<=" => ordered(Order::AtMost),
            ">" => ordered(Order::Above),
            ">=" => ordered(Order::AtLeast),
            "contains" if value.as_str() == Some("") => {
                Err("every text contains \"\", so it could not fail".to_owned())
            }
            "contains" => Ok(Wanted::Contains(value)),
            "in" => match value {
                Value::Array(values) if !values.is_empty() => Ok(Wanted::In(values)),
                other => Err(format!("`in` needs a list of values, not {other}")),
            },
            "matches" => match value.as_str() {
                Some(pattern) => Ok(Wanted::Matches(regex(pattern)?)),
                None => Err(format!("`matches` needs a pattern, not {value}")),
            },
            other => Err(format!("`{other}` is none of {OPERATORS}")),
        }
    }
}

/// From here on, 2^64, an integer of a configuration is read as a float, which rounds it.
const BEYOND_EXACT: f64 = 18_446_744_073_709_551_616.0;

/// Whether something holds for a value or one inside it.
fn has(value: &Value, holds: &dyn Fn(&Value) -> bool) -> bool {
    holds(value)
        || match value {
            Value::Array(items) => items.iter().any(|item| has(item, holds)),
            Value::Object(fields) => fields.values().any(|field| has(field, holds)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    let regex = Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        format!("`{pattern}` is not a pattern: {}", text.lines().last().unwrap_or_default())
    })?;
    if regex.is_match("") {
        Err(format!("`{pattern}` matches anything, so it could not fail"))
    } else {
        Ok(regex)
    }
}

impl Assertion {
    /// Whether the assertion looks at a JSON document.
    pub(crate) fn wants_document(&self) -> bool {
        matches!(self, Assertion::Json { .. })
    }

    /// Why the assertion does not hold. `document` is the text as JSON, or why it is none.
    pub(crate) fn fault(&self, text: &str, document: Option<&Result<Node, String>>) -> Option<String> {
        match self {
            Assertion::HashChain => {
                chain::verify(text).err().map(|fault| format!("the hash chain is broken: {fault}"))
            }
            Assertion::Regex(regex) => {
                (!regex.is_match(text)).then(|| format!("nothing matches `{}`", regex.as_str()))
            }
            Assertion::Json { place, wanted } => match document {
                Some(Ok(document)) => match exact::find(document, place) {
                    None => Some(format!("there is no {place}")),
                    Some(node) if matches!(node.value, NodeValue::Null) => {
                        Some(format!("{place} is null, which counts as missing"))
                    }
                    Some(node) => wanted.fault(node, text).map(|fault| format!("{place} {fault}")),
                },
                Some(Err(reason)) => Some(format!("it is not valid JSON: {reason}")),
                None => Some("it was not read as JSON".to_owned()),
            },
        }
    }
}

impl Wanted {
    fn fault(&self, node: &Node, text: &str) -> Option<String> {
        let same = |wanted: &Value| exact::same(node, wanted, text);
        let wanted = match self {
            Wanted::Exists => return None,
            Wanted::Equal(wanted, true) if same(wanted) => return None,
            Wanted::Equal(wanted, true) => format!("{wanted}"),
            // What is of another kind is not known to be different: it may be an empty list of the same.
            Wanted::Equal(wanted, false) if exact::same_kind(node, wanted) && !same(wanted) => return None,
            Wanted::Equal(wanted, false) => format!("anything of its kind but {wanted}"),
            Wanted::In(values) if values.iter().any(same) => return None,
            Wanted::In(values) => format!("one of {}", Value::from(values.clone())),
            Wanted::Contains(part) => {
                let has = match (&node.value, part) {
                    (NodeValue::Text(whole), Value::String(part)) => whole.contains(part),
                    (NodeValue::List(items), part) => items.iter().any(|item| exact::same(item, part, text)),
                    _ => false,
                };
                if has {
                    return None;
                }
                format!("something with {part}")
            }
            Wanted::Matches(regex) => {
                if matches!(&node.value, NodeValue::Text(text) if regex.is_match(text)) {
                    return None;
                }
                format!("a match of `{}`", regex.as_str())
            }
            Wanted::Ordered(order, limit) => {
                let found = exact::of_node(node, text).map(|number| number.cmp_value(&limit.exact));
                let (holds, sign) = match order {
                    Order::Below => (found.is_some_and(Ordering::is_lt), "<"),
                    Order::AtMost => (found.is_some_and(Ordering::is_le), "<="),
                    Order::Above => (found.is_some_and(Ordering::is_gt), ">"),
                    Order::AtLeast => (found.is_some_and(Ordering::is_ge), ">="),
                };
                if holds {
                    return None;
                }
                format!("{sign} {}", limit.configured)
            }
        };
        let found: String = exact::display(node, text).chars().take(80).collect();
        Some(format!("is {found}, wanted {wanted}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json::typed;
    use crate::format::node::Dialect;
    use serde_json::json;

    fn check(configured: Value) -> Result<Assertion, String> {
        serde_json::from_value::<AssertionConfig>(configured).map_err(|error| error.to_string())?.check()
    }

    fn holds(configured: Value, text: &str) -> bool {
        let document = typed::tree(text, Dialect::default()).expect("a document").into_root();
        check(configured).expect("an assertion").fault(text, Some(&Ok(document))).is_none()
    }

    #[test]
    fn each_operator_holds_and_does_not() {
        let document = r#"{"v": "OK", "n": 3, "x": 2.50, "list": ["a", 1], "runs": [{"a/b": 0, "none": null}],
            "ns": 1773144000000000100, "id": 340282366920938463463374607431768211457, "empty": []}"#;
        let table = [
            (json!({"json": "$.v", "value": "OK"}), true),
            (json!({"json": "/v", "op": "!=", "value": "FAIL"}), true),
            (json!({"json": "$.n", "op": "==", "value": 3.0}), true),
            (json!({"json": "$.n", "op": "<", "value": 3}), false),
            (json!({"json": "$.n", "op": "<=", "value": 3}), true),
            (json!({"json": "$.x", "op": ">", "value": 2}), true),
            (json!({"json": "$.x", "op": ">=", "value": 2.6}), false),
            (json!({"json": "$.v", "op": ">", "value": 0}), false),
            (json!({"json": "$.v", "op": "in", "value": ["OK", "WARN"]}), true),
            (json!({"json": "$.list", "op": "contains", "value": 1}), true),
            (json!({"json": "$.v", "op": "contains", "value": "K"}), true),
            (json!({"json": "$.n", "op": "contains", "value": "3"}), false),
            (json!({"json": "$.v", "op": "matches", "value": "^O"}), true),
            (json!({"json": "$.runs[0][\"a/b\"]", "op": "exists"}), true),
            (json!({"json": "$.runs[1]", "op": "exists"}), false),
            (json!({"json": "$.none", "op": "!=", "value": 1}), false),
            // Null is missing, and another kind is not known to be different.
            (json!({"json": "$.runs[0].none", "op": "exists"}), false),
            (json!({"json": "$.runs[0].none", "op": "!=", "value": "FAIL"}), false),
            (json!({"json": "$.empty", "op": "!=", "value": "FAIL"}), false),
            (json!({"json": "$.empty", "op": "!=", "value": []}), false),
            (json!({"json": "$.list", "op": "!=", "value": []}), true),
            (json!({"json": "$.v", "op": "!=", "value": []}), false),
            // Numbers count by every digit.
            (json!({"json": "$.ns", "op": "<=", "value": 1_773_144_000_000_000_000_i64}), false),
            (json!({"json": "$.ns", "op": "==", "value": 1_773_144_000_000_000_000_i64}), false),
            (json!({"json": "$.ns", "op": "==", "value": 1_773_144_000_000_000_100_i64}), true),
            (json!({"json": "$.ns", "op": "in", "value": [1_773_144_000_000_000_101_i64]}), false),
            (json!({"json": "$.id", "op": ">", "value": u64::MAX}), true),
            (json!({"json": "$.x", "value": 2.5}), true),
        ];
        for (configured, expected) in table {
            assert_eq!(holds(configured.clone(), document), expected, "{configured}");
        }
        let text = check(json!({"regex": "RESULT=OK"})).expect("an assertion");
        assert!(text.fault("a\nRESULT=OK\n", None).is_none() && text.fault("RESULT=FAIL", None).is_some());
    }

    #[test]
    fn an_assertion_that_says_nothing_is_refused() {
        for configured in [
            json!({}),
            json!({"json": "$.v"}),
            json!({"json": "v", "value": 1}),
            json!({"json": "$.a[*]", "value": 1}),
            json!({"json": "$.v", "op": "=", "value": 1}),
            json!({"json": "$.v", "op": "<", "value": "1"}),
            json!({"json": "$.v", "op": "in", "value": []}),
            json!({"json": "$.v", "op": "in", "value": ["a", null]}),
            json!({"json": "$.v", "op": "!=", "value": null}),
            json!({"json": "$.v", "op": "<", "value": 3.5e38}),
            json!({"json": "$.v", "op": "exists", "value": 1}),
            json!({"json": "$.v", "op": "contains", "value": ""}),
            json!({"json": "$.v", "value": 1, "regex": "x"}),
            json!({"regex": "["}),
            json!({"regex": ".*"}),
            json!({"regex": "x", "op": "=="}),
            json!({"hash_chain": "broken"}),
            json!({"hash_chain": "ok", "nope": 1}),
        ] {
            assert!(check(configured.clone()).is_err(), "{configured}");
        }
    }
}
