//! `mmops make-ready`: the pack, the score and further evidence, folded into one answer.

use crate::sandbox::{NOW, Sandbox};
use serde_json::json;

const OK: &str = "| make_ready | OK | MAKE_READY=OK |";
const BLOCKED: &str = "| make_ready | FAIL | MAKE_READY=BLOCKED |";

/// A root with a pack of one step and seven daily reports up to yesterday.
fn ready(step: &str) -> Sandbox {
    let sandbox = Sandbox::new()
        .file("deploy/release/pre_live.yaml", format!("steps:\n  - {{name: step, argv: [{step}]}}\n"));
    let mut date = NOW.parse::<jiff::Timestamp>().unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = json!({
        "edge_net_bps": 2.8, "order_age_p95_ms": 320.0, "taker_share_pct": 12.0, "chaos_result": "OK",
        "bug_bash": "OK", "reg_guard": {"reason": "NONE"}, "drift": {"reason": "NONE"},
    });
    for _ in 0..7 {
        date = date.yesterday().unwrap();
        let name = format!("artifacts/reports/REPORT_SOAK_{}.json", date.strftime("%Y%m%d"));
        sandbox.write(&name, day.to_string());
    }
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
    let output = sandbox.run("make-ready").code(0).marker(OK);
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

------------------------------------------------------------
| make_ready                | OK   | MAKE_READY=OK        |
------------------------------------------------------------

Exit Code: 0
| make_ready | OK | MAKE_READY=OK |
";
    assert_eq!(output.stdout, expected);
    let report = sandbox.json("artifacts/reports/MAKE_READY.json");
    assert_eq!((&report["verdict"], &report["simulated"]), (&json!("OK"), &json!(false)));
}

#[test]
fn a_failing_step_blocks_and_is_named() {
    let sandbox = ready("/bin/false");
    sandbox.run("make-ready").code(1).marker(BLOCKED);
}

#[test]
fn no_reports_block_and_are_named() {
    let sandbox =
        Sandbox::new().file("deploy/release/pre_live.yaml", "steps: [{name: step, argv: [/bin/true]}]\n");
    sandbox.run("make-ready").code(1).marker(BLOCKED);
}

#[test]
fn an_error_in_one_part_blocks_and_the_other_part_is_still_asked() {
    let sandbox = ready("/bin/true");
    sandbox.write("deploy/release/pre_live.yaml", "steps: nonsense\n");
    sandbox.run("make-ready").code(1).marker(BLOCKED);
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
    sandbox.run("make-ready").code(0).marker(OK);
    sandbox.write("deploy/release/pre_live.yaml", "steps: [{name: step, argv: [sleep, '4713.1']}]\n");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.arg("make-ready").current_dir(sandbox.root()).stdout(std::process::Stdio::null());
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
    assert!(!report.exists());
}

#[test]
fn a_plan_that_cannot_be_used_blocks_with_code_1() {
    for text in [
        plan("[{name: x, artifact: a.json, max_age: 1h, expect: []}]"),
        plan("[{name: x, artifact: a.json, max_age: soon, expect: [{pointer: /a, equals: 1}]}]"),
        plan("[{name: x, artifact: a.json, max_age: 1h, expect: [{pointer: a, equals: 1}]}]"),
        plan("[]").replace("36h", "later"),
        plan("[]").replace("window: 7", "window: 0"),
        plan("[]").replace("timeout", "time_out"),
        String::new(),
    ] {
        let sandbox = Sandbox::new().file("plan.yaml", text);
        sandbox.run("make-ready --plan plan.yaml").code(1).marker(BLOCKED);
        assert_eq!(sandbox.files(), ["plan.yaml"]);
    }
    Sandbox::new().run("make-ready --nonsense").code(1);
}
