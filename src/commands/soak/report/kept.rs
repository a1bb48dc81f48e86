//! The documents that a run left of its own verdict: they must be of this run, and say what it comes to.

use crate::format::json::typed;
use crate::judge::verdict::RunVerdict;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::json_file;
use serde::Deserialize as _;
use serde_json::Value;
use std::path::Path;

/// What is compared elsewhere, or may differ: where the run stood then, and why it ended.
const APART: [&str; 3] = ["verdict", "run_dir", "aborted"];

/// What tells one run from another, and evidence from a rehearsal. A run that has lost its end is still itself.
const STAMPS: [&str; 11] = [
    "schema",
    "version",
    "commit",
    "clock",
    "simulated",
    "observed_from",
    "subject",
    "source",
    "profile",
    "iteration_secs",
    "planned",
];

/// The verdict that a document in the directory of a run says; `expected` is the one that the run gives now. None where
/// there is no such document, and a text where it does not say what the run gives. It is known to be of another run
/// only where the run itself `is_bound` to its plan.
///
/// # Errors
/// When it is of another run.
pub(super) fn read(
    dir: &Path,
    name: &str,
    expected: &str,
    is_bound: bool,
) -> Result<Option<Result<RunVerdict, String>>, Fault> {
    let path = dir.join(name);
    if !fsio::exists(&path)? {
        return Ok(None);
    }
    let document = match json_file::load(&path) {
        Ok((document, _)) => document,
        Err(fault) => return Ok(Some(Err(fault.to_string()))),
    };
    let expected = typed::parse(expected).expect("a document of ours");
    // What is missing speaks of no other run.
    let stamp = |document: &Value, name: &str| document.get(name).filter(|value| !value.is_null()).cloned();
    // A run of which nothing is left has no stamps.
    let is_stamped = is_bound && stamp(&expected, "version").is_some();
    for name in STAMPS.into_iter().filter(|_| is_stamped) {
        if let Some((found, wanted)) = stamp(&document, name).zip(stamp(&expected, name))
            && found != wanted
        {
            let path = path.display();
            let message =
                format!("`{path}` is not of this run: its {name} is {found}, that of the run is {wanted}");
            let hint = "put back what the run wrote";
            return Err(Fault::config(message).hint(hint));
        }
    }
    if let Some(field) = difference(&document, &expected) {
        return Ok(Some(Err(format!("`{name}` says another {field} than the run gives"))));
    }
    let said = document.get("verdict").unwrap_or(&Value::Null);
    Ok(Some(RunVerdict::deserialize(said).map_err(|_| format!("`{name}` has the verdict {said}"))))
}

/// The first field in which two documents differ.
fn difference(document: &Value, expected: &Value) -> Option<String> {
    let names = |document: &Value| {
        document.as_object().into_iter().flat_map(serde_json::Map::keys).cloned().collect::<Vec<String>>()
    };
    let all = names(document).into_iter().chain(names(expected));
    all.filter(|name| !APART.contains(&name.as_str())).find(|name| document.get(name) != expected.get(name))
}
