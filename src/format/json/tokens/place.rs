//! Line and column of a byte: counted only when somebody has to be told.

use super::Trouble;
use crate::report::exit::Fault;
use crate::sys::fsio;
use std::io::{self, Read};
use std::path::Path;

/// The fault of a document, with line and column.
pub(crate) fn fault(path: &Path, shown: &str, trouble: &Trouble) -> Fault {
    match trouble {
        Trouble::Read(error) => fsio::unreadable(path, error),
        Trouble::Refused { offset, reason } => Fault::config(match in_file(path, &[*offset]).as_deref() {
            Some([(line, column)]) => format!("failed to load `{shown}:{line}:{column}`: {reason}"),
            _ => format!("failed to load `{shown}`: {reason} at byte {offset}"),
        }),
    }
}

/// Lines and columns of bytes of a file in ascending order; none for a pipe, which cannot be read twice.
pub(crate) fn in_file(path: &Path, offsets: &[u64]) -> Option<Vec<(u64, u64)>> {
    let is_file = fsio::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file.then(|| of_all(fsio::open(path).ok()?, offsets).ok()).flatten()
}

/// The 1-based lines and columns, in characters, of bytes in ascending order, in one pass; those beyond the end are at the end.
pub(crate) fn of_all(mut document: impl Read, offsets: &[u64]) -> io::Result<Vec<(u64, u64)>> {
    let mut buffer = vec![0; 128 * 1024];
    let mut places = Vec::with_capacity(offsets.len());
    let (mut line, mut column, mut position) = (1, 1, 0);
    while places.len() < offsets.len() {
        let mut block = match document.read(&mut buffer) {
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let ended = block.is_empty();
        while let Some(offset) = offsets.get(places.len()) {
            let gap = usize::try_from(offset.saturating_sub(position)).unwrap_or(usize::MAX);
            let (before, rest) = block.split_at(gap.min(block.len()));
            advance(before, &mut line, &mut column);
            position += before.len() as u64;
            block = rest;
            if gap > before.len() && !ended {
                break;
            }
            places.push((line, column));
        }
    }
    Ok(places)
}

fn advance(bytes: &[u8], line: &mut u64, column: &mut u64) {
    let tail = match memchr::memrchr(b'\n', bytes) {
        Some(at) => {
            *line += memchr::memchr_iter(b'\n', bytes).count() as u64;
            *column = 1;
            &bytes[at + 1..]
        }
        None => bytes,
    };
    *column += tail.iter().filter(|byte| !matches!(byte, 0x80..0xc0)).count() as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_newlines() {
        let text = "ab\r\n\u{e4}\u{f6}x\n".as_bytes();
        for (offset, expected) in [(0, (1, 1)), (2, (1, 3)), (4, (2, 1)), (8, (2, 3)), (10, (3, 1))] {
            assert_eq!(of_all(text, &[offset]).expect("read")[0], expected, "{offset}");
        }
        assert_eq!(of_all(text, &[0, 4, 8, 99]).expect("read"), [(1, 1), (2, 1), (2, 3), (3, 1)]);
    }
}
