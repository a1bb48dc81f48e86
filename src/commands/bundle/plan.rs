//! The list of contents of a bundle: files by path, files by pattern, which must be there, how old they
//! may be.

use crate::format::duration;
use crate::release::bundle::name;
pub(super) use crate::release::bundle::name::check_product as check_name;
use anyhow::{anyhow, ensure};
use serde::Deserialize;
use std::time::Duration;

/// `bundle.yaml`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundlePlan {
    /// Name of what is released.
    pub(super) name: String,
    /// Where archives go.
    pub(super) out: String,
    pub(super) contents: Vec<Entry>,
}

/// One line of the contents: a path or a pattern.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// One file, relative to the root.
    pub(super) path: Option<String>,
    /// Files of this pattern, relative to the root.
    pub(super) glob: Option<String>,
    /// Directory of the bundle that they go to by their last component; their own path when left out.
    pub(super) into: Option<String>,
    pub(super) description: String,
    /// Whether the bundle cannot be made without one.
    #[serde(default = "yes")]
    pub(super) required: bool,
    /// Files older than this are left out.
    pub(super) max_age: Option<String>,
}

fn yes() -> bool {
    true
}

impl Entry {
    /// A pattern of the command line, which must match.
    pub(super) fn included(glob: &str) -> Self {
        Self {
            path: None,
            glob: Some(glob.to_owned()),
            into: None,
            description: "included by name".to_owned(),
            required: true,
            max_age: None,
        }
    }

    pub(super) fn source(&self) -> &str {
        self.path.as_deref().or(self.glob.as_deref()).unwrap_or_default()
    }

    pub(super) fn max_age(&self) -> anyhow::Result<Option<Duration>> {
        let parse = |text: &String| {
            duration::parse(text)
                .map_err(|error| anyhow!("max_age of `{}` is `{text}`: {error}", self.source()))
        };
        self.max_age.as_ref().map(parse).transpose()
    }

    /// Path in the bundle of a file whose path is `source`.
    pub(super) fn target(&self, source: &str) -> String {
        let last = source.rsplit('/').next().unwrap_or(source);
        match &self.into {
            Some(dir) => format!("{dir}/{last}"),
            None => source.to_owned(),
        }
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        let is_one = self.path.is_some() != self.glob.is_some();
        ensure!(is_one, "entry `{}` needs `path` or `glob`, and not both", self.source());
        for text in self.path.iter().chain(&self.glob).chain(&self.into) {
            // What becomes of it in the bundle is checked file by file.
            name::check_path(text.as_bytes()).map_err(|bad| anyhow!("`{text}` {}", bad.reason))?;
        }
        self.max_age().map(|_| ())
    }
}

impl BundlePlan {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.contents.is_empty(), "`contents` is empty; a bundle of nothing proves nothing");
        check_name(&self.name)?;
        self.contents.iter().try_for_each(Entry::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry::included("artifacts/*.json")
    }

    #[test]
    fn a_file_keeps_its_path_unless_it_goes_into_a_directory() {
        assert_eq!(entry().target("artifacts/x.json"), "artifacts/x.json");
        let moved = Entry { into: Some("reports".to_owned()), ..entry() };
        assert_eq!(moved.target("artifacts/x.json"), "reports/x.json");
    }

    #[test]
    fn a_plan_that_says_nothing_or_too_much_is_refused() {
        let plan =
            |entry: Entry| BundlePlan { name: "x".to_owned(), out: "o".to_owned(), contents: vec![entry] };
        plan(entry()).check().expect("a plan");
        for (entry, part) in [
            (Entry { path: Some("a".to_owned()), ..entry() }, "not both"),
            (Entry { glob: None, ..entry() }, "needs `path`"),
            (Entry { glob: Some("../x".to_owned()), ..entry() }, "`..`"),
            (Entry { into: Some("/x".to_owned()), ..entry() }, "absolute"),
            (Entry { into: Some("x/".to_owned()), ..entry() }, "is a directory"),
            (Entry { max_age: Some("soon".to_owned()), ..entry() }, "max_age"),
        ] {
            let reason = plan(entry).check().expect_err(part).to_string();
            assert!(reason.contains(part), "{reason}");
        }
        let named = |name: &str| BundlePlan { name: name.to_owned(), ..plan(entry()) };
        for name in ["", "a/b", "..", "-x", "a b"] {
            assert!(named(name).check().is_err(), "{name}");
        }
        assert!(BundlePlan { contents: Vec::new(), ..plan(entry()) }.check().is_err());
    }
}
