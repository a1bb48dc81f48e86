//! Secrets in text: what a rule file says, where its rules match, which matches are findings, and which
//! findings are tolerated. Everything here is pure; reading files is the command's part.

pub(crate) mod allow;
pub(crate) mod anchor;
pub(crate) mod dialect;
pub(crate) mod encoding;
pub(crate) mod engine;
pub(crate) mod entropy;
pub(crate) mod file;
pub(crate) mod finding;
pub(crate) mod fingerprint;
pub(crate) mod judge;
pub(crate) mod pattern;
pub(crate) mod prefilter;
pub(crate) mod rules;

#[cfg(test)]
mod tests;
