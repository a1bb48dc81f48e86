//! What `deploy/` says about a running bot, held to real programs: promtool and a Prometheus that scrapes a bot.

use crate::server::{Prometheus, have, instant, run};
use crate::soak::{Bot, bot, mmops, wait};
use mmops::testing::client::PrometheusClient;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

const ALERTS: &str = "deploy/prometheus/alerts_soak.yml";
const TESTS: &str = "deploy/prometheus/tests/alerts_soak.yml";

fn delivered(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    mmops::testing::yaml(&delivered(path)).unwrap()
}

fn rules(document: &mut Value) -> &mut Vec<Value> {
    document["groups"][0]["rules"].as_array_mut().unwrap()
}

fn is_alert(rule: &Value) -> bool {
    rule["alert"].is_string()
}

/// What the delivered tests say of these rules.
fn tried(rules: &Value) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tests")).unwrap();
    std::fs::write(dir.path().join("alerts_soak.yml"), rules.to_string()).unwrap();
    std::fs::write(dir.path().join("tests/alerts_soak.yml"), delivered(TESTS)).unwrap();
    let mut promtool = Command::new("promtool");
    let output =
        promtool.args(["test", "rules", "tests/alerts_soak.yml"]).current_dir(dir.path()).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// The alerts of which a test failed.
fn failed(said: &str) -> BTreeSet<String> {
    let names = said.lines().filter_map(|line| line.trim().strip_prefix("alertname: "));
    names.filter_map(|line| line.split(',').next()).map(str::to_owned).collect()
}

#[test]
fn promtool_takes_the_rules_and_their_tests_notice_each_alert_that_is_gone_or_fires_wrongly() {
    if !have(&["promtool"]) {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(run("promtool", &["check", "rules", ALERTS], root).contains("SUCCESS"));
    let _ = run("promtool", &["check", "config", "deploy/prometheus/prometheus.yml"], root);
    let document = yaml(ALERTS);
    let all: BTreeSet<String> = rules(&mut document.clone())
        .iter()
        .filter_map(|rule| rule["alert"].as_str().map(str::to_owned))
        .collect();
    assert!(all.len() >= 8 + 4, "{all:?}");
    let changed = |change: fn(&mut Vec<Value>)| {
        let mut document = document.clone();
        change(rules(&mut document));
        document
    };
    let gone = changed(|rules| rules.retain(|rule| !is_alert(rule)));
    let always = changed(|rules| {
        for rule in rules.iter_mut().filter(|rule| is_alert(rule)) {
            rule["expr"] = json!(format!("({}) or up", rule["expr"].as_str().unwrap()));
        }
    });
    let at_once = changed(|rules| {
        rules.iter_mut().filter(|rule| is_alert(rule)).for_each(|rule| rule["for"] = json!("0s"));
    });
    std::thread::scope(|scope| {
        let delivered = scope.spawn(|| tried(&document));
        let changed = [&gone, &always, &at_once].map(|rules| scope.spawn(move || failed(&tried(rules))));
        let said = delivered.join().unwrap();
        assert!(said.contains("SUCCESS") && failed(&said).is_empty(), "{said}");
        for (change, noticed) in ["removed", "always firing", "without `for`"].into_iter().zip(changed) {
            assert_eq!(noticed.join().unwrap(), all, "alerts that are {change}");
        }
    });
}

/// A bot, scraped every second as job `mm-bot`, with the delivered rules evaluated as often.
struct Watched {
    dir: tempfile::TempDir,
    server: Prometheus,
    client: PrometheusClient,
    target: String,
    _bot: Bot,
}

impl Watched {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (bot, config) = bot(dir.path(), "steady");
        let target = std::fs::read_to_string(dir.path().join("bot.address")).unwrap();
        let target = target.trim().trim_start_matches("http://").to_owned();
        std::fs::write(
            dir.path().join("rules.yml"),
            delivered(ALERTS).replace("interval: 30s", "interval: 1s"),
        )
        .unwrap();
        let config = config.replace("job_name: bot", "job_name: mm-bot") + "rule_files: [rules.yml]\n";
        let server = Prometheus::start(dir.path(), &config, &[]);
        let client = server.client();
        let watched = Self { dir, server, client, target, _bot: bot };
        wait(|| (watched.value("count_over_time(mm_tick_total[1m])") > Some(4.0)).then_some(()));
        watched
    }

    /// The value of the only series, if there is one.
    fn value(&self, query: &str) -> Option<f64> {
        let mut found = instant(&self.client, query, jiff::Timestamp::now()).unwrap().series;
        assert!(found.len() < 2, "{query}: {found:?}");
        let value = found.pop()?.points.last()?.1;
        value.is_finite().then_some(value)
    }

    #[track_caller]
    fn has(&self, query: &str) -> f64 {
        self.value(query).unwrap_or_else(|| panic!("{query} has no value"))
    }
}

#[test]
fn a_watched_bot_has_a_value_in_every_panel_and_figure_and_the_plan_of_a_release_stops_it() {
    if !have(&["prometheus", "curl", "bash"]) {
        return;
    }
    let watched = Watched::start();
    let dashboard: Value =
        serde_json::from_str(&delivered("deploy/grafana/dashboards/mm_operability.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert_eq!(panels.len(), 7);
    for panel in panels {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let query = target["expr"].as_str().unwrap().replace("$job", ".*").replace("$instance", ".*");
            assert!(!query.contains('$'), "{query}");
            let _ = watched.has(&query);
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            let label = query.trim_start_matches("label_values(mm_build_info, ").trim_end_matches(')');
            let _ = watched.has(&format!("count by ({label}) (mm_build_info)"));
        }
    }
    for rule in rules(&mut yaml(ALERTS)) {
        match (rule["record"].as_str(), rule["alert"].as_str()) {
            (Some(figure), _) => wait(|| watched.value(figure).map(drop)),
            (_, alert) => {
                let firing = format!("ALERTS{{alertname=\"{}\",alertstate=\"firing\"}}", alert.unwrap());
                assert_eq!(watched.value(&firing), None);
            }
        }
    }
    follow_the_plan(&watched);
}

/// An address that takes one request for each action that tells people, and what was sent there.
fn on_call() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, sent) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut buffer = [0; 4096];
        while !request.ends_with(']') {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "{request}");
            request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").unwrap();
        sender.send(request).unwrap();
    });
    (address, sent)
}

/// Every command of the plan is typed in its order, by the shell that a person would use.
fn follow_the_plan(watched: &Watched) {
    let (page, sent) = on_call();
    let root = watched.dir.path();
    let policy = delivered("deploy/policies/rollback.yaml");
    let policy = policy.replace("127.0.0.1:9108", &watched.target).replace("127.0.0.1:9093", &page);
    release(root, &policy);
    let plan = std::fs::read_to_string(root.join("release/r1/rollback_plan.md")).unwrap();
    let blocks: Vec<&str> =
        plan.split("```bash\n").skip(1).map(|part| part.split("\n```").next().unwrap()).collect();
    let [triggers, actions @ .., checks, last] = blocks.as_slice() else { panic!("{plan}") };
    assert_eq!(actions.len(), 4, "{plan}");
    let checklist = std::fs::read_to_string(root.join("release/r1/CANARY_CHECKLIST.md")).unwrap();
    assert!(checklist.contains(triggers), "the canary is watched by the same queries: {checklist}");
    let values =
        |block: &str| -> Vec<f64> { block.lines().map(|line| answer(&shell(watched, line))).collect() };
    let before = values(triggers);
    // Five triggers, and which versions there are.
    assert_eq!(before.len(), 6);
    assert!(before.iter().all(|value| value.is_finite()), "{triggers}: {before:?}");
    assert_eq!(watched.has("mm_active_orders_total"), 8.0);
    for action in actions {
        let _ = shell(watched, action);
    }
    let request = sent.recv_timeout(std::time::Duration::from_secs(5)).unwrap();
    assert!(
        request.starts_with("POST /api/v2/alerts ") && request.contains("\"severity\":\"critical\""),
        "{request}"
    );
    let alerts: Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(alerts[0]["labels"]["alertname"], "SoakRollback");
    wait(|| (values(checks) == [0.0, 1.0]).then_some(()));
    let words: Vec<String> = shell(watched, &last.replacen("mmops", "printf '%s\\n' mmops", 1))
        .lines()
        .map(str::to_owned)
        .collect();
    mmops::testing::takes(&words).unwrap();
    assert_eq!(words.last().unwrap(), "rollback of r1 1.2.3");
}

fn shell(watched: &Watched, line: &str) -> String {
    let mut bash = Command::new("bash");
    let output = bash.args(["-euc", line]).env("PROMETHEUS_URL", watched.server.url()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The value in the answer of a server, of which there is one.
fn answer(text: &str) -> f64 {
    let answer: Value = serde_json::from_str(text).unwrap();
    let result = answer["data"]["result"].as_array().unwrap();
    assert_eq!(result.len(), 1, "{text}");
    result[0]["value"][1].as_str().unwrap().parse().unwrap()
}

/// The folder of a release whose soak passed, in `root`.
fn release(root: &Path, policy: &str) {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let kpi = |mean: f64| json!({"mean": mean, "median": mean, "min": mean, "max": mean, "trend": "flat"});
    let snapshot = json!({
        "schema_version": "1.2", "timestamp": jiff::Timestamp::now().to_string(), "verdict": "PASS",
        "iterations_total": 36, "iterations_analyzed": [29, 30, 31, 32, 33, 34, 35, 36],
        "kpi_last_n": {
            "maker_taker_ratio": kpi(0.9), "p95_latency_ms": kpi(180.0), "risk_ratio": kpi(0.3), "net_bps": kpi(3.0),
        },
        "goals_met": {"maker_taker_ok": true, "p95_latency_ok": true, "risk_ok": true, "net_bps_ok": true},
        "freeze_ready": true,
    });
    write("VERSION", "1.2.3\n");
    write("deploy/policies/rollback.yaml", policy);
    write("run/reports/analysis/POST_SOAK_SNAPSHOT.json", &snapshot.to_string());
    for name in ["POST_SOAK_AUDIT.md", "RECOMMENDATIONS.md", "FAILURES.md"] {
        write(&format!("run/reports/analysis/{name}"), "# Report\n\nnothing to say\n");
    }
    let deltas = json!({"verdict": "PASS", "full_apply_ratio": 1.0});
    write("run/reports/analysis/DELTA_VERIFY_REPORT.json", &deltas.to_string());
    let overrides = json!({
        "min_interval_ms": 60, "replace_rate_per_min": 300, "impact_cap_ratio": 0.1, "tail_age_ms": 600,
        "max_delta_ratio": 0.15, "base_spread_bps_delta": 0.05,
    });
    write("run/runtime_overrides.json", &overrides.to_string());
    let output = mmops(root, "bundle release --src run --legacy-snapshot --out release/r1").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}
