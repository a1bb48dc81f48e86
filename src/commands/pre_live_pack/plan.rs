//! The steps of a plan and their order: which may start now, which are skipped because a need failed.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::Input;
use crate::format::duration;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Longest time that a step may be given.
const LONGEST: Duration = Duration::from_hours(24);

/// So often a step may be tried again.
const MOST_RETRIES: u8 = 10;

/// `pre_live.yaml`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackPlan {
    /// In the order in which their rows are printed.
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Name of the row.
    pub(super) name: String,
    /// Program and arguments; the program `mmops` is this binary.
    pub(super) argv: Vec<String>,
    /// Time until the step is stopped, such as `30s`; the command's own default when left out.
    #[serde(default)]
    timeout: Option<String>,
    /// Steps that must be OK before this one starts.
    #[serde(default)]
    needs: Vec<String>,
    /// Steps that must have ended before this one starts, whatever came of them: it sees what they wrote, and
    /// sees the same in every run.
    #[serde(default)]
    after: Vec<String>,
    /// How often the step is tried again when it fails; one that passes then is flaky, and WARN.
    #[serde(default)]
    pub(super) retries: u8,
    /// Why the pack may go on although the step fails, which is then WARN.
    #[serde(default, deserialize_with = "reason")]
    pub(super) allow_fail: Option<String>,
    /// Variables of the step, beside those of mmops.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// Working directory, relative to the root, which it is when left out.
    #[serde(default)]
    pub(super) dir: Option<PathBuf>,
}

/// A text that is no switch: `true` gives no reason.
fn reason<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct Reason;

    impl Visitor<'_> for Reason {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the reason why the step may fail, as a text")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    from.deserialize_any(Reason)
}

impl Step {
    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if name.trim().is_empty() {
            return Err("a step has an empty name".into());
        }
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(format!("step `{name}` has an empty argv"));
        }
        if self.retries > MOST_RETRIES {
            return Err(format!("step `{name}` has {} retries, it may have {MOST_RETRIES}", self.retries));
        }
        if self.allow_fail.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(format!("step `{name}` has an allow_fail without a reason"));
        }
        let is_variable = |name: &&String| !(name.is_empty() || name.contains(['=', '\0']));
        if let Some(variable) = self.env.keys().find(|name| !is_variable(name)) {
            return Err(format!(
                "step `{name}` has the variable `{}`, which cannot be one",
                variable.escape_default()
            ));
        }
        Ok(())
    }

    /// The time after which the step is stopped.
    pub(super) fn timeout(&self, default: Duration) -> Result<Duration, String> {
        let timeout = match &self.timeout {
            None => default,
            Some(text) => duration::parse(text).map_err(|error| {
                format!("step `{}` has timeout `{text}`: {error}; write 30s or 2m", self.name)
            })?,
        };
        if timeout.is_zero() || timeout > LONGEST {
            let display = humantime::format_duration(timeout);
            return Err(format!(
                "step `{}` has a timeout of {display}, it must be above 0s and at most 24h",
                self.name
            ));
        }
        Ok(timeout)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepState {
    Waiting,
    Running,
    /// Ended, and its answer is yes.
    Passed,
    /// Ended, and its answer is no, or there is none.
    Failed,
    /// Never started, because of a need.
    Skipped,
}

impl StepState {
    fn has_ended(self) -> bool {
        match self {
            Self::Waiting | Self::Running => false,
            Self::Passed | Self::Failed | Self::Skipped => true,
        }
    }

    fn is_unmet(self) -> bool {
        match self {
            Self::Failed | Self::Skipped => true,
            Self::Waiting | Self::Running | Self::Passed => false,
        }
    }
}

impl PackPlan {
    /// The files that its steps name, as far as a word of a command line shows that it is one.
    pub(super) fn files(&self) -> impl Iterator<Item = Input> {
        self.steps.iter().flat_map(|step| {
            let dir = step.dir.clone().unwrap_or_default();
            // `--option=path` names a file as `path` does.
            let words = step
                .argv
                .iter()
                .flat_map(|word| [Some(word.as_str()), word.split_once('=').map(|(_, path)| path)]);
            words.flatten().filter(|word| !word.is_empty()).map(move |word| Input {
                option: format!("step `{}` of the plan", step.name),
                path: dir.join(word),
            })
        })
    }

    /// Says what is wrong with the plan: nothing to do, a name twice, an empty command, a timeout out of
    /// bounds, an unknown need, or needs that go in a circle.
    pub(super) fn check(&self, default_timeout: Duration) -> Result<(), String> {
        if self.steps.is_empty() {
            return Err("the plan has no steps; an empty plan proves nothing".into());
        }
        let mut names = BTreeSet::new();
        for step in &self.steps {
            step.check()?;
            if !names.insert(step.name.as_str()) {
                return Err(format!("step `{}` stands twice in the plan", step.name));
            }
        }
        for step in &self.steps {
            if let Some(need) = step.needs.iter().find(|need| !names.contains(need.as_str())) {
                return Err(format!("step `{}` needs `{need}`, which is not in the plan", step.name));
            }
            if let Some(other) = step.after.iter().find(|other| !names.contains(other.as_str())) {
                return Err(format!("step `{}` is after `{other}`, which is not in the plan", step.name));
            }
        }
        if let Some(name) = self.in_a_circle() {
            return Err(format!("step `{name}` needs itself or is after itself, directly or through others"));
        }
        self.steps.iter().try_for_each(|step| step.timeout(default_timeout).map(drop))
    }

    fn in_a_circle(&self) -> Option<&str> {
        let mut done: BTreeSet<&str> = BTreeSet::new();
        loop {
            let ready = |step: &&Step| {
                !done.contains(step.name.as_str())
                    && step.needs.iter().chain(&step.after).all(|other| done.contains(other.as_str()))
            };
            let Some(step) = self.steps.iter().find(ready) else { break };
            done.insert(&step.name);
        }
        self.steps.iter().map(|step| step.name.as_str()).find(|name| !done.contains(name))
    }

    /// Skips every waiting step of which a need failed or was skipped, and returns the first one that can
    /// start.
    pub(super) fn next(&self, states: &mut [StepState]) -> Option<usize> {
        let index: BTreeMap<&str, usize> =
            self.steps.iter().enumerate().map(|(index, step)| (step.name.as_str(), index)).collect();
        loop {
            let mut changed = false;
            let mut ready = None;
            for (at, step) in self.steps.iter().enumerate() {
                if states[at] != StepState::Waiting {
                    continue;
                }
                let state = |name: &String| index.get(name.as_str()).map(|at| states[*at]);
                let needs: Vec<StepState> = step.needs.iter().filter_map(state).collect();
                let may_start = needs.iter().all(|state| *state == StepState::Passed)
                    && step.after.iter().filter_map(state).all(StepState::has_ended);
                if needs.iter().any(|state| state.is_unmet()) {
                    states[at] = StepState::Skipped;
                    changed = true;
                } else if ready.is_none() && may_start {
                    ready = Some(at);
                }
            }
            if !changed {
                return ready;
            }
        }
    }

    /// The first need of step `at` that did not pass.
    pub(super) fn unmet_need(&self, at: usize, states: &[StepState]) -> Option<&str> {
        let is_unmet = |need: &&String| {
            let found = self.steps.iter().position(|step| step.name == **need);
            found.is_some_and(|at| states[at].is_unmet())
        };
        self.steps[at].needs.iter().find(is_unmet).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn plan(steps: &[(&str, &[&str])]) -> PackPlan {
        let step = |(name, needs): &(&str, &[&str])| Step {
            name: (*name).to_owned(),
            argv: vec!["true".to_owned()],
            timeout: None,
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            after: Vec::new(),
            retries: 0,
            allow_fail: None,
            env: BTreeMap::new(),
            dir: None,
        };
        PackPlan { steps: steps.iter().map(step).collect() }
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
            let message = plan(steps).check(MINUTE).expect_err("refused");
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(plan(&[("a", &[]), ("b", &["a"])]).check(MINUTE), Ok(()));
    }

    #[test]
    fn what_a_step_may_have_has_bounds() {
        let refused = |change: fn(&mut Step)| {
            let mut plan = plan(&[("a", &[])]);
            change(&mut plan.steps[0]);
            plan.check(MINUTE).expect_err("refused")
        };
        assert!(refused(|step| step.retries = 11).contains("11 retries"));
        assert!(refused(|step| step.allow_fail = Some(" ".to_owned())).contains("without a reason"));
        assert!(refused(|step| drop(step.env.insert("A=B".to_owned(), String::new()))).contains("`A=B`"));
    }

    #[test]
    fn a_timeout_has_bounds() {
        let mut plan = plan(&[("a", &[])]);
        assert!(plan.check(Duration::ZERO).expect_err("refused").contains("timeout of 0s"));
        for (text, part) in [("25h", "at most 24h"), ("30", "write 30s or 2m")] {
            plan.steps[0].timeout = Some(text.to_owned());
            assert!(plan.check(MINUTE).expect_err("refused").contains(part), "{text}");
        }
    }

    #[test]
    fn a_failed_need_skips_everything_behind_it_and_nothing_else() {
        let plan = plan(&[("c", &["b"]), ("a", &[]), ("b", &["a"]), ("d", &[])]);
        let mut states = [StepState::Waiting; 4];
        assert_eq!(plan.next(&mut states), Some(1));
        states[1] = StepState::Failed;
        assert_eq!(plan.next(&mut states), Some(3));
        assert_eq!(states, [StepState::Skipped, StepState::Failed, StepState::Skipped, StepState::Waiting]);
        assert_eq!(plan.unmet_need(0, &states), Some("b"));
        assert_eq!(plan.unmet_need(2, &states), Some("a"));
    }

    #[test]
    fn a_step_waits_for_those_that_it_is_after_whatever_comes_of_them() {
        let mut plan = plan(&[("a", &[]), ("b", &["a"]), ("c", &[])]);
        plan.steps[2].after = vec!["a".to_owned(), "b".to_owned()];
        let mut states = [StepState::Running, StepState::Waiting, StepState::Waiting];
        assert_eq!(plan.next(&mut states), None);
        states[0] = StepState::Failed;
        assert_eq!(plan.next(&mut states), Some(2));
        assert_eq!(states[1], StepState::Skipped);
        plan.steps[0].after = vec!["c".to_owned()];
        assert!(plan.check(MINUTE).expect_err("refused").contains("is after itself"));
        plan.steps[0].after = vec!["d".to_owned()];
        assert!(plan.check(MINUTE).expect_err("refused").contains("is after `d`"));
    }

    #[test]
    fn a_running_need_holds_a_step_back() {
        let plan = plan(&[("a", &[]), ("b", &["a"])]);
        let mut states = [StepState::Running, StepState::Waiting];
        assert_eq!(plan.next(&mut states), None);
        states[0] = StepState::Passed;
        assert_eq!(plan.next(&mut states), Some(1));
    }
}
