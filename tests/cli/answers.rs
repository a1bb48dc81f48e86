//! Every command's yes, no, unknown and bad input, in every form: the records of these runs are the asserts.

use crate::bundle::run_dir;
use crate::canary::repository;
use crate::sandbox::{Sandbox, TIME};
use crate::soak_compare::runs as compared_runs;
use std::time::Duration;

/// Runs a command line in every form, each in a sandbox of its own: what one writes may change the next.
fn forms(make: impl Fn() -> Sandbox, code: i32, line: &str) {
    let _ = make().run(line).code(code);
    for form in
        ["--format json", "--format github", "--quiet --junit out/junit.xml --metrics-file out/last.prom"]
    {
        let sandbox = make().file("summary.md", "");
        let summary = sandbox.path("summary.md").display().to_string();
        let _ = sandbox.env("GITHUB_STEP_SUMMARY", &summary).run(&format!("{line} {form}")).code(code);
    }
}

/// Runs command lines that are refused, which needs no other form.
fn refused(make: impl Fn() -> Sandbox, lines: &[(i32, &str)]) {
    for (code, line) in lines {
        let _ = make().run(line).code(*code);
    }
}

/// The names of commands that a help lists before its options.
pub fn subcommands(help: &str) -> Vec<String> {
    let list = help.split("\nOptions:\n").next().unwrap();
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let is_command = |name: &&str| name.starts_with(|c: char| c.is_ascii_lowercase()) && *name != "help";
    names.filter(is_command).map(str::to_owned).collect()
}

fn helps(sandbox: &Sandbox, path: &str) {
    let help = sandbox.run(&format!("{path} --help")).code(0);
    let _ = sandbox.run(&format!("{path} -h")).code(0);
    for name in subcommands(&help.stdout) {
        helps(sandbox, &format!("{path} {name}"));
    }
}

#[test]
fn help() {
    helps(&Sandbox::new(), "");
}

#[test]
fn program() {
    let lines =
        [(64, ""), (0, "--version"), (0, "help"), (0, "help soak run"), (64, "soka"), (64, "--formt json")];
    refused(Sandbox::new, &lines);
    refused(
        Sandbox::new,
        &[(64, "readiness --format yaml"), (64, "readiness -q -v"), (64, "readiness --now 1")],
    );
}

/// The module that speaks, which is not a part of what is promised.
const TARGET: (&str, &str) = (r#""target":"[a-z_:]+""#, r#""target":"[MODULE]""#);

#[test]
fn verbosity() {
    let make = || pack("/bin/false").hide(TIME).hide(TARGET);
    for flags in ["-q", "-v", "-vv", "--log-format json", "-v --log-format json", "--color always"] {
        let _ = make().run(&format!("{flags} pre-live-pack --dry-run")).code(1);
        let _ = Sandbox::new()
            .hide(TIME)
            .hide(TARGET)
            .run(&format!("{flags} soak run --mock --gates smoke --iterations 3"))
            .code(0);
        let _ =
            Sandbox::new().hide(TIME).hide(TARGET).run(&format!("{flags} readiness validate none")).code(3);
    }
}

#[test]
fn texts() {
    let lines =
        [(0, "schema"), (64, "schema none"), (64, "completions"), (64, "completions csh"), (64, "man none")];
    refused(Sandbox::new, &lines);
    let sandbox = Sandbox::new();
    let help = sandbox.run("--help").stdout;
    for command in subcommands(&help) {
        let _ = sandbox.run(&format!("man {command}")).code(0);
    }
}

fn pack(program: &str) -> Sandbox {
    let plan = format!(
        "steps:\n  - {{name: a, argv: [{program}]}}\n  - {{name: b, argv: [/bin/true], needs: [a]}}\n"
    );
    Sandbox::new().file("deploy/release/pre_live.yaml", plan)
}

#[test]
fn pre_live_pack() {
    forms(|| pack("/bin/true"), 0, "pre-live-pack --dry-run");
    forms(|| pack("/bin/false"), 1, "pre-live-pack --dry-run");
    forms(|| pack("/bin/true"), 1, "pre-live-pack --dry-run --only a");
    forms(Sandbox::new, 1, "pre-live-pack --dry-run --plan none.yaml");
    refused(Sandbox::new, &[(1, "pre-live-pack"), (1, "pre-live-pack --dry-run --jobs none")]);
}

const DAY: &str = r#"{"edge_net_bps": 2.8, "order_age_p95_ms": 320, "taker_share_pct": 12,
  "chaos_result": "OK", "bug_bash": "OK", "reg_guard": {"reason": "NONE"}, "drift": {"reason": "NONE"}}"#;

/// Reports of the days up to yesterday.
fn days(sandbox: Sandbox, days: std::ops::RangeInclusive<u32>, report: &str) -> Sandbox {
    for day in days {
        sandbox.write(&format!("artifacts/reports/REPORT_SOAK_202603{day:02}.json"), report);
    }
    sandbox
}

#[test]
fn make_ready() {
    const REHEARSAL: &str = "deploy/release/make_ready_rehearsal.yaml";
    let delivered = crate::make_ready::delivered("make_ready_rehearsal.yaml");
    let rehearsal = |program| days(pack(program), 3..=9, DAY).file(REHEARSAL, &delivered);
    let line = format!("make-ready --plan {REHEARSAL}");
    forms(|| rehearsal("/bin/true"), 0, &line);
    forms(|| rehearsal("/bin/false"), 1, &line);
    forms(|| rehearsal("/bin/true"), 1, "make-ready");
    forms(|| pack("/bin/true"), 1, "make-ready");
    forms(Sandbox::new, 1, "make-ready --plan none.yaml");
    refused(Sandbox::new, &[(1, "make-ready --none")]);
}

#[test]
fn readiness_score() {
    forms(|| days(Sandbox::new(), 3..=9, DAY), 0, "readiness score");
    forms(|| days(Sandbox::new(), 4..=9, DAY), 1, "readiness score");
    forms(|| days(Sandbox::new(), 3..=9, &DAY.replace("2.8", "0.1")), 1, "readiness");
    forms(Sandbox::new, 1, "readiness score --allow-simulated");
    refused(Sandbox::new, &[(64, "readiness score --window 0"), (64, "readiness score --max-age soon")]);
    refused(|| days(Sandbox::new(), 3..=9, DAY), &[(3, "readiness score --drills none.yaml")]);
}

/// A score that was just made of these days.
fn scored(report: &str) -> Sandbox {
    let sandbox = days(Sandbox::new(), 3..=9, report);
    let _ = sandbox.run("readiness score");
    sandbox.age(SCORE, Duration::from_mins(1));
    sandbox
}

const SCORE: &str = "artifacts/reports/readiness.json";

#[test]
fn readiness_validate() {
    forms(|| scored(DAY), 0, &format!("readiness validate {SCORE}"));
    forms(|| scored(&DAY.replace("2.8", "0.1")), 1, &format!("readiness validate {SCORE}"));
    forms(|| Sandbox::new().file("r.json", "{}"), 3, "readiness validate r.json");
    refused(Sandbox::new, &[(64, "readiness validate"), (3, "readiness validate none.json")]);
}

#[test]
fn soak_run() {
    forms(Sandbox::new, 0, "soak run --mock --gates smoke --iterations 3");
    forms(Sandbox::new, 1, "soak run --mock --iterations 3 --scenario deadline_storm --instances 2");
    forms(Sandbox::new, 2, "soak run --scrape http://127.0.0.1:1 --iterations 2 --iteration 60s");
    refused(Sandbox::new, &[(64, "soak"), (2, "soak run --prometheus http://127.0.0.1:1 --iterations 1")]);
    refused(Sandbox::new, &[(3, "soak run --mock --gates none"), (64, "soak run --mock --iterations 0")]);
    let past = "--from 2026-03-09T00:00:00Z --to 2026-03-09T00:30:00Z";
    refused(Sandbox::new, &[(2, &format!("soak run --prometheus http://127.0.0.1:1 {past}"))]);
}

#[test]
fn soak_check() {
    forms(Sandbox::new, 0, "soak check --mock");
    let kpi = "kpis: {k: {description: d, unit: 'custom:x', measure: {gauge: {of: mm_nothing, over: max}}}}";
    let gate = "{kpi: k, unit: 'custom:x', aggregate: mean, at_most: 1, severity: hard}";
    let gates = format!("profiles: {{p: {{description: d, gates: {{g: {gate}}}}}}}");
    let lacking = || Sandbox::new().file("kpis.yaml", kpi).file("gates.yaml", &gates);
    forms(lacking, 1, "soak check --mock --kpis kpis.yaml --gates-file gates.yaml --gates p");
    forms(Sandbox::new, 4, "soak check --scrape http://127.0.0.1:1");
    refused(
        Sandbox::new,
        &[(64, "soak check --edge-report none.json"), (3, "soak check --mock --gates none")],
    );
}

/// A kept run of simulated bots.
fn soaked(line: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(&format!("--quiet soak run --mock --gates smoke --iterations 3 {line}"));
    sandbox
}

#[test]
fn soak_daily() {
    // What the soak itself says and leaves stands in its own record.
    let day = |hours: u32, line: &str| {
        let watched = Sandbox::new().unrecorded("it is what the report is made of");
        let soak =
            format!("soak run --mock --gates smoke --hours {hours} --iteration 1h --interval 5m {line}");
        let _ = watched.run(&format!("--quiet --now 2026-03-09T00:00:00Z {soak}"));
        let sandbox = days(Sandbox::new(), 2..=8, DAY);
        let copied = std::process::Command::new("cp")
            .args(["-a", watched.path("artifacts/soak").to_str().unwrap()])
            .arg(sandbox.path("artifacts/soak"))
            .status();
        assert!(copied.unwrap().success());
        sandbox.file("deploy/soak/accepted_parameters.yaml", "config_hash: sim-steady-7\n")
    };
    let whole = || {
        let own = include_str!("../../deploy/soak/daily.yaml");
        let tests = own.split("  junit:").next().unwrap().to_owned()
            + "  command: {argv: [/bin/true], timeout: 9s}\n";
        day(24, "").file("deploy/soak/daily.yaml", tests).file(
            "artifacts/CHAOS_FAILOVER.json",
            r#"{"schema": "mmops.chaos-failover.v1", "version": "0.1.0", "commit": null, "clock": "frozen",
                "made_at": "2026-03-09T12:00:00Z", "simulated": false, "verdict": "OK",
                "parameters": {"mode": "full", "elections_expected": 2, "runs": 1},
                "wrongs": {"failed_runs": 0, "unexpected_elections": 0, "dual_leader_us": 0, "duplicate_orders": 0,
                           "lost_orders": 0, "older_tokens_accepted": 0, "late_acts": 0}}"#,
        )
    };
    forms(whole, 0, "soak daily");
    forms(|| day(24, "--scenario deadline_storm"), 1, "soak daily");
    forms(|| day(19, ""), 2, "soak daily");
    forms(Sandbox::new, 2, "soak daily");
    refused(Sandbox::new, &[(64, "soak daily --date 2026-03-10"), (3, "soak daily --config none.yaml")]);
}

#[test]
fn soak_compare() {
    let of = |candidate: &'static str| {
        (
            move || compared_runs(["one", candidate]),
            format!("soak compare --margin margins.yaml --baseline one --candidate {candidate}"),
        )
    };
    let ((healthy, same), (missing, worse)) = (of("two"), of("missing"));
    forms(healthy, 0, &format!("{same} --mock"));
    forms(missing, 1, &format!("{worse} --mock"));
    forms(healthy, 2, &same);
    let swapped = "soak compare --margin margins.yaml --baseline missing --candidate one";
    let explained = format!("{swapped} --mock --explain");
    refused(missing, &[(1, &format!("{worse} --mock --explain")), (0, &explained)]);
    refused(Sandbox::new, &[(64, "soak compare"), (3, "soak compare --baseline none --candidate none")]);
}

#[test]
fn soak_gate() {
    forms(|| soaked(""), 0, "soak gate --mock");
    forms(|| soaked("--scenario deadline_storm"), 1, "soak gate --mock");
    forms(|| soaked(""), 2, "soak gate");
    forms(Sandbox::new, 3, "soak gate none");
    refused(
        || soaked(""),
        &[(2, "soak gate --mock --profile kpi-last8"), (3, "soak gate --mock --profile none")],
    );
}

#[test]
fn soak_report() {
    let long = || {
        let sandbox = Sandbox::new();
        let _ = sandbox.run("--quiet soak run --mock --gates smoke --iterations 8");
        sandbox
    };
    forms(long, 0, "soak report --mock");
    forms(|| soaked("--scenario deadline_storm"), 1, "soak report --mock");
    forms(|| soaked(""), 2, "soak report");
    forms(Sandbox::new, 3, "soak report --src none");
    refused(|| soaked(""), &[(64, "soak report --last-n 0")]);
}

fn market() -> Sandbox {
    crate::tune::with_files(Sandbox::new())
}

fn swept() -> Sandbox {
    let sandbox = market();
    let _ = sandbox.run("--quiet tune sweep").code(0);
    sandbox
}

#[test]
fn tune_sweep() {
    forms(market, 0, "tune sweep");
    let limits = market().read("deploy/tuning/limits.yaml").replace("min_fills: 20", "min_fills: 1000000");
    forms(|| market().file("deploy/tuning/limits.yaml", &limits), 1, "tune sweep");
    forms(|| market().file("night.feed", "not a market\n"), 3, "tune sweep --feed night.feed");
    refused(
        market,
        &[(64, "tune sweep --shard 3/2"), (64, "tune sweep --jobs 0"), (0, "tune sweep --resume")],
    );
    refused(
        market,
        &[
            (0, "tune sweep --dry-run --jobs 2"),
            (0, "tune sweep --shard 0/2"),
            (3, "tune sweep --merge deploy"),
        ],
    );
}

#[test]
fn tune_apply() {
    forms(swept, 0, "tune apply --allow-simulated");
    forms(swept, 0, "tune apply --allow-simulated --dry-run");
    forms(swept, 1, "tune apply");
    forms(market, 3, "tune apply");
    refused(swept, &[(64, "tune apply --max-age soon"), (64, "tune apply --feed-sha256 none")]);
}

#[test]
fn tune_rollback() {
    let applied = || {
        let sandbox = swept().file("artifacts/soak/runtime_overrides.json", "{\"tail_age_ms\": 700}\n");
        let _ = sandbox.run("--quiet tune apply --allow-simulated").code(0);
        sandbox
    };
    forms(applied, 0, "tune rollback --why drift --who ann");
    forms(applied, 0, "tune rollback --why drift --who ann --dry-run");
    forms(market, 1, "tune rollback --why drift --who ann");
    refused(market, &[(64, "tune rollback"), (64, "tune")]);
}

#[test]
fn chaos_failover() {
    forms(Sandbox::new, 0, "chaos failover --dry-run");
    let plain = || Sandbox::new().file("plain", "");
    forms(plain, 3, "chaos failover --lock file:plain/store");
    refused(
        Sandbox::new,
        &[(64, "chaos"), (64, "chaos failover --ttl 1s --renew 501ms"), (64, "chaos node")],
    );
}

const PLAN: &str = "name: mm-bot\nout: dist\ncontents:\n  - {path: VERSION, description: version}\n";

fn shop() -> Sandbox {
    Sandbox::new().file("VERSION", "1.2.3\n").file("plan.yaml", PLAN)
}

fn bundled() -> Sandbox {
    let sandbox = shop();
    let _ = sandbox.run("--quiet bundle create --plan plan.yaml").code(0);
    sandbox
}

#[test]
fn bundle_create() {
    forms(shop, 0, "bundle create --plan plan.yaml");
    forms(shop, 3, "bundle");
    refused(
        shop,
        &[(3, "bundle create --plan none.yaml"), (64, "bundle create --jobs none"), (64, "bundle none")],
    );
}

#[test]
fn bundle_verify() {
    const ZIP: &str = "dist/mm-bot-v1.2.3.zip";
    forms(bundled, 0, &format!("bundle verify {ZIP}"));
    let torn = || {
        let sandbox = bundled();
        let bytes = std::fs::read(sandbox.path(ZIP)).unwrap();
        sandbox.file(ZIP, &bytes[..bytes.len() - 9])
    };
    forms(torn, 1, &format!("bundle verify {ZIP}"));
    forms(|| shop().file("folder/x", ""), 1, "bundle verify folder");
    forms(shop, 3, "bundle verify none.zip");
    refused(bundled, &[(64, "bundle verify"), (3, &format!("bundle verify {ZIP} --key none"))]);
}

const POLICY: &str = "auto_rollback:
  actions: [{type: halt}]
  verification: {checks: [{metric: m, condition: '== 0', timeout_seconds: 5}]}
executors: {halt: {exec: [halt-bot]}}
";
const SNAPSHOT: &str = "run/reports/analysis/POST_SOAK_SNAPSHOT.json";

fn soaked_release() -> Sandbox {
    let sandbox = shop().file("deploy/policies/rollback.yaml", POLICY);
    run_dir(&sandbox);
    sandbox
}

/// A release that was made of a simulated soak.
fn simulated_release() -> Sandbox {
    let sandbox = soaked_release();
    let mut snapshot = sandbox.json(SNAPSHOT);
    snapshot["simulated"] = true.into();
    sandbox.file(SNAPSHOT, snapshot.to_string())
}

#[test]
fn bundle_release() {
    let line = "bundle release --src run --legacy-snapshot --allow-simulated --out release/r1";
    forms(soaked_release, 0, line);
    forms(simulated_release, 1, &line.replace(" --allow-simulated", ""));
    forms(simulated_release, 0, line);
    forms(shop, 3, line);
    refused(shop, &[(64, "bundle release"), (64, "bundle release --src run")]);
}

#[test]
fn canary_tag() {
    forms(repository, 0, "canary tag --bundle release/r1 --allow-simulated --tag v1.2.3");
    forms(repository, 0, "canary tag --bundle release/r1 --allow-simulated --tag v1.2.3 --dry-run");
    let changed = || repository().file("VERSION", "1.2.4\n");
    forms(changed, 1, "canary tag --bundle release/r1 --allow-simulated --tag v1.2.3");
    forms(
        || shop().file("release/r1/x", ""),
        3,
        "canary tag --bundle release/r1 --allow-simulated --tag v1.2.3",
    );
    refused(shop, &[(64, "canary tag"), (64, "canary"), (3, "canary tag --bundle none --tag v1")]);
}

#[test]
fn canary_checklist() {
    let released = || {
        let sandbox = soaked_release();
        let _ = sandbox
            .run("--quiet bundle release --src run --legacy-snapshot --allow-simulated --out release/r1")
            .code(0);
        sandbox
    };
    forms(released, 0, "canary checklist --bundle release/r1");
    forms(shop, 3, "canary checklist --bundle none");
    refused(
        released,
        &[(64, "canary checklist"), (64, "canary checklist --bundle release/r1 --out release/r1/x.md")],
    );
}

#[test]
fn scan_secrets() {
    let secret = format!("api_key = \"AKIA{}\"\n", "Q3EGZ7RTXPL2VNMD");
    let clean = || Sandbox::new().file("a.py", "nothing = 1\n");
    let found = || Sandbox::new().file("a.py", &secret);
    let known = || Sandbox::new().file("a.py", secret.replace('\n', "  # gitleaks:allow\n"));
    forms(clean, 0, "scan-secrets");
    forms(found, 1, "scan-secrets");
    forms(known, 0, "scan-secrets");
    forms(known, 1, "scan-secrets --strict");
    forms(|| Sandbox::new().file("a.zip", "PK\u{3}\u{4}"), 1, "scan-secrets");
    refused(Sandbox::new, &[(3, "scan-secrets"), (3, "scan-secrets --format json")]);
    refused(
        found,
        &[(1, "scan-secrets --format sarif"), (64, "scan-secrets --jobs 0"), (3, "scan-secrets none")],
    );
    refused(clean, &[(0, "scan-secrets --format sarif"), (3, "scan-secrets --git-history")]);
}

#[test]
fn golden_compare() {
    let pair =
        |actual: &'static str| move || Sandbox::new().file("a.json", "{\"a\": 1.0}").file("b.json", actual);
    let line = "golden-compare --baseline a.json --actual b.json";
    forms(pair("{\"a\": 1.00}"), 0, line);
    forms(pair("{\"a\": 1.5, \"b\": 2}"), 0, line);
    forms(pair("{\"a\": 1.5, \"b\": 2}"), 1, &format!("{line} --fail-on-drift"));
    forms(pair("{\"a\": 1.5}"), 0, &format!("{line} --update --yes --reason fees"));
    forms(pair("{\"a\": NaN}"), 3, line);
    refused(
        pair("{}"),
        &[(64, "golden-compare"), (3, "golden-compare --baseline a.json --actual none.json")],
    );
    refused(pair("{}"), &[(64, &format!("{line} --tolerance none")), (64, &format!("{line} --update"))]);
}

/// How many rows there are depends on whose processes run.
const ROWS: (&str, &str) = (r#"(tests="|status="WARN"\} )\d+"#, "$1[ROWS]");

/// Files of nine days and of one.
fn aged() -> Sandbox {
    let sandbox = Sandbox::new().hide(ROWS);
    for (path, days) in [("artifacts/a.json", 9), ("artifacts/b.json", 8), ("artifacts/c.json", 1)] {
        sandbox.write(path, path);
        sandbox.age(path, Duration::from_hours(24 * days));
    }
    sandbox
}

#[test]
fn rotate() {
    forms(aged, 0, "rotate --days 7 --dry-run");
    forms(aged, 0, "rotate --days 7 --archive-dir archive");
    forms(aged, 1, "rotate --min-free 1000000T --dry-run");
    forms(aged, 3, "rotate");
    refused(
        aged,
        &[(64, "rotate --days none"), (3, "rotate --keep 0"), (3, "rotate --policy none.yaml --dry-run")],
    );
    refused(aged, &[(0, "rotate --days 7 --dry-run --plan plan.json"), (3, "rotate --apply none.json")]);
}

#[test]
fn rotate_restore() {
    const ARCHIVE: &str = "archive/mmops-rotation-20260310T120000Z.zip";
    let rotated = || {
        let sandbox = aged();
        let _ = sandbox.run("--quiet rotate --days 7 --archive-dir archive").code(0);
        sandbox
    };
    forms(rotated, 0, &format!("rotate restore {ARCHIVE}"));
    forms(rotated, 0, &format!("rotate restore {ARCHIVE} --dry-run"));
    forms(|| rotated().file("artifacts/a.json", "other"), 1, &format!("rotate restore {ARCHIVE}"));
    forms(aged, 3, "rotate restore none.zip");
    refused(aged, &[(64, "rotate restore"), (64, "rotate restore x.zip --days 3")]);
}

fn watched(content: &str, hours: u64) -> Sandbox {
    let task = "tasks:\n  - {name: job, artifact: a.json, max_age: 36h, owner: ann}\n";
    let sandbox = Sandbox::new().file("deploy/cron/sentinel.yaml", task).file("a.json", content);
    sandbox.age("a.json", Duration::from_hours(hours));
    sandbox
}

#[test]
fn cron_sentinel() {
    forms(|| watched("{}", 1), 0, "cron-sentinel");
    forms(|| watched("{}", 40), 1, "cron-sentinel");
    forms(|| watched("{", 1), 1, "cron-sentinel");
    forms(
        || shop().file("deploy/cron/sentinel.yaml", "tasks: [{name: j, artifact: x, max_age: 1h}]"),
        1,
        "cron-sentinel",
    );
    forms(Sandbox::new, 3, "cron-sentinel");
    refused(|| watched("{}", 1), &[(3, "cron-sentinel --task none"), (64, "cron-sentinel --window soon")]);
}

#[test]
fn sim() {
    forms(Sandbox::new, 0, "sim feed --minutes 1 --out calm.gz");
    forms(|| Sandbox::new().file("plain", ""), 3, "sim feed --minutes 1 --out plain/x");
    refused(Sandbox::new, &[(64, "sim"), (64, "sim feed"), (64, "sim bot --listen 0.0.0.0:0")]);
    refused(Sandbox::new, &[(64, "sim bot --scenario none"), (64, "sim bot --for soon")]);
}
