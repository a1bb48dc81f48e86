//! Comparisons whose pages are looked at: what is hostile, what is empty, what is long.

use std::path::Path;
use std::process::Command;

/// A name that tries to be more than a name.
pub const HOSTILE: &str = "\"><script>alert(1)</script>\u{202e}&amp;'";

fn page(files: &[(&str, &str)], baseline: &str, actual: &str, options: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let status = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["-q", "--now", "2026-03-10T12:00:00Z", "golden-compare", "--html", "page.html"])
        .args(["--baseline", baseline, "--actual", actual])
        .args(options)
        .current_dir(dir.path())
        .output()
        .unwrap();
    let page = std::fs::read_to_string(dir.path().join("page.html"));
    page.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&status.stdout)))
}

/// A comparison of a key of this name.
pub fn of_key(key: &str) -> String {
    let document =
        |value: f64| serde_json::json!({ key: [value, key, { key: key }], "text": key }).to_string();
    let (baseline, actual) = (document(1.5), document(2.5).replace("\"text\"", "\"other\""));
    page(&[("a.json", &baseline), ("b.json", &actual)], "a.json", "b.json", &["--fail-on-drift"])
}

/// A comparison of two soaks, one of them in a directory of a hostile name.
fn compared() -> String {
    let dir = tempfile::tempdir().unwrap();
    let hostile = HOSTILE.replace('/', "");
    let run = |line: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
        let words = ["-q", "--now", "2026-03-10T12:00:00Z", "soak"].into_iter().chain(line.split(' '));
        let _ = command.args(words).args(more).current_dir(dir.path()).output().unwrap();
    };
    for (name, more) in [("one", "--seed 1"), (&hostile, "--seed 2 --scenario cache_miss")] {
        run(&format!("run --mock --gates smoke --hours 8 --iteration 10m --interval 60s {more}"), &[]);
        let latest = std::fs::canonicalize(dir.path().join("artifacts/soak/latest")).unwrap();
        std::fs::rename(latest, dir.path().join(name)).unwrap();
    }
    run("compare --mock --html page.html --baseline one --candidate", &[&hostile]);
    std::fs::read_to_string(dir.path().join("page.html")).unwrap()
}

/// Every page that is looked at, by name.
pub fn all() -> Vec<(&'static str, String)> {
    let numbers = |shift: usize| {
        let values =
            (0..10_000).map(|n| format!("{{\"name\": \"candidate {n}\", \"net\": {}.5}}", n + shift));
        format!("[{}]", values.collect::<Vec<String>>().join(",\n"))
    };
    let long = "x".repeat(5000);
    let (old, new) = (format!("[\"{long}a\", 1]"), format!("[\"{long}b\", 1]"));
    vec![
        ("golden_hostile", of_key(HOSTILE)),
        ("compared_hostile", compared()),
        ("golden_empty", page(&[("a.json", "{}"), ("b.json", "{}")], "a.json", "b.json", &[])),
        (
            "golden_many",
            page(
                &[("a.json", &numbers(0)), ("b.json", &numbers(1))],
                "a.json",
                "b.json",
                &["--max-diffs", "10000", "--fail-on-drift"],
            ),
        ),
        (
            "golden_kinds",
            page(
                &[
                    (
                        "a/kpi.json",
                        "{\"kpi\": {\"latency_p95\": 142.5, \"names\": [\"a\", \"b\", \"c\"]}, \"min_interval_ms\": 60, \"kind\": 1}",
                    ),
                    (
                        "b/kpi.json",
                        "{\"kpi\": {\"latency_p95\": 149.1, \"names\": [\"a\", \"x\", \"c\"]}, \"tail_age_ms\": {\"of\": [700]}, \"kind\": null}",
                    ),
                    ("a/log.txt", "one\ntwo\nthree\nfour\n"),
                    ("b/log.txt", "one\n2\nthree\nfour"),
                    ("a/long.json", &old),
                    ("b/long.json", &new),
                    ("a/gone.csv", "a\n1\n"),
                    ("b/new.yaml", "a: 1\n"),
                ],
                "a",
                "b",
                &["--ignore", "*.json:root.pid", "--fail-on-drift"],
            ),
        ),
        (
            "golden_unusable",
            page(&[("a/x.json", "{}"), ("b/x.json", "{\"a\": }")], "a", "b", &["--fail-on-drift"]),
        ),
    ]
}
