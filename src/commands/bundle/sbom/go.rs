//! `go.mod` and `go.sum`

use super::listing::{Component, Listing};
use super::purl::{self, Origin};
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;

/// The first version of Go whose `go.mod` lists all modules of a build.
const COMPLETE: (u32, u32) = (1, 17);

fn component(module: &str, version: &str, origin: &Origin) -> Component {
    // Names of this kind are compared in lower case.
    Component::new("golang", &module.to_lowercase(), Some(version), origin)
}

/// The words of each line of a `go.mod`, with the directive of its block before them, and its comment.
fn directives(text: &str) -> Vec<(Vec<&str>, &str)> {
    let mut block = None;
    let mut found = Vec::new();
    for line in text.lines() {
        let (content, comment) = line.split_once("//").unwrap_or((line, ""));
        let words: Vec<&str> = content.split_whitespace().collect();
        match (words[..].split_last(), block) {
            (None, _) => {}
            (Some((&"(", [directive])), None) => block = Some(*directive),
            (Some((&")", [])), _) => block = None,
            (Some(_), Some(directive)) => found.push(([&[directive], &words[..]].concat(), comment.trim())),
            (Some(_), None) => found.push((words, comment.trim())),
        }
    }
    found
}

/// Whether a `go.mod` lists all modules of the build, so that `go.sum` adds only what is not in it.
pub(crate) fn is_complete(text: &str) -> bool {
    let version = directives(text).into_iter().find_map(|(words, _)| match words[..] {
        ["go", version] => Some(version),
        _ => None,
    });
    let mut numbers = version.unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= COMPLETE
}

/// What stands for each module that is replaced, of one version or of all.
type Replaced<'a> = BTreeMap<(&'a str, Option<&'a str>), (&'a str, Option<&'a str>)>;

pub(super) fn module(text: &str) -> (Listing, bool) {
    let directives = directives(text);
    let mut replaced = Replaced::new();
    for (words, _) in &directives {
        match words[..] {
            ["replace", from, "=>", to] => drop(replaced.insert((from, None), (to, None))),
            ["replace", from, "=>", to, version] => drop(replaced.insert((from, None), (to, Some(version)))),
            ["replace", from, of, "=>", to] => drop(replaced.insert((from, Some(of)), (to, None))),
            ["replace", from, of, "=>", to, version] => {
                replaced.insert((from, Some(of)), (to, Some(version)));
            }
            _ => {}
        }
    }
    let mut listing = Listing { knows_roots: true, ..Listing::default() };
    for (words, comment) in &directives {
        let ["require", module, version] = words[..] else { continue };
        let by = replaced.get(&(module, Some(version))).or_else(|| replaced.get(&(module, None)));
        let component = match by {
            Some((other, Some(version))) => component(other, version, &Origin::Public),
            Some((_, None)) => component(module, version, &purl::local()),
            None => component(module, version, &Origin::Public),
        };
        let purl = listing.add(component);
        if !comment.starts_with("indirect") {
            listing.roots.insert(purl);
        }
    }
    if !is_complete(text) {
        listing.remarks.push("it is of a version of Go whose go.mod leaves out what others need".to_owned());
    }
    let names_itself = directives.iter().any(|(words, _)| words.first() == Some(&"module"));
    (listing, names_itself)
}

/// The modules whose content `go.sum` knows; a hash of a `go.mod` alone is that of one that was only looked at.
pub(super) fn sums(text: &str) -> anyhow::Result<(Listing, bool)> {
    let mut listing = Listing::default();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            [_, version, hash] if version.ends_with("/go.mod") && hash.starts_with("h1:") => {}
            [module, version, hash] if hash.starts_with("h1:") => {
                listing.add(component(module, version, &Origin::Public));
            }
            _ => bail!("line {number} is not one of a go.sum"),
        }
    }
    text.lines().next().context("it is empty").map(|_| (listing, true))
}
