//! Bytes to values and back. Pure throughout: bytes, text or a `Read` go in; opening files, threads and
//! the check for a stop stay with the caller.

pub(crate) mod config;
pub(crate) mod decimal;
pub(crate) mod duration;
pub(crate) mod exposition;
pub(crate) mod form;
pub(crate) mod hash;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod minisign;
pub(crate) mod node;
pub(crate) mod number;
pub(crate) mod size;
pub(crate) mod text;
pub(crate) mod timestamp;
pub(crate) mod unfinished;
pub(crate) mod zip;
pub(crate) mod zone;

use std::io;

/// Reads some bytes, again where a signal came between.
pub(crate) fn uninterrupted(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
