//! `mmops chaos failover` with real processes: its yes, its no, its bad input, its interruption, and that
//! nothing it started survives it.

use crate::contract::conforms;
use crate::sandbox::{Output, Sandbox};
use serde_json::Value;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const OK: &str = "| chaos_failover | OK | CHAOS_RESULT=OK |";
const FAIL: &str = "| chaos_failover | FAIL | CHAOS_RESULT=FAIL |";

/// A short drill: takeover within 500 ms.
const SHORT: &str = "chaos failover --ttl 300ms --renew 100ms --kill-at 250ms";

/// Processes whose command line names this sandbox.
fn alive(sandbox: &Sandbox) -> Vec<String> {
    let root = sandbox.root().to_str().unwrap();
    let pids = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let lines = pids.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter_map(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some(format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " ")))
    });
    lines.filter(|line| line.contains(root)).collect()
}

fn nodes(sandbox: &Sandbox) -> usize {
    alive(sandbox).iter().filter(|line| line.contains("chaos node")).count()
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let due = Instant::now() + Duration::from_secs(15);
    while !condition() {
        assert!(Instant::now() < due, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const REAL: &str = "the moments of a drill, and which node is first, are real";

fn drill(sandbox: &Sandbox, line: &str) -> (Output, Value) {
    let output = sandbox.run(line);
    let document = sandbox.json("artifacts/CHAOS_FAILOVER.json");
    assert_eq!(alive(sandbox), Vec::<String>::new());
    conforms(sandbox, "chaos-failover", &document);
    (output, document)
}

#[test]
fn a_standby_takes_over_from_a_killed_leader_in_every_run() {
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let (output, document) = drill(&sandbox, &format!("{SHORT} --runs 3"));
    let output = output.code(0).marker(OK).stdout_has("| takeover ");
    assert_eq!(output.stderr, "");
    assert_eq!(document["schema"], "mmops.chaos-failover.v1");
    assert_eq!(document["measured"]["takeover"]["count"], 3);
    let limit = document["parameters"]["takeover_limit_ms"].as_u64().unwrap();
    assert_eq!(limit, 500);
    for run in document["measured"]["runs"].as_array().unwrap() {
        let takeover = run["takeover_ms"].as_u64().unwrap();
        // Right after a renewal a kill leaves all of the TTL; right before one, two thirds of it.
        assert!((190..=limit).contains(&takeover), "{run}");
        assert_eq!(run["elections"], 2);
        assert!(run["orders"].as_u64().unwrap() > 10, "{run}");
        assert_eq!(run["idem_hits"], 5, "{run}");
    }
    assert_eq!(sandbox.files(), ["artifacts/CHAOS_FAILOVER.json"]);

    let lines: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with("CHAOS")).collect();
    assert!(lines[0].starts_with("CHAOS t=0 role="), "{}", lines[0]);
    assert!(lines[0].ends_with(" state=leader lock=acq idem_hits=0"), "{}", lines[0]);
    assert!(lines.iter().any(|line| line.contains(" state=killed ")), "{lines:?}");
    let summary = lines.last().unwrap();
    assert!(summary.starts_with("CHAOS_SUMMARY takeover_ms="), "{summary}");
    assert!(summary.ends_with(" idem_hits_total=15 alert_storm_counter=0"), "{summary}");
}

#[test]
fn a_leader_that_was_paused_with_an_order_on_its_way_is_refused_when_it_wakes() {
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let (output, document) = drill(&sandbox, &format!("{SHORT} --signal stop"));
    let output = output.code(0).marker(OK);
    let run = &document["measured"]["runs"][0];
    assert_eq!(run["refused_stale"], 1, "{}", output.stdout);
    assert_eq!(run["elections"], 2);
    let output = output.stdout_has(" state=paused lock=none").stdout_has(" state=resumed lock=none");
    output.stdout_has(" state=follower lock=fenced");
}

#[test]
fn two_healthy_nodes_hold_one_election() {
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let (output, document) = drill(&sandbox, "chaos failover --ttl 300ms --renew 100ms --healthy 1s");
    output.code(0).marker(OK).stdout_has("per_run=1 expected=1");
    assert_eq!(document["measured"]["takeover"], Value::Null);
    assert_eq!(document["parameters"]["scenario"], "healthy");
}

/// Starts a drill and signals both of its nodes once one of them trades.
fn sabotaged(sandbox: &Sandbox, line: &str, signal: &str) -> (String, Value) {
    let mut drill = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(line.split(' '))
        .current_dir(sandbox.root())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let trades = |run: &fs::DirEntry| run.path().join("run-0001/orders.log").exists();
    wait_until("no order", || {
        fs::read_dir(sandbox.path("artifacts")).is_ok_and(|mut dir| dir.any(|run| trades(&run.unwrap())))
    });
    wait_until("not both nodes", || nodes(sandbox) == 2);
    for line in alive(sandbox).iter().filter(|line| line.contains("chaos node")) {
        let pid = line.split(' ').next().unwrap();
        assert!(Command::new("kill").args([signal, pid]).status().unwrap().success());
    }
    assert_eq!(drill.wait().unwrap().code(), Some(1));
    let output = std::io::read_to_string(drill.stdout.take().unwrap()).unwrap();
    assert_eq!(output.lines().last(), Some(FAIL), "{output}");
    assert_eq!(alive(sandbox), Vec::<String>::new());
    let document = sandbox.json("artifacts/CHAOS_FAILOVER.json");
    assert_eq!(document["wrongs"]["failed_runs"], 1);
    conforms(sandbox, "chaos-failover", &document);
    (output, document)
}

/// With both nodes stopped by the test nobody can take over: the drill must say no, keep the logs of the
/// failed run, and still leave no process behind, stopped ones included.
#[test]
fn a_takeover_that_does_not_happen_is_a_failure_and_its_logs_are_kept() {
    let sandbox = Sandbox::real_time();
    let (output, _) = sabotaged(&sandbox, SHORT, "-STOP");
    assert!(output.contains("run 1: nobody took over"), "{output}");
    assert!(output.contains("takeover_ms=-1 "), "{output}");
    assert!(output.contains("kept for inspection in artifacts/chaos-failover-"), "{output}");
    assert!(
        sandbox.files().iter().any(|file| file.ends_with("run-0001/orders.log")),
        "{:?}",
        sandbox.files()
    );
}

#[test]
fn nodes_that_end_by_themselves_prove_nothing() {
    let sandbox = Sandbox::real_time();
    let line = "chaos failover --ttl 300ms --renew 100ms --healthy 1s";
    let (output, document) = sabotaged(&sandbox, line, "-KILL");
    for name in ["A", "B"] {
        assert!(output.contains(&format!("run 1: node {name} ended by itself")), "{output}");
    }
    assert!(document["wrongs"]["lost_orders"].as_u64().unwrap() > 0, "{document}");
}

#[test]
fn the_dry_run_writes_its_result_and_nothing_else_in_under_five_seconds() {
    let sandbox = Sandbox::new();
    let started = Instant::now();
    let first = sandbox.run("chaos failover --dry-run").code(0).marker(OK);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let file = "artifacts/dry-run/CHAOS_FAILOVER.json";
    assert_eq!(sandbox.files(), [file]);
    assert_eq!(alive(&sandbox), Vec::<String>::new());
    // Under a frozen clock nothing measured is reported, so two runs read the same.
    let document = sandbox.read(file);
    assert_eq!(sandbox.json(file)["clock"], "frozen");
    assert_eq!(sandbox.json(file)["measured"], Value::Null);
    conforms(&sandbox, "chaos-failover", &sandbox.json(file));
    let second = sandbox.run("chaos failover --dry-run").code(0);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(document, sandbox.read(file));
}

#[test]
fn parameters_that_contradict_one_another_are_refused_before_anything_starts() {
    let sandbox = Sandbox::new();
    for line in [
        "--ttl 1s --renew 501ms",
        "--ttl 100ms --renew 20ms",
        "--ttl 2m",
        "--renew 5ms",
        "--kill-at 499ms",
        "--kill-at 2h",
        "--healthy 2s",
        "--healthy 5s --kill-at 1s",
        "--healthy 5s --signal stop",
        "--runs 0",
        "--jobs 0",
        "--ttl soon",
        "--lock redis://localhost:6379",
        "--lock file:",
        "--dry-run --lock file:x",
        "--dry-run --out-json x",
    ] {
        sandbox.run(&format!("chaos failover {line}")).code(64);
    }
    // Where the result was asked for it says that there is none.
    assert_eq!(sandbox.files(), ["x"]);
    assert_eq!(sandbox.json("x")["exit_code"], 64);
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_anything_starts() {
    let sandbox = Sandbox::new().file("plain", "");
    for line in ["--lock file:plain/store", "--out-json plain/out.json"] {
        sandbox.run(&format!("{SHORT} {line}")).error(3);
    }
    assert_eq!(sandbox.files(), ["plain"]);
}

#[test]
fn a_signal_ends_the_drill_and_both_of_its_nodes() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let sandbox = Sandbox::real_time();
        let mut drill = Command::new(env!("CARGO_BIN_EXE_mmops"))
            .args(["chaos", "failover", "--kill-at", "1m", "--runs", "2"])
            .current_dir(sandbox.root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("four nodes", || nodes(&sandbox) == 4);
        let pid = drill.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        assert_eq!(drill.wait().unwrap().code(), Some(code));
        assert_eq!(alive(&sandbox), Vec::<String>::new());
        assert_eq!(sandbox.files(), Vec::<String>::new());
    }
}

#[test]
fn the_nodes_die_with_a_drill_that_is_killed() {
    let sandbox = Sandbox::real_time();
    let mut drill = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["chaos", "failover", "--kill-at", "1m"])
        .current_dir(sandbox.root())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("two nodes", || nodes(&sandbox) == 2);
    drill.kill().unwrap();
    drill.wait().unwrap();
    wait_until("the nodes outlived the drill", || alive(&sandbox).is_empty());
}

#[test]
fn a_node_is_not_a_command_of_its_own() {
    let sandbox = Sandbox::new();
    let help = sandbox.run("chaos --help").code(0);
    let commands = help.stdout.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let commands: Vec<&str> = commands.filter(|word| !word.is_empty() && !word.starts_with('-')).collect();
    assert_eq!(commands, ["failover", "help"]);
    let help = sandbox.run("chaos failover --help").code(0);
    assert!(!help.stdout.contains("redis"), "{}", help.stdout);
    let line = "chaos node --name A --dir . --ttl 1s --renew 300ms --origin-us 0 --parent 1";
    sandbox.run(line).code(64);
    assert_eq!(sandbox.files(), Vec::<String>::new());
}
