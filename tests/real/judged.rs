//! Three days of recorded history, thirty figures: what `soak run --from --to` judges equals what is computed
//! straight from the series that were recorded.

use crate::server::{Prometheus, have, instant, run};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const START_S: i64 = 1_767_225_600;
const STEP_S: i64 = 15;
/// 72 hours, both ends included.
const POINTS: i64 = 17_281;
const FIGURES: i64 = 30;
/// Samples of an iteration of five minutes.
const WINDOW: usize = 20;
/// Sums are taken in another order here and there.
const TOLERANCE: f64 = 1e-9;

/// A figure that wanders, the same in every run.
fn value(figure: i64, place: i64) -> f64 {
    let mixed = (figure * 1_000_003 + place).cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    100.0 + figure as f64 + (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// `mm_figure_N` for each figure; one sample of the third is far too high for an hour when `spoiled`.
fn text(spoiled: bool) -> String {
    let mut text = String::new();
    for figure in 0..FIGURES {
        for place in 0..POINTS {
            let high = spoiled && figure == 3 && (9000..9240).contains(&place);
            let value = value(figure, place) + if high { 900.0 } else { 0.0 };
            writeln!(text, "mm_figure_{figure} {value} {}", START_S + place * STEP_S).unwrap();
        }
    }
    text + "# EOF\n"
}

fn kpis() -> String {
    let one = |figure| {
        format!(
            "  figure_{figure}:\n    description: figure {figure}\n    unit: ms\n    \
             measure: {{gauge: {{of: mm_figure_{figure}, over: mean, across: min}}}}\n"
        )
    };
    format!("kpis:\n{}", (0..FIGURES).map(one).collect::<String>())
}

fn gates() -> String {
    let one = |figure| {
        format!(
            "      figure_{figure}: {{kpi: figure_{figure}, unit: ms, aggregate: every, at_most: 200, severity: hard}}\n"
        )
    };
    let gates: String = (0..FIGURES).map(one).collect();
    format!("profiles:\n  history:\n    description: every figure\n    gates:\n{gates}")
}

/// Judges the history that is recorded in `dir`; the exit code, the figures and the time it took.
fn judge(dir: &Path, spoiled: bool) -> (Option<i32>, Value) {
    std::fs::write(dir.join("history.om"), text(spoiled)).unwrap();
    std::fs::write(dir.join("kpis.yaml"), kpis()).unwrap();
    std::fs::write(dir.join("gates.yaml"), gates()).unwrap();
    run("promtool", &["tsdb", "create-blocks-from", "openmetrics", "-q", "history.om", "data"], dir);
    let server = Prometheus::start(dir, "", &[]);
    // Until the server is ready a client asks again; the judgement does too.
    let _ = instant(&server.client(), "mm_figure_0", jiff::Timestamp::from_second(START_S).unwrap()).unwrap();
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["soak", "run", "--kpis", "kpis.yaml", "--gates-file", "gates.yaml", "--gates", "history"])
        .args([
            "--from",
            "2026-01-01T00:00:00Z",
            "--to",
            "2026-01-04T00:00:00Z",
            "--prometheus",
            &server.url(),
        ])
        .current_dir(dir)
        .env_clear()
        .output()
        .unwrap();
    println!("judged in {:?}", started.elapsed());
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(dir.join("artifacts/reports/soak_metrics.json")).unwrap();
    (output.status.code(), serde_json::from_str(&report).unwrap())
}

#[test]
fn three_days_of_thirty_figures_are_judged_as_they_were_recorded() {
    if !have(&["prometheus", "promtool"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (code, report) = judge(dir.path(), false);
    assert_eq!((code, &report["verdict"]), (Some(0), &Value::from("PASS")));
    assert_eq!(report["simulated"], false);
    for figure in 0..FIGURES {
        // The sample at the start belongs to the time before.
        let points: Vec<f64> = (1..POINTS).map(|place| value(figure, place)).collect();
        let means: Vec<f64> =
            points.chunks(WINDOW).map(|window| window.iter().sum::<f64>() / WINDOW as f64).collect();
        assert_eq!(means.len(), 864);
        let found = &report["metrics"][format!("figure_{figure}")];
        assert_eq!((&found["measured"], &found["unknown"]), (&Value::from(864), &Value::from(0)));
        let close = |name: &str, wanted: f64| {
            let found = found[name].as_f64().unwrap();
            assert!(
                (found - wanted).abs() <= TOLERANCE * wanted,
                "figure {figure} {name}: {found}, not {wanted}"
            );
        };
        close("mean", means.iter().sum::<f64>() / means.len() as f64);
        close("min", means.iter().copied().fold(f64::INFINITY, f64::min));
        close("max", means.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        close("last", means[863]);
    }
}

#[test]
fn one_bad_hour_in_three_days_fails_its_gate_and_no_other() {
    if !have(&["prometheus", "promtool"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (code, report) = judge(dir.path(), true);
    assert_eq!((code, &report["verdict"]), (Some(1), &Value::from("FAIL")));
    let gates = std::fs::read_to_string(dir.path().join("artifacts/reports/gates_summary.json")).unwrap();
    let gates: Value = serde_json::from_str(&gates).unwrap();
    let gates = gates["gates"].as_object().unwrap();
    assert_eq!(gates.len(), 30);
    let failed: Vec<&String> =
        gates.iter().filter(|(_, gate)| gate["state"] != "PASS").map(|(name, _)| name).collect();
    assert_eq!(failed, ["figure_3"]);
}
