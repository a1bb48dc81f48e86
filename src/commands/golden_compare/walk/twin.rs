//! Reads one document for both, as far as both have the same bytes ahead.

use super::{Failure, Form, Frame, Side, Walk, of, read_on, text_of};
use crate::commands::golden_compare::drift::number::Number;
use crate::format::json::tokens::Kind;
use std::io::{Read, Seek};

/// Fewer equal bytes than this are compared token by token.
const WORTH_A_TWIN_RUN_BYTES: usize = 96;
/// A window with less ahead than this is filled before the two are compared.
const TOP_UP_BYTES: usize = 64 * 1024;

impl<R: Read + Seek> Walk<'_, R> {
    /// Reads the baseline for both documents, as far as both have the same bytes ahead.
    pub(super) fn twin_run(&mut self) -> Result<(), Failure> {
        if !self.in_order() {
            return Ok(());
        }
        let equal = self.equal_bytes_ahead()?;
        if equal < WORTH_A_TWIN_RUN_BYTES {
            return Ok(());
        }
        let start = self.a.offset();
        let end = start + equal as u64;
        self.look()?;
        let result = self.twin_steps(end);
        let read = self.a.offset() - start;
        let start = self.b.offset();
        self.b.seek(start + read).map_err(of(Side::Actual))?;
        result
    }

    /// A token counts when the byte behind it is equal as well: a number might go on there.
    fn twin_steps(&mut self, end: u64) -> Result<(), Failure> {
        let of_baseline = of(Side::Baseline);
        loop {
            if self.at_value {
                let kind = self.a.value().map_err(&of_baseline)?;
                if self.a.offset() >= end {
                    self.a.rewind();
                    return Ok(());
                }
                match kind {
                    Kind::Array if self.is_unordered() => {
                        self.a.rewind();
                        return Ok(());
                    }
                    Kind::Object | Kind::Array => self.open(kind),
                    Kind::NonFinite => {
                        let text = text_of(&self.a);
                        let number = Number::NonFinite(&text);
                        self.numbers(number, number, self.b.offset());
                        self.note_first_difference();
                        self.at_value = false;
                    }
                    _ => self.at_value = false,
                }
                continue;
            }
            if !self.in_order() {
                return Ok(());
            }
            let Some(frame) = self.frames.last_mut() else { return Ok(()) };
            let is_object = matches!(frame.form, Form::Object);
            let more = read_on(&mut self.a, frame).map_err(&of_baseline)?;
            if self.a.offset() >= end {
                self.a.rewind();
                return Ok(());
            }
            if more {
                self.count_entry();
                if is_object {
                    self.note_key()?;
                }
                self.at_value = true;
            } else {
                self.close();
            }
        }
    }

    /// Whether both documents go on in the same order here.
    fn in_order(&self) -> bool {
        let ordered = |frame: &Frame| matches!(frame.form, Form::Documents | Form::Array | Form::Object);
        self.at_value || self.frames.last().is_some_and(ordered)
    }

    fn equal_bytes_ahead(&mut self) -> Result<usize, Failure> {
        let start = |bytes: &[u8]| bytes.len().min(16);
        let (a, b) = (self.a.rest(), self.b.rest());
        let least = start(a).min(start(b));
        if a[..least] != b[..least] {
            return Ok(0);
        }
        if a.len() < TOP_UP_BYTES || b.len() < TOP_UP_BYTES {
            self.a.top_up(TOP_UP_BYTES).map_err(of(Side::Baseline))?;
            self.b.top_up(TOP_UP_BYTES).map_err(of(Side::Actual))?;
        }
        let (a, b) = (self.a.rest(), self.b.rest());
        let blocks = a.chunks(64).zip(b.chunks(64));
        let equal = 64 * blocks.take_while(|(a, b)| a == b).count();
        let equal = equal.min(a.len()).min(b.len());
        let tail = a[equal..].iter().zip(&b[equal..]).take_while(|(a, b)| a == b).count();
        Ok(equal + tail)
    }
}
