//! What identifies a finding without telling the secret: its fingerprint, its sample, and the baseline
//! of known findings.

use crate::evidence::header::Header;
use crate::format::hash::{self, Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most characters of a secret that are ever shown.
pub(crate) const SHOWN: usize = 4;

/// Rounds of hashing: a guessable password should not be read off its fingerprint too cheaply.
const ROUNDS: u32 = 256;

/// Identifies the value `secret` found by `rule` in `path`; lines above it may come and go.
pub(crate) fn fingerprint(rule: &str, path: &str, secret: &[u8]) -> String {
    let mut parts = Digest::default();
    for part in [b"mmops.secret.v1", rule.as_bytes(), path.as_bytes(), secret] {
        parts.update((part.len() as u64).to_be_bytes());
        parts.update(part);
    }
    let mut digest = parts.bytes();
    for _ in 1..ROUNDS {
        digest = hash::digest(digest);
    }
    hash::hex(&digest[..16])
}

/// The first characters of a secret, at most [`SHOWN`] and at most a quarter of it.
pub(crate) fn sample(secret: &[u8]) -> String {
    let shown = &secret[..SHOWN.min(secret.len() / 4)];
    let shown = shown.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' });
    shown.chain("****".chars()).collect()
}

/// Findings that are known and wait for their turn.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    #[serde(flatten)]
    pub(crate) header: Header,
    /// When it was written, RFC 3339 UTC.
    pub(crate) generated_at: String,
    /// The findings, sorted.
    pub(crate) findings: Vec<Known>,
}

/// A known finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    /// Where it was, for people.
    pub(crate) path: String,
    /// The rule, for people.
    pub(crate) rule: String,
    /// Hash of rule, path and value; the line is no part of it.
    pub(crate) fingerprint: String,
}

impl Baseline {
    pub(crate) const SCHEMA: &'static str = "mmops.secrets-baseline.v1";

    /// The fingerprints; fails when the document is another one.
    pub(crate) fn fingerprints(self) -> Result<BTreeSet<String>, String> {
        let schema = &self.header.schema;
        if schema != Self::SCHEMA {
            return Err(format!("schema `{schema}` is not `{}`", Self::SCHEMA));
        }
        Ok(self.findings.into_iter().map(|known| known.fingerprint).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_rule_path_and_value_and_on_their_borders() {
        let all = [
            fingerprint("r", "p", b"secret"),
            fingerprint("q", "p", b"secret"),
            fingerprint("r", "q", b"secret"),
            fingerprint("r", "p", b"Secret"),
            fingerprint("rp", "", b"secret"),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|print| print.len() == 32));
        assert_eq!(all[0], fingerprint("r", "p", b"secret"));
    }

    #[test]
    fn a_sample_shows_at_most_four_characters_and_a_quarter() {
        assert_eq!(sample(&[b'a'; 40]), "aaaa****");
        assert_eq!(sample(b"12345678"), "12****");
        assert_eq!(sample(b"abc"), "****");
        assert_eq!(sample(b"\n\xff\x1babcdefghijklmnop"), "???a****");
    }

    /// What was written before there was an evidence header stands in repositories.
    #[test]
    fn a_baseline_from_before_the_header_is_read_and_an_unknown_field_is_not() {
        let old = serde_json::json!({
            "schema": Baseline::SCHEMA, "generated_at": "2026-03-10T12:00:00Z", "clock": "frozen", "findings": [],
        });
        let read = |document: &serde_json::Value| serde_json::from_value::<Baseline>(document.clone());
        assert_eq!(read(&old).expect("read").fingerprints(), Ok(BTreeSet::new()));
        for (field, value) in
            [("made_by", "somebody"), ("clock", "slow"), ("made_at", "2026-03-10T12:00:00Z")]
        {
            let mut other = old.clone();
            other[field] = value.into();
            assert!(read(&other).is_err(), "{field}");
        }
    }
}
