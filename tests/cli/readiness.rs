//! `mmops readiness score` and `validate`.

use crate::sandbox::{AGE, NOW, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// A day that earns every point.
fn base() -> Value {
    json!({
        "edge_net_bps": 2.8, "order_age_p95_ms": 320.0, "taker_share_pct": 12.0,
        "reg_guard": {"reason": "NONE"}, "drift": {"reason": "NONE"},
        "chaos_result": "OK", "bug_bash": "OK",
        "runtime": {"utc": "1970-01-01T00:00:00Z", "version": "0.1.0"},
    })
}

fn with(changes: &Value) -> Value {
    let mut day = base();
    for (key, value) in changes.as_object().unwrap() {
        day[key] = value.clone();
    }
    day
}

fn without(keys: &[&str]) -> Value {
    let mut day = base();
    for key in keys {
        day.as_object_mut().unwrap().remove(*key);
    }
    day
}

/// Reports for the days before the frozen now, the last one yesterday.
fn reports(sandbox: &Sandbox, days: &[Value]) {
    let last = NOW.parse::<jiff::Timestamp>().unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut date = last;
    for day in days.iter().rev() {
        date = date.yesterday().unwrap();
        let name = format!("artifacts/reports/REPORT_SOAK_{}.json", date.strftime("%Y%m%d"));
        sandbox.write(&name, day.to_string());
    }
}

fn score(days: &[Value]) -> Value {
    let sandbox = Sandbox::new();
    reports(&sandbox, days);
    sandbox.run("readiness score");
    sandbox.json("artifacts/reports/readiness.json")
}

/// Input, score, verdict, and whether the pair is the recorded one or was changed by law 1 (unknown is
/// never OK), with the recorded value and the reason.
#[test]
fn the_recorded_pairs_hold_where_they_do_not_break_law_1() {
    let six_and = |last: Value| {
        let mut days = vec![base(); 6];
        days.push(last);
        days
    };
    let seven = |day: Value| vec![day; 7];
    let kept = "recorded";
    let table: Vec<(&str, Vec<Value>, f64, &str, &str)> = vec![
        ("7 base days", seven(base()), 100.0, "GO", kept),
        ("no files", vec![], 0.0, "BLOCK", "was 60 HOLD: nothing shown earned latency, taker, chaos, tests"),
        (
            "1 base day",
            vec![base()],
            14.285_713,
            "BLOCK",
            "was 91.428571 HOLD: six missing days cost guards only",
        ),
        ("7 days edge 1.25", seven(with(&json!({"edge_net_bps": 1.25}))), 85.0, "HOLD", kept),
        ("7 days latency 700", seven(with(&json!({"order_age_p95_ms": 700}))), 87.5, "HOLD", kept),
        ("7 days latency 351", seven(with(&json!({"order_age_p95_ms": 351}))), 99.928_775, "HOLD", kept),
        ("7 days taker 30", seven(with(&json!({"taker_share_pct": 30}))), 92.5, "HOLD", kept),
        ("7 days taker 0", seven(with(&json!({"taker_share_pct": 0}))), 100.0, "GO", kept),
        (
            "guard EDGE_REG",
            six_and(with(&json!({"reg_guard": {"reason": "EDGE_REG"}}))),
            98.571_429,
            "HOLD",
            kept,
        ),
        (
            "drift DRIFT_EDGE",
            six_and(with(&json!({"drift": {"reason": "DRIFT_EDGE"}}))),
            98.571_429,
            "HOLD",
            kept,
        ),
        ("drift reason empty", six_and(with(&json!({"drift": {"reason": ""}}))), 100.0, "GO", kept),
        ("one chaos FAIL", six_and(with(&json!({"chaos_result": "FAIL"}))), 90.0, "HOLD", kept),
        ("bug_bash FAIL", six_and(with(&json!({"bug_bash": "FAIL"}))), 90.0, "HOLD", kept),
        (
            "bug_bash NOT OK",
            six_and(with(&json!({"bug_bash": "NOT OK"}))),
            90.0,
            "HOLD",
            "was 100 GO: substring test",
        ),
        (
            "bad day + 7 base",
            [vec![with(&json!({"chaos_result": "FAIL", "edge_net_bps": -9}))], vec![base(); 7]].concat(),
            100.0,
            "GO",
            kept,
        ),
        ("7 empty objects", seven(json!({})), 0.0, "BLOCK", "was 70 HOLD: absent counted as perfect"),
        ("7 days edge -1", seven(with(&json!({"edge_net_bps": -1}))), 70.0, "HOLD", kept),
        (
            "numeric strings",
            seven(with(&json!({"edge_net_bps": "2.5", "order_age_p95_ms": "350"}))),
            45.0,
            "BLOCK",
            "was 100 GO: text is no number",
        ),
        (
            "no guard, chaos, test fields",
            seven(without(&["reg_guard", "drift", "chaos_result", "bug_bash"])),
            70.0,
            "HOLD",
            "was 100 GO: absent counted as pass",
        ),
    ];
    for (name, days, points, verdict, note) in table {
        let found = score(&days);
        assert_eq!(found["score"], json!(points), "{name} ({note})");
        assert_eq!(found["verdict"], verdict, "{name} ({note})");
    }
}

#[test]
fn seven_good_days_are_go() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    let output = sandbox.run("readiness").code(0).marker("| readiness | OK | READINESS=GO |");
    assert_eq!(output.stderr, "");
    let files = sandbox.files();
    assert!(files.contains(&"artifacts/reports/readiness.md".to_owned()), "{files:?}");
    assert!(!files.iter().any(|file| file.contains(".tmp")), "{files:?}");
}

#[test]
fn the_same_reports_give_the_same_bytes() {
    let [first, second] = [(); 2].map(|()| {
        let sandbox = Sandbox::new();
        reports(&sandbox, &vec![base(); 7]);
        let stdout = sandbox.run("readiness score --format json").stdout;
        (
            stdout,
            sandbox.read("artifacts/reports/readiness.json"),
            sandbox.read("artifacts/reports/readiness.md"),
        )
    });
    assert_eq!(first, second);
}

#[test]
fn an_unreadable_report_costs_its_day_and_is_named() {
    for content in [
        "{\"edge_net_bps\": NaN}",
        "{\"edge_net_bps\": 2.8",
        "[]",
        "",
        "{\"bug_bash\": \"OK\", \"bug_bash\": \"FAIL\"}",
    ] {
        let sandbox = Sandbox::new();
        reports(&sandbox, &vec![base(); 7]);
        sandbox.write("artifacts/reports/REPORT_SOAK_20260307.json", content);
        sandbox.run("readiness score").code(1).marker("| readiness | FAIL | READINESS=HOLD |");
        assert_eq!(sandbox.json("artifacts/reports/readiness.json")["score"], json!(85.714_287));
    }
}

#[test]
fn a_null_field_costs_its_share_and_is_named() {
    let mut days = vec![base(); 7];
    days[2] = with(&json!({"order_age_p95_ms": null}));
    let found = score(&days);
    assert_eq!(found["sections"]["latency"], json!(21.428_571));
    assert_eq!(found["score"], json!(96.428_571));
    let reason = found["losses"][0]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("REPORT_SOAK_20260305.json") && reason.contains("null"), "{reason}");
}

#[test]
fn values_outside_their_range_are_no_figures() {
    for (field, value) in [("order_age_p95_ms", -1.0), ("taker_share_pct", -0.1), ("taker_share_pct", 100.1)]
    {
        let found = score(&vec![with(&json!({field: value})); 7]);
        assert!(found["score"].as_f64().unwrap() < 100.0, "{field} {value}");
        assert!(found["losses"][0]["reasons"][0].as_str().unwrap().contains("outside its range"));
    }
}

#[test]
fn two_reports_of_one_day_are_none() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.write("artifacts/reports/REPORT_SOAK_20260306_rerun.json", base().to_string());
    sandbox.run("readiness score").code(1);
    assert_eq!(sandbox.json("artifacts/reports/readiness.json")["score"], json!(85.714_287));
}

#[test]
fn a_date_inside_that_contradicts_the_name_is_refused() {
    let mut days = vec![base(); 7];
    days[6] = with(&json!({"date": "2026-03-08"}));
    assert_eq!(score(&days)["score"], json!(85.714_287));
    days[6] = with(&json!({"date": "2026-03-09"}));
    assert_eq!(score(&days)["score"], json!(100.0));
}

#[test]
fn a_report_of_tomorrow_is_a_fault_of_a_clock_and_not_fresh() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.write("artifacts/reports/REPORT_SOAK_20260311.json", base().to_string());
    sandbox.run("readiness score").code(1).marker("| readiness | FAIL | READINESS=HOLD |");
}

#[test]
fn a_stamp_or_an_old_report_is_not_fresh_evidence() {
    let old = Sandbox::new().env("MMOPS_NOW", "2026-03-11T12:00:01Z");
    reports(&old, &vec![base(); 7]);
    old.run("readiness score").code(1).marker("| readiness | FAIL | READINESS=BLOCK |");
    let limit = Sandbox::new().env("MMOPS_NOW", "2026-03-11T12:00:00Z");
    reports(&limit, &vec![base(); 7]);
    limit.run("readiness score").code(0);
    let stamped = Sandbox::real_time().env("CI_FAKE_UTC", NOW);
    reports(&stamped, &vec![base(); 7]);
    stamped.run("readiness score").code(1);
    assert_eq!(stamped.json("artifacts/reports/readiness.json")["runtime"]["utc"], NOW);
}

#[test]
fn simulated_reports_count_only_when_asked_and_are_stamped() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![with(&json!({"simulated": true})); 7]);
    sandbox.run("readiness score").code(1).marker("| readiness | FAIL | READINESS=BLOCK |");
    let output = sandbox.run("readiness score --allow-simulated --format json").code(0);
    assert_eq!(output.json()["simulated"], true);
    assert_eq!(sandbox.json("artifacts/reports/readiness.json")["simulated"], true);
    let mut document = sandbox.json("artifacts/reports/readiness.json");
    document["clock"] = json!("system");
    let real = Sandbox::real_time().file("r.json", document.to_string());
    real.run("readiness validate r.json").code(1);
    real.run("readiness validate r.json --allow-simulated").code(0);
}

#[test]
fn what_a_frozen_clock_made_fresh_is_no_evidence_on_a_real_one() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.run("readiness score").code(0);
    sandbox.age("artifacts/reports/readiness.json", Duration::from_mins(1));
    sandbox.run("readiness validate artifacts/reports/readiness.json").code(0);
    let real = Sandbox::real_time().file("r.json", sandbox.read("artifacts/reports/readiness.json"));
    real.run("readiness validate r.json").code(1).marker("| readiness | FAIL | READINESS=HOLD |");

    let real = Sandbox::real_time();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for back in 1..=7 {
        let date = today.checked_sub(jiff::Span::new().days(back)).unwrap();
        let day = with(&json!({"clock": "frozen"}));
        real.write(
            &format!("artifacts/reports/REPORT_SOAK_{}.json", date.strftime("%Y%m%d")),
            day.to_string(),
        );
    }
    real.run("readiness score").code(1);
}

#[test]
fn a_simulated_drill_is_stamped_into_the_score() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.write("drill.json", r#"{"verdict": "OK", "simulated": true}"#);
    sandbox.age("drill.json", Duration::from_mins(1));
    sandbox.write(
        "drills.yaml",
        "drills: [{name: d, artifact: drill.json, max_age: 30d, expect: [{pointer: /verdict, equals: OK}]}]\n",
    );
    let line = "readiness score --drills drills.yaml";
    sandbox.run(line).code(1).marker("| readiness | FAIL | READINESS=HOLD |");
    sandbox.run(&format!("{line} --allow-simulated")).code(0);
    assert_eq!(sandbox.json("artifacts/reports/readiness.json")["simulated"], true);
    sandbox.age("artifacts/reports/readiness.json", Duration::from_mins(1));
    sandbox.run("readiness validate artifacts/reports/readiness.json").code(1);
}

#[test]
fn an_old_score_does_not_stand_where_a_new_one_could_not_be_made() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.run("readiness score").code(0);
    sandbox.run("readiness score --reports nowhere").code(3);
    assert!(!sandbox.path("artifacts/reports/readiness.json").exists());
}

#[test]
fn the_cheapest_days_are_named() {
    let mut days = vec![with(&json!({"edge_net_bps": 1.0})); 7];
    days[0] = base();
    days[3] = with(&json!({"edge_net_bps": 2.4}));
    let found = score(&days);
    let advice = found["losses"][0]["cheapest"].as_str().unwrap();
    assert!(advice.starts_with("bring 2026-03-06 (2.4 bps), 2026-03-0"), "{advice}");
    assert_eq!(advice.matches("bps)").count(), 3, "{advice}");
}

#[test]
fn a_required_drill_holds_go_back_until_it_is_fresh_and_passed() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.write(
        "drills.yaml",
        "drills:\n  - name: failover\n    artifact: artifacts/drill.json\n    max_age: 30d\n    finished_at: /at\n    expect: [{pointer: /verdict, equals: OK}]\n",
    );
    let line = "readiness score --drills drills.yaml";
    sandbox.run(line).code(1);
    sandbox.write("artifacts/drill.json", r#"{"verdict": "OK", "at": "2026-01-01T00:00:00Z"}"#);
    sandbox.run(line).code(1).marker("| readiness | FAIL | READINESS=HOLD |");
    sandbox.write("artifacts/drill.json", r#"{"verdict": "OK", "at": "2026-03-01T00:00:00Z"}"#);
    sandbox.run(line).code(0);
    sandbox.write("drills.yaml", "drills: []\n");
    sandbox.run(line).code(3);
    sandbox.write("drills.yaml", "drill: []\n");
    sandbox.run(line).code(3);
}

#[test]
fn bad_paths_cost_nothing_and_leave_nothing() {
    let sandbox = Sandbox::new().file("file", "x");
    let before = sandbox.files();
    sandbox.run("readiness score --reports nowhere").code(3);
    sandbox.run("readiness score --out-json file/readiness.json").code(3);
    sandbox.run("readiness score --window 0").code(64);
    sandbox.run("readiness score --max-age soon").code(64);
    assert_eq!(sandbox.files(), before);
}

fn valid() -> Value {
    json!({
        "runtime": {"utc": "1970-01-01T00:00:00Z", "version": "0.1.0"}, "score": 100.0, "verdict": "GO",
        "sections": {"edge": 30.0, "latency": 25.0, "taker": 15.0, "guards": 10.0, "chaos": 10.0, "tests": 10.0},
    })
}

fn validate(document: &Value) -> (Option<i32>, String) {
    let sandbox = Sandbox::new().file("r.json", document.to_string());
    sandbox.age("r.json", Duration::from_mins(1));
    let output = sandbox.run("readiness validate r.json");
    (output.code, output.stdout)
}

#[test]
fn a_valid_go_passes_and_a_valid_hold_does_not() {
    let (code, stdout) = validate(&valid());
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.ends_with("| readiness | OK | READINESS=GO |\n"), "{stdout}");
    let mut hold = valid();
    hold["score"] = json!(60.0);
    hold["verdict"] = json!("BLOCK");
    hold["sections"]["edge"] = json!(0.0);
    hold["sections"]["guards"] = json!(0.0);
    let (code, stdout) = validate(&hold);
    assert_eq!(code, Some(1));
    assert!(stdout.ends_with("| readiness | FAIL | READINESS=BLOCK |\n"), "{stdout}");
}

#[test]
fn every_fault_of_a_score_file_is_found() {
    let change = |path: &str, value: Value| {
        let mut document = valid();
        match path.split_once('/') {
            Some((outer, inner)) => document[outer][inner] = value,
            None => document[path] = value,
        }
        document
    };
    let drop_key = |outer: Option<&str>, key: &str| {
        let mut document = valid();
        let object = match outer {
            Some(outer) => &mut document[outer],
            None => &mut document,
        };
        object.as_object_mut().unwrap().remove(key);
        document
    };
    for document in [
        drop_key(None, "runtime"),
        drop_key(Some("runtime"), "utc"),
        change("score", json!("100")),
        change("score", json!(true)),
        drop_key(Some("sections"), "edge"),
        change("sections/edge", json!(null)),
        change("sections/luck", json!(1)),
        change("verdict", json!("READY")),
        change("score", json!(150)),
        change("sections/edge", json!(50)),
        change("sections/edge", json!(0)),
        change("verdict", json!("HOLD")),
        change("score", json!(90)),
        change("comment", json!("x")),
        change("simulated", json!(true)),
        change("drills", json!([{"status": "FAIL"}])),
        change("drills", json!({"d": {"status": "FAIL"}})),
        change("drills", json!(null)),
    ] {
        let (code, stdout) = validate(&document);
        assert_eq!(code, Some(1), "{stdout}");
    }
}

#[test]
fn an_old_score_file_or_one_of_the_future_is_no_go() {
    let sandbox = Sandbox::new().file("r.json", valid().to_string());
    sandbox.age("r.json", Duration::from_hours(25));
    sandbox.run("readiness validate r.json").code(1);
    let sandbox =
        Sandbox::new().hide(AGE).env("MMOPS_NOW", "2020-01-01T00:00:00Z").file("r.json", valid().to_string());
    sandbox.run("readiness validate r.json").code(1);
}

#[test]
fn what_is_no_score_file_is_3() {
    for content in ["[]", "{}", "{\"a\": 1}", "not json", "", "{\"score\": NaN}"] {
        let sandbox = Sandbox::new().file("r.json", content);
        sandbox.run("readiness validate r.json").code(3);
    }
    Sandbox::new().run("readiness validate missing.json").code(3);
    Sandbox::new().run("readiness validate").code(64);
}
