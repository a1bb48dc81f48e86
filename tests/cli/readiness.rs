//! `mmops readiness score` and `validate`.

use crate::sandbox::{NOW, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// A day that earns every point.
pub fn base() -> Value {
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
pub fn reports(sandbox: &Sandbox, days: &[Value]) {
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
    let frozen =
        "the clock is frozen at 2026-03-10T12:00:00Z: what is made by it is no evidence under a running one";
    assert_eq!(output.stderr, format!("note: {frozen}\n"));
    assert!(output.stdout.contains(&format!("| clock                     | WARN |\n    {frozen}\n")));
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
fn backups_and_drafts_are_no_reports_of_their_day() {
    let others = ["20260306_rerun", "20260309.bak", "20260309-DRAFT", "2026030", "20261399"];
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    for name in others {
        let day = with(&json!({"edge_net_bps": -9}));
        sandbox.write(&format!("artifacts/reports/REPORT_SOAK_{name}.json"), day.to_string());
    }
    sandbox.write("artifacts/reports/REPORT_SOAK_20260309.json~old", "{");
    sandbox.run("readiness score").code(0).marker("| readiness | OK | READINESS=GO |");
    let remarks = sandbox.json("artifacts/reports/readiness.json")["remarks"].clone();
    let remarks = remarks.as_array().unwrap().iter().map(|remark| remark.as_str().unwrap());
    assert_eq!(remarks.filter(|remark| remark.contains("is not evidence")).count(), others.len());
    // Where the exact name is missing they do not stand in for it, and are named.
    std::fs::remove_file(sandbox.path("artifacts/reports/REPORT_SOAK_20260309.json")).unwrap();
    sandbox.run("readiness score").code(1).stdout_has("REPORT_SOAK_20260309.bak.json");
    let document = sandbox.json("artifacts/reports/readiness.json");
    assert_eq!(document["newest_day"], "2026-03-09");
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
fn a_report_of_a_day_that_is_not_over_takes_no_other_out_of_the_window() {
    let sandbox = Sandbox::new();
    let mut days = vec![base(); 7];
    days[0]["chaos_result"] = json!("FAIL");
    reports(&sandbox, &days);
    sandbox.write("artifacts/reports/REPORT_SOAK_20260310.json", base().to_string());
    let held = sandbox.run("readiness score").code(1).marker("| readiness | FAIL | READINESS=HOLD |");
    drop(held.stdout_has("`REPORT_SOAK_20260310.json` is of a day that is not over, and is left out"));
    assert_eq!(sandbox.json("artifacts/reports/readiness.json")["newest_day"], "2026-03-09");
}

#[test]
fn a_report_of_another_program_that_says_fail_is_no_good_day() {
    for (change, part) in [
        (json!({"verdict": "FAIL"}), "it says of itself that its day is FAIL"),
        (json!({"verdict": "WARN"}), ""),
    ] {
        let sandbox = Sandbox::new();
        let mut days = vec![base(); 7];
        days[3] = with(&change);
        reports(&sandbox, &days);
        let code = i32::from(!part.is_empty());
        drop(sandbox.run("readiness score").code(code).stdout_has(part));
    }
}

#[test]
fn a_stamp_or_an_old_report_is_not_fresh_evidence() {
    let old = Sandbox::new().env("MMOPS_NOW", "2026-03-11T12:00:01Z");
    reports(&old, &vec![base(); 7]);
    old.run("readiness score").code(1).marker("| readiness | FAIL | READINESS=BLOCK |");
    let limit = Sandbox::new().env("MMOPS_NOW", "2026-03-11T12:00:00Z");
    reports(&limit, &vec![base(); 7]);
    // Of the day after the newest report there is none: it is one of the seven, and the limit of age does not hide it.
    let held = limit.run("readiness score").code(1).marker("| readiness | FAIL | READINESS=HOLD |");
    drop(held.stdout_has("2026-03-10: no report REPORT_SOAK_20260310.json"));
    let within = Sandbox::new().env("MMOPS_NOW", "2026-03-10T23:59:59Z");
    reports(&within, &vec![base(); 7]);
    within.run("readiness score").code(0);
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
    let line = "readiness validate artifacts/reports/readiness.json --reports artifacts/reports";
    sandbox.run(line).code(1).stdout_has("is simulated, which is not evidence");
    sandbox.run(&format!("{line} --allow-simulated")).code(0);
}

#[test]
fn what_a_frozen_clock_made_fresh_is_no_evidence_on_a_real_one() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.run("readiness score").code(0);
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
    sandbox.run("readiness validate artifacts/reports/readiness.json").code(1);
}

#[test]
fn an_old_score_does_not_stand_where_a_new_one_could_not_be_made() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.run("readiness score").code(0);
    // Why there is none stands in its place, whichever part of the command line was wrong.
    for (line, code) in [("readiness score --reports nowhere", 3), ("readiness score --window 0", 64)] {
        sandbox.run(line).code(code);
        assert_eq!(sandbox.json("artifacts/reports/readiness.json")["schema"], "mmops.error.v1", "{line}");
        assert!(!sandbox.path("artifacts/reports/readiness.md").exists(), "{line}");
        sandbox.run("readiness score").code(0);
    }
}

/// Reports that nobody can check count, and are named.
#[test]
fn reports_that_do_not_say_what_made_them_are_named() {
    let sandbox = Sandbox::new();
    let days: Vec<Value> =
        (0..7).map(|day| with(&json!({"edge_net_bps": 2.8 + f64::from(day % 6)}))).collect();
    reports(&sandbox, &days);
    let first = "no evidence header (`schema`), so nothing says which program made it and of which run: \
                 `REPORT_SOAK_20260303.json`, ";
    let same = "the same bytes for several days: `REPORT_SOAK_20260303.json`, `REPORT_SOAK_20260309.json`";
    for line in
        ["readiness", "readiness validate artifacts/reports/readiness.json --reports artifacts/reports"]
    {
        drop(sandbox.run(line).code(0).stdout_has(first).stdout_has(same));
    }
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

/// The reports of the last seven days before today, a drill of an hour ago, and the score of both.
fn real_go() -> Sandbox {
    let sandbox = Sandbox::real_time().unrecorded("every edit of a file prints another text");
    let now = jiff::Timestamp::now();
    let mut date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for _ in 0..7 {
        date = date.yesterday().unwrap();
        let name = format!("artifacts/reports/REPORT_SOAK_{}.json", date.strftime("%Y%m%d"));
        sandbox.write(&name, base().to_string());
    }
    let hour_ago = jiff::Timestamp::from_second(now.as_second() - 3600).unwrap();
    let drill = json!({
        "verdict": "OK", "schema": "mmops.chaos-failover.v1", "version": env!("CARGO_PKG_VERSION"),
        "commit": null, "made_at": hour_ago.to_string(), "clock": "system", "simulated": false,
    });
    sandbox.write("drill.json", drill.to_string());
    sandbox.write(
        "drills.yaml",
        "drills: [{name: d, artifact: drill.json, max_age: 30d, expect: [{pointer: root.verdict, equals: OK}]}]\n",
    );
    sandbox.run("readiness score --drills drills.yaml").code(0);
    sandbox
}

const FILE: &str = "artifacts/reports/readiness.json";

/// Whether an edit of the score is noticed without the reports, and with them.
fn notices(sandbox: &Sandbox, document: &Value) -> [(bool, String); 2] {
    sandbox.write("edited.json", document.to_string());
    ["", " --reports artifacts/reports"].map(|reports| {
        let output = sandbox.run(&format!("readiness validate edited.json{reports}"));
        (output.code != Some(0), output.stdout)
    })
}

/// A field and what it may be turned into, by its schema.
type Edit = (String, Box<dyn Fn(&mut Value)>);

/// Every edit of one field of the document that its schema describes, and of one day of the seven.
fn edits(schema: &Value, node: &Value, document: &Value, pointer: &str, all: &mut Vec<Edit>) {
    let node = match node["$ref"].as_str() {
        Some(name) => &schema["$defs"][name.rsplit('/').next().unwrap()],
        None => node["anyOf"].as_array().map_or(node, |any| &any[0]),
    };
    let node = node["$ref"].as_str().map_or(node, |name| &schema["$defs"][name.rsplit('/').next().unwrap()]);
    let at = pointer.to_owned();
    let replace = |value: Value| -> Box<dyn Fn(&mut Value)> {
        let at = at.clone();
        Box::new(move |document| *document.pointer_mut(&at).unwrap() = value.clone())
    };
    if let Some(properties) = node["properties"].as_object() {
        let inside = at.clone();
        let extra = move |document: &mut Value| document.pointer_mut(&inside).unwrap()["extra"] = json!(1);
        all.push((format!("{at}/extra"), Box::new(extra)));
        for (name, node) in properties {
            let (child, name, outer) = (format!("{at}/{name}"), name.clone(), at.clone());
            if document.pointer(&child).is_none() {
                let add = move |document: &mut Value| {
                    document.pointer_mut(&outer).unwrap()[&name] = json!("added");
                };
                all.push((child, Box::new(add)));
                continue;
            }
            edits(schema, node, document, &child, all);
            let remove = move |document: &mut Value| {
                document.pointer_mut(&outer).unwrap().as_object_mut().unwrap().remove(&name);
            };
            all.push((child, Box::new(remove)));
        }
        return;
    }
    let found = document.pointer(&at).unwrap().clone();
    let mut values = vec![if found.is_null() { json!("x") } else { Value::Null }];
    match &found {
        Value::Bool(value) => values.push((!value).into()),
        Value::Number(_) => values.extend([json!(found.as_f64().unwrap() + 1.0), json!(-1), json!("1")]),
        Value::String(text) => {
            let mut other = text.clone();
            let last = other.pop().unwrap();
            other.push(if last == '0' { '1' } else { '0' });
            values.extend([json!(other), json!("")]);
            let words = node["oneOf"].as_array().into_iter().flatten().map(|word| &word["const"]);
            let words = words.chain(node["enum"].as_array().into_iter().flatten());
            values.extend(words.filter(|word| **word != found).cloned());
        }
        Value::Array(items) => {
            values.push(json!([]));
            let longer = items.iter().cloned().chain([json!({})]);
            values.push(longer.collect());
            if let (Some(node), Some(middle)) = (node.get("items"), items.len().checked_sub(1)) {
                edits(schema, node, document, &format!("{at}/{}", middle / 2), all);
            }
        }
        Value::Object(_) => values.push(json!({"x": "y"})),
        Value::Null => {}
    }
    all.extend(values.into_iter().filter(|value| *value != found).map(|value| (at.clone(), replace(value))));
}

/// What nothing contradicts, with the reports or without: the list in `readiness/recompute.rs`.
const NO_CLAIM: [&str; 3] = ["/clock", "/commit", "/drills/0/age"];
/// What only the reports or the drills contradict.
const ONLY_REPORTS: [&str; 8] = [
    "/days/3/edge_net_bps",
    "/days/3/order_age_p95_ms",
    "/days/3/taker_share_pct",
    "/days/3/report/sha256",
    "/days/3/subject",
    "/drills/0/",
    "/remarks",
    "/observed",
];

#[test]
fn each_edit_of_one_field_of_a_go_file_is_noticed() {
    let sandbox = real_go();
    let genuine = sandbox.json(FILE);
    for (noticed, stdout) in notices(&sandbox, &genuine) {
        assert!(!noticed, "{stdout}");
    }
    let schema = sandbox.run("schema readiness").json();
    let mut all = Vec::new();
    edits(&schema, &schema, &genuine, "", &mut all);
    assert!(all.len() > 100, "{}", all.len());
    let mut unnoticed = [std::collections::BTreeSet::new(), std::collections::BTreeSet::new()];
    for (at, edit) in all {
        let mut document = genuine.clone();
        edit(&mut document);
        if document == genuine {
            continue;
        }
        sandbox.write("edited.json", document.to_string());
        // With the reports everything is asked that is asked without them, and more.
        let lines = ["", " --reports artifacts/reports"];
        for (set, reports) in unnoticed.iter_mut().zip(lines) {
            if sandbox.run(&format!("readiness validate edited.json{reports}")).code != Some(0) {
                break;
            }
            set.insert(at.clone());
        }
    }
    let [without, with] = unnoticed;
    assert_eq!(with.iter().map(String::as_str).collect::<Vec<_>>(), NO_CLAIM);
    let known = |at: &String| {
        NO_CLAIM.contains(&at.as_str()) || ONLY_REPORTS.iter().any(|known| at.starts_with(known))
    };
    let unknown: Vec<&String> = without.iter().filter(|at| !known(at)).collect();
    assert!(unknown.is_empty(), "noticed by nothing in the file: {unknown:?}");
}

/// The edits that a person would make to turn a no into a yes, or a yes of last year into one of today.
#[test]
fn a_file_that_contradicts_itself_is_no_go() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.run("readiness score").code(0);
    let genuine = sandbox.json(FILE);
    let each_day = |field: &str, value: &Value| {
        let mut document = genuine.clone();
        for day in document["days"].as_array_mut().unwrap() {
            day[field] = value.clone();
        }
        document
    };
    let with = |field: &str, value: Value| {
        let mut document = genuine.clone();
        document[field] = value;
        document
    };
    let without = |field: &str| {
        let mut document = genuine.clone();
        document.as_object_mut().unwrap().remove(field);
        document
    };
    let loss = json!([{"section": "edge", "points": 1.0, "reasons": [], "cheapest": null}]);
    for (document, reason) in [
        (each_day("date", &json!("2020-03-09")), "the report of 2020-03-09 is"),
        (with("newest_day", json!("2099-01-01")), "root.newest_day is"),
        (with("newest_day", json!("soon")), "root.newest_day is"),
        (without("newest_day"), "Missing required key: 'newest_day'"),
        (with("days", json!([])), "no days proves nothing"),
        (each_day("fault", &json!("no report")), "root.days[0].edge_net_bps is 2.8"),
        (
            each_day("edge_net_bps", &json!(-5)),
            "root.score is 100.0, the days and drills of the file give 70.0",
        ),
        (each_day("chaos_ok", &json!(false)), "root.sections.chaos is 10.0"),
        (each_day("taker_share_pct", &json!(101)), "outside its range"),
        (with("window", json!(0)), "root.window is 0"),
        (with("window", json!("7")), "window"),
        (without("drills"), "Missing required key: 'drills'"),
        (with("losses", loss), "root.losses is a list of 1"),
        (with("schema", json!("mmops.readiness.v1")), "root.schema is"),
        (with("extra", json!(1)), "Unknown key: 'extra'"),
        (each_day("extra", &json!(1)), "extra"),
        (with("score", json!("100")), "'score' must be a number"),
        (with("score", json!(150)), "'score' must be 0-100, got: 150"),
        (with("score", json!(90)), "Verdict 'GO' requires score=100.0"),
        (with("verdict", json!("READY")), "'verdict' must be 'GO', 'HOLD' or 'BLOCK'"),
        (with("verdict", json!("HOLD")), "root.verdict is \"HOLD\""),
        (with("simulated", json!(true)), "is simulated"),
        (with("made_at", json!("2026-03-11T12:00:00Z")), "in the future"),
        (with("made_at", json!("2026-03-01T12:00:00Z")), "before its newest day"),
        (with("drills", json!(null)), "drills"),
    ] {
        sandbox.write("edited.json", document.to_string());
        sandbox.age("edited.json", Duration::from_mins(1));
        let output = sandbox.run("readiness validate edited.json").code(1);
        assert!(output.stdout.contains(reason), "{reason} in {}", output.stdout);
    }
}

#[test]
fn drills_of_a_score_must_be_those_that_were_judged() {
    let sandbox = real_go();
    let genuine = sandbox.json(FILE);
    let drill = |field: &str, value: Value| {
        let mut document = genuine.clone();
        document["drills"][0][field] = value;
        document
    };
    let mut gone = genuine.clone();
    gone["drills"] = json!([]);
    for (document, reason) in [
        (gone, "'drills' are not those of 'required_drills'"),
        (drill("reasons", json!(["it failed"])), "root.drills[0].status is \"OK\""),
        (drill("simulated", json!(true)), "root.simulated is false"),
        (drill("frozen", json!(true)), "under a frozen clock"),
        (drill("sha256", json!(null)), "counts without a hash"),
    ] {
        let [(noticed, stdout), _] = notices(&sandbox, &document);
        assert!(noticed && stdout.contains(reason), "{reason} in {stdout}");
    }
    sandbox.write("drill.json", sandbox.read("drill.json").replace("OK", "FAIL"));
    let [(noticed, _), (noticed_with, stdout)] = notices(&sandbox, &genuine);
    assert!(!noticed && noticed_with && stdout.contains("is not what was judged"), "{stdout}");
}

#[test]
fn with_the_reports_every_figure_and_hash_is_compared() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.run("readiness score").code(0);
    let line = format!("readiness validate {FILE} --reports artifacts/reports");
    sandbox.run(&line).code(0).marker("| readiness | OK | READINESS=GO |");
    let report = "artifacts/reports/REPORT_SOAK_20260305.json";
    sandbox.write(report, with(&json!({"edge_net_bps": 2.9})).to_string());
    sandbox.run(&line).code(1).stdout_has("root.days[2].edge_net_bps is 2.8, the reports give 2.9");
    sandbox.write(report, format!("{} ", base()));
    sandbox.run(&line).code(1).stdout_has("root.days[2].report.sha256");
    std::fs::remove_file(sandbox.path(report)).unwrap();
    sandbox.run(&line).code(1).stdout_has("root.days[2].fault");
    sandbox.run(&format!("readiness validate {FILE}")).code(0);
    sandbox.run(&format!("readiness validate {FILE} --reports nowhere")).code(3);
}

#[test]
fn a_valid_hold_or_block_is_no_go_and_no_fault() {
    for (edge, marker, word) in [(1.25, "READINESS=HOLD", "HOLD"), (-9.0, "READINESS=HOLD", "HOLD")] {
        let sandbox = Sandbox::new();
        reports(&sandbox, &vec![with(&json!({"edge_net_bps": edge})); 7]);
        sandbox.run("readiness score").code(1);
        assert_eq!(sandbox.json(FILE)["verdict"], word);
        let output = sandbox.run(&format!("readiness validate {FILE} --reports artifacts/reports")).code(1);
        let output = output.marker(&format!("| readiness | FAIL | {marker} |"));
        assert!(output.stdout.contains("| valid                     | OK "), "{}", output.stdout);
    }
    let sandbox = Sandbox::new();
    sandbox.run("readiness score").code(1);
    sandbox
        .run(&format!("readiness validate {FILE}"))
        .code(1)
        .marker("| readiness | FAIL | READINESS=BLOCK |");
}

/// The age is that of the newest day: a copy makes a file look new, and may only make it look older.
#[test]
fn a_copy_of_an_old_score_is_as_old_as_its_newest_day() {
    let sandbox = Sandbox::new();
    reports(&sandbox, &vec![base(); 7]);
    sandbox.run("readiness score").code(0);
    let copy = |now: &str, age: Duration| {
        let later = Sandbox::new().env("MMOPS_NOW", now).file("r.json", sandbox.read(FILE));
        later.age("r.json", age);
        later.run("readiness validate r.json")
    };
    copy("2026-03-11T12:00:00Z", Duration::ZERO).code(0);
    copy("2026-03-11T12:00:01Z", Duration::ZERO)
        .code(1)
        .stdout_has("The newest day (2026-03-09) is 1day 12h 1s old");
    copy(NOW, Duration::from_hours(37)).code(1).stdout_has("The score is 1day 13h old");
    copy("2026-03-10T11:00:00Z", Duration::from_hours(2)).code(1).stdout_has("in the future");
}

#[test]
fn what_is_no_score_file_is_3() {
    for content in ["[]", "{}", "{\"a\": 1}", "not json", "", "{\"score\": NaN}"] {
        let sandbox = Sandbox::new().file("r.json", content);
        sandbox.run("readiness validate r.json").code(3);
    }
    Sandbox::new().run("readiness validate missing.json").code(3);
    // Another document of mmops has a verdict as well, and one that says why there is no score says so.
    for (content, reason) in [
        (
            json!({"schema": "mmops.error.v1", "verdict": "ERROR", "message": "the disk is full"}),
            "the disk is full",
        ),
        (
            json!({"schema": "mmops.daily-report.v1", "verdict": "OK"}),
            "its schema is `mmops.daily-report.v1`",
        ),
        (
            json!({"schema": "mmops.soak-metrics.v1", "verdict": "PASS"}),
            "its schema is `mmops.soak-metrics.v1`",
        ),
    ] {
        let sandbox = Sandbox::new().file("r.json", content.to_string());
        drop(sandbox.run("readiness validate r.json").code(3).stdout_has(reason));
    }
    Sandbox::new().run("readiness validate").code(64);
}

/// Makes the changes of an explanation in the reports.
fn change(sandbox: &Sandbox, changes: &Value) {
    for change in changes.as_array().unwrap() {
        let path = change["path"].as_str().unwrap();
        let exists = sandbox.path(path).exists();
        let mut day = if exists { sandbox.json(path) } else { json!({}) };
        let place = change["place"].as_str().unwrap().strip_prefix("root.").unwrap();
        let at = place.split('.').fold(&mut day, |at, key| &mut at[key]);
        assert_eq!(*at, change["from"], "{change}");
        *at = change["to"].clone();
        sandbox.write(path, day.to_string());
    }
}

/// Each change that `--explain` names is made in the reports, and the verdict is the one that it says.
#[test]
fn the_change_that_is_explained_flips_the_verdict() {
    let table: [(&str, fn(&mut Vec<Value>), usize, &str); 6] = [
        ("a good week", |_| (), 1, "HOLD"),
        (
            "a low edge",
            |days| days[1..6].iter_mut().for_each(|day| *day = with(&json!({"edge_net_bps": 2.4}))),
            2,
            "GO",
        ),
        ("a failed drill", |days| days[3] = with(&json!({"chaos_result": "FAIL"})), 1, "GO"),
        ("a null", |days| days[0] = with(&json!({"order_age_p95_ms": null})), 1, "GO"),
        ("no history", |days| days[0] = with(&json!({"reg_guard": {"reason": "NO_HISTORY"}})), 1, "GO"),
        ("four days alone", |days| drop(days.drain(..3)), 21, "GO"),
    ];
    for (what, prepare, count, verdict) in table {
        let sandbox = Sandbox::new().unrecorded("the change is asserted");
        let mut days = vec![base(); 7];
        prepare(&mut days);
        reports(&sandbox, &days);
        let explained = sandbox.run("readiness --explain --format json").json()["explanation"].clone();
        let flip = &explained["flip"];
        assert_eq!(flip["verdict"], verdict, "{what}: {explained}");
        assert_eq!(flip["changes"].as_array().unwrap().len(), count, "{what}: {flip}");
        assert_eq!(explained["missing"].as_array().unwrap().is_empty(), what == "a good week", "{what}");
        let hash = mmops::testing::hash::sha256(sandbox.read("artifacts/reports/REPORT_SOAK_20260309.json"));
        let sources = explained["rules"][0]["sources"].as_array().unwrap();
        assert_eq!(sources.last().unwrap()["sha256"], json!(hash), "{what}");
        change(&sandbox, &flip["changes"]);
        sandbox.run("readiness");
        assert_eq!(sandbox.json("artifacts/reports/readiness.json")["verdict"], verdict, "{what}");
    }
    // Of a drill that is not there, and of a day that is simulated, there is nothing to change.
    let sandbox = Sandbox::new().unrecorded("what is told is asserted");
    reports(&sandbox, &vec![base(); 7]);
    let drills = "drills: [{name: d, artifact: drill.json, max_age: 30d, expect: [{pointer: /verdict, equals: OK}]}]\n";
    sandbox.write("drills.yaml", drills);
    let line = "readiness --explain --drills drills.yaml --format json";
    let flip = sandbox.run(line).json()["explanation"]["flip"].clone();
    let expected =
        json!({"verdict": "", "changes": [], "obstacles": ["d document: make it a document at drill.json"]});
    assert_eq!(flip, expected);
    sandbox
        .write("artifacts/reports/REPORT_SOAK_20260305.json", with(&json!({"simulated": true})).to_string());
    let flip = sandbox.run("readiness --explain --format json").json()["explanation"]["flip"].clone();
    assert_eq!((&flip["changes"], flip["obstacles"].as_array().unwrap().len()), (&json!([]), 1), "{flip}");
    let _ =
        sandbox.run("readiness --explain").code(1).stdout_has("no change of a value in a document is enough");
}

/// What an explanation says is missing, by date and rule.
pub fn missing(explained: &Value) -> Vec<(&str, &str)> {
    let steps = explained["missing"].as_array().unwrap().iter();
    steps.map(|step| (step["date"].as_str().unwrap(), step["rule"].as_str().unwrap())).collect()
}

#[test]
fn what_is_missing_for_go_is_explained_with_its_dates() {
    let sandbox = Sandbox::new();
    let mut days = vec![base(); 7];
    days[0] = with(&json!({"reg_guard": {"reason": "NO_HISTORY"}}));
    days[4] = with(&json!({"bug_bash": "FAIL"}));
    reports(&sandbox, &days);
    let output = sandbox.run("readiness score --explain").code(1);
    let explained = sandbox.run("readiness score --explain --format json").json()["explanation"].clone();
    // Of 2026-03-03 the report leaves the window on the eleventh, of 2026-03-07 on the fifteenth.
    assert_eq!(
        missing(&explained),
        [("2026-03-11", "guards"), ("2026-03-15", "tests"), ("2026-03-15", "GO")]
    );
    drop(output.stdout_has("guards is 6, OK on each of 7 days, margin -1, n 6 of 7"));
    // The score itself says nothing of it.
    sandbox.run("readiness validate artifacts/reports/readiness.json --reports artifacts/reports").code(1);
}
