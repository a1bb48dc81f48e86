//! What every command promises: exit codes, streams, markers, formats.

use crate::sandbox::Sandbox;

#[test]
fn a_wrong_command_line_is_64_and_says_so_on_stderr() {
    let output = Sandbox::new().run("no-such-command").code(64).stderr_has("no-such-command");
    assert_eq!(output.stdout, "");
}

#[test]
fn help_lists_every_exit_code() {
    let output = Sandbox::new().run("--help").code(0);
    for code in ["0  OK", "1  FAIL", "2  STALLED", "3  CONFIG", "4  API", "5  DEPENDENCY"] {
        assert!(output.stdout.contains(code), "{code}");
    }
    assert_eq!(output.stderr, "");
}
