//! The revision that a bundle is made from.

use crate::release::bundle::manifest::Revision;
use crate::report::{Outcome, Row};

/// What is checked out, or why that is not known.
pub(super) type Checkout = Result<Revision, String>;

/// Files that are named before "and more".
const SHOWN: usize = 20;

/// The row of what is checked out, with the files of a bundle that the commit does not have.
pub(super) fn row(checkout: &Checkout, uncommitted: &[String], absent: &[String]) -> Row {
    match checkout {
        Ok(revision) if !uncommitted.is_empty() || !absent.is_empty() => {
            let named =
                uncommitted.iter().map(|path| format!("`{path}` is not in the commit as it was bundled"));
            let absent =
                absent.iter().map(|path| format!("`{path}` is in the commit, and not in the bundle"));
            let all: Vec<String> = named.chain(absent).collect();
            let more = all.len().saturating_sub(SHOWN);
            let named = all.into_iter().take(SHOWN);
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
