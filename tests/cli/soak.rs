//! `mmops soak run` and `soak gate`, against simulated bots in process and as real processes.

use crate::sandbox::{NOW, Output, Sandbox, journal, records};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const GATES: &str = "artifacts/reports/gates_summary.json";

pub const REAL: &str = "a real service is watched in real time";

/// The gates that are not PASS, with their states.
fn not_passed(sandbox: &Sandbox) -> Vec<(String, String)> {
    let gates = sandbox.json(GATES)["gates"].as_object().unwrap().clone();
    let text = |gate: &Value| gate["state"].as_str().unwrap().to_owned();
    gates.iter().map(|(name, gate)| (name.clone(), text(gate))).filter(|(_, state)| state != "PASS").collect()
}

/// Every file of the newest run and of the reports, with its bytes.
fn results(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let kept =
        |path: &String| !path.contains(".tmp") && !path.ends_with(".lock") && !path.ends_with("/latest");
    let read = |path: String| (path.clone(), std::fs::read(sandbox.path(&path)).unwrap());
    sandbox.files().into_iter().filter(kept).map(read).collect()
}

#[test]
fn a_healthy_bot_passes_72_hours_and_the_same_seed_gives_the_same_bytes() {
    let once = || {
        let sandbox = Sandbox::new();
        sandbox.run("soak run --mock --hours 72").code(0).marker("| soak_run | OK | SOAK=PASS |");
        sandbox
    };
    let (first, second) = (once(), once());
    assert_eq!(not_passed(&first), []);
    assert!(results(&first) == results(&second), "two runs differ");
    let metrics = first.json("artifacts/reports/soak_metrics.json");
    assert_eq!(
        (metrics["simulated"].as_bool(), metrics["duration_hours"].as_f64()),
        (Some(true), Some(72.0))
    );
    assert_eq!(metrics["gates"]["latency_p95"]["threshold"], 150.0);
    let run = std::fs::read_link(first.path("artifacts/soak/latest")).unwrap();
    let started: jiff::Timestamp = NOW.parse().unwrap();
    assert_eq!(run.display().to_string(), format!("RUN_{}", started.as_millisecond()));
    assert_eq!(first.json("artifacts/soak/latest/status.json")["state"], "finished");
    first.run("soak gate --mock").code(0).marker("| soak_gate | OK | SOAK=PASS |");
    first.run("soak gate").code(2).marker("| soak_gate | FAIL | SOAK=INCONCLUSIVE |");
    first.run("soak --mock --gates smoke --iterations 3").code(0);
    let summaries = |sandbox: &Sandbox| {
        let files = std::fs::read_dir(sandbox.path("artifacts/soak/latest")).unwrap();
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("ITER_")).count()
    };
    assert_eq!(summaries(&first), 3, "a smoke run leaves its own iterations and no others");
}

#[test]
fn each_bad_scenario_fails_its_gate_and_no_other() {
    let table = [
        ("latency_creep", 72, "latency_p95"),
        ("edge_decay", 72, "edge_bps"),
        ("cache_miss", 4, "hit_ratio"),
        ("deadline_storm", 4, "deadline_miss_rate"),
        ("leak", 24, "memory_growth"),
        ("hang", 4, "ticking"),
        ("breaker_trip", 4, "breaker"),
        ("flap", 4, "guard_trips"),
        ("reject_storm", 4, "error_ratio"),
    ];
    let unknown = Sandbox::new().run("soak run --mock --scenario unknown").code(64).stderr;
    let listed = unknown.split_once("[possible values: steady, ").unwrap().1.split_once(']').unwrap().0;
    assert_eq!(listed, table.map(|(scenario, ..)| scenario).join(", "), "each but the steady one");
    for (scenario, hours, gate) in table {
        // The long ones with one seed: a day takes a tenth of a second and more.
        for seed in if hours == 4 { vec![1, 2] } else { vec![1] } {
            let sandbox = Sandbox::new();
            let line = format!("soak run --mock --scenario {scenario} --seed {seed} --hours {hours}");
            sandbox.run(&line).code(1).marker("| soak_run | FAIL | SOAK=FAIL |");
            let failed: Vec<(String, String)> =
                not_passed(&sandbox).into_iter().filter(|(_, state)| state.ends_with("FAIL")).collect();
            assert_eq!(failed, [(gate.to_owned(), "HARD_FAIL".to_owned())], "{scenario} {seed}");
            if scenario == "latency_creep" {
                let at = sandbox.json(GATES)["gates"][gate]["tripped_at"].as_u64().unwrap();
                // The 95th percentile passes the limit after some 24 hours of 12 windows each.
                assert!((260..310).contains(&at), "window {at}");
            }
        }
    }
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    sandbox.run("soak run").error(64);
    sandbox.run("soak run --mock --gates nightly").code(3);
    sandbox.run("soak run --mock --duration 7m").code(64);
    sandbox.run("soak run --mock --iteration 10s --interval 3s").code(64);
    sandbox.run("soak run --mock --scrape http://127.0.0.1:1").code(64);
    sandbox.run("soak run --scrape http://u:p@127.0.0.1:1").code(64);
    sandbox.run("soak run --resume").code(64);
    sandbox.write("taken", "");
    sandbox.run("soak run --mock --iterations 3 --export-json taken/x.json").code(3);
    sandbox.write("gates.yaml", "profiles:\n  mine:\n    description: x\n    gates: {}\n");
    sandbox.run("soak run --mock --gates mine --gates-file gates.yaml").code(3);
    sandbox.run("soak gate nowhere").code(3);
    assert!(!sandbox.path("artifacts/soak/latest").exists());
}

#[test]
fn an_endpoint_that_does_not_answer_is_inconclusive_and_never_a_failure() {
    let sandbox = Sandbox::new();
    let output = sandbox.run("soak run --scrape http://127.0.0.1:1 --iterations 3 --iteration 60s");
    output.code(2).marker("| soak_run | FAIL | SOAK=INCONCLUSIVE |");
    for (gate, state) in not_passed(&sandbox) {
        assert_eq!(state, "TOOL_ERROR", "{gate}");
    }
}

#[test]
fn an_endpoint_that_was_never_there_is_judged_as_well() {
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let (_bot, url) = bot(&sandbox, "bot", "");
    let line = format!(
        "soak run --scrape {url} --scrape http://127.0.0.1:1 --iterations 2 --iteration 2s --interval 1s"
    );
    sandbox.run(&line).code(2).marker("| soak_run | FAIL | SOAK=INCONCLUSIVE |");
    let members = sandbox.json(GATES)["gates"]["ticking"]["members"].clone();
    assert_eq!(members["http://127.0.0.1:1/metrics"]["state"], "TOOL_ERROR", "{members}");
    sandbox.run("soak gate --mock").code(2);
    sandbox.run(&format!("soak run --scrape {url} --scrape {url}/metrics")).code(64);
}

#[test]
fn a_query_must_not_give_what_another_figure_measures() {
    let figure = |name: &str, more: &str| {
        format!("  {name}: {{description: d, unit: u, measure: {{gauge: {{of: mm_x, over: max}}}}{more}}}\n")
    };
    let sandbox = Sandbox::new();
    sandbox.write("kpis.yaml", format!("kpis:\n{}{}", figure("a", ", promql: mm_x * 0"), figure("b", "")));
    let gate = "{kpi: b, unit: u, aggregate: every, at_most: 1, severity: hard}";
    sandbox.write("gates.yaml", format!("profiles: {{p: {{description: d, gates: {{b: {gate}}}}}}}\n"));
    let line = "soak run --prometheus http://127.0.0.1:1 --kpis kpis.yaml --gates-file gates.yaml --gates p";
    sandbox.run(line).code(3);
    assert!(!sandbox.path("artifacts/soak/latest").exists());
}

#[test]
fn the_earlier_profile_needs_eight_iterations() {
    let sandbox = Sandbox::new();
    sandbox.run("soak run --mock --iterations 8 --gates kpi-last8").code(0);
    sandbox.run("soak run --mock --iterations 7 --gates kpi-last8").code(2);
    sandbox.run("soak run --mock --iterations 6 --warmup 6").code(2);
}

#[test]
fn members_are_judged_one_by_one_and_the_worst_decides() {
    let sandbox = Sandbox::new();
    sandbox.run("soak run --mock --gates smoke --instances 3 --iterations 6").code(0);
    let gates = sandbox.json(GATES);
    assert_eq!(gates["gates"]["hit_ratio"]["members"].as_object().unwrap().len(), 3);
    sandbox.run("soak run --mock --instances 3 --iterations 6 --scenario cache_miss").code(1);
    sandbox.run("soak gate --mock").code(1);
}

#[test]
fn an_edge_report_that_is_not_new_is_no_data() {
    let report = json!({"totals": {
        "net_bps": 3.1, "maker_share_pct": 88.0, "order_age_p95_ms": 320.0,
        "block_reasons": {"risk": {"ratio": 0.2}},
    }});
    let sandbox = Sandbox::new().file("EDGE.json", report.to_string());
    let now: jiff::Timestamp = NOW.parse().unwrap();
    let written = SystemTime::from(now) + Duration::from_secs(200);
    let file = std::fs::File::options().write(true).open(sandbox.path("EDGE.json")).unwrap();
    file.set_modified(written).unwrap();
    let line = "soak run --edge-report EDGE.json --gates kpi-last8 --iterations 8";
    sandbox.run(line).code(2).marker("| soak_run | FAIL | SOAK=INCONCLUSIVE |");
    let first = sandbox.json("artifacts/soak/latest/ITER_SUMMARY_1.json");
    assert_eq!(first["kpis"]["maker_share_ratio"]["value"], 0.88);
    assert_eq!(first["kpis"]["tick_latency_p95_ms"]["state"], "NO_DATA");
    let second = sandbox.json("artifacts/soak/latest/ITER_SUMMARY_2.json");
    assert_eq!(second["kpis"]["net_bps"]["value"], Value::Null);
    assert!(second["kpis"]["net_bps"]["reason"].as_str().unwrap().contains("was not written since"));
}

/// A process that is killed at the latest when the test ends.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub fn start(sandbox: &Sandbox, line: &str) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(line.split_whitespace()).current_dir(sandbox.root()).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

pub fn signal(child: &Running, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, signal).unwrap();
}

pub fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < Duration::from_secs(20), "no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kill moments: `MMOPS_KILLS` of them, 8 unless set.
#[test]
fn a_run_that_is_killed_at_any_moment_ends_as_if_it_had_not_been() {
    let line = format!("soak run --mock --gates smoke --hours 24 --now {NOW}");
    let whole = Sandbox::new();
    let started = Instant::now();
    whole.run(&line).code(0);
    let took = started.elapsed();
    let expected = results(&whole);
    let kills: u32 = std::env::var("MMOPS_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let mut resumed = 0;
    for kill in 0..kills {
        let sandbox = Sandbox::new().unrecorded("how far it came is a matter of time");
        let mut child = start(&sandbox, &line);
        std::thread::sleep(took * kill / kills);
        signal(&child, rustix::process::Signal::KILL);
        child.0.wait().unwrap();
        let output = sandbox.run(&format!("{line} --resume")).code(0);
        resumed += u32::from(output.stderr.contains("resuming"));
        let found = results(&sandbox);
        for ((name, bytes), (other, others)) in expected.iter().zip(&found) {
            assert!(name == other && bytes == others, "killed at {kill} of {kills}: {name} {other}");
        }
        assert_eq!(expected.len(), found.len());
        sandbox.run("soak gate --mock").code(0);
    }
    assert!(resumed >= kills / 3, "only {resumed} of {kills} runs had begun");
}

#[test]
fn a_torn_journal_and_torn_samples_are_cut_off_and_damage_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.run("soak run --mock --gates smoke --iterations 6").code(0);
    let expected = results(&sandbox);
    for name in ["JOURNAL.jsonl", "samples.bin"] {
        let path = sandbox.path(&format!("artifacts/soak/latest/{name}"));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    }
    sandbox.run("soak run --resume").code(0);
    let kept = |results: &[(String, Vec<u8>)]| {
        results.iter().find(|(name, _)| name.ends_with("JOURNAL.jsonl")).unwrap().1.clone()
    };
    assert!(kept(&results(&sandbox)) == kept(&expected));

    let summary = sandbox.path("artifacts/soak/latest/ITER_SUMMARY_2.json");
    let text = std::fs::read_to_string(&summary).unwrap();
    std::fs::write(&summary, text.replacen("\"iteration\": 2", "\"iteration\": 2, \"x\": 1", 1)).unwrap();
    sandbox.run("soak gate --mock").code(1);
    std::fs::remove_file(&summary).unwrap();
    sandbox.run("soak gate --mock").code(1);

    let path = "artifacts/soak/latest/JOURNAL.jsonl";
    let text = sandbox.read(path);
    let mut edited = records(&text);
    edited[1]["iteration"]["kpis"]["breaker_open"]["value"] = 1.0.into();
    sandbox.write(path, journal(&edited));
    sandbox.run("soak gate --mock").code(1);
    edited.remove(1);
    sandbox.write(path, journal(&edited));
    sandbox.run("soak gate --mock").code(3);
    let line = text.find("\"breaker_open\":{").unwrap();
    sandbox.write(path, text[..line].to_owned() + &text[line..].replacen("0.0", "1.0", 1));
    for line in ["soak gate --mock", "soak run --resume"] {
        sandbox.run(line).code(3);
    }
}

#[test]
fn a_resumed_run_must_be_the_run_that_was_started() {
    let sandbox = Sandbox::new();
    sandbox.run("soak run --mock --gates smoke --iterations 4").code(0);
    sandbox.run("soak run --mock --gates smoke --iterations 5 --resume").code(3);
    for more in ["--iterations 5", "--gates kpi-last8", "--warmup 0", "--kpis kpis.yaml"] {
        sandbox.run(&format!("soak run --resume {more}")).code(64);
    }
    sandbox.run("soak run --mock --gates smoke --iterations 4 --resume").code(0);
}

#[test]
fn samples_that_are_damaged_inside_are_kept_and_refused() {
    let sandbox = Sandbox::new();
    sandbox.run("soak run --mock --gates smoke --iterations 6").code(0);
    let path = sandbox.path("artifacts/soak/latest/samples.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    sandbox.run("soak run --resume").code(3);
    assert!(std::fs::read(&path).unwrap() == bytes, "the evidence was changed");
    sandbox.run("soak gate --mock").code(1);
}

#[test]
fn a_journal_cannot_say_that_there_was_nothing_to_check() {
    let sandbox = Sandbox::new();
    sandbox.run("soak run --mock --gates smoke --iterations 2").code(0);
    let files = ["JOURNAL.jsonl", "ITER_SUMMARY_1.json", "ITER_SUMMARY_2.json"]
        .map(|name| format!("artifacts/soak/latest/{name}"));
    let kept = files.each_ref().map(|name| sandbox.read(name));
    for (from, to) in [
        ("\"source\":\"mock\",\"state_hash\"", "\"source\":\"edge-report\",\"state_hash\""),
        ("\"state\":\"MEASURED\"", "\"state\":\"PARTIAL\""),
    ] {
        assert!(kept[0].contains(from), "{}", kept[0]);
        let edited = records(&kept[0].replace(from, to));
        sandbox.write(&files[0], journal(&edited));
        for (iteration, name) in edited[1..].iter().zip(&files[1..]) {
            sandbox.write(name, iteration["iteration"].to_string());
        }
        sandbox.run("soak gate --mock").code(1).marker("| soak_gate | FAIL | SOAK=FAIL |");
    }
}

#[test]
fn the_outputs_of_a_run_never_stand_for_another() {
    let sandbox = Sandbox::new();
    sandbox.run("soak run --mock --gates smoke --iterations 2 --export-json out/RUN.json").code(0);
    sandbox.run("soak gate --mock").code(0);
    assert_eq!(sandbox.json("artifacts/soak/latest/soak_metrics.json"), sandbox.json("out/RUN.json"));
    let first = sandbox.json(GATES);
    assert_eq!(first["run_dir"], sandbox.json("out/RUN.json")["run_dir"]);
    // What a run left unfinished when it was killed goes with the next one. No process has that number.
    let unfinished =
        sandbox.path("artifacts/soak/latest").canonicalize().unwrap().join(".mmops-4194305-0.tmp");
    std::fs::write(&unfinished, "half").unwrap();
    sandbox.run("soak run --mock --gates smoke --iterations 2").code(0);
    assert!(!unfinished.exists());

    let child = start(&sandbox, "soak run --scrape http://127.0.0.1:1 --iterations 900 --iteration 1s");
    wait_for("start", || !sandbox.path(GATES).exists());
    signal(&child, rustix::process::Signal::KILL);
    drop(child);
    assert!(!sandbox.path("artifacts/reports/SOAK_RESULTS.md").exists());
}

#[test]
fn an_interrupted_run_says_so_and_goes_on_later() {
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let line = "soak run --scrape http://127.0.0.1:1 --iterations 900 --iteration 1s --interval 1s";
    let child = start(&sandbox, line);
    let status = sandbox.path("artifacts/soak/latest/status.json");
    wait_for("iteration", || status.exists());
    signal(&child, rustix::process::Signal::INT);
    let mut child = child;
    let mut stdout = String::new();
    std::io::Read::read_to_string(child.0.stdout.as_mut().unwrap(), &mut stdout).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(130));
    assert!(stdout.ends_with("| soak_run | FAIL | SOAK=INTERRUPTED |\n"), "{stdout}");
    assert_eq!(sandbox.json("artifacts/soak/latest/status.json")["state"], "interrupted");
    sandbox.run("soak gate").code(2);
}

/// Starts a bot and returns its address.
pub fn bot(sandbox: &Sandbox, name: &str, flags: &str) -> (Running, String) {
    let child = start(sandbox, &format!("sim bot --address-file {name} --log {name}.log --speed 60 {flags}"));
    let file = sandbox.path(name);
    wait_for("bot", || std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')));
    (child, sandbox.read(name).trim().to_owned())
}

#[test]
fn a_real_bot_is_scraped_and_the_one_in_trouble_fails() {
    let sandbox = Sandbox::real_time();
    let (good, storm) = (bot(&sandbox, "good", ""), bot(&sandbox, "storm", "--scenario deadline_storm"));
    let runs =
        [(&good.1, 0, "OK | SOAK=PASS"), (&storm.1, 1, "FAIL | SOAK=FAIL")].map(|(url, code, verdict)| {
            let url = url.clone();
            std::thread::spawn(move || {
                let sandbox = Sandbox::real_time().unrecorded(REAL);
                let line = format!(
                    "soak run --gates smoke --scrape {url} --iterations 3 --iteration 2s --interval 1s"
                );
                let output = sandbox.run(&line).code(code).marker(&format!("| soak_run | {verdict} |"));
                // What a simulation shows is a simulation, also over the wire.
                assert!(output.stdout.contains("SOURCE=scrape"), "{}", output.stdout);
                sandbox.run("soak gate --mock").code(code);
                let first = sandbox.json("artifacts/soak/latest/ITER_SUMMARY_1.json");
                assert_eq!(first["params"]["tail_age_ms"], 600.0);
            })
        });
    for run in runs {
        run.join().unwrap();
    }

    for checkpoint in ["starting...", "Config loaded: 3 rules", "SDK connected", "Rules initialized: 3 rules"]
    {
        assert!(sandbox.read("good.log").contains(checkpoint), "{checkpoint}");
    }
    for checkpoint in ["Event loop running", "Event received: ", "Rule evaluated: "] {
        assert!(sandbox.read("good.log").contains(checkpoint), "{checkpoint}");
    }
    assert!(!sandbox.read("good.log").contains("Enforcement"), "nothing was enforced");
    let (mut child, _) = good;
    signal(&child, rustix::process::Signal::TERM);
    assert_eq!(child.0.wait().unwrap().code(), Some(143));
}

#[test]
fn a_bot_obeys_rollback_actions_and_takes_overrides() {
    let sandbox = Sandbox::real_time();
    let overrides = "artifacts/soak/runtime_overrides.json";
    sandbox.write(overrides, "{\"tail_age_ms\": 700}");
    let (_child, url) = bot(&sandbox, "bot", "");
    let get =
        |path: &str| ureq::get(format!("{url}{path}")).call().unwrap().body_mut().read_to_string().unwrap();
    let post = |body: &str| {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        agent.post(format!("{url}/actions")).send(body).unwrap().status().as_u16()
    };
    assert!(get("/metrics").contains("mm_param{name=\"tail_age_ms\"} 700\n"));
    assert!(get("/metrics").contains("mm_active_orders_total 8\n"));
    assert_eq!(post("{\"type\":\"freeze_orders\"}"), 200);
    assert_eq!(post("{\"type\":\"circuit_state\",\"state\":\"open\"}"), 200);
    assert_eq!(post("{\"type\":\"launch\"}"), 400);
    assert_eq!(post("{\"type\":\"scale_strategy\",\"factor\":-7}"), 400);
    assert_eq!(post("{\"type\":\"scale_strategy\",\"factor\":1.5}"), 400);
    let status: Value = serde_json::from_str(&get("/status")).unwrap();
    assert_eq!(status["actions"].as_array().unwrap().len(), 2, "{status}");
    assert!(get("/metrics").contains("mm_active_orders_total 0\n"));
    assert!(get("/metrics").contains("mm_circuit_breaker_state{state=\"open\"} 1\n"));
    sandbox.write(overrides, "{\"tail_age_ms\": 800}");
    wait_for("new parameter", || get("/metrics").contains("mm_param{name=\"tail_age_ms\"} 800\n"));
    Sandbox::new().run("sim bot --listen 0.0.0.0:0").code(64);
}

#[test]
fn a_bot_ends_its_page_with_a_mark_where_that_is_asked_for() {
    let sandbox = Sandbox::real_time();
    let (_child, url) = bot(&sandbox, "bot", "");
    let get = |accept: &str| {
        let mut answer = ureq::get(format!("{url}/metrics")).header("Accept", accept).call().unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, answer.body_mut().read_to_string().unwrap())
    };
    let (kind, page) = get("application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    assert!(page.ends_with("\n# EOF\n") && page.contains("# TYPE mm_fills counter\n"), "{page}");
    let (kind, page) = get("text/plain");
    assert!(kind.starts_with("text/plain; version=0.0.4") && !page.contains("# EOF"), "{kind}");
}

/// Answers every request with the text that a closure makes of its head; ends with the test.
pub fn endpoint(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let _gone = stream.write_all(answer(&String::from_utf8_lossy(&head)).as_bytes());
        }
    });
    url
}

#[test]
fn a_scraped_page_is_asked_for_with_its_end_and_a_torn_one_or_one_of_the_future_is_none() {
    let kpis = "kpis:\n  edge:\n    description: d\n    unit: bps\n    measure: {gauge: {of: mm_net_bps, over: last, across: max}}\n";
    let gates = "profiles:\n  p:\n    description: d\n    gates:\n      edge: {kpi: edge, unit: bps, aggregate: every, at_least: 2, severity: hard}\n";
    let run = |code: i32, page: fn(i64) -> String| {
        let url = endpoint(move |head| {
            let wants_end = head.to_ascii_lowercase().contains("\r\naccept: application/openmetrics-text");
            assert!(wants_end, "{head}");
            page(jiff::Timestamp::now().as_second())
        });
        let sandbox = Sandbox::real_time().unrecorded(REAL).file("kpis.yaml", kpis).file("gates.yaml", gates);
        let line = format!(
            "soak run --scrape {url} --kpis kpis.yaml --gates-file gates.yaml --gates p --iterations 1 --iteration 2s --interval 1s"
        );
        let verdict = if code == 0 { "OK | SOAK=PASS" } else { "FAIL | SOAK=INCONCLUSIVE" };
        let _ = sandbox.run(&line).code(code).marker(&format!("| soak_run | {verdict} |"));
    };
    run(0, |_| format!("{HEAD}\r\nmm_net_bps 3\n# EOF\n"));
    run(0, |now| format!("{HEAD}\r\nmm_net_bps 3 {now}\n# EOF\n"));
    // Of two points of a series the newer counts.
    run(0, |now| format!("{HEAD}\r\nmm_net_bps 1 {}\nmm_net_bps 3 {now}\n# EOF\n", now - 1));
    run(2, |_| format!("{HEAD}\r\nmm_net_bps 3\n"));
    run(2, |_| format!("{HEAD}Content-Length: 99\r\n\r\nmm_net_bps 3\n# EOF\n"));
    run(2, |now| format!("{HEAD}\r\nmm_net_bps 3 {}\n# EOF\n", now + 3600));
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/openmetrics-text\r\n";

#[test]
fn a_run_shows_where_it_stands_while_it_lasts() {
    let sandbox = Sandbox::real_time();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let line = "soak run --scrape http://127.0.0.1:1 --iterations 900 --iteration 1s --interval 1s";
    let _child = start(&sandbox, &format!("{line} --serve 127.0.0.1:{port}"));
    let get = |path: &str| {
        let body = ureq::get(format!("http://127.0.0.1:{port}{path}")).call().ok();
        body.and_then(|mut reply| reply.body_mut().read_to_string().ok()).unwrap_or_default()
    };
    wait_for("status", || get("/status").contains("\"iteration\": 1"));
    assert!(get("/metrics").contains("mmops_soak_iterations_planned 900\n"));
    // Nothing is known, so nothing is shown as kept.
    assert!(!get("/metrics").contains("mmops_soak_kpi_holds"));
}

/// A summary as the earlier toolkit wrote it.
fn earlier(iteration: u32, net_bps: f64, latency: f64, risk: f64, hash: &str) -> Value {
    json!({
        "iteration": iteration,
        "summary": {
            "net_bps": net_bps, "p95_latency_ms": latency, "risk_ratio": risk,
            "maker_taker_ratio": 0.85, "maker_taker_source": "fills_volume",
            "runtime_utc": format!("2025-10-12T12:{:02}:00Z", iteration % 60),
        },
        "tuning": {
            "applied": iteration == 1, "deltas": {"impact_cap_ratio": -0.01}, "state_hash": hash,
        },
    })
}

fn earlier_run(iterations: u32, summary: impl Fn(u32) -> Value) -> Sandbox {
    let sandbox = Sandbox::new();
    for iteration in 1..=iterations {
        let name = format!("run/latest/ITER_SUMMARY_{iteration}.json");
        sandbox.write(&name, summary(iteration).to_string());
    }
    sandbox
}

#[test]
fn a_run_of_the_earlier_toolkit_is_read_whole_and_in_numeric_order() {
    let honest = |iteration| {
        let wobble = f64::from(iteration * 7 % 5) / 10.0;
        // Only the last eight of 120 are good: neither a limit of 99 nor the order of names would see them.
        let net = if iteration > 112 { 3.0 } else { 1.0 };
        earlier(iteration, net + wobble, 300.0, 0.3, &iteration.to_string())
    };
    let sandbox = earlier_run(120, honest);
    sandbox.run("soak gate run").code(0).marker("| soak_gate | OK | SOAK=PASS |");
    std::fs::remove_file(sandbox.path("run/latest/ITER_SUMMARY_117.json")).unwrap();
    sandbox.run("soak gate run").code(2);
    sandbox.write("run/latest/ITER_SUMMARY_117.json", earlier(116, 3.0, 300.0, 0.3, "x").to_string());
    sandbox.run("soak gate run").code(3);

    for (latency, risk) in [(0.0, 0.3), (300.0, 0.0)] {
        let defaults =
            earlier_run(9, |iteration| earlier(iteration, 3.1, latency, risk, &iteration.to_string()));
        defaults.run("soak gate run").code(2);
    }

    let sandbox = earlier_run(8, honest);
    sandbox.write("run/latest/ITER_SUMMARY_08.json", sandbox.read("run/latest/ITER_SUMMARY_8.json"));
    sandbox.run("soak gate run").code(3);
    std::fs::remove_file(sandbox.path("run/latest/ITER_SUMMARY_08.json")).unwrap();
    for name in ["ITER_SUMMARY_0.json", "ITER_SUMMARY_4000000000.json", "ITER_SUMMARY_99999999999.json"] {
        let path = format!("run/latest/{name}");
        sandbox.write(&path, "{}");
        sandbox.run("soak gate run").code(3);
        std::fs::remove_file(sandbox.path(&path)).unwrap();
    }
}

#[test]
fn the_known_faults_of_the_earlier_toolkit_are_named() {
    let closed = |iteration: u32| {
        let k = f64::from(iteration) - 1.0;
        let (net, latency, risk) = match iteration {
            1 => (-1.5, 250.0, 0.17),
            2 => (-0.8, 280.0, 0.33),
            _ => {
                let power = i32::try_from(iteration).unwrap() - 3;
                (2.8 + 0.1 * k, (320.0 - 5.0 * k).max(180.0), (0.68 * 0.83_f64.powi(power)).max(0.3))
            }
        };
        earlier(iteration, net, latency, risk, "same")
    };
    let sandbox = earlier_run(36, closed);
    sandbox.run("soak gate run").code(2);
    sandbox.run("soak gate run --mock").code(0);
    sandbox.write("run/runtime_overrides.json", "{\"risk\": {\"impact_cap_ratio\": -0.01}}");
    let _ = sandbox.run("soak gate run --mock").code(1);
}

#[test]
fn published_schemas_describe_what_is_written() {
    let sandbox = Sandbox::new();
    let report = sandbox.run("soak run --mock --instances 2 --iterations 2 --format json").json();
    let valid = |name: &str, document: &Value| {
        let schema: Value = sandbox.run(&format!("schema {name}")).json();
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    };
    valid("soak-run", &report);
    valid("iter-summary", &sandbox.json("artifacts/soak/latest/ITER_SUMMARY_1.json"));
    valid("soak-plan", &sandbox.json("artifacts/soak/latest/RUN.json"));
    valid("soak-status", &sandbox.json("artifacts/soak/latest/status.json"));
    valid("soak-metrics", &sandbox.json("artifacts/reports/soak_metrics.json"));
    valid("soak-gates", &sandbox.json(GATES));
    let gate = Output::of(&mut sandbox.command("soak gate --mock --format json")).json();
    valid("soak-gate", &gate);
}

/// What is told to flip a verdict does so, and a little less does not.
#[test]
fn an_explained_verdict_says_at_which_limit_it_is_another() {
    let gates = |most: f64| {
        format!(
            "profiles: {{p: {{description: d, gates: {{miss: {{kpi: deadline_miss_ratio, unit: ratio, aggregate: every, \
             at_most: {most}, severity: hard, k_of_n: {{k: 2, n: 3}}}}}}}}}}\n"
        )
    };
    let judged = |sandbox: &Sandbox, most: f64| {
        sandbox.write("gates.yaml", gates(most));
        sandbox.run("soak gate --mock --gates-file gates.yaml --profile p --explain --format json").json()
    };
    let sandbox = Sandbox::new().unrecorded("its gates are the point, and it is judged many times");
    let _ = sandbox.run("--quiet soak run --mock --gates smoke --iterations 12");
    for (limit, verdict, other) in [(0.02, "PASS", "FAIL"), (0.0001, "FAIL", "PASS")] {
        let report = judged(&sandbox, limit);
        assert_eq!(report["verdict"], verdict, "{report:#}");
        let flip = &report["explanation"]["flip"];
        assert_eq!(
            (&flip["verdict"], flip["changes"].as_array().unwrap().len()),
            (&other.into(), 1),
            "{flip}"
        );
        assert_eq!(flip["changes"][0]["place"], "root.profiles.p.gates.miss.at_most");
        let told = flip["changes"][0]["to"].as_f64().unwrap();
        assert_eq!(judged(&sandbox, told)["verdict"], other, "{told}");
        let nearer = told + (limit - told) * 0.001;
        assert_eq!(judged(&sandbox, nearer)["verdict"], verdict, "{nearer} after {told}");
    }
    // That it is a simulation no limit changes.
    let unknown = sandbox.run("soak gate --explain --format json").code(2).json();
    assert_eq!(unknown["explanation"]["flip"]["changes"], json!([]));
}
