//! Figures as people read them: four digits that count, one unit, and never a value that looks as if it kept a limit
//! that it does not keep.

use std::cmp::Ordering;

/// Between the thousands, and between a figure and its unit.
const THIN: char = '\u{202f}';
const MINUS: char = '\u{2212}';
const BINARY: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// How the values of a unit are written: multiplied, and with what behind them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notation {
    factor: f64,
    /// With the space that belongs before it; empty where there is none.
    suffix: String,
    is_flag: bool,
}

impl Notation {
    /// That of a unit for values as large as this one.
    pub(crate) fn of(unit: &str, largest: f64) -> Self {
        let with = |factor: f64, suffix: &str| {
            let suffix = if suffix.is_empty() { String::new() } else { format!("{THIN}{suffix}") };
            Self { factor, suffix, is_flag: false }
        };
        if let Some(power) = BINARY.iter().position(|name| *name == unit || (unit == "bytes" && *name == "B"))
        {
            let bytes = largest.abs() * 1024_f64.powi(small(power));
            let fits = (1..BINARY.len()).filter(|at| bytes >= 1024_f64.powi(small(*at))).max().unwrap_or(0);
            return with(1024_f64.powi(small(power) - small(fits)), BINARY[fits]);
        }
        match unit {
            "ratio" => with(100.0, "%"),
            "percent" => with(1.0, "%"),
            "count" => with(1.0, ""),
            "flag" => Self { is_flag: true, ..with(1.0, "") },
            _ => match unit.strip_prefix("1/") {
                Some(per) => Self { factor: 1.0, suffix: format!("/{per}"), is_flag: false },
                None => with(1.0, unit.strip_prefix("custom:").unwrap_or(unit)),
            },
        }
    }

    /// The unit alone, as it stands above an axis or in the head of a table.
    pub(crate) fn unit(&self) -> &str {
        self.suffix.trim_start_matches(THIN)
    }

    /// The value in this notation, as a number.
    pub(super) fn scaled(&self, value: f64) -> f64 {
        value * self.factor
    }

    pub(super) fn unscaled(&self, value: f64) -> f64 {
        value / self.factor
    }

    /// With so many decimals, without the unit.
    pub(crate) fn fixed(&self, value: f64, decimals: usize) -> String {
        match self.flag(value) {
            Some(text) => text.to_owned(),
            None => fixed(self.scaled(value), decimals),
        }
    }

    fn flag(&self, value: f64) -> Option<&'static str> {
        let text = if value == 0.0 { Some("off") } else { (value == 1.0).then_some("on") };
        text.filter(|_| self.is_flag)
    }

    fn with_digits(&self, value: f64, digits: i32) -> String {
        match self.flag(value) {
            Some(text) => text.to_owned(),
            None => significant(self.scaled(value), digits) + &self.suffix,
        }
    }
}

fn small(power: usize) -> i32 {
    i32::try_from(power).unwrap_or_default()
}

/// A value with its unit.
pub(crate) fn figure(value: f64, unit: &str) -> String {
    Notation::of(unit, value).with_digits(value, 4)
}

/// A limit with its unit, with as many digits as it was given with.
pub(crate) fn limit(value: f64, unit: &str) -> String {
    Notation::of(unit, value).with_digits(value, 12)
}

/// A value beside a limit, with as many digits as tell on which side of it the value lies.
pub(crate) fn beside(value: f64, bound: f64, unit: &str) -> String {
    let notation = Notation::of(unit, value);
    let side = |value: f64| value.partial_cmp(&notation.scaled(bound));
    let is_clear = |digits: &i32| {
        let rounded = round(notation.scaled(value), *digits);
        let differs = notation.with_digits(value, *digits) != limit(bound, unit);
        side(rounded) == side(notation.scaled(value))
            && (differs || side(notation.scaled(value)) == Some(Ordering::Equal))
    };
    let digits = (4..=17).find(is_clear).unwrap_or(17);
    notation.with_digits(value, digits)
}

/// A part of 100, rounded down, so that what is not whole never looks so.
pub(crate) fn coverage(part: f64) -> String {
    let floor = (part * 1e4 + 1e-9).floor() / 100.0;
    significant(floor, 4) + "\u{202f}%"
}

/// A count with its thousands apart.
pub(crate) fn count(count: u64) -> String {
    fixed(count as f64, 0)
}

/// How far a value lies beyond a limit or inside it, in words; nothing where a share of the limit says nothing.
pub(crate) fn distance(value: f64, bound: f64, is_broken: bool) -> Option<String> {
    if bound == 0.0 || !value.is_finite() || (value < 0.0) != (bound < 0.0) && value != 0.0 {
        return None;
    }
    let share = (value / bound - 1.0).abs();
    let side = if is_broken { if value > bound { "over" } else { "under" } } else { "inside" };
    if share >= 9.0 {
        return Some(format!("{} times the limit", significant(value / bound, 2)));
    }
    // Down, so that it is never said to be further inside than it is; what is next to nothing is not 0.
    let text = significant(share * 100.0, 2);
    Some(if share * 100.0 < 0.01 {
        format!("less than 0.01\u{202f}% {side} the limit")
    } else {
        format!("{text}\u{202f}% {side} the limit")
    })
}

fn round(value: f64, digits: i32) -> f64 {
    format!("{value:.*e}", usize::try_from(digits - 1).unwrap_or(0)).parse().unwrap_or(value)
}

/// With so many digits that count; digits before the point are never cut.
fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let magnitude = exponent(value);
    if !(-7..15).contains(&magnitude) {
        let mantissa = round(value, digits) / 10_f64.powi(magnitude);
        return format!("{}{THIN}\u{d7}{THIN}10{}", significant(mantissa, digits), raised(magnitude));
    }
    let decimals = usize::try_from((digits - 1 - magnitude).clamp(0, 20)).unwrap_or(0);
    let text = fixed(value, decimals);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The power of ten of the first digit.
pub(super) fn exponent(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a number is below 400")]
    let exponent = value.abs().log10().floor() as i32;
    exponent
}

/// An exponent in raised digits.
pub(super) fn raised(exponent: i32) -> String {
    let digit = |c: char| match c {
        '-' => '\u{207b}',
        '1' => '\u{b9}',
        '2' => '\u{b2}',
        '3' => '\u{b3}',
        c => char::from_u32(0x2070 + c.to_digit(10).unwrap_or(0)).unwrap_or(c),
    };
    exponent.to_string().chars().map(digit).collect()
}

pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, part) = text.split_once('.').map_or((&text[..], ""), |(whole, part)| (whole, part));
    let is_zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    let mut grouped = String::new();
    if value < 0.0 && !is_zero {
        grouped.push(MINUS);
    }
    for (at, c) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if at > 0 && left.is_multiple_of(3) && whole.len() > 4 {
            grouped.push(THIN);
        }
        grouped.push(c);
    }
    if decimals > 0 {
        grouped.push('.');
        grouped.push_str(part);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits_and_the_units_of_the_field() {
        let table = [
            (178.4321, "ms", "178.4\u{202f}ms"),
            (48_685.0, "count", "48\u{202f}685"),
            (2_591_994.0, "count", "2\u{202f}591\u{202f}994"),
            (0.0179, "ratio", "1.79\u{202f}%"),
            (9.983, "1/s", "9.983/s"),
            (453_402_624.0, "bytes", "432.4\u{202f}MiB"),
            (-208_794.0, "bytes", "\u{2212}203.9\u{202f}KiB"),
            (2048.0, "MiB", "2\u{202f}GiB"),
            (0.0, "flag", "off"),
            (1.0, "flag", "on"),
            (3.0, "custom:lots", "3\u{202f}lots"),
            (1.5e-9, "s", "1.5\u{202f}\u{d7}\u{202f}10\u{207b}\u{2079}\u{202f}s"),
            (-0.0, "ms", "0\u{202f}ms"),
        ];
        for (value, unit, text) in table {
            assert_eq!(figure(value, unit), text);
        }
        assert_eq!(coverage(0.949_999), "94.99\u{202f}%");
        assert_eq!(coverage(1.0), "100\u{202f}%");
        assert_eq!(distance(178.4, 150.0, true).as_deref(), Some("19\u{202f}% over the limit"));
        assert_eq!(distance(0.0, 30.0, false).as_deref(), Some("100\u{202f}% inside the limit"));
        assert_eq!(distance(1.0, 0.0, true), None);
    }

    #[test]
    fn a_broken_value_never_looks_like_its_limit_or_like_one_on_its_other_side() {
        let table = [
            (150.000_4, 150.0, "ms", "150.0004\u{202f}ms"),
            (149.999_96, 150.0, "ms", "149.99996\u{202f}ms"),
            (150.0, 150.0, "ms", "150\u{202f}ms"),
            (150.000_45, 150.000_4, "ms", "150.0005\u{202f}ms"),
            (0.020_000_1, 0.02, "ratio", "2.00001\u{202f}%"),
        ];
        for (value, bound, unit, text) in table {
            assert_eq!(beside(value, bound, unit), text);
        }
    }
}
