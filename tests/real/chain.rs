//! The chain of a release, link by link: a soak of recorded hours, a score of seven days, a drill and a pack on a
//! recorded feed make a release ready, and each link that is missing, old, edited, simulated, frozen or of another
//! release blocks it by its name.

use crate::server::{Prometheus, have, instant, run};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const STEP_S: i64 = 60;
const DAY_S: i64 = 86_400;
const SOAK: &str = "artifacts/reports/soak_metrics.json";
const DRILL: &str = "artifacts/CHAOS_FAILOVER.json";
const RELEASE: &str = "1.2.3";

fn mmops(dir: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(line.split(' ')).current_dir(dir).env_clear().env("PATH", "/usr/bin:/bin");
    command.output().unwrap()
}

#[track_caller]
fn done(dir: &Path, line: &str) {
    let output = mmops(dir, line);
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&text));
}

fn write(dir: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn time(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap().to_string()
}

fn report_name(back: i64) -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let date = today.checked_sub(jiff::Span::new().days(back)).unwrap();
    format!("artifacts/reports/REPORT_SOAK_{}.json", date.strftime("%Y%m%d"))
}

/// A day that earns every point.
fn day() -> Value {
    json!({
        "edge_net_bps": 2.8, "order_age_p95_ms": 320, "taker_share_pct": 12, "chaos_result": "OK",
        "bug_bash": "OK", "reg_guard": {"reason": "NONE"}, "drift": {"reason": "NONE"},
    })
}

/// Judges 24 recorded hours that end now.
fn soak(dir: &Path) {
    let end = jiff::Timestamp::now().as_second() / STEP_S * STEP_S - STEP_S;
    let mut history = String::new();
    for at in (end - DAY_S - 3600..=end).step_by(usize::try_from(STEP_S).unwrap()) {
        writeln!(history, "mm_latency_ms {} {at}", 100 + at % 7).unwrap();
    }
    write(dir, "history.om", history + "# EOF\n");
    run("promtool", &["tsdb", "create-blocks-from", "openmetrics", "-q", "history.om", "data"], dir);
    write(
        dir,
        "kpis.yaml",
        "kpis:\n  latency:\n    description: latency\n    unit: ms\n    \
         measure: {gauge: {of: mm_latency_ms, over: mean, across: min}}\n",
    );
    write(
        dir,
        "gates.yaml",
        "profiles:\n  day:\n    description: latency\n    gates:\n      \
         latency: {kpi: latency, unit: ms, aggregate: every, at_most: 200, severity: hard}\n",
    );
    let server = Prometheus::start(dir, "", &[]);
    let _ = instant(&server.client(), "mm_latency_ms", jiff::Timestamp::from_second(end).unwrap()).unwrap();
    let (from, to) = (time(end - DAY_S), time(end));
    let files = "--kpis kpis.yaml --gates-file gates.yaml --gates day --iteration 1h --interval 60s";
    done(dir, &format!("soak run {files} --from {from} --to {to} --prometheus {}", server.url()));
}

/// Every link of the chain in one directory; the pack sweeps a feed that reads like a recording.
fn chain() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    write(dir, "VERSION", RELEASE);
    soak(dir);
    for back in 1..=7 {
        write(dir, &report_name(back), day().to_string());
    }
    done(dir, "chaos failover --ttl 300ms --renew 100ms --kill-at 250ms");
    done(dir, "sim feed --seed 7 --minutes 1 --out generated.feed");
    let generated = fs::read_to_string(dir.join("generated.feed")).unwrap();
    let (_, rest) = generated.split_once('\n').unwrap();
    write(dir, "market.feed", rest.replace("SIMULATED", "MARKET"));
    write(dir, "small.yaml", GRID);
    write(dir, "wide.yaml", LIMITS);
    write(dir, "deploy/release/pre_live.yaml", pack("market.feed"));
    let plan =
        include_str!("../../deploy/release/make_ready.yaml").replace("profile: soak-24h", "profile: day");
    let plan =
        plan.replace("gates_file: null", "gates_file: gates.yaml").replace("kpis: null", "kpis: kpis.yaml");
    write(dir, "deploy/release/make_ready.yaml", plan);
    root
}

/// One candidate, which any limit lets through.
const GRID: &str = "grid: {tail_age_ms: [600], min_interval_ms: [60]}
fixed: {impact_cap_ratio: 0.08, max_delta_ratio: 0.12, replace_rate_per_min: 300, base_spread_bps_delta: 0.0}
quoter: {base_spread_bps: 1.0, max_inventory: 0.05}
fees: {maker_bps: 0.0, taker_bps: 5.0}
latency: {entry_ms: 5.0, response_ms: 5.0}
generated: {seed: 7, minutes: 1, regime: calm, symbol: BTCUSDT}
walk_forward: {train_fraction: 0.6}
bootstrap: {seed: 7, resamples: 200, level: 0.9}
";
const LIMITS: &str =
    "safety: {max_order_age_p95_ms: 5000, max_taker_share_pct: 100, min_fills: 20, max_inventory: 0.05}
bounds:
  min_interval_ms: {min: 50, max: 300}
  replace_rate_per_min: {min: 120, max: 360}
  impact_cap_ratio: {min: 0.04, max: 0.12}
  tail_age_ms: {min: 400, max: 1000}
  max_delta_ratio: {min: 0.10, max: 0.20}
  base_spread_bps_delta: {min: 0.0, max: 0.6}
feed: {}
";

fn pack(feed: &str) -> String {
    format!(
        "steps:\n  - {{name: feed, argv: [mmops, tune, sweep, --dry-run, --feed, {feed}, --grid, small.yaml, \
         --limits, wide.yaml]}}\n"
    )
}

#[track_caller]
fn ready(dir: &Path, flags: &str, reasons: &[&str]) {
    let output = mmops(dir, &format!("make-ready{flags}"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let marker = stdout.lines().last().unwrap_or_default();
    if reasons.is_empty() {
        assert_eq!(marker, "| make_ready | OK | MAKE_READY=OK |", "{stdout}");
        assert_eq!(output.status.code(), Some(0));
        return;
    }
    assert_eq!(marker, "| make_ready | FAIL | MAKE_READY=BLOCKED |", "{reasons:?}: {stdout}");
    assert_eq!(output.status.code(), Some(1));
    for reason in reasons {
        assert!(stdout.contains(reason), "{reason} in {stdout}");
    }
}

/// Takes away the time from which an age is counted, so that the age of the file would count.
fn undated(document: &mut Value) {
    drop(document.as_object_mut().unwrap().remove("made_at"));
}

/// One change of one document, and what must be said of it.
type Broken = (String, fn(&mut Value), Reasons);
type Reasons = &'static [&'static str];

fn broken() -> Vec<Broken> {
    let document = |path: &str, edit: fn(&mut Value), reasons: Reasons| (path.to_owned(), edit, reasons);
    let day = |edit: fn(&mut Value), reasons: Reasons| (report_name(3), edit, reasons);
    vec![
        document(SOAK, undated, &[SOAK, "no evidence header that says which mmops made it"]),
        document(DRILL, undated, &[DRILL, "no evidence header that says which mmops made it"]),
        document(
            SOAK,
            |soak| soak["verdict"] = json!("FAIL"),
            &[SOAK, "root.verdict is \"FAIL\", wanted \"PASS\""],
        ),
        document(SOAK, |soak| soak["duration_hours"] = json!(72), &[SOAK, "root.duration_hours is 72"]),
        document(SOAK, |soak| soak["gates"] = json!({}), &[SOAK, "root.gates is"]),
        document(
            SOAK,
            |soak| soak["simulated"] = json!(true),
            &[SOAK, "is simulated, which is not evidence"],
        ),
        document(SOAK, |soak| soak["clock"] = json!("frozen"), &[SOAK, "under a frozen clock"]),
        document(SOAK, |soak| soak["clock"] = json!("stamped"), &[SOAK, "does not tell its age"]),
        document(SOAK, |soak| soak["subject"] = json!("1.2.2"), &[SOAK, "speaks of 1.2.2"]),
        document(SOAK, |soak| soak["version"] = json!("0.0.9"), &[SOAK, "made by mmops 0.0.9"]),
        document(
            SOAK,
            |soak| {
                soak["observed_from"] = json!("2026-01-01T00:00:00Z");
                soak["observed_to"] = json!("2026-01-02T00:00:00Z");
            },
            &[SOAK, " old, the limit is 7d", "root.observed_to is"],
        ),
        document(
            SOAK,
            |soak| *soak = json!({"verdict": "PASS", "duration_hours": 24}),
            &[SOAK, "does not say how long"],
        ),
        document(DRILL, |drill| drill["verdict"] = json!("FAIL"), &[DRILL, "root.verdict is \"FAIL\""]),
        document(
            DRILL,
            |drill| drill["wrongs"]["lost_orders"] = json!(1),
            &[DRILL, "lost_orders is 1, wanted 0"],
        ),
        document(DRILL, |drill| drill["parameters"]["mode"] = json!("dry-run"), &[DRILL, "wanted \"full\""]),
        document(DRILL, |drill| drill["simulated"] = json!(true), &[DRILL, "is simulated"]),
        document(DRILL, |drill| drill["clock"] = json!("frozen"), &[DRILL, "under a frozen clock"]),
        document(
            DRILL,
            |drill| drill["made_at"] = json!("2026-01-01T00:00:00Z"),
            &[DRILL, " old, the limit is 30d"],
        ),
        document(DRILL, |drill| drill["subject"] = json!("deadbeef"), &[DRILL, "speaks of deadbeef"]),
        document(DRILL, |drill| drill["version"] = json!("0.0.9"), &[DRILL, "made by mmops 0.0.9"]),
        day(
            |day| day["edge_net_bps"] = json!("3"),
            &["READINESS=HOLD", "edge_net_bps is \"3\", not a number"],
        ),
        day(|day| day["chaos_result"] = json!("FAIL"), &["READINESS=HOLD", "not OK"]),
        day(|day| day["simulated"] = json!(true), &["READINESS=HOLD", "is simulated, which is not evidence"]),
        day(|day| day["clock"] = json!("frozen"), &["READINESS=HOLD", "under a frozen clock"]),
    ]
}

#[test]
fn a_release_is_ready_by_evidence_that_is_real_by_its_own_stamps() {
    if !have(&["prometheus", "promtool"]) {
        return;
    }
    let root = chain();
    let dir = root.path();
    ready(dir, "", &[]);
    let report: Value =
        serde_json::from_slice(&fs::read(dir.join("artifacts/reports/MAKE_READY.json")).unwrap()).unwrap();
    assert_eq!(report["simulated"], false);
    let names: Vec<&str> =
        report["evidence"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["pre_live_pack", "readiness", "soak", "failover_drill"]);

    // The sweep is asked again below, where its feed changes.
    write(dir, "deploy/release/pre_live.yaml", "steps: [{name: feed, argv: [/bin/true]}]\n");
    for (path, edit, reasons) in broken() {
        let genuine = fs::read(dir.join(&path)).unwrap();
        let mut document: Value = serde_json::from_slice(&genuine).unwrap();
        edit(&mut document);
        write(dir, &path, document.to_string());
        ready(dir, "", reasons);
        write(dir, &path, genuine);
    }
    for (path, reasons) in [
        (SOAK.to_owned(), [SOAK, "MAKE_READY=BLOCKED"]),
        (DRILL.to_owned(), [DRILL, "MAKE_READY=BLOCKED"]),
        (report_name(2), ["READINESS=HOLD", "no report REPORT_SOAK_"]),
        ("artifacts/soak/latest/JOURNAL.jsonl".to_owned(), [SOAK, "MAKE_READY=BLOCKED"]),
    ] {
        let genuine = fs::read(dir.join(&path)).unwrap();
        fs::remove_file(dir.join(&path)).unwrap();
        ready(dir, "", &reasons);
        write(dir, &path, genuine);
    }
    write(dir, "deploy/release/pre_live.yaml", pack("none.feed"));
    ready(dir, "", &["PRE_LIVE_PACK=FAILED", "none.feed"]);
    // A pack on a generated feed, and then the soak of a simulated bot, count only where that is allowed.
    write(dir, "deploy/release/pre_live.yaml", pack("generated.feed"));
    ready(dir, "", &["it rests on simulated input"]);
    ready(dir, " --allow-simulated", &[]);
    write(dir, "deploy/release/pre_live.yaml", pack("market.feed"));
    ready(dir, "", &[]);
    simulated_bot(dir);
}

/// The newest soak is one of a simulated bot, which says so of itself.
fn simulated_bot(dir: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args("sim bot --listen 127.0.0.1:0 --address-file bot.address --speed 8".split(' '));
    let bot = command.current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut bot = bot.unwrap();
    let started = Instant::now();
    let address = loop {
        if let Ok(address) = fs::read_to_string(dir.join("bot.address")) {
            break address;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "the bot does not listen");
        std::thread::sleep(Duration::from_millis(20));
    };
    let address = address.trim().trim_start_matches("http://").trim_end_matches('/');
    write(
        dir,
        "bot_kpis.yaml",
        "kpis:\n  memory:\n    description: resident memory\n    unit: bytes\n    \
         measure: {gauge: {of: process_resident_memory_bytes, over: mean, across: min}}\n",
    );
    write(
        dir,
        "bot_gates.yaml",
        "profiles:\n  short:\n    description: memory\n    gates:\n      \
         memory: {kpi: memory, unit: bytes, aggregate: every, at_most: 100000000000, severity: hard}\n",
    );
    let files = "--kpis bot_kpis.yaml --gates-file bot_gates.yaml --gates short --warmup 0";
    let length = "--iterations 2 --iteration 2s --interval 1s";
    done(dir, &format!("soak run {files} {length} --scrape http://{address}/metrics"));
    bot.kill().unwrap();
    bot.wait().unwrap();
    ready(dir, "", &[SOAK, "is simulated, which is not evidence"]);
    // What it lacks but for that is the length of a real one. Its version is that of mmops.
    write(dir, "VERSION", env!("CARGO_PKG_VERSION"));
    write(
        dir,
        "bot.yaml",
        format!(
            "pre_live_pack: {{plan: null, timeout: 30s}}\nreadiness: {{reports: null, out_json: \
             artifacts/reports/readiness.json, window: 7, max_age: 36h, drills: []}}\nsoak_gates: {{profile: short, \
             gates_file: bot_gates.yaml, kpis: bot_kpis.yaml, max_window: 1h}}\nevidence: [{{name: soak, \
             artifact: {SOAK}, max_age: 1d, same_release: true, expect: [{{pointer: root.verdict, equals: PASS}}]}}]\n"
        ),
    );
    ready(dir, " --plan bot.yaml", &[SOAK, "is simulated, which is not evidence"]);
    ready(dir, " --plan bot.yaml --allow-simulated", &[]);
    let report: Value =
        serde_json::from_slice(&fs::read(dir.join("artifacts/reports/MAKE_READY.json")).unwrap()).unwrap();
    assert_eq!((&report["simulated"], &report["allow_simulated"]), (&json!(true), &json!(true)));
}
