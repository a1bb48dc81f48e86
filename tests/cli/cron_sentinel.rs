//! `mmops cron-sentinel`.

use crate::contract::conforms;
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

const FRESH: &str = "| cron_sentinel | OK | CRON_SENTINEL=FRESH |";
const STALE: &str = "| cron_sentinel | FAIL | CRON_SENTINEL=STALE |";
const RUN: &str = "cron-sentinel --config tasks.yaml";

fn modified(sandbox: &Sandbox, path: &str, time: &str) {
    let time = SystemTime::from(time.parse::<jiff::Timestamp>().unwrap());
    File::options().write(true).open(sandbox.path(path)).unwrap().set_modified(time).unwrap();
}

/// A task over the artifact `a.json` unless it names another.
fn config(task: &str) -> String {
    let artifact = if task.contains("artifact:") { "" } else { "artifact: a.json, " };
    format!("tasks:\n  - {{name: job, {artifact}{task}}}\n")
}

struct Case {
    what: &'static str,
    task: &'static str,
    now: &'static str,
    /// Path, time of modification, content.
    files: Vec<(&'static str, &'static str, String)>,
    state: &'static str,
}

fn case(
    what: &'static str,
    task: &'static str,
    now: &'static str,
    made: &'static str,
    state: &'static str,
) -> Case {
    Case { what, task, now, files: vec![("a.json", made, "{\"ok\": true}".to_owned())], state }
}

fn says(what: &'static str, task: &'static str, content: &str, state: &'static str) -> Case {
    let files = vec![("a.json", "2026-03-10T11:00:00Z", content.to_owned())];
    Case { what, task, now: "2026-03-10T12:00:00Z", files, state }
}

/// A journal of the form that the chain assertion reads.
fn journal(lines: u32) -> String {
    let mut text = String::new();
    let mut before = "GENESIS".to_owned();
    for line in 0..lines {
        let body = format!("{{\"n\":{line},\"prev_hash\":\"{before}\"}}");
        before = mmops::testing::hash::sha256(&body);
        text += &format!("{{\"hash\":\"{before}\",{}\n", &body[1..]);
    }
    text
}

const BERLIN: &str = "schedule: 30 2 * * *, timezone: Europe/Berlin, grace: 30m";
const YORK: &str = "schedule: 15 2 * * *, timezone: America/New_York, grace: 15m";
const YORK_NIGHT: &str = "schedule: 30 1 * * *, timezone: America/New_York, grace: 15m";
const NIGHTLY: &str = "schedule: 0 3 * * *, timezone: UTC, grace: 1h, early: 2m";
const MAX: &str = "max_age: 36h";

fn ages() -> Vec<Case> {
    vec![
        case("younger than the limit", MAX, "2026-03-10T12:00:00Z", "2026-03-09T12:00:00Z", "fresh"),
        case("the limit itself", MAX, "2026-03-10T12:00:00Z", "2026-03-09T00:00:00Z", "fresh"),
        case("a second more", MAX, "2026-03-10T12:00:01Z", "2026-03-09T00:00:00Z", "stale"),
        case("days", "max_age: 7d", "2026-03-10T12:00:00Z", "2026-03-03T11:00:00Z", "stale"),
        case("a future time", MAX, "2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z", "clock"),
        case("a clock a little ahead", MAX, "2026-03-10T12:00:00Z", "2026-03-10T12:01:00Z", "fresh"),
        case("our clock stepped back", MAX, "2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z", "clock"),
        case("our clock stepped forward", MAX, "2030-01-01T00:00:00Z", "2026-03-10T12:00:00Z", "stale"),
        case(
            "times in the zone of the task",
            "max_age: 1h, timezone: America/New_York",
            "2026-03-10T12:00:00Z",
            "2026-03-10T09:00:00Z",
            "stale",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn schedules() -> Vec<Case> {
    vec![
        case("in time", NIGHTLY, "2026-03-10T12:00:00Z", "2026-03-10T03:10:00Z", "fresh"),
        case("the run of yesterday", NIGHTLY, "2026-03-10T12:00:00Z", "2026-03-09T03:10:00Z", "stale"),
        case("several runs missed", NIGHTLY, "2026-03-10T12:00:00Z", "2026-03-05T03:10:00Z", "stale"),
        case("inside the grace", NIGHTLY, "2026-03-10T03:59:59Z", "2026-03-09T03:10:00Z", "fresh"),
        case("the end of the grace", NIGHTLY, "2026-03-10T04:00:00Z", "2026-03-09T03:10:00Z", "stale"),
        case("a little early", NIGHTLY, "2026-03-10T12:00:00Z", "2026-03-10T02:58:00Z", "fresh"),
        case("too early", NIGHTLY, "2026-03-10T12:00:00Z", "2026-03-10T02:57:59Z", "stale"),
        case(
            "weekdays over a weekend",
            "schedule: 0 18 * * mon-fri, timezone: UTC",
            "2026-03-09T12:00:00Z",
            "2026-03-06T18:05:00Z",
            "fresh",
        ),
        case(
            "a month without a 31st",
            "schedule: 0 0 31 * *, timezone: UTC",
            "2026-03-10T12:00:00Z",
            "2026-01-31T00:05:00Z",
            "fresh",
        ),
        case(
            "the last of February",
            "schedule: 0 0 0 L * ?, dialect: quartz-like, timezone: UTC",
            "2026-03-10T12:00:00Z",
            "2026-01-31T00:05:00Z",
            "stale",
        ),
        case(
            "a month of 31 days",
            "schedule: 0 0 31 * *, timezone: UTC",
            "2026-04-01T00:00:00Z",
            "2026-01-31T00:05:00Z",
            "stale",
        ),
        case(
            "the first of a month",
            "schedule: '@monthly', timezone: Europe/Berlin",
            "2026-04-01T00:00:00Z",
            "2026-03-31T22:05:00Z",
            "fresh",
        ),
        case(
            "a leap day",
            "schedule: 0 12 29 2 *, timezone: UTC",
            "2028-03-01T00:00:00Z",
            "2024-02-29T12:30:00Z",
            "stale",
        ),
        case(
            "between leap days",
            "schedule: 0 12 29 2 *, timezone: UTC",
            "2028-02-29T11:59:00Z",
            "2024-02-29T12:30:00Z",
            "fresh",
        ),
        case(
            "a leap day on a Sunday or Friday, of which the last was eighteen years ago",
            "schedule: 0 0 29 2 */5, timezone: UTC",
            "2026-03-10T12:00:00Z",
            "1990-01-01T00:00:00Z",
            "stale",
        ),
        case("Berlin in winter", BERLIN, "2026-01-15T02:15:00Z", "2026-01-15T01:40:00Z", "fresh"),
        case("Berlin in summer", BERLIN, "2026-07-15T01:15:00Z", "2026-07-14T01:40:00Z", "stale"),
        case(
            "Berlin skips 02:30: before it is over",
            BERLIN,
            "2026-03-29T01:29:59Z",
            "2026-03-28T01:31:00Z",
            "fresh",
        ),
        case(
            "Berlin skips 02:30: due when the clock has moved on",
            BERLIN,
            "2026-03-29T01:30:00Z",
            "2026-03-28T01:31:00Z",
            "stale",
        ),
        case("Berlin skips 02:30: it came", BERLIN, "2026-03-29T12:00:00Z", "2026-03-29T01:05:00Z", "fresh"),
        case(
            "Berlin has 02:30 twice: the first counts",
            BERLIN,
            "2026-10-25T01:00:00Z",
            "2026-10-24T00:31:00Z",
            "stale",
        ),
        case(
            "Berlin has 02:30 twice: once is enough",
            BERLIN,
            "2026-10-25T12:00:00Z",
            "2026-10-25T00:31:00Z",
            "fresh",
        ),
        case("New York skips 02:15", YORK, "2026-03-08T07:15:00Z", "2026-03-07T07:16:00Z", "stale"),
        case("New York skips 02:15: it came", YORK, "2026-03-08T20:00:00Z", "2026-03-08T07:01:00Z", "fresh"),
        case(
            "New York has 01:30 twice: the first counts",
            YORK_NIGHT,
            "2026-11-01T05:45:00Z",
            "2026-10-31T05:31:00Z",
            "stale",
        ),
        case(
            "New York has 01:30 twice: once is enough",
            YORK_NIGHT,
            "2026-11-01T12:00:00Z",
            "2026-11-01T05:31:00Z",
            "fresh",
        ),
        case(
            "every hour, also the one that comes twice",
            "schedule: 0 * * * *, timezone: Europe/Berlin",
            "2026-10-25T01:05:00Z",
            "2026-10-25T00:01:00Z",
            "stale",
        ),
        case(
            "Kubernetes does not run what is skipped",
            "schedule: 30 2 * * *, dialect: kubernetes, timezone: Europe/Berlin, grace: 30m",
            "2026-03-29T12:00:00Z",
            "2026-03-28T01:31:00Z",
            "fresh",
        ),
        case(
            "Kubernetes runs again what comes twice",
            "schedule: 'CRON_TZ=Europe/Berlin 30 2 * * *', dialect: kubernetes",
            "2026-10-25T02:00:00Z",
            "2026-10-25T00:31:00Z",
            "stale",
        ),
        case(
            "either day field there, for a step takes the star away",
            "schedule: 0 0 */10 * 0, dialect: kubernetes, timezone: UTC",
            "2026-03-12T00:00:00Z",
            "2026-03-10T00:05:00Z",
            "stale",
        ),
        case(
            "so long after the run before: inside it and its grace",
            "schedule: '@every 1h', dialect: kubernetes, grace: 10m",
            "2026-03-10T12:00:00Z",
            "2026-03-10T10:50:00Z",
            "fresh",
        ),
        case(
            "so long after the run before: a second more",
            "schedule: '@every 1h', dialect: kubernetes, grace: 10m",
            "2026-03-10T12:00:01Z",
            "2026-03-10T10:50:00Z",
            "stale",
        ),
        case(
            "seconds where the dialect has them",
            "schedule: 30 0 12 ? * MON-FRI, dialect: quartz-like, timezone: UTC",
            "2026-03-10T12:00:30Z",
            "2026-03-10T12:00:29Z",
            "stale",
        ),
        case(
            "every hour, not the one that is skipped",
            "schedule: 0 * * * *, timezone: Europe/Berlin",
            "2026-03-29T00:59:00Z",
            "2026-03-29T00:01:00Z",
            "fresh",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn contents() -> Vec<Case> {
    let yesterday = "{\"started_at\": \"2026-03-10T03:00:00Z\", \"finished_at\": \"2026-03-09T04:00:00Z\"}";
    vec![
        says(
            "a value that must be",
            "max_age: 1d, assert: [{json: $.verdict, op: '==', value: OK}]",
            "{\"verdict\": \"OK\"}",
            "fresh",
        ),
        says(
            "another value",
            "max_age: 1d, assert: [{json: $.verdict, value: OK}]",
            "{\"verdict\": \"FAIL\"}",
            "invalid",
        ),
        says(
            "no value",
            "max_age: 1d, assert: [{json: '$.runs[0].n', op: '>', value: 3}]",
            "{\"runs\": []}",
            "invalid",
        ),
        says("a limit", "max_age: 1d, assert: [{json: /n, op: '>=', value: 3}]", "{\"n\": 2.999}", "invalid"),
        says(
            "a text",
            "max_age: 1d, artifact: a.json, assert: [{regex: 'RESULT=OK'}]",
            "\"RESULT=OK\"",
            "fresh",
        ),
        says("no such text", "max_age: 1d, assert: [{regex: 'RESULT=OK'}]", "\"RESULT=FAIL\"", "invalid"),
        says("half a document", MAX, "{\"verdict\": \"O", "invalid"),
        says("a key twice", MAX, "{\"verdict\": \"OK\", \"verdict\": \"FAIL\"}", "invalid"),
        says("nothing", MAX, "", "invalid"),
        says("too little", "max_age: 1d, min_size: 1K", "{}", "invalid"),
        says("no text", MAX, "\u{0}", "invalid"),
        says("finished long ago, copied now", MAX, "{\"finished_at\": \"2026-03-01T00:00:00Z\"}", "stale"),
        says("finished in the future", MAX, "{\"finished_at\": \"2026-03-11T00:00:00Z\"}", "clock"),
        says("finished at an epoch, unasked", MAX, "{\"finished_at\": 1773136800}", "invalid"),
        says(
            "finished at an epoch",
            "max_age: 1d, time_format: epoch",
            "{\"finished_at\": 1773136800.5}",
            "fresh",
        ),
        says(
            "finished at an epoch long ago",
            "max_age: 1d, time_format: epoch",
            "{\"finished_at\": 1773036800}",
            "stale",
        ),
        says(
            "finished at milliseconds that are read as seconds",
            "max_age: 1d, time_format: epoch",
            "{\"finished_at\": 1773136800000}",
            "invalid",
        ),
        says(
            "finished on the clock of the task",
            "max_age: 1h, time_format: local, timezone: Asia/Tokyo",
            "{\"finished_at\": \"2026-03-10T20:30:00\"}",
            "fresh",
        ),
        says(
            "a time that is not asked for",
            "max_age: 1d, time_key: none",
            "{\"started_at\": \"soon\", \"finished_at\": \"2026-01-01T00:00:00Z\"}",
            "fresh",
        ),
        says(
            "null is no value",
            "max_age: 1d, assert: [{json: $.verdict, op: '!=', value: FAIL}]",
            "{\"verdict\": null}",
            "invalid",
        ),
        says(
            "null does not exist",
            "max_age: 1d, assert: [{json: $.verdict, op: exists}]",
            "{\"verdict\": null}",
            "invalid",
        ),
        says(
            "a list is no other text",
            "max_age: 1d, assert: [{json: $.verdict, op: '!=', value: FAIL}]",
            "{\"verdict\": []}",
            "invalid",
        ),
        says(
            "a hundred nanoseconds too many",
            "max_age: 1d, assert: [{json: $.ns, op: '<=', value: 1773144000000000000}]",
            "{\"ns\": 1773144000000000100}",
            "invalid",
        ),
        says(
            "as many as there may be",
            "max_age: 1d, assert: [{json: $.ns, op: '<=', value: 1773144000000000000}]",
            "{\"ns\": 1773144000000000000}",
            "fresh",
        ),
        says("finished at no time", MAX, "{\"finished_at\": \"yesterday\"}", "invalid"),
        says("a time that must be there", "max_age: 1d, finished_at: $.done", "{}", "invalid"),
        says(
            "a time of another name",
            "max_age: 1d, finished_at: $.done",
            "{\"done\": \"2026-03-10T10:00:00Z\"}",
            "fresh",
        ),
        says("started and not finished", MAX, "{\"started_at\": \"2026-03-10T03:00:00Z\"}", "running"),
        says("started again", MAX, yesterday, "running"),
        says(
            "running too long",
            "max_age: 1d, max_runtime: 2h",
            "{\"started_at\": \"2026-03-10T03:00:00Z\", \"finished_at\": null}",
            "running",
        ),
        Case {
            what: "the newest of a glob",
            task: "artifact: 'out/run_*.json', max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![
                ("out/run_1.json", "2026-03-10T11:00:00Z", "{}".into()),
                ("out/run_9.json", "2026-03-01T11:00:00Z", "{".into()),
                ("out/other.json", "2026-03-10T11:30:00Z", "{".into()),
            ],
            state: "fresh",
        },
        Case {
            what: "a glob of which all are old",
            task: "artifact: 'out/**/*.json', max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![
                ("out/a/x.json", "2026-03-01T11:00:00Z", "{}".into()),
                ("out/b/y.json", "2026-03-02T11:00:00Z", "{}".into()),
                ("out/b/.z.json", "2026-03-10T11:00:00Z", "{}".into()),
            ],
            state: "stale",
        },
        Case {
            what: "a glob with a file of the future",
            task: "artifact: 'out/*.json', max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![
                ("out/x.json", "2026-03-10T11:00:00Z", "{}".into()),
                ("out/y.json", "2026-03-12T11:00:00Z", "{}".into()),
            ],
            state: "clock",
        },
        Case {
            what: "a half-written file is not the artifact",
            task: "artifact: 'out/report*', max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![
                ("out/report.json", "2026-01-01T11:00:00Z", "{}".into()),
                ("out/report.json.tmp", "2026-03-10T11:00:00Z", "{".into()),
                ("out/report.json.part", "2026-03-10T11:00:00Z", "{".into()),
                ("out/report.json~", "2026-03-10T11:00:00Z", "{".into()),
            ],
            state: "stale",
        },
        Case {
            what: "nor in a directory",
            task: "artifact: out, max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![
                ("out/a/report.json", "2026-01-01T11:00:00Z", "{}".into()),
                ("out/a/report.json.partial", "2026-03-10T11:00:00Z", "{".into()),
                ("out/a/.report.json.Xq2T", "2026-03-10T11:00:00Z", "{".into()),
                ("out/b.crdownload", "2026-03-10T11:00:00Z", "{".into()),
            ],
            state: "stale",
        },
        Case {
            what: "a hidden directory that is asked for does not show hidden files",
            task: "artifact: '.out/*.json', max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![
                (".out/report.json", "2026-01-01T11:00:00Z", "{}".into()),
                (".out/.report.json", "2026-03-10T11:00:00Z", "{}".into()),
            ],
            state: "stale",
        },
        Case {
            what: "half-written files alone are none",
            task: "artifact: 'out/*', max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![("out/report.json.tmp.4711", "2026-03-10T11:00:00Z", "{".into())],
            state: "missing",
        },
        Case {
            what: "a glob without a file",
            task: "artifact: 'out/*.json', max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![("out/x.txt", "2026-03-10T11:00:00Z", "x".into())],
            state: "missing",
        },
        Case {
            what: "a directory is as old as its newest file",
            task: "artifact: out, max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![("out/a/x.txt", "2026-03-01T11:00:00Z", "x".into())],
            state: "stale",
        },
        Case {
            what: "no file",
            task: "artifact: none.json, max_age: 1d",
            now: "2026-03-10T12:00:00Z",
            files: vec![],
            state: "missing",
        },
        Case {
            what: "an unbroken chain",
            task: "artifact: j.jsonl, max_age: 1d, assert: [{hash_chain: ok}]",
            now: "2026-03-10T12:00:00Z",
            files: vec![("j.jsonl", "2026-03-10T11:00:00Z", journal(3))],
            state: "fresh",
        },
        Case {
            what: "a chain with a line nested without end",
            task: "artifact: j.jsonl, max_age: 1d, assert: [{hash_chain: ok}]",
            now: "2026-03-10T12:00:00Z",
            files: vec![(
                "j.jsonl",
                "2026-03-10T11:00:00Z",
                format!(
                    "{{\"hash\":\"x\",\"prev_hash\":\"GENESIS\",\"n\":{}{}}}\n",
                    "[".repeat(60_000),
                    "]".repeat(60_000)
                ),
            )],
            state: "invalid",
        },
        Case {
            what: "an edited chain",
            task: "artifact: j.jsonl, max_age: 1d, assert: [{hash_chain: ok}]",
            now: "2026-03-10T12:00:00Z",
            files: vec![("j.jsonl", "2026-03-10T11:00:00Z", journal(3).replace("\"n\":1", "\"n\":7"))],
            state: "invalid",
        },
        Case {
            what: "a chain with a line taken out",
            task: "artifact: j.jsonl, max_age: 1d, assert: [{hash_chain: ok}]",
            now: "2026-03-10T12:00:00Z",
            files: vec![(
                "j.jsonl",
                "2026-03-10T11:00:00Z",
                journal(3)
                    .split_inclusive('\n')
                    .enumerate()
                    .filter(|(n, _)| *n != 1)
                    .map(|(_, line)| line)
                    .collect(),
            )],
            state: "invalid",
        },
    ]
}

#[test]
fn the_table_of_states() {
    let cases: Vec<Case> = ages().into_iter().chain(schedules()).chain(contents()).collect();
    assert!(cases.len() >= 60, "{}", cases.len());
    for Case { what, task, now, files, state } in cases {
        let sandbox = Sandbox::new().env("MMOPS_NOW", now).file("tasks.yaml", config(task));
        for (path, time, content) in files {
            sandbox.write(path, content);
            modified(&sandbox, path, time);
        }
        let output = sandbox.run(&format!("{RUN} --format json"));
        let code = i32::from(state != "fresh");
        let document = output.code(code).json();
        let judged = &document["tasks"][0];
        assert_eq!(judged["state"], state, "{what}: {judged}");
        assert_eq!(document["verdict"], if state == "fresh" { "FRESH" } else { "STALE" }, "{what}");
    }
}

#[test]
fn a_configuration_that_says_nothing_useful_is_3() {
    let job = "name: job, artifact: a.json";
    let table: Vec<String> = vec![
        String::new(),
        "tasks: []".into(),
        "task: []".into(),
        format!("tasks: [{{{job}, max_age: 1d, ownr: x}}]"),
        format!("tasks: [{{{job}, max_age: 1d}}, {{{job}, max_age: 2d}}]"),
        format!("tasks: [{{{job}}}]"),
        format!("tasks: [{{{job}, max_age: 1d, schedule: '@daily', timezone: UTC}}]"),
        format!("tasks: [{{{job}, max_age: '36'}}]"),
        format!("tasks: [{{{job}, max_age: 0s}}]"),
        format!("tasks: [{{{job}, max_age: 1d, grace: 1h}}]"),
        format!("tasks: [{{{job}, schedule: 0 3 * * *}}]"),
        format!("tasks: [{{{job}, schedule: 0 3 * * *, timezone: Mars/Base}}]"),
        format!("tasks: [{{{job}, schedule: 0 25 * * *, timezone: UTC}}]"),
        format!("tasks: [{{{job}, schedule: 0 0 31 2 *, timezone: UTC}}]"),
        format!("tasks: [{{{job}, max_age: 1d, assert: [{{json: $.x}}]}}]"),
        format!("tasks: [{{{job}, max_age: 1d, min_size: many}}]"),
        format!("tasks: [{{{job}, max_age: 1d, min_size: 0}}]"),
        format!("tasks: [{{{job}, max_age: 1d, min_size: 0K}}]"),
        format!("tasks: [{{{job}, max_age: 1d, assert: [{{json: $.v, op: contains, value: ''}}]}}]"),
        format!("tasks: [{{{job}, max_age: 1d, severity: bad}}]"),
        "tasks: [{name: '', artifact: a, max_age: 1d}]".into(),
        "tasks: [{name: x, artifact: '', max_age: 1d}]".into(),
        "tasks: [{artifact: a, max_age: 1d}]".into(),
        "tasks: [{name: x, artifact: 'a[', max_age: 1d}]".into(),
        // Yesterday's run would count for today's, also on the day that has an hour less.
        format!("tasks: [{{{job}, schedule: 30 2 * * *, timezone: UTC, early: 24h}}]"),
        format!("tasks: [{{{job}, schedule: 30 4 * * *, timezone: Europe/Berlin, early: 23h}}]"),
        format!("tasks: [{{{job}, schedule: 0 1,22 * * *, timezone: UTC, early: 3h}}]"),
        format!("tasks: [{{{job}, schedule: 0 0 1 * *, timezone: UTC, early: 28d}}]"),
        // Names that only some machines have, or that say nothing.
        format!("tasks: [{{{job}, schedule: '@daily', timezone: localtime}}]"),
        format!("tasks: [{{{job}, schedule: '@daily', timezone: posixrules}}]"),
        format!("tasks: [{{{job}, schedule: '@daily', timezone: Factory}}]"),
        format!("tasks: [{{{job}, schedule: '@daily', timezone: posix/Europe/Berlin}}]"),
        "tasks: [{name: x, artifact: 'out/*.tmp', max_age: 1d}]".into(),
        format!("tasks: [{{{job}, max_age: 1d, assert: [{{json: $.v, op: '!=', value: null}}]}}]"),
        format!(
            "tasks: [{{{job}, max_age: 1d, assert: [{{json: $.v, op: '<', value: 18446744073709551617}}]}}]"
        ),
        // What the dialect does not have.
        format!("tasks: [{{{job}, schedule: 0 0 L * *, timezone: UTC}}]"),
        format!("tasks: [{{{job}, schedule: '@every 1h', timezone: UTC}}]"),
        format!("tasks: [{{{job}, schedule: 0 0 * * FRI-MON, dialect: kubernetes, timezone: UTC}}]"),
        format!("tasks: [{{{job}, schedule: 0 0 * * *, dialect: quartz-like, timezone: UTC}}]"),
        format!("tasks: [{{{job}, schedule: 0 0 * * *, dialect: systemd, timezone: UTC}}]"),
        format!(
            "tasks: [{{{job}, schedule: 'CRON_TZ=UTC 0 0 * * *', dialect: kubernetes, timezone: Asia/Tokyo}}]"
        ),
        format!("tasks: [{{{job}, schedule: '@every 1h', dialect: kubernetes, early: 1m}}]"),
        format!("tasks: [{{{job}, max_age: 1d, dialect: vixie}}]"),
        format!("tasks: [{{{job}, max_age: 1d, time_key: none, finished_at: $.done}}]"),
        format!("tasks: [{{{job}, max_age: 1d, time_key: none, time_format: epoch}}]"),
        format!("tasks: [{{{job}, max_age: 1d, time_format: asctime}}]"),
        format!("{{tasks: [{{{job}, max_age: 1d}}], notify: [{{name: a}}]}}"),
        format!("{{tasks: [{{{job}, max_age: 1d}}], notify: [{{name: a, http: {{url: 'ftp://x'}}}}]}}"),
    ];
    for text in table {
        let sandbox = Sandbox::new().file("tasks.yaml", &text).file("a.json", "{}");
        let _ = sandbox.run(RUN).error(3);
    }
    let _ = Sandbox::new().run(RUN).error(3);
    let _ = Sandbox::new().run("cron-sentinel").error(3);
    let sandbox = Sandbox::new().file("tasks.yaml", "tasks:\n- {name: a}\n- {name: ");
    let _ = sandbox.run(RUN).code(3);
    let two = "tasks: [{name: a, artifact: x, max_age: q}, {name: b, artifact: x}]";
    let _ = Sandbox::new().file("tasks.yaml", two).run(RUN).code(3);
}

#[test]
fn yaml_json_and_toml_say_the_same() {
    let yaml = "tasks:\n  - name: t\n    artifact: a.txt\n    max_age: 1d\n    min_size: 1\n";
    let json =
        "{\"tasks\": [{\"name\": \"t\", \"artifact\": \"a.txt\", \"max_age\": \"1d\", \"min_size\": 1}]}";
    let toml = "[[tasks]]\nname = 't'\nartifact = 'a.txt'\nmax_age = '1d'\nmin_size = 1\n";
    for (extension, text) in [("yaml", yaml), ("json", json), ("toml", toml)] {
        let sandbox = Sandbox::new().file(&format!("tasks.{extension}"), text).file("a.txt", "x");
        sandbox.age("a.txt", Duration::from_hours(23));
        let line = format!("cron-sentinel --config tasks.{extension}");
        let _ = sandbox.run(&line).code(0).marker(FRESH);
        sandbox.age("a.txt", Duration::from_hours(25));
        let _ = sandbox.run(&line).code(1).marker(STALE);
    }
}

#[test]
fn a_job_inside_its_time_warns_and_one_that_started_too_late_fails() {
    let run = |task: &str| {
        let sandbox = Sandbox::new().file("tasks.yaml", config(task));
        sandbox.write("a.json", "{\"started_at\": \"2026-03-10T11:00:00Z\"}");
        modified(&sandbox, "a.json", "2026-03-10T11:00:00Z");
        sandbox.run(RUN)
    };
    let _ =
        run("max_age: 1d, max_runtime: 2h").code(0).marker("| cron_sentinel | WARN | CRON_SENTINEL=FRESH |");
    let missed = "schedule: 30 11 * * *, timezone: UTC, grace: 10m, max_runtime: 2h";
    let _ = run(missed).code(1).marker(STALE);
}

#[test]
fn tasks_and_window_narrow_what_is_judged() {
    let text = "tasks:\n  - {name: a, artifact: a.txt, max_age: 1d, owner: ann, severity: warning}\n  - {name: b, artifact: b.txt, max_age: 1d}\n";
    let sandbox = Sandbox::new().file("tasks.yaml", text).file("a.txt", "x").file("b.txt", "x");
    sandbox.age("a.txt", Duration::from_hours(30));
    sandbox.age("b.txt", Duration::from_hours(2));
    let _ = sandbox.run(RUN).code(1).marker(STALE);
    let _ = sandbox.run(&format!("{RUN} --task b")).code(0).marker(FRESH);
    let _ = sandbox.run(&format!("{RUN} --task a --task b --window 36h")).code(0).marker(FRESH);
    let _ = sandbox.run(&format!("{RUN} --task b --window 1h")).code(1).marker(STALE);
    let _ = sandbox.run(&format!("{RUN} --task c")).error(3);
    for line in ["--window 0s", "--window soon", "--tasks x"] {
        let _ = sandbox.run(&format!("{RUN} {line}")).code(64);
    }
}

#[test]
fn what_cannot_be_looked_at_is_an_error_and_not_fresh() {
    let sandbox = Sandbox::new().file("tasks.yaml", config("artifact: 'dir/*.txt', max_age: 1000d"));
    sandbox.write("dir/a.txt", "x");
    // Nobody may list it; to root every directory is open, so a link that leads round in a circle stands in.
    std::os::unix::fs::symlink("loop.txt", sandbox.path("dir/loop.txt")).unwrap();
    fs::set_permissions(sandbox.path("dir"), fs::Permissions::from_mode(0o755)).unwrap();
    let document = sandbox.run(&format!("{RUN} --format json")).code(1).json();
    assert_eq!(document["tasks"][0]["state"], "error", "{document}");
}

#[test]
fn a_file_of_the_glob_whose_name_is_no_text_is_an_error_and_not_passed_over() {
    let sandbox = Sandbox::new().file("tasks.yaml", config("artifact: 'dir/*.txt', max_age: 1d"));
    sandbox.write("dir/a.txt", "x");
    modified(&sandbox, "dir/a.txt", "2026-03-10T11:00:00Z");
    let odd = |name: &[u8]| sandbox.path("dir").join(OsStr::from_bytes(name));
    fs::write(odd(b"\xff.json"), "of no task").unwrap();
    let _ = sandbox.run(RUN).code(0).marker(FRESH);
    fs::write(odd(b"z\xff.txt"), "").unwrap();
    let document = sandbox.run(&format!("{RUN} --format json")).code(1).json();
    assert_eq!(document["tasks"][0]["state"], "error", "{document}");
    assert!(document["tasks"][0]["reasons"][0].as_str().unwrap().contains("is not UTF-8"), "{document}");
}

#[test]
fn an_artifact_too_large_to_hold_is_still_asked_for_its_times() {
    let run = |times: &str| {
        let sandbox = Sandbox::new().file("tasks.yaml", config("max_age: 1d"));
        let padding = "x".repeat(64 << 20);
        sandbox.write("a.json", format!("{{\"padding\": \"{padding}\", {times}}}"));
        modified(&sandbox, "a.json", "2026-03-10T11:00:00Z");
        sandbox.run(&format!("{RUN} --format json"))
    };
    let ended = "\"started_at\": \"2026-03-01T01:00:00Z\", \"finished_at\": ";
    let table = [
        (format!("{ended}\"2026-03-10T02:00:00Z\""), 0, "fresh"),
        (format!("{ended}\"2026-03-01T02:00:00Z\""), 1, "stale"),
        (format!("{ended}null"), 1, "running"),
    ];
    for (times, code, state) in table {
        let document = run(&times).code(code).json();
        assert_eq!(document["tasks"][0]["state"], state, "{times}: {}", document["tasks"][0]);
    }
}

#[test]
fn a_schedule_that_means_every_minute_is_remarked() {
    let sandbox = Sandbox::new().file("tasks.yaml", config("schedule: '* 9 * * *', timezone: UTC"));
    let _ = sandbox.run(RUN).code(1);
}

#[test]
fn the_operator_file_watches_the_tasks_of_the_earlier_toolkit_and_the_report_of_the_day() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/cron/sentinel.yaml")).unwrap();
    let sandbox = Sandbox::new().file("deploy/cron/sentinel.yaml", text);
    let document = sandbox.run("cron-sentinel --format json").code(1).json();
    let names = document["tasks"].as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["nightly_tests", "soak_metrics", "readiness_score", "daily_report"]
    );
    for (path, hours) in
        [("nightly_results", 35), ("soak_metrics", 167), ("REPORT_SOAK_20260309", 25), ("readiness", 23)]
    {
        let path = format!("artifacts/reports/{path}.json");
        sandbox.write(&path, r#"{"schema": "mmops.daily-report.v1"}"#);
        sandbox.age(&path, Duration::from_hours(hours));
    }
    let _ = sandbox.run("cron-sentinel").code(0).marker(FRESH);
    // A day that could not be judged is no report that came.
    let report = "artifacts/reports/REPORT_SOAK_20260309.json";
    sandbox.write(report, r#"{"schema": "mmops.error.v1"}"#);
    sandbox.age(report, Duration::from_hours(25));
    let _ = sandbox.run("cron-sentinel").code(1).marker(STALE).stdout_has("mmops.error.v1");
    sandbox.write(report, r#"{"schema": "mmops.daily-report.v1"}"#);
    sandbox.age(report, Duration::from_hours(25));
    sandbox.age("artifacts/reports/readiness.json", Duration::from_hours(25));
    let _ = sandbox.run("cron-sentinel").code(1).marker(STALE);
}

/// `early` just below the shortest gap is not refused.
#[test]
fn a_run_may_be_as_early_as_the_time_between_two_of_them_allows() {
    for task in [
        "schedule: 30 2 * * *, timezone: UTC, early: 23h 59m",
        "schedule: 30 4 * * *, timezone: Europe/Berlin, early: 22h",
        "schedule: '*/5 * * * *', timezone: Europe/Berlin, early: 4m",
    ] {
        let sandbox = Sandbox::new().file("tasks.yaml", config(task)).file("a.json", "{}");
        sandbox.age("a.json", Duration::ZERO);
        let _ = sandbox.run(RUN).code(0).marker(FRESH);
    }
}

/// What the machine says of its zones is asked for by name alone.
#[test]
fn the_zones_are_the_same_wherever_their_files_lie() {
    let task = "schedule: 30 2 * * *, timezone: Europe/Berlin, grace: 30m";
    let run = |name: &str, value: &Path, options: &str| {
        let sandbox =
            Sandbox::new().env("MMOPS_NOW", "2026-07-15T01:15:00Z").file("tasks.yaml", config(task));
        let sandbox = sandbox.env(name, value.to_str().unwrap());
        sandbox.write("a.json", "{}");
        modified(&sandbox, "a.json", "2026-07-14T01:40:00Z");
        sandbox.run(&format!("{RUN}{options} --format json")).code(1).json()["tasks"][0]["due_at"].clone()
    };
    // A directory in which Berlin lies where UTC is.
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("Europe")).unwrap();
    fs::copy("/usr/share/zoneinfo/UTC", other.path().join("Europe/Berlin")).unwrap();
    for options in ["", " --tz-system"] {
        assert_eq!(run("TZDIR", other.path(), options), "2026-07-15T00:30:00Z", "{options}");
    }
}

/// Every due time of the calendar is one that the judge goes by once its grace is over.
#[test]
fn the_calendar_has_the_due_times_of_the_judge() {
    let tasks = [
        "{name: nightly, artifact: a.json, schedule: 30 2 * * *, timezone: Europe/Berlin, grace: 30m}",
        "{name: twice, artifact: a.json, schedule: 30 2 * * *, dialect: kubernetes, timezone: Europe/Berlin}",
        "{name: hourly, artifact: a.json, schedule: '0 */6 * * *', timezone: America/New_York, grace: 5m}",
        "{name: seconds, artifact: a.json, schedule: 15 0 12 * * ?, dialect: quartz-like, timezone: UTC}",
        "{name: aged, artifact: a.json, max_age: 36h, timezone: Asia/Tokyo}",
        "{name: after, artifact: a.json, schedule: '@every 30h', dialect: kubernetes, grace: 1h}",
        "{name: minutes, artifact: a.json, schedule: '* * * * *', timezone: UTC}",
    ];
    let from = "2026-10-24T12:00:00Z";
    let sandbox = Sandbox::new().env("MMOPS_NOW", from).unrecorded("it is judged at each of many times");
    sandbox.write("tasks.yaml", format!("tasks: [{}]", tasks.join(", ")));
    sandbox.write("a.json", "{}");
    modified(&sandbox, "a.json", from);
    let document = sandbox.run(&format!("{RUN} --calendar 48h --format json")).json();
    let calendar = &document["calendar"];
    assert_eq!(
        (&calendar["until"], &calendar["shortened"]),
        (&json!("2026-10-26T12:00:00Z"), &json!(["minutes"]))
    );
    let entries = calendar["entries"].as_array().unwrap();
    let of = |name: &str, key: &str| -> Vec<&str> {
        entries
            .iter()
            .filter(|entry| entry["task"] == name)
            .map(|entry| entry[key].as_str().unwrap())
            .collect()
    };
    assert_eq!(of("nightly", "due_at"), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    assert_eq!(of("nightly", "local"), ["2026-10-25 02:30:00+02:00", "2026-10-26 02:30:00+01:00"]);
    assert_eq!(
        of("twice", "due_at"),
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]
    );
    assert_eq!(of("hourly", "due_at").len(), 8);
    assert_eq!(of("seconds", "due_at"), ["2026-10-24T12:00:15Z", "2026-10-25T12:00:15Z"]);
    assert_eq!(of("aged", "due_at"), ["2026-10-26T00:00:00Z"]);
    assert_eq!(
        (of("after", "due_at"), of("after", "stale_after")),
        (vec!["2026-10-25T18:00:00Z"], vec!["2026-10-25T19:00:00Z"])
    );
    assert_eq!(of("minutes", "due_at").len(), 200);
    for entry in entries.iter().filter(|entry| entry["task"] != "minutes" && entry["task"] != "aged") {
        let now = entry["stale_after"].as_str().unwrap();
        let line = format!("{RUN} --task {} --now {now} --format json", entry["task"].as_str().unwrap());
        let judged = sandbox.run(&line).json()["tasks"][0].clone();
        assert_eq!(judged["due_at"], entry["due_at"], "{judged}");
    }
    let table = sandbox.run(&format!("{RUN} --task nightly --calendar 48h"));
    let table = table.stdout_has("2026-10-25T00:30:00Z (2026-10-25 02:30:00+02:00 Europe/Berlin) nightly");
    let _ = table.code(0);
    for line in ["--calendar 0s", "--calendar 400d", "--calendar soon", "--calendar 1h --serve 127.0.0.1:0"] {
        let _ = sandbox.run(&format!("{RUN} {line}")).code(64);
    }
}

#[test]
fn the_report_conforms_to_its_schema_and_repeats_itself() {
    let sandbox = Sandbox::new().file("tasks.yaml", config(NIGHTLY)).file("a.json", "{}");
    sandbox.age("a.json", Duration::from_hours(30));
    let document: Value = sandbox.run(&format!("{RUN} --format json")).code(1).json();
    conforms(&sandbox, "cron-sentinel", &document);
    assert_eq!(document["counts"]["stale"], 1);
    assert_eq!(document, sandbox.run(&format!("{RUN} --format json")).json());
    let _ = sandbox.run(&format!("{RUN} --format github")).code(1);
}

#[test]
fn a_stamp_that_is_fixed_makes_nothing_fresh() {
    let sandbox = Sandbox::real_time().env("CI_FAKE_UTC", "1970-01-01T00:00:00Z");
    sandbox.write("tasks.yaml", config("max_age: 1h"));
    sandbox.write("a.json", "{}");
    modified(&sandbox, "a.json", "2020-01-01T00:00:00Z");
    let _ = sandbox.run(RUN).code(1).marker(STALE);
}

#[test]
fn a_signal_ends_it_without_an_answer() {
    let tasks: String =
        (0..20_000).map(|n| format!("- {{name: t{n}, artifact: a.txt, max_age: 1d}}\n")).collect();
    let sandbox = Sandbox::real_time().file("a.txt", "x");
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mmops"))
            .args(["cron-sentinel", "--config", "/dev/stdin"])
            .current_dir(sandbox.root())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // More than a pipe holds: once it is written, the other side reads, and the signal is there before the
        // last of the tasks are.
        let mut pipe = child.stdin.take().unwrap();
        let text = format!("tasks:\n{tasks}");
        let (first, last) = text.as_bytes().split_at(text.len() / 2);
        std::io::Write::write_all(&mut pipe, first).unwrap();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        std::io::Write::write_all(&mut pipe, last).unwrap();
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(String::from_utf8(output.stdout).unwrap().ends_with("=ERROR |\n"));
    }
}
