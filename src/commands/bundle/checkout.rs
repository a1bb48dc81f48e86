//! The revision that a bundle is made from.

use crate::release::bundle::manifest::Revision;
use crate::report::{Outcome, Row};

/// What is checked out, or why that is not known.
#[derive(Clone, Debug)]
pub(super) enum Checkout {
    Known(Revision),
    Unknown(String),
}

impl Checkout {
    pub(super) fn revision(&self) -> Option<&Revision> {
        match self {
            Self::Known(revision) => Some(revision),
            Self::Unknown(_) => None,
        }
    }

    pub(super) fn row(&self) -> Row {
        match self {
            Self::Known(revision) if revision.dirty => Row::new("revision", Outcome::Warn)
                .note(revision.short())
                .reason("tracked files differ from the commit"),
            Self::Known(revision) => Row::new("revision", Outcome::Pass).note(revision.short()),
            Self::Unknown(reason) => Row::new("revision", Outcome::Warn).note("unknown").reason(reason),
        }
    }
}
