//! Advisory locks between two mmops that would write the same state.
//!
//! The lock is the kernel's `flock`, which dies with its owner, so a stale owner cannot block; the
//! file's content only tells who holds it.

use crate::report::exit::Fault;
use crate::sys::{clock, fsio};
use rustix::fs::{FlockOperation, flock, fstat, stat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

/// Time until [`hold`] tries again; it doubles from try to try, as a step takes microseconds or something is
/// wrong.
const RETRY: Duration = Duration::from_micros(20);

/// Longest time between two tries.
const RETRY_MAX: Duration = Duration::from_micros(500);

/// Opens `path`, creating it if needed, and locks the file itself until it is dropped. Waits no longer than
/// `budget`: a holder that is stopped while it holds the lock is an outage for everybody else.
pub(crate) fn hold(path: &Path, budget: Duration) -> Result<File, Fault> {
    let give_up = clock::monotonic() + budget;
    let mut file = fsio::append(path)?;
    let mut retry = RETRY;
    loop {
        // Looked at before the try: a process that was stopped while it waited tries once more.
        let last = clock::monotonic() >= give_up;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(&file, path) => return Ok(file),
            // The file was replaced while we waited; a lock on the old one excludes nobody.
            Ok(()) => file = fsio::append(path)?,
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => {
                return Err(Fault::dependency(format!("failed to lock `{}`: {error}", path.display())));
            }
        }
        if last {
            let (path, budget) = (path.display(), budget.as_millis());
            return Err(Fault::dependency(format!("`{path}` was locked for more than {budget} ms")));
        }
        clock::nap(retry);
        retry = (retry * 2).min(RETRY_MAX);
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (fstat(file), stat(path)) {
        (Ok(held), Ok(named)) => (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino),
        _ => false,
    }
}

/// An exclusive lock, held until the value is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock on a directory itself, which leaves no file in it.
    pub fn of_dir(dir: &Path) -> Result<Self, Fault> {
        let file = fsio::open(dir)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let message = format!("`{}` is being written by another mmops", dir.display());
            return Err(Fault::dependency(message).hint("wait for it to end, or stop that process"));
        }
        Ok(Self { _file: file })
    }

    /// Takes the lock at `path`, or says who has it.
    pub fn acquire(path: &Path) -> Result<Self, Fault> {
        if let Some(dir) = path.parent() {
            fsio::create_dir(dir)?;
        }
        let mut file = fsio::append(path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut owner = String::new();
            let known = file.rewind().and_then(|()| file.read_to_string(&mut owner)).is_ok();
            let owner = if known { owner.trim() } else { "unknown" };
            let message = format!("`{}` is locked by another mmops ({owner})", path.display());
            return Err(Fault::dependency(message).hint("wait for it to end, or stop that process"));
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            writeln!(file, "pid {}", std::process::id())
        };
        write(&mut file).map_err(|error| Fault::write(format!("`{}`", path.display()), &error))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_holds_the_lock() {
        let dir = fsio::scratch_dir("lock").expect("a directory");
        let path = dir.path().join("rotate.lock");
        let held = Lock::acquire(&path).expect("free");
        let message = Lock::acquire(&path).expect_err("held").to_string();
        assert!(message.contains(&format!("pid {}", std::process::id())), "{message}");
        drop(held);
        Lock::acquire(&path).expect("free again");
    }
}
