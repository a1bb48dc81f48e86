//! Where the bytes of a scan come from.

use crate::commands::scan_secrets::detect::encoding::HEAD;
use crate::format::uninterrupted;
use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};

/// A file, which can be read again from its start.
pub(super) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

pub(super) enum Input<'i> {
    Seekable(&'i mut dyn ReadSeek),
    Reader(&'i mut dyn Read),
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Seekable(file) => file.read(buffer),
            Input::Reader(reader) => reader.read(buffer),
        }
    }
}

/// A reader that fails when it has given as much as it may.
pub(super) struct Metered<R> {
    pub(super) inner: R,
    pub(super) left: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count as u64 > self.left {
            self.left = 0;
            return Err(io::Error::other("the archive unpacks to more than --max-archive-mb allows"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Reads until `buffer` is full or the input ends; `filled` bytes of it are taken already.
pub(super) fn fill(input: &mut impl Read, buffer: &mut [u8], mut filled: usize) -> io::Result<usize> {
    debug_assert!(buffer.len() >= HEAD);
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads from any position of a reader that has one of its own.
pub(super) struct Positioned<'r, R>(pub(super) RefCell<&'r mut R>);

impl<R: Read + Seek> rawzip::ReaderAt for Positioned<'_, R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut reader = self.0.borrow_mut();
        reader.seek(SeekFrom::Start(offset))?;
        uninterrupted(|| reader.read(buffer))
    }
}
