//! Goes through two arrays: index by index, or pair by pair where order means nothing.

use super::findings::Unpaired;
use super::side::{CompareError, Side, in_actual, in_baseline};
use super::state::{Frame, Order, Walk};
use super::unordered::{self, Reader, Single};
use crate::commands::golden_compare::drift::difference::{Difference, Noun, Offsets};
use crate::format::json::path::Step;
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
                let rest = skip_entries(self.skipper.below(self.frames.len()), &mut self.a, open)
                    .map_err(in_baseline)?;
                self.emit_length(open.count + rest, open.count);
            }
            (false, true) => {
                let rest = skip_entries(self.skipper.below(self.frames.len()), &mut self.b, open)
                    .map_err(in_actual)?;
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

    /// Goes into two arrays, or files of lines, whose order means nothing.
    pub(super) fn open_unordered(&mut self, container: Container, start: u64) -> Result<(), CompareError> {
        let (path, rules) = (self.path(), self.rules);
        let Some(rule) = rules.unordered_at(|| path.clone()) else { return Ok(()) };
        let mut read = |side: Side| {
            let tokens = if side == Side::Baseline { &mut self.a } else { &mut self.b };
            let (path, hashes, effort) = (&path, &self.hashes, &self.effort);
            Reader { tokens, side, path, rules, hashes, effort }.elements(container, rule)
        };
        let (mut a, mut b) = (read(Side::Baseline)?, read(Side::Actual)?);
        let end = (self.a.offset(), self.b.offset());
        self.open(container, start)?;
        self.found.empty |= container == Container::Lines && a.is_empty() && b.is_empty();
        let (mut pairs, mut unpaired) = unordered::pair(&mut a, &mut b);
        if let Some(frame) = self.frames.last_mut() {
            frame.order = Order::Pairs(Box::default());
        }
        if !a.is_keyed {
            unpaired = self.pair_near(&path, unpaired)?;
        }
        let [missing, extra] = unpaired;
        let last = end.1.saturating_sub(1);
        let single = |single: Single, is_missing: bool| Unpaired {
            name: match &single.step {
                Step::Label(label) => label.text.clone(),
                step => path.with(step.clone()).to_string(),
            },
            step: single.step,
            noun: Noun::Elements,
            offset: if is_missing { last } else { single.start },
            values: Offsets {
                baseline: is_missing.then_some(single.start),
                actual: (!is_missing).then_some(single.start),
            },
        };
        let missing = a.singles(&missing, &b).into_iter().map(|one| single(one, true));
        let extra = b.singles(&extra, &a).into_iter().map(|one| single(one, false));
        self.emit_unpaired(missing.chain(extra).collect());
        pairs.end = end;
        a.name(&mut pairs);
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
