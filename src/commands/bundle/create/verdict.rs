//! Is the bundle that was made the one that was asked for?
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::bundle::checkout::Checkout;
use crate::commands::bundle::sbom::Listing;
use crate::release::summary::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// What was made, and what somebody should look at; also the fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Facts {
    /// The archive, relative to the root where it lies inside it.
    pub(super) archive: String,
    /// Its bytes.
    pub(super) archive_bytes: u64,
    /// Bytes of the files in it.
    pub(super) content_bytes: u64,
    /// How many files it has, the manifest not counted.
    pub(super) files: usize,
    /// What was left out, and why.
    pub(super) left_out: Vec<String>,
    /// The list of contents, `built-in` or its path.
    pub(super) plan: String,
    /// SHA-256 of the archive.
    pub(super) sha256: String,
    /// The signature, when there is one.
    pub(super) signature: Option<String>,
    /// Version of what is released.
    pub(super) bundle_version: String,
    /// Whether a signature was asked for.
    #[serde(skip)]
    pub(super) signs: bool,
    #[serde(skip)]
    pub(super) version_source: &'static str,
    /// What the file `VERSION` says, when that is something else.
    #[serde(skip)]
    pub(super) file_version: Option<String>,
    #[serde(skip)]
    pub(super) checkout: Checkout,
    /// Files of the bundle that are evidence, which no commit has.
    pub(super) evidence_files: Vec<String>,
    /// Files of the bundle, and lock files behind its bill of materials, that the commit does not have so.
    pub(super) uncommitted: Vec<String>,
    /// Files of the commit that the contents name and that were not there.
    pub(super) absent: Vec<String>,
    /// What the documents of its summary say.
    #[serde(skip)]
    pub(super) findings: Vec<Finding>,
    /// Whether anything that the summary rests on was simulated.
    #[serde(skip)]
    pub(super) is_simulated: bool,
    /// The packages of each lock file, when they were asked for.
    #[serde(skip)]
    pub(super) listings: Option<Vec<(String, Listing)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Created,
    Incomplete,
}

/// An archive of nothing, or one without the signature that was asked for, is not what was asked for. What was
/// left out, a revision that is not known, and what the summary finds are shown and change nothing: whether to release
/// is what `make-ready` decides.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    match (facts.files, facts.signs, &facts.signature) {
        (0, ..) | (_, true, None) => Verdict::Incomplete,
        (1.., true, Some(_)) | (1.., false, _) => Verdict::Created,
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::report;
    use super::*;
    use crate::release::summary::Topic;
    use crate::report::exit::Exit;

    fn facts() -> Facts {
        Facts {
            archive: "a.zip".to_owned(),
            archive_bytes: 1,
            content_bytes: 1,
            files: 1,
            left_out: vec!["`b` lies where the archive goes".to_owned()],
            plan: "built-in".to_owned(),
            sha256: String::new(),
            signature: None,
            bundle_version: "1.2.3".to_owned(),
            signs: false,
            version_source: "--version",
            file_version: Some("1.2.4".to_owned()),
            checkout: Err("there is no commit yet".to_owned()),
            evidence_files: Vec::new(),
            uncommitted: vec!["c".to_owned()],
            absent: vec!["d".to_owned()],
            findings: vec![Finding {
                topic: Topic::Golden,
                verdict: None,
                doubts: vec!["it is not there".to_owned()],
            }],
            is_simulated: true,
            listings: None,
        }
    }

    #[test]
    fn remarks_change_nothing_and_what_is_missing_makes_the_answer_no() {
        let exit = |facts: Facts| report(&facts, verdict(&facts)).exit();
        assert_eq!(exit(facts()), Exit::Ok);
        assert_eq!(exit(Facts { signs: true, signature: Some("a.minisig".to_owned()), ..facts() }), Exit::Ok);
        assert_eq!(exit(Facts { files: 0, ..facts() }), Exit::Fail);
        assert_eq!(exit(Facts { signs: true, ..facts() }), Exit::Fail);
    }
}
