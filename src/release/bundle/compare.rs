//! Does what was found agree with the manifest? Strict both ways: nothing missing, nothing extra, nothing
//! that differs.

use super::manifest::{self, Manifest};
use super::name;
use crate::format::zip::violation::Violation;
use std::collections::{BTreeMap, BTreeSet};

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: Vec<u8>,
    pub(crate) bytes: u64,
    pub(crate) permissions: u32,
}

/// Compares the entries of an archive, in their order, the manifest's own among them.
pub(crate) fn entries(manifest: &Manifest, found: &[Found]) -> Vec<Violation> {
    let mut violations = files(manifest, found);
    let expected = manifest.files.iter().map(|file| file.path.as_str()).chain([manifest::FILE_NAME]);
    let same_names = found.len() == manifest.files.len() + 1;
    if violations.is_empty()
        && same_names
        && !expected.map(str::as_bytes).eq(found.iter().map(|file| &file.name[..]))
    {
        violations.push(Violation::new("entry-order", "the entries are not in the order of the manifest"));
    }
    violations
}

/// Compares files in any order; the manifest's own may be among them.
pub(crate) fn files(manifest: &Manifest, found: &[Found]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut refuse = |kind, detail: String| violations.push(Violation::new(kind, detail));
    let listed: BTreeMap<&[u8], &manifest::File> =
        manifest.files.iter().map(|file| (file.path.as_bytes(), file)).collect();
    for path in manifest.files.iter().map(|file| &file.path) {
        if let Err(bad) = name::check(path.as_bytes()) {
            refuse(bad.kind, format!("`{}` {}", path.escape_debug(), bad.reason));
        }
    }
    let mut seen = BTreeSet::new();
    for Found { name, bytes, permissions } in found {
        let shown = String::from_utf8_lossy(name).escape_debug().to_string();
        seen.insert(&name[..]);
        if let Err(bad) = name::check(name) {
            refuse(bad.kind, format!("`{shown}` {}", bad.reason));
        }
        if name == manifest::FILE_NAME.as_bytes() {
            if *permissions != 0o644 {
                refuse("mode", format!("`{shown}` has the mode {permissions:04o}"));
            }
            continue;
        }
        match listed.get(&name[..]) {
            None => refuse("extra-entry", format!("`{shown}` is not in the manifest")),
            Some(known) if known.size != *bytes => {
                let detail = format!("`{shown}` declares {bytes} bytes, the manifest {}", known.size);
                refuse("forged-size", detail);
            }
            Some(known) if known.permissions() != Some(*permissions) => {
                let detail = format!("`{shown}` has the mode {permissions:04o}, the manifest {}", known.mode);
                refuse("mode", detail);
            }
            Some(_) => {}
        }
    }
    for file in manifest.files.iter().filter(|file| !seen.contains(file.path.as_bytes())) {
        refuse("missing-entry", format!("`{}` is in the manifest only", file.path));
    }
    let names = manifest.files.iter().map(|file| file.path.as_str()).chain([manifest::FILE_NAME]);
    if let Some((first, second)) = name::clash(names) {
        refuse("ambiguous-name", format!("some machine takes `{second}` for `{first}`"));
    }
    violations
}

/// Compares a content's hash with the manifest's.
pub(crate) fn hash(path: &str, expected: &str, found: &str) -> Result<(), Violation> {
    if expected == found {
        return Ok(());
    }
    Err(Violation::new("content", format!("`{path}` has SHA-256 {found}, the manifest {expected}")))
}

/// The name and the hash in a line of `sha256sum`; `Err` says what is wrong with it.
pub(crate) fn sidecar(text: &str) -> Result<(&str, &str), &'static str> {
    let line = text.strip_suffix('\n').ok_or("it does not end with a newline")?;
    let (hash, name) = line.split_once("  ").ok_or("it is no line of sha256sum")?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hash {
        return Err("its first word is no SHA-256");
    }
    if name.contains(['\n', '/']) || name.is_empty() {
        return Err("it names more than one file, or one elsewhere");
    }
    Ok((hash, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::bundle::manifest::{File, Provenance};

    fn manifest(paths: &[&str]) -> Manifest {
        let file = |path: &&str| File {
            description: String::new(),
            mode: "0644".to_owned(),
            path: (*path).to_owned(),
            sha256: "ab".repeat(32),
            size: 3,
        };
        Manifest {
            clock: None,
            created_at: String::new(),
            files: paths.iter().map(file).collect(),
            git: None,
            name: String::new(),
            provenance: Provenance::default(),
            schema: manifest::SCHEMA.to_owned(),
            seal: String::new(),
            version: String::new(),
        }
    }

    fn found(name: &str) -> Found {
        Found { name: name.as_bytes().to_vec(), bytes: 3, permissions: 0o644 }
    }

    fn kinds(listed: &[&str], found: &[Found]) -> Vec<&'static str> {
        entries(&manifest(listed), found).into_iter().map(|violation| violation.kind).collect()
    }

    #[test]
    fn an_archive_agrees_only_when_nothing_is_missing_extra_or_different() {
        let all = [found("a"), found("b"), found("MANIFEST.json")];
        assert_eq!(kinds(&["a", "b"], &all), [""; 0]);
        assert_eq!(kinds(&["a", "b", "c"], &all), ["missing-entry"]);
        assert_eq!(kinds(&["a"], &all), ["extra-entry"]);
        assert_eq!(kinds(&["a", "b"], &[found("b"), found("a"), found("MANIFEST.json")]), ["entry-order"]);
        let forged = Found { bytes: 4, ..found("a") };
        assert_eq!(kinds(&["a", "b"], &[forged, found("b"), found("MANIFEST.json")]), ["forged-size"]);
        let open = Found { permissions: 0o4755, ..found("a") };
        assert_eq!(kinds(&["a"], &[open, found("MANIFEST.json")]), ["mode"]);
        let slip = kinds(&["../a"], &[found("../a"), found("MANIFEST.json")]);
        assert_eq!(slip, ["escaping-name", "escaping-name"]);
        assert_eq!(kinds(&["A", "a"], &[found("A"), found("a"), found("MANIFEST.json")]), ["ambiguous-name"]);
    }

    #[test]
    fn a_sidecar_is_one_line_of_sha256sum() {
        let hash = "0f".repeat(32);
        let line = format!("{hash}  a.zip\n");
        assert_eq!(sidecar(&line), Ok((hash.as_str(), "a.zip")));
        for bad in ["", "x  a.zip\n", &line[..line.len() - 1], &format!("{line}{line}"), &line.to_uppercase()]
        {
            assert!(sidecar(bad).is_err(), "{bad}");
        }
    }
}
