//! Writes an archive: threads read, hash and deflate chunks, one thread puts them into the file in order.
//!
//! A chunk is read once. What is in memory is a window of chunks, whatever the sizes of the files; the
//! result does not depend on the number of threads.

use super::deflate::{CHUNK, Deflater, Place};
use super::layout::{self, DosTime, Form, Header, Method};
use crate::format::hash::Digest;
use crate::report::exit::Fault;
use crate::sys::signal::Cancel;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// Most threads; more would need more memory than they are worth.
pub(crate) const MOST_JOBS: usize = 16;

/// One thread a core.
pub(crate) fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Samples of a member of several chunks that tell how it is kept.
const PROBES: u64 = 8;
const PROBE: usize = 8 << 10;

/// A member to be written.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Name in the archive.
    pub(crate) name: String,
    /// Permission bits.
    pub(crate) permissions: u32,
    /// Size; the content must have exactly this.
    pub(crate) bytes: u64,
}

/// Reads `buffer.len()` bytes of a member from an offset on, or says why it cannot.
pub(crate) type ReadAt<'a> = dyn Fn(usize, u64, &mut [u8]) -> Result<(), Fault> + Sync + 'a;

/// What was written.
#[derive(Debug)]
pub(crate) struct Written {
    /// SHA-256 of each member, lowercase hex, in order.
    pub(crate) members: Vec<String>,
}

/// An archive that is being written.
pub(crate) struct Archive<W> {
    out: W,
    digest: Digest,
    at: u64,
    time: DosTime,
    central: Vec<u8>,
    count: u64,
}

impl<W: Write> Archive<W> {
    /// Starts an archive whose members all have the same time.
    pub(crate) fn new(out: W, time: DosTime) -> Self {
        Self { out, digest: Digest::default(), at: 0, time, central: Vec::new(), count: 0 }
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

    /// Adds a member that is in memory.
    pub(crate) fn add(&mut self, name: &str, permissions: u32, content: &[u8]) -> io::Result<String> {
        let unit = whole(&mut Deflater::default(), content.to_vec());
        let Part::Whole { digest, .. } = &unit.part else { unreachable!("a whole member") };
        let digest = digest.clone();
        self.put_whole(name, permissions, &unit)?;
        Ok(digest)
    }

    fn put_whole(&mut self, name: &str, permissions: u32, unit: &Unit) -> io::Result<()> {
        let Part::Whole { method, .. } = &unit.part else { unreachable!("a whole member") };
        let header = Header {
            name: name.as_bytes().to_vec(),
            method: *method,
            form: Form::Whole,
            permissions,
            crc32: unit.crc.clone().finalize(),
            packed: unit.packed.len() as u64,
            bytes: unit.bytes,
            offset: self.at,
        };
        self.put(&header.local(self.time))?;
        self.put(&unit.packed)?;
        self.list(&header);
        Ok(())
    }

    /// Writes the central directory. Returns what was written to, and the SHA-256 and size of the whole.
    pub(crate) fn finish(mut self) -> io::Result<(W, String, u64)> {
        let (offset, central) = (self.at, std::mem::take(&mut self.central));
        self.put(&central)?;
        self.put(&layout::end(self.count, offset, central.len() as u64))?;
        self.out.flush()?;
        Ok((self.out, self.digest.hex(), self.at))
    }
}

/// One chunk, ready to be written.
struct Unit {
    crc: crc32fast::Hasher,
    packed: Vec<u8>,
    bytes: u64,
    part: Part,
}

enum Part {
    Whole { method: Method, digest: String },
    Chunk { method: Method, content: Vec<u8> },
}

/// Which chunk of which member.
#[derive(Clone, Copy)]
struct Job {
    member: usize,
    offset: u64,
    bytes: usize,
}

/// Adds `members`, whose content comes from `read`, on `jobs` threads; `wrote` hears of every chunk.
pub(crate) fn pack<W: Write>(
    archive: &mut Archive<W>,
    members: &[Member],
    read: &ReadAt<'_>,
    jobs: usize,
    cancel: &Cancel,
    wrote: &dyn Fn(u64),
) -> anyhow::Result<Written> {
    let jobs = jobs.clamp(1, MOST_JOBS);
    let line = Line::new(members, 2 * jobs + 2);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| line.work(members, read))).collect();
        let result = collect(archive, members, &line, cancel, wrote);
        line.stop();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
        result
    })
}

fn collect<W: Write>(
    archive: &mut Archive<W>,
    members: &[Member],
    line: &Line,
    cancel: &Cancel,
    wrote: &dyn Fn(u64),
) -> anyhow::Result<Written> {
    let fail = |error: io::Error| Fault::write("the archive", &error);
    let mut digests = Vec::with_capacity(members.len());
    let mut at = 0;
    for member in members {
        if member.bytes <= CHUNK as u64 {
            let unit = line.next(at, cancel)?;
            archive.put_whole(&member.name, member.permissions, &unit).map_err(fail)?;
            let Part::Whole { digest, .. } = unit.part else { unreachable!("a whole member") };
            digests.push(digest);
            at += 1;
            wrote(member.bytes);
            continue;
        }
        let mut stream = None;
        for _ in 0..member.bytes.div_ceil(CHUNK as u64) {
            let unit = line.next(at, cancel)?;
            let Part::Chunk { method, content } = unit.part else { unreachable!("a chunk") };
            if stream.is_none() {
                stream = Some(Stream::start(archive, member, method).map_err(fail)?);
            }
            let open = stream.as_mut().expect("started above");
            open.digest.update(&content);
            open.crc.combine(&unit.crc);
            open.header.packed += unit.packed.len() as u64;
            archive.put(&unit.packed).map_err(fail)?;
            at += 1;
            wrote(unit.bytes);
        }
        let Stream { mut header, digest, crc } = stream.expect("a member of several chunks has one");
        header.crc32 = crc.finalize();
        archive.put(&header.descriptor()).map_err(fail)?;
        archive.list(&header);
        digests.push(digest.hex());
    }
    Ok(Written { members: digests })
}

/// A member of several chunks while it is written.
struct Stream {
    header: Header,
    digest: Digest,
    crc: crc32fast::Hasher,
}

impl Stream {
    fn start<W: Write>(archive: &mut Archive<W>, member: &Member, method: Method) -> io::Result<Self> {
        let header = Header {
            name: member.name.as_bytes().to_vec(),
            method,
            form: Form::Streamed,
            permissions: member.permissions,
            crc32: 0,
            packed: 0,
            bytes: member.bytes,
            offset: archive.at,
        };
        archive.put(&header.local(archive.time))?;
        Ok(Self { header, digest: Digest::default(), crc: crc32fast::Hasher::new() })
    }
}

/// The chunks in order: those not begun, those ready, and how many may be ready before they are taken.
struct Line {
    jobs: Vec<Job>,
    methods: Vec<OnceLock<Method>>,
    window: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    begun: usize,
    taken: usize,
    ready: BTreeMap<usize, Result<Unit, Fault>>,
    stopped: bool,
}

impl Line {
    fn new(members: &[Member], window: usize) -> Self {
        let mut jobs = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let chunks = member.bytes.div_ceil(CHUNK as u64).max(1);
            jobs.extend((0..chunks).map(|chunk| {
                let offset = chunk * CHUNK as u64;
                let bytes = usize::try_from((member.bytes - offset).min(CHUNK as u64));
                Job { member: index, offset, bytes: bytes.expect("a chunk is small") }
            }));
        }
        let methods = members.iter().map(|_| OnceLock::new()).collect();
        Self { jobs, methods, window, state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The chunk at `at`, once it is ready.
    fn next(&self, at: usize, cancel: &Cancel) -> Result<Unit, Fault> {
        if let Some(signal) = cancel.signal() {
            return Err(Fault::stopped(signal));
        }
        let mut state = self.lock();
        loop {
            if let Some(unit) = state.ready.remove(&at) {
                state.taken = at + 1;
                self.changed.notify_all();
                return unit;
            }
            assert!(!state.stopped, "a thread that packs ended early");
            state = self.wait(state);
        }
    }

    fn work(&self, members: &[Member], read: &ReadAt<'_>) {
        let ending = Ending(self);
        let mut deflater = Deflater::default();
        loop {
            let mut state = self.lock();
            while !state.stopped && state.begun < self.jobs.len() && state.begun >= state.taken + self.window
            {
                state = self.wait(state);
            }
            let at = state.begun;
            let Some(job) = self.jobs.get(at).filter(|_| !state.stopped) else { break };
            state.begun += 1;
            drop(state);
            let unit = self.make(*job, members, read, &mut deflater);
            let mut state = self.lock();
            state.ready.insert(at, unit);
            self.changed.notify_all();
        }
        std::mem::forget(ending);
    }

    fn make(
        &self,
        job: Job,
        members: &[Member],
        read: &ReadAt<'_>,
        deflater: &mut Deflater,
    ) -> Result<Unit, Fault> {
        let mut content = vec![0; job.bytes];
        read(job.member, job.offset, &mut content)?;
        let bytes = members[job.member].bytes;
        if bytes <= CHUNK as u64 {
            return Ok(whole(deflater, content));
        }
        let method = if let Some(method) = self.methods[job.member].get() {
            *method
        } else {
            let method = probe(job.member, bytes, read, deflater)?;
            *self.methods[job.member].get_or_init(|| method)
        };
        let mut crc = crc32fast::Hasher::new();
        crc.update(&content);
        let is_last = job.offset + job.bytes as u64 == bytes;
        let packed = match method {
            Method::Stored => content.clone(),
            Method::Deflated => deflater.deflate(&content, if is_last { Place::Last } else { Place::Inner }),
        };
        Ok(Unit { crc, packed, bytes: content.len() as u64, part: Part::Chunk { method, content } })
    }
}

/// Tells the others when a thread ends by a panic.
struct Ending<'a>(&'a Line);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn whole(deflater: &mut Deflater, content: Vec<u8>) -> Unit {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&content);
    let mut digest = Digest::default();
    digest.update(&content);
    let bytes = content.len() as u64;
    let (method, packed) = match deflater.smaller(&content) {
        Some(packed) => (Method::Deflated, packed),
        None => (Method::Stored, content),
    };
    Unit { crc, packed, bytes, part: Part::Whole { method, digest: digest.hex() } }
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
    use crate::format::hash;
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

    fn packed(jobs: usize) -> (Vec<u8>, Written) {
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
        let time = DosTime::of("2026-03-10T12:00:00Z".parse().expect("a time"));
        let mut archive = Archive::new(Vec::new(), time);
        let written = pack(&mut archive, &members, &read, jobs, &Cancel::default(), &|_| ()).expect("packed");
        archive.add("LAST", 0o644, b"the end").expect("added");
        let (bytes, digest, size) = archive.finish().expect("finished");
        assert_eq!((digest, size), (hash::sha256(&bytes), bytes.len() as u64));
        (bytes, written)
    }

    #[test]
    fn another_library_reads_every_member_back() {
        let (bytes, written) = packed(2);
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
        assert_eq!(zip.len(), SIZES.len() + 1);
        for (i, size) in SIZES.iter().enumerate() {
            let mut member = zip.by_index(i).expect("a member");
            assert_eq!(member.name().expect("UTF-8"), format!("dir/m{i}"));
            let mut out = Vec::new();
            member.read_to_end(&mut out).expect("its CRC holds");
            assert_eq!(out, content(i, *size), "{i}");
            assert_eq!(written.members[i], hash::sha256(&out));
            let stored = member.compression() == zip::CompressionMethod::Stored;
            assert_eq!(stored, i % 3 == 2 || *size < 2, "{i}");
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_byte() {
        let one = packed(1).0;
        assert_eq!(one, packed(2).0);
        assert_eq!(one, packed(7).0);
    }

    #[test]
    fn a_member_that_cannot_be_read_ends_the_archive_with_its_reason() {
        let members: Vec<Member> =
            (0..50).map(|i| Member { name: format!("m{i}"), permissions: 0o644, bytes: 10 }).collect();
        let read = |member: usize, _: u64, _: &mut [u8]| match member {
            30 => Err(Fault::config("m30 changed")),
            _ => Ok(()),
        };
        let time = DosTime::of(Timestamp::UNIX_EPOCH);
        let mut archive = Archive::new(Vec::new(), time);
        let error = pack(&mut archive, &members, &read, 3, &Cancel::default(), &|_| ()).expect_err("refused");
        assert_eq!(error.to_string(), "m30 changed");
        let cancel = Cancel::default();
        cancel.request(2);
        let read = |_: usize, _: u64, _: &mut [u8]| Ok(());
        let error = pack(&mut archive, &members, &read, 3, &cancel, &|_| ()).expect_err("stopped");
        assert_eq!(error.to_string(), "interrupted");
    }

    use jiff::Timestamp;
}
