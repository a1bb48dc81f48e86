//! `package-lock.json` and `npm-shrinkwrap.json`

use super::listing::{Component, Listing};
use super::purl::{self, Origin};
use crate::format::json::typed;
use anyhow::anyhow;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const REGISTRIES: [&str; 2] = ["https://registry.npmjs.org/", "https://registry.yarnpkg.com/"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    lockfile_version: Option<u64>,
    packages: Option<BTreeMap<String, Package>>,
    #[serde(default)]
    dependencies: BTreeMap<String, OldPackage>,
}

/// A package under the path that it is installed at.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Package {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    license: Option<serde_json::Value>,
    link: bool,
    dependencies: BTreeMap<String, String>,
    dev_dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
    peer_dependencies: BTreeMap<String, String>,
}

impl Package {
    fn needed(&self) -> impl Iterator<Item = &String> {
        let more = self.optional_dependencies.keys().chain(self.peer_dependencies.keys());
        self.dependencies.keys().chain(self.dev_dependencies.keys()).chain(more)
    }
}

/// A package of the first version of the format, with those that are installed below it.
#[derive(Deserialize)]
struct OldPackage {
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    requires: serde_json::Value,
    #[serde(default)]
    dependencies: BTreeMap<String, OldPackage>,
}

/// Where an address of `resolved` leads to.
pub(super) fn origin(resolved: Option<&str>) -> Origin {
    let Some(resolved) = resolved else { return Origin::Public };
    if REGISTRIES.iter().any(|registry| resolved.starts_with(registry)) {
        return Origin::Public;
    }
    if resolved.starts_with("git") || resolved.starts_with("ssh:") {
        return Origin::of_git(resolved);
    }
    match resolved.split_once("/-/") {
        // A registry keeps its files so; before it stands the package.
        Some((package, _)) if resolved.starts_with("http") => {
            let host = package.split('/').take(3).collect::<Vec<_>>().join("/");
            Origin::Registry(purl::without_credentials(&host))
        }
        _ => Origin::of_file(resolved),
    }
}

pub(super) fn read(text: &str) -> anyhow::Result<(Listing, bool)> {
    let lock: Lock = typed::read(text).map_err(|error| anyhow!("{error}"))?;
    let listing = match &lock.packages {
        Some(packages) => of_packages(packages),
        None => of_tree(&lock.dependencies),
    };
    Ok((listing, lock.lockfile_version.is_some()))
}

fn of_packages(packages: &BTreeMap<String, Package>) -> Listing {
    let mut listing = Listing { knows_roots: true, ..Listing::default() };
    // The package itself stands under an empty path, its workspaces under their own.
    let is_installed = |path: &str| path.starts_with("node_modules/") || path.contains("/node_modules/");
    let mut purls = BTreeMap::new();
    for (path, package) in packages.iter().filter(|(path, package)| is_installed(path) && !package.link) {
        let own = path.rsplit("node_modules/").next().unwrap_or(path);
        let name = package.name.as_deref().unwrap_or(own);
        if package.version.is_none() {
            listing.remarks.push(format!("`{name}` has no version"));
        }
        let origin = origin(package.resolved.as_deref());
        let mut component = Component::new("npm", name, package.version.as_deref(), &origin);
        component.licences.extend(package.license.as_ref().and_then(licence));
        if let Some(integrity) = &package.integrity {
            listing.integrity(&mut component, integrity);
        }
        purls.insert(path.as_str(), listing.add(component));
    }
    for (path, package) in packages.iter().filter(|(_, package)| !package.link) {
        let found = package.needed().filter_map(|name| resolve(packages, path, name));
        let found: BTreeSet<String> = found.filter_map(|path| purls.get(path).cloned()).collect();
        match purls.get(path.as_str()) {
            Some(purl) => listing.link(purl, found),
            None => listing.roots.extend(found),
        }
    }
    listing
}

/// The path of the package that `name` means at `path`: the nearest one above it.
fn resolve<'a>(packages: &'a BTreeMap<String, Package>, path: &str, name: &str) -> Option<&'a str> {
    let mut at = path;
    loop {
        let below =
            if at.is_empty() { format!("node_modules/{name}") } else { format!("{at}/node_modules/{name}") };
        if let Some((found, _)) = packages.get_key_value(&below) {
            return Some(found);
        }
        if at.is_empty() {
            return None;
        }
        at = at.rsplit_once("/node_modules/").map_or("", |(above, _)| above);
    }
}

/// The text of a licence, in the forms that packages have had it in.
fn licence(value: &serde_json::Value) -> Option<String> {
    value.as_str().or_else(|| value.get("type")?.as_str()).map(str::to_owned)
}

fn of_tree(dependencies: &BTreeMap<String, OldPackage>) -> Listing {
    let mut listing = Listing::default();
    let mut above = Vec::new();
    add_tree(&mut listing, dependencies, &mut above);
    listing.roots_from_graph();
    listing
}

fn old_component(name: &str, package: &OldPackage) -> Component {
    // What comes from elsewhere has its address in the place of a version.
    let version = package.version.as_deref();
    let elsewhere = version.filter(|version| version.contains(':'));
    let (name, version) = match version.and_then(|version| version.strip_prefix("npm:")?.rsplit_once('@')) {
        Some((real, version)) => (real, Some(version)),
        None => (name, version.filter(|_| elsewhere.is_none())),
    };
    let origin = match elsewhere {
        Some(address) if !address.starts_with("npm:") => origin(Some(address)),
        _ => origin(package.resolved.as_deref()),
    };
    Component::new("npm", name, version, &origin)
}

fn add_tree<'a>(
    listing: &mut Listing,
    tree: &'a BTreeMap<String, OldPackage>,
    above: &mut Vec<&'a BTreeMap<String, OldPackage>>,
) {
    above.push(tree);
    for (name, package) in tree {
        let mut component = old_component(name, package);
        if package.version.is_none() {
            listing.remarks.push(format!("`{name}` has no version"));
        }
        if let Some(integrity) = &package.integrity {
            listing.integrity(&mut component, integrity);
        }
        above.push(&package.dependencies);
        let names = package.requires.as_object().into_iter().flat_map(serde_json::Map::keys);
        let found = names.filter_map(|name| {
            above.iter().rev().find_map(|tree| tree.get(name)).map(|other| old_component(name, other).purl)
        });
        listing.link(&component.purl, found.collect::<Vec<_>>());
        above.pop();
        listing.add(component);
        add_tree(listing, &package.dependencies, above);
    }
    above.pop();
}
