//! `Cargo.lock`

use super::listing::{Component, Listing};
use super::purl::{self, Origin};
use crate::format::config::{self, Format};
use anyhow::anyhow;
use serde::Deserialize;
use std::collections::BTreeMap;

const INDEX: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

#[derive(Deserialize)]
struct Lock {
    version: Option<u64>,
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Package {
    fn origin(&self) -> Origin {
        match self.source.as_deref() {
            None => purl::local(),
            Some(source) if INDEX.contains(&source) => Origin::Public,
            Some(source) if source.starts_with("git+") => Origin::of_git(source),
            Some(source) => {
                let url = source.split_once('+').map_or(source, |(_, url)| url);
                Origin::Registry(purl::without_credentials(url))
            }
        }
    }

    fn component(&self) -> Component {
        Component::new("cargo", &self.name, Some(&self.version), &self.origin())
    }

    /// Whether `NAME [VERSION [(SOURCE)]]`, as much of it as is needed to tell, means this one of that name; the
    /// source is without its commit.
    fn is_meant(&self, dependency: &str) -> bool {
        let mut words = dependency.splitn(3, ' ').skip(1);
        let source = |source: &str| source.trim_start_matches('(').trim_end_matches(')').to_owned();
        words.next().is_none_or(|version| version == self.version)
            && words.next().map(source).is_none_or(|wanted| {
                self.source.as_deref().and_then(|source| source.split('#').next()) == wanted.split('#').next()
            })
    }
}

pub(super) fn read(text: &str) -> anyhow::Result<(Listing, bool)> {
    let lock: Lock = config::read(text, Format::Toml).map_err(|error| anyhow!("{error}"))?;
    let mut listing = Listing { knows_roots: true, ..Listing::default() };
    let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &lock.package {
        by_name.entry(&package.name).or_default().push(package);
    }
    for package in &lock.package {
        let mut component = package.component();
        if let Some(checksum) = &package.checksum {
            listing.hex(&mut component, "sha256", checksum);
        }
        let mut needed = Vec::new();
        for dependency in &package.dependencies {
            let named = by_name.get(dependency.split(' ').next().unwrap_or_default()).into_iter().flatten();
            needed
                .extend(named.filter(|other| other.is_meant(dependency)).map(|other| other.component().purl));
        }
        listing.link(&component.purl, needed);
        let purl = listing.add(component);
        if package.source.is_none() {
            listing.roots.insert(purl);
        }
    }
    Ok((listing, lock.version.is_some()))
}
