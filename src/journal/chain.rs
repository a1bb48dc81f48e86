//! The lines of a journal, each bound to the one before it by a hash.

use crate::format::hash::sha256;
use crate::format::json::sorted::{self, Layout};
use crate::format::json::typed;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Range;

/// `prev_hash` of the first line.
const GENESIS: &str = "GENESIS";
/// Every line begins with this, and then the hash of the rest.
const BEGIN: &[u8] = b"{\"hash\":\"";
/// Where the hash of a line stands.
const HASH: Range<usize> = BEGIN.len()..BEGIN.len() + 64;

/// What the next line must follow: the lines so far, and where they end.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    last: String,
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self { last: GENESIS.to_owned(), lines: 0, bytes: 0 }
    }
}

impl Chain {
    /// The line of the next record, with its newline.
    pub(super) fn seal(&mut self, record: &impl Serialize) -> String {
        let record = sorted::text(record, Layout::Compact);
        let rest = format!("{}{record}}}", self.link());
        self.last = sha256(format!("{{{rest}"));
        let line = format!("{{\"hash\":\"{}\",{rest}\n", self.last);
        self.lines += 1;
        self.bytes += line.len() as u64;
        line
    }

    /// The record of the next line, which is given with its newline.
    pub(super) fn open<R: DeserializeOwned>(&mut self, line: &[u8]) -> Result<R, String> {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let rest = rest(text).ok_or("it is not a line of a journal")?;
        if !is_whole(text) {
            return Err("its content is not what was hashed".to_owned());
        }
        let record = rest.strip_prefix(self.link().as_bytes()).and_then(|record| record.strip_suffix(b"}"));
        let record = record.ok_or("a line before it is missing, added or moved")?;
        let record = typed::read_bytes(record).map_err(|error| error.to_string())?;
        self.last = String::from_utf8_lossy(&text[HASH]).into_owned();
        self.lines += 1;
        self.bytes += line.len() as u64;
        Ok(record)
    }

    /// Whether the end of a file, which has no newline, is the begin of a line that would follow. A loss of
    /// power may leave zeros in the place of what was not written yet.
    pub(super) fn check_torn(&self, tail: &[u8]) -> Result<(), String> {
        if tail.split_last().is_some_and(|(_, text)| is_whole(text)) {
            return Err("its end is damaged".to_owned());
        }
        let zeros = tail.iter().rev().take_while(|byte| **byte == 0).count();
        let written = &tail[..tail.len() - zeros];
        let expected = [BEGIN, &[b'0'; 64], b"\",", self.link().as_bytes()].concat();
        let fits = |(at, (byte, expected)): (usize, (&u8, &u8))| {
            if HASH.contains(&at) { is_hex(*byte) } else { byte == expected }
        };
        if written.iter().zip(&expected).enumerate().all(fits) {
            Ok(())
        } else {
            Err("it is not the begin of a line that would follow".to_owned())
        }
    }

    /// What stands between the hash of the next line and its record.
    fn link(&self) -> String {
        format!("\"prev_hash\":\"{}\",\"record\":", self.last)
    }
}

/// What follows the hash of a line.
fn rest(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(BEGIN)?.get(HASH.len()..)?.strip_prefix(b"\",")
}

/// Whether the rest of a line is what its hash says.
fn is_whole(text: &[u8]) -> bool {
    rest(text).is_some_and(|rest| sha256([b"{", rest].concat()).as_bytes() == &text[HASH])
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
