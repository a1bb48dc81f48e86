//! Are two numbers the same, or close enough? Decided on their texts first, so that integers of any size
//! compare exactly.

use super::{IntFloat, NanPolicy};
use std::fmt;

/// A number as it stands in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number<'a> {
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
pub struct Tolerance {
    /// Absolute distance.
    pub abs: f64,
    /// Distance relative to the larger of the two.
    pub rel: f64,
    /// Distance in representable numbers.
    pub ulp: u64,
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
pub enum Verdict {
    /// The same, or close enough.
    Same,
    /// One is an integer and the other is not.
    TypeMismatch,
    /// Two integers that differ.
    ValueMismatch,
    /// Too far apart, by this much.
    Drift(f64),
}

impl Tolerance {
    /// Whether two finite numbers at this distance are close enough.
    fn allows(&self, a: f64, b: f64, distance: f64) -> bool {
        distance <= self.abs.max(self.rel * a.abs().max(b.abs())) || (self.ulp > 0 && steps(a, b) <= self.ulp)
    }
}

impl<'a> Number<'a> {
    /// The text in the document.
    pub fn text(self) -> &'a str {
        match self {
            Number::Integer(text) | Number::Float(text) | Number::NonFinite(text) => text,
        }
    }

    /// The nearest `f64`.
    pub fn value(self) -> f64 {
        self.text().parse().unwrap_or(f64::NAN)
    }

    fn exact(self) -> Option<i128> {
        match self {
            Number::Integer(text) => text.parse().ok(),
            Number::Float(_) => {
                let value = self.value();
                #[expect(clippy::cast_possible_truncation, reason = "integral and inside the range")]
                let whole = (value.fract() == 0.0 && value.abs() < 1e38).then_some(value as i128);
                whole
            }
            Number::NonFinite(_) => None,
        }
    }
}

/// Compares two numbers. `own` says that the tolerance was given for this place, and then counts for
/// integers as well.
pub fn compare(
    a: Number<'_>,
    b: Number<'_>,
    tolerance: Tolerance,
    own: bool,
    int_float: IntFloat,
    nan: NanPolicy,
) -> Verdict {
    if let (Number::NonFinite(text), Number::NonFinite(other)) = (a, b) {
        let same = text == other && (text != "NaN" || nan == NanPolicy::Equal);
        return if same { Verdict::Same } else { Verdict::Drift(a.value() - b.value()) };
    }
    if let (Number::Integer(text), Number::Integer(other)) = (a, b) {
        let same = text == other || (zero(text) && zero(other));
        if same || (own && tolerance.allows(a.value(), b.value(), distance(a, b))) {
            return Verdict::Same;
        }
        return if own { Verdict::Drift(distance(a, b)) } else { Verdict::ValueMismatch };
    }
    let mixed = matches!(a, Number::Integer(_)) != matches!(b, Number::Integer(_));
    if mixed && int_float == IntFloat::Strict {
        return Verdict::TypeMismatch;
    }
    if a.text() == b.text() {
        return Verdict::Same;
    }
    let distance = distance(a, b);
    let finite = a.value().is_finite() && b.value().is_finite();
    if finite && tolerance.allows(a.value(), b.value(), distance) {
        return Verdict::Same;
    }
    Verdict::Drift(distance)
}

fn zero(text: &str) -> bool {
    matches!(text, "0" | "-0")
}

/// The distance of two numbers, exact where both are whole.
fn distance(a: Number<'_>, b: Number<'_>) -> f64 {
    let whole = a.exact().zip(b.exact()).and_then(|(a, b)| a.checked_sub(b));
    whole.map_or_else(|| (a.value() - b.value()).abs(), |gap| gap.unsigned_abs() as f64)
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
pub fn scientific(value: f64) -> String {
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

    fn judged(a: &str, b: &str, tolerance: Tolerance, int_float: IntFloat) -> Verdict {
        let there = compare(number(a), number(b), tolerance, false, int_float, NanPolicy::Drift);
        let back = compare(number(b), number(a), tolerance, false, int_float, NanPolicy::Drift);
        match (there, back) {
            (Verdict::Drift(a), Verdict::Drift(b)) => assert!(a == b || a.is_nan() || a == -b, "{a} {b}"),
            (a, b) => assert_eq!(a, b),
        }
        there
    }

    #[test]
    fn the_table_of_strict_comparison() {
        let default = Tolerance::default();
        let table = [
            ("2.0", "2.0", Verdict::Same),
            ("2.0", "2.00", Verdict::Same),
            ("2.0", "2.1", Verdict::Drift(2.1 - 2.0)),
            ("0.0", "-0.0", Verdict::Same),
            ("0", "-0", Verdict::Same),
            ("1", "1.0", Verdict::TypeMismatch),
            ("9007199254740992", "9007199254740993", Verdict::ValueMismatch),
            ("123456789012345678901234567890", "123456789012345678901234567891", Verdict::ValueMismatch),
            ("1000000.0", "1000000.0000001", Verdict::Drift((1_000_000.0_f64 - 1_000_000.000_000_1).abs())),
            ("0.0", "1e-9", Verdict::Same),
            ("0.0", "1.1e-9", Verdict::Drift(1.1e-9)),
            ("1e308", "-1e308", Verdict::Drift(f64::INFINITY)),
            ("Infinity", "Infinity", Verdict::Same),
        ];
        for (a, b, expected) in table {
            assert_eq!(judged(a, b, default, IntFloat::Strict), expected, "{a} {b}");
        }
        assert!(matches!(judged("NaN", "NaN", default, IntFloat::Strict), Verdict::Drift(_)));
        assert!(matches!(judged("NaN", "1.0", default, IntFloat::Strict), Verdict::Drift(_)));
        assert!(matches!(judged("Infinity", "1e308", default, IntFloat::Strict), Verdict::Drift(_)));
        let nan = number("NaN");
        assert_eq!(compare(nan, nan, default, false, IntFloat::Strict, NanPolicy::Equal), Verdict::Same);
    }

    #[test]
    fn relative_and_ulp_tolerances_are_symmetric() {
        let rel = Tolerance { abs: 0.0, rel: 1e-6, ulp: 0 };
        assert_eq!(judged("1000000.0", "1000000.9", rel, IntFloat::Strict), Verdict::Same);
        assert!(matches!(judged("1000000.0", "1000001.1", rel, IntFloat::Strict), Verdict::Drift(_)));
        let ulp = Tolerance { abs: 0.0, rel: 0.0, ulp: 1 };
        assert_eq!(judged("0.1", "0.10000000000000002", ulp, IntFloat::Strict), Verdict::Same);
        assert!(matches!(judged("0.1", "0.10000000000000003", ulp, IntFloat::Strict), Verdict::Drift(_)));
        assert_eq!(judged("5e-324", "-0.0", ulp, IntFloat::Strict), Verdict::Same);
        let none = Tolerance { abs: 0.0, rel: 0.0, ulp: 0 };
        assert!(matches!(judged("0.1", "0.10000000000000002", none, IntFloat::Strict), Verdict::Drift(_)));
    }

    #[test]
    fn lenient_comparison_is_still_exact_for_whole_numbers() {
        let default = Tolerance::default();
        assert_eq!(judged("1", "1.0", default, IntFloat::Lenient), Verdict::Same);
        assert_eq!(
            judged("9007199254740993", "9007199254740992.0", default, IntFloat::Lenient),
            Verdict::Drift(1.0)
        );
        assert_eq!(judged("1", "1.5", default, IntFloat::Lenient), Verdict::Drift(0.5));
    }

    #[test]
    fn a_tolerance_of_its_own_counts_for_integers() {
        let five = Tolerance { abs: 5.0, rel: 0.0, ulp: 0 };
        let judge =
            |own| compare(number("100"), number("104"), five, own, IntFloat::Strict, NanPolicy::Refuse);
        assert_eq!((judge(true), judge(false)), (Verdict::Same, Verdict::ValueMismatch));
    }

    #[test]
    fn the_exponent_has_two_digits() {
        assert_eq!(scientific(0.1), "1.000000000e-01");
        assert_eq!(scientific(1.5e300), "1.500000000e+300");
        assert_eq!((scientific(f64::INFINITY), scientific(f64::NAN)), ("inf".to_owned(), "nan".to_owned()));
    }
}
