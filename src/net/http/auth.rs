//! Who a request is from, and what of it is never shown.

use crate::report::exit::Fault;
use crate::sys::fsio;
use std::fmt;
use std::path::Path;

/// A value that is sent and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// Reads the value from a file, without the white space around it; an empty file is refused.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let text = fsio::read_text(path)?;
        match text.trim() {
            "" => Err(Fault::config(format!("the secret file `{}` is empty", path.display()))),
            value => Ok(Self(value.to_owned())),
        }
    }

    /// The value, for the wire only.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// How a request says who it is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// It does not.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// `Authorization: Basic`.
    Basic { user: String, password: Secret },
}
