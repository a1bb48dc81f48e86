//! What a value holds, as one number: equal for equal values, in whatever order keys and arrays without order come.

use super::side::{CheckCancelled, CompareError, Side};
use crate::commands::golden_compare::drift::{IntFloat, NanPolicy, Rules};
use crate::format::decimal::Decimal;
use crate::format::json::path::Path;
use crate::format::json::tokens::cursor::{Container, Cursor};
use crate::format::json::tokens::scan::Skipper;
use crate::format::json::tokens::{Kind, Tokens};
use crate::report::exit::Fault;
use std::cell::Cell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{Read, Seek};

/// Two hashes under keys of this process make 128 bits that nobody can aim at.
#[derive(Debug, Default)]
pub(super) struct Hashes(RandomState, RandomState);

impl Hashes {
    pub(super) fn of(&self, tag: u8, bytes: &[u8], more: u128) -> u128 {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write_u8(tag);
            hasher.write_u128(more);
            hasher.write(bytes);
            u128::from(hasher.finish())
        };
        half(&self.0) << 64 | half(&self.1)
    }
}

/// Values read between two looks at whether somebody asked for a stop.
const BETWEEN_CHECKS: u64 = 1 << 14;

/// Steps of paths that may be read for each byte of the documents, where arrays without order lie in each other: each
/// array is read once for every one around it.
const STEPS_A_BYTE: u64 = 64;

/// Steps that documents of any size may take.
const STEPS_OF_ANY: u64 = 1 << 26;

/// What is left of the work that pairing elements by content may cost.
pub(super) struct Effort<'a> {
    pub(super) check_cancelled: CheckCancelled<'a>,
    left: Cell<u64>,
    values: Cell<u64>,
}

impl<'a> Effort<'a> {
    /// For documents of so many bytes.
    pub(super) fn new(bytes: u64, check_cancelled: CheckCancelled<'a>) -> Self {
        let left = Cell::new(bytes.saturating_mul(STEPS_A_BYTE).saturating_add(STEPS_OF_ANY));
        Self { check_cancelled, left, values: Cell::new(0) }
    }

    /// Counts a value this deep below the root.
    fn spend(&self, depth: usize) -> Result<(), CompareError> {
        let cost = depth as u64;
        let Some(left) = self.left.get().checked_sub(cost) else {
            let message = format!(
                "--ignore-order has arrays without order lie in each other too deeply: to pair their elements \
                 would take more than {STEPS_OF_ANY} steps and {STEPS_A_BYTE} for each byte"
            );
            let hint = "name the arrays whose order means nothing, or the field that pairs their elements";
            return Err(Fault::config(message).hint(hint).into());
        };
        self.left.set(left);
        let values = self.values.get().wrapping_add(1);
        self.values.set(values);
        if values.is_multiple_of(BETWEEN_CHECKS) { Ok((self.check_cancelled)()?) } else { Ok(()) }
    }
}

/// What of a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    Whole,
    /// All but how large its numbers are, which are kept apart.
    Shape,
}

/// A value that was read.
#[derive(Debug, Default)]
pub(super) struct Digest {
    pub(super) hash: u128,
    /// Its numbers, in an order that does not depend on that of keys; of a shape alone.
    pub(super) numbers: Vec<f64>,
}

/// Reads values of one of the two documents.
pub(super) struct Digester<'a, R> {
    pub(super) tokens: &'a mut Tokens<R>,
    pub(super) side: Side,
    pub(super) rules: &'a Rules,
    pub(super) hashes: &'a Hashes,
    pub(super) effort: &'a Effort<'a>,
    pub(super) detail: Detail,
}

impl<R: Read + Seek> Digester<'_, R> {
    /// Reads a value; `at` is its path.
    pub(super) fn digest(&mut self, at: &Path, skipper: &mut Skipper) -> Result<Digest, CompareError> {
        let in_document = self.side.fault();
        let may_nest = self.rules.may_nest();
        let mut cursor = Cursor::default();
        cursor.begin(at.0.len());
        let mut open: Vec<Content> = Vec::new();
        loop {
            let kind = self.tokens.value().map_err(&in_document)?;
            let mut done = None;
            match Container::of(kind) {
                Some(container) => {
                    let is_array = container == Container::Array;
                    self.effort.spend(if is_array && may_nest { at.0.len() + open.len() } else { 1 })?;
                    let is_unordered =
                        is_array && may_nest && self.rules.unordered_at(|| below(at, &cursor)).is_some();
                    cursor.enter(container, self.tokens.token_offset()).map_err(&in_document)?;
                    open.push(Content::of(container, is_unordered));
                }
                None => done = Some(self.scalar(kind)),
            }
            loop {
                let Some(innermost) = open.last_mut() else { return Ok(done.unwrap_or_default()) };
                if let Some(digest) = done.take() {
                    innermost.add(self.hashes, cursor.key(), digest);
                }
                if !cursor.advance(self.tokens).map_err(&in_document)? {
                    done = open.pop().map(|content| content.digest(self.hashes));
                    cursor.leave();
                } else if !self.rules.ignored.is_empty() && self.rules.ignores(&below(at, &cursor)) {
                    skipper.skip_value(self.tokens, None).map_err(&in_document)?;
                } else {
                    break;
                }
            }
        }
    }

    fn scalar(&self, kind: Kind) -> Digest {
        let is_number = matches!(kind, Kind::Integer | Kind::Float);
        if self.detail == Detail::Shape && is_number {
            let value = String::from_utf8_lossy(self.tokens.raw()).parse().unwrap_or(f64::NAN);
            return Digest { hash: self.hashes.of(b'n', b"", 0), numbers: vec![value] };
        }
        let text = self.tokens.decoded();
        // NaN that equals nothing differs from that of the other side, and so does all that holds it.
        let is_apart = kind == Kind::NonFinite && *text == *b"NaN" && self.rules.nan != NanPolicy::Equal;
        let side = u128::from(is_apart && self.side == Side::Actual);
        Digest { hash: scalar(self.hashes, kind, &text, self.rules.int_float, side), numbers: Vec::new() }
    }
}

/// The path of the entry that a cursor is at, below another path.
fn below(at: &Path, cursor: &Cursor) -> Path {
    Path(at.0.iter().cloned().chain(cursor.steps()).collect())
}

/// What a plain value is, whatever way it is written: its type and value.
pub(super) fn scalar(hashes: &Hashes, kind: Kind, text: &[u8], int_float: IntFloat, more: u128) -> u128 {
    let is_float = kind == Kind::Float || (kind == Kind::Integer && int_float == IntFloat::Lenient);
    let number = is_float.then(|| std::str::from_utf8(text).ok().and_then(Decimal::parse)).flatten();
    match (kind, number) {
        (_, Some(number)) => {
            let (is_negative, digits, exponent) = number.parts();
            let place = u128::from(exponent.cast_unsigned()) << 1 | u128::from(is_negative);
            hashes.of(b'f', digits, place)
        }
        (Kind::Text, None) => hashes.of(b's', text, more),
        (Kind::Integer, None) => hashes.of(b'i', if text == b"-0" { b"0" } else { text }, more),
        (_, None) => hashes.of(b'w', text, more),
    }
}

/// What an object or array that is being read holds so far.
enum Content {
    Object {
        /// Of the hashes of its members: their order does not count.
        sum: u128,
        numbers: Vec<(Vec<u8>, Vec<f64>)>,
    },
    Array {
        /// Of the elements one after another, or their sum where order means nothing.
        hash: u128,
        is_unordered: bool,
        numbers: Vec<f64>,
    },
}

impl Content {
    fn of(container: Container, is_unordered: bool) -> Self {
        match container {
            Container::Object => Self::Object { sum: 0, numbers: Vec::new() },
            Container::Array | Container::Lines => Self::Array { hash: 0, is_unordered, numbers: Vec::new() },
        }
    }

    fn add(&mut self, hashes: &Hashes, key: &[u8], digest: Digest) {
        match self {
            Self::Object { sum, numbers } => {
                *sum = sum.wrapping_add(hashes.of(b'm', key, digest.hash));
                if !digest.numbers.is_empty() {
                    numbers.push((key.to_vec(), digest.numbers));
                }
            }
            Self::Array { hash, is_unordered, numbers } => {
                *hash = if *is_unordered {
                    hash.wrapping_add(hashes.of(b'u', b"", digest.hash))
                } else {
                    hashes.of(b'e', &hash.to_le_bytes(), digest.hash)
                };
                numbers.extend(digest.numbers);
            }
        }
    }

    fn digest(self, hashes: &Hashes) -> Digest {
        match self {
            Self::Object { sum, mut numbers } => {
                numbers.sort_by(|(one, _), (other, _)| one.cmp(other));
                let numbers = numbers.into_iter().flat_map(|(_, numbers)| numbers).collect();
                Digest { hash: hashes.of(b'o', b"", sum), numbers }
            }
            Self::Array { hash, is_unordered, mut numbers } => {
                if is_unordered {
                    numbers.sort_by(f64::total_cmp);
                }
                Digest { hash: hashes.of(b'a', b"", hash), numbers }
            }
        }
    }
}
