//! A bill of materials (`CycloneDX`) from the lock files of a tree. What a lock file does not pin is said so.

use crate::format::config::{self, Format};
use crate::format::json::typed;
use crate::format::node;
use anyhow::{anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Lock files by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cargo,
    /// `poetry.lock`, `uv.lock`
    Python,
    /// `requirements.txt` and its relatives
    Requirements,
    /// `package-lock.json`, `npm-shrinkwrap.json`
    Npm,
}

impl Kind {
    /// What a file of this path is, if it is a lock file.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name {
            "Cargo.lock" => Some(Self::Cargo),
            "poetry.lock" | "uv.lock" => Some(Self::Python),
            "package-lock.json" | "npm-shrinkwrap.json" => Some(Self::Npm),
            _ if name.starts_with("requirements") && has_extension(name, "txt") => Some(Self::Requirements),
            _ => None,
        }
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Component {
    pub(super) purl: String,
    pub(super) name: String,
    /// Version, when it is pinned.
    pub(super) version: Option<String>,
    /// SHA-256 of the package, when the lock file has it.
    pub(super) sha256: Option<String>,
}

/// The packages of one lock file, and what it leaves open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Sorted by package URL.
    pub(super) components: Vec<Component>,
    /// What the file does not pin.
    pub(super) remarks: Vec<String>,
}

pub(super) fn parse(kind: Kind, text: &str) -> anyhow::Result<Listing> {
    let (mut listing, says_its_format) = match kind {
        Kind::Cargo => toml_lock(text, "cargo")?,
        Kind::Python => toml_lock(text, "pypi")?,
        Kind::Requirements => (requirements(text), true),
        Kind::Npm => npm(text)?,
    };
    match (says_its_format, listing.components.is_empty()) {
        (true, false) => {}
        (true, true) => listing.remarks.push("it lists no package".to_owned()),
        (false, false) => {
            listing.remarks.push("it does not say what version of the format it has".to_owned());
        }
        (false, true) => bail!("it has neither a format version nor a package"),
    }
    listing.components.sort();
    listing.components.dedup();
    Ok(listing)
}

#[derive(Deserialize)]
struct TomlLock {
    version: Option<u64>,
    #[serde(default)]
    metadata: TomlMetadata,
    #[serde(default)]
    package: Vec<TomlPackage>,
}

/// Where poetry keeps its version.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct TomlMetadata {
    lock_version: Option<String>,
}

#[derive(Deserialize)]
struct TomlPackage {
    name: String,
    version: Option<String>,
    checksum: Option<String>,
}

fn toml_lock(text: &str, ecosystem: &str) -> anyhow::Result<(Listing, bool)> {
    let lock: TomlLock = config::read(text, Format::Toml).map_err(|error| anyhow!("{error}"))?;
    let component =
        |package: TomlPackage| component(ecosystem, &package.name, package.version, package.checksum);
    let says_its_format = lock.version.is_some() || lock.metadata.lock_version.is_some();
    let components = lock.package.into_iter().map(component).collect();
    Ok((Listing { components, remarks: Vec::new() }, says_its_format))
}

fn component(ecosystem: &str, name: &str, version: Option<String>, sha256: Option<String>) -> Component {
    let encoded = name.replace('@', "%40");
    let purl = match &version {
        Some(version) => format!("pkg:{ecosystem}/{encoded}@{}", version.replace('+', "%2B")),
        None => format!("pkg:{ecosystem}/{encoded}"),
    };
    Component { purl, name: name.to_owned(), version, sha256 }
}

fn requirements(text: &str) -> Listing {
    let mut listing = Listing::default();
    for line in text.replace("\\\n", " ").lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('-') {
            let is_elsewhere = ["-r", "--requirement", "-c", "--constraint", "-e", "--editable"];
            if is_elsewhere.iter().any(|option| line.split(['=', ' ']).next() == Some(option)) {
                listing.remarks.push(format!("`{line}` names packages that are not in this file"));
            }
            continue;
        }
        let (wanted, options) = line.split_once("--").unwrap_or((line, ""));
        let wanted = wanted.split(';').next().unwrap_or_default().trim();
        let end =
            wanted.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(wanted.len());
        let name = wanted[..end].to_lowercase().replace(['_', '.'], "-");
        let rest = wanted[end..].trim_start();
        let rest =
            if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
        let pinned =
            rest.trim().strip_prefix("==").map(|version| version.trim_start_matches('=').trim().to_owned());
        let pinned = pinned.filter(|version| !version.is_empty() && !version.contains(['*', ',', ' ']));
        if name.is_empty() || pinned.is_none() {
            listing.remarks.push(format!("`{wanted}` is not pinned to a version"));
        }
        if !name.is_empty() {
            let mut hashes = options.split("hash=sha256:").skip(1);
            // With several hashes each belongs to another file of the package.
            let only = hashes.next().filter(|_| hashes.next().is_none());
            let sha256 = only.and_then(|hash| hash.split_whitespace().next()).map(str::to_owned);
            listing.components.push(component("pypi", &name, pinned, sha256));
        }
    }
    listing
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NpmLock {
    lockfile_version: Option<u64>,
    #[serde(default)]
    packages: Option<BTreeMap<String, NpmPackage>>,
    #[serde(default)]
    dependencies: BTreeMap<String, NpmPackage>,
}

#[derive(Deserialize)]
struct NpmPackage {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    dependencies: Option<Value>,
}

fn npm(text: &str) -> anyhow::Result<(Listing, bool)> {
    let lock: NpmLock = typed::read(text).map_err(|error| anyhow!("{error}"))?;
    let mut listing = Listing::default();
    let Some(packages) = lock.packages else {
        for (name, package) in lock.dependencies {
            add_npm_tree(&mut listing, &name, &package)?;
        }
        return Ok((listing, lock.lockfile_version.is_some()));
    };
    // The package itself stands under an empty path, workspaces under their own.
    let installed = packages.iter().filter(|(path, package)| path.contains("node_modules/") && !package.link);
    for (path, package) in installed {
        let own = path.rsplit("node_modules/").next().unwrap_or(path);
        add_npm(&mut listing, package.name.as_deref().unwrap_or(own), package);
    }
    Ok((listing, lock.lockfile_version.is_some()))
}

fn add_npm_tree(listing: &mut Listing, name: &str, package: &NpmPackage) -> anyhow::Result<()> {
    add_npm(listing, name, package);
    let Some(below) = package.dependencies.clone() else { return Ok(()) };
    let below: BTreeMap<String, NpmPackage> =
        node::from_json(below).map_err(|error| anyhow!("dependencies of `{name}`: {error}"))?;
    below.iter().try_for_each(|(name, package)| add_npm_tree(listing, name, package))
}

fn add_npm(listing: &mut Listing, name: &str, package: &NpmPackage) {
    if package.version.is_none() {
        listing.remarks.push(format!("`{name}` has no version"));
    }
    listing.components.push(component("npm", name, package.version.clone(), None));
}

/// The document: the packages of every lock file, each once, with the files that name it.
pub(super) fn document(name: &str, version: &str, created_at: &str, files: &[(String, Listing)]) -> Value {
    let mut by_purl: BTreeMap<&str, (&Component, Vec<&str>)> = BTreeMap::new();
    for (path, listing) in files {
        for component in &listing.components {
            by_purl.entry(&component.purl).or_insert((component, Vec::new())).1.push(path);
        }
    }
    let shown = by_purl.into_values().map(|(component, paths)| {
        let properties: Vec<Value> =
            paths.iter().map(|path| json!({"name": "mmops:lock-file", "value": path})).collect();
        let mut value = json!({
            "type": "library",
            "bom-ref": component.purl,
            "name": component.name,
            "purl": component.purl,
            "properties": properties,
        });
        if let Some(version) = &component.version {
            value["version"] = version.as_str().into();
        }
        if let Some(sha256) = &component.sha256 {
            value["hashes"] = json!([{"alg": "SHA-256", "content": sha256}]);
        }
        value
    });
    let components: Vec<Value> = shown.collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": created_at,
            "tools": [{"name": "mmops", "version": env!("CARGO_PKG_VERSION")}],
            "component": {"type": "application", "bom-ref": "release", "name": name, "version": version},
        },
        "components": components,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purls(kind: Kind, text: &str) -> (Vec<String>, usize) {
        let listing = parse(kind, text).expect("read");
        (listing.components.into_iter().map(|component| component.purl).collect(), listing.remarks.len())
    }

    #[test]
    fn each_kind_of_lock_file_gives_its_packages() {
        let cargo = "version = 4\n[[package]]\nname = \"b\"\nversion = \"1.0.0+x\"\nchecksum = \"ab\"\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n";
        assert_eq!(
            purls(Kind::Cargo, cargo),
            (vec!["pkg:cargo/a@0.1.0".into(), "pkg:cargo/b@1.0.0%2Bx".into()], 0)
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
        let text = "# c\n-i https://example.org\nNumPy==2.0.1 # why\nrequests[socks] == 2.32.3 ; python_version > '3' \\\n  --hash=sha256:abcd\npandas>=2\n-r more.txt\nx==1.*\n";
        let listing = parse(Kind::Requirements, text).expect("read");
        let found: Vec<&str> = listing.components.iter().map(|component| component.purl.as_str()).collect();
        assert_eq!(
            found,
            ["pkg:pypi/numpy@2.0.1", "pkg:pypi/pandas", "pkg:pypi/requests@2.32.3", "pkg:pypi/x"]
        );
        assert_eq!(listing.components[2].sha256.as_deref(), Some("abcd"));
        assert_eq!(listing.remarks.len(), 3, "{:?}", listing.remarks);
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
