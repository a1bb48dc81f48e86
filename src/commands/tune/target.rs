//! The overrides file of the bot, as it stands on the disk.

use crate::ctx::Ctx;
use crate::format::hash;
use crate::format::json::typed;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::tuning::overrides::Overrides;
use serde_json::Value;
use std::path::Path;

pub(super) struct TargetFile {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
    pub(super) overrides: Overrides,
}

/// Reads an overrides file; one that is not a JSON object is refused rather than replaced.
pub(super) fn read(path: &Path, ctx: &Ctx) -> Result<Option<TargetFile>, Fault> {
    if !fsio::exists(path)? {
        return Ok(None);
    }
    let text = fsio::read_text(path)?;
    let overrides = parse(&text, &ctx.show(path))?;
    let bytes = text.into_bytes();
    Ok(Some(TargetFile { sha256: hash::sha256(&bytes), bytes, overrides }))
}

/// A key that stands there twice is refused: the bot may take the other of the two values.
pub(super) fn parse(text: &str, shown: &str) -> Result<Overrides, Fault> {
    match typed::parse(text).map_err(|error| error.fault(shown))? {
        Value::Object(map) => Ok(map.into_iter().collect()),
        _ => Err(Fault::config(format!("failed to load `{shown}`: it is not a JSON object"))),
    }
}
