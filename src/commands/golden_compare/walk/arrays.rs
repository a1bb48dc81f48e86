//! Goes through two arrays: index by index, or pair by pair where order means nothing.

use super::{Failure, Form, Frame, Side, Walk, of, read_on};
use crate::commands::golden_compare::drift::difference::What;
use crate::commands::golden_compare::unordered;
use crate::format::json::tokens::scan::Scan;
use crate::format::json::tokens::{Kind, Tokens, Trouble};
use std::io::{Read, Seek};

impl<R: Read + Seek> Walk<'_, R> {
    pub(super) fn advance_array(&mut self) -> Result<(), Failure> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        let count = frame.count;
        let more = read_on(&mut self.a, frame).map_err(of(Side::Baseline))?;
        let other = read_on(&mut self.b, frame).map_err(of(Side::Actual))?;
        match (more, other) {
            (true, true) => {
                self.count_entry();
                self.at_value = true;
                return Ok(());
            }
            (false, false) => {}
            (true, false) => {
                let rest = rest_of_array(&mut self.scan, &mut self.a, frame).map_err(of(Side::Baseline))?;
                self.emit_length(count + rest, count);
            }
            (false, true) => {
                let rest = rest_of_array(&mut self.scan, &mut self.b, frame).map_err(of(Side::Actual))?;
                self.emit_length(count, count + rest);
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
        self.emit_here(What::Length { baseline, actual, first }, offset);
    }

    pub(super) fn is_unordered(&self) -> bool {
        self.rules.unordered_at(|| self.path()).is_some()
    }

    pub(super) fn open_unordered(&mut self) -> Result<(), Failure> {
        let path = self.path();
        let Some(rule) = self.rules.unordered_at(|| path.clone()) else { return Ok(()) };
        let (pairs, drifts) = unordered::pair(&mut self.a, &mut self.b, &path, rule, self.rules, self.look)?;
        self.open(Kind::Array);
        self.at_value = false;
        let at = self.b.offset() - 1;
        for what in drifts {
            self.emit_here(what, at);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.form = Form::Pairs(Box::new(pairs));
        }
        Ok(())
    }

    pub(super) fn advance_pairs(&mut self) -> Result<(), Failure> {
        let Some(Frame { form: Form::Pairs(pairs), .. }) = self.frames.last_mut() else { return Ok(()) };
        let (a, b, more) = match pairs.next() {
            Some((a, b)) => (a, b, true),
            None => (pairs.end.0, pairs.end.1, false),
        };
        self.a.seek(a).map_err(of(Side::Baseline))?;
        self.b.seek(b).map_err(of(Side::Actual))?;
        if more {
            self.count_entry();
            self.at_value = true;
        } else {
            self.close();
        }
        Ok(())
    }
}

/// Counts the elements that are left, the one included that the tokens are at.
fn rest_of_array<R: Read + Seek>(
    scan: &mut Scan,
    tokens: &mut Tokens<R>,
    frame: &Frame,
) -> Result<u64, Trouble> {
    let mut count = 0;
    loop {
        scan.pass(tokens, None)?;
        count += 1;
        let more = match frame.form {
            Form::Documents => tokens.next_document()?,
            _ => tokens.next_element(false)?,
        };
        if !more {
            return Ok(count);
        }
    }
}
