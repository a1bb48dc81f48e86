//! The exposition text that a `/metrics` page speaks: format 0.0.4 and `OpenMetrics` 1.0, read strictly.
//!
//! A page whose structure is broken (a line cut short, a quote that is not closed, a missing `# EOF`) is refused
//! with the line and column of the fault: it is never half a page of numbers. A family that is wrong in itself (a
//! label twice, a series twice, a value that is no number) is left out, with its fault, and the others stand. In 0.0.4 nothing marks the end of a
//! page: one torn between two lines is known by the length of the HTTP answer alone, which is why the other
//! format is asked for first. Reading takes time linear in the text and borrows from it; labels are
//! unescaped when they are asked for.

mod line;
mod model;
mod page;
mod unique;
mod write;

#[cfg(test)]
mod tests;

pub use model::{Exposition, Format, ParseError};
pub(crate) use model::{Kind, Sample};
pub(crate) use write::Writer;

use memchr::memchr;

pub fn parse(bytes: &[u8], format: Format) -> Result<Exposition<'_>, ParseError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(position(bytes, error.valid_up_to(), "invalid UTF-8")),
    };
    let mut page = page::Page::new(format, bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let length = match memchr(b'\n', &bytes[at..]) {
            Some(length) => length,
            // The end says that it is the end, with its newline or without.
            None if format == Format::OpenMetrics && &text[at..] == "# EOF" => bytes.len() - at,
            None => return Err(position(bytes, bytes.len(), "the text ends inside a line")),
        };
        page.line(&text[at..at + length])?;
        at += length + 1;
    }
    page.finish()
}

/// The error at a byte of the whole text.
fn position(bytes: &[u8], at: usize, what: &str) -> ParseError {
    let before = &bytes[..at];
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    ParseError { line, column: at - start + 1, what: what.to_owned() }
}
