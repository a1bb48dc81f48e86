//! A journal as it is read: from the begin, or from where it was read before.

use super::chain::Chain;
use crate::format::node;
use crate::report::exit::Fault;
use crate::sys::fsio;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// The first record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    schema: String,
    /// Version of mmops that made the journal.
    version: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    context: Value,
}

/// What a journal holds.
#[derive(Debug)]
pub(crate) struct Contents<C, R> {
    /// What its writer bound it to.
    pub(crate) context: C,
    pub(crate) records: Vec<R>,
    /// Whether a half-written line at the end was left out.
    pub(crate) is_torn: bool,
}

/// How far a journal was read, and what the next line must follow.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    schema: &'static str,
    chain: Chain,
    context: Value,
}

impl Reader {
    /// At the begin of a journal, which need not be there yet.
    pub(crate) fn new(path: &Path, schema: &'static str) -> Self {
        Self { path: path.to_owned(), schema, chain: Chain::default(), context: Value::Null }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands over the records that were added since the last call. A line that is only half there comes later,
    /// once its writer is done.
    pub(crate) fn follow<R: DeserializeOwned>(&mut self, each: impl FnMut(R)) -> Result<(), Fault> {
        if fsio::exists(&self.path)? {
            self.read_on(&fsio::open(&self.path)?, each)?;
        }
        Ok(())
    }

    /// All of a journal that was not read before; `None` where there is no whole header.
    pub(super) fn contents<C: DeserializeOwned, R: DeserializeOwned>(
        &mut self,
        file: &File,
    ) -> Result<Option<Contents<C, R>>, Fault> {
        let mut records = Vec::new();
        let is_torn = self.read_on(file, |record| records.push(record))?;
        if self.chain.lines == 0 {
            return Ok(None);
        }
        let context = node::from_json(self.context.take());
        let context = context.map_err(|error| damaged(&self.path, 1, error))?;
        Ok(Some(Contents { context, records, is_torn }))
    }

    /// Reads what follows, and says whether it ends with half a line, which stays unread.
    pub(super) fn read_on<R: DeserializeOwned>(
        &mut self,
        file: &File,
        mut each: impl FnMut(R),
    ) -> Result<bool, Fault> {
        let Self { path, schema, chain, context } = self;
        let unreadable = |error: std::io::Error| fsio::unreadable(path, &error);
        if file.metadata().map_err(unreadable)?.len() < chain.bytes {
            return Err(Fault::config(format!("`{}` is shorter than before", path.display())));
        }
        let mut source = BufReader::new(file);
        source.seek(SeekFrom::Start(chain.bytes)).map_err(unreadable)?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if source.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                return Ok(false);
            }
            let number = chain.lines + 1;
            let damaged = |why| damaged(path, number, why);
            if !line.ends_with(b"\n") {
                return chain.check_torn(&line).map(|()| true).map_err(damaged);
            }
            if number > 1 {
                each(chain.open(&line).map_err(damaged)?);
                continue;
            }
            let header: Header = chain.open(&line).map_err(damaged)?;
            if header.schema != *schema {
                return Err(damaged(format!("its schema is `{}`, not `{schema}`", header.schema)));
            }
            *context = header.context;
        }
    }

    /// The lines of a whole journal with these records.
    pub(super) fn seal_all<R: Serialize>(&mut self, context: &impl Serialize, records: &[R]) -> String {
        let mut text = self.chain.seal(&self.header(context));
        for record in records {
            text += &self.chain.seal(record);
        }
        text
    }

    /// Adds a record, and a header before the first one. Everything that the file holds must have been read.
    pub(super) fn append(&mut self, file: &mut File, record: &impl Serialize) -> Result<(), Fault> {
        let mut chain = self.chain.clone();
        let mut text = if chain.lines == 0 { chain.seal(&self.header(&())) } else { String::new() };
        text += &chain.seal(record);
        // One write, so that a stop tears the end at most.
        file.write_all(text.as_bytes()).map_err(|error| self.unwritable(&error))?;
        self.chain = chain;
        Ok(())
    }

    /// Cuts off what follows the last whole line.
    pub(super) fn cut(&self, file: &File) -> Result<(), Fault> {
        file.set_len(self.chain.bytes).map_err(|error| self.unwritable(&error))
    }

    pub(super) fn unwritable(&self, error: &std::io::Error) -> Fault {
        Fault::write(format!("`{}`", self.path.display()), error)
    }

    fn header(&self, context: &impl Serialize) -> Header {
        let context = serde_json::to_value(context).expect("plain data serialises");
        Header { schema: self.schema.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), context }
    }
}

fn damaged(path: &Path, line: u64, why: impl Display) -> Fault {
    Fault::config(format!("failed to read `{}:{line}`: {why}", path.display()))
}
