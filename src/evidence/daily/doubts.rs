//! What is to be looked at in reports that count: they are believed as they stand, and nothing in them can be checked.
#![warn(clippy::wildcard_enum_match_arm)]

use serde_json::Value;
use std::collections::BTreeMap;

/// A report that counts.
pub(super) struct CountingReport<'a> {
    pub(super) name: &'a str,
    pub(super) content: Option<&'a Value>,
    pub(super) sha256: Option<&'a str>,
}

/// A sentence for the reports that do not say what made them, and one for those that are the same file again: a day is
/// never like another to the last bit.
pub(super) fn remarks<'a>(reports: impl Iterator<Item = CountingReport<'a>>) -> Vec<String> {
    let (mut headless, mut same): (Vec<&str>, BTreeMap<&str, Vec<&str>>) = (Vec::new(), BTreeMap::new());
    for CountingReport { name, content, sha256 } in reports {
        let schema = content.and_then(|content| content.get("schema"));
        if schema.is_none_or(|schema| schema == "") {
            headless.push(name);
        }
        if let Some(sha256) = sha256 {
            same.entry(sha256).or_default().push(name);
        }
    }
    let names = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let headless = (!headless.is_empty()).then(|| {
        format!(
            "no evidence header (`schema`), so nothing says which program made it and of which run: {}",
            names(&headless)
        )
    });
    let mut same: Vec<Vec<&str>> = same.into_values().filter(|names| names.len() > 1).collect();
    same.sort();
    let same = same.iter().map(|same| format!("the same bytes for several days: {}", names(same)));
    headless.into_iter().chain(same).collect()
}
