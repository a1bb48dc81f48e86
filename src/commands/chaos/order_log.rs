//! The order log's own rule: an order is taken once, by its id, and never under an older token than the
//! highest one seen. It trusts no leader; this is what makes a leader that was paused and woken harmless.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OrderEntry {
    /// A new leader announced itself; from here on older tokens are refused.
    Fence { at_us: u64, node: String, token: u64 },
    /// An order was taken. Its `id` numbers the intent: it is the same whoever sends it.
    Order { at_us: u64, node: String, token: u64, id: u64 },
}

/// What the log answers to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderReply {
    /// Written now.
    Accepted,
    /// Written before under this id: the sender may count it as placed.
    Duplicate,
    /// The token is older than one already seen.
    Stale,
}

/// What the log knows after reading its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderLogState {
    highest_token: u64,
    ids: BTreeSet<u64>,
}

impl OrderLogState {
    /// Takes in a line that was already written.
    pub fn replay(&mut self, entry: &OrderEntry) {
        match *entry {
            OrderEntry::Fence { token, .. } => self.highest_token = self.highest_token.max(token),
            OrderEntry::Order { token, id, .. } => {
                self.highest_token = self.highest_token.max(token);
                self.ids.insert(id);
            }
        }
    }

    /// The answer to an order; the token is looked at first, so a stale leader learns nothing else.
    pub fn offer(&self, token: u64, id: u64) -> OrderReply {
        if token < self.highest_token {
            OrderReply::Stale
        } else if self.ids.contains(&id) {
            OrderReply::Duplicate
        } else {
            OrderReply::Accepted
        }
    }

    /// Whether a leader with this token may announce itself.
    pub fn admits(&self, token: u64) -> bool {
        token >= self.highest_token
    }

    /// The first order that is not in the log; orders are numbered from 1.
    pub fn first_missing(&self) -> u64 {
        let gap = self.ids.iter().zip(1..).find(|(id, expected)| **id != *expected);
        gap.map_or(self.ids.len() as u64 + 1, |(_, expected)| expected)
    }
}

/// The client order id of an order, as a person reads it.
pub(crate) fn name(id: u64) -> String {
    format!("ORD-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(token: u64, id: u64) -> OrderEntry {
        OrderEntry::Order { at_us: 0, node: "A".into(), token, id }
    }

    #[test]
    fn an_order_is_taken_once_and_an_older_token_never() {
        let mut state = OrderLogState::default();
        assert_eq!(state.offer(1, 1), OrderReply::Accepted);
        state.replay(&order(1, 1));
        assert_eq!(state.offer(1, 1), OrderReply::Duplicate);
        state.replay(&OrderEntry::Fence { at_us: 0, node: "B".into(), token: 2 });
        assert_eq!(state.offer(1, 2), OrderReply::Stale);
        assert_eq!(state.offer(1, 1), OrderReply::Stale, "a stale leader is told so before anything else");
        assert_eq!(state.offer(2, 2), OrderReply::Accepted);
        assert!(state.admits(2) && !state.admits(1));
    }

    #[test]
    fn the_first_missing_order_is_the_first_gap_or_the_next() {
        let mut state = OrderLogState::default();
        assert_eq!(state.first_missing(), 1);
        for id in [1, 2, 4] {
            state.replay(&order(1, id));
        }
        assert_eq!(state.first_missing(), 3);
        state.replay(&order(1, 3));
        assert_eq!(state.first_missing(), 5);
    }
}
