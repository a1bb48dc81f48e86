//! Names of files in a bundle: which ones are safe on every machine that may unpack it.

use std::collections::BTreeMap;

/// Longest name, in bytes; headers have 16 bits for it and file systems have less.
const LONGEST: usize = 1024;

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameError {
    /// The fixed name of the violation.
    pub(crate) kind: &'static str,
    /// What is wrong, to be written behind the name.
    pub(crate) reason: &'static str,
}

/// Checks the name of one file.
pub(crate) fn check(name: &[u8]) -> Result<&str, NameError> {
    let refuse = |kind, reason| Err(NameError { kind, reason });
    let Ok(name) = std::str::from_utf8(name) else { return refuse("unsafe-name", "is not UTF-8") };
    let has_drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    if name.starts_with(['/', '\\']) || has_drive {
        return refuse("absolute-name", "is absolute");
    }
    if name.split(['/', '\\']).any(|part| part == "..") {
        return refuse("escaping-name", "has a component `..`");
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
    refuse("unsafe-name", reason)
}

/// Two names that no machine may keep apart: equal when case is folded, or one a directory of the other.
pub(crate) fn clash<'a>(names: impl Iterator<Item = &'a str>) -> Option<(&'a str, &'a str)> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(name.to_lowercase(), name) {
            return Some((first, name));
        }
    }
    seen.iter().find_map(|(folded, name)| {
        let above = folded.match_indices('/').find_map(|(at, _)| seen.get(&folded[..at]));
        above.map(|first| (*first, *name))
    })
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
            assert_eq!(check(name.as_bytes()).expect_err(name).kind, reason, "{name:?}");
        }
        assert_eq!(check(b"a\xff"), Err(NameError { kind: "unsafe-name", reason: "is not UTF-8" }));
        for name in ["a", "..a/b..", "deploy/grafana/x.json", "Gr\u{fc}\u{df}e/a b.txt"] {
            assert_eq!(check(name.as_bytes()), Ok(name));
        }
    }

    #[test]
    fn names_that_a_file_system_may_not_keep_apart_clash() {
        assert_eq!(clash(["README.md", "b", "readme.md"].into_iter()), Some(("README.md", "readme.md")));
        assert_eq!(clash(["a/b", "a"].into_iter()), Some(("a", "a/b")));
        assert_eq!(clash(["A", "a/b/c"].into_iter()), Some(("A", "a/b/c")));
        assert_eq!(clash(["a", "ab", "b/a"].into_iter()), None);
    }
}
