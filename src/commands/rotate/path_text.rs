//! Paths in documents.

use crate::format::hash;
use ct_codecs::{Decoder as _, Hex};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// A path as text; bytes that are no UTF-8 are kept in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(super) enum PathText {
    /// The path.
    Text(String),
    /// The path's bytes.
    Hex {
        /// Two digits a byte.
        hex: String,
    },
}

impl PathText {
    /// The text of a path.
    pub(super) fn of(path: &Path) -> Self {
        path.to_str().map_or_else(
            || Self::Hex { hex: hash::hex(path.as_os_str().as_bytes()) },
            |text| Self::Text(text.to_owned()),
        )
    }

    /// The path, unless the hexadecimal is none.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Text(text) => Some(PathBuf::from(text)),
            Self::Hex { hex } => {
                let bytes = Hex::decode_to_vec(hex, None).ok()?;
                Some(PathBuf::from(OsString::from_vec(bytes)))
            }
        }
    }
}
