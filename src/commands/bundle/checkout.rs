//! The revision that a bundle is made from.

use crate::release::bundle::manifest::Revision;
use crate::report::{Outcome, Row};

/// What is checked out, or why that is not known.
pub(super) type Checkout = Result<Revision, String>;

/// Files that are named before "and more".
const SHOWN: usize = 20;

pub(super) fn row(checkout: &Checkout) -> Row {
    row_of_bundle(checkout, &[])
}

/// The row of a bundle that has files which the commit does not have.
pub(super) fn row_of_bundle(checkout: &Checkout, uncommitted: &[String]) -> Row {
    match checkout {
        Ok(revision) if !uncommitted.is_empty() => {
            let named = uncommitted
                .iter()
                .take(SHOWN)
                .map(|path| format!("`{path}` is not in the commit as it was bundled"));
            let more = uncommitted.len().saturating_sub(SHOWN);
            let more = (more > 0).then(|| format!("and {more} more"));
            Row::new("revision", Outcome::Warn).note(revision.short()).reasons(named.chain(more))
        }
        Ok(revision) if revision.dirty => Row::new("revision", Outcome::Warn)
            .note(revision.short())
            .reason("tracked files differ from the commit"),
        Ok(revision) => Row::new("revision", Outcome::Pass).note(revision.short()),
        Err(reason) => Row::new("revision", Outcome::Warn).note("unknown").reason(reason),
    }
}
