//! `requirements.txt` and its relatives, which say neither what needs what nor, always, which version.

use super::listing::{Component, Listing};
use super::purl::Origin;
use super::python::normalized;

const ELSEWHERE: [&str; 6] = ["-r", "--requirement", "-c", "--constraint", "-e", "--editable"];

pub(super) fn read(text: &str) -> Listing {
    let mut listing = Listing::default();
    for line in text.replace("\\\n", " ").lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('-') {
            if ELSEWHERE.iter().any(|option| line.split(['=', ' ']).next() == Some(option)) {
                listing.remarks.push(format!("`{line}` names packages that are not in this file"));
            }
            continue;
        }
        add(&mut listing, line);
    }
    listing
}

/// One requirement: `name[extra] == version ; marker --hash=...`, or `name @ address`.
fn add(listing: &mut Listing, line: &str) {
    let (wanted, options) = line.split_once(" --").unwrap_or((line, ""));
    let wanted = wanted.split(" ;").next().unwrap_or_default();
    let end = wanted.find("://").unwrap_or(wanted.len());
    if end < wanted.len() && !wanted[..end].contains('@') {
        // An address alone names its package, if at all, behind `#egg=`.
        match wanted.split_once("#egg=") {
            Some((address, name)) => add(listing, &format!("{} @ {address}", name.trim())),
            None => listing.remarks.push(format!("`{}` does not name its package", wanted.trim())),
        }
        return;
    }
    let end =
        wanted.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(wanted.len());
    let name = normalized(&wanted[..end]);
    let rest = wanted[end..].trim_start();
    let rest = if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
    let (origin, version) = match rest.trim_start().strip_prefix('@') {
        Some(address) => (of_address(address.trim()), None),
        None => (Origin::Public, pinned(rest.split(';').next().unwrap_or_default())),
    };
    let is_at_commit = matches!(&origin, Origin::Repository(address) if address.rsplit('/').next().is_some_and(|end| end.contains('@')));
    if name.is_empty() || (version.is_none() && !is_at_commit) {
        listing.remarks.push(format!("`{}` is not pinned to a version", wanted.trim()));
    }
    if name.is_empty() {
        return;
    }
    let mut component = Component::new("pypi", &name, version, &origin);
    let hashes = options.split("hash=").skip(1).filter_map(|hash| hash.split_whitespace().next());
    listing.of_files(&mut component, hashes);
    listing.add(component);
}

fn pinned(rest: &str) -> Option<&str> {
    let version = rest.trim().strip_prefix("==")?.trim_start_matches('=').trim();
    Some(version).filter(|version| !version.is_empty() && !version.contains(['*', ',', ' ']))
}

fn of_address(address: &str) -> Origin {
    match address.strip_prefix("git+") {
        Some(_) => {
            let address = address.split('#').next().unwrap_or_default();
            // The commit stands behind the last path, as a package URL has it.
            let (path, commit) = match address.rsplit_once('@') {
                Some((path, commit)) if !commit.contains('/') => (path, commit),
                _ => (address, ""),
            };
            Origin::of_git(&format!("{path}#{commit}"))
        }
        None => Origin::of_file(address),
    }
}
