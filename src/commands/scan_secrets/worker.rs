//! Scans one stream after the other with the memory of one thread: text in pieces that overlap, archives
//! member by member, and a finding for whatever could not be read to its end.

use crate::commands::scan_secrets::detect::encoding::{HEAD, Kind, Utf16Reader, ends_as_zip};
use crate::commands::scan_secrets::detect::engine::Engine;
use crate::commands::scan_secrets::detect::finding::{
    Finding, Source, Start, Tolerance, judge, judge_path, judge_unscanned,
};
use crate::commands::scan_secrets::detect::rules::{REACH, Ruleset};
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::sys::fsio;
use flate2::read::MultiGzDecoder;
use std::cell::RefCell;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// Size of the reading buffer at first; enough for most source files.
const FIRST_BUFFER: usize = 256 << 10;

/// Largest piece that is scanned at once; a longer text is scanned in pieces.
const PIECE: usize = 16 << 20;

/// What two pieces have in common ahead of their border: the longest match.
const OVERLAP: usize = 2 * REACH;

/// What a piece keeps of the one before it, for boundaries and marks on the same line.
const CONTEXT: usize = 8 << 10;

/// Most findings of one file; a file with more is not listed to its end.
const MOST_FINDINGS: usize = 10_000;

/// How deep archives are opened: an archive in an archive, each of which may be packed apart, as a `.tgz` is.
const DEEPEST: usize = 4;

/// Largest ZIP archive inside another archive; it is held in memory.
const LARGEST_NESTED_ZIP: u64 = 64 << 20;

/// Most members of one archive, nested ones included.
const MOST_MEMBERS: u64 = 100_000;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Files, without the members of archives.
    pub(super) files: u64,
    /// Bytes of text and binary content, unpacked.
    pub(super) bytes: u64,
    /// Files and members with binary content.
    pub(super) binary: u64,
    /// Archives that were opened.
    pub(super) archives: u64,
    /// Members of archives.
    pub(super) members: u64,
    /// Links that were not followed.
    pub(super) symlinks: u64,
    /// Sockets, pipes and devices.
    pub(super) special: u64,
    /// Objects of the history.
    pub(super) blobs: u64,
}

impl Tally {
    /// Adds the counts of another thread.
    pub(super) fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.binary += other.binary;
        self.archives += other.archives;
        self.members += other.members;
        self.symlinks += other.symlinks;
        self.special += other.special;
        self.blobs += other.blobs;
    }
}

/// What every thread shares.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    /// The world.
    pub(super) ctx: &'a Ctx,
    /// The rules.
    pub(super) ruleset: &'a Ruleset,
    /// What is tolerated besides the rules.
    pub(super) tolerance: Tolerance,
    /// Most bytes that one archive may unpack to.
    pub(super) archive_limit: u64,
}

/// The memory of one thread.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    shared: &'a Shared<'a>,
    engine: Engine<'a>,
    buffer: Vec<u8>,
    /// What was found.
    pub(super) findings: Vec<Finding>,
    /// What was looked at.
    pub(super) tally: Tally,
}

/// What is left of the bounds of one archive.
struct Budget {
    bytes: u64,
    members: u64,
}

/// Where a stream stands among archives.
struct Level<'l> {
    source: Source<'l>,
    /// How many archives are around it.
    depth: usize,
    budget: &'l mut Budget,
}

impl Level<'_> {
    /// Counts an archive, unless it is too deep in others.
    fn open(&self, tally: &mut Tally) -> Result<(), Stop> {
        if self.depth >= DEEPEST {
            return Err(Stop::Unscanned(format!("an archive more than {DEEPEST} deep is not opened")));
        }
        tally.archives += 1;
        Ok(())
    }
}

/// Why a stream was not scanned to its end.
enum Stop {
    /// It says so in the report, and the scan goes on.
    Unscanned(String),
    /// It ends the scan.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Unscanned(format!("failed to read: {error}"))
    }
}

/// An error of the rules themselves, such as a pattern that is too large.
fn rule_fault(error: String) -> Fault {
    Fault::config(error)
}

impl<'a> Worker<'a> {
    /// A worker without findings.
    pub(super) fn new(shared: &'a Shared<'a>) -> Self {
        Self {
            shared,
            engine: Engine::new(shared.ruleset),
            buffer: vec![0; FIRST_BUFFER],
            findings: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Scans a file of the tree.
    pub(super) fn file(&mut self, path: &Path, shown: &str) -> Result<(), Fault> {
        self.shared.ctx.check_cancelled()?;
        self.tally.files += 1;
        let source = Source { path: shown, commit: None };
        match fsio::open(path) {
            Ok(mut file) => self.stream(Input::Seekable(&mut file), source),
            Err(fault) => {
                self.unscanned(source, &fault.to_string());
                Ok(())
            }
        }
    }

    /// Scans an object of the history.
    pub(super) fn blob(&mut self, content: &[u8], source: Source<'_>) -> Result<(), Fault> {
        self.shared.ctx.check_cancelled()?;
        self.stream(Input::Seekable(&mut Cursor::new(content)), source)
    }

    /// Scans a stream, such as stdin.
    pub(super) fn reader(&mut self, reader: &mut dyn Read, source: Source<'_>) -> Result<(), Fault> {
        self.tally.files += 1;
        self.stream(Input::Reader(reader), source)
    }

    /// Records that something could not be scanned.
    pub(super) fn unscanned(&mut self, source: Source<'_>, why: &str) {
        let finding = Finding::unscanned(source.path, source.commit, why);
        let finding = judge_unscanned(self.shared.ruleset, &self.shared.tolerance, finding);
        self.findings.push(finding);
    }

    fn stream(&mut self, input: Input<'_>, source: Source<'_>) -> Result<(), Fault> {
        let mut budget = Budget { bytes: self.shared.archive_limit, members: MOST_MEMBERS };
        self.content(input, &mut Level { source, depth: 0, budget: &mut budget })
    }

    /// Scans content of any kind; what stops it short of its end becomes a finding.
    fn content(&mut self, input: Input<'_>, level: &mut Level<'_>) -> Result<(), Fault> {
        let source = level.source;
        let by_path = judge_path(self.shared.ruleset, &self.shared.tolerance, source);
        self.findings.extend(by_path.map_err(rule_fault)?);
        match self.kinds(input, level) {
            Ok(()) => Ok(()),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Unscanned(why)) => {
                self.unscanned(source, &why);
                Ok(())
            }
        }
    }

    fn kinds(&mut self, mut input: Input<'_>, level: &mut Level<'_>) -> Result<(), Stop> {
        let source = level.source;
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            buffer = vec![0; FIRST_BUFFER];
        }
        let done = fill(&mut input, &mut buffer, 0).map_err(Stop::from).and_then(|filled| {
            match Kind::of(&buffer[..filled]) {
                kind @ (Kind::Text | Kind::Binary) => {
                    let is_text = kind == Kind::Text;
                    self.tally.binary += u64::from(!is_text);
                    let zip_behind = self.pieces(&mut input, &mut buffer, filled, source, is_text)?;
                    if zip_behind { self.zip_behind(input, level) } else { Ok(()) }
                }
                kind @ (Kind::Utf16Le | Kind::Utf16Be) => {
                    let head = Cursor::new(buffer[..filled].to_vec());
                    let mut text = Utf16Reader::new(head.chain(input), kind == Kind::Utf16Le);
                    let mut text = Input::Reader(&mut text);
                    let filled = fill(&mut text, &mut buffer, 0)?;
                    self.pieces(&mut text, &mut buffer, filled, source, true).map(|_| ())
                }
                Kind::Packed(what) => Err(Stop::Unscanned(format!("{what} is not opened"))),
                Kind::Tar => self.tar(input, &buffer[..filled], level),
                Kind::Gzip => self.gzip(input, &buffer[..filled], level),
                Kind::Zip => self.zip(input, &buffer[..filled], level),
            }
        });
        self.buffer = buffer;
        done
    }

    /// Scans text of which the first `filled` bytes are in `buffer`; says whether it ends as a ZIP
    /// archive does.
    fn pieces(
        &mut self,
        input: &mut Input<'_>,
        buffer: &mut Vec<u8>,
        mut filled: usize,
        source: Source<'_>,
        with_generic: bool,
    ) -> Result<bool, Stop> {
        let before = self.findings.len();
        let mut start = Start::default();
        let mut from = 0;
        loop {
            let mut at_end = filled < buffer.len();
            while !at_end && buffer.len() < PIECE {
                buffer.resize((4 * buffer.len()).min(PIECE), 0);
                filled = fill(input, buffer, filled)?;
                at_end = filled < buffer.len();
            }
            let text = &buffer[..filled];
            let until = if at_end { filled + 1 } else { filled - OVERLAP };
            let hits = self.engine.scan(text, with_generic).map_err(rule_fault)?;
            if !hits.is_empty() {
                let Shared { ruleset, tolerance, .. } = self.shared;
                let found = judge(ruleset, tolerance, source, text, start, from..until, &hits);
                self.findings.extend(found.map_err(rule_fault)?);
            }
            self.tally.bytes += (until.min(filled) - from) as u64;
            if at_end {
                return Ok(ends_as_zip(text));
            }
            if self.findings.len() - before > MOST_FINDINGS {
                let why = format!("more than {MOST_FINDINGS} findings; the rest of it was not scanned");
                return Err(Stop::Unscanned(why));
            }
            self.shared.ctx.check_cancelled()?;
            let keep = until - CONTEXT;
            start = start.after(&text[..keep]);
            buffer.copy_within(keep..filled, 0);
            from = CONTEXT;
            filled = fill(input, buffer, filled - keep)?;
        }
    }

    fn gzip(&mut self, input: Input<'_>, head: &[u8], level: &mut Level<'_>) -> Result<(), Stop> {
        level.open(&mut self.tally)?;
        self.tally.members += 1;
        let Level { source, depth, budget } = level;
        let name = source.path.rsplit(['/', '!']).next().unwrap_or_default();
        let inner = match name.strip_suffix(".tgz") {
            Some(stem) => format!("{stem}.tar"),
            None => name.strip_suffix(".gz").unwrap_or(name).to_owned(),
        };
        let path = format!("{}!{inner}", source.path);
        let packed = BufReader::with_capacity(64 << 10, head.chain(input));
        let mut member = Metered { inner: MultiGzDecoder::new(packed), left: budget.bytes };
        let source = Source { path: &path, commit: source.commit };
        let mut inner = Level { source, depth: *depth + 1, budget };
        let result = self.content(Input::Reader(&mut member), &mut inner);
        budget.bytes = budget.bytes.min(member.left);
        result.map_err(Stop::Fault)
    }

    fn tar(&mut self, input: Input<'_>, head: &[u8], level: &mut Level<'_>) -> Result<(), Stop> {
        level.open(&mut self.tally)?;
        let broken = |error: io::Error| Stop::Unscanned(format!("broken archive: {error}"));
        let mut archive = tar::Archive::new(head.chain(input));
        // An archive may follow behind the end of another, and so may anything that is to be hidden.
        archive.set_ignore_zeros(true);
        let Level { source, depth, budget } = level;
        for member in archive.entries().map_err(broken)? {
            self.shared.ctx.check_cancelled()?;
            let mut member = member.map_err(broken)?;
            budget.members = member_left(budget)?;
            if member.size() == 0 {
                continue;
            }
            self.tally.members += 1;
            let path = format!("{}!{}", source.path, String::from_utf8_lossy(&member.path_bytes()));
            let source = Source { path: &path, commit: source.commit };
            let mut inner = Level { source, depth: *depth + 1, budget };
            self.content(Input::Reader(&mut member), &mut inner)?;
        }
        Ok(())
    }

    fn zip(&mut self, input: Input<'_>, head: &[u8], level: &mut Level<'_>) -> Result<(), Stop> {
        level.open(&mut self.tally)?;
        match input {
            Input::Seekable(file) => self.members(BufReader::new(file), level),
            Input::Reader(rest) => {
                let mut packed = Vec::new();
                head.chain(rest).take(LARGEST_NESTED_ZIP + 1).read_to_end(&mut packed)?;
                if packed.len() as u64 > LARGEST_NESTED_ZIP {
                    let limit = LARGEST_NESTED_ZIP >> 20;
                    let why = format!("an archive above {limit} MiB inside another is not opened");
                    return Err(Stop::Unscanned(why));
                }
                self.members(Cursor::new(packed), level)
            }
        }
    }

    /// Opens the archive that follows what was scanned, as in a program that unpacks itself.
    fn zip_behind(&mut self, input: Input<'_>, level: &mut Level<'_>) -> Result<(), Stop> {
        match input {
            Input::Seekable(file) => {
                level.open(&mut self.tally)?;
                self.members(BufReader::new(file), level)
            }
            Input::Reader(_) => {
                let why = "an archive behind other content of a stream is not opened";
                Err(Stop::Unscanned(why.to_owned()))
            }
        }
    }

    fn members<R: Read + Seek>(&mut self, mut packed: R, level: &mut Level<'_>) -> Result<(), Stop> {
        let broken = |error: &dyn std::fmt::Display| Stop::Unscanned(format!("broken archive: {error}"));
        let listed = listed(&mut packed).map_err(|error| broken(&error))?;
        packed.rewind()?;
        let mut archive = zip::ZipArchive::new(packed).map_err(|error| broken(&error))?;
        let Level { source, depth, budget } = level;
        for index in 0..archive.len() {
            self.shared.ctx.check_cancelled()?;
            budget.members = member_left(budget)?;
            let name = match archive.name_for_index(index) {
                Some(Ok(name)) => name.into_owned(),
                _ => format!("member {index}"),
            };
            let path = format!("{}!{name}", source.path);
            let inner = Source { path: &path, commit: source.commit };
            match archive.by_index(index) {
                Ok(member) if member.is_dir() => {}
                Ok(member) => {
                    self.tally.members += 1;
                    let mut member = Metered { inner: member, left: budget.bytes };
                    let mut inner = Level { source: inner, depth: *depth + 1, budget };
                    self.content(Input::Reader(&mut member), &mut inner)?;
                    budget.bytes = budget.bytes.min(member.left);
                    if member.left == 0 {
                        let limit = self.shared.archive_limit >> 20;
                        let why = format!("unpacks to more than {limit} MiB; the rest was not scanned");
                        return Err(Stop::Unscanned(why));
                    }
                }
                Err(error) => self.unscanned(inner, &format!("failed to unpack: {error}")),
            }
        }
        if listed != archive.len() as u64 {
            let why =
                format!("it lists {listed} members, of which {} have a name of their own", archive.len());
            return Err(Stop::Unscanned(why));
        }
        Ok(())
    }
}

/// What is left of the members after one more.
fn member_left(budget: &Budget) -> Result<u64, Stop> {
    let why = || format!("more than {MOST_MEMBERS} members; the rest was not scanned");
    budget.members.checked_sub(1).ok_or_else(|| Stop::Unscanned(why()))
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

/// Reads from any position of a reader that has one of its own.
struct Positioned<'r, R>(RefCell<&'r mut R>);

impl<R: Read + Seek> rawzip::ReaderAt for Positioned<'_, R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut reader = self.0.borrow_mut();
        reader.seek(SeekFrom::Start(offset))?;
        reader.read(buffer)
    }
}

/// A file, which can be read again from its start.
trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// Where bytes come from.
enum Input<'i> {
    Seekable(&'i mut dyn ReadSeek),
    Reader(&'i mut dyn Read),
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Seekable(file) => file.read(buffer),
            Input::Reader(reader) => reader.read(buffer),
        }
    }
}

/// A reader that fails when it has given as much as it may.
struct Metered<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count as u64 > self.left {
            self.left = 0;
            return Err(io::Error::other("the archive unpacks to more than --max-archive-mb allows"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Reads until `buffer` is full or the input ends; `filled` bytes of it are taken already.
fn fill(input: &mut impl Read, buffer: &mut [u8], mut filled: usize) -> io::Result<usize> {
    debug_assert!(buffer.len() >= HEAD);
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
