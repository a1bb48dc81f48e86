//! The order of a plan's steps: which may start now, which are skipped because a need failed.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A plan as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The steps, in the order in which their rows are printed.
    pub(crate) steps: Vec<Step>,
}

/// One step of a plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Name of the row.
    pub(crate) name: String,
    /// Program and arguments; the program `mmops` is this binary.
    pub(crate) argv: Vec<String>,
    /// Time until the step is stopped, such as `30s`; the command's own default when left out.
    #[serde(default)]
    pub(crate) timeout: Option<String>,
    /// Steps that must be OK before this one starts.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
}

/// Where a step is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not started yet.
    Waiting,
    /// Started.
    Running,
    /// Ended, and its answer is yes.
    Passed,
    /// Ended, and its answer is no, or there is none.
    Failed,
    /// Never started.
    Skipped,
}

impl Plan {
    /// Says what is wrong with the plan: nothing to do, a name twice, an empty command, an unknown need,
    /// or needs that go in a circle.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.steps.is_empty() {
            return Err("the plan has no steps; an empty plan proves nothing".into());
        }
        let mut names = BTreeSet::new();
        for step in &self.steps {
            if step.name.trim().is_empty() {
                return Err("a step has an empty name".into());
            }
            if !names.insert(step.name.as_str()) {
                return Err(format!("step `{}` stands twice in the plan", step.name));
            }
            if step.argv.first().is_none_or(String::is_empty) {
                return Err(format!("step `{}` has an empty argv", step.name));
            }
        }
        for step in &self.steps {
            if let Some(need) = step.needs.iter().find(|need| !names.contains(need.as_str())) {
                return Err(format!("step `{}` needs `{need}`, which is not in the plan", step.name));
            }
        }
        match self.in_a_circle() {
            Some(name) => Err(format!("step `{name}` needs itself, directly or through others")),
            None => Ok(()),
        }
    }

    fn in_a_circle(&self) -> Option<&str> {
        let mut done: BTreeSet<&str> = BTreeSet::new();
        loop {
            let ready = |step: &&Step| {
                !done.contains(step.name.as_str())
                    && step.needs.iter().all(|need| done.contains(need.as_str()))
            };
            let Some(step) = self.steps.iter().find(ready) else { break };
            done.insert(&step.name);
        }
        self.steps.iter().map(|step| step.name.as_str()).find(|name| !done.contains(name))
    }

    /// Skips every waiting step of which a need failed or was skipped, and returns the first one that can
    /// start. A need that was never selected does not hold a step back.
    pub(crate) fn next(&self, states: &mut [State]) -> Option<usize> {
        let index: BTreeMap<&str, usize> =
            self.steps.iter().enumerate().map(|(index, step)| (step.name.as_str(), index)).collect();
        loop {
            let mut changed = false;
            let mut ready = None;
            for (at, step) in self.steps.iter().enumerate() {
                if states[at] != State::Waiting {
                    continue;
                }
                let needs: Vec<State> = step
                    .needs
                    .iter()
                    .filter_map(|need| index.get(need.as_str()))
                    .map(|at| states[*at])
                    .collect();
                if needs.iter().any(|state| matches!(state, State::Failed | State::Skipped)) {
                    states[at] = State::Skipped;
                    changed = true;
                } else if ready.is_none() && needs.iter().all(|state| *state == State::Passed) {
                    ready = Some(at);
                }
            }
            if !changed {
                return ready;
            }
        }
    }

    /// The first need of step `at` that did not pass.
    pub(crate) fn unmet_need(&self, at: usize, states: &[State]) -> Option<&str> {
        let failed = |need: &&String| {
            let found = self.steps.iter().position(|step| step.name == **need);
            found.is_some_and(|at| matches!(states[at], State::Failed | State::Skipped))
        };
        self.steps[at].needs.iter().find(failed).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(steps: &[(&str, &[&str])]) -> Plan {
        let step = |(name, needs): &(&str, &[&str])| Step {
            name: (*name).to_owned(),
            argv: vec!["true".to_owned()],
            timeout: None,
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        };
        Plan { steps: steps.iter().map(step).collect() }
    }

    #[test]
    fn a_plan_that_proves_nothing_or_cannot_run_is_refused() {
        for (steps, part) in [
            (&[][..], "no steps"),
            (&[("a", &[][..]), ("a", &[])], "twice"),
            (&[("a", &["b"])], "not in the plan"),
            (&[("a", &["c"]), ("b", &["a"]), ("c", &["b"])], "needs itself"),
            (&[("a", &["a"])], "needs itself"),
            (&[(" ", &[])], "empty name"),
        ] {
            let message = plan(steps).check().expect_err("refused");
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(plan(&[("a", &[]), ("b", &["a"])]).check(), Ok(()));
    }

    #[test]
    fn a_failed_need_skips_everything_behind_it_and_nothing_else() {
        let plan = plan(&[("c", &["b"]), ("a", &[]), ("b", &["a"]), ("d", &[])]);
        let mut states = [State::Waiting; 4];
        assert_eq!(plan.next(&mut states), Some(1));
        states[1] = State::Failed;
        assert_eq!(plan.next(&mut states), Some(3));
        assert_eq!(states, [State::Skipped, State::Failed, State::Skipped, State::Waiting]);
        assert_eq!(plan.unmet_need(0, &states), Some("b"));
        assert_eq!(plan.unmet_need(2, &states), Some("a"));
    }

    #[test]
    fn a_running_need_holds_a_step_back() {
        let plan = plan(&[("a", &[]), ("b", &["a"])]);
        let mut states = [State::Running, State::Waiting];
        assert_eq!(plan.next(&mut states), None);
        states[0] = State::Passed;
        assert_eq!(plan.next(&mut states), Some(1));
    }
}
