//! May the tag be put?
#![warn(clippy::wildcard_enum_match_arm)]

use crate::release::bundle::manifest::Revision;
use crate::release::signature::Signature;

/// What was found of the release and of the repository.
pub(super) struct Facts {
    pub(super) soak_verdict: String,
    /// What speaks against the soak.
    pub(super) snapshot: Vec<String>,
    /// What speaks against the folder of the release.
    pub(super) bundle: Vec<String>,
    /// Whether the release rests on a snapshot alone.
    pub(super) is_legacy: bool,
    /// Whether the soak is simulated or a clock is frozen, so that no age is known.
    pub(super) is_rehearsal: bool,
    /// Whether that was allowed.
    pub(super) allow_simulated: bool,
    pub(super) signature: Signature,
    /// What speaks against the tag of this name.
    pub(super) tag: Vec<String>,
    /// Paths that differ from the commit, or are not in it.
    pub(super) changed: Vec<String>,
    /// Directories of evidence and releases among them, which a repository ignores.
    pub(super) outputs: Vec<String>,
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
    /// From the commit that is tagged.
    Revision(Revision),
    /// From one of its ancestors; `others` are paths outside of the release and the evidence that differ.
    Ancestor {
        revision: Revision,
        others: Vec<String>,
    },
    /// The clone has not the commits that would say.
    Shallow(Revision),
    /// From a commit that is no ancestor, or that nobody knows.
    Elsewhere(Revision),
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

/// The commit that is tagged has the code that the release was built from, and nothing else beside the release.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    let is_on_branch = match facts.head {
        Head::NoCommit | Head::Detached(_) => false,
        Head::Branch { .. } => true,
    };
    let is_built_clean = match &facts.built_from {
        BuiltFrom::NoManifest | BuiltFrom::Unknown | BuiltFrom::Shallow(_) | BuiltFrom::Elsewhere(_) => false,
        BuiltFrom::Revision(revision) => !revision.dirty,
        BuiltFrom::Ancestor { revision, others } => !revision.dirty && others.is_empty(),
    };
    let is_signed = match facts.signature {
        Signature::Absent | Signature::NotChecked | Signature::Valid(_) => true,
        Signature::Refused(_) => false,
    };
    let is_taggable = is_on_branch
        && is_signed
        && (facts.allow_simulated || !facts.is_rehearsal)
        && is_built_clean
        && facts.snapshot.is_empty()
        && facts.bundle.is_empty()
        && facts.tag.is_empty()
        && facts.changed.is_empty();
    if is_taggable { Verdict::Taggable } else { Verdict::Refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            soak_verdict: "PASS".to_owned(),
            snapshot: Vec::new(),
            bundle: Vec::new(),
            is_legacy: true,
            is_rehearsal: true,
            allow_simulated: true,
            signature: Signature::NotChecked,
            tag: Vec::new(),
            changed: Vec::new(),
            outputs: Vec::new(),
            head: Head::Branch { name: "main".to_owned(), commit: "c0ffee".to_owned() },
            built_from: BuiltFrom::Revision(revision(false)),
        }
    }

    fn revision(dirty: bool) -> Revision {
        Revision { commit: "c0ffee".to_owned(), dirty }
    }

    #[test]
    fn the_same_code_may_be_tagged_and_every_refusal_counts() {
        assert_eq!(verdict(&facts()), Verdict::Taggable);
        let no = || vec!["no".to_owned()];
        let ancestor = |dirty, others| Facts {
            built_from: BuiltFrom::Ancestor { revision: revision(dirty), others },
            ..facts()
        };
        assert_eq!(verdict(&ancestor(false, Vec::new())), Verdict::Taggable);
        for refused in [
            Facts { snapshot: no(), ..facts() },
            Facts { allow_simulated: false, ..facts() },
            Facts { signature: Signature::Refused(Vec::new()), ..facts() },
            Facts { bundle: no(), ..facts() },
            Facts { tag: no(), ..facts() },
            Facts { changed: no(), ..facts() },
            Facts { head: Head::NoCommit, ..facts() },
            Facts { head: Head::Detached("c0ffee".to_owned()), ..facts() },
            Facts { built_from: BuiltFrom::NoManifest, ..facts() },
            Facts { built_from: BuiltFrom::Unknown, ..facts() },
            Facts { built_from: BuiltFrom::Revision(revision(true)), ..facts() },
            Facts { built_from: BuiltFrom::Elsewhere(revision(false)), ..facts() },
            Facts { built_from: BuiltFrom::Shallow(revision(false)), ..facts() },
            ancestor(false, no()),
            ancestor(true, Vec::new()),
        ] {
            assert_eq!(verdict(&refused), Verdict::Refused);
        }
    }
}
