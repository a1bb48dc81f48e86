//! What the report of a day concludes: every field as it should be, one of them not, or not enough known.
#![warn(clippy::wildcard_enum_match_arm)]

use super::day::{DayFigures, FIGURES, Figure, FigureKind};
#[cfg(test)]
use super::gates::JudgedDay;
use super::guards::GuardAnswer;
use super::windows::RunWindows;
use crate::evidence::daily::baseline::is_kept;
use crate::evidence::daily::report::{
    Anomaly, Baseline, DayRules, DayVerdict, LeftOut, NO_HISTORY, NONE, OK, SourceFile, TestSource,
    ToldChange,
};
use crate::evidence::entry::Entry;
use crate::judge::verdict::RunVerdict;
use crate::report::Outcome;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// All that is known of a day.
#[derive(Clone, Debug)]
pub(super) struct DailyFacts {
    pub(super) date: Date,
    pub(super) min_observed_secs: f64,
    /// What the windows were judged by.
    pub(super) rules: DayRules,
    /// Where they ask for less than the delivered ones.
    pub(super) weaker: Vec<String>,
    /// The changes of the version that were meant on the day.
    pub(super) told_changes: Vec<ToldChange>,
    /// The runs that count.
    pub(super) runs: Vec<RunWindows>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) day: DayFigures,
    pub(super) regression: GuardAnswer,
    pub(super) baselines: BTreeMap<String, Baseline>,
    pub(super) history: Vec<SourceFile>,
    /// Reports of the days before that show nothing, and why.
    pub(super) history_faults: Vec<String>,
    pub(super) drift: GuardAnswer,
    pub(super) accepted: Option<SourceFile>,
    /// `OK`, `FAIL`, or why neither is known.
    pub(super) chaos: Result<String, String>,
    pub(super) drill: Option<Entry>,
    /// The same of the test sweep.
    pub(super) bug_bash: Result<String, String>,
    pub(super) tests: Option<TestSource>,
    pub(super) anomalies: Vec<Anomaly>,
}

impl DailyFacts {
    /// Whether anything in it comes from a simulation.
    pub(super) fn is_simulated(&self) -> bool {
        self.runs.iter().any(|run| run.is_simulated)
            || self.drill.as_ref().is_some_and(|drill| drill.simulated)
            || self.tests.as_ref().is_some_and(|tests| tests.simulated)
    }

    /// Each field with what came of it, in the order of the report.
    pub(super) fn outcomes(&self) -> Vec<(&'static str, Outcome)> {
        use crate::evidence::daily::report::{BUG_BASH, CHAOS, DRIFT, REG_GUARD};
        let figures = FIGURES.iter().zip(&self.day.figures);
        let mut outcomes: Vec<(&'static str, Outcome)> =
            figures.map(|(kind, figure)| (kind.field, of_figure(kind, figure))).collect();
        outcomes.extend([
            (REG_GUARD, of_guard(&self.regression.reason)),
            (DRIFT, of_guard(&self.drift.reason)),
            (CHAOS, of_result(&self.chaos)),
            (BUG_BASH, of_result(&self.bug_bash)),
        ]);
        outcomes
    }

    /// What the gates say of the windows of the day.
    pub(super) fn gates(&self) -> Outcome {
        match self.day.gates.verdict {
            RunVerdict::Pass => Outcome::Pass,
            RunVerdict::Inconclusive => Outcome::Unknown,
            RunVerdict::Fail => Outcome::Fail,
        }
    }
}

fn of_figure(kind: &FigureKind, figure: &Figure) -> Outcome {
    match figure {
        Err(_) => Outcome::Unknown,
        Ok(value) if is_kept(kind.side, *value, kind.good) => Outcome::Pass,
        Ok(value) if is_kept(kind.side, *value, kind.bearable) => Outcome::Warn,
        Ok(_) => Outcome::Fail,
    }
}

fn of_guard(reason: &Result<String, String>) -> Outcome {
    match reason.as_deref() {
        Ok(NONE) => Outcome::Pass,
        // There was nothing to judge by.
        Ok(NO_HISTORY) | Err(_) => Outcome::Unknown,
        Ok(_) => Outcome::Fail,
    }
}

fn of_result(result: &Result<String, String>) -> Outcome {
    match result.as_deref() {
        Ok(OK) => Outcome::Pass,
        Ok(_) => Outcome::Fail,
        Err(_) => Outcome::Unknown,
    }
}

/// The answer, and whether something is to be looked at.
pub(super) fn verdict(facts: &DailyFacts) -> (DayVerdict, Outcome) {
    let all = facts.outcomes().into_iter().map(|(_, outcome)| outcome).chain([facts.gates()]);
    let outcome = Outcome::fold(all);
    let verdict = match outcome {
        Outcome::Pass | Outcome::Warn => DayVerdict::Ok,
        Outcome::Skipped | Outcome::Unknown => DayVerdict::Inconclusive,
        Outcome::Fail => DayVerdict::Fail,
    };
    (verdict, outcome)
}

/// A day on which everything is as it should be.
#[cfg(test)]
pub(super) fn good() -> DailyFacts {
    let none = || GuardAnswer { reason: Ok(NONE.to_owned()), notes: Vec::new() };
    DailyFacts {
        date: jiff::civil::date(2026, 3, 9),
        min_observed_secs: 72_000.0,
        rules: DayRules {
            kpis: SourceFile { path: "kpis.yaml".to_owned(), sha256: None },
            gates: SourceFile { path: "gates.yaml".to_owned(), sha256: None },
            profile: "p".to_owned(),
            max_window: "1h".to_owned(),
            evidence_grace: "12h".to_owned(),
        },
        weaker: Vec::new(),
        told_changes: Vec::new(),
        runs: Vec::new(),
        left_out: Vec::new(),
        day: DayFigures {
            fault: None,
            figures: [Ok(2.5), Ok(350.0), Ok(15.0)],
            sources: BTreeMap::new(),
            observed_secs: 86_400.0,
            observed: None,
            builds: std::collections::BTreeSet::new(),
            versions: Vec::new(),
            gates: JudgedDay { verdict: RunVerdict::Pass, broken: Vec::new(), unknown: Vec::new() },
            series: [Vec::new(), Vec::new(), Vec::new()],
        },
        regression: none(),
        baselines: BTreeMap::new(),
        history: Vec::new(),
        history_faults: Vec::new(),
        drift: none(),
        accepted: None,
        chaos: Ok(OK.to_owned()),
        drill: None,
        bug_bash: Ok(OK.to_owned()),
        tests: None,
        anomalies: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits of the earlier toolkit's daily report: OK, a warning, FAIL; each limit itself is allowed.
    #[test]
    fn each_figure_has_a_limit_and_one_that_is_borne() {
        let table: [([f64; 3], DayVerdict, Outcome); 10] = [
            ([2.5, 350.0, 15.0], DayVerdict::Ok, Outcome::Pass),
            ([2.499, 350.0, 15.0], DayVerdict::Ok, Outcome::Warn),
            ([2.25, 350.0, 15.0], DayVerdict::Ok, Outcome::Warn),
            ([2.249, 350.0, 15.0], DayVerdict::Fail, Outcome::Fail),
            ([2.5, 350.1, 15.0], DayVerdict::Ok, Outcome::Warn),
            ([2.5, 385.0, 15.0], DayVerdict::Ok, Outcome::Warn),
            ([2.5, 385.1, 15.0], DayVerdict::Fail, Outcome::Fail),
            ([2.5, 350.0, 16.5], DayVerdict::Ok, Outcome::Warn),
            ([2.5, 350.0, 16.6], DayVerdict::Fail, Outcome::Fail),
            ([-1.0, 0.0, 0.0], DayVerdict::Fail, Outcome::Fail),
        ];
        for (figures, expected, outcome) in table {
            let mut facts = good();
            facts.day.figures = figures.map(Ok);
            assert_eq!(verdict(&facts), (expected, outcome), "{figures:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_no_yes_and_a_no_is_a_no_all_the_same() {
        let unknown = || Err("unknown".to_owned());
        let changes: [(&str, fn(&mut DailyFacts), DayVerdict); 9] = [
            ("a figure", |facts| facts.day.figures[1] = Err("unknown".to_owned()), DayVerdict::Inconclusive),
            (
                "no history",
                |facts| facts.regression.reason = Ok(NO_HISTORY.to_owned()),
                DayVerdict::Inconclusive,
            ),
            ("a regression", |facts| facts.regression.reason = Ok("EDGE_REG".to_owned()), DayVerdict::Fail),
            ("drift", |facts| facts.drift.reason = Ok("DRIFT_PARAMS".to_owned()), DayVerdict::Fail),
            (
                "drift unknown",
                |facts| facts.drift.reason = Err("unknown".to_owned()),
                DayVerdict::Inconclusive,
            ),
            ("chaos", |facts| facts.chaos = Ok("FAIL".to_owned()), DayVerdict::Fail),
            ("chaos unknown", |facts| facts.chaos = Err("unknown".to_owned()), DayVerdict::Inconclusive),
            ("tests", |facts| facts.bug_bash = Ok("FAIL".to_owned()), DayVerdict::Fail),
            ("tests unknown", |facts| facts.bug_bash = Err("unknown".to_owned()), DayVerdict::Inconclusive),
        ];
        for (what, change, expected) in changes {
            let mut facts = good();
            change(&mut facts);
            assert_eq!(verdict(&facts).0, expected, "{what}");
            facts.chaos = Ok("FAIL".to_owned());
            facts.day.figures[0] = unknown();
            assert_eq!(verdict(&facts).0, DayVerdict::Fail, "{what}");
        }
    }
}
