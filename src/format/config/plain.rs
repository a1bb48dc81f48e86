//! What a plain scalar of YAML stands for: the core schema of YAML 1.2, with the booleans of YAML 1.1 and
//! `_` between digits.

use crate::format::node::Value;

pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        _ => {}
    }
    let found = boolean(text).or_else(|| integer(text)).or_else(|| beyond(text)).or_else(|| float(text));
    found.unwrap_or_else(|| Value::Text(text.to_owned()))
}

fn boolean(text: &str) -> Option<Value> {
    let is_one = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let yes = is_one(["true", "yes", "y", "on"]);
    (yes || is_one(["false", "no", "n", "off"])).then_some(Value::Bool(yes))
}

/// Decimal, or hexadecimal, octal or binary with a prefix; a decimal with a zero in front is none.
fn integer(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (radix, digits) = match unsigned.get(..2) {
        Some("0x" | "0X") => (16, &unsigned[2..]),
        Some("0o" | "0O") => (8, &unsigned[2..]),
        Some("0b" | "0B") => (2, &unsigned[2..]),
        _ if unsigned.starts_with('0') && unsigned != "0" => return None,
        _ => (10, unsigned),
    };
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !digits.split('_').all(is_digits) {
        return None;
    }
    let mut digits = digits.replace('_', "");
    if text.starts_with('-') {
        digits.insert(0, '-');
        let value = i64::from_str_radix(&digits, radix).ok()?;
        return Some(u64::try_from(value).map_or(Value::Signed(value), Value::Unsigned));
    }
    u64::from_str_radix(&digits, radix).ok().map(Value::Unsigned)
}

/// A number with a prefix that no integer here can hold is no text either.
fn beyond(text: &str) -> Option<Value> {
    let (sign, unsigned) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let unsigned = unsigned.strip_prefix('+').filter(|_| sign > 0.0).unwrap_or(unsigned);
    let (radix, digits) = match unsigned.get(..2)? {
        "0x" | "0X" => (16, &unsigned[2..]),
        "0o" | "0O" => (8, &unsigned[2..]),
        "0b" | "0B" => (2, &unsigned[2..]),
        _ => return None,
    };
    if digits.split('_').any(str::is_empty) {
        return None;
    }
    let mut digits = digits.chars().filter(|digit| *digit != '_');
    let value = digits
        .try_fold(0.0, |value, digit| Some(value * f64::from(radix) + f64::from(digit.to_digit(radix)?)));
    value.map(|value| Value::Float(sign * value))
}

/// Infinite and not-a-number have a point in front; `1e999` is a number, though none that can be used.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => f64::NEG_INFINITY,
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" => f64::NAN,
        _ if unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
            text.parse().ok()?
        }
        _ => return None,
    };
    Some(Value::Float(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_scalar_is_what_it_looks_like() {
        for text in ["", "~", "null", "Null", "NULL"] {
            assert!(matches!(resolve(text), Value::Null), "{text}");
        }
        for (text, expected) in [("yes", true), ("On", true), ("y", true), ("FALSE", false), ("n", false)] {
            assert!(matches!(resolve(text), Value::Bool(value) if value == expected), "{text}");
        }
        for (text, expected) in [
            ("0", 0),
            ("+7", 7),
            ("-0", 0),
            ("1_000", 1000),
            ("0x1F", 31),
            ("0o17", 15),
            ("0b1_01", 5),
            ("18446744073709551615", u64::MAX),
        ] {
            assert!(matches!(resolve(text), Value::Unsigned(value) if value == expected), "{text}");
        }
        assert!(matches!(resolve("-9223372036854775808"), Value::Signed(i64::MIN)));
        for (text, expected) in [
            ("1.0", 1.0),
            ("-.5", -0.5),
            ("1e3", 1e3),
            ("007", 7.0),
            ("18446744073709551616", 2_f64.powi(64)),
            ("0x1_0000_0000_0000_0000", 2_f64.powi(64)),
            ("-0x8000000000000001", -(2_f64.powi(63))),
            ("-.inf", f64::NEG_INFINITY),
        ] {
            assert!(matches!(resolve(text), Value::Float(value) if value == expected), "{text}");
        }
        for text in [".inf", "-.Inf", "1e999", ".nan"] {
            assert!(matches!(resolve(text), Value::Float(value) if !value.is_finite()), "{text}");
        }
        for text in [
            "nil",
            "tru",
            "1__0",
            "_1",
            "1_",
            "0x",
            "0xG",
            "1 2",
            "inf",
            "nan",
            "infinity",
            "1_0.5",
            "-",
            "+",
            ".",
            "2025-03-10",
            "1.2.3",
            "12:30",
        ] {
            assert!(matches!(resolve(text), Value::Text(_)), "{text}");
        }
    }
}
