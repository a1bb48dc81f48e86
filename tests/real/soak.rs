//! A live soak: a simulated bot as a process, a Prometheus that scrapes it, and `soak run` that asks the
//! Prometheus and judges.

use crate::server::{Prometheus, VictoriaMetrics, have, instant};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Four windows of three seconds, in which a bot at forty times its pace shows enough for every gate.
const LINE: &str = "soak run --gates smoke --iterations 4 --iteration 3s --interval 1s --prometheus";

pub fn mmops(dir: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(line.split(' ')).current_dir(dir).env_clear().env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null());
    command
}

pub struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

pub fn bot(dir: &Path, scenario: &str) -> (Bot, String) {
    bot_at(dir, scenario, 40)
}

/// A bot at so many times its pace, and the configuration of a server that scrapes it.
pub fn bot_at(dir: &Path, scenario: &str, speed: u32) -> (Bot, String) {
    let line = format!(
        "sim bot --listen 127.0.0.1:0 --address-file bot.address --speed {speed} --scenario {scenario}"
    );
    let child = mmops(dir, &line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let bot = Bot(child);
    let address = wait(|| std::fs::read_to_string(dir.join("bot.address")).ok());
    let target = address.trim().trim_start_matches("http://");
    let config = format!(
        "scrape_configs: [{{job_name: bot, scrape_interval: 1s, scrape_timeout: 1s, \
         static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    (bot, config)
}

/// A bot, a server that has scraped it for some seconds, and the directory of both.
struct Scene {
    dir: tempfile::TempDir,
    server: Prometheus,
    config: String,
    _bot: Bot,
}

impl Scene {
    fn of(scenario: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (bot, config) = bot(dir.path(), scenario);
        let server = Prometheus::start(dir.path(), &config, &[]);
        let client = server.client();
        wait(|| {
            let seen =
                instant(&client, "count_over_time(mm_tick_total[1m]) > 3", jiff::Timestamp::now()).unwrap();
            (!seen.series.is_empty()).then_some(())
        });
        Self { dir, server, config, _bot: bot }
    }

    fn soak(&self) -> Command {
        mmops(self.dir.path(), &format!("{LINE} {}", self.server.url()))
    }

    fn summary(&self) -> Value {
        let path = self.dir.path().join("artifacts/reports/gates_summary.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }
}

/// Waits until the last three seconds have been scraped.
pub fn scraped(server: &Prometheus) {
    scraped_for(server, 3);
}

/// Waits until so many of the last seconds have been scraped.
pub fn scraped_for(server: &Prometheus, secs: u32) {
    let client = server.client();
    wait(|| {
        let query = format!("count_over_time(mm_tick_total[{secs}500ms]) >= {secs}");
        let seen = instant(&client, &query, jiff::Timestamp::now()).unwrap();
        (!seen.series.is_empty()).then_some(())
    });
}

pub fn wait<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "nothing came");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[track_caller]
pub fn ended(output: &Output, code: i32, marker: &str) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "\n{stdout}\n{stderr}");
    assert!(stdout.lines().last().unwrap_or_default().contains(marker), "\n{stdout}\n{stderr}");
}

/// The three spend their time waiting, so they wait together.
#[test]
fn a_live_soak_is_judged_by_what_the_server_recorded() {
    if !have(&["prometheus"]) {
        return;
    }
    std::thread::scope(|scope| {
        scope.spawn(a_healthy_bot_passes);
        scope.spawn(a_bot_that_misses_its_deadlines_fails);
        scope.spawn(a_server_that_stops_half_way_leaves_no_verdict_and_the_run_goes_on_after_its_return);
    });
}

fn a_healthy_bot_passes() {
    let scene = Scene::of("steady");
    ended(&scene.soak().output().unwrap(), 0, "SOAK=PASS");
}

fn a_bot_that_misses_its_deadlines_fails() {
    let scene = Scene::of("deadline_storm");
    ended(&scene.soak().output().unwrap(), 1, "SOAK=FAIL");
    let text = scene.summary().to_string();
    assert!(text.contains("deadline_miss_rate"), "{text}");
}

fn a_server_that_stops_half_way_leaves_no_verdict_and_the_run_goes_on_after_its_return() {
    let mut scene = Scene::of("steady");
    let run = scene.soak().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let windows = scene.dir.path().join("artifacts/soak/latest");
    wait(|| windows.join("ITER_SUMMARY_2.json").exists().then_some(()));
    scene.server.kill();
    ended(&run.wait_with_output().unwrap(), 2, "SOAK=INCONCLUSIVE");
    let last: Value =
        serde_json::from_str(&std::fs::read_to_string(windows.join("ITER_SUMMARY_4.json")).unwrap()).unwrap();
    assert!(last["kpis"]["ticks"]["value"].is_null(), "{last}");

    scene.server = Prometheus::start(scene.dir.path(), &scene.config, &[]);
    scraped(&scene.server);
    ended(&scene.soak().output().unwrap(), 0, "SOAK=PASS");
}

/// How far a figure of one engine may lie from that of the other, in relation to it.
const TOLERANCE: f64 = 0.01;

#[test]
fn an_engine_that_hides_the_newest_time_gives_the_same_verdict_and_figures() {
    if !have(&["prometheus", "victoria-metrics"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_bot, config) = bot(dir.path(), "steady");
    let victoria = VictoriaMetrics::start(dir.path());
    // Both have the same samples: what differs is how they are asked for.
    let config = format!("{config}remote_write: [{{url: '{}/api/v1/write'}}]\n", victoria.url());
    let prometheus = Prometheus::start(dir.path(), &config, &[]);
    scraped(&prometheus);
    let line = "soak run --gates smoke --allow-missing --iterations 2 --iteration 6s --interval 1s --match job=\"bot\" --prometheus";
    let live = mmops(dir.path(), &format!("{line} {}", victoria.url())).output().unwrap();
    let said = String::from_utf8_lossy(&live.stderr).into_owned();
    assert!(
        said.contains("the server answers 30 s late") || said.contains("the server answers 31 s late"),
        "{said}"
    );
    ended(&live, 0, "SOAK=PASS");
    let metrics = || -> Value {
        let path = dir.path().join("artifacts/reports/soak_metrics.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let theirs = metrics();
    let first: Value = serde_json::from_str(
        &std::fs::read_to_string(dir.path().join("artifacts/soak/latest/ITER_SUMMARY_1.json")).unwrap(),
    )
    .unwrap();
    let from = first["from"].as_str().unwrap();
    let to = from.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_secs(12);
    let line =
        format!("soak run --gates smoke --iteration 6s --interval 1s --from {from} --to {to} --prometheus");
    ended(&mmops(dir.path(), &format!("{line} {}", prometheus.url())).output().unwrap(), 0, "SOAK=PASS");
    let ours = metrics();
    for (name, figure) in theirs["metrics"].as_object().unwrap() {
        let mean = |figure: &Value| figure["mean"].as_f64().unwrap_or(f64::NAN);
        let (theirs, ours) = (mean(figure), mean(&ours["metrics"][name]));
        println!("{name}: {theirs} and {ours}");
        assert!(
            (theirs - ours).abs() <= TOLERANCE * ours.abs() || theirs == ours,
            "{name}: {theirs} and {ours}"
        );
    }
}
