//! What kind of bytes a file holds, told from its head, and UTF-16 as UTF-8.

use std::io::{self, Read};

/// How much of a file decides about its kind.
pub const HEAD: usize = 8 << 10;

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text in ASCII, UTF-8 or another one-byte encoding.
    Text,
    /// Text in UTF-16 with a byte order mark, low byte first.
    Utf16Le,
    /// Text in UTF-16 with a byte order mark, high byte first.
    Utf16Be,
    /// A NUL in the head.
    Binary,
    /// A gzip stream.
    Gzip,
    /// A ZIP archive.
    Zip,
}

impl Kind {
    /// The kind of a file that starts with `head`.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Kind::Gzip,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
            [0xff, 0xfe, 0, 0, ..] => Kind::Binary,
            [0xff, 0xfe, ..] => Kind::Utf16Le,
            [0xfe, 0xff, ..] => Kind::Utf16Be,
            _ if memchr::memchr(0, &head[..head.len().min(HEAD)]).is_some() => Kind::Binary,
            _ => Kind::Text,
        }
    }
}

/// Reads UTF-16 as UTF-8; the byte order mark is dropped, what is no text becomes U+FFFD.
#[derive(Debug)]
pub struct Utf16Reader<R> {
    inner: R,
    little: bool,
    high: Option<u16>,
    ready: Vec<u8>,
    taken: usize,
    done: bool,
}

impl<R: Read> Utf16Reader<R> {
    /// A reader over `inner`; `little` when the low byte comes first.
    pub fn new(inner: R, little: bool) -> Self {
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
        ] {
            assert_eq!(Kind::of(head), kind, "{head:?}");
        }
        let mut late = vec![b'a'; HEAD];
        late.push(0);
        assert_eq!(Kind::of(&late), Kind::Text);
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
