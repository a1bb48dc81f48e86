//! The bytes of a ZIP archive around its data: one spelling of each header, so that an archive is the same
//! on every machine and a reader can tell any other spelling as a change.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Stored,
    /// Raw deflate.
    Deflated,
}

impl Method {
    fn number(self) -> u16 {
        match self {
            Method::Stored => 0,
            Method::Deflated => 8,
        }
    }
}

/// How a member was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Its sizes were known before its header.
    Whole,
    /// In chunks; its sizes follow in a data descriptor.
    Streamed,
}

/// What a header says of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Name, with `/` between components.
    pub(crate) name: Vec<u8>,
    pub(crate) method: Method,
    pub(crate) form: Form,
    pub(crate) permissions: u32,
    pub(crate) crc32: u32,
    /// Bytes in the archive.
    pub(crate) packed: u64,
    /// Bytes of the content.
    pub(crate) bytes: u64,
    /// Where its local header begins.
    pub(crate) offset: u64,
}

/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// Sizes follow the data.
const DESCRIPTOR: u16 = 1 << 3;
const PLAIN_VERSION: u16 = 20;
const ZIP64_VERSION: u16 = 45;
const UNIX: u16 = 3 << 8;
const REGULAR_FILE: u32 = 0o100_000;
const FULL_16: u16 = u16::MAX;
const FULL_32: u64 = u32::MAX as u64;

/// Sizes from which a streamed member announces 64-bit sizes: 64 MiB below the limit, which is more than
/// data that does not compress can grow by.
const STREAMED_ZIP64: u64 = FULL_32 - (64 << 20);

/// Time of last modification of every member, as DOS keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DosTime {
    time: u16,
    date: u16,
}

impl DosTime {
    /// As the two fields of a header have it.
    pub(crate) fn from_fields(time: u16, date: u16) -> Self {
        Self { time, date }
    }

    /// A time in UTC, cut to even seconds and to the years 1980 to 2107.
    pub(crate) fn of(stamp: Timestamp) -> Self {
        let first = DateTime::constant(1980, 1, 1, 0, 0, 0, 0);
        let last = DateTime::constant(2107, 12, 31, 23, 59, 58, 0);
        let at = stamp.to_zoned(TimeZone::UTC).datetime().clamp(first, last);
        let part = |value: i8| u16::try_from(value).expect("parts of a time are not negative");
        let year = u16::try_from(at.year() - 1980).expect("not before 1980");
        Self {
            time: (part(at.hour()) << 11) | (part(at.minute()) << 5) | (part(at.second()) / 2),
            date: (year << 9) | (part(at.month()) << 5) | part(at.day()),
        }
    }
}

impl Header {
    fn streams_zip64(&self) -> bool {
        self.form == Form::Streamed && self.bytes >= STREAMED_ZIP64
    }

    fn flags(&self) -> u16 {
        if self.form == Form::Streamed { UTF8 | DESCRIPTOR } else { UTF8 }
    }

    /// The header before the data.
    pub(crate) fn local(&self, time: DosTime) -> Vec<u8> {
        let zip64 = self.streams_zip64();
        let (crc32, packed, bytes) = match (self.form, zip64) {
            (Form::Whole, _) => (self.crc32, narrow(self.packed), narrow(self.bytes)),
            (Form::Streamed, false) => (0, 0, 0),
            (Form::Streamed, true) => (0, u32::MAX, u32::MAX),
        };
        let mut out = Vec::with_capacity(30 + self.name.len() + 20);
        put32(&mut out, 0x0403_4b50);
        put16(&mut out, if zip64 { ZIP64_VERSION } else { PLAIN_VERSION });
        self.put_common(&mut out, time, crc32, packed, bytes);
        put16(&mut out, if zip64 { 20 } else { 0 });
        out.extend_from_slice(&self.name);
        if zip64 {
            put16(&mut out, 1);
            put16(&mut out, 16);
            put64(&mut out, 0);
            put64(&mut out, 0);
        }
        out
    }

    /// What follows the data of a streamed member.
    pub(crate) fn descriptor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.form == Form::Whole {
            return out;
        }
        put32(&mut out, 0x0807_4b50);
        put32(&mut out, self.crc32);
        for size in [self.packed, self.bytes] {
            if self.streams_zip64() {
                put64(&mut out, size);
            } else {
                put32(&mut out, narrow(size));
            }
        }
        out
    }

    /// The record in the central directory.
    pub(crate) fn central(&self, time: DosTime) -> Vec<u8> {
        let large = [self.bytes, self.packed, self.offset].into_iter().filter(|size| *size >= FULL_32);
        let large: Vec<u64> = large.collect();
        let extra = if large.is_empty() { 0 } else { 4 + 8 * large.len() };
        let zip64 = !large.is_empty() || self.streams_zip64();
        let version = if zip64 { ZIP64_VERSION } else { PLAIN_VERSION };
        let mut out = Vec::with_capacity(46 + self.name.len() + extra);
        put32(&mut out, 0x0201_4b50);
        put16(&mut out, UNIX | version);
        put16(&mut out, version);
        self.put_common(&mut out, time, self.crc32, narrow(self.packed), narrow(self.bytes));
        put16(&mut out, u16::try_from(extra).expect("at most 28 bytes"));
        // No comment, the first disk, no internal attributes.
        out.extend_from_slice(&[0; 6]);
        put32(&mut out, (REGULAR_FILE | self.permissions) << 16);
        put32(&mut out, narrow(self.offset));
        out.extend_from_slice(&self.name);
        if !large.is_empty() {
            put16(&mut out, 1);
            put16(&mut out, u16::try_from(8 * large.len()).expect("at most 24 bytes"));
            for size in large {
                put64(&mut out, size);
            }
        }
        out
    }

    fn put_common(&self, out: &mut Vec<u8>, time: DosTime, crc32: u32, packed: u32, bytes: u32) {
        put16(out, self.flags());
        put16(out, self.method.number());
        put16(out, time.time);
        put16(out, time.date);
        put32(out, crc32);
        put32(out, packed);
        put32(out, bytes);
        put16(out, u16::try_from(self.name.len()).expect("names are short"));
    }
}

/// The end of the archive: what follows `bytes` of central directory that begin at `offset`.
pub(crate) fn end(members: u64, offset: u64, bytes: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let zip64 = members >= u64::from(FULL_16) || offset >= FULL_32 || bytes >= FULL_32;
    if zip64 {
        put32(&mut out, 0x0606_4b50);
        put64(&mut out, 44);
        put16(&mut out, UNIX | ZIP64_VERSION);
        put16(&mut out, ZIP64_VERSION);
        put32(&mut out, 0);
        put32(&mut out, 0);
        for number in [members, members, bytes, offset] {
            put64(&mut out, number);
        }
        put32(&mut out, 0x0706_4b50);
        put32(&mut out, 0);
        put64(&mut out, offset + bytes);
        put32(&mut out, 1);
    }
    put32(&mut out, 0x0605_4b50);
    put32(&mut out, 0);
    let count = u16::try_from(members).unwrap_or(FULL_16);
    put16(&mut out, count);
    put16(&mut out, count);
    put32(&mut out, narrow(bytes));
    put32(&mut out, narrow(offset));
    put16(&mut out, 0);
    out
}

/// The 32-bit field of a size; all ones where the size stands elsewhere.
fn narrow(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DosTime {
        DosTime::of(text.parse().expect("a time"))
    }

    #[test]
    fn a_time_that_dos_cannot_keep_is_moved_to_the_nearest() {
        assert_eq!(time("1970-01-01T00:00:00Z"), DosTime { time: 0, date: 0x21 });
        assert_eq!(
            time("2026-03-10T12:00:03Z"),
            DosTime { time: (12 << 11) + 1, date: (46 << 9) + (3 << 5) + 10 }
        );
        assert_eq!(time("2300-01-01T00:00:00Z"), time("2107-12-31T23:59:59Z"));
    }

    #[test]
    fn sixty_four_bit_fields_appear_only_where_a_size_needs_them() {
        let small = Header {
            name: b"a".to_vec(),
            method: Method::Stored,
            form: Form::Streamed,
            permissions: 0o644,
            crc32: 7,
            packed: 3,
            bytes: 3,
            offset: 0,
        };
        let at = time("2026-03-10T12:00:00Z");
        assert_eq!((small.local(at).len(), small.descriptor().len(), small.central(at).len()), (31, 16, 47));
        let large = Header { bytes: 1 << 33, packed: 1 << 33, offset: 1 << 34, ..small };
        assert_eq!((large.local(at).len(), large.descriptor().len()), (51, 24));
        assert_eq!(large.central(at).len(), 47 + 28);
        assert_eq!(end(3, 100, 100).len(), 22);
        assert_eq!(end(65_535, 100, 100).len(), 22 + 56 + 20);
    }
}
