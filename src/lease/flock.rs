//! An exclusive kernel lock on a file, waited for no longer than a budget. It dies with its holder; a
//! holder that is stopped while it holds the lock is an outage for everybody else.

use crate::lease::StoreOutage;
use crate::sys::{clock, fsio};
use rustix::fs::{FlockOperation, flock, fstat, stat};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// Time until the second try; it doubles from try to try, as a step takes microseconds or something is
/// wrong.
const RETRY: Duration = Duration::from_micros(20);

/// Longest time between two tries.
const RETRY_MAX: Duration = Duration::from_micros(500);

/// Opens `path`, creating it if needed, and locks it until the returned file is dropped.
pub(crate) fn lock(path: &Path, budget: Duration) -> Result<File, StoreOutage> {
    let give_up = clock::monotonic() + budget;
    let mut file = fsio::append(path).map_err(StoreOutage::new)?;
    let mut retry = RETRY;
    loop {
        // Looked at before the try: a process that was stopped while it waited tries once more.
        let last = clock::monotonic() >= give_up;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(&file, path) => return Ok(file),
            // The file was replaced while we waited; a lock on the old one excludes nobody.
            Ok(()) => file = fsio::append(path).map_err(StoreOutage::new)?,
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => {
                return Err(StoreOutage::new(format!("failed to lock `{}`: {error}", path.display())));
            }
        }
        if last {
            let budget = budget.as_millis();
            return Err(StoreOutage::new(format!(
                "`{}` was locked for more than {budget} ms",
                path.display()
            )));
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
