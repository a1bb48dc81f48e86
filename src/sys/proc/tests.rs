use super::*;
use std::path::Path;

fn shell(script: &str, timeout_ms: u64, grace_ms: u64) -> Finished {
    let task = Task {
        argv: ["/bin/sh", "-c", script].map(OsString::from).to_vec(),
        dir: PathBuf::from("/"),
        env: Vec::new(),
        timeout: Duration::from_millis(timeout_ms),
        grace: Duration::from_millis(grace_ms),
        capture_bytes: 1 << 20,
        log: None,
    };
    run(&task, &Cancel::default())
}

/// Whether a process runs `sleep` with this unusual duration.
fn sleeps(seconds: &str) -> bool {
    let argument = format!("sleep\0{seconds}\0");
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == argument.as_bytes())
    })
}

#[test]
fn an_exit_code_and_both_streams_are_reported() {
    let finished = shell("echo out; echo err >&2; exit 3", 5000, 100);
    assert_eq!(finished.end, End::Exited(3));
    assert_eq!((finished.stdout.text(), finished.stderr.text()), ("out\n".into(), "err\n".into()));
    assert!(finished.peak_rss_bytes.is_some());
    assert_eq!(finished.left, Leftovers::default());
}

#[test]
fn a_signal_of_its_own_is_not_an_exit_code() {
    assert_eq!(shell("kill -9 $$", 5000, 100).end, End::Signalled(9));
}

#[test]
fn a_missing_program_is_named() {
    let argv = vec![OsString::from("/no/such/program")];
    let task = Task {
        argv,
        dir: PathBuf::from("/"),
        env: Vec::new(),
        timeout: Duration::from_secs(1),
        grace: Duration::from_secs(1),
        capture_bytes: 0,
        log: None,
    };
    let End::NotStarted(reason) = run(&task, &Cancel::default()).end else { panic!("it cannot start") };
    assert!(reason.contains("/no/such/program"), "{reason}");
}

#[test]
fn a_deadline_is_kept_and_partial_output_is_kept_too() {
    let finished = shell("echo begun; sleep 4711.01", 300, 2000);
    assert_eq!(finished.end, End::TimedOut);
    assert_eq!(finished.stdout.text(), "begun\n");
    assert!(finished.wall >= Duration::from_millis(300));
    assert!(finished.wall < Duration::from_millis(1500), "{:?}", finished.wall);
    assert!(!sleeps("4711.01"));
}

#[test]
fn a_group_that_ignores_sigterm_is_killed_after_the_grace_period() {
    let finished = shell("trap '' TERM; sleep 4711.02 & sleep 4711.02; sleep 4711.02", 200, 200);
    assert_eq!(finished.end, End::TimedOut);
    assert!(finished.wall >= Duration::from_millis(400), "{:?}", finished.wall);
    assert!(!sleeps("4711.02"));
}

#[test]
fn a_background_child_left_after_success_is_counted_and_killed() {
    let finished = shell("sleep 4711.03 & exit 0", 5000, 200);
    assert_eq!((finished.end, finished.left.killed), (End::Exited(0), 1));
    assert!(!sleeps("4711.03"));
}

#[test]
fn a_child_that_left_the_group_is_killed_after_success_and_at_the_deadline() {
    let finished = shell("setsid sleep 4711.04 & sleep 0.2; exit 0", 5000, 200);
    assert_eq!((finished.end, finished.left.killed), (End::Exited(0), 1));
    assert!(!sleeps("4711.04"));
    let finished = shell("setsid sleep 4711.05 & sleep 4711.05", 300, 200);
    assert_eq!(finished.end, End::TimedOut);
    assert!(!sleeps("4711.05"));
}

#[test]
fn a_child_without_the_token_is_found_by_the_sweep() {
    let script = "env -i setsid sleep 4711.06 & sleep 0.2; exit 0";
    let finished = shell(script, 5000, 200);
    assert_eq!(finished.end, End::Exited(0));
    // Other tests of this process have children of their own, which a sweep must leave alone; so the
    // sweep is repeated until this one is gone rather than counted.
    sweep();
    assert!(!sleeps("4711.06"));
}

#[test]
fn endless_output_is_bounded_and_does_not_delay_the_deadline() {
    let finished = shell("yes", 300, 200);
    assert_eq!(finished.end, End::TimedOut);
    assert!(finished.stdout.total() > 1 << 20);
    assert!(finished.stdout.text().len() <= (1 << 20) + 100);
}

#[test]
fn a_cancellation_ends_the_child() {
    let cancel = Cancel::default();
    let task = Task {
        argv: ["/bin/sleep", "4711.07"].map(OsString::from).to_vec(),
        dir: PathBuf::from("/"),
        env: Vec::new(),
        timeout: Duration::from_mins(1),
        grace: Duration::from_secs(1),
        capture_bytes: 0,
        log: None,
    };
    cancel.request(15);
    assert_eq!(run(&task, &cancel).end, End::Cancelled);
    assert!(!sleeps("4711.07"));
}

#[test]
fn a_dropped_group_leaves_nothing_behind() {
    let argv = ["/bin/sh", "-c", "sleep 4711.08 & wait"].map(OsString::from);
    let streams = Streams { stdin: None, stdout: Stdio::null(), stderr: None };
    let group = Group::spawn(&argv, Path::new("/"), &[], streams).unwrap();
    assert!(!group.has_ended());
    drop(group);
    assert!(!sleeps("4711.08"));
}
