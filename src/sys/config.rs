//! Configuration files: which one counts, and its content.

pub(crate) use crate::format::config::{Format, Source, parse};

use super::fsio;
use crate::report::exit::Fault;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Loads a file the operator named; a missing one is a fault, never a default.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let format = Format::of(path)?;
    parse(&fsio::read_text(path)?, format, &path.display().to_string())
}

impl Source {
    /// The file that was named, which must be there; else the root's own one; else the built-in text, which
    /// is YAML, and of which `what` tells the operator. Paths are resolved against `root`.
    pub(crate) fn of(
        named: Option<&Path>,
        own: &str,
        built_in: &str,
        what: &str,
        root: &Path,
    ) -> Result<Self, Fault> {
        let named = named.map(|path| (root.join(path), path.display().to_string()));
        let file = match named {
            Some(named) => Some(named),
            None => fsio::exists(&root.join(own))?.then(|| (root.join(own), own.to_owned())),
        };
        let Some((path, name)) = file else {
            tracing::info!("using built-in {what}");
            let (text, shown) = (built_in.to_owned(), format!("built-in {own}"));
            return Ok(Self { text, file: None, format: Format::Yaml, shown });
        };
        let (format, shown) = (Format::of(&path)?, path.display().to_string());
        Ok(Self { text: fsio::read_text(&path)?, file: Some(name), format, shown })
    }
}
