//! Recorded time of a fleet: promtool makes the blocks, a real Prometheus serves them, and `soak run --from --to
//! --group-by instance` judges each member. Prints the CPU seconds and the most memory of mmops alone.
//!
//! `cargo bench --bench fleet -- [MEMBERS] [HOURS] [ITERATION_MINUTES]`: 200 members, 6 hours and windows of an hour
//! unless it says otherwise.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench measures the world"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4 as _;

const START_S: i64 = 1_767_225_600;
const STEP_S: i64 = 60;
const FIGURES: i64 = 12;

/// Half of the figures are gauges, half are counters.
fn history(dir: &Path, members: i64, hours: i64) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(dir.join("history.om")).unwrap());
    for figure in 0..FIGURES {
        let (kind, suffix) = if figure % 2 == 0 { ("gauge", "") } else { ("counter", "_total") };
        writeln!(file, "# TYPE mm_figure_{figure} {kind}").unwrap();
        for member in 0..members {
            for place in 0..=hours * 3600 / STEP_S {
                let noise = (member * 31 + place * 7 + figure) % 13;
                let value = if figure % 2 == 0 { 100 + noise } else { place * 20 + noise };
                let at = START_S + place * STEP_S;
                writeln!(file, "mm_figure_{figure}{suffix}{{instance=\"member-{member:04}:9100\",job=\"bot\"}} {value} {at}")
                    .unwrap();
            }
        }
    }
    writeln!(file, "# EOF").unwrap();
    file.flush().unwrap();
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "-q", "history.om", "data"])
        .current_dir(dir)
        .status();
    assert!(made.unwrap().success());
    std::fs::remove_file(dir.join("history.om")).unwrap();
}

fn settings(dir: &Path) {
    let (mut kpis, mut gates) = ("kpis:\n".to_owned(), String::new());
    for figure in 0..FIGURES {
        let measure = if figure % 2 == 0 {
            format!("{{gauge: {{of: mm_figure_{figure}, over: mean}}}}")
        } else {
            format!("{{rate: {{of: [mm_figure_{figure}_total], per: second}}}}")
        };
        writeln!(kpis, "  figure_{figure}: {{description: d, unit: ms, measure: {measure}}}").unwrap();
        writeln!(
            gates,
            "      figure_{figure}: {{kpi: figure_{figure}, unit: ms, aggregate: every, at_most: 200, severity: hard}}"
        )
        .unwrap();
    }
    std::fs::write(dir.join("kpis.yaml"), kpis).unwrap();
    let gates = format!("profiles:\n  fleet:\n    description: d\n    gates:\n{gates}");
    std::fs::write(dir.join("gates.yaml"), gates).unwrap();
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn main() {
    let numbers: Vec<i64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let number = |index: usize, default: i64| numbers.get(index).copied().unwrap_or(default);
    let (members, hours, minutes) = (number(0, 200), number(1, 6), number(2, 60));
    let dir = tempfile::tempdir().unwrap();
    history(dir.path(), members, hours);
    settings(dir.path());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::fs::write(dir.path().join("prometheus.yml"), "").unwrap();
    let server = Command::new("prometheus")
        .args([
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--storage.tsdb.retention.time=100y",
        ])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Server(server.unwrap());
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < Duration::from_mins(1), "prometheus does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    let time = |secs: i64| jiff::Timestamp::from_second(secs).unwrap().to_string();
    let (from, to) = (time(START_S), time(START_S + hours * 3600));
    let started = Instant::now();
    let run = Command::new(env!("CARGO_BIN_EXE_mmops"))
        .args(["-q", "soak", "run", "--kpis", "kpis.yaml", "--gates-file", "gates.yaml", "--gates", "fleet"])
        .args(["--group-by", "instance", "--from", &from, "--to", &to])
        .args(["--interval", &format!("{STEP_S}s"), "--iteration", &format!("{minutes}m")])
        .args(["--prometheus", &format!("http://127.0.0.1:{port}")])
        .current_dir(dir.path())
        .env_clear()
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let used = run.wait4().unwrap();
    let wall = started.elapsed().as_secs_f64();
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    let samples = members * FIGURES * (hours * 3600 / STEP_S + 1);
    println!(
        "{members} members x {FIGURES} figures x {hours} h in windows of {minutes} min, {:.1} M samples: exit {:?}, {wall:.1} s, of which mmops {cpu:.1} s \
         of CPU ({:.0} ns a sample), {:.0} MiB at most",
        samples as f64 / 1e6,
        used.status.code(),
        cpu * 1e9 / samples as f64,
        used.rusage.maxrss as f64 / 1_048_576.0,
    );
}
