//! Are two numbers the same, or close enough? Decided on their texts first, so that integers of any size
//! compare exactly.

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Comparison {
    /// The same, or close enough.
    Same,
    /// One is an integer and the other is not.
    TypeMismatch,
    /// Two integers that differ, or whole numbers too large to say by how much.
    ValueMismatch,
    /// Too far apart, by this much.
    Drift(f64),
}

impl Tolerance {
    /// Whether two finite numbers at this distance are close enough.
    fn allows(&self, a: Number<'_>, b: Number<'_>, distance: f64) -> bool {
        let (x, y) = (a.value(), b.value());
        let near = distance <= self.abs.max(self.rel * x.abs().max(y.abs()));
        // Integers between two representable numbers would be counted as one of these.
        let counts = self.ulp > 0 && a.is_representable() && b.is_representable();
        near || (counts && steps(x, y) <= self.ulp)
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

    fn is_whole(self) -> bool {
        self.is_integer() || self.value().fract() == 0.0
    }

    /// Whether its `f64` is the number itself.
    fn is_representable(self) -> bool {
        let digits = |value: i128| u128::BITS - value.unsigned_abs().leading_zeros();
        let fits = |value: i128| value == 0 || digits(value) - value.trailing_zeros() <= f64::MANTISSA_DIGITS;
        !self.is_integer() || self.exact().is_some_and(fits)
    }

    /// A whole number of up to 38 digits.
    fn exact(self) -> Option<i128> {
        if self.is_integer() {
            return self.text().parse().ok();
        }
        let value = self.value();
        #[expect(clippy::cast_possible_truncation, reason = "integral and inside the range")]
        let whole = (value.fract() == 0.0 && value.abs() < 1e38).then_some(value as i128);
        whole
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
        return if same { Comparison::Same } else { Comparison::Drift(a.value() - b.value()) };
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
    if a.text() == b.text() {
        return Comparison::Same;
    }
    let Some(distance) = distance(a, b) else { return Comparison::ValueMismatch };
    let finite = a.value().is_finite() && b.value().is_finite();
    if finite && tolerance.allows(a, b, distance) {
        return Comparison::Same;
    }
    Comparison::Drift(distance)
}

fn zero(text: &str) -> bool {
    matches!(text, "0" | "-0")
}

/// The distance of two numbers. Where an integer is compared it is exact, or unknown: an integer has digits
/// that its `f64` does not, and two that differ must not be at distance zero.
fn distance(a: Number<'_>, b: Number<'_>) -> Option<f64> {
    if (a.is_integer() || b.is_integer()) && a.is_whole() && b.is_whole() {
        return Some(a.exact()?.checked_sub(b.exact()?)?.unsigned_abs() as f64);
    }
    Some((a.value() - b.value()).abs())
}

/// How many representable numbers two finite ones are apart.
fn steps(a: f64, b: f64) -> u64 {
    let rank = |value: f64| {
        let bits = value.abs().to_bits().cast_signed();
        if value.is_sign_negative() { -bits } else { bits }
    };
    rank(a).abs_diff(rank(b))
}

/// A number as the text `%.9e` of other languages has it: two digits of exponent at least.
pub(crate) fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".to_owned() } else { "inf".to_owned() };
    }
    let text = format!("{value:.9e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
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
        match (there, back) {
            (Comparison::Drift(a), Comparison::Drift(b)) => {
                assert!(a == b || a.is_nan() || a == -b, "{a} {b}");
            }
            (a, b) => assert_eq!(a, b),
        }
        there
    }

    #[test]
    fn the_table_of_strict_comparison() {
        let default = Tolerance::default();
        let table = [
            ("2.0", "2.0", Comparison::Same),
            ("2.0", "2.00", Comparison::Same),
            ("2.0", "2.1", Comparison::Drift(2.1 - 2.0)),
            ("0.0", "-0.0", Comparison::Same),
            ("0", "-0", Comparison::Same),
            ("1", "1.0", Comparison::TypeMismatch),
            ("9007199254740992", "9007199254740993", Comparison::ValueMismatch),
            ("123456789012345678901234567890", "123456789012345678901234567891", Comparison::ValueMismatch),
            (
                "1000000.0",
                "1000000.0000001",
                Comparison::Drift((1_000_000.0_f64 - 1_000_000.000_000_1).abs()),
            ),
            ("0.0", "1e-9", Comparison::Same),
            ("0.0", "1.1e-9", Comparison::Drift(1.1e-9)),
            ("1e308", "-1e308", Comparison::Drift(f64::INFINITY)),
            ("Infinity", "Infinity", Comparison::Same),
        ];
        for (a, b, expected) in table {
            assert_eq!(judged(a, b, default, IntFloat::Strict), expected, "{a} {b}");
        }
        assert!(matches!(judged("NaN", "NaN", default, IntFloat::Strict), Comparison::Drift(_)));
        assert!(matches!(judged("NaN", "1.0", default, IntFloat::Strict), Comparison::Drift(_)));
        assert!(matches!(judged("Infinity", "1e308", default, IntFloat::Strict), Comparison::Drift(_)));
        let nan = number("NaN");
        assert_eq!(compare(nan, nan, default, false, IntFloat::Strict, NanPolicy::Equal), Comparison::Same);
    }

    #[test]
    fn relative_and_ulp_tolerances_are_symmetric() {
        let rel = Tolerance { abs: 0.0, rel: 1e-6, ulp: 0 };
        assert_eq!(judged("1000000.0", "1000000.9", rel, IntFloat::Strict), Comparison::Same);
        assert!(matches!(judged("1000000.0", "1000001.1", rel, IntFloat::Strict), Comparison::Drift(_)));
        let ulp = Tolerance { abs: 0.0, rel: 0.0, ulp: 1 };
        assert_eq!(judged("0.1", "0.10000000000000002", ulp, IntFloat::Strict), Comparison::Same);
        assert!(matches!(judged("0.1", "0.10000000000000003", ulp, IntFloat::Strict), Comparison::Drift(_)));
        assert_eq!(judged("5e-324", "-0.0", ulp, IntFloat::Strict), Comparison::Same);
        let none = Tolerance { abs: 0.0, rel: 0.0, ulp: 0 };
        assert!(matches!(judged("0.1", "0.10000000000000002", none, IntFloat::Strict), Comparison::Drift(_)));
    }

    #[test]
    fn lenient_comparison_is_still_exact_for_whole_numbers() {
        let default = Tolerance::default();
        assert_eq!(judged("1", "1.0", default, IntFloat::Lenient), Comparison::Same);
        assert_eq!(
            judged("9007199254740993", "9007199254740992.0", default, IntFloat::Lenient),
            Comparison::Drift(1.0)
        );
        assert_eq!(judged("1", "1.5", default, IntFloat::Lenient), Comparison::Drift(0.5));
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
        assert_eq!(with(&long("123"), &long("999"), 0.0, 0), Comparison::ValueMismatch);
        assert_eq!(with(&long("123"), &long("999"), 1e300, 9), Comparison::ValueMismatch);
        assert_eq!(with(&long("123"), &long("123"), 0.0, 0), Comparison::Same);
        assert_eq!(with(&long("123"), "1e42", 0.0, 0), Comparison::ValueMismatch);
        assert_eq!(with("9007199254740992", "9007199254740993", 0.0, 1), Comparison::Drift(1.0));
        assert_eq!(with("9007199254740992", "9007199254740993", 1.0, 0), Comparison::Same);
        assert_eq!(with("9007199254740993", "9007199254740992.0", 0.0, 1), Comparison::Drift(1.0));
        assert_eq!(with("9007199254740992", "9007199254740994", 0.0, 1), Comparison::Same);
        let most = i128::MAX.to_string();
        assert!(!Number::Integer(&most).is_representable());
        assert!(Number::Integer(&i128::MIN.to_string()).is_representable());
        assert!(Number::Integer("0").is_representable() && Number::Integer("-5").is_representable());
    }

    #[test]
    fn the_exponent_has_two_digits() {
        assert_eq!(scientific(0.1), "1.000000000e-01");
        assert_eq!(scientific(1.5e300), "1.500000000e+300");
        assert_eq!((scientific(f64::INFINITY), scientific(f64::NAN)), ("inf".to_owned(), "nan".to_owned()));
    }
}
