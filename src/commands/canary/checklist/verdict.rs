//! May a checklist be written?
#![warn(clippy::wildcard_enum_match_arm)]

pub(super) struct Facts {
    pub(super) soak_verdict: String,
    pub(super) is_simulated: bool,
    /// What speaks against the release, and against where the checklist is to go.
    pub(super) problems: Vec<String>,
    pub(super) has_manifest: bool,
    /// The page, where the release has it.
    pub(super) checklist: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Complete,
    Refused,
}

/// Targets of a simulated soak are shown as such, and change nothing.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    let is_there = facts.has_manifest && facts.checklist.is_some();
    if is_there && facts.problems.is_empty() { Verdict::Complete } else { Verdict::Refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_changes_nothing_and_every_problem_counts() {
        let facts = |problems, has_manifest| Facts {
            soak_verdict: "PASS".to_owned(),
            is_simulated: true,
            problems,
            has_manifest,
            checklist: Some(String::new()),
        };
        assert_eq!(verdict(&facts(Vec::new(), true)), Verdict::Complete);
        assert_eq!(verdict(&facts(vec!["no".to_owned()], true)), Verdict::Refused);
        assert_eq!(verdict(&facts(Vec::new(), false)), Verdict::Refused);
        assert_eq!(verdict(&Facts { checklist: None, ..facts(Vec::new(), true) }), Verdict::Refused);
    }
}
