//! Configuration files: which one counts, and its content.

pub(crate) use crate::format::config::{Format, Source, parse};

use super::fsio::{self, SizeLimit};
use crate::format::hash;
use crate::report::exit::Fault;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A configuration that a run went by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ConfigUsed {
    /// What it is by default, such as `deploy/soak/gates.yaml`; absent where there is no default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    /// Its file as it was named, or `built-in`.
    file: String,
    /// SHA-256 of its text.
    sha256: String,
}

impl ConfigUsed {
    /// What stands for `default` in this run.
    pub(crate) fn of(source: &Source, default: &str) -> Self {
        let sha256 = hash::sha256(source.text.as_bytes());
        Self { default: Some(default.to_owned()), file: source.name(), sha256 }
    }
}

/// The configuration that a run reads, and a note of each; every copy stands for the same.
#[derive(Clone, Debug)]
pub(crate) struct Configs {
    root: PathBuf,
    used: Arc<Mutex<Vec<ConfigUsed>>>,
}

impl Configs {
    /// Paths are resolved against `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), used: Arc::default() }
    }

    /// The configuration that was named, else the root's own, else the built-in text, of which `what` tells the
    /// operator.
    pub(crate) fn choose(
        &self,
        named: Option<&Path>,
        own: &str,
        built_in: &str,
        what: &str,
    ) -> Result<Source, Fault> {
        let source = Source::of(named, own, built_in, what, &self.root)?;
        self.add(ConfigUsed::of(&source, own));
        Ok(source)
    }

    /// What the same configuration says, before the run goes by it: without a word to the operator, and nothing
    /// where it cannot be read.
    pub(crate) fn peek<T: DeserializeOwned>(
        &self,
        named: Option<&Path>,
        own: &str,
        built_in: &str,
    ) -> Option<T> {
        let path = self.root.join(named.unwrap_or(Path::new(own)));
        if named.is_none() && fsio::exists(&path).ok() == Some(false) {
            return parse(built_in, Format::Yaml, own).ok();
        }
        if fsio::names_descriptor(&path) {
            // What a shell passes can be read once.
            return None;
        }
        let text = fsio::read_text_within(&path, SizeLimit::Configuration).ok()?;
        parse(&text, Format::of(&path).ok()?, own).ok()
    }

    /// The configuration in a file that must be there.
    pub(crate) fn load<T: DeserializeOwned>(&self, path: &Path) -> Result<T, Fault> {
        let (value, used) = load(&self.root.join(path), path.display().to_string())?;
        self.add(used);
        Ok(value)
    }

    fn add(&self, used: ConfigUsed) {
        let mut all = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(used);
        all.sort();
        all.dedup();
    }

    /// What was read so far, each file once.
    pub(crate) fn used(&self) -> Vec<ConfigUsed> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Loads a file the operator named, `name` to them; a missing one is a fault, never a default.
fn load<T: DeserializeOwned>(path: &Path, name: String) -> Result<(T, ConfigUsed), Fault> {
    let text = fsio::read_text_within(path, SizeLimit::Configuration)?;
    let value = parse(&text, format_of(path)?, &path.display().to_string())?;
    Ok((value, ConfigUsed { default: None, file: name, sha256: hash::sha256(text.as_bytes()) }))
}

/// The language of a file. What a shell passes by its descriptor has no extension, and is read as YAML, which
/// JSON is as well.
fn format_of(path: &Path) -> Result<Format, Fault> {
    if fsio::names_descriptor(path) { Ok(Format::Yaml) } else { Format::of(path) }
}

impl Source {
    /// The file that was named, which must be there; else the root's own one; else the built-in text, which
    /// is YAML, and of which `what` tells the operator. Paths are resolved against `root`.
    ///
    /// The built-in text stands in only where nothing speaks of a file of one's own: neither the same name with
    /// another extension, nor one in the repository above.
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
            if let Some(passed_over) = passed_over(own, root)? {
                let message = format!("`{own}` is not there, but `{}` is", passed_over.display());
                let hint =
                    "name it on the command line, give it that name, or run from its directory with --root";
                return Err(Fault::config(message).hint(hint));
            }
            tracing::info!("using built-in {what}");
            let (text, shown) = (built_in.to_owned(), format!("built-in {own}"));
            return Ok(Self { text, file: None, format: Format::Yaml, shown });
        };
        let (format, shown) = (format_of(&path)?, path.display().to_string());
        let text = fsio::read_text_within(&path, SizeLimit::Configuration)?;
        Ok(Self { text, file: Some(name), format, shown })
    }
}

/// A file that somebody may well have meant to be `own` of this root.
fn passed_over(own: &str, root: &Path) -> Result<Option<PathBuf>, Fault> {
    for dir in std::iter::once(root).chain(above_in_repository(root)?) {
        for extension in ["yaml", "yml", "json", "toml"] {
            let path = dir.join(own).with_extension(extension);
            if fsio::exists(&path)? {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

/// The directories above the root up to that of its repository; none where there is no repository.
fn above_in_repository(root: &Path) -> Result<Vec<&Path>, Fault> {
    let mut above = Vec::new();
    for (depth, dir) in root.ancestors().enumerate() {
        if depth > 0 {
            above.push(dir);
        }
        if fsio::exists(&dir.join(".git"))? {
            return Ok(above);
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fsio::{scratch_dir, write_atomic};

    const OWN: &str = "deploy/soak/gates.yaml";

    fn choose(root: &Path) -> Result<Source, Fault> {
        Source::of(None, OWN, "profiles: {}", "gates", root)
    }

    #[test]
    fn the_built_in_text_stands_in_for_nothing_that_is_there_under_another_name() {
        let dir = scratch_dir("config").expect("a directory");
        let root = dir.path().join("service/sub");
        fsio::create_dir(&root).expect("created");
        assert_eq!(choose(&root).expect("built in").name(), "built-in");
        for (place, extension) in [("service/sub", "yml"), ("service/sub", "toml"), ("service", "json")] {
            let own = dir.path().join(place).join(OWN);
            let path = own.with_extension(extension);
            write_atomic(&path, b"{}").expect("written");
            if place == "service" {
                // Outside a repository nothing says that the two belong together.
                assert_eq!(choose(&root).expect("built in").name(), "built-in");
                fsio::create_dir(&dir.path().join(".git")).expect("created");
            }
            let message = choose(&root).expect_err("refused").to_string();
            assert!(message.contains(&format!("`{}` is", path.display())), "{message}");
            fsio::remove(&path).expect("removed");
        }
        fsio::create_dir(&root.join(".git")).expect("created");
        write_atomic(&dir.path().join(OWN), b"{}").expect("written");
        assert_eq!(choose(&root).expect("another repository").name(), "built-in");
    }
}
