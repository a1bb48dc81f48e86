//! Snapshots that are evidence and those that are not; documents that say what the evidence says.

use super::checklist::{Target, Targets, targets};
use super::policy::Policy;
use super::snapshot::Snapshot;
use super::{changelog, checklist, evidence, rollback_plan, shell, tag};
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
        "guards_last_n": {"counts": {"velocity": 3, "cooldown": 0}, "iterations": {}},
        "tuning_summary": {"applied_count": 2, "applied_iterations": [1, 3], "changed_keys": ["tail_age_ms"]},
        "freeze_ready": true,
    })
}

fn snapshot() -> Snapshot {
    Snapshot::parse(&document()).expect("a snapshot")
}

#[test]
fn a_passed_soak_is_evidence_in_every_spelling() {
    assert_eq!(snapshot().refusals(false), [""; 0]);
    let mut old = document();
    let fields = old.as_object_mut().expect("an object");
    for (new, before) in [("kpi_last_n", "kpi_last8"), ("guards_last_n", "guards_last8")] {
        let value = fields.remove(new).expect("there");
        fields.insert(before.to_owned(), value);
    }
    assert_eq!(Snapshot::parse(&old), Ok(snapshot()));
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
    ] {
        let mut changed = document();
        *changed.pointer_mut(pointer).expect("there") = value;
        let refusals = Snapshot::parse(&changed).expect("read").refusals(true);
        assert!(refusals.iter().any(|refusal| refusal.contains(part)), "{pointer}: {refusals:?}");
    }
    let simulated = Snapshot { simulated: true, ..snapshot() };
    assert_eq!(simulated.refusals(false).len(), 1);
    assert_eq!(simulated.refusals(true), [""; 0]);
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
        ("/iterations_total", json!(null)),
        ("/freeze_ready", json!("true")),
        ("/guards_last_n/counts/velocity", json!(-1)),
    ] {
        let mut changed = document();
        *changed.pointer_mut(pointer).expect("there") = value;
        assert!(Snapshot::parse(&changed).is_err(), "{pointer}");
    }
    let mut odd = document();
    odd["simulated"] = json!("no");
    assert!(Snapshot::parse(&odd).is_err());
    assert!(Snapshot::parse(&json!({})).is_err());
}

#[test]
fn the_verification_of_deltas_must_say_yes() {
    assert_eq!(evidence::delta_verify(&json!({"verdict": "PASS", "full_apply_ratio": 1.0})), Ok(()));
    assert_eq!(evidence::delta_verify(&json!({"full_apply_ratio": 0.9})), Ok(()));
    for bad in [
        json!({}),
        json!({"verdict": "FAIL", "full_apply_ratio": 1.0}),
        json!({"verdict": "PASS", "full_apply_ratio": 0.5}),
        json!({"verdict": "PASS", "full_apply_ratio": "all"}),
        json!({"verdict": 1}),
    ] {
        assert!(evidence::delta_verify(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_report_without_content_is_none() {
    assert_eq!(evidence::markdown("a", "# Audit\n\nfine\n"), Ok(()));
    assert!(evidence::markdown("a", "").is_err());
    assert!(evidence::markdown("a", "# Audit\n\n## Part\n").is_err());
    assert!(evidence::markdown("a", "text\n").is_err());
}

#[test]
fn the_changelog_has_the_figures_of_the_snapshot_and_marks_a_simulation() {
    let text = changelog::render("mm-bot", "1.2.3", "2026-03-10T12:00:00Z", &snapshot());
    assert!(text.contains("| net_bps | 5.950 | 5.950 | 5.950 | 5.950 | flat |"), "{text}");
    assert!(text.contains("- Goals met: 4/4\n") && text.contains("- velocity: 3\n"), "{text}");
    assert!(text.contains("iterations 1, 3\n") && !text.contains("imulat"), "{text}");
    let simulated = Snapshot { simulated: true, ..snapshot() };
    assert!(changelog::render("a", "1", "t", &simulated).contains("**Simulated soak"));
}

#[test]
fn the_targets_leave_a_margin_and_are_never_looser_than_the_look_before() {
    let [_, six, day] = targets(&snapshot());
    let of = |look: &Targets, at: usize| match look.figures[at].1 {
        Target::AtLeast(value) | Target::AtMost(value) => value,
    };
    assert!((of(&day, 0) - 0.8075).abs() < 1e-9 && of(&day, 0) >= of(&six, 0));
    assert!((of(&day, 1) - 189.0).abs() < 1e-9);
    assert!((of(&day, 2) - 0.315).abs() < 1e-9);
    assert!((of(&day, 3) - 5.6525).abs() < 1e-9);
    let mut slow = snapshot();
    slow.kpis.get_mut("p95_latency_ms").expect("there").max = 349.0;
    assert!((of(&targets(&slow)[2], 1) - 350.0).abs() < 1e-9);
    let text = checklist::render("mm-bot 1.2.3", "release/x", "ab", &snapshot());
    assert!(text.contains("- [ ] net edge, bps >= 5.652\n"), "{text}");
    for part in
        ["| 5 % | 24 to 48 h |", "| 25 % | 12 h |", "| 50 % | 6 h |", "< 0.70", "> 500 ms", "> 0.60", "> 5 %"]
    {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn the_tag_says_verdict_range_hash_and_figures() {
    let subject =
        tag::Subject { tag: "v1.2.3", release: "mm-bot 1.2.3", commit: "c0ffee", bundle_sha256: "ab12" };
    let text = tag::message(&subject, &snapshot());
    for part in [
        "Verdict: PASS\n",
        "Iterations: 29-36 (8 of 36)\n",
        "sha256 ab12\n",
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

#[test]
fn the_plan_has_a_command_for_every_action_of_the_policy() {
    assert_eq!(policy().problems(), [""; 0]);
    let text = rollback_plan::render("mm-bot", "1.2.3", "t", "ab", &policy());
    for command in [
        "kubectl --namespace trading scale deployment/mm-bot --replicas=0",
        "--header 'X-Why: it'\\''s over' --data '{\"state\":\"OPEN\"}' http://bot:8080/circuit",
        "printf '%s' true > '/run/bot/freeze it.new' && mv '/run/bot/freeze it.new' '/run/bot/freeze it'",
        "page --text 'rolled back; $(rm -rf /)'",
        "kill -s TERM \"$(cat /run/bot.pid)\"",
        "mmops tune rollback",
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
