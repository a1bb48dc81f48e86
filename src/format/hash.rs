//! SHA-256, the one hash of this program, always as lowercase hexadecimal where it is shown.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::{self, Read, Write};

/// Of bytes in memory.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// Of bytes in memory, not shown.
pub(crate) fn digest(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The id that git gives a file of this content, where ids are as long as this one: SHA-1 or SHA-256 of a header with
/// the length, and the content.
pub(crate) fn git_blob_id(content: &[u8], like: &str) -> String {
    let header = format!("blob {}\0", content.len());
    if like.len() == 40 {
        hex(&<sha1::Sha1 as sha1::Digest>::digest([header.as_bytes(), content].concat()))
    } else {
        hex(&Sha256::new_with_prefix(header).chain_update(content).finalize())
    }
}

/// Of a stream to its end, with the number of its bytes.
pub(crate) fn sha256_reader(reader: impl Read) -> io::Result<(String, u64)> {
    copy(reader, io::sink())
}

/// The same of a stream that is copied, so that who hashes it and who gets it see the same bytes.
pub(crate) fn copy(mut from: impl Read, mut to: impl Write) -> io::Result<(String, u64)> {
    let mut digest = Digest::default();
    let mut buffer = vec![0; 128 * 1024];
    let mut total = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((digest.hex(), total)),
            Ok(n) => {
                digest.update(&buffer[..n]);
                to.write_all(&buffer[..n])?;
                total += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Of what is given piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digest(Sha256);

impl Digest {
    pub(crate) fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    pub(crate) fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Two lowercase digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_hash_gives_the_published_vector() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), abc);
        assert_eq!(sha256_reader(&b"abc"[..]).expect("read"), (abc.to_owned(), 3));
        let mut digest = Digest::default();
        for piece in ["a", "", "bc"] {
            digest.update(piece);
        }
        assert_eq!(hex(&digest.clone().bytes()), abc);
        assert_eq!(digest.hex(), abc);
    }
}
