//! Decimal numbers exactly as they were written, of any size: what two of them are to each other when an `f64`
//! would round the difference away.

use std::cmp::Ordering;
use std::fmt;

/// Digits that an operation may look further down than its larger operand has some; what is smaller still counts as
/// more than nothing and no more.
const DEPTH: i64 = 700;

/// A decimal number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    is_negative: bool,
    /// Values from 0 to 9 without zeros at either end, the first counts most; none of zero.
    digits: Vec<u8>,
    /// Power of ten of the last digit.
    exponent: i64,
}

impl Decimal {
    pub(crate) const ZERO: Self = Self { is_negative: false, digits: Vec::new(), exponent: 0 };

    /// Of a number as JSON writes it; none where its exponent does not fit 32 bits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (unsigned, is_negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], i64::from(unsigned[at + 1..].parse::<i32>().ok()?)),
            None => (unsigned, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> = whole.bytes().chain(part.bytes()).map(|byte| byte.wrapping_sub(b'0')).collect();
        let is_number = !digits.is_empty() && digits.iter().all(|digit| *digit <= 9);
        let exponent = exponent - i64::try_from(part.len()).ok()?;
        is_number.then(|| Self { is_negative, digits, exponent }.trimmed())
    }

    /// Of the shortest text of a finite number.
    pub(crate) fn of(value: f64) -> Option<Self> {
        Self::parse(&format!("{value:e}"))
    }

    fn trimmed(mut self) -> Self {
        let kept = self.digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
        self.exponent += count(self.digits.len() - kept);
        self.digits.truncate(kept);
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        if self.digits.is_empty() { Self::ZERO } else { self }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Power of ten above the first digit.
    fn top(&self) -> i64 {
        self.exponent + count(self.digits.len())
    }

    /// Its parts, the same for all texts of one number: sign, digits, power of ten of the last one.
    pub(crate) fn parts(&self) -> (bool, &[u8], i64) {
        (self.is_negative, &self.digits, self.exponent)
    }

    /// Compares without signs.
    pub(crate) fn cmp_magnitude(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.top().cmp(&other.top()).then_with(|| self.digits.cmp(&other.digits)),
        }
    }

    /// Compares with signs.
    pub(crate) fn cmp_value(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    /// How far two numbers are apart.
    pub(crate) fn distance(&self, other: &Self) -> Distance {
        let (larger, smaller) = match self.cmp_magnitude(other) {
            Ordering::Less => (other, self),
            Ordering::Equal | Ordering::Greater => (self, other),
        };
        // Below this no digit changes how the distance compares with a tolerance.
        let lowest = larger.exponent.min(0) - DEPTH;
        let is_exact = smaller.is_zero() || smaller.exponent >= lowest;
        let kept = if is_exact { smaller.clone() } else { smaller.cut_at(lowest) };
        let digits = larger.combined(&kept, larger.is_negative != smaller.is_negative);
        Distance { size: digits, is_exact }
    }

    /// Without its digits below a power of ten, of which the last one then says that there were some.
    fn cut_at(&self, lowest: i64) -> Self {
        let kept = usize::try_from(self.top() - lowest).unwrap_or(0).min(self.digits.len());
        let mut digits = self.digits[..kept].to_vec();
        digits.resize(usize::try_from(self.top() - lowest).unwrap_or(0), 0);
        digits.push(1);
        Self { is_negative: self.is_negative, digits, exponent: lowest - 1 }.trimmed()
    }

    /// The sum or the difference of the magnitudes, of which the other one is not larger.
    fn combined(&self, other: &Self, is_sum: bool) -> Self {
        let low = if other.is_zero() { self.exponent } else { self.exponent.min(other.exponent) };
        let high = self.top();
        let mut digits = vec![0_u8; usize::try_from(high - low).unwrap_or(0) + 1];
        let end = digits.len();
        let place = |number: &Self| end - usize::try_from(number.exponent - low).unwrap_or(0);
        let own = place(self) - self.digits.len()..place(self);
        digits[own].copy_from_slice(&self.digits);
        if !other.is_zero() {
            let mut carry = 0_i8;
            let start = place(other) - other.digits.len();
            for at in (0..place(other)).rev() {
                let theirs = if at >= start { other.digits[at - start].cast_signed() } else { 0 };
                if at < start && carry == 0 {
                    break;
                }
                let sum = digits[at].cast_signed() + if is_sum { theirs } else { -theirs } + carry;
                carry = sum.div_euclid(10);
                digits[at] = sum.rem_euclid(10).cast_unsigned();
            }
        }
        Self { is_negative: false, digits, exponent: low }.trimmed()
    }

    /// The product of the magnitudes.
    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut digits = vec![0_u32; self.digits.len() + other.digits.len()];
        for (at, one) in self.digits.iter().enumerate() {
            for (by, two) in other.digits.iter().enumerate() {
                digits[at + by + 1] += u32::from(*one) * u32::from(*two);
            }
            // No sum of a row grows beyond what 32 bits hold before it is carried on.
            if at % (1 << 20) == (1 << 20) - 1 {
                carry(&mut digits);
            }
        }
        carry(&mut digits);
        let digits = digits.into_iter().map(|digit| u8::try_from(digit).unwrap_or(9)).collect();
        Self { is_negative: false, digits, exponent: self.exponent + other.exponent }.trimmed()
    }

    /// With so many decimals at least, and as many as there are; none above a length.
    pub(crate) fn fixed(&self, decimals: usize, most_digits: usize) -> Option<String> {
        let parts = count(decimals);
        if -self.exponent > parts || self.top() > count(most_digits) {
            return None;
        }
        let mut whole = String::new();
        let top = self.top().max(1);
        let digit = |power: i64| {
            let at = usize::try_from(self.top() - 1 - power).ok();
            at.and_then(|at| self.digits.get(at)).map_or('0', |digit| char::from(b'0' + digit))
        };
        if self.is_negative {
            whole.push('-');
        }
        whole.extend((0..top).rev().map(digit));
        whole.push('.');
        whole.extend((-parts..0).rev().map(digit));
        Some(whole)
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).expect("a length in memory")
}

fn carry(digits: &mut [u32]) {
    let mut above = 0;
    for digit in digits.iter_mut().rev() {
        let sum = *digit + above;
        (*digit, above) = (sum % 10, sum / 10);
    }
}

/// How far two numbers are apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Distance {
    pub(crate) size: Decimal,
    /// Whether every digit is there; one of the two was too small to write them all out else.
    pub(crate) is_exact: bool,
}

/// As the text `%.9e` of other languages has it, and with more digits where there are more: an exponent of two digits
/// at least.
impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.size.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let (first, rest) = digits.split_at_checked(1).unwrap_or(("0", ""));
        let rest = if self.is_exact { rest } else { rest.get(..15).unwrap_or(rest) };
        let power = if self.size.is_zero() { 0 } else { self.size.top() - 1 };
        let sign = if power < 0 { '-' } else { '+' };
        let about = if self.is_exact { "" } else { "about " };
        write!(f, "{about}{first}.{rest:0<9}e{sign}{:02}", power.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).expect("a number")
    }

    fn distance(a: &str, b: &str) -> String {
        decimal(a).distance(&decimal(b)).to_string()
    }

    #[test]
    fn distances_are_exact() {
        for (a, b, expected) in [
            ("2.0", "2.1", "1.000000000e-01"),
            ("11111111111111111111.0", "11111111111111111119.0", "8.000000000e+00"),
            ("9007199254740993", "9007199254740992.0", "1.000000000e+00"),
            ("1", "-1e0", "2.000000000e+00"),
            ("0.0", "-0.0", "0.000000000e+00"),
            ("1e3", "1000.00", "0.000000000e+00"),
            ("0.12345678901234567", "0", "1.2345678901234567e-01"),
            ("1e300", "-1e300", "2.000000000e+300"),
            ("1e-400", "2e-400", "1.000000000e-400"),
            ("1", "1e-2000000000", "about 9.999999999999999e-01"),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
        assert_eq!(Decimal::parse("1e99999999999"), None);
        assert_eq!(Decimal::parse("NaN"), None);
        assert_eq!(decimal("-2.50").fixed(9, 15).as_deref(), Some("-2.500000000"));
        assert_eq!(decimal("120").fixed(1, 15).as_deref(), Some("120.0"));
        assert_eq!(decimal("0").fixed(2, 15).as_deref(), Some("0.00"));
        assert_eq!((decimal("1e-10").fixed(9, 15), decimal("1e15").fixed(9, 15)), (None, None));
    }

    /// An integer of the number times a power of ten, by another way.
    fn scaled(text: &str, shift: i32) -> BigInt {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let power =
            exponent.parse::<i32>().expect("small") + shift - i32::try_from(part.len()).expect("short");
        let digits: BigInt = format!("{whole}{part}").parse().expect("digits");
        digits * BigInt::from(10).pow(u32::try_from(power).expect("shifted far enough"))
    }

    fn numbers() -> impl Strategy<Value = String> {
        ("-?(0|[1-9][0-9]{0,24})", "(\\.[0-9]{1,12})?", "(e-?[0-9]{1,2})?").prop_map(|(a, b, c)| a + &b + &c)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn distances_and_products_are_those_of_integers(a in numbers(), b in numbers(), c in numbers()) {
            let (x, y) = (decimal(&a), decimal(&b));
            let shift = 120;
            let expected = (scaled(&a, shift) - scaled(&b, shift)).magnitude().clone();
            let found = x.distance(&y);
            prop_assert!(found.is_exact);
            prop_assert_eq!(&found.size, &decimal(&format!("{expected}e-{shift}")), "{} {}", a, b);
            let product = (scaled(&a, shift) * scaled(&c, shift)).magnitude().clone();
            let twice = 2 * shift;
            prop_assert_eq!(x.times(&decimal(&c)), decimal(&format!("{product}e-{twice}")), "{} {}", a, c);
            let order = scaled(&a, shift).magnitude().cmp(scaled(&b, shift).magnitude());
            prop_assert_eq!(x.cmp_magnitude(&y), order, "{} {}", a, b);
            prop_assert_eq!(x.cmp_value(&y), scaled(&a, shift).cmp(&scaled(&b, shift)), "{} {}", a, b);
        }
    }
}
