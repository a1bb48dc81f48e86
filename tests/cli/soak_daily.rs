//! `mmops soak daily`: the report of a day from the runs of a simulated bot and of a scripted metrics page, on a
//! frozen clock, and what readiness makes of it.

use crate::sandbox::{Output, Sandbox};
use crate::soak_sources::{response, server};
use mmops::testing::age::EvidencePolicy;
use mmops::testing::daily::{File, Rules, is_go};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

const REAL: &str = "addresses and times of files differ from run to run, and what counts is asserted";

const KPIS: &str = "kpis:
  net_bps: {description: d, unit: bps, measure: {gauge: {of: mm_net_bps, over: mean}}}
  order_latency_p95_ms: {description: d, unit: ms, measure: {gauge: {of: mm_order_age_p95_ms, over: max}}}
  maker_share_ratio: {description: d, unit: ratio, measure: {gauge: {of: mm_maker_share_ratio, over: mean}}}
  alive: {description: d, unit: flag, measure: {gauge: {of: mm_alive, over: min}}}
  memory: {description: d, unit: bytes, measure: {gauge: {of: process_resident_memory_bytes, over: mean}}}
  restarts: {description: d, unit: count, measure: restarts}
";
const GATES: &str = "profiles:
  p:
    description: d
    gates:
      alive: {kpi: alive, unit: flag, aggregate: every, at_least: 1, severity: hard}
  two_in_a_row:
    description: d
    gates:
      alive: {kpi: alive, unit: flag, aggregate: every, at_least: 1, severity: hard, k_of_n: {k: 2, n: 3}}
  lives:
    description: d
    gates:
      memory: {kpi: memory, unit: bytes, aggregate: growth, at_most: 40, severity: hard}
      restarts: {kpi: restarts, unit: count, aggregate: sum, at_most: 0, severity: hard}
";

/// The delivered configuration with the gates of these tests.
fn own() -> String {
    let gates = "gates: {profile: p, gates_file: g.yaml, kpis: k.yaml}";
    include_str!("../../deploy/soak/daily.yaml").replace("gates: {profile: soak-72h}", gates)
}

/// What the bot shows.
#[derive(Clone)]
struct Page {
    net: f64,
    age: f64,
    maker: f64,
    alive: u8,
    version: &'static str,
    config_hash: &'static str,
    tail_age: f64,
    /// Other versions, each from so many scrapes on.
    next: Vec<(usize, &'static str)>,
    /// A metric that is not there from so many scrapes on.
    gone: Option<(usize, &'static str)>,
    /// Scrapes that get no answer.
    silent: std::ops::Range<usize>,
    /// What else changes from scrape to scrape.
    change: Option<fn(&mut Page, usize)>,
    /// When the process was started, and its memory.
    process: Option<(u32, usize)>,
    scrapes: usize,
}

impl Page {
    fn good() -> Self {
        Self {
            net: 3.0,
            age: 300.0,
            maker: 0.9,
            alive: 1,
            version: "1.4.0",
            config_hash: "c0ffee",
            tail_age: 600.0,
            next: Vec::new(),
            gone: None,
            silent: 0..0,
            change: None,
            process: None,
            scrapes: 0,
        }
    }

    fn text(&mut self) -> String {
        self.scrapes += 1;
        if let Some(change) = self.change {
            change(self, self.scrapes);
        }
        let process = self.process.map_or_else(String::new, |(started, memory)| {
            format!("process_start_time_seconds {started}\nprocess_resident_memory_bytes {memory}\n")
        });
        let Self { net, age, maker, alive, config_hash, tail_age, scrapes, .. } = self;
        let next = self.next.iter().rfind(|(at, _)| *scrapes > *at);
        let version = next.map_or(self.version, |(_, next)| next);
        let text = format!(
            "mm_net_bps {net}\nmm_order_age_p95_ms {age}\nmm_maker_share_ratio {maker}\nmm_alive {alive}\n\
             mm_param{{name=\"tail_age_ms\"}} {tail_age}\n\
             mm_build_info{{version=\"{version}\",config_hash=\"{config_hash}\"}} 1\n{process}"
        );
        let is_gone =
            |line: &&str| self.gone.is_some_and(|(at, name)| *scrapes > at && line.starts_with(name));
        text.lines().filter(|line| !is_gone(line)).map(|line| format!("{line}\n")).collect()
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
const ACCEPTED: &str = "deploy/soak/accepted_parameters.yaml";
const CONFIG: &str = "deploy/soak/daily.yaml";

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
/// When the drill and the tests of a good day are made.
const NOON: &str = "2026-03-09T12:00:00Z";
const NIGHT: &str = "2026-03-10T00:10:00Z";

impl World {
    fn new() -> Self {
        let page = Arc::new(Mutex::new(Page::good()));
        let shown = Arc::clone(&page);
        let url = server(move |_, _| {
            let mut page = shown.lock().unwrap();
            let text = page.text();
            let is_silent = page.silent.contains(&page.scrapes);
            let status = if is_silent { "500 Internal Server Error" } else { "200 OK" };
            response(status, "", if is_silent { &[] } else { text.as_bytes() })
        });
        let sandbox = Sandbox::new().unrecorded(REAL).file("k.yaml", KPIS).file("g.yaml", GATES);
        sandbox.write(CONFIG, own());
        sandbox.write(ACCEPTED, "config_hash: c0ffee\nparameters: {tail_age_ms: 600}\n");
        sandbox.write(DRILL, drill("OK", NOON));
        tests(&sandbox, PASSED, NIGHT);
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
        self.soak_with(from, &format!("--hours {hours} --iteration 1h --interval 30m --kpis k.yaml"));
    }

    fn soak_with(&self, from: &str, options: &str) {
        let (files, url) = ("--gates-file g.yaml --gates p --allow-missing", &self.url);
        self.sandbox
            .run(&format!("-q --now {from} soak run --scrape {url} {files} {options}"))
            .stdout_has("SOAK=");
    }

    fn daily(&self) -> Output {
        self.sandbox.run("soak daily --date 2026-03-09")
    }

    fn report(&self) -> Value {
        self.sandbox.json(REPORT)
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.sandbox.path(path)).unwrap();
    }

    /// Replaces a part of a file.
    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.sandbox.read(path);
        assert!(text.contains(from), "{path} has no {from}");
        self.sandbox.write(path, text.replace(from, to));
    }
}

const DAY: &str = "2026-03-09T00:00:00Z";

/// What makes the ninth of March otherwise than a good day; the second world is one that was watched all of it.
type Prepare = Box<dyn Fn(&World, &World) + Send>;

/// The bot shows this all day.
fn page(change: fn(&mut Page)) -> Prepare {
    Box::new(move |world, _| {
        change(&mut world.page.lock().unwrap());
        world.soak(DAY, 24);
    })
}

/// The bot is watched all day, and something else is not as it should be.
fn beside(change: fn(&World)) -> Prepare {
    Box::new(move |world, watched| {
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([watched, world].map(|world| world.sandbox.path("artifacts/soak")))
            .status();
        assert!(copied.unwrap().success());
        change(world);
    })
}

/// The score of the week that ends with the day, and the points that each section loses, by hand: a day that shows
/// nothing costs a section a seventh, and one bad drill or test sweep the whole section.
#[derive(Clone, Copy)]
struct Cost(f64, &'static [(&'static str, f64)]);

const NOTHING: Cost = Cost(100.0, &[]);
const GUARDS: Cost = Cost(98.571_429, &[("guards", 1.428_571)]);
const CHAOS: Cost = Cost(98.571_429, &[("chaos", 1.428_571)]);
const TESTS_LOST: Cost = Cost(98.571_429, &[("tests", 1.428_571)]);
const ALL_CHAOS: Cost = Cost(90.0, &[("chaos", 10.0)]);
const ALL_TESTS: Cost = Cost(90.0, &[("tests", 10.0)]);
// What is not known cannot be compared either.
const EDGE: Cost = Cost(94.285_715, &[("edge", 4.285_714), ("guards", 1.428_571)]);
const LATENCY: Cost = Cost(95.0, &[("latency", 3.571_429), ("guards", 1.428_571)]);
const TAKER: Cost = Cost(96.428_572, &[("taker", 2.142_857), ("guards", 1.428_571)]);
const FIGURES: Cost = Cost(
    88.571_429,
    &[("edge", 4.285_714), ("latency", 3.571_429), ("taker", 2.142_857), ("guards", 1.428_571)],
);
const WHOLE_DAY: Cost = Cost(
    85.714_287,
    &[
        ("edge", 4.285_714),
        ("latency", 3.571_429),
        ("taker", 2.142_857),
        ("guards", 1.428_571),
        ("chaos", 1.428_571),
        ("tests", 1.428_571),
    ],
);

/// A part of the day, what is wrong with it, what `soak daily` makes of it, what it costs, and what is said.
type Part = (&'static str, &'static str, Prepare, &'static str, Cost, &'static str);

/// Of each part what fails, is missing, short, of another version, simulated or there twice. A test file names no
/// version, and what is not kept of a parameter cannot be short.
#[rustfmt::skip]
fn parts() -> Vec<Part> {
    vec![
        ("day", "good", beside(|_| ()), "OK", NOTHING, ""),

        ("edge", "failing", page(|page| page.net = 2.0), "FAIL", GUARDS, "EDGE_REG"),
        ("edge", "missing", page(|page| page.gone = Some((0, "mm_net_bps"))), "INCONCLUSIVE", EDGE, "measured for 0s of the day"),
        ("edge", "short", page(|page| page.gone = Some((39, "mm_net_bps"))), "INCONCLUSIVE", EDGE, "measured for 19h of the day, at least 20h"),
        ("edge", "beyond", page(|page| page.net = 1e300), "INCONCLUSIVE", EDGE, "1e300 bps is outside what it can be"),
        ("latency", "failing", page(|page| page.age = 331.0), "FAIL", GUARDS, "LAT_REG"),
        ("latency", "missing", page(|page| page.gone = Some((0, "mm_order_age"))), "INCONCLUSIVE", LATENCY, "measured for 0s of the day"),
        ("latency", "short", page(|page| page.gone = Some((39, "mm_order_age"))), "INCONCLUSIVE", LATENCY, "measured for 19h of the day, at least 20h"),
        ("taker", "failing", page(|page| page.maker = 0.88), "FAIL", GUARDS, "TAKER_REG"),
        ("taker", "missing", page(|page| page.gone = Some((0, "mm_maker"))), "INCONCLUSIVE", TAKER, "measured for 0s of the day"),
        ("taker", "short", page(|page| page.gone = Some((39, "mm_maker"))), "INCONCLUSIVE", TAKER, "measured for 19h of the day, at least 20h"),

        ("gates", "failing", page(|page| page.alive = 0), "FAIL", WHOLE_DAY, "alive is broken in the windows of the day"),
        ("gates", "missing", page(|page| page.gone = Some((0, "mm_alive"))), "INCONCLUSIVE", FIGURES, "the gates of the day are INCONCLUSIVE: alive: NO_DATA"),
        ("gates", "short", page(|page| page.gone = Some((39, "mm_alive"))), "INCONCLUSIVE", FIGURES, "the gates of the day are INCONCLUSIVE: alive: PARTIAL"),

        ("run", "missing", Box::new(|_, _| ()), "INCONCLUSIVE", FIGURES, "no run that counts has windows on 2026-03-09"),
        ("run", "short", Box::new(|world, _| world.soak("2026-03-09T05:00:00Z", 19)), "INCONCLUSIVE", FIGURES, "19h of the day were seen, at least 20h are needed"),
        ("run", "long enough", Box::new(|world, _| world.soak("2026-03-09T04:00:00Z", 20)), "OK", NOTHING, ""),
        ("run", "in windows of two hours", Box::new(|world, _| world.soak_with(DAY, "--hours 24 --iteration 2h --kpis k.yaml --interval 30m")), "INCONCLUSIVE", FIGURES, "is 2h, at most 1h count"),
        ("run", "with a warm-up of its own", Box::new(|world, _| {
            world.page.lock().unwrap().alive = 0;
            world.soak_with(DAY, "--hours 24 --iteration 1h --kpis k.yaml --warmup 24 --interval 30m");
        }), "FAIL", WHOLE_DAY, "alive is broken in the windows of the day"),
        ("run", "with definitions of its own", Box::new(|world, _| {
            world.sandbox.write("other.yaml", KPIS.replace("mm_net_bps, over: mean", "mm_net_bps, over: max"));
            world.soak_with(DAY, "--hours 24 --iteration 1h --kpis other.yaml --interval 30m");
        }), "INCONCLUSIVE", FIGURES, "does not measure `net_bps` as k.yaml defines it"),
        ("run", "wrong-version", page(|page| page.next = vec![(20, "1.4.1")]), "INCONCLUSIVE", FIGURES, "versions 1.4.0 and 1.4.1 ran on the day"),
        ("run", "meant version", Box::new(|world, _| {
            world.edit(CONFIG, "version_changes: []", "version_changes: [{date: 2026-03-09, from: 1.4.0, to: 1.4.1, reason: hot fix}]");
            world.page.lock().unwrap().next = vec![(20, "1.4.1")];
            world.soak(DAY, 24);
        }), "OK", NOTHING, ""),
        ("run", "the way back was not meant", Box::new(|world, _| {
            world.edit(CONFIG, "version_changes: []", "version_changes: [{date: 2026-03-09, from: 1.4.0, to: 1.4.1, reason: hot fix}]");
            world.page.lock().unwrap().next = vec![(20, "1.4.1"), (30, "1.4.0")];
            world.soak(DAY, 24);
        }), "INCONCLUSIVE", FIGURES, "versions 1.4.1 and 1.4.0 ran on the day"),
        ("run", "simulated", Box::new(|world, _| {
            world.edit(CONFIG, &own(), include_str!("../../deploy/soak/daily.yaml"));
            let line = format!("-q --now {DAY} soak run --mock --gates smoke --hours 24 --iteration 1h --interval 5m");
            let _ = world.sandbox.run(&line).code(0);
        }), "FAIL", WHOLE_DAY, "it rests on a simulation"),
        ("run", "simulated beside a real one", beside(|world| {
            let line = format!("-q --now {DAY} soak run --mock --gates smoke --hours 3 --iteration 1h");
            let _ = world.sandbox.run(&line).code(0);
        }), "OK", NOTHING, "it is simulated, and the day has runs that are not"),
        ("run", "duplicated", beside(|world| world.soak("2026-03-09T10:00:00Z", 3)), "INCONCLUSIVE", FIGURES, "overlap at 2026-03-09T10:00:00Z"),
        ("run", "in two parts", Box::new(|world, _| {
            world.soak(DAY, 10);
            world.soak("2026-03-09T11:00:00Z", 12);
        }), "OK", NOTHING, ""),
        ("run", "cut samples", beside(|world| {
            let samples = world.sandbox.path("artifacts/soak/latest/samples.bin");
            let bytes = std::fs::read(&samples).unwrap();
            std::fs::write(&samples, &bytes[..bytes.len() - 3]).unwrap();
        }), "INCONCLUSIVE", FIGURES, "contradicts itself: iteration 24: the samples end at byte"),
        ("run", "edited plan", beside(|world| world.edit("artifacts/soak/latest/RUN.json", "\"at_least\": 1", "\"at_least\": 0")), "INCONCLUSIVE", FIGURES, "it was changed since"),
        ("run", "torn plan", beside(|world| world.sandbox.write("artifacts/soak/latest/RUN.json", "{\"schema\": ")), "INCONCLUSIVE", FIGURES, "cannot be judged again"),
        ("run", "removed but for what was made of it", beside(|world| {
            for name in ["RUN.json", "JOURNAL.jsonl", "samples.bin"] {
                world.remove(&format!("artifacts/soak/latest/{name}"));
            }
        }), "INCONCLUSIVE", FIGURES, "its plan is missing, and there is `ITER_SUMMARY_1.json`"),
        ("run", "unanswered for 70 minutes", Box::new(|world, _| {
            world.page.lock().unwrap().silent = 60..67;
            world.soak_with(DAY, "--hours 24 --iteration 10m --interval 10m --kpis k.yaml");
        }), "INCONCLUSIVE", FIGURES, "gaps: what happened in a gap is not known (longest 1h 10m, 10m are borne)"),
        ("run", "torn journal", beside(|world| {
            let path = "artifacts/soak/latest/JOURNAL.jsonl";
            let text = world.sandbox.read(path);
            world.sandbox.write(path, &text[..text.len() - 40]);
        }), "INCONCLUSIVE", FIGURES, "but `status.json` has seen 24"),
    ]
}

/// The same of what a day rests on beside its runs.
#[rustfmt::skip]
fn parts_beside_runs() -> Vec<Part> {
    vec![
        ("drift", "failing", page(|page| page.tail_age = 601.0), "FAIL", GUARDS, "tail_age_ms is 601, accepted is 600"),
        ("drift", "of another configuration", page(|page| page.config_hash = "beef"), "FAIL", GUARDS, "config_hash beef was not accepted"),
        ("drift", "short", page(|page| page.gone = Some((39, "mm_param"))), "INCONCLUSIVE", GUARDS, "the bot does not say its parameters (mm_param) at 2026-03-09T23:00:00Z"),
        ("drift", "missing", beside(|world| world.remove(ACCEPTED)), "INCONCLUSIVE", GUARDS, "is not there: write the parameters"),
        ("drift", "no hash is accepted", beside(|world| world.edit(ACCEPTED, "config_hash: c0ffee", "config_hash: []")), "FAIL", GUARDS, "config_hash c0ffee was not accepted"),
        ("drift", "no hash stands there", beside(|world| world.edit(ACCEPTED, "config_hash: c0ffee", "config_hash:")), "FAIL", GUARDS, "config_hash c0ffee was not accepted"),
        ("drift", "no parameter is accepted", beside(|world| world.edit(ACCEPTED, "{tail_age_ms: 600}", "{}")), "FAIL", GUARDS, "tail_age_ms is 600, of which nothing was accepted"),
        ("drift", "the hash alone", beside(|world| world.sandbox.write(ACCEPTED, "config_hash: c0ffee\n")), "OK", NOTHING, "judged by config_hash alone"),

        ("chaos", "failing", beside(|world| world.sandbox.write(DRILL, drill("FAIL", NOON))), "FAIL", ALL_CHAOS, "root.verdict is \"FAIL\""),
        ("chaos", "missing", beside(|world| world.remove(DRILL)), "INCONCLUSIVE", CHAOS, "CHAOS_FAILOVER.json"),
        ("chaos", "short", beside(|world| world.edit(DRILL, "\"runs\":1", "\"runs\":0")), "INCONCLUSIVE", CHAOS, "root.parameters.runs is 0, wanted at least 1"),
        ("chaos", "old", beside(|world| world.sandbox.write(DRILL, drill("OK", "2026-02-07T23:59:59Z"))), "INCONCLUSIVE", CHAOS, "is 30days 1s old, the limit is 30d"),
        ("chaos", "of the limit's age", beside(|world| world.sandbox.write(DRILL, drill("OK", "2026-02-08T00:00:00Z"))), "OK", NOTHING, ""),
        ("chaos", "of another day", Box::new(|world, _| {
            world.edit(CONFIG, "evidence_grace: 12h", "evidence_grace: 1h");
            world.sandbox.write(DRILL, drill("OK", "2026-03-10T02:00:00Z"));
            world.soak(DAY, 24);
        }), "INCONCLUSIVE", CHAOS, "was made 2h after the end of 2026-03-09, evidence_grace is 1h"),
        ("chaos", "wrong-version", beside(|world| {
            world.edit(CONFIG, "  max_age: 30d\n", "  max_age: 30d\n  same_release: true\n");
            world.edit(DRILL, "\"version\":\"0.1.0\"", "\"version\":\"0.0.9\"");
        }), "INCONCLUSIVE", CHAOS, "was made by mmops 0.0.9"),
        ("chaos", "simulated", beside(|world| world.edit(DRILL, "\"simulated\":false", "\"simulated\":true")), "OK", WHOLE_DAY, "is simulated"),
        ("chaos", "duplicated", beside(|world| world.edit(DRILL, "\"verdict\":\"OK\"", "\"verdict\":\"OK\",\"verdict\":\"OK\"")), "INCONCLUSIVE", CHAOS, "duplicate"),

        ("tests", "failing", beside(|world| tests(&world.sandbox, "<testsuite><testcase><failure/></testcase><testcase/></testsuite>", NIGHT)), "FAIL", ALL_TESTS, "2 tests, 1 failures"),
        ("tests", "missing", beside(|world| world.remove(TESTS)), "INCONCLUSIVE", TESTS_LOST, "bug_bash.xml"),
        ("tests", "short", beside(|world| tests(&world.sandbox, "<testsuite/>", NIGHT)), "INCONCLUSIVE", TESTS_LOST, "0 tests ran, at least 1"),
        ("tests", "disabled", beside(|world| tests(&world.sandbox, "<testsuite tests='2' disabled='2'><testcase/><testcase/></testsuite>", NIGHT)), "INCONCLUSIVE", TESTS_LOST, "0 tests ran, at least 1"),
        ("tests", "of a time to come", beside(|world| tests(&world.sandbox, "<testsuite timestamp='2026-03-11T12:00:00Z'><testcase/></testsuite>", NIGHT)), "INCONCLUSIVE", TESTS_LOST, "in the future"),
        ("tests", "written on another day", beside(|world| {
            world.edit(CONFIG, "evidence_grace: 12h", "evidence_grace: 0s");
            tests(&world.sandbox, "<testsuite timestamp='2026-03-09T12:00:00Z'><testcase/></testsuite>", NIGHT);
        }), "INCONCLUSIVE", TESTS_LOST, "was made 10m after the end of 2026-03-09"),
        ("tests", "old", beside(|world| tests(&world.sandbox, PASSED, "2026-03-08T11:59:59Z")), "INCONCLUSIVE", TESTS_LOST, "is 1day 12h 1s old, the limit is 1day 12h"),
        ("tests", "of another day", beside(|world| {
            world.edit(CONFIG, "evidence_grace: 12h", "evidence_grace: 0s");
        }), "INCONCLUSIVE", TESTS_LOST, "was made 10m after the end of 2026-03-09, evidence_grace is 0s"),
        ("tests", "simulated", beside(|world| {
            world.edit(CONFIG, "  junit: [artifacts/reports/bug_bash.xml]\n  max_age: 36h\n  min_tests: 1\n",
                "  command: {argv: [mmops, soak, check, --mock], timeout: 30s}\n");
        }), "OK", WHOLE_DAY, "simulation"),
        ("tests", "duplicated", beside(|world| tests(&world.sandbox, "<testsuite tests='1'><testcase/><testcase/></testsuite>", NIGHT)), "INCONCLUSIVE", TESTS_LOST, "says 1 tests and has 2"),
    ]
}

#[test]
fn each_part_of_a_day_that_is_wrong_costs_what_it_is_worth() {
    let watched = World::new();
    watched.soak(DAY, 24);
    let (jobs, watched) = (Mutex::new(parts().into_iter().chain(parts_beside_runs())), &watched);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(part) = { jobs.lock().unwrap().next() } {
                    hold(part, watched);
                }
            });
        }
    });
}

fn hold((part, kind, prepare, verdict, Cost(score, losses), said): Part, watched: &World) {
    let what = format!("{part} {kind}");
    let world = World::new();
    prepare(&world, watched);
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
    let faults: Vec<&Value> = scored["days"].as_array().unwrap().iter().map(|day| &day["fault"]).collect();
    assert_eq!(scored["score"], json!(score), "{what}: {faults:?} {}", scored["losses"]);
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
    world.sandbox.write(DRILL, drill("OK", "2026-03-08T12:00:00Z"));
    tests(&world.sandbox, PASSED, "2026-03-09T00:10:00Z");
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

/// What happens around midnight belongs to both days.
#[test]
fn a_window_over_midnight_is_judged_on_both_days_and_windows_in_a_row_are_seen_over_it() {
    let world = World::new();
    // The window from half past eleven to half past twelve.
    world.page.lock().unwrap().change = Some(|page, scrape| page.alive = u8::from(scrape != 48));
    world.soak("2026-03-08T00:30:00Z", 48);
    for date in ["2026-03-08", "2026-03-09"] {
        let _ = world
            .sandbox
            .run(&format!("soak daily --date {date}"))
            .code(1)
            .stdout_has("alive is broken in the windows of the day")
            .stdout_has("windows over midnight count for the gates of both days, and for no figure");
    }
    // Of two windows in a row the first lies before midnight: none of the days has two, the later one has the second.
    let world = World::new();
    world.edit(CONFIG, "profile: p", "profile: two_in_a_row");
    world.page.lock().unwrap().change =
        Some(|page, scrape| page.alive = u8::from(!(48..=50).contains(&scrape)));
    world.soak("2026-03-08T00:00:00Z", 48);
    let before = world.sandbox.run("soak daily --date 2026-03-08");
    assert!(!before.stdout.contains("alive is broken"), "{}", before.stdout);
    let _ = world.daily().code(1).stdout_has("alive is broken in the windows of the day");
}

/// What grows a little every day, in one run or in a run a day, and a restart that no run has seen.
#[test]
fn a_life_goes_on_from_day_to_day_and_ends_between_two_runs_as_well() {
    let grow: fn(&mut Page, usize) = |page, scrape| page.process = Some((1_000, scrape));
    let world = |change: fn(&mut Page, usize)| {
        let world = World::new();
        world.edit(CONFIG, "profile: p", "profile: lives");
        world.page.lock().unwrap().change = Some(change);
        world
    };
    let first = "2026-03-08T00:00:00Z";
    for days in [vec![(first, 48)], vec![(first, 24), (DAY, 24)]] {
        let world = world(grow);
        for (from, hours) in &days {
            world.soak(from, *hours);
        }
        let _ =
            world.sandbox.run("soak daily --date 2026-03-08").stdout_has("| gates                     | OK ");
        let _ = world.daily().code(1).stdout_has("memory is broken in the windows of the day");
    }
    // Half a day each, by the same process and by another one.
    for (restarted, code) in [(false, 0), (true, 1)] {
        let world = world(|page, _| page.process = Some((1_000, 5)));
        world.soak(DAY, 12);
        if restarted {
            world.page.lock().unwrap().change = Some(|page, _| page.process = Some((2_000, 5)));
        }
        world.soak("2026-03-09T12:00:00Z", 12);
        let output = world.daily().code(code);
        assert_eq!(output.stdout.contains("restarts is broken"), restarted, "{}", output.stdout);
    }
}

/// Seven days of one version are no evidence for another.
#[test]
fn days_of_another_version_hold_a_release_back() {
    let world = World::new();
    world.soak(DAY, 24);
    let _ = world.daily().code(0);
    let _ = world.sandbox.run("readiness").code(0);
    let reason = "2026-03-09 speaks of 1.4.0, what is to be released is version 9.9.9; the `version` of the service's \
                  mm_build_info must be what VERSION or MM_VERSION says";
    world.sandbox.write("VERSION", "9.9.9\n");
    let line = "readiness validate artifacts/reports/readiness.json --reports artifacts/reports";
    let _ = world.sandbox.run(line).code(1).stdout_has(reason);
    let held = world.sandbox.run("readiness").code(1).stdout_has(reason);
    drop(held.marker("| readiness | FAIL | READINESS=HOLD |"));
    let document = world.sandbox.json("artifacts/reports/readiness.json");
    assert_eq!((&document["score"], &document["other_release"]), (&json!(100.0), &json!(reason)));
    let flip = world.sandbox.run("readiness --explain --format json").json()["explanation"]["flip"].clone();
    assert_eq!(flip["obstacles"], json!([reason]));
    // Without the reason the file contradicts itself.
    for (field, value) in
        [("other_release", Value::Null), ("release", json!({"version": null, "commit": null}))]
    {
        let mut edited = document.clone();
        edited[field] = value;
        edited["verdict"] = json!("GO");
        world.sandbox.write("edited.json", edited.to_string());
        let _ = world.sandbox.run("readiness validate edited.json").code(1);
    }
    world.sandbox.write("VERSION", "v1.4.0");
    let _ = world.sandbox.run("readiness").code(0);
    let _ = world.sandbox.run(line).code(0);
    // A change that was told leads to the release.
    world.edit(
        REPORT,
        "\"version_changes\": []",
        "\"version_changes\": [{\"from\": \"1.4.0\", \"to\": \"1.4.1\", \"reason\": \"x\"}]",
    );
    world.edit(REPORT, "\"1.4.0\"\n    ]\n  ]", "\"1.4.0\"\n    ],\n    [\n      \"1.4.1\"\n    ]\n  ]");
    world.edit(
        REPORT,
        "\"builds\": [",
        "\"builds\": [{\"version\": \"1.4.1\", \"config_hash\": \"c0ffee\"},",
    );
    world.edit(REPORT, "\"subject\": \"1.4.0\"", "\"subject\": null");
    let _ = world.sandbox.run("readiness").code(1).stdout_has("2026-03-09 speaks of 1.4.1");
    world.sandbox.write("VERSION", "1.4.1");
    let _ = world.sandbox.run("readiness").code(0);
}

/// What could not be judged says so under the name of its day; what is no question about a day changes nothing.
#[test]
fn a_day_that_could_not_be_judged_says_so_in_its_report() {
    let own = own();
    let but = |from: &str, to: &str| {
        assert!(own.contains(from), "{from}");
        own.replace(from, to)
    };
    let table = [
        ("--date 2026-03-11", String::new(), 64, "2026-03-11 lies in the future"),
        ("--date 2026-03-10", String::new(), 64, "2026-03-10 is not over"),
        ("--date soon", String::new(), 64, "`soon` is not a date of the form YYYY-MM-DD"),
        ("--date 20260309", String::new(), 64, "`20260309` is not a date of the form YYYY-MM-DD"),
        ("--date 2026-03-09T00:00", String::new(), 64, "is not a date of the form YYYY-MM-DD"),
        ("--allow-simulated", String::new(), 64, "--weekly"),
        ("", "figures: [".to_owned(), 3, "daily.yaml"),
        ("", but("min_observed: 20h", "min_observed: 25h"), 3, "at most 24h"),
        ("", but("min_observed: 20h", "min_observed: 0s"), 3, "above 0s"),
        ("", but("max_window: 1h", "max_window: 0s"), 3, "max_window is `0s`, it must be above 0s"),
        ("", but("max_window: 1h", "max_window: 9999h"), 3, "max_window is `9999h`, it must be at most 24h"),
        ("", but("max_age: 30d", "max_age: 9999h"), 3, "chaos.max_age is `9999h`, it must be at most 366d"),
        ("", but("max_age: 30d", "max_age: 0s"), 3, "chaos.max_age is `0s`, it must be above 0s"),
        ("", but("max_age: 36h", "max_age: 9999h"), 3, "bug_bash.max_age is `9999h`, it must be at most 7d"),
        (
            "",
            but("evidence_grace: 12h", "evidence_grace: 25h"),
            3,
            "evidence_grace is `25h`, it must be at most 24h",
        ),
        ("", but("profile: p", "profile: q"), 3, "there is no profile `q`"),
        ("", but("unit: bps", "unit: ms"), 3, "cannot be given in bps"),
        ("", but("aggregate: p95", "aggregate: sum"), 3, "must be mean, median, p95, max or min"),
        ("", but("kpi: net_bps", "kpi: net_bsp"), 3, "has no KPI `net_bsp`; did you mean `net_bps`?"),
        ("", but("unit: ratio", "unit: percent"), 3, "is in `ratio`"),
        ("", but("min_tests: 1", "min_tests: 0"), 3, "no test at all proves nothing"),
        ("", but("[artifacts/reports/bug_bash.xml]", "[a.xml, a.xml]"), 3, "names `a.xml` twice"),
        ("", but("[artifacts/reports/bug_bash.xml]", "[]"), 3, "neither junit nor a command"),
        (
            "",
            but("version_changes: []", "version_changes: [{date: 20260309, from: a, to: b, reason: c}]"),
            3,
            "YYYY-MM-DD",
        ),
        ("--config none.yaml", String::new(), 3, "none.yaml"),
    ];
    let world = World::new();
    world.soak(DAY, 24);
    let good = {
        let _ = world.daily().code(0);
        world.sandbox.read(REPORT)
    };
    for (options, config, code, said) in table {
        world.sandbox.write(CONFIG, if config.is_empty() { &own } else { &config });
        world.sandbox.write(REPORT, &good);
        let output = world.sandbox.run(&format!("soak daily {options}")).error(code).stderr_has(said);
        drop(output);
        if code == 64 {
            assert_eq!(world.sandbox.read(REPORT), good, "{said}");
            continue;
        }
        let report = world.report();
        assert_eq!(report["schema"], "mmops.error.v1", "{said}");
        assert!(report["message"].as_str().unwrap().contains(said), "{said}: {report}");
    }
    // The score takes it for what it is, and so does the next day.
    let score = world.sandbox.run("readiness").code(1);
    drop(
        score
            .stdout_has("2026-03-09: `REPORT_SOAK_20260309.json`: the day could not be judged: ")
            .stdout_has("none.yaml"),
    );
    // Without the report the day is missing all the same, and moves the window nowhere.
    world.remove(REPORT);
    let _ =
        world.sandbox.run("readiness").code(1).stdout_has("2026-03-09: no report REPORT_SOAK_20260309.json");
    assert_eq!(world.sandbox.json("artifacts/reports/readiness.json")["newest_day"], "2026-03-09");
    world.sandbox.write(CONFIG, &own);
    let _ = world.daily().code(0);
    let _ = world.sandbox.run("readiness").code(0);
}

#[test]
fn a_run_that_is_killed_leaves_no_report_that_counts_and_no_empty_name() {
    let world = World::new();
    world.soak(DAY, 24);
    let _ = world.daily().code(0);
    let kept = own().split("bug_bash:\n").next().unwrap().to_owned();
    world.sandbox.write(CONFIG, kept + "bug_bash:\n  command: {argv: [sleep, '4714.1'], timeout: 2h}\n");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mmops"));
    command
        .args(["-q", "--now", NIGHT, "soak", "daily", "--date", "2026-03-09"])
        .current_dir(world.sandbox.root());
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let started = std::time::Instant::now();
    while world.report()["schema"] != "mmops.error.v1" {
        assert!(started.elapsed().as_secs() < 20, "the old report still stands");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(world.report()["message"].as_str().unwrap().contains("has no answer yet"), "{}", world.report());
    let _ = world
        .sandbox
        .run("readiness")
        .code(1)
        .stdout_has("the day could not be judged: it began at 2026-03-10T00:10:00Z");
}

/// The command that runs the tests is one that daily.yaml names, with its time and its exit code.
#[test]
fn a_command_can_be_the_test_sweep() {
    let kept = own().split("bug_bash:\n").next().unwrap().to_owned();
    let world = World::new();
    world.soak(DAY, 24);
    for (argv, now, code, found) in [
        ("[/bin/true]", NIGHT, 0, json!("OK")),
        ("[/bin/false]", NIGHT, 1, json!("FAIL")),
        ("[no-such-program]", NIGHT, 2, Value::Null),
        ("[mmops, schema]", NIGHT, 1, json!("FAIL")),
        ("[sh, -c, 'sleep 9 & exit 0']", NIGHT, 1, json!("FAIL")),
        // Days later it would speak of another day.
        ("[/bin/true]", "2026-03-12T00:10:00Z", 2, Value::Null),
    ] {
        let config = format!("{kept}bug_bash:\n  command: {{argv: {argv}, timeout: 30s}}\n");
        world.sandbox.write(CONFIG, config);
        let output = world.sandbox.run(&format!("--now {now} soak daily --date 2026-03-09")).code(code);
        drop(output);
        assert_eq!(world.report()["bug_bash"], found, "{argv}");
        assert_eq!(world.report()["tests"]["from"].as_array().unwrap().len(), 1, "{argv}");
    }
    let reason = world.report()["unknown"]["bug_bash"].as_str().unwrap().to_owned();
    assert!(reason.contains("2days 10m after the end of 2026-03-09"), "{reason}");
}

#[test]
fn a_day_on_which_a_hard_limit_broke_is_no_good_one() {
    let sandbox = Sandbox::new().unrecorded(REAL);
    let soak =
        "soak run --mock --scenario breaker_trip --gates smoke --hours 24 --iteration 1h --interval 10m";
    let _ = sandbox.run(&format!("-q --now 2026-03-08T00:00:00Z {soak}")).code(1);
    let now = "--now 2026-03-09T00:20:00Z";
    let _ = sandbox
        .run(&format!("-q {now} soak daily"))
        .code(1)
        .stdout_has("breaker is broken in the windows of the day");
    let score = sandbox.run(&format!("-q {now} readiness --window 1 --allow-simulated")).code(1);
    let _ = score.stdout_has("hard gates broke on this day (breaker");
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

/// Changes of a genuine report by which it contradicts itself.
fn contradictions(report: &Value) -> Vec<(Value, &'static str)> {
    vec![
        (json!({"schema": "mmops.soak-run.v1"}), "its schema is `mmops.soak-run.v1`"),
        (json!({"made_at": "2026-03-09T23:59:59Z"}), "before its day was over"),
        (json!({"made_at": "2026-03-10T12:02:00Z"}), "which lies in the future"),
        (json!({"observed_from": "2026-03-08T23:00:00Z"}), "which is not 2026-03-09"),
        (json!({"observed_to": "2026-03-10T01:00:00Z"}), "which is not 2026-03-09"),
        (json!({"observed_to": "2026-03-09T20:00:00Z"}), "it saw 24 hours of 20"),
        (json!({"runs": []}), "no run that they are of"),
        (json!({"runs": {}}), "does not say all of what it rests on"),
        (json!({"runs": [report["runs"][0], report["runs"][0]]}), "twice"),
        (json!({"runs": [{"iterations": [1, 3]}]}), "has 24 windows from 1 to 3"),
        (json!({"runs": [{"run_dir": "artifacts/soak/RUN_1773100800000"}]}), "began after 2026-03-09"),
        (json!({"runs": [{"simulated": true}]}), "rests on a simulation"),
        (json!({"observed_hours": 2.0}), "less was seen"),
        (json!({"min_observed_hours": 0.0, "observed_hours": 0.1}), "needs nothing to be seen"),
        (
            json!({"figures": {"edge_net_bps": {"hours": 2.0}}}),
            "edge_net_bps has a value, and was measured for less",
        ),
        (json!({"unknown": {"edge_net_bps": "x"}}), "edge_net_bps has a value, and a reason for having none"),
        (
            json!({"chaos_result": null, "unknown": {"chaos_result": "x"}}),
            "its verdict is OK, and chaos_result is not known",
        ),
        (json!({"verdict": null}), "it has no verdict"),
        (json!({"verdict": "INCONCLUSIVE"}), "its verdict is INCONCLUSIVE, and what it says gives OK"),
        (json!({"verdict": "FAIL"}), "its verdict is FAIL, and what it says gives OK"),
        (
            json!({"edge_net_bps": 2.2, "baselines": {"edge_net_bps": {"limit": 2.0}}}),
            "its verdict is OK, and what it says gives FAIL",
        ),
        (json!({"subject": "1.4.1"}), "it speaks of 1.4.1, and names other versions"),
        (json!({"runs": [{"source": "x"}]}), "which is no source of figures"),
        (json!({"runs": [{"run_dir": "elsewhere"}]}), "`elsewhere` is no directory of a run"),
        (json!({"runs": [{"iterations": [1, 30]}]}), "has 24 windows from 1 to 30"),
        (
            json!({"figures": {"edge_net_bps": {"unknown_windows": 9}}}),
            "has not been looked for in each of 24 windows",
        ),
        (json!({"gates": {"unknown": ["x"]}}), "its gates PASS, and something of them is not known"),
        (json!({"gates": {"verdict": "INCONCLUSIVE"}}), "its gates are INCONCLUSIVE"),
        (json!({"gates": {"verdict": "SOFT_FAIL"}}), "its gates say `SOFT_FAIL`, which is no verdict"),
        (json!({"schema": null}), "it says what it rests on, and has no schema"),
        (json!({"figures": {"edge_net_bps": {"hours": 240.0}}}), "speaks of 240 hours of a day"),
        (json!({"figures": {"edge_net_bps": {"windows": 0}}}), "edge_net_bps has a value, and was measured"),
        (json!({"runs": [{"source": "mock"}]}), "is of the simulated bot, and says that it is not simulated"),
        (json!({"versions": [["1.4.0"], ["1.4.1"]]}), "names no such change"),
        (json!({"versions": []}), "its builds are not of the versions that it names"),
        (json!({"versions": [["1.4.1"]]}), "its builds are not of the versions that it names"),
        (json!({"history": []}), "no day that it was compared with"),
        (
            json!({"baselines": {"edge_net_bps": {"limit": 9.0}}}),
            "edge_net_bps does not keep to its baseline",
        ),
        (json!({"baselines": {"edge_net_bps": {"days": 0}}}), "edge_net_bps does not keep to its baseline"),
        (json!({"taker_share_pct": 90.0}), "taker_share_pct does not keep to its baseline"),
        (json!({"accepted": null}), "nothing that was accepted"),
        (json!({"drill": null}), "there is no drill"),
        (json!({"drill": {"status": "FAIL"}}), "its drill does not count"),
        (json!({"drill": {"reasons": ["x"]}}), "its drill does not count"),
        (json!({"drill": {"simulated": true}}), "rests on a simulation"),
        (json!({"drill": {"made_at": "2026-03-11T00:00:00Z"}}), "its drill was made after the report"),
        (json!({"drill": {"made_at": null}}), "its drill has no time or no hash"),
        (json!({"drill": {"sha256": null}}), "its drill has no time or no hash"),
        (json!({"tests": null}), "there are no tests"),
        (json!({"tests": {"failures": null}}), "it does not say which tests ran"),
        (json!({"tests": {"from": []}}), "it does not say which tests ran"),
        (json!({"tests": {"failures": 3}}), "its tests failed"),
        (json!({"tests": {"skipped": 2}}), "none of its tests ran"),
    ]
}

/// The same of what it was compared with, and by what it was made.
fn held_to_others(world: &World, report: &Value) {
    let history = &report["history"];
    let but_one: Vec<Value> = history.as_array().unwrap()[1..].to_vec();
    for (change, part) in [
        (
            json!({"history": [{"sha256": null}, history[1], history[2], history[3], history[4], history[5], history[6]]}),
            "it was compared with another `artifacts/reports/REPORT_SOAK_20260308.json` than is there",
        ),
        (json!({"history": but_one}), "it was not compared with 2026-03-08, which shows something"),
        (
            json!({"baselines": {"edge_net_bps": {"median": 2.0}}}),
            "edge_net_bps was compared with a median of 2 over 7 days with the limit 2.7, their reports give 3 over 7",
        ),
        (
            json!({"baselines": {"edge_net_bps": {"limit": 1.0}}}),
            "their reports give 3 over 7 days with the limit 2.7",
        ),
        (
            json!({"history": [{"path": "artifacts/reports/REPORT_SOAK_20260309.json"}, history[1], history[2], history[3], history[4], history[5], history[6]]}),
            "is no day before that it can be compared with",
        ),
    ] {
        let mut changed = report.clone();
        merge(&mut changed, &change);
        world.sandbox.write(REPORT, changed.to_string());
        let score = world.sandbox.run("readiness").code(1);
        drop(score.stdout_has("contradicts the days before: ").stdout_has(part));
    }
    for (change, part) in [
        (json!({"rules": {"max_window": "9999h"}}), "max_window is 9999h, daily.yaml says 1h"),
        (json!({"rules": {"max_window": "x"}}), "max_window is x, daily.yaml says 1h"),
        (json!({"rules": {"evidence_grace": "24h"}}), "evidence_grace is 24h, daily.yaml says 12h"),
        (json!({"rules": {"profile": "smoke"}}), "its gates are smoke, daily.yaml says p"),
        (json!({"rules": {"gates": {"sha256": "00"}}}), "its gates (g.yaml) are not what g.yaml holds now"),
        (
            json!({"rules": {"kpis": {"sha256": null}}}),
            "its definitions (k.yaml) are not what k.yaml holds now",
        ),
        (json!({"min_observed_hours": 4.0}), "min_observed is 4h, daily.yaml says 20h"),
        (
            json!({"figures": {"order_age_p95_ms": {"aggregate": "min"}}}),
            "order_age_p95_ms is made of order_latency_p95_ms by min, daily.yaml says order_latency_p95_ms by p95",
        ),
    ] {
        let mut changed = report.clone();
        merge(&mut changed, &change);
        world.sandbox.write(REPORT, changed.to_string());
        let score = world.sandbox.run("readiness").code(1);
        drop(score.stdout_has("was not made by what daily.yaml asks for: ").stdout_has(part));
    }
    // A daily.yaml that asks for less than the delivered one is named, by the day and by the score.
    world.sandbox.write(REPORT, report.to_string());
    world.edit(CONFIG, "min_observed: 20h", "min_observed: 4h");
    let named = "min_observed of daily.yaml is 4h, the delivered one 20h";
    let _ = world.sandbox.run("readiness").code(0).stdout_has(named);
    let _ = world.daily().code(0).stdout_has(named);
    world.edit(CONFIG, "min_observed: 4h", "min_observed: 20h");
}

/// A genuine report with one change; the score, the week and the next day all refuse it.
#[test]
fn a_report_that_says_more_than_it_rests_on_shows_nothing() {
    let world = World::new();
    world.soak(DAY, 24);
    let _ = world.daily().code(0);
    let report = world.report();
    for (change, part) in contradictions(&report) {
        let mut changed = report.clone();
        merge(&mut changed, &change);
        world.sandbox.write(REPORT, changed.to_string());
        let score = world.sandbox.run("readiness").code(1);
        drop(
            score.stdout_has("2026-03-09: `REPORT_SOAK_20260309.json` contradicts itself: ").stdout_has(part),
        );
    }
    held_to_others(&world, &report);
    for (field, value, part) in [
        ("edge_net_bps", 1e308, "outside its range"),
        ("order_age_p95_ms", 1e300, "order_age_p95_ms does not keep to its baseline"),
        ("taker_share_pct", 101.0, "taker_share_pct does not keep to its baseline"),
        ("taker_share_pct", -1.0, "outside its range"),
    ] {
        let mut changed = report.clone();
        changed[field] = json!(value);
        world.sandbox.write(REPORT, changed.to_string());
        let _ = world.sandbox.run("readiness").code(1).stdout_has(part);
    }
    // No value that is written into a genuine report makes it show what it did not.
    let unknown = json!({
        "edge_net_bps": null, "reg_guard": {"reason": null}, "verdict": "INCONCLUSIVE",
        "unknown": {"edge_net_bps": "x", "reg_guard": "x"},
    });
    let mut changed = report.clone();
    merge(&mut changed, &unknown);
    world.sandbox.write(REPORT, changed.to_string());
    let flip = world.sandbox.run("readiness --explain --format json").json()["explanation"]["flip"].clone();
    assert_eq!(flip["changes"], json!([]));
    let obstacle = flip["obstacles"][0].as_str().unwrap();
    assert!(obstacle.contains("edge: a value that is written into a report contradicts"), "{obstacle}");
    // The week and the day that follows ask the same.
    let mut changed = report.clone();
    merge(&mut changed, &json!({"tests": {"failures": 3}}));
    world.sandbox.write(REPORT, changed.to_string());
    let later = "--now 2026-03-11T00:20:00Z";
    let week = world.sandbox.run(&format!("{later} soak daily --weekly --date 2026-03-09")).code(2);
    drop(week.stdout_has("contradicts itself: its tests failed"));
    let next = world.sandbox.run(&format!("{later} soak daily")).code(2);
    drop(next.stdout_has(
        "not compared with: 2026-03-09: `REPORT_SOAK_20260309.json` contradicts itself: its tests failed",
    ));
}

/// What an edit may change unnoticed, and why that is no way to GO.
const HARMLESS: [(&str, &str); 19] = [
    (
        "/accepted/",
        "the file of accepted parameters may have another hash when it is read: it changes with its time",
    ),
    ("/builds/0/config_hash", "only the run has it, from which `soak daily` makes the same report again"),
    ("/commit", "that of mmops, which may not be known"),
    ("/drift/reason", "a guard that stopped nothing may say nothing"),
    ("/drill/", "what is told of the drill beside its status, reasons, time and whether it was simulated"),
    (
        "/edge_net_bps",
        "a figure that keeps to its baseline and its limit is only to be had from the run again",
    ),
    ("/min_observed_hours", "more than daily.yaml asks for, as long as it was seen"),
    ("/order_age_p95_ms", "as edge_net_bps"),
    ("/parameters", "those of the end of the day, for people; what is judged is drift"),
    ("/rules/gates/path", "the hash says which gates"),
    ("/rules/kpis/path", "the hash says which definitions"),
    ("/runs/0/journal_sha256", "a run goes on after the day, and its journal with it"),
    ("/runs/0/over_midnight", "one or two windows, which are of no figure"),
    ("/runs/0/plan_sha256", "it names the run, of which no other day may have the same windows"),
    ("/runs/0/run_dir", "another time at which the run can have begun"),
    ("/taker_share_pct", "as edge_net_bps"),
    ("/tests/", "which files, and how many tests ran: as long as one did and none failed"),
    ("/unknown", "that nothing is unknown may be left out"),
    ("/version", "that of the mmops that made it"),
];

/// Every leaf of a genuine report removed, made null, turned round, negated, multiplied and emptied.
#[test]
fn each_edit_of_a_leaf_of_a_report_is_noticed_or_known_to_be_harmless() {
    let world = World::new();
    world.soak(DAY, 24);
    let _ = world.daily().code(0);
    let genuine = world.report();
    let dates = (2..=9).map(|day| format!("REPORT_SOAK_2026030{day}.json"));
    let files = dates.map(|name| {
        let text = world.sandbox.read(&format!("artifacts/reports/{name}"));
        let sha256 = Some(mmops::testing::hash::sha256(&text));
        File { name, content: Ok(serde_json::from_str(&text).unwrap()), sha256 }
    });
    let mut files: Vec<File> = files.collect();
    let now = crate::sandbox::NOW.parse().unwrap();
    let policy = EvidencePolicy { now, is_frozen: true, allow_simulated: false };
    let rules = Rules::new(7, std::time::Duration::from_hours(36), policy);
    assert!(is_go(&files, &rules, &genuine));
    let mut unnoticed = std::collections::BTreeSet::new();
    for pointer in leaves(&genuine, String::new()) {
        for edited in edits(&genuine, &pointer) {
            files.last_mut().unwrap().content = Ok(edited);
            if is_go(&files, &rules, &genuine) {
                unnoticed.insert(pointer.clone());
            }
        }
    }
    let is_known = |pointer: &String| HARMLESS.iter().any(|(known, _)| pointer.starts_with(known));
    let unknown: Vec<&String> = unnoticed.iter().filter(|pointer| !is_known(pointer)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    // What is noticed needs no excuse.
    let idle = HARMLESS.iter().filter(|(known, _)| !unnoticed.iter().any(|found| found.starts_with(known)));
    assert_eq!(idle.map(|(known, _)| *known).collect::<Vec<_>>(), [""; 0]);
}

fn leaves(node: &Value, at: String) -> Vec<String> {
    match node {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|(key, value)| leaves(value, format!("{at}/{key}"))).collect()
        }
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| leaves(value, format!("{at}/{index}")))
            .collect(),
        _ => vec![at],
    }
}

/// The document with each edit of one leaf.
fn edits(document: &Value, pointer: &str) -> Vec<Value> {
    let found = document.pointer(pointer).unwrap();
    let mut values = vec![Value::Null];
    match found {
        Value::Bool(value) => values.push(json!(!value)),
        Value::Number(number) => {
            let value = number.as_f64().unwrap();
            values.extend([json!(-value), json!(value * 10.0), json!(value + 1.0)]);
            if number.is_u64() {
                values.extend([json!(number.as_u64().unwrap() * 10), json!(number.as_u64().unwrap() + 1)]);
            }
        }
        Value::String(text) => {
            let mut other = text.clone();
            let last = other.pop().unwrap_or('x');
            other.push(if last == '0' { '1' } else { '0' });
            values.extend([json!(other), json!("")]);
        }
        Value::Array(_) => values.push(json!(["x"])),
        Value::Object(_) => values.push(json!({"x": "y"})),
        Value::Null => values.push(json!("x")),
    }
    let mut edited: Vec<Value> = values
        .into_iter()
        .filter(|value| value != found)
        .map(|value| {
            let mut copy = document.clone();
            *copy.pointer_mut(pointer).unwrap() = value;
            copy
        })
        .collect();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut copy = document.clone();
    match copy.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => unreachable!("a leaf stands in a container"),
    }
    edited.push(copy);
    edited
}

/// Puts the fields of one document into another; a list of the same length element by element.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) if into.len() == from.len() => {
            into.iter_mut().zip(from).for_each(|(into, from)| merge(into, from));
        }
        (into, from) => *into = from.clone(),
    }
}

/// One run in the reports of seven days, and another version each day that nobody meant.
#[test]
fn reports_that_cannot_stand_beside_each_other_show_nothing() {
    let world = World::new();
    world.soak(DAY, 24);
    let _ = world.daily().code(0);
    let report = world.report();
    let week = |change: fn(&mut Value, i8)| {
        for day in 3..=9 {
            let mut copy = report.clone();
            let date = jiff::civil::date(2026, 3, day);
            merge(
                &mut copy,
                &json!({
                    "date": date.strftime("%Y%m%d").to_string(), "observed_from": format!("{date}T00:00:00Z"),
                    "observed_to": format!("{}T00:00:00Z", date.tomorrow().unwrap()),
                    "runs": [{"run_dir": format!("artifacts/soak/RUN_{day}"), "plan_sha256": format!("{day}")}],
                }),
            );
            change(&mut copy, day);
            // Each is compared with those before it.
            let before: Vec<Value> = (1..=7_i8)
                .map(|back| date.checked_sub(jiff::Span::new().days(back)).unwrap())
                .map(|date| format!("artifacts/reports/REPORT_SOAK_{}.json", date.strftime("%Y%m%d")))
                .filter(|path| world.sandbox.path(path).exists())
                .map(|path| json!({"path": path, "sha256": mmops::testing::hash::sha256(world.sandbox.read(&path))}))
                .collect();
            for baseline in copy["baselines"].as_object_mut().unwrap().values_mut() {
                baseline["days"] = json!(before.len());
            }
            copy["history"] = json!(before);
            let name = date.strftime("%Y%m%d");
            world.sandbox.write(&format!("artifacts/reports/REPORT_SOAK_{name}.json"), copy.to_string());
        }
        world.sandbox.run("readiness")
    };
    let _ = week(|_, _| ()).code(0);
    // Of a run that lasts for days each day has windows of its own.
    let _ = week(|copy, day| {
        let first = 24 * (i32::from(day) - 3);
        merge(copy, &json!({"runs": [{"plan_sha256": "one", "iterations": [first + 1, first + 24]}]}));
    })
    .code(0);
    let same = week(|copy, _| merge(copy, &json!({"runs": [{"plan_sha256": "one"}]}))).code(1);
    drop(same.stdout_has("| reports                   | FAIL | 1 of 7 days").stdout_has(
        "2026-03-09: `REPORT_SOAK_20260309.json` contradicts the days before: windows from 1 of `artifacts/soak/RUN_9` \
         stand in the report of 2026-03-08 as well",
    ));
    let other = week(|copy, day| {
        let version = format!("1.4.{day}");
        merge(copy, &json!({"subject": version, "versions": [[version]], "builds": [{"version": version}]}));
    })
    .code(1);
    drop(other.stdout_has("1 of 7 days").stdout_has("version 1.4.9 ran, and 1.4.8 on 2026-03-08"));
    let meant = |copy: &mut Value, day: i8| {
        let (from, to) = (format!("1.4.{}", day - 1), format!("1.4.{day}"));
        merge(
            copy,
            &json!({
                "subject": to, "versions": [[to]], "builds": [{"version": to}],
                "version_changes": [{"from": from, "to": to, "reason": "meant"}],
            }),
        );
    };
    let _ = week(meant).code(0);
    // The week asks the same, and so does the day that follows.
    let _ = week(|copy, _| merge(copy, &json!({"runs": [{"plan_sha256": "one"}]})));
    let later = "--now 2026-03-11T00:20:00Z";
    let line = format!("{later} soak daily --weekly --date 2026-03-09");
    let _ = world.sandbox.run(&line).code(2).stdout_has("contradicts the days before");
    let next = world.sandbox.run(&format!("{later} soak daily")).code(2);
    drop(next.stdout_has(
        "not compared with: 2026-03-09: `REPORT_SOAK_20260309.json` contradicts the days before",
    ));
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
        let soak = "soak run --mock --gates smoke --hours 24 --iteration 1h --interval 10m";
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
            assert!(
                reason.contains("reg_guard is NO_HISTORY: a score asks for it no more on 2026-03-09"),
                "{reason}"
            );
        }
    }
    let now = "--now 2026-03-09T01:00:00Z";
    // Of a week of simulations nobody is told GO who did not ask for it.
    let week = format!("-q {now} soak daily --weekly");
    let _ = sandbox.run(&week).code(2).stdout_has("is simulated, which is not evidence");
    let _ = sandbox.run(&format!("{week} --allow-simulated")).code(0).stdout_has("rests on a simulation");
    assert_eq!(sandbox.json("artifacts/reports/WEEKLY_ROLLUP.json")["simulated"], true);
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
    assert_eq!(rollup()["schema"], "mmops.error.v1");
}
