//! The order log as a file: a journal that all nodes share. It is an authority of its own, as an exchange is: it
//! knows nothing of leases, only tokens and ids.

use crate::commands::chaos::order_log::{Answer, Book, Entry};
use crate::journal::{self, SharedJournal};
use crate::lease::StoreOutage;
use crate::report::exit::Fault;
use crate::sys::clock;
use std::path::Path;
use std::time::Duration;

/// Longest wait for another process's step.
const LOCK_BUDGET: Duration = Duration::from_millis(250);

const SCHEMA: &str = "mmops.chaos-order-log.v1";

/// One process's view of the log.
#[derive(Debug)]
pub(crate) struct OrderFile {
    journal: SharedJournal,
    book: Book,
}

impl OrderFile {
    /// The log at `path`, created when first written.
    pub(crate) fn at(path: &Path) -> Self {
        Self { journal: SharedJournal::at(path, SCHEMA), book: Book::default() }
    }

    /// Announces a leader. From here on older tokens are refused, so what the log holds now is all that
    /// earlier leaders will ever have placed: returns the first order that is missing, or `None` when the
    /// token itself is old.
    pub(crate) fn fence(&mut self, node: &str, token: u64) -> Result<Option<u64>, StoreOutage> {
        let Self { journal, book } = self;
        let mut turn = journal.turn(LOCK_BUDGET, |entry| book.replay(&entry)).map_err(StoreOutage::new)?;
        if !book.admits(token) {
            return Ok(None);
        }
        let entry = Entry::Fence { at_us: clock::boot_us(), node: node.to_owned(), token };
        turn.append(&entry).map_err(StoreOutage::new)?;
        book.replay(&entry);
        Ok(Some(book.first_missing()))
    }

    /// Places an order, or says that it is there already, or that the token is old.
    pub(crate) fn place(&mut self, node: &str, token: u64, id: u64) -> Result<Answer, StoreOutage> {
        let Self { journal, book } = self;
        let mut turn = journal.turn(LOCK_BUDGET, |entry| book.replay(&entry)).map_err(StoreOutage::new)?;
        let answer = book.offer(token, id);
        if answer == Answer::Accepted {
            let entry = Entry::Order { at_us: clock::boot_us(), node: node.to_owned(), token, id };
            turn.append(&entry).map_err(StoreOutage::new)?;
            book.replay(&entry);
        }
        Ok(answer)
    }
}

/// Everything that the log at `path` took; the other writers have ended.
pub(crate) fn entries(path: &Path) -> Result<Vec<Entry>, Fault> {
    Ok(journal::read::<(), Entry>(path, SCHEMA)?.map_or_else(Vec::new, |contents| contents.records))
}
