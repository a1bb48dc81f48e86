//! `mmops pre-live-pack`: the step runner, on plans of ordinary programs.

use crate::sandbox::{Sandbox, TIME};
use serde_json::json;
use std::time::{Duration, Instant};

fn plan(steps: &str) -> Sandbox {
    Sandbox::new().file("plan.yaml", format!("steps:\n{steps}"))
}

const RUN: &str = "pre-live-pack --dry-run --plan plan.yaml";
const FAILED: &str = "| pre_live_pack | FAIL | PRE_LIVE_PACK=FAILED |";

/// Whether any process on this machine has the text as an argument.
pub fn is_running(argument: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { return false };
        line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes())
    })
}

#[test]
fn without_dry_run_the_usage_is_printed_and_the_code_is_1() {
    let output = Sandbox::new().run("pre-live-pack").code(1);
    output.marker(FAILED);
    let sandbox = Sandbox::new();
    let report = sandbox.run("--metrics-file m.prom pre-live-pack --format json").code(1).json();
    assert_eq!((&report["verdict"], &report["exit_code"]), (&json!("FAILED"), &json!(1)));
}

#[test]
fn the_code_in_a_document_is_the_code_of_the_process() {
    for line in ["--root nowhere make-ready --format json", "--root nowhere pre-live-pack --format json"] {
        let report = Sandbox::new().hide(TIME).run(line).code(1).json();
        assert_eq!(report["exit_code"], 1);
        assert!(report["generated_at"].is_string(), "{report}");
    }
    Sandbox::new().run("--format sarif readiness score").code(64);
}

#[test]
fn what_the_shell_left_running_before_it_became_mmops_is_not_ours_to_kill() {
    let sandbox = plan("  - {name: a, argv: [/bin/true]}\n");
    let mut command = std::process::Command::new("sh");
    let script = format!("sleep 4712.9 & echo $! >pid; exec {} {RUN}", env!("CARGO_BIN_EXE_mmops"));
    command.arg("-c").arg(script).current_dir(sandbox.root()).stdout(std::process::Stdio::null());
    let status = command.status().unwrap();
    let is_there = is_running("4712.9");
    let pid = sandbox.read("pid").trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert!(is_there, "it was killed");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn steps_that_pass_make_the_pack_pass() {
    let sandbox =
        plan("  - {name: a, argv: [/bin/true]}\n  - {name: b, argv: [sh, -c, 'exit 0'], needs: [a]}\n");
    let output = sandbox.run(RUN).code(0).marker("| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |");
    assert!(output.stderr.starts_with("note: a: OK\nnote: b: OK\n"), "{}", output.stderr);
    assert_eq!(sandbox.run(&format!("-q {RUN}")).stderr, "");
    let report = sandbox.json("artifacts/reports/PRE_LIVE_PACK.json");
    assert_eq!(report["schema"], "mmops.pre-live-pack.v1");
    assert_eq!(report["rows"][1]["step_exit_code"], 0);
    assert_eq!(
        sandbox.files(),
        ["artifacts/reports/PRE_LIVE_PACK.json", "artifacts/reports/PRE_LIVE_PACK.md", "plan.yaml"]
    );
}

#[test]
fn a_failing_step_fails_the_pack_with_its_reason_and_skips_what_needs_it() {
    let sandbox = plan(
        "  - {name: a, argv: [sh, -c, 'echo why >&2; exit 3']}\n  - {name: b, argv: [touch, ran], needs: [a]}\n  - {name: c, argv: [/bin/true]}\n",
    );
    sandbox.run(RUN).code(1).marker(FAILED);
    assert!(!sandbox.path("ran").exists());
}

#[test]
fn a_child_code_is_evidence_and_never_ours() {
    for code in [2, 3, 64, 70, 130, 255] {
        let sandbox = plan(&format!("  - {{name: a, argv: [sh, -c, 'exit {code}']}}\n"));
        sandbox.run(RUN).code(1);
    }
}

#[test]
fn a_missing_program_a_signal_and_a_step_that_is_only_a_version_are_failures() {
    let sandbox = plan(
        "  - {name: missing, argv: [/no/such/program]}\n  - {name: killed, argv: [sh, -c, 'kill -9 $$']}\n  - {name: empty, argv: [mmops, --version]}\n",
    );
    let _ = sandbox.run(RUN).code(1).marker(FAILED);
}

#[test]
fn a_step_that_hangs_with_grandchildren_is_stopped_and_leaves_nothing() {
    let sandbox = plan(
        "  - name: hang\n    argv: [sh, -c, 'setsid sleep 4712.1 & sleep 4712.1 & echo begun; sleep 4712.1']\n    timeout: 300ms\n",
    );
    let started = Instant::now();
    sandbox.run(RUN).code(1).marker(FAILED);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(!is_running("4712.1"));
}

#[test]
fn a_step_that_forks_and_sleeps_is_a_failure_and_leaves_nothing() {
    let sandbox = plan("  - {name: fork, argv: [sh, -c, 'setsid sleep 4712.2 & sleep 0.1']}\n");
    sandbox.run(RUN).code(1);
    assert!(!is_running("4712.2"));
    let sandbox = plan("  - {name: hidden, argv: [sh, -c, 'env -i setsid sleep 4712.3 & sleep 0.1']}\n");
    sandbox.run(RUN).code(1).marker(FAILED);
    assert!(!is_running("4712.3"));
}

#[test]
fn a_gigabyte_of_output_is_bounded_with_head_and_tail() {
    let script = "echo first; head -c 1000000000 /dev/zero | tr '\\\\0' x; echo; echo last";
    let sandbox = plan(&format!("  - {{name: loud, argv: [sh, -c, \"{script}\"]}}\n"));
    sandbox.run(RUN).code(0);
    let report = sandbox.json("artifacts/reports/PRE_LIVE_PACK.json");
    let stdout = &report["rows"][0]["stdout"];
    assert_eq!(stdout["bytes"], 1_000_000_012_u64);
    let text = stdout["text"].as_str().unwrap();
    assert!(text.starts_with("first\n") && text.ends_with("\nlast\n"));
    assert!(text.len() < 1_100_000);
}

#[test]
fn the_table_does_not_depend_on_jobs_and_rows_keep_the_order_of_the_plan() {
    let steps = "  - {name: slow, argv: [sleep, '0.2']}\n  - {name: fast, argv: [/bin/true]}\n  - {name: bad, argv: [/bin/false]}\n";
    let outputs = [1, 2, 8].map(|jobs| {
        let sandbox = plan(steps);
        let stdout = sandbox.run(&format!("{RUN} --jobs {jobs}")).stdout;
        (stdout, sandbox.read("artifacts/reports/PRE_LIVE_PACK.json"))
    });
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);
}

#[test]
fn one_step_alone_is_never_a_whole_pack() {
    let sandbox = plan("  - {name: a, argv: [/bin/true]}\n  - {name: b, argv: [/bin/false]}\n");
    let output = sandbox.run(&format!("{RUN} --only a")).code(1);
    let _ = output.marker("| pre_live_pack | FAIL | PRE_LIVE_PACK=PARTIAL |");
    for line in [
        format!("{RUN} --only a --only b"),
        format!("{RUN} --skip b"),
        "pre-live-pack --dry-run --plan one.yaml --only a".into(),
    ] {
        sandbox.write("one.yaml", "steps: [{name: a, argv: [/bin/true]}]\n");
        sandbox.run(&line).code(1).marker("| pre_live_pack | FAIL | PRE_LIVE_PACK=PARTIAL |");
    }
    for option in ["--only", "--skip"] {
        let _ = sandbox.run(&format!("{RUN} {option} c")).code(1).marker(FAILED);
    }
}

#[test]
fn a_plan_that_cannot_be_used_is_refused_with_its_place_and_code_1() {
    for text in [
        "",
        "steps: []",
        "steps:\n  - {name: a, argv: []}",
        "steps:\n  - {name: a, argv: [x]}\n  - {name: a, argv: [x]}",
        "steps:\n  - {name: a, argv: [x], need: [b]}",
        "steps:\n  - {name: a, argv: [x], needs: [b]}",
        "steps:\n  - {name: a, argv: [x], needs: [a]}",
        "steps:\n  - {name: a, argv: [x], timeout: soon}",
        "steps:\n  - {name: a, argv: [x], timeout: 0s}",
        "steps:\n  - {name: a, argv: [x], timeout: 25h}",
        "steps:\n  - {name: a, argv: [x], retries: 11}",
        "steps:\n  - {name: a, argv: [x], allow_fail: ' '}",
        "steps:\n  - {name: a, argv: [x], allow_fail: true}",
        "steps:\n  - {name: a, argv: [x], env: {'A=B': c}}",
        "steps: {",
    ] {
        let sandbox = Sandbox::new().file("plan.yaml", text);
        sandbox.run(RUN).code(1).marker(FAILED);
        assert_eq!(sandbox.files(), ["plan.yaml"], "{text}");
    }
    let sandbox = plan("  - {name: a, argv: [/bin/true]}\n  - {name: b, argv: [/bin/true], needs: [a]}\n");
    for timeout in ["0s", "300000000000years"] {
        sandbox.run(&format!("{RUN} --timeout {timeout}")).code(1).marker(FAILED);
    }
    let _ = Sandbox::new().run("pre-live-pack --dry-run --plan nowhere.yaml").code(1);
    Sandbox::new().run("pre-live-pack --dry-run --nonsense").code(1);
    Sandbox::new().run("pre-live-pack --dry-run --jobs 0").code(1);
}

#[test]
fn a_report_path_that_cannot_be_written_costs_no_run() {
    let sandbox = plan("  - {name: a, argv: [touch, ran]}\n");
    sandbox.write("file", "x");
    sandbox.run(&format!("{RUN} --report file/PACK.json")).code(1);
    assert!(!sandbox.path("ran").exists());
}

/// The rows of the report by name, with their status and reasons.
fn rows(sandbox: &Sandbox) -> Vec<(String, String, String)> {
    let report = sandbox.json("artifacts/reports/PRE_LIVE_PACK.json");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let reasons = |row: &serde_json::Value| {
        let reasons = row["reasons"].as_array().map(|reasons| reasons.iter().map(text).collect::<Vec<_>>());
        reasons.unwrap_or_default().join("|")
    };
    let rows = report["rows"].as_array().unwrap();
    rows.iter().map(|row| (text(&row["name"]), text(&row["status"]), reasons(row))).collect()
}

#[test]
fn a_step_that_is_mmops_has_the_status_of_its_report() {
    let sandbox =
        plan("  - {name: drift, argv: [mmops, golden-compare, --baseline, a.json, --actual, b.json]}\n");
    let sandbox = sandbox.file("a.json", "{\"a\": 1}").file("b.json", "{\"a\": 2}");
    sandbox.run(RUN).code(0).marker("| pre_live_pack | WARN | PRE_LIVE_PACK=DRYRUN |");
    assert_eq!(rows(&sandbox)[0].1, "WARN");
}

#[test]
fn a_step_that_passes_when_it_is_tried_again_is_flaky_and_never_ok() {
    let script = "echo x >>tries; test $(wc -l <tries) -ge 3";
    let sandbox = plan(&format!(
        "  - {{name: a, argv: [sh, -c, '{script}'], retries: 2}}\n  - {{name: b, argv: [/bin/true], needs: [a]}}\n"
    ));
    sandbox.run(RUN).code(0).marker("| pre_live_pack | WARN | PRE_LIVE_PACK=DRYRUN |");
    let expected = "flaky: passed at attempt 3, before that: exit code 1; exit code 1";
    assert_eq!(rows(&sandbox)[0], ("a".into(), "WARN".into(), expected.into()));
    assert_eq!(rows(&sandbox)[1].1, "OK");
    let sandbox = plan("  - {name: a, argv: [/bin/false], retries: 2}\n");
    sandbox.run(RUN).code(1).marker(FAILED);
    let report = sandbox.json("artifacts/reports/PRE_LIVE_PACK.json");
    assert_eq!(report["rows"][0]["earlier_attempts"], json!(["exit code 1", "exit code 1"]));
}

#[test]
fn a_failure_that_the_plan_allows_is_a_warning_with_its_reason_and_meets_no_need() {
    let steps = "  - {name: a, argv: [/bin/false], allow_fail: the exchange is down on Sundays}\n  - {name: b, argv: [/bin/true]}\n";
    let sandbox = plan(steps);
    sandbox.run(RUN).code(0).marker("| pre_live_pack | WARN | PRE_LIVE_PACK=DRYRUN |");
    let expected = "exit code 1; allowed: the exchange is down on Sundays";
    assert_eq!(rows(&sandbox)[0], ("a".into(), "WARN".into(), expected.into()));
    let sandbox = plan(&steps.replace("/bin/true]", "/bin/true], needs: [a]"));
    sandbox.run(RUN).code(1).marker(FAILED);
    let sandbox = plan(&steps.replace("/bin/false", "/no/such/program"));
    sandbox.run(RUN).code(1).marker(FAILED);
}

#[test]
fn after_a_failure_nothing_more_is_started_where_that_was_asked_for() {
    let sandbox = plan("  - {name: a, argv: [/bin/false]}\n  - {name: b, argv: [touch, ran]}\n");
    sandbox.run(&format!("{RUN} --jobs 1 --fail-fast")).code(1).marker(FAILED);
    assert!(!sandbox.path("ran").exists());
    let expected = "not run: `a` failed, and --fail-fast was given";
    assert_eq!(rows(&sandbox)[1], ("b".into(), "SKIP".into(), expected.into()));
}

#[test]
fn a_pack_has_a_deadline_of_its_own() {
    let sandbox =
        plan("  - {name: a, argv: [sleep, '4712.5'], retries: 3}\n  - {name: b, argv: [touch, ran]}\n");
    let started = Instant::now();
    sandbox.run(&format!("{RUN} --jobs 1 --deadline 200ms")).code(1).marker(FAILED);
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    assert!(!sandbox.path("ran").exists());
    assert_eq!(rows(&sandbox)[0].2, "stopped at the deadline of 200ms");
    assert_eq!(rows(&sandbox)[1].2, "not run: the deadline of 200ms was over");
}

#[test]
fn a_step_has_the_variables_and_the_directory_of_the_plan() {
    let sandbox =
        plan("  - {name: a, argv: [sh, -c, 'echo $A >out'], env: {A: b c}, dir: sub}\n").file("sub/x", "");
    sandbox.run(RUN).code(0);
    assert_eq!(sandbox.read("sub/out"), "b c\n");
    let sandbox = plan("  - {name: a, argv: [/bin/true], dir: nowhere}\n");
    sandbox.run(RUN).code(1).marker(FAILED);
}

#[test]
fn the_output_of_each_step_goes_to_a_file_of_its_own() {
    let sandbox = plan(
        "  - {name: a/b, argv: [sh, -c, 'echo out; echo err >&2']}\n  - {name: c, argv: [sh, -c, 'cat logs/01-a_b.log; seq 400000'], needs: [a/b]}\n",
    );
    for _ in 0..2 {
        sandbox.run(&format!("{RUN} --logs logs")).code(0);
        let log = sandbox.read("logs/01-a_b.log");
        assert!(log == "out\nerr\n" || log == "err\nout\n", "{log}");
        let log = sandbox.read("logs/02-c.log");
        assert!(log.starts_with("out\nerr\n1\n") || log.starts_with("err\nout\n1\n"));
        assert!(log.ends_with("\n400000\n"));
    }
    sandbox.write("taken", "");
    sandbox.run(&format!("{RUN} --logs taken")).code(1).marker(FAILED);
}

#[test]
fn a_process_that_no_step_owns_fails_the_step_that_may_have_left_it_and_has_no_row() {
    let sandbox = plan(
        "  - {name: good, argv: [/bin/true]}\n  - {name: hides, argv: [sh, -c, 'env -i setsid sleep 4712.6 & sleep 0.1']}\n",
    );
    sandbox.run(&format!("{RUN} --jobs 1")).code(1).marker(FAILED);
    assert!(!is_running("4712.6"));
    assert_eq!(rows(&sandbox)[0], ("good".into(), "OK".into(), String::new()));
    let expected = "it left 1 processes running, which were killed";
    assert_eq!(rows(&sandbox)[1..], [("hides".into(), "FAIL".into(), expected.into())]);
}

#[test]
fn a_reason_and_the_document_are_bounded_whatever_a_step_prints() {
    let sandbox = plan(
        "  - {name: nul, argv: [sh, -c, 'head -c 2000000 /dev/zero; exit 1']}\n  - {name: line, argv: [sh, -c, 'head -c 900000 /dev/zero | tr \\\\0 x >&2; exit 1']}\n",
    );
    let output = sandbox.run(RUN).code(1);
    assert!(output.stdout.len() < 32_000, "{}", output.stdout.len());
    let document = sandbox.read("artifacts/reports/PRE_LIVE_PACK.json");
    assert!(document.len() < 3 << 20, "{}", document.len());
    let report = sandbox.json("artifacts/reports/PRE_LIVE_PACK.json");
    assert!(report["rows"][1]["reasons"][1].as_str().unwrap().contains(" bytes not shown "));
    let stdout = &report["rows"][0]["stdout"];
    assert_eq!(
        (&stdout["bytes"], stdout["bytes_not_kept"].as_u64().unwrap() > 1_800_000),
        (&json!(2_000_000), true)
    );
}

#[test]
fn a_stop_ends_the_children_and_the_pack_is_failed() {
    let sandbox = plan("  - {name: a, argv: [sleep, '4712.4']}\n");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(RUN.split(' ')).current_dir(sandbox.root()).stdout(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    while !is_running("4712.4") {
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("stopped because mmops was asked to stop"), "{stdout}");
    assert!(stdout.ends_with(&format!("{FAILED}\n")), "{stdout}");
    assert!(!is_running("4712.4"));
}

#[test]
fn measured_figures_are_kept_on_the_system_clock_and_left_out_on_a_frozen_one() {
    let frozen = plan("  - {name: a, argv: [/bin/true]}\n");
    frozen.run(RUN).code(0);
    assert_eq!(frozen.json("artifacts/reports/PRE_LIVE_PACK.json")["rows"][0].get("duration_s"), None);
    let real = Sandbox::real_time().file("plan.yaml", "steps:\n  - {name: a, argv: [/bin/true]}\n");
    real.run(RUN).code(0);
    let report = real.json("artifacts/reports/PRE_LIVE_PACK.json");
    assert!(report["rows"][0]["duration_s"].as_f64().unwrap() > 0.0);
    assert!(report["rows"][0]["peak_rss_bytes"].as_u64().unwrap() > 0);
    assert_eq!(report["clock"], "system");
}

/// The built-in plan over a small grid; the table of a good pack, byte for byte.
const WHOLE: &str = "pre-live-pack --dry-run";
const GOOD: &str = "\
============================================================
PRE-LIVE PACK DRY-RUN RESULTS
============================================================

| param_sweep_dry           | OK   |
| tuning_apply_dry          | OK   |
| chaos_failover_dry        | OK   |
| rotate_artifacts_dry      | OK   |
| scan_secrets_dry          | OK   |

------------------------------------------------------------
| pre_live_pack             | OK   | PRE_LIVE_PACK=DRYRUN |
------------------------------------------------------------

Exit Code: 0
| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |
";

fn whole() -> Sandbox {
    crate::tune::with_files(Sandbox::new())
        .unrecorded("the drill is of real processes, so what its step prints depends on the load")
}

#[test]
fn the_built_in_plan_prints_the_same_table_for_any_jobs_and_writes_below_artifacts_only() {
    for jobs in ["1", "5"] {
        let sandbox = whole();
        let output = sandbox.run(&format!("{WHOLE} --jobs {jobs}")).code(0);
        assert_eq!(output.stdout, GOOD, "--jobs {jobs}");
        let outside = |file: &String| !file.starts_with("artifacts/") && !file.starts_with("deploy/");
        let strangers: Vec<String> = sandbox.files().into_iter().filter(outside).collect();
        assert_eq!(strangers, Vec::<String>::new());
    }
}

#[test]
fn the_same_input_gives_the_same_document_whatever_runs_side_by_side() {
    let documents = ["1", "5", "5"].map(|jobs| {
        let sandbox = whole();
        let _ = sandbox.run(&format!("{WHOLE} --jobs {jobs}")).code(0);
        sandbox.read("artifacts/reports/PRE_LIVE_PACK.json")
    });
    let differing = |other: &str| {
        let pairs = documents[0].lines().zip(other.lines());
        pairs.filter(|(a, b)| a != b).map(|(a, b)| format!("{a}\n{b}")).collect::<Vec<_>>()
    };
    assert_eq!(differing(&documents[1]), Vec::<String>::new());
    assert_eq!(differing(&documents[2]), Vec::<String>::new());
}

#[test]
fn a_sweep_without_a_safe_candidate_fails_the_pack() {
    let limits = whole().read("deploy/tuning/limits.yaml").replace("min_fills: 20", "min_fills: 1000000");
    let sandbox = whole().file("deploy/tuning/limits.yaml", limits);
    sandbox.run(WHOLE).code(1).marker(FAILED);
}

#[test]
fn overrides_that_cannot_be_read_fail_the_pack() {
    let sandbox = whole().file("artifacts/soak/runtime_overrides.json", "{\"tail_age_ms\": ");
    sandbox.run(WHOLE).code(1).marker(FAILED);
}

#[test]
fn a_drill_that_cannot_show_its_result_fails_the_pack() {
    let sandbox = whole().file("artifacts/dry-run/CHAOS_FAILOVER.json/taken", "");
    sandbox.run(WHOLE).code(1).marker(FAILED);
}

#[test]
fn a_root_that_may_not_be_rotated_fails_the_pack() {
    let sandbox = whole().file("elsewhere/keep", "");
    std::os::unix::fs::symlink(sandbox.path("elsewhere"), sandbox.path("artifacts")).unwrap();
    sandbox.run(WHOLE).code(1).marker(FAILED);
}

#[test]
fn a_secret_in_the_tree_fails_the_pack() {
    let secret = ["api_key = \"AKIA", "Q3EGZ7RTXPL2VNMD\""].concat();
    whole().file("settings.py", secret).run(WHOLE).code(1).marker(FAILED);
}
