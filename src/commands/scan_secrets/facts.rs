//! What a scan looked at and found: everything that its verdict and its report are made from.

use crate::commands::scan_secrets::detect::finding::Finding;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stats {
    /// Files, without the members of archives.
    pub(super) files: u64,
    /// Bytes of text and binary content, unpacked.
    pub(super) bytes: u64,
    /// Files and members with binary content.
    pub(super) binary: u64,
    pub(super) archives: u64,
    pub(super) members: u64,
    /// Links that were not followed.
    pub(super) symlinks: u64,
    /// Sockets, pipes and devices.
    pub(super) special: u64,
    /// Objects of the history.
    pub(super) blobs: u64,
}

impl Stats {
    fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.binary += other.binary;
        self.archives += other.archives;
        self.members += other.members;
        self.symlinks += other.symlinks;
        self.special += other.special;
        self.blobs += other.blobs;
    }
}

/// What was looked at, and what was found there.
#[derive(Debug, Default)]
pub(super) struct ScanResult {
    pub(super) findings: Vec<Finding>,
    pub(super) stats: Stats,
}

impl ScanResult {
    /// Adds the result of another thread.
    pub(super) fn join(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.stats.add(&other.stats);
    }
}

/// What the scan was and what came of it.
#[derive(Debug)]
pub(super) struct Facts {
    /// Whether tolerated findings fail the scan too.
    pub(super) strict: bool,
    /// Where the rules come from, the named file first.
    pub(super) rule_files: Vec<String>,
    pub(super) rules: usize,
    pub(super) stats: Stats,
    /// Whether the history was asked for.
    pub(super) history: bool,
    /// Findings, sorted.
    pub(super) findings: Vec<Finding>,
    /// Exceptions that are over: file and words.
    pub(super) expired: Vec<(String, String)>,
}

impl Facts {
    pub(super) fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_open())
    }

    pub(super) fn tolerated(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.is_open())
    }
}
