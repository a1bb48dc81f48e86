//! Writes an archive whose members are read, hashed and deflated in chunks, each on its own and in any
//! order, and put into the file one behind the other.
//!
//! A chunk is read once. What is in memory are the chunks between the two, whatever the sizes of the files;
//! the result does not depend on who makes the chunks, or how many.

use super::deflate::{CHUNK, Deflater, Place};
use super::layout::{self, DosTime, Form, Header, Method};
use crate::format::hash::{self, Digest};
use crate::report::exit::Fault;
use std::io::{self, Write};
use std::sync::OnceLock;

/// Samples of a member of several chunks that tell how it is kept.
const PROBES: u64 = 8;
const PROBE: usize = 8 << 10;

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) permissions: u32,
    /// Size; the content must have exactly this.
    pub(crate) bytes: u64,
}

/// Reads `buffer.len()` bytes of a member from an offset on, or says why it cannot.
pub(crate) type ReadAt<'a> = dyn Fn(usize, u64, &mut [u8]) -> Result<(), Fault> + Sync + 'a;

pub(crate) struct Archive<W> {
    out: W,
    digest: Digest,
    at: u64,
    time: DosTime,
    central: Vec<u8>,
    count: u64,
    /// The member of several chunks that is not complete.
    stream: Option<Stream>,
}

#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

impl<W: Write> Archive<W> {
    /// Starts an archive whose members all have the same time.
    pub(crate) fn new(out: W, time: DosTime) -> Self {
        let digest = Digest::default();
        Self { out, digest, at: 0, time, central: Vec::new(), count: 0, stream: None }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.digest.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn list(&mut self, header: &Header) {
        self.central.extend_from_slice(&header.central(self.time));
        self.count += 1;
    }

    pub(crate) fn add(&mut self, name: &str, permissions: u32, content: Vec<u8>) -> io::Result<()> {
        let member = Member { name: name.to_owned(), permissions, bytes: content.len() as u64 };
        self.add_whole(&member, &whole(&mut Deflater::default(), content))
    }

    /// Adds the next chunk of `member`. With its last one it gives the SHA-256 of the member's content.
    pub(crate) fn add_chunk(&mut self, member: &Member, chunk: Packed) -> io::Result<Option<String>> {
        let content = match chunk.content {
            Content::Whole { ref sha256 } => {
                let sha256 = sha256.clone();
                return self.add_whole(member, &chunk).map(|()| Some(sha256));
            }
            Content::Part(content) => content,
        };
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.start(member, chunk.method)?,
        };
        stream.digest.update(&content);
        stream.crc.combine(&chunk.crc);
        stream.header.packed += chunk.packed.len() as u64;
        stream.header.bytes += content.len() as u64;
        self.put(&chunk.packed)?;
        if stream.header.bytes < member.bytes {
            self.stream = Some(stream);
            return Ok(None);
        }
        let Stream { mut header, digest, crc } = stream;
        header.crc32 = crc.finalize();
        self.put(&header.descriptor())?;
        self.list(&header);
        Ok(Some(digest.hex()))
    }

    fn add_whole(&mut self, member: &Member, chunk: &Packed) -> io::Result<()> {
        let mut header = self.header(member, chunk.method, Form::Whole);
        (header.crc32, header.packed) = (chunk.crc.clone().finalize(), chunk.packed.len() as u64);
        self.put(&header.local(self.time))?;
        self.put(&chunk.packed)?;
        self.list(&header);
        Ok(())
    }

    /// The header of a member that begins here; what is packed is not known yet.
    fn header(&self, member: &Member, method: Method, form: Form) -> Header {
        Header {
            name: member.name.as_bytes().to_vec(),
            method,
            form,
            permissions: member.permissions,
            crc32: 0,
            packed: 0,
            bytes: member.bytes,
            offset: self.at,
        }
    }

    fn start(&mut self, member: &Member, method: Method) -> io::Result<Stream> {
        let mut header = self.header(member, method, Form::Streamed);
        self.put(&header.local(self.time))?;
        // From here on what was put so far.
        header.bytes = 0;
        Ok(Stream { header, digest: Digest::default(), crc: crc32fast::Hasher::new() })
    }

    pub(crate) fn finish(mut self) -> io::Result<Finished> {
        let (offset, central) = (self.at, std::mem::take(&mut self.central));
        self.put(&central)?;
        self.put(&layout::end(self.count, offset, central.len() as u64))?;
        self.out.flush()?;
        Ok(Finished { sha256: self.digest.hex(), bytes: self.at })
    }
}

/// A member of several chunks while it is written.
struct Stream {
    header: Header,
    digest: Digest,
    crc: crc32fast::Hasher,
}

/// One chunk, ready to be added.
pub(crate) struct Packed {
    crc: crc32fast::Hasher,
    method: Method,
    packed: Vec<u8>,
    content: Content,
}

/// What a chunk was made from.
enum Content {
    Whole {
        sha256: String,
    },
    /// A part of its member, which is hashed in order.
    Part(Vec<u8>),
}

pub(crate) struct Chunks<'a> {
    members: &'a [Member],
    read: &'a ReadAt<'a>,
    chunks: Vec<Chunk>,
    /// How each member of several chunks is kept, once somebody has looked.
    methods: Vec<OnceLock<Method>>,
}

/// Which part of which member.
#[derive(Clone, Copy)]
struct Chunk {
    member: usize,
    offset: u64,
    bytes: usize,
}

impl<'a> Chunks<'a> {
    pub(crate) fn new(members: &'a [Member], read: &'a ReadAt<'a>) -> Self {
        let mut chunks = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let count = member.bytes.div_ceil(CHUNK as u64).max(1);
            chunks.extend((0..count).map(|chunk| {
                let offset = chunk * CHUNK as u64;
                let bytes = usize::try_from((member.bytes - offset).min(CHUNK as u64));
                Chunk { member: index, offset, bytes: bytes.expect("a chunk is small") }
            }));
        }
        let methods = members.iter().map(|_| OnceLock::new()).collect();
        Self { members, read, chunks, methods }
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks.len()
    }

    pub(crate) fn member(&self, at: usize) -> &'a Member {
        &self.members[self.chunks[at].member]
    }

    pub(crate) fn bytes(&self, at: usize) -> u64 {
        self.chunks[at].bytes as u64
    }

    pub(crate) fn pack(&self, at: usize, deflater: &mut Deflater) -> Result<Packed, Fault> {
        let chunk = self.chunks[at];
        let mut content = vec![0; chunk.bytes];
        (self.read)(chunk.member, chunk.offset, &mut content)?;
        let bytes = self.members[chunk.member].bytes;
        if bytes <= CHUNK as u64 {
            return Ok(whole(deflater, content));
        }
        let known = &self.methods[chunk.member];
        let method = if let Some(method) = known.get() {
            *method
        } else {
            let method = probe(chunk.member, bytes, self.read, deflater)?;
            *known.get_or_init(|| method)
        };
        let mut crc = crc32fast::Hasher::new();
        crc.update(&content);
        let is_last = chunk.offset + chunk.bytes as u64 == bytes;
        let packed = match method {
            Method::Stored => content.clone(),
            Method::Deflated => deflater.deflate(&content, if is_last { Place::Last } else { Place::Inner }),
        };
        Ok(Packed { crc, method, packed, content: Content::Part(content) })
    }
}

fn whole(deflater: &mut Deflater, content: Vec<u8>) -> Packed {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&content);
    let sha256 = hash::sha256(&content);
    let (method, packed) = match deflater.smaller(&content) {
        Some(packed) => (Method::Deflated, packed),
        None => (Method::Stored, content),
    };
    Packed { crc, method, packed, content: Content::Whole { sha256 } }
}

/// How a member of several chunks is kept: stored when no sample of it shrinks.
fn probe(member: usize, bytes: u64, read: &ReadAt<'_>, deflater: &mut Deflater) -> Result<Method, Fault> {
    let apart = (bytes - PROBE as u64) / (PROBES - 1);
    let mut samples = vec![0; PROBE * usize::try_from(PROBES).expect("a few")];
    for (i, sample) in (0..).zip(samples.chunks_exact_mut(PROBE)) {
        read(member, i * apart, sample)?;
    }
    Ok(if deflater.any_compresses(&samples, PROBE) { Method::Deflated } else { Method::Stored })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::{Cursor, Read as _};

    fn content(member: usize, bytes: u64) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u64 * (member as u64 + 1);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let noisy = member % 3 == 2;
        let byte = |random: u64| {
            if noisy { random.to_le_bytes()[3] } else { b"0123456789abcdef"[(random % 11) as usize] }
        };
        (0..bytes).map(|_| byte(next())).collect()
    }

    const SIZES: [u64; 7] = [0, 1, 100_000, 1 << 20, (1 << 20) + 1, 2_500_000, 3_000_000];

    const TIME: &str = "2026-03-10T12:00:00Z";

    /// The archive, and the hashes of its members; its chunks are made in this order.
    fn packed(order: impl Fn(&mut Vec<usize>)) -> (Vec<u8>, Vec<String>) {
        let contents: Vec<Vec<u8>> = SIZES.iter().enumerate().map(|(i, bytes)| content(i, *bytes)).collect();
        let members: Vec<Member> = (0..)
            .zip(SIZES)
            .map(|(i, bytes): (usize, u64)| Member { name: format!("dir/m{i}"), permissions: 0o644, bytes })
            .collect();
        let read = |member: usize, offset: u64, buffer: &mut [u8]| {
            let offset = usize::try_from(offset).expect("small");
            buffer.copy_from_slice(&contents[member][offset..offset + buffer.len()]);
            Ok(())
        };
        let chunks = Chunks::new(&members, &read);
        let mut numbers: Vec<usize> = (0..chunks.len()).collect();
        order(&mut numbers);
        let mut deflater = Deflater::default();
        let pack = |at: usize| (at, chunks.pack(at, &mut deflater).expect("read"));
        let made: BTreeMap<usize, Packed> = numbers.into_iter().map(pack).collect();
        let mut out = Vec::new();
        let mut archive = Archive::new(&mut out, DosTime::of(TIME.parse().expect("a time")));
        let add = |(at, chunk)| archive.add_chunk(chunks.member(at), chunk).expect("written");
        let hashes = made.into_iter().filter_map(add).collect();
        archive.add("LAST", 0o644, b"the end".to_vec()).expect("added");
        let Finished { sha256, bytes } = archive.finish().expect("finished");
        assert_eq!((sha256, bytes), (hash::sha256(&out), out.len() as u64));
        (out, hashes)
    }

    #[test]
    fn another_library_reads_every_member_back() {
        let (bytes, hashes) = packed(|_| ());
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
        assert_eq!(zip.len(), SIZES.len() + 1);
        for (i, size) in SIZES.iter().enumerate() {
            let mut member = zip.by_index(i).expect("a member");
            assert_eq!(member.name().expect("UTF-8"), format!("dir/m{i}"));
            let mut out = Vec::new();
            member.read_to_end(&mut out).expect("its CRC holds");
            assert_eq!(out, content(i, *size), "{i}");
            assert_eq!(hashes[i], hash::sha256(&out));
            let stored = member.compression() == zip::CompressionMethod::Stored;
            assert_eq!(stored, i % 3 == 2 || *size < 2, "{i}");
        }
    }

    #[test]
    fn the_order_in_which_chunks_are_made_changes_no_byte() {
        assert_eq!(packed(|_| ()), packed(|numbers| numbers.reverse()));
    }

    #[test]
    fn a_chunk_that_cannot_be_read_says_why() {
        let members = [Member { name: "m".to_owned(), permissions: 0o644, bytes: 10 }];
        let read = |_: usize, _: u64, _: &mut [u8]| Err(Fault::config("m changed"));
        let chunk = Chunks::new(&members, &read).pack(0, &mut Deflater::default());
        assert_eq!(chunk.err().expect("refused").to_string(), "m changed");
    }
}
