//! Who a request is from, and what of it is never shown.

use crate::report::exit::Fault;
use crate::sys::fsio;
use std::fmt;
use std::path::{Path, PathBuf};

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
    pub(crate) fn reveal(&self) -> &str {
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
    /// A bearer token in a file that is read for each request, so that a token may be rotated.
    BearerFile(PathBuf),
    /// `user:password` in a file that is read for each request.
    BasicFile(PathBuf),
}

impl Auth {
    /// `user:password` as credentials; `name` is what an error calls it.
    pub(crate) fn basic(name: &str, pair: &str) -> Result<Self, Fault> {
        match pair.split_once(':') {
            Some((user, password)) if !user.is_empty() => {
                Ok(Self::Basic { user: user.to_owned(), password: Secret::new(password.to_owned()) })
            }
            _ => Err(Fault::config(format!("{name} is not `user:password`"))),
        }
    }

    /// What the files hold now.
    pub(super) fn read(&self) -> Result<Self, Fault> {
        match self {
            Self::None | Self::Bearer(_) | Self::Basic { .. } => Ok(self.clone()),
            Self::BearerFile(path) => Secret::read(path).map(Self::Bearer),
            Self::BasicFile(path) => {
                Self::basic(&format!("`{}`", path.display()), fsio::read_text(path)?.trim())
            }
        }
    }

    pub(super) fn is_in_file(&self) -> bool {
        match self {
            Self::None | Self::Bearer(_) | Self::Basic { .. } => false,
            Self::BearerFile(_) | Self::BasicFile(_) => true,
        }
    }
}

/// The lines `Name: value` of a file; blank lines and lines that start with `#` do not count.
pub(super) fn read_headers(path: &Path) -> Result<Vec<(String, Secret)>, Fault> {
    let text = fsio::read_text(path)?;
    let mut headers = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| {
            Fault::config(format!("`{}` line {} is not `Name: value`", path.display(), at + 1))
        })?;
        headers.push((name.trim().to_owned(), Secret::new(value.trim().to_owned())));
    }
    Ok(headers)
}
