//! What git's own variables may not do: decide which repository a command speaks of.

use crate::canary::{git, repository};
use crate::sandbox::{Output, Sandbox};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// The commands that ask git and write nothing into the repository.
const QUESTIONS: [&str; 3] = [
    "canary tag --bundle release/r1 --allow-simulated --tag v1.2.3 --dry-run --format json",
    "scan-secrets --git-history --format json",
    "bundle create --include VERSION --format json",
];

/// A clean repository with all that the questions need.
fn asked() -> Sandbox {
    let sandbox = repository().unrecorded("what is said is compared here, or with that of `canary`");
    sandbox.write(".git/info/exclude", "*\n");
    for name in ["README.md", "CHANGELOG.md", "deploy/prometheus/alerts_soak.yml"] {
        sandbox.write(name, "text\n");
    }
    sandbox.write("deploy/grafana/dashboards/mm_operability.json", "{}\n");
    sandbox
}

/// A repository whose history holds a secret and whose work tree was changed.
fn another() -> Sandbox {
    let other = Sandbox::new().unrecorded("it is not asked").file("VERSION", "0.0.1\n");
    git(&other, &["init", "-q", "-b", "elsewhere"]);
    other.write("a.env", format!("KEY=AKIA{}\n", "Z2QJ7XK4M5N3P6RT"));
    git(&other, &["add", "."]);
    git(&other, &["commit", "-q", "-m", "other"]);
    other.write("VERSION", "0.0.2\n");
    other
}

/// The variables that git says belong to one repository, and others that change what it answers.
fn variables() -> Vec<String> {
    let listed = Command::new("git").args(["rev-parse", "--local-env-vars"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let more =
        "GIT_NAMESPACE GIT_ICASE_PATHSPECS GIT_ATTR_SOURCE GIT_TRACE GIT_TRACE2_EVENT GIT_DEFAULT_HASH";
    listed.lines().chain(more.split(' ')).map(str::to_owned).collect()
}

/// What makes a variable lead to the other repository.
fn value(name: &str, other: &Sandbox) -> String {
    let path = |path: &str| other.path(path).display().to_string();
    match name {
        "GIT_WORK_TREE" => path(""),
        "GIT_INDEX_FILE" => path(".git/index"),
        "GIT_OBJECT_DIRECTORY" | "GIT_ALTERNATE_OBJECT_DIRECTORIES" => path(".git/objects"),
        "GIT_CONFIG" => path(".git/config"),
        "GIT_CONFIG_PARAMETERS" => format!("'core.worktree'='{}'", path("")),
        "GIT_CONFIG_COUNT" | "GIT_ICASE_PATHSPECS" | "GIT_IMPLICIT_WORK_TREE" => "1".to_owned(),
        "GIT_GRAFT_FILE" | "GIT_SHALLOW_FILE" | "GIT_TRACE" | "GIT_TRACE2_EVENT" => path("trace"),
        _ => path(".git"),
    }
}

#[test]
fn no_variable_of_git_changes_which_repository_is_asked() {
    let (sandbox, other) = (asked(), another());
    let answer = |line: &str, names: &[&str]| {
        let mut command = sandbox.command(line);
        for name in names {
            command.env(name, &value(name, &other));
            if *name == "GIT_CONFIG_COUNT" {
                command.env("GIT_CONFIG_KEY_0", "core.worktree");
                command.env("GIT_CONFIG_VALUE_0", &other.path("").display().to_string());
            }
        }
        let output = Output::of(&mut command).code(0);
        assert!(!output.stdout.contains("elsewhere"), "{line} {names:?}: {}", output.stdout);
        (output.stdout, output.stderr)
    };
    let variables = variables();
    let all: Vec<&str> = variables.iter().map(String::as_str).collect();
    for line in QUESTIONS {
        let asked = answer(line, &[]);
        for names in all.chunks(1).chain([&all[..]]) {
            assert_eq!(answer(line, names), asked, "{line} {names:?}");
        }
    }
    assert!(!other.path("trace").exists());
}

#[test]
fn a_tag_is_put_where_the_root_is() {
    let (sandbox, other) = (asked(), another());
    let mut tag = sandbox.command("canary tag --bundle release/r1 --allow-simulated --tag v1.2.3");
    tag.env("GIT_DIR", &other.path(".git").display().to_string());
    let _ = Output::of(&mut tag).code(0);
    assert_eq!((git(&sandbox, &["tag"]), git(&other, &["tag"])), ("v1.2.3\n".to_owned(), String::new()));
}

#[test]
fn a_question_writes_nothing_into_the_repository_and_starts_none_of_its_programs() {
    let sandbox = asked();
    for hook in ["post-index-change", "monitor"] {
        let path = format!(".git/hooks/{hook}");
        sandbox.write(&path, format!("#!/bin/sh\ntouch {}\n", sandbox.path("started").display()));
        std::fs::set_permissions(sandbox.path(&path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    git(&sandbox, &["config", "core.fsmonitor", ".git/hooks/monitor"]);
    // A file with a new time and the old content: git would note in its index that nothing changed.
    sandbox.write("VERSION", "1.2.3\n");
    sandbox.age("VERSION", std::time::Duration::from_secs(5));
    let index = || std::fs::read(sandbox.path(".git/index")).unwrap();
    let before = index();
    for line in QUESTIONS {
        let _ = sandbox.run(line).code(0);
        assert!(index() == before && !sandbox.path("started").exists(), "{line}");
    }
}
