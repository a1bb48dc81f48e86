//! Archives, member by member; what is packed in them counts against bounds that the whole archive has.

use super::input::{Input, Metered, Positioned};
use super::nesting::{Nesting, StopReason};
use super::stream::Worker;
use crate::commands::scan_secrets::detect::finding::Source;
use flate2::read::MultiGzDecoder;
use std::cell::RefCell;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

/// Largest ZIP archive inside another archive; it is held in memory.
const LARGEST_NESTED_ZIP: u64 = 64 << 20;

impl Worker<'_> {
    pub(super) fn gzip(
        &mut self,
        input: Input<'_>,
        head: &[u8],
        nesting: &mut Nesting<'_>,
    ) -> Result<(), StopReason> {
        nesting.open(&mut self.result.stats)?;
        self.result.stats.members += 1;
        let Nesting { source, depth, budget } = nesting;
        let name = source.path.rsplit(['/', '!']).next().unwrap_or_default();
        let inner = match name.strip_suffix(".tgz") {
            Some(stem) => format!("{stem}.tar"),
            None => name.strip_suffix(".gz").unwrap_or(name).to_owned(),
        };
        let path = format!("{}!{inner}", source.path);
        let packed = BufReader::with_capacity(64 << 10, head.chain(input));
        let mut member = Metered { inner: MultiGzDecoder::new(packed), left: budget.bytes };
        let source = Source { path: &path, commit: source.commit };
        let mut inner = Nesting { source, depth: *depth + 1, budget };
        let result = self.content(Input::Reader(&mut member), &mut inner);
        budget.bytes = budget.bytes.min(member.left);
        result.map_err(StopReason::Fault)
    }

    pub(super) fn tar(
        &mut self,
        input: Input<'_>,
        head: &[u8],
        nesting: &mut Nesting<'_>,
    ) -> Result<(), StopReason> {
        nesting.open(&mut self.result.stats)?;
        let broken = |error: io::Error| StopReason::Unscanned(format!("broken archive: {error}"));
        let mut archive = tar::Archive::new(head.chain(input));
        // An archive may follow behind the end of another, and so may anything that is to be hidden.
        archive.set_ignore_zeros(true);
        let Nesting { source, depth, budget } = nesting;
        for member in archive.entries().map_err(broken)? {
            (self.shared.check_cancelled)()?;
            let mut member = member.map_err(broken)?;
            budget.take_member()?;
            if member.size() == 0 {
                continue;
            }
            self.result.stats.members += 1;
            let path = format!("{}!{}", source.path, String::from_utf8_lossy(&member.path_bytes()));
            let source = Source { path: &path, commit: source.commit };
            let mut inner = Nesting { source, depth: *depth + 1, budget };
            self.content(Input::Reader(&mut member), &mut inner)?;
        }
        Ok(())
    }

    pub(super) fn zip(
        &mut self,
        input: Input<'_>,
        head: &[u8],
        nesting: &mut Nesting<'_>,
    ) -> Result<(), StopReason> {
        nesting.open(&mut self.result.stats)?;
        match input {
            Input::Seekable(file) => self.members(BufReader::new(file), nesting),
            Input::Reader(rest) => {
                let mut packed = Vec::new();
                head.chain(rest).take(LARGEST_NESTED_ZIP + 1).read_to_end(&mut packed)?;
                if packed.len() as u64 > LARGEST_NESTED_ZIP {
                    let limit = LARGEST_NESTED_ZIP >> 20;
                    let why = format!("an archive above {limit} MiB inside another is not opened");
                    return Err(StopReason::Unscanned(why));
                }
                self.members(Cursor::new(packed), nesting)
            }
        }
    }

    /// Opens the archive that follows what was scanned, as in a program that unpacks itself.
    pub(super) fn zip_behind(
        &mut self,
        input: Input<'_>,
        nesting: &mut Nesting<'_>,
    ) -> Result<(), StopReason> {
        match input {
            Input::Seekable(file) => {
                nesting.open(&mut self.result.stats)?;
                self.members(BufReader::new(file), nesting)
            }
            Input::Reader(_) => {
                let why = "an archive behind other content of a stream is not opened";
                Err(StopReason::Unscanned(why.to_owned()))
            }
        }
    }

    fn members<R: Read + Seek>(
        &mut self,
        mut packed: R,
        nesting: &mut Nesting<'_>,
    ) -> Result<(), StopReason> {
        let broken =
            |error: &dyn std::fmt::Display| StopReason::Unscanned(format!("broken archive: {error}"));
        let listed = listed(&mut packed).map_err(|error| broken(&error))?;
        packed.rewind()?;
        let mut archive = zip::ZipArchive::new(packed).map_err(|error| broken(&error))?;
        let Nesting { source, depth, budget } = nesting;
        for index in 0..archive.len() {
            (self.shared.check_cancelled)()?;
            budget.take_member()?;
            let name = match archive.name_for_index(index) {
                Some(Ok(name)) => name.into_owned(),
                _ => format!("member {index}"),
            };
            let path = format!("{}!{name}", source.path);
            let inner = Source { path: &path, commit: source.commit };
            match archive.by_index(index) {
                Ok(member) if member.is_dir() => {}
                Ok(member) => {
                    self.result.stats.members += 1;
                    let mut member = Metered { inner: member, left: budget.bytes };
                    let mut inner = Nesting { source: inner, depth: *depth + 1, budget };
                    self.content(Input::Reader(&mut member), &mut inner)?;
                    budget.bytes = budget.bytes.min(member.left);
                    if member.left == 0 {
                        let limit = self.shared.archive_limit >> 20;
                        let why = format!("unpacks to more than {limit} MiB; the rest was not scanned");
                        return Err(StopReason::Unscanned(why));
                    }
                }
                Err(error) => self.unscanned(inner, &format!("failed to unpack: {error}")),
            }
        }
        if listed != archive.len() as u64 {
            let why =
                format!("it lists {listed} members, of which {} have a name of their own", archive.len());
            return Err(StopReason::Unscanned(why));
        }
        Ok(())
    }
}

/// How many members the directory of an archive lists. Counted apart, because an archive that is opened
/// by name has only the last of several members with one name.
fn listed<R: Read + Seek>(packed: &mut R) -> Result<u64, rawzip::Error> {
    let length = packed.seek(SeekFrom::End(0))?;
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let packed = Positioned(RefCell::new(packed));
    let located = rawzip::ZipLocator::new().locate_in_reader(packed, &mut buffer, length);
    let located = located.map_err(|(_, error)| error)?;
    let mut entries = located.entries(&mut buffer);
    let mut count = 0;
    while entries.next_entry()?.is_some() {
        count += 1;
    }
    Ok(count)
}
