//! The order log as a file: JSON lines, appended under a lock on the file itself. It is an authority of
//! its own, as an exchange is: it knows nothing of leases, only tokens and ids.
//!
//! A line without its newline was never acknowledged; the next writer cuts it off.

use crate::commands::chaos::order_log::{Answer, Book, Entry};
use crate::lease::{StoreOutage, flock};
use crate::sys::clock;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for another process's step.
const LOCK_BUDGET: Duration = Duration::from_millis(250);

/// One process's view of the log.
#[derive(Debug)]
pub(crate) struct OrderFile {
    path: PathBuf,
    offset: u64,
    book: Book,
}

impl OrderFile {
    /// The log at `path`, created when first written.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, book: Book::default() }
    }

    /// Keeps every writer out until the returned file is dropped.
    pub(crate) fn hold(path: &Path, budget: Duration) -> Result<File, StoreOutage> {
        flock::lock(path, budget)
    }

    /// Announces a leader. From here on older tokens are refused, so what the log holds now is all that
    /// earlier leaders will ever have placed: returns the first order that is missing, or `None` when the
    /// token itself is old.
    pub(crate) fn fence(&mut self, node: &str, token: u64) -> Result<Option<u64>, StoreOutage> {
        let mut file = self.lock_and_read()?;
        if !self.book.admits(token) {
            return Ok(None);
        }
        let entry = Entry::Fence { at_us: clock::boot_us(), node: node.to_owned(), token };
        self.append(&mut file, &entry)?;
        Ok(Some(self.book.first_missing()))
    }

    /// Places an order, or says that it is there already, or that the token is old.
    pub(crate) fn place(&mut self, node: &str, token: u64, id: u64) -> Result<Answer, StoreOutage> {
        let mut file = self.lock_and_read()?;
        let answer = self.book.offer(token, id);
        if answer == Answer::Accepted {
            let entry = Entry::Order { at_us: clock::boot_us(), node: node.to_owned(), token, id };
            self.append(&mut file, &entry)?;
        }
        Ok(answer)
    }

    fn append(&mut self, file: &mut File, entry: &Entry) -> Result<(), StoreOutage> {
        let mut line = serde_json::to_vec(entry).map_err(|error| self.outage("encode", error))?;
        line.push(b'\n');
        file.write_all(&line).map_err(|error| self.outage("write", error))?;
        self.offset += line.len() as u64;
        self.book.replay(entry);
        Ok(())
    }

    /// Locks the file and takes in what others appended since the last look.
    fn lock_and_read(&mut self) -> Result<File, StoreOutage> {
        let mut file = Self::hold(&self.path, LOCK_BUDGET)?;
        let length = file.metadata().map_err(|error| self.outage("read", error))?.len();
        if length < self.offset {
            return Err(self.outage("read", "it is shorter than before"));
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(|error| self.outage("read", error))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let entries = parse(&bytes[..whole]).map_err(|error| self.outage("read", error))?;
        if whole < bytes.len() {
            file.set_len(self.offset + whole as u64).map_err(|error| self.outage("repair", error))?;
        }
        self.offset += whole as u64;
        for entry in &entries {
            self.book.replay(entry);
        }
        Ok(file)
    }

    fn outage(&self, verb: &str, why: impl std::fmt::Display) -> StoreOutage {
        StoreOutage::new(format!("failed to {verb} `{}`: {why}", self.path.display()))
    }
}

/// Decodes whole JSON lines, naming the first that is damaged; what follows the last newline is left out.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, String> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
    lines
        .zip(1..)
        .map(|(line, number)| serde_json::from_slice(line).map_err(|error| format!("line {number}: {error}")))
        .collect()
}
