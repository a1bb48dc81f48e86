//! What the test sweep showed: OK, FAIL, or nothing.
#![warn(clippy::wildcard_enum_match_arm)]

use super::config::TestConfig;
use super::day_end::DayEnd;
use super::junit::{TestCounts, TestResults};
use crate::evidence::age::{Age, display};
use crate::evidence::daily::report::{FAIL, OK, TestSource};
use crate::execute::outcome::{StepEnd, StepRun};
use jiff::Timestamp;
use std::time::Duration;

/// A file of results as it was found.
#[derive(Clone, Debug)]
pub(super) struct TestFile {
    pub(super) path: String,
    pub(super) sha256: Option<String>,
    /// Of the file's last write, where it could be read.
    pub(super) modified: Option<Timestamp>,
    pub(super) results: Result<TestResults, String>,
}

/// Judges the files. A failure is a FAIL, however old; without one, each file must be there, fresh, and all of them
/// must have run something.
pub(super) fn of_files(
    files: &[TestFile],
    config: &TestConfig,
    end: &DayEnd,
) -> (Result<String, String>, TestSource) {
    let (mut counts, mut refusals, mut oldest) = (TestCounts::default(), Vec::new(), None::<Duration>);
    for file in files {
        let subject = format!("`{}`", file.path);
        let results = match &file.results {
            Ok(results) => results,
            Err(reason) => {
                refusals.push(format!("{subject}: {reason}"));
                continue;
            }
        };
        counts.add(results.counts);
        // The file may say that it is older than it looks, never that it is younger; and what it says and how it looks
        // must both speak of the day.
        let Some(made) = results.began_at.into_iter().chain(file.modified).min() else { continue };
        let latest = results.latest.into_iter().chain(file.modified).max().unwrap_or(made);
        let age_of = |made| Age::of(made, end.policy(made).now, config.max_age());
        match age_of(made) {
            Age::Fresh { age } | Age::Stale { age } => oldest = oldest.max(Some(age)),
            Age::Future { .. } | Age::Frozen | Age::Untold => {}
        }
        let refusal = |made| age_of(made).refusal(&subject, &display(config.max_age()));
        refusals.extend(refusal(made).or_else(|| refusal(latest)).or_else(|| end.refusal(latest, &subject)));
    }
    let ran = counts.tests - counts.skipped;
    let needed = config.min_tests.unwrap_or(1);
    if ran < needed && refusals.is_empty() {
        refusals.push(format!("{ran} tests ran, at least {needed} are needed"));
    }
    let source = TestSource {
        from: files.iter().map(|file| file.path.clone()).collect(),
        sha256: files.iter().filter_map(|file| file.sha256.clone()).collect(),
        tests: Some(counts.tests),
        failures: Some(counts.failures),
        errors: Some(counts.errors),
        skipped: Some(counts.skipped),
        age: oldest.map(display),
        simulated: false,
    };
    let result = match (counts.failures + counts.errors, refusals.first()) {
        (1.., _) => Ok(FAIL.to_owned()),
        (0, Some(refusal)) => Err(refusal.clone()),
        (0, None) => Ok(OK.to_owned()),
    };
    (result, source)
}

/// Judges a command, whose exit code is the answer. One that could not be started, or was stopped by us, has none.
pub(super) fn of_command(argv: &[String], run: &StepRun) -> (Result<String, String>, TestSource) {
    let result = match &run.end {
        _ if !run.unowned.is_empty() => Ok(FAIL.to_owned()),
        StepEnd::Passed => Ok(OK.to_owned()),
        StepEnd::Failed(_) => Ok(FAIL.to_owned()),
        StepEnd::Warned(reason) | StepEnd::Excused(reason) | StepEnd::Unknown(reason) => {
            Err(format!("`{}`: {reason}", argv.join(" ")))
        }
    };
    (result, TestSource { simulated: run.simulated, ..source_of_command(argv) })
}

/// A command that has said nothing yet.
pub(super) fn source_of_command(argv: &[String]) -> TestSource {
    TestSource {
        from: vec![argv.join(" ")],
        sha256: Vec::new(),
        tests: None,
        failures: None,
        errors: None,
        skipped: None,
        age: None,
        simulated: false,
    }
}
