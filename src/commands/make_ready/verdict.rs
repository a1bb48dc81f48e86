//! Whether everything that the plan requires says yes.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::requirement::Judged;
use crate::report::Outcome;

pub(super) struct Facts {
    pub(super) components: Vec<Component>,
    pub(super) evidence: Vec<Judged>,
}

/// A command that was run, and what came of it.
pub(super) struct Component {
    pub(super) name: &'static str,
    /// What it is called while it runs.
    pub(super) title: &'static str,
    pub(super) outcome: Outcome,
    pub(super) exit_code: u8,
    pub(super) word: &'static str,
    /// `KEY=VALUE` of its marker, or `ERROR`.
    pub(super) marker: String,
    /// What speaks against a yes.
    pub(super) reasons: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) simulated: bool,
}

impl Facts {
    /// Whether anything that counts comes from a simulated run. The rehearsals of the pack are no evidence of a
    /// service.
    pub(super) fn is_simulated(&self) -> bool {
        let components = self.components.iter().any(|component| component.simulated);
        components || self.evidence.iter().any(|judged| judged.simulated)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Blocked,
}

pub(super) fn verdict(facts: &Facts) -> Verdict {
    let components = Outcome::fold(facts.components.iter().map(|component| component.outcome));
    match facts.evidence.iter().map(Judged::outcome).fold(components, Outcome::max) {
        Outcome::Pass => Verdict::Ok,
        Outcome::Warn | Outcome::Skipped | Outcome::Unknown | Outcome::Fail => Verdict::Blocked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(outcome: Outcome) -> Component {
        Component {
            name: "readiness",
            title: "readiness",
            outcome,
            exit_code: 0,
            word: "GO",
            marker: "READINESS=GO".to_owned(),
            reasons: vec!["an informative row".to_owned()],
            files: Vec::new(),
            simulated: true,
        }
    }

    fn judged(reasons: &[&str]) -> Judged {
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        let status = Outcome::of_refusals(&reasons).status();
        Judged { name: "soak".to_owned(), status, artifact: "a.json".to_owned(), reasons, simulated: false }
    }

    #[test]
    fn every_component_and_all_evidence_must_say_yes() {
        let of = |components, evidence| verdict(&Facts { components, evidence });
        let yes = || vec![component(Outcome::Pass)];
        assert_eq!(of(yes(), Vec::new()), Verdict::Ok);
        assert_eq!(of(yes(), vec![judged(&[])]), Verdict::Ok);
        assert_eq!(of(yes(), vec![judged(&[]), judged(&["it is stale"])]), Verdict::Blocked);
        for outcome in [Outcome::Skipped, Outcome::Unknown, Outcome::Fail] {
            assert_eq!(of(vec![component(outcome), component(Outcome::Pass)], Vec::new()), Verdict::Blocked);
        }
        assert_eq!(of(Vec::new(), vec![judged(&[])]), Verdict::Blocked, "nothing was asked");
    }
}
