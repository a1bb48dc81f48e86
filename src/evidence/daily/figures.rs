//! The figures of a day: their fields, what each can be, and which side of a limit is good.
#![warn(clippy::wildcard_enum_match_arm)]

use super::report::{EDGE, ORDER_AGE, TAKER_SHARE};
use std::ops::RangeInclusive;

/// The fields of the figures of a day, in their order everywhere.
pub(crate) const FIGURES: [&str; 3] = [EDGE, ORDER_AGE, TAKER_SHARE];
/// What each can be. Nobody wins or loses more than all that was traded, which is 10,000 basis points of it, and an
/// order that is older than a day is not of the day.
pub(crate) const RANGES: [RangeInclusive<f64>; 3] = [-10_000.0..=10_000.0, 0.0..=86_400_000.0, 0.0..=100.0];

/// What each may be at worst: beyond it a day is FAIL.
pub(crate) const BEARABLE: [f64; 3] = [2.25, 385.0, 16.5];
/// Which side of a limit is good, of each of them.
pub(crate) const SIDES: [Side; 3] = [Side::AtLeast, Side::AtMost, Side::AtMost];

/// Which side of a limit is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    AtLeast,
    AtMost,
}

impl Side {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AtLeast => "at least",
            Self::AtMost => "at most",
        }
    }
}
