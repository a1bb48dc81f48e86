//! Secrets in text: what a rule file says, where its rules match, which matches are findings, and which
//! findings are tolerated. Everything here is pure; reading files is the command's part.

pub mod allow;
pub mod anchor;
pub mod dialect;
pub mod encoding;
pub mod engine;
pub mod entropy;
pub mod file;
pub mod finding;
pub mod fingerprint;
pub mod pattern;
pub mod prefilter;
pub mod rules;

#[cfg(test)]
mod tests;
