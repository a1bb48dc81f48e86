//! Whether every task still produces.
#![warn(clippy::wildcard_enum_match_arm)]

use super::judge::Judged;
use crate::report::Outcome;
use std::time::Duration;

/// What is known about the tasks.
#[derive(Debug)]
pub(super) struct Facts {
    /// The configuration.
    pub(super) config: String,
    /// In the order of the configuration.
    pub(super) tasks: Vec<Judged>,
    /// Largest age that was given on the command line.
    pub(super) window: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fresh,
    /// None is stale, and some run and may still run.
    Running,
    /// One is not what it must be, or nothing is known of any.
    Stale,
}

pub(super) fn verdict(facts: &Facts) -> Verdict {
    match Outcome::fold(facts.tasks.iter().map(Judged::outcome)) {
        Outcome::Pass => Verdict::Fresh,
        Outcome::Warn => Verdict::Running,
        Outcome::Skipped | Outcome::Unknown | Outcome::Fail => Verdict::Stale,
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::State;
    use super::super::report::{Beside, report};
    use super::super::task::Severity;
    use super::*;
    use crate::report::exit::Exit;
    use jiff::tz::TimeZone;

    fn task(state: State, in_time: bool) -> Judged {
        Judged {
            name: "nightly".to_owned(),
            state,
            artifact: "a.json".to_owned(),
            reasons: vec!["a reason".to_owned()],
            made_at: None,
            age_secs: None,
            limit_secs: 1,
            due_at: None,
            stale_since: None,
            next_due: None,
            timezone: "UTC".to_owned(),
            dialect: None,
            owner: None,
            severity: Severity::Info,
            zone: TimeZone::UTC,
            in_time,
        }
    }

    fn facts(tasks: Vec<Judged>) -> Facts {
        Facts { config: "sentinel.yaml".to_owned(), tasks, window: None }
    }

    #[test]
    fn a_job_inside_its_time_informs_and_no_severity_softens_a_failure() {
        let fresh = || task(State::Fresh, false);
        let running = facts(vec![fresh(), task(State::Running, true)]);
        assert_eq!(verdict(&running), Verdict::Running);
        assert_eq!(report(running, Verdict::Running, Beside::default()).exit(), Exit::Ok);
        for state in
            [State::Running, State::Stale, State::Invalid, State::Clock, State::Missing, State::Error]
        {
            assert_eq!(verdict(&facts(vec![fresh(), task(state, false)])), Verdict::Stale, "{state:?}");
        }
    }

    #[test]
    fn nothing_known_is_no_yes() {
        assert_eq!(verdict(&facts(Vec::new())), Verdict::Stale);
    }
}
