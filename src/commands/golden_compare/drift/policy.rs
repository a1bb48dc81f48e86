//! What a comparison makes of numbers that are not finite, and of integers beside floats.

use crate::format::json::tokens::NonFinite;

/// Whether NaN is let through, and whether it equals itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NanPolicy {
    /// Not JSON.
    #[default]
    Refuse,
    /// NaN equals NaN.
    Equal,
    /// NaN differs from everything.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IntFloat {
    /// They differ in type.
    #[default]
    Strict,
    /// Only their value counts.
    Lenient,
}
