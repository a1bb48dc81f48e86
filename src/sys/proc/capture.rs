//! Bounded capture of an output stream: the head and the tail are kept, the middle is counted.

use std::collections::VecDeque;

/// What a child wrote, at most the limit it was made with.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    half: usize,
    total: u64,
}

impl Captured {
    /// Keeps at most `limit` bytes: the first half of it and the last.
    pub(crate) fn new(limit: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), half: limit / 2, total: 0 }
    }

    /// Adds what was read.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    /// Bytes written, kept or not.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that were not kept.
    pub(crate) fn dropped(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// The kept text, with a line that says how much is missing in the middle.
    pub(crate) fn text(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let tail = String::from_utf8_lossy(&tail);
        match self.dropped() {
            0 => format!("{head}{tail}"),
            dropped => format!("{head}\n[... {dropped} bytes not kept ...]\n{tail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_and_the_tail_are_kept_and_the_middle_is_counted() {
        let mut captured = Captured::new(8);
        for chunk in ["ab", "cdef", "ghijklmnop", "q"] {
            captured.push(chunk.as_bytes());
        }
        assert_eq!(captured.total(), 17);
        assert_eq!(captured.text(), "abcd\n[... 9 bytes not kept ...]\nnopq");
    }

    #[test]
    fn short_output_is_kept_whole() {
        let mut captured = Captured::new(8);
        captured.push(b"abcdefgh");
        assert_eq!((captured.text().as_str(), captured.dropped()), ("abcdefgh", 0));
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing() {
        let mut captured = Captured::new(0);
        captured.push(b"abc");
        assert_eq!(captured.dropped(), 3);
    }
}
