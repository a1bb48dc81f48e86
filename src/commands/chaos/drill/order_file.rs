//! The order log as a file: a journal that all nodes share. It is an authority of its own, as an exchange is: it
//! knows nothing of leases, only tokens and ids.

use crate::commands::chaos::order_log::{OrderEntry, OrderLogState, OrderReply};
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
    state: OrderLogState,
}

impl OrderFile {
    /// The log at `path`, created when first written.
    pub(crate) fn at(path: &Path) -> Self {
        Self { journal: SharedJournal::at(path, SCHEMA), state: OrderLogState::default() }
    }

    /// Announces a leader. From here on older tokens are refused, so what the log holds now is all that
    /// earlier leaders will ever have placed: returns the first order that is missing, or `None` when the
    /// token itself is old.
    pub(crate) fn fence(&mut self, node: &str, token: u64) -> Result<Option<u64>, StoreOutage> {
        let Self { journal, state } = self;
        let mut turn = journal.turn(LOCK_BUDGET, |entry| state.replay(&entry)).map_err(StoreOutage::new)?;
        if !state.admits(token) {
            return Ok(None);
        }
        let entry = OrderEntry::Fence { at_us: clock::boot_us(), node: node.to_owned(), token };
        turn.append(&entry).map_err(StoreOutage::new)?;
        state.replay(&entry);
        Ok(Some(state.first_missing()))
    }

    /// Places an order, or says that it is there already, or that the token is old.
    pub(crate) fn place(&mut self, node: &str, token: u64, id: u64) -> Result<OrderReply, StoreOutage> {
        let Self { journal, state } = self;
        let mut turn = journal.turn(LOCK_BUDGET, |entry| state.replay(&entry)).map_err(StoreOutage::new)?;
        let answer = state.offer(token, id);
        if answer == OrderReply::Accepted {
            let entry = OrderEntry::Order { at_us: clock::boot_us(), node: node.to_owned(), token, id };
            turn.append(&entry).map_err(StoreOutage::new)?;
            state.replay(&entry);
        }
        Ok(answer)
    }
}

/// Everything that the log at `path` took; the other writers have ended.
pub(crate) fn entries(path: &Path) -> Result<Vec<OrderEntry>, Fault> {
    Ok(journal::read::<(), OrderEntry>(path, SCHEMA)?.map_or_else(Vec::new, |contents| contents.records))
}
