//! The workflows under `.github/workflows` do what they say: valid, triggered as they should be, bounded in
//! time and rights, and every command line of mmops in them is one that mmops takes.

use mmops::testing::takes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn workflows() -> BTreeMap<String, Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows");
    let read = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let value = mmops::testing::yaml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), value)
    };
    let mut found: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.iter().map(|path| read(path)).collect()
}

fn jobs(workflow: &Value) -> impl Iterator<Item = (&String, &Value)> {
    workflow["jobs"].as_object().unwrap().iter()
}

fn steps(job: &Value) -> &Vec<Value> {
    job["steps"].as_array().unwrap()
}

/// Every line of a script that calls mmops, as words; variables stand for what they have at night.
fn calls(script: &str) -> Vec<Vec<String>> {
    let lines = script.lines().map(str::trim).filter(|line| line.split(' ').next() == Some("mmops"));
    let word = |word: &str| match word.trim_matches('"') {
        "$HOURS" => "72".to_owned(),
        "$PROMETHEUS" => "http://localhost:9090".to_owned(),
        other => other.to_owned(),
    };
    lines.map(|line| line.split_whitespace().map(word).collect()).collect()
}

#[test]
fn there_are_the_four_workflows_with_their_triggers() {
    let all = workflows();
    assert_eq!(all.keys().collect::<Vec<_>>(), ["housekeeping", "nightly", "release", "soak"]);
    for (name, workflow) in &all {
        assert_eq!(workflow["name"], json!(name));
        assert!(workflow["on"].as_object().unwrap().contains_key("workflow_dispatch"), "{name}");
    }
    assert_eq!(all["housekeeping"]["on"]["schedule"], json!([{"cron": "0 3 * * *"}]));
    assert_eq!(all["nightly"]["on"]["schedule"].as_array().unwrap().len(), 1);
    assert_eq!(all["release"]["on"]["push"]["tags"], json!(["v*"]));
}

#[test]
fn every_job_is_bounded_in_time_and_rights() {
    for (name, workflow) in workflows() {
        assert!(workflow["permissions"].is_object(), "{name}");
        let known = ["name", "on", "permissions", "concurrency", "jobs"];
        assert!(workflow.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{name}");
        for (job_name, job) in jobs(&workflow) {
            assert!(job["timeout-minutes"].is_u64(), "{name}/{job_name}");
            assert!(job["runs-on"].is_string() || job["runs-on"].is_array(), "{name}/{job_name}");
            let known = ["runs-on", "timeout-minutes", "steps", "env", "needs", "if"];
            assert!(
                job.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())),
                "{name}/{job_name}"
            );
            for step in steps(job) {
                let known = ["name", "uses", "with", "run", "env", "if"];
                assert!(
                    step.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())),
                    "{name}: {step}"
                );
                assert!(step["uses"].is_string() != step["run"].is_string(), "{name}: {step}");
                let script = step["run"].as_str().unwrap_or_default();
                assert!(
                    !script.contains("${{"),
                    "{name}: an expression in a script runs whatever text it has"
                );
                assert!(
                    !script.contains("|| true") && step.get("continue-on-error").is_none(),
                    "{name}: {step}"
                );
            }
        }
    }
}

#[test]
fn every_command_of_mmops_in_them_is_one_that_it_takes() {
    for (name, workflow) in workflows() {
        let mut count = 0;
        for script in jobs(&workflow).flat_map(|(_, job)| steps(job)).filter_map(|step| step["run"].as_str())
        {
            for call in calls(script) {
                count += 1;
                takes(&call).unwrap_or_else(|error| panic!("{name}: {call:?}: {error}"));
            }
        }
        assert!(count > 0, "{name} calls nothing");
    }
}

#[test]
fn every_file_that_a_command_reads_is_in_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, workflow) in workflows() {
        for script in jobs(&workflow).flat_map(|(_, job)| steps(job)).filter_map(|step| step["run"].as_str())
        {
            for call in calls(script) {
                let made = |word: &str| ["artifacts/", "dist/", "$"].iter().any(|dir| word.starts_with(dir));
                let read =
                    call.iter().filter(|word| word.contains('/') && !word.contains("://") && !made(word));
                for path in read {
                    assert!(root.join(path).is_file(), "{name}: {path} of {call:?}");
                }
                let is_limited = call[1] != "rotate" || call.iter().any(|word| word == "--policy");
                assert!(is_limited, "{name}: {call:?} has no limit");
            }
        }
    }
}

/// The scripts of the only job of a workflow, by the names of their steps.
fn scripts(workflow: &Value) -> BTreeMap<String, String> {
    let (_, job) = jobs(workflow).next().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let scripts = steps(job).iter().filter(|step| step["run"].is_string());
    scripts.map(|step| (text(&step["name"]), text(&step["run"]))).collect()
}

/// A checkout with the operator files and the accepted output, in which scripts are run as a runner does.
struct Checkout(tempfile::TempDir);

impl Checkout {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for path in
            ["deploy/ops/retention.yaml", "deploy/cron/sentinel.yaml", "tests/golden/gates_summary.json"]
        {
            let to = dir.path().join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(root.join(path), to).unwrap();
        }
        Self(dir)
    }

    fn write(&self, path: &str, text: &str) {
        let to = self.0.path().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text).unwrap();
    }

    /// The exit code of a script and what it printed.
    fn run(&self, script: &str) -> (Option<i32>, String) {
        self.run_with(script, &[])
    }

    /// The same with further variables.
    fn run_with(&self, script: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let programs = Path::new(env!("CARGO_BIN_EXE_mmops")).parent().unwrap();
        let output = std::process::Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }
}

#[test]
fn a_release_is_bundled_from_what_is_in_the_repository_and_published_on_evidence_alone() {
    let release = &workflows()["release"];
    let scripts = scripts(release);
    let checkout = Checkout::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let policy = "deploy/policies/rollback.yaml";
    let required = [
        "VERSION",
        "README.md",
        "CHANGELOG.md",
        "Cargo.lock",
        policy,
        "deploy/prometheus/alerts_soak.yml",
        "deploy/grafana/dashboards/mm_operability.json",
    ];
    for path in required {
        checkout.write(path, &fs::read_to_string(root.join(path)).unwrap());
    }
    let run = |name: &str, code: i32| {
        let (found, text) = checkout.run(&scripts[name]);
        assert_eq!(found, Some(code), "{name}: {text}");
    };
    for name in ["Look for secrets", "Bundle", "Verify"] {
        run(name, 0);
    }
    fs::remove_file(checkout.0.path().join(policy)).unwrap();
    run("Bundle", 3);
    checkout.write(policy, &fs::read_to_string(root.join(policy)).unwrap());

    let publish = &release["jobs"]["publish"];
    assert_eq!(publish["needs"], "bundle");
    let scripts: Vec<&str> = steps(publish).iter().filter_map(|step| step["run"].as_str()).collect();
    let at = |words: &str| scripts.iter().position(|script| script.contains(words)).unwrap();
    assert_eq!(
        at("mmops make-ready"),
        1,
        "the evidence is asked first, as soon as there is a program that can"
    );
    assert!(at("mmops bundle create") < at("mmops bundle verify"));
    assert!(at("mmops bundle verify") < at("gh release create"));
    // What is published, but for the page where that is done.
    let (temp, home) = (checkout.0.path().join("temp"), checkout.0.path());
    fs::create_dir(&temp).unwrap();
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let (secret, public) = (pair.sk.to_box(None).unwrap().to_string(), pair.pk.to_box().unwrap().to_string());
    let variables = [
        ("RUNNER_TEMP", temp.to_str().unwrap()),
        ("HOME", home.to_str().unwrap()),
        ("SIGN_KEY", secret.as_str()),
        ("PUBLIC_KEY", public.as_str()),
    ];
    for script in &scripts[at("mmops bundle create")..=at("mmops bundle verify")] {
        let (code, text) = checkout.run_with(script, &variables);
        assert_eq!(code, Some(0), "{script}: {text}");
    }
    let mut published: Vec<String> = fs::read_dir(temp.join("release"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    published.sort();
    let archive = published.iter().find(|name| name.ends_with(".zip")).unwrap().clone();
    let beside = ["", ".minisig", ".provenance.json", ".sha256"].map(|ending| format!("{archive}{ending}"));
    let extracted = ["RELEASE_SUMMARY.json", "RELEASE_SUMMARY.md", "SBOM.cdx.json"].map(str::to_owned);
    assert_eq!(published, [&extracted[..], &beside[..]].concat());
    assert!(!temp.join("sign.key").exists());
    assert!(scripts[at("gh release create")].contains("/release/*"));
    assert!(steps(publish).iter().all(|step| step["if"].is_null()), "each step needs those before it");
    assert!(!scripts.iter().any(|script| script.contains("--allow")), "{scripts:?}");
}

#[test]
fn the_night_is_green_where_everything_is_well_and_red_where_it_is_not() {
    let scripts = scripts(&workflows()["nightly"]);
    let checkout = Checkout::new();
    let run = |name: &str, code: i32| {
        let (found, text) = checkout.run(&scripts[name]);
        assert_eq!(found, Some(code), "{name}: {text}");
    };
    // The rehearsals themselves are tested elsewhere; the command line is this one.
    let plan = |program: &str| format!("steps:\n  - {{name: one, argv: [{program}]}}\n");
    checkout.write("deploy/release/pre_live.yaml", &plan("'false'"));
    run("Rehearsals", 1);
    checkout.write("deploy/release/pre_live.yaml", &plan("'true'"));
    run("Rehearsals", 0);
    for report in ["soak_metrics", "REPORT_SOAK_20260309", "readiness"] {
        run("Scheduled jobs", 1);
        let text = r#"{"schema": "mmops.daily-report.v1"}"#;
        checkout.write(&format!("artifacts/reports/{report}.json"), text);
    }
    run("Scheduled jobs", 0);
    fs::remove_file(checkout.0.path().join("artifacts/reports/nightly_results.json")).unwrap();
    run("Scheduled jobs", 1);

    // Nothing is known of yesterday, which is no yes; the report says so.
    run("Report of yesterday", 2);

    run("Drift from the accepted output", 3);
    // A second night finds what the first has left.
    for _ in 0..2 {
        run("Judge an hour that is always the same", 0);
        run("Drift from the accepted output", 0);
    }
    let path = "tests/golden/gates_summary.json";
    let accepted = fs::read_to_string(checkout.0.path().join(path)).unwrap();
    checkout.write(path, &accepted.replacen("\"verdict\": \"PASS\"", "\"verdict\": \"FAIL\"", 1));
    run("Drift from the accepted output", 1);
}

#[test]
fn every_line_of_the_crontab_is_one_that_mmops_takes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/cron/nightly.crontab");
    let text = fs::read_to_string(path).unwrap();
    let mut asked = Vec::new();
    for line in text.lines().filter(|line| line.contains(" mmops ")) {
        let words =
            line.split(">>").next().unwrap().split_whitespace().map(|word| word.trim_matches('"').to_owned());
        let words: Vec<String> = words.collect();
        assert!(
            words[..5].iter().all(|word| word.bytes().all(|c| c.is_ascii_digit() || c == b'*')),
            "{line}"
        );
        takes(&words[5..]).unwrap_or_else(|error| panic!("{line}: {error}"));
        asked.push((words[1].clone(), words[0].clone(), words[9..].join(" ")));
    }
    let order: Vec<&str> = asked.iter().map(|(_, _, command)| command.as_str()).collect();
    let daily = order.iter().position(|command| *command == "soak daily").unwrap();
    let score = order.iter().position(|command| command.starts_with("readiness score")).unwrap();
    assert!(daily < score, "{order:?}");
}

#[test]
fn the_report_of_the_day_is_made_before_it_is_scored() {
    let nightly = &workflows()["nightly"];
    let (_, job) = jobs(nightly).next().unwrap();
    let at = |name: &str| steps(job).iter().position(|step| step["name"] == json!(name)).unwrap();
    assert!(at("Failover drill") < at("Report of yesterday"));
    assert!(at("Report of yesterday") < at("Score"));
}

#[test]
fn the_housekeeping_takes_what_the_policy_gives_up_and_no_more() {
    let scripts = scripts(&workflows()["housekeeping"]);
    let checkout = Checkout::new();
    // What was changed in the last ten minutes stays, whatever its date says, and all of this is younger.
    let policy = fs::read_to_string(checkout.0.path().join("deploy/ops/retention.yaml")).unwrap();
    assert!(policy.contains("min_age: 10m"));
    checkout.write("deploy/ops/retention.yaml", &policy.replace("min_age: 10m", "min_age: 0s"));
    checkout.write("artifacts/logs/old.log", "x");
    // The newest ten of a directory stay in any case.
    for number in 0..10 {
        checkout.write(&format!("artifacts/logs/new{number}.log"), "x");
    }
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(24 * 400);
    let path = |name: &str| checkout.0.path().join("artifacts/logs").join(name);
    fs::File::options().write(true).open(path("old.log")).unwrap().set_modified(old).unwrap();
    for (step, is_left) in [("What would go", true), ("Rotate", false)] {
        let (code, text) = checkout.run(&scripts[step]);
        assert_eq!(code, Some(0), "{step}: {text}");
        assert_eq!((path("old.log").exists(), path("new0.log").exists()), (is_left, true), "{step}: {text}");
    }
}

#[test]
fn a_soak_ends_with_its_job_and_uploads_no_other_run() {
    let soak = &workflows()["soak"];
    let (_, job) = jobs(soak).next().unwrap();
    // A job on a machine of one's own is ended after five days whatever it says.
    assert!(job["timeout-minutes"].as_u64().unwrap() <= 5 * 24 * 60);
    let at = |part: &str| {
        let found = steps(job).iter().position(|step| step.to_string().contains(part));
        found.unwrap_or_else(|| panic!("{part}"))
    };
    assert!(at("rm -f artifacts/soak/latest") < at("mmops soak run"));
    let checkout = Checkout::new();
    checkout.write("artifacts/soak/RUN_1/RUN.json", "{}");
    std::os::unix::fs::symlink("RUN_1", checkout.0.path().join("artifacts/soak/latest")).unwrap();
    assert_eq!(checkout.run(&scripts(soak)["Forget the run before"]).0, Some(0));
    assert!(!checkout.0.path().join("artifacts/soak/latest").is_symlink());
    assert!(checkout.0.path().join("artifacts/soak/RUN_1/RUN.json").is_file());
}

#[test]
fn the_release_is_bundled_verified_and_uploaded_with_its_hash() {
    let release = &workflows()["release"];
    let (_, job) = jobs(release).next().unwrap();
    let text: Vec<String> = steps(job).iter().map(Value::to_string).collect();
    let place =
        |part: &str| text.iter().position(|step| step.contains(part)).unwrap_or_else(|| panic!("{part}"));
    assert!(place("mmops bundle create") < place("mmops bundle verify"));
    assert!(place("mmops bundle verify") < place("upload-artifact"));
    let upload = &text[place("upload-artifact")];
    assert!(upload.contains("*.zip") && upload.contains("*.zip.sha256"), "{upload}");
}

#[test]
fn every_script_parses_as_shell() {
    for (name, workflow) in workflows() {
        for script in jobs(&workflow).flat_map(|(_, job)| steps(job)).filter_map(|step| step["run"].as_str())
        {
            let output = std::process::Command::new("bash").args(["-n", "-c", script]).output().unwrap();
            assert!(output.status.success(), "{name}: {script}");
        }
    }
}
