//! What came of a check, and the status that is printed for it.

use serde::{Deserialize, Serialize};

/// The state of a row or a marker, worst last, so that `max` folds to the worst.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    /// Asked, and the answer is yes.
    Ok,
    /// Yes, with something a person should look at.
    Warn,
    /// Not run; never counted as OK.
    Skip,
    /// The answer is no, or there is none.
    Fail,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Warn => "WARN",
            Status::Skip => "SKIP",
            Status::Fail => "FAIL",
        }
    }
}

/// What came of one check, worst last. A check that could not be made is [`Outcome::Unknown`]; one that was
/// left out is [`Outcome::Skipped`]. Neither is ever a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Asked, and the answer is yes.
    Pass,
    /// Yes, with something a person should look at.
    Warn,
    /// Not asked.
    Skipped,
    /// Asked, and there is no answer.
    Unknown,
    /// Asked, and the answer is no.
    Fail,
}

impl Outcome {
    /// The worst of several outcomes; nothing checked is nothing known.
    pub(crate) fn fold(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max().unwrap_or(Self::Unknown)
    }

    /// Pass for what holds, else Fail.
    pub(crate) fn of(holds: bool) -> Self {
        if holds { Self::Pass } else { Self::Fail }
    }

    /// Pass where nothing speaks against it.
    pub(crate) fn of_refusals<T>(refusals: &[T]) -> Self {
        Self::of(refusals.is_empty())
    }

    pub(crate) fn status(self) -> Status {
        match self {
            Self::Pass => Status::Ok,
            Self::Warn => Status::Warn,
            Self::Skipped => Status::Skip,
            Self::Unknown | Self::Fail => Status::Fail,
        }
    }

    /// Whether the answer is yes, be it with a warning.
    pub(crate) fn is_yes(self) -> bool {
        match self {
            Self::Pass | Self::Warn => true,
            Self::Skipped | Self::Unknown | Self::Fail => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_is_the_worst_and_of_nothing_unknown() {
        assert_eq!(Outcome::fold([]), Outcome::Unknown);
        assert_eq!(Outcome::fold([Outcome::Pass, Outcome::Warn]), Outcome::Warn);
        assert_eq!(Outcome::fold([Outcome::Skipped, Outcome::Unknown, Outcome::Warn]), Outcome::Unknown);
    }
}
