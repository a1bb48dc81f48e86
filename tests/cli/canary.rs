//! `mmops canary`: tags in real repositories, put only where the evidence is whole; checklists that parse.

use crate::bundle::{parses_as_shell, run_dir};
use crate::contract::conforms;
use crate::sandbox::{NOW, Output, Sandbox};
use serde_json::{Value, json};
use std::process::Command;

const TAG: &str = "canary tag --bundle release/r1 --allow-simulated --tag v1.2.3";
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
    sandbox.run("bundle release --src run --legacy-snapshot --allow-simulated --out release/r1").code(0);
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
    let shown = sandbox.run(&format!("{TAG} --dry-run")).code(1).marker(FAIL).stdout;
    let message = git(&sandbox, &["tag", "-l", "--format=%(contents)", "v1.2.3"]);
    assert!(
        shown.contains("Refused, for the reasons below") && shown.contains(message.trim_end()),
        "{shown}"
    );
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
    // What mmops makes is ignored before a release is built: afterwards the list of what is ignored is other code.
    std::fs::rename(sandbox.path(".gitignore"), sandbox.path("ignored")).unwrap();
    sandbox.write("artifacts/soak.json", "{}");
    sandbox
        .run(TAG)
        .code(1)
        .stdout_has("have `artifacts/` in .gitignore, commit that, and build the release again");
    std::fs::rename(sandbox.path("ignored"), sandbox.path(".gitignore")).unwrap();
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
    let sandbox = repository().unrecorded("asserted here");
    std::fs::remove_file(sandbox.path("release/r1/MANIFEST.json")).unwrap();
    sandbox.run("canary tag --bundle release/r1 --rc").code(1).marker(FAIL).stdout_has("`MANIFEST.json`");
}

#[test]
fn a_simulated_release_built_on_request_still_gets_no_tag() {
    let sandbox = repository();
    let mut snapshot = sandbox.json("run/reports/analysis/POST_SOAK_SNAPSHOT.json");
    snapshot["simulated"] = json!(true);
    sandbox.write("run/reports/analysis/POST_SOAK_SNAPSHOT.json", snapshot.to_string());
    git(&sandbox, &["commit", "-qam", "simulated"]);
    std::fs::remove_dir_all(sandbox.path("release")).unwrap();
    sandbox.run("bundle release --src run --legacy-snapshot --out release/r1 --allow-simulated").code(0);
    sandbox.run(&TAG.replace(" --allow-simulated", "")).code(1).marker(FAIL).stdout_has("| rehearsal");
    assert_eq!(git(&sandbox, &["tag"]), "");
    sandbox.run("canary checklist --bundle release/r1").code(0);
}

#[test]
fn a_release_from_a_tree_that_differed_or_from_nowhere_gets_no_tag() {
    let sandbox = repository();
    std::fs::remove_dir_all(sandbox.path("release")).unwrap();
    sandbox.write(".gitignore", "/artifacts\n/.gitconfig\n# edited\n");
    sandbox.run("bundle release --src run --legacy-snapshot --allow-simulated --out release/r1").code(0);
    git(&sandbox, &["checkout", "-q", ".gitignore"]);
    refused(&sandbox, 1);
    sandbox.run(&format!("{TAG} --dry-run")).code(1).marker(FAIL);
    std::fs::remove_dir_all(sandbox.path("release")).unwrap();
    std::fs::rename(sandbox.path(".git"), sandbox.path("away")).unwrap();
    sandbox.run("bundle release --src run --legacy-snapshot --allow-simulated --out release/r1").code(0);
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
    sandbox.write(".git/refs/heads/main", "garbage\n");
    sandbox.run(TAG).error(5);
}

/// Only the release itself and evidence may lie between the code that was built and the tag.
#[test]
fn the_tag_goes_to_the_code_that_the_release_was_built_from() {
    let sandbox = repository();
    git(&sandbox, &["add", "release"]);
    git(&sandbox, &["commit", "-q", "-m", "the release"]);
    git(&sandbox, &["checkout", "-q", "-b", "more"]);
    sandbox.write("artifacts/report.json", "{}");
    git(&sandbox, &["add", "-f", "artifacts/report.json"]);
    git(&sandbox, &["commit", "-q", "-m", "evidence"]);
    sandbox.run(&format!("{TAG} --dry-run")).code(0);
    // Other code beside the release, be it for a while on a branch that was merged.
    sandbox.write("strategy.py", "risk = 1\n");
    git(&sandbox, &["add", "strategy.py"]);
    git(&sandbox, &["commit", "-q", "-m", "other code"]);
    sandbox.run(TAG).code(1).marker(FAIL).stdout_has("other code than the release was built from");
    git(&sandbox, &["checkout", "-q", "main"]);
    git(&sandbox, &["merge", "-q", "--no-ff", "-m", "merge", "more"]);
    refused(&sandbox, 1);
    // A branch that has the folder and not the code.
    git(&sandbox, &["checkout", "-q", "--orphan", "unrelated"]);
    git(&sandbox, &["commit", "-q", "-m", "unrelated"]);
    sandbox.run(TAG).code(1).marker(FAIL).stdout_has("which is no ancestor of");
    git(&sandbox, &["checkout", "-q", "main"]);
    git(&sandbox, &["reset", "-q", "--hard", "HEAD~1"]);
    sandbox.run(TAG).code(0).marker("| canary | OK | CANARY=TAGGED |");
}

#[test]
fn a_tag_is_named_by_the_version_of_the_release() {
    let sandbox = repository();
    let tag = |line: &str| sandbox.run(&format!("canary tag --allow-simulated --bundle release/r1 {line}"));
    for line in ["--tag v9.9.9", "--tag 1.2.3", "--tag v1.2.3-final", "--tag v1.2.3-rc01", "--tag HEAD"] {
        tag(line).code(1).marker(FAIL).stdout_has("is no tag of version 1.2.3");
    }
    git(&sandbox, &["branch", "v1.2.3"]);
    tag("--tag v1.2.3").code(1).stdout_has("there is a branch `v1.2.3`");
    git(&sandbox, &["branch", "-D", "v1.2.3"]);
    for other in ["v1.2.3/part", "rel"] {
        git(&sandbox, &["tag", other]);
    }
    tag("--tag v1.2.3 --dry-run").code(1).stdout_has("there is a tag `v1.2.3/part`");
    tag("--tag rel/1.2.3 --tag-prefix rel/").code(1).stdout_has("there is a tag `rel`");
    git(&sandbox, &["tag", "-d", "v1.2.3/part", "rel"]);
    tag("--tag v1.2.3-final --tag-suffix final").code(0);
    tag("--tag 1.2.3 --tag-prefix ''").code(0);
    tag("--tag v1.2.3-soak-validated").code(0);
    // Candidates are counted, and the last of them becomes the release.
    git(&sandbox, &["tag", "v1.2.3-rc9"]);
    tag("--rc").code(0).stdout_has("v1.2.3-rc10: r1 1.2.3");
    tag("--rc --dry-run").code(0).stdout_has("v1.2.3-rc11: r1 1.2.3");
    tag("--rc --tag v1.2.3").code(64);
    tag("--tag v1.2.3").code(0);
    for line in ["--rc", "--tag v1.2.3-rc12"] {
        tag(line).code(1).stdout_has("the version is tagged already, `v1.2.3`");
    }
    for line in ["--tag refs/heads/1.2.3 --tag-prefix refs/heads/", "--tag v1.2.3\u{202e}"] {
        tag(line).code(3).stderr_has("is not a valid tag name");
    }
    tag("--rc --tag-prefix refs/heads/").code(1).stdout_has("is not a valid tag name");
    let commit = |tag: &str| git(&sandbox, &["rev-parse", &format!("{tag}^{{commit}}")]);
    assert_eq!(commit("v1.2.3"), commit("v1.2.3-rc10"));
}

/// A key that nobody asked for is not waited for, and what git needs is known before.
#[test]
fn a_tag_is_signed_only_where_that_was_asked_for() {
    let sandbox = repository();
    sandbox.write("out/gpg", "#!/bin/sh\nsleep 600\n");
    let program = sandbox.path("out/gpg");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    git(&sandbox, &["config", "tag.gpgSign", "true"]);
    git(&sandbox, &["config", "gpg.program", program.to_str().unwrap()]);
    sandbox.run(TAG).code(0);
    assert!(!git(&sandbox, &["cat-file", "tag", "v1.2.3"]).contains("SIGNATURE"));
    git(&sandbox, &["config", "--unset", "user.name"]);
    git(&sandbox, &["config", "user.useConfigOnly", "true"]);
    sandbox
        .run("canary tag --allow-simulated --bundle release/r1 --rc --dry-run")
        .code(1)
        .stdout_has("git does not know who puts it");
}

/// Whoever is faster keeps the tag.
#[test]
fn a_tag_that_was_put_in_the_meantime_is_named_and_stays() {
    let sandbox = repository();
    let script = "#!/bin/sh\ncase \"$*\" in *' tag --annotate '*) /usr/bin/git tag v1.2.3 ;; esac\nexec /usr/bin/git \"$@\"\n";
    sandbox.write("out/git", script);
    let program = sandbox.path("out/git");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", sandbox.path("out").display());
    let output = Output::of(sandbox.command(TAG).env("PATH", &path));
    output.code(1).marker(FAIL).stdout_has("it was put in the meantime");
    assert_eq!(git(&sandbox, &["cat-file", "-t", "v1.2.3"]), "commit\n", "it is the other one");
}

#[test]
fn what_git_says_of_a_repository_that_it_cannot_read_is_passed_on() {
    let sandbox = repository();
    git(&sandbox, &["config", "core.repositoryformatversion", "99"]);
    sandbox.run(TAG).error(5).stderr_has("repo version");
    let sandbox = repository();
    sandbox.write(".git/HEAD", "garbage\n");
    sandbox.run(TAG).error(5).stderr_has("not a git repository");
}

/// Each field of the manifest, sealed again as somebody without the key could.
#[test]
fn no_change_of_a_manifest_is_tagged_in_silence() {
    let sandbox = repository().unrecorded("asserted here");
    let line = format!("{TAG} --dry-run --format json");
    let (path, before) = ("release/r1/MANIFEST.json", sandbox.run(&line).code(0).json());
    let manifest = sandbox.json(path);
    assert_eq!(sealed(&manifest), sandbox.read(path));
    let last = manifest["files"].as_array().unwrap().len() - 1;
    let mut places: Vec<String> = Vec::new();
    for name in [
        "name",
        "version",
        "created_at",
        "clock",
        "schema",
        "git",
        "git/commit",
        "git/dirty",
        "provenance",
        "files",
    ] {
        places.push(format!("/{name}"));
    }
    for name in ["builder", "encoder", "plan", "plan/path", "plan/sha256", "lock_files", "configs/0/path"] {
        places.push(format!("/provenance/{name}"));
    }
    for at in [0, last] {
        places.extend(
            ["path", "sha256", "size", "mode", "description"].map(|name| format!("/files/{at}/{name}")),
        );
    }
    for place in places {
        for value in [json!("x"), json!("2099-01-01T00:00:00Z")] {
            let mut other = manifest.clone();
            *other.pointer_mut(&place).unwrap() = value.clone();
            sandbox.write(path, sealed(&other));
            let output = sandbox.run(&line);
            let is_named = || output.json()["message"] != before["message"];
            assert!(output.code != Some(0) || is_named(), "{place} {value}: {}", output.stdout);
        }
    }
    // What it says that it was made by is what its commit has; so is each part that it may leave out.
    for (place, value) in [
        ("/provenance/plan/sha256", json!("0".repeat(64))),
        ("/provenance/plan/path", json!("VERSION")),
        ("/provenance/configs/0/sha256", json!("0".repeat(64))),
        ("/provenance/encoder", json!("libdeflate 1.26, level 6, chunks of 1 MiB")),
        ("/provenance/uncommitted", json!(["VERSION"])),
        ("/provenance/absent", json!(["VERSION"])),
        ("/provenance/include", json!(["../x"])),
        ("/git", Value::Null),
        ("/git/commit", json!("0".repeat(40))),
        ("/git/dirty", json!(true)),
    ] {
        let mut other = manifest.clone();
        let (above, name) = place.rsplit_once('/').unwrap();
        other.pointer_mut(above).unwrap()[name] = value.clone();
        sandbox.write(path, sealed(&other));
        assert_eq!(sandbox.run(&line).code(1).json()["verdict"], "FAIL", "{place}");
    }
    // What no release was ever made with is refused, and not only named.
    let mut later = manifest.clone();
    later["created_at"] = json!("2099-01-01T00:00:00Z");
    sandbox.write(path, sealed(&later));
    drop(sandbox.run(&line).code(1).stdout_has("clock:"));
    for at in 0..=last {
        let mut fewer = manifest.clone();
        let file = fewer["files"].as_array_mut().unwrap().remove(at)["path"].as_str().unwrap().to_owned();
        let (file_path, text) = (format!("release/r1/{file}"), sandbox.read(&format!("release/r1/{file}")));
        std::fs::remove_file(sandbox.path(&file_path)).unwrap();
        sandbox.write(path, sealed(&fewer));
        let output = sandbox.run(&line);
        assert!(output.code != Some(0), "{file}: {}", output.stdout);
        let _ =
            sandbox.run("bundle verify release/r1").code(1).stdout_has(&format!("missing-entry: `{file}`"));
        sandbox.write(&file_path, text);
    }
}

/// What a repository can be in beside a clean branch at the code that was built.
#[test]
fn no_state_of_a_repository_but_the_clean_one_is_tagged() {
    let states: [(&str, &[&[&str]]); 10] = [
        ("a commit of other code", &[&["commit", "-q", "--amend", "-m", "again"]]),
        ("a staged file", &[&["rm", "-q", "--cached", "VERSION"]]),
        ("a detached head", &[&["checkout", "-q", "--detach"]]),
        (
            "a head that stands for a tag",
            &[&["update-ref", "refs/tags/x", "HEAD"], &["symbolic-ref", "HEAD", "refs/tags/x"]],
        ),
        ("a branch without a commit", &[&["checkout", "-q", "--orphan", "new"]]),
        ("a merge that is not done", &[&["checkout", "-q", "-b", "b"], &["rm", "-q", "VERSION"]]),
        ("no identity", &[&["config", "--unset", "user.email"], &["config", "user.useConfigOnly", "true"]]),
        ("a tag of this name", &[&["tag", "v1.2.3"]]),
        ("a branch of this name", &[&["branch", "v1.2.3"]]),
        ("a tag below this name", &[&["tag", "v1.2.3/x"]]),
    ];
    for (what, commands) in states {
        let sandbox = repository().unrecorded("asserted here");
        for words in commands {
            git(&sandbox, words);
        }
        let before = git(&sandbox, &["for-each-ref"]);
        for line in [TAG, &format!("{TAG} --dry-run")] {
            let output = sandbox.run(line);
            assert!(matches!(output.code, Some(1..=5)), "{what}: {}", output.stdout);
        }
        assert_eq!(git(&sandbox, &["for-each-ref"]), before, "{what}");
    }
}

/// A root below the top of the work tree: what lies elsewhere in it counts as well.
#[test]
fn a_tree_differs_wherever_a_file_does() {
    let sandbox = Sandbox::new().unrecorded("asserted here");
    let inner = repository().unrecorded("asserted here");
    std::fs::rename(inner.root(), sandbox.path("sub")).unwrap();
    std::fs::create_dir(inner.root()).unwrap();
    for name in [".git", ".gitignore"] {
        std::fs::rename(sandbox.path("sub").join(name), sandbox.path(name)).unwrap();
    }
    std::fs::remove_dir_all(sandbox.path("sub/release")).unwrap();
    sandbox.write(".gitignore", "artifacts\n.gitconfig\n");
    git(&sandbox, &["add", "-A"]);
    git(&sandbox, &["commit", "-qm", "moved"]);
    let run = |line: &str| sandbox.run(&format!("--root sub {line}"));
    let _ = run("bundle release --src run --legacy-snapshot --allow-simulated --out release/r1").code(0);
    let _ = run(&format!("{TAG} --dry-run")).code(0);
    sandbox.write("above.txt", "x");
    let _ = run(TAG).code(1).stdout_has("the tree differs from its commit: above.txt");
    std::fs::remove_file(sandbox.path("above.txt")).unwrap();
    let _ = run(TAG).code(0);
}

/// Git that says that it did what it did not.
#[test]
fn a_tag_that_is_elsewhere_than_it_was_put_is_named() {
    let sandbox = repository().unrecorded("asserted here");
    for (script, said) in
        [("exit 0", "and there is none"), ("exec /usr/bin/git tag v1.2.3 HEAD~0^{tree}", "it is at")]
    {
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *' tag --annotate '*) {script} ;; esac\nexec /usr/bin/git \"$@\"\n"
        );
        sandbox.write("out/git", script);
        let program = sandbox.path("out/git");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", sandbox.path("out").display());
        let output = Output::of(sandbox.command(TAG).env("PATH", &path));
        let _ = output.error(5).stderr_has(said);
    }
}

/// A release that was signed, changed, and sealed again: without the key its own signature speaks of other bytes.
#[test]
fn a_signature_of_other_bytes_is_seen_without_the_key() {
    let sandbox = repository().unrecorded("asserted here");
    crate::bundle::keys(&sandbox, "ours");
    std::fs::remove_dir_all(sandbox.path("release")).unwrap();
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-q", "-m", "keys"]);
    let _ = sandbox
        .run("bundle release --src run --legacy-snapshot --allow-simulated --out release/r1 --sign ours.key")
        .code(0);
    let report = sandbox.run(&format!("{TAG} --dry-run --format json")).code(0).json();
    assert_eq!(report["signature"], "not checked");
    let _ = sandbox.run(&format!("{TAG} --dry-run")).code(0).stdout_has("signature not checked: no --key");
    let report = sandbox.run(&format!("{TAG} --dry-run --key ours.pub --format json")).code(0).json();
    assert_eq!(report["signature"], "valid");
    let path = "release/r1/MANIFEST.json";
    let mut manifest = sandbox.json(path);
    manifest["files"][0]["description"] = json!("other");
    sandbox.write(path, sealed(&manifest));
    for line in [TAG, "bundle verify release/r1"] {
        let _ = sandbox.run(line).code(1).stdout_has("signature-hash: it vouches for sha256");
    }
    std::fs::remove_file(sandbox.path("release/r1/MANIFEST.json.minisig")).unwrap();
    let _ = sandbox.run(&format!("{TAG} --key ours.pub")).code(1).stdout_has("signature-missing");
}

/// A manifest as somebody without the key could seal it.
pub fn sealed(manifest: &Value) -> String {
    let text = |seal: &str| {
        let mut manifest = manifest.clone();
        manifest["seal"] = json!(seal);
        format!("{}\n", serde_json::to_string_pretty(&manifest).unwrap())
    };
    text(&mmops::testing::hash::sha256(text("").as_bytes()))
}

/// What git was told not to look at, and what is not in the repository at all.
#[test]
fn a_release_is_held_to_the_commit_by_what_it_is_made_of() {
    let release =
        "bundle release --src run --legacy-snapshot --allow-simulated --out release/r2 --format json";
    let bundled = include_str!("../../deploy/soak/kpis.yaml");
    let limits = include_str!("../../deploy/tuning/limits.yaml");
    let sandbox = repository().unrecorded("asserted here");
    sandbox.write("deploy/soak/kpis.yaml", bundled);
    sandbox.write("deploy/tuning/limits.yaml", limits);
    git(&sandbox, &["add", "deploy"]);
    git(&sandbox, &["commit", "-q", "-m", "configuration"]);
    let is_dirty = |line: &str, named: &str| {
        let _ = std::fs::remove_dir_all(sandbox.path("release/r2"));
        let output = sandbox.run(line).code(0);
        let manifest = sandbox.json("release/r2/MANIFEST.json");
        assert_eq!(manifest["git"]["dirty"], json!(!named.is_empty()), "{named}");
        assert!(
            output.stdout.contains(&format!("`{named}` is not in the commit")) != named.is_empty(),
            "{named}"
        );
    };
    is_dirty(release, "");
    for (path, flag) in [
        ("deploy/policies/rollback.yaml", "--assume-unchanged"),
        ("deploy/soak/kpis.yaml", "--skip-worktree"),
        ("deploy/tuning/limits.yaml", "--assume-unchanged"),
        ("VERSION", "--skip-worktree"),
    ] {
        let before = sandbox.read(path);
        git(&sandbox, &["update-index", flag, path]);
        sandbox
            .write(path, if path == "VERSION" { "1.2.4\n".to_owned() } else { format!("{before}\n# x\n") });
        is_dirty(release, path);
        sandbox.write(path, before);
        git(&sandbox, &["update-index", &flag.replace("--", "--no-"), path]);
    }
    let outside = tempfile::tempdir().unwrap();
    let policy = outside.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    let named = format!("../{}/policy.yaml", outside.path().file_name().unwrap().display());
    is_dirty(&format!("{release} --policy {}", policy.display()), &named);
}

#[test]
fn a_checklist_has_ramp_targets_triggers_and_commands_that_parse() {
    let sandbox = repository();
    let report = sandbox.run("canary checklist --bundle release/r1 --format json").code(0).json();
    assert_eq!(report["verdict"], "CHECKLIST");
    conforms(&sandbox, "canary-checklist", &report);
    let text = sandbox.read("release/r1/CANARY_CHECKLIST.md");
    assert_eq!(report["text"], json!(text));
    assert!(parses_as_shell(&text) >= 2);
    sandbox.run("canary checklist --bundle release/r1").code(0).stdout_has("\n## Roll back at once when\n");
    sandbox.run("canary checklist --bundle ./release/../release/r1 --out c/LIST.md").code(0);
    assert_eq!(sandbox.read("c/LIST.md"), text);
    std::fs::remove_dir_all(sandbox.path("c")).unwrap();
    sandbox.run("bundle verify release/r1").code(0);
    sandbox.run(&TAG.replace("release/r1", "./release/../release/r1")).code(0);
    for out in ["--out release/r1/LIST.md", "--out release/../release/r1/LIST.md", "--junit release/r1/x.xml"]
    {
        sandbox.run(&format!("canary checklist --bundle release/r1 {out}")).error(64);
    }
    sandbox.run("bundle verify release/r1").code(0);
    edit(&sandbox, |snapshot| snapshot["verdict"] = json!("FAIL"));
    sandbox.run("canary checklist --bundle release/r1 --out c/NEW.md").code(1).marker(FAIL);
    assert!(!sandbox.path("c/NEW.md").exists());
}
