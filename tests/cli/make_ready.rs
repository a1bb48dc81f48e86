//! `mmops make-ready`: the pack, the score and further evidence, folded into one answer.

use crate::contract::conforms;
use crate::readiness;
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const OK: &str = "| make_ready | OK | MAKE_READY=OK |";
const REPORT: &str = "artifacts/reports/MAKE_READY.json";
const BLOCKED: &str = "| make_ready | FAIL | MAKE_READY=BLOCKED |";

/// Asks the pack and the score alone.
const REHEARSAL: &str = "make-ready --plan deploy/release/make_ready_rehearsal.yaml";

/// A plan that is delivered.
pub fn delivered(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/release").join(name);
    fs::read_to_string(path).unwrap()
}

/// A root with a pack of one step and seven daily reports up to yesterday.
fn ready(step: &str) -> Sandbox {
    let sandbox = Sandbox::new()
        .file("deploy/release/make_ready_rehearsal.yaml", delivered("make_ready_rehearsal.yaml"))
        .file("deploy/release/pre_live.yaml", format!("steps:\n  - {{name: step, argv: [{step}]}}\n"));
    readiness::reports(&sandbox, &vec![readiness::base(); 7]);
    sandbox
}

fn plan(evidence: &str) -> String {
    format!(
        "pre_live_pack: {{plan: null, timeout: 5s}}\nreadiness: {{reports: null, out_json: artifacts/reports/readiness.json, window: 7, max_age: 36h, drills: []}}\nevidence: {evidence}\n"
    )
}

#[test]
fn a_passing_pack_and_seven_good_days_are_ok() {
    let sandbox = ready("/bin/true");
    let output = sandbox.run(REHEARSAL).code(0).marker(OK);
    let expected = "\
============================================================
MAKE-READY
============================================================

[1/2] Running pre_live_pack --dry-run...
      Result: PASS (exit 0)
[2/2] Running readiness score validation...
      Result: GO (exit 0)

SUMMARY

| pre_live_pack             | OK   | PRE_LIVE_PACK=DRYRUN |
| readiness                 | OK   | READINESS=GO         |
";
    assert!(output.stdout.starts_with(expected), "{}", output.stdout);
    // What is to be looked at in a part that passed, and what the plan does not ask for.
    let output =
        output.stdout_has("    reports: the same bytes for several days: `REPORT_SOAK_20260303.json`, ");
    drop(output.stdout_has(
        "| soak                      | SKIP |\n    soak not required by the plan\n\
         | failover_drill            | SKIP |\n    failover_drill not required by the plan\n",
    ));
    let report = sandbox.json(REPORT);
    assert_eq!((&report["verdict"], &report["simulated"]), (&json!("OK"), &json!(false)));
    assert_eq!(report["plan"], "deploy/release/make_ready_rehearsal.yaml");
    assert_eq!(report["not_required"].as_array().unwrap().len(), 8);
    let names: Vec<&Value> =
        report["evidence"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["pre_live_pack", "readiness"]);
    for entry in report["evidence"].as_array().unwrap() {
        assert_eq!(
            (&entry["frozen"], &entry["simulated"], &entry["sha256"]),
            (
                &json!(true),
                &json!(false),
                &json!(mmops::testing::hash::sha256(sandbox.read(entry["path"].as_str().unwrap())))
            )
        );
    }
    conforms(&sandbox, "make-ready", &report);
}

/// Where git cannot say what is to be released, nothing is known to be of it.
#[test]
fn a_repository_that_cannot_be_read_blocks_what_must_be_of_this_release() {
    let evidence = "[{name: drill, artifact: drill.json, max_age: 30d, same_release: true, expect: [{pointer: root.verdict, equals: OK}]}]";
    let asked = || {
        let sandbox = ready("/bin/true").unrecorded("a list of refusals").file("plan.yaml", plan(evidence));
        sandbox.file("VERSION", "1.2.3")
    };
    let broken: [fn(&Sandbox); 4] = [
        |sandbox| sandbox.write(".git/HEAD/x", ""),
        |sandbox| sandbox.write(".git", "gitdir: nowhere"),
        |sandbox| std::os::unix::fs::symlink(".git", sandbox.path(".git")).unwrap(),
        |sandbox| {
            let init = std::process::Command::new("git").args(["init", "-q"]).arg(sandbox.root()).status();
            assert!(init.is_ok_and(|status| status.success()));
            fs::remove_file(sandbox.path(".git/HEAD")).unwrap();
            std::os::unix::fs::symlink("HEAD", sandbox.path(".git/HEAD")).unwrap();
        },
    ];
    for make in broken {
        let sandbox = asked();
        make(&sandbox);
        let output = sandbox.run("make-ready --plan plan.yaml").code(1).marker(BLOCKED);
        assert!(output.stderr.contains("git"), "{}", output.stderr);
        assert!(!output.stdout.contains("drill.json"), "{}", output.stdout);
    }
    // Without a repository the version alone says what is to be released.
    let output = asked().run("make-ready --plan plan.yaml").code(1).marker(BLOCKED);
    assert!(output.stdout.contains("drill.json"), "{}", output.stdout);
}

/// The plan that a release needs asks for a soak and a drill as well.
#[test]
fn the_default_plan_is_not_content_with_a_pack_and_seven_good_days() {
    let sandbox = ready("/bin/true");
    let output = sandbox.run("make-ready").code(1).marker(BLOCKED);
    for reason in ["soak_metrics.json", "CHAOS_FAILOVER.json", "golden_compare not required by the plan"] {
        assert!(output.stdout.contains(reason), "{reason} in {}", output.stdout);
    }
    assert!(!output.stdout.contains("soak not required"), "{}", output.stdout);
    sandbox.write("deploy/release/make_ready.yaml", delivered("make_ready.yaml"));
    sandbox.run("make-ready").code(1).marker(BLOCKED);
    assert_eq!(sandbox.json(REPORT)["plan"], "deploy/release/make_ready.yaml");
}

/// A soak that failed blocks, and one that is simulated does unless that is allowed, whatever its document says.
#[test]
fn the_newest_soak_is_judged_again() {
    let sandbox = ready("/bin/true");
    let plan = delivered("make_ready.yaml");
    let (soak, _) = plan.split_once("  - name: failover_drill").unwrap();
    sandbox.write("deploy/release/make_ready.yaml", soak);
    sandbox.run("--quiet --now 2026-03-09T12:00:00Z soak run --mock --gates smoke --hours 24").code(0);
    let line = "make-ready --allow-simulated";
    sandbox.run(line).code(0).marker(OK);
    sandbox.run("make-ready").code(1).stdout_has("`artifacts/reports/soak_metrics.json` is simulated");
    let genuine = sandbox.read("artifacts/reports/soak_metrics.json");
    let edited = |field: &str, value: Value| {
        let mut document: Value = serde_json::from_str(&genuine).unwrap();
        document[field] = value;
        document.to_string()
    };
    for (document, reason) in [
        (edited("simulated", json!(false)), "root.simulated is false, the newest run gives true"),
        (edited("duration_hours", json!(72)), "root.duration_hours is 72, the newest run gives 24.0"),
        (edited("duration_hours", json!("24")), "wanted at least 24"),
        (edited("observed_from", json!("2026-03-01T00:00:00Z")), "root.observed_from is"),
        (edited("gates", json!({})), "root.gates is something else"),
        // Under another schema it would not be judged again.
        (edited("schema", json!("mmops.other.v1")), "root.schema is \"mmops.other.v1\", wanted"),
    ] {
        sandbox.write("artifacts/reports/soak_metrics.json", document);
        sandbox.run(line).code(1).stdout_has(reason);
    }
    // A later run that fails is the newest, also where its document was replaced by the good one.
    sandbox
        .run("--quiet --now 2026-03-09T12:00:00Z soak run --mock --scenario deadline_storm --hours 24")
        .code(1);
    sandbox.run(line).code(1).stdout_has("root.verdict is \"FAIL\", wanted \"PASS\"");
    sandbox.write("artifacts/reports/soak_metrics.json", &genuine);
    sandbox.run(line).code(1).stdout_has("root.verdict is \"PASS\", the newest run gives \"FAIL\"");
}

/// A run that passes by gates, a warm-up or windows of its own does not pass by those of the plan.
#[test]
fn what_a_run_was_started_with_does_not_decide_whether_it_counts() {
    let sandbox = ready("/bin/true").unrecorded("what counts is asserted");
    let plan = delivered("make_ready.yaml");
    let (soak, _) = plan.split_once("  - name: failover_drill").unwrap();
    sandbox.write("m.yaml", soak);
    let line = "make-ready --plan m.yaml --allow-simulated";
    let gates = include_str!("../../deploy/soak/gates.yaml");
    sandbox.write("weak.yaml", gates.replace("at_most: 0, severity: hard}", "at_most: 9, severity: hard}"));
    let kpis = include_str!("../../deploy/soak/kpis.yaml");
    sandbox.write(
        "other.yaml",
        kpis.replace(
            "'mm_circuit_breaker_state{state=\"open\"}', over: max",
            "'mm_circuit_breaker_state{state=\"open\"}', over: min",
        ),
    );
    let tripped = "--scenario breaker_trip --iteration 1h --interval 10m";
    for (options, reason) in [
        ("--iteration 1h --interval 10m", ""),
        (
            &format!("{tripped} --gates-file weak.yaml") as &str,
            "does not pass by the profile soak-24h of built-in deploy/soak/gates.yaml: breaker: HARD_FAIL",
        ),
        (&format!("{tripped} --warmup 20"), "breaker: HARD_FAIL"),
        ("--iteration 8h --interval 10m", "its windows are 8h, at most 1h count"),
        (
            "--kpis other.yaml --iteration 1h --interval 10m",
            "it does not measure `breaker_open` as built-in deploy/soak/kpis.yaml defines it",
        ),
    ] {
        let soak =
            format!("--quiet --now 2026-03-09T12:00:00Z soak run --mock --gates smoke --hours 24 {options}");
        let _ = sandbox.run(&soak).code(0);
        let asked = sandbox.run(line);
        if reason.is_empty() {
            drop(asked.code(0).marker(OK));
        } else {
            drop(asked.code(1).marker(BLOCKED).stdout_has(reason));
        }
    }
    // The plan says which profile, and a wrong one is no yes.
    for (own, reason) in [
        (
            "profile: soak-72h",
            "by the profile soak-72h of built-in deploy/soak/gates.yaml: observed: 1day of 3days",
        ),
        ("profile: soak-27h", "there is no profile `soak-27h`"),
    ] {
        let _ = sandbox.run(
            "--quiet --now 2026-03-09T12:00:00Z soak run --mock --gates smoke --hours 24 --iteration 1h",
        );
        sandbox.write("m.yaml", soak.replace("profile: soak-24h", own));
        drop(sandbox.run(line).code(1).marker(BLOCKED).stdout_has(reason));
    }
    sandbox.write("m.yaml", soak.replace("max_window: 1h", "max_window: 9999h"));
    drop(
        sandbox
            .run(line)
            .code(1)
            .stderr_has("soak_gates.max_window is `9999h`, it must be above 0s and at most 24h"),
    );
}

/// A sweep on a generated feed is no evidence of a market, and what rests on it neither.
#[test]
fn a_pack_on_generated_input_is_simulated() {
    let sandbox = crate::tune::with_files(ready("mmops, tune, sweep, --dry-run"));
    let output = sandbox.run(REHEARSAL).code(1).marker(BLOCKED);
    assert!(
        output.stdout.contains("it rests on simulated input, which is not evidence"),
        "{}",
        output.stdout
    );
    assert_eq!(sandbox.json("artifacts/reports/PRE_LIVE_PACK.json")["simulated"], true);
    let output = sandbox.run(&format!("{REHEARSAL} --allow-simulated")).code(0).marker(OK);
    assert!(output.stdout.contains("| pre_live_pack             | WARN | PRE_LIVE_PACK=DRYRUN |"));
    let report = sandbox.json(REPORT);
    assert_eq!((&report["simulated"], &report["evidence"][0]["simulated"]), (&json!(true), &json!(true)));

    let recorded = crate::tune::with_files(ready("mmops, tune, sweep, --dry-run, --feed, market.feed"));
    crate::tune::record_feed(&recorded, "market.feed");
    recorded.run(REHEARSAL).code(0).marker(OK);
    assert_eq!(recorded.json("artifacts/reports/PRE_LIVE_PACK.json")["simulated"], false);
}

#[test]
fn a_failing_step_blocks_and_is_named() {
    let sandbox = ready("/bin/false");
    sandbox.run(REHEARSAL).code(1).marker(BLOCKED);
}

#[test]
fn no_reports_block_and_are_named() {
    let sandbox = Sandbox::new()
        .file("deploy/release/make_ready_rehearsal.yaml", delivered("make_ready_rehearsal.yaml"))
        .file("deploy/release/pre_live.yaml", "steps: [{name: step, argv: [/bin/true]}]\n");
    sandbox.run(REHEARSAL).code(1).marker(BLOCKED);
}

#[test]
fn an_error_in_one_part_blocks_and_the_other_part_is_still_asked() {
    let sandbox = ready("/bin/true");
    sandbox.write("deploy/release/pre_live.yaml", "steps: nonsense\n");
    sandbox.run(REHEARSAL).code(1).marker(BLOCKED);
}

#[test]
fn required_evidence_must_be_there_fresh_and_positive() {
    let sandbox = ready("/bin/true");
    let evidence = "[{name: golden, artifact: artifacts/golden.json, max_age: 1h, finished_at: /at, expect: [{pointer: /verdict, equals: MATCH}]}]";
    sandbox.write("deploy/release/make_ready.yaml", plan(evidence));
    sandbox.run("make-ready").code(1).marker(BLOCKED);
    for content in [
        r#"{"verdict": "DRIFT", "at": "2026-03-10T11:30:00Z"}"#,
        r#"{"verdict": "MATCH", "at": "2026-03-10T10:30:00Z"}"#,
        r#"{"verdict": "MATCH", "at": "2026-03-10T12:30:00Z"}"#,
        r#"{"verdict": "MATCH"}"#,
        "{",
    ] {
        sandbox.write("artifacts/golden.json", content);
        sandbox.run("make-ready").code(1).marker(BLOCKED);
    }
    sandbox.write("artifacts/golden.json", r#"{"verdict": "MATCH", "at": "2026-03-10T11:30:00Z"}"#);
    sandbox.run("make-ready").code(0).marker(OK);
    let simulated = r#"{"verdict": "MATCH", "at": "2026-03-10T11:30:00Z", "simulated": true}"#;
    sandbox.write("artifacts/golden.json", simulated);
    sandbox.run("make-ready").code(1).marker(BLOCKED);
    sandbox.run("make-ready --allow-simulated").code(0).marker(OK);
    assert_eq!(sandbox.json("artifacts/reports/MAKE_READY.json")["simulated"], true);
}

#[test]
fn an_answer_of_yesterday_does_not_stand_while_there_is_none() {
    let sandbox = ready("/bin/true");
    sandbox.run(REHEARSAL).code(0).marker(OK);
    sandbox.write("deploy/release/pre_live.yaml", "steps: [{name: step, argv: [sleep, '4713.1']}]\n");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(REHEARSAL.split(' ')).current_dir(sandbox.root()).stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let report = sandbox.path("artifacts/reports/MAKE_READY.json");
    let started = std::time::Instant::now();
    while report.exists() {
        assert!(started.elapsed().as_secs() < 20, "it still stands");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(sandbox.json("artifacts/reports/MAKE_READY.json")["schema"], "mmops.error.v1");
}

#[test]
fn a_plan_that_cannot_be_used_blocks_with_code_1() {
    for text in [
        plan("[{name: x, artifact: a.json, max_age: 1h, expect: []}]"),
        plan("[{name: x, artifact: a.json, max_age: soon, expect: [{pointer: /a, equals: 1}]}]"),
        plan("[{name: x, artifact: a.json, max_age: 1h, expect: [{pointer: a, equals: 1}]}]"),
        plan("[{name: x, artifact: a.json, max_age: 1h, expect: [{pointer: /a}]}]"),
        plan("[{name: x, artifact: a.json, max_age: 1h, expect: [{pointer: root.*, equals: 1}]}]"),
        plan(
            "[{name: x, artifact: a.json, max_age: 1h, min_observed: long, expect: [{pointer: /a, equals: 1}]}]",
        ),
        plan("[]").replace("36h", "later"),
        plan("[]").replace("window: 7", "window: 367"),
        plan("[]").replace("window: 7", "window: 0"),
        plan("[]").replace("window: 7", "window: 367"),
        plan("[]").replace("timeout", "time_out"),
        String::new(),
    ] {
        let sandbox = Sandbox::new().file("plan.yaml", text);
        sandbox.run("make-ready --plan plan.yaml").code(1).marker(BLOCKED);
        assert_eq!(sandbox.files(), ["plan.yaml"]);
    }
    Sandbox::new().run("make-ready --nonsense").code(1);
}

/// The change that is explained is made in the document, or waited for, and the answer is the one that it says.
#[test]
fn the_change_that_is_explained_flips_the_answer() {
    let evidence = "[{name: drill, artifact: drill.json, max_age: 30d, min_observed: 24h, \
                    expect: [{pointer: root.verdict, equals: OK}, {pointer: root.hours, at_least: 24}]}]";
    let good = json!({
        "schema": "mmops.drill.v1", "version": "0.1.0", "commit": null, "made_at": "2026-03-09T12:00:00Z",
        "clock": "frozen", "simulated": false, "verdict": "OK", "hours": 30,
        "observed_from": "2026-03-08T06:00:00Z", "observed_to": "2026-03-09T12:00:00Z",
    });
    let table = [
        ("all is well", json!({}), "BLOCKED", 1),
        ("another verdict and too few hours", json!({"verdict": "FAIL", "hours": 20}), "OK", 2),
        (
            "too old",
            json!({"observed_from": "2026-01-01T00:00:00Z", "observed_to": "2026-01-03T00:00:00Z"}),
            "OK",
            1,
        ),
        ("too short", json!({"observed_from": "2026-03-09T00:00:00Z"}), "OK", 1),
        ("simulated", json!({"simulated": true}), "OK", 1),
    ];
    for (what, changes, verdict, count) in table {
        let sandbox = ready("/bin/true").unrecorded("the change is asserted").file("m.yaml", plan(evidence));
        let mut document = good.clone();
        for (key, value) in changes.as_object().unwrap() {
            document[key] = value.clone();
        }
        sandbox.write("drill.json", document.to_string());
        let line = "make-ready --plan m.yaml";
        let explained = sandbox.run(&format!("{line} --explain --format json")).json()["explanation"].clone();
        let flip = &explained["flip"];
        assert_eq!(flip["verdict"], verdict, "{what}: {explained}");
        assert_eq!(flip["changes"].as_array().unwrap().len(), count, "{what}: {flip}");
        let rules: Vec<&str> = explained["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["rule"].as_str().unwrap())
            .collect();
        assert!(rules.contains(&"readiness edge") && rules.contains(&"drill age"), "{rules:?}");
        for change in flip["changes"].as_array().unwrap() {
            let key = change["place"].as_str().unwrap().strip_prefix("root.").unwrap();
            document[key] = change["to"].clone();
        }
        sandbox.write("drill.json", document.to_string());
        let marker = if verdict == "OK" { OK } else { BLOCKED };
        let _ = sandbox.run(line).code(i32::from(verdict != "OK")).marker(marker);
    }
}

#[test]
fn what_is_missing_for_ok_is_explained_with_its_dates() {
    let sandbox = ready("/bin/false").unrecorded("what counts is asserted");
    fs::remove_file(sandbox.path("artifacts/reports/REPORT_SOAK_20260309.json")).unwrap();
    let explained = sandbox.run("make-ready --explain --format json").json()["explanation"].clone();
    let missing = readiness::missing(&explained);
    // The report of the ninth is missing for seven days.
    assert_eq!(missing.first(), Some(&("2026-03-10", "failover_drill")));
    assert!(missing.contains(&("2026-03-10", "pre_live_pack")), "{missing:?}");
    assert!(missing.contains(&("2026-03-11", "soak")), "{missing:?}");
    assert_eq!(missing.last(), Some(&("2026-03-17", "MAKE_READY")));
    let obstacles = explained["flip"]["obstacles"].as_array().unwrap();
    assert_eq!(obstacles[0], "pre_live_pack: PRE_LIVE_PACK=FAILED", "{obstacles:?}");
    assert!(obstacles.contains(&json!(
        "soak document: run `mmops soak run`, and make it a document at artifacts/reports/soak_metrics.json"
    )));
    let output = sandbox.run("make-ready --explain").code(1).marker(BLOCKED);
    let output = output
        .stdout_has("MAKE_READY: ask again")
        .stdout_has("mend it, and run `mmops pre-live-pack --dry-run`");
    drop(output.stdout_has("make `artifacts/CHAOS_FAILOVER.json` with `mmops chaos failover`"));
}
