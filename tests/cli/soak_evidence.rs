//! What a soak keeps as evidence: changes of it are noticed, and stops of the run leave nothing that looks like one.

use crate::sandbox::{Sandbox, journal, records};
use crate::soak::{REAL, Running, bot, endpoint, signal, start, wait_for};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

const RUN: &str = "artifacts/soak/latest";

fn path(name: &str) -> String {
    format!("{RUN}/{name}")
}

fn finished(iterations: u32) -> Sandbox {
    let sandbox = Sandbox::new().unrecorded("each edit is asserted by itself");
    sandbox.run(&format!("soak run --mock --gates smoke --iterations {iterations}")).code(0);
    sandbox.run("soak gate --mock").code(0).marker("| soak_gate | OK | SOAK=PASS |");
    sandbox
}

/// Where the frames of a file of samples end.
fn frame_ends(bytes: &[u8]) -> Vec<usize> {
    let mut at = "mmops.samples.v1\n".len();
    let mut ends = vec![at];
    while at < bytes.len() {
        at += 8 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        ends.push(at);
    }
    ends
}

fn refused(sandbox: &Sandbox, what: &str, reason: &str) {
    let output = sandbox.run("soak gate --mock");
    assert_eq!(output.code, Some(1), "{what}:\n{}{}", output.stdout, output.stderr);
    let _ = output.marker("| soak_gate | FAIL | SOAK=FAIL |").stdout_has(reason);
    let before = std::fs::read(sandbox.path(&path("samples.bin"))).unwrap();
    let _ = sandbox.run("soak run --resume").code(3).stderr_has(reason);
    assert!(
        std::fs::read(sandbox.path(&path("samples.bin"))).unwrap() == before,
        "{what}: evidence was changed"
    );
}

#[test]
fn a_plan_that_was_edited_fails_the_run() {
    let edits: [(&str, fn(&mut Value)); 4] = [
        ("a wider limit", |plan| plan["profile"]["gates"]["latency_p95"]["at_most"] = json!(1500)),
        ("a softer gate", |plan| plan["profile"]["gates"]["hit_ratio"]["severity"] = json!("soft")),
        ("fewer iterations", |plan| plan["iterations"] = json!(3)),
        ("a gate less", |plan| {
            plan["profile"]["gates"].as_object_mut().unwrap().remove("breaker");
        }),
    ];
    for (what, edit) in edits {
        let sandbox = finished(5);
        let mut plan = sandbox.json(&path("RUN.json"));
        edit(&mut plan);
        sandbox.write(&path("RUN.json"), plan.to_string());
        refused(&sandbox, what, "`RUN.json` is not what the run was started with");
    }
}

#[test]
fn records_that_were_cut_off_are_missed() {
    let sandbox = finished(5);
    let lines = records(&sandbox.read(&path("JOURNAL.jsonl")));
    sandbox.write(&path("JOURNAL.jsonl"), journal(&lines[..4]));
    refused(&sandbox, "two records", "of which the journal has no record");

    let sandbox = Sandbox::new().unrecorded("asserted here");
    sandbox.run("soak run --scrape http://127.0.0.1:1 --iterations 3 --iteration 60s").code(2);
    let lines = records(&sandbox.read(&path("JOURNAL.jsonl")));
    sandbox.write(&path("JOURNAL.jsonl"), journal(&lines[..3]));
    sandbox
        .run("soak gate")
        .code(1)
        .stdout_has("the journal ends with iteration 2, but `status.json` has seen 3");
    let _ = sandbox.run("soak run --resume").code(3);
}

#[test]
fn samples_that_were_emptied_cut_or_changed_are_missed() {
    let sandbox = finished(5);
    let samples = sandbox.path(&path("samples.bin"));
    let bytes = std::fs::read(&samples).unwrap();
    let ends = frame_ends(&bytes);
    assert!(ends.len() > 5, "{ends:?}");
    let cuts = ends.iter().copied().filter(|end| *end < bytes.len()).chain([0]);
    for cut in cuts {
        std::fs::write(&samples, &bytes[..cut]).unwrap();
        refused(&sandbox, &format!("cut at {cut}"), "were kept when it was finished");
    }
    // A frame twice is whole, and was never written.
    let last = &bytes[ends[ends.len() - 2]..];
    std::fs::write(&samples, [&bytes, last].concat()).unwrap();
    refused(&sandbox, "a frame more", "of which the journal has no record");
    std::fs::write(&samples, &bytes).unwrap();
    let _ = sandbox.run("soak gate --mock").code(0);
}

#[test]
fn a_window_is_where_the_plan_and_the_gaps_put_it() {
    let sandbox = finished(3);
    let mut lines = records(&sandbox.read(&path("JOURNAL.jsonl")));
    lines[3]["iteration"]["to"] = json!("2026-03-10T12:20:00Z");
    sandbox.write(&path("JOURNAL.jsonl"), journal(&lines));
    sandbox.write(&path("ITER_SUMMARY_3.json"), lines[3]["iteration"].to_string());
    refused(&sandbox, "a longer window", "its window is not where the plan and the gaps put it");

    let sandbox = finished(3);
    let mut lines = records(&sandbox.read(&path("JOURNAL.jsonl")));
    for (number, line) in lines.iter_mut().enumerate().skip(1) {
        let minutes = |minutes: usize| format!("2026-03-10T13:{minutes:02}:00Z");
        line["iteration"]["from"] = json!(minutes(5 * (number - 1)));
        line["iteration"]["to"] = json!(minutes(5 * number));
        sandbox.write(&path(&format!("ITER_SUMMARY_{number}.json")), line["iteration"].to_string());
    }
    lines[1]["iteration"]["gap_before_secs"] = json!(3600.0);
    sandbox.write(&path("ITER_SUMMARY_1.json"), lines[1]["iteration"].to_string());
    sandbox.write(&path("JOURNAL.jsonl"), journal(&lines));
    refused(&sandbox, "an hour later", "a sample is not of its time");
}

#[test]
fn a_plan_of_an_earlier_version_is_refused_with_what_to_do() {
    let sandbox = finished(2);
    let mut plan = sandbox.json(&path("RUN.json"));
    plan["schema"] = json!("mmops.soak-plan.v1");
    sandbox.write(&path("RUN.json"), plan.to_string());
    for line in ["soak gate --mock", "soak run --resume"] {
        let _ = sandbox.run(line).code(3).stderr_has("of mmops 0.1.0").stderr_has("or begin a new one");
    }
}

#[test]
fn a_finished_run_that_is_resumed_says_the_same_again_and_writes_nothing() {
    let sandbox = finished(4);
    let state = || {
        let times = |path: String| {
            let meta = std::fs::metadata(sandbox.path(&path)).unwrap();
            (path.clone(), meta.modified().unwrap(), std::fs::read(sandbox.path(&path)).unwrap())
        };
        sandbox
            .files()
            .into_iter()
            .filter(|path| path.starts_with("artifacts/soak/RUN_"))
            .map(times)
            .collect::<Vec<_>>()
    };
    let reports = || {
        ["soak_metrics.json", "gates_summary.json", "SOAK_RESULTS.md"]
            .map(|name| sandbox.read(&format!("artifacts/reports/{name}")))
    };
    let (kept, written) = (state(), reports());
    std::thread::sleep(Duration::from_millis(20));
    // Half a year later.
    let line = "soak run --resume --now 2026-09-10T12:00:00Z";
    let output = sandbox.run(&format!("{line} --format json")).code(0).json();
    assert_eq!(output["verdict"], "PASS");
    assert_eq!(output["observed_to"], "2026-03-10T12:20:00Z");
    assert!(state() == kept, "the run was written to");
    assert_eq!(reports(), written, "what the run left is not as it was");
    let metrics = sandbox.json("artifacts/reports/soak_metrics.json");
    assert_eq!(
        (&metrics["observed_from"], &metrics["observed_to"]),
        (&json!("2026-03-10T12:00:00Z"), &json!("2026-03-10T12:20:00Z"))
    );
    assert_eq!(metrics["made_at"], "2026-03-10T12:00:00Z");
}

#[test]
fn a_run_does_not_go_on_under_a_clock_that_was_set_back() {
    let sandbox = Sandbox::new().unrecorded("asserted here");
    sandbox.run("soak run --scrape http://127.0.0.1:1 --iterations 3 --iteration 60s").code(2);
    // As a run that was killed in its third iteration has it.
    let lines = records(&sandbox.read(&path("JOURNAL.jsonl")));
    sandbox.write(&path("JOURNAL.jsonl"), journal(&lines[..3]));
    std::fs::remove_file(sandbox.path(&path("status.json"))).unwrap();
    let samples = sandbox.path(&path("samples.bin"));
    let kept = lines[2]["samples"]["bytes"].as_u64().unwrap();
    std::fs::File::options().write(true).open(samples).unwrap().set_len(kept).unwrap();
    let _ = sandbox.run("soak run --resume").code(3).stderr_has(
        "the clock says 2026-03-10T12:00:00Z, and the run was observed until 2026-03-10T12:02:00Z",
    );
    // Within an iteration it waits, and says so; what the clock was set back by stands in the report.
    let output = sandbox.run("soak run --resume --now 2026-03-10T12:01:30Z").code(2);
    let _ = output.stderr_has("waiting 45 s").stdout_has("the wall clock was set by -30.0 s in iteration 3");
    let third = sandbox.json(&path("ITER_SUMMARY_3.json"));
    assert_eq!((&third["clock_step_secs"], &third["gap_before_secs"]), (&json!(-30.0), &json!(15.0)));
    let _ = sandbox.run("soak gate").code(2);
}

#[test]
fn files_that_soak_gate_is_given_are_used_or_refused() {
    let sandbox = finished(4);
    let gates = |limit: f64, unit: &str| {
        format!(
            "profiles:\n  smoke:\n    description: d\n    gates:\n      latency: {{kpi: tick_latency_p95_ms, unit: {unit}, aggregate: max, at_most: {limit}, severity: hard}}\n"
        )
    };
    sandbox.write("strict.yaml", gates(1.0, "ms"));
    sandbox.write("seconds.yaml", gates(0.15, "s"));
    let _ = sandbox.run("soak gate --mock --gates-file strict.yaml").code(1).stdout_has("(<= 1 ms)");
    let _ = sandbox.run("soak gate --mock --gates-file strict.yaml --profile smoke").code(1);
    let _ = sandbox.run("soak gate --mock --gates-file seconds.yaml").code(3).stderr_has("is in `ms`");
    let _ = sandbox.run("soak gate --mock --gates-file nonexistent.yaml").code(3);
    let _ = sandbox.run("soak gate --mock --profile nightly").code(3);
    sandbox.write("kpis.yaml", "kpis: {}\n");
    let _ = sandbox.run("soak gate --mock --kpis kpis.yaml").code(64);
}

/// A server with the query API whose answer to a question is another one each time it is asked.
fn server() -> String {
    let asked = std::sync::atomic::AtomicU32::new(0);
    endpoint(move |head| {
        let line = head.lines().next().unwrap_or_default();
        if line.starts_with("POST") {
            return "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                .to_owned();
        }
        let asked = f64::from(asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let (query, start, end, step) =
            (field(line, "query"), field(line, "start"), field(line, "end"), field(line, "step"));
        let [start, end, step] =
            [start, end, step].map(|text| text.trim_end_matches('s').parse::<f64>().unwrap_or(0.0));
        let name = query
            .trim_start_matches("last_over_time%28")
            .trim_start_matches("last_over_time(")
            .split(['%', '{', '['])
            .next()
            .unwrap_or_default();
        let mut values = Vec::new();
        let mut at = start;
        while step > 0.0 && at <= end + 1e-9 {
            values.push(json!([at, format!("{}", at + asked / 1000.0)]));
            at += step;
        }
        let known = matches!(name, "work_total");
        let result =
            if known { json!([{"metric": {"__name__": name}, "values": values}]) } else { json!([]) };
        let body =
            json!({"status": "success", "data": {"resultType": "matrix", "result": result}}).to_string();
        format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    })
}

fn field(line: &str, name: &str) -> String {
    let rest = line.split_once(&format!("{name}=")).map_or("", |(_, rest)| rest);
    rest.split(['&', ' ']).next().unwrap_or_default().to_owned()
}

/// Kills a run again and again, and resumes it until it is finished. Returns how often it was killed.
fn kill_and_resume(sandbox: &Sandbox, line: &str, iterations: u64) -> u32 {
    let status = sandbox.path(&path("status.json"));
    let done = || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        serde_json::from_str::<Value>(&text).map_or(0, |status| status["iteration"].as_u64().unwrap_or(0))
    };
    let mut kills = 0;
    loop {
        let before = done();
        let mut child: Running = start(sandbox, &format!("{line} --resume"));
        if before + 1 >= iterations || kills == 6 {
            child.0.wait().unwrap();
            return kills;
        }
        wait_for("iteration", || done() > before);
        std::thread::sleep(Duration::from_millis(u64::from(kills * 37 % 101)));
        signal(&child, Signal::KILL);
        child.0.wait().unwrap();
        kills += 1;
    }
}

const KPIS: &str = "kpis:\n  work:\n    description: d\n    unit: 1/s\n    measure: {rate: {of: [work_total], per: second}}\n";
const GATES: &str = "profiles:\n  p:\n    description: d\n    gates:\n      work: {kpi: work, unit: 1/s, aggregate: mean, at_least: 0.01, severity: hard, min_coverage: 0.1}\n";

/// However often a run is killed, what it kept is what it says.
#[test]
fn a_run_that_was_killed_and_resumed_is_never_called_forged() {
    let cases: [(&str, fn(&Sandbox) -> (Option<Running>, String)); 2] = [
        ("scrape", |sandbox| {
            let (bot, url) = bot(sandbox, "bot", "");
            (Some(bot), format!("soak run --scrape {url} --iterations 4 --iteration 1s --interval 1s"))
        }),
        ("prometheus", |sandbox| {
            sandbox.write("kpis.yaml", KPIS);
            sandbox.write("gates.yaml", GATES);
            let files = "--kpis kpis.yaml --gates-file gates.yaml --gates p";
            (
                None,
                format!(
                    "soak run --prometheus {} {files} --iterations 4 --iteration 1s --interval 1s",
                    server()
                ),
            )
        }),
    ];
    let runs = cases.map(|(source, begin)| {
        std::thread::spawn(move || {
            let sandbox = Sandbox::real_time().unrecorded(REAL);
            let (_bot, line) = begin(&sandbox);
            let kills = kill_and_resume(&sandbox, &line, 4);
            assert!(kills > 1, "{source}: {kills} kills");
            let output = sandbox.run("soak gate --mock --format json").json();
            let rows = output["rows"].as_array().unwrap();
            for name in ["plan", "summaries", "recomputed"] {
                let row = rows.iter().find(|row| row["name"] == name).unwrap();
                assert_eq!(row["status"], "OK", "{source}: {row}");
            }
            assert_eq!(output["iterations"], 4, "{source}");
            let known = |number: u32| {
                let summary = sandbox.json(&path(&format!("ITER_SUMMARY_{number}.json")));
                summary["kpis"].as_object().unwrap().values().any(|kpi| kpi["value"].is_number())
            };
            assert!((1..=4).any(known), "{source}: nothing was measured");
        })
    });
    for run in runs {
        run.join().unwrap();
    }
}

#[test]
fn a_gate_that_is_broken_for_good_ends_the_run_where_that_is_asked_for() {
    let sandbox = Sandbox::new().unrecorded("asserted here");
    let line = "soak run --mock --gates smoke --scenario deadline_storm --iterations 40 --abort-on-fail";
    let output = sandbox.run(line).code(1).marker("| soak_run | FAIL | SOAK=FAIL |");
    let _ = output.stdout_has("deadline_miss_rate broken for good: what was left was not run");
    let metrics = sandbox.json("artifacts/reports/soak_metrics.json");
    let aborted = &metrics["aborted"];
    assert_eq!(aborted["gates"], json!(["deadline_miss_rate"]));
    let (after, not_run) =
        (aborted["after_iteration"].as_u64().unwrap(), aborted["not_run"].as_u64().unwrap());
    assert!(after < 10 && after + not_run == 40, "{aborted}");
    let _ = sandbox.run("soak gate --mock").code(1);
    let _ = sandbox.run("soak run --mock --gates smoke --iterations 5 --abort-on-fail").code(0);
}

#[test]
fn reasons_and_selectors_stand_under_each_gate_in_every_form() {
    let sandbox = Sandbox::new().unrecorded("asserted here");
    let line = "soak run --scrape http://127.0.0.1:1 --iterations 2 --iteration 60s --junit junit.xml";
    let output = sandbox.run(line).code(2);
    let _ = output
        .stdout_has("iteration 2: `http://127.0.0.1:1/metrics`")
        .stdout_has("mm_stage_duration_ms_bucket{stage=");
    assert!(sandbox.read("junit.xml").contains("iteration 2: `http://127.0.0.1:1/metrics`"));
    assert!(
        sandbox
            .read("artifacts/reports/SOAK_RESULTS.md")
            .contains("iteration 2: \\`http://127.0.0.1:1/metrics\\`")
    );
    let gate = sandbox.json("artifacts/reports/gates_summary.json")["gates"]["latency_p95"].clone();
    assert_eq!(gate["selectors"], json!(["mm_stage_duration_ms_bucket{stage=\"tick_total\"}"]));
    assert!(gate["cause"].as_str().unwrap().contains("127.0.0.1:1"), "{gate}");
}

#[test]
fn parameters_of_a_file_are_those_that_the_bots_start_with_and_stand_in_the_tuning_report() {
    let sandbox = Sandbox::new().unrecorded("asserted here").file("overrides.json", "{\"tail_age_ms\": 700}");
    let _ = sandbox.run("soak run --mock --gates smoke --iterations 2 --overrides overrides.json").code(0);
    let report = sandbox.json(&path("TUNING_REPORT.json"));
    assert_eq!(report["iterations"].as_array().unwrap().len(), 2);
    let first = &report["iterations"][0];
    assert_eq!((&first["iteration"], &first["parameters"]["tail_age_ms"]), (&json!(1), &json!(700.0)));
    for field in ["proposed", "applied", "skipped"] {
        assert_eq!(first[field], json!({}), "{field}");
    }
    assert!(first["why"].as_str().unwrap().contains("nothing is tuned"));
    let _ = sandbox.run("soak gate --mock").code(0);
    let delivered = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/tuning/smoke_overrides.json");
    let _ = sandbox
        .run(&format!("soak run --mock --gates smoke --iterations 12 --overrides {delivered}"))
        .code(0);
    sandbox.write("overrides.json", "{\"tail_age\": 700}");
    let _ = sandbox.run("soak run --mock --gates smoke --iterations 2 --overrides overrides.json").code(3);
}

#[test]
fn times_that_contradict_each_other_are_refused() {
    let sandbox = Sandbox::new().unrecorded("asserted here");
    let line =
        |from: &str, to: &str| format!("soak run --prometheus http://127.0.0.1:1 --from {from} --to {to}");
    let output = sandbox.run(&line("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z")).code(64);
    let _ = output.stderr_has("--to must lie after --from");
    let zone = "2026-03-01T00:00:00+05:00[Europe/Berlin]";
    let _ = sandbox.run(&line(zone, "2026-03-02T00:00:00Z")).code(64);
    let _ = sandbox.env("MMOPS_NOW", zone).run("soak run --mock --gates smoke --iterations 1").code(3);
}

#[test]
fn two_gates_on_one_figure_stand_both_in_the_status() {
    let sandbox = Sandbox::new().unrecorded("asserted here");
    let gate = |limit: u32| {
        format!("{{kpi: tick_latency_p95_ms, unit: ms, aggregate: every, at_most: {limit}, severity: hard}}")
    };
    let gates = format!("{{wide: {}, narrow: {}}}", gate(1000), gate(1));
    sandbox.write("gates.yaml", format!("profiles: {{p: {{description: d, gates: {gates}}}}}\n"));
    let _ = sandbox.run("soak run --mock --iterations 2 --gates-file gates.yaml --gates p").code(1);
    let status = sandbox.json(&path("status.json"));
    let holds = |name: &str| status["gates"][name]["holds"].clone();
    assert_eq!((holds("wide"), holds("narrow")), (json!(true), json!(false)), "{status}");
}

#[test]
fn a_smoke_run_is_three_minutes_by_its_own_profile() {
    let gate = "{kpi: tick_latency_p95_ms, unit: ms, aggregate: every, at_most: 1000, severity: hard}";
    let gates = format!("profiles: {{smoke: {{description: d, gates: {{latency: {gate}}}}}}}\n");
    let sandbox =
        Sandbox::new().unrecorded("asserted here").env("SOAK_SMOKE_MODE", "1").file("gates.yaml", gates);
    let _ = sandbox.run("soak run --mock --gates-file gates.yaml").code(0);
    let plan = sandbox.json(&path("RUN.json"));
    assert_eq!((&plan["iterations"], &plan["iteration_secs"]), (&json!(3), &json!(60)));
    assert_eq!(plan["profile_name"], "smoke");
    let _ = sandbox.run("soak run --mock --gates-file gates.yaml --iterations 5 --expect-members 2");
    let plan = sandbox.json(&path("RUN.json"));
    assert_eq!((&plan["iterations"], &plan["expect_members"]), (&json!(5), &json!(2)));
    let _ = sandbox.env("SOAK_SMOKE_MODE", "yes").run("soak run --mock --gates-file gates.yaml").code(3);
}
