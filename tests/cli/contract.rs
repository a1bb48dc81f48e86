//! What every command promises: exit codes, streams, markers, formats, the global flags.

use crate::sandbox::{Output, Sandbox};
use serde_json::Value;
use std::fs::File;

const PLAN: &str = "steps:\n  - {name: a, argv: [/bin/true]}\n  - {name: b, argv: [/bin/false]}\n";
const PACK: &str = "pre-live-pack --dry-run --plan plan.yaml";

fn sandbox() -> Sandbox {
    Sandbox::new().file("plan.yaml", PLAN)
}

#[test]
fn a_wrong_command_line_is_64_and_says_so_on_stderr() {
    let output = Sandbox::new().run("no-such-command").code(64);
    assert_eq!(output.stdout, "");
}

#[test]
fn help_lists_every_exit_code() {
    let output = Sandbox::new().run("--help").code(0);
    assert_eq!(output.stderr, "");
}

#[test]
fn no_ambient_variable_but_the_registered_ones_is_read() {
    let plain = sandbox().run(PACK).stdout;
    let noisy =
        sandbox().env("RUST_LOG", "trace").env("COLUMNS", "20").env("LANG", "de_DE.UTF-8").run(PACK).stdout;
    assert_eq!(plain, noisy);
}

#[test]
fn json_is_one_document_with_sorted_keys_and_one_newline() {
    let output = sandbox().run(&format!("{PACK} --format json")).code(1);
    let document = output.json();
    assert_eq!(document["exit_code"], 1);
    assert_eq!(document["verdict"], "FAILED");
    assert_eq!(document["clock"], "frozen");
    assert!(output.stdout.ends_with("}\n"));
    let again = serde_json::to_string_pretty(&document).unwrap();
    assert_eq!(output.stdout.trim_end(), again);
}

#[test]
fn an_error_is_reported_in_every_format() {
    let line = "readiness validate missing.json";
    Sandbox::new().run(line).error(3);
    let document = Sandbox::new().run(&format!("{line} --format json")).code(3).json();
    assert_eq!(document["exit_code"], 3);
    assert!(document["rows"][0]["reasons"][0].as_str().unwrap().contains("missing.json"));
    assert_eq!(
        (&document["schema"], &document["command"]),
        (&"mmops.error.v1".into(), &"readiness validate".into())
    );
    assert_eq!(document["verdict"], "ERROR");
    conforms(&Sandbox::new(), "error", &document);
    // The two that promise 0 or 1 keep their own words.
    let line = "make-ready --plan none.yaml";
    let output = Sandbox::new().run(line).code(1).marker("| make_ready | FAIL | MAKE_READY=BLOCKED |");
    drop(output);
    let document = Sandbox::new().run(&format!("{line} --format json")).code(1).json();
    assert_eq!((&document["schema"], &document["verdict"]), (&"mmops.error.v1".into(), &"BLOCKED".into()));
    let line = "readiness validate missing.json";
    Sandbox::new().run(&format!("{line} --format github")).code(3);
    let sandbox = Sandbox::new();
    sandbox.run(&format!("{line} --junit out/junit.xml")).code(3);
}

#[test]
fn github_annotates_and_appends_to_the_step_summary() {
    let sandbox = sandbox().file("summary.md", "before\n");
    let summary = sandbox.path("summary.md");
    let sandbox = sandbox.env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    sandbox.run(&format!("{PACK} --format github")).code(1);
    let text = sandbox.read("summary.md");
    assert!(text.starts_with("before\n### PRE-LIVE PACK"), "{text}");
}

#[test]
fn junit_and_metrics_stand_beside_the_report() {
    let sandbox = sandbox();
    sandbox.run(&format!("{PACK} --junit j.xml --metrics-file m.prom")).code(1);
    sandbox.write("file", "x");
    sandbox.run(&format!("{PACK} --junit file/j.xml")).code(1);
    sandbox.run("readiness --junit file/j.xml").code(3);
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_5() {
    let sandbox = sandbox().file("plan.yaml", "steps: [{name: a, argv: [/bin/true]}]\n");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let binary = env!("CARGO_BIN_EXE_mmops");
    let run = |stdout: std::process::Stdio, line: &str| {
        let mut command = std::process::Command::new(binary);
        command.args(line.split(' ')).current_dir(sandbox.root()).stdout(stdout).status().unwrap().code()
    };
    assert_eq!(run(writer.into(), PACK), Some(0));
    let full = || File::options().write(true).open("/dev/full").unwrap();
    assert_eq!(run(full().into(), "schema"), Some(5));
    assert_eq!(run(full().into(), PACK), Some(1), "a clamped command has no other code");
}

#[test]
fn colour_is_only_for_terminals_or_on_request() {
    let line = |color: &str| sandbox().run(&format!("{PACK} --color {color}")).stdout;
    assert!(!line("auto").contains('\u{1b}'));
    assert!(line("always").contains("\u{1b}[31mFAIL\u{1b}[0m"));
    assert!(line("always").ends_with("| pre_live_pack | FAIL | PRE_LIVE_PACK=FAILED |\n"));
}

#[test]
fn root_is_where_every_relative_path_starts() {
    let sandbox = Sandbox::new().file("inner/plan.yaml", "steps: [{name: a, argv: [touch, here]}]\n");
    sandbox.run(&format!("--root inner {PACK}")).code(0);
    assert!(sandbox.path("inner/here").exists());
    assert!(sandbox.path("inner/artifacts/reports/PRE_LIVE_PACK.json").exists());
    sandbox.run("--root nowhere readiness").code(3);
    sandbox.run("--root inner/plan.yaml readiness").code(3);
}

#[test]
fn an_answer_without_a_root_is_stamped_by_the_frozen_clock() {
    for line in ["pre-live-pack --dry-run", "make-ready", "readiness"] {
        let sandbox = Sandbox::new().unrecorded("what is asserted is the stamp");
        let document = sandbox.run(&format!("--root nowhere --format json {line}")).json();
        assert_eq!(
            (&document["clock"], &document["made_at"]),
            (&"frozen".into(), &crate::sandbox::NOW.into()),
            "{line}"
        );
    }
}

#[test]
fn a_time_that_is_none_is_refused_with_its_name() {
    Sandbox::new().env("MMOPS_NOW", "today").run("readiness").code(3);
    Sandbox::new().env("CI_FAKE_UTC", "1970").run("readiness").code(3);
    Sandbox::new().run("--now yesterday readiness").code(64);
}

#[test]
fn completions_and_manual_pages_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        Sandbox::new().run(&format!("completions {shell}")).code(0);
    }
    Sandbox::new().run("man").code(0);
    Sandbox::new().run("man readiness validate").code(0);
    Sandbox::new().run("man readiness nonsense").code(64);
}

/// Removes what a schema cannot know and validates the document against `mmops schema NAME`.
#[track_caller]
pub fn conforms(sandbox: &Sandbox, name: &str, document: &Value) {
    let schema: Value = sandbox.run(&format!("schema {name}")).code(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{name}: {faults:?}");
}

#[test]
fn documents_conform_to_their_published_schemas() {
    let sandbox = sandbox().unrecorded("it runs the whole pack, of which the drill depends on the load");
    let pack = sandbox.run(&format!("{PACK} --format json"));
    conforms(&sandbox, "pre-live-pack", &pack.json());
    conforms(&sandbox, "pre-live-pack", &sandbox.json("artifacts/reports/PRE_LIVE_PACK.json"));
    conforms(&sandbox, "report", &pack.json());
    let score = sandbox.run("readiness score --format json");
    conforms(&sandbox, "readiness-score", &score.json());
    conforms(&sandbox, "readiness", &sandbox.json("artifacts/reports/readiness.json"));
    let validated = sandbox.run("readiness validate artifacts/reports/readiness.json --format json");
    conforms(&sandbox, "readiness-validate", &validated.json());
    let ready = sandbox.run("make-ready --format json");
    conforms(&sandbox, "make-ready", &ready.json());
    conforms(&sandbox, "make-ready", &sandbox.json("artifacts/reports/MAKE_READY.json"));
    Sandbox::new().run("schema nonsense").code(64);
}

/// A marker of an error claims nothing: no command says HOLD, FOUND or STALE of a file that is not there.
#[test]
fn what_could_not_be_asked_is_an_error_for_every_command() {
    for line in [
        "readiness score --reports none",
        "soak compare --baseline a --candidate b",
        "soak gate none",
        "soak report --src none",
        "soak daily --config none.yaml",
        "tune sweep --grid none.yaml",
        "tune apply --sweep none.json",
        "bundle create --plan none.yaml",
        "bundle verify none.zip",
        "canary checklist --bundle none",
        "scan-secrets none",
        "golden-compare --baseline a.json --actual b.json",
        "rotate --policy none.yaml",
        "rotate restore none.zip",
        "cron-sentinel",
        "sim feed --minutes 1 --out /dev/null/x",
    ] {
        let output = Sandbox::new().run(line);
        assert!(output.code.is_some_and(|code| code > 1), "{line}: {output:?}");
        let marker = output.stdout.lines().last().unwrap_or_default();
        assert!(marker.contains(" | FAIL | ") && marker.ends_with("=ERROR |"), "{line}: {marker}");
    }
}

/// What is delivered is what the schemas of configuration describe.
#[test]
fn the_delivered_configuration_conforms_to_its_schemas() {
    let delivered = [
        ("bundle-plan", "release/bundle.yaml"),
        ("make-ready-plan", "release/make_ready.yaml"),
        ("make-ready-plan", "release/make_ready_rehearsal.yaml"),
        ("pre-live-plan", "release/pre_live.yaml"),
        ("daily", "soak/daily.yaml"),
        ("gates", "soak/gates.yaml"),
        ("kpis", "soak/kpis.yaml"),
        ("margins", "soak/margins.yaml"),
        ("retention-policy", "ops/retention.yaml"),
        ("sentinel", "cron/sentinel.yaml"),
        ("tuning-grid", "tuning/grid.yaml"),
        ("tuning-limits", "tuning/limits.yaml"),
    ];
    for (name, path) in delivered {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path);
        let document = mmops::testing::yaml(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let schema = crate::conformity::schema(name);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{name} refuses {}: {faults:?}", path.display());
        let mut unknown = document;
        unknown["unknown_key"] = true.into();
        assert!(!validator.is_valid(&unknown), "{name} takes any key");
    }
}

#[test]
fn every_schema_is_listed_and_can_be_printed() {
    let Output { stdout, .. } = Sandbox::new().run("schema").code(0);
    assert!(stdout.lines().count() >= 6, "{stdout}");
    for name in stdout.lines() {
        let schema = Sandbox::new().run(&format!("schema {name}")).code(0).json();
        assert!(schema["properties"].is_object(), "{name}");
    }
}
