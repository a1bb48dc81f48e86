//! `mmops sim feed` and `mmops sim bot`.

use crate::sandbox::Sandbox;
use std::process::{Command, Stdio};

const LINE: &str = "sim feed --minutes 1 --out feeds/calm.gz";

#[test]
fn the_same_seed_writes_the_same_bytes_and_another_one_does_not() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(LINE).code(0).marker("| sim_feed | OK | SIM_FEED=WRITTEN |");
    let first = std::fs::read(sandbox.path("feeds/calm.gz")).unwrap();
    let _ = sandbox.run(LINE).code(0);
    assert_eq!(std::fs::read(sandbox.path("feeds/calm.gz")).unwrap(), first);
    let _ = sandbox.run(&format!("{LINE} --seed 8")).code(0);
    assert_ne!(std::fs::read(sandbox.path("feeds/calm.gz")).unwrap(), first);
    assert_eq!(sandbox.files(), ["feeds/calm.gz"]);
}

#[test]
fn a_plain_name_gets_plain_lines_whose_first_says_that_they_are_simulated() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run("sim feed --minutes 1 --regime thin --out thin.feed").code(0);
    assert!(sandbox.read("thin.feed").lines().count() > 500);
}

#[test]
fn a_sweep_on_a_written_feed_stays_simulated() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(LINE).code(0);
    let output = sandbox.run("tune sweep --feed feeds/calm.gz --format json").code(1);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["simulated"], true, "{report}");
    assert_eq!(report["marker"], "PARAM_SWEEP=NO_SAFE_CANDIDATE", "{report}");
}

#[test]
fn a_wrong_command_line_is_64() {
    for line in [
        "sim feed",
        "sim feed --minutes 0 --out x",
        "sim feed --minutes 1441 --out x",
        "sim feed --symbol BTC/USDT --out x",
        "sim feed --regime mad --out x",
        "sim",
    ] {
        let sandbox = Sandbox::new();
        let _ = sandbox.run(line).code(64);
        assert!(sandbox.files().is_empty(), "{line}");
    }
}

#[test]
fn a_path_that_cannot_be_written_is_refused_before_the_work() {
    let sandbox = Sandbox::new().file("feeds", "a file");
    let _ = sandbox.run(LINE).error(3);
    assert_eq!(sandbox.files(), ["feeds"]);
}

/// What a bot has logged after so long, and how much memory it holds.
fn bot(flags: &str, how_long: &str) -> (String, u64) {
    let sandbox = Sandbox::real_time().unrecorded("real time");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(["sim", "bot", "--log", "bot.log", "--for", how_long]).args(flags.split_whitespace());
    command.current_dir(sandbox.root()).env_clear().stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let resident = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        peak = peak.max(resident.trim().trim_end_matches(" kB").parse().unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    (sandbox.read("bot.log"), peak)
}

#[test]
fn a_bot_says_what_it_does_when_it_does_it() {
    let (steady, _) = bot("", "400ms");
    assert!(steady.contains("Event received: tick") && steady.contains("Rule evaluated: deadline PASSED"));
    assert!(!steady.contains("Enforcement"), "{steady}");
    let (hanging, _) = bot("--scenario hang --hang-after 0s", "400ms");
    assert!(hanging.contains("Event loop running") && !hanging.contains("Event received"), "{hanging}");
    let (broken, _) = bot("--scenario breaker_trip --speed 1000", "400ms");
    assert!(broken.contains("Enforcement triggered: circuit breaker open"), "{broken}");
}

#[test]
fn a_bot_that_leaks_holds_memory_that_others_see() {
    let (_, steady) = bot("--speed 60", "500ms");
    let (_, leaking) = bot("--scenario leak --leak-mb-per-min 200 --speed 60", "500ms");
    // Some 100 MiB, of which a loaded machine may see a part.
    assert!(leaking > steady + 20 * 1024, "{steady} kB without, {leaking} kB with");
}
