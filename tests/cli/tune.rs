//! `mmops tune sweep | apply | rollback`.

use crate::sandbox::{NOW, Output, Sandbox, journal, records};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

const SWEEP: &str = "artifacts/PARAM_SWEEP.json";
const TARGET: &str = "artifacts/soak/runtime_overrides.json";

/// A grid of `axes` over one generated minute; what is not on an axis is fixed.
fn grid(axes: &[(&str, &str)]) -> String {
    let fixed = [
        ("base_spread_bps_delta", "0.0"),
        ("impact_cap_ratio", "0.08"),
        ("max_delta_ratio", "0.12"),
        ("min_interval_ms", "60"),
        ("replace_rate_per_min", "300"),
        ("tail_age_ms", "600"),
    ];
    let mut text = String::from("grid:\n");
    for (name, list) in axes {
        writeln!(text, "  {name}: {list}").unwrap();
    }
    text.push_str("fixed:\n");
    for (name, value) in fixed {
        if axes.iter().all(|(axis, _)| *axis != name) {
            writeln!(text, "  {name}: {value}").unwrap();
        }
    }
    text.push_str(
        "quoter: {base_spread_bps: 1.0, max_inventory: 0.05}\n\
         fees: {maker_bps: 0.0, taker_bps: 5.0}\n\
         latency: {entry_ms: 5.0, response_ms: 5.0}\n\
         generated: {seed: 7, minutes: 1, regime: calm, symbol: BTCUSDT}\n\
         walk_forward: {train_fraction: 0.6}\n\
         bootstrap: {seed: 7, resamples: 200, level: 0.9}\n",
    );
    text
}

/// Limits that any candidate with some fills keeps, with one line replaced.
fn limits(change: &str) -> String {
    let name = change.split(':').next().unwrap_or_default();
    let mut text = String::from("safety:\n");
    for line in
        ["max_order_age_p95_ms: 5000", "max_taker_share_pct: 100", "min_fills: 20", "max_inventory: 0.05"]
    {
        let line = if line.starts_with(name) && !name.is_empty() { change } else { line };
        writeln!(text, "  {line}").unwrap();
    }
    text.push_str(
        "bounds:\n  min_interval_ms: {min: 50, max: 300}\n  replace_rate_per_min: {min: 120, max: 360}\n  \
         impact_cap_ratio: {min: 0.04, max: 0.12}\n  tail_age_ms: {min: 400, max: 1000}\n  \
         max_delta_ratio: {min: 0.10, max: 0.20}\n  base_spread_bps_delta: {min: 0.0, max: 0.6}\n\
         feed: {}\n",
    );
    text
}

const FOUR: &[(&str, &str)] = &[("tail_age_ms", "[600, 800]"), ("min_interval_ms", "[60, 100]")];

fn sandbox() -> Sandbox {
    with_files(Sandbox::new())
}

pub fn with_files(sandbox: Sandbox) -> Sandbox {
    sandbox.file("deploy/tuning/grid.yaml", grid(FOUR)).file("deploy/tuning/limits.yaml", limits(""))
}

/// Puts a feed into the sandbox that reads like a recording: a generated one without what marks it as such.
pub fn record_feed(sandbox: &Sandbox, path: &str) {
    let _ = sandbox.run("sim feed --seed 7 --minutes 1 --out generated.feed").code(0);
    let text = sandbox.read("generated.feed");
    let (mark, rest) = text.split_once('\n').unwrap();
    assert!(mark.contains("mmops_sim_feed") && rest.contains("SIMULATED"));
    sandbox.write(path, rest.replace("SIMULATED", "MARKET"));
}

#[test]
fn a_sweep_chooses_the_best_safe_candidate_and_says_that_the_market_is_simulated() {
    let sandbox = sandbox();
    let _ = sandbox.run("tune sweep").code(0).marker("| tune_sweep | OK | PARAM_SWEEP=OK |");
    let report = sandbox.json(SWEEP);
    assert_eq!(report["schema"], "mmops.param-sweep.v1");
    assert_eq!(report["simulated"], true);
    assert_eq!(report["clock"], "frozen");
    assert_eq!(report["finished_at"], NOW);
    let candidates = report["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 4);
    assert_eq!(report["best_safe"]["index"], candidates[0]["index"]);
    let lower = |i: usize| candidates[i]["whole"]["net_interval"]["lower"].as_f64().unwrap();
    assert!((1..4).all(|i| lower(i - 1) >= lower(i)));
    assert_eq!(
        sandbox.files(),
        [
            "artifacts/PARAM_SWEEP.json",
            "artifacts/PARAM_SWEEP.md",
            "deploy/tuning/grid.yaml",
            "deploy/tuning/limits.yaml",
        ]
    );
}

#[test]
fn the_report_is_the_same_whatever_jobs_shards_and_resumption() {
    let sandbox = sandbox();
    let mut reports = Vec::new();
    for jobs in [1, 3] {
        let _ = sandbox.run(&format!("tune sweep --jobs {jobs}")).code(0);
        reports.push((sandbox.read(SWEEP), sandbox.read("artifacts/PARAM_SWEEP.md")));
    }
    for shard in 0..3 {
        let line = format!("tune sweep --shard {shard}/3 --out-json shards/PARAM_SWEEP.json");
        let _ = sandbox.run(&line).code(0).marker("| tune_sweep | OK | PARAM_SWEEP=SHARD |");
    }
    let _ = sandbox.run("tune sweep --merge shards").code(0);
    reports.push((sandbox.read(SWEEP), sandbox.read("artifacts/PARAM_SWEEP.md")));
    assert!(reports.iter().all(|report| *report == reports[0]));
}

/// The records of a journal as a stopped sweep of `sandbox` would leave it, the header first.
fn stopped(sandbox: &Sandbox, finished: usize) -> Vec<Value> {
    let _ = sandbox.run("tune sweep").code(0);
    let report = sandbox.json(SWEEP);
    let mut records = vec![json!({
        "schema": "mmops.param-sweep-journal.v2",
        "version": "0.1.0",
        "context": {
            "inputs_sha256": report["inputs_sha256"],
            "started_at": report["finished_at"],
            "clock": report["clock"],
        },
    })];
    for candidate in report["candidates"].as_array().unwrap().iter().take(finished) {
        let mut record = candidate.clone();
        let fields = record.as_object_mut().unwrap();
        fields.retain(|name, _| ["index", "test", "train", "whole"].contains(&name.as_str()));
        records.push(record);
    }
    records
}

const JOURNAL: &str = "artifacts/PARAM_SWEEP.journal.jsonl";

#[test]
fn a_stopped_sweep_goes_on_to_the_bytes_of_an_undisturbed_one() {
    let sandbox = sandbox();
    let torn = journal(&stopped(&sandbox, 3));
    let undisturbed = sandbox.read(SWEEP);
    sandbox.write(JOURNAL, &torn[..torn.len() - 40]);
    std::fs::remove_file(sandbox.path(SWEEP)).unwrap();
    let _ = sandbox.run("tune sweep --resume").code(0);
    assert_eq!(sandbox.read(SWEEP), undisturbed);
    assert!(!sandbox.path(JOURNAL).exists());
}

#[test]
fn a_resumed_sweep_is_as_old_as_where_it_began() {
    let sandbox = sandbox();
    let stopped = stopped(&sandbox, 2);
    let put = |key: &str, value: &str| {
        let mut records = stopped.clone();
        records[0]["context"][key] = json!(value);
        sandbox.write(JOURNAL, journal(&records));
    };
    put("started_at", "2026-03-09T11:59:59Z");
    let _ = sandbox.run("tune sweep --resume").code(0);
    assert_eq!(sandbox.json(SWEEP)["finished_at"], "2026-03-09T11:59:59Z");
    refused(&sandbox, "tune apply --allow-simulated");
    for time in ["2026-03-10T12:01:01Z", "noon"] {
        put("started_at", time);
        let _ = sandbox.run("tune sweep --resume").code(3);
    }
    put("clock", "stamped");
    let _ = sandbox.run("tune sweep --resume").code(0);
    assert_eq!(sandbox.json(SWEEP)["clock"], "stamped");
}

#[test]
fn a_journal_that_is_damaged_or_of_other_inputs_is_refused_and_kept() {
    let sandbox = sandbox();
    let mut records = stopped(&sandbox, 2);
    let whole = journal(&records);
    sandbox.write(JOURNAL, &whole);
    let line = "tune sweep --resume --fees 1,5";
    let _ = sandbox.run(line).code(3);
    assert_eq!(sandbox.read(JOURNAL), whole);
    let index = records[1]["index"].clone();
    sandbox.write(JOURNAL, whole.replacen(&format!("\"index\":{index},"), "\"index\":9,", 1));
    let _ = sandbox.run("tune sweep --resume").code(3);
    records.push(records[1].clone());
    sandbox.write(JOURNAL, journal(&records));
    let _ = sandbox.run("tune sweep --resume").code(3);
    records[1].as_object_mut().unwrap().insert("indez".to_owned(), json!(0));
    sandbox.write(JOURNAL, journal(&records));
    let _ = sandbox.run("tune sweep --resume").code(3);
}

#[test]
fn an_interrupted_sweep_ends_with_130_leaves_no_report_and_resumes() {
    let axes = [
        ("tail_age_ms", "[600, 650, 700, 750, 800]"),
        ("min_interval_ms", "[60, 70, 80, 90, 100]"),
        ("impact_cap_ratio", "[0.06, 0.08, 0.10]"),
        ("max_delta_ratio", "[0.10, 0.11, 0.12, 0.13, 0.14, 0.15]"),
    ];
    let sandbox = with_files(Sandbox::new()).file("deploy/tuning/grid.yaml", grid(&axes));
    let journal = sandbox.path(JOURNAL);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mmops"));
        command.args(["tune", "sweep", "--jobs", "1", "--resume"]).current_dir(sandbox.root()).env_clear();
        command.env("MMOPS_NOW", NOW).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let before = std::fs::metadata(&journal).map_or(0, |file| file.len());
        let mut child = command.spawn().unwrap();
        while std::fs::metadata(&journal).map_or(0, |file| file.len()) <= before + 200 {
            assert!(child.try_wait().unwrap().is_none(), "the sweep ended before it could be interrupted");
            std::thread::sleep(Duration::from_millis(2));
        }
        let pid = child.id().to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(!sandbox.path(SWEEP).exists());
        assert!(sandbox.files().iter().all(|file| !file.ends_with(".tmp")), "{:?}", sandbox.files());
    }
    let finished = records(&std::fs::read_to_string(&journal).unwrap()).len() - 1;
    assert!((2..450).contains(&finished), "{finished}");
}

#[test]
fn a_dry_run_sweeps_twice_and_writes_only_under_its_own_folder() {
    let sandbox = sandbox();
    let output = sandbox.run("tune sweep --dry-run --jobs 2").code(0);
    let _ = output.marker("| tune_sweep | OK | PARAM_SWEEP=OK |");
    let artifacts: Vec<String> =
        sandbox.files().into_iter().filter(|file| !file.starts_with("deploy/")).collect();
    let names = ["PARAM_SWEEP.json", "PARAM_SWEEP.md"];
    assert_eq!(artifacts, names.map(|name| format!("artifacts/dry-run/{name}")));
}

#[test]
fn no_safe_candidate_is_a_no_with_the_limit_named() {
    let sandbox = sandbox().file("deploy/tuning/limits.yaml", limits("max_order_age_p95_ms: 1"));
    let output = sandbox.run("tune sweep").code(1);
    let _ = output.marker("| tune_sweep | FAIL | PARAM_SWEEP=NO_SAFE_CANDIDATE |");
    let report = sandbox.json(SWEEP);
    assert_eq!(report["best_safe"], Value::Null);
    for candidate in report["candidates"].as_array().unwrap() {
        assert_eq!(candidate["violations"][0]["limit"], "max_order_age_p95_ms");
    }
    let _ = sandbox.run("tune sweep --dry-run --jobs 2").code(1);
}

#[test]
fn without_fills_the_profit_is_unknown_and_nothing_is_safe() {
    let wide = grid(FOUR).replace("base_spread_bps: 1.0", "base_spread_bps: 900.0");
    let sandbox = sandbox().file("deploy/tuning/grid.yaml", wide);
    let _ = sandbox.run("tune sweep").code(1).marker("| tune_sweep | FAIL | PARAM_SWEEP=NO_SAFE_CANDIDATE |");
    let candidate = sandbox.json(SWEEP)["candidates"][0].clone();
    assert_eq!(candidate["whole"]["metrics"]["net_bps"], Value::Null);
    assert_eq!(candidate["whole"]["unknown"]["net_bps"], "no fills");
}

#[test]
fn a_walk_forward_limit_that_is_set_binds() {
    let strict = limits("").replace("safety:\n", "safety:\n  min_walk_forward_net_bps: 1000\n");
    let sandbox = sandbox().file("deploy/tuning/limits.yaml", strict);
    let _ = sandbox.run("tune sweep").code(1).marker("| tune_sweep | FAIL | PARAM_SWEEP=FAILED |");
    let none = limits("max_order_age_p95_ms: 1");
    let none = none.replace("safety:\n", "safety:\n  min_walk_forward_net_bps: 0\n");
    let output = sandbox.file("deploy/tuning/limits.yaml", none).run("tune sweep").code(1);
    let _ = output.marker("| tune_sweep | FAIL | PARAM_SWEEP=NO_SAFE_CANDIDATE |");
}

#[test]
fn limits_that_are_a_link_to_nothing_are_not_replaced_by_the_built_in_ones() {
    let sandbox = sandbox();
    for name in ["deploy/tuning/limits.yaml", "deploy/tuning/grid.yaml"] {
        let text = sandbox.read(name);
        std::fs::remove_file(sandbox.path(name)).unwrap();
        std::os::unix::fs::symlink("gone.yaml", sandbox.path(name)).unwrap();
        let _ = sandbox.run("tune sweep").code(3);
        std::fs::remove_file(sandbox.path(name)).unwrap();
        sandbox.write(name, text);
    }
    std::fs::rename(sandbox.path("deploy/tuning"), sandbox.path("moved")).unwrap();
    std::os::unix::fs::symlink("gone", sandbox.path("deploy/tuning")).unwrap();
    let _ = sandbox.run("tune sweep").code(3);
}

#[test]
fn a_bad_grid_is_refused_with_path_and_value() {
    let hundred: Vec<String> = (0..100).map(|i| format!("{}", 400 + i)).collect();
    let hundreds = format!("[{}]", hundred.join(", "));
    let wide: Vec<String> = (0..200).map(|i| format!("{}", 50.0 + f64::from(i))).collect();
    let wide = format!("[{}]", wide.join(", "));
    let fine: Vec<String> = (0..400).map(|i| format!("{}", 0.1 + f64::from(i) * 0.0002)).collect();
    let fine = format!("[{}]", fine.join(", "));
    let rates: Vec<String> = (0..125).map(|i| format!("{}", 120 + i)).collect();
    let rates = format!("[{}]", rates.join(", "));
    let many = [
        ("tail_age_ms", &*hundreds),
        ("min_interval_ms", &wide),
        ("max_delta_ratio", &fine),
        ("replace_rate_per_min", &rates),
    ];
    let cases = [
        grid(&[("tail_age", "[600]")]),
        grid(&[("tail_age_ms", "[600, fast]")]),
        grid(&[("tail_age_ms", "[600, \"700\"]")]),
        grid(&[("tail_age_ms", "[]")]),
        grid(&[("tail_age_ms", "[.nan]")]),
        grid(&[("tail_age_ms", "[.inf]")]),
        grid(&[("tail_age_ms", "[600, 600.0]")]),
        grid(&[("tail_age_ms", "[399]")]),
        grid(&many),
        grid(FOUR).replace("tail_age_ms: [600, 800]", "tail_age_ms:"),
        grid(FOUR).replace("resamples: 200", "resamples: 1"),
        grid(FOUR).replace("latency:", "latenzy:"),
        String::new(),
        grid(FOUR) + "fees: {maker_bps: 0, taker_bps: 0}\n",
    ];
    for text in cases {
        let sandbox = sandbox().file("deploy/tuning/grid.yaml", &text);
        let _ = sandbox.run("tune sweep").error(3);
        assert!(!sandbox.path(SWEEP).exists());
    }
}

#[test]
fn bad_limits_are_refused_with_path_and_value() {
    let cases = [
        limits("max_taker_share_pct: 150"),
        limits("max_order_age_p95_ms: .nan"),
        limits("min_fills: 0"),
        limits("min_fills: -1"),
        limits("").replace("{min: 400, max: 1000}", "{min: 1000, max: 400}"),
        limits("").replace("tail_age_ms", "tail_age"),
        limits("max_inventory: 0.01"),
    ];
    for text in cases {
        let _ = sandbox().file("deploy/tuning/limits.yaml", text).run("tune sweep").code(3);
    }
}

#[test]
fn a_named_file_that_is_missing_is_never_replaced_by_a_default() {
    for flag in ["--grid", "--limits", "--feed"] {
        let _ = sandbox().run(&format!("tune sweep {flag} absent.yaml")).code(3);
    }
    let _ = sandbox().run("tune sweep --merge absent").code(3);
}

#[test]
fn a_wrong_command_line_is_64() {
    for line in [
        "--jobs 0",
        "--shard 3/3",
        "--shard 1",
        "--fees 1",
        "--fees nan,1",
        "--shard 0/2 --dry-run",
        "--merge d --resume",
        "--out-md artifacts/PARAM_SWEEP.json",
    ] {
        let _ = sandbox().run(&format!("tune sweep {line}")).code(64);
    }
}

#[test]
fn an_output_that_cannot_be_written_costs_no_work() {
    let sandbox = sandbox().file("blocked/x", "");
    let _ = sandbox.run("tune sweep --out-json blocked/x/y.json").code(3);
    let _ = sandbox.run("tune sweep --out-json blocked").code(3);
}

#[test]
fn shards_that_do_not_belong_together_are_not_joined() {
    let sandbox = sandbox();
    let shard = |line: &str| sandbox.run(&format!("tune sweep --out-json s/P.json {line}"));
    let _ = sandbox.run("tune sweep --merge deploy").code(3);
    let _ = shard("--shard 0/2").code(0);
    let _ = sandbox.run("tune sweep --merge s").code(3);
    let _ = shard("--shard 1/2 --fees 0,4").code(0);
    let _ = sandbox.run("tune sweep --merge s").code(3);
    let _ = shard("--shard 1/2").code(0);
    let twin = sandbox.read("s/P.shard-1-of-2.json");
    sandbox.write("s/Q.shard-1-of-2.json", &twin);
    let _ = sandbox.run("tune sweep --merge s").code(3);
    std::fs::remove_file(sandbox.path("s/Q.shard-1-of-2.json")).unwrap();
    sandbox.write("s/P.shard-1-of-2.json", twin.replace("\"maker_bps\": 0.0", "\"maker_bps\": 0.5"));
    let _ = sandbox.run("tune sweep --merge s").code(3);
    let mut short: Value = serde_json::from_str(&twin).unwrap();
    short["measurements"].as_array_mut().unwrap().pop();
    sandbox.write("s/P.shard-1-of-2.json", short.to_string());
    let _ = sandbox.run("tune sweep --merge s").code(3);
    for time in ["2026-03-10T12:01:01Z", "noon"] {
        sandbox.write("s/P.shard-1-of-2.json", twin.replace(NOW, time));
        let _ = sandbox.run("tune sweep --merge s").code(3);
    }
    sandbox.write("s/P.shard-1-of-2.json", twin.replace(NOW, "2026-03-10T13:59:00+02:00"));
    let _ = sandbox.run("tune sweep --merge s").code(0);
    assert_eq!(sandbox.json(SWEEP)["finished_at"], "2026-03-10T11:59:00Z");
}

#[test]
fn a_recorded_feed_is_evidence_with_its_hash_and_each_feed_counts_once() {
    let sandbox = sandbox().file("deploy/tuning/grid.yaml", grid(&[("tail_age_ms", "[600]")]));
    let feed = "market.feed";
    record_feed(&sandbox, feed);
    let _ = sandbox.run(&format!("tune sweep --feed {feed}")).code(0);
    let report = sandbox.json(SWEEP);
    assert_eq!(report["simulated"], false);
    let hash = report["inputs"]["feeds"][0]["sha256"].as_str().unwrap().to_owned();
    assert_eq!(hash, mmops::testing::hash::sha256(sandbox.read(feed).as_bytes()));
    let output = sandbox.run(&format!("tune apply --feed {feed}")).code(0);
    let _ = output.marker("| tune_apply | OK | TUNING_APPLY=OK |");
    assert_eq!(sandbox.json("artifacts/TUNING_APPLY.json")["simulated"], false);
    let _ = sandbox.run(&format!("tune apply --feed-sha256 {hash}")).code(0);
    let _ = sandbox.run("tune apply").code(0);
    let _ = sandbox.run(&format!("tune apply --feed-sha256 {}", "0".repeat(64))).code(1);
    let twice = format!("tune sweep --feed {feed} --feed {feed}");
    let _ = sandbox.run(&twice).code(3);
}

/// A sandbox with a finished sweep, ready to apply.
fn swept() -> Sandbox {
    let sandbox = sandbox();
    let _ = sandbox.run("tune sweep").code(0);
    sandbox
}

fn apply(sandbox: &Sandbox, line: &str) -> Output {
    sandbox.run(&format!("tune apply --allow-simulated {line}"))
}

#[test]
fn an_apply_writes_six_keys_keeps_foreign_ones_and_the_previous_file() {
    let old = "{\"engine\": {\"x\": 1}, \"min_interval_ms\": 70}";
    let sandbox = swept().file(TARGET, old);
    let _ = apply(&sandbox, "").code(0).marker("| tune_apply | OK | TUNING_APPLY=OK |");
    let written = sandbox.json(TARGET);
    let best = &sandbox.json(SWEEP)["best_safe"]["params"];
    for (name, value) in best.as_object().unwrap() {
        assert_eq!(written[name].as_f64(), value.as_f64(), "{name}");
    }
    assert_eq!(written["engine"]["x"], 1);
    assert_eq!(sandbox.read("artifacts/soak/runtime_overrides.prev.json"), old);
    let report = sandbox.json("artifacts/TUNING_APPLY.json");
    assert_eq!(report["verdict"], "APPLIED");
    assert_eq!(report["schema"], "mmops.tuning-apply.v1");

    let _ = apply(&sandbox, "").code(0).marker("| tune_apply | OK | TUNING_APPLY=OK |");
    assert_eq!(sandbox.read("artifacts/soak/runtime_overrides.prev.json"), old, "the way back stays");
}

#[test]
fn a_dry_apply_shows_the_changes_and_touches_nothing() {
    let sandbox = swept().file(TARGET, "{}");
    let before = sandbox.files();
    let _ = apply(&sandbox, "--dry-run").code(0).marker("| tune_apply | OK | TUNING_APPLY=DRYRUN |");
    assert_eq!(sandbox.read(TARGET), "{}");
    let mut after = sandbox.files();
    after.retain(|file| !before.contains(file));
    assert_eq!(after, ["artifacts/dry-run/TUNING_APPLY.json"]);
}

fn refused(sandbox: &Sandbox, line: &str) {
    let _ = sandbox.run(line).code(1).marker("| tune_apply | FAIL | TUNING_APPLY=FAILED |");
    assert!(!sandbox.path(TARGET).exists());
    assert_eq!(sandbox.json("artifacts/TUNING_APPLY.json")["verdict"], "REFUSED");
}

#[test]
fn a_simulated_sweep_is_refused() {
    refused(&swept(), "tune apply");
}

#[test]
fn a_stale_sweep_is_refused_and_an_old_file_time_does_not_matter() {
    let sandbox = swept();
    sandbox.age(SWEEP, Duration::from_hours(2160));
    let _ = apply(&sandbox, "--dry-run").code(0);
    let sandbox = sandbox.env("MMOPS_NOW", "2026-03-11T12:00:01Z");
    refused(&sandbox, "tune apply --allow-simulated");
    let _ = apply(&sandbox, "--max-age 25h").code(0);
}

#[test]
fn a_sweep_from_the_future_is_a_broken_clock() {
    let sandbox = swept().env("MMOPS_NOW", "2026-03-10T11:58:59Z");
    refused(&sandbox, "tune apply --allow-simulated");
    let _ = apply(&sandbox.env("MMOPS_NOW", "2026-03-10T11:59:00Z"), "").code(0);
}

#[test]
fn a_fixed_finish_time_proves_no_age() {
    let sandbox = with_files(Sandbox::real_time()).env("CI_FAKE_UTC", "1970-01-01T00:00:00Z");
    let _ = sandbox.run("tune sweep").code(0);
    assert_eq!(sandbox.json(SWEEP)["finished_at"], "1970-01-01T00:00:00Z");
    refused(&sandbox, "tune apply --allow-simulated");
    let _ = apply(&sandbox, "--dry-run").code(0);
}

#[test]
fn a_sweep_of_a_frozen_clock_is_refused_by_a_running_one() {
    let frozen = swept();
    let real = with_files(Sandbox::real_time()).file(SWEEP, frozen.read(SWEEP));
    refused(&real, "tune apply --allow-simulated --max-age 3650d");
}

#[test]
fn a_foreign_feed_is_refused() {
    let line = format!("tune apply --allow-simulated --feed-sha256 {}", "ab".repeat(32));
    refused(&swept(), &line);
    let configured = grid(FOUR) + "feeds: [mine.gz]\n";
    let sandbox = swept().file("deploy/tuning/grid.yaml", configured).file("mine.gz", "another recording");
    refused(&sandbox, "tune apply --allow-simulated");
}

#[test]
fn a_sweep_without_a_safe_candidate_under_the_limits_in_force_is_refused() {
    let sandbox = swept().file("deploy/tuning/limits.yaml", limits("max_order_age_p95_ms: 1"));
    refused(&sandbox, "tune apply --allow-simulated");
}

#[test]
fn bounds_that_were_narrowed_after_the_sweep_bind() {
    let narrow =
        limits("").replace("tail_age_ms: {min: 400, max: 1000}", "tail_age_ms: {min: 900, max: 1000}");
    let sandbox = swept().file("deploy/tuning/limits.yaml", narrow);
    refused(&sandbox, "tune apply --allow-simulated");
}

#[test]
fn an_edited_sweep_is_refused() {
    for (from, to) in [("\"safe\": true", "\"safe\": false"), ("\"maker_bps\": 0.0", "\"maker_bps\": -5.0")] {
        let sandbox = swept();
        let text = sandbox.read(SWEEP);
        assert!(text.contains(from));
        sandbox.write(SWEEP, text.replacen(from, to, 1));
        refused(&sandbox, "tune apply --allow-simulated");
    }
    let sandbox = sandbox().file("deploy/tuning/limits.yaml", limits("max_order_age_p95_ms: 1"));
    let _ = sandbox.run("tune sweep").code(1);
    let mut edited = sandbox.json(SWEEP);
    edited["candidates"][0]["safe"] = json!(true);
    edited["candidates"][0]["violations"] = json!([]);
    sandbox.write(SWEEP, edited.to_string());
    refused(&sandbox, "tune apply --allow-simulated");
}

#[test]
fn what_is_no_sweep_is_3() {
    for content in [
        "",
        "[]",
        "{\"schema\":\"mmops.param-sweep-shard.v1\"}",
        "{\"schema\":\"mmops.param-sweep.v1\"}",
        "{\"schema\":\"mmops.param-sweep.v1\", \"extra\": NaN}",
    ] {
        let sandbox = sandbox().file(SWEEP, content);
        let _ = sandbox.run("tune apply").error(3);
    }
    let _ = sandbox().run("tune apply").code(3);
}

#[test]
fn an_unreadable_target_is_refused_and_left_alone() {
    let sandbox = swept().file(TARGET, "{\"min_interval_ms\": ");
    let _ = apply(&sandbox, "").code(3);
    assert_eq!(sandbox.read(TARGET), "{\"min_interval_ms\": ");
    for text in ["{\"engine\": 1,\n \"engine\": 2}", "{\"engine\": {\"x\": 1, \"x\": 2}}", "[]"] {
        sandbox.write(TARGET, text);
        let _ = apply(&sandbox, "").code(3);
        assert_eq!(sandbox.read(TARGET), text);
    }
}

#[test]
fn a_rollback_restores_the_bytes_records_why_and_does_not_toggle() {
    let old = "{ \"min_interval_ms\":70 }";
    let sandbox = swept().file(TARGET, old);
    let _ = apply(&sandbox, "").code(0);
    let applied = sandbox.read(TARGET);
    let line = "tune rollback --why 'drift on BTC' --who ada";
    let output = sandbox.run(&format!("{line} --dry-run")).code(0);
    let _ = output.marker("| tune_rollback | OK | TUNING_ROLLBACK=DRYRUN |");
    assert_eq!(sandbox.read(TARGET), applied);
    let _ = sandbox.run(line).code(0).marker("| tune_rollback | OK | TUNING_ROLLBACK=OK |");
    assert_eq!(sandbox.read(TARGET), old);
    assert_eq!(sandbox.read("artifacts/soak/runtime_overrides.rolled-back.json"), applied);
    let record = sandbox.json("artifacts/AUTO_ROLLBACK.json");
    assert_eq!(record["why"], "drift on BTC");
    assert_eq!(record["who"], "ada");
    assert_ne!(record["from"]["sha256"], record["to"]["sha256"]);
    let _ = sandbox.run(line).code(1).marker("| tune_rollback | FAIL | TUNING_ROLLBACK=FAILED |");
    assert_eq!(sandbox.read(TARGET), old);
    assert_eq!(sandbox.json("artifacts/AUTO_ROLLBACK.json"), record, "the record of the real one stays");
}

#[test]
fn a_rollback_of_the_first_apply_leaves_no_overrides() {
    let sandbox = swept();
    let _ = apply(&sandbox, "").code(0);
    let _ = sandbox.run("tune rollback --why x").code(0);
    assert_eq!(sandbox.json(TARGET), json!({}));
}

#[test]
fn a_rollback_says_when_it_undoes_more_than_the_last_apply() {
    let sandbox = swept().file(TARGET, "{}");
    let _ = apply(&sandbox, "").code(0);
    sandbox.write(TARGET, "{\"min_interval_ms\": 200}");
    let _ = sandbox.run("tune rollback --why x").code(0).stdout_has("changed since apply");
    assert_eq!(sandbox.read(TARGET), "{}");
    // An apply of 0.1.0 left its report under another name.
    let sandbox = swept().file(TARGET, "{}");
    let _ = apply(&sandbox, "").code(0);
    std::fs::rename(
        sandbox.path("artifacts/TUNING_APPLY.json"),
        sandbox.path("artifacts/TUNING_REPORT.json"),
    )
    .unwrap();
    sandbox.write(TARGET, "{\"min_interval_ms\": 200}");
    let _ = sandbox.run("tune rollback --why x").code(0).stdout_has("changed since apply");
}

#[test]
fn a_rollback_without_a_reason_or_a_previous_file_is_none() {
    let _ = sandbox().run("tune rollback").code(64);
    let _ = sandbox().run("tune rollback --why ' '").code(64);
    let sandbox = sandbox().file("artifacts/soak/runtime_overrides.prev.json", "{").file(TARGET, "{}");
    let _ = sandbox.run("tune rollback --why x").code(3);
    assert_eq!(sandbox.read(TARGET), "{}");
}
