//! Reads an archive that anybody may have written, and says what is wrong with it.
//!
//! The directory is found and decoded by `rawzip`; then every header is spelled again from what was
//! decoded and compared with the bytes that are there, and members must lie one behind the other from
//! the first byte to the last. So there is no bit outside the data that nobody looks at, no gap, no
//! overlap, and no local header that says something else than the directory.

use super::layout::{self, DosTime, Form, Header, Method};
use super::violation::Violation;
use crate::format::hash::{self, Digest};
use flate2::{Decompress, FlushDecompress, Status};
use rawzip::{CompressionMethod, ZipFileHeaderRecord, ZipLocator};
use std::collections::BTreeSet;
use std::io::{self, Read};

pub(crate) use rawzip::{FileReader, ReaderAt};

/// Largest central directory that is read.
const LARGEST_DIRECTORY: u64 = 64 << 20;

const BUFFER: usize = 128 << 10;

/// A buffer for data of `bytes`, with room for one byte too many.
fn buffer_for(bytes: u64) -> Vec<u8> {
    vec![0; usize::try_from(bytes).unwrap_or(BUFFER).min(BUFFER - 1) + 1]
}

const RECORD: usize = 46;
const ENCRYPTED: u16 = 1;
const DESCRIPTOR: u16 = 1 << 3;

/// The members that the directory lists, in its order, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The members whose headers can be understood.
    pub(crate) members: Vec<Header>,
    /// Time of every member; `None` when there is no member.
    pub(crate) time: Option<DosTime>,
    pub(crate) violations: Vec<Violation>,
}

/// Reads the directory of an archive of `length` bytes and compares it with everything around the data.
pub(crate) fn directory<R: ReaderAt>(archive: &R, length: u64) -> Directory {
    let mut found = Directory { members: Vec::new(), time: None, violations: Vec::new() };
    if let Err(violation) = read_directory(archive, length, &mut found) {
        found.violations.push(violation);
    }
    found
}

fn read_directory<R: ReaderAt>(archive: &R, length: u64, found: &mut Directory) -> Result<(), Violation> {
    let no_archive = |error: rawzip::Error| Violation::new("no-archive", error.to_string());
    let unreadable = |error: io::Error| Violation::new("unreadable", error.to_string());
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let located = ZipLocator::new().locate_in_reader(archive, &mut buffer, length);
    let located = located.map_err(|(_, error)| no_archive(error))?;
    let (start, end) = (located.directory_offset(), located.eocd_offset());
    let mut records = Vec::new();
    let mut entries = located.entries(&mut buffer);
    let mut central_bytes = 0;
    while let Some(entry) = entries.next_entry().map_err(no_archive)? {
        let at = entry.central_directory_offset();
        let mut fixed = [0; RECORD];
        archive.read_exact_at(&mut fixed, at).map_err(unreadable)?;
        let record = Record::of(&entry, &fixed)?;
        central_bytes = at + record.size - start;
        if central_bytes > LARGEST_DIRECTORY {
            return Err(Violation::new("directory-too-large", "the central directory is larger than 64 MiB"));
        }
        records.push((at, record));
    }
    if located.entries_hint() != records.len() as u64 {
        let detail = format!("it counts {} entries and lists {}", located.entries_hint(), records.len());
        found.violations.push(Violation::new("entry-count", detail));
    }
    let mut names = BTreeSet::new();
    let mut expected = 0;
    for (at, record) in records {
        let name = display_name(&record.header.name);
        if !names.insert(record.header.name.clone()) {
            found.violations.push(Violation::new("duplicate-entry", format!("`{name}` is there twice")));
        }
        found.violations.extend(record.violations());
        let time = *found.time.get_or_insert(record.time);
        let spelled = record.header.central(time);
        let is_spelled = bytes_at(archive, at, spelled.len()).map_err(unreadable)? == spelled;
        if !is_spelled || record.size != spelled.len() as u64 {
            let detail = format!("the directory's record of `{name}` is not as mmops writes it");
            found.violations.push(Violation::new("central-header", detail));
        }
        let offset = record.header.offset;
        if offset != expected {
            let kind = if offset < expected { "overlapping-entries" } else { "gap" };
            let detail = format!("`{name}` begins at byte {offset}, the entry before it ends at {expected}");
            found.violations.push(Violation::new(kind, detail));
        }
        match around_data(archive, &record.header, time) {
            Ok(next) => expected = next,
            Err(violation) => {
                found.violations.push(violation);
                expected = offset.saturating_add(record.header.packed);
            }
        }
        found.members.push(record.header);
    }
    if start != expected {
        let detail = format!("the directory begins at byte {start}, the last entry ends at {expected}");
        found.violations.push(Violation::new("gap", detail));
    }
    let spelled = layout::end(found.members.len() as u64, start, central_bytes);
    let after = start + central_bytes;
    if after + spelled.len() as u64 != length {
        let detail = format!(
            "the archive has {length} bytes, its entries account for {}",
            after + spelled.len() as u64
        );
        found.violations.push(Violation::new("foreign-bytes", detail));
        return Ok(());
    }
    if bytes_at(archive, after, spelled.len()).map_err(unreadable)? != spelled {
        let detail = format!("the end record at byte {end} is not as mmops writes it");
        found.violations.push(Violation::new("end-record", detail));
    }
    Ok(())
}

/// A record of the directory as it was decoded.
struct Record {
    header: Header,
    time: DosTime,
    size: u64,
    flags: u16,
    kind: u32,
}

impl Record {
    fn of(entry: &ZipFileHeaderRecord<'_>, fixed: &[u8; RECORD]) -> Result<Self, Violation> {
        let field = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let name = entry.file_path().as_bytes().to_vec();
        let method = match entry.compression_method() {
            CompressionMethod::STORE => Method::Stored,
            CompressionMethod::DEFLATE => Method::Deflated,
            other => {
                let detail = format!("`{}` is kept by method {}", display_name(&name), other.as_u16());
                return Err(Violation::new("unknown-method", detail));
            }
        };
        let attributes = entry.external_attributes() >> 16;
        let flags = field(8);
        let lengths = [28, 30, 32].map(|at| u64::from(field(at)));
        Ok(Self {
            time: DosTime::from_fields(field(12), field(14)),
            size: RECORD as u64 + lengths.iter().sum::<u64>(),
            flags,
            kind: attributes & 0o170_000,
            header: Header {
                name,
                method,
                form: if flags & DESCRIPTOR == 0 { Form::Whole } else { Form::Streamed },
                permissions: attributes & 0o7777,
                crc32: entry.crc32(),
                packed: entry.compressed_size_hint(),
                bytes: entry.uncompressed_size_hint(),
                offset: entry.local_header_offset(),
            },
        })
    }

    fn violations(&self) -> Option<Violation> {
        let name = display_name(&self.header.name);
        if self.flags & ENCRYPTED != 0 {
            return Some(Violation::new("encrypted-entry", format!("`{name}` is encrypted")));
        }
        let (kind, what) = match self.kind {
            0o100_000 => match self.header.method {
                Method::Stored if self.header.packed != self.header.bytes => {
                    let (packed, bytes) = (self.header.packed, self.header.bytes);
                    let detail = format!("`{name}` is stored in {packed} bytes and declares {bytes}");
                    return Some(Violation::new("forged-size", detail));
                }
                _ => return None,
            },
            0o120_000 => ("link-entry", "a link"),
            0o040_000 => ("directory-entry", "a directory"),
            _ => ("special-entry", "no regular file"),
        };
        Some(Violation::new(kind, format!("`{name}` is {what}")))
    }
}

/// Compares the local header and the data descriptor, and returns where the next member begins.
fn around_data<R: ReaderAt>(archive: &R, header: &Header, time: DosTime) -> Result<u64, Violation> {
    let name = display_name(&header.name);
    let cut_off = |_| Violation::new("truncated", format!("the archive ends within `{name}`"));
    let local = header.local(time);
    let actual = bytes_at(archive, header.offset, local.len()).map_err(cut_off)?;
    if actual != local {
        let (from, to) = (30, (30 + header.name.len()).min(actual.len()));
        let is_renamed = actual[26..28] != local[26..28] || actual[from..to] != local[from..to];
        let kind = if is_renamed { "local-name" } else { "local-header" };
        let detail =
            format!("the header at byte {} says something else than the directory's `{name}`", header.offset);
        return Err(Violation::new(kind, detail));
    }
    let after = data_start(header, time).checked_add(header.packed);
    let after = after
        .ok_or_else(|| Violation::new("forged-size", format!("`{name}` has more bytes than there are")))?;
    let descriptor = header.descriptor();
    if bytes_at(archive, after, descriptor.len()).map_err(cut_off)? != descriptor {
        let detail = format!("the descriptor behind `{name}` says something else than the directory");
        return Err(Violation::new("data-descriptor", detail));
    }
    Ok(after.saturating_add(descriptor.len() as u64))
}

fn bytes_at<R: ReaderAt>(archive: &R, at: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    archive.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

fn data_start(header: &Header, time: DosTime) -> u64 {
    header.offset.saturating_add(header.local(time).len() as u64)
}

/// Reads a small member into memory.
pub(crate) fn content<R: ReaderAt>(
    archive: &R,
    header: &Header,
    time: DosTime,
    most: u64,
) -> Result<Vec<u8>, Violation> {
    if header.bytes > most {
        let detail = format!(
            "`{}` declares {} bytes, at most {most} are read",
            display_name(&header.name),
            header.bytes
        );
        return Err(Violation::new("too-large", detail));
    }
    let mut out = Vec::new();
    inflate(archive, header, time, &mut |piece| out.extend_from_slice(piece))?;
    Ok(out)
}

/// SHA-256 of the `length` bytes of the archive.
pub(crate) fn hash_archive<R: ReaderAt>(archive: &R, length: u64) -> Result<String, Violation> {
    let hashed = hash::sha256_reader(Data { archive, at: 0, left: length });
    hashed.map(|(sha256, _)| sha256).map_err(|error| Violation::new("unreadable", error.to_string()))
}

/// SHA-256 of the content of a member. No member is read beyond the size that its header declares, so the
/// caller chooses which declarations to believe.
pub(crate) fn hash_member<R: ReaderAt>(
    archive: &R,
    header: &Header,
    time: DosTime,
) -> Result<String, Violation> {
    let mut digest = Digest::default();
    inflate(archive, header, time, &mut |piece| digest.update(piece))?;
    Ok(digest.hex())
}

/// Hands the content of a member to `take`: exactly as many bytes as its header declares, of the CRC that
/// it declares, from exactly the bytes that belong to it.
fn inflate<R: ReaderAt>(
    archive: &R,
    header: &Header,
    time: DosTime,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), Violation> {
    let violation = |kind: &'static str, detail: &str| {
        Violation::new(kind, format!("`{}` {detail}", display_name(&header.name)))
    };
    let truncated = |error: io::Error| violation("truncated", &error.to_string());
    let mut crc = crc32fast::Hasher::new();
    let mut data = Data { archive, at: data_start(header, time), left: header.packed };
    let mut input = buffer_for(header.packed);
    match header.method {
        Method::Stored => loop {
            let count = data.read(&mut input).map_err(truncated)?;
            if count == 0 {
                break;
            }
            crc.update(&input[..count]);
            take(&input[..count]);
        },
        Method::Deflated => {
            let mut out = buffer_for(header.bytes);
            let mut state = Decompress::new(false);
            let mut ended = false;
            while !ended {
                let count = data.read(&mut input).map_err(truncated)?;
                let mut piece = &input[..count];
                if piece.is_empty() {
                    return Err(violation("broken-data", "ends before its content does"));
                }
                while !ended {
                    let (before_in, before_out) = (state.total_in(), state.total_out());
                    let status = state.decompress(piece, &mut out, FlushDecompress::None);
                    let status = status.map_err(|_| violation("broken-data", "cannot be inflated"))?;
                    let taken = usize::try_from(state.total_in() - before_in).expect("at most the buffer");
                    let made = usize::try_from(state.total_out() - before_out).expect("at most the buffer");
                    if state.total_out() > header.bytes {
                        let detail = format!("inflates to more than the {} bytes it declares", header.bytes);
                        return Err(violation("larger-than-declared", &detail));
                    }
                    crc.update(&out[..made]);
                    take(&out[..made]);
                    piece = &piece[taken..];
                    ended = status == Status::StreamEnd;
                    if piece.is_empty() && made < out.len() {
                        break;
                    }
                    if taken == 0 && made == 0 && !ended {
                        return Err(violation("broken-data", "cannot be inflated any further"));
                    }
                }
                if ended && !(piece.is_empty() && data.left == 0) {
                    return Err(violation("foreign-bytes", "has bytes behind the end of its content"));
                }
            }
            if state.total_out() != header.bytes {
                let detail = format!("inflates to {} bytes and declares {}", state.total_out(), header.bytes);
                return Err(violation("forged-size", &detail));
            }
        }
    }
    if crc.finalize() != header.crc32 {
        return Err(violation("crc", "has another CRC than its header declares"));
    }
    Ok(())
}

/// A run of bytes in the archive.
struct Data<'a, R> {
    archive: &'a R,
    at: u64,
    left: u64,
}

impl<R: ReaderAt> Read for Data<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        self.archive.read_exact_at(&mut buffer[..count], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// A name for people.
pub(crate) fn display_name(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().to_string()
}
