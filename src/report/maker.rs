//! The program that makes a document, and the clock that it goes by.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The clock behind the times of a document, the most doubtful last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClockKind {
    /// The machine's.
    #[default]
    System,
    /// `--now` froze it, so any age could have been made to look fresh.
    Frozen,
    /// `CI_FAKE_UTC` or `SOURCE_DATE_EPOCH` fixed the time that is stored, which therefore tells no age.
    Stamped,
}

impl ClockKind {
    /// Why its times are no evidence.
    pub(crate) fn doubt(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Frozen => Some("frozen clock"),
            Self::Stamped => Some("stamped time"),
        }
    }

    /// What is said behind a time of it.
    pub(crate) fn remark(self) -> &'static str {
        match self {
            Self::System => "",
            Self::Frozen => ", a clock frozen by --now",
            Self::Stamped => ", a time fixed from outside",
        }
    }
}

/// The program that makes a document, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maker {
    pub(crate) version: &'static str,
    /// The workflow that builds a release names it; another build does not know it.
    pub(crate) commit: Option<&'static str>,
    /// The time from which ages are counted.
    pub(crate) now: Timestamp,
    /// The time that is printed and stored.
    pub(crate) stamp: Timestamp,
    pub(crate) clock: ClockKind,
}

impl Maker {
    /// A frozen clock is not hidden behind a stamp.
    pub(crate) fn made_at(&self) -> Timestamp {
        if self.clock == ClockKind::Frozen { self.now } else { self.stamp }
    }
}
