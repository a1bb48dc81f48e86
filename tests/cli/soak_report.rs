//! `mmops soak report`: what a run came to, and that no file of it says more than the run shows.

use crate::canary::git;
use crate::sandbox::{Sandbox, journal, records};
use crate::soak_sources::prometheus;
use mmops::testing::exposition::{Format, parse};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const OUT: &str = "artifacts/soak/latest/reports/analysis";
const SNAPSHOT: &str = "POST_SOAK_SNAPSHOT.json";
const FILES: [&str; 7] = [
    "DELTA_VERIFY_REPORT.json",
    "DELTA_VERIFY_REPORT.md",
    "FAILURES.md",
    "POST_SOAK_AUDIT.md",
    "POST_SOAK_METRICS.prom",
    SNAPSHOT,
    "RECOMMENDATIONS.md",
];
const OVERRIDES: &str = "soak_profile.runtime_overrides.json";
/// What a rollback of a release needs.
const POLICY: &str = "auto_rollback: {actions: [{type: halt}], verification: {checks: [{metric: m, condition: '== 0', timeout_seconds: 5}]}}\nexecutors: {halt: {exec: [halt-bot]}}\n";

/// The run of 36 iterations that the earlier toolkit recorded, with what it left of its own analysis.
fn recorded(below: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/soak/iter36");
    for entry in walkdir::WalkDir::new(&data).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(&data).unwrap().display();
            sandbox.write(&format!("{below}/{name}"), std::fs::read(entry.path()).unwrap());
        }
    }
    sandbox
}

/// A summary as the earlier toolkit wrote it, whose figures are no functions of its number.
fn earlier(iteration: u32, figures: &Value) -> Value {
    let mut summary = json!({
        "net_bps": 3.0 + f64::from(iteration * 7 % 5) / 10.0, "p95_latency_ms": 300.0, "risk_ratio": 0.3,
        "maker_taker_ratio": 0.85, "maker_taker_source": "fills_volume",
        "runtime_utc": format!("2026-03-09T{:02}:{:02}:00Z", iteration / 60 % 24, iteration % 60),
    });
    for (name, value) in figures.as_object().unwrap() {
        summary[name] = value.clone();
    }
    let tuning =
        json!({"applied": false, "deltas": {}, "skip_reason": "", "state_hash": iteration.to_string()});
    json!({"iteration": iteration, "summary": summary, "tuning": tuning})
}

fn earlier_run(iterations: u32, summary: impl Fn(u32) -> Value) -> Sandbox {
    let sandbox = Sandbox::new();
    for iteration in 1..=iterations {
        sandbox.write(&format!("run/ITER_SUMMARY_{iteration}.json"), summary(iteration).to_string());
    }
    sandbox
}

fn plain(iteration: u32) -> Value {
    earlier(iteration, &json!({}))
}

fn finished(line: &str, code: i32) -> Sandbox {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(&format!("soak run --mock {line}")).code(code);
    sandbox
}

fn snapshot(sandbox: &Sandbox, out: &str) -> Value {
    sandbox.json(&format!("{out}/{SNAPSHOT}"))
}

/// The samples of a page of metrics, by name and labels.
fn metrics(sandbox: &Sandbox, out: &str) -> BTreeMap<String, f64> {
    let text = sandbox.read(&format!("{out}/POST_SOAK_METRICS.prom"));
    let page = parse(text.as_bytes(), Format::Text).unwrap();
    let name = |labels: BTreeMap<String, String>, name: &str| {
        labels.into_iter().fold(name.to_owned(), |mut text, (key, value)| {
            write!(text, " {key}={value}").unwrap();
            text
        })
    };
    page.samples.iter().map(|sample| (name(sample.labels.to_map(), sample.name), sample.value)).collect()
}

#[test]
fn the_recorded_run_has_its_figures_and_its_faults() {
    let sandbox = recorded("old run");
    let output = sandbox.run("soak report --src 'old run' --out 'the report' --mock").code(1);
    let output = output.marker("| soak_report | FAIL | SOAK_REPORT=FAIL |");
    for part in [
        "| simulated                 | WARN |",
        "net_bps, p95_latency_ms and risk_ratio of 36 of 36 iterations are functions of the iteration number",
        "`risk.impact_cap_ratio` is -0.009999999999999995, allowed is 0.04 to 0.12",
        "`engine.min_interval_ms` is 5, allowed is 50 to 300",
        "| guard_velocity            | WARN | 3 iterations blocked      |\n    iterations 4-6",
    ] {
        assert!(output.stdout.contains(part), "{part}:\n{}", output.stdout);
    }
    let found = snapshot(&sandbox, "the report");
    assert_eq!(found["verdict"], "FAIL");
    assert_eq!(found["simulated"], true);
    assert_eq!(found["iterations_analyzed"], json!([29, 30, 31, 32, 33, 34, 35, 36]));
    let figure = |kpi: &str, part: &str| found["kpi_last_n"][kpi][part].as_f64().unwrap();
    let table = [
        ("maker_share_ratio", "mean", 0.85),
        ("order_latency_p95_ms", "max", 180.0),
        ("risk_block_ratio", "median", 0.3),
        ("net_bps", "mean", 5.95),
    ];
    for (kpi, part, value) in table {
        assert!((figure(kpi, part) - value).abs() < 1e-9, "{kpi} {part}: {}", figure(kpi, part));
    }
    assert_eq!(found["kpi_last_n"]["net_bps"]["trend"], "up");
    assert_eq!(found["kpi_last_n"]["maker_share_ratio"]["trend"], "flat");
    assert_eq!(found["guards"], json!({"counts": {"velocity": 3}, "iterations": {"velocity": [4, 5, 6]}}));
    assert_eq!(found["tuning_summary"]["applied_iterations"], json!([1, 3]));
    assert_eq!(found["freeze_ready"], false);
    // Over all iterations: what the earlier toolkit computed as well.
    for (kpi, mean) in [("maker_share_ratio", 0.812), ("order_latency_p95_ms", 233.472), ("net_bps", 4.328)] {
        let all = found["kpi_all"][kpi]["mean"].as_f64().unwrap();
        assert!((all - mean).abs() < 1e-3, "{kpi}: {all}");
    }
    for name in FILES {
        let text = sandbox.read(&format!("the report/{name}"));
        let stamp = if name.ends_with(".md") { "**SIMULATED" } else { "simulated" };
        assert!(text.contains(stamp), "{name} is not stamped");
    }
    // What the earlier toolkit left of its own analysis says another thing.
    let audit = sandbox.read("the report/POST_SOAK_AUDIT.md");
    assert!(audit.contains("(version 1.2): it says PASS, the run gives FAIL"), "{audit}");
    assert!(audit.contains("Guard velocity blocked 3 iterations: 4-6"), "{audit}");
    let advice = sandbox.read("the report/RECOMMENDATIONS.md");
    assert!(advice.contains("`impact_cap_ratio` 0.1 -> 0.09, allowed 0.04 to 0.12"), "{advice}");
}

#[test]
fn what_the_earlier_toolkit_left_is_never_written_over() {
    let sandbox = recorded("run").unrecorded("asserted here");
    // Its snapshots do not all say which version they are of, and its other files have the names of ours.
    sandbox.write("run/latest/POST_SOAK_SNAPSHOT.json", r#"{"verdict": "PASS"}"#);
    let others = ["POST_SOAK_AUDIT.md", "FAILURES.md", "RECOMMENDATIONS.md", OVERRIDES];
    for name in others {
        sandbox.write(&format!("out/{name}"), "# Post-Soak Audit Report\n");
    }
    let files = || -> Vec<(String, String)> {
        sandbox.files().into_iter().map(|file| (file.clone(), sandbox.read(&file))).collect()
    };
    let before = files();
    let is_kept = || before.iter().all(|(file, text)| sandbox.read(file) == *text);
    for line in [
        "--src run/latest",
        "--src run --out run/latest",
        "--src run --out run/latest/reports/analysis",
        "--src run --out out",
        "--src none --out run/latest",
    ] {
        let output = sandbox.run(&format!("soak report {line}")).error(64);
        let _ = output.stderr_has("is there, and this command did not write it");
        assert!(is_kept(), "{line}");
    }
    let _ = sandbox.run("soak report --src run --out run/latest --nonsense").error(64);
    assert!(is_kept());
}

#[test]
fn what_a_report_left_before_goes_and_the_parameters_of_the_bot_stay() {
    let sandbox = finished("--gates smoke --iterations 12", 0).unrecorded("asserted here");
    let _ = sandbox.run("soak report --mock --out out").code(0);
    let overrides = sandbox.read(&format!("out/{OVERRIDES}"));
    let _ = sandbox.run("soak report --mock --out out --nonsense").error(64);
    assert_eq!(sandbox.read(&format!("out/{OVERRIDES}")), overrides, "an error is nothing to a bot");
    assert_eq!(snapshot(&sandbox, "out")["schema"], "mmops.error.v1");
    assert_eq!(sandbox.json("out/DELTA_VERIFY_REPORT.json")["schema"], "mmops.error.v1");
    for name in FILES.into_iter().filter(|name| !name.ends_with(".json")).chain(["SOAK_REPORT.html"]) {
        assert!(!sandbox.path(&format!("out/{name}")).exists(), "{name}");
    }
    let _ = sandbox.run("soak report --mock --out out").code(0);
    assert_eq!(sandbox.read(&format!("out/{OVERRIDES}")), overrides);
    // Programs go by the snapshot, people by the page: whoever sees one has what it rests on.
    if crate::bundle::has("strace") {
        let mut command = std::process::Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=renameat,renameat2", env!("CARGO_BIN_EXE_mmops")]);
        command.args(["soak", "report", "--mock", "--out", "out"]).current_dir(sandbox.root());
        let traced = String::from_utf8(command.output().unwrap().stderr).unwrap();
        let names = traced
            .lines()
            .filter(|line| line.contains("renameat"))
            .map(|line| line.rsplit('"').nth(1).unwrap().to_owned());
        let names: Vec<String> = names.collect();
        assert_eq!(names[names.len() - 3..], ["DELTA_VERIFY_REPORT.json", SNAPSHOT, "SOAK_REPORT.html"]);
        assert_eq!(names.len(), 9, "{traced}");
    }
}

#[test]
fn what_the_report_reads_beside_a_run_must_be_of_the_run() {
    let sandbox = finished("--gates smoke --iterations 12", 0).unrecorded("asserted here");
    let run = |name: &str| format!("artifacts/soak/latest/{name}");
    let other =
        finished("--gates smoke --iterations 12 --seed 7 --now 2026-03-11T12:00:00Z", 0).unrecorded("it");
    let texts = ["soak_metrics.json", "gates_summary.json"].map(|name| (name, sandbox.read(&run(name))));
    let report = || sandbox.run("soak report --mock --out out");
    let _ = report().code(0);
    for (name, text) in &texts {
        let foreign = other.read(&run(name));
        for (content, code, reason) in [
            (foreign.clone(), 3, "is not of this run: its observed_from is "),
            (
                text.replace("\"simulated\": true", "\"simulated\": false"),
                3,
                "its simulated is false, that of the run is true",
            ),
            (text.replace("\"clock\": \"frozen\"", "\"clock\": \"system\""), 3, "its clock is \"system\""),
            (text.replace("\"coverage\": 1.0", "\"coverage\": 0.5"), 2, "says another "),
            (text.replace("\"verdict\": \"PASS\"", "\"verdict\": \"FAIL\""), 1, "the run itself said FAIL"),
            (text.replace("\"verdict\": \"PASS\"", "\"verdict\": \"pass\""), 2, "has the verdict"),
        ] {
            assert_ne!(&content, text, "{name}: {reason}");
            sandbox.write(&run(name), content);
            let output = report().code(code);
            assert!(output.stdout.contains(reason), "{name}: {reason}\n{}", output.stdout);
            let is_there = sandbox.path(&format!("out/{SNAPSHOT}")).exists();
            let is_answer = is_there && snapshot(&sandbox, "out")["schema"] != "mmops.error.v1";
            assert!(code != 3 || !is_answer, "{name}: {reason}");
            sandbox.write(&run(name), text);
        }
    }
    let _ = report().code(0);
}

#[test]
fn a_frozen_clock_is_said_wherever_a_real_run_is_reported() {
    let (url, _) = prometheus(|asked| {
        let is_asked = asked.query.contains("mm_net_bps");
        let points = asked.times.iter().map(|at| (*at, 3.5)).collect::<Vec<_>>();
        Ok(if is_asked {
            vec![(json!({"__name__": "mm_net_bps", "job": "bot"}), points)]
        } else {
            Vec::new()
        })
    });
    let sandbox = Sandbox::new()
        .unrecorded("a server has an address of its own")
        .file("kpis.yaml", "kpis:\n  net_bps: {description: d, unit: bps, measure: {gauge: {of: mm_net_bps, over: last}}}\n")
        .file(
            "gates.yaml",
            "profiles:\n  one:\n    description: d\n    gates:\n      net: {kpi: net_bps, unit: bps, aggregate: mean, at_least: 2.5, severity: hard}\n",
        );
    let line = "--kpis kpis.yaml --gates-file gates.yaml --gates one --iteration 60s --from 2026-03-10T10:00:00Z --to 2026-03-10T10:10:00Z";
    let _ = sandbox.run(&format!("soak run --prometheus {url} {line}")).code(0);
    // The report itself is made by the system's clock.
    let run = |line: &str| {
        let mut command = sandbox.command(line);
        let inner: &mut assert_cmd::Command = &mut command;
        inner.env_remove("MMOPS_NOW");
        crate::sandbox::Output::of(&mut command)
    };
    for line in ["soak report --format json", "soak gate artifacts/soak/latest --format json"] {
        let document = run(line).json();
        assert_eq!((&document["clock"], &document["simulated"]), (&json!("frozen"), &json!(false)), "{line}");
        let rows = document["rows"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["name"] == "clock" && row["status"] == "WARN"), "{line}");
    }
    assert_eq!(snapshot(&sandbox, OUT)["clock"], "frozen");
    for name in FILES.into_iter().chain(["SOAK_REPORT.html"]) {
        let text = sandbox.read(&format!("{OUT}/{name}")).to_lowercase();
        assert!(text.contains("frozen"), "{name}");
    }
    let page = sandbox.read(&format!("{OUT}/SOAK_REPORT.html"));
    assert!(
        page.contains("<title>PASS (frozen clock): soak RUN_") || page.contains("(frozen clock): soak RUN_")
    );
    assert!(!page.contains("made <time datetime=\"2026-03-10T12:00:00"), "that is when the run was made");
    let metrics = metrics(&sandbox, OUT);
    assert_eq!(
        (metrics["mmops_soak_report_clock_frozen"], metrics["mmops_soak_report_simulated"]),
        (1.0, 0.0)
    );
}

#[test]
fn a_rehearsal_is_reported_released_and_never_tagged() {
    let sandbox = finished("--gates smoke --iterations 12", 0)
        .file("VERSION", "1.2.3\n")
        .file("deploy/policies/rollback.yaml", POLICY);
    // A simulation is no evidence unless it is asked for as one.
    let _ = sandbox.run("soak report").code(2).marker("| soak_report | FAIL | SOAK_REPORT=INCONCLUSIVE |");
    assert_eq!(snapshot(&sandbox, OUT)["verdict"], "INCONCLUSIVE");
    assert!(sandbox.read(&format!("{OUT}/RECOMMENDATIONS.md")).contains("soak the real service"));
    let release = "bundle release --src artifacts/soak/latest --out release/r1";

    let _ = sandbox.run("soak report --mock").code(0).marker("| soak_report | OK | SOAK_REPORT=OK |");
    let found = snapshot(&sandbox, OUT);
    assert_eq!((&found["verdict"], &found["simulated"]), (&json!("PASS"), &json!(true)));
    assert_eq!((&found["clock"], &found["observed_to"]), (&json!("frozen"), &json!("2026-03-10T13:00:00Z")));
    assert_eq!(sandbox.json(&format!("{OUT}/DELTA_VERIFY_REPORT.json"))["verdict"], "NOT_TUNED");
    assert_eq!(sandbox.json(&format!("{OUT}/{OVERRIDES}"))["tail_age_ms"], 600.0);
    for name in FILES {
        let text = sandbox.read(&format!("{OUT}/{name}"));
        assert!(text.contains("SIMULATED") || text.contains("simulated"), "{name} is not stamped");
    }
    git(&sandbox, &["init", "-q", "-b", "main"]);
    git(&sandbox, &["config", "user.name", "Test"]);
    git(&sandbox, &["config", "user.email", "test@example.org"]);
    sandbox.write(".gitignore", "/artifacts\n/.gitconfig\n");
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-q", "-m", "first"]);
    let _ = sandbox.run(release).code(1);
    let _ = sandbox.run(&format!("{release} --allow-simulated")).code(0);
    let _ = sandbox.run("bundle verify release/r1").code(0);
    assert!(sandbox.read("release/r1/CHANGELOG.md").contains("| maker_share_ratio |"));
    let output = sandbox.run("canary tag --bundle release/r1 --tag v1.2.3").code(1);
    let _ = output.stdout_has("the soak was simulated, which is not evidence");
    assert_eq!(git(&sandbox, &["tag"]), "");
}

#[test]
fn a_run_of_a_real_service_is_reported_released_and_tagged() {
    let names: [(&str, &str, f64); 4] = [
        ("maker_share_ratio", "ratio", 0.91),
        ("order_latency_p95_ms", "ms", 250.0),
        ("risk_block_ratio", "ratio", 0.25),
        ("net_bps", "bps", 3.5),
    ];
    let (url, _) = prometheus(move |asked| {
        let always = |metric: Value, value: f64| {
            let points = asked.times.iter().map(|at| (*at, value)).collect::<Vec<_>>();
            vec![(metric, points)]
        };
        let begins = |name: &str| {
            asked.query.contains(&format!("({name}[")) || asked.query.contains(&format!("({name}{{"))
        };
        Ok(if let Some((name, _, value)) = names.iter().find(|(name, ..)| begins(&format!("mm_{name}"))) {
            always(json!({"__name__": format!("mm_{name}"), "job": "bot"}), *value)
        } else if begins("mm_param") {
            let keys = mmops::testing::key::NAMES.iter().zip([0.05, 0.1, 0.15, 60.0, 300.0, 600.0]);
            let param = |name: &str| json!({"__name__": "mm_param", "job": "bot", "name": name});
            keys.flat_map(|(name, value)| always(param(name), value)).collect()
        } else {
            Vec::new()
        })
    });
    let mut kpis = "kpis:\n".to_owned();
    for (name, unit, _) in names {
        let measure = format!("{{gauge: {{of: mm_{name}, over: last}}}}");
        writeln!(kpis, "  {name}: {{description: d, unit: {unit}, measure: {measure}}}").unwrap();
    }
    let sandbox = Sandbox::real_time()
        .unrecorded("a server has an address of its own")
        .file("kpis.yaml", kpis)
        .file("VERSION", "1.2.3\n")
        .file("deploy/policies/rollback.yaml", POLICY)
        .file(".gitignore", "/artifacts\n/.gitconfig\n");
    // A soak that ended longer ago than a week is not released.
    let minute = |ago: i64| {
        let second = jiff::Timestamp::now().as_second() / 60 * 60 - 60 * ago;
        jiff::Timestamp::from_second(second).unwrap().to_string()
    };
    let line = format!(
        "--kpis kpis.yaml --gates kpi-last8 --iteration 60s --from {} --to {}",
        minute(15),
        minute(5)
    );
    let _ = sandbox.run(&format!("soak run --prometheus {url} {line}")).code(0);
    let _ = sandbox.run("soak report").code(0).marker("| soak_report | OK | SOAK_REPORT=OK |");
    let found = snapshot(&sandbox, OUT);
    assert_eq!((&found["simulated"], &found["clock"]), (&json!(false), &json!("system")));
    assert_eq!(found["freeze_ready"], true);
    for name in FILES {
        assert!(!sandbox.read(&format!("{OUT}/{name}")).contains("SIMULATED"), "{name}");
    }
    git(&sandbox, &["init", "-q", "-b", "main"]);
    git(&sandbox, &["config", "user.name", "Test"]);
    git(&sandbox, &["config", "user.email", "test@example.org"]);
    git(&sandbox, &["add", "."]);
    git(&sandbox, &["commit", "-q", "-m", "first"]);
    let _ = sandbox.run("bundle release --src artifacts/soak/latest --out release/r1").code(0);
    let _ = sandbox.run("canary tag --bundle release/r1 --tag v1.2.3").code(0);
    let message = git(&sandbox, &["tag", "-l", "--format=%(contents)", "v1.2.3"]);
    assert!(message.contains("Verdict: PASS\n") && message.contains("3-10 (8 of 10)"), "{message}");
}

#[test]
fn every_iteration_that_breaks_a_limit_is_listed_and_every_missed_goal_has_a_recommendation() {
    // Bad from 3 to 4, and from 6 to 12.
    let slow = |iteration: u32| matches!(iteration, 3 | 4 | 6..=12);
    let sandbox = earlier_run(12, |iteration| {
        let latency = if slow(iteration) { 350.0 + f64::from(iteration) } else { 300.0 };
        let maker = if slow(iteration) { 0.70 } else { 0.86 };
        earlier(
            iteration,
            &json!({"p95_latency_ms": latency, "maker_taker_ratio": maker, "adverse_bps_p95": latency / 100.0}),
        )
    });
    let flat = json!({"min_interval_ms": 60, "replace_rate_per_min": 300, "impact_cap_ratio": 0.1,
        "tail_age_ms": 430, "max_delta_ratio": 0.15, "base_spread_bps_delta": 0.6});
    sandbox.write("run/runtime_overrides.json", flat.to_string());
    let _ = sandbox.run("soak report --src run --out out").code(1);
    let failures = sandbox.read("out/FAILURES.md");
    // Only the last eight count: 5 to 12.
    for iteration in 6..=12 {
        let row = format!("| {iteration} | {} | <\\= 340 ms | {} ms |", 350 + iteration, 10 + iteration);
        let row = row.replace("<\\=", "<=");
        assert!(failures.contains(&row), "{row}\n{failures}");
    }
    assert!(
        failures.contains("7 iterations, first 6; 1 streaks, the longest 7 in a row (6-12)"),
        "{failures}"
    );
    let advice = snapshot(&sandbox, "out")["recommendations"].clone();
    let about =
        |name: &str| advice.as_array().unwrap().iter().find(|one| one["about"] == name).unwrap().clone();
    let latency = about("order_latency_p95");
    assert_eq!(latency["iterations"], "6-12");
    // One step down, and no further than its limit.
    assert_eq!(
        (&latency["change"]["parameter"], &latency["change"]["to"]),
        (&json!("tail_age_ms"), &json!(400.0))
    );
    assert!(
        latency["driver"].as_str().unwrap().contains("`adverse_p95_bps` rises and falls with it"),
        "{latency}"
    );
    // The first choice stands at its limit already, so the second is taken.
    let maker = about("maker_share");
    assert_eq!(
        (&maker["change"]["parameter"], &maker["change"]["from"]),
        (&json!("min_interval_ms"), &json!(60.0))
    );
    assert!(maker["change"]["by"].as_f64().unwrap() > 0.0);

    let sandbox = finished("--scenario deadline_storm --hours 1", 1);
    let _ = sandbox.run("soak report --mock").code(1).marker("| soak_report | FAIL | SOAK_REPORT=FAIL |");
    let advice = snapshot(&sandbox, OUT)["recommendations"].clone();
    let named: Vec<&str> =
        advice.as_array().unwrap().iter().map(|one| one["about"].as_str().unwrap()).collect();
    let gates = snapshot(&sandbox, OUT)["gates"].clone();
    for (name, gate) in gates.as_object().unwrap().iter().filter(|(_, gate)| gate["state"] != "PASS") {
        assert!(named.contains(&name.as_str()), "{name} {gate} has no recommendation: {named:?}");
    }
    assert!(named.contains(&"deadline_miss_rate") && named.contains(&"observed"), "{named:?}");
}

#[test]
fn a_scenario_is_explained_by_its_own_figures() {
    for (scenario, gate, part) in [
        ("leak --hours 24", "memory_growth", "an iteration (95 %:"),
        ("cache_miss --hours 2", "hit_ratio", "no run-time parameter acts on it"),
        ("breaker_trip --hours 2", "breaker", "iteration 1"),
    ] {
        let sandbox = finished(&format!("--scenario {scenario}"), 1).unrecorded("asserted here");
        let _ = sandbox.run("soak report --mock").code(1);
        let advice = sandbox.read(&format!("{OUT}/RECOMMENDATIONS.md"));
        let about = advice.split("\n## ").find(|section| section.contains(&format!(". {gate}\n"))).unwrap();
        assert!(about.contains(part), "{scenario}: {about}");
    }
}

#[test]
fn any_number_of_iterations_counts_in_numeric_order_and_gaps_are_named() {
    let sandbox = earlier_run(120, |iteration| {
        earlier(iteration, &json!({"net_bps": f64::from(iteration) / 10.0 + f64::from(iteration % 3)}))
    });
    let _ = sandbox.run("soak report --src run --out out --last-n 24").code(0);
    let found = snapshot(&sandbox, "out");
    assert_eq!((&found["iterations_total"], &found["iterations_analyzed"][0]), (&json!(120), &json!(97)));
    assert_eq!(found["kpi_all"]["net_bps"]["trend"], "up");
    let slope = found["kpi_all"]["net_bps"]["slope"]["per_iteration"].as_f64().unwrap();
    assert!((slope - 0.1).abs() < 0.01, "{slope}");

    for gap in [50, 117] {
        std::fs::remove_file(sandbox.path(&format!("run/ITER_SUMMARY_{gap}.json"))).unwrap();
    }
    let _ =
        sandbox.run("soak report --src run --out out").code(2).stdout_has("iterations 50, 117 are missing");
    let found = snapshot(&sandbox, "out");
    assert_eq!(found["iterations_missing"], json!([50, 117]));
    assert_eq!(found["iterations_analyzed"], json!([113, 114, 115, 116, 118, 119, 120]));
    assert_eq!(found["freeze_ready"], false);
    assert_eq!(found["tuning_summary"]["applied_iterations"], json!(null));
    assert!(sandbox.read("out/FAILURES.md").contains("Iterations 50, 117 are missing"));
}

#[test]
fn what_was_not_measured_is_unknown_and_never_good() {
    // Defaults stand for what was not there; nothing of it is a figure.
    let sandbox = earlier_run(9, |iteration| {
        earlier(iteration, &json!({"p95_latency_ms": 0.0, "risk_ratio": 0.0, "net_bps": null}))
    });
    let _ = sandbox.run("soak report --src run --out out").code(2);
    let found = snapshot(&sandbox, "out");
    for kpi in ["order_latency_p95_ms", "risk_block_ratio", "net_bps"] {
        assert_eq!(found["kpi_last_n"][kpi]["mean"], json!(null), "{kpi}");
        assert_eq!(found["kpi_last_n"][kpi]["unknown"], 8, "{kpi}");
    }
    let goals =
        json!({"maker_share": true, "net_bps": false, "order_latency_p95": false, "risk_blocks": false});
    assert_eq!(found["goals_met"], goals);
    assert_eq!(found["freeze_ready"], false);
    let page = metrics(&sandbox, "out");
    assert!(!page.contains_key("mmops_soak_report_kpi_mean kpi=net_bps unit=bps"), "{page:?}");
    assert!((page["mmops_soak_report_goal_met goal=net_bps"]).abs() < f64::EPSILON);
    // A loss is a figure, and 0 is one.
    let sandbox =
        earlier_run(9, |iteration| earlier(iteration, &json!({"net_bps": -f64::from(iteration % 2)})));
    let _ = sandbox.run("soak report --src run --out out").code(1);
    assert_eq!(snapshot(&sandbox, "out")["kpi_last_n"]["net_bps"]["max"], 0.0);
}

#[test]
fn a_loss_that_grows_goes_down() {
    let sandbox = earlier_run(8, |iteration| {
        earlier(iteration, &json!({"net_bps": -3.0 - 0.1 * f64::from(iteration)}))
    });
    let _ = sandbox.run("soak report --src run --out out").code(1);
    let found = snapshot(&sandbox, "out")["kpi_last_n"]["net_bps"].clone();
    assert_eq!(found["trend"], "down", "{found}");
    assert!(found["slope"]["high"].as_f64().unwrap() < 0.0, "{found}");
}

#[test]
fn a_figure_on_its_way_to_its_limit_is_named_before_it_is_there() {
    let sandbox = earlier_run(12, |iteration| {
        earlier(iteration, &json!({"p95_latency_ms": 300.0 + 3.0 * f64::from(iteration)}))
    });
    let _ = sandbox.run("soak report --src run --out out").code(0);
    let found = snapshot(&sandbox, "out");
    assert_eq!((&found["verdict"], &found["freeze_ready"]), (&json!("PASS"), &json!(false)));
    let finding = found["recommendations"][0]["finding"].as_str().unwrap();
    assert!(finding.contains("moves towards its limit"), "{finding}");
}

#[test]
fn the_page_of_metrics_says_what_the_last_iterations_were() {
    let shares = |zero: bool| {
        earlier_run(12, move |iteration| {
            let share = if iteration % 2 == 0 { 0.9 } else { 0.6 };
            let share = if zero && iteration == 8 { 0.0 } else { share };
            let fills = json!({"maker_volume": 100.0 * share, "taker_volume": 100.0 - 100.0 * share});
            earlier(iteration, &json!({"maker_taker_ratio": share, "fills": fills}))
        })
    };
    let sandbox = shares(false);
    let _ = sandbox.run("soak report --src run --out out").code(1);
    let page = metrics(&sandbox, "out");
    assert!((page["maker_taker_ratio_hmean window=8"] - 0.72).abs() < 1e-12, "{page:?}");
    assert!((page["maker_share_pct"] - 75.0).abs() < 1e-9, "{page:?}");
    assert_eq!(page["partial_freeze_active subsystem=rebid"], 0.0);
    let sandbox = shares(true);
    let _ = sandbox.run("soak report --src run --out out").code(1);
    assert_eq!(metrics(&sandbox, "out")["maker_taker_ratio_hmean window=8"], 0.0);
    // The label is the number of windows that are really there.
    let sandbox = earlier_run(3, plain);
    let _ = sandbox.run("soak report --src run --out out").code(2);
    assert!(metrics(&sandbox, "out").contains_key("maker_taker_ratio_hmean window=3"));
    let frozen = |iteration: u32| {
        let mut summary = plain(iteration);
        summary["tuning"]["skip_reason"] = json!({"freeze": iteration == 9, "note": "frozen"});
        summary
    };
    let sandbox = earlier_run(9, frozen);
    let _ = sandbox.run("soak report --src run --out out").code(0);
    assert_eq!(metrics(&sandbox, "out")["partial_freeze_active subsystem=rescue_taker"], 1.0);
}

#[test]
fn only_what_was_not_tuned_is_said_to_be_so() {
    let deltas = |sandbox: &Sandbox| {
        let _ = sandbox.run("soak report --src run --out out");
        sandbox.json("out/DELTA_VERIFY_REPORT.json")["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(deltas(&earlier_run(9, plain)), "NOT_TUNED");
    let tuned = |iteration: u32| {
        let mut summary = plain(iteration);
        summary["tuning"]["applied"] = json!(iteration == 4);
        summary
    };
    assert_eq!(deltas(&earlier_run(9, tuned)), "NOT_VERIFIED");
    let silent = |iteration: u32| {
        let mut summary = plain(iteration);
        summary.as_object_mut().unwrap().remove("tuning");
        summary
    };
    let sandbox = earlier_run(9, silent);
    assert_eq!(deltas(&sandbox), "NOT_VERIFIED");
    assert!(sandbox.read("out/DELTA_VERIFY_REPORT.md").contains("iterations 1-9 do not say what was tuned"));
}

#[test]
fn snapshots_that_are_left_alone_are_read_and_prove_nothing() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/soak/iter36/latest");
    for (path, version) in [(SNAPSHOT, "1.1"), ("reports/analysis/POST_SOAK_SNAPSHOT.json", "1.2")] {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("old/{SNAPSHOT}"), std::fs::read(data.join(path)).unwrap());
        let output = sandbox.run("soak report --src old").code(2);
        let _ = output.stdout_has(&format!("only a snapshot of version {version} is left"));
        let found = snapshot(&sandbox, "old/reports/analysis");
        assert_eq!(found["verdict"], "INCONCLUSIVE");
        assert_eq!(found["kpi_last_n"]["net_bps"]["mean"], 5.95);
        assert!(!found["recommendations"].as_array().unwrap().is_empty());
        let deltas = sandbox.json("old/reports/analysis/DELTA_VERIFY_REPORT.json");
        assert_eq!(deltas["verdict"], "NOT_VERIFIED");
    }
    let sandbox = Sandbox::new().file("old/POST_SOAK_SNAPSHOT.json", "{\"schema_version\": \"3\"}");
    let _ = sandbox.run("soak report --src old").error(3).stderr_has("it is of version 3, not 1.1 or 1.2");
}

#[test]
fn what_is_no_run_or_cannot_be_read_is_named_and_leaves_nothing() {
    let sandbox = Sandbox::new().file("file", "");
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    let _ = sandbox.run("soak report --src empty").error(3).stderr_has("`empty` is no run");
    let _ = sandbox.run("soak report --src none").error(3);
    let _ = sandbox.run("soak report --src file").error(3);
    let _ = sandbox.run("soak report --src empty --last-n 0").error(64);
    assert_eq!(sandbox.files(), ["file"]);
    // Nothing stands in the way of the first run.
    let _ = sandbox.run("soak report").error(3);
    assert!(!sandbox.path("artifacts/soak").exists() && !sandbox.path("none").exists());
    assert_eq!(std::fs::read_dir(sandbox.path("empty")).unwrap().count(), 0);

    let sandbox = earlier_run(3, plain);
    sandbox.write("run/ITER_SUMMARY_2.json", "{\"iteration\": 2,");
    let _ = sandbox.run("soak report --src run --out out").error(3).stderr_has("ITER_SUMMARY_2.json");
    // An answer of an earlier run does not outlive it.
    sandbox.write("run/ITER_SUMMARY_2.json", plain(2).to_string());
    let _ = sandbox.run("soak report --src run --out out").code(2);
    sandbox.write("run/ITER_SUMMARY_2.json", "");
    let _ = sandbox.run("soak report --src run --out out").error(3);
    assert_eq!(snapshot(&sandbox, "out")["schema"], "mmops.error.v1");
    for name in FILES.into_iter().filter(|name| !name.ends_with(".json")) {
        assert!(!sandbox.path(&format!("out/{name}")).exists(), "{name}");
    }

    let sandbox = finished("--gates smoke --iterations 3", 0);
    let mut plan = sandbox.json("artifacts/soak/latest/RUN.json");
    plan["schema"] = json!("mmops.soak-plan.v9");
    sandbox.write("artifacts/soak/latest/RUN.json", plan.to_string());
    let _ = sandbox.run("soak report --mock").error(3).stderr_has("it has the schema `mmops.soak-plan.v9`");
}

#[test]
fn a_run_that_goes_on_is_short_or_lost_its_end_is_inconclusive() {
    let sandbox = finished("--gates smoke --iterations 10", 0);
    let run = "artifacts/soak/latest";
    let lines = records(&sandbox.read(&format!("{run}/JOURNAL.jsonl")));
    std::fs::remove_file(sandbox.path(&format!("{run}/soak_metrics.json"))).unwrap();
    // As it is after four iterations, the fifth being written.
    let kept = lines[4]["samples"]["bytes"].as_u64().unwrap();
    std::fs::File::options()
        .write(true)
        .open(sandbox.path(&format!("{run}/samples.bin")))
        .unwrap()
        .set_len(kept)
        .unwrap();
    for torn in ["", "{\"hash\":\"12"] {
        sandbox.write(&format!("{run}/JOURNAL.jsonl"), format!("{}{torn}", journal(&lines[..5])));
        let output = sandbox.run("soak report --mock").code(2);
        let output = output.marker("| soak_report | FAIL | SOAK_REPORT=INCONCLUSIVE |");
        assert!(output.stdout.contains("4 of 10"), "{}", output.stdout);
        assert_eq!(output.stdout.contains("its last line was torn"), !torn.is_empty(), "{}", output.stdout);
        assert!(sandbox.read(&format!("{OUT}/FAILURES.md")).contains("4 of 10 iterations are there"));
        assert!(
            sandbox.read(&format!("{OUT}/RECOMMENDATIONS.md")).contains("let the run go on for 6 iterations")
        );
    }
    // Nothing was finished.
    std::fs::remove_file(sandbox.path(&format!("{run}/samples.bin"))).unwrap();
    sandbox.write(&format!("{run}/JOURNAL.jsonl"), journal(&lines[..1]));
    let _ = sandbox.run("soak report --mock").code(2);
    let found = snapshot(&sandbox, OUT);
    assert_eq!((&found["iterations_total"], &found["verdict"]), (&json!(0), &json!("INCONCLUSIVE")));
    assert_eq!(sandbox.json(&format!("{OUT}/DELTA_VERIFY_REPORT.json"))["verdict"], "NOT_VERIFIED");
}

#[test]
fn what_the_run_said_itself_is_held_against_what_it_comes_to() {
    let sandbox = finished("--gates smoke --iterations 8", 0);
    let path = "artifacts/soak/latest/soak_metrics.json";
    let kept = sandbox.json(path);
    for (said, code) in [("FAIL", 1), ("INCONCLUSIVE", 2)] {
        let mut metrics = kept.clone();
        metrics["verdict"] = json!(said);
        sandbox.write(path, metrics.to_string());
        let output = sandbox.run("soak report --mock").code(code);
        let _ = output.stdout_has(&format!("the run itself said {said}, judged again it is PASS"));
        assert_eq!(snapshot(&sandbox, OUT)["verdict"], said);
        let page = sandbox.read(&format!("{OUT}/SOAK_REPORT.html"));
        assert!(page.contains(&format!("<title>{said} (simulated, frozen clock)")), "{said}");
        assert!(!page.contains("gates hold."), "{said}");
    }
    for unreadable in ["{", "{\"verdict\": \"GOOD\"}"] {
        sandbox.write(path, unreadable);
        let _ = sandbox.run("soak report --mock").code(2).stdout_has("the run's own verdict cannot be read");
    }
    std::fs::remove_file(sandbox.path(path)).unwrap();
    let _ = sandbox.run("soak report --mock").code(2).stdout_has("`soak_metrics.json` is missing");
    // A yes that the samples do not give stays a no.
    sandbox.write(path, kept.to_string());
    let samples = sandbox.path("artifacts/soak/latest/samples.bin");
    let length = std::fs::metadata(&samples).unwrap().len();
    std::fs::File::options().write(true).open(samples).unwrap().set_len(length - 1).unwrap();
    let _ = sandbox.run("soak report --mock").code(1);
    let advice = sandbox.read(&format!("{OUT}/RECOMMENDATIONS.md"));
    assert!(advice.contains("release nothing on this run"), "{advice}");
}

#[test]
fn no_output_takes_the_place_of_what_the_run_has_kept() {
    let sandbox = finished("--gates smoke --iterations 3", 0).unrecorded("the refusals are what matters");
    let run = sandbox.path("artifacts/soak/latest").canonicalize().unwrap();
    let kept = |name: &str| std::fs::read(run.join(name)).unwrap();
    let names = ["RUN.json", "JOURNAL.jsonl", "samples.bin", "soak_metrics.json", "ITER_SUMMARY_2.json"];
    let before = names.map(kept);
    for (at, name) in names.into_iter().enumerate() {
        for command in ["soak report --mock", "soak gate --mock"] {
            for option in ["--junit", "--metrics-file"] {
                let line = format!("{command} {option} artifacts/soak/latest/{name}");
                let _ = sandbox.run(&line).code(64);
                assert_eq!(kept(name), before[at], "{line}");
            }
        }
        let out = format!("out{at}");
        std::fs::create_dir(sandbox.path(&out)).unwrap();
        std::os::unix::fs::symlink(run.join(name), sandbox.path(&out).join("FAILURES.md")).unwrap();
        let _ = sandbox.run(&format!("soak report --mock --out {out}")).code(64);
        assert_eq!(kept(name), before[at], "a link to {name}");
    }
    let _ = sandbox.run("soak report --mock --out artifacts/soak/latest").code(0);
    let _ = sandbox.run("soak report --mock --out artifacts/soak/latest").code(0);
}

#[test]
fn a_fleet_is_reported_by_its_worst_member() {
    let sandbox = finished("--instances 3 --gates smoke --iterations 8", 0);
    let _ = sandbox.run("soak report --mock").code(0);
    let found = snapshot(&sandbox, OUT);
    let least = (1..=8).flat_map(|iteration| {
        let summary = sandbox.json(&format!("artifacts/soak/latest/ITER_SUMMARY_{iteration}.json"));
        let members = summary["members"].as_object().unwrap().clone();
        let share = |member: &Value| member["kpis"]["maker_share_ratio"]["value"].as_f64().unwrap();
        members.values().map(share).collect::<Vec<f64>>()
    });
    let least = least.fold(f64::INFINITY, f64::min);
    assert_eq!(found["kpi_last_n"]["maker_share_ratio"]["min"], least);
    // Each has the same parameters, so these are what the run validated.
    assert_eq!(sandbox.json(&format!("{OUT}/{OVERRIDES}"))["min_interval_ms"], 60.0);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let sandbox = finished("--gates smoke --iterations 8", 0);
    let report = |out: &str| {
        let _ = sandbox.run(&format!("soak report --mock --out {out}")).code(0);
        FILES.map(|name| sandbox.read(&format!("{out}/{name}")))
    };
    assert_eq!(report("first"), report("second"));
}
