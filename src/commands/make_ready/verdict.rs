//! Whether everything that the plan requires says yes.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::entry::Entry;
use crate::report::Outcome;

pub(super) struct Facts {
    pub(super) components: Vec<Component>,
    pub(super) evidence: Vec<Entry>,
    /// What a plan can require and this one does not.
    pub(super) not_required: Vec<&'static str>,
    /// Whether simulated evidence counts.
    pub(super) allow_simulated: bool,
}

/// A command that was run, and what came of it.
pub(super) struct Component {
    pub(super) name: &'static str,
    /// What it is called while it runs.
    pub(super) title: &'static str,
    /// Its own answer.
    pub(super) answer: Outcome,
    pub(super) exit_code: u8,
    pub(super) word: &'static str,
    /// `KEY=VALUE` of its marker, or `ERROR`.
    pub(super) marker: String,
    /// What speaks against a yes; of a yes what is to be looked at.
    pub(super) reasons: Vec<String>,
    /// What it wrote.
    pub(super) documents: Vec<Entry>,
    pub(super) simulated: bool,
}

impl Component {
    /// A yes that rests on a simulation is none, unless simulations are allowed.
    pub(super) fn outcome(&self, allow_simulated: bool) -> Outcome {
        match (self.answer.is_yes() && self.simulated, allow_simulated) {
            (false, _) => self.answer,
            (true, true) => Outcome::Warn,
            (true, false) => Outcome::Fail,
        }
    }
}

impl Facts {
    /// Whether anything in it comes from a simulated run.
    pub(super) fn is_simulated(&self) -> bool {
        let components = self.components.iter().any(|component| component.simulated);
        components || self.evidence.iter().any(|entry| entry.simulated)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Blocked,
}

pub(super) fn verdict(facts: &Facts) -> Verdict {
    let outcome = |component: &Component| component.outcome(facts.allow_simulated);
    let components = Outcome::fold(facts.components.iter().map(outcome));
    match facts.evidence.iter().map(Entry::outcome).fold(components, Outcome::max) {
        Outcome::Pass | Outcome::Warn => Verdict::Ok,
        Outcome::Skipped | Outcome::Unknown | Outcome::Fail => Verdict::Blocked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(answer: Outcome, simulated: bool) -> Component {
        Component {
            name: "readiness",
            title: "readiness",
            answer,
            exit_code: 0,
            word: "GO",
            marker: "READINESS=GO".to_owned(),
            reasons: vec!["an informative row".to_owned()],
            documents: Vec::new(),
            simulated,
        }
    }

    fn entry(reasons: &[&str]) -> Entry {
        let found = Err(String::new());
        Entry::of("soak", "a.json", &found).0.judged(reasons.iter().map(ToString::to_string).collect())
    }

    fn of(components: Vec<Component>, evidence: Vec<Entry>, allow_simulated: bool) -> Verdict {
        verdict(&Facts { components, evidence, not_required: vec!["golden_compare"], allow_simulated })
    }

    #[test]
    fn every_component_and_all_evidence_must_say_yes() {
        let yes = || vec![component(Outcome::Pass, false)];
        assert_eq!(of(yes(), Vec::new(), false), Verdict::Ok);
        assert_eq!(of(yes(), vec![entry(&[])], false), Verdict::Ok);
        assert_eq!(of(yes(), vec![entry(&[]), entry(&["it is stale"])], false), Verdict::Blocked);
        for outcome in [Outcome::Skipped, Outcome::Unknown, Outcome::Fail] {
            let components = vec![component(outcome, false), component(Outcome::Pass, false)];
            assert_eq!(of(components, Vec::new(), true), Verdict::Blocked);
        }
        assert_eq!(of(Vec::new(), vec![entry(&[])], true), Verdict::Blocked, "nothing was asked");
    }

    #[test]
    fn a_simulated_component_counts_only_where_that_is_allowed() {
        let simulated = || vec![component(Outcome::Pass, true), component(Outcome::Pass, false)];
        assert_eq!(of(simulated(), Vec::new(), false), Verdict::Blocked);
        assert_eq!(of(simulated(), Vec::new(), true), Verdict::Ok);
        assert_eq!(component(Outcome::Pass, true).outcome(true), Outcome::Warn);
        assert_eq!(component(Outcome::Unknown, true).outcome(true), Outcome::Unknown);
    }
}
