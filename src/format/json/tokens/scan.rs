//! Reads whole values and keeps nothing of them: everything below is valid and no object has a key twice.

use super::cursor::{Container, Cursor};
use super::{JsonError, Kind, NonFinite, Tokens};
use std::collections::BTreeMap;
use std::io::{Read, Seek};

/// Smaller values are read again rather than remembered.
const WORTH_REMEMBERING_BYTES: u64 = 256;

/// Checks a whole document.
pub fn validate<R: Read + Seek>(input: R, non_finite: NonFinite) -> Result<(), JsonError> {
    let mut tokens = Tokens::new(input, non_finite)?;
    Skipper::default().skip_value(&mut tokens, None)?;
    tokens.finish()
}

/// Checks a file of one value a line.
pub(crate) fn validate_lines<R: Read + Seek>(input: R, non_finite: NonFinite) -> Result<(), JsonError> {
    let mut tokens = Tokens::new(input, non_finite)?;
    tokens.by_line();
    let mut skipper = Skipper::default();
    let mut is_first = true;
    while tokens.next_line(is_first)? {
        skipper.skip_value(&mut tokens, None)?;
        is_first = false;
    }
    Ok(())
}

/// Where values end that were skipped once, by the offset of their bracket.
#[derive(Debug, Default)]
pub(crate) struct Ends(BTreeMap<u64, u64>);

impl Ends {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Skips values, and keeps its memory for the next one.
#[derive(Debug, Default)]
pub(crate) struct Skipper {
    cursor: Cursor,
    above: usize,
}

impl Skipper {
    /// The same for values that many levels down.
    pub(crate) fn below(&mut self, levels: usize) -> &mut Self {
        self.above = levels;
        self
    }

    /// Reads one value to its end. `ends` remembers the large ones below it, and saves reading one that it
    /// knows.
    pub(crate) fn skip_value<R: Read + Seek>(
        &mut self,
        tokens: &mut Tokens<R>,
        ends: Option<&mut Ends>,
    ) -> Result<(), JsonError> {
        let kind = tokens.value()?;
        self.skip_rest(kind, tokens, ends)
    }

    /// The same for a value of which the first token was read.
    pub(crate) fn skip_rest<R: Read + Seek>(
        &mut self,
        mut kind: Kind,
        tokens: &mut Tokens<R>,
        mut ends: Option<&mut Ends>,
    ) -> Result<(), JsonError> {
        let cursor = &mut self.cursor;
        cursor.begin(self.above);
        loop {
            if let Some(container) = Container::of(kind) {
                let start = tokens.token_offset();
                match ends.as_ref().and_then(|ends| ends.0.get(&start)) {
                    Some(end) => tokens.seek(*end)?,
                    None => cursor.enter(container, start)?,
                }
            }
            loop {
                let Some(start) = cursor.innermost().map(|open| open.start) else { return Ok(()) };
                if cursor.advance(tokens)? {
                    break;
                }
                cursor.leave();
                if let Some(ends) = &mut ends
                    && tokens.offset() - start >= WORTH_REMEMBERING_BYTES
                {
                    ends.0.insert(start, tokens.offset());
                }
            }
            kind = tokens.value()?;
        }
    }
}
