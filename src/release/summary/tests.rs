//! What is there is summed up with its limit and its stamps, and what is not there is named.

use super::*;
use crate::evidence::entry::FoundDocument;
use crate::report::maker::ClockKind;
use serde_json::{Value, json};

fn found(content: Value) -> FoundDocument {
    let modified = "2026-03-08T12:00:00Z".parse().expect("a time");
    FoundDocument { content, modified, sha256: "ab".repeat(32) }
}

fn summary(sources: &[Source]) -> ReleaseSummary {
    let now = "2026-03-10T12:00:00Z".parse().expect("a time");
    let subject = Subject {
        name: "mm-bot",
        version: "1.2.3",
        git: None,
        is_legacy: true,
        judged_from: vec![Named { path: "RUN.json".to_owned(), sha256: "cd".repeat(32) }],
        maker: Maker { version: "0.1.0", commit: None, now, stamp: now, clock: ClockKind::System },
        policy: EvidencePolicy { now, is_frozen: false, allow_simulated: true },
    };
    ReleaseSummary::new(&subject, sources)
}

fn source(topic: Topic, found: Found) -> Source {
    Source { topic, path: "a.json".to_owned(), found }
}

#[test]
fn every_figure_has_its_limit_and_every_document_its_hash_age_and_stamps() {
    let stats = |mean: f64| json!({"mean": mean, "median": mean, "min": mean, "max": mean, "unit": "x"});
    let snapshot = json!({
        "timestamp": "2026-03-09T12:00:00Z", "verdict": "PASS", "simulated": true,
        "kpi_last_n": {"maker_taker_ratio": stats(0.85), "other": stats(1.0)},
        "goals_met": {"maker_taker_ok": true},
        "gates": {
            "breaker": {"actual": 0.0, "condition": "<= 0 flag", "state": "PASS", "unit": "flag"},
            "memory": {
                "actual": 189_643_970.975, "condition": "<= 1073741824 bytes", "state": "PASS", "unit": "bytes"
            },
        },
    });
    let readiness = json!({"verdict": "HOLD", "score": 76.5, "sections": {"edge": 30.0}, "clock": "frozen"});
    let golden = json!({"verdict": "MATCH", "differences": 0, "files_compared": 1, "tolerance": "abs 0"});
    let drill = json!({"verdict": "OK", "parameters": {"mode": "full"}, "wrongs": {"lost_orders": 0}});
    let missing = Err("it is not there".to_owned());
    let summary = summary(&[
        source(Topic::Soak, Ok(found(snapshot))),
        source(Topic::Readiness, Ok(found(readiness))),
        source(Topic::Golden, Ok(found(golden))),
        source(Topic::Failover, Ok(found(drill))),
        source(Topic::Failover, missing),
    ]);
    let [(_, document), (_, text)] = summary.files();
    for part in [
        "**Simulated: ",
        "**Legacy: ",
        "| maker_taker_ratio, mean | 0.85 | >= 0.83 | PASS |",
        "| other, mean | 1 x | - | - |",
        "| goal maker_taker_ok | true | true | PASS |",
        "| gate breaker | 0 flag | <= 0 flag | PASS |",
        "| verdict | HOLD | GO | FAIL |",
        "| edge | 30 points | of 30 | PASS |",
        "| score | 76.5 points | of 100 | FAIL |",
        "| latency | unknown points | of 25 | UNKNOWN |",
        "| lost_orders | 0 | <= 0 | PASS |",
        "| gate memory | 180.9MB | <= 1.0GB | PASS |",
        "- Stamp: simulated",
        "- Stamp: made under a frozen clock",
        "frozen clock, which is not evidence",
        "- Age: 1day, the limit is 7days",
        "- Age: 2days, the limit is 30days",
        "- `a.json`: it is not there",
        "SHA-256 abab",
        "- Judged from: `RUN.json`, SHA-256 cdcd",
    ] {
        assert!(text.replace('\\', "").contains(part), "{part}:\n{text}");
    }
    let findings: Vec<_> = summary
        .findings()
        .into_iter()
        .map(|found| (found.topic.name(), found.verdict, found.doubts))
        .collect();
    let found = |name, verdict: Option<&str>, doubts: &[&str]| {
        (name, verdict.map(str::to_owned), doubts.iter().map(|doubt| (*doubt).to_owned()).collect::<Vec<_>>())
    };
    assert!(summary.is_simulated());
    assert_eq!(findings[0], found("soak", Some("PASS"), &["`a.json` is simulated, which was allowed"]));
    let doubts = [
        "`a.json` was made under a frozen clock, which is not evidence",
        "the verdict of `a.json` is HOLD, not GO",
    ];
    assert_eq!(findings[1], found("readiness", Some("HOLD"), &doubts));
    assert_eq!(findings[2], found("golden_compare", Some("MATCH"), &[]));
    assert_eq!(findings[4], found("failover_drill", None, &["`a.json`: it is not there"]));
    assert_eq!(ReleaseSummary::is_legacy(&document), Some(true));
    let document = json::typed::parse(&document).expect("it is JSON");
    assert_eq!((&document["legacy"], &document["simulated"]), (&json!(true), &json!(true)));
    for other in ["{}", "{\"legacy\": true}", "x", "{\"schema\": \"mmops.release-summary.v1\"}"] {
        assert_eq!(ReleaseSummary::is_legacy(other), None, "{other}");
    }
}
