//! `mmops soak daily`: the report of a day from the runs of a simulated bot and of a scripted metrics page, on a
//! frozen clock, and what readiness makes of it.

use crate::sandbox::{Output, Sandbox};
use crate::soak_sources::{response, server};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

const REAL: &str = "addresses and times of files differ from run to run, and what counts is asserted";

const KPIS: &str = "kpis:
  net_bps: {description: d, unit: bps, measure: {gauge: {of: mm_net_bps, over: mean}}}
  order_latency_p95_ms: {description: d, unit: ms, measure: {gauge: {of: mm_order_age_p95_ms, over: max}}}
  maker_share_ratio: {description: d, unit: ratio, measure: {gauge: {of: mm_maker_share_ratio, over: mean}}}
";
const GATES: &str = "profiles:
  p:
    description: d
    gates:
      edge: {kpi: net_bps, unit: bps, aggregate: every, at_least: -100, severity: hard}
";

/// What the bot shows.
#[derive(Clone)]
struct Page {
    net: f64,
    age: f64,
    maker: f64,
    version: &'static str,
    config_hash: &'static str,
    tail_age: f64,
    /// Another version from so many scrapes on.
    next: Option<(usize, &'static str)>,
    scrapes: usize,
}

impl Page {
    fn good() -> Self {
        let (version, config_hash) = ("1.4.0", "c0ffee");
        Self {
            net: 3.0,
            age: 300.0,
            maker: 0.9,
            version,
            config_hash,
            tail_age: 600.0,
            next: None,
            scrapes: 0,
        }
    }

    fn text(&mut self) -> String {
        self.scrapes += 1;
        let Self { net, age, maker, config_hash, tail_age, .. } = self;
        let version = self.next.filter(|(at, _)| self.scrapes > *at).map_or(self.version, |(_, next)| next);
        format!(
            "mm_net_bps {net}\nmm_order_age_p95_ms {age}\nmm_maker_share_ratio {maker}\n\
             mm_param{{name=\"tail_age_ms\"}} {tail_age}\n\
             mm_build_info{{version=\"{version}\",config_hash=\"{config_hash}\"}} 1\n"
        )
    }
}

/// A root with a bot that is scraped, seven good days before 2026-03-09, and all else that a good day needs.
struct World {
    sandbox: Sandbox,
    page: Arc<Mutex<Page>>,
    url: String,
}

const DRILL: &str = "artifacts/CHAOS_FAILOVER.json";
const TESTS: &str = "artifacts/reports/bug_bash.xml";
const REPORT: &str = "artifacts/reports/REPORT_SOAK_20260309.json";

fn drill(verdict: &str, made_at: &str) -> String {
    json!({
        "schema": "mmops.chaos-failover.v1", "version": "0.1.0", "commit": null, "made_at": made_at,
        "clock": "frozen", "simulated": false, "verdict": verdict,
        "parameters": {"mode": "full", "elections_expected": 2, "runs": 1},
        "wrongs": {"failed_runs": 0, "unexpected_elections": 0, "dual_leader_us": 0, "duplicate_orders": 0,
                   "lost_orders": 0, "older_tokens_accepted": 0, "late_acts": 0},
    })
    .to_string()
}

/// Writes the results of the test sweep, as if at this time.
fn tests(sandbox: &Sandbox, text: &str, at: &str) {
    sandbox.write(TESTS, text);
    let time = SystemTime::from(at.parse::<jiff::Timestamp>().unwrap());
    std::fs::File::options().write(true).open(sandbox.path(TESTS)).unwrap().set_modified(time).unwrap();
}

const PASSED: &str = "<testsuite tests='2'><testcase/><testcase/></testsuite>";

impl World {
    fn new() -> Self {
        let page = Arc::new(Mutex::new(Page::good()));
        let shown = Arc::clone(&page);
        let url = server(move |_, _| response("200 OK", "", shown.lock().unwrap().text().as_bytes()));
        let sandbox = Sandbox::new().unrecorded(REAL).file("k.yaml", KPIS).file("g.yaml", GATES);
        sandbox.write(
            "deploy/soak/accepted_parameters.yaml",
            "config_hash: c0ffee\nparameters: {tail_age_ms: 600}\n",
        );
        sandbox.write(DRILL, drill("OK", "2026-03-09T12:00:00Z"));
        tests(&sandbox, PASSED, "2026-03-10T00:10:00Z");
        let day = json!({
            "edge_net_bps": 3.0, "order_age_p95_ms": 300, "taker_share_pct": 10, "chaos_result": "OK",
            "bug_bash": "OK", "reg_guard": {"reason": "NONE"}, "drift": {"reason": "NONE"},
        });
        for date in 2..9 {
            sandbox.write(&format!("artifacts/reports/REPORT_SOAK_2026030{date}.json"), day.to_string());
        }
        Self { sandbox, page, url }
    }

    /// Watches the bot from this time on.
    fn soak(&self, from: &str, hours: u32) {
        let files = "--kpis k.yaml --gates-file g.yaml --gates p --iteration 1h --interval 30m";
        let url = &self.url;
        self.sandbox
            .run(&format!("-q --now {from} soak run --scrape {url} --hours {hours} {files}"))
            .stdout_has("SOAK=");
    }

    fn daily(&self) -> Output {
        self.sandbox.run("soak daily --date 2026-03-09")
    }

    fn report(&self) -> Value {
        self.sandbox.json(REPORT)
    }
}

const DAY: &str = "2026-03-09T00:00:00Z";

/// What is wrong with the ninth of March, the marker of its report, the score of the week that ends with it, and the
/// points that each section loses, by hand: a day that shows nothing costs a section a seventh, and one bad drill or
/// test sweep the whole section.
type Part = (&'static str, fn(&World), &'static str, f64, &'static [(&'static str, f64)], &'static str);

const FIGURES_LOST: &[(&str, f64)] =
    &[("edge", 4.285_714), ("latency", 3.571_429), ("taker", 2.142_857), ("guards", 1.428_571)];
const GUARDS_LOST: &[(&str, f64)] = &[("guards", 1.428_571)];

fn guards_that_stop() -> Vec<Part> {
    vec![
        ("nothing", |world| world.soak(DAY, 24), "OK", 100.0, &[], ""),
        (
            "an edge of two thirds",
            |world| {
                world.page.lock().unwrap().net = 2.0;
                world.soak(DAY, 24);
            },
            "FAIL",
            98.571_429,
            GUARDS_LOST,
            "EDGE_REG",
        ),
        (
            "slow orders",
            |world| {
                world.page.lock().unwrap().age = 331.0;
                world.soak(DAY, 24);
            },
            "FAIL",
            98.571_429,
            GUARDS_LOST,
            "LAT_REG",
        ),
        (
            "takers",
            |world| {
                world.page.lock().unwrap().maker = 0.88;
                world.soak(DAY, 24);
            },
            "FAIL",
            98.571_429,
            GUARDS_LOST,
            "TAKER_REG",
        ),
        (
            "another parameter",
            |world| {
                world.page.lock().unwrap().tail_age = 601.0;
                world.soak(DAY, 24);
            },
            "FAIL",
            98.571_429,
            GUARDS_LOST,
            "tail_age_ms is 601, accepted is 600",
        ),
        (
            "another configuration",
            |world| {
                world.page.lock().unwrap().config_hash = "beef";
                world.soak(DAY, 24);
            },
            "FAIL",
            98.571_429,
            GUARDS_LOST,
            "config_hash beef was not accepted",
        ),
        (
            "nothing accepted",
            |world| {
                std::fs::remove_file(world.sandbox.path("deploy/soak/accepted_parameters.yaml")).unwrap();
                world.soak(DAY, 24);
            },
            "INCONCLUSIVE",
            98.571_429,
            GUARDS_LOST,
            "is not there: write the parameters",
        ),
    ]
}

fn drills_and_tests() -> Vec<Part> {
    vec![
        (
            "a failed drill",
            |world| {
                world.sandbox.write(DRILL, drill("FAIL", "2026-03-09T12:00:00Z"));
                world.soak(DAY, 24);
            },
            "FAIL",
            90.0,
            &[("chaos", 10.0)],
            "root.verdict is \"FAIL\"",
        ),
        (
            "no drill",
            |world| {
                std::fs::remove_file(world.sandbox.path(DRILL)).unwrap();
                world.soak(DAY, 24);
            },
            "INCONCLUSIVE",
            98.571_429,
            &[("chaos", 1.428_571)],
            "CHAOS_FAILOVER.json",
        ),
        (
            "an old drill",
            |world| {
                world.sandbox.write(DRILL, drill("OK", "2026-02-01T12:00:00Z"));
                world.soak(DAY, 24);
            },
            "INCONCLUSIVE",
            98.571_429,
            &[("chaos", 1.428_571)],
            "the limit is 30d",
        ),
        (
            "a failed test",
            |world| {
                let text = "<testsuite><testcase><failure/></testcase><testcase/></testsuite>";
                tests(&world.sandbox, text, "2026-03-10T00:10:00Z");
                world.soak(DAY, 24);
            },
            "FAIL",
            90.0,
            &[("tests", 10.0)],
            "2 tests, 1 failures",
        ),
        (
            "no tests",
            |world| {
                tests(&world.sandbox, "<testsuite/>", "2026-03-10T00:10:00Z");
                world.soak(DAY, 24);
            },
            "INCONCLUSIVE",
            98.571_429,
            &[("tests", 1.428_571)],
            "0 tests ran, at least 1",
        ),
        (
            "old tests",
            |world| {
                tests(&world.sandbox, PASSED, "2026-03-08T23:59:59Z");
                world.soak(DAY, 24);
            },
            "INCONCLUSIVE",
            98.571_429,
            &[("tests", 1.428_571)],
            "1s old, the limit is 1day 12h",
        ),
    ]
}

fn days_that_are_short_or_doubled() -> Vec<Part> {
    vec![
        ("no run", |_| {}, "INCONCLUSIVE", 88.571_429, FIGURES_LOST, "no run has windows on 2026-03-09"),
        (
            "nineteen hours",
            |world| world.soak("2026-03-09T05:00:00Z", 19),
            "INCONCLUSIVE",
            88.571_429,
            FIGURES_LOST,
            "19h of the day were seen, at least 20h are needed",
        ),
        ("twenty hours", |world| world.soak("2026-03-09T04:00:00Z", 20), "OK", 100.0, &[], ""),
        (
            "two versions",
            |world| {
                world.page.lock().unwrap().next = Some((20, "1.4.1"));
                world.soak(DAY, 24);
            },
            "INCONCLUSIVE",
            88.571_429,
            FIGURES_LOST,
            "versions 1.4.0 and 1.4.1 ran on the day",
        ),
        (
            "two versions that were meant",
            |world| {
                let own = include_str!("../../deploy/soak/daily.yaml");
                let change = "version_changes: [{date: 2026-03-09, from: 1.4.0, to: 1.4.1, reason: hot fix}]";
                world.sandbox.write("deploy/soak/daily.yaml", own.replace("version_changes: []", change));
                world.page.lock().unwrap().next = Some((20, "1.4.1"));
                world.soak(DAY, 24);
            },
            // The gates of the run do not know of it.
            "OK",
            100.0,
            &[],
            "",
        ),
        (
            "two runs at once",
            |world| {
                world.soak(DAY, 24);
                world.soak("2026-03-09T10:00:00Z", 3);
            },
            "INCONCLUSIVE",
            88.571_429,
            FIGURES_LOST,
            "overlap at 2026-03-09T10:00:00Z",
        ),
    ]
}

fn runs_that_count_or_cannot_be_believed() -> Vec<Part> {
    vec![
        (
            "two runs one after the other",
            |world| {
                world.soak(DAY, 10);
                world.soak("2026-03-09T11:00:00Z", 12);
            },
            "OK",
            100.0,
            &[],
            "",
        ),
        (
            "a simulation beside the bot",
            |world| {
                world.soak(DAY, 24);
                let line = format!("-q --now {DAY} soak run --mock --gates smoke --hours 3 --iteration 1h");
                let _ = world.sandbox.run(&line).code(0);
            },
            "OK",
            100.0,
            &[],
            "it is simulated, and the day has runs that are not",
        ),
        (
            "a simulation alone",
            |world| {
                let line = format!(
                    "-q --now {DAY} soak run --mock --gates smoke --hours 24 --iteration 1h --interval 5m"
                );
                let _ = world.sandbox.run(&line).code(0);
            },
            "FAIL",
            85.714_287,
            &[
                ("edge", 4.285_714),
                ("latency", 3.571_429),
                ("taker", 2.142_857),
                ("guards", 1.428_571),
                ("chaos", 1.428_571),
                ("tests", 1.428_571),
            ],
            "it rests on a simulation",
        ),
        (
            "samples that were cut",
            |world| {
                world.soak(DAY, 24);
                let samples = world.sandbox.path("artifacts/soak/latest/samples.bin");
                let bytes = std::fs::read(&samples).unwrap();
                std::fs::write(&samples, &bytes[..bytes.len() - 3]).unwrap();
            },
            "INCONCLUSIVE",
            88.571_429,
            FIGURES_LOST,
            "contradicts itself: iteration 24: the samples end at byte",
        ),
        (
            "a plan that was edited",
            |world| {
                world.soak(DAY, 24);
                let path = "artifacts/soak/latest/RUN.json";
                let text = world.sandbox.read(path).replace("-100", "-200");
                world.sandbox.write(path, text);
            },
            "INCONCLUSIVE",
            88.571_429,
            FIGURES_LOST,
            "it was changed since",
        ),
        (
            "a plan that is torn",
            |world| {
                world.soak(DAY, 24);
                world.sandbox.write("artifacts/soak/latest/RUN.json", "{\"schema\": ");
            },
            "INCONCLUSIVE",
            88.571_429,
            FIGURES_LOST,
            "cannot be judged again",
        ),
        (
            "a journal whose last line is torn",
            |world| {
                world.soak(DAY, 24);
                let path = "artifacts/soak/latest/JOURNAL.jsonl";
                let text = world.sandbox.read(path);
                world.sandbox.write(path, &text[..text.len() - 40]);
            },
            "INCONCLUSIVE",
            88.571_429,
            FIGURES_LOST,
            "but `status.json` has seen 24",
        ),
    ]
}

#[test]
fn each_part_of_a_day_that_is_wrong_costs_what_it_is_worth() {
    let parts = [
        guards_that_stop(),
        drills_and_tests(),
        days_that_are_short_or_doubled(),
        runs_that_count_or_cannot_be_believed(),
    ];
    let table: Vec<Part> = parts.into_iter().flatten().collect();
    let jobs = Mutex::new(table.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(part) = { jobs.lock().unwrap().next() } {
                    hold(part);
                }
            });
        }
    });
}

fn hold((what, prepare, verdict, score, losses, said): Part) {
    let world = World::new();
    prepare(&world);
    let output = world.daily();
    let marker = format!("SOAK_DAILY={verdict} |");
    assert!(output.stdout.trim_end().ends_with(&marker), "{what}:\n{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains(said), "{what}: no `{said}` in\n{}", output.stdout);
    let expected = match verdict {
        "OK" => 0,
        "FAIL" => 1,
        _ => 2,
    };
    assert_eq!(output.code, Some(expected), "{what}");
    assert_eq!(world.report()["verdict"], verdict, "{what}");
    let _ = world.sandbox.run("readiness score");
    let scored = world.sandbox.json("artifacts/reports/readiness.json");
    assert_eq!(scored["score"], json!(score), "{what}: {scored}");
    let lost: Vec<(&str, f64)> = scored["losses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|loss| (loss["section"].as_str().unwrap(), loss["points"].as_f64().unwrap()))
        .collect();
    assert_eq!(lost, losses, "{what}");
    let go = if losses.is_empty() { "GO" } else { "HOLD" };
    assert_eq!(scored["verdict"], go, "{what}");
}

#[test]
fn a_run_over_midnight_gives_each_day_its_own_windows() {
    let world = World::new();
    world.soak("2026-03-07T21:30:00Z", 30);
    let run = |date: &str, code: i32| {
        let output = world.sandbox.run(&format!("soak daily --date {date}")).code(code);
        drop(output);
        let name = date.replace('-', "");
        world.sandbox.json(&format!("artifacts/reports/REPORT_SOAK_{name}.json"))
    };
    let first = run("2026-03-07", 2);
    assert_eq!((&first["observed_hours"], &first["edge_net_bps"]), (&json!(2.0), &Value::Null));
    let whole = run("2026-03-08", 0);
    assert_eq!((&whole["observed_hours"], &whole["edge_net_bps"]), (&json!(23.0), &json!(3.0)));
    assert_eq!(whole["runs"][0]["iterations"], json!([4, 26]));
    assert_eq!(whole["runs"][0]["over_midnight"], json!(2));
    assert_eq!(whole["observed_from"], "2026-03-08T00:30:00Z");
    assert_eq!(whole["subject"], "1.4.0");
    assert_eq!(whole["builds"], json!([{"version": "1.4.0", "config_hash": "c0ffee"}]));
    assert_eq!(run("2026-03-09", 2)["observed_hours"], json!(3.0));
}

#[test]
fn a_question_that_cannot_be_asked_leaves_no_report_of_the_day() {
    let own = include_str!("../../deploy/soak/daily.yaml");
    let table = [
        ("--date 2026-03-11", String::new(), 64, "2026-03-11 lies in the future"),
        ("--date 2026-03-10", String::new(), 64, "2026-03-10 is not over"),
        ("--date soon", String::new(), 64, "not a date such as 2026-03-09"),
        ("", "figures: [".to_owned(), 3, "daily.yaml"),
        ("", own.replace("min_observed: 20h", "min_observed: 25h"), 3, "at most 24h"),
        ("", own.replace("min_observed: 20h", "min_observed: 0s"), 3, "above 0s"),
        ("", own.replace("unit: bps", "unit: ms"), 3, "cannot be given in bps"),
        ("", own.replace("aggregate: p95", "aggregate: sum"), 3, "must be mean, median, p95, max or min"),
        ("", own.replace("kpi: net_bps", "kpi: net_bsp"), 3, "has no KPI `net_bsp`; did you mean `net_bps`?"),
        ("", own.replace("unit: ratio", "unit: percent"), 3, "is in `ratio`"),
        ("", own.replace("min_tests: 1", "min_tests: 0"), 3, "no test at all proves nothing"),
        (
            "",
            own.replace("junit: [artifacts/reports/bug_bash.xml]", "junit: []"),
            3,
            "neither junit nor a command",
        ),
        ("--config none.yaml", String::new(), 3, "none.yaml"),
    ];
    let world = World::new();
    world.soak(DAY, 24);
    for (options, config, code, said) in table {
        let _ = std::fs::remove_file(world.sandbox.path("deploy/soak/daily.yaml"));
        let _ = world.daily().code(0);
        if !config.is_empty() {
            world.sandbox.write("deploy/soak/daily.yaml", config);
        }
        let output = world.sandbox.run(&format!("soak daily {options}")).error(code).stderr_has(said);
        drop(output);
        let is_asked = code == 3;
        assert_eq!(!world.sandbox.path(REPORT).exists(), is_asked, "{said}");
    }
}

/// The command that runs the tests is one that daily.yaml names, with its time and its exit code.
#[test]
fn a_command_can_be_the_test_sweep() {
    let own = include_str!("../../deploy/soak/daily.yaml");
    let kept = own.split("bug_bash:\n").next().unwrap();
    let world = World::new();
    world.soak(DAY, 24);
    for (argv, timeout, code, found) in [
        ("[/bin/true]", "30s", 0, json!("OK")),
        ("[/bin/false]", "30s", 1, json!("FAIL")),
        ("[no-such-program]", "30s", 2, Value::Null),
        ("[mmops, schema]", "30s", 1, json!("FAIL")),
        ("[sh, -c, 'sleep 9 & exit 0']", "30s", 1, json!("FAIL")),
    ] {
        let config = format!("{kept}bug_bash:\n  command: {{argv: {argv}, timeout: {timeout}}}\n");
        world.sandbox.write("deploy/soak/daily.yaml", config);
        let output = world.daily().code(code);
        drop(output);
        assert_eq!(world.report()["bug_bash"], found, "{argv}");
        let chaos = world.report();
        assert_eq!(chaos["tests"]["from"].as_array().unwrap().len(), 1, "{chaos}");
    }
}

/// Eight days of a simulated bot: the first has no history, so that the eighth is the first on which seven count.
#[test]
fn a_day_on_which_a_hard_limit_broke_is_no_good_one() {
    let sandbox = Sandbox::new().unrecorded(REAL);
    let soak =
        "soak run --mock --scenario breaker_trip --gates smoke --hours 24 --iteration 2h --interval 10m";
    let _ = sandbox.run(&format!("-q --now 2026-03-08T00:00:00Z {soak}")).code(1);
    let now = "--now 2026-03-09T00:20:00Z";
    let _ = sandbox
        .run(&format!("-q {now} soak daily"))
        .code(1)
        .stdout_has("breaker is broken in the windows of the day");
    let score = sandbox.run(&format!("-q {now} readiness --window 1 --allow-simulated")).code(1);
    let _ = score.stdout_has("broke on this day (breaker");
    // Moved away and linked, it is the same run; without its plan or its journal the day is not known.
    let (run, moved) = (sandbox.path("artifacts/soak/RUN_1772928000000"), sandbox.path("moved"));
    std::fs::rename(&run, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &run).unwrap();
    let _ = sandbox
        .run(&format!("-q {now} soak daily"))
        .code(1)
        .stdout_has("breaker is broken in the windows of the day");
    for name in ["RUN.json", "JOURNAL.jsonl"] {
        std::fs::rename(moved.join(name), moved.join("away")).unwrap();
        let _ = sandbox.run(&format!("-q {now} soak daily")).code(2).stdout_has("RUN_1772928000000");
        std::fs::rename(moved.join("away"), moved.join(name)).unwrap();
    }
}

#[test]
fn a_report_that_says_more_than_it_rests_on_shows_nothing() {
    let sandbox = Sandbox::new().unrecorded(REAL);
    let soak = "soak run --mock --gates smoke --hours 24 --iteration 2h --interval 10m";
    let _ = sandbox.run(&format!("-q --now 2026-03-08T00:00:00Z {soak}")).code(0);
    let now = "--now 2026-03-09T00:20:00Z";
    tests(&sandbox, PASSED, "2026-03-09T00:10:00Z");
    let _ = sandbox.run(&format!("-q {now} soak daily")).code(2);
    let path = "artifacts/reports/REPORT_SOAK_20260308.json";
    let (report, score) = (sandbox.json(path), format!("-q {now} readiness --window 1 --allow-simulated"));
    let refused = sandbox.run(&score).code(1);
    assert!(!refused.stdout.contains("contradicts itself"), "{}", refused.stdout);
    for (field, value, part) in [
        ("runs", json!([]), "no run that they are of"),
        ("observed_hours", json!(2.0), "less was seen"),
        ("simulated", json!(false), "rests on a simulation"),
        ("tests", json!({"failures": 3}), "its tests failed"),
    ] {
        let mut changed = report.clone();
        match value.as_object() {
            Some(inner) => inner.iter().for_each(|(key, value)| changed[field][key] = value.clone()),
            None => changed[field] = value,
        }
        sandbox.write(path, changed.to_string());
        let _ = sandbox.run(&score).code(1).stdout_has("contradicts itself").stdout_has(part);
    }
}

#[test]
fn eight_days_of_soak_lead_to_go_and_no_sooner() {
    let sandbox = Sandbox::new().unrecorded(REAL);
    sandbox.write(
        "deploy/soak/accepted_parameters.yaml",
        "config_hash: [sim-steady-7]\nparameters: {base_spread_bps_delta: 0.05, impact_cap_ratio: 0.1, \
         max_delta_ratio: 0.15, min_interval_ms: 60, replace_rate_per_min: 300, tail_age_ms: 600}\n",
    );
    sandbox.write(DRILL, drill("OK", "2026-03-01T12:00:00Z"));
    for date in 1..=8 {
        let soak = "soak run --mock --gates smoke --hours 24 --iteration 2h --interval 10m";
        let _ = sandbox.run(&format!("-q --now 2026-03-0{date}T00:00:00Z {soak}")).code(0);
        let now = format!("2026-03-0{}T00:20:00Z", date + 1);
        tests(&sandbox, PASSED, &now);
        let (code, marker) = match date {
            1 => (2, "| soak_daily | FAIL | SOAK_DAILY=INCONCLUSIVE |"),
            _ => (0, "| soak_daily | OK | SOAK_DAILY=OK |"),
        };
        let output = sandbox.run(&format!("-q --now {now} soak daily")).code(code).marker(marker);
        match date {
            1 => drop(output.stdout_has("GO can be reached on 2026-03-09").stdout_has("NO_HISTORY")),
            2 => drop(output.stdout_has("judged on 1 of 7 days alone")),
            4.. => assert!(!output.stdout.contains("alone"), "{}", output.stdout),
            _ => {}
        }
        // The window of seven days has the first one in it for as long.
        let score = sandbox.run(&format!("-q --now {now} readiness --allow-simulated"));
        let verdict = if date == 8 { "READINESS=GO" } else { "READINESS=" };
        assert!(score.stdout.contains(verdict), "{date}: {}", score.stdout);
        assert_eq!(score.code, Some(i32::from(date < 8)), "{date}: {}", score.stdout);
        if date == 7 {
            let document = sandbox.json("artifacts/reports/readiness.json");
            assert_eq!(document["score"], json!(98.571_429), "{document}");
            let reason = document["losses"][0]["reasons"][0].as_str().unwrap();
            assert!(reason.contains("reg_guard is NO_HISTORY: GO can be reached on 2026-03-09"), "{reason}");
        }
    }
    let now = "--now 2026-03-09T01:00:00Z";
    let _ =
        sandbox.run(&format!("-q {now} readiness")).code(1).stdout_has("is simulated, which is not evidence");
    let _ = sandbox.run(&format!("-q {now} readiness --allow-simulated")).code(0);
    let line =
        "readiness validate artifacts/reports/readiness.json --reports artifacts/reports --allow-simulated";
    let _ = sandbox.run(&format!("-q {now} {line}")).code(0);
    // The report of a day is the same however often it is made.
    let path = "artifacts/reports/REPORT_SOAK_20260308.json";
    let before = sandbox.read(path);
    let _ = sandbox.run("-q --now 2026-03-09T00:20:00Z soak daily").code(0);
    assert_eq!(sandbox.read(path), before);
    let page = sandbox.read("artifacts/reports/REPORT_SOAK_20260308.md");
    assert!(page.starts_with("# Soak of 2026-03-08\n\nResult: OK\n\n**simulated: true**"), "{page}");
}

#[test]
fn seven_reports_make_the_week() {
    let world = World::new();
    let line = "soak daily --weekly --date 2026-03-08";
    let marker = |verdict: &str, status: &str| format!("| soak_daily | {status} | SOAK_DAILY={verdict} |");
    // Without a week before there is nothing to compare with.
    let _ = world.sandbox.run(line).code(0).marker(&marker("OK", "WARN")).stdout_has("no week before");
    let rollup = || world.sandbox.json("artifacts/reports/WEEKLY_ROLLUP.json");
    assert_eq!((&rollup()["verdict"], &rollup()["period"]["from"]), (&json!("WARN"), &json!("2026-03-02")));
    let day = world.sandbox.json("artifacts/reports/REPORT_SOAK_20260303.json");
    let write = |date: &str, edge: f64| {
        let mut day = day.clone();
        day["edge_net_bps"] = json!(edge);
        world.sandbox.write(&format!("artifacts/reports/REPORT_SOAK_{date}.json"), day.to_string());
    };
    for date in ["23", "24", "25", "26", "27", "28"] {
        write(&format!("202602{date}"), 3.2);
    }
    write("20260301", 3.2);
    let _ = world.sandbox.run(line).code(0).marker(&marker("OK", "OK"));
    assert_eq!(rollup()["verdict"], "GO");
    assert_eq!(rollup()["week"]["edge_net_bps"]["before"], json!(3.2));
    assert_eq!(rollup()["reports"].as_array().unwrap().len(), 14);
    write("20260305", -4.0);
    let _ = world.sandbox.run(line).code(0).stdout_has("edge_net_bps at 2026-03-05");
    std::fs::remove_file(world.sandbox.path("artifacts/reports/REPORT_SOAK_20260304.json")).unwrap();
    let _ = world.sandbox.run(line).code(2).marker(&marker("INCONCLUSIVE", "FAIL"));
    for date in ["02", "03", "04", "06", "07", "08"] {
        write(&format!("202603{date}"), 2.4);
    }
    let _ = world.sandbox.run(line).code(1).marker(&marker("FAIL", "FAIL"));
    assert_eq!(rollup()["verdict"], "NO-GO");
    // A week that is not over has no rollup, and an old one does not stay.
    let _ = world.sandbox.run("soak daily --weekly --date 2026-03-10").error(64);
    assert!(!world.sandbox.path("artifacts/reports/WEEKLY_ROLLUP.json").exists());
}
