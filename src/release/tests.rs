//! Snapshots that are evidence and those that are not; documents that say what the evidence says.

use super::checklist::{Checkpoint, checkpoints};
use super::figure::{FIGURES, Target, triggers};
use super::policy::Policy;
use super::query::{TriggerQueries, TriggerQuery};
use super::snapshot::Snapshot;
use super::{changelog, checklist, evidence, rollback_plan, shell, tag};
use crate::evidence::age::EvidencePolicy;
use serde_json::{Value, json};

fn document() -> Value {
    let kpi = |mean: f64| json!({"mean": mean, "median": mean, "min": mean, "max": mean, "trend": "flat"});
    json!({
        "schema_version": "1.2", "timestamp": "2026-03-09T12:00:00+00:00", "verdict": "PASS",
        "iterations_total": 36, "iterations_analyzed": [29, 30, 31, 32, 33, 34, 35, 36],
        "kpi_last_n": {
            "maker_taker_ratio": kpi(0.85), "p95_latency_ms": kpi(180.0), "risk_ratio": kpi(0.3), "net_bps": kpi(5.95),
        },
        "goals_met": {"maker_taker_ok": true, "p95_latency_ok": true, "risk_ok": true, "net_bps_ok": true},
        "guards_last_n": {"counts": {"velocity": 3, "cooldown": 0}, "iterations": {"velocity": [4, 5, 6]}},
        "tuning_summary": {"applied_count": 2, "applied_iterations": [1, 3], "changed_keys": ["tail_age_ms"]},
        "freeze_ready": true,
    })
}

fn snapshot() -> Snapshot {
    Snapshot::parse(&document()).expect("a snapshot")
}

fn policy_of_evidence(allow_simulated: bool) -> EvidencePolicy {
    let now = "2026-03-10T12:00:00Z".parse().expect("a time");
    EvidencePolicy { now, is_frozen: false, allow_simulated }
}

/// The document with another value in one place.
fn with(pointer: &str, value: Value) -> Value {
    let mut changed = document();
    match changed.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => changed[&pointer[1..]] = value,
    }
    changed
}

#[test]
fn a_passed_soak_is_evidence_in_every_spelling() {
    assert_eq!(snapshot().problems(&policy_of_evidence(false)), [""; 0]);
    let mut old = document();
    let fields = old.as_object_mut().expect("an object");
    for (new, before) in [("kpi_last_n", "kpi_last8"), ("guards_last_n", "guards_last8")] {
        let value = fields.remove(new).expect("there");
        fields.insert(before.to_owned(), value);
    }
    assert_eq!(Snapshot::parse(&old).expect("read"), snapshot());
}

#[test]
fn a_soak_that_failed_or_was_simulated_is_none() {
    for (pointer, value, part) in [
        ("/verdict", json!("FAIL"), "verdict is FAIL"),
        ("/verdict", json!("WARN"), "verdict is WARN"),
        ("/verdict", json!("INCONCLUSIVE"), "verdict is INCONCLUSIVE"),
        ("/goals_met/risk_ok", json!(false), "goals were not met: risk_ok"),
        ("/freeze_ready", json!(false), "freeze_ready"),
        ("/iterations_total", json!(30), "iteration 36, the run had 30"),
        ("/timestamp", json!("2099-01-01T00:00:00Z"), "clock: the snapshot was made"),
    ] {
        let problems =
            Snapshot::parse(&with(pointer, value)).expect("read").problems(&policy_of_evidence(true));
        assert!(problems.iter().any(|problem| problem.contains(part)), "{pointer}: {problems:?}");
    }
    let simulated = Snapshot { simulated: true, ..snapshot() };
    assert_eq!(simulated.problems(&policy_of_evidence(false)).len(), 1);
    assert_eq!(simulated.problems(&policy_of_evidence(true)), [""; 0]);
    let frozen = Snapshot::parse(&with("/clock", json!("frozen"))).expect("read");
    assert_eq!(
        frozen.problems(&policy_of_evidence(false)),
        ["the soak was simulated, which is not evidence"]
    );
}

#[test]
fn figures_that_miss_a_goal_or_trigger_a_rollback_contradict_a_verdict_that_passed() {
    let all = |value: f64| json!({"mean": value, "median": value, "min": value, "max": value});
    for (key, bad, missed, goal, name) in [
        ("maker_taker_ratio", 0.2, 0.82, 0.83, "maker share"),
        ("p95_latency_ms", 1800.0, 499.0, 340.0, "order latency p95, ms"),
        ("risk_ratio", 0.9, 0.41, 0.4, "risk block ratio"),
        ("net_bps", -5.0, 2.49, 2.5, "net edge, bps"),
    ] {
        let pointer = format!("/kpi_last_n/{key}");
        let problems = |value| {
            let snapshot = Snapshot::parse(&with(&pointer, all(value))).expect("read");
            snapshot.problems(&policy_of_evidence(true)).join("; ")
        };
        let found = problems(bad);
        assert!(
            found.starts_with(&format!("{name} was {bad}; a live release is rolled back at ")),
            "{found}"
        );
        let found = problems(missed);
        assert!(found.starts_with(&format!("{name} was {missed}; the goal of a release is ")), "{found}");
        assert_eq!(problems(goal), "", "{key}");
    }
}

/// The goals are those of the profile by which the last iterations are judged.
#[test]
fn the_goals_of_a_release_are_those_of_the_delivered_gates() {
    use crate::judge::gate::GateProfiles;
    use crate::sys::config;
    let text = include_str!("../../deploy/soak/gates.yaml");
    let profiles: GateProfiles = config::parse(text, config::Format::Yaml, "gates").expect("gates");
    let profile = profiles.resolve("kpi-last8").expect("it is there").expect("it is whole");
    assert_eq!(profile.gates.len(), FIGURES.len());
    for figure in &FIGURES {
        let gate = &profile.gates[figure.goal_names[0]];
        let goal = match figure.goal {
            Target::AtLeast(least) => (Some(least), None),
            Target::AtMost(most) => (None, Some(most)),
        };
        assert_eq!((gate.kpi.as_str(), (gate.at_least, gate.at_most)), (figure.key, goal));
        assert!(figure.trigger.limit.holds(match figure.goal {
            Target::AtLeast(value) | Target::AtMost(value) => value,
        }));
    }
}

#[test]
fn a_snapshot_that_is_thin_old_or_contradicts_itself_is_named() {
    let kpi = document()["kpi_last_n"].clone();
    let mut other = kpi.clone();
    other["net_bps"]["trend"] = json!("up");
    for (pointer, value, part) in [
        ("/timestamp", json!("2019-03-09T12:00:00Z"), "the limit is 7days"),
        ("/timestamp", json!("2026-03-03T11:59:59Z"), "the limit is 7days"),
        ("/iterations_total", json!(1), "it analyses iteration 36, the run had 1"),
        ("/iterations_total", json!(400), "no iteration after 36, the run had 400"),
        ("/iterations_analyzed", json!([36]), "1 iterations were analysed"),
        ("/iterations_analyzed", json!([28, 29, 30, 31, 32, 33, 34, 36]), "iterations are missing"),
        ("/goals_met", json!({"x": true}), "whether maker share met its goal"),
        (
            "/goals_met",
            json!({"maker_taker_ok": true, "risk_ok": true, "net_bps_ok": true}),
            "order latency p95",
        ),
        ("/pass_count_last_n", json!(1), "pass_count_last_n is 1, goals_met has 4"),
        ("/pass_count_last8", json!(5), "pass_count_last_n is 5"),
        ("/anomalies_count", json!(5), "anomalies_count is 5"),
        (
            "/gates",
            json!({"a": {"state": "PASS"}, "p": {"state": "HARD_FAIL"}}),
            "its gates come to FAIL: p HARD_FAIL",
        ),
        ("/gates", json!({"p": {"state": "NO_DATA"}}), "its gates come to INCONCLUSIVE: p NO_DATA"),
        ("/goals", json!({"risk_ok": {"state": "HARD_FAIL"}}), "goals.risk_ok is HARD_FAIL"),
        ("/goals", json!({"other": {"state": "PASS"}}), "goals.other is PASS, which goals_met does not say"),
        ("/iterations_missing", json!([2, 3]), "2 iterations of the run are missing"),
        ("/iterations_planned", json!(800), "800 iterations were planned, the run had 36"),
        ("/mode", json!("mock"), "simulated"),
        ("/source", json!("Mock feed"), "simulated"),
        ("/mock", json!(true), "simulated"),
        ("/clock", json!("frozen"), "simulated"),
    ] {
        let snapshot = Snapshot::parse(&with(pointer, value.clone())).expect("read");
        let problems = snapshot.problems(&policy_of_evidence(false)).join("; ");
        assert!(problems.contains(part), "{pointer} {value}: {problems}");
    }
    for (pointer, value) in [
        ("/kpi_last8", other),
        ("/kpis", json!({})),
        ("/guards_last8", json!({"counts": {"velocity": 4, "cooldown": 0}})),
        ("/generated_at", json!("2026-03-09T12:00:01Z")),
        ("/generated_at", json!("x")),
        ("/pass_count_last_n", json!("4")),
        ("/mode", json!(1)),
        ("/verdict", json!("PASS\nCANARY=TAGGED")),
        ("/goals_met/risk\u{202e}ok", json!(true)),
        ("/kpi_last_n/net_bps/trend", json!("up\n")),
        ("/kpi_last_n/net_bps/trend", json!("sideways")),
        ("/note", json!(["\u{1b}[2J"])),
        ("/gates", json!({"p": {"state": "FAIL"}})),
        ("/goals", json!({"risk_ok": {}})),
    ] {
        assert!(Snapshot::parse(&with(pointer, value.clone())).is_err(), "{pointer} {value}");
    }
    for (pointer, value) in [
        ("/kpi_last8", kpi),
        ("/pass_count_last_n", json!(4)),
        ("/gates", json!({"p": {"state": "PASS"}, "soft": {"state": "SOFT_FAIL"}})),
        ("/iterations_planned", json!(36)),
        ("/generated_at", json!("2026-03-09T12:00:00Z")),
    ] {
        let snapshot = Snapshot::parse(&with(pointer, value)).expect("read");
        assert_eq!(snapshot.problems(&policy_of_evidence(false)), [""; 0], "{pointer}");
    }
}

#[test]
fn no_target_on_the_way_is_looser_than_the_trigger_of_a_rollback() {
    for figure in &FIGURES {
        for target in figure.hour_1.into_iter().chain([figure.hour_6]) {
            let (Target::AtLeast(value) | Target::AtMost(value)) = target;
            assert!(figure.trigger.limit.holds(value), "{}", figure.key);
        }
    }
    let conditions: Vec<String> = triggers().map(|trigger| trigger.condition()).collect();
    assert_eq!(conditions, ["< 0.70", "> 500 ms", "> 0.60", "< 0 bps", "> 0.05"]);
}

/// Every value of a document with the way to it.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    if !at.is_empty() {
        found.push(at.to_owned());
    }
}

/// Each single change is refused, or stands in what the release says of its soak.
#[test]
fn no_change_of_a_snapshot_is_accepted_in_silence() {
    let subject = tag::Subject {
        tag: "t",
        release: "r",
        commit: "c",
        bundle_sha256: "s",
        is_legacy: true,
        is_rehearsal: false,
        signature: "none",
    };
    let said = |document: &Value| {
        let snapshot = Snapshot::parse(document).ok()?;
        let is_fine = snapshot.problems(&policy_of_evidence(false)).is_empty();
        let texts = [tag::message(&subject, &snapshot), changelog::render("a", "1", "t", &snapshot, true)];
        is_fine.then(|| texts.concat())
    };
    let before = said(&document()).expect("it is fine");
    let mut found = Vec::new();
    places(&document(), "", &mut found);
    let mut silent = Vec::new();
    for place in &found {
        let others = [
            json!(null),
            json!(true),
            json!(false),
            json!(-1),
            json!(7),
            json!(1e9),
            json!("x"),
            json!([]),
            json!({}),
        ];
        let old = document().pointer(place).expect("there").clone();
        let changes = others.into_iter().filter(|other| *other != old).map(|other| with(place, other));
        let mut without = document();
        let (above, last) = place.rsplit_once('/').expect("a place");
        match without.pointer_mut(above).expect("there") {
            Value::Object(fields) => drop(fields.remove(last)),
            Value::Array(items) => drop(items.remove(last.parse().expect("an index"))),
            other => panic!("{other}"),
        }
        let all = changes.chain([without]);
        silent.extend(
            all.filter(|changed| said(changed).as_ref() == Some(&before))
                .map(|changed| format!("{place}: {:?}", changed.pointer(place))),
        );
    }
    // What only repeats a count that is there, and in which iterations a guard acted, stands in none of the texts.
    silent.retain(|place| {
        !["/guards_last_n/iterations", "/tuning_summary/applied_count"]
            .iter()
            .any(|known| place.starts_with(known))
    });
    assert_eq!(silent, [""; 0], "of {} places", found.len());
}

#[test]
fn a_snapshot_that_does_not_say_is_unusable() {
    for (pointer, value) in [
        ("/verdict", json!(null)),
        ("/kpi_last_n/net_bps/mean", json!("5.95")),
        ("/kpi_last_n/net_bps", json!({})),
        ("/kpi_last_n", json!({})),
        ("/goals_met", json!({})),
        ("/goals_met/risk_ok", json!("yes")),
        ("/iterations_analyzed", json!([])),
        ("/iterations_analyzed/0", json!(-1)),
        ("/iterations_analyzed", json!([0, 1, 2])),
        ("/iterations_analyzed", json!([36, 36, 36])),
        ("/iterations_analyzed", json!([30, 29])),
        ("/iterations_total", json!(null)),
        ("/iterations_total", json!(0)),
        ("/freeze_ready", json!("true")),
        ("/guards_last_n/counts/velocity", json!(-1)),
        ("/guards_last_n/counts/velocity", json!(null)),
        ("/guards_last_n/counts", json!([])),
        ("/guards_last_n", json!([])),
        ("/tuning_summary", json!("none")),
        ("/tuning_summary/applied_iterations", json!(3)),
        ("/tuning_summary/changed_keys", json!(["a", 1])),
        ("/tuning_summary/changed_keys", json!("a")),
        ("/timestamp", json!(null)),
        ("/timestamp", json!(1_741_000_000)),
        ("/timestamp", json!("yesterday")),
        ("/simulated", json!("no")),
        ("/kpi_last_n/net_bps/mean", json!(5.96)),
        ("/kpi_last_n/net_bps/median", json!(5.94)),
        ("/kpi_last_n/net_bps/min", json!(7.0)),
        ("/kpi_last_n/net_bps/trend", json!(1)),
        ("/kpi_last_n/maker_taker_ratio/max", json!(85.0)),
        ("/kpi_last_n/p95_latency_ms/min", json!(-1.0)),
    ] {
        assert!(Snapshot::parse(&with(pointer, value.clone())).is_err(), "{pointer} {value}");
    }
    assert!(Snapshot::parse(&json!({})).is_err());
}

#[test]
fn what_the_snapshot_does_not_say_is_unknown_and_not_none() {
    let subject = tag::Subject {
        tag: "t",
        release: "r",
        commit: "c",
        bundle_sha256: "s",
        is_legacy: false,
        is_rehearsal: false,
        signature: "none",
    };
    let said = |document: &Value| {
        let snapshot = Snapshot::parse(document).expect("a snapshot");
        (tag::message(&subject, &snapshot), changelog::render("a", "1", "t", &snapshot, false))
    };
    for silent in [json!(null), json!({})] {
        let (tag, changes) = said(&with("/tuning_summary", silent));
        assert!(tag.contains("Tuning applied in an unknown number of iterations\n"), "{tag}");
        assert!(changes.contains("Unknown: the snapshot does not say what was applied"), "{changes}");
    }
    let (tag, changes) = said(&with("/guards_last_n", json!(null)));
    assert!(tag.contains("Guards that acted: unknown\n"), "{tag}");
    assert!(changes.contains("Unknown: the snapshot has no counts of guards"), "{changes}");
    let mut calm = with("/guards_last_n", json!({"velocity_count": 0}));
    calm["tuning_summary"] = json!({"applied_iterations": [], "changed_keys": []});
    let (tag, changes) = said(&calm);
    assert!(tag.ends_with("\nTuning applied in 0 iterations\nGuards that acted: none\n"), "{tag}");
    assert!(
        changes.contains("Nothing was applied.\n") && changes.contains("No guard acted.\n- velocity: 0\n"),
        "{changes}"
    );
}

#[test]
fn the_verification_of_deltas_must_say_yes() {
    let verify = |report: &Value| evidence::check_delta_verify(report, &snapshot());
    verify(&json!({"verdict": "PASS", "full_apply_ratio": 1.0})).expect("a yes");
    verify(&json!({"full_apply_ratio": 0.9, "simulated": false, "clock": null})).expect("a yes");
    for bad in [
        json!({}),
        json!({"verdict": "FAIL", "full_apply_ratio": 1.0}),
        json!({"verdict": "PASS", "full_apply_ratio": 0.5}),
        json!({"verdict": "PASS", "full_apply_ratio": "all"}),
        json!({"verdict": 1}),
        json!({"verdict": "PASS", "simulated": "no"}),
    ] {
        assert!(verify(&bad).is_err(), "{bad}");
    }
    for simulated in
        [json!({"verdict": "PASS", "simulated": true}), json!({"verdict": "PASS", "clock": "frozen"})]
    {
        assert!(verify(&simulated).is_err(), "{simulated}");
        let soak = Snapshot { simulated: true, ..snapshot() };
        evidence::check_delta_verify(&simulated, &soak).expect("a yes");
    }
    let not_tuned = json!({"verdict": "NOT_TUNED"});
    for (applied, holds) in [(Some(vec![]), true), (Some(vec![3]), false), (None, false)] {
        let soak = Snapshot { applied_iterations: applied, ..snapshot() };
        assert_eq!(evidence::check_delta_verify(&not_tuned, &soak).is_ok(), holds);
        let contradicted = json!({"verdict": "NOT_TUNED", "full_apply_ratio": 1.0});
        assert!(evidence::check_delta_verify(&contradicted, &soak).is_err());
    }
}

#[test]
fn figures_have_one_name_each_and_only_those_of_a_release_must_be_known() {
    let with = |name: &str, figure: Value| {
        let mut document = document();
        document["kpi_last_n"][name] = figure;
        Snapshot::parse(&document)
    };
    let unknown = json!({"mean": null, "median": null, "min": null, "max": null, "trend": "unknown"});
    let read = with("ws_lag_max_ms", unknown.clone()).expect("a snapshot");
    assert!(!read.kpis.contains_key("ws_lag_max_ms") && read.kpis.contains_key("risk_block_ratio"));
    for (name, figure) in [
        ("risk_ratio", unknown.clone()),
        ("ws_lag_max_ms", json!(5)),
        ("maker_share_ratio", document()["kpi_last_n"]["net_bps"].clone()),
    ] {
        assert!(with(name, figure.clone()).is_err(), "{name}: {figure}");
    }
}

#[test]
fn a_report_without_content_is_refused() {
    evidence::check_report("a", "# Audit\n\nfine\n").expect("a report");
    assert!(evidence::check_report("a", "").is_err());
    assert!(evidence::check_report("a", "# Audit\n\n## Part\n").is_err());
    assert!(evidence::check_report("a", "text\n").is_err());
}

#[test]
fn the_changelog_has_the_figures_of_the_snapshot_and_marks_a_simulation() {
    let text = changelog::render("mm-bot", "1.2.3", "2026-03-10T12:00:00Z", &snapshot(), false);
    assert!(text.contains("| net_bps | 5.950 | 5.950 | 5.950 | 5.950 | flat |"), "{text}");
    assert!(text.contains("- Goals met: 4/4\n") && text.contains("- velocity: 3\n"), "{text}");
    assert!(text.contains("iterations 1, 3\n") && !text.contains("imulat"), "{text}");
    let simulated = Snapshot { simulated: true, ..snapshot() };
    assert!(changelog::render("a", "1", "t", &simulated, false).contains("**Simulated soak"));
}

#[test]
fn the_targets_leave_a_margin_and_are_never_looser_than_those_of_the_previous_checkpoint() {
    let [_, six, day] = checkpoints(&snapshot());
    let of = |checkpoint: &Checkpoint, at: usize| match checkpoint.targets[at].1 {
        Target::AtLeast(value) | Target::AtMost(value) => value,
    };
    assert!((of(&day, 0) - 0.8075).abs() < 1e-9 && of(&day, 0) >= of(&six, 0));
    assert!((of(&day, 1) - 189.0).abs() < 1e-9);
    assert!((of(&day, 2) - 0.315).abs() < 1e-9);
    assert!((of(&day, 3) - 5.6525).abs() < 1e-9);
    let mut slow = snapshot();
    slow.kpis.get_mut("order_latency_p95_ms").expect("there").max = 349.0;
    assert!((of(&checkpoints(&slow)[2], 1) - 350.0).abs() < 1e-9);
    // Nothing that was blocked in a soak does not mean that nothing may be blocked.
    let mut calm = snapshot();
    calm.kpis.get_mut("risk_block_ratio").expect("there").median = 0.0;
    assert!((of(&checkpoints(&calm)[2], 2) - 0.0225).abs() < 1e-9);
    let text = checklist::render("mm-bot 1.2.3", "release/x", &snapshot(), &queries());
    assert!(text.contains("- [ ] net edge, bps >= 5.652\n"), "{text}");
    for part in [
        "| 5 % | 24 to 48 h |",
        "| 25 % | 12 h |",
        "| 50 % | 6 h |",
        "< 0.70",
        "> 500 ms",
        "> 0.60",
        "> 0.05",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn the_tag_says_verdict_range_hash_and_figures() {
    let subject = tag::Subject {
        tag: "v1.2.3",
        release: "mm-bot 1.2.3",
        commit: "c0ffee",
        bundle_sha256: "ab12",
        is_legacy: true,
        is_rehearsal: true,
        signature: "not checked",
    };
    let text = tag::message(&subject, &snapshot());
    for part in [
        "Verdict: PASS\n",
        "Evidence: legacy, ",
        "Iterations: 29-36 (8 of 36)\n",
        "sha256 ab12\n",
        "Signature: not checked\n",
        "Evidence: a rehearsal",
        "maker share: 0.850 (flat)\n",
        "[OK] risk_ok\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

fn policy() -> Policy {
    serde_json::from_value(json!({
        "auto_rollback": {
            "actions": [
                {"type": "scale_strategy", "params": {"target": 0}, "description": "stop quoting"},
                {"type": "circuit_state", "params": {"state": "OPEN"}},
                {"type": "freeze_orders", "params": {"enabled": true}},
                {"type": "notify"},
                {"type": "halt"},
            ],
            "verification": {"wait_seconds": 60, "checks": [
                {"metric": "mm_active_orders_total", "condition": "== 0", "timeout_seconds": 300},
            ]},
        },
        "executors": {
            "scale_strategy": {"kubernetes": {"deployment": "mm-bot", "namespace": "trading", "replicas": 0}},
            "circuit_state": {"http": {"method": "POST", "url": "http://bot:8080/circuit", "headers": {"X-Why": "it's over"}, "body": {"state": "{state}"}}},
            "freeze_orders": {"file": {"path": "/run/bot/freeze it", "content": "{enabled}"}},
            "notify": {"exec": ["page", "--text", "rolled back; $(rm -rf /)"]},
            "halt": {"signal": {"pid_file": "/run/bot.pid", "signal": "TERM"}},
        },
    }))
    .expect("a policy")
}

fn queries() -> TriggerQueries {
    let query = |expression: &str| TriggerQuery { expression: expression.to_owned(), is_as_written: false };
    TriggerQueries { queries: triggers().map(|trigger| query(trigger.kpi)).collect(), matching: None }
}

/// Two versions side by side are told apart by what the soak was told apart by, and by what each bot says of itself.
#[test]
fn what_is_asked_of_a_live_bot_says_how_it_is_narrowed() {
    let mut asked = queries();
    let text = checklist::render("mm-bot 1.2.3", "release/x", &snapshot(), &asked);
    assert!(
        text.contains("These queries are narrowed by no label")
            && text.contains("(mm_build_info)' # versions")
    );
    asked.matching = Some("job=\"fast\"".to_owned());
    asked.queries[3].is_as_written = true;
    let plan = rollback_plan::queries(&asked);
    for part in [
        "narrowed as the soak was, by `job=\"fast\"`",
        "count by (job, instance, version) (mm_build_info{job=\"fast\"})",
        "# net edge, bps, as its definition has it: not narrowed\n",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert_eq!(plan.matches("not narrowed").count(), 1);
}

fn plan(policy: &Policy) -> String {
    let subject = rollback_plan::Subject {
        name: "mm-bot",
        version: "1.2.3",
        created_at: "t",
        policy_path: "other.yaml",
        policy_sha256: "ab",
    };
    rollback_plan::render(&subject, policy, &queries())
}

#[test]
fn the_plan_has_a_command_for_every_action_of_the_policy() {
    assert_eq!(policy().problems(), [""; 0]);
    let text = plan(&policy());
    assert!(text.contains("- Policy: `other.yaml`, SHA-256 ab\n"), "{text}");
    for command in [
        "kubectl --namespace trading scale deployment/mm-bot --replicas=0",
        "--header 'X-Why: it'\\''s over' --data-raw '{\"state\":\"OPEN\"}' --url http://bot:8080/circuit",
        "printf '%s' true > '/run/bot/freeze it.new' && mv -- '/run/bot/freeze it.new' '/run/bot/freeze it'",
        "page --text 'rolled back; $(rm -rf /)'",
        "kill -s TERM \"$(cat -- /run/bot.pid)\"",
        "mmops tune rollback --why 'rollback of mm-bot 1.2.3'",
    ] {
        assert!(text.contains(command), "{command}: {text}");
    }
    assert_eq!(shell::blocks(&text).len(), 1 + 5 + 1 + 1);
}

#[test]
fn a_policy_that_cannot_be_carried_out_is_refused() {
    let mut policy = policy();
    policy.executors.remove("halt");
    policy.auto_rollback.verification.checks.clear();
    let problems = policy.problems().join("; ");
    assert!(problems.contains("`halt`") && problems.contains("checks is empty"), "{problems}");
}

/// A policy with one action and this way to carry it out.
fn policy_of(params: &Value, executor: &Value) -> Policy {
    serde_json::from_value(json!({
        "auto_rollback": {
            "actions": [{"type": "act", "params": params}],
            "verification": {"checks": [{"metric": "m", "condition": "== 0", "timeout_seconds": 1}]},
        },
        "executors": {"act": executor},
    }))
    .expect("a policy")
}

#[test]
fn every_part_of_an_executor_is_filled_once() {
    let params =
        json!({"target": 0, "name": "mm \"{target}\"", "state": "open", "sig": "USR1", "method": "PUT"});
    for (executor, command) in [
        (json!({"exec": ["x", "{name}"]}), "x 'mm \"{target}\"'"),
        (
            json!({"http": {"url": "http://b/{state}", "method": "{method}", "body": {"{state}": ["{name}"]}}}),
            "--request PUT --data-raw '{\"open\":[\"mm \\\"{target}\\\"\"]}' --url http://b/open",
        ),
        (
            json!({"file": {"path": "/run/{state}", "content": "{target}"}}),
            "printf '%s' 0 > /run/open.new && mv -- /run/open.new /run/open",
        ),
        (
            json!({"signal": {"pid_file": "/run/{state}", "signal": "{sig}"}}),
            "kill -s USR1 \"$(cat -- /run/open)\"",
        ),
        (
            json!({"kubernetes": {"deployment": "bot-{state}", "namespace": "{state}", "replicas": "{target}"}}),
            "kubectl --namespace open scale deployment/bot-open --replicas=0",
        ),
    ] {
        let policy = policy_of(&params, &executor);
        assert_eq!(policy.problems(), [""; 0], "{executor}");
        assert!(plan(&policy).contains(command), "{command}: {}", plan(&policy));
    }
}

#[test]
fn a_placeholder_that_nothing_fills_is_refused() {
    for executor in [
        json!({"exec": ["halt-bot", "--to", "{target}"]}),
        json!({"http": {"url": "http://b/{target}"}}),
        json!({"http": {"url": "http://b", "headers": {"X-To": "{target}"}}}),
        json!({"http": {"url": "http://b", "body": {"to": ["{target}"]}}}),
        json!({"file": {"path": "/run/{target}", "content": ""}}),
        json!({"file": {"path": "/run/x", "content": {"to": "{target}"}}}),
        json!({"signal": {"pid_file": "/run/{target}", "signal": "TERM"}}),
        json!({"kubernetes": {"deployment": "{target}", "replicas": 0}}),
        json!({"kubernetes": {"deployment": "b", "replicas": "{target}"}}),
    ] {
        let problems = policy_of(&json!({"other": 1}), &executor).problems().join("; ");
        assert!(
            problems.contains("executor of `act`: no parameter of the action fills `{target}`"),
            "{problems}"
        );
    }
    let problems =
        policy_of(&json!({}), &json!({"kubernetes": {"deployment": "b", "replicas": -1}})).problems();
    assert!(problems[0].contains("kubernetes.replicas is `-1`"), "{problems:?}");
}

#[test]
fn a_policy_that_is_ambiguous_or_would_publish_a_secret_is_refused() {
    let token = ["AK", "IA", "Z2QJ7XK4M5N3P6RT"].concat();
    for (executor, part) in [
        (json!({"exec": ["a"], "http": {"url": "http://b"}}), "several ways at once"),
        (json!({"exec": []}), "exec is empty"),
        (json!({"exec": ["-x"]}), "which is no program"),
        (json!({"exec": ["a", "--token", "s3cr3t"]}), "`token`; the plan is published"),
        (json!({"exec": ["a", "{name}"]}), "the character U+001B"),
        (json!({"http": {"url": "http://u:s3cr3t@b"}}), "a user before the host"),
        (json!({"http": {"url": "http://b?token=s3cr3t"}}), "`token`; the plan is published"),
        (json!({"http": {"url": "http://b", "body": {"password": "s3cr3t"}}}), "`password`, and the plan"),
        (json!({"http": {"url": "http://b", "headers": {"@file": "x"}}}), "no name of a header"),
        (json!({"http": {"url": "http://b", "headers": {"X-A": "x\nX-B: y"}}}), "has a line break"),
        (json!({"file": {"path": "/x", "content": "{\"secret\": \"s3cr3t\"}"}}), "`secret`, and the plan"),
        (json!({"signal": {"pid_file": "/x", "signal": "TERM; x"}}), "which is none"),
        (json!({"signal": {"pid_file": "/x", "signal": "TREM"}}), "which is none of"),
        (json!({"exec": ["halt bot"]}), "which is no program"),
        (json!({"exec": ["a", token]}), "may be a secret, `AKIA"),
        (json!({"http": {"url": "bot:8080/x"}}), "no address of http"),
        (json!({"http": {"url": "http:///x"}}), "no address of http"),
        (json!({"http": {"url": "http://b", "method": "PSOT"}}), "http.method is `PSOT`"),
        (
            json!({"http": {"url": "http://b", "headers": {"Content-Type": "application/json"}, "body": "{x}}"}}),
            "no parameter",
        ),
        (
            json!({"http": {"url": "http://b", "headers": {"content-type": "application/json"}, "body": "{\"a\": b}"}}),
            "http.body is not JSON",
        ),
        (json!({"http": {"url": "http://b", "body": "a=1&token=s3cr3t"}}), "`token`, and the plan"),
        (json!({"file": {"path": "/run/", "content": ""}}), "which is no file"),
        (json!({"kubernetes": {"deployment": "Mm_Bot", "replicas": 0}}), "which no object has"),
    ] {
        let problems = policy_of(&json!({"name": "\u{1b}[2J"}), &executor).problems().join("; ");
        assert!(problems.contains(part), "{executor}: {problems}");
    }
    let mut policy = policy();
    policy.auto_rollback.actions[0].kind = "a`b".to_owned();
    policy.auto_rollback.verification.checks[0].metric = "a\nb".to_owned();
    policy.auto_rollback.verification.checks[0].condition = "is zero".to_owned();
    policy.auto_rollback.actions[1].description = "a\n\n1. b".to_owned();
    let problems = policy.problems().join("; ");
    for part in ["no type of an action", "not one line", "condition `is zero`", "description `a\\n"] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    for other in [json!({"exec": ["a"], "execs": []}), json!({"http": {"url": "x", "retry": 1}})] {
        let policy = json!({"auto_rollback": {"actions": [], "verification": {"checks": []}}, "executors": {"act": other}});
        assert!(serde_json::from_value::<Policy>(policy).is_err(), "{other}");
    }
}

#[test]
fn a_header_that_may_be_a_secret_is_not_published() {
    let headers = json!({"Authorization": "Bearer s3cr3t", "X-Api-Key": "s3cr3t", "X-Why": "{why}"});
    let executor = json!({"http": {"url": "http://b", "headers": headers}});
    let policy = policy_of(&json!({"why": "it is bad"}), &executor);
    assert_eq!(policy.problems(), [""; 0]);
    let text = plan(&policy);
    assert!(!text.contains("s3cr3t"), "{text}");
    for part in [
        "--header 'Authorization: '\"${HEADER_AUTHORIZATION:?}\"",
        "--header 'X-Api-Key: '\"${HEADER_X_API_KEY:?}\"",
        "--header 'X-Why: it is bad'",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
