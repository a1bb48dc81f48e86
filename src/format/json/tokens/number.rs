//! Numbers of JSON: where one ends, and whether it is one.

use super::Kind;

/// Floats up to this length cannot reach beyond an `f64` without an exponent.
const SAFE_DIGITS: usize = 300;

/// Scans a number at the start of `bytes`: its length and kind, or the place and reason it is none. A
/// result that reaches to the end of `bytes` may change with more of them.
#[inline]
pub(super) fn scan(bytes: &[u8]) -> Result<(usize, Kind), (usize, &'static str)> {
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    match bytes.get(at) {
        Some(b'0') => {
            at += 1;
            if bytes.get(at).is_some_and(u8::is_ascii_digit) {
                return Err((at, "a number with a leading zero"));
            }
        }
        Some(b'1'..=b'9') => at = digits(bytes, at),
        _ => return Err((at, "a digit is missing in a number")),
    }
    let mut kind = Kind::Integer;
    let mut largest_exponent = false;
    if bytes.get(at) == Some(&b'.') {
        kind = Kind::Float;
        let end = digits(bytes, at + 1);
        if end == at + 1 {
            return Err((end, "a digit is missing in a number"));
        }
        at = end;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        kind = Kind::Float;
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        let end = digits(bytes, at);
        if end == at {
            return Err((end, "a digit is missing in a number"));
        }
        largest_exponent = end - at > 2;
        at = end;
    }
    if kind == Kind::Float && (largest_exponent || at > SAFE_DIGITS / 2) && is_out_of_range(&bytes[..at]) {
        return Err((at, "a number out of range"));
    }
    Ok((at, kind))
}

fn is_out_of_range(token: &[u8]) -> bool {
    let value = std::str::from_utf8(token).ok().and_then(|text| text.parse::<f64>().ok());
    value.is_none_or(f64::is_infinite)
}

#[inline]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}
