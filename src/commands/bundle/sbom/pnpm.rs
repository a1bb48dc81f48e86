//! `pnpm-lock.yaml`, from version 5 of the format to version 9.

use super::listing::{Component, Listing};
use super::npm;
use super::purl::Origin;
use crate::format::config::{self, Format};
use anyhow::anyhow;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    lockfile_version: Option<String>,
    #[serde(default)]
    importers: BTreeMap<String, Importer>,
    #[serde(flatten)]
    only: Importer,
    #[serde(default)]
    packages: BTreeMap<String, Package>,
    #[serde(default)]
    snapshots: BTreeMap<String, Needs>,
}

/// A project of the workspace.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Importer {
    dependencies: BTreeMap<String, Value>,
    dev_dependencies: BTreeMap<String, Value>,
    optional_dependencies: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Package {
    name: Option<String>,
    version: Option<String>,
    resolution: Resolution,
    #[serde(flatten)]
    needs: Needs,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resolution {
    integrity: Option<String>,
    tarball: Option<String>,
    repo: Option<String>,
    commit: Option<String>,
    directory: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Needs {
    dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
}

/// The name and version of a key: `name@1.0.0(peer@2.0.0)`, `/name@1.0.0` or `/name/1.0.0_peer@2.0.0`.
fn parts(key: &str) -> (&str, &str) {
    let key = key.strip_prefix('/').unwrap_or(key);
    let key = key.split('(').next().unwrap_or(key);
    let from = usize::from(key.starts_with('@'));
    let at = key[from..].find('@').map(|at| at + from);
    let slash = key.rfind('/');
    match (at, slash) {
        (Some(at), _) if key[..at].matches('/').count() <= from => (&key[..at], &key[at + 1..]),
        (_, Some(slash)) => {
            let slash = key.find('_').and_then(|peers| key[..peers].rfind('/')).unwrap_or(slash);
            let version = &key[slash + 1..];
            (&key[..slash], version.split('_').next().unwrap_or(version))
        }
        _ => (key, ""),
    }
}

fn component(key: &str, package: &Package) -> Component {
    let (name, version) = parts(key);
    let Resolution { tarball, repo, commit, directory, .. } = &package.resolution;
    let origin = match (repo, tarball, directory) {
        (Some(repo), ..) => Origin::of_git(&format!("{repo}#{}", commit.as_deref().unwrap_or_default())),
        (_, Some(tarball), _) => npm::origin(Some(tarball)),
        (_, _, Some(directory)) => Origin::of_file(&format!("file:{directory}")),
        (None, None, None) => Origin::Public,
    };
    let is_version = version.starts_with(|c: char| c.is_ascii_digit());
    let version = package.version.as_deref().or(Some(version).filter(|_| is_version));
    Component::new("npm", package.name.as_deref().unwrap_or(name), version, &origin)
}

pub(super) fn read(text: &str) -> anyhow::Result<(Listing, bool)> {
    let lock: Lock = config::read(text, Format::Yaml).map_err(|error| anyhow!("{error}"))?;
    let mut listing = Listing { knows_roots: true, ..Listing::default() };
    let mut purls: BTreeMap<&str, String> = BTreeMap::new();
    for (key, package) in &lock.packages {
        let mut component = component(key, package);
        if let Some(integrity) = &package.resolution.integrity {
            listing.integrity(&mut component, integrity);
        }
        purls.insert(key, listing.add(component));
    }
    // What a project or package calls `name` and pins to `version`, as the keys have it.
    let find = |name: &str, version: &str| {
        let bare = version.split('(').next().unwrap_or(version);
        let candidates = [
            version.to_owned(),
            bare.to_owned(),
            format!("{name}@{bare}"),
            format!("/{name}@{version}"),
            format!("/{name}@{bare}"),
            format!("/{name}/{version}"),
            format!("/{version}"),
        ];
        candidates.iter().find_map(|key| purls.get(&**key).cloned())
    };
    let snapshots = lock.snapshots.iter().map(|(key, needs)| (key.split('(').next().unwrap_or(key), needs));
    let packages = lock.packages.iter().map(|(key, package)| (key.as_str(), &package.needs));
    for (key, needs) in packages.chain(snapshots) {
        if let Some(purl) = purls.get(key) {
            let found = needs.dependencies.iter().chain(&needs.optional_dependencies);
            listing.link(purl, found.filter_map(|(name, version)| find(name, version)).collect::<Vec<_>>());
        }
    }
    for importer in lock.importers.values().chain([&lock.only]) {
        let all = importer.dependencies.iter().chain(&importer.dev_dependencies);
        for (name, value) in all.chain(&importer.optional_dependencies) {
            let version = value.as_str().or_else(|| value.get("version")?.as_str()).unwrap_or_default();
            listing.roots.extend(find(name, version));
        }
    }
    Ok((listing, lock.lockfile_version.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_every_version_have_a_name_and_a_version() {
        for (key, expected) in [
            ("ws@8.18.0", ("ws", "8.18.0")),
            ("@a/b@1.0.0(c@2.0.0)(@d/e@3.0.0)", ("@a/b", "1.0.0")),
            ("/ws@8.18.0", ("ws", "8.18.0")),
            ("/@a/b@1.0.0(c@2.0.0)", ("@a/b", "1.0.0")),
            ("/ws/8.18.0", ("ws", "8.18.0")),
            ("/@a/b/1.0.0", ("@a/b", "1.0.0")),
            ("/@a/b/1.0.0_c@2.0.0", ("@a/b", "1.0.0")),
            ("x@https://host.example/x.tgz", ("x", "https://host.example/x.tgz")),
        ] {
            assert_eq!(parts(key), expected, "{key}");
        }
    }
}
