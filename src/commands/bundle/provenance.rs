//! The statement of where an archive comes from, in the form that in-toto and SLSA give it.

use crate::release::bundle::manifest::Manifest;
use serde_json::{Value, json};

/// The statement about the archive `file`, whose SHA-256 is `sha256`.
pub(super) fn statement(manifest: &Manifest, file: &str, sha256: &str) -> Value {
    let provenance = &manifest.provenance;
    let by_hash = |path: &str, sha256: &str| json!({"name": path, "digest": {"sha256": sha256}});
    let mut sources: Vec<Value> = manifest
        .git
        .iter()
        .map(|git| json!({"name": "source", "digest": {"gitCommit": git.commit}, "annotations": {"dirty": git.dirty}}))
        .collect();
    sources.push(by_hash(&provenance.plan.path, &provenance.plan.sha256));
    sources.extend(provenance.lock_files.iter().map(|lock| by_hash(&lock.path, &lock.sha256)));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [by_hash(file, sha256)],
        "predicate": {
            "buildDefinition": {
                "buildType": "mmops bundle create",
                "externalParameters": {"name": manifest.name, "version": manifest.version},
                "internalParameters": {"encoder": provenance.encoder},
                "resolvedDependencies": sources,
            },
            "runDetails": {
                "builder": {"id": provenance.builder},
                "metadata": {"finishedOn": manifest.created_at},
            },
        },
    })
}
