//! Line and column of a byte: counted only when somebody has to be told.

use super::Trouble;
use crate::exit::Fault;
use crate::sys::fsio;
use std::io::{self, Read};
use std::path::Path;

/// The fault of a document, with line and column.
pub fn fault(path: &Path, shown: &str, trouble: &Trouble) -> Fault {
    match trouble {
        Trouble::Read(error) => fsio::unreadable(path, error),
        Trouble::Refused { offset, reason } => {
            let place = fsio::open(path).ok().and_then(|file| of(file, *offset).ok());
            let place = match place {
                Some((line, column)) => format!("line {line} column {column}"),
                None => format!("byte {offset}"),
            };
            Fault::config(format!("failed to load `{shown}`: {reason} at {place}"))
        }
    }
}

/// The 1-based line and column, in characters, of a byte of a document.
pub fn of(mut document: impl Read, offset: u64) -> io::Result<(u64, u64)> {
    let mut buffer = vec![0; 128 * 1024];
    let (mut line, mut column, mut left) = (1, 1, offset);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = match document.read(&mut buffer[..most]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        left -= read as u64;
        let block = &buffer[..read];
        let tail = match memchr::memrchr(b'\n', block) {
            Some(at) => {
                line += memchr::memchr_iter(b'\n', block).count() as u64;
                column = 1;
                &block[at + 1..]
            }
            None => block,
        };
        column += tail.iter().filter(|byte| !matches!(byte, 0x80..0xc0)).count() as u64;
    }
    Ok((line, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_newlines() {
        let text = "ab\r\n\u{e4}\u{f6}x\n".as_bytes();
        for (offset, expected) in [(0, (1, 1)), (2, (1, 3)), (4, (2, 1)), (8, (2, 3)), (10, (3, 1))] {
            assert_eq!(of(text, offset).expect("read"), expected, "{offset}");
        }
    }
}
