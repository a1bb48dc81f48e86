//! Sizes as operators write and read them: 1024-based, one letter.

use anyhow::anyhow;
use std::borrow::Cow;

const UNITS: [(char, u32); 4] = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];

/// Bytes in `2G`, `500M`, `1.5K` or `1024`.
pub(crate) fn parse(text: &str) -> anyhow::Result<u64> {
    bytes(text).map_err(|reason| anyhow!("`{text}` is not a size: {reason}"))
}

const FORM: &str = "write a number with K, M, G or T (1024-based), or whole bytes";

/// The bytes, or what is wrong with the text.
fn bytes(text: &str) -> Result<u64, Cow<'static, str>> {
    let trimmed = text.trim();
    let last = trimmed.chars().last().ok_or(FORM)?;
    if trimmed.starts_with('-') {
        return Err("it is negative".into());
    }
    let shift = UNITS.iter().find(|(unit, _)| *unit == last.to_ascii_uppercase()).map(|(_, shift)| *shift);
    let digits = if shift.is_some() { trimmed[..trimmed.len() - 1].trim_end() } else { trimmed };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let has_point = digits.contains('.');
    if digits.is_empty() || !numeric(whole) || !numeric(fraction) || (has_point && fraction.is_empty()) {
        return Err(with_another_unit(trimmed));
    }
    match shift {
        Some(shift) => Ok(exact(whole, fraction, shift).ok_or("it is too large")?),
        None if has_point => Err("a fraction needs K, M, G or T".into()),
        None => digits.parse().map_err(|_| "it is too large".into()),
    }
}

/// How a text that is not a size may have been meant.
fn with_another_unit(text: &str) -> Cow<'static, str> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = &text[number.len()..];
    let unit = suffix.chars().next().map(|c| c.to_ascii_uppercase());
    let known = unit.filter(|unit| UNITS.iter().any(|(known, _)| known == unit));
    match known {
        Some(unit) if suffix.len() > 1 && !number.trim().is_empty() => {
            format!("write `{}{unit}`, which is 1024-based", number.trim()).into()
        }
        _ => FORM.into(),
    }
}

/// `whole.fraction` times 2^`shift`, rounded down, without the rounding of floats.
fn exact(whole: &str, fraction: &str, shift: u32) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let bytes = u128::from(whole) << shift;
    // Nine digits resolve less than a byte in a gigabyte; more cannot matter and could overflow.
    let fraction = &fraction[..fraction.len().min(18)];
    let part = if fraction.is_empty() { 0 } else { fraction.parse::<u128>().ok()? };
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    u64::try_from(bytes + (part << shift) / scale).ok()
}

/// A size as it is shown: one decimal, `B` to `TB`.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(crate) fn display(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KB", "MB", "GB"] {
        if value < 1024.0 {
            return format!("{value:.1}{unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1}TB")
}

/// The sum of sizes for a report, cut to the largest number: a few sparse files may claim more together.
pub(crate) fn total(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_1024_based() {
        for (text, bytes) in [
            ("1G", 1_073_741_824),
            ("2G", 2_147_483_648),
            ("500M", 524_288_000),
            ("1024K", 1_048_576),
            ("1024", 1024),
            ("1.5K", 1536),
            (" 7k ", 7168),
            ("0", 0),
            (".5K", 512),
            ("0.0000001G", 107),
            ("3T", 3 << 40),
        ] {
            assert_eq!(parse(text).expect(text), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused_with_the_reason() {
        for (text, why) in [
            ("2GB", "write `2G`"),
            ("2 GiB", "write `2G`"),
            ("10B", "write a number with"),
            ("0.5", "a fraction needs"),
            ("1e3", "write a number with"),
            ("", "write a number with"),
            ("G", "write a number with"),
            ("-5", "it is negative"),
            ("1.G", "write a number with"),
            ("NaN", "write a number with"),
            ("infG", "write a number with"),
            ("99999999999T", "it is too large"),
            ("99999999999999999999", "it is too large"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!("`{text}` is not a size: {why}")), "{error}");
        }
    }

    #[test]
    fn a_size_is_shown_with_one_decimal() {
        assert_eq!(display(18), "18.0B");
        assert_eq!(display(1536), "1.5KB");
        assert_eq!(display(2_147_483_648), "2.0GB");
    }
}
