//! What is known of the signature of a bundle or release, and what its comment vouches for.

use crate::format::zip::violation::Violation;

/// What a signature must vouch for by its comment, beside the bytes that it was made over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound<'a> {
    /// Name of the file.
    pub(crate) name: &'a str,
    /// SHA-256 of the file, as it was found where the rest was read.
    pub(crate) sha256: &'a str,
    /// SHA-256 of the statement of provenance, of what has one.
    pub(crate) provenance: Option<&'a str>,
    pub(crate) version: &'a str,
}

/// What is known of a signature.
#[derive(Clone, Debug)]
pub(crate) enum Signature {
    /// There is none, and no key asks for one.
    Absent,
    /// It speaks of what lies beside it, and no key was given to check it with.
    NotChecked,
    /// It is valid, with this comment.
    Valid(String),
    /// It is missing, not valid, or speaks of something else.
    Refused(Vec<Violation>),
}

impl Signature {
    /// The word for it in a report.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::NotChecked => "not checked",
            Self::Valid(_) => "valid",
            Self::Refused(_) => "refused",
        }
    }
}

/// Where the comment speaks of something else than what was found.
pub(super) fn violations(comment: &str, bound: Bound<'_>) -> Vec<Violation> {
    let value = |key: &str| {
        let mut values = comment.split('\t').filter_map(|field| field.strip_prefix(key)?.strip_prefix(':'));
        values.next().filter(|_| values.next().is_none())
    };
    let always = [
        ("signature-name", "file", bound.name),
        ("signature-version", "version", bound.version),
        ("signature-hash", "sha256", bound.sha256),
    ];
    let provenance = bound.provenance.map(|sha256| ("signature-provenance", "provenance", sha256));
    let wrong = |(kind, key, expected): (&'static str, &str, &str)| {
        let found = value(key);
        let detail = || format!("it vouches for {key} {}, not {expected}", found.unwrap_or("nothing"));
        (found != Some(expected)).then(|| Violation::new(kind, detail()))
    };
    always.into_iter().chain(provenance).filter_map(wrong).collect()
}
