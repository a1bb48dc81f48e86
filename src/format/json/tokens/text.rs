//! Strings of JSON: where plain text ends, whether escapes are right, what they stand for.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Bytes at the start of a text that need no care.
pub(super) struct Run {
    /// Up to the first quote, backslash, control character, or the end.
    pub(super) length: usize,
    /// Whether one of the bytes may be beyond ASCII.
    pub(super) wide: bool,
}

/// Finds the first quote, backslash or control character, eight bytes at a time.
#[inline]
pub(super) fn plain_run(bytes: &[u8]) -> Run {
    let mut wide = 0;
    let (chunks, _) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        wide |= word & HIGHS;
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        // Each term has its lowest set bit in the first byte that it looks for; a borrow can only set
        // bits behind that one.
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let found = found & HIGHS;
        if found != 0 {
            let length = 8 * index + found.trailing_zeros() as usize / 8;
            return Run { length, wide: wide != 0 };
        }
    }
    let done = 8 * chunks.len();
    let rest = &bytes[done..];
    let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len());
    Run { length: done + length, wide: wide != 0 || !rest[..length].is_ascii() }
}

/// Checks every escape of a string; the error has its place.
pub(super) fn check_escapes(raw: &[u8]) -> Result<(), (usize, &'static str)> {
    let mut at = 0;
    while let Some(gap) = memchr::memchr(b'\\', &raw[at..]) {
        at += gap;
        match raw.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
            Some(b'u') => {
                let unit = hex(raw, at + 2).ok_or((at, "an invalid escape"))?;
                match unit {
                    0xd800..=0xdbff => {
                        let low = match raw.get(at + 6..at + 8) {
                            Some(b"\\u") => hex(raw, at + 8),
                            _ => None,
                        };
                        if !low.is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) {
                            return Err((at, "an unpaired surrogate"));
                        }
                        at += 12;
                    }
                    0xdc00..=0xdfff => return Err((at, "an unpaired surrogate")),
                    _ => at += 6,
                }
            }
            _ => return Err((at, "an invalid escape")),
        }
    }
    Ok(())
}

/// Resolves the escapes of a string that [`check_escapes`] let pass.
pub(super) fn decode(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(gap) = memchr::memchr(b'\\', &raw[at..]) {
        out.extend_from_slice(&raw[at..at + gap]);
        at += gap;
        let plain = match raw.get(at + 1) {
            Some(b'u') => {
                let high = hex(raw, at + 2).unwrap_or_default();
                at += 6;
                let code = if (0xd800..=0xdbff).contains(&high) {
                    let low = hex(raw, at + 2).unwrap_or_default();
                    at += 6;
                    0x10000 + ((u32::from(high) & 0x3ff) << 10) + (u32::from(low) & 0x3ff)
                } else {
                    u32::from(high)
                };
                let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(other) => *other,
            None => b'\\',
        };
        out.push(plain);
        at += 2;
    }
    out.extend_from_slice(raw.get(at..).unwrap_or_default());
    out
}

fn hex(raw: &[u8], at: usize) -> Option<u16> {
    let digits = raw.get(at..at + 4)?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}
