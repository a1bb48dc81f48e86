//! Typed configuration from YAML, JSON or TOML by extension. Unknown keys are refused and the nearest
//! valid one is named; every error has the file, the line, the column and the path in the document.

mod plain;
mod toml;
mod yaml;

use crate::format::json::typed;
use crate::format::node::{Dialect, Error, Node, Tree};
use crate::report::exit::Fault;
use serde::de::DeserializeOwned;
use std::path::Path;

/// A configuration language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Yaml,
    Json,
    Toml,
}

impl Format {
    /// The language of a file, by its extension.
    pub(crate) fn of(path: &Path) -> Result<Self, Fault> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => Ok(Self::Yaml),
            Some("json") => Ok(Self::Json),
            Some("toml") => Ok(Self::Toml),
            _ => Err(Fault::config(format!(
                "failed to load `{}`: the extension must be .yaml, .yml, .json or .toml",
                path.display()
            ))),
        }
    }

    fn tree(self, text: &str) -> Result<Tree<'_>, Error> {
        match self {
            Self::Yaml => yaml::parse(text),
            Self::Json => typed::tree(text, Dialect { plain_text: false, one_or_many: true }),
            Self::Toml => toml::parse(text),
        }
    }
}

/// A configuration text, and where it comes from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) text: String,
    /// Its file as it was named, or the default one; `None` for the built-in text.
    pub(crate) file: Option<String>,
    pub(crate) format: Format,
    /// What stands for it in errors.
    pub(crate) shown: String,
}

impl Source {
    /// The file, or `built-in`, as reports name it.
    pub(crate) fn name(&self) -> String {
        self.file.clone().unwrap_or_else(|| "built-in".to_owned())
    }

    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        parse(&self.text, self.format, &self.shown)
    }
}

/// Decodes configuration text; `name` stands for it in errors.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, format: Format, name: &str) -> Result<T, Fault> {
    let says_nothing = |line: &str| line.is_empty() || line == "---" || line.starts_with('#');
    if text.lines().all(|line| says_nothing(line.trim())) {
        return Err(Error::syntax_at("the file is empty", None).fault(name));
    }
    read(text, format).map_err(|error| error.fault(name))
}

/// The values of a text, for who compares rather than reads them.
pub(crate) fn node(text: &str, format: Format) -> Result<Node, Error> {
    Ok(format.tree(text)?.into_root())
}

/// The same for a text that may be empty.
pub(crate) fn read<T: DeserializeOwned>(text: &str, format: Format) -> Result<T, Error> {
    format.tree(text)?.read()
}

#[cfg(test)]
mod tests;
