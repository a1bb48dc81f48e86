//! What an artifact must say: a value in a JSON document, a pattern in its text, an unbroken chain.

use super::chain;
use crate::format::json::path::Place;
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

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
    Ordered(Order, f64),
    In(Vec<Value>),
    /// A text that contains another, or a list that has an element.
    Contains(Value),
    /// A text in which a pattern is found.
    Matches(Regex),
    Exists,
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
        let value = self.value.clone().ok_or_else(|| format!("`{op}` needs a value"))?;
        let ordered = |order| {
            let limit = value.as_f64().ok_or_else(|| format!("`{op}` needs a number, not {value}"))?;
            Ok(Wanted::Ordered(order, limit))
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

    /// Why the assertion does not hold. `document` is the parsed text, or why it is none.
    pub(crate) fn fault(&self, text: &str, document: Option<&Result<Value, String>>) -> Option<String> {
        match self {
            Assertion::HashChain => {
                chain::verify(text).err().map(|fault| format!("the hash chain is broken: {fault}"))
            }
            Assertion::Regex(regex) => {
                (!regex.is_match(text)).then(|| format!("nothing matches `{}`", regex.as_str()))
            }
            Assertion::Json { place, wanted } => match document {
                Some(Ok(document)) => match place.find(document) {
                    None => Some(format!("there is no {place}")),
                    Some(value) => wanted.fault(value).map(|fault| format!("{place} {fault}")),
                },
                Some(Err(reason)) => Some(format!("it is not valid JSON: {reason}")),
                None => Some("it was not read as JSON".to_owned()),
            },
        }
    }
}

impl Wanted {
    fn fault(&self, value: &Value) -> Option<String> {
        let wanted = match self {
            Wanted::Exists => return None,
            Wanted::Equal(wanted, true) if same(value, wanted) => return None,
            Wanted::Equal(wanted, true) => format!("{wanted}"),
            Wanted::Equal(wanted, false) if !same(value, wanted) => return None,
            Wanted::Equal(wanted, false) => format!("anything but {wanted}"),
            Wanted::In(values) if values.iter().any(|wanted| same(value, wanted)) => return None,
            Wanted::In(values) => format!("one of {}", Value::from(values.clone())),
            Wanted::Contains(part) => {
                let has = match (value, part) {
                    (Value::String(text), Value::String(part)) => text.contains(part),
                    (Value::Array(items), part) => items.iter().any(|item| same(item, part)),
                    _ => false,
                };
                if has {
                    return None;
                }
                format!("something with {part}")
            }
            Wanted::Matches(regex) => {
                if value.as_str().is_some_and(|text| regex.is_match(text)) {
                    return None;
                }
                format!("a match of `{}`", regex.as_str())
            }
            Wanted::Ordered(order, limit) => {
                let (holds, sign) = match (order, value.as_f64()) {
                    (Order::Below, number) => (number.is_some_and(|number| number < *limit), "<"),
                    (Order::AtMost, number) => (number.is_some_and(|number| number <= *limit), "<="),
                    (Order::Above, number) => (number.is_some_and(|number| number > *limit), ">"),
                    (Order::AtLeast, number) => (number.is_some_and(|number| number >= *limit), ">="),
                };
                if holds {
                    return None;
                }
                format!("{sign} {limit}")
            }
        };
        let shown: String = value.to_string().chars().take(80).collect();
        Some(format!("is {shown}, wanted {wanted}"))
    }
}

/// Equality in which `1` and `1.0` are one number.
fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && b.is_number() && a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(configured: Value) -> Result<Assertion, String> {
        serde_json::from_value::<AssertionConfig>(configured).map_err(|error| error.to_string())?.check()
    }

    fn holds(configured: Value, document: Value) -> bool {
        check(configured).expect("an assertion").fault("", Some(&Ok(document))).is_none()
    }

    #[test]
    fn each_operator_holds_and_does_not() {
        let document = json!({"v": "OK", "n": 3, "x": 2.5, "list": ["a", 1], "runs": [{"a/b": null}]});
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
        ];
        for (configured, expected) in table {
            assert_eq!(holds(configured.clone(), document.clone()), expected, "{configured}");
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
