//! Two numbers are close when exact arithmetic says so, however many digits they have. A million pairs:
//! `MMOPS_PAIRS=1000000 cargo test --test props numbers`.

use mmops::testing::numbers_are_close;
use num_bigint::{BigInt, BigUint};
use proptest::prelude::*;

/// The number times 10^100.
fn scaled(text: &str) -> BigInt {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power = exponent.parse::<i32>().unwrap() + 100 - i32::try_from(part.len()).unwrap();
    format!("{whole}{part}").parse::<BigInt>().unwrap() * BigInt::from(ten(power))
}

fn ten(power: i32) -> BigUint {
    BigUint::from(10_u32).pow(u32::try_from(power).unwrap())
}

/// Whether two numbers are at most 10^-abs apart, or 10^-rel of the larger one.
fn is_close(a: &str, b: &str, abs: i32, rel: i32) -> bool {
    let (x, y) = (scaled(a), scaled(b));
    let distance = (&x - &y).magnitude().clone();
    distance <= ten(100 - abs) || distance * ten(rel) <= *x.magnitude().max(y.magnitude())
}

/// A number and a neighbour of it: most differ where an `f64` has no digits.
fn pairs() -> impl Strategy<Value = (String, String)> {
    let number =
        ("-?(0|[1-9][0-9]{0,20})", "[.][0-9]{1,20}", "(e-?[0-9])?").prop_map(|(a, b, c)| a + &b + &c);
    (number, 0_usize..40, 0_u8..10, any::<bool>()).prop_map(|(text, at, digit, is_longer)| {
        let mut other = text.clone().into_bytes();
        let at = at % other.len();
        let is_first = at == 0 || (at == 1 && other[0] == b'-');
        if other[at].is_ascii_digit() && (!is_first || (digit > 0 && other[at] != b'0')) {
            other[at] = b'0' + digit;
        }
        let mut other = String::from_utf8(other).unwrap();
        if is_longer {
            other.insert_str(other.find('e').unwrap_or(other.len()), "000000000000000001");
        }
        (text, other)
    })
}

fn cases() -> u32 {
    std::env::var("MMOPS_PAIRS").map_or(10_000, |count| count.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_numbers_are_close_when_exact_arithmetic_says_so((a, b) in pairs(), abs in 0_i32..26, rel in 3_i32..26) {
        let number = |text: String| text.parse::<f64>().unwrap();
        let found = numbers_are_close(&a, &b, number(format!("1e-{abs}")), number(format!("1e-{rel}")));
        prop_assert_eq!(found, is_close(&a, &b, abs, rel), "{} {} abs 1e-{} rel 1e-{}", a, b, abs, rel);
    }
}
