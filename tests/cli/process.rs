//! What the system does to a run: broken streams, signals, limits.

use crate::pre_live_pack::is_running;
use crate::sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// `mmops` with this line in a shell, which sets up what it inherits: `$MMOPS` is the program.
fn shell(sandbox: &Sandbox, script: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(sandbox.root()).env_clear();
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("MMOPS", env!("CARGO_BIN_EXE_mmops"));
    command.stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn ended(output: &Output, code: i32, last_line: &str) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let last = stdout.lines().last().unwrap_or_default();
    assert_eq!((output.status.code(), last), (Some(code), last_line), "{stdout}\n{stderr}");
}

/// A step that waits for another one, in a pack that says much.
const CHAIN: &str =
    "steps:\n  - {name: a, argv: [/bin/true]}\n  - {name: b, argv: [/bin/true], needs: [a]}\n";

#[test]
fn a_stderr_that_takes_nothing_changes_no_answer() {
    for broken in ["2>/dev/full", "2>&-", "2>no/such/pipe"] {
        let sandbox = Sandbox::new().file("plan.yaml", CHAIN);
        // The reader of the pipe is gone before the first line.
        let line = |words: &str| match broken {
            "2>no/such/pipe" => format!(
                "(sleep 0.05; $MMOPS {words}; echo $? >code) 2>&1 >out | true; cat out; exit $(cat code)"
            ),
            broken => format!("$MMOPS {words} {broken}"),
        };
        let soak = shell(&sandbox, &line("soak run --mock --gates smoke --hours 1"));
        ended(&soak, 0, "| soak_run | OK | SOAK=PASS |");
        let pack = shell(&sandbox, &line("-vv pre-live-pack --dry-run --plan plan.yaml --jobs 2"));
        ended(&pack, 0, "| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |");
        let error = shell(&sandbox, &line("readiness validate none"));
        assert_eq!(error.status.code(), Some(3), "{broken}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_holds_no_run_up() {
    let sandbox = Sandbox::new().file("plan.yaml", CHAIN);
    // The first end of the pipe stays open and full.
    let script = "mkfifo pipe; exec 3<>pipe; head -c 65536 /dev/zero >&3; \
                  $MMOPS -vv pre-live-pack --dry-run --plan plan.yaml 2>&3";
    let output = shell(&sandbox, script);
    ended(&output, 0, "| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |");
}

/// A running mmops whose stdout is kept.
struct Running {
    child: std::process::Child,
}

impl Running {
    fn start(sandbox: &Sandbox, line: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
        command.args(line.split(' ')).current_dir(sandbox.root()).stdin(Stdio::null());
        Self { child: command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap() }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn output(self) -> Output {
        self.child.wait_with_output().unwrap()
    }
}

/// Waits until the file is there, which a step makes when it has come so far.
fn wait_for(sandbox: &Sandbox, path: &str) {
    let due = Instant::now() + Duration::from_secs(20);
    while !sandbox.path(path).exists() {
        assert!(Instant::now() < due, "{path} did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits, a second at most, until no process has the text as an argument.
#[track_caller]
fn is_soon_gone(argument: &str) {
    let due = Instant::now() + Duration::from_secs(1);
    while is_running(argument) {
        assert!(Instant::now() < due, "{argument} is still running");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A step that ignores what can be ignored, with a child of its own in the same session and one outside.
fn stubborn(number: &str) -> Sandbox {
    let script = format!(
        "trap '' TERM HUP INT QUIT; sleep {number} & setsid sleep {number} & sleep 0.05; touch up; sleep {number}; sleep {number}"
    );
    Sandbox::new().file("plan.yaml", format!("steps:\n  - {{name: a, argv: [sh, -c, \"{script}\"]}}\n"))
}

const PACK: &str = "pre-live-pack --dry-run --plan plan.yaml";

#[test]
fn each_of_four_signals_stops_a_run_with_its_own_code() {
    for (signal, code) in [(Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131), (Signal::TERM, 143)] {
        let sandbox = Sandbox::new();
        let run = Running::start(&sandbox, "sim bot --address-file port");
        wait_for(&sandbox, "port");
        run.signal(signal);
        assert_eq!(run.output().status.code(), Some(code), "{signal:?}");
    }
}

#[test]
fn a_terminal_that_goes_away_under_nohup_is_survived() {
    let sandbox = Sandbox::new().file(
        "plan.yaml",
        "steps:\n  - {name: a, argv: [sh, -c, 'touch up; while ! test -e on; do sleep 0.01; done']}\n",
    );
    let script = format!("trap '' HUP; exec $MMOPS {PACK}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(sandbox.root()).env("MMOPS", env!("CARGO_BIN_EXE_mmops"));
    let run = Running { child: command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap() };
    wait_for(&sandbox, "up");
    run.signal(Signal::HUP);
    sandbox.write("on", "");
    ended(&run.output(), 0, "| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |");
}

#[test]
fn a_second_signal_kills_what_ignores_the_first_and_the_report_is_still_printed() {
    let sandbox = stubborn("4713.1");
    let started = Instant::now();
    let run = Running::start(&sandbox, PACK);
    wait_for(&sandbox, "up");
    run.signal(Signal::TERM);
    // Two that are there at once may arrive as one.
    std::thread::sleep(Duration::from_millis(50));
    run.signal(Signal::HUP);
    ended(&run.output(), 1, "| pre_live_pack | FAIL | PRE_LIVE_PACK=FAILED |");
    assert!(started.elapsed() < Duration::from_millis(1900), "{:?}", started.elapsed());
    assert!(!is_running("4713.1"));
    assert_eq!(sandbox.json("artifacts/reports/PRE_LIVE_PACK.json")["verdict"], "FAILED");
    assert!(!sandbox.files().iter().any(|file| file.contains(".mmops-")), "{:?}", sandbox.files());
}

#[test]
fn a_killed_run_leaves_no_step_and_none_of_its_children() {
    for signal in [Signal::KILL, Signal::ABORT, Signal::ALARM] {
        let sandbox = stubborn("4713.2");
        let run = Running::start(&sandbox, PACK);
        wait_for(&sandbox, "up");
        run.signal(signal);
        assert_eq!(run.output().status.code(), None);
        is_soon_gone("4713.2");
        let again = sandbox.file("plan.yaml", CHAIN);
        let output = Running::start(&again, PACK).output();
        ended(&output, 0, "| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |");
    }
}

#[test]
fn a_pack_in_a_pack_leaves_nothing_when_the_inner_one_is_killed() {
    let sandbox = stubborn("4713.3");
    sandbox.write("outer.yaml", "steps:\n  - {name: inner, argv: [mmops, pre-live-pack, --dry-run, --plan, plan.yaml, --report, inner.json], timeout: 600ms}\n");
    let run = Running::start(&sandbox, "pre-live-pack --dry-run --plan outer.yaml");
    ended(&run.output(), 1, "| pre_live_pack | FAIL | PRE_LIVE_PACK=FAILED |");
    assert!(!is_running("4713.3"));
    // The inner pack stops in an orderly way; the outer one finds nothing that is nobody's.
    let rows = sandbox.json("artifacts/reports/PRE_LIVE_PACK.json")["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
}

#[test]
fn a_limit_of_the_file_size_is_a_missing_resource() {
    let sandbox = Sandbox::new();
    let output = shell(&sandbox, "ulimit -f 8; exec $MMOPS soak run --mock --gates smoke --hours 24");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("File too large"), "{stderr}");
}

#[test]
fn a_step_has_no_terminal_to_wait_for() {
    let sandbox = Sandbox::new()
        .file("plan.yaml", "steps:\n  - {name: asks, argv: [sh, -c, 'read answer </dev/tty']}\n");
    // `script` gives mmops a terminal; the step must not have it.
    let output = shell(&sandbox, &format!("script -qec \"$MMOPS -q {PACK}\" /dev/null"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("/dev/tty: No such device or address"), "{stdout}");
    assert!(stdout.contains("exit code 2"), "{stdout}");
}

#[test]
fn a_process_whose_main_thread_has_ended_is_alive_and_is_found() {
    let sandbox = Sandbox::new().file("threads.py", "import os, threading, time, ctypes\nif os.fork() == 0:\n    os.setsid()\n    threading.Thread(target=time.sleep, args=(4713.4,)).start()\n    open('up', 'w').close()\n    ctypes.CDLL(None).pthread_exit(None)\nwhile not os.path.exists('up'): time.sleep(0.01)\ntime.sleep(0.1)\n");
    sandbox.write("plan.yaml", "steps:\n  - {name: a, argv: [python3, threads.py, '4713.4']}\n");
    let run = Running::start(&sandbox, PACK);
    ended(&run.output(), 1, "| pre_live_pack | FAIL | PRE_LIVE_PACK=FAILED |");
    assert!(!is_running("4713.4"));
    let reasons = sandbox.json("artifacts/reports/PRE_LIVE_PACK.json")["rows"][0]["reasons"].to_string();
    assert!(reasons.contains("left 1 processes running, which were killed"), "{reasons}");
}

#[test]
fn a_process_that_cannot_be_killed_is_named_and_not_waited_for() {
    if !rustix::process::geteuid().is_root() {
        // Nobody else can make a program that somebody else may start and not kill.
        return;
    }
    let sandbox = Sandbox::new();
    let (root, becomes_root) = (sandbox.root().display().to_string(), sandbox.path("setpriv"));
    std::fs::copy("/usr/bin/setpriv", &becomes_root).unwrap();
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    set(&becomes_root, 0o4755);
    set(sandbox.root(), 0o777);
    sandbox.write("plan.yaml", format!("steps:\n  - {{name: a, argv: ['{root}/setpriv', --reuid, '0', sleep, '4713.5'], timeout: 100ms}}\n"));
    let started = Instant::now();
    let output =
        shell(&sandbox, &format!("exec setpriv --reuid 65534 --regid 65534 --clear-groups $MMOPS {PACK}"));
    let took = started.elapsed();
    let pid = std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let is_it = line.split('\0').eq(["sleep", "4713.5", ""]);
        is_it.then(|| entry.file_name().to_str().and_then(|pid| pid.parse().ok()))?
    });
    let pid: i32 = pid.expect("it is still there");
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    ended(&output, 1, "| pre_live_pack | FAIL | PRE_LIVE_PACK=FAILED |");
    assert!(took < Duration::from_secs(7), "{took:?}");
    let reasons = sandbox.json("artifacts/reports/PRE_LIVE_PACK.json")["rows"][0]["reasons"].to_string();
    assert!(
        reasons.contains(&format!("timed out after 100ms; could not be killed: pid {pid}, state S")),
        "{reasons}"
    );
}

#[test]
fn who_asks_hears_how_far_a_pack_is() {
    let sandbox = Sandbox::new().file("plan.yaml", "steps:\n  - {name: a, argv: [/bin/true]}\n  - {name: b, argv: [sh, -c, 'touch up; while ! test -e on; do sleep 0.01; done'], needs: [a]}\n");
    let run = Running::start(&sandbox, PACK);
    wait_for(&sandbox, "up");
    run.signal(Signal::USR1);
    // It is looked for ten times in a second.
    std::thread::sleep(Duration::from_millis(300));
    sandbox.write("on", "");
    let output = run.output();
    ended(&output, 0, "| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("note: 1 of 2 steps ended; running: b for 0."), "{stderr}");
}

#[test]
fn on_a_terminal_each_running_step_has_a_line_with_its_time() {
    let sandbox = Sandbox::new().file("plan.yaml", "steps:\n  - {name: waits, argv: [sleep, '0.25']}\n");
    let output = shell(&sandbox, &format!("TERM=xterm script -qec \"$MMOPS {PACK}\" /dev/null"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("waits 0s"), "{stdout}");
    assert!(!stdout.contains("note: waits"), "{stdout}");
    let output = shell(&sandbox, &format!("TERM=xterm script -qec \"$MMOPS -q {PACK}\" /dev/null"));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("waits 0s"));
}

#[path = "../bench/interrupt.rs"]
pub mod interrupt;

#[test]
fn whenever_and_however_a_pack_is_interrupted_nothing_half_done_is_left() {
    let faults: Vec<String> = std::thread::scope(|scope| {
        let rounds = |part: u64| {
            move || (0..5).filter_map(|n| interrupt::round(part * 5 + n).err()).collect::<Vec<_>>()
        };
        let parts: Vec<_> = (0..4).map(|part| scope.spawn(rounds(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert_eq!(faults, Vec::<String>::new());
}
