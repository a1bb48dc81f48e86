//! A finding: what was found where, and what is to be done about it.

use crate::commands::scan_secrets::detect::allow::IgnoreFile;
use crate::commands::scan_secrets::detect::fingerprint::fingerprint;
use crate::commands::scan_secrets::detect::rules::UNSCANNED;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// Word of the tolerance by a baseline.
pub(crate) const BASELINE: &str = "baseline";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path relative to the root; members of archives behind `!`.
    pub(crate) path: String,
    /// 1-based line; 0 when the finding is about the whole file.
    pub(crate) line: u64,
    /// 1-based byte in the line; 0 when the finding is about the whole file.
    pub(crate) column: u64,
    pub(crate) rule: String,
    /// First commit with it, in history.
    pub(crate) commit: Option<String>,
    /// What it is, or why the file could not be scanned.
    pub(crate) description: String,
    /// Identifies rule, path and value.
    pub(crate) fingerprint: String,
    /// The first characters of the secret.
    pub(crate) sample: String,
    pub(crate) secret_bytes: usize,
    /// 0-based byte of the secret in the file.
    pub(crate) offset: u64,
    pub(crate) disposition: Disposition,
}

/// What is to be done about a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disposition {
    /// It fails the scan.
    Open,
    /// It fails the scan; the exception that covered it is over.
    Expired(String),
    /// Tolerated; fails a strict scan only.
    Tolerated { by: &'static str, why: String },
}

impl Finding {
    /// The finding that `path` could not be scanned, or not to its end.
    pub(crate) fn unscanned(path: &str, commit: Option<&str>, why: &str) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            column: 0,
            rule: UNSCANNED.to_owned(),
            commit: commit.map(str::to_owned),
            description: why.to_owned(),
            fingerprint: fingerprint(UNSCANNED, path, b""),
            sample: String::new(),
            secret_bytes: 0,
            offset: 0,
            disposition: Disposition::Open,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.disposition, Disposition::Tolerated { .. })
    }
}

/// What is tolerated besides the rule file.
#[derive(Clone, Debug)]
pub(crate) struct Tolerance {
    pub(crate) ignored: IgnoreFile,
    /// Fingerprints of the baseline.
    pub(crate) baseline: BTreeSet<String>,
    /// The day on which exceptions are judged.
    pub(crate) today: Date,
}

/// Where a piece of text comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// Path relative to the root.
    pub(crate) path: &'a str,
    pub(crate) commit: Option<&'a str>,
}

/// Bytes that begin a character.
fn characters(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64
}

/// The position of the start of a piece of text in its file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Start {
    /// Newlines before it.
    pub(crate) lines: u64,
    /// Characters of its line before it; bytes that continue one are not counted.
    pub(crate) column: u64,
    /// Bytes before it.
    pub(crate) offset: u64,
}

impl Start {
    /// The position after `text`.
    #[must_use]
    pub(crate) fn after(self, text: &[u8]) -> Self {
        let lines = memchr::memchr_iter(b'\n', text).count() as u64;
        let column = match memchr::memrchr(b'\n', text) {
            Some(last) => characters(&text[last + 1..]),
            None => self.column + characters(text),
        };
        Self { lines: self.lines + lines, column, offset: self.offset + text.len() as u64 }
    }
}
