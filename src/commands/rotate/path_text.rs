//! Paths in documents.

use crate::format::hash;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
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
                let digits = hex.as_bytes().chunks(2);
                let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
                let bytes: Option<Vec<u8>> = digits.map(byte).collect();
                Some(PathBuf::from(OsStr::from_bytes(&bytes?)))
            }
        }
    }
}
