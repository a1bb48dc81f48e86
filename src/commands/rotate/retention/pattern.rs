//! Patterns of files and directories, as an operator writes them.

use globset::{GlobBuilder, GlobMatcher};
use std::path::{Path, PathBuf};

/// Names of rotation archives start with this.
pub(crate) const ARCHIVE_PREFIX: &str = "mmops-rotation-";

/// A glob over paths relative to a root; `*` stays within one component, `**` spans them.
///
/// Without a slash it is compared with a name at any depth. `./` in front means nothing, a slash at the end a
/// directory with all below it, and so does a name without wildcards where it is that of a directory. A path that
/// begins with the root, as an operator sees it from the working root, is one relative to the root.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    glob: GlobMatcher,
    whole_path: bool,
    /// Whether it means directories alone.
    only_dirs: bool,
    /// Whether everything below a directory that matches matches, too.
    covers_below: bool,
    /// The pattern within each root whose own path it begins with.
    in_roots: Vec<Option<GlobMatcher>>,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut bare = text;
        while let Some(rest) = bare.strip_prefix("./") {
            bare = rest.trim_start_matches('/');
        }
        let only_dirs = bare.ends_with('/');
        let absolute = text.starts_with('/');
        bare = bare.trim_end_matches('/');
        if bare.is_empty() || absolute || bare.split('/').any(|part| part == "..") {
            return Err(format!("`{text}` is not a pattern: it must be relative to the root"));
        }
        Ok(Self {
            text: bare.to_owned(),
            glob: matcher(bare).map_err(|why| format!("`{text}` is not a pattern: {why}"))?,
            whole_path: bare.contains('/'),
            only_dirs,
            covers_below: only_dirs || !bare.contains(['*', '?', '[', '{', '\\']),
            in_roots: Vec::new(),
        })
    }

    /// One of what always stays: whatever is below a directory that matches does, too.
    pub(crate) fn protecting(text: &str) -> Result<Self, String> {
        let mut pattern = Self::parse(text.strip_suffix("/**").unwrap_or(text))?;
        pattern.whole_path |= text.ends_with("/**");
        pattern.covers_below = true;
        Ok(pattern)
    }

    /// Lets it match paths that begin with one of the roots, as these are called in reports.
    pub(crate) fn bind<'r>(&mut self, roots: impl Iterator<Item = &'r str>) {
        let within = |root: &str| {
            let rest = self.text.strip_prefix(root)?.strip_prefix('/')?;
            matcher(rest).ok()
        };
        self.in_roots = roots.map(within).collect();
    }

    /// As it was written, without what means nothing.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names rotation archives, which no other pattern touches.
    pub(crate) fn names_archives(&self) -> bool {
        self.text.rsplit('/').next().is_some_and(|last| last.starts_with(ARCHIVE_PREFIX))
    }

    /// Whether a file matches, by its path below a root and its name; the path is built only when it is needed.
    pub(crate) fn matches(&self, root: usize, path: impl FnOnce() -> PathBuf, name: &Path) -> bool {
        if !self.whole_path && !self.only_dirs && self.glob.is_match(name) {
            return true;
        }
        if !self.whole_path && !self.covers_below {
            return false;
        }
        let path = path();
        let itself = !self.only_dirs && self.hits(root, &path);
        itself || path.parent().is_some_and(|above| self.covers(root, above))
    }

    /// The same of a directory.
    pub(crate) fn matches_dir(&self, root: usize, path: &Path) -> bool {
        self.hits(root, path) || self.covers(root, path)
    }

    fn covers(&self, root: usize, dir: &Path) -> bool {
        let mut dirs = dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty());
        self.covers_below && dirs.any(|dir| self.hits(root, dir))
    }

    fn hits(&self, root: usize, path: &Path) -> bool {
        if !self.whole_path {
            return path.file_name().is_some_and(|name| self.glob.is_match(Path::new(name)));
        }
        let in_root = self.in_roots.get(root).and_then(Option::as_ref);
        self.glob.is_match(path) || in_root.is_some_and(|glob| glob.is_match(path))
    }
}

fn matcher(text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(mut pattern: Pattern, path: &str) -> bool {
        pattern.bind(std::iter::once("artifacts"));
        let path = Path::new(path);
        pattern.matches(0, || path.to_owned(), Path::new(path.file_name().expect("a name")))
    }

    #[test]
    fn every_spelling_of_a_pattern_means_what_an_operator_means() {
        for (pattern, path, as_rule, as_protect) in [
            ("*.json", "a/b/x.json", true, true),
            ("*.json", "x.jsonl", false, false),
            ("*.d", "x.d/file", false, true),
            ("a/*.json", "a/b/x.json", false, false),
            ("a/**/*.json", "a/b/x.json", true, true),
            ("a/**/*.json", "a/x.json", true, true),
            ("./important.log", "important.log", true, true),
            ("artifacts/important.log", "important.log", true, true),
            ("./artifacts/important.log", "important.log", true, true),
            ("artifacts/important.log", "sub/important.log", false, false),
            ("release", "release/a/b", true, true),
            ("release/", "release/a", true, true),
            ("release/", "release", false, false),
            ("./release/**", "release/a", true, true),
            ("release/**", "old/release/a", false, false),
            ("artifacts/release", "release/a/b", true, true),
            ("artifacts/release/", "release/a/b", true, true),
            ("logs/", "deep/logs/x", true, true),
            ("relaese", "release/a", false, false),
        ] {
            let parsed = [Pattern::parse(pattern), Pattern::protecting(pattern)];
            let found = parsed.map(|parsed| matches(parsed.expect("valid"), path));
            assert_eq!(found, [as_rule, as_protect], "{pattern} {path}");
        }
    }

    #[test]
    fn what_leaves_the_root_is_no_pattern() {
        for text in ["", "./", "/etc/*", "../x", "a/../b", "[x"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
