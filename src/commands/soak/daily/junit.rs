//! JUnit XML as test runners write it: how many cases there are, and what came of each.
//!
//! Only what decides is read: elements and their nesting, and the counts that a suite says of itself, which must be
//! those of its cases. A file that is cut, or that says other counts than it has cases, is refused.
#![warn(clippy::wildcard_enum_match_arm)]

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What the cases of a file came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TestCounts {
    pub(super) tests: u64,
    pub(super) failures: u64,
    pub(super) errors: u64,
    /// Cases that did not run, disabled ones among them.
    pub(super) skipped: u64,
}

impl TestCounts {
    pub(super) fn add(&mut self, more: Self) {
        self.tests += more.tests;
        self.failures += more.failures;
        self.errors += more.errors;
        self.skipped += more.skipped;
    }
}

/// A file of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TestResults {
    pub(super) counts: TestCounts,
    /// The earliest time that a suite says it began at.
    pub(super) began_at: Option<Timestamp>,
    /// The latest. A time without a zone is the earliest that it can be.
    pub(super) latest: Option<Timestamp>,
}

/// An open element.
#[derive(Debug, Default)]
struct Open<'t> {
    name: &'t str,
    /// What a suite says of itself.
    stated: [Option<u64>; 5],
    counts: TestCounts,
    /// Of the cases that did not run, those that say that they were disabled; of a case 1 or none.
    disabled: u64,
    /// What is wrong with a case.
    is_failure: bool,
    is_error: bool,
    is_skipped: bool,
}

const COUNTS: [&str; 5] = ["tests", "failures", "errors", "skipped", "disabled"];
/// What a case that ran may say of itself, in lower case; one that says anything else did not pass, and one that says
/// none of these words did not run.
const PASSED: [&str; 11] = [
    "run",
    "ran",
    "completed",
    "executed",
    "passed",
    "pass",
    "success",
    "successful",
    "succeeded",
    "ok",
    "fixed",
];
const FAILED: [&str; 8] = ["failed", "failure", "fail", "error", "errored", "broken", "timeout", "timedout"];

/// Reads a file.
///
/// # Errors
/// When it is not well-formed XML, no JUnit file, or contradicts itself.
pub(super) fn read(text: &str) -> Result<TestResults, String> {
    let (mut rest, mut open, mut results) = (text, Vec::<Open<'_>>::new(), TestResults::default());
    let mut has_root = false;
    while let Some(at) = rest.find('<') {
        let before = &rest[..at];
        if open.is_empty() && !before.trim_start_matches('\u{feff}').trim().is_empty() {
            return Err("there is text outside its root".to_owned());
        }
        rest = &rest[at..];
        if let Some(behind) = skipped(rest)? {
            rest = behind;
            continue;
        }
        if rest.starts_with("<!") {
            return Err("it has a document type, which no JUnit file has".to_owned());
        }
        let end = end_of_tag(rest)?;
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let closed = open.pop().filter(|open| open.name == name.trim_end());
            let closed = closed.ok_or_else(|| format!("</{name}> closes nothing"))?;
            close(&closed, open.last_mut(), &mut results)?;
            continue;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let begun = begin(tag, &mut results)?;
        if open.is_empty() {
            if has_root || !["testsuites", "testsuite"].contains(&begun.name) {
                return Err(format!("its root is <{}>, not <testsuites> or <testsuite>", begun.name));
            }
            has_root = true;
        }
        if is_empty { close(&begun, open.last_mut(), &mut results)? } else { open.push(begun) }
    }
    match open.last() {
        Some(open) => Err(format!("it is cut: <{}> is not closed", open.name)),
        None if !has_root => Err("it is no XML".to_owned()),
        None if !rest.trim().is_empty() => Err("there is text outside its root".to_owned()),
        None => Ok(results),
    }
}

/// What follows a comment, a processing instruction or a section of text that is no markup.
fn skipped(text: &str) -> Result<Option<&str>, String> {
    for (begin, end) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")] {
        if let Some(inside) = text.strip_prefix(begin) {
            let at = inside.find(end).ok_or_else(|| format!("it is cut: {begin} has no {end}"))?;
            return Ok(Some(&inside[at + end.len()..]));
        }
    }
    Ok(None)
}

/// Where the `>` of a tag is; one in a quoted value is none.
fn end_of_tag(text: &str) -> Result<usize, String> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Ok(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None | Some(_), _) => {}
        }
    }
    Err("it is cut: a tag has no end".to_owned())
}

fn begin<'t>(tag: &'t str, results: &mut TestResults) -> Result<Open<'t>, String> {
    let name = tag.split_whitespace().next().unwrap_or_default();
    let mut open = Open { name, ..Open::default() };
    let is_suite = ["testsuites", "testsuite"].contains(&name);
    for (key, value) in attributes(&tag[name.len()..])? {
        if let Some(at) = COUNTS.iter().position(|known| *known == key).filter(|_| is_suite) {
            let count = value.trim().parse().map_err(|_| format!("{key}=\"{value}\" is not a count"))?;
            open.stated[at] = Some(count);
        }
        if name == "testcase" && ["status", "result"].contains(&key) {
            let answer = value.trim().to_ascii_lowercase();
            let is = |known: &[&str]| known.contains(&answer.as_str());
            open.is_failure |= is(&FAILED);
            open.disabled = open.disabled.max(u64::from(is(&["disabled", "notrun", "suppressed"])));
            open.is_skipped |= !answer.is_empty() && !is(&PASSED) && !is(&FAILED);
        }
        if is_suite && key == "timestamp" {
            let (time, earliest) =
                time(value).ok_or_else(|| format!("timestamp=\"{value}\" is not a time"))?;
            results.began_at = Some(results.began_at.map_or(time, |known| known.min(time)));
            results.latest = results.latest.max(Some(earliest));
        }
    }
    Ok(open)
}

/// The zone that is farthest ahead of UTC.
const FARTHEST_EAST: SignedDuration = SignedDuration::from_hours(14);

/// RFC 3339, or a local time, which is taken for UTC; and the earliest that it can be.
fn time(text: &str) -> Option<(Timestamp, Timestamp)> {
    if let Ok(time) = text.parse() {
        return Some((time, time));
    }
    let time = text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((time, time.checked_sub(FARTHEST_EAST).ok()?))
}

fn attributes(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let (mut rest, mut found) = (text.trim(), Vec::new());
    while !rest.is_empty() {
        let bad = || format!("`{}` is not an attribute", rest.chars().take(40).collect::<String>());
        let (key, value) = rest.split_once('=').ok_or_else(bad)?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|quote| ['"', '\''].contains(quote)).ok_or_else(bad)?;
        let (value, behind) = value[1..].split_once(quote).ok_or_else(bad)?;
        found.push((key.trim(), value));
        rest = behind.trim_start();
    }
    Ok(found)
}

/// Adds what an element came to to the one around it.
fn close(closed: &Open<'_>, around: Option<&mut Open<'_>>, results: &mut TestResults) -> Result<(), String> {
    let (counts, disabled) = match closed.name {
        "testcase" => {
            let counts = TestCounts {
                tests: 1,
                failures: u64::from(closed.is_failure),
                errors: u64::from(closed.is_error),
                skipped: u64::from(closed.is_skipped),
            };
            (counts, closed.disabled)
        }
        "testsuite" | "testsuites" => of_suite(closed)?,
        _ => (closed.counts, closed.disabled),
    };
    let Some(around) = around else {
        results.counts = counts;
        return Ok(());
    };
    // Runners have kinds of their own, `rerunFailure` or `j:failure`; none of them is a case that passed.
    let kind = closed.name.to_ascii_lowercase();
    let (is_failure, is_error) = (kind.ends_with("failure"), kind.ends_with("error"));
    if around.name == "testcase" {
        around.is_failure |= is_failure;
        around.is_error |= is_error;
        around.is_skipped |= ["skipped", "disabled", "ignored"].iter().any(|word| kind.ends_with(word));
        around.disabled = around.disabled.max(u64::from(kind.ends_with("disabled")));
    } else if is_failure || is_error {
        return Err(format!("<{}> stands outside of a test case", closed.name));
    }
    around.counts.add(counts);
    around.disabled += disabled;
    Ok(())
}

/// The cases of a suite, which must be those that it says it has. Of cases that are disabled some runners say nothing
/// but how many there are, and some count them as skipped.
fn of_suite(suite: &Open<'_>) -> Result<(TestCounts, u64), String> {
    let TestCounts { tests, failures, errors, skipped } = suite.counts;
    let [stated_tests, stated_failures, stated_errors, stated_skipped, stated_disabled] = suite.stated;
    let disabled = suite.disabled.max(stated_disabled.unwrap_or_default());
    let not_run = (skipped + disabled - suite.disabled).min(tests);
    let is_skipped = |stated: u64| stated == skipped || stated + suite.disabled == skipped;
    let checks = [
        (stated_tests, tests, stated_tests == Some(tests)),
        (stated_failures, failures, stated_failures == Some(failures)),
        (stated_errors, errors, stated_errors == Some(errors)),
        (stated_skipped, skipped, stated_skipped.is_some_and(is_skipped)),
        (stated_disabled, tests, stated_disabled.is_some_and(|stated| stated <= tests)),
    ];
    for (name, (stated, found, is_so)) in COUNTS.iter().zip(checks) {
        if let Some(stated) = stated.filter(|_| !is_so) {
            return Err(format!("a <{}> says {stated} {name} and has {found}", suite.name));
        }
    }
    Ok((TestCounts { skipped: not_run, ..suite.counts }, disabled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(tests: u64, failures: u64, errors: u64, skipped: u64) -> TestCounts {
        TestCounts { tests, failures, errors, skipped }
    }

    #[test]
    fn the_cases_are_counted_and_their_answers() {
        let table = [
            ("<testsuites/>", counts(0, 0, 0, 0)),
            ("<testsuite tests='1'><testcase name='a > b'/></testsuite>", counts(1, 0, 0, 0)),
            (
                "\u{feff}<?xml version=\"1.0\"?>\n<!-- <testcase> --><testsuites tests=\"4\" failures=\"1\">\
                 <testsuite name=\"s\" errors=\"1\" skipped=\"1\"><properties><property name='x' value='y'/></properties>\
                 <testcase name=\"a\"><failure message=\"x &lt; y\"><![CDATA[</testcase>]]></failure></testcase>\
                 <testcase name=\"b\"><error/></testcase><testcase name=\"c\"><skipped/></testcase>\
                 </testsuite><testsuite><testcase/><system-out>text</system-out></testsuite></testsuites>\n",
                counts(4, 1, 1, 1),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).map(|found| found.counts), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_cut_or_contradicts_itself_is_refused() {
        for (text, part) in [
            ("", "no XML"),
            ("{}", "no XML"),
            ("<html></html>", "its root is <html>"),
            ("<testsuites/><testsuites/>", "its root"),
            ("<testsuite><testcase>", "<testcase> is not closed"),
            ("<testsuite><testcase></testsuite>", "closes nothing"),
            ("<testsuite", "a tag has no end"),
            ("<testsuite><!-- x</testsuite>", "has no -->"),
            ("<testsuite tests='2'><testcase/></testsuite>", "says 2 tests and has 1"),
            ("<testsuite failures='1'><testcase/></testsuite>", "says 1 failures and has 0"),
            ("<testsuite tests='many'/>", "is not a count"),
            ("<testsuite tests=1/>", "is not an attribute"),
            ("<testsuite timestamp='noon'/>", "is not a time"),
            ("<!DOCTYPE x><testsuite/>", "document type"),
            ("x<testsuite/>", "text outside"),
            ("<testsuite/>x", "text outside"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn what_a_runner_says_in_its_own_way_is_no_case_that_passed() {
        let case = |inside: &str| read(&format!("<testsuite><testcase{inside}</testcase></testsuite>"));
        for (inside, expected) in [
            ("><j:failure/>", counts(1, 1, 0, 0)),
            ("><Failure/>", counts(1, 1, 0, 0)),
            ("><rerunFailure/>", counts(1, 1, 0, 0)),
            (" status='failed'>", counts(1, 1, 0, 0)),
            (" status='run' result='completed'>", counts(1, 0, 0, 0)),
            (" status='notrun'>", counts(1, 0, 0, 1)),
            (" status='run' result='suppressed'>", counts(1, 0, 0, 1)),
            (" status='pending'>", counts(1, 0, 0, 1)),
            (" status='Passed'>", counts(1, 0, 0, 0)),
            ("><disabled/>", counts(1, 0, 0, 1)),
        ] {
            assert_eq!(case(inside).map(|results| results.counts), Ok(expected), "{inside}");
        }
        for outside in ["<error/>", "<failure>x</failure>"] {
            let error = read(&format!("<testsuite>{outside}<testcase/></testsuite>")).expect_err(outside);
            assert!(error.contains("outside of a test case"), "{error}");
        }
    }

    #[test]
    fn what_is_disabled_did_not_run() {
        for (text, expected) in [
            ("<testsuite tests='2' disabled='2'><testcase/><testcase/></testsuite>", counts(2, 0, 0, 2)),
            ("<testsuite tests='2' disabled='1'><testcase/><testcase/></testsuite>", counts(2, 0, 0, 1)),
            // As GoogleTest has it: the ones that are disabled are not among the skipped.
            (
                "<testsuites tests='2' disabled='1' skipped='0'><testsuite tests='2' disabled='1' skipped='0'>\
                 <testcase status='run' result='completed'/><testcase status='notrun' result='suppressed'/>\
                 </testsuite></testsuites>",
                counts(2, 0, 0, 1),
            ),
            (
                "<testsuites disabled='2'><testsuite disabled='2'><testcase/><testcase/></testsuite>\
                 <testsuite><testcase/></testsuite></testsuites>",
                counts(3, 0, 0, 2),
            ),
        ] {
            assert_eq!(read(text).map(|found| found.counts), Ok(expected), "{text}");
        }
        let error = read("<testsuite disabled='2'><testcase/></testsuite>").expect_err("more than there are");
        assert!(error.contains("says 2 disabled and has 1"), "{error}");
    }

    #[test]
    fn the_earliest_suite_says_how_old_the_file_is() {
        let text = "<testsuites><testsuite timestamp='2026-03-09T10:00:00'/>\
                    <testsuite timestamp='2026-03-09T10:30:00+02:00'/></testsuites>";
        let results = read(text).expect("read");
        let [began_at, latest] = [results.began_at, results.latest].map(|time| time.expect("a time"));
        assert_eq!(began_at.to_string(), "2026-03-09T08:30:00Z");
        // Ten o'clock where the day begins first.
        assert_eq!(latest.to_string(), "2026-03-09T08:30:00Z");
        let alone = read("<testsuite timestamp='2026-03-09T10:00:00'/>").expect("read");
        assert_eq!(alone.latest.expect("a time").to_string(), "2026-03-08T20:00:00Z");
    }
}
