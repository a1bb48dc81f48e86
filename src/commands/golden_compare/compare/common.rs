//! Reads one document for both, as far as both have the same bytes ahead.

use super::side::{CompareError, in_actual, in_baseline};
use super::state::{Order, Walk};
use crate::commands::golden_compare::drift::number::Number;
use crate::format::json::tokens::Kind;
use crate::format::json::tokens::cursor::Container;
use std::io::{Read, Seek};

/// Fewer equal bytes than this are compared token by token.
const LEAST_COMMON_BYTES: usize = 96;
/// A window with less ahead than this is filled where it ends before the two part.
const TOP_UP_BYTES: usize = 64 * 1024;

impl<R: Read + Seek> Walk<'_, R> {
    pub(super) fn read_common(&mut self) -> Result<(), CompareError> {
        if !self.is_in_order() {
            return Ok(());
        }
        let equal = self.equal_bytes_ahead()?;
        if equal < LEAST_COMMON_BYTES {
            return Ok(());
        }
        let start = self.a.offset();
        let end = start + equal as u64;
        (self.effort.check_cancelled)()?;
        let result = self.common_steps(end);
        let read = self.a.offset() - start;
        let start = self.b.offset();
        self.b.seek(start + read).map_err(in_actual)?;
        result
    }

    /// A token counts when the byte behind it is equal as well: a number might go on there.
    fn common_steps(&mut self, end: u64) -> Result<(), CompareError> {
        loop {
            if self.at_value {
                let kind = self.a.value().map_err(in_baseline)?;
                if self.a.offset() >= end {
                    self.a.rewind();
                    return Ok(());
                }
                match kind {
                    Kind::Array if self.is_unordered() => {
                        self.a.rewind();
                        return Ok(());
                    }
                    Kind::Array => self.open(Container::Array, self.a.token_offset())?,
                    Kind::Object => self.open(Container::Object, self.a.token_offset())?,
                    Kind::NonFinite => {
                        let text = String::from_utf8_lossy(self.a.raw()).into_owned();
                        let number = Number::NonFinite(&text);
                        self.numbers(number, number, self.b.offset());
                        self.note_first_difference();
                        self.at_value = false;
                    }
                    _ => self.at_value = false,
                }
                continue;
            }
            if !self.is_in_order() {
                return Ok(());
            }
            let Some(open) = self.cursor.innermost() else { return Ok(()) };
            let more = open.read_on(&mut self.a).map_err(in_baseline)?;
            if self.a.offset() >= end {
                self.a.rewind();
                return Ok(());
            }
            if more {
                self.cursor.begin_entry(&self.a).map_err(in_baseline)?;
                self.at_value = true;
            } else {
                self.close();
            }
        }
    }

    /// Whether both documents go on in the same order here.
    fn is_in_order(&self) -> bool {
        self.at_value || self.frames.last().is_some_and(|frame| matches!(frame.order, Order::Same))
    }

    fn equal_bytes_ahead(&mut self) -> Result<usize, CompareError> {
        let equal = equal_bytes(self.a.rest(), self.b.rest());
        let least = self.a.rest().len().min(self.b.rest().len());
        // More is read only where what is there does not show where the two part.
        if equal < least || least >= TOP_UP_BYTES {
            return Ok(equal);
        }
        self.a.top_up(TOP_UP_BYTES).map_err(in_baseline)?;
        self.b.top_up(TOP_UP_BYTES).map_err(in_actual)?;
        Ok(equal_bytes(self.a.rest(), self.b.rest()))
    }
}

/// How many bytes at the front are equal.
fn equal_bytes(a: &[u8], b: &[u8]) -> usize {
    let start = a.len().min(b.len()).min(16);
    if a[..start] != b[..start] {
        return a.iter().zip(b).take_while(|(a, b)| a == b).count();
    }
    let blocks = a.chunks(64).zip(b.chunks(64));
    let equal = 64 * blocks.take_while(|(a, b)| a == b).count();
    let equal = equal.min(a.len()).min(b.len());
    let tail = a[equal..].iter().zip(&b[equal..]).take_while(|(a, b)| a == b).count();
    equal + tail
}
