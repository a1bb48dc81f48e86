//! `uv.lock`, `poetry.lock`, `Pipfile.lock`

use super::listing::{Component, Listing};
use super::purl::{self, Origin};
use crate::format::config::{self, Format};
use crate::format::json::typed;
use anyhow::anyhow;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A name as PEP 503 compares it.
pub(super) fn normalized(name: &str) -> String {
    let parts: Vec<&str> = name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    parts.join("-").to_lowercase()
}

#[derive(Deserialize)]
struct Lock {
    version: Option<u64>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    package: Vec<Package>,
}

/// Where poetry keeps its version.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    lock_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    version: Option<String>,
    #[serde(default)]
    source: BTreeMap<String, String>,
    /// A list of tables for uv, a table by name for poetry.
    #[serde(default)]
    dependencies: Value,
    /// Lists by extra.
    #[serde(default)]
    optional_dependencies: Value,
    /// Lists by group.
    #[serde(default)]
    dev_dependencies: Value,
    sdist: Option<FileOf>,
    #[serde(default)]
    wheels: Vec<FileOf>,
    #[serde(default)]
    files: Vec<FileOf>,
}

/// One file of a package.
#[derive(Deserialize)]
struct FileOf {
    hash: Option<String>,
}

impl Package {
    fn origin(&self) -> Origin {
        let source = |key: &str| self.source.get(key).map(String::as_str);
        let pypi = ["https://pypi.org/simple", "https://pypi.org/simple/"];
        // poetry names the type beside an address.
        let address = source("url").unwrap_or_default();
        let poetry = source("type").map(|kind| match kind {
            "git" => {
                let commit = source("resolved_reference").or(source("reference")).unwrap_or_default();
                Origin::of_git(&format!("{address}#{commit}"))
            }
            "url" | "file" | "directory" => Origin::of_file(address),
            _ => Origin::Registry(purl::without_credentials(address)),
        });
        if let Some(origin) = poetry {
            return origin;
        }
        match (source("registry"), source("git"), source("url")) {
            (Some(registry), ..) if pypi.contains(&registry) => Origin::Public,
            (Some(registry), ..) => Origin::Registry(purl::without_credentials(registry)),
            (_, Some(git), _) => Origin::of_git(git),
            (_, _, Some(url)) => Origin::of_file(url),
            _ if self.is_project() => purl::local(),
            _ => Origin::Public,
        }
    }

    /// Whether it is in the tree.
    fn is_project(&self) -> bool {
        ["editable", "virtual", "directory", "path"].iter().any(|key| self.source.contains_key(*key))
    }

    fn component(&self) -> Component {
        Component::new("pypi", &normalized(&self.name), self.version.as_deref(), &self.origin())
    }

    /// What it needs: names, with a version where several are locked.
    fn needed(&self) -> Vec<(String, Option<String>)> {
        let mut needed = Vec::new();
        match &self.dependencies {
            Value::Object(by_name) => needed.extend(by_name.keys().map(|name| (normalized(name), None))),
            list => named(list, &mut needed),
        }
        named(&self.optional_dependencies, &mut needed);
        named(&self.dev_dependencies, &mut needed);
        needed
    }
}

/// The packages of lists of `{name, version}`, which may lie under names.
fn named(value: &Value, found: &mut Vec<(String, Option<String>)>) {
    for list in value.as_object().into_iter().flat_map(serde_json::Map::values) {
        named(list, found);
    }
    for item in value.as_array().into_iter().flatten() {
        let version = item.get("version").and_then(Value::as_str).map(str::to_owned);
        found.extend(item.get("name").and_then(Value::as_str).map(|name| (normalized(name), version)));
    }
}

/// `uv.lock` and `poetry.lock`
pub(super) fn read(text: &str) -> anyhow::Result<(Listing, bool)> {
    let lock: Lock = config::read(text, Format::Toml).map_err(|error| anyhow!("{error}"))?;
    let mut listing = Listing::default();
    let mut by_name: BTreeMap<String, Vec<Component>> = BTreeMap::new();
    for package in &lock.package {
        by_name.entry(normalized(&package.name)).or_default().push(package.component());
    }
    for package in &lock.package {
        let mut component = package.component();
        let files = package.sdist.iter().chain(&package.wheels).chain(&package.files);
        listing.of_files(&mut component, files.filter_map(|file| file.hash.as_deref()));
        let mut found = Vec::new();
        for (name, version) in package.needed() {
            let all = by_name.get(&name).into_iter().flatten();
            let meant = all.filter(|other| version.is_none() || other.version == version);
            found.extend(meant.map(|other| other.purl.clone()));
        }
        listing.link(&component.purl, found);
        let purl = listing.add(component);
        if package.is_project() {
            listing.knows_roots = true;
            listing.roots.insert(purl);
        }
    }
    if !listing.knows_roots {
        listing.roots_from_graph();
    }
    let says_its_format = lock.version.is_some() || lock.metadata.lock_version.is_some();
    Ok((listing, says_its_format))
}

#[derive(Deserialize)]
struct Pipfile {
    #[serde(rename = "_meta")]
    meta: Option<Value>,
    #[serde(default)]
    default: BTreeMap<String, Pinned>,
    #[serde(default)]
    develop: BTreeMap<String, Pinned>,
}

#[derive(Deserialize)]
struct Pinned {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    git: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    file: Option<String>,
    path: Option<String>,
}

/// `Pipfile.lock`, which does not say what needs what.
pub(super) fn pipfile(text: &str) -> anyhow::Result<(Listing, bool)> {
    let lock: Pipfile = typed::read(text).map_err(|error| anyhow!("{error}"))?;
    let mut listing = Listing::default();
    for (name, pinned) in lock.default.iter().chain(&lock.develop) {
        let origin = match (&pinned.git, pinned.file.as_ref().or(pinned.path.as_ref())) {
            (Some(git), _) => Origin::of_git(&format!("{git}#{}", pinned.reference.as_deref().unwrap_or(""))),
            (None, Some(file)) => Origin::of_file(file),
            (None, None) => Origin::Public,
        };
        let version = pinned.version.as_deref().and_then(|version| version.strip_prefix("=="));
        if version.is_none() && origin == Origin::Public {
            listing.remarks.push(format!("`{name}` is not pinned to a version"));
        }
        let mut component = Component::new("pypi", &normalized(name), version, &origin);
        listing.of_files(&mut component, pinned.hashes.iter().map(String::as_str));
        listing.add(component);
    }
    Ok((listing, lock.meta.is_some()))
}
