//! What the page of a run is made of.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::soak::bands::Bands;
use crate::commands::soak::trail::Trail;
use crate::commands::soak::verdict::{Occasion, SoakFacts};
use crate::evidence::header::Header;
use crate::judge::gate::GateProfile;
use crate::judge::kpi::KpiDefinition;
use crate::judge::record::{Judgement, Ledger};
use crate::judge::verdict::RunVerdict;
use std::collections::BTreeMap;

/// What the page of a run is made of. Nothing of it is judged again.
pub(in crate::commands::soak) struct PageFacts<'a> {
    pub(in crate::commands::soak) run_dir: &'a str,
    pub(in crate::commands::soak) source: &'a str,
    pub(in crate::commands::soak) profile_name: &'a str,
    pub(in crate::commands::soak) profile: &'a GateProfile,
    pub(in crate::commands::soak) kpis: &'a BTreeMap<String, KpiDefinition>,
    /// Seconds of a window.
    pub(in crate::commands::soak) window_secs: f64,
    /// Windows that were planned.
    pub(in crate::commands::soak) planned: u32,
    /// When a run was planned to begin of which no window is there.
    pub(in crate::commands::soak) started_at_ms: i64,
    pub(in crate::commands::soak) state: PageState,
    pub(in crate::commands::soak) simulated: bool,
    /// Of the page: when it was made and by which program, under the most doubtful clock of all that it rests on.
    pub(in crate::commands::soak) header: Header,
    pub(in crate::commands::soak) ledger: &'a Ledger,
    pub(in crate::commands::soak) trail: &'a Trail,
    pub(in crate::commands::soak) judgement: &'a Judgement,
    /// What speaks against the run beside its gates and conditions.
    pub(in crate::commands::soak) problems: Vec<String>,
    pub(in crate::commands::soak) files: Vec<EvidenceFile>,
    /// Lowest and highest sample of a figure in each window, by figure.
    pub(in crate::commands::soak) bands: &'a Bands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands::soak) enum PageState {
    /// The run goes on: there is no verdict yet.
    Running,
    /// A signal ended it before it could be judged.
    Interrupted,
    Judged(RunVerdict),
}

/// A file that the page can be computed again from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands::soak) struct EvidenceFile {
    pub(in crate::commands::soak) name: String,
    pub(in crate::commands::soak) bytes: u64,
    pub(in crate::commands::soak) sha256: String,
}

impl<'a> PageFacts<'a> {
    /// Those of a run that was judged, by the gates and definitions that it was judged by.
    pub(in crate::commands::soak) fn of_judged(
        facts: &'a SoakFacts,
        (profile, kpis): (&'a GateProfile, &'a BTreeMap<String, KpiDefinition>),
        state: PageState,
        files: Vec<EvidenceFile>,
        bands: &'a Bands,
    ) -> Self {
        Self {
            run_dir: &facts.run_dir,
            source: &facts.source,
            profile_name: &facts.profile,
            profile,
            kpis,
            window_secs: facts.iteration_secs,
            planned: facts.planned,
            started_at_ms: 0,
            state,
            simulated: facts.simulated,
            header: facts.trail.header.clone(),
            ledger: &facts.ledger,
            trail: &facts.trail,
            judgement: &facts.judgement,
            problems: problems(facts),
            files,
            bands,
        }
    }
}

/// What speaks against a run beside its gates and conditions, in words.
fn problems(facts: &SoakFacts) -> Vec<String> {
    let mut problems = match &facts.occasion {
        Occasion::Finished { aborted_by, .. } if aborted_by.is_empty() => Vec::new(),
        Occasion::Finished { aborted_by, .. } => {
            vec![format!("ended early, with {} broken for good", aborted_by.join(", "))]
        }
        Occasion::Kept { plan_problem, summaries, recomputed, .. } => {
            let differences = recomputed.iter().flat_map(|found| &found.differences);
            plan_problem.iter().chain(&summaries.problems).chain(differences).cloned().collect()
        }
        Occasion::Legacy { findings, .. } => {
            findings.iter().map(|finding| finding.name.to_string()).collect()
        }
    };
    if facts.is_no_evidence() {
        problems.push("a simulation is no evidence".to_owned());
    }
    problems
}
