//! The statement of where an archive comes from, in the form that in-toto and SLSA give it. It follows from the
//! manifest inside the archive and the archive's hash, so that who verifies one makes it again and compares.

use crate::format::json;
use crate::release::bundle::manifest::{Manifest, Revision};
use serde_json::{Value, json};

/// Ending of the statement's file.
pub(super) const ENDING: &str = ".provenance.json";

/// What SLSA calls the recipe, described in the README.
const BUILD_TYPE: &str = "urn:mmops:build-type:bundle-create:v1";
/// Who built: whoever ran mmops, on a machine of which nothing is claimed.
const BUILDER_ID: &str = "urn:mmops:builder:operator";

/// The statement about the archive whose SHA-256 is `sha256`.
pub(super) fn statement(manifest: &Manifest, sha256: &str) -> String {
    let provenance = &manifest.provenance;
    let by_hash = |path: &str, sha256: &str| json!({"name": path, "digest": {"sha256": sha256}});
    let source = |git: &Revision| {
        let annotations = json!({
            "absent": provenance.absent, "dirty": git.dirty, "uncommitted": provenance.uncommitted,
        });
        json!({"name": "source", "digest": {"gitCommit": git.commit}, "annotations": annotations})
    };
    let builder = provenance.builder.strip_prefix("mmops ").unwrap_or(&provenance.builder);
    let mut sources: Vec<Value> = manifest.git.iter().map(source).collect();
    sources.push(by_hash(&provenance.plan.path, &provenance.plan.sha256));
    let others = provenance.lock_files.iter().chain(&provenance.configs);
    sources.extend(others.map(|file| by_hash(&file.path, &file.sha256)));
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [by_hash(&manifest.archive_name(), sha256)],
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "include": provenance.include,
                    "name": manifest.name,
                    "plan": by_hash(&provenance.plan.path, &provenance.plan.sha256),
                    "version": manifest.version,
                },
                "internalParameters": {"encoder": provenance.encoder},
                "resolvedDependencies": sources,
            },
            "runDetails": {
                "builder": {"id": BUILDER_ID, "version": {"mmops": builder}},
                "metadata": {"finishedOn": manifest.created_at},
            },
        },
    });
    json::document(&statement)
}
