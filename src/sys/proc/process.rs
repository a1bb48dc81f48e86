//! What `/proc` says of a process. One that is gone is no fault; whatever else cannot be read is, and never
//! stands for "none".
#![expect(clippy::disallowed_methods, reason = "this folder owns child processes")]

use rustix::io::Errno;
use std::collections::BTreeSet;
use std::io;

/// Environment variable that marks every process of a step: the tokens of the steps that it is part of,
/// outermost first.
pub(super) const TOKEN: &str = "MMOPS_STEP";

/// Between two tokens of a mark.
pub(super) const WITHIN: char = '/';

pub(super) struct Stat {
    /// Of the main thread; see [`is_alive`].
    pub(super) state: char,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) start_ticks: u64,
}

pub(super) fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

fn if_there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    let is_gone = |error: &io::Error| {
        error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
    };
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `None` once the process is gone.
pub(super) fn stat(pid: i32) -> io::Result<Option<Stat>> {
    stat_at(&format!("/proc/{pid}/stat"))
}

fn stat_at(path: &str) -> io::Result<Option<Stat>> {
    let Some(bytes) = if_there(std::fs::read(path))? else { return Ok(None) };
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, format!("`{path}` cannot be parsed"));
    parse(&String::from_utf8_lossy(&bytes)).map(Some).ok_or_else(unreadable)
}

/// The second field is the program's name in parentheses and may itself contain any character.
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

fn has_ended(stat: &Stat) -> bool {
    matches!(stat.state, 'Z' | 'X')
}

/// Threads of the process, the main one among them even where it has ended.
fn threads(pid: i32) -> io::Result<Vec<i32>> {
    numbers(&format!("/proc/{pid}/task"))
}

/// Every process of the machine.
pub(super) fn all() -> io::Result<Vec<i32>> {
    numbers("/proc")
}

fn numbers(dir: &str) -> io::Result<Vec<i32>> {
    let Some(entries) = if_there(std::fs::read_dir(dir))? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        // The list of a process that ends while it is read ends as well.
        let Some(entry) = if_there(entry)? else { break };
        found.extend(entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    Ok(found)
}

/// The state of a process that still runs; `None` for one that has ended, reaped or not. A process whose
/// main thread has ended lives on in its other threads and only looks like a zombie.
pub(super) fn live_state(pid: i32) -> io::Result<Option<char>> {
    let Some(stat) = stat(pid)? else { return Ok(None) };
    if !has_ended(&stat) {
        return Ok(Some(stat.state));
    }
    for thread in threads(pid)? {
        match stat_at(&format!("/proc/{pid}/task/{thread}/stat"))? {
            Some(stat) if !has_ended(&stat) => return Ok(Some(stat.state)),
            _ => {}
        }
    }
    Ok(None)
}

pub(super) fn is_alive(pid: i32) -> io::Result<bool> {
    live_state(pid).map(|state| state.is_some())
}

/// Whether one of the tokens in the process's mark is one of those looked for. The environment of a process of
/// another user cannot be read and counts as unmarked: its parent or its session gives it away.
pub(super) fn has_mark(pid: i32, is_looked_for: impl Fn(&str) -> bool) -> bool {
    let mut environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    if environment.is_empty() {
        // That of a main thread which has ended is empty.
        let of_thread = |thread| std::fs::read(format!("/proc/{pid}/task/{thread}/environ")).ok();
        let of_threads = threads(pid).unwrap_or_default().into_iter().filter_map(of_thread);
        environment = of_threads.max_by_key(Vec::len).unwrap_or_default();
    }
    environment.split(|byte| *byte == 0).any(|variable| {
        let value =
            std::str::from_utf8(variable).ok().and_then(|text| text.strip_prefix(TOKEN)?.strip_prefix('='));
        value.is_some_and(|tokens| tokens.split(WITHIN).any(&is_looked_for))
    })
}

/// Every process below this one.
pub(super) fn descendants(parent: i32) -> io::Result<BTreeSet<i32>> {
    let mut found = BTreeSet::new();
    let mut parents = vec![parent];
    while let Some(parent) = parents.pop() {
        parents.extend(children(parent)?.into_iter().filter(|child| found.insert(*child)));
    }
    Ok(found)
}

fn children(parent: i32) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    let (threads, mut listed) = (threads(parent)?, 0);
    for thread in &threads {
        if let Some(list) =
            if_there(std::fs::read_to_string(format!("/proc/{parent}/task/{thread}/children")))?
        {
            listed += 1;
            found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
    }
    if listed == 0 && parent == own_pid() {
        let message = "this system does not list the children of a process in /proc";
        return Err(io::Error::new(io::ErrorKind::Unsupported, message));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_be_called_anything() {
        let rest = "S 1 20 30 ".to_owned() + &"0 ".repeat(15) + "77";
        let stat = parse(&format!("5 (a) Z (b) {rest}")).expect("parsed");
        assert_eq!((stat.state, stat.group, stat.session, stat.start_ticks), ('S', 20, 30, 77));
    }

    #[test]
    fn what_is_gone_is_none_and_what_cannot_be_read_is_a_fault() {
        assert!(
            if_there::<()>(Err(io::Error::from_raw_os_error(Errno::SRCH.raw_os_error()))).unwrap().is_none()
        );
        assert!(if_there::<()>(Err(io::Error::from_raw_os_error(Errno::MFILE.raw_os_error()))).is_err());
        assert!(stat(i32::MAX).unwrap().is_none());
    }
}
