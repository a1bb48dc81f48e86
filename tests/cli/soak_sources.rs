//! Where `mmops soak run` has its samples from: scripted servers with the Prometheus query API and scripted
//! `/metrics` pages, mostly on a frozen clock, where windows take no time.

use crate::sandbox::{NOW, Sandbox};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const REAL: &str = "addresses differ from run to run";

/// One figure of one gauge, which must not be above 5.
const KPIS: &str = "kpis:\n  x: {description: d, unit: ms, measure: {gauge: {of: mm_x, over: last}}}\n";
const GATES: &str = "profiles:\n  p:\n    description: d\n    gates:\n      x: {kpi: x, unit: ms, aggregate: every, at_most: 5, severity: hard}\n";

fn sandbox() -> Sandbox {
    Sandbox::new().unrecorded(REAL).file("kpis.yaml", KPIS).file("gates.yaml", GATES)
}

const FILES: &str = "--kpis kpis.yaml --gates-file gates.yaml --gates p";

/// Answers each connection on a thread of its own with what `answer` makes of the head and the body.
pub fn server(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), Arc::clone(&answer));
            std::thread::spawn(move || {
                if let Some((head, body)) = request(&mut stream) {
                    let _gone = stream.write_all(&answer(&head, &body));
                }
            });
        }
    });
    url
}

fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}

pub fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A question to the query API.
#[derive(Clone, Debug)]
pub struct Asked {
    head: String,
    pub query: String,
    /// Seconds since the start of the run.
    pub times: Vec<i64>,
}

/// What the server says: values at the times at which there is one, or a status.
pub type Reply = Result<Found, &'static str>;

fn start_secs() -> i64 {
    NOW.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// A server with the query API, and every question that came.
pub fn prometheus(
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<Asked>>>) {
    let asked = Arc::<Mutex<Vec<Asked>>>::default();
    let kept = Arc::clone(&asked);
    let url = server(move |head, body| {
        if !head.contains("/api/v1/query_range") {
            return response("404 Not Found", "", b"no");
        }
        let field = |name: &str| {
            let value = body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            let value = percent_encoding::percent_decode_str(value.unwrap_or_default());
            value.decode_utf8().unwrap().into_owned()
        };
        let secs = |name: &str| field(name).parse::<i64>().unwrap();
        let times: Vec<i64> = (secs("start")..=secs("end"))
            .step_by(usize::try_from(secs("step")).unwrap())
            .map(|at| at - start_secs())
            .collect();
        let question = Asked { head: head.to_owned(), query: field("query"), times };
        kept.lock().unwrap().push(question.clone());
        let series = match answer(&question) {
            Ok(series) => series,
            Err(status) => return response(status, "", b"no"),
        };
        let result: Vec<Value> = series
            .into_iter()
            .map(|(metric, points)| {
                let values: Vec<Value> = points
                    .into_iter()
                    .map(|(at, value)| json!([at + start_secs(), value.to_string()]))
                    .collect();
                json!({"metric": metric, "values": values})
            })
            .collect();
        let body = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
        response("200 OK", "Content-Type: application/json\r\n", body.to_string().as_bytes())
    });
    (url, asked)
}

/// Series as the server names them, each with its values by time.
pub type Found = Vec<(Value, Vec<(i64, f64)>)>;

/// A value at each time.
fn always(asked: &Asked, value: f64) -> Found {
    vec![(json!({"__name__": "mm_x", "job": "bot"}), asked.times.iter().map(|at| (*at, value)).collect())]
}

/// Whether a question is the one for the points of a metric.
fn is_of(asked: &Asked, metric: &str) -> bool {
    asked.query.starts_with(&format!("last_over_time({metric}["))
        || asked.query.starts_with(&format!("last_over_time({metric}{{"))
}

/// 3 everywhere, and nothing of what no figure needs.
fn healthy(asked: &Asked) -> Found {
    if asked.query == "time()" {
        let times = asked.times.iter().map(|at| (*at, (at + start_secs()) as f64));
        return vec![(json!({}), times.collect())];
    }
    if is_of(asked, "mm_x") { always(asked, 3.0) } else { Vec::new() }
}

fn state(sandbox: &Sandbox, iteration: u32, kpi: &str) -> (String, String) {
    let summary = sandbox.json(&format!("artifacts/soak/latest/ITER_SUMMARY_{iteration}.json"));
    let text = |field: &str| summary["kpis"][kpi][field].as_str().unwrap_or_default().to_owned();
    (text("state"), text("reason"))
}

#[test]
fn every_selector_is_narrowed_and_asked_for_where_its_series_goes_on() {
    let (url, asked) = prometheus(|asked| Ok(healthy(asked)));
    let sandbox = sandbox().env("MMOPS_PROMETHEUS_URL", &url);
    let line =
        format!("soak run {FILES} --iterations 2 --iteration 60s --match '{{job=\"bot\",env!~\"dev.*\"}}'");
    sandbox.run(&line).code(0);
    let plan = sandbox.json("artifacts/soak/latest/RUN.json");
    assert_eq!(plan["origin"]["prometheus"]["matching"], "job=\"bot\",env!~\"dev.*\"");
    let asked = asked.lock().unwrap();
    for name in ["mm_x", "up", "mm_simulated", "process_start_time_seconds", "mm_build_info"] {
        let series = format!("{name}{{job=\"bot\",env!~\"dev.*\"}}");
        let query = format!("last_over_time({series}[22500ms]) and {series}");
        assert!(asked.iter().any(|asked| asked.query == query), "{query}");
    }
    for asked in asked.iter().filter(|asked| asked.query != "time()") {
        assert!(asked.query.contains("job=\"bot\",env!~\"dev.*\""), "{}", asked.query);
    }
    for line in ["--match job", "--match '{job=bot}'", "--lag soon", "--lag 2h"] {
        sandbox.run(&format!("soak run {line}")).code(64);
    }
    for line in ["--match 'a=\"b\"' --mock", "--lag 0 --scrape http://127.0.0.1:1"] {
        sandbox.run(&format!("soak run {line}")).code(64);
    }
}

#[test]
fn a_series_that_ended_is_a_missing_point() {
    // The range still has a sample of every other scrape; the selector has none where one failed.
    let (url, _) = prometheus(|asked| {
        let mut series = healthy(asked);
        if asked.query.contains(" and mm_x") {
            for (_, points) in &mut series {
                points.retain(|(at, _)| at % 30 == 0);
            }
        }
        Ok(series)
    });
    let sandbox = sandbox();
    sandbox.run(&format!("soak run {FILES} --prometheus {url} --iterations 2 --iteration 60s")).code(2);
    assert_eq!(state(&sandbox, 1, "x").0, "PARTIAL");
}

#[test]
fn what_lay_between_two_points_counts_for_the_largest_and_the_smallest() {
    let (url, asked) = prometheus(|asked| match asked.query.split('(').next() {
        Some("max_over_time") => {
            let points = asked.times.iter().map(|at| (*at, if *at == 75 { 9.0 } else { 3.0 }));
            Ok(vec![(json!({"job": "bot"}), points.collect())])
        }
        _ => Ok(healthy(asked)),
    });
    let sandbox = sandbox().file("kpis.yaml", KPIS.replace("over: last", "over: max"));
    let line = format!("soak run {FILES} --prometheus {url} --iterations 2 --iteration 60s");
    sandbox.run(&line).code(1);
    let second = sandbox.json("artifacts/soak/latest/ITER_SUMMARY_2.json");
    assert_eq!(second["kpis"]["x"]["value"], 9.0);
    // What is judged again is judged by the same values.
    sandbox.run("soak gate").code(1);
    assert!(asked.lock().unwrap().iter().any(|asked| asked.query == "max_over_time(mm_x[15000ms])"));
}

#[test]
fn what_is_refused_later_is_a_window_and_what_is_refused_at_once_is_an_error() {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "302 Found", "400 Bad Request"] {
        let is_second =
            |asked: &Asked| asked.times.len() < 100 && asked.times.iter().any(|at| (61..=120).contains(at));
        let (url, _) =
            prometheus(move |asked| if is_second(asked) { Err(status) } else { Ok(healthy(asked)) });
        let sandbox = sandbox();
        let line = format!("soak run {FILES} --prometheus {url} --iterations 3 --iteration 60s");
        sandbox.run(&line).code(2);
        let (second, reason) = state(&sandbox, 2, "x");
        assert!(second == "TOOL_ERROR" && reason.contains(&status[..3]), "{second} {reason}");
        assert_eq!(state(&sandbox, 3, "x").0, "MEASURED");

        let (url, _) = prometheus(move |_| Err(status));
        let sandbox = self::sandbox();
        sandbox.run(&format!("soak run {FILES} --prometheus {url} --iterations 3")).code(4);
    }
}

#[test]
fn one_refusal_of_what_was_answered_before_costs_no_window() {
    let is_refused = std::sync::atomic::AtomicBool::new(false);
    let (url, _) = prometheus(move |asked| {
        let is_second = asked.times.len() < 100 && asked.times.contains(&120);
        if is_second && !is_refused.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return Err("404 Not Found");
        }
        Ok(healthy(asked))
    });
    let sandbox = sandbox();
    sandbox.run(&format!("soak run {FILES} --prometheus {url} --iterations 3 --iteration 60s")).code(0);
    assert_eq!(state(&sandbox, 2, "x").0, "MEASURED");
}

#[test]
fn a_query_that_fails_leaves_only_its_own_figures_unknown() {
    let kpis =
        format!("{KPIS}  y: {{description: d, unit: ms, measure: {{gauge: {{of: mm_y, over: last}}}}}}\n");
    let (url, _) = prometheus(|asked| {
        let is_y = is_of(asked, "mm_y");
        match asked.times[0] {
            15.. if is_y => Err("422 Unprocessable Entity"),
            _ if is_y => Ok(always(asked, 1.0)),
            _ => Ok(healthy(asked)),
        }
    });
    let sandbox = sandbox().file("kpis.yaml", kpis);
    let line = format!("soak run {FILES} --prometheus {url} --iterations 2 --iteration 60s");
    sandbox.run(&line).code(0);
    assert_eq!(state(&sandbox, 2, "x").0, "MEASURED");
    let (state, reason) = state(&sandbox, 2, "y");
    assert!(state == "TOOL_ERROR" && reason.contains("422"), "{state} {reason}");
}

#[test]
fn a_token_that_is_rotated_is_read_again() {
    let sandbox = sandbox().file("token", "old\n").env("MMOPS_PROMETHEUS_TOKEN_FILE", "token");
    let path = sandbox.path("token");
    let wanted = Mutex::new("old");
    let (url, _) = prometheus(move |asked| {
        let mut wanted = wanted.lock().unwrap();
        if !asked.head.contains(&format!("authorization: bearer {}\r\n", *wanted)) {
            return Err("401 Unauthorized");
        }
        if asked.times.contains(&60) && asked.times.len() < 100 {
            std::fs::write(&path, "new\n").unwrap();
            *wanted = "new";
        }
        Ok(healthy(asked))
    });
    let line = format!("soak run {FILES} --prometheus {url} --iterations 3 --iteration 60s");
    sandbox.run(&line);
    assert_eq!(state(&sandbox, 2, "x").0, "MEASURED");
    assert_eq!(state(&sandbox, 3, "x").0, "MEASURED");
}

#[test]
fn a_server_that_hides_the_newest_time_is_asked_later() {
    let (url, _) = prometheus(|asked| {
        let mut series = healthy(asked);
        if asked.query == "time()" {
            let last = asked.times.len() - 31;
            let value = series[0].1[last].1;
            series[0].1[last..].iter_mut().for_each(|(_, known)| *known = value);
        }
        Ok(series)
    });
    let made_after_secs = |sandbox: &Sandbox| {
        let summary = sandbox.json("artifacts/soak/latest/ITER_SUMMARY_2.json");
        let time = |field: &str| summary[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        time("made_at").duration_since(time("to")).as_secs()
    };
    let line = format!("soak run {FILES} --prometheus {url} --iterations 2 --iteration 60s");
    let sandbox = sandbox();
    sandbox
        .run(&line)
        .code(0)
        .stderr_has("the server answers 30 s late: windows are read 35 s after their end");
    assert_eq!(made_after_secs(&sandbox), 35);
    sandbox.run(&format!("{line} --lag 20s")).code(0);
    assert_eq!(made_after_secs(&sandbox), 20);
    sandbox.run(&format!("{line} --lag 0")).code(0);
    assert_eq!(made_after_secs(&sandbox), 0);
}

#[test]
fn a_window_whose_end_is_missing_is_asked_for_again() {
    let seen = Mutex::new(0);
    let (url, _) = prometheus(move |asked| {
        let mut series = healthy(asked);
        if is_of(asked, "mm_x") && asked.times.contains(&120) {
            let mut seen = seen.lock().unwrap();
            *seen += 1;
            if *seen == 1 {
                series[0].1.pop();
            }
        }
        Ok(series)
    });
    let sandbox = sandbox();
    sandbox.run(&format!("soak run {FILES} --prometheus {url} --iterations 3 --iteration 60s")).code(0);
    let second = sandbox.json("artifacts/soak/latest/ITER_SUMMARY_2.json");
    assert_eq!(
        (&second["kpis"]["x"]["points"], &second["kpis"]["x"]["state"]),
        (&json!(4), &json!("MEASURED"))
    );
}

#[test]
fn windows_begin_at_multiples_of_the_interval() {
    let (url, asked) = prometheus(|asked| Ok(healthy(asked)));
    let sandbox = sandbox().env("MMOPS_NOW", "2026-03-10T12:00:07Z");
    sandbox.run(&format!("soak run {FILES} --prometheus {url} --iterations 2 --iteration 60s")).code(0);
    assert_eq!(sandbox.json("artifacts/soak/latest/RUN.json")["started_at_ms"], (start_secs() + 15) * 1000);
    for asked in asked.lock().unwrap().iter().filter(|asked| asked.times.len() < 100) {
        assert!(asked.times.iter().all(|at| at % 15 == 0), "{asked:?}");
    }
}

#[test]
fn recorded_time_before_a_query_frontend_begins_where_the_frontend_can() {
    // It moves what it is asked for to multiples of the step.
    let (url, _) = prometheus(|asked| {
        let moved =
            Asked { times: asked.times.iter().map(|at| at.div_euclid(15) * 15).collect(), ..asked.clone() };
        Ok(healthy(&moved))
    });
    let line = |from: &str, to: &str| {
        format!(
            "soak run {FILES} --prometheus {url} --iteration 60s --from 2026-03-10T{from}Z --to 2026-03-10T{to}Z"
        )
    };
    let sandbox = sandbox();
    let refused = sandbox.run(&line("10:00:07", "10:10:07")).code(4);
    for neighbour in ["--from 2026-03-10T10:00:00Z", "--from 2026-03-10T10:00:15Z"] {
        assert!(refused.stderr.contains(neighbour), "{}", refused.stderr);
    }
    sandbox.run(&line("10:00:00", "10:10:00")).code(0);
}

/// A page of `OpenMetrics` with a gauge at this value.
fn page(value: f64) -> Vec<u8> {
    let body = format!("# TYPE mm_x gauge\nmm_x {value}\n# EOF\n");
    response("200 OK", "Content-Type: application/openmetrics-text\r\n", body.as_bytes())
}

/// Takes connections and never answers.
fn silent() -> String {
    server(|_, _| {
        std::thread::sleep(Duration::from_mins(1));
        Vec::new()
    })
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(sandbox: &Sandbox, program: &str, words: &[&str]) -> Running {
    let mut command = Command::new(program);
    command.args(words).current_dir(sandbox.root()).env_clear().env("PATH", "/usr/bin:/bin");
    Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < Duration::from_secs(20), "no {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_endpoint_that_hangs_hides_no_other() {
    let broken = server(|_, _| page(9.0));
    let hung: String = (0..3).map(|_| format!("--scrape {} ", silent())).collect();
    let sandbox = Sandbox::real_time().unrecorded(REAL).file("kpis.yaml", KPIS).file("gates.yaml", GATES);
    let line =
        format!("soak run {FILES} {hung} --scrape {broken} --iterations 1 --iteration 2s --interval 1s");
    sandbox.run(&line).code(1);
    let gates = sandbox.json("artifacts/reports/gates_summary.json");
    let member = &gates["gates"]["x"]["members"][format!("{broken}/metrics")];
    assert_eq!(member["state"], "HARD_FAIL", "{gates}");
}

#[test]
fn a_stop_does_not_wait_for_endpoints_that_hang() {
    let hung: Vec<String> = (0..3).map(|_| silent()).collect();
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let mut words = vec!["soak", "run", "--iterations", "9"];
    words.extend(hung.iter().flat_map(|url| ["--scrape", url]));
    let mut run = start(&sandbox, env!("CARGO_BIN_EXE_mmops"), &words);
    let status = sandbox.path("artifacts/soak/latest/status.json");
    wait_for("status", || status.exists());
    // The first scrape is under way.
    std::thread::sleep(Duration::from_millis(100));
    let asked = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&run.0), rustix::process::Signal::INT)
        .unwrap();
    assert_eq!(run.0.wait().unwrap().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[test]
fn a_faulty_family_leaves_only_its_own_figures_unknown() {
    let figure = |name: &str, of: &str| {
        format!("  {name}: {{description: d, unit: ms, measure: {{gauge: {{of: {of}, over: last}}}}}}\n")
    };
    let more = [("y", "mm_y"), ("up", "up"), ("faulty", "mmops_faulty_families")];
    let kpis: String = more.iter().map(|(name, of)| figure(name, of)).collect();
    let lines = "mm_x 3\nmm_y{a=\"1\"} 1\nmm_y{a=\"1\"} 2\nup 7\nmm_z x\n";
    let url = server(move |_, _| response("200 OK", "", lines.as_bytes()));
    let sandbox = sandbox().file("kpis.yaml", format!("{KPIS}{kpis}"));
    sandbox.run(&format!("soak run {FILES} --scrape {url} --iterations 2 --iteration 60s")).code(0);
    let first = sandbox.json("artifacts/soak/latest/ITER_SUMMARY_1.json");
    let value = |kpi: &str| first["kpis"][kpi]["value"].as_f64();
    assert_eq!(["x", "up", "faulty", "y"].map(value), [Some(3.0), Some(1.0), Some(2.0), None]);
    let (state, reason) = state(&sandbox, 1, "y");
    assert!(state == "TOOL_ERROR" && reason.contains("line 3 column 1"), "{state} {reason}");
}

#[test]
fn a_page_that_does_not_say_whether_it_is_simulated_is_none() {
    let url = server(|_, _| response("200 OK", "", b"mm_x 3\nmm_simulated 1\nmm_simulated 1\n"));
    let sandbox = sandbox();
    sandbox.run(&format!("soak run {FILES} --scrape {url} --iterations 1 --iteration 60s")).code(2);
    let (state, reason) = state(&sandbox, 1, "x");
    assert!(state == "TOOL_ERROR" && reason.contains("mm_simulated"), "{state} {reason}");
}

#[test]
fn a_packed_page_is_asked_for_and_read_and_one_that_is_too_large_is_not() {
    let pack = |text: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    };
    let bomb = pack(&vec![b'\n'; 65 << 20]);
    let torn = pack(b"mm_x 3\n");
    for (code, body) in [(0, pack(b"mm_x 3\n")), (2, bomb), (2, torn[..torn.len() - 9].to_vec())] {
        let url = server(move |head, _| {
            assert!(head.contains("accept-encoding: gzip\r\n"), "{head}");
            response("200 OK", "Content-Encoding: gzip\r\n", &body)
        });
        let line = format!("soak run {FILES} --scrape {url} --iterations 1 --iteration 15s");
        sandbox().run(&line).code(code);
    }
}

#[test]
fn requests_that_never_end_neither_end_nor_hold_up_the_run() {
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = env!("CARGO_BIN_EXE_mmops");
    let run = "soak run --scrape http://127.0.0.1:1 --iterations 900 --iteration 1s --interval 1s --serve";
    let line = format!("ulimit -n 96; exec {program} {run} 127.0.0.1:{port}");
    let mut run = start(&sandbox, "/bin/sh", &["-c", &line]);
    let done = || sandbox.path("artifacts/soak/latest/ITER_SUMMARY_1.json").exists();
    wait_for("server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let _half: Vec<TcpStream> = (0..150)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"GET /status HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    wait_for("iteration", done);
    let second = sandbox.path("artifacts/soak/latest/ITER_SUMMARY_2.json");
    wait_for("iteration", || second.exists());
    assert_eq!(run.0.try_wait().unwrap(), None);
}
