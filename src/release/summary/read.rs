//! Reads the documents beside the soak that a release rests on, from where the commands leave them.

use super::document::{Source, Topic};
use crate::evidence::entry::{Found, FoundDocument};
use crate::sys::{fsio, json_file};
use std::path::Path;

const OTHERS: [(Topic, &str); 3] = [
    (Topic::Readiness, "artifacts/reports/readiness.json"),
    (Topic::Golden, "artifacts/reports/golden_compare.json"),
    (Topic::Failover, "artifacts/CHAOS_FAILOVER.json"),
];

/// The newest soak, as the run itself left it.
pub(crate) fn soak(root: &Path) -> Source {
    source(Topic::Soak, "artifacts/reports/soak_metrics.json", root)
}

/// Readiness, golden comparison and drills.
pub(crate) fn others(root: &Path) -> impl Iterator<Item = Source> + '_ {
    OTHERS.iter().map(|(topic, path)| source(*topic, path, root))
}

fn source(topic: Topic, path: &str, root: &Path) -> Source {
    Source { topic, path: path.to_owned(), found: find(&root.join(path), root) }
}

/// The reason names no folder of this machine: the same files make the same summary.
fn find(path: &Path, root: &Path) -> Found {
    if matches!(fsio::exists(path), Ok(false)) {
        return Err("it is not there".to_owned());
    }
    let (content, modified, sha256) = json_file::load_hashed(path)
        .map_err(|fault| fault.to_string().replace(&format!("{}/", root.display()), ""))?;
    Ok(FoundDocument { content, modified, sha256 })
}
