//! The `mmops` binary: hands the command line to the library and its code to the shell.
use std::process::ExitCode;

fn main() -> ExitCode {
    mmops::run(std::env::args_os())
}
