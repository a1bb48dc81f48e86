//! `mmops golden-compare`.

use crate::contract::conforms;
use crate::sandbox::{NOW, Output, Sandbox};
use mmops::testing::lock::{Lock, Waiting};
use mmops::testing::signal::Cancel;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

const MATCH: &str = "| golden_compare | OK | GOLDEN=MATCH |";
const WARN: &str = "| golden_compare | WARN | GOLDEN=DRIFT |";
const DRIFT: &str = "| golden_compare | FAIL | GOLDEN=DRIFT |";
const ACCEPTED: &str = "| golden_compare | WARN | GOLDEN=MATCH |";
const AB: &str = "golden-compare --baseline a.json --actual b.json";
const DIRS: &str = "golden-compare --baseline golden --actual out --fail-on-drift";

fn pair(baseline: impl AsRef<[u8]>, actual: impl AsRef<[u8]>) -> Sandbox {
    Sandbox::new().file("a.json", baseline).file("b.json", actual)
}

/// A command as one who sits at a terminal runs it.
fn on_a_terminal(command: &str, sandbox: &Sandbox) -> Child {
    let mut script = Command::new("script");
    script.args(["-qec", command, "/dev/null"]).current_dir(sandbox.root()).env_clear().envs([
        ("PATH", "/usr/bin:/bin"),
        ("SHELL", "/bin/sh"),
        ("MMOPS_NOW", NOW),
    ]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
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
        "--update --yes --reason x --by ''",
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
    let line = format!("{AB} --ignore root.a.*");
    let _ = pair("{\"a\": {}}", "{\"a\": {}}").run(&line).code(0).marker(ACCEPTED);
}

#[test]
fn deep_documents_end_with_an_answer() {
    let deep = |leaf: &str| "[".repeat(10_000) + leaf + &"]".repeat(10_000);
    let _ = pair(deep("1"), deep("1")).run(AB).code(0).marker(MATCH);
    let _ = pair(deep("1"), deep("2")).run(AB).code(0).marker(WARN);
    let output = pair(deep("1"), "[".repeat(6_000_000)).run(AB).error(3);
    let _ = output.stdout_has("more than 10000 levels at line 1 column 10001");
    let output = pair("{\"a\": 1}", format!("{{\"b\": {}", "[".repeat(100_000))).run(AB).error(3);
    let _ = output.stdout_has("more than 10000 levels");
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
            let _ = sandbox.run(&line).code(3);
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
        let mut child = on_a_terminal(&command, sandbox);
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
    // The record of a single file does not count as a file of the directory, also after the file is gone.
    sandbox.write("new.json", "3");
    let one = "golden-compare --baseline golden/x.json --actual new.json --update --yes --reason why";
    let _ = sandbox.run(one).code(0).marker(ACCEPTED);
    sandbox.write("out/x.json", "3");
    let _ = sandbox.run(DIRS).code(0).marker(MATCH);
    let record = sandbox.read("golden/x.json.accepted.json");
    std::fs::remove_file(sandbox.path("out/x.json")).unwrap();
    let _ = sandbox.run(line).code(0).marker(ACCEPTED);
    let _ = sandbox.run(DIRS).code(0).marker(MATCH);
    assert_eq!(sandbox.read("golden/x.json.accepted.json"), record);
    // What is only called like one, or is that of another file, is an output that is missing.
    for (name, text) in [("other.json", record.as_str()), ("y.json", "2"), ("sub/new.json", "{}")] {
        let path = format!("golden/{name}.accepted.json");
        sandbox.write(&path, text);
        let _ = sandbox.run(DIRS).code(1).marker(DRIFT).stdout_has("missing file");
        std::fs::remove_file(sandbox.path(&path)).unwrap();
    }
}

#[test]
fn nothing_is_written_over_what_is_compared_or_its_record() {
    let sandbox = Sandbox::new()
        .file("golden/x.json", "1")
        .file("golden/k.json", "1")
        .file("out/x.json", "2")
        .file("out/k.json", "2")
        .file("golden.accepted.json", "kept")
        .file("golden/x.json.accepted.json", "kept");
    std::os::unix::fs::symlink("golden", sandbox.path("link")).unwrap();
    let before = sandbox.files();
    let dirs = "golden-compare --baseline golden --actual out";
    for at in ["golden/k.json", "golden/new/k.html", "out/k.html", "link/k.json", "no/../golden/z.html"] {
        for option in ["--html", "--junit", "--metrics-file"] {
            let _ = sandbox.run(&format!("{dirs} {option} {at}")).code(64);
        }
        let _ = sandbox.run(&format!("{dirs} --update --yes --reason why --html {at}")).code(64);
        let _ = sandbox.run(&format!("{dirs} --html {at} --nonsense")).code(64);
    }
    let one = "golden-compare --baseline golden/x.json --actual out/x.json";
    for line in [
        format!("{dirs} --html golden.accepted.json"),
        "golden-compare --baseline link/ --actual out --html golden.accepted.json".to_owned(),
        "golden-compare --baseline golden/ --actual out --junit golden.accepted.json".to_owned(),
        format!("{one} --html golden/x.json.accepted.json"),
        format!("{one} --html golden/x.json"),
        format!("{one} --metrics-file out/x.json"),
    ] {
        let _ = sandbox.run(&line).code(64);
    }
    assert_eq!(sandbox.files(), before);
    for (name, text) in [("golden/k.json", "1"), ("out/x.json", "2"), ("golden.accepted.json", "kept")] {
        assert_eq!(sandbox.read(name), text);
    }
    let _ = sandbox.run(&format!("{dirs} --html golden.html")).code(0).marker(WARN);
}

#[test]
fn one_side_is_not_the_other_by_another_name_nor_in_it() {
    let sandbox = pair("1", "2").file("golden/x.json", "1").file("golden/sub/x.json", "1");
    std::fs::hard_link(sandbox.path("a.json"), sandbox.path("linked.json")).unwrap();
    for (baseline, actual) in [("a.json", "linked.json"), ("golden", "golden/sub"), ("golden/sub", "golden")]
    {
        let _ = sandbox.run(&format!("golden-compare --baseline {baseline} --actual {actual}")).error(3);
    }
    std::fs::create_dir(sandbox.path("out")).unwrap();
    std::fs::hard_link(sandbox.path("golden/x.json"), sandbox.path("out/x.json")).unwrap();
    let _ = sandbox.run(DIRS).code(3).stdout_has("one file by two names");
    let sandbox = Sandbox::new().file("a.json", "1").file("b.yaml", "1");
    let _ = sandbox.run("golden-compare --baseline a.json --actual b.yaml").error(3).stdout_has("two kinds");
}

#[test]
fn an_acceptance_that_was_cut_off_is_seen_and_mended_by_the_next() {
    let sandbox = Sandbox::new().file("golden/a.json", "1").file("out/a.json", "2").file("out/b.json", "2");
    let line = "golden-compare --baseline golden --actual out --update --yes --reason why";
    let _ = sandbox.run(line).code(0).marker(ACCEPTED);
    let _ = sandbox.run(DIRS).code(0).marker(MATCH);
    // As a run leaves it that is killed behind the first file.
    sandbox.write("golden/a.json", "1");
    let _ = sandbox.run(DIRS).error(3).stdout_has("golden/a.json");
    let _ = sandbox.run(&line.replace("golden ", "./golden/ ")).code(0).marker(ACCEPTED);
    let _ = sandbox.run(DIRS).code(0).marker(MATCH);
    // What is changed by hand afterwards is a drift like any other.
    sandbox.write("golden/a.json", "7");
    let _ = sandbox.run(DIRS).code(1).marker(DRIFT);
    let sandbox = pair("1", "2");
    let _ = sandbox.run(&format!("{AB} --update --yes --reason why")).code(0).marker(ACCEPTED);
    sandbox.write("a.json", "1");
    let _ = sandbox.run(AB).error(3).stdout_has("cut off");
}

#[test]
fn who_may_not_read_the_baseline_may_not_read_its_record_or_page() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |sandbox: &Sandbox, name: &str| {
        std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o777
    };
    let sandbox = pair("1", "2");
    std::fs::set_permissions(sandbox.path("a.json"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let _ =
        sandbox.run(&format!("{AB} --update --yes --reason why --html page.html")).code(0).marker(ACCEPTED);
    assert_eq!(["a.json", "a.json.accepted.json", "page.html"].map(|name| mode(&sandbox, name)), [0o600; 3]);
    let sandbox = pair("1", "2");
    let _ = sandbox.run(&format!("{AB} --update --yes --reason why --html page.html")).code(0);
    assert_eq!(["a.json.accepted.json", "page.html"].map(|name| mode(&sandbox, name)), [0o644; 2]);
}

#[test]
fn a_question_ends_with_a_signal_and_with_a_baseline_that_changed() {
    let sandbox = pair("1", "2");
    // The shell writes its id, which is then that of the command.
    let ask = |answer: &dyn Fn(&mut std::process::ChildStdin)| {
        let mmops = env!("CARGO_BIN_EXE_mmops");
        let command = format!("stty -echo; echo $$ > id; exec '{mmops}' -q {AB} --update --reason why");
        let mut child = on_a_terminal(&command, &sandbox);
        let mut stdout = child.stdout.take().unwrap();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("[y/N]") {
            let mut buffer = [0; 1024];
            let read = stdout.read(&mut buffer).unwrap();
            assert!(read > 0, "no question: {}", String::from_utf8_lossy(&text));
            text.extend_from_slice(&buffer[..read]);
        }
        answer(child.stdin.as_mut().unwrap());
        stdout.read_to_end(&mut text).unwrap();
        let stdout = String::from_utf8(text).unwrap().replace("\r\n", "\n");
        Output { stdout, stderr: String::new(), code: child.wait().unwrap().code() }
    };
    let kill = |signal: &str| {
        let id = sandbox.read("id");
        assert!(Command::new("kill").args([signal, id.trim()]).status().unwrap().success());
    };
    let _ = ask(&|stdin| stdin.write_all(b"\x03").unwrap()).code(130);
    let _ = ask(&|_| kill("-TERM")).code(143);
    let _ = ask(&|_| kill("-HUP")).code(129);
    assert_eq!(sandbox.read("a.json"), "1");
    let output = ask(&|stdin| {
        sandbox.write("a.json", "[3, 4]");
        stdin.write_all(b"y\n").unwrap();
    });
    let _ = output.code(3).stdout_has("`a.json` changed while it was compared");
    assert_eq!(sandbox.read("a.json"), "[3, 4]");
    assert_eq!(sandbox.files(), ["a.json", "b.json", "id"]);
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

#[test]
fn digits_that_a_double_does_not_have_count() {
    let float = |digit: char| format!("[1111111111111111111{digit}.0]");
    for options in ["", "--tolerance 0", "--tolerance 7.9", "--rtol 1e-20"] {
        let output = pair(float('1'), float('9')).run(&format!("{AB} --fail-on-drift {options}"));
        let _ =
            output.code(1).marker(DRIFT).stdout_has("actual=11111111111111111119.0, diff=8.000000000e+00");
    }
    for options in ["--tolerance 8", "--rtol 1e-18", "--ulp 1"] {
        let _ = pair(float('1'), float('9'))
            .run(&format!("{AB} --fail-on-drift {options}"))
            .code(0)
            .marker(MATCH);
    }
    let lenient = format!("{AB} --fail-on-drift --int-float lenient");
    let _ = pair("9007199254740993", "9007199254740993.0").run(&lenient).code(0).marker(MATCH);
    let _ = pair("9007199254740993", "9007199254740992.0").run(&lenient).code(1).marker(DRIFT);
    let content = format!("{AB} --fail-on-drift --tolerance 0 --ignore-order root");
    let _ = pair(float('1'), float('9')).run(&content).code(1).marker(DRIFT);
    let long = |end: &str| "9".repeat(400) + end;
    let _ = pair(long("1"), long("1")).run(AB).code(0).marker(MATCH);
    let output = pair(long("1"), long("2")).run(&format!("{AB} --fail-on-drift")).code(1);
    let _ = output.stdout_has("91, actual=..").stdout_has("92)");
}

#[test]
fn a_file_of_lines_has_one_value_a_line() {
    let lines = |actual: &str| {
        let sandbox = Sandbox::new().file("a.jsonl", "{\"a\":1}\n{\"b\":2}\n").file("b.jsonl", actual);
        sandbox.run("golden-compare --baseline a.jsonl --actual b.jsonl --fail-on-drift")
    };
    let _ = lines("{\"a\":1}\r\n {\"b\":2}").code(0).marker(MATCH);
    for (actual, place) in [
        ("{\"a\":1}{\"b\":2}\n", "more than one value in a line at line 1 column 8"),
        ("{\"a\":\n1}\n{\"b\":2}\n", "the line ends where a value should be at line 1 column 6"),
        ("{\"a\":1}\n\n{\"b\":2}\n", "a line without a value at line 2 column 1"),
    ] {
        let _ = lines(actual).error(3).stdout_has(place);
    }
}

#[test]
fn every_rule_counts_or_is_named() {
    let run = |baseline: &str, actual: &str, rules: &str| {
        pair(baseline, actual).run(&format!("{AB} --fail-on-drift {rules}"))
    };
    // An array without order in another one.
    let nested = ("[{\"t\": [1, 2]}, {\"t\": [3]}]", "[{\"t\": [3]}, {\"t\": [2, 1]}]");
    let both = "--ignore-order root --ignore-order root[*].t";
    let _ = run(nested.0, nested.1, both).code(0).marker(MATCH);
    let _ = run(nested.0, nested.1, "--ignore-order root").code(1);
    // Tolerances between elements that are paired by all they hold.
    let near = ("[{\"x\": 0.3}, {\"x\": 5.0}]", "[{\"x\": 5.05}, {\"x\": 0.30000000000000004}]");
    let _ = run(near.0, near.1, "--ignore-order root --tolerance 0.1").code(0).marker(MATCH);
    let _ = run(near.0, near.1, "--ignore-order root --tolerance-at root[*].x=0.1").code(0).marker(MATCH);
    let _ = run(near.0, near.1, "--ignore-order root").code(1).stdout_has("Found 2 difference(s)");
    let crossed = ("[1.0, 2.0, 2.9]", "[2.0, 1.9, 3.8]");
    let _ = run(crossed.0, crossed.1, "--ignore-order root --tolerance 1").code(0).marker(MATCH);
    // Elements by index and by the name that is printed.
    let keyed = (
        "[{\"id\": 1, \"v\": 1}, {\"id\": \"2\", \"v\": 1}]",
        "[{\"id\": \"2\", \"v\": 2}, {\"id\": 1, \"v\": 1}]",
    );
    let output = run(keyed.0, keyed.1, "--ignore-order root:id").code(1);
    let _ = output.stdout_has("root[id=\"2\"].v: value mismatch (baseline=1, actual=2)");
    for path in ["root[1].v", "'root[id=\"2\"].v'", "'root[id=\"2\"]'"] {
        let _ =
            run(keyed.0, keyed.1, &format!("--ignore-order root:id --ignore {path}")).code(0).marker(MATCH);
    }
    let _ = run(keyed.0, keyed.1, "--ignore-order root:id --ignore root[0].v").code(1);
    let gone = ("[{\"id\": 1}, {\"id\": 2}]", "[{\"id\": 1}]");
    let _ =
        run(gone.0, gone.1, "--ignore-order root:id").code(1).stdout_has("root: missing elements: ['id=2']");
    let _ = run(gone.0, gone.1, "--ignore-order root:id --ignore root[id=2]").code(0).marker(MATCH);
    // What counts for nothing.
    let output = run("{\"a\": 1}", "{\"a\": 1}", "--ignore root.b --ignore-order root.a").code(0);
    let _ = output
        .marker(ACCEPTED)
        .stdout_has("`--ignore root.b` matches nothing")
        .stdout_has("root.a` matches nothing");
    let output = run(keyed.0, keyed.0, "--tolerance-at root[id=1].v=1").code(0);
    let _ = output.marker(ACCEPTED).stdout_has("where --ignore-order PATH:FIELD pairs them");
    let _ = run("{\"a\": 1}", "{\"a\": 1}", "--strict-rules --tolerance-at root.b=1").error(3);
    let _ = run("{\"a\": 1}", "{\"a\": 1}", "--strict-rules --tolerance-at root.a=1").code(0).marker(MATCH);
    let extra = run("{\"a\": 1}", "{\"a\": 1, \"t\": 2}", "--strict-rules --ignore root.t");
    let _ = extra.code(0).marker(MATCH);
    let lines = Sandbox::new().file("a.jsonl", "1\n2\n").file("b.jsonl", "2\n1\n");
    let line = "golden-compare --baseline a.jsonl --actual b.jsonl --fail-on-drift";
    let _ = lines.run(line).code(1);
    let _ = lines.run(&format!("{line} --ignore-order root")).code(0).marker(MATCH);
}

#[test]
fn a_rule_may_be_for_some_files() {
    let sandbox = Sandbox::new()
        .file("golden/a/x.json", "{\"ts\": 1}")
        .file("golden/b/x.json", "{\"ts\": 1}")
        .file("out/a/x.json", "{\"ts\": 2}")
        .file("out/b/x.json", "{\"ts\": 2}");
    let ignoring = |rules: &str| sandbox.run(&format!("{DIRS} {rules}"));
    let _ = ignoring("--ignore a/*.json:root.ts").code(1).stdout_has("b/x.json: root.ts");
    let _ = ignoring("--ignore a/*.json:root.ts --ignore b/*.json:root.ts").code(3);
    let _ = ignoring("--tolerance-at a/*:root.ts=1 --tolerance-at b/x.json:root.ts=1").code(0).marker(MATCH);
    let _ = ignoring("--tolerance-at **/x.json:root.ts=1").code(0).marker(MATCH);
    let _ = ignoring("--tolerance-at *.json:root.ts=1").code(1).stdout_has("matches nothing");
    let _ = ignoring("--ignore a/[:root.ts").code(64);
}

#[test]
fn data_of_other_languages_is_compared_as_data() {
    let of = |extension: &str, baseline: &str, actual: &str, rules: &str| {
        let sandbox =
            Sandbox::new().file(&format!("a.{extension}"), baseline).file(&format!("b.{extension}"), actual);
        let line =
            format!("golden-compare --baseline a.{extension} --actual b.{extension} --fail-on-drift {rules}");
        sandbox.run(&line)
    };
    let yaml = "a: 1\nb:\n  - {x: 1.5}\n";
    let _ = of("yaml", yaml, "b: [{\"x\": 1.50}] # same\na: 1\n", "").code(0).marker(MATCH);
    let output = of("yml", yaml, "a: 1\nb:\n  - {x: 1.6}\n", "").code(1).marker(DRIFT);
    let _ = output.stdout_has("root.b[0].x: float drift");
    for (language, baseline, actual) in [
        ("yaml", "a: yes\n", "a: true\n"),
        ("yaml", "a: yes\n", "a: 'yes'\n"),
        ("yaml", "a: !!bool yes\n", "a: 'yes'\n"),
        ("yaml", "a: !!bool \"true\"\n", "a: '\"true\"'\n"),
        ("yaml", "a: !!float 1\n", "a: 1\n"),
        ("yaml", "1: a\n", "'1': a\n"),
        ("yaml", "true: a\n", "'true': a\n"),
        ("yaml", "1: a\n", "'<1>': a\n"),
        ("yaml", "a: 0xFFFFFFFFFFFFFFFFFF\n", "a: '0xFFFFFFFFFFFFFFFFFF'\n"),
        ("yaml", "a: 0xFFFFFFFFFFFFFFFFFF\n", "a: 0xFFFFFFFFFFFFFFFFFE\n"),
        ("yaml", "a: 010\n", "a: 10\n"),
        ("toml", "d = 1979-05-27\n", "d = {date = '1979-05-27'}\n"),
        ("toml", "d = 1979-05-27\n", "d = {'<date>' = '1979-05-27'}\n"),
        ("toml", "d = 07:32:00\n", "d = {date = '07:32:00'}\n"),
        ("csv", "a\n1\n\n2\n", "a\n1\n2\n"),
    ] {
        let _ = of(language, baseline, actual, "").code(1).marker(DRIFT);
    }
    let _ = of("yaml", "a: !!bool yes\nb: !!float 1\n", "a: true\nb: 1.0\n", "").code(0).marker(MATCH);
    let _ = of("yaml", "a: 1\n", "a: 1e400\n", "").error(3).stdout_has("a number out of range");
    let cut = "id,note\n1,\"ok\"\n2,\"half";
    let _ = of("csv", &format!("{cut}\"\n"), cut, "").error(3).stdout_has("never closed at line 3");
    let _ = of("csv", "id\nxy\n", "id\n\"x\"y\n", "").error(3).stdout_has("at line 2");
    let _ = of("yaml", "a: 1\n", "a: [\n", "").error(3);
    let _ = of("toml", "a = 1\n[t]\nd = 1979-05-27\n", "t.d = 1979-05-27\na = 1\n", "").code(0).marker(MATCH);
    let _ = of("toml", "d = 1979-05-27\n", "d = 1979-05-28\n", "").code(1);
    let _ = of("csv", "id,px\n1,2.50\n", "id,px\r\n1,\"2.5\"\r\n", "").code(0).marker(MATCH);
    let output = of("csv", "id,px\n1,2.5\n2,3\n", "id,px\n1,2.6\n2,3\n", "").code(1);
    let _ = output.stdout_has("root.rows[0].px: float drift (baseline=2.500000000, actual=2.600000000");
    let tolerance = "--tolerance-at root.rows[*].px=0.2";
    let _ = of("csv", "id,px\n1,2.5\n", "id,px\n1,2.6\n", tolerance).code(0).marker(MATCH);
    let _ = of("tsv", "id\tx\n1\t2\n3\t4\n", "id\tx\n3\t4\n1\t2\n", "--ignore-order root.rows:id")
        .code(0)
        .marker(MATCH);
    let _ = of("csv", "a,b\n1,2\n", "b,a\n2,1\n", "").code(1);
    let _ = of("csv", "a,b\n1,2\n", "a,b\n1\n", "").error(3).stdout_has("at line 2");
    for extension in ["csv", "yaml", "txt"] {
        let _ = of(extension, "", "", "").error(3);
    }
}

#[test]
fn texts_are_compared_line_by_line() {
    let of = |baseline: &str, actual: &str| {
        let sandbox = Sandbox::new().file("a.txt", baseline).file("b.txt", actual);
        sandbox.run("golden-compare --baseline a.txt --actual b.txt --fail-on-drift")
    };
    let _ = of("one\ntwo\n", "one\ntwo\n").code(0).marker(MATCH);
    let output = of("one\ntwo\nthree\n", "one\n2\nthree").code(1).marker(DRIFT);
    let _ = output
        .stdout_has("line 2: content mismatch (2 lines removed, 2 lines added)")
        .stdout_has("@@ -1,3 +1,3 @@")
        .stdout_has("-two")
        .stdout_has("No newline at end of file");
    let _ = of("one\n", "one\r\n").code(1).stdout_has("only in line endings");
    let _ = of("a\nb\n", "b\na\n").code(1).stdout_has("(1 line removed, 1 line added)");
    let _ = of("a\0b\n", "a\0c\n").code(1).stdout_has("first difference in line 1");
    let output = pair("\"caf\u{e9}\"", "\"cafe\u{301}\"").run(&format!("{AB} --fail-on-drift")).code(1);
    let _ = output.stdout_has("first difference at character 4: U+00E9 against U+0065 U+0301");
    let long = |end: &str| format!("\"{}{end}\"", "x".repeat(300));
    let output = pair(long("a"), long("b")).run(&format!("{AB} --fail-on-drift")).code(1);
    let _ = output.stdout_has("xa\", actual=").stdout_has("first difference at character 301");
}

#[test]
fn a_linked_baseline_stays_a_link() {
    let sandbox = Sandbox::new().file("kept/a.json", "1").file("b.json", "2");
    std::os::unix::fs::symlink("kept/a.json", sandbox.path("a.json")).unwrap();
    let _ = sandbox.run(&format!("{AB} --update --yes --reason why")).code(0).marker(ACCEPTED);
    assert_eq!(sandbox.read("kept/a.json"), "2");
    assert!(std::fs::symlink_metadata(sandbox.path("a.json")).unwrap().is_symlink());
    let record = sandbox.json("kept/a.json.accepted.json");
    assert_ne!(record["acceptances"][0]["files"][0]["before"], record["acceptances"][0]["files"][0]["after"]);
}

#[test]
fn the_values_of_a_drift_are_fields_of_their_own() {
    let sandbox = pair(
        r#"{"gone": {"x": [1]}, "px": 1.5, "n": 3, "kind": 1, "text": "a"}"#,
        r#"{"new": true, "px": 1.75, "n": 5, "kind": "1", "text": "b"}"#,
    );
    let document = sandbox.run(&format!("{AB} --format json")).json();
    let found: Vec<String> = document["drifts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drift| {
            let field = |name: &str| drift[name].as_str().unwrap_or("-").to_owned();
            ["place", "accepted", "actual", "distance", "tolerance"].map(field).join(" ")
        })
        .collect();
    assert_eq!(
        found,
        [
            "root.gone {\"x\": [1]} - - -",
            "root.new - true - -",
            "root.kind 1 \"1\" - -",
            "root.n 3 5 2.000000000e+00 -",
            "root.px 1.5 1.75 2.500000000e-01 abs=1e-9",
            "root.text \"a\" \"b\" - -",
        ]
    );
    conforms(&sandbox, "golden-compare", &document);
}
