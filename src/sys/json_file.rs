//! JSON documents on the disk.

use super::fsio;
use crate::format::hash;
use crate::format::json::typed;
use crate::report::exit::Fault;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

/// Reads a type out of a JSON document.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let shown = path.display().to_string();
    typed::read(&fsio::read_text(path)?).map_err(|error| error.fault(&shown))
}

/// Reads a JSON document strictly, and the time its file was last modified.
pub(crate) fn load(path: &Path) -> Result<(Value, Timestamp), Fault> {
    load_hashed(path).map(|(document, modified, _)| (document, modified))
}

/// The same with the SHA-256 of the file's bytes.
pub(crate) fn load_hashed(path: &Path) -> Result<(Value, Timestamp, String), Fault> {
    let shown = path.display().to_string();
    let modified = fsio::metadata(path)?.modified().map_err(|error| fsio::unreadable(path, &error))?;
    let modified = Timestamp::try_from(modified)
        .map_err(|error| Fault::config(format!("failed to load `{shown}`: {error}")))?;
    let text = fsio::read_text(path)?;
    let document = typed::parse(&text).map_err(|error| error.fault(&shown))?;
    Ok((document, modified, hash::sha256(&text)))
}
