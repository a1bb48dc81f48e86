//! The raw samples of a run, frame by frame.

use super::journal_entry::{SamplesMark, SamplesPrefix};
use crate::judge::record::samples::{self, SampleFrame};
use crate::report::exit::Fault;
use crate::sys::fsio;
use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// An open file of samples, to which frames are added.
#[derive(Debug)]
pub(super) struct SamplesFile {
    path: PathBuf,
    file: File,
    written: SamplesPrefix,
}

impl SamplesFile {
    /// Begins the file anew.
    pub(super) fn create(path: &Path) -> Result<Self, Fault> {
        let mut file = Self::reopen(path, SamplesPrefix::default())?;
        file.append(samples::MAGIC)?;
        Ok(file)
    }

    /// Goes on after what belongs to finished iterations, and cuts off the rest.
    pub(super) fn reopen(path: &Path, written: SamplesPrefix) -> Result<Self, Fault> {
        let file = Self { path: path.to_owned(), file: fsio::append(path)?, written };
        file.file.set_len(file.written.bytes()).map_err(|error| file.unwritable(&error))?;
        Ok(file)
    }

    pub(super) fn append(&mut self, frames: &[u8]) -> Result<(), Fault> {
        self.file.write_all(frames).map_err(|error| self.unwritable(&error))?;
        self.written.add(frames);
        Ok(())
    }

    /// What the file holds now.
    pub(super) fn mark(&self) -> SamplesMark {
        self.written.mark()
    }

    /// Waits until the frames are on the disk.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        self.file.sync_data().map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &std::io::Error) -> Fault {
        Fault::write(format!("`{}`", self.path.display()), error)
    }
}

/// Hands every whole frame to `visit`, with the file up to its end; first none, with the begin of the file.
/// Returns whether the file ended with a whole frame: what is torn, damaged or no file of samples does not.
pub(super) fn each_frame(
    path: &Path,
    mut visit: impl FnMut(Option<SampleFrame>, &SamplesPrefix),
) -> Result<bool, Fault> {
    let unreadable = |error: std::io::Error| fsio::unreadable(path, &error);
    let mut reader = BufReader::with_capacity(1 << 20, fsio::open(path)?);
    let (mut read, mut buffer) = (SamplesPrefix::default(), Vec::new());
    (&mut reader).take(samples::MAGIC.len() as u64).read_to_end(&mut buffer).map_err(unreadable)?;
    if buffer != samples::MAGIC {
        return Ok(false);
    }
    read.add(&buffer);
    visit(None, &read);
    loop {
        buffer.clear();
        let head = (&mut reader).take(samples::HEAD as u64).read_to_end(&mut buffer).map_err(unreadable)?;
        if head < samples::HEAD {
            return Ok(head == 0);
        }
        let length = samples::body_length(&buffer);
        let body = (&mut reader).take(length).read_to_end(&mut buffer).map_err(unreadable)?;
        let Some((frame, _)) = samples::decode(&buffer).filter(|_| body as u64 == length) else {
            return Ok(false);
        };
        read.add(&buffer);
        visit(Some(frame), &read);
    }
}
