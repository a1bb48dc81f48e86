//! Append-only records: what a command has done so far, so that it can go on after a crash, and show later that
//! nobody has changed them since.
//!
//! A journal is a file of lines, each a JSON object with sorted keys and without spaces:
//!
//! ```text
//! {"hash":"<SHA-256>","prev_hash":"<hash of the line before, or GENESIS>","record":<the record>}
//! ```
//!
//! The hash is over the line without it, so it is the checksum of the line and, through `prev_hash`, of all
//! before it. `cron-sentinel` can verify such a file as it does any other chained journal. The first record is a
//! header: the schema, the version of mmops, and what the writer binds the journal to.
//!
//! A line without its newline was never acknowledged: a reader leaves it out, and the next writer cuts it off.
//! Anything else that does not fit is damage, reported with file and line. What a chain cannot tell is that
//! whole lines are missing at its end.

mod chain;
mod reader;

pub(crate) use reader::{Contents, Reader};

use crate::report::exit::Fault;
use crate::sys::{fsio, lock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// What an appended record survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of the process.
    Process,
    /// A loss of power.
    Disk,
}

/// Reads and verifies a whole journal; `None` where there is none, or none with a whole header.
pub(crate) fn read<C: DeserializeOwned, R: DeserializeOwned>(
    path: &Path,
    schema: &'static str,
) -> Result<Option<Contents<C, R>>, Fault> {
    if fsio::exists(path)? { Reader::new(path, schema).contents(&fsio::open(path)?) } else { Ok(None) }
}

/// A journal with one writer, who keeps others out while the value lives.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    reader: Reader,
    durability: Durability,
    /// Set while a record is written: after a failure it is not known what stands in the file.
    is_uncertain: bool,
}

impl Journal {
    /// Begins a journal with what is known already, in the place of one that is there.
    pub(crate) fn create<R: Serialize>(
        path: &Path,
        schema: &'static str,
        context: &impl Serialize,
        records: &[R],
        durability: Durability,
    ) -> Result<Self, Fault> {
        // Held until the new file is, so that a writer of the old one is not cut off from its journal.
        let _former = lock::hold(path, Duration::ZERO)?;
        let mut reader = Reader::new(path, schema);
        let text = reader.seal_all(context, records);
        match durability {
            Durability::Process if records.is_empty() => fsio::write_volatile(path, text.as_bytes())?,
            // What was known before is not put at risk.
            Durability::Process | Durability::Disk => fsio::write_atomic(path, text.as_bytes())?,
        }
        Ok(Self { file: lock::hold(path, Duration::ZERO)?, reader, durability, is_uncertain: false })
    }

    /// Goes on with a journal, and cuts off half a line at its end; `None` where [`read`] finds none.
    pub(crate) fn resume<C: DeserializeOwned, R: DeserializeOwned>(
        path: &Path,
        schema: &'static str,
        durability: Durability,
    ) -> Result<Option<(Self, Contents<C, R>)>, Fault> {
        if !fsio::exists(path)? {
            return Ok(None);
        }
        let (file, mut reader) = (lock::hold(path, Duration::ZERO)?, Reader::new(path, schema));
        let Some(contents) = reader.contents(&file)? else { return Ok(None) };
        if contents.is_torn {
            reader.cut(&file)?;
        }
        Ok(Some((Self { file, reader, durability, is_uncertain: false }, contents)))
    }

    /// Adds a record. Once this returns, the record is as safe as the journal was asked to make it; after a
    /// failure the journal takes no other until it is resumed.
    pub(crate) fn append(&mut self, record: &impl Serialize) -> Result<(), Fault> {
        if self.is_uncertain {
            let shown = self.reader.path().display();
            return Err(Fault::config(format!("`{shown}` takes no record after one that it failed to take")));
        }
        self.is_uncertain = true;
        self.reader.append(&mut self.file, record)?;
        if self.durability == Durability::Disk {
            self.file.sync_data().map_err(|error| self.reader.unwritable(&error))?;
        }
        self.is_uncertain = false;
        Ok(())
    }
}

/// A journal to which several processes add, one at a time; its records survive the end of a process.
#[derive(Debug)]
pub(crate) struct SharedJournal(Reader);

/// The time in which one of them may add records.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    reader: &'a mut Reader,
    file: File,
}

impl SharedJournal {
    /// The journal at `path`, which is made when the first record is.
    pub(crate) fn at(path: &Path, schema: &'static str) -> Self {
        Self(Reader::new(path, schema))
    }

    /// Waits until no other process writes, no longer than `budget`, and hands over what was added since the
    /// last turn.
    pub(crate) fn turn<R: DeserializeOwned>(
        &mut self,
        budget: Duration,
        each: impl FnMut(R),
    ) -> Result<Turn<'_>, Fault> {
        let file = lock::hold(self.0.path(), budget)?;
        if self.0.read_on(&file, each)? {
            self.0.cut(&file)?;
        }
        Ok(Turn { reader: &mut self.0, file })
    }
}

impl Turn<'_> {
    /// Adds a record, which other processes see once the turn is over.
    pub(crate) fn append(&mut self, record: &impl Serialize) -> Result<(), Fault> {
        self.reader.append(&mut self.file, record)
    }
}

#[cfg(test)]
mod tests;
