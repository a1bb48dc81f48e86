//! What `mmops soak report` leaves for a Prometheus, as the tools of Prometheus see it.

use crate::server::have;
use std::path::Path;
use std::process::{Command, Stdio};

fn mmops(words: &[&str], dir: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    let command =
        command.args(words).env_clear().current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success(), "{words:?}");
}

#[test]
fn promtool_takes_the_page_of_metrics() {
    if !have(&["promtool"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let now = "2026-03-10T12:00:00Z";
    mmops(&["soak", "run", "--mock", "--gates", "smoke", "--iterations", "8", "--now", now], dir.path());
    mmops(&["soak", "report", "--mock", "--out", "out", "--now", now], dir.path());
    let page = std::fs::File::open(dir.path().join("out/POST_SOAK_METRICS.prom")).unwrap();
    let output = Command::new("promtool").args(["check", "metrics"]).stdin(page).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
