//! The raw samples of a run, frame by frame.

use crate::judge::record::samples::{self, SampleFrame, SeriesKey};
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
}

impl SamplesFile {
    /// Begins the file anew.
    pub(super) fn create(path: &Path) -> Result<Self, Fault> {
        let mut file = Self { path: path.to_owned(), file: fsio::append(path)? };
        file.cut(0)?;
        file.append(samples::MAGIC)?;
        Ok(file)
    }

    /// Goes on with the file of a run of which so many iterations are finished, and cuts off what belongs to
    /// none of them; also the series that are known so far. Samples of finished iterations that are damaged are
    /// refused and left as they are: they are evidence.
    pub(super) fn reopen(path: &Path, done: u32) -> Result<(Self, Vec<SeriesKey>), Fault> {
        let file = Self { path: path.to_owned(), file: fsio::append(path)? };
        let length = file.file.metadata().map_err(|error| fsio::unreadable(path, &error))?.len();
        if done == 0 || length < samples::MAGIC.len() as u64 {
            return Ok((Self::create(path)?, Vec::new()));
        }
        let (mut end, mut kept) = (samples::MAGIC.len() as u64, 0);
        let (mut known, mut fresh) = (Vec::new(), Vec::new());
        let is_whole = each_frame(path, |frame, at| {
            match frame {
                SampleFrame::Block(block) if block.iteration > done => return false,
                SampleFrame::Block(block) => {
                    (end, kept) = (at, kept.max(block.iteration));
                    known.append(&mut fresh);
                }
                // A dictionary belongs to the block after it.
                SampleFrame::Dictionary(series) => fresh.extend(series),
            }
            true
        })?;
        if !is_whole && kept < done {
            let path = path.display();
            let message = format!("`{path}` is damaged after iteration {kept}, {done} are finished");
            let hint = "judge what is there with `mmops soak gate`, or begin a new run";
            return Err(Fault::config(message).hint(hint));
        }
        file.cut(end)?;
        Ok((file, known))
    }

    pub(super) fn append(&mut self, frames: &[u8]) -> Result<(), Fault> {
        self.file.write_all(frames).map_err(|error| self.unwritable(&error))
    }

    /// Waits until the frames are on the disk.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        self.file.sync_data().map_err(|error| self.unwritable(&error))
    }

    fn cut(&self, end: u64) -> Result<(), Fault> {
        self.file.set_len(end).map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &std::io::Error) -> Fault {
        Fault::write(format!("`{}`", self.path.display()), error)
    }
}

/// Hands every whole frame with the offset of its end to `visit`, until it says false. Returns whether the
/// file ended with a whole frame.
pub(super) fn each_frame(
    path: &Path,
    mut visit: impl FnMut(SampleFrame, u64) -> bool,
) -> Result<bool, Fault> {
    let unreadable = |error: std::io::Error| fsio::unreadable(path, &error);
    let mut reader = BufReader::with_capacity(1 << 20, fsio::open(path)?);
    let mut magic = vec![0; samples::MAGIC.len()];
    if reader.read_exact(&mut magic).is_err() || magic != samples::MAGIC {
        return Err(Fault::config(format!("`{}` is not a file of samples", path.display())));
    }
    let mut end = samples::MAGIC.len() as u64;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let head = (&mut reader).take(samples::HEAD as u64).read_to_end(&mut buffer).map_err(unreadable)?;
        if head < samples::HEAD {
            return Ok(head == 0);
        }
        let length = samples::body_length(&buffer);
        let read = (&mut reader).take(length).read_to_end(&mut buffer).map_err(unreadable)?;
        let Some((frame, size)) = samples::decode(&buffer).filter(|_| read as u64 == length) else {
            return Ok(false);
        };
        end += size as u64;
        if !visit(frame, end) {
            return Ok(true);
        }
    }
}
