//! The bill of materials as `CycloneDX` 1.6 has it.

use super::listing::{Component, Listing};
use crate::format::json;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the release itself is called in the document.
const RELEASE: &str = "release";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bill<'a> {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compositions: Vec<Composition>,
    dependencies: Vec<Dependency<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: &'a str,
    tools: Tools<'a>,
    component: Part<'a>,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: [Part<'a>; 1],
}

/// A component, or what stands for one.
#[derive(Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Part<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bom_ref: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<License<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Hash<'a> {
    alg: &'a str,
    content: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum License<'a> {
    Expression(&'a str),
    License { name: &'a str },
}

#[derive(Serialize)]
struct Property<'a> {
    name: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
struct Composition {
    aggregate: &'static str,
    dependencies: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<'a> {
    r#ref: &'a str,
    depends_on: BTreeSet<&'a str>,
}

/// A package of one or more lock files.
struct Found<'a> {
    first: &'a Component,
    hashes: BTreeSet<&'a (&'static str, String)>,
    licences: BTreeSet<&'a str>,
    files: Vec<&'a str>,
}

/// The document: the packages of every lock file, each once, with the files that name it, and what each needs.
pub(crate) fn document(name: &str, version: &str, created_at: &str, files: &[(String, Listing)]) -> String {
    let mut found: BTreeMap<&str, Found<'_>> = BTreeMap::new();
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, listing) in files {
        for (purl, component) in &listing.components {
            let known = found.entry(purl).or_insert_with(|| Found {
                first: component,
                hashes: BTreeSet::new(),
                licences: BTreeSet::new(),
                files: Vec::new(),
            });
            known.hashes.extend(&component.hashes);
            known.licences.extend(component.licences.iter().map(String::as_str));
            known.files.push(path);
        }
        for (purl, needed) in &listing.needs {
            needs.entry(purl).or_default().extend(needed.iter().map(String::as_str));
        }
        needs.entry(RELEASE).or_default().extend(listing.roots.iter().map(String::as_str));
    }
    let knows_roots = files.iter().all(|(_, listing)| listing.knows_roots);
    let incomplete = Composition { aggregate: "incomplete", dependencies: [RELEASE] };
    let tool = Part {
        r#type: "application",
        name: "mmops",
        version: Some(env!("CARGO_PKG_VERSION")),
        ..Part::default()
    };
    let release = Part {
        r#type: "application",
        bom_ref: Some(RELEASE),
        name,
        version: Some(version),
        ..Part::default()
    };
    json::document(&Bill {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        version: 1,
        metadata: Metadata { timestamp: created_at, tools: Tools { components: [tool] }, component: release },
        components: found.values().map(part).collect(),
        compositions: if knows_roots { Vec::new() } else { vec![incomplete] },
        dependencies: needs.into_iter().map(|(r#ref, depends_on)| Dependency { r#ref, depends_on }).collect(),
    })
}

fn part<'a>(found: &Found<'a>) -> Part<'a> {
    let Component { purl, group, name, version, .. } = found.first;
    let licenses = match found.licences.iter().collect::<Vec<_>>()[..] {
        [only] if is_expression(only) => vec![License::Expression(only)],
        ref names => names.iter().map(|name| License::License { name }).collect(),
    };
    Part {
        r#type: "library",
        bom_ref: Some(purl),
        group: group.as_deref(),
        name,
        version: version.as_deref(),
        purl: Some(purl),
        hashes: found.hashes.iter().map(|(alg, content)| Hash { alg, content }).collect(),
        licenses,
        properties: found.files.iter().map(|value| Property { name: "mmops:lock-file", value }).collect(),
    }
}

/// Whether a text has the form of an expression of SPDX: identifiers with an operator between each two.
fn is_expression(text: &str) -> bool {
    let spaced = text.replace(['(', ')'], " ");
    let is_operator = |word: &str| ["AND", "OR", "WITH"].contains(&word);
    let is_id = |word: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.+".contains(c);
        !is_operator(word) && word != "UNLICENSED" && word.chars().all(is_plain)
    };
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let alternate = |(at, word): (usize, &&str)| if at % 2 == 0 { is_id(word) } else { is_operator(word) };
    words.len() % 2 == 1 && words.iter().enumerate().all(alternate)
}

#[cfg(test)]
mod tests {
    use super::is_expression;

    #[test]
    fn a_licence_is_an_expression_or_a_name() {
        for text in [
            "MIT",
            "(MIT OR Apache-2.0)",
            "GPL-2.0+ WITH Classpath-exception-2.0",
            "Apache-2.0 AND (MIT OR ISC)",
        ] {
            assert!(is_expression(text), "{text}");
        }
        for text in ["", "UNLICENSED", "SEE LICENSE IN LICENSE.md", "MIT/X11", "BSD 3 Clause", "MIT OR"] {
            assert!(!is_expression(text), "{text}");
        }
    }
}
