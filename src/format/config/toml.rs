//! TOML; no type here takes its dates.

use crate::format::node::{Dialect, Error, Key, Node, Tree, Value};
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

pub(super) fn parse(text: &str) -> Result<Tree<'_>, Error> {
    let refuse = |message: &str, at| Error::syntax(message.lines().next().unwrap_or_default(), text, at);
    let parsed = DeTable::parse(text);
    let table = parsed.map_err(|error| refuse(error.message(), error.span().map(|span| span.start)))?;
    let at = table.span().start;
    let value = map(table.into_inner()).map_err(|(at, message)| refuse(&message, Some(at)))?;
    let dialect = Dialect { plain_text: false, one_or_many: true };
    Ok(Tree::new(text, Node { at, length: 0, is_tagged: false, value }, dialect))
}

/// A value, or the byte where there is none, and why. The parser bounds the depth.
type Parsed<T> = Result<T, (usize, String)>;

fn map(table: DeTable<'_>) -> Parsed<Value> {
    let entry = |(key, value): (Spanned<_>, _)| {
        let at = key.span().start;
        Ok((Key { at, text: String::from(key.into_inner()), is_text: true }, node(value)?))
    };
    table.into_iter().map(entry).collect::<Parsed<_>>().map(Value::Map)
}

fn node(value: Spanned<DeValue<'_>>) -> Parsed<Node> {
    let span = value.span();
    let (value, length) = match value.into_inner() {
        DeValue::String(text) => (Value::Text(text.into_owned()), span.len()),
        DeValue::Integer(number) => (integer(&number).ok_or_else(|| out_of_range(span.start))?, span.len()),
        DeValue::Float(number) => (float(&number).ok_or_else(|| out_of_range(span.start))?, span.len()),
        DeValue::Boolean(value) => (Value::Bool(value), span.len()),
        DeValue::Datetime(_) => (Value::Map(Vec::new()), span.len()),
        DeValue::Array(items) => (Value::List(items.into_iter().map(node).collect::<Parsed<_>>()?), 0),
        DeValue::Table(table) => (map(table)?, 0),
    };
    Ok(Node { at: span.start, length, is_tagged: false, value })
}

fn out_of_range(at: usize) -> (usize, String) {
    (at, "a number out of range".to_owned())
}

fn integer(number: &DeInteger<'_>) -> Option<Value> {
    let (digits, radix) = (number.as_str(), number.radix());
    let unsigned = u64::from_str_radix(digits, radix).map(Value::Unsigned);
    unsigned.or_else(|_| i64::from_str_radix(digits, radix).map(Value::Signed)).ok()
}

/// `1e999` is out of range, while `inf` is told apart later.
fn float(number: &DeFloat<'_>) -> Option<Value> {
    let value: f64 = number.as_str().parse().ok()?;
    (!value.is_infinite() || number.as_str().contains("inf")).then_some(Value::Float(value))
}
