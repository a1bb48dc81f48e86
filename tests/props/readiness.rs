//! The first law at the readiness score: unknown never reaches GO.

use jiff::Timestamp;
use mmops::testing::age::EvidencePolicy;
use mmops::testing::daily::{File, Rules, window};
use mmops::testing::score::{self, Facts, Verdict, score, sections};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::time::Duration;

const NOW: &str = "2026-03-10T12:00:00Z";
const FIELDS: [&str; 7] =
    ["edge_net_bps", "order_age_p95_ms", "taker_share_pct", "reg_guard", "drift", "chaos_result", "bug_bash"];

fn good() -> Map<String, Value> {
    let day = json!({
        "edge_net_bps": 2.8, "order_age_p95_ms": 320, "taker_share_pct": 12, "reg_guard": {"reason": "NONE"},
        "drift": {"reason": "NONE"}, "chaos_result": "OK", "bug_bash": "OK",
    });
    day.as_object().expect("an object").clone()
}

fn files() -> Vec<File> {
    let name = |day: u32| format!("REPORT_SOAK_202603{day:02}.json");
    (3..=9).map(|day| File { name: name(day), content: Ok(Value::Object(good())), sha256: None }).collect()
}

fn verdict(files: &[File]) -> Verdict {
    let now = NOW.parse::<Timestamp>().expect("a time");
    let policy = EvidencePolicy { now, is_frozen: false, allow_simulated: false };
    let window = window(files, &Rules::new(7, Duration::from_hours(36), policy));
    let score = sections(&score(&window)).total();
    score::verdict(&Facts { score, unmet_drills: 0, is_other_release: false })
}

/// A value that shows nothing, whatever the field.
fn nothing() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!("NaN"))),
        Just(Some(json!("NOT OK"))),
        Just(Some(json!([]))),
        Just(Some(json!({}))),
        Just(Some(json!(true))),
        any::<String>()
            .prop_filter("OK is an answer", |text| text != "OK" && text != "NONE")
            .prop_map(|text| Some(json!(text))),
    ]
}

#[test]
fn seven_good_days_are_go() {
    assert_eq!(verdict(&files()), Verdict::Go);
}

proptest! {
    #[test]
    fn one_field_that_shows_nothing_is_never_go(day in 0_usize..7, field in 0_usize..7, value in nothing()) {
        let mut files = files();
        let mut report = good();
        match value {
            None => drop(report.remove(FIELDS[field])),
            Some(value) => drop(report.insert(FIELDS[field].to_owned(), value)),
        }
        files[day].content = Ok(Value::Object(report));
        prop_assert_ne!(verdict(&files), Verdict::Go);
    }

    #[test]
    fn days_that_are_missing_unreadable_or_foreign_are_never_go(
        lost in prop::collection::btree_set(0_usize..7, 1..7),
        kind in 0_u8..3,
    ) {
        let mut files = files();
        for day in lost.iter().rev() {
            match kind {
                0 => drop(files.remove(*day)),
                1 => files[*day].content = Err("truncated".to_owned()),
                _ => files[*day].content = Ok(json!([1, 2])),
            }
        }
        prop_assert_ne!(verdict(&files), Verdict::Go);
    }
}
