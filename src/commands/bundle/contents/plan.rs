//! The list of contents of a bundle: files by path, files by pattern, which must be there, how old they
//! may be.

use crate::release::bundle::name;
use serde::Deserialize;
use std::time::Duration;

/// `bundle.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Name of what is released.
    pub(crate) name: String,
    /// Where archives go.
    pub(crate) out: String,
    /// The contents.
    pub(crate) contents: Vec<Entry>,
}

/// One line of the contents: a path or a pattern.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// One file, relative to the root.
    pub(crate) path: Option<String>,
    /// Files of this pattern, relative to the root.
    pub(crate) glob: Option<String>,
    /// Directory of the bundle that they go to by their last component; their own path when left out.
    pub(crate) into: Option<String>,
    /// What they are for.
    pub(crate) description: String,
    /// Whether the bundle cannot be made without one.
    #[serde(default = "yes")]
    pub(crate) required: bool,
    /// Files older than this are left out.
    pub(crate) max_age: Option<String>,
}

fn yes() -> bool {
    true
}

impl Entry {
    /// A pattern of the command line, which must match.
    pub(crate) fn included(glob: &str) -> Self {
        Self {
            path: None,
            glob: Some(glob.to_owned()),
            into: None,
            description: "included by name".to_owned(),
            required: true,
            max_age: None,
        }
    }

    /// The path or the pattern.
    pub(crate) fn source(&self) -> &str {
        self.path.as_deref().or(self.glob.as_deref()).unwrap_or_default()
    }

    /// The largest age, if there is one.
    pub(crate) fn max_age(&self) -> Result<Option<Duration>, String> {
        let parse = |text: &String| {
            humantime::parse_duration(text)
                .map_err(|error| format!("max_age of `{}` is `{text}`: {error}", self.source()))
        };
        self.max_age.as_ref().map(parse).transpose()
    }

    /// Path in the bundle of a file whose path is `source`.
    pub(crate) fn target(&self, source: &str) -> String {
        let last = source.rsplit('/').next().unwrap_or(source);
        match &self.into {
            Some(dir) => format!("{dir}/{last}"),
            None => source.to_owned(),
        }
    }

    /// What is wrong with this line.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.path.is_some() == self.glob.is_some() {
            return Err(format!("entry `{}` needs `path` or `glob`, and not both", self.source()));
        }
        let named = self.path.iter().chain(&self.glob).chain(&self.into);
        for text in named {
            name::check(text.as_bytes()).map_err(|bad| format!("`{text}` {bad}"))?;
        }
        self.max_age().map(|_| ())
    }
}

impl Plan {
    /// What is wrong with the list itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.contents.is_empty() {
            return Err("`contents` is empty; a bundle of nothing proves nothing".to_owned());
        }
        check_name(&self.name)?;
        self.contents.iter().try_for_each(Entry::check)
    }
}

/// Whether `name` can begin the name of an archive.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.starts_with(['.', '-']) || name.len() > 100 || !name.chars().all(is_plain) {
        return Err(format!(
            "name `{name}` must be letters, digits, `.`, `_` and `-`, and begin with neither `.` nor `-`"
        ));
    }
    Ok(())
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
        let plan = |entry: Entry| Plan { name: "x".to_owned(), out: "o".to_owned(), contents: vec![entry] };
        assert_eq!(plan(entry()).check(), Ok(()));
        for (entry, part) in [
            (Entry { path: Some("a".to_owned()), ..entry() }, "not both"),
            (Entry { glob: None, ..entry() }, "needs `path`"),
            (Entry { glob: Some("../x".to_owned()), ..entry() }, "`..`"),
            (Entry { into: Some("/x".to_owned()), ..entry() }, "absolute"),
            (Entry { into: Some("x/".to_owned()), ..entry() }, "is a directory"),
            (Entry { max_age: Some("soon".to_owned()), ..entry() }, "max_age"),
        ] {
            let reason = plan(entry).check().expect_err(part);
            assert!(reason.contains(part), "{reason}");
        }
        let named = |name: &str| Plan { name: name.to_owned(), ..plan(entry()) };
        for name in ["", "a/b", "..", "-x", "a b"] {
            assert!(named(name).check().is_err(), "{name}");
        }
        assert!(Plan { contents: Vec::new(), ..plan(entry()) }.check().is_err());
    }
}
