//! What a soak meets outside: a bot that is restarted over and over, and a Prometheus that scrapes more than the bot,
//! itself among it.

use crate::server::{Prometheus, free_port, have};
use crate::soak::{ended, mmops, scraped};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A child that ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn bot(dir: &Path, port: u16) -> Running {
    let mut command = mmops(dir, &format!("sim bot --listen 127.0.0.1:{port} --speed 40"));
    Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn state(dir: &Path, gate: &str) -> String {
    let text = std::fs::read_to_string(dir.join("artifacts/reports/gates_summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&text).unwrap();
    summary["gates"][gate]["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_bot_that_is_killed_over_and_over_fails_by_its_restarts() {
    let root = tempfile::tempdir().unwrap();
    let (dir, port) = (root.path(), free_port());
    let is_over = AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _bot = bot(dir, port);
                std::thread::sleep(Duration::from_millis(2500));
            }
        });
        std::thread::sleep(Duration::from_millis(500));
        let line = format!(
            "soak run --gates smoke --iterations 3 --iteration 4s --interval 1s --scrape http://127.0.0.1:{port}"
        );
        let output = mmops(dir, &line).output().unwrap();
        is_over.store(true, Ordering::Relaxed);
        output
    });
    ended(&output, 1, "SOAK=FAIL");
    assert_eq!(state(dir, "restarts"), "HARD_FAIL");
}

#[test]
fn a_prometheus_that_scrapes_itself_is_asked_for_the_bot_alone() {
    if !have(&["prometheus", "prometheus-node-exporter"]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (dir, port, node_port) = (root.path(), free_port(), free_port());
    let _bot = bot(dir, port);
    let node = Command::new("prometheus-node-exporter")
        .arg(format!("--web.listen-address=127.0.0.1:{node_port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _node = Running(node.unwrap());
    // The server does not know its own port before it has one, so a second one watches the first.
    let job = |name: &str, port: u16| {
        format!("{{job_name: {name}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}")
    };
    std::fs::create_dir_all(dir.join("first")).unwrap();
    let first = Prometheus::start(&dir.join("first"), "", &[]);
    let jobs = [job("bot", port), job("node", node_port), job("prometheus", first.port)].join(", ");
    let config = format!("global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{jobs}]\n");
    let server = Prometheus::start(dir, &config, &[]);
    scraped(&server);
    let line = format!(
        "soak run --gates smoke --iterations 3 --iteration 4s --interval 1s --prometheus {}",
        server.url()
    );
    let output = mmops(dir, &line).output().unwrap();
    ended(&output, 3, "SOAK=ERROR");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("process_resident_memory_bytes: 3 series") && text.contains("--match"), "{text}");
    assert!(!dir.join("artifacts/soak").join("latest").exists(), "said before the run has a directory");

    let output = mmops(dir, &format!("{line} --match job=\"bot\"")).output().unwrap();
    ended(&output, 0, "SOAK=PASS");
}
