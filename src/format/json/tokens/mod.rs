//! A streaming reader of JSON: one token at a time out of a window over the file, so that a document of
//! any size and any depth takes the memory of its longest token.
//!
//! It accepts exactly what `serde_json` accepts as a value, and integers of any size; [`cursor`] adds a limit of depth
//! and the refusal of duplicate keys, [`scan`] skips a whole value.

pub(crate) mod cursor;
pub(crate) mod keys;
mod kind;
mod number;
pub(crate) mod place;
pub(crate) mod scan;
mod text;

pub use kind::{JsonError, Kind, NonFinite};

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of a document that are held at a time; it stays in the second-level cache.
const WINDOW_BYTES: usize = 256 * 1024;

/// Bytes that are read behind a jump, and of them those before the place: who jumps often goes back as often as on,
/// and never far.
const JUMP_BYTES: usize = 8 * 1024;
const BEFORE_JUMP_BYTES: u64 = 6 * 1024;

/// Tokens of one document.
#[derive(Debug)]
pub struct Tokens<R> {
    input: R,
    window: Vec<u8>,
    /// Offset of the window in the document.
    base: u64,
    filled: usize,
    at: usize,
    /// Where the last call began; bytes from here on stay in the window.
    mark: usize,
    token: std::ops::Range<usize>,
    escaped: bool,
    ended: bool,
    non_finite: NonFinite,
    /// Most bytes that the next read asks for.
    step: usize,
    /// Whether the end of a line ends a value.
    by_line: bool,
}

impl<R: Read + Seek> Tokens<R> {
    /// Starts at the first byte of a document; a byte order mark is refused.
    pub fn new(input: R, non_finite: NonFinite) -> Result<Self, JsonError> {
        Self::with_window(input, non_finite, WINDOW_BYTES)
    }

    /// The same with another size of the window.
    pub fn with_window(input: R, non_finite: NonFinite, bytes: usize) -> Result<Self, JsonError> {
        let mut tokens = Self {
            input,
            window: vec![0; bytes.max(16)],
            base: 0,
            filled: 0,
            at: 0,
            mark: 0,
            token: 0..0,
            escaped: false,
            ended: false,
            non_finite,
            step: usize::MAX,
            by_line: false,
        };
        tokens.top_up(3)?;
        if tokens.rest().starts_with(b"\xef\xbb\xbf") {
            return Err(JsonError::invalid(0, "a byte order mark, which JSON does not have"));
        }
        Ok(tokens)
    }

    /// Reads one value a line from now on, with [`Tokens::next_line`].
    pub(crate) fn by_line(&mut self) {
        self.by_line = true;
    }

    /// Offset of the next byte that is read.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Goes to a byte of the document; one that is in the window costs nothing.
    pub fn seek(&mut self, offset: u64) -> Result<(), JsonError> {
        let inside = offset.checked_sub(self.base).and_then(|gap| usize::try_from(gap).ok());
        if let Some(at) = inside.filter(|at| *at <= self.filled) {
            self.at = at;
        } else {
            let before = offset.min(BEFORE_JUMP_BYTES);
            self.input.seek(SeekFrom::Start(offset - before)).map_err(JsonError::Read)?;
            (self.base, self.at, self.mark, self.filled) = (offset - before, 0, 0, 0);
            (self.ended, self.step) = (false, JUMP_BYTES);
            let before = usize::try_from(before).expect("a few kilobytes");
            while self.filled < before && self.fill()? {}
            self.at = before.min(self.filled);
        }
        self.mark = self.at;
        Ok(())
    }

    /// Takes the last call back.
    pub fn rewind(&mut self) {
        self.at = self.mark;
    }

    /// The bytes of the window that were not read yet.
    pub fn rest(&self) -> &[u8] {
        &self.window[self.at..self.filled]
    }

    /// Reads on until `bytes` are in the window or the document ends.
    pub fn top_up(&mut self, bytes: usize) -> Result<(), JsonError> {
        self.mark = self.at;
        while self.filled - self.at < bytes && self.fill()? {}
        Ok(())
    }

    /// The last token as it stands in the document, strings and keys without their quotes.
    pub fn raw(&self) -> &[u8] {
        &self.window[self.token.clone()]
    }

    pub fn token_offset(&self) -> u64 {
        self.base + self.token.start as u64
    }

    /// The last string or key, its escapes resolved.
    pub fn decoded(&self) -> Cow<'_, [u8]> {
        if self.escaped { Cow::Owned(text::decode(self.raw())) } else { Cow::Borrowed(self.raw()) }
    }

    /// Reads a value, or the opening bracket of one.
    pub fn value(&mut self) -> Result<Kind, JsonError> {
        self.mark = self.at;
        let Some(first) = self.skip_space()? else { return Err(self.cut_short("a value")) };
        self.token = self.at..self.at + 1;
        match first {
            b'"' => {
                self.at += 1;
                self.text()?;
                Ok(Kind::Text)
            }
            b'0'..=b'9' => self.number(),
            b'{' => {
                self.at += 1;
                Ok(Kind::Object)
            }
            b'[' => {
                self.at += 1;
                Ok(Kind::Array)
            }
            b'-' => match self.byte_after(1)? {
                Some(b'I') => self.word(b"-Infinity", Kind::NonFinite),
                _ => self.number(),
            },
            b't' => self.word(b"true", Kind::True),
            b'f' => self.word(b"false", Kind::False),
            b'n' => self.word(b"null", Kind::Null),
            b'N' => self.word(b"NaN", Kind::NonFinite),
            b'I' => self.word(b"Infinity", Kind::NonFinite),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Reads on inside an object: its next key and the colon, or its end. `first` right after the bracket.
    pub fn next_key(&mut self, first: bool) -> Result<bool, JsonError> {
        if !self.next_member(first, b'}', "`,` or `}`")? {
            return Ok(false);
        }
        match self.skip_space()? {
            Some(b'"') => {
                self.at += 1;
                self.text()?;
            }
            Some(_) => return Err(self.unexpected("a key in double quotes")),
            None => return Err(self.cut_short("a key")),
        }
        match self.skip_space()? {
            Some(b':') => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Err(self.unexpected("`:` after the key")),
            None => Err(self.cut_short("`:` after the key")),
        }
    }

    /// Reads on inside an array: to its next element, or past its end. `first` right after the bracket.
    pub fn next_element(&mut self, first: bool) -> Result<bool, JsonError> {
        self.next_member(first, b']', "`,` or `]`")
    }

    /// Whether another line follows in a file of one value a line. `first` at its beginning.
    pub(crate) fn next_line(&mut self, first: bool) -> Result<bool, JsonError> {
        self.mark = self.at;
        if !first {
            match self.skip_space()? {
                Some(b'\n') => self.at += 1,
                Some(_) => return Err(JsonError::invalid(self.offset(), "more than one value in a line")),
                None => return Ok(false),
            }
        }
        match self.skip_space()? {
            Some(b'\n') => Err(JsonError::invalid(self.offset(), "a line without a value")),
            found => Ok(found.is_some()),
        }
    }

    /// Makes sure that nothing but white space follows.
    pub fn finish(&mut self) -> Result<(), JsonError> {
        self.mark = self.at;
        match self.skip_space()? {
            None => Ok(()),
            Some(_) => Err(JsonError::invalid(self.offset(), "more text after the document")),
        }
    }

    fn next_member(&mut self, first: bool, end: u8, wanted: &'static str) -> Result<bool, JsonError> {
        self.mark = self.at;
        match self.skip_space()? {
            Some(found) if found == end => {
                self.at += 1;
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(b',') => {
                self.at += 1;
                if self.skip_space()? == Some(end) {
                    return Err(JsonError::invalid(self.offset(), "a trailing comma"));
                }
                Ok(true)
            }
            Some(_) => Err(self.unexpected(wanted)),
            None => Err(self.cut_short(wanted)),
        }
    }

    #[inline]
    fn skip_space(&mut self) -> Result<Option<u8>, JsonError> {
        loop {
            while let Some(byte) = self.window[..self.filled].get(self.at) {
                if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') || (*byte == b'\n' && self.by_line) {
                    return Ok(Some(*byte));
                }
                self.at += 1;
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// The byte that is `gap` bytes ahead.
    fn byte_after(&mut self, gap: usize) -> Result<Option<u8>, JsonError> {
        while self.filled - self.at <= gap {
            if !self.fill()? {
                return Ok(None);
            }
        }
        Ok(Some(self.window[self.at + gap]))
    }

    fn word(&mut self, word: &'static [u8], kind: Kind) -> Result<Kind, JsonError> {
        for (gap, wanted) in word.iter().enumerate() {
            if self.byte_after(gap)? != Some(*wanted) {
                return Err(self.unexpected("a value"));
            }
        }
        if kind == Kind::NonFinite && self.non_finite == NonFinite::Refuse {
            let word = String::from_utf8_lossy(word).into_owned();
            return Err(JsonError::invalid(self.offset(), format!("`{word}`, which JSON does not have")));
        }
        self.token = self.at..self.at + word.len();
        self.at += word.len();
        Ok(kind)
    }

    fn number(&mut self) -> Result<Kind, JsonError> {
        loop {
            let rest = &self.window[self.at..self.filled];
            let scanned = number::scan(rest);
            // A number that ends with the window may go on behind it.
            let end = match &scanned {
                Ok((length, _)) => *length,
                Err((at, _)) => *at,
            };
            if end == rest.len() && self.fill()? {
                continue;
            }
            self.token = self.at..self.at + end;
            return match scanned {
                Ok((length, kind)) => {
                    self.at += length;
                    Ok(kind)
                }
                Err((at, reason)) => Err(JsonError::invalid(self.offset() + at as u64, reason)),
            };
        }
    }

    /// Reads a string to its closing quote; `at` is behind the opening one.
    fn text(&mut self) -> Result<(), JsonError> {
        self.token.start = self.at;
        self.escaped = false;
        let mut wide = false;
        loop {
            let run = text::plain_run(&self.window[self.at..self.filled]);
            self.at += run.length;
            wide |= run.wide;
            match self.window[..self.filled].get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.escaped = true;
                    // The byte behind it, a quote perhaps, belongs to the escape.
                    if self.byte_after(1)?.is_none() {
                        return Err(self.cut_short("the end of the string"));
                    }
                    self.at += 2;
                }
                Some(_) => return Err(JsonError::invalid(self.offset(), "a control character in a string")),
                None => {
                    if !self.fill()? {
                        return Err(self.cut_short("the end of the string"));
                    }
                }
            }
        }
        self.token.end = self.at;
        self.at += 1;
        let refuse =
            |at: usize, reason: &'static str| JsonError::invalid(self.token_offset() + at as u64, reason);
        if wide && let Err(error) = std::str::from_utf8(self.raw()) {
            return Err(refuse(error.valid_up_to(), "invalid UTF-8"));
        }
        if self.escaped {
            text::check_escapes(self.raw()).map_err(|(at, reason)| refuse(at, reason))?;
        }
        Ok(())
    }

    fn unexpected(&self, wanted: &str) -> JsonError {
        let found = self.window[..self.filled].get(self.at).copied().unwrap_or_default();
        if found == b'\n' && self.by_line {
            return JsonError::invalid(self.offset(), format!("the line ends where {wanted} should be"));
        }
        let found = if found.is_ascii_graphic() {
            format!("`{}`", char::from(found))
        } else {
            format!("byte 0x{found:02x}")
        };
        JsonError::invalid(self.offset(), format!("{found} where {wanted} should be"))
    }

    fn cut_short(&self, wanted: &str) -> JsonError {
        JsonError::invalid(
            self.base + self.filled as u64,
            format!("the document ends where {wanted} should be"),
        )
    }

    /// Reads more into the window, which keeps what follows the mark; false at the end of the document.
    #[cold]
    fn fill(&mut self) -> Result<bool, JsonError> {
        if self.ended {
            return Ok(false);
        }
        if self.mark > 0 {
            let gone = self.mark;
            self.window.copy_within(gone..self.filled, 0);
            self.base += gone as u64;
            self.filled -= gone;
            self.at -= gone;
            self.mark = 0;
            self.token = self.token.start.saturating_sub(gone)..self.token.end.saturating_sub(gone);
        }
        if self.filled == self.window.len() {
            self.window.resize(2 * self.window.len(), 0);
        }
        loop {
            let end = self.window.len().min(self.filled.saturating_add(self.step));
            match self.input.read(&mut self.window[self.filled..end]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(read) => {
                    self.filled += read;
                    // Who reads on behind a jump is likely to go on.
                    self.step = self.step.saturating_mul(2);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(JsonError::Read(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
