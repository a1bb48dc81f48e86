//! What kind of bytes a file holds, told from its head, and UTF-16 as UTF-8.

use std::io::{self, Read};

/// How much of a file decides about its kind.
pub(crate) const HEAD: usize = 8 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text in ASCII, UTF-8 or another one-byte encoding.
    Text,
    /// Text in UTF-16 with a byte order mark, low byte first.
    Utf16Le,
    /// Text in UTF-16 with a byte order mark, high byte first.
    Utf16Be,
    /// A NUL in the head, which is no text otherwise.
    Binary,
    Gzip,
    Zip,
    Tar,
    /// Packed in a way that is not unpacked here; it says which.
    Packed(&'static str),
}

/// How content begins that is packed and not unpacked here.
const PACKED: [(&[u8], &str); 7] = [
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x04\x22\x4d\x18", "an lz4 archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"LZIP\x01", "an lzip archive"),
    (b"\x1f\x9d", "a compress archive"),
];

/// The end of a ZIP archive: its mark, its fixed part, the least that its directory has for a member,
/// and the longest comment behind it.
const ZIP_END: &[u8] = b"PK\x05\x06";
const ZIP_END_BYTES: usize = 22;
const ZIP_ENTRY_BYTES: usize = 46;
const ZIP_COMMENT_BYTES: usize = 65_535;

/// The head of a member of a tar archive, where in it the sum of its bytes stands, in octal digits, and where
/// most archives have the name of the format.
const TAR_HEAD_BYTES: usize = 512;
const TAR_MAGIC: std::ops::Range<usize> = 257..262;
const TAR_SUM: std::ops::Range<usize> = 148..156;

impl Kind {
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Kind::Gzip,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
            [0xff, 0xfe, 0, 0, ..] => Kind::Binary,
            [0xff, 0xfe, ..] => Kind::Utf16Le,
            [0xfe, 0xff, ..] => Kind::Utf16Be,
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..] => {
                Kind::Packed("a bzip2 archive")
            }
            _ => Self::by_bytes(head),
        }
    }

    fn by_bytes(head: &[u8]) -> Self {
        if let Some((_, what)) = PACKED.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Kind::Packed(what);
        }
        if head.get(..TAR_HEAD_BYTES).is_some_and(is_tar_head) {
            return Kind::Tar;
        }
        let head = &head[..head.len().min(HEAD)];
        let has_nul = memchr::memchr(0, head).is_some();
        if has_nul && !is_mostly_text(head) { Kind::Binary } else { Kind::Text }
    }
}

/// Whether a block of bytes begins a tar archive, whole or broken: the sum that stands in it is that of its
/// bytes, those of the sum counted as spaces, or it has the name of the format and is no text.
fn is_tar_head(head: &[u8]) -> bool {
    if &head[TAR_MAGIC] == b"ustar" && head.contains(&0) {
        return true;
    }
    let written = head[TAR_SUM].split(|byte| matches!(byte, b' ' | 0)).find(|digits| !digits.is_empty());
    let written = written.and_then(|digits| std::str::from_utf8(digits).ok());
    let written = written.and_then(|digits| u32::from_str_radix(digits, 8).ok());
    let byte = |(at, byte): (usize, &u8)| u32::from(if TAR_SUM.contains(&at) { b' ' } else { *byte });
    written == Some(head.iter().enumerate().map(byte).sum())
}

/// Whether more than 95 % of `head` could stand in a text: random bytes and programs have far less.
fn is_mostly_text(head: &[u8]) -> bool {
    let is_control = |byte: &&u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    20 * head.iter().filter(is_control).count() < head.len()
}

/// Whether `tail`, the end of a file, is the end of a ZIP archive, whatever the file begins with.
pub(crate) fn ends_as_zip(tail: &[u8]) -> bool {
    let from = tail.len().saturating_sub(ZIP_END_BYTES + ZIP_COMMENT_BYTES);
    memchr::memmem::find_iter(&tail[from..], ZIP_END).any(|at| {
        let end = &tail[from + at..];
        let Some(record) = end.get(..ZIP_END_BYTES) else { return false };
        let half = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
        let (members, directory_bytes, comment) = (half(10), half(12) | half(14) << 16, half(20));
        members > 0 && directory_bytes >= members * ZIP_ENTRY_BYTES && ZIP_END_BYTES + comment <= end.len()
    })
}

/// Reads UTF-16 as UTF-8; the byte order mark is dropped, what is no text becomes U+FFFD.
#[derive(Debug)]
pub(crate) struct Utf16Reader<R> {
    inner: R,
    little: bool,
    high: Option<u16>,
    ready: Vec<u8>,
    taken: usize,
    done: bool,
}

impl<R: Read> Utf16Reader<R> {
    /// A reader over `inner`; `little` when the low byte comes first.
    pub(crate) fn new(inner: R, little: bool) -> Self {
        Self { inner, little, high: None, ready: Vec::new(), taken: 0, done: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut raw = vec![0; 32 << 10];
        let mut filled = 0;
        while filled < raw.len() {
            match self.inner.read(&mut raw[filled..]) {
                Ok(0) => {
                    self.done = true;
                    break;
                }
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let pair = |pair: &[u8]| {
            let bytes = [pair[0], pair[1]];
            if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
        };
        let mut units: Vec<u16> = self.high.take().into_iter().collect();
        units.extend(raw[..filled].chunks_exact(2).map(pair));
        if !self.done && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            self.high = units.pop();
        }
        let mut text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
        if filled % 2 == 1 {
            text.push('\u{fffd}');
        }
        self.ready = text.trim_start_matches('\u{feff}').to_owned().into_bytes();
        self.taken = 0;
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.ready.len() && !self.done {
            self.refill()?;
        }
        let rest = &self.ready[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_from_the_head() {
        for (head, kind) in [
            (&b"plain"[..], Kind::Text),
            (b"", Kind::Text),
            (b"a\0b", Kind::Binary),
            (b"\xff\xfea\0", Kind::Utf16Le),
            (b"\xfe\xff\0a", Kind::Utf16Be),
            (b"\xff\xfe\0\0a\0\0\0", Kind::Binary),
            (b"\x1f\x8b\x08\0", Kind::Gzip),
            (b"PK\x03\x04", Kind::Zip),
            (b"\xfd7zXZ\0\0", Kind::Packed("an xz archive")),
            (b"BZh91AY&SY\x01", Kind::Packed("a bzip2 archive")),
            (b"BZh is a word", Kind::Text),
            (b"\x28\xb5\x2f\xfd\0", Kind::Packed("a zstd archive")),
            (b"7z\xbc\xaf\x27\x1c\0", Kind::Packed("a 7z archive")),
            (b"a text of more than twenty letters with one\0between", Kind::Text),
        ] {
            assert_eq!(Kind::of(head), kind, "{head:?}");
        }
        let mut late = vec![b'a'; HEAD];
        late.push(0);
        assert_eq!(Kind::of(&late), Kind::Text);
        let mut tar = vec![0; 600];
        tar[..4].copy_from_slice(b".env");
        assert_eq!(Kind::of(&tar), Kind::Binary);
        let sum: u32 = b".env".iter().copied().map(u32::from).sum::<u32>() + 8 * u32::from(b' ');
        tar[TAR_SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert_eq!(Kind::of(&tar), Kind::Tar);
        tar[0] = b'x';
        assert_eq!(Kind::of(&tar), Kind::Binary);
        tar[TAR_MAGIC].copy_from_slice(b"ustar");
        assert_eq!(Kind::of(&tar), Kind::Tar);
    }

    #[test]
    fn the_end_of_a_zip_is_known_behind_anything_and_its_mark_alone_is_not() {
        let mut end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x40".to_vec();
        end.extend([0; 9]);
        let with = |before: usize, after: usize| {
            let mut file = vec![b'x'; before];
            file.extend(&end);
            file.resize(file.len() + after, b'y');
            ends_as_zip(&file)
        };
        assert!(with(0, 0) && with(100_000, 0) && with(10, ZIP_COMMENT_BYTES));
        assert!(!with(10, ZIP_COMMENT_BYTES + 1));
        assert!(!ends_as_zip(b"PK\x05\x06"));
        let mut empty = ZIP_END.to_vec();
        empty.extend([0; 18]);
        assert!(!ends_as_zip(&empty), "an archive without members has nothing to scan");
    }

    #[test]
    fn utf16_comes_out_as_utf8_even_when_a_pair_is_cut_between_two_reads() {
        let text = "\u{feff}x".to_owned() + &"\u{1f511}é".repeat(20_000);
        for little in [true, false] {
            let bytes = text
                .encode_utf16()
                .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
            let bytes: Vec<u8> = bytes.collect();
            let mut out = String::new();
            Utf16Reader::new(&bytes[..], little).read_to_string(&mut out).unwrap();
            assert_eq!(out, text.trim_start_matches('\u{feff}'));
        }
    }
}
