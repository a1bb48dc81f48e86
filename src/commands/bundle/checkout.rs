//! The revision that a bundle is made from.

use crate::release::bundle::manifest::Revision;
use crate::report::{Outcome, Row};

/// What is checked out, or why that is not known.
pub(super) type Checkout = Result<Revision, String>;

pub(super) fn row(checkout: &Checkout) -> Row {
    match checkout {
        Ok(revision) if revision.dirty => Row::new("revision", Outcome::Warn)
            .note(revision.short())
            .reason("tracked files differ from the commit"),
        Ok(revision) => Row::new("revision", Outcome::Pass).note(revision.short()),
        Err(reason) => Row::new("revision", Outcome::Warn).note("unknown").reason(reason),
    }
}
