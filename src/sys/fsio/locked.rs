//! Locks on what is unfinished, which tell it from what a killed process left behind.

use rustix::fd::AsFd;
use rustix::fs::FlockOperation;
use rustix::io::{Errno, retry_on_intr};
use std::io;

/// Locks what nobody else has locked.
pub(super) fn lock(file: impl AsFd) -> Result<(), Errno> {
    retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive))
}

/// Locks what was just created; true where it has lost its name by then.
pub(super) fn is_taken_away(file: impl AsFd) -> io::Result<bool> {
    match lock(&file) {
        Err(Errno::WOULDBLOCK) => Ok(true),
        // A file system without locks keeps what is left behind, too.
        Err(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(rustix::fs::fstat(file)?.st_nlink == 0),
    }
}
