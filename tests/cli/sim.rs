//! `mmops sim feed` and `mmops sim bot`.

use crate::sandbox::Sandbox;
use crate::soak::{Running, signal, start, wait_for};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LINE: &str = "sim feed --minutes 1 --out feeds/calm.gz";

#[test]
fn the_same_seed_writes_the_same_bytes_and_another_one_does_not() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(LINE).code(0).marker("| sim_feed | OK | SIM_FEED=WRITTEN |");
    let first = std::fs::read(sandbox.path("feeds/calm.gz")).unwrap();
    let _ = sandbox.run(LINE).code(0);
    assert_eq!(std::fs::read(sandbox.path("feeds/calm.gz")).unwrap(), first);
    let _ = sandbox.run(&format!("{LINE} --seed 8")).code(0);
    assert_ne!(std::fs::read(sandbox.path("feeds/calm.gz")).unwrap(), first);
    assert_eq!(sandbox.files(), ["feeds/calm.gz"]);
}

#[test]
fn a_plain_name_gets_plain_lines_whose_first_says_that_they_are_simulated() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run("sim feed --minutes 1 --regime thin --out thin.feed").code(0);
    assert!(sandbox.read("thin.feed").lines().count() > 500);
}

#[test]
fn a_sweep_on_a_written_feed_stays_simulated() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(LINE).code(0);
    let output = sandbox.run("tune sweep --feed feeds/calm.gz --format json").code(1);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["simulated"], true, "{report}");
    assert_eq!(report["marker"], "PARAM_SWEEP=NO_SAFE_CANDIDATE", "{report}");
}

#[test]
fn a_wrong_command_line_is_64() {
    for line in [
        "sim feed",
        "sim feed --minutes 0 --out x",
        "sim feed --minutes 1441 --out x",
        "sim feed --symbol BTC/USDT --out x",
        "sim feed --regime mad --out x",
        "sim",
    ] {
        let sandbox = Sandbox::new();
        let _ = sandbox.run(line).code(64);
        assert!(sandbox.files().is_empty(), "{line}");
    }
}

#[test]
fn a_path_that_cannot_be_written_is_refused_before_the_work() {
    let sandbox = Sandbox::new().file("feeds", "a file");
    let _ = sandbox.run(LINE).error(3);
    assert_eq!(sandbox.files(), ["feeds"]);
}

/// What a bot has logged after so long, and how much memory it holds.
fn bot(flags: &str, how_long: &str) -> (String, u64) {
    let sandbox = Sandbox::real_time().unrecorded("real time");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(["sim", "bot", "--log", "bot.log", "--for", how_long]).args(flags.split_whitespace());
    command.current_dir(sandbox.root()).env_clear().stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let resident = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        peak = peak.max(resident.trim().trim_end_matches(" kB").parse().unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    (sandbox.read("bot.log"), peak)
}

#[test]
fn a_bot_says_what_it_does_when_it_does_it() {
    let (steady, _) = bot("", "400ms");
    assert!(steady.contains("Event received: tick") && steady.contains("Rule evaluated: deadline PASSED"));
    assert!(!steady.contains("Enforcement"), "{steady}");
    let (hanging, _) = bot("--scenario hang --hang-after 0s", "400ms");
    assert!(hanging.contains("Event loop running") && !hanging.contains("Event received"), "{hanging}");
    let (broken, _) = bot("--scenario breaker_trip --speed 1000", "400ms");
    assert!(broken.contains("Enforcement triggered: circuit breaker open"), "{broken}");
}

#[test]
fn a_bot_that_leaks_holds_memory_that_others_see() {
    let (_, steady) = bot("--speed 60", "500ms");
    let (_, leaking) = bot("--scenario leak --leak-mb-per-min 200 --speed 60", "500ms");
    // Some 100 MiB, of which a loaded machine may see a part.
    assert!(leaking > steady + 20 * 1024, "{steady} kB without, {leaking} kB with");
}

#[test]
fn a_bot_that_was_stopped_has_a_marker_that_agrees_with_its_code() {
    for (flags, stop, code, status) in [
        ("--for 50ms", None, 0, "OK"),
        ("", Some(rustix::process::Signal::TERM), 143, "FAIL"),
        ("", Some(rustix::process::Signal::INT), 130, "FAIL"),
    ] {
        let sandbox = Sandbox::real_time().unrecorded("real time");
        let mut child = start(&sandbox, &format!("sim bot --address-file at {flags}"));
        wait_for("bot", || sandbox.path("at").exists());
        if let Some(stop) = stop {
            signal(&child, stop);
        }
        let mut stdout = String::new();
        std::io::Read::read_to_string(child.0.stdout.as_mut().unwrap(), &mut stdout).unwrap();
        assert_eq!(child.0.wait().unwrap().code(), Some(code), "{stdout}");
        assert!(stdout.ends_with(&format!("| sim_bot | {status} | SIM_BOT=STOPPED |\n")), "{stdout}");
    }
}

/// Threads and what a server waits with are resources of the machine, which may be used up.
#[test]
fn a_bot_that_cannot_start_its_server_says_what_is_missing() {
    let strace = |inject: &str| {
        let sandbox = Sandbox::real_time().unrecorded("real time");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "signal=none", "-o", "calls", "-e", &format!("inject={inject}")]);
        command.arg(env!("CARGO_BIN_EXE_mmops")).args(["sim", "bot", "--for", "50ms"]);
        let output = command.current_dir(sandbox.root()).env_clear().output().unwrap();
        let calls = sandbox.read("calls");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (calls.contains("INJECTED"), output.status.code(), text(output.stdout), text(output.stderr))
    };
    if !crate::bundle::has("strace") {
        return;
    }
    // The first thread listens to signals, the second serves.
    for inject in [
        "clone3:error=EAGAIN:when=1",
        "clone3:error=EAGAIN:when=2",
        "eventfd2:error=EMFILE",
        "epoll_create1:error=EMFILE",
        "socketpair:error=EMFILE",
        "socket:error=EMFILE",
        "bind:error=EADDRINUSE",
    ] {
        let (is_injected, code, stdout, stderr) = strace(inject);
        assert!(is_injected, "{inject}");
        assert_eq!(code, Some(5), "{inject}: {stdout}{stderr}");
        assert!(stdout.ends_with("| sim_bot | FAIL | SIM_BOT=ERROR |\n"), "{inject}: {stdout}");
        assert!(!stderr.contains("internal fault"), "{inject}: {stderr}");
    }
    // The end of the server is a descriptor that is closed: there is no message that could be lost.
    let (is_injected, code, stdout, stderr) = strace("write:error=EIO:when=1..9");
    assert!(code == Some(0) || (is_injected && code == Some(3)), "{code:?}: {stdout}{stderr}");
    assert!(!stderr.contains("internal fault"), "{stderr}");
}

/// Seconds of processor time that a process has used.
fn processor_secs(process: &Running) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", process.0.id())).unwrap();
    let fields: Vec<&str> = text[text.rfind(')').unwrap() + 1..].split_ascii_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|at| fields[*at].parse::<f64>().unwrap()).sum();
    // The kernel counts hundredths for everybody.
    ticks / 100.0
}

#[test]
fn a_server_without_a_descriptor_for_one_more_connection_waits_and_goes_on() {
    let sandbox = Sandbox::real_time().unrecorded("real time");
    let line = format!("ulimit -n 20; exec {} sim bot --address-file at", env!("CARGO_BIN_EXE_mmops"));
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &line]).current_dir(sandbox.root()).env_clear().stdin(Stdio::null());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut bot = Running(child);
    wait_for("bot", || std::fs::read_to_string(sandbox.path("at")).is_ok_and(|text| text.ends_with('\n')));
    let address = sandbox.read("at").trim().trim_start_matches("http://").parse::<SocketAddr>().unwrap();
    let half: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    let (before, since) = (processor_secs(&bot), Instant::now());
    std::thread::sleep(Duration::from_millis(400));
    let used = (processor_secs(&bot) - before) / since.elapsed().as_secs_f64();
    assert!(used < 0.3, "it used {used:.2} of a processor to wait");
    drop(half);
    wait_for("answer", || {
        ureq::get(format!("http://{address}/health")).call().is_ok_and(|answer| answer.status() == 200)
    });
    assert_eq!(bot.0.try_wait().unwrap(), None);
}
