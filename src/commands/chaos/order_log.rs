//! The order log's own rule: an order is taken once, by its id, and never under an older token than the
//! highest one seen. It trusts no leader; this is what makes a leader that was paused and woken harmless.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// A new leader announced itself; from here on older tokens are refused.
    Fence {
        /// When the log wrote it.
        at_us: u64,
        /// Who announced itself.
        node: String,
        /// Its token.
        token: u64,
    },
    /// An order was taken.
    Order {
        /// When the log wrote it.
        at_us: u64,
        /// Who sent it.
        node: String,
        /// Under which token.
        token: u64,
        /// Number of the logical order; the same intent has the same number whoever sends it.
        id: u64,
    },
}

/// What the log answers to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Written now.
    Accepted,
    /// Written before under this id: the sender may count it as placed.
    Duplicate,
    /// The token is older than one already seen.
    Stale,
}

/// What the log knows after reading its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    highest_token: u64,
    ids: BTreeSet<u64>,
}

impl Book {
    /// Takes in a line that was already written.
    pub fn replay(&mut self, entry: &Entry) {
        match *entry {
            Entry::Fence { token, .. } => self.highest_token = self.highest_token.max(token),
            Entry::Order { token, id, .. } => {
                self.highest_token = self.highest_token.max(token);
                self.ids.insert(id);
            }
        }
    }

    /// The answer to an order; the token is looked at first, so a stale leader learns nothing else.
    pub fn offer(&self, token: u64, id: u64) -> Answer {
        if token < self.highest_token {
            Answer::Stale
        } else if self.ids.contains(&id) {
            Answer::Duplicate
        } else {
            Answer::Accepted
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

    fn order(token: u64, id: u64) -> Entry {
        Entry::Order { at_us: 0, node: "A".into(), token, id }
    }

    #[test]
    fn an_order_is_taken_once_and_an_older_token_never() {
        let mut book = Book::default();
        assert_eq!(book.offer(1, 1), Answer::Accepted);
        book.replay(&order(1, 1));
        assert_eq!(book.offer(1, 1), Answer::Duplicate);
        book.replay(&Entry::Fence { at_us: 0, node: "B".into(), token: 2 });
        assert_eq!(book.offer(1, 2), Answer::Stale);
        assert_eq!(book.offer(1, 1), Answer::Stale, "a stale leader is told so before anything else");
        assert_eq!(book.offer(2, 2), Answer::Accepted);
        assert!(book.admits(2) && !book.admits(1));
    }

    #[test]
    fn the_first_missing_order_is_the_first_gap_or_the_next() {
        let mut book = Book::default();
        assert_eq!(book.first_missing(), 1);
        for id in [1, 2, 4] {
            book.replay(&order(1, id));
        }
        assert_eq!(book.first_missing(), 3);
        book.replay(&order(1, 3));
        assert_eq!(book.first_missing(), 5);
    }
}
