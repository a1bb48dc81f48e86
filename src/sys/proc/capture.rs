//! Bounded capture of an output stream: the head and the tail are kept, the middle is counted.

use std::collections::VecDeque;

/// What a child wrote, at most the limit it was made with.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    half: usize,
    total: u64,
    /// Why the rest was not read.
    unread: Option<String>,
}

impl Captured {
    /// Keeps at most `limit` bytes: the first half of it and the last.
    pub(crate) fn new(limit: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), half: limit / 2, total: 0, unread: None }
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

    /// The rest cannot be read.
    pub(crate) fn break_off(&mut self, error: &std::io::Error) {
        self.unread = Some(error.to_string());
    }

    /// Why there is more than was read, if there may be.
    pub(crate) fn unread(&self) -> Option<&str> {
        self.unread.as_deref()
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
        let (head, tail): (_, Vec<u8>) = (&self.head, self.tail.iter().copied().collect());
        joined(&String::from_utf8_lossy(head), &String::from_utf8_lossy(&tail), self.dropped())
    }

    /// As much of the text as takes `limit` bytes in a JSON document, where a control character takes six,
    /// and how many bytes that leaves out.
    pub(crate) fn text_for_json(mut self, limit: usize) -> (String, u64) {
        let dropped = self.dropped();
        let text = if dropped == 0 {
            // Both parts are one text.
            self.head.extend(self.tail.drain(..));
            String::from_utf8_lossy(&self.head)
        } else {
            String::from_utf8_lossy(&self.head)
        };
        let tail = String::from_utf8_lossy(self.tail.make_contiguous());
        let cost = |text: &str| text.chars().map(json_len).sum::<usize>();
        if cost(&text) + cost(&tail) <= limit {
            return (joined(&text, &tail, dropped), dropped);
        }
        let head = &text[..fitting(text.chars(), limit / 2)];
        let rest = if dropped == 0 { &text[head.len()..] } else { &tail };
        let end = &rest[rest.len() - fitting(rest.chars().rev(), limit / 2)..];
        let kept_bytes = (text.len() - head.len() + tail.len()) as u64;
        let dropped = dropped + kept_bytes - end.len() as u64;
        (joined(head, end, dropped), dropped)
    }
}

/// Bytes that a character takes inside a JSON string.
fn json_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

/// Bytes of the first characters that take no more than `limit` bytes in a JSON document.
fn fitting(chars: impl Iterator<Item = char>, limit: usize) -> usize {
    let (mut cost, mut bytes) = (0, 0);
    for c in chars {
        cost += json_len(c);
        if cost > limit {
            break;
        }
        bytes += c.len_utf8();
    }
    bytes
}

fn joined(head: &str, tail: &str, dropped: u64) -> String {
    match dropped {
        0 => format!("{head}{tail}"),
        dropped => format!("{head}\n[... {dropped} bytes not kept ...]\n{tail}"),
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

    #[test]
    fn text_for_a_document_is_bounded_by_what_it_takes_there() {
        let of = |text: &[u8], capture, limit| {
            let mut captured = Captured::new(capture);
            captured.push(text);
            captured.text_for_json(limit)
        };
        assert_eq!(of(b"abcdefgh", 8, 8), ("abcdefgh".to_owned(), 0));
        assert_eq!(of(b"abcdefgh", 8, 4), ("ab\n[... 4 bytes not kept ...]\ngh".to_owned(), 4));
        assert_eq!(of(b"abcdefghij", 8, 4), ("ab\n[... 6 bytes not kept ...]\nij".to_owned(), 6));
        assert_eq!(of(b"abcdefghij", 8, 8), ("abcd\n[... 2 bytes not kept ...]\nghij".to_owned(), 2));
        let (text, dropped) = of(&[0; 100], 100, 24);
        assert_eq!((text.as_str(), dropped), ("\0\0\n[... 96 bytes not kept ...]\n\0\0", 96));
    }

    #[test]
    fn the_length_in_json_is_that_of_the_serialiser() {
        for c in (0..0x300).filter_map(char::from_u32) {
            let text = serde_json::to_string(&c).expect("a string");
            assert_eq!(json_len(c), text.len() - 2, "{c:?}");
        }
    }
}
