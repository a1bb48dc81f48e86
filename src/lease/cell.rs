//! A small record in a file of fixed length, rewritten in place with one write inside one page, so that a
//! kill leaves the old record or the new. (Renaming a new file over the old costs a millisecond of disk
//! on ext4, a thousand times as much, while every contender waits.) A checksum tells a torn or damaged
//! record from a whole one.

use crate::format::json::typed;
use crate::lease::StoreOutage;
use crate::sys::fsio;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Length of the file: one disk sector.
const LENGTH: usize = 512;

/// The record, or `None` where there is no file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreOutage> {
    if !fsio::exists(path).map_err(StoreOutage::new)? {
        return Ok(None);
    }
    let text = fsio::read_text(path).map_err(StoreOutage::new)?;
    if text.len() != LENGTH {
        return Err(damaged(path, format!("{} bytes long instead of {LENGTH}", text.len())));
    }
    let (json, rest) = text.split_once('\n').ok_or_else(|| damaged(path, "one line"))?;
    if rest.trim_end() != checksum(json) {
        return Err(damaged(path, "the checksum differs"));
    }
    typed::read(json).map(Some).map_err(|error| damaged(path, error))
}

/// Replaces the record. The caller keeps other writers out.
pub(crate) fn write(path: &Path, record: &impl Serialize) -> Result<(), StoreOutage> {
    let json = serde_json::to_string(record).map_err(|error| damaged(path, error))?;
    let mut text = format!("{json}\n{}", checksum(&json));
    if text.len() >= LENGTH {
        return Err(damaged(path, "the record is too long"));
    }
    text.push_str(&" ".repeat(LENGTH - 1 - text.len()));
    text.push('\n');
    if !fsio::exists(path).map_err(StoreOutage::new)? {
        return fsio::write_volatile(path, text.as_bytes()).map_err(StoreOutage::new);
    }
    let file = fsio::open_writable(path).map_err(StoreOutage::new)?;
    file.write_all_at(text.as_bytes(), 0).map_err(|error| damaged(path, error))
}

/// The outage of a record that cannot be used.
pub(crate) fn damaged(path: &Path, why: impl std::fmt::Display) -> StoreOutage {
    StoreOutage::new(format!("`{}` cannot be trusted: {why}", path.display()))
}

fn checksum(json: &str) -> String {
    format!("{:08x}", crc32fast::hash(json.as_bytes()))
}
