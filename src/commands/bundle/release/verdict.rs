//! Does everything that a release rests on say yes?
#![warn(clippy::wildcard_enum_match_arm)]

use crate::release::evidence::OverridesCheck;
use crate::report::maker::ClockKind;

/// What speaks against a release, document by document; nothing where a document says yes.
pub(super) struct Facts {
    pub(super) soak_verdict: String,
    /// The run that it is made of.
    pub(super) run_dir: String,
    /// The directory that was named, where the run is the newest one in it.
    pub(super) newest_in: Option<String>,
    /// Whether the soak was a simulation.
    pub(super) is_simulated: bool,
    /// Under a frozen one no age is known.
    pub(super) clock: ClockKind,
    /// Whether a simulation, and a frozen clock, was allowed.
    pub(super) allow_simulated: bool,
    /// Whether it rests on a snapshot alone.
    pub(super) is_legacy: bool,
    pub(super) snapshot: Vec<String>,
    /// The other documents of the soak, by the names that they have in the release.
    pub(super) documents: Vec<(&'static str, Option<String>)>,
    pub(super) overrides: OverridesCheck,
    pub(super) policy: Vec<String>,
    /// Which trigger of a rollback nobody could look at.
    pub(super) triggers: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Released,
    Refused,
}

/// What no limit covers, that a simulation was allowed, and that a snapshot alone was, is shown and changes nothing.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    let documents_agree =
        !facts.documents.is_empty() && facts.documents.iter().all(|(_, reason)| reason.is_none());
    let is_refused = !documents_agree
        || !facts.snapshot.is_empty()
        || !facts.overrides.refusals.is_empty()
        || !facts.policy.is_empty()
        || facts.triggers.is_some()
        || ((facts.is_simulated || facts.clock == ClockKind::Frozen) && !facts.allow_simulated);
    if is_refused { Verdict::Refused } else { Verdict::Released }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            soak_verdict: "PASS".to_owned(),
            run_dir: "all/latest".to_owned(),
            newest_in: Some("all".to_owned()),
            is_simulated: true,
            clock: ClockKind::Frozen,
            allow_simulated: true,
            is_legacy: true,
            snapshot: Vec::new(),
            documents: vec![("FAILURES.md", None)],
            overrides: OverridesCheck { refusals: Vec::new(), remarks: vec!["no limit covers x".to_owned()] },
            policy: Vec::new(),
            triggers: None,
        }
    }

    #[test]
    fn remarks_change_nothing_and_every_refusal_counts() {
        assert_eq!(verdict(&facts()), Verdict::Released);
        let no = || vec!["no".to_owned()];
        for refused in [
            Facts { allow_simulated: false, clock: ClockKind::System, ..facts() },
            Facts { allow_simulated: false, is_simulated: false, ..facts() },
            Facts { snapshot: no(), ..facts() },
            Facts { documents: vec![("FAILURES.md", Some("no".to_owned()))], ..facts() },
            Facts { documents: Vec::new(), ..facts() },
            Facts { overrides: OverridesCheck { refusals: no(), remarks: Vec::new() }, ..facts() },
            Facts { policy: no(), ..facts() },
            Facts { triggers: Some("no".to_owned()), ..facts() },
        ] {
            assert_eq!(verdict(&refused), Verdict::Refused);
        }
    }
}
