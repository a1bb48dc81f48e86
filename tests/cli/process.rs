//! What the system does to a run: broken streams, signals, limits.

use crate::sandbox::Sandbox;
use std::process::{Command, Output, Stdio};

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
        let soak = shell(&sandbox, &line("soak run --mock --hours 1"));
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
