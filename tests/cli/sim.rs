//! `mmops sim feed`.

use crate::sandbox::Sandbox;

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
