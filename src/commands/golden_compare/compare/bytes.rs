//! Compares two files that are not data, byte by byte, and says whether line endings are all that differs.

use super::side::{CheckCancelled, CompareError, Found, Side};
use crate::commands::golden_compare::drift::difference::{Difference, Drift, Offsets};
use crate::format::json::path::Path;
use crate::format::json::tokens::JsonError;
use std::io::{self, BufRead as _, BufReader, Read, Seek};

/// Bytes of each file that are held at a time.
const WINDOW_BYTES: usize = 1 << 18;

/// Compares two files from their first byte on.
pub(crate) fn compare<R: Read + Seek>(
    baseline: R,
    actual: R,
    check_cancelled: CheckCancelled<'_>,
) -> Result<Found, CompareError> {
    let mut a = BufReader::with_capacity(WINDOW_BYTES, baseline);
    let mut b = BufReader::with_capacity(WINDOW_BYTES, actual);
    let (mut line, mut offset) = (1, 0);
    loop {
        check_cancelled()?;
        let left = a.fill_buf().map_err(of(Side::Baseline))?;
        let right = b.fill_buf().map_err(of(Side::Actual))?;
        if left.is_empty() && right.is_empty() {
            return Ok(Found { empty: offset == 0, ..Found::default() });
        }
        let least = left.len().min(right.len());
        let same = left.iter().zip(right).take_while(|(a, b)| a == b).count();
        line += left[..same].iter().filter(|byte| **byte == b'\n').count() as u64;
        offset += same as u64;
        if same < least || least == 0 {
            let line_endings = differ_in_line_endings_only(a, b, check_cancelled)?;
            let difference = Difference::Bytes { line, line_endings };
            let (path, step, values) = (Path::default(), None, Offsets::default());
            let drift = Drift { path, step, difference, offset, values };
            return Ok(Found { total: 1, drifts: vec![drift], empty: false });
        }
        a.consume(same);
        b.consume(same);
    }
}

/// Whether line endings are all that was found.
pub(crate) fn differ_in_line_endings(found: &Found) -> bool {
    found.drifts.iter().any(|drift| matches!(drift.difference, Difference::Bytes { line_endings: true, .. }))
}

fn differ_in_line_endings_only<R: Read + Seek>(
    mut a: BufReader<R>,
    mut b: BufReader<R>,
    check_cancelled: CheckCancelled<'_>,
) -> Result<bool, CompareError> {
    a.rewind().map_err(of(Side::Baseline))?;
    b.rewind().map_err(of(Side::Actual))?;
    let (mut a, mut b) = (without_carriage_returns(a), without_carriage_returns(b));
    loop {
        check_cancelled()?;
        for _ in 0..WINDOW_BYTES {
            let left = a.next().transpose().map_err(of(Side::Baseline))?;
            let right = b.next().transpose().map_err(of(Side::Actual))?;
            if left != right {
                return Ok(false);
            }
            if left.is_none() {
                return Ok(true);
            }
        }
    }
}

/// The bytes with `\n` for `\r\n`.
fn without_carriage_returns(reader: BufReader<impl Read>) -> impl Iterator<Item = io::Result<u8>> {
    let mut bytes = reader.bytes().peekable();
    std::iter::from_fn(move || match bytes.next() {
        Some(Ok(b'\r')) if matches!(bytes.peek(), Some(Ok(b'\n'))) => bytes.next(),
        next => next,
    })
}

fn of(side: Side) -> impl Fn(io::Error) -> CompareError {
    move |error| CompareError::Document(side, JsonError::Read(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::exit::Fault;
    use std::io::Cursor;

    /// The line of the first difference, and whether only line endings differ.
    fn found(baseline: &str, actual: &str) -> Option<(u64, bool)> {
        let found = compare(Cursor::new(baseline), Cursor::new(actual), &|| Ok(())).expect("read");
        assert_eq!(found.empty, baseline.is_empty() && actual.is_empty());
        found.drifts.first().map(|drift| match &drift.difference {
            Difference::Bytes { line, line_endings } => (*line, *line_endings),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn line_endings_alone_are_told_from_content() {
        let long = "a line\n".repeat(100_000);
        let dos = long.replace('\n', "\r\n");
        assert_eq!(found("", ""), None);
        assert_eq!(found("a\r\n", "a\r\n"), None);
        assert_eq!(found(&long, &dos), Some((1, true)));
        assert_eq!(found(&(long.clone() + "x"), &(dos + "y")), Some((1, false)));
        assert_eq!(found("a\r\nb", "a\r\nb\r\n"), Some((2, false)));
        assert_eq!(found("a\r\n", "a\rb"), Some((1, false)));
        assert_eq!(found("a\nb\r\n", "a\nb\n"), Some((2, true)));
        assert_eq!(found("a\r", "a\n"), Some((1, false)));
        assert_eq!(found("", "\r\n"), Some((1, false)));
    }

    #[test]
    fn a_stop_is_no_difference() {
        let stop = || Err(Fault::config("stopped"));
        let result = compare(Cursor::new("a"), Cursor::new("a"), &stop);
        assert!(matches!(result, Err(CompareError::Fault(_))), "{result:?}");
    }
}
