//! The tasks of `cron-sentinel --serve` in a real Prometheus.

use crate::server::{Prometheus, have, instant};
use jiff::Timestamp;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{what} does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn serve(dir: &Path) -> (Serving, String) {
    let child = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["cron-sentinel", "--config", "tasks.yaml", "--serve", "127.0.0.1:0", "--every", "100ms"])
        .args(["--address-file", "address"])
        .current_dir(dir)
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let serving = Serving(child);
    let address = wait_for("the address", || {
        let text = fs::read_to_string(dir.join("address")).ok()?;
        text.trim().strip_prefix("http://").map(str::to_owned)
    });
    (serving, address)
}

#[test]
fn a_prometheus_sees_a_task_go_stale_and_promtool_takes_the_metrics() {
    if !have(&["prometheus", "promtool"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::write(
        dir.join("tasks.yaml"),
        "tasks:\n  - {name: digest, artifact: a.txt, max_age: 1h}\n  - {name: absent, artifact: b.txt, max_age: 1h}\n",
    )
    .unwrap();
    fs::write(dir.join("a.txt"), "x").unwrap();
    let (_serving, address) = serve(dir);
    fs::write(
        dir.join("rules.yml"),
        "groups:\n- name: tasks\n  interval: 200ms\n  rules:\n  - alert: TaskStale\n    expr: mmops_task_state{state=\"stale\"} == 1\n",
    )
    .unwrap();
    let config = format!(
        "rule_files: [rules.yml]\nscrape_configs:\n- job_name: cron\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n  static_configs:\n  - targets: ['{address}']\n"
    );
    let prometheus = Prometheus::start(dir, &config, &[]);
    let client = prometheus.client();
    let value = |query: &str| {
        let found = instant(&client, query, Timestamp::now()).ok()?;
        found.series.first()?.points.last().map(|point| point.1)
    };
    let is = |query: &str, wanted: f64| wait_for(query, || value(query).filter(|value| *value == wanted));
    is("mmops_task_state{task=\"digest\",state=\"fresh\"}", 1.0);
    is("mmops_task_state{task=\"absent\",state=\"missing\"}", 1.0);
    assert_eq!(value("count(ALERTS{alertname=\"TaskStale\"})"), None);

    let old = std::time::SystemTime::now() - Duration::from_hours(2);
    fs::File::options().write(true).open(dir.join("a.txt")).unwrap().set_modified(old).unwrap();
    is("ALERTS{alertname=\"TaskStale\",task=\"digest\",alertstate=\"firing\"}", 1.0);
    is("mmops_task_age_seconds{task=\"digest\"} > bool 7100", 1.0);

    let page = mmops_metrics(&address);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && text.trim().is_empty(), "{text}\n{page}");
}

fn mmops_metrics(address: &str) -> String {
    use std::io::Read as _;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}
