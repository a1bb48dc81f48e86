//! A bill of materials (`CycloneDX`) from the lock files of a tree. What a lock file does not pin is said so.

mod cargo;
mod document;
mod go;
mod listing;
mod npm;
mod pnpm;
mod purl;
mod python;
mod requirements;
mod yarn;

pub(super) use document::document;
pub(super) use go::is_complete as is_complete_go_mod;
pub(super) use listing::Listing;

use anyhow::bail;
use std::collections::BTreeSet;

/// Lock files by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cargo,
    /// `go.mod`
    GoModule,
    GoSums,
    /// `package-lock.json`, `npm-shrinkwrap.json`
    Npm,
    Pipfile,
    Pnpm,
    /// `poetry.lock`, `uv.lock`
    Python,
    /// `requirements.txt` and its relatives
    Requirements,
    Yarn,
}

/// The files that are read, for people.
pub(super) const KINDS: &str = "Cargo.lock, go.mod, go.sum, package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml, yarn.lock, \
     Pipfile.lock, poetry.lock, uv.lock and requirements.txt are read";

impl Kind {
    /// What a file of this path is, if it is a lock file.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name {
            "Cargo.lock" => Some(Self::Cargo),
            "go.mod" => Some(Self::GoModule),
            "go.sum" => Some(Self::GoSums),
            "package-lock.json" | "npm-shrinkwrap.json" => Some(Self::Npm),
            "Pipfile.lock" => Some(Self::Pipfile),
            "pnpm-lock.yaml" => Some(Self::Pnpm),
            "poetry.lock" | "uv.lock" => Some(Self::Python),
            "yarn.lock" => Some(Self::Yarn),
            _ if name.starts_with("requirements") && has_extension(name, "txt") => Some(Self::Requirements),
            _ => None,
        }
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

/// How many packages lock files list, each once.
pub(super) fn count(files: &[(String, Listing)]) -> usize {
    files.iter().flat_map(|(_, listing)| listing.components.keys()).collect::<BTreeSet<_>>().len()
}

pub(super) fn parse(kind: Kind, text: &str) -> anyhow::Result<Listing> {
    let (mut listing, says_its_format) = match kind {
        Kind::Cargo => cargo::read(text)?,
        Kind::GoModule => go::module(text),
        Kind::GoSums => go::sums(text)?,
        Kind::Npm => npm::read(text)?,
        Kind::Pipfile => python::pipfile(text)?,
        Kind::Pnpm => pnpm::read(text)?,
        Kind::Python => python::read(text)?,
        Kind::Requirements => (requirements::read(text), true),
        Kind::Yarn => yarn::read(text)?,
    };
    match (says_its_format, listing.components.is_empty()) {
        (true, false) => {}
        (true, true) => listing.remarks.push("it lists no package".to_owned()),
        (false, false) => {
            listing.remarks.push("it does not say what version of the format it has".to_owned());
        }
        (false, true) => bail!("it has neither a format version nor a package"),
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purls(kind: Kind, text: &str) -> (Vec<String>, usize) {
        let listing = parse(kind, text).expect("read");
        (listing.components.into_keys().collect(), listing.remarks.len())
    }

    #[test]
    fn each_kind_of_lock_file_gives_its_packages() {
        let cargo = "version = 4\n[[package]]\nname = \"b\"\nversion = \"1.0.0+x\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"ab\"\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n";
        assert_eq!(
            purls(Kind::Cargo, cargo),
            (vec!["pkg:cargo/a@0.1.0?download_url=file:.".into(), "pkg:cargo/b@1.0.0%2Bx".into()], 1)
        );
        let npm = r#"{"lockfileVersion": 3, "packages": {"": {"version": "1.0.0"}, "node_modules/@x/y": {"version": "2.0.0"}, "node_modules/a/node_modules/b": {"version": "1.1.1"}, "node_modules/l": {"link": true}}}"#;
        assert_eq!(purls(Kind::Npm, npm), (vec!["pkg:npm/%40x/y@2.0.0".into(), "pkg:npm/b@1.1.1".into()], 0));
        let old = r#"{"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0"}}}}}"#;
        assert_eq!(purls(Kind::Npm, old), (vec!["pkg:npm/a@1.0.0".into(), "pkg:npm/b@2.0.0".into()], 0));
        let package = "[[package]]\nname = \"numpy\"\nversion = \"2.0.1\"\n";
        let poetry = format!("{package}[metadata]\nlock-version = \"2.0\"\n");
        assert_eq!(purls(Kind::Python, &poetry), (vec!["pkg:pypi/numpy@2.0.1".into()], 0));
        let uv = format!("version = 1\n{package}");
        assert_eq!(purls(Kind::Python, &uv), (vec!["pkg:pypi/numpy@2.0.1".into()], 0));
    }

    #[test]
    fn requirements_that_pin_nothing_are_named() {
        let hash = "ab".repeat(32);
        let text = format!(
            "# c\n-i https://example.org\nNumPy==2.0.1 # why\nrequests[socks] == 2.32.3 ; python_version > '3' \\\n  --hash=sha256:{hash}\npandas>=2\n-r more.txt\nx==1.*\nRuamel_.-Yaml==1\nfork @ git+https://u:p@h.example/f.git@c0ffee\n\
             git+https://h.example/e.git@c0ffee#egg=Egg\nhttps://h.example/w.whl\n"
        );
        let listing = parse(Kind::Requirements, &text).expect("read");
        let found: Vec<&str> = listing.components.keys().map(String::as_str).collect();
        let fork = "pkg:pypi/fork?vcs_url=git%2Bhttps://h.example/f.git%40c0ffee";
        let egg = "pkg:pypi/egg?vcs_url=git%2Bhttps://h.example/e.git%40c0ffee";
        let expected = [
            egg,
            fork,
            "pkg:pypi/numpy@2.0.1",
            "pkg:pypi/pandas",
            "pkg:pypi/requests@2.32.3",
            "pkg:pypi/ruamel-yaml@1",
            "pkg:pypi/x",
        ];
        assert_eq!(found, expected);
        let hashes = &listing.components["pkg:pypi/requests@2.32.3"].hashes;
        assert_eq!(hashes.iter().next(), Some(&("SHA-256", hash)));
        assert_eq!(listing.remarks.len(), 4, "{:?}", listing.remarks);
    }

    #[test]
    fn a_lock_file_that_says_nothing_is_no_list_of_nothing() {
        for (kind, text) in
            [(Kind::Cargo, ""), (Kind::Cargo, "# generated\n"), (Kind::Python, ""), (Kind::Npm, "{}")]
        {
            assert!(
                parse(kind, text).expect_err("refused").to_string().contains("neither"),
                "{kind:?} {text}"
            );
        }
        for (kind, text, remark) in [
            (Kind::Cargo, "version = 4\n", "it lists no package"),
            (Kind::Requirements, "# nothing\n", "it lists no package"),
            (Kind::Npm, r#"{"lockfileVersion": 3, "packages": {"": {}}}"#, "it lists no package"),
            (
                Kind::Cargo,
                "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n",
                "it does not say what version of the format it has",
            ),
            (
                Kind::Npm,
                r#"{"dependencies": {"a": {"version": "1.0.0"}}}"#,
                "it does not say what version of the format it has",
            ),
        ] {
            assert_eq!(parse(kind, text).expect("read").remarks, [remark], "{kind:?} {text}");
        }
    }

    #[test]
    fn a_broken_lock_file_is_an_error() {
        assert!(parse(Kind::Cargo, "[[package]]\nversion = 3\n").is_err());
        assert!(parse(Kind::Npm, "{").is_err());
        assert_eq!(Kind::of("a/requirements-dev.txt"), Some(Kind::Requirements));
        assert_eq!(Kind::of("notes.txt"), None);
    }
}
