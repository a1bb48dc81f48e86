//! `mmops canary`: tags in real repositories, put only where the evidence is whole; checklists that parse.

use crate::bundle::{parses_as_shell, run_dir};
use crate::contract::conforms;
use crate::sandbox::{NOW, Sandbox};
use serde_json::{Value, json};
use std::process::Command;

const TAG: &str = "canary tag --bundle release/r1 --tag v1.2.3";
const FAIL: &str = "| canary | FAIL | CANARY=FAIL |";
const POLICY: &str = "auto_rollback: {actions: [{type: halt}], verification: {checks: [{metric: m, condition: '== 0', timeout_seconds: 5}]}}\nexecutors: {halt: {exec: [halt-bot]}}\n";

/// What git keeps of a tag, in which it puts the time of the system.
const TAG_OBJECT: (&str, &str) = (r"(?m)^[0-9a-f]{40}$", "[TAG]");

pub fn git(sandbox: &Sandbox, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"])
        .args(words)
        .current_dir(sandbox.root())
        .env("HOME", sandbox.root())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", NOW)
        .env("GIT_COMMITTER_DATE", NOW)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A clean repository on a branch, with a release in it.
pub fn repository() -> Sandbox {
    let sandbox = Sandbox::new()
        .hide(TAG_OBJECT)
        .file("VERSION", "1.2.3\n")
        .file("deploy/policies/rollback.yaml", POLICY);
    run_dir(&sandbox);
    sandbox.write(".gitignore", "/artifacts\n/.gitconfig\n/summary.md\n/out\n");
    git(&sandbox, &["init", "-q", "-b", "main"]);
    git(&sandbox, &["config", "user.name", "Test"]);
    git(&sandbox, &["config", "user.email", "test@example.org"]);
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-q", "-m", "first"]);
    sandbox.run("bundle release --src run --out release/r1").code(0);
    sandbox
}

/// Every ref, and every file outside of git's own.
fn state(sandbox: &Sandbox) -> (String, Vec<String>) {
    let files = sandbox.files().into_iter().filter(|file| !file.starts_with(".git/")).collect();
    (git(sandbox, &["for-each-ref"]), files)
}

#[test]
fn a_tag_is_annotated_with_what_the_soak_showed() {
    let sandbox = repository();
    sandbox.run(TAG).code(0).marker("| canary | OK | CANARY=TAGGED |");
    assert_eq!(git(&sandbox, &["cat-file", "-t", "v1.2.3"]), "tag\n");
    let message = git(&sandbox, &["tag", "-l", "--format=%(contents)", "v1.2.3"]);
    let manifest = std::fs::read(sandbox.path("release/r1/MANIFEST.json")).unwrap();
    let sha256 = mmops::testing::hash::sha256(&manifest);
    for part in ["Verdict: PASS\n", "Iterations: 29-36 (8 of 36)\n", "net edge, bps: 5.950", &sha256] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(git(&sandbox, &["rev-parse", "v1.2.3^{commit}"]), git(&sandbox, &["rev-parse", "HEAD"]));
}

#[test]
fn a_dry_run_prints_the_message_of_the_tag_and_changes_nothing() {
    let sandbox = repository();
    let before = state(&sandbox);
    let report = sandbox.run(&format!("{TAG} --dry-run --format json")).code(0).json();
    assert_eq!(report["verdict"], "DRYRUN");
    conforms(&sandbox, "canary-tag", &report);
    let shown =
        sandbox.run(&format!("{TAG} --dry-run")).code(0).marker("| canary | OK | CANARY=DRYRUN |").stdout;
    assert_eq!(state(&sandbox), before);
    sandbox.run(TAG).code(0);
    let message = git(&sandbox, &["tag", "-l", "--format=%(contents)", "v1.2.3"]);
    assert_eq!(report["message"].as_str().unwrap().trim_end(), message.trim_end());
    assert!(shown.contains(message.trim_end()), "{shown}");
}

#[test]
fn an_existing_tag_is_named_and_stays_where_it_is() {
    let sandbox = repository();
    sandbox.run(TAG).code(0);
    let before = state(&sandbox);
    sandbox.run(TAG).code(1).marker(FAIL);
    sandbox.run(&format!("{TAG} --dry-run")).code(1).marker(FAIL);
    assert_eq!(state(&sandbox), before);
}

/// No tag is put.
#[track_caller]
fn refused(sandbox: &Sandbox, code: i32) {
    sandbox.run(TAG).code(code).marker(FAIL);
    assert_eq!(git(sandbox, &["tag"]), "");
}

#[test]
fn a_tree_that_differs_a_detached_head_and_an_empty_repository_get_no_tag() {
    let sandbox = repository();
    sandbox.write("VERSION", "1.2.4\n");
    refused(&sandbox, 1);
    git(&sandbox, &["checkout", "-q", "VERSION"]);
    sandbox.write("new.txt", "x");
    refused(&sandbox, 1);
    std::fs::remove_file(sandbox.path("new.txt")).unwrap();
    git(&sandbox, &["checkout", "-q", "--detach"]);
    refused(&sandbox, 1);
    git(&sandbox, &["checkout", "-q", "main"]);
    sandbox.run(&format!("{TAG} --dry-run")).code(0);
    let sandbox = repository();
    std::fs::remove_dir_all(sandbox.path(".git")).unwrap();
    git(&sandbox, &["init", "-q"]);
    refused(&sandbox, 1);
}

#[test]
fn without_a_repository_or_without_git_nothing_can_be_asked() {
    let sandbox = repository();
    std::fs::remove_dir_all(sandbox.path(".git")).unwrap();
    sandbox.run(TAG).error(3);
    let sandbox = repository().env("PATH", "/nonexistent");
    sandbox.run(TAG).error(5);
    refused_name(&repository(), "'bad name'");
    refused_name(&repository(), "a..b");
    refused_name(&repository(), "--tag=-x");
}

fn refused_name(sandbox: &Sandbox, name: &str) {
    let name = if name.starts_with("--tag") { name.to_owned() } else { format!("--tag {name}") };
    sandbox.run(&format!("canary tag --bundle release/r1 {name}")).code(3);
    assert_eq!(git(sandbox, &["tag"]), "");
}

fn edit(sandbox: &Sandbox, change: impl Fn(&mut Value)) {
    let mut snapshot = sandbox.json("release/r1/POST_SOAK_SNAPSHOT.json");
    change(&mut snapshot);
    sandbox.write("release/r1/POST_SOAK_SNAPSHOT.json", snapshot.to_string());
}

#[test]
fn a_release_that_is_no_evidence_gets_no_tag() {
    let sandbox = repository();
    edit(&sandbox, |snapshot| snapshot["verdict"] = json!("FAIL"));
    refused(&sandbox, 1);
    refused(&sandbox, 1);
    let sandbox = repository();
    edit(&sandbox, |snapshot| snapshot["simulated"] = json!(true));
    refused(&sandbox, 1);
    let sandbox = repository();
    sandbox.write("release/r1/CHANGELOG.md", "# Everything is fine\n");
    refused(&sandbox, 1);
    let sandbox = repository();
    std::fs::remove_file(sandbox.path("release/r1/MANIFEST.json")).unwrap();
    refused(&sandbox, 1);
    let sandbox = repository();
    std::fs::remove_file(sandbox.path("release/r1/POST_SOAK_SNAPSHOT.json")).unwrap();
    sandbox.run(TAG).error(3);
    sandbox.run("canary tag --bundle nowhere --tag v1").code(3);
}

#[test]
fn a_simulated_release_built_on_request_still_gets_no_tag() {
    let sandbox = repository();
    let mut snapshot = sandbox.json("run/reports/analysis/POST_SOAK_SNAPSHOT.json");
    snapshot["simulated"] = json!(true);
    sandbox.write("run/reports/analysis/POST_SOAK_SNAPSHOT.json", snapshot.to_string());
    git(&sandbox, &["commit", "-qam", "simulated"]);
    std::fs::remove_dir_all(sandbox.path("release")).unwrap();
    sandbox.run("bundle release --src run --out release/r1 --allow-simulated").code(0);
    refused(&sandbox, 1);
    sandbox.run("canary checklist --bundle release/r1").code(0);
}

#[test]
fn a_release_from_a_tree_that_differed_or_from_nowhere_gets_no_tag() {
    let sandbox = repository();
    std::fs::remove_dir_all(sandbox.path("release")).unwrap();
    sandbox.write(".gitignore", "/artifacts\n/.gitconfig\n# edited\n");
    sandbox.run("bundle release --src run --out release/r1").code(0);
    git(&sandbox, &["checkout", "-q", ".gitignore"]);
    refused(&sandbox, 1);
    sandbox.run(&format!("{TAG} --dry-run")).code(1).marker(FAIL);
    std::fs::remove_dir_all(sandbox.path("release")).unwrap();
    std::fs::rename(sandbox.path(".git"), sandbox.path("away")).unwrap();
    sandbox.run("bundle release --src run --out release/r1").code(0);
    std::fs::rename(sandbox.path("away"), sandbox.path(".git")).unwrap();
    refused(&sandbox, 1);
}

#[test]
fn a_ref_that_git_cannot_read_is_not_a_missing_one() {
    let sandbox = repository();
    sandbox.write(".git/refs/tags/v1.2.3", "garbage\n");
    sandbox.run(TAG).error(5);
    sandbox.write(".git/refs/tags/v1.2.3", format!("{}\n", "12".repeat(20)));
    sandbox.run(TAG).error(5);
    std::fs::remove_file(sandbox.path(".git/refs/tags/v1.2.3")).unwrap();
    git(&sandbox, &["tag", "v1.2.3/part"]);
    sandbox.run(&format!("{TAG} --dry-run")).code(0);
    sandbox.write(".git/refs/heads/main", "garbage\n");
    sandbox.run(TAG).error(5);
}

#[test]
fn a_release_of_another_commit_is_tagged_with_a_warning() {
    let sandbox = repository();
    git(&sandbox, &["add", "release"]);
    git(&sandbox, &["commit", "-q", "-m", "the release"]);
    sandbox.run(TAG).code(0);
}

#[test]
fn a_checklist_has_ramp_targets_triggers_and_commands_that_parse() {
    let sandbox = repository();
    let report =
        sandbox.run("canary checklist --bundle release/r1 --out c/LIST.md --format json").code(0).json();
    assert_eq!(report["verdict"], "CHECKLIST");
    conforms(&sandbox, "canary-checklist", &report);
    let text = sandbox.read("c/LIST.md");
    assert!(parses_as_shell(&text) >= 2);
    sandbox.run("bundle verify release/r1").code(0);
    sandbox.run("canary checklist --bundle release/r1 --out release/r1/LIST.md").code(1).marker(FAIL);
    edit(&sandbox, |snapshot| snapshot["verdict"] = json!("FAIL"));
    sandbox.run("canary checklist --bundle release/r1 --out c/NEW.md").code(1).marker(FAIL);
    assert!(!sandbox.path("c/NEW.md").exists());
}
