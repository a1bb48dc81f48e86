//! `mmops soak compare`: two runs of simulated bots, figure by figure.

use crate::sandbox::{NOW, Output, Sandbox};
use serde_json::Value;
use std::sync::LazyLock;

/// Two figures, so that a run of half a day holds enough of both.
const MARGINS: &str = "kpis:
  tick_latency_p95_ms: {unit: ms, better: lower, margin: 10, spread: 1.5, spread_same: 2, tail: 0.2}
  hit_ratio: {unit: ratio, better: higher, margin: 0.02, spread: 1.5, spread_same: 2, tail: 0.2}
";

/// Runs that are made once and copied into each sandbox that compares them. What they print and leave is held by the
/// tests of `soak run`.
static RUNS: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let runs = [
        ("one", "--iteration 10m --seed 1"),
        ("two", "--iteration 10m --seed 2"),
        ("missing", "--iteration 10m --seed 2 --scenario cache_miss"),
        ("slow", "--iteration 20m --seed 2"),
        ("short", "--iteration 2h --seed 2"),
        ("aborted", "--iteration 10m --seed 2 --scenario deadline_storm --abort-on-fail"),
        ("fleet", "--iteration 10m --instances 2"),
        ("fleet_missing", "--iteration 10m --instances 2 --seed 7 --scenario cache_miss"),
    ];
    for (name, line) in runs {
        let line = format!("--quiet soak run --mock --gates smoke --hours 16 --interval 60s {line}");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mmops"));
        let _ = command.args(line.split(' ')).env("MMOPS_NOW", NOW).current_dir(dir.path()).output().unwrap();
        let latest = std::fs::canonicalize(dir.path().join("artifacts/soak/latest")).unwrap();
        std::fs::rename(latest, dir.path().join(name)).unwrap();
    }
    dir
});

/// A sandbox with two of the runs, by their own names.
pub fn runs(names: [&str; 2]) -> Sandbox {
    let sandbox = Sandbox::new().file("margins.yaml", MARGINS);
    for name in names {
        let mut command = std::process::Command::new("cp");
        let copied = command.arg("-a").arg(RUNS.path().join(name)).arg(sandbox.path(name)).status();
        assert!(copied.unwrap().success());
    }
    sandbox
}

fn compared(sandbox: &Sandbox, [baseline, candidate]: [&str; 2], more: &str) -> Output {
    sandbox.run(&format!(
        "soak compare --baseline {baseline} --candidate {candidate} --margin margins.yaml {more}"
    ))
}

fn findings(output: &Output) -> Vec<(String, String)> {
    let document = output.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    document["kpis"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kpi| (text(&kpi["name"]), text(&kpi["finding"])))
        .collect()
}

#[test]
fn a_run_is_the_same_worse_or_better_by_its_margins() {
    let sandbox = runs(["one", "two"]);
    let [one, two] = ["one", "two"];
    let same = compared(&sandbox, [one, two], "--mock").code(0);
    let _ = same.marker("| soak_compare | OK | SOAK_COMPARE=SAME |").stdout_has("paired");
    // A simulation is no yes for whoever did not ask for a rehearsal.
    let unasked = compared(&sandbox, [one, two], "").code(2);
    let _ = unasked.marker("| soak_compare | FAIL | SOAK_COMPARE=INCONCLUSIVE |").stdout_has("no evidence");
    let again = |way: [&str; 2]| compared(&sandbox, way, "--mock --format json").stdout;
    assert_eq!(again([one, two]), again([one, two]), "the same files give the same bytes");

    let sandbox = runs(["one", "missing"]);
    let [one, two] = ["one", "missing"];
    let worse = compared(&sandbox, [one, two], "--mock --format json --html page.html").code(1);
    let found = findings(&worse);
    assert_eq!(found[0], ("hit_ratio".to_owned(), "WORSE".to_owned()));
    assert_eq!(worse.json()["simulated"], true);
    let hit = &worse.json()["kpis"][0];
    assert!(
        hit["difference"].as_f64().unwrap() < -0.02 && hit["p_location"].as_f64().unwrap() < 0.01,
        "{hit}"
    );
    let page = sandbox.read("page.html");
    for part in ["<title>WORSE: ", "hit_ratio", "Difference of hit_ratio: ", "class=\"x\"", "simulated"] {
        assert!(page.contains(part), "{part}");
    }
    let better = compared(&sandbox, [two, one], "--mock --format json").code(0);
    assert_eq!(findings(&better)[0].1, "BETTER");
    let _ = better;
    let text = compared(&sandbox, [two, one], "--mock").code(0);
    let _ = text.marker("| soak_compare | OK | SOAK_COMPARE=BETTER |");

    // What is told to flip the answer does so.
    for (way, code) in [([one, two], 1), ([two, one], 0)] {
        let explained = compared(&sandbox, way, "--mock --format json --explain").code(code).json();
        let flip = &explained["explanation"]["flip"];
        let change = &flip["changes"][0];
        if change["place"] == "root.kpis.hit_ratio.margin" {
            let margin = change["to"].as_f64().unwrap();
            assert!(margin > 0.02, "{flip}");
            for (factor, is_flipped) in [(1.001, true), (0.99, false)] {
                sandbox.write(
                    "margins.yaml",
                    MARGINS.replace("margin: 0.02", &format!("margin: {}", margin * factor)),
                );
                let verdict = compared(&sandbox, way, "--mock --format json").json()["verdict"].clone();
                assert_eq!(verdict != "WORSE", is_flipped, "{factor}: {verdict}");
            }
            sandbox.write("margins.yaml", MARGINS);
        } else {
            assert!(
                change["place"].as_str().unwrap().starts_with("what is added to every value of "),
                "{flip}"
            );
            assert_ne!(flip["verdict"], "BETTER");
        }
    }
}

#[test]
fn what_says_too_little_is_not_decided() {
    let sandbox = runs(["short", "short"]);
    std::fs::rename(sandbox.path("short/short"), sandbox.path("other")).unwrap();
    let output = compared(&sandbox, ["short", "other"], "--mock").code(2);
    let _ = output.marker("| soak_compare | FAIL | SOAK_COMPARE=INCONCLUSIVE |").stdout_has("too few points");
}

#[test]
fn members_are_judged_one_by_one_and_folded() {
    let sandbox = runs(["fleet", "fleet_missing"]);
    let [one, two] = ["fleet", "fleet_missing"];
    let output = compared(&sandbox, [one, two], "--mock --format json").code(1);
    let found = findings(&output);
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|(name, _)| name.contains(": ")), "{found:?}");
    assert!(
        found.iter().any(|(name, finding)| name.ends_with(": hit_ratio") && finding == "WORSE"),
        "{found:?}"
    );
}

#[test]
fn evidence_that_was_changed_decides_nothing() {
    let sandbox = runs(["one", "missing"]);
    let [one, two] = ["one", "missing"];
    let samples = format!("{two}/samples.bin");
    let mut bytes = std::fs::read(sandbox.path(&samples)).unwrap();
    let end = bytes.len() - 40;
    bytes.truncate(end);
    sandbox.write(&samples, bytes);
    let output = compared(&sandbox, [one, two], "--mock").code(2);
    let _ = output
        .marker("| soak_compare | FAIL | SOAK_COMPARE=INCONCLUSIVE |")
        .stdout_has("the samples end at byte");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let sandbox = runs(["one", "slow"]);
    let [one, two] = ["one", "slow"];
    compared(&sandbox, [one, two], "--mock").code(3);
    compared(&sandbox, [one, one], "--mock").code(64);
    compared(&sandbox, [one, "none"], "--mock").code(3);
    sandbox.run("soak compare").code(64);
    let unusable = [
        "kpis: {hit_ratio: {unit: percent, better: higher, margin: 1}}",
        "kpis: {hit_ratio: {unit: ratio, better: up, margin: 1}}",
        "kpis: {hit_ratio: {unit: ratio, better: higher, margin: -1}}",
        "kpis: {hit_ratio: {unit: ratio, better: higher, margins: 1}}",
        "kpis: {unknown: {unit: ratio, better: higher, margin: 1}}",
        "kpis: {}",
        "[",
    ];
    for margins in unusable {
        sandbox.write("margins.yaml", margins);
        compared(&sandbox, [one, two], "--mock").code(3);
    }
}

/// A run that ended early is compared as far as it got, and says so.
#[test]
fn a_run_that_was_stopped_is_compared_as_far_as_it_got() {
    let sandbox = runs(["one", "aborted"]);
    let output = compared(&sandbox, ["one", "aborted"], "--mock").code(2);
    let _ = output.stdout_has("| candidate                 | WARN |").stdout_has("too few points");
}
