//! Goes through two arrays: index by index, or pair by pair where order means nothing.

use super::side::{CompareError, in_actual, in_baseline};
use super::state::{Frame, Order, Walk};
use super::unordered;
use crate::commands::golden_compare::drift::difference::Difference;
use crate::format::json::tokens::cursor::{Container, Open};
use crate::format::json::tokens::scan::Skipper;
use crate::format::json::tokens::{JsonError, Tokens};
use std::io::{Read, Seek};

impl<R: Read + Seek> Walk<'_, R> {
    pub(super) fn advance_array(&mut self) -> Result<(), CompareError> {
        let Some(open) = self.cursor.innermost().copied() else { return Ok(()) };
        let more = open.read_on(&mut self.a).map_err(in_baseline)?;
        let other = open.read_on(&mut self.b).map_err(in_actual)?;
        match (more, other) {
            (true, true) => {
                self.cursor.begin_entry(&self.a).map_err(in_baseline)?;
                self.at_value = true;
                return Ok(());
            }
            (false, false) => {}
            (true, false) => {
                let rest = skip_entries(&mut self.skipper, &mut self.a, open).map_err(in_baseline)?;
                self.emit_length(open.count + rest, open.count);
            }
            (false, true) => {
                let rest = skip_entries(&mut self.skipper, &mut self.b, open).map_err(in_actual)?;
                self.emit_length(open.count, open.count + rest);
            }
        }
        self.close();
        Ok(())
    }

    /// One difference stands for all inside: an element more at the front would make every one differ.
    fn emit_length(&mut self, baseline: u64, actual: u64) {
        let Some(frame) = self.frames.last() else { return };
        let first = frame.first.unwrap_or(baseline.min(actual));
        let (total, listed) = frame.before;
        self.found.total = total;
        self.found.drifts.truncate(listed);
        let offset = self.b.offset().saturating_sub(1);
        self.emit_here(Difference::Length { baseline, actual, first }, offset);
    }

    pub(super) fn is_unordered(&self) -> bool {
        self.rules.unordered_at(|| self.path()).is_some()
    }

    pub(super) fn open_unordered(&mut self) -> Result<(), CompareError> {
        let path = self.path();
        let Some(rule) = self.rules.unordered_at(|| path.clone()) else { return Ok(()) };
        let (pairs, drifts) =
            unordered::pair(&mut self.a, &mut self.b, &path, rule, self.rules, self.check_cancelled)?;
        self.open(Container::Array);
        let at = self.b.offset() - 1;
        for difference in drifts {
            self.emit_here(difference, at);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.order = Order::Pairs(Box::new(pairs));
        }
        Ok(())
    }

    pub(super) fn advance_pairs(&mut self) -> Result<(), CompareError> {
        let Some(Frame { order: Order::Pairs(pairs), .. }) = self.frames.last_mut() else { return Ok(()) };
        let (a, b, more) = match pairs.next() {
            Some((a, b)) => (a, b, true),
            None => (pairs.end.0, pairs.end.1, false),
        };
        self.a.seek(a).map_err(in_baseline)?;
        self.b.seek(b).map_err(in_actual)?;
        if more {
            self.cursor.begin_entry(&self.a).map_err(in_baseline)?;
            self.at_value = true;
        } else {
            self.close();
        }
        Ok(())
    }
}

/// Counts the entries that are left, the one included that the tokens are at.
fn skip_entries<R: Read + Seek>(
    skipper: &mut Skipper,
    tokens: &mut Tokens<R>,
    mut open: Open,
) -> Result<u64, JsonError> {
    let before = open.count;
    loop {
        skipper.skip_value(tokens, None)?;
        open.count += 1;
        if !open.read_on(tokens)? {
            return Ok(open.count - before);
        }
    }
}
