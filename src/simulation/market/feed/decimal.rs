//! Prices and quantities as fixed-point numbers, read exactly from the text of a message.

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use std::fmt;

/// Decimal places of the fixed-point numbers in which prices and quantities are read.
const DECIMALS: u32 = 8;

/// A price or quantity in units of 10^-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal(pub(super) i64);

impl Decimal {
    /// Reads a plain non-negative decimal number: digits, optionally a point and more digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut value: i64 = 0;
        let mut places = None;
        let mut digits = 0;
        for &byte in bytes {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    if places == Some(DECIMALS) {
                        if byte != b'0' {
                            return None;
                        }
                        continue;
                    }
                    value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                    places = places.map(|places| places + 1);
                }
                b'.' if places.is_none() && digits > 0 => places = Some(0),
                _ => return None,
            }
        }
        if digits == 0 || bytes.last() == Some(&b'.') {
            return None;
        }
        let missing = DECIMALS - places.unwrap_or(0);
        value.checked_mul(10_i64.pow(missing)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a non-negative decimal number in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                Decimal::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// One price level: price and the quantity that now rests there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) price: Decimal,
    /// Quantity; zero removes the level.
    pub(super) qty: Decimal,
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Level;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a price and a quantity")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Level, A::Error> {
                let price: Decimal =
                    items.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let qty = items.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                while items.next_element::<de::IgnoredAny>()?.is_some() {}
                if price.0 == 0 {
                    return Err(de::Error::custom("a price of zero"));
                }
                Ok(Level { price, qty })
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_exact_and_everything_else_is_refused() {
        for (text, value) in
            [("0", 0), ("61800.20", 6_180_020_000_000), ("0.00000001", 1), ("5.000000000", 500_000_000)]
        {
            assert_eq!(Decimal::parse(text), Some(Decimal(value)), "{text}");
        }
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e5", "NaN", "inf", "0.000000001", "1,0", "99999999999999"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
