//! The workflows under `.github/workflows` do what they say: valid, triggered as they should be, bounded in
//! time and rights, and every command line of mmops in them is one that mmops takes.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests touch the world directly")]

use clap::Parser as _;
use mmops::cli::Cli;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn workflows() -> BTreeMap<String, Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows");
    let read = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let value =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
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
            let known = ["runs-on", "timeout-minutes", "steps", "env"];
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
                let parsed = Cli::try_parse_from(&call);
                assert!(parsed.is_ok(), "{name}: {call:?}: {}", parsed.err().unwrap());
            }
        }
        assert!(count > 0, "{name} calls nothing");
    }
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
