//! A small real case of every command.

use super::root::Root;
use serde_json::json;
use std::process::Command;

/// How much of what a run says is the same whenever it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// All of it, and what it writes.
    Everything,
    /// The code and the marker: the rest is measured, or says what a disturbed run has done already.
    Marker,
}

/// A command line in a root that is prepared for it.
#[derive(Debug)]
pub struct Case {
    /// The words of the command.
    pub command: &'static str,
    /// Its options, split at spaces.
    pub options: &'static str,
    pub prepare: fn(&Root),
    /// Documents that others go by: none may say yes after a run that did not.
    pub verdicts: &'static [&'static str],
    pub repeats: Repeats,
    /// Whether it starts programs that are not ours, which fail in their own ways.
    pub starts_others: bool,
    /// Below these each run leaves what is its own.
    pub own: &'static [&'static str],
}

impl Case {
    pub fn line(&self) -> String {
        format!("{} {}", self.command, self.options).trim_end().to_owned()
    }

    /// Whether it prints text for another program, without a marker.
    pub fn is_text(&self) -> bool {
        ["schema", "completions", "man"].contains(&self.command)
    }

    fn verdicts(self, verdicts: &'static [&'static str]) -> Self {
        Self { verdicts, ..self }
    }

    fn starts_others(self) -> Self {
        Self { starts_others: true, ..self }
    }

    fn marker_alone(self) -> Self {
        Self { repeats: Repeats::Marker, ..self }
    }

    fn own(self, own: &'static [&'static str]) -> Self {
        Self { own, ..self }
    }
}

fn case(command: &'static str, options: &'static str, prepare: fn(&Root)) -> Case {
    let repeats = Repeats::Everything;
    Case { command, options, prepare, verdicts: &[], repeats, starts_others: false, own: &[] }
}

/// Every command of the binary has a case, answers of yes and, where one must never become a yes, of no.
pub fn cases() -> Vec<Case> {
    [rehearsals(), trials(), shipping(), tools()].into_iter().flatten().collect()
}

fn rehearsals() -> Vec<Case> {
    let pack = &["artifacts/reports/PRE_LIVE_PACK.json"];
    vec![
        case("pre-live-pack", "--dry-run --plan plan.yaml --jobs 2", |root| {
            root.write("plan.yaml", PLAN);
            fresh_artifact(root);
        })
        .verdicts(pack)
        .starts_others(),
        case("pre-live-pack", "--dry-run --plan plan.yaml --logs logs", |root| {
            root.write("plan.yaml", "steps:\n  - {name: a, argv: [sh, -c, 'echo no; exit 1']}\n  - {name: b, argv: [/bin/true], needs: [a]}\n");
        })
        .verdicts(pack)
        .starts_others()
        .own(&["logs"]),
        case("make-ready", "--plan m.yaml", |root| {
            root.write("m.yaml", "pre_live_pack: {plan: p.yaml, timeout: 30s}\nreadiness: {reports: null, out_json: r.json, window: 1, max_age: 36h, drills: []}\nevidence: []\n");
            root.write("p.yaml", "steps: [{name: jobs, argv: [mmops, cron-sentinel, --config, tasks.yaml]}]\n");
            fresh_artifact(root);
            root.write("artifacts/reports/REPORT_SOAK_20260309.json", DAY);
        })
        .verdicts(&["artifacts/reports/MAKE_READY.json"]),
        case("readiness score", "--junit j.xml --metrics-file m.prom", week)
            .verdicts(&["artifacts/reports/readiness.json"]),
        case("readiness score", "--window 1 --format json", |root| {
            root.write("artifacts/reports/REPORT_SOAK_20260309.json", DAY.replace("2.8", "0.1"));
        })
        .verdicts(&["artifacts/reports/readiness.json"]),
        case("readiness validate", "artifacts/reports/readiness.json --reports artifacts/reports", |root| {
            week(root);
            root.mmops("readiness score");
        }),
    ]
}

/// What others go by of a report.
const REPORTED: [&str; 2] = [
    "artifacts/soak/latest/reports/analysis/POST_SOAK_SNAPSHOT.json",
    "artifacts/soak/latest/reports/analysis/DELTA_VERIFY_REPORT.json",
];

fn trials() -> Vec<Case> {
    let sweep = &["artifacts/PARAM_SWEEP.json"];
    let soak = &["artifacts/reports/soak_metrics.json", "artifacts/reports/gates_summary.json"];
    vec![
        case("soak run", "--mock --gates smoke", |_| {})
            .verdicts(soak)
            .marker_alone()
            .own(&["artifacts/soak"]),
        case("soak run", "--mock --scenario deadline_storm --hours 1", |_| {})
            .verdicts(soak)
            .marker_alone()
            .own(&["artifacts/soak"]),
        case("soak gate", "--mock", |root| root.mmops("soak run --mock --gates smoke")),
        case("soak report", "--mock", |root| root.mmops("soak run --mock --gates smoke --iterations 8"))
            .verdicts(&REPORTED),
        case("soak report", "", |root| root.mmops("soak run --mock --gates smoke --iterations 8"))
            .verdicts(&REPORTED),
        case("soak check", "--mock", |_| {}),
        case(
            "soak compare",
            "--mock --baseline artifacts/soak/RUN_1773014400000 --candidate artifacts/soak/latest --margin m.yaml --html \
             page.html",
            |root| {
                root.write(
                    "m.yaml",
                    "kpis: {hit_ratio: {unit: ratio, better: higher, margin: 0.02, spread: 1.5, tail: 0.2}}",
                );
                for seed in 1..=2 {
                    let soak = "soak run --mock --gates smoke --hours 16 --iteration 10m --interval 60s";
                    root.mmops(&format!("--now 2026-03-09T00:00:00Z {soak} --seed {seed}"));
                }
            },
        ),
        case("soak daily", "--junit j.xml", |root| {
            week(root);
            root.mmops("--now 2026-03-09T00:00:00Z soak run --mock --gates smoke --hours 24 --iteration 4h --interval 30m");
        })
        .verdicts(&["artifacts/reports/REPORT_SOAK_20260309.json"]),
        case("tune sweep", "", grid).verdicts(sweep),
        case("tune sweep", "--dry-run", grid).verdicts(&["artifacts/dry-run/PARAM_SWEEP.json"]),
        case("tune apply", "--allow-simulated", |root| {
            grid(root);
            root.mmops("tune sweep");
            root.write("artifacts/soak/runtime_overrides.json", "{\"min_interval_ms\": 70}");
        })
        .marker_alone(),
        case("tune rollback", "--why bed --who test", |root| {
            grid(root);
            root.mmops("tune sweep");
            root.write("artifacts/soak/runtime_overrides.json", "{\"min_interval_ms\": 70}");
            root.mmops("tune apply --allow-simulated");
        })
        .marker_alone(),
        case("chaos failover", "--ttl 200ms --renew 50ms --kill-at 150ms", |_| {})
            .verdicts(&["artifacts/CHAOS_FAILOVER.json"])
            .marker_alone()
            .own(&["artifacts/chaos-failover-"]),
        case("chaos node", "--name a --dir d --ttl 200ms --renew 50ms --origin-us 1 --parent 1", |_| {}),
    ]
}

fn shipping() -> Vec<Case> {
    vec![
        // Where git cannot be asked, the revision is unknown, and the answer says so.
        case("bundle create", "--sbom", tree)
            .verdicts(&["artifacts/release/mm-bot-v1.2.3.zip"])
            .marker_alone()
            .starts_others(),
        case("bundle verify", "artifacts/release/mm-bot-v1.2.3.zip", |root| {
            tree(root);
            root.mmops("bundle create");
        }),
        case("bundle verify", "artifacts/release/mm-bot-v1.2.3.zip --format json", |root| {
            tree(root);
            root.mmops("bundle create");
            root.change("artifacts/release/mm-bot-v1.2.3.zip", |bytes| bytes[100] ^= 1);
        }),
        case("bundle release", "--src run --legacy-snapshot --allow-simulated --out release/r1", |root| {
            tree(root);
            soaked(root);
        })
        .verdicts(&["release/r1/MANIFEST.json"])
        .marker_alone()
        .starts_others(),
        case("canary tag", "--bundle release/r1 --allow-simulated --tag v1.2.3", repository).starts_others(),
        case("canary checklist", "--bundle release/r1 --out c/LIST.md", |root| {
            tree(root);
            soaked(root);
            root.mmops("bundle release --src run --legacy-snapshot --allow-simulated --out release/r1");
        }),
        case("scan-secrets", "--write-baseline artifacts/b.json", |root| {
            root.write("a.txt", "nothing\n");
            root.write("b/c.txt", "nothing either\n");
        }),
        case("scan-secrets", "src --jobs 2", leaking),
        case("scan-secrets", "--git-history", |root| {
            leaking(root);
            root.git(&["init", "-q", "-b", "main"]);
            root.git(&["add", "."]);
            root.git(&["commit", "-q", "-m", "first"]);
        })
        .starts_others(),
        case("golden-compare", "--baseline a --actual b", |root| {
            root.write("a/x.json", "{\"v\": [1, 2.5]}");
            root.write("b/x.json", "{\"v\": [1, 2.50]}");
        }),
        case("golden-compare", "--baseline a --actual b --fail-on-drift", drifted),
        case("golden-compare", "--baseline a --actual b --update --yes --reason bed --by test", drifted)
            .marker_alone(),
    ]
}

fn tools() -> Vec<Case> {
    vec![
        case("rotate", "--days 3", old_files).marker_alone(),
        case("rotate", "--days 3 --archive-dir archive --remove-empty-dirs", old_files)
            .marker_alone()
            .own(&["archive"]),
        // The plan names what a copy has anew, as the inodes.
        case("rotate", "--days 3 --dry-run --plan artifacts/plan.json", old_files).marker_alone(),
        case("rotate restore", "archive/r.zip", |root| {
            old_files(root);
            root.mmops("rotate --days 3 --archive-dir archive");
            root.rename_only_file("archive", "r.zip");
        })
        .marker_alone(),
        case("cron-sentinel", "--config tasks.yaml", fresh_artifact),
        case("cron-sentinel", "--config tasks.yaml --format github", |root| {
            root.write("a.json", "{\"ok\": true}");
            root.age("a.json", 2);
            root.write("tasks.yaml", "tasks:\n  - {name: job, artifact: a.json, max_age: 1h}\n  - {name: gone, artifact: b.json, max_age: 1h}\n");
        }),
        case("sim bot", "--for 60ms --address-file port --log log", |_| {}).own(&["port", "log"]),
        case("sim feed", "--minutes 1 --out f.gz", |_| {}),
        case("schema", "readiness", |_| {}),
        case("completions", "bash", |_| {}),
        case("man", "", |_| {}),
    ]
}

const PLAN: &str = "steps:
  - {name: quick, argv: [/bin/true]}
  - {name: loud, argv: [sh, -c, 'seq 2000; sleep 0.02 & wait'], needs: [quick]}
  - {name: inner, argv: [mmops, cron-sentinel, --config, tasks.yaml]}
  - {name: last, argv: [sleep, '0.02'], needs: [loud]}
";

const DAY: &str = r#"{"edge_net_bps": 2.8, "order_age_p95_ms": 320, "taker_share_pct": 12, "reg_guard": {"reason": "NONE"}, "drift": {"reason": "NONE"}, "chaos_result": "OK", "bug_bash": "OK"}"#;

fn fresh_artifact(root: &Root) {
    root.write("a.json", "{\"ok\": true}");
    root.age("a.json", 0);
    root.write("tasks.yaml", "tasks:\n  - {name: job, artifact: a.json, max_age: 1h}\n");
}

fn week(root: &Root) {
    for day in 3..10 {
        root.write(&format!("artifacts/reports/REPORT_SOAK_202603{day:02}.json"), DAY);
    }
}

fn grid(root: &Root) {
    root.write(
        "deploy/tuning/grid.yaml",
        "grid:\n  tail_age_ms: [600, 800]\n  min_interval_ms: [60, 100]\nfixed:\n  base_spread_bps_delta: 0.0\n  impact_cap_ratio: 0.08\n  \
         max_delta_ratio: 0.12\n  replace_rate_per_min: 300\nquoter: {base_spread_bps: 1.0, max_inventory: 0.05}\n\
         fees: {maker_bps: 0.0, taker_bps: 5.0}\nlatency: {entry_ms: 5.0, response_ms: 5.0}\n\
         generated: {seed: 7, minutes: 1, regime: calm, symbol: BTCUSDT}\nwalk_forward: {train_fraction: 0.6}\n\
         bootstrap: {seed: 7, resamples: 200, level: 0.9}\n",
    );
    root.write(
        "deploy/tuning/limits.yaml",
        "safety:\n  max_order_age_p95_ms: 5000\n  max_taker_share_pct: 100\n  min_fills: 20\n  max_inventory: 0.05\n\
         bounds:\n  min_interval_ms: {min: 50, max: 300}\n  replace_rate_per_min: {min: 120, max: 360}\n  \
         impact_cap_ratio: {min: 0.04, max: 0.12}\n  tail_age_ms: {min: 400, max: 1000}\n  \
         max_delta_ratio: {min: 0.10, max: 0.20}\n  base_spread_bps_delta: {min: 0.0, max: 0.6}\nfeed: {}\n",
    );
}

const POLICY: &str = "auto_rollback: {actions: [{type: halt}], verification: {checks: [{metric: m, condition: '== 0', timeout_seconds: 5}]}}\nexecutors: {halt: {exec: [halt-bot]}}\n";

/// What a bundle needs.
fn tree(root: &Root) {
    root.write("VERSION", "1.2.3\n");
    root.write("README.md", "# mm-bot\n");
    root.write("CHANGELOG.md", "# Changelog\n");
    root.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n");
    root.write("deploy/prometheus/alerts_soak.yml", "groups: []\n");
    root.write("deploy/policies/rollback.yaml", POLICY);
    root.write("deploy/grafana/dashboards/mm_operability.json", "{}\n");
}

/// A soak of the earlier toolkit that passed.
fn soaked(root: &Root) {
    let kpi = |mean: f64| json!({"mean": mean, "median": mean, "min": mean, "max": mean, "trend": "flat"});
    let snapshot = json!({
        "schema_version": "1.2", "timestamp": "2026-03-09T12:00:00+00:00", "verdict": "PASS",
        "iterations_total": 36, "iterations_analyzed": [29, 30, 31, 32, 33, 34, 35, 36],
        "kpi_last_n": {
            "maker_taker_ratio": kpi(0.85), "p95_latency_ms": kpi(180.0), "risk_ratio": kpi(0.3), "net_bps": kpi(5.95),
        },
        "goals_met": {"maker_taker_ok": true, "p95_latency_ok": true, "risk_ok": true, "net_bps_ok": true},
        "freeze_ready": true,
    });
    root.write("run/reports/analysis/POST_SOAK_SNAPSHOT.json", snapshot.to_string());
    for name in ["POST_SOAK_AUDIT.md", "RECOMMENDATIONS.md", "FAILURES.md"] {
        root.write(&format!("run/reports/analysis/{name}"), "# Report\n\nnothing to say\n");
    }
    let verify = json!({"verdict": "PASS", "full_apply_ratio": 1.0});
    root.write("run/reports/analysis/DELTA_VERIFY_REPORT.json", verify.to_string());
    root.write(
        "run/runtime_overrides.json",
        r#"{"min_interval_ms": 60, "replace_rate_per_min": 300, "impact_cap_ratio": 0.1, "tail_age_ms": 600, "max_delta_ratio": 0.15, "base_spread_bps_delta": 0.05}"#,
    );
}

fn repository(root: &Root) {
    tree(root);
    soaked(root);
    root.write(".gitignore", "/artifacts\n");
    for words in [
        &["init", "-q", "-b", "main"] as &[&str],
        &["config", "user.name", "Test"],
        &["config", "user.email", "test@example.org"],
        &["add", "."],
        &["commit", "-q", "-m", "first"],
    ] {
        root.git(words);
    }
    root.mmops("bundle release --src run --legacy-snapshot --allow-simulated --out release/r1");
}

/// A token that is made here, so that this file has none.
fn leaking(root: &Root) {
    root.write("src/a.txt", "nothing\n");
    root.write("src/deep/b.txt", format!("token = \"ghp_{}\"\n", "9aZ4kQ7xW2mB8vN3cR6tY1pL5sD0fG4hJ7eK"));
    let archive =
        Command::new("tar").args(["-cf", "src/c.tar", "src/a.txt"]).current_dir(root.path()).status();
    assert!(archive.is_ok_and(|status| status.success()), "tar");
}

fn drifted(root: &Root) {
    root.write("a/x.json", "{\"v\": 2.0}");
    root.write("b/x.json", "{\"v\": 2.1}");
}

fn old_files(root: &Root) {
    for (path, days) in [("artifacts/a.json", 9), ("artifacts/b/c.json", 8), ("artifacts/d.json", 1)] {
        root.write(path, "{}");
        root.age(path, days);
    }
}
