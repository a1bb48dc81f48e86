//! Names of files in a bundle: which ones are safe on every machine that may unpack it.

use std::collections::BTreeMap;
use std::fmt;

/// Longest name, in bytes; headers have 16 bits for it and file systems have less.
const LONGEST: usize = 1024;

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    /// It begins at the root of a file system or at a drive.
    Absolute,
    Escaping,
    /// It is empty, too long, not normal, or has bytes that some machine reads as something else.
    Unsafe(&'static str),
}

impl NameError {
    /// The fixed name of the violation.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Absolute => "absolute-name",
            Self::Escaping => "escaping-name",
            Self::Unsafe(_) => "unsafe-name",
        }
    }
}

/// What is wrong, to be written behind the name.
impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absolute => "is absolute",
            Self::Escaping => "has a component `..`",
            Self::Unsafe(reason) => reason,
        })
    }
}

impl std::error::Error for NameError {}

/// Checks the name of one file.
pub(crate) fn check(name: &[u8]) -> Result<&str, NameError> {
    let name = std::str::from_utf8(name).map_err(|_| NameError::Unsafe("is not UTF-8"))?;
    let has_drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    if name.starts_with(['/', '\\']) || has_drive {
        return Err(NameError::Absolute);
    }
    if name.split(['/', '\\']).any(|part| part == "..") {
        return Err(NameError::Escaping);
    }
    let reason = match name {
        _ if name.is_empty() => "is empty",
        _ if name.len() > LONGEST => "is longer than 1024 bytes",
        _ if name.contains('\\') => "has a backslash",
        _ if name.chars().any(char::is_control) => "has a control character",
        _ if name.ends_with('/') => "is a directory",
        _ if name.split('/').any(|part| part.is_empty() || part == ".") => "has an empty component or `.`",
        _ => return Ok(name),
    };
    Err(NameError::Unsafe(reason))
}

/// Two names that no machine may keep apart: equal when case is folded, or one a directory of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clash {
    pub(crate) first: String,
    pub(crate) second: String,
}

pub(crate) fn clash<'a>(names: impl Iterator<Item = &'a str>) -> Option<Clash> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let found =
        |first: &str, second: &str| Some(Clash { first: first.to_owned(), second: second.to_owned() });
    for name in names {
        if let Some(first) = seen.insert(name.to_lowercase(), name) {
            return found(first, name);
        }
    }
    for (folded, name) in &seen {
        let above = folded.match_indices('/').find_map(|(at, _)| seen.get(&folded[..at]));
        if let Some(first) = above {
            return found(first, name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_or_confuse_are_refused_each_for_its_reason() {
        for (name, reason) in [
            ("/etc/passwd", "absolute-name"),
            ("\\\\host\\share", "absolute-name"),
            ("C:/x", "absolute-name"),
            ("../x", "escaping-name"),
            ("a/../../x", "escaping-name"),
            ("a\\..\\x", "escaping-name"),
            ("", "unsafe-name"),
            ("a//b", "unsafe-name"),
            ("./a", "unsafe-name"),
            ("a/", "unsafe-name"),
            ("a\0b", "unsafe-name"),
            ("a\nb", "unsafe-name"),
            ("a\\b", "unsafe-name"),
        ] {
            assert_eq!(check(name.as_bytes()).expect_err(name).kind(), reason, "{name:?}");
        }
        assert_eq!(check(b"a\xff"), Err(NameError::Unsafe("is not UTF-8")));
        for name in ["a", "..a/b..", "deploy/grafana/x.json", "Gr\u{fc}\u{df}e/a b.txt"] {
            assert_eq!(check(name.as_bytes()), Ok(name));
        }
    }

    #[test]
    fn names_that_a_file_system_may_not_keep_apart_clash() {
        let pair = |names: &[&str]| clash(names.iter().copied()).map(|clash| (clash.first, clash.second));
        assert_eq!(pair(&["README.md", "b", "readme.md"]), Some(("README.md".into(), "readme.md".into())));
        assert_eq!(pair(&["a/b", "a"]), Some(("a".into(), "a/b".into())));
        assert_eq!(pair(&["A", "a/b/c"]), Some(("A".into(), "a/b/c".into())));
        assert_eq!(pair(&["a", "ab", "b/a"]), None);
    }
}
