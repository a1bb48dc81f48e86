//! `mmops bundle`: archives that every tool reads and nobody can change unnoticed; releases that claim
//! only what their soak showed.

use crate::contract::conforms;
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ZIP: &str = "artifacts/release/mm-bot-v1.2.3.zip";
const CREATED: &str = "| bundle | OK | BUNDLE=CREATED |";
const FAILED: &str = "| bundle | FAIL | BUNDLE=FAILED |";
const VERIFIED: &str = "| bundle | OK | BUNDLE=VERIFIED |";

/// A root with every required file and one report.
pub fn tree() -> Sandbox {
    let sandbox = Sandbox::new()
        .file("VERSION", "1.2.3\n")
        .file("README.md", "# mm-bot\n")
        .file("CHANGELOG.md", "# Changelog\n")
        .file("deploy/prometheus/alerts_soak.yml", "groups: []\n")
        .file("deploy/policies/rollback.yaml", POLICY)
        .file("deploy/grafana/dashboards/mm_operability.json", "{}\n")
        .file("artifacts/reports/readiness.json", "{\"verdict\": \"GO\"}\n");
    sandbox.age("artifacts/reports/readiness.json", Duration::from_hours(24));
    sandbox
}

const POLICY: &str = r#"version: "1.0"
auto_rollback:
  enabled: true
  actions:
    - {type: scale_strategy, params: {target: 0}, description: "stop quoting, don't wait"}
    - {type: notify}
  verification:
    wait_seconds: 60
    checks:
      - {metric: mm_active_orders_total, condition: "== 0", timeout_seconds: 300}
executors:
  scale_strategy: {exec: [scale, --to, "{target}", "it's over; $(reboot)"]}
  notify: {http: {url: "http://page/oncall", body: {text: rolled back}}}
"#;

pub fn sha256(sandbox: &Sandbox) -> String {
    sandbox.read(&format!("{ZIP}.sha256")).split(' ').next().unwrap().to_owned()
}

/// Whether a program is there; a test that needs it says so when it is not, or fails where it must run.
pub fn has(program: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success();
    let required = std::env::var_os("MMOPS_REQUIRE_REAL").is_some();
    assert!(found || !required, "{program} is missing");
    if !found {
        eprintln!("notice: {program} is not installed; its opinion was not asked");
    }
    found
}

#[track_caller]
fn agrees(program: &str, args: &[&str], dir: &Path) {
    if has(program) {
        let output = Command::new(program).args(args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn a_bundle_is_read_by_every_tool_and_verified_by_its_own() {
    let sandbox = tree().file("data/large.csv", b"ts,px,qty\n".repeat(250_000)).file("data/empty", "");
    sandbox.write("data/run.sh", "#!/bin/sh\n");
    fs::set_permissions(sandbox.path("data/run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
    sandbox.run("bundle create --include data/**").code(0).marker(CREATED);
    let dir = sandbox.path("artifacts/release");
    let name = "mm-bot-v1.2.3.zip";
    agrees("unzip", &["-tq", name], &dir);
    agrees("7z", &["t", name], &dir);
    agrees("python3", &["-m", "zipfile", "-t", name], &dir);
    agrees("sha256sum", &["-c", "mm-bot-v1.2.3.zip.sha256"], &dir);
    sandbox.run(&format!("bundle verify {ZIP}")).code(0).marker(VERIFIED);
    let out = sandbox.path("deployed");
    fs::create_dir(&out).unwrap();
    zip::ZipArchive::new(fs::File::open(sandbox.path(ZIP)).unwrap()).unwrap().extract(&out).unwrap();
    let manifest = sandbox.json("deployed/MANIFEST.json");
    assert_eq!(manifest["version"], "1.2.3");
    assert_eq!(manifest["clock"], "frozen");
    conforms(&sandbox, "bundle-manifest", &manifest);
    assert_eq!(fs::metadata(out.join("data/run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
    sandbox.run("bundle verify deployed").code(0).marker(VERIFIED);
    sandbox.run(&format!("bundle verify {ZIP} --against deployed")).code(0).marker(VERIFIED);
    sandbox.write("deployed/VERSION", "1.2.4\n");
    sandbox.run(&format!("bundle verify {ZIP} --against deployed")).code(1).marker(FAILED);
    sandbox.run("bundle verify deployed").code(1);
    fs::remove_file(out.join("README.md")).unwrap();
    symlink("VERSION", out.join("README.md")).unwrap();
    sandbox.run("bundle verify deployed").code(1);
}

#[test]
fn the_same_files_make_the_same_bytes() {
    let sandbox = tree().file("data/a.csv", b"1,2,3\n".repeat(400_000)).file("Cargo.lock", LOCK);
    let make = |line: &str| {
        sandbox.run(&format!("bundle create --replace --sbom --include data/* {line}")).code(0);
        sha256(&sandbox)
    };
    let first = make("--jobs 1");
    assert_eq!(make("--jobs 2"), first);
    assert_eq!(make("--jobs 9"), first);
    sandbox.age("README.md", Duration::from_secs(77));
    fs::set_permissions(sandbox.path("README.md"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(make(""), first);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = sandbox.command("--root");
    command.arg(sandbox.root()).args(["bundle", "create", "--replace", "--sbom", "--include", "data/*"]);
    assert!(command.current_dir(elsewhere.path()).output().unwrap().status.success());
    assert_eq!(sha256(&sandbox), first);
    sandbox.write("README.md", "# mm-bot!\n");
    assert_ne!(make(""), first);
}

#[test]
fn source_date_epoch_fixes_the_time_and_bare_bundle_creates() {
    let real = Sandbox::real_time();
    for name in ["VERSION", "README.md", "CHANGELOG.md", "deploy/prometheus/alerts_soak.yml"] {
        real.write(name, "1.2.3\n");
    }
    real.write("deploy/policies/rollback.yaml", POLICY);
    real.write("deploy/grafana/dashboards/mm_operability.json", "{}");
    let real = real.env("SOURCE_DATE_EPOCH", "0");
    real.run("bundle").code(0).marker(CREATED);
    let first = sha256(&real);
    real.run("bundle").code(0);
    assert_eq!(sha256(&real), first);
    let verified = real.run(&format!("bundle verify {ZIP} --format json")).code(0).json();
    assert_eq!(verified["created_at"], "1970-01-01T00:00:00Z");
    real.env("SOURCE_DATE_EPOCH", "soon").run("bundle").code(3);
}

#[test]
fn what_is_missing_or_empty_is_named_and_nothing_is_left() {
    let sandbox = tree();
    fs::remove_file(sandbox.path("README.md")).unwrap();
    sandbox.write("deploy/prometheus/alerts_soak.yml", "");
    let before = sandbox.files();
    sandbox.run("bundle").error(3);
    assert_eq!(sandbox.files(), before);
    assert!(!sandbox.path("artifacts/release").exists());
    Sandbox::new().run("bundle").error(3);
    Sandbox::new().run("bundle --version 1.0.0").code(3);
    tree().run("bundle --include nothing/*").code(3);
    tree().run("bundle --include ../*").code(3);
}

#[test]
fn a_version_is_the_flag_then_the_variable_then_the_file() {
    let version = |sandbox: Sandbox, line: &str| sandbox.run(line).code(0).json()["bundle_version"].clone();
    assert_eq!(version(tree(), "bundle create --format json"), "1.2.3");
    assert_eq!(version(tree().env("MM_VERSION", "2.0.0-rc.1"), "bundle create --format json"), "2.0.0-rc.1");
    tree().env("MM_VERSION", "2.0.0").run("bundle create --version 3.0.0+x").code(0);
    for bad in ["1.2", "v1.2.3", "1.2.3/../x", "latest"] {
        tree().run(&format!("bundle create --version {bad}")).code(3);
    }
    tree().run("bundle create --name ../x").code(3);
}

#[test]
fn reports_are_left_out_when_old_and_refused_from_the_future() {
    let sandbox = tree();
    for (name, hours) in
        [("old.json", 24 * 8), ("REPORT_SOAK_20260301.json", 0), ("REPORT_SOAK_20260310.json", 999)]
    {
        sandbox.write(&format!("artifacts/reports/{name}"), "{}");
        sandbox.age(&format!("artifacts/reports/{name}"), Duration::from_hours(hours));
    }
    let report = sandbox.run("bundle create --format json").code(0).json();
    assert_eq!(report["files"], 8 + 2);
    assert_eq!(report["left_out"].as_array().unwrap().len(), 2, "{}", report["left_out"]);
    sandbox.write("artifacts/reports/REPORT_SOAK_20260312.json", "{}");
    sandbox.run("bundle").code(3);
}

/// A root with one report that is older than the plan allows, and the plan.
fn stale(line: &str) -> Sandbox {
    let sandbox = Sandbox::new().file("VERSION", "0.9.0").file("x/a.json", "{}");
    sandbox.age("x/a.json", Duration::from_hours(3));
    sandbox.write("plan.yaml", format!("name: other\nout: dist\ncontents:\n{line}"));
    sandbox
}

#[test]
fn required_evidence_that_is_too_old_is_missing_evidence() {
    for source in ["glob: 'x/*.json'", "path: x/a.json"] {
        let sandbox = stale(&format!(
            "  - {{path: VERSION, description: v}}\n  - {{{source}, description: e, max_age: 2h}}\n"
        ));
        sandbox.run("bundle create --plan plan.yaml").error(3);
        assert!(!sandbox.path("dist").exists());
        sandbox.write("x/b.json", "{}");
        sandbox.age("x/b.json", Duration::from_hours(1));
        let code = if source.starts_with("glob") { 0 } else { 3 };
        sandbox.run("bundle create --plan plan.yaml").code(code);
    }
}

#[test]
fn what_is_in_the_bundle_is_not_said_to_be_left_out() {
    let old = "{glob: 'x/*.json', description: e, max_age: 2h, required: false}";
    let sandbox = stale(&format!("  - {{path: x/a.json, description: a}}\n  - {old}\n  - {old}\n"));
    sandbox.write("x/b.json", "{}");
    sandbox.age("x/b.json", Duration::from_hours(3));
    let report = sandbox.run("bundle create --plan plan.yaml --format json").code(0).json();
    assert_eq!(report["left_out"], json!(["`x/b.json` is 3h old, the limit is 2h"]));
}

#[test]
fn earlier_archives_are_not_packed() {
    let sandbox = Sandbox::new().file("VERSION", "0.9.0").file("dist/sub/a.txt", "a");
    let line = "  - {path: VERSION, description: v}\n  - {glob: 'dist/**', description: d}\n";
    sandbox.write("plan.yaml", format!("name: other\nout: dist\ncontents:\n{line}"));
    sandbox.run("bundle create --plan plan.yaml").code(0);
    let first = sandbox.read("dist/other-v0.9.0.zip.sha256");
    for out in ["dist", "plan/../dist/../dist"] {
        fs::create_dir_all(sandbox.path("plan")).unwrap();
        sandbox.run(&format!("bundle create --plan plan.yaml --out {out}")).code(0);
        assert_eq!(sandbox.read("dist/other-v0.9.0.zip.sha256"), first, "{out}");
    }
    let line = "  - {path: VERSION, description: v}\n  - {glob: 'dist/*.zip', description: d}\n";
    sandbox.write("plan.yaml", format!("name: other\nout: dist\ncontents:\n{line}"));
    sandbox.run("bundle create --replace --plan plan.yaml").code(3);
}

#[test]
fn a_bundle_that_could_not_be_verified_is_not_made() {
    let sandbox = Sandbox::new().file("VERSION", "0.9.0");
    for i in 0..100 {
        sandbox.write(&format!("x/{i}"), "x");
    }
    let entry = json!({"glob": "x/*", "description": "d".repeat(700 << 10)});
    sandbox.write("plan.json", json!({"name": "other", "out": "dist", "contents": [entry]}).to_string());
    sandbox.run("bundle create --plan plan.json").error(3);
    assert!(!sandbox.path("dist").exists());
}

#[test]
fn what_is_neither_a_file_nor_a_folder_is_not_verified() {
    let sandbox = tree();
    sandbox.run("bundle verify /dev/zero").error(3);
    assert!(Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap().success());
    sandbox.run("bundle verify pipe").error(3);
}

#[test]
fn a_part_of_a_tree_that_cannot_be_read_is_a_refusal() {
    // What is left out of the long path depends on where the root is.
    let sandbox = tree().hide((r"d[d/]{200,}( \[\.\.\. \d+ bytes not shown \.\.\.\] [d/]*)?", "[DEEP]"));
    sandbox.run("bundle").code(0);
    // Deeper than a path may be long, which not even the superuser can list by its path.
    let name = "d".repeat(250);
    let nest = format!(
        "mkdir deployed && cd -P deployed && for i in $(seq 20); do mkdir {name} && cd -P {name}; done"
    );
    let made = Command::new("bash").args(["-c", &nest]).current_dir(sandbox.root()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let output = sandbox.run(&format!("bundle verify {ZIP} --against deployed --format json")).code(1);
    let report = output.json();
    let refused = |refusal: &Value| {
        refusal["kind"] == "unreadable"
            && refusal["detail"].as_str().unwrap().starts_with("a part of the tree")
    };
    assert!(report["refusals"].as_array().unwrap().iter().any(refused), "{report}");
}

#[test]
fn what_does_not_belong_into_an_archive_is_refused_with_its_name() {
    let refused = |prepare: &dyn Fn(&Sandbox)| {
        let sandbox = tree().file("in/a", "x");
        prepare(&sandbox);
        sandbox.run("bundle --include in/**").error(3);
        assert!(!sandbox.path("artifacts/release").exists());
    };
    refused(&|sandbox| symlink("/etc/hostname", sandbox.path("in/l")).unwrap());
    refused(&|sandbox| symlink("../../x", sandbox.path("in/l")).unwrap());
    refused(&|sandbox| symlink("nowhere", sandbox.path("in/l")).unwrap());
    refused(&|sandbox| sandbox.write("in/A", "y"));
    refused(&|sandbox| sandbox.write("in/b\\c", "y"));
    refused(&|sandbox| sandbox.write("in/b\nc", "y"));
    let fifo = |sandbox: &Sandbox| {
        assert!(Command::new("mkfifo").arg(sandbox.path("in/p")).status().unwrap().success());
    };
    refused(&fifo);
    let sandbox = tree().file("in/a", "x");
    symlink("a", sandbox.path("in/inside")).unwrap();
    sandbox.run("bundle --include in/**").code(0).marker(CREATED);
}

#[test]
fn a_plan_of_ones_own_is_obeyed_and_checked() {
    let sandbox = Sandbox::new().file("VERSION", "0.9.0").file("x/a.txt", "a").file("x/b.txt", "b");
    sandbox.write(
        "plan.yaml",
        "name: other\nout: dist\ncontents:\n  - {glob: 'x/*.txt', into: docs, description: d}\n",
    );
    let report = sandbox.run("bundle create --plan plan.yaml --format json").code(0).json();
    assert_eq!(report["archive"], "dist/other-v0.9.0.zip");
    conforms(&sandbox, "bundle-create", &report);
    sandbox.write("plan.yaml", "name: other\nout: dist\ncontents:\n  - {globs: 'x/*', description: d}\n");
    sandbox.run("bundle create --plan plan.yaml").code(3);
    sandbox.write("plan.yaml", "name: other\nout: dist\ncontents: []\n");
    sandbox.run("bundle create --plan plan.yaml").code(3);
    sandbox.run("bundle create --plan none.yaml").code(3);
}

const LOCK: &str = r#"version = 4

[[package]]
name = "serde"
version = "1.0.229"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "4a5f13b858c8d314ee3e8f639011f7ccefe71f97f96e50151fb991f267928e2c"
"#;

#[test]
fn a_bill_of_materials_lists_what_the_lock_files_pin() {
    let sandbox = tree().file("Cargo.lock", LOCK).file("requirements.txt", "numpy==2.0.1\npandas\n");
    sandbox.run("bundle create --sbom").code(0);
    if has("unzip") {
        let dir = sandbox.path("artifacts/release");
        let out = Command::new("unzip")
            .args(["-p", "mm-bot-v1.2.3.zip", "SBOM.cdx.json"])
            .current_dir(dir)
            .output();
        let bill: Value = serde_json::from_slice(&out.unwrap().stdout).unwrap();
        let purls: Vec<&str> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["purl"].as_str().unwrap())
            .collect();
        assert_eq!(purls, ["pkg:cargo/serde@1.0.229", "pkg:pypi/numpy@2.0.1", "pkg:pypi/pandas"]);
    }
    sandbox.run(&format!("bundle verify {ZIP}")).code(0).marker(VERIFIED);
    let statement = sandbox.json(&format!("{ZIP}.provenance.json"));
    assert_eq!(statement["subject"][0]["digest"]["sha256"], sha256(&sandbox));
    tree().run("bundle --sbom").code(3);
    sandbox.write("Cargo.lock", "[[package]]\n");
    sandbox.run("bundle --sbom").code(3);
    sandbox.write("Cargo.lock", "");
    sandbox.run("bundle --sbom").code(3);
}

/// A key of the test, and what it signed.
const SIGNATURE: (&str, &str) = ("[A-Za-z0-9+/]{72,}={0,2}", "[SIGNATURE]");

/// A pair of keys of the minisign crate, without a password.
pub fn keys(sandbox: &Sandbox, name: &str) {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    sandbox.write(&format!("{name}.key"), pair.sk.to_box(None).unwrap().to_string());
    sandbox.write(&format!("{name}.pub"), pair.pk.to_box().unwrap().to_string());
}

#[test]
fn a_signature_is_made_required_and_bound_to_the_name() {
    let sandbox = tree().hide(SIGNATURE);
    keys(&sandbox, "ours");
    keys(&sandbox, "theirs");
    sandbox.run("bundle --sign ours.key").code(0);
    agrees("minisign", &["-V", "-p", "ours.pub", "-m", ZIP], sandbox.root());
    let report = sandbox.run(&format!("bundle verify {ZIP} --key ours.pub --format json")).code(0).json();
    assert!(
        report["trusted_comment"].as_str().unwrap().contains("\tfile:mm-bot-v1.2.3.zip\tversion:1.2.3\t")
    );
    conforms(&sandbox, "bundle-verify", &report);
    sandbox.run(&format!("bundle verify {ZIP} --key theirs.pub")).code(1).marker(FAILED);
    sandbox.run(&format!("bundle verify {ZIP}")).code(0);
    let copy = "artifacts/release/other.zip";
    for ending in ["", ".minisig"] {
        fs::copy(sandbox.path(&format!("{ZIP}{ending}")), sandbox.path(&format!("{copy}{ending}"))).unwrap();
    }
    sandbox.run(&format!("bundle verify {copy} --key ours.pub")).code(1);
    // Without a key the next bundle has no signature, and none of the one before.
    sandbox.run("bundle").code(0);
    assert!(!sandbox.path(&format!("{ZIP}.minisig")).exists());
    sandbox.run(&format!("bundle verify {ZIP} --key ours.pub")).code(1);
    sandbox.run("bundle --sign none.key").code(3);
    sandbox.run("bundle --sign README.md").code(3);
    sandbox.run(&format!("bundle verify {ZIP} --key README.md")).code(3);
}

#[test]
fn keys_of_the_minisign_program_sign_too() {
    if !has("minisign") {
        return;
    }
    let sandbox = tree().unrecorded("the program may not be there");
    agrees("minisign", &["-G", "-W", "-p", "k.pub", "-s", "k.key"], sandbox.root());
    sandbox.run("bundle --sign k.key").code(0).marker(CREATED);
    agrees("minisign", &["-V", "-p", "k.pub", "-m", ZIP], sandbox.root());
    sandbox.run(&format!("bundle verify {ZIP} --key k.pub")).code(0).marker(VERIFIED);
}

#[test]
fn a_bundle_that_was_touched_is_refused() {
    let sandbox = tree();
    sandbox.run("bundle").code(0);
    let good = fs::read(sandbox.path(ZIP)).unwrap();
    let mut bytes = good.clone();
    bytes[good.len() / 2] ^= 4;
    fs::write(sandbox.path(ZIP), &bytes).unwrap();
    sandbox.run(&format!("bundle verify {ZIP}")).code(1).marker(FAILED);
    fs::write(sandbox.path(ZIP), &good[..good.len() - 9]).unwrap();
    sandbox.run(&format!("bundle verify {ZIP}")).code(1);
    fs::write(sandbox.path(ZIP), "").unwrap();
    sandbox.run(&format!("bundle verify {ZIP}")).code(1);
    fs::write(sandbox.path(ZIP), &good).unwrap();
    for text in [
        "",
        &*format!("{}  other.zip\n", "ab".repeat(32)),
        &*format!("{}  mm-bot-v1.2.3.zip\n", "ab".repeat(32)),
    ] {
        sandbox.write(&format!("{ZIP}.sha256"), text);
        sandbox.run(&format!("bundle verify {ZIP}")).code(1);
    }
    fs::remove_file(sandbox.path(&format!("{ZIP}.sha256"))).unwrap();
    sandbox.run(&format!("bundle verify {ZIP}")).code(1);
    sandbox.run("bundle verify none.zip").code(3);
    sandbox.run("bundle verify deploy").code(1);
}

#[test]
fn a_bundle_that_is_stopped_leaves_nothing() {
    let sandbox = tree().file("data/large", vec![7; 64 << 20]);
    let before = sandbox.files();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["bundle", "create", "--include", "data/*", "--jobs", "1"])
        .current_dir(sandbox.root())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !sandbox.path("artifacts/release").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began to write");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(sandbox.files(), before);
    assert!(!sandbox.path("artifacts/release").exists());
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let sandbox = tree().file("taken", "");
    sandbox.run("bundle --out taken/x").error(3);
}

/// A run directory whose soak passed.
pub fn run_dir(sandbox: &Sandbox) {
    let kpi = |mean: f64| json!({"mean": mean, "median": mean, "min": mean, "max": mean, "trend": "flat"});
    let snapshot = json!({
        "schema_version": "1.2", "timestamp": "2026-03-09T12:00:00+00:00", "verdict": "PASS",
        "iterations_total": 36, "iterations_analyzed": [29, 30, 31, 32, 33, 34, 35, 36],
        "kpi_last_n": {
            "maker_taker_ratio": kpi(0.85), "p95_latency_ms": kpi(180.0), "risk_ratio": kpi(0.3), "net_bps": kpi(5.95),
        },
        "goals_met": {"maker_taker_ok": true, "p95_latency_ok": true, "risk_ok": true, "net_bps_ok": true},
        "freeze_ready": true,
    });
    sandbox.write("run/reports/analysis/POST_SOAK_SNAPSHOT.json", snapshot.to_string());
    for name in ["POST_SOAK_AUDIT.md", "RECOMMENDATIONS.md", "FAILURES.md"] {
        sandbox.write(&format!("run/reports/analysis/{name}"), "# Report\n\nnothing to say\n");
    }
    let verify = json!({"verdict": "PASS", "full_apply_ratio": 1.0});
    sandbox.write("run/reports/analysis/DELTA_VERIFY_REPORT.json", verify.to_string());
    sandbox.write("run/runtime_overrides.json", OVERRIDES);
}

const OVERRIDES: &str = r#"{"min_interval_ms": 60, "replace_rate_per_min": 300, "impact_cap_ratio": 0.1,
  "tail_age_ms": 600, "max_delta_ratio": 0.15, "base_spread_bps_delta": 0.05}"#;
pub const RELEASE: &str = "bundle release --src run --legacy-snapshot --allow-simulated --out release/r1";

pub fn release_tree() -> Sandbox {
    let sandbox = tree();
    run_dir(&sandbox);
    sandbox
}

fn edited(sandbox: &Sandbox, path: &str, pointer: &str, value: Value) {
    let mut document = sandbox.json(path);
    match document.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => {
            document.as_object_mut().unwrap().insert(pointer[1..].to_owned(), value);
        }
    }
    sandbox.write(path, document.to_string());
}

const SNAPSHOT: &str = "run/reports/analysis/POST_SOAK_SNAPSHOT.json";
const DELTAS: &str = "run/reports/analysis/DELTA_VERIFY_REPORT.json";

#[test]
fn a_release_is_complete_verifies_and_its_commands_parse() {
    let sandbox = release_tree();
    let report = sandbox.run(&format!("{RELEASE} --format json")).code(0).json();
    conforms(&sandbox, "bundle-release", &report);
    assert_eq!(report["verdict"], "RELEASE");
    let files: Vec<String> =
        sandbox.files().into_iter().filter(|file| file.starts_with("release/")).collect();
    let expected = [
        "CANARY_CHECKLIST.md",
        "CHANGELOG.md",
        "DELTA_VERIFY_REPORT.json",
        "FAILURES.md",
        "MANIFEST.json",
        "POST_SOAK_AUDIT.md",
        "POST_SOAK_SNAPSHOT.json",
        "RECOMMENDATIONS.md",
        "RELEASE_SUMMARY.json",
        "RELEASE_SUMMARY.md",
        "rollback_plan.md",
        "soak_profile.runtime_overrides.json",
    ];
    assert_eq!(files, expected.map(|name| format!("release/r1/{name}")));
    let plan = sandbox.read("release/r1/rollback_plan.md");
    assert!(parses_as_shell(&plan) >= 5);
    sandbox.run("bundle verify release/r1").code(0).marker(VERIFIED);
    sandbox.run(RELEASE).code(3);
    sandbox.write("release/r1/NOTES.md", "x");
    sandbox.run("bundle verify release/r1").code(1);
}

/// Runs `bash -n` over every shell block; returns how many there are.
pub fn parses_as_shell(markdown: &str) -> usize {
    let blocks: Vec<&str> =
        markdown.split("```bash\n").skip(1).map(|part| part.split("\n```").next().unwrap()).collect();
    for block in &blocks {
        let output = Command::new("bash").args(["-n", "-c", block]).output().unwrap();
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    blocks.len()
}

/// Every command of ours in the documents of a release, as a shell takes it, is one that mmops takes.
#[test]
fn every_command_of_mmops_in_a_release_is_one_that_it_takes() {
    let sandbox = release_tree().unrecorded("what is written is recorded elsewhere");
    let _ = sandbox.run(RELEASE).code(0);
    let mut taken = Vec::new();
    for name in ["rollback_plan.md", "CANARY_CHECKLIST.md"] {
        let text = sandbox.read(&format!("release/r1/{name}"));
        for line in text.lines().filter(|line| line.starts_with("mmops ")) {
            let words = format!("mmops() {{ printf '%s\\n' mmops \"$@\"; }}; {line}");
            let output = Command::new("bash").args(["-euc", &words]).output().unwrap();
            let words: Vec<String> =
                String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
            mmops::testing::takes(&words).unwrap_or_else(|error| panic!("{name}: {line}: {error}"));
            taken.push(words[1..3].join(" "));
        }
    }
    assert_eq!(taken, ["tune rollback", "bundle verify"]);
}

#[test]
fn a_soak_that_is_no_evidence_makes_no_release() {
    for (path, pointer, value, reason) in [
        (SNAPSHOT, "/verdict", json!("FAIL"), "the soak's verdict is FAIL"),
        (SNAPSHOT, "/simulated", json!(true), "the soak was simulated"),
        (SNAPSHOT, "/goals_met/risk_ok", json!(false), "goals were not met: risk_ok"),
        (SNAPSHOT, "/clock", json!("frozen"), "the soak was simulated"),
        (SNAPSHOT, "/timestamp", json!("2099-01-01T00:00:00Z"), "clock: the snapshot was made"),
        (SNAPSHOT, "/timestamp", json!("2019-03-09T12:00:00Z"), "the limit is 7days"),
        (SNAPSHOT, "/goals_met", json!({"x": true}), "whether maker share met its goal"),
        (SNAPSHOT, "/kpi_last_n/p95_latency_ms/max", json!(499.0), "the goal of a release is <= 340"),
        (SNAPSHOT, "/anomalies_count", json!(5), "anomalies_count is 5"),
        (SNAPSHOT, "/mode", json!("mock"), "the soak was simulated"),
        (
            SNAPSHOT,
            "/kpi_last_n/maker_taker_ratio",
            json!({"mean": 0.2, "median": 0.2, "min": 0.2, "max": 0.2}),
            "maker share was 0.2; a live release is rolled back at < 0.70",
        ),
        (DELTAS, "/verdict", json!("FAIL"), "its verdict is `FAIL`"),
        (DELTAS, "/simulated", json!(true), "it is simulated and the soak is not"),
        (DELTAS, "/iterations_total", json!(40), "it is of another run: its iterations_total is 40"),
        (DELTAS, "/applied_iterations", json!([3, 77]), "it is of another run: applied_iterations has 77"),
        (DELTAS, "/timestamp", json!("2026-02-09T12:00:00Z"), "it is of another run: it was made at"),
        (DELTAS, "/clock", json!("frozen"), "it is simulated and the soak is not"),
        (
            "run/runtime_overrides.json",
            "/impact_cap_ratio",
            json!(-0.01),
            "overrides break bounds.impact_cap_ratio",
        ),
        ("run/runtime_overrides.json", "/risk", json!({"max": 1}), "overrides have a block `risk`"),
    ] {
        let sandbox = release_tree();
        edited(&sandbox, path, pointer, value);
        let line = RELEASE.replace(" --allow-simulated", "");
        sandbox.run(&line).code(1).marker(FAILED).stdout_has(reason);
        assert!(!sandbox.path("release").exists(), "{reason}");
    }
    let sandbox = release_tree();
    sandbox.write("run/reports/analysis/FAILURES.md", "# Failures\n");
    sandbox.run(RELEASE).code(1);
}

#[test]
fn a_run_that_is_incomplete_or_unreadable_makes_no_release() {
    let sandbox = release_tree();
    fs::remove_file(sandbox.path("run/reports/analysis/FAILURES.md")).unwrap();
    fs::remove_file(sandbox.path("run/runtime_overrides.json")).unwrap();
    sandbox.run(RELEASE).error(3);
    let sandbox = release_tree();
    edited(&sandbox, SNAPSHOT, "/kpi_last_n/net_bps/mean", json!("NaN"));
    sandbox.run(RELEASE).code(3);
    let sandbox = release_tree();
    for (pointer, value) in [
        ("/iterations_analyzed", json!([36, 36, 36])),
        ("/iterations_analyzed", json!([0])),
        ("/iterations_total", json!(0)),
        ("/timestamp", json!(null)),
        ("/kpi_last_n/net_bps/max", json!(1.0)),
        ("/kpi_last8", json!({"net_bps": {}})),
        ("/verdict", json!("PASS\nBUNDLE=RELEASE")),
    ] {
        let before = sandbox.read(SNAPSHOT);
        edited(&sandbox, SNAPSHOT, pointer, value);
        sandbox.run(RELEASE).error(3);
        sandbox.write(SNAPSHOT, before);
    }
    sandbox.write(SNAPSHOT, "{\"verdict\": \"PASS\",");
    sandbox.run(RELEASE).code(3);
    tree().run(RELEASE).code(3);
    tree().file("run/x", "").run(RELEASE).code(3);
    let sandbox = release_tree();
    sandbox.write("deploy/policies/rollback.yaml", POLICY.replace("  notify: {http", "  other: {http"));
    sandbox.run(RELEASE).code(1);
    fs::remove_file(sandbox.path("deploy/policies/rollback.yaml")).unwrap();
    sandbox.run(RELEASE).code(3);
    assert!(!sandbox.path("release").exists());
}

#[test]
fn a_release_takes_everything_from_one_run() {
    // What the bot runs with now lies beside the runs.
    let sandbox = release_tree();
    fs::remove_file(sandbox.path("run/runtime_overrides.json")).unwrap();
    sandbox.write("runtime_overrides.json", OVERRIDES);
    sandbox.run(RELEASE).error(3);
    // The same where the run is the newest one below the directory that was named.
    let sandbox = release_tree();
    fs::create_dir(sandbox.path("all")).unwrap();
    fs::rename(sandbox.path("run"), sandbox.path("all/latest")).unwrap();
    let line = RELEASE.replace("--src run ", "--src all ");
    let other = OVERRIDES.replace("600", "601");
    sandbox.write("all/runtime_overrides.json", &other);
    sandbox.run(&line).code(0).stdout_has("this is the newest one in it");
    assert_eq!(sandbox.read("release/r1/soak_profile.runtime_overrides.json"), OVERRIDES);
    fs::remove_dir_all(sandbox.path("release")).unwrap();
    fs::remove_file(sandbox.path("all/latest/runtime_overrides.json")).unwrap();
    sandbox.run(&line).code(3);
    // A report of the same name elsewhere is about another run.
    let sandbox = release_tree();
    fs::rename(sandbox.path(DELTAS), sandbox.path("run/DELTA_VERIFY_REPORT.json")).unwrap();
    sandbox.run(RELEASE).code(3);
    assert!(!sandbox.path("release").exists());
}

/// What a run has kept is judged again, whatever its reports say.
#[test]
fn a_release_of_a_run_is_made_of_what_the_run_kept() {
    let sandbox = tree();
    let _ = sandbox.run("--quiet soak run --mock --gates smoke --iterations 8").code(0);
    let run = "artifacts/soak/latest";
    let release = format!("bundle release --src {run} --allow-simulated --out release/r1");
    sandbox.run(&release.replace(" --allow-simulated", "")).code(1).stdout_has("a simulation is no evidence");
    sandbox.run(&format!("{release} --legacy-snapshot")).error(64);
    sandbox.run(&release.replace(run, "release")).error(3);
    // Without its plan it is no run that kept nothing to judge.
    let _ = sandbox.run(&format!("--quiet soak report --mock --src {run}")).code(0);
    let plan = sandbox.path(&format!("{run}/RUN.json"));
    fs::rename(&plan, plan.with_file_name("away")).unwrap();
    let _ = sandbox
        .run(&format!("{release} --legacy-snapshot"))
        .error(3)
        .stderr_has("has `JOURNAL.jsonl`, and no plan to judge it by");
    fs::rename(plan.with_file_name("away"), &plan).unwrap();
    // A report that says more than the run is not read.
    let analysis = format!("{run}/reports/analysis");
    sandbox.write(&format!("{analysis}/POST_SOAK_SNAPSHOT.json"), "{}");
    sandbox.write(&format!("{analysis}/FAILURES.md"), "# Failures\n\nnone\n");
    let report = sandbox.run(&format!("{release} --format json")).code(0).json();
    assert_eq!((&report["legacy"], &report["simulated"]), (&json!(false), &json!(true)));
    let snapshot = sandbox.json("release/r1/POST_SOAK_SNAPSHOT.json");
    assert_eq!(snapshot["iterations_analyzed"], json!([1, 2, 3, 4, 5, 6, 7, 8]));
    assert!(!sandbox.read("release/r1/FAILURES.md").contains("none\n"));
    let summary = sandbox.json("release/r1/RELEASE_SUMMARY.json");
    assert_eq!((&summary["legacy"], &summary["simulated"]), (&json!(false), &json!(true)));
    let hash =
        |name: &str| mmops::testing::hash::sha256(fs::read(sandbox.path(&format!("{run}/{name}"))).unwrap());
    for (at, name) in ["RUN.json", "JOURNAL.jsonl", "samples.bin"].into_iter().enumerate() {
        assert_eq!(summary["judged_from"][at], json!({"path": name, "sha256": hash(name)}));
    }
    sandbox.run("bundle verify release/r1").code(0);
    fs::remove_dir_all(sandbox.path("release")).unwrap();
    // Seven iterations are too few, also where all their gates hold.
    let thin = tree().unrecorded("asserted here");
    let _ = thin.run("soak run --mock --gates smoke --iterations 7").code(0);
    thin.run(&release).code(1).stdout_has("7 iterations were analysed");
}

/// A sample of all places of each file that a run has kept.
#[test]
fn a_run_that_was_changed_makes_no_release() {
    let sandbox = tree().unrecorded("asserted here");
    let _ = sandbox.run("soak run --mock --gates smoke --iterations 8").code(0);
    let release = "bundle release --src artifacts/soak/latest --allow-simulated --out release/r1";
    let changed = |name: &str, text: &[u8]| {
        let path = format!("artifacts/soak/latest/{name}");
        let before = fs::read(sandbox.path(&path)).unwrap();
        fs::write(sandbox.path(&path), text).unwrap();
        let output = sandbox.run(release);
        assert!(matches!(output.code, Some(1..=3)), "{name}: {}{}", output.stdout, output.stderr);
        assert!(!sandbox.path("release").exists(), "{name}");
        fs::write(sandbox.path(&path), before).unwrap();
    };
    for name in ["RUN.json", "JOURNAL.jsonl", "samples.bin", "ITER_SUMMARY_5.json"] {
        let bytes = fs::read(sandbox.path(&format!("artifacts/soak/latest/{name}"))).unwrap();
        for step in 0..6 {
            let mut other = bytes.clone();
            let at = step * (bytes.len() - 1) / 5;
            other[at] ^= 1;
            changed(name, &other);
        }
        changed(name, &bytes[..bytes.len() / 2]);
    }
    // A number that is still a number.
    let plan = sandbox.read("artifacts/soak/latest/RUN.json");
    for (old, new) in [("\"at_least\": 0.", "\"at_least\": 0.0"), ("\"at_most\": ", "\"at_most\": 9")] {
        assert!(plan.contains(old), "{old}");
        changed("RUN.json", plan.replacen(old, new, 1).as_bytes());
    }
    sandbox.run(release).code(0);
}

/// What a live bot is asked was measured of the soaked one, whatever the definitions say by now.
#[test]
fn a_release_asks_what_its_run_measured() {
    let sandbox = tree().unrecorded("asserted here");
    let kpis = include_str!("../../deploy/soak/kpis.yaml");
    sandbox.write("deploy/soak/kpis.yaml", kpis);
    let _ = sandbox.run("--quiet soak run --mock --gates smoke --iterations 8").code(0);
    sandbox.write("deploy/soak/kpis.yaml", kpis.replace("mm_maker_share_ratio", "mm_other"));
    let _ =
        sandbox.run("bundle release --src artifacts/soak/latest --allow-simulated --out release/r1").code(0);
    let plan = sandbox.read("release/r1/rollback_plan.md");
    assert!(plan.contains("mm_maker_share_ratio") && !plan.contains("mm_other"), "{plan}");
}

/// What the summary inside knows of readiness, golden comparison and drills, the answer says as well.
#[test]
fn an_answer_says_what_the_summary_inside_knows() {
    let sandbox = release_tree().unrecorded("asserted here");
    sandbox.write("artifacts/reports/readiness.json", r#"{"verdict": "BLOCK"}"#);
    sandbox.write("artifacts/CHAOS_FAILOVER.json", r#"{"verdict": "OK", "simulated": true}"#);
    sandbox.age("artifacts/reports/readiness.json", Duration::from_hours(1));
    sandbox.age("artifacts/CHAOS_FAILOVER.json", Duration::from_hours(1));
    for line in ["bundle create --format json".to_owned(), format!("{RELEASE} --format json")] {
        let report = sandbox.run(&line).code(0).json();
        assert_eq!(report["simulated"], true, "{line}");
        let row = |name: &str| {
            let rows = report["rows"].as_array().unwrap();
            let row = rows.iter().find(|row| row["name"] == name).unwrap();
            (row["status"].clone(), row["reasons"].to_string())
        };
        for (name, part) in [
            ("readiness", "the verdict of `artifacts/reports/readiness.json` is BLOCK, not GO"),
            ("golden_compare", "`artifacts/reports/golden_compare.json`: it is not there"),
            ("failover_drill", "`artifacts/CHAOS_FAILOVER.json` is simulated"),
        ] {
            let (status, reasons) = row(name);
            assert!(status == "WARN" && reasons.contains(part), "{line}: {name} {status} {reasons}");
        }
    }
    // A release that is named by its version has it once.
    sandbox.run(&RELEASE.replace("release/r1", "release/v1.2.3")).code(0).stdout_has("| run ");
    assert!(sandbox.read("release/v1.2.3/CHANGELOG.md").starts_with("# v1.2.3\n"));
    assert!(sandbox.read("release/v1.2.3/RELEASE_SUMMARY.md").starts_with("# Release summary of v1.2.3\n"));
}

/// What is missing at the beginning is named with what to do about it.
#[test]
fn what_a_newcomer_lacks_comes_with_a_hint() {
    let sandbox = Sandbox::new().unrecorded("asserted here");
    let _ = sandbox.run("bundle create").error(3).stderr_has("the file `VERSION`, which the built-in list");
    let _ = sandbox.run("bundle create --version 1.2.3").error(3).stderr_has("by --plan");
    let release = "bundle release --src nowhere --out release/r1 --version 1.2.3";
    let _ = sandbox.run(release).error(3).stderr_has("--src: there is no `nowhere`");
    fs::create_dir(sandbox.path("nowhere")).unwrap();
    let _ = sandbox
        .run(release)
        .error(3)
        .stderr_has("there is no rollback policy")
        .stderr_has("or name it by --policy");
}

/// A clock that somebody chose tells no age.
#[test]
fn a_frozen_clock_makes_no_release_but_a_rehearsal() {
    let sandbox = release_tree().unrecorded("asserted here");
    let line = RELEASE.replace(" --allow-simulated", "");
    let _ = sandbox.run(&line).code(1).marker(FAILED).stdout_has("the clock is frozen");
    let report = sandbox.run(&format!("{RELEASE} --format json")).code(0).json();
    assert_eq!(sandbox.json("release/r1/MANIFEST.json")["clock"], "frozen");
    assert_eq!(report["verdict"], "RELEASE");
}

/// Nothing is built or written where something complete, or of others, lies.
#[test]
fn a_release_has_a_place_of_its_own() {
    let sandbox = release_tree().unrecorded("asserted here");
    let _ = sandbox.run(RELEASE).code(0);
    fs::create_dir_all(sandbox.path("x/.git")).unwrap();
    sandbox.write("soak/RUN.json", "{}");
    for out in
        ["release/r1/x", "release/r1/a/b", "x/.git/r", "soak/r1", "run/r1", "'release/a\nb'", "'a\nb/c'"]
    {
        let output = sandbox.run(&RELEASE.replace("release/r1", out));
        let _ = output.error(3);
    }
    let _ = sandbox.run("bundle create --out release/r1/x").error(3);
    let _ = sandbox.run("bundle verify release/r1").code(0);
    for (line, side) in [
        (RELEASE, "run/reports/analysis/POST_SOAK_SNAPSHOT.json"),
        (RELEASE, "run/x.xml"),
        (RELEASE, "VERSION"),
        (RELEASE, "deploy/policies/rollback.yaml"),
        ("bundle verify release/r1", "release/r1/MANIFEST.json"),
        ("bundle verify x.zip", "x.zip.sha256"),
        ("bundle verify x.zip", "x.zip.minisig"),
        ("canary tag --bundle release/r1 --rc", "release/r1/x.xml"),
    ] {
        let _ = sandbox.run(&format!("{line} --junit {side}")).error(64);
    }
}

/// Text of the policy and of file names stays on its line, and names the line that it stands on.
#[test]
fn a_policy_that_cannot_work_is_named_with_its_line() {
    let sandbox = release_tree().unrecorded("asserted here");
    let policy = |old: &str, new: &str| {
        assert!(POLICY.contains(old), "{old}");
        sandbox.write("deploy/policies/rollback.yaml", POLICY.replacen(old, new, 1));
        let output = sandbox.run(RELEASE);
        assert!(!sandbox.path("release/r1").exists(), "{new}: {}", output.stdout);
        output
    };
    let refused = policy("\"== 0\"", "is 0").code(1);
    let _ = refused.stdout_has("deploy/policies/rollback.yaml:").stdout_has("is no relation to a number");
    let _ = policy("timeout_seconds: ", "timeout_seconds: -").error(3).stderr_has("rollback.yaml:");
}

#[test]
fn the_plan_of_a_release_names_the_policy_it_was_made_from() {
    let sandbox = release_tree();
    fs::rename(sandbox.path("deploy/policies/rollback.yaml"), sandbox.path("other.yaml")).unwrap();
    sandbox.run(&format!("{RELEASE} --policy other.yaml")).code(0);
    let sandbox = release_tree();
    sandbox.write("deploy/policies/rollback.yaml", POLICY.replace("params: {target: 0}, ", ""));
    sandbox.run(RELEASE).code(1).marker(FAILED);
}

#[test]
fn a_simulated_soak_is_released_on_request_and_stamped() {
    let sandbox = release_tree();
    edited(&sandbox, SNAPSHOT, "/simulated", json!(true));
    let report = sandbox.run(&format!("{RELEASE} --format json")).code(0).json();
    assert_eq!(report["simulated"], true);
}

#[test]
fn a_signed_release_verifies_with_its_key() {
    let sandbox = release_tree().hide(SIGNATURE);
    keys(&sandbox, "ours");
    sandbox.run(&format!("{RELEASE} --sign ours.key")).code(0);
    sandbox.run("bundle verify release/r1 --key ours.pub").code(0).marker(VERIFIED);
    agrees("minisign", &["-V", "-p", "ours.pub", "-m", "release/r1/MANIFEST.json"], sandbox.root());
    sandbox.run("bundle verify release/r1").code(0);
}
