//! Every document that a run of a sandbox prints or writes is held to the schema that it names.
#![allow(dead_code, reason = "each program uses a part of it")]

use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

/// What has a schema of its own that is no promise: state between runs.
const INTERNAL: [&str; 3] = ["mmops.chaos-lease.v1", "mmops.chaos-order-log.v1", "mmops.chaos-events.v1"];

fn schema_text(name: &str) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    let output = command.arg("schema").args(Some(name).filter(|name| !name.is_empty())).env_clear().output();
    output.unwrap().stdout
}

/// The schema of a name.
pub fn schema(name: &str) -> Value {
    serde_json::from_slice(&schema_text(name)).unwrap_or_else(|error| panic!("schema {name}: {error}"))
}

/// By what documents call themselves.
static VALIDATORS: LazyLock<BTreeMap<String, (String, Validator)>> = LazyLock::new(|| {
    let names = String::from_utf8(schema_text("")).unwrap();
    let named = names.lines().filter_map(|name| {
        let schema = schema(name);
        let id = schema["properties"]["schema"]["const"].as_str()?.to_owned();
        Some((id, (name.to_owned(), jsonschema::validator_for(&schema).unwrap())))
    });
    named.collect()
});

/// The ids of which a document was held to its schema.
static SEEN: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// JSON files below a root and when they were written.
pub fn documents(root: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let entries = walkdir::WalkDir::new(root).into_iter().filter_map(Result::ok);
    let files = entries.filter(|entry| {
        entry.file_type().is_file() && entry.path().extension().is_some_and(|ending| ending == "json")
    });
    files
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            // A frozen clock dates files anew; a replaced file has another inode.
            let changed = rustix::fs::stat(entry.path()).ok()?;
            let since = std::time::Duration::new(
                u64::try_from(changed.st_ctime).ok()?,
                u32::try_from(changed.st_ctime_nsec).ok()?,
            );
            (metadata.len() < 4 << 20).then(|| (entry.path().to_owned(), SystemTime::UNIX_EPOCH + since))
        })
        .collect()
}

/// Holds what a run printed and wrote to its schemas.
#[track_caller]
pub fn hold(line: &str, stdout: &[u8], root: &Path, before: &BTreeMap<PathBuf, SystemTime>) {
    if stdout.first() == Some(&b'{') {
        hold_one(&format!("`mmops {line}` printed"), stdout);
    }
    for (path, written) in documents(root) {
        if before.get(&path) != Some(&written) {
            let name = path.strip_prefix(root).unwrap_or(&path).display();
            hold_one(&format!("`mmops {line}` wrote {name}"), &fs::read(&path).unwrap_or_default());
        }
    }
}

#[track_caller]
fn hold_one(what: &str, bytes: &[u8]) {
    if let Ok(document) = serde_json::from_slice::<Value>(bytes)
        && let Some(fault) = document_fault(&document)
    {
        panic!("{what} a document with a fault: {fault}");
    }
}

/// What is wrong with a document of ours: it is half there, or not what its schema says.
pub fn fault(bytes: &[u8]) -> Option<String> {
    match serde_json::from_slice(bytes) {
        Ok(document) => document_fault(&document),
        Err(error) => Some(error.to_string()),
    }
}

fn document_fault(document: &Value) -> Option<String> {
    let id = document["schema"].as_str().filter(|id| id.starts_with("mmops.") && !INTERNAL.contains(id))?;
    let Some((name, validator)) = VALIDATORS.get(id) else {
        return Some(format!("there is no schema for {id}"));
    };
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    *seen.entry(id.to_owned()).or_default() += 1;
    let faults: Vec<String> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    (!faults.is_empty()).then(|| format!("`mmops schema {name}` refuses it: {faults:?}"))
}
