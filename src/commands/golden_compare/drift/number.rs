//! Are two numbers the same, or close enough? Decided on their texts first, so that integers of any size
//! compare exactly.

use crate::format::decimal::Decimal;
use crate::format::json::tokens::NonFinite;
use std::fmt;

/// Whether NaN is let through, and whether it equals itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NanPolicy {
    // Not JSON; what holds where nothing else is asked for.
    #[default]
    #[value(skip)]
    Refuse,
    /// NaN equals NaN
    Equal,
    /// NaN differs from everything
    Drift,
}

impl NanPolicy {
    /// Whether NaN and its like are tokens at all.
    pub(crate) fn non_finite(self) -> NonFinite {
        match self {
            Self::Refuse => NonFinite::Refuse,
            Self::Equal | Self::Drift => NonFinite::Accept,
        }
    }
}

/// Whether `1` and `1.0` are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum IntFloat {
    /// 1 and 1.0 differ in type
    #[default]
    Strict,
    /// Only the value counts
    Lenient,
}

/// A number as it stands in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number<'a> {
    /// Without point and exponent.
    Integer(&'a str),
    /// With a point or an exponent.
    Float(&'a str),
    /// NaN, Infinity or -Infinity.
    NonFinite(&'a str),
}

/// How far two numbers may be apart: `|a-b| <= max(abs, rel * max(|a|, |b|))`, or no more than `ulp`
/// representable numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance {
    pub(crate) abs: f64,
    /// Distance relative to the larger of the two.
    pub(crate) rel: f64,
    pub(crate) ulp: u64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { abs: 1e-9, rel: 0.0, ulp: 0 }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "abs={:?}", self.abs)?;
        if self.rel > 0.0 {
            write!(f, " rel={:?}", self.rel)?;
        }
        if self.ulp > 0 {
            write!(f, " ulp={}", self.ulp)?;
        }
        Ok(())
    }
}

/// What two numbers are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The same, or close enough.
    Same,
    /// One is an integer and the other is not.
    TypeMismatch,
    /// Two integers that differ.
    ValueMismatch,
    /// Too far apart.
    Drift,
}

impl Tolerance {
    /// Whether two finite numbers are close enough.
    fn allows(&self, a: Number<'_>, b: Number<'_>) -> bool {
        let (x, y) = (a.value(), b.value());
        // Numbers between two representable ones would be counted as one of these.
        let counts = self.ulp > 0 && a.is_representable() && b.is_representable();
        if counts && steps(x, y) <= self.ulp {
            return true;
        }
        let largest = x.abs().max(y.abs());
        let (distance, allowed) = ((x - y).abs(), self.abs.max(self.rel * largest));
        // What rounding can have done to either side, generously.
        let blur = (largest + allowed) * (4.0 * f64::EPSILON) + f64::MIN_POSITIVE;
        if distance + blur < allowed {
            return true;
        }
        if distance - blur > allowed {
            return false;
        }
        self.allows_exactly(a, b)
    }

    /// The same by the digits as they are written. What cannot be told is not close.
    fn allows_exactly(&self, a: Number<'_>, b: Number<'_>) -> bool {
        let parse = |number: Number<'_>| Decimal::parse(number.text());
        let (Some(a), Some(b)) = (parse(a), parse(b)) else { return false };
        let distance = a.distance(&b).size;
        if distance.is_zero() {
            return true;
        }
        let is_within = |allowed: &Decimal| distance.cmp_magnitude(allowed).is_le();
        let largest = if a.cmp_magnitude(&b).is_ge() { &a } else { &b };
        let abs = Decimal::of(self.abs).unwrap_or(Decimal::ZERO);
        let rel = Decimal::of(self.rel).unwrap_or(Decimal::ZERO);
        is_within(&abs) || (self.rel > 0.0 && is_within(&rel.times(largest)))
    }
}

impl<'a> Number<'a> {
    pub(crate) fn text(self) -> &'a str {
        match self {
            Number::Integer(text) | Number::Float(text) | Number::NonFinite(text) => text,
        }
    }

    /// The nearest `f64`.
    pub(crate) fn value(self) -> f64 {
        self.text().parse().unwrap_or(f64::NAN)
    }

    fn is_integer(self) -> bool {
        matches!(self, Number::Integer(_))
    }

    fn is_finite(self) -> bool {
        !matches!(self, Number::NonFinite(_))
    }

    /// Whether the `f64` of an integer is the number itself; a float stands for its `f64`.
    fn is_representable(self) -> bool {
        let digits = |value: i128| u128::BITS - value.unsigned_abs().leading_zeros();
        let fits = |value: i128| value == 0 || digits(value) - value.trailing_zeros() <= f64::MANTISSA_DIGITS;
        !self.is_integer() || self.text().parse().is_ok_and(fits)
    }
}

/// Compares two numbers. `own` says that the tolerance was given for this place, and then counts for
/// integers as well.
pub(crate) fn compare(
    a: Number<'_>,
    b: Number<'_>,
    tolerance: Tolerance,
    own: bool,
    int_float: IntFloat,
    nan: NanPolicy,
) -> Comparison {
    if let (Number::NonFinite(text), Number::NonFinite(other)) = (a, b) {
        let same = text == other && (text != "NaN" || nan == NanPolicy::Equal);
        return if same { Comparison::Same } else { Comparison::Drift };
    }
    if let (Number::Integer(text), Number::Integer(other)) = (a, b) {
        if text == other || (zero(text) && zero(other)) {
            return Comparison::Same;
        }
        if !own {
            return Comparison::ValueMismatch;
        }
    }
    if a.is_integer() != b.is_integer() && int_float == IntFloat::Strict {
        return Comparison::TypeMismatch;
    }
    let is_same = a.text() == b.text() || (a.is_finite() && b.is_finite() && tolerance.allows(a, b));
    if is_same { Comparison::Same } else { Comparison::Drift }
}

fn zero(text: &str) -> bool {
    matches!(text, "0" | "-0")
}

/// How far two numbers are apart, with every digit.
pub(crate) fn distance(a: &str, b: &str) -> String {
    match (Decimal::parse(a), Decimal::parse(b)) {
        (Some(a), Some(b)) => a.distance(&b).to_string(),
        _ if a == "NaN" || b == "NaN" => "nan".to_owned(),
        _ if is_infinite(a) || is_infinite(b) => if a == b { "nan" } else { "inf" }.to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn is_infinite(text: &str) -> bool {
    text.ends_with("Infinity")
}

/// How many representable numbers two finite ones are apart.
fn steps(a: f64, b: f64) -> u64 {
    let rank = |value: f64| {
        let bits = value.abs().to_bits().cast_signed();
        if value.is_sign_negative() { -bits } else { bits }
    };
    rank(a).abs_diff(rank(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number<'_> {
        match text {
            "NaN" | "Infinity" | "-Infinity" => Number::NonFinite(text),
            _ if text.contains(['.', 'e']) => Number::Float(text),
            _ => Number::Integer(text),
        }
    }

    fn judged(a: &str, b: &str, tolerance: Tolerance, int_float: IntFloat) -> Comparison {
        let there = compare(number(a), number(b), tolerance, false, int_float, NanPolicy::Drift);
        let back = compare(number(b), number(a), tolerance, false, int_float, NanPolicy::Drift);
        assert_eq!(there, back, "{a} {b}");
        there
    }

    #[test]
    fn the_table_of_strict_comparison() {
        let default = Tolerance::default();
        let table = [
            ("2.0", "2.0", Comparison::Same),
            ("2.0", "2.00", Comparison::Same),
            ("2.0", "2.1", Comparison::Drift),
            ("0.0", "-0.0", Comparison::Same),
            ("0", "-0", Comparison::Same),
            ("1", "1.0", Comparison::TypeMismatch),
            ("9007199254740992", "9007199254740993", Comparison::ValueMismatch),
            ("123456789012345678901234567890", "123456789012345678901234567891", Comparison::ValueMismatch),
            ("1000000.0", "1000000.0000001", Comparison::Drift),
            // Their nearest doubles are further apart than they are.
            ("1000000.0", "1000000.000000001", Comparison::Same),
            ("11111111111111111111.0", "11111111111111111119.0", Comparison::Drift),
            ("0.1", "0.10000000000000000001", Comparison::Same),
            ("0.0", "1e-9", Comparison::Same),
            ("0.0", "1.0000000000000000000001e-9", Comparison::Drift),
            ("0.0", "1.1e-9", Comparison::Drift),
            ("1e308", "-1e308", Comparison::Drift),
            ("1e-2000000000", "1e-1999999999", Comparison::Same),
            ("Infinity", "Infinity", Comparison::Same),
        ];
        for (a, b, expected) in table {
            assert_eq!(judged(a, b, default, IntFloat::Strict), expected, "{a} {b}");
        }
        assert!(matches!(judged("NaN", "NaN", default, IntFloat::Strict), Comparison::Drift));
        assert!(matches!(judged("NaN", "1.0", default, IntFloat::Strict), Comparison::Drift));
        assert!(matches!(judged("Infinity", "1e308", default, IntFloat::Strict), Comparison::Drift));
        let nan = number("NaN");
        assert_eq!(compare(nan, nan, default, false, IntFloat::Strict, NanPolicy::Equal), Comparison::Same);
    }

    #[test]
    fn relative_and_ulp_tolerances_are_symmetric() {
        let rel = Tolerance { abs: 0.0, rel: 1e-6, ulp: 0 };
        assert_eq!(judged("1000000.0", "1000000.9", rel, IntFloat::Strict), Comparison::Same);
        assert!(matches!(judged("1000000.0", "1000001.1", rel, IntFloat::Strict), Comparison::Drift));
        let ulp = Tolerance { abs: 0.0, rel: 0.0, ulp: 1 };
        assert_eq!(judged("0.1", "0.10000000000000002", ulp, IntFloat::Strict), Comparison::Same);
        assert!(matches!(judged("0.1", "0.10000000000000003", ulp, IntFloat::Strict), Comparison::Drift));
        assert_eq!(judged("5e-324", "-0.0", ulp, IntFloat::Strict), Comparison::Same);
        let none = Tolerance { abs: 0.0, rel: 0.0, ulp: 0 };
        assert!(matches!(judged("0.1", "0.10000000000000002", none, IntFloat::Strict), Comparison::Drift));
        assert_eq!(judged("0.1", "0.10000000000000000001", none, IntFloat::Strict), Comparison::Drift);
        assert_eq!(judged("0.1", "1.00e-1", none, IntFloat::Strict), Comparison::Same);
    }

    #[test]
    fn lenient_comparison_is_still_exact_for_whole_numbers() {
        let default = Tolerance::default();
        assert_eq!(judged("1", "1.0", default, IntFloat::Lenient), Comparison::Same);
        assert_eq!(
            judged("9007199254740993", "9007199254740993.0", default, IntFloat::Lenient),
            Comparison::Same
        );
        assert_eq!(
            judged("9007199254740993", "9007199254740992.0", default, IntFloat::Lenient),
            Comparison::Drift
        );
        assert_eq!(judged("1", "1.5", default, IntFloat::Lenient), Comparison::Drift);
    }

    #[test]
    fn a_tolerance_of_its_own_counts_for_integers() {
        let five = Tolerance { abs: 5.0, rel: 0.0, ulp: 0 };
        let judge =
            |own| compare(number("100"), number("104"), five, own, IntFloat::Strict, NanPolicy::Refuse);
        assert_eq!((judge(true), judge(false)), (Comparison::Same, Comparison::ValueMismatch));
    }

    #[test]
    fn a_tolerance_never_makes_different_integers_the_same_for_want_of_digits() {
        let with = |a: &str, b: &str, abs: f64, ulp: u64| {
            let tolerance = Tolerance { abs, rel: 0.0, ulp };
            let there = compare(number(a), number(b), tolerance, true, IntFloat::Lenient, NanPolicy::Refuse);
            let back = compare(number(b), number(a), tolerance, true, IntFloat::Lenient, NanPolicy::Refuse);
            assert_eq!(there, back, "{a} {b}");
            there
        };
        let long = |end: &str| "1".repeat(40) + end;
        assert_eq!(with(&long("123"), &long("999"), 0.0, 0), Comparison::Drift);
        assert_eq!(with(&long("123"), &long("999"), 875.0, 9), Comparison::Drift);
        assert_eq!(with(&long("123"), &long("999"), 876.0, 0), Comparison::Same);
        let longer = |end: &str| "7".repeat(4000) + end;
        assert_eq!(with(&longer("1"), &longer("3"), 1.0, 9), Comparison::Drift);
        assert_eq!(with(&longer("1"), &longer("3"), 2.0, 0), Comparison::Same);
        assert_eq!(with(&long("123"), &long("123"), 0.0, 0), Comparison::Same);
        assert_eq!(with(&long("123"), "1e42", 0.0, 0), Comparison::Drift);
        assert_eq!(with("9007199254740992", "9007199254740993", 0.0, 1), Comparison::Drift);
        assert_eq!(with("9007199254740992", "9007199254740993", 1.0, 0), Comparison::Same);
        assert_eq!(with("9007199254740993", "9007199254740992.0", 0.0, 1), Comparison::Drift);
        assert_eq!(with("9007199254740992", "9007199254740994", 0.0, 1), Comparison::Same);
        let most = i128::MAX.to_string();
        assert!(!Number::Integer(&most).is_representable());
        assert!(Number::Integer(&i128::MIN.to_string()).is_representable());
        assert!(Number::Integer("0").is_representable() && Number::Integer("-5").is_representable());
    }
}
