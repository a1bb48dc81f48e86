//! A question to the person at the terminal.

use crate::report::exit::Fault;
use std::io::{self, IsTerminal as _, Write as _};

/// Whether somebody can answer.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on stderr and reads one line; only `y` and `yes` agree.
pub(crate) fn confirm(question: &str) -> Result<bool, Fault> {
    let mut line = String::new();
    let mut stderr = io::stderr();
    let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    let answered = asked.and_then(|()| io::stdin().read_line(&mut line));
    answered.map_err(|error| Fault::stalled(format!("nobody answered: {error}")))?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
