//! The files of `deploy/` by which a running bot is watched and stopped speak of what a bot exports, and by the limits
//! of the gates. `tests/real/deploy.rs` holds them to real programs.

use crate::sandbox::Sandbox;
use crate::soak::{REAL, bot};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const ALERTS: &str = "deploy/prometheus/alerts_soak.yml";
const DASHBOARD: &str = "deploy/grafana/dashboards/mm_operability.json";
const POLICY: &str = "deploy/policies/rollback.yaml";

/// A gate of `soak-72h`, the alert of its limit, and the panel that draws it.
const LIMITS: [(&str, &str, Option<u64>); 7] = [
    ("edge_bps", "SoakEdgeDegradation", Some(1)),
    ("latency_p95", "SoakLatencyP95High", Some(2)),
    ("maker_share", "SoakMakerTakerImbalance", Some(3)),
    ("hit_ratio", "SoakMDCacheHitRatio", Some(4)),
    ("deadline_miss_rate", "SoakDeadlineMissRate", Some(5)),
    ("ws_lag", "SoakWSLagHigh", Some(6)),
    ("ticking", "SoakBotNotTicking", None),
];

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    mmops::testing::yaml(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn rules() -> Vec<Value> {
    let groups = yaml(ALERTS)["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

fn alerts() -> BTreeMap<String, Value> {
    let alerts = rules().into_iter().filter_map(|rule| Some((rule["alert"].as_str()?.to_owned(), rule)));
    alerts.collect()
}

fn figures() -> BTreeMap<String, String> {
    let figure =
        |rule: Value| Some((rule["record"].as_str()?.to_owned(), rule["expr"].as_str().unwrap().to_owned()));
    rules().into_iter().filter_map(figure).collect()
}

#[test]
fn every_metric_that_they_name_is_one_that_a_bot_exports() {
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let (_bot, url) = bot(&sandbox, "bot", "");
    let mut answer = ureq::get(format!("{url}/metrics")).call().unwrap();
    let page = answer.body_mut().read_to_string().unwrap();
    let exported: BTreeSet<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    assert!(exported.len() > 20, "{page}");
    for path in [ALERTS, DASHBOARD, POLICY] {
        let text = text(path);
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let named: BTreeSet<&str> =
            words.filter(|word| word.starts_with("mm_") || word.starts_with("process_")).collect();
        assert!(named.len() >= 2, "{path}: {named:?}");
        let foreign: Vec<&&str> = named.difference(&exported).collect();
        assert!(foreign.is_empty(), "{path}: {foreign:?}");
    }
}

#[test]
fn alerts_and_panels_have_the_limits_of_the_gates() {
    let (gates, alerts) = (yaml("deploy/soak/gates.yaml"), alerts());
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).unwrap();
    for (gate, alert, panel) in LIMITS {
        let (gate, alert) = (&gates["profiles"]["soak-72h"]["gates"][gate], &alerts[alert]);
        let (limit, relation) = match (gate["at_most"].as_f64(), gate["at_least"].as_f64()) {
            (Some(limit), None) => (limit, ">"),
            (None, Some(limit)) => (limit, "<"),
            _ => panic!("{gate}"),
        };
        let expr: Vec<&str> = alert["expr"].as_str().unwrap().rsplitn(3, ' ').collect();
        assert_eq!((expr[0].parse::<f64>().unwrap(), expr[1]), (limit, relation), "{alert}");
        let Some(panel) = panel else { continue };
        assert_eq!(alert["labels"]["gate"], gate["severity"], "{alert}");
        let panels = dashboard["panels"].as_array().unwrap();
        let panel = panels.iter().find(|one| one["id"] == panel).unwrap();
        let steps = &panel["fieldConfig"]["defaults"]["thresholds"]["steps"];
        let colors = if relation == ">" { ["green", "red"] } else { ["red", "green"] };
        assert_eq!(steps[1]["value"].as_f64(), Some(limit), "{panel}");
        assert_eq!([steps[0]["color"].as_str(), steps[1]["color"].as_str()], colors.map(Some), "{panel}");
        assert!(steps[0]["value"].is_null() && steps.as_array().unwrap().len() == 2, "{panel}");
    }
}

#[test]
fn a_figure_that_an_alert_compares_has_an_alert_for_when_it_is_not_known() {
    let (figures, alerts) = (figures(), alerts());
    assert!(figures.len() >= 9, "{figures:?}");
    for figure in figures.keys() {
        let uses = |expr: &str| expr.split(' ').any(|word| word == figure);
        let of: Vec<&Value> = alerts.values().filter(|alert| uses(alert["expr"].as_str().unwrap())).collect();
        let missing = format!("up{{job=\"mm-bot\"}} == 1 unless on (job, instance) {figure}");
        let (unknown, compared): (Vec<&Value>, Vec<&Value>) =
            of.into_iter().partition(|alert| alert["expr"] == missing.as_str());
        assert_eq!((unknown.len(), compared.len()), (1, 1), "{figure}");
        assert_eq!(unknown[0]["labels"]["severity"], compared[0]["labels"]["severity"], "{figure}");
        assert_eq!(unknown[0]["labels"]["gate"], "unknown", "a rollback needs a figure that was seen");
    }
}

#[test]
fn every_alert_says_what_it_saw_and_where_to_read_on() {
    for (name, alert) in alerts() {
        for key in ["summary", "description", "action"] {
            assert!(alert["annotations"][key].as_str().is_some_and(|text| text.len() > 10), "{name}: {key}");
        }
        let url = alert["annotations"]["runbook_url"].as_str().unwrap();
        let (path, anchor) = url.split_once('#').unwrap();
        let runbook = text(path);
        let mut headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
        assert!(headings.any(|heading| heading.to_lowercase().replace(' ', "-") == anchor), "{name}: {url}");
        assert!(anchor == name.to_lowercase() || runbook.contains(&name), "{name}: {url}");
        assert!(["critical", "warning"].map(Value::from).contains(&alert["labels"]["severity"]), "{name}");
    }
}

#[test]
fn the_policy_acts_on_alerts_that_there_are_and_not_on_its_own_doing() {
    let (policy, alerts, figures) = (yaml(POLICY), alerts(), figures());
    let mut named = BTreeMap::new();
    for (list, gate) in [("hard_gates", "hard"), ("soft_gates", "soft")] {
        for entry in policy[list].as_array().unwrap() {
            let name = entry["name"].as_str().unwrap();
            let alert = alerts.get(name).unwrap_or_else(|| panic!("{name} is no alert"));
            assert_eq!(
                (&alert["labels"]["gate"], &alert["labels"]["severity"]),
                (&gate.into(), &entry["severity"])
            );
            assert!(gate == "hard" || entry["action"] == "notify", "{name}");
            named.insert(name, entry["action"].as_str().unwrap());
        }
    }
    let gated = alerts.iter().filter(|(_, alert)| alert["labels"]["gate"] != "unknown");
    assert_eq!(
        gated.map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        named.keys().copied().collect::<Vec<_>>()
    );
    // What the verification waits for is what the actions do.
    let done: BTreeSet<&str> = policy["auto_rollback"]["verification"]["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["metric"].as_str().unwrap().split('{').next().unwrap())
        .collect();
    assert_eq!(done.len(), 2);
    for (name, _) in named.iter().filter(|(_, action)| **action == "rollback") {
        let figure = alerts[*name]["expr"].as_str().unwrap().split(' ').next().unwrap();
        assert!(
            !done.iter().any(|metric| figures[figure].contains(metric)),
            "{name} follows from the rollback"
        );
    }
    let order: Vec<&str> = policy["auto_rollback"]["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["type"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["freeze_orders", "circuit_state", "scale_strategy", "notify"]);
}
