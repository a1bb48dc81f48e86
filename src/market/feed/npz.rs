//! hftbacktest's own format: a zip archive with one structured array, `data`, of 64-byte events.

use crate::exit::Fault;
use crate::market::feed::quality::Limits;
use crate::market::feed::{Feed, refused};

/// Reads a feed from the bytes of an archive.
pub(super) fn read(shown: &str, bytes: &[u8], limits: &Limits) -> Result<Feed, Fault> {
    let _ = (bytes, limits);
    Err(refused(shown, "no reader for it yet"))
}
