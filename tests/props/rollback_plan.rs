//! Whatever a policy says, the shell that follows the plan starts each program with exactly the arguments that were meant.

use mmops::testing::rollback_plan;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Programs that write down how they were started; some have names that a shell takes for something else.
const PROGRAMS: [&str; 9] = ["stub", "if", "A=b", "done", "time", "a b", "it's", "curl", "kubectl"];

const RECORD: &str = "#!/bin/bash\nprintf '%s\\0' \"${0##*/}\" \"$@\" END >> \"$LOG\"\n";

/// What a policy of one action does, and what its program is to be started with.
#[derive(Clone, Debug)]
struct Case {
    executor: Value,
    params: Value,
    started: Vec<String>,
}

fn text() -> impl Strategy<Value = String> {
    let odd = "[-a-z0-9 \t\n'\"`$\\\\@=:;&|<>*?!#~%^()\\[\\]/\u{e9}\u{20ac}]{0,14}";
    prop_oneof![
        odd,
        Just("```".to_owned()),
        Just("x\n```\nrm -rf /".to_owned()),
        Just("$(touch x)".to_owned())
    ]
}

fn exec() -> impl Strategy<Value = Case> {
    let program = prop::sample::select(&PROGRAMS[..]);
    (program, prop::collection::vec(text(), 0..4), text()).prop_map(|(program, mut words, value)| {
        let mut argv = vec![program.to_owned()];
        argv.extend(words.iter().cloned());
        argv.push("{value}".to_owned());
        words.push(value.clone());
        let started = std::iter::once(program.to_owned()).chain(words).collect();
        Case { executor: json!({"exec": argv}), params: json!({"value": value}), started }
    })
}

fn http() -> impl Strategy<Value = Case> {
    let methods = prop::sample::select(&["DELETE", "GET", "PATCH", "POST", "PUT"][..]);
    (text(), text(), methods).prop_map(|(body, header, method)| {
        let header = header.replace('\n', " ");
        let url = format!("http://b/{}", header.replace(['@', '?', ' ', '\t'], ""));
        let http = json!({"url": url, "method": method, "body": "{body}", "headers": {"X-Why": header}});
        let fixed =
            ["curl", "--globoff", "--fail", "--silent", "--show-error", "--max-time", "10", "--request"];
        let mut started: Vec<String> = fixed.map(str::to_owned).into();
        let header = format!("X-Why: {header}");
        let rest = [method, "--header", &header, "--data-raw", &body, "--url", &url];
        started.extend(rest.map(str::to_owned));
        Case { executor: json!({"http": http}), params: json!({"body": body}), started }
    })
}

fn kubernetes() -> impl Strategy<Value = Case> {
    let name = || "[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?";
    (name(), name(), 0..9_u32).prop_map(|(namespace, deployment, replicas)| {
        let executor =
            json!({"kubernetes": {"namespace": namespace, "deployment": deployment, "replicas": "{count}"}});
        let deployment = format!("deployment/{deployment}");
        let replica = format!("--replicas={replicas}");
        let started =
            ["kubectl", "--namespace", &namespace, "scale", &deployment, &replica].map(str::to_owned);
        Case { executor, params: json!({"count": replicas}), started: started.into() }
    })
}

fn policy(cases: &[Case]) -> Value {
    let kind = |at: usize| format!("act{at}");
    let actions: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(at, case)| json!({"type": kind(at), "params": case.params, "description": "x ```bash ``` `rm x`"}))
        .collect();
    let executors: serde_json::Map<String, Value> =
        cases.iter().enumerate().map(|(at, case)| (kind(at), case.executor.clone())).collect();
    let checks = [json!({"metric": "m{a=\"|\"}", "condition": "== 0", "timeout_seconds": 1})];
    json!({"auto_rollback": {"actions": actions, "verification": {"checks": checks}}, "executors": executors})
}

fn shell(dir: &Path, line: &str, only_parse: bool) {
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc"]).args(only_parse.then_some("-n")).args(["-euc", line]);
    bash.current_dir(dir).env("PATH", format!("{}:/usr/bin:/bin", dir.join("bin").display()));
    let output = bash.env("LOG", dir.join("log")).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn each_program_of_a_plan_is_started_with_what_the_policy_says(
        cases in prop::collection::vec(prop_oneof![exec(), http(), kubernetes()], 1..5)
    ) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        for program in PROGRAMS {
            let path = dir.path().join("bin").join(program);
            fs::write(&path, RECORD).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // What may be a secret is refused, which is no fault of the shell.
        let planned = rollback_plan(&policy(&cases));
        prop_assume!(planned.is_ok(), "{:?}", planned);
        let (plan, blocks) = planned.unwrap();
        // Queries, an action each, checks, and what is left at the end.
        prop_assert_eq!(blocks.len(), 1 + cases.len() + 2, "{}", plan);
        for block in &blocks {
            shell(dir.path(), block, true);
        }
        for block in &blocks[1..=cases.len()] {
            shell(dir.path(), block, false);
        }
        let log = fs::read_to_string(dir.path().join("log")).unwrap();
        let started: String = cases.iter().map(|case| case.started.join("\0") + "\0END\0").collect();
        prop_assert_eq!(log, started, "{}", plan);
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        prop_assert_eq!(left.len(), 2, "{:?}", left);
    }
}
