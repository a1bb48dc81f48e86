//! `mmops golden-compare`.

use crate::contract::conforms;
use crate::sandbox::{NOW, Output, Sandbox};
use mmops::testing::lock::{Lock, Waiting};
use mmops::testing::signal::Cancel;
use std::io::Write as _;
use std::process::{Command, Stdio};

const MATCH: &str = "| golden_compare | OK | GOLDEN=MATCH |";
const WARN: &str = "| golden_compare | WARN | GOLDEN=DRIFT |";
const DRIFT: &str = "| golden_compare | FAIL | GOLDEN=DRIFT |";
const ACCEPTED: &str = "| golden_compare | WARN | GOLDEN=MATCH |";
const AB: &str = "golden-compare --baseline a.json --actual b.json";
const DIRS: &str = "golden-compare --baseline golden --actual out --fail-on-drift";

fn pair(baseline: impl AsRef<[u8]>, actual: impl AsRef<[u8]>) -> Sandbox {
    Sandbox::new().file("a.json", baseline).file("b.json", actual)
}

#[test]
fn the_same_content_is_a_match_whatever_its_layout() {
    let output = pair("{\"a\": 1, \"b\": [1.0, null]}", "{\r\n\"b\": [1.00, null],\r\n\"a\": 1}\r\n").run(AB);
    let output = output.code(0).marker(MATCH);
    output.silent();
}

#[test]
fn drift_warns_and_fails_only_on_request() {
    let sandbox = pair("{\"value\": 2.0, \"c\": 1}", "{\"value\": 2.1}");
    let _ = sandbox.run(AB).code(0).marker(WARN);
    let _ = sandbox.run(&format!("{AB} --fail-on-drift")).code(1).marker(DRIFT);
    let _ =
        sandbox.run(&format!("{AB} --fail-on-drift --tolerance 0.2 --ignore root.c")).code(0).marker(MATCH);
    let _ = sandbox.run(&format!("{AB} --fail-on-drift --rtol 0.1 --ignore root.c")).code(0).marker(MATCH);
}

#[test]
fn what_cannot_be_read_strictly_is_3_with_line_and_column() {
    let texts: [&[u8]; 7] = [
        b"{\"a\": 1,\n \"a\": 1}",
        b"{\"a\": NaN}",
        b"{\"a\": 1e999}",
        b"\xef\xbb\xbf{\"a\": 1}",
        b"{\"a\": \"\xff\"}",
        b"{\"a\": [1,\n2",
        b"",
    ];
    for text in texts {
        let _ = pair("{\"a\": 1}", text).run(AB).error(3);
        let line = "golden-compare --baseline b.json --actual a.json";
        let _ = pair("{\"a\": 1}", text).run(line).error(3);
    }
    let _ = Sandbox::new().file("a.json", "1").run(AB).error(3);
    let _ = pair("1", "1").run("golden-compare --baseline a.json --actual a.json").code(3);
}

#[test]
fn nan_is_let_through_on_request() {
    let sandbox = pair("[NaN, 1]", "[NaN, 1]");
    let _ = sandbox.run(&format!("{AB} --nan equal --fail-on-drift")).code(0).marker(MATCH);
    let _ = sandbox.run(&format!("{AB} --nan drift --fail-on-drift")).code(1).marker(DRIFT);
}

#[test]
fn options_reach_the_comparison() {
    let sandbox = pair(
        r#"{"n": 1, "fills": [{"id": 1, "px": 1.0}, {"id": 2, "px": 2.0}], "tags": ["x", "y"]}"#,
        r#"{"n": 1.0, "fills": [{"id": 2, "px": 2.5}, {"id": 1, "px": 1.0}], "tags": ["y", "x"]}"#,
    );
    let _ = sandbox.run(&format!("{AB} --fail-on-drift")).code(1);
    let all = "--int-float lenient --ignore-order root.fills:id --ignore-order root.tags --tolerance-at root.fills[*].px=abs:0.1,rel:0.2";
    let _ = sandbox.run(&format!("{AB} --fail-on-drift {all}")).code(0).marker(MATCH);
    let _ = sandbox.run(&format!("{AB} --ignore-order root.fills:nope")).code(3);
    let _ = sandbox.run(&format!("{AB} --max-diffs 1")).code(0);
    let _ = pair("0.1", "0.10000000000000002").run(&format!("{AB} --fail-on-drift --tolerance 0")).code(1);
    let _ = pair("0.1", "0.10000000000000002")
        .run(&format!("{AB} --fail-on-drift --tolerance 0 --ulp 1"))
        .code(0);
}

#[test]
fn options_that_mean_nothing_are_refused() {
    let sandbox = pair("1", "1");
    for option in [
        "--tolerance NaN",
        "--tolerance -1",
        "--rtol inf",
        "--rtol 1",
        "--ulp 4503599627370496",
        "--tolerance-at root=rel:1",
        "--tolerance-at root=ulp:4503599627370496",
        "--ignore a.b",
        "--ignore-order root:",
        "--tolerance-at root.a",
        "--tolerance-at root.a=abs:x",
        "--nan error",
        "--update",
        "--update --reason ''",
        "--yes",
        "--reason x",
        "--update --reason x --yes --fail-on-drift",
    ] {
        let _ = sandbox.run(&format!("{AB} {option}")).code(64);
    }
    for pattern in ["root", "$", "root.**"] {
        let _ = sandbox.run(&format!("{AB} --ignore {pattern}")).error(3);
    }
    let _ = pair("{\"a\": 1}", "{\"a\": 1}").run(&format!("{AB} --ignore root.*")).code(3);
    let _ = pair("{\"a\": {}}", "{\"a\": {}}").run(&format!("{AB} --ignore root.a.*")).code(0).marker(MATCH);
}

#[test]
fn deep_documents_end_with_an_answer() {
    let deep = |leaf: &str| "[".repeat(100_000) + leaf + &"]".repeat(100_000);
    let _ = pair(deep("1"), deep("1")).run(AB).code(0).marker(MATCH);
    let _ = pair(deep("1"), deep("2")).run(AB).code(0).marker(WARN);
    let _ = pair(deep("1"), "[".repeat(100_000)).run(AB).code(3);
}

#[test]
fn directories_are_matched_by_relative_path() {
    let same = || {
        Sandbox::new()
            .file("golden/x.json", "{\"a\": 1}")
            .file("golden/sub/y.jsonl", "{\"a\":1}\n{\"a\":2}\n")
            .file("golden/table.txt", "one\ntwo\n")
            .file("out/x.json", "{ \"a\": 1 }")
            .file("out/sub/y.jsonl", "{\"a\":1}\r\n{\"a\":2}")
            .file("out/table.txt", "one\ntwo\n")
    };
    let _ = same().run(DIRS).code(0).marker(MATCH);
    let sandbox = same()
        .file("out/table.txt", "one\r\ntwo\r\n")
        .file("out/new.json", "1")
        .file("golden/gone.json", "1");
    let _ = sandbox.run(DIRS).code(1).marker(DRIFT);
    let sandbox = same().file("out/x.json", "{\"a\": 2}").file("out/sub/y.jsonl", "{\"a\":1}\n{");
    let _ = sandbox.run(DIRS).code(3).marker(DRIFT);
    let sandbox = same();
    std::os::unix::fs::symlink("x.json", sandbox.path("out/link.json")).unwrap();
    std::os::unix::fs::symlink("x.json", sandbox.path("golden/link.json")).unwrap();
    let _ = sandbox.run(DIRS).code(3);
}

#[test]
fn nothing_to_compare_is_no_match() {
    let sandbox = Sandbox::new().file("other/x", "1");
    std::fs::create_dir_all(sandbox.path("golden")).unwrap();
    std::fs::create_dir_all(sandbox.path("out")).unwrap();
    let _ = sandbox.run(DIRS).error(3);
    let line = "golden-compare --baseline golden --actual other/x";
    let _ = sandbox.run(line).code(3);
    for (name, content) in [("x.jsonl", ""), ("x.ndjson", "\n \n")] {
        let sandbox = Sandbox::new().file(&format!("a/{name}"), content).file(&format!("b/{name}"), content);
        for names in [("a", "b"), (&format!("a/{name}"), &format!("b/{name}"))] {
            let line = format!("golden-compare --baseline {} --actual {}", names.0, names.1);
            let _ = sandbox.run(&line).error(3);
            let _ = sandbox.run(&format!("{line} --ignore root.x")).code(3);
        }
    }
    let sandbox = Sandbox::new().file("golden/x.txt", "").file("out/x.txt", "");
    let _ = sandbox.run(DIRS).error(3);
    let sandbox = sandbox.file("golden/y.csv", "1").file("out/y.csv", "1");
    let _ = sandbox.run(DIRS).code(0).marker(MATCH);
    let sandbox = sandbox.file("out/x.txt", "1");
    let _ = sandbox.run(DIRS).code(1).marker(DRIFT);
}

#[test]
fn nan_in_an_array_without_order_follows_the_policy() {
    let line = format!("{AB} --fail-on-drift --ignore-order root.a");
    for text in ["{\"a\": [NaN, 1]}", "{\"a\": [{\"x\": [\"\\n\", NaN]}]}"] {
        let _ = pair(text, text).run(&format!("{line} --nan drift")).code(1).marker(DRIFT);
        let _ = pair(text, text).run(&format!("{line} --nan equal")).code(0).marker(MATCH);
    }
    let infinite = "{\"a\": [Infinity, 1]}";
    let _ = pair(infinite, infinite).run(&format!("{line} --nan drift")).code(0).marker(MATCH);
}

#[test]
fn ignored_elements_of_an_array_without_order_only_count() {
    let keyed = |first: &str| format!("{{\"b\": 1, \"a\": [{first}{{\"id\": 2, \"x\": 5}}]}}");
    for order in ["root.a", "root.a:id"] {
        let line = format!("{AB} --fail-on-drift --ignore-order {order} --ignore root.a[*]");
        let sandbox = pair(keyed("{\"id\": 1}, "), keyed("{\"id\": 9}, "));
        let _ = sandbox.run(&line).code(0).marker(MATCH);
        let _ = pair(keyed("{\"id\": 1}, "), keyed("")).run(&line).code(1).marker(DRIFT);
        let line = format!("{AB} --fail-on-drift --ignore-order {order} --ignore root.a[0]");
        let _ = sandbox.run(&line).code(0).marker(MATCH);
        let changed = keyed("{\"id\": 1}, ").replace('5', "6");
        let _ = pair(keyed("{\"id\": 1}, "), changed).run(&line).code(1).marker(DRIFT);
    }
}

#[test]
fn different_integers_never_match_for_want_of_digits() {
    let long = |end: &str| "1".repeat(40) + end;
    for tolerance in ["0", "1", "ulp:1"] {
        let line = format!("{AB} --fail-on-drift --tolerance-at root={tolerance}");
        let _ = pair(long("123"), long("999")).run(&line).code(1).marker(DRIFT);
    }
    let sandbox = pair("9007199254740992", "9007199254740993");
    let _ = sandbox.run(&format!("{AB} --fail-on-drift --tolerance-at root=ulp:1")).code(1).marker(DRIFT);
    let _ = sandbox.run(&format!("{AB} --fail-on-drift --tolerance-at root=1")).code(0).marker(MATCH);
}

#[test]
fn what_is_no_plain_file_is_neither_opened_nor_accepted() {
    let line = "golden-compare --baseline golden --actual out --update --yes --reason why";
    for place in ["out", "golden"] {
        let sandbox = Sandbox::new().file("golden/x.json", "1").file("out/x.json", "2");
        let special = sandbox.path(&format!("{place}/special.json"));
        assert!(Command::new("mkfifo").arg(&special).status().unwrap().success());
        let _ = sandbox.run(DIRS).code(3).marker(DRIFT);
        let _ = sandbox.run(line).code(3);
        std::fs::remove_file(&special).unwrap();
        std::os::unix::fs::symlink("x.json", &special).unwrap();
        let _ = sandbox.run(DIRS).code(3).marker(DRIFT);
        let _ = sandbox.run(line).code(3);
        assert_eq!(sandbox.read("golden/x.json"), "1");
    }
}

#[test]
fn an_update_replaces_the_baseline_and_records_who_when_and_why() {
    let sandbox = pair("{\"a\": 1}", "{\"a\": 2}\n");
    let _ = sandbox.run(&format!("{AB} --update --reason new")).code(64);
    assert_eq!(sandbox.files(), ["a.json", "b.json"]);
    let line = format!("{AB} --update --yes --reason 'fees changed' --by ann");
    let _ = sandbox.run(&line).code(0).marker(ACCEPTED);
    assert_eq!(sandbox.read("a.json"), "{\"a\": 2}\n");
    let record = sandbox.json("a.json.accepted.json");
    conforms(&sandbox, "golden-acceptance", &record);
    let accepted = &record["acceptances"][0];
    assert_eq!((&accepted["who"], &accepted["why"]), (&"ann".into(), &"fees changed".into()));
    assert_eq!(accepted["when"], "2026-03-10T12:00:00Z");
    assert_eq!(accepted["listed"][0], "root.a: value mismatch (baseline=1, actual=2)");
    assert_ne!(accepted["files"][0]["before"], accepted["files"][0]["after"]);
    let _ = sandbox.run(&line).code(0).marker(MATCH);
    sandbox.write("b.json", "{\"a\": 3}");
    let _ = sandbox.run(&format!("{AB} --update --yes --reason again")).code(0).marker(ACCEPTED);
    let record = sandbox.json("a.json.accepted.json");
    assert_eq!(record["acceptances"].as_array().unwrap().len(), 2);
    assert!(!record["acceptances"][1]["who"].as_str().unwrap().is_empty());
    sandbox.write("a.json.accepted.json", "{}");
    sandbox.write("b.json", "{\"a\": 4}");
    let _ = sandbox.run(&line).code(3);
    assert_eq!(sandbox.read("a.json"), "{\"a\": 3}");
}

#[test]
fn an_update_asks_the_terminal_and_shows_the_drift_however_quiet_it_is() {
    let ask = |sandbox: &Sandbox, answer: &str| {
        // What is typed ahead must not be echoed into the question.
        let command = format!("stty -echo; '{}' -q {AB} --update --reason why", env!("CARGO_BIN_EXE_mmops"));
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .current_dir(sandbox.root())
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("SHELL", "/bin/sh"), ("MMOPS_NOW", NOW)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
        Output { stdout, stderr: String::new(), code: output.status.code() }
    };
    let drift = "root.a: value mismatch (baseline=1, actual=2)\nReplace 1 file(s) of `a.json`? [y/N] ";
    for answer in ["n\n", "\n", "yes please\n"] {
        let sandbox = pair("{\"a\": 1}", "{\"a\": 2}");
        let _ = ask(&sandbox, answer).code(0).stdout_has(drift).marker(WARN);
        assert_eq!(sandbox.files(), ["a.json", "b.json"]);
        assert_eq!(sandbox.read("a.json"), "{\"a\": 1}");
    }
    for answer in ["y\n", "YES\n"] {
        let sandbox = pair("{\"a\": 1}", "{\"a\": 2}");
        let _ = ask(&sandbox, answer).code(0).stdout_has(drift).marker(ACCEPTED);
        assert_eq!(sandbox.read("a.json"), "{\"a\": 2}");
        assert_eq!(sandbox.json("a.json.accepted.json")["acceptances"][0]["why"], "why");
    }
}

#[test]
fn two_updates_of_a_baseline_exclude_each_other() {
    let sandbox = pair("1", "2").file("golden/x.json", "1").file("out/x.json", "2");
    let waiting = Waiting { budget: std::time::Duration::ZERO, cancel: &Cancel::default() };
    let held = [sandbox.path(""), sandbox.path("golden")].map(|dir| Lock::of_dir(&dir, &waiting).unwrap());
    let update = "--update --yes --reason why --lock-timeout 0s";
    let lines = [format!("{AB} {update}"), format!("golden-compare --baseline golden --actual out {update}")];
    for line in &lines {
        let _ = sandbox.run(line).error(5);
    }
    assert_eq!((sandbox.read("a.json"), sandbox.read("golden/x.json")), ("1".into(), "1".into()));
    let _ = sandbox.run(AB).code(0).marker(WARN);
    drop(held);
    for line in &lines {
        let _ = sandbox.run(line).code(0).marker(ACCEPTED);
    }
}

#[test]
fn an_update_of_directories_adds_and_removes() {
    let sandbox = Sandbox::new()
        .file("golden/x.json", "1")
        .file("golden/gone.txt", "old")
        .file("out/x.json", "2")
        .file("out/sub/new.json", "{}");
    let line = "golden-compare --baseline golden --actual out --update --yes --reason why";
    for (bad, content) in [("out/bad.json", "{"), ("out/bad.jsonl", "{\"a\": 1}\n{\"a\":")] {
        sandbox.write(bad, content);
        let _ = sandbox.run(line).code(3);
        std::fs::remove_file(sandbox.path(bad)).unwrap();
    }
    let _ = sandbox.run(line).code(0).marker(ACCEPTED);
    let files: Vec<String> = sandbox.files().into_iter().filter(|file| file.starts_with("golden")).collect();
    assert_eq!(files, ["golden/sub/new.json", "golden/x.json", "golden.accepted.json"]);
    assert_eq!(sandbox.json("golden.accepted.json")["acceptances"][0]["files"].as_array().unwrap().len(), 3);
    let _ = sandbox.run(DIRS).code(0).marker(MATCH);
    // The record of a single file does not count as a file of the directory.
    sandbox.write("golden/x.json.accepted.json", "{}");
    let _ = sandbox.run(DIRS).code(0).marker(MATCH);
    sandbox.write("golden/other.accepted.json", "{}");
    let _ = sandbox.run(DIRS).code(1).marker(DRIFT);
}

#[test]
fn reports_conform_to_their_schema_and_name_the_place() {
    let sandbox = pair("{\n\"a\": 1}", "{\n\"a\": 2}");
    let document = sandbox.run(&format!("{AB} --format json")).code(0).json();
    conforms(&sandbox, "golden-compare", &document);
    assert_eq!((&document["drifts"][0]["line"], &document["drifts"][0]["column"]), (&2.into(), &6.into()));
    let _ = sandbox.run(&format!("{AB} --format github --fail-on-drift")).code(1);
    let again = sandbox.run(&format!("{AB} --format json")).json();
    assert_eq!(document, again);
}

#[test]
fn a_signal_ends_the_comparison_without_a_verdict_of_match() {
    let sandbox = Sandbox::real_time();
    let text = format!("[{}1]", "1,".repeat(1 << 20));
    sandbox.write("b.json", &text);
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mmops"))
            .args(["golden-compare", "--baseline", "/dev/stdin", "--actual", "b.json"])
            .current_dir(sandbox.root())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // More than a pipe holds: once it is written, the comparison reads.
        let mut baseline = child.stdin.take().unwrap();
        baseline.write_all(&text.as_bytes()[..1 << 19]).unwrap();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let _ = baseline.write_all(&text.as_bytes()[1 << 19..]);
        drop(baseline);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let output: Output = Output {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::new(),
            code: output.status.code(),
        };
        let _ = output.error(code);
    }
}
