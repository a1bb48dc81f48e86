//! A question to the person at the terminal.

use crate::report::exit::Fault;
use crate::sys::signal::Cancel;
use crate::sys::stdin::Stdin;
use std::io::{self, IsTerminal as _, Read as _, Write as _};

/// Whether somebody can answer.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on stderr and reads one line; only `y` and `yes` agree. A stop ends the wait for an answer.
pub(crate) fn confirm(question: &str, cancel: &Cancel) -> Result<bool, Fault> {
    let mut stderr = io::stderr();
    let unanswered = |error: io::Error| Fault::stalled(format!("nobody answered: {error}"));
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).map_err(unanswered)?;
    let mut line = Vec::new();
    let mut buffer = [0; 256];
    while !line.contains(&b'\n') {
        match Stdin(cancel).read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => line.extend_from_slice(&buffer[..count]),
            Err(error) => {
                let Some(signal) = cancel.signal() else { return Err(unanswered(error)) };
                // What is printed next begins a line of its own.
                drop(writeln!(stderr));
                return Err(Fault::stopped(signal));
            }
        }
    }
    let answer = String::from_utf8_lossy(&line).trim().to_ascii_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}
