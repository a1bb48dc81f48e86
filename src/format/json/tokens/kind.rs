//! What stands at a place in a document, and why one cannot be read on.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// What stands at a place in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{` was read.
    Object,
    /// `[` was read.
    Array,
    Text,
    /// A number without point and exponent.
    Integer,
    /// A number with a point or an exponent.
    Float,
    /// `NaN`, `Infinity`, `-Infinity`, where they are let through.
    NonFinite,
    True,
    False,
    Null,
}

/// What becomes of `NaN`, `Infinity` and `-Infinity`, which are not JSON but what some programs write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinite {
    /// They are refused like any other word that is not JSON.
    #[default]
    Refuse,
    /// They are tokens of [`Kind::NonFinite`].
    Accept,
}

/// Why a document cannot be read on.
#[derive(Debug)]
pub enum JsonError {
    Read(io::Error),
    /// The text is not strict JSON from this byte on.
    Invalid {
        offset: u64,
        reason: Cow<'static, str>,
    },
}

impl JsonError {
    pub fn invalid(offset: u64, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { offset, reason: reason.into() }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Invalid { offset, reason } => write!(f, "{reason} at byte {offset}"),
        }
    }
}

impl std::error::Error for JsonError {}
