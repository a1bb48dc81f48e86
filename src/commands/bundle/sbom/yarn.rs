//! `yarn.lock`, of yarn 1 in a format of its own and of later ones in YAML.

use super::listing::{Component, Listing};
use super::npm;
use super::purl::Origin;
use crate::format::config::{self, Format};
use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One resolved package and everything that it was asked for as.
#[derive(Default)]
struct Entry {
    patterns: Vec<String>,
    version: String,
    resolved: Option<String>,
    integrity: Option<String>,
    needs: Vec<String>,
}

/// The name before the range of `name@range`.
fn split(pattern: &str) -> (&str, &str) {
    let from = usize::from(pattern.starts_with('@'));
    pattern[from..].find('@').map_or((pattern, ""), |at| (&pattern[..at + from], &pattern[at + from + 1..]))
}

pub(super) fn read(text: &str) -> anyhow::Result<(Listing, bool)> {
    if text.lines().any(|line| line == "__metadata:") {
        return berry(text);
    }
    let entries = classic(text)?;
    let mut listing = Listing::default();
    let component = |entry: &Entry| {
        let (name, range) = split(entry.patterns.first().map_or("", String::as_str));
        // `alias@npm:name@range`
        let name = range.strip_prefix("npm:").map_or(name, |real| split(real).0);
        Component::new("npm", name, Some(&entry.version), &npm::origin(entry.resolved.as_deref()))
    };
    let by_pattern: BTreeMap<&str, String> = entries
        .iter()
        .flat_map(|entry| entry.patterns.iter().map(move |pattern| (pattern.as_str(), component(entry).purl)))
        .collect();
    for entry in &entries {
        let mut component = component(entry);
        if let Some(integrity) = &entry.integrity {
            listing.integrity(&mut component, integrity);
        }
        let needed = entry.needs.iter().filter_map(|pattern| by_pattern.get(pattern.as_str()).cloned());
        listing.link(&component.purl, needed);
        listing.add(component);
    }
    listing.roots_from_graph();
    Ok((listing, text.contains("# yarn lockfile v1")))
}

/// The format of yarn 1: entries at the margin, their fields by two spaces, what they need by four.
fn classic(text: &str) -> anyhow::Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut is_needs = false;
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let unread = || anyhow!("line {number} is not one of a yarn.lock");
        let words = words(content);
        let value = || words.get(1).cloned().with_context(unread);
        match (line.len() - line.trim_start().len(), entries.last_mut()) {
            (0, _) if content.ends_with(':') => {
                let patterns = words.iter().map(|word| word.trim_end_matches(',').to_owned()).collect();
                entries.push(Entry { patterns, ..Entry::default() });
            }
            (2, Some(entry)) => {
                is_needs = ["dependencies", "optionalDependencies"].contains(&&*words[0]);
                match &*words[0] {
                    "version" => entry.version = value()?,
                    "resolved" => entry.resolved = Some(value()?),
                    "integrity" => entry.integrity = Some(words[1..].join(" ")),
                    _ => {}
                }
            }
            (4, Some(entry)) if is_needs => entry.needs.push(format!("{}@{}", words[0], value()?)),
            (4, Some(_)) => {}
            _ => bail!(unread()),
        }
    }
    if let Some(entry) = entries.iter().find(|entry| entry.version.is_empty()) {
        bail!("`{}` has no version", entry.patterns.join(", "));
    }
    Ok(entries)
}

/// The words of a line, quoted or not, without the colon at its end.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_end_matches(':');
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            Some(quoted) => quoted,
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches([',', ' ']);
    }
    words
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    version: String,
    #[serde(default)]
    resolution: String,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
}

fn berry(text: &str) -> anyhow::Result<(Listing, bool)> {
    let mut lock: BTreeMap<String, Package> =
        config::read(text, Format::Yaml).map_err(|error| anyhow!("{error}"))?;
    let metadata = lock.remove("__metadata").is_some();
    let mut listing = Listing { knows_roots: true, ..Listing::default() };
    let mut by_pattern: BTreeMap<&str, String> = BTreeMap::new();
    let mut purls = Vec::new();
    for (keys, package) in &lock {
        let (name, reference) = split(&package.resolution);
        let origin = match reference.split_once(':') {
            Some(("npm", _)) => Origin::Public,
            // The project, or one of its workspaces.
            Some(("workspace", _)) => {
                purls.push(None);
                continue;
            }
            Some(("patch", _)) => {
                listing.remarks.push(format!("`{name}` is patched"));
                Origin::Public
            }
            _ if reference.contains(".git") || reference.contains("#commit=") => {
                Origin::of_git(&reference.replace("#commit=", "#"))
            }
            _ => Origin::of_file(reference.split("::").next().unwrap_or(reference)),
        };
        let purl = listing.add(Component::new("npm", name, Some(&package.version), &origin));
        by_pattern.extend(keys.split(", ").map(|pattern| (pattern, purl.clone())));
        purls.push(Some(purl));
    }
    for (package, purl) in lock.values().zip(purls) {
        let found = package.dependencies.iter().filter_map(|(name, range)| {
            let patterns = [format!("{name}@{range}"), format!("{name}@npm:{range}")];
            patterns.iter().find_map(|pattern| by_pattern.get(&**pattern).cloned())
        });
        let found: Vec<String> = found.collect();
        match purl {
            Some(purl) => listing.link(&purl, found),
            None => listing.roots.extend(found),
        }
    }
    Ok((listing, metadata))
}
