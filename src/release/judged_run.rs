//! A soak run as a release takes it: judged again from what it has kept, with the documents that its report has.

use super::bundle::manifest::Named;
use crate::judge::kpi::KpiCatalogue;
use std::collections::BTreeMap;

/// What a run keeps to be judged again by: its plan, its journal, its samples.
pub(crate) const KEPT: [&str; 3] = ["RUN.json", "JOURNAL.jsonl", "samples.bin"];

#[derive(Clone, Debug)]
pub(crate) struct JudgedRun {
    /// The directory of the run, as it is shown.
    pub(crate) run_dir: String,
    /// PASS, FAIL or INCONCLUSIVE.
    pub(crate) verdict: &'static str,
    /// Why it is not PASS.
    pub(crate) complaints: Vec<String>,
    pub(crate) is_simulated: bool,
    /// The documents, by name.
    pub(crate) documents: BTreeMap<&'static str, String>,
    /// How its figures were measured.
    pub(crate) definitions: KpiCatalogue,
    /// Conditions on labels by which it told its bots from others.
    pub(crate) matching: Option<String>,
    /// The files that it was judged from.
    pub(crate) files: Vec<Named>,
}
