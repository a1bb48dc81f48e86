//! Where the walk over two documents is.

use super::digest::{Effort, Hashes};
use super::lookup::Lookup;
use super::side::{CompareError, Found, in_baseline};
use super::unordered::Pairs;
use crate::commands::golden_compare::drift::Rules;
use crate::format::json::tokens::Tokens;
use crate::format::json::tokens::cursor::{Container, Cursor};
use crate::format::json::tokens::scan::{Ends, Skipper};
use std::collections::BTreeMap;

/// Steps between two looks at whether somebody asked for a stop.
const STEPS_BETWEEN_CHECKS: u32 = 1 << 16;

/// The two documents, what is open in both, and what was found.
pub(super) struct Walk<'a, R> {
    pub(super) a: Tokens<R>,
    pub(super) b: Tokens<R>,
    pub(super) rules: &'a Rules,
    /// Differences beyond these are counted and not kept.
    pub(super) listed: usize,
    pub(super) effort: Effort<'a>,
    pub(super) steps: u32,
    /// In the baseline; its counts are those of the actual document too, as long as that goes the same way.
    pub(super) cursor: Cursor,
    /// One for each container of the cursor.
    pub(super) frames: Vec<Frame>,
    /// Whether both documents are at a value; else they are behind one, or behind a bracket.
    pub(super) at_value: bool,
    pub(super) skipper: Skipper,
    pub(super) ends: Ends,
    /// Open frames that go back in the actual document.
    pub(super) lookups: usize,
    pub(super) hashes: Hashes,
    /// Elements of arrays without order that are compared to see whether they are a pair, one within another.
    pub(super) trials: usize,
    /// Where two elements begin, and whether they are the same by the rules: each pair is compared once, however many
    /// arrays without order are around it.
    pub(super) tried: BTreeMap<(u64, u64), bool>,
    pub(super) found: Found,
}

pub(super) struct Frame {
    pub(super) order: Order,
    /// Differences before the frame, all and listed.
    pub(super) before: (u64, usize),
    /// First entry with a difference.
    pub(super) first: Option<u64>,
}

/// How the entries of the actual document are found.
pub(super) enum Order {
    /// In the order of the baseline.
    Same,
    /// By key, of an object.
    ByKey(Box<Lookup>),
    /// Pair by pair, of an array without order.
    Pairs(Box<Pairs>),
}

impl<R> Walk<'_, R> {
    /// Goes into a container whose bracket is at `start` of the baseline.
    pub(super) fn open(&mut self, container: Container, start: u64) -> Result<(), CompareError> {
        let before = (self.found.total, self.found.drifts.len());
        self.cursor.enter(container, start).map_err(in_baseline)?;
        self.frames.push(Frame { order: Order::Same, before, first: None });
        self.at_value = false;
        Ok(())
    }

    pub(super) fn close(&mut self) {
        let frame = self.frames.pop();
        let left = self.cursor.leave();
        let is_in_order = frame.is_some_and(|frame| matches!(frame.order, Order::Same));
        if is_in_order && left.is_some_and(|left| left.container == Container::Lines && left.count == 0) {
            self.found.empty = true;
        }
        self.note_first_difference();
        self.at_value = false;
    }

    pub(super) fn note_first_difference(&mut self) {
        if let Some(frame) = self.frames.last_mut()
            && frame.first.is_none()
            && self.found.total > frame.before.0
        {
            frame.first = self.cursor.innermost().and_then(|open| open.count.checked_sub(1));
        }
    }

    pub(super) fn count_step(&mut self) -> Result<(), CompareError> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STEPS_BETWEEN_CHECKS) {
            (self.effort.check_cancelled)()?;
        }
        Ok(())
    }
}
