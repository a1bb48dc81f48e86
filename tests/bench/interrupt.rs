//! Packs of short steps, interrupted at seeded moments in every way that a run can be: what is left must be an
//! answer or nothing, no process, no half-written file, and a next run that works.
//!
//! `cargo bench --bench interrupt [-- ROUNDS [FIRST]]` runs 1,000 rounds; the tests run the first twenty.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    reason = "a bench prints, and a test uses a part of it"
)]

pub mod processes;

use processes::{GONE, MARK, Random, marked, unique_mark};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MMOPS: &str = env!("CARGO_BIN_EXE_mmops");
const PACK: [&str; 6] = ["pre-live-pack", "--dry-run", "--plan", "plan.yaml", "--jobs", "3"];
/// What a stop may take to come to its end: the grace period and some.
const STOPPED: Duration = Duration::from_secs(8);

const PLAN: &str = r#"steps:
  - {name: quick, argv: [/bin/true]}
  - {name: naps, argv: [sleep, "0.03"], needs: [quick]}
  - {name: children, argv: [sh, -c, "sleep 0.02 & sleep 0.02 & wait"]}
  - {name: stubborn, argv: [sh, -c, "trap '' TERM INT HUP; sleep 0.05; sleep 0.02"]}
  - {name: apart, argv: [sh, -c, "setsid -w sh -c 'sleep 0.03; exit 0'"], needs: [naps]}
  - {name: inner, argv: [mmops, pre-live-pack, --dry-run, --plan, inner.yaml, --report, inner.json]}
  - {name: loud, argv: [sh, -c, "seq 20000"], needs: [children]}
  - {name: last, argv: [sleep, "0.02"], needs: [apart, inner, stubborn]}
"#;
const INNER: &str = "steps:\n  - {name: a, argv: [sh, -c, \"sleep 0.03; sleep 0.01\"]}\n";

/// How a run is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    One(Signal),
    /// A millisecond apart.
    Two(Signal, Signal),
    Kill,
    /// The terminal that it runs in is closed.
    Closed,
}

fn any_signal(random: &mut Random) -> Signal {
    random.one_of(&[Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT])
}

fn interruption(random: &mut Random) -> Interruption {
    match random.below(8) {
        0 => Interruption::One(Signal::TERM),
        1 => Interruption::One(Signal::INT),
        2 => Interruption::One(Signal::HUP),
        3 | 4 => Interruption::Two(any_signal(random), any_signal(random)),
        5 | 6 => Interruption::Kill,
        _ => Interruption::Closed,
    }
}

/// One round; what it did, and how long it took until nothing was left, or what is wrong.
pub fn round(seed: u64) -> Result<(Interruption, Duration), String> {
    let mut random = Random::new(seed);
    let kind = interruption(&mut random);
    let moment = Duration::from_micros(random.below(250_000));
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::write(root.join("plan.yaml"), PLAN).unwrap();
    fs::write(root.join("inner.yaml"), INNER).unwrap();
    let mark = unique_mark();
    let wrong = |what: String| format!("seed {seed}, {kind:?} after {moment:?}: {what}");
    let (code, stdout, took) = interrupted(root, &mark, kind, moment).map_err(wrong)?;
    whole(root, kind, code, &stdout).map_err(wrong)?;
    let next = command(root, &mark).output().unwrap();
    let stdout = String::from_utf8_lossy(&next.stdout);
    if next.status.code() != Some(0) || !stdout.ends_with("| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |\n") {
        return Err(wrong(format!("the next run: {}\n{stdout}", next.status)));
    }
    Ok((kind, took))
}

fn command(root: &Path, mark: &str) -> Command {
    let mut command = Command::new(MMOPS);
    command.args(PACK).current_dir(root).env(MARK, mark).stdin(Stdio::null());
    command
}

/// Exit code (negative for a signal), stdout, and the time from the interruption until no process was left.
fn interrupted(
    root: &Path,
    mark: &str,
    kind: Interruption,
    moment: Duration,
) -> Result<(Option<i32>, String, Duration), String> {
    let mut child = if kind == Interruption::Closed {
        // With the terminal its leader goes, and with the leader the kernel stops whatever is in front; the inner
        // shell outlives that and keeps the code.
        fs::write(root.join("inner.sh"), format!("trap : HUP; {MMOPS} {}; echo $? >code", PACK.join(" ")))
            .unwrap();
        let line = "sh inner.sh; true";
        let mut script = Command::new("script");
        script.args(["-qec", line, "/dev/null"]).current_dir(root).env(MARK, mark);
        script.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    } else {
        let out = fs::File::create(root.join("out")).unwrap();
        command(root, mark).stdout(out).stderr(Stdio::null()).spawn().unwrap()
    };
    std::thread::sleep(moment);
    let send = |child: &Child, signal| {
        let sent = kill_process(Pid::from_child(child), signal);
        assert!(matches!(sent, Ok(()) | Err(rustix::io::Errno::SRCH)), "{sent:?}");
    };
    match kind {
        Interruption::One(signal) => send(&child, signal),
        Interruption::Two(first, second) => {
            send(&child, first);
            std::thread::sleep(Duration::from_millis(1));
            send(&child, second);
        }
        Interruption::Kill | Interruption::Closed => send(&child, Signal::KILL),
    }
    let at = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if at.elapsed() > STOPPED {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err("it does not stop".to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let code_file = || fs::read_to_string(root.join("code")).ok().and_then(|code| code.trim().parse().ok());
    if kind == Interruption::Closed {
        while !fs::exists(root.join("code")).unwrap() && at.elapsed() < STOPPED && !marked(mark).is_empty() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let ended = Instant::now();
    while !marked(mark).is_empty() {
        if ended.elapsed() > GONE {
            return Err(format!("still running after a second: {}", marked(mark).join("; ")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let code = match kind {
        Interruption::Closed => code_file(),
        _ => status.code().or(status.signal().map(|signal| -signal)),
    };
    Ok((code, fs::read_to_string(root.join("out")).unwrap_or_default(), at.elapsed()))
}

/// What the run has said and written, by itself and together.
fn whole(root: &Path, kind: Interruption, code: Option<i32>, stdout: &str) -> Result<(), String> {
    let reports = root.join("artifacts/reports");
    let report = fs::read_to_string(reports.join("PRE_LIVE_PACK.json")).ok();
    let report: Option<serde_json::Value> =
        report.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| format!("{error}"))?;
    let verdict = report.as_ref().map(|report| report["verdict"].as_str().unwrap_or_default());
    let marker = stdout.lines().last().unwrap_or_default();
    let left: Vec<String> = fs::read_dir(&reports)
        .map(|files| files.flatten().map(|file| file.file_name().display().to_string()).collect())
        .unwrap_or_default();
    let is_tidy = !left.iter().any(|name| name.starts_with(".mmops-"));
    let state = format!("code {code:?}, verdict {verdict:?}, last line `{marker}`, files {left:?}");
    let as_expected = match (kind, code) {
        // Its temporary files have no owner any more; no document is half there.
        (Interruption::Kill, Some(-9)) => true,
        (Interruption::Closed, None) => verdict.is_none() && left.is_empty(),
        (Interruption::Closed, Some(0)) => is_tidy && verdict == Some("DRYRUN"),
        // Without a terminal nothing can be printed; a yes that could not be said is taken back.
        (Interruption::Closed, Some(1)) => is_tidy && matches!(verdict, Some("FAILED") | None),
        // Before it listens to signals they end it as they end any program, when it has not begun.
        (Interruption::Closed, Some(129)) => left.is_empty(),
        (_, Some(-15 | -1 | -2 | -3)) => stdout.is_empty() && left.is_empty(),
        (_, Some(0)) => {
            is_tidy && verdict == Some("DRYRUN") && marker.contains("| OK | PRE_LIVE_PACK=DRYRUN |")
        }
        (_, Some(1)) => {
            is_tidy && verdict == Some("FAILED") && marker.contains("| FAIL | PRE_LIVE_PACK=FAILED |")
        }
        _ => false,
    };
    if as_expected { Ok(()) } else { Err(state) }
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(1000);
    let first = numbers.get(1).copied().unwrap_or(0);
    let (mut slowest, mut faults) = (Duration::ZERO, 0);
    for seed in first..first + rounds {
        match round(seed) {
            Ok((_, took)) => slowest = slowest.max(took),
            Err(fault) => {
                faults += 1;
                println!("{fault}");
            }
        }
    }
    println!("{rounds} rounds, {faults} faults; nothing was left at most {slowest:?} after the interruption");
    assert_eq!(faults, 0, "see above");
}
