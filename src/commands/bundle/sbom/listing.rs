//! What a lock file says: its packages, what each of them needs, and what it leaves open.

use super::purl::{Origin, purl};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};

/// A package, from whichever lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Component {
    /// Package URL.
    pub(super) purl: String,
    pub(super) group: Option<String>,
    pub(super) name: String,
    /// Version, when it is pinned.
    pub(super) version: Option<String>,
    /// Algorithm and hexadecimal digits, of what the lock file has.
    pub(super) hashes: BTreeSet<(&'static str, String)>,
    pub(super) licences: BTreeSet<String>,
}

/// The packages of one lock file, and what it leaves open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// By package URL.
    pub(crate) components: BTreeMap<String, Component>,
    /// What each package needs, where the file says so.
    pub(super) needs: BTreeMap<String, BTreeSet<String>>,
    /// What the project itself needs, as far as the file says so.
    pub(super) roots: BTreeSet<String>,
    /// Whether that is all of it.
    pub(super) knows_roots: bool,
    /// What the file does not pin, or says wrongly.
    pub(crate) remarks: Vec<String>,
}

impl Component {
    pub(super) fn new(ecosystem: &str, name: &str, version: Option<&str>, origin: &Origin) -> Self {
        let (group, own) = match name.rsplit_once('/') {
            Some((group, own)) => (Some(group.to_owned()), own),
            None => (None, name),
        };
        Self {
            purl: purl(ecosystem, name, version, origin),
            group,
            name: own.to_owned(),
            version: version.map(str::to_owned),
            ..Self::default()
        }
    }
}

/// The algorithms that a bill of materials names, by the length of what they give.
const ALGORITHMS: [(&str, &str, usize); 4] =
    [("sha1", "SHA-1", 20), ("sha256", "SHA-256", 32), ("sha384", "SHA-384", 48), ("sha512", "SHA-512", 64)];

impl Listing {
    /// Of a file that adds nothing to another.
    pub(crate) fn complete() -> Self {
        Self { knows_roots: true, ..Self::default() }
    }

    /// Adds a package, which may have been named before.
    pub(super) fn add(&mut self, component: Component) -> String {
        let purl = component.purl.clone();
        let known = self.components.entry(purl.clone()).or_insert_with(|| component.clone());
        known.hashes.extend(component.hashes);
        known.licences.extend(component.licences);
        purl
    }

    /// Notes that `from` needs `to`.
    pub(super) fn link(&mut self, from: &str, to: impl IntoIterator<Item = String>) {
        self.needs.entry(from.to_owned()).or_default().extend(to.into_iter().filter(|to| to != from));
    }

    /// Takes a hash of so many hexadecimal digits into the component, or notes that it is none.
    pub(super) fn hex(&mut self, component: &mut Component, algorithm: &str, digits: &str) {
        let is_hex = digits.bytes().all(|c| c.is_ascii_hexdigit());
        let known =
            ALGORITHMS.iter().find(|(name, _, bytes)| *name == algorithm && digits.len() == 2 * bytes);
        match known.filter(|_| is_hex) {
            Some((_, name, _)) => drop(component.hashes.insert((name, digits.to_lowercase()))),
            None => self.remarks.push(format!("`{}` has a checksum that is not one", component.purl)),
        }
    }

    /// The same of `sha512-BASE64`, or several of them.
    pub(super) fn integrity(&mut self, component: &mut Component, text: &str) {
        for one in text.split_whitespace() {
            let (algorithm, rest) = one.split_once('-').unwrap_or(("", one));
            let bytes = STANDARD.decode(rest.split('?').next().unwrap_or_default()).unwrap_or_default();
            self.hex(component, algorithm, &crate::format::hash::hex(&bytes));
        }
    }

    /// The same of `sha256:HEX`, one for each file of the package; only a single one is that of the package.
    pub(super) fn of_files<'a>(
        &mut self,
        component: &mut Component,
        hashes: impl IntoIterator<Item = &'a str>,
    ) {
        let hashes: BTreeSet<&str> = hashes.into_iter().collect();
        if let [only] = hashes.into_iter().collect::<Vec<_>>()[..] {
            let (algorithm, digits) = only.split_once(':').unwrap_or(("", only));
            self.hex(component, algorithm, digits);
        }
    }

    /// Takes what nothing else needs for what the project needs: a lock file has nothing without a reason.
    pub(super) fn roots_from_graph(&mut self) {
        let needed: BTreeSet<&String> = self.needs.values().flatten().collect();
        let roots = self.components.keys().filter(|purl| !needed.contains(purl)).cloned();
        self.roots = roots.collect();
    }
}
