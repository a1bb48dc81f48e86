//! The environment, read once at start, and the registry of every variable that mmops looks at.
#![expect(clippy::disallowed_methods, reason = "this file owns the environment")]

use crate::report::exit::Fault;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Every variable mmops reads, with what it does; the README's table is checked against it.
pub const VARIABLES: &[(&str, &str)] = &[
    ("MMOPS_NOW", "freezes the clock at this RFC 3339 time, like --now"),
    ("CI_FAKE_UTC", "fixes the time that is printed and stored; ages still use the real clock"),
    ("SOURCE_DATE_EPOCH", "seconds since 1970; fixes the time that a bundle carries"),
    ("MM_VERSION", "version of the bundle, unless --version is given"),
    ("MMOPS_SIGN_PASSWORD", "password of the secret key that --sign names"),
    ("NO_COLOR", "turns colour off when set and not empty"),
    ("GITHUB_STEP_SUMMARY", "file that --format github appends its Markdown table to"),
    ("CI_STRICT_SECRETS", "1 makes scan-secrets strict, like --strict"),
    ("TERM", "dumb turns colour and progress off"),
    ("PATH", "where the steps of a plan and git are looked up"),
    ("HOME", "never rotated"),
    (
        "MMOPS_STEP",
        "the steps of which this run is a part; set for every child, so that all of its processes are found",
    ),
    (
        "SOAK_SMOKE_MODE",
        "1 makes `soak run` a smoke run: profile smoke, 3 iterations of 1 min, unless told otherwise",
    ),
    ("MMOPS_PROMETHEUS_URL", "server with the Prometheus API that `soak run` asks where no source is named"),
    ("MMOPS_PROMETHEUS_TOKEN", "bearer token for the Prometheus API"),
    ("MMOPS_PROMETHEUS_TOKEN_FILE", "file with that token"),
    ("MMOPS_PROMETHEUS_BASIC", "user:password for the Prometheus API"),
    ("MMOPS_PROMETHEUS_BASIC_FILE", "file with that pair"),
    (
        "MMOPS_PROMETHEUS_HEADERS_FILE",
        "file of further headers for the Prometheus API, one Name: value a line",
    ),
    (
        "MMOPS_PROMETHEUS_CA_FILE",
        "PEM certificates trusted for the Prometheus API, in place of the public ones",
    ),
];

/// Variables that are not ours: their bytes are the system's, and no command fails for them.
const FOREIGN: [&str; 4] = ["PATH", "HOME", "TERM", "NO_COLOR"];

/// A snapshot of the environment; only variables of [`VARIABLES`] are kept.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<&'static str, OsString>);

impl Env {
    /// The environment of this process. What cannot be read is not unset.
    pub fn of_process() -> Result<Self, Fault> {
        let mut known = BTreeMap::new();
        for (name, _) in VARIABLES {
            let Some(value) = std::env::var_os(name) else { continue };
            if value.to_str().is_none() && !FOREIGN.contains(name) {
                return Err(Fault::config(format!("the variable {name} is not UTF-8")));
            }
            known.insert(*name, value);
        }
        Ok(Self(known))
    }

    /// The value of a registered variable, unless unset or empty. Of the variables that are not ours, one
    /// that is not UTF-8 has no value here: [`Env::bytes`] has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.bytes(name)?.to_str()
    }

    /// The same as it is, UTF-8 or not.
    pub(crate) fn bytes(&self, name: &str) -> Option<&OsStr> {
        debug_assert!(VARIABLES.iter().any(|(known, _)| *known == name), "{name} is not registered");
        self.0.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

/// Names of the variables of this process that begin so.
pub(crate) fn names_with_prefix(prefix: &str) -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.as_encoded_bytes().starts_with(prefix.as_bytes())).collect()
}

/// The directory the process was started in.
pub(crate) fn start_dir() -> std::io::Result<PathBuf> {
    std::env::current_dir()
}

/// The numeric id of the user this process runs as.
pub(crate) fn user_id() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The running binary, for steps that are mmops itself.
pub(crate) fn own_binary() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}
