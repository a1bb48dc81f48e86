//! Names of files in a bundle: which ones every machine that may unpack it keeps as they are, and keeps apart.

use anyhow::ensure;
use std::collections::BTreeMap;
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

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

/// Names that Windows keeps for devices, whatever follows them behind a dot.
const DEVICES: [&str; 7] = ["aux", "clock$", "con", "conin$", "conout$", "nul", "prn"];

/// Characters that Windows allows in no name.
const NOT_ON_WINDOWS: [char; 7] = ['<', '>', ':', '"', '|', '?', '*'];

/// Checks the name of one file.
pub(crate) fn check(name: &[u8]) -> Result<&str, NameError> {
    let name = check_path(name)?;
    match name.split('/').find_map(unportable) {
        Some(reason) => Err(NameError { kind: "unportable-name", reason }),
        None => Ok(name),
    }
}

/// Why some machine cannot have a file of this name, or has it under another.
fn unportable(part: &str) -> Option<&'static str> {
    let folded = folded(part);
    let stem = folded.split('.').next().unwrap_or_default().trim_end();
    match part {
        _ if part.ends_with(['.', ' ']) => Some("has a component that ends with a dot or a space"),
        _ if part.contains(NOT_ON_WINDOWS) => Some("has one of the characters `<>:\"|?*`"),
        _ if part.chars().any(is_invisible) => Some("has a character that is invisible or turns text around"),
        _ if [".git", "git~1"].contains(&&*folded) => Some("has a component that git keeps for itself"),
        _ if DEVICES.contains(&stem) || is_port(stem) => {
            Some("has a component that Windows keeps for a device")
        }
        _ => None,
    }
}

/// `com1`, `lpt9` and their like, with the superscript digits that Windows takes for digits.
fn is_port(stem: &str) -> bool {
    let Some(number) = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")) else { return false };
    let mut digits = number.chars();
    let first = digits.next();
    matches!(first, Some('0'..='9' | '\u{b2}' | '\u{b3}' | '\u{b9}')) && digits.next().is_none()
}

/// Characters that are not seen, some of which file systems of macOS leave out when they compare names, and those
/// by which a name is read as another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// What two names have in common that differ in case or in how their letters are composed.
fn folded(name: &str) -> String {
    let decomposed: String = name.nfd().collect();
    UniCase::unicode(decomposed).to_folded_case().nfd().collect()
}

/// Checks the name of a product, with which the name of an archive or a folder begins.
pub(crate) fn check_product(name: &str) -> anyhow::Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_usable = !name.is_empty() && !name.starts_with(['.', '-']) && name.len() <= 100;
    ensure!(
        is_usable && name.chars().all(is_plain),
        "name `{}` must be letters, digits, `.`, `_` and `-`, and begin with neither `.` nor `-`",
        name.escape_debug()
    );
    Ok(())
}

/// Checks a path of which no more is known than that it stays below the root and has one spelling; a pattern too.
pub(crate) fn check_path(name: &[u8]) -> Result<&str, NameError> {
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

/// Two names that some machine does not keep apart: equal when case and composition are folded, or one a directory
/// of the other, or in directories that are equal so.
pub(crate) fn clash<'a>(names: impl Iterator<Item = &'a str>) -> Option<(&'a str, &'a str)> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut dirs: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for name in names {
        for (at, _) in name.match_indices('/') {
            let (dir, first) = *dirs.entry(folded(&name[..at])).or_insert((&name[..at], name));
            if dir != &name[..at] {
                return Some((first, name));
            }
        }
        if let Some(first) = seen.insert(folded(name), name) {
            return Some((first, name));
        }
    }
    seen.iter().find_map(|(folded, name)| {
        let above = folded.match_indices('/').find_map(|(at, _)| seen.get(&folded[..at]));
        above.map(|first| (*first, *name))
    })
}

/// How a release is called in titles. One that is named by its version has it once.
pub(crate) fn title(name: &str, version: &str) -> String {
    let is_its_version = name.strip_prefix('v').unwrap_or(name) == version;
    if is_its_version { name.to_owned() } else { format!("{name} {version}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_a_version_once() {
        for (name, expected) in [("mm-bot", "mm-bot 1.2.3"), ("v1.2.3", "v1.2.3"), ("1.2.3", "1.2.3")] {
            assert_eq!(title(name, "1.2.3"), expected);
        }
        assert_eq!(title("v1.2", "1.2.3"), "v1.2 1.2.3");
    }

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
            ("a.", "unportable-name"),
            ("a /b", "unportable-name"),
            ("ab:c", "unportable-name"),
            ("a*b", "unportable-name"),
            ("x/CON", "unportable-name"),
            ("nul.txt", "unportable-name"),
            ("Com\u{b9}.x", "unportable-name"),
            ("lpt9", "unportable-name"),
            ("a\u{202e}gpj.exe", "unportable-name"),
            ("a\u{200d}", "unportable-name"),
            ("a\u{3164}", "unportable-name"),
            ("\u{2800}/x", "unportable-name"),
            ("VERSION\u{fe0f}", "unportable-name"),
            (".git/config", "unportable-name"),
            ("x/.GIT/hooks/post-checkout", "unportable-name"),
            (".g\u{200c}it/config", "unportable-name"),
            ("GIT~1/config", "unportable-name"),
        ] {
            assert_eq!(check(name.as_bytes()).expect_err(name).kind, reason, "{name:?}");
        }
        assert_eq!(check(b"a\xff"), Err(NameError { kind: "unsafe-name", reason: "is not UTF-8" }));
        for name in [
            "a",
            "..a/b..c",
            "deploy/grafana/x.json",
            "Gr\u{fc}\u{df}e/a b.txt",
            ".github/x.yml",
            ".gitignore",
            "console.log",
            "com10",
            "aux-1",
        ] {
            assert_eq!(check(name.as_bytes()), Ok(name));
        }
    }

    #[test]
    fn names_that_a_file_system_may_not_keep_apart_clash() {
        assert_eq!(clash(["README.md", "b", "readme.md"].into_iter()), Some(("README.md", "readme.md")));
        assert_eq!(clash(["a/b", "a"].into_iter()), Some(("a", "a/b")));
        assert_eq!(clash(["A", "a/b/c"].into_iter()), Some(("A", "a/b/c")));
        for (first, second) in [
            ("docs/d/a", "docs/D/b"),
            ("stra\u{df}e", "STRASSE"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("CAF\u{c9}/x", "cafe\u{301}"),
            ("\u{212a}elvin", "kelvin"),
            ("\u{3a3}", "\u{3c2}"),
            ("\u{fb01}n", "FIN"),
        ] {
            assert!(clash([first, second].into_iter()).is_some(), "{first} {second}");
        }
        assert_eq!(clash(["a", "ab", "b/a", "\u{e9}", "e"].into_iter()), None);
        assert!(check_path(b"a*/b:?").is_ok() && check_path(b"/a").is_err());
    }
}
