//! May the tag be put?
#![warn(clippy::wildcard_enum_match_arm)]

use crate::release::bundle::manifest::Revision;

/// What was found of the release and of the repository.
pub(super) struct Facts {
    pub(super) soak_verdict: String,
    /// What speaks against the soak.
    pub(super) snapshot: Vec<String>,
    /// What speaks against the folder of the release.
    pub(super) bundle: Vec<String>,
    /// The commit that has the tag already.
    pub(super) existing: Option<String>,
    /// Paths that differ from the commit, or are not in it.
    pub(super) changed: Vec<String>,
    pub(super) head: Head,
    pub(super) built_from: BuiltFrom,
}

/// What is checked out.
pub(super) enum Head {
    NoCommit,
    Detached(String),
    Branch { name: String, commit: String },
}

/// What the manifest of the release says of the revision that it was built from.
pub(super) enum BuiltFrom {
    /// There is no manifest that can be read.
    NoManifest,
    Unknown,
    Revision(Revision),
}

impl Head {
    pub(super) fn commit(&self) -> Option<&str> {
        match self {
            Self::NoCommit => None,
            Self::Detached(commit) | Self::Branch { commit, .. } => Some(commit),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Taggable,
    Refused,
}

/// A release that was built from another commit than the one that is tagged is shown, and changes nothing.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    let is_on_branch = match facts.head {
        Head::NoCommit | Head::Detached(_) => false,
        Head::Branch { .. } => true,
    };
    let is_built_clean = match &facts.built_from {
        BuiltFrom::NoManifest | BuiltFrom::Unknown => false,
        BuiltFrom::Revision(revision) => !revision.dirty,
    };
    let is_taggable = is_on_branch
        && is_built_clean
        && facts.snapshot.is_empty()
        && facts.bundle.is_empty()
        && facts.existing.is_none()
        && facts.changed.is_empty();
    if is_taggable { Verdict::Taggable } else { Verdict::Refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let revision = Revision { commit: "other".to_owned(), dirty: false };
        Facts {
            soak_verdict: "PASS".to_owned(),
            snapshot: Vec::new(),
            bundle: Vec::new(),
            existing: None,
            changed: Vec::new(),
            head: Head::Branch { name: "main".to_owned(), commit: "c0ffee".to_owned() },
            built_from: BuiltFrom::Revision(revision),
        }
    }

    #[test]
    fn another_commit_changes_nothing_and_every_refusal_counts() {
        assert_eq!(verdict(&facts()), Verdict::Taggable);
        let no = || vec!["no".to_owned()];
        let dirty = Revision { commit: "c0ffee".to_owned(), dirty: true };
        for refused in [
            Facts { snapshot: no(), ..facts() },
            Facts { bundle: no(), ..facts() },
            Facts { existing: Some("c0ffee".to_owned()), ..facts() },
            Facts { changed: no(), ..facts() },
            Facts { head: Head::NoCommit, ..facts() },
            Facts { head: Head::Detached("c0ffee".to_owned()), ..facts() },
            Facts { built_from: BuiltFrom::NoManifest, ..facts() },
            Facts { built_from: BuiltFrom::Unknown, ..facts() },
            Facts { built_from: BuiltFrom::Revision(dirty), ..facts() },
        ] {
            assert_eq!(verdict(&refused), Verdict::Refused);
        }
    }
}
