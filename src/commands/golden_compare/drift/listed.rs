//! A difference as reports keep it.

use super::difference::Drift;
use schemars::JsonSchema;
use serde::Serialize;

/// A difference as reports keep it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ListedDrift {
    /// The file, relative to the two directories; absent where two files were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Where it was found in the document, such as `root.kpi`: of a missing or extra key, what should hold it.
    pub(crate) path: String,
    /// What differs, such as `root.kpi.net_bps`, which may be given back to `--ignore`; of files of lines, the line.
    pub(crate) place: String,
    /// `missing`, `extra`, `type`, `length`, `float`, `value`, `lines` or `bytes`.
    pub(crate) kind: String,
    /// The whole sentence, path included.
    pub(crate) message: String,
    /// The value of the baseline, long ones cut; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accepted: Option<String>,
    /// The value of the actual output, long ones cut; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actual: Option<String>,
    /// How far two numbers are apart, with every digit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) distance: Option<String>,
    /// How far they may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tolerance: Option<String>,
    /// The lines as `diff -u` writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) diff: Option<String>,
    /// 1-based line in the actual file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// 1-based column in the actual file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<u64>,
}

impl ListedDrift {
    /// A difference of a file, with its values and its line and column where they are known.
    pub(crate) fn new(
        file: Option<&str>,
        drift: &Drift,
        values: (Option<String>, Option<String>),
        at: Option<(u64, u64)>,
    ) -> Self {
        let (line, column) = at.unzip();
        Self {
            file: file.map(str::to_owned),
            path: drift.path.to_string(),
            place: drift.place(),
            kind: drift.difference.kind().to_owned(),
            message: drift.message(),
            accepted: values.0,
            actual: values.1,
            distance: drift.difference.distance(),
            tolerance: drift.difference.tolerance().map(|tolerance| tolerance.to_string()),
            diff: drift.difference.hunk().map(str::to_owned),
            line,
            column,
        }
    }
}
