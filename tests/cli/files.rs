//! What every command may count on with its files: inputs are files, outputs belong together, and what was
//! written before the answer does not outlive a failure.

use crate::sandbox::{Invocation, NOW, Output, Sandbox};
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::process::{Command, Stdio};
use std::time::Duration;

const PACK: &str = "pre-live-pack --dry-run";
const DRYRUN: &str = "| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |";
const FAILED: &str = "| pre_live_pack | FAIL | PRE_LIVE_PACK=FAILED |";
const SIDE: &str = "--junit out/junit.xml --metrics-file out/last.prom";
const REPORT: &str = "artifacts/reports/PRE_LIVE_PACK.json";

fn pack() -> Sandbox {
    Sandbox::new()
        .unrecorded("what is asserted is what is there afterwards")
        .file("deploy/release/pre_live.yaml", "steps:\n  - {name: step, argv: [/bin/true]}\n")
}

fn mkfifo(sandbox: &Sandbox, path: &str) {
    fs::create_dir_all(sandbox.path(path).parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(sandbox.path(path)).status().unwrap().success());
}

/// Runs a command line that must end by itself.
fn bounded(sandbox: &Sandbox, line: &str) -> Output {
    let mut command: Invocation<'_> = sandbox.command(line);
    command.timeout(Duration::from_secs(20));
    Output::of(&mut command)
}

#[test]
fn a_pipe_in_the_place_of_an_input_is_refused_at_once() {
    for (pipe, line, code) in [
        ("p.yaml", "pre-live-pack --dry-run --plan p.yaml", 1),
        ("p.yaml", "cron-sentinel --config p.yaml", 3),
        ("p.yaml", "rotate --dry-run --policy p.yaml", 3),
        ("p.json", "rotate --apply p.json", 3),
        ("p.zip", "rotate restore p.zip", 3),
        ("p.zip", "bundle verify p.zip", 3),
        ("p.json", "readiness validate p.json", 3),
        ("p.yaml", "readiness --drills p.yaml", 3),
        ("p.json", "tune apply --sweep p.json", 3),
        ("p.gz", "tune sweep --feed p.gz", 3),
        ("p.toml", "scan-secrets --config p.toml", 3),
        ("p.json", "scan-secrets --baseline p.json", 3),
        ("p.yaml", "soak run --mock --gates-file p.yaml", 3),
        ("p.json", "golden-compare --baseline p.json --actual p.yaml", 3),
    ] {
        let sandbox = Sandbox::new().unrecorded("a list of refusals").file("p.yaml", "{}");
        let _ = fs::remove_file(sandbox.path(pipe));
        mkfifo(&sandbox, pipe);
        let output = bounded(&sandbox, line).code(code);
        assert!(
            output.stderr.contains("a pipe") || output.stderr.contains("neither"),
            "{line}: {}",
            output.stderr
        );
    }
}

#[test]
fn a_pipe_among_what_is_looked_through_keeps_nobody_waiting() {
    let sandbox = Sandbox::new().unrecorded("what is asserted is that it ends");
    mkfifo(&sandbox, "artifacts/reports/REPORT_SOAK_20260309.json");
    let output = bounded(&sandbox, "readiness").code(1);
    assert!(output.stdout.contains("a pipe"), "{}", output.stdout);
    sandbox.write("artifacts/old.log", "x");
    sandbox.age("artifacts/old.log", Duration::from_hours(90 * 24));
    mkfifo(&sandbox, "store/.mmops-rotation-1-0.partial");
    let _ = bounded(&sandbox, "rotate --days 30 --allow-remove-all --pattern **/*.log --archive-dir store")
        .code(0);
}

#[test]
fn a_pipe_that_a_shell_passes_is_read() {
    let sandbox = pack();
    let mut command = sandbox.command("pre-live-pack --dry-run --plan /dev/stdin");
    command.write_stdin("steps: [{name: piped, argv: [/bin/true]}]");
    let _ = Output::of(&mut command).code(0).marker(DRYRUN).stdout_has("| piped ");
}

#[test]
fn an_output_that_would_destroy_another_file_of_the_run_is_a_usage_error() {
    let sandbox = pack().file("p.yaml", "steps:\n  - {name: step, argv: [/bin/true]}\n");
    symlink("p.yaml", sandbox.path("link.yaml")).unwrap();
    symlink("new/y", sandbox.path("gone")).unwrap();
    let before = sandbox.read("p.yaml");
    for (options, names) in [
        ("--report p.yaml --plan p.yaml", ["--report", "--plan"]),
        ("--report ./link.yaml --plan p.yaml", ["--report", "--plan"]),
        ("--plan p.yaml --junit p.yaml", ["--junit", "--plan"]),
        ("--junit x --metrics-file ./x", ["--junit", "--metrics-file"]),
        ("--junit new/x --metrics-file new/./sub/../x", ["--junit", "--metrics-file"]),
        ("--junit gone/x --metrics-file new/y/x", ["--junit", "--metrics-file"]),
        ("--report out.md", ["--report", "Markdown"]),
        ("--report /dev/null", ["--report", "Markdown"]),
        ("--report deploy/release/pre_live.yaml", ["--report", "this command"]),
    ] {
        let output = sandbox.run(&format!("{PACK} {options}")).code(1).marker(FAILED);
        assert!(names.iter().all(|name| output.stderr.contains(name)), "{options}: {}", output.stderr);
    }
    assert_eq!(sandbox.read("p.yaml"), before);
    assert!(sandbox.read("deploy/release/pre_live.yaml").contains("/bin/true"));
    let day = "artifacts/reports/REPORT_SOAK_20260309.json";
    sandbox.write(day, "{}");
    for option in ["--out-json", "--junit", "--metrics-file"] {
        let _ = sandbox.run(&format!("readiness {option} {day}")).code(64);
        assert_eq!(sandbox.read(day), "{}", "{option}");
    }
    // A device takes the outputs of everybody.
    let _ = sandbox.run(&format!("{PACK} --junit /dev/null --metrics-file /dev/null")).code(0);
}

#[test]
fn what_only_a_plan_names_is_no_output_either() {
    let step = "steps:\n  - {name: step, argv: [/bin/cat, in.json, --junit=other.json], dir: sub}\n";
    let sandbox = pack().file("p.yaml", step).file("sub/in.json", "{}").file("sub/other.json", "{}");
    for (option, file) in [("--report", "sub/in.json"), ("--junit", "sub/other.json")] {
        let output = sandbox.run(&format!("{PACK} --plan p.yaml {option} {file}")).code(1).marker(FAILED);
        assert!(
            output.stderr.contains(&format!("`{file}` is named by {option} and by step `step` of the plan"))
        );
        assert_eq!(sandbox.read(file), "{}");
    }
    sandbox.write("m.yaml", "pre_live_pack: {plan: p.yaml, timeout: 5s}\nreadiness: {reports: null, out_json: score.json, window: 7, max_age: 36h, drills: []}\nevidence: [{name: drill, artifact: drill.json, max_age: 30d, expect: [{pointer: root.verdict, equals: OK}]}]\n");
    sandbox.write("drill.json", "{}");
    for (file, by) in [
        ("drill.json", "evidence `drill` of the plan"),
        ("p.yaml", "pre_live_pack.plan of the plan"),
        ("score.md", "readiness.out_json of the plan"),
        ("sub/in.json", "step `step` of the plan"),
    ] {
        let before = fs::read_to_string(sandbox.path(file)).ok();
        let output = sandbox.run(&format!("make-ready --plan m.yaml --metrics-file {file}")).code(1);
        assert!(
            output.stderr.contains(&format!("`{file}` is named by --metrics-file and by {by}")),
            "{}",
            output.stderr
        );
        assert_eq!(fs::read_to_string(sandbox.path(file)).ok(), before);
    }
    for (from, to, file) in [("score.json", "drill.json", "drill.json"), ("score.json", "m.yaml", "m.yaml")] {
        let plan = sandbox.read("m.yaml");
        sandbox.write("m.yaml", plan.replace(from, to));
        let output = sandbox.run("make-ready --plan m.yaml").code(1);
        assert!(output.stderr.contains(&format!("`{file}` is read by the plan")), "{}", output.stderr);
        assert_eq!(sandbox.read("drill.json"), "{}");
        sandbox.write("m.yaml", plan);
    }
    let sandbox =
        Sandbox::new().unrecorded("a list of refusals").file("VERSION", "1.2.3\n").file("a.txt", "a");
    let plan = "name: bot\nout: out\ncontents:\n  - {path: a.txt, description: a text}\n";
    let sandbox = sandbox.file("b.yaml", plan);
    for (file, by) in [("a.txt", "`a.txt` of the plan"), ("out/bot-v1.2.3.zip.sha256", "the archive")] {
        let output = sandbox.run(&format!("bundle create --plan b.yaml --junit {file}")).code(64);
        assert!(
            output.stderr.contains(&format!("`{file}` is named by --junit and by {by}")),
            "{}",
            output.stderr
        );
    }
    assert_eq!(sandbox.read("a.txt"), "a");
    let _ = sandbox.run("bundle create --plan b.yaml --junit j.xml").code(0);
}

/// Directories that a killed run has left, and one that belongs to somebody who lives.
#[test]
fn what_a_killed_drill_or_release_was_working_in_is_removed_by_the_next() {
    let sandbox = Sandbox::real_time().unrecorded("what is asserted is what is there afterwards");
    for name in [".mmops-chaos-failover-dead", ".mmops-chaos-failover-alive", "chaos-failover-kept", "mine"] {
        sandbox.write(&format!("artifacts/{name}/run-0001/log"), "x");
    }
    let alive = fs::File::open(sandbox.path("artifacts/.mmops-chaos-failover-alive")).unwrap();
    rustix::fs::flock(&alive, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let _ =
        sandbox.run("chaos failover --ttl 200ms --renew 50ms --kill-at 100ms").stdout_has("CHAOS_RESULT=");
    let mut left: Vec<String> = fs::read_dir(sandbox.path("artifacts"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    left.retain(|name| !name.ends_with(".json"));
    assert_eq!(left, [".mmops-chaos-failover-alive", "chaos-failover-kept", "mine"]);

    let sandbox = crate::bundle::release_tree();
    let sandbox = sandbox.unrecorded("what is asserted is what is there afterwards");
    sandbox.write("release/.mmops-release-dead/MANIFEST.json", "{");
    let _ =
        sandbox.run("bundle release --src run --legacy-snapshot --allow-simulated --out release/r1").code(0);
    let left: Vec<_> =
        fs::read_dir(sandbox.path("release")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["r1"]);
}

#[test]
fn an_archive_and_a_release_stand_only_where_their_answer_could_be_given() {
    let sandbox = crate::bundle::release_tree();
    let sandbox = sandbox.unrecorded("what is asserted is what is there afterwards");
    for line in
        ["bundle create", "bundle release --src run --legacy-snapshot --allow-simulated --out release/r1"]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        command.args(line.split(' ')).current_dir(sandbox.root()).env("MMOPS_NOW", NOW);
        assert_eq!(command.stdout(full).stderr(Stdio::null()).status().unwrap().code(), Some(5), "{line}");
        let made = |path: &String| path.starts_with("artifacts/release/") || path.starts_with("release/");
        let left: Vec<String> = sandbox.files().into_iter().filter(made).collect();
        assert_eq!(left, Vec::<String>::new(), "{line}");
    }
}

#[test]
fn what_a_run_has_left_unfinished_is_no_content() {
    let sandbox = Sandbox::new()
        .unrecorded("what is asserted is the answer")
        .file("a/x.json", "{}")
        .file("b/x.json", "{}");
    sandbox.write("a/.mmops-1-0.tmp", "half");
    let _ = sandbox.run("golden-compare --baseline a --actual b --fail-on-drift").code(0);
}

fn says_yes(sandbox: &Sandbox, path: &str) -> bool {
    let text = fs::read_to_string(sandbox.path(path)).unwrap_or_default();
    text.contains("DRYRUN\"")
        || text.contains("failures=\"0\"")
        || text.contains("exit_code{command=\"pre-live-pack\"} 0")
}

const WRITTEN: [&str; 3] = [REPORT, "out/junit.xml", "out/last.prom"];

#[test]
fn an_old_answer_does_not_outlive_a_question_that_could_not_be_asked() {
    for line in [
        "--plan none.yaml",
        "--only zz",
        "--timeout soon",
        "--nonsense",
        "--now yesterday",
        "--format sarif",
        "--root none",
    ] {
        let sandbox = pack();
        let _ = sandbox.run(&format!("{PACK} {SIDE}")).code(0).marker(DRYRUN);
        assert!(WRITTEN.iter().all(|path| says_yes(&sandbox, path)), "{line}");
        let output = sandbox.run(&format!("{PACK} {SIDE} {line}")).code(1);
        let is_told = output.stdout.ends_with(&format!("{FAILED}\n")) || line.contains("sarif");
        assert!(is_told, "{line}: {}", output.stdout);
        // Without a root nobody knows which files are meant.
        if !line.contains("root") {
            assert!(!WRITTEN.iter().any(|path| says_yes(&sandbox, path)), "{line}: {:?}", sandbox.files());
            assert!(sandbox.read("out/junit.xml").contains("<testcase"), "{line}");
        }
        let left = sandbox.files();
        assert!(!left.iter().any(|path| path.contains(".mmops-")), "{line}: {left:?}");
    }
}

/// Runs that are refused, with the files that they would have written. `none` is not there.
const REFUSED: [(&str, &[&str]); 15] = [
    ("pre-live-pack --dry-run --plan none.yaml --report out/x.json", &["out/x.json", "out/x.md"]),
    (
        "make-ready --plan none.yaml",
        &["artifacts/reports/MAKE_READY.json", "artifacts/reports/MAKE_READY.md"],
    ),
    ("readiness --drills none.yaml --out-json out/x.json", &["out/x.json", "out/x.md"]),
    (
        "soak run --mock --gates none --export-json out/a.json --export-md out/a.md --gate-summary out/b.json",
        &["out/a.json", "out/a.md", "out/b.json"],
    ),
    ("soak compare --baseline none --candidate none --html out/x.html", &["out/x.html"]),
    ("soak report --src none --out out", &["out/SOAK_REPORT.html"]),
    ("soak report --src none --out out", &REPORT_FILES),
    ("soak report --src empty", &["empty/reports/analysis/POST_SOAK_SNAPSHOT.json"]),
    ("soak daily --date 2026-03-09 --config none.yaml", &["artifacts/reports/REPORT_SOAK_20260309.json"]),
    ("soak daily --weekly --config none.yaml", &["artifacts/reports/WEEKLY_ROLLUP.json"]),
    ("tune sweep --grid none.yaml --out-json out/x.json --out-md out/y.md", &["out/x.json", "out/y.md"]),
    ("tune apply --dry-run --sweep none.json", &["artifacts/dry-run/TUNING_APPLY.json"]),
    ("chaos failover --ttl 50ms --renew 200ms --out-json out/x.json", &["out/x.json"]),
    ("canary checklist --bundle none --out out/c.md", &["out/c.md"]),
    ("rotate --dry-run --policy none.yaml --plan out/plan.json", &["out/plan.json"]),
];

const REPORT_FILES: [&str; 9] = [
    "out/SOAK_REPORT.html",
    "out/POST_SOAK_SNAPSHOT.json",
    "out/DELTA_VERIFY_REPORT.json",
    "out/DELTA_VERIFY_REPORT.md",
    "out/POST_SOAK_AUDIT.md",
    "out/RECOMMENDATIONS.md",
    "out/FAILURES.md",
    "out/POST_SOAK_METRICS.prom",
    "out/soak_profile.runtime_overrides.json",
];

/// What other programs may have under such a name; the last is evidence of another command.
const FOREIGN: [&str; 3] = [
    "mine\n",
    r#"{"verdict": "PASS", "kpi_last_n": {}}"#,
    r#"{"schema": "mmops.soak-plan.v2", "note": "mmops.soak-gates.v1"}"#,
];

#[test]
fn a_refused_command_line_leaves_alone_what_its_command_did_not_write() {
    for (at, (line, files)) in REFUSED.into_iter().enumerate() {
        let sandbox = Sandbox::new().unrecorded("what is asserted is what is there afterwards");
        fs::create_dir(sandbox.path("empty")).unwrap();
        let foreign = FOREIGN[at % FOREIGN.len()];
        let all: Vec<&str> = files.iter().copied().chain(["out/j.xml", "out/m.prom"]).collect();
        for file in &all {
            sandbox.write(file, foreign);
        }
        for more in ["", " --nonsense", " --now yesterday"] {
            let output = sandbox.run(&format!("{line} --junit out/j.xml --metrics-file out/m.prom{more}"));
            assert!(output.code.is_some_and(|code| code != 0), "{line}{more}: {}", output.stdout);
            for file in &all {
                assert_eq!(sandbox.read(file), foreign, "{line}{more}: {file}\n{}", output.stderr);
            }
        }
        // What it wrote itself does not go on to say what it said.
        for (file, content) in [
            ("out/j.xml", earlier_junit()),
            ("out/m.prom", "# HELP mmops_last_run_exit_code x\nmmops_last_run_exit_code 0\n".to_owned()),
        ] {
            sandbox.write(file, content);
        }
        let _ = sandbox.run(&format!("{line} --junit out/j.xml --metrics-file out/m.prom --nonsense"));
        assert!(sandbox.read("out/j.xml").contains("--nonsense"), "{line}");
        assert!(!sandbox.read("out/m.prom").contains("exit_code 0"), "{line}");
    }
}

fn earlier_junit() -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"mmops x\"/></testsuites>"
        .to_owned()
}

#[test]
fn a_usage_error_is_told_in_the_form_that_was_asked_for() {
    let sandbox = Sandbox::new();
    let output = sandbox.run("rotate --nonsense --format json").code(64);
    let document = output.json();
    assert_eq!((&document["exit_code"], &document["status"]), (&64.into(), &"FAIL".into()));
    assert!(document["rows"][0]["reasons"][0].as_str().unwrap().contains("--nonsense"));
    let _ = sandbox.run("rotate --nonsense --format github").code(64).stdout_has("::error");
    let output = sandbox.run(&format!("readiness --nonsense --out-json score/r.json {SIDE}")).code(64);
    assert!(output.stdout.lines().last().unwrap().starts_with("| readiness | FAIL | READINESS="));
    assert_eq!(sandbox.json("score/r.json")["exit_code"], 64);
    assert!(sandbox.read("out/junit.xml").contains("--nonsense"));
    assert!(
        sandbox.read("out/last.prom").contains("mmops_last_run_exit_code{command=\"readiness-score\"} 64")
    );
    assert_eq!(sandbox.files(), ["out/junit.xml", "out/last.prom", "score/r.json"]);
    let line = "--root . --junit=root.xml tune apply --nonsense";
    let _ = sandbox.run(line).code(64).marker("| tune_apply | FAIL | TUNING_APPLY=ERROR |");
    assert!(sandbox.read("root.xml").contains("--nonsense"));
}

#[test]
fn an_answer_that_could_not_be_said_is_in_no_file() {
    let sandbox = pack();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(format!("{PACK} {SIDE}").split(' ')).current_dir(sandbox.root()).env_clear();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let status = command.env("MMOPS_NOW", NOW).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(!sandbox.path(REPORT).exists() && !sandbox.path(REPORT).with_extension("md").exists());
    assert!(sandbox.read("out/junit.xml").contains("failed to write stdout"));
    assert!(!WRITTEN.iter().any(|path| says_yes(&sandbox, path)));
}

#[test]
fn outputs_get_their_names_together() {
    let sandbox = pack();
    fs::create_dir_all(sandbox.path("artifacts/reports/PRE_LIVE_PACK.md")).unwrap();
    let _ = sandbox.run(&format!("{PACK} {SIDE}")).code(1).marker(FAILED);
    assert!(!WRITTEN.iter().any(|path| says_yes(&sandbox, path)), "{:?}", sandbox.files());
    let _ = sandbox.run(&format!("{PACK} --junit /dev/full")).code(1).marker(FAILED);
    assert!(!says_yes(&sandbox, REPORT));
}

#[test]
fn an_output_stays_what_it_was() {
    let sandbox = pack().file("real/junit.xml", "old").file("out/last.prom", "old");
    fs::create_dir_all(sandbox.path("out")).unwrap();
    symlink("../real/junit.xml", sandbox.path("out/junit.xml")).unwrap();
    fs::set_permissions(sandbox.path("out/last.prom"), fs::Permissions::from_mode(0o600)).unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root {
        std::os::unix::fs::chown(sandbox.path("out/last.prom"), Some(12_345), Some(12_345)).unwrap();
    }
    let _ = sandbox.run(&format!("{PACK} {SIDE}")).code(0);
    assert!(fs::symlink_metadata(sandbox.path("out/junit.xml")).unwrap().is_symlink());
    assert!(sandbox.read("real/junit.xml").contains("<testsuite"));
    let metrics = fs::metadata(sandbox.path("out/last.prom")).unwrap();
    // What is removed first has neither owner nor permissions to keep.
    assert!(sandbox.read("out/last.prom").contains("exit_code"));
    assert!(!is_root || metrics.uid() == 12_345, "{metrics:?}");
    assert_eq!(metrics.permissions().mode() & 0o777, 0o600);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn what_a_killed_run_left_unfinished_is_removed_by_the_next() {
    let sandbox = pack();
    for dir in ["artifacts/reports", "out", "elsewhere"] {
        sandbox.write(&format!("{dir}/.mmops-4194305-0.tmp"), "half");
    }
    let _ = sandbox.run(&format!("{PACK} {SIDE}")).code(0);
    let left: Vec<String> = sandbox.files().into_iter().filter(|path| path.contains(".mmops-")).collect();
    assert_eq!(left, ["elsewhere/.mmops-4194305-0.tmp"]);
}

#[test]
fn a_configuration_under_another_name_is_not_passed_over() {
    let plan = "steps:\n  - {name: step, argv: [/bin/false]}\n";
    for (file, root) in [
        ("deploy/release/pre_live.yml", "."),
        ("deploy/release/pre_live.json", "."),
        ("deploy/release/pre_live.yaml", "service/sub"),
        ("deploy/release/pre_live.toml", "service/sub"),
    ] {
        let sandbox = Sandbox::new().unrecorded("a list of refusals").file(file, plan).file(".git/HEAD", "x");
        fs::create_dir_all(sandbox.path("service/sub")).unwrap();
        let output = sandbox.run(&format!("--root {root} -q {PACK}")).code(1).marker(FAILED);
        assert!(output.stderr.contains(file), "{file}: {}", output.stderr);
    }
    let sandbox = Sandbox::new().unrecorded("a list of refusals").file("deploy/soak/gates.yml", "{}");
    let _ = sandbox.run("soak run --mock --iterations 3").code(3).stderr_has("deploy/soak/gates.yml");
    let sandbox = Sandbox::new().unrecorded("a list of refusals").file("deploy/tuning/grid.json", "{}");
    let _ = sandbox.run("tune sweep --dry-run").code(3).stderr_has("deploy/tuning/grid.json");
}

#[test]
fn a_report_names_the_configuration_that_it_goes_by() {
    let sandbox = pack();
    let of_plan = |document: &serde_json::Value| {
        let config = document["configs"][0].clone();
        assert_eq!(config["default"], "deploy/release/pre_live.yaml");
        (config["file"].clone(), config["sha256"].as_str().unwrap().len())
    };
    let printed = sandbox.run(&format!("{PACK} --format json")).code(0).json();
    assert_eq!(of_plan(&printed), ("deploy/release/pre_live.yaml".into(), 64));
    assert_eq!(of_plan(&sandbox.json(REPORT)), of_plan(&printed));
    let built_in = Sandbox::new().unrecorded("one field").run("soak run --mock --iterations 3 --format json");
    let config = built_in.json()["configs"].clone();
    assert_eq!((&config[0]["file"], &config[1]["file"]), (&"built-in".into(), &"built-in".into()));
}

#[test]
fn two_runs_of_one_command_wait_for_each_other() {
    let plan = "steps:\n  - {name: step, argv: [mkdir, busy]}\n  - {name: wait, argv: [sleep, '0.6'], needs: [step]}\n  - {name: end, argv: [rmdir, busy], needs: [wait]}\n";
    let sandbox = pack().file("deploy/release/pre_live.yaml", plan);
    let start = |more: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
        command.args(format!("{PACK} {more}").trim().split(' ')).current_dir(sandbox.root()).env_clear();
        command.env("PATH", "/usr/bin:/bin").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let runs = [start(""), start("")].map(|run| run.wait_with_output().unwrap());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told: String = runs.iter().map(|run| text(&run.stderr)).collect();
    assert!(runs.iter().all(|run| run.status.success()), "{told}");
    assert!(told.contains("waiting up to 1m for") && told.contains("another mmops"), "{told}");
    let first = start("");
    let lock = sandbox.path("artifacts/.mmops-pre-live-pack.lock");
    let holder = first.id().to_string();
    let is_held = || fs::read_to_string(&lock).is_ok_and(|text| text.contains(&holder));
    let begun = std::time::Instant::now();
    while !is_held() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = start(&format!("--lock-timeout 0s --report {REPORT}")).wait_with_output().unwrap();
    assert!(!sandbox.path(REPORT).exists(), "what the first writes is not the second's to write");
    assert_eq!(second.status.code(), Some(1));
    assert!(
        text(&second.stderr).contains(&format!("another mmops (pid {})", first.id())),
        "{}",
        text(&second.stderr)
    );
    assert!(first.wait_with_output().unwrap().status.success());
    assert!(!sandbox.files().iter().any(|path| path.contains(".lock")));
}

#[test]
fn a_pack_inside_a_pack_does_not_wait_for_itself() {
    let inner = "steps:\n  - {name: step, argv: [/bin/true]}\n";
    let argv = "[mmops, pre-live-pack, --dry-run, --plan, inner.yaml, --report, inner.json]";
    let outer = format!("steps:\n  - {{name: inner, argv: {argv}}}\n");
    let sandbox = pack().file("inner.yaml", inner).file("deploy/release/pre_live.yaml", outer);
    let output = bounded(&sandbox, PACK).code(0);
    assert!(output.stdout.lines().last().unwrap().contains("PRE_LIVE_PACK=DRYRUN"), "{}", output.stdout);
}

#[test]
fn a_working_directory_that_is_gone_matters_only_to_what_is_relative() {
    let sandbox = pack();
    let gone = sandbox.path("gone");
    fs::create_dir(&gone).unwrap();
    let script = format!("cd {gone} && rmdir {gone} && exec \"$0\" \"$@\"", gone = gone.display());
    let run = |args: &[&str]| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_mmops")]).args(args);
        command.env_clear().env("MMOPS_NOW", NOW).output().unwrap()
    };
    let root = sandbox.root().to_str().unwrap();
    let output = run(&["--root", root, "rotate", "--dry-run", "--days", "9"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    fs::create_dir(&gone).unwrap();
    let output = run(&["rotate", "--dry-run", "--days", "9"]);
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn variables_of_the_system_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt as _;
    let sandbox = pack();
    for name in ["PATH", "HOME", "TERM"] {
        let mut command = sandbox.command(PACK);
        command.env_clear();
        let command: &mut assert_cmd::Command = &mut command;
        command.env("MMOPS_NOW", NOW).env(name, std::ffi::OsStr::from_bytes(b"/bin:/\xff"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
