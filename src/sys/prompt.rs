//! A question to the person at the terminal.

use crate::report::exit::Fault;
use crate::sys::signal::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, IsTerminal as _, Write as _};

/// Time between two looks at whether somebody asked for a stop.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Whether somebody can answer.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on stderr and reads one line; only `y` and `yes` agree. A stop ends the wait for an answer.
pub(crate) fn confirm(question: &str, cancel: &Cancel) -> Result<bool, Fault> {
    let mut stderr = io::stderr();
    let unanswered = |error: io::Error| Fault::stalled(format!("nobody answered: {error}"));
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).map_err(unanswered)?;
    let stdin = rustix::stdio::stdin();
    let mut line = Vec::new();
    let mut buffer = [0; 256];
    while !line.contains(&b'\n') {
        let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&LOOK));
        if let Some(signal) = cancel.signal() {
            // What is printed next begins a line of its own.
            drop(writeln!(stderr));
            return Err(Fault::stopped(signal));
        }
        let read = match ready {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => rustix::io::read(stdin, &mut buffer),
            Err(error) => Err(error),
        };
        match read {
            Ok(0) => break,
            Ok(count) => line.extend_from_slice(&buffer[..count]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(unanswered(error.into())),
        }
    }
    let answer = String::from_utf8_lossy(&line).trim().to_ascii_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}
