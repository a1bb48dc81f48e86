//! Advisory locks between two mmops that would write the same state.
//!
//! The lock is the kernel's `flock`, which dies with its owner, so a stale owner cannot block; the
//! file's content only tells who holds it.

use crate::report::exit::Fault;
use crate::sys::signal::Cancel;
use crate::sys::{clock, fsio};
use rustix::fs::{FlockOperation, flock, fstat, stat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
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

/// How long somebody else's lock is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// Time after which the wait is given up.
    pub budget: Duration,
    /// A stop ends it as well.
    pub cancel: &'a Cancel,
}

/// Time between two looks at a lock that another process holds for as long as it works.
const LOOK: Duration = Duration::from_millis(50);

/// An exclusive lock, held until the value is dropped; its file goes with it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// The file, unless it was there before the lock.
    own: Option<PathBuf>,
}

impl Lock {
    /// Takes the lock on a directory itself, which leaves no file in it.
    pub fn of_dir(dir: &Path, waiting: &Waiting<'_>) -> Result<Self, Fault> {
        let mut open = || fsio::open_directory(dir);
        Ok(Self { file: take(dir, waiting, &mut open, |_| "another mmops".to_owned())?, own: None })
    }

    /// Takes the lock at `path`, or says who has it. One whose owner is gone is free: the kernel keeps it, not
    /// the file.
    pub fn acquire(path: &Path, waiting: &Waiting<'_>) -> Result<Self, Fault> {
        if let Some(dir) = path.parent() {
            fsio::create_dir(dir)?;
        }
        let mut open = || fsio::append(path);
        if let Some(file) = held_for_us(path) {
            return Ok(Self { file, own: None });
        }
        let mut file = take(path, waiting, &mut open, owner)?;
        let write = |file: &mut File| {
            file.set_len(0)?;
            writeln!(file, "pid {}", std::process::id())
        };
        write(&mut file).map_err(|error| Fault::write(format!("`{}`", path.display()), &error))?;
        Ok(Self { file, own: Some(path.to_owned()) })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still held, so that the name is nobody else's yet. Who waits on it opens the next.
        if let Some(path) = &self.own
            && is_at(&self.file, path)
            && let Err(error) = fsio::remove(path)
        {
            tracing::debug!("failed to remove `{}`: {error}", path.display());
        }
    }
}

/// The file of a lock whose owner started this process, and waits for it: a step of a pack that runs a pack.
fn held_for_us(path: &Path) -> Option<File> {
    let text = fsio::read_text(path).ok()?;
    let owner: u32 = text.trim().strip_prefix("pid ")?.parse().ok()?;
    let parent = |process: &u32| {
        let stat = fsio::read_text(Path::new(&format!("/proc/{process}/stat"))).ok()?;
        // The name of a program may hold anything, parentheses too; its parent is the second field behind it.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let mut ancestors = std::iter::successors(Some(std::process::id()), parent).skip(1);
    if !ancestors.any(|ancestor| ancestor == owner) {
        return None;
    }
    // A process id comes again: only a lock that is held has an owner.
    let file = fsio::append(path).ok()?;
    let is_held = flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK);
    is_held.then_some(file)
}

/// Opens and locks what stands at `path`, as long as it is told to wait; `owner` names the holder.
fn take(
    path: &Path,
    waiting: &Waiting<'_>,
    open: &mut dyn FnMut() -> Result<File, Fault>,
    owner: impl Fn(&mut File) -> String,
) -> Result<File, Fault> {
    let give_up = clock::monotonic() + waiting.budget;
    let shown = path.display();
    let mut is_told = false;
    loop {
        let mut file = open()?;
        // Looked at before the try: a process that was stopped while it waited tries once more.
        let is_last = clock::monotonic() >= give_up;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(&file, path) => return Ok(file),
            // Its holder let go of it, and its name with it.
            Ok(()) => continue,
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(Fault::dependency(format!("failed to lock `{shown}`: {error}"))),
        }
        if let Some(signal) = waiting.cancel.signal() {
            return Err(Fault::stopped(signal));
        }
        if is_last {
            let message = format!("`{shown}` is locked by {}", owner(&mut file));
            return Err(Fault::dependency(message)
                .hint("wait for it to end, with a longer --lock-timeout, or stop that process"));
        }
        if !std::mem::replace(&mut is_told, true) {
            let budget = humantime::format_duration(waiting.budget);
            tracing::info!("waiting up to {budget} for `{shown}`, locked by {}", owner(&mut file));
        }
        clock::nap(LOOK);
    }
}

/// Who holds a lock, as the file says; its holder writes that just after it took the lock.
fn owner(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(64).read_to_string(&mut text));
    match (read, text.trim()) {
        (Ok(_), owner) if !owner.is_empty() => format!("another mmops ({owner})"),
        _ => "another mmops that has not yet said which".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_waits_and_is_told_who_holds_the_lock() {
        let dir = fsio::scratch_dir("lock").expect("a directory");
        let path = dir.path().join("rotate.lock");
        let cancel = Cancel::default();
        let briefly = Waiting { budget: Duration::from_millis(60), cancel: &cancel };
        let held = Lock::acquire(&path, &briefly).expect("free");
        let message = Lock::acquire(&path, &briefly).expect_err("held").to_string();
        assert!(message.contains(&format!("another mmops (pid {})", std::process::id())), "{message}");
        held.file.set_len(0).expect("emptied");
        let message = Lock::acquire(&path, &briefly).expect_err("held").to_string();
        assert!(message.ends_with("locked by another mmops that has not yet said which"), "{message}");
        let patiently = Waiting { budget: Duration::from_mins(1), cancel: &cancel };
        std::thread::scope(|scope| {
            let next = scope.spawn(|| Lock::acquire(&path, &patiently).map(drop));
            clock::nap(Duration::from_millis(5));
            drop(held);
            next.join().expect("no panic").expect("free again");
        });
        assert!(!fsio::exists(&path).expect("known"), "the file goes with the lock");
    }

    #[test]
    fn a_lock_whose_owner_is_gone_is_free_and_a_stop_ends_the_wait() {
        let dir = fsio::scratch_dir("lock").expect("a directory");
        let path = dir.path().join("pack.lock");
        fsio::write_atomic(&path, b"pid 1\n").expect("left behind");
        let cancel = Cancel::default();
        let waiting = Waiting { budget: Duration::from_mins(1), cancel: &cancel };
        let held = Lock::acquire(&path, &waiting).expect("free");
        cancel.request(15);
        assert_eq!(Lock::acquire(&path, &waiting).expect_err("stopped").to_string(), "terminated");
        drop(held);
        let of_dir = Lock::of_dir(dir.path(), &waiting).expect("free");
        assert!(Lock::of_dir(dir.path(), &waiting).is_err());
        drop(of_dir);
    }
}
