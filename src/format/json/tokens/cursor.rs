//! Where a walk is in a document: which objects and arrays are open, how many entries each has had, and
//! which keys each object. Every walk has one, so that none misses a duplicate key.

use super::keys::Keys;
use super::{JsonError, Kind, Tokens};
use crate::format::json::path::{Path, Step};
use std::borrow::Cow;
use std::io::{Read, Seek};

/// Levels that a document may have: more than any that means something, few enough to be remembered.
pub(crate) const DEEPEST: usize = 10_000;

/// What holds other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// A file of one value a line.
    Lines,
    Array,
    Object,
}

impl Container {
    /// The container whose bracket was read, if it was one.
    #[inline]
    pub(crate) fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Array => Some(Self::Array),
            Kind::Object => Some(Self::Object),
            Kind::Text
            | Kind::Integer
            | Kind::Float
            | Kind::NonFinite
            | Kind::True
            | Kind::False
            | Kind::Null => None,
        }
    }
}

/// A container that was entered and not left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) container: Container,
    /// Offset of its bracket.
    pub(crate) start: u64,
    /// Entries begun so far.
    pub(crate) count: u64,
}

impl Open {
    /// Reads on: to the next entry, or past the end.
    #[inline]
    pub(crate) fn read_on<R: Read + Seek>(&self, tokens: &mut Tokens<R>) -> Result<bool, JsonError> {
        match self.container {
            Container::Lines => tokens.next_line(self.count == 0),
            Container::Array => tokens.next_element(self.count == 0),
            Container::Object => tokens.next_key(self.count == 0),
        }
    }
}

/// The open containers, from the outermost in.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// Levels of the document above those that are open here.
    above: usize,
    open: Vec<Open>,
    /// By depth; those deeper than what is open are kept, because the next object is likely to repeat them.
    keys: Vec<Keys>,
}

impl Cursor {
    /// Leaves everything, and begins that many levels down.
    pub(crate) fn begin(&mut self, above: usize) {
        self.above = above;
        self.open.clear();
    }

    /// Goes into a container whose bracket is at `start`.
    #[inline]
    pub(crate) fn enter(&mut self, container: Container, start: u64) -> Result<(), JsonError> {
        if self.above + self.open.len() >= DEEPEST {
            return Err(JsonError::invalid(start, format!("more than {DEEPEST} levels")));
        }
        self.open.push(Open { container, start, count: 0 });
        let depth = self.open.len();
        if self.keys.len() < depth {
            self.keys.resize_with(depth, Keys::default);
        }
        self.keys[depth - 1].start();
        Ok(())
    }

    pub(crate) fn leave(&mut self) -> Option<Open> {
        self.open.pop()
    }

    #[inline]
    pub(crate) fn innermost(&self) -> Option<&Open> {
        self.open.last()
    }

    /// The last key of the innermost object.
    pub(crate) fn key(&self) -> &[u8] {
        self.open.len().checked_sub(1).map_or(&[], |depth| self.keys[depth].last())
    }

    /// The keys of the innermost object.
    pub(crate) fn keys(&mut self) -> &mut Keys {
        let depth = self.open.len();
        &mut self.keys[depth - 1]
    }

    /// Counts the entry to which the tokens were read, and refuses its key where the object has it already.
    #[inline]
    pub(crate) fn begin_entry<R: Read + Seek>(&mut self, tokens: &Tokens<R>) -> Result<(), JsonError> {
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        open.count += 1;
        if open.container == Container::Object && !self.keys[depth - 1].insert(&tokens.decoded()) {
            return Err(duplicate_key(tokens));
        }
        Ok(())
    }

    /// Reads on in the innermost container: to its next entry, or past its end. It is left by the caller.
    #[inline]
    pub(crate) fn advance<R: Read + Seek>(&mut self, tokens: &mut Tokens<R>) -> Result<bool, JsonError> {
        let Some(open) = self.open.last() else { return Ok(false) };
        let more = open.read_on(tokens)?;
        if more {
            self.begin_entry(tokens)?;
        }
        Ok(more)
    }

    /// The steps to the current entry of the innermost container.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> {
        self.open.iter().zip(&self.keys).map(|(open, keys)| match open.container {
            Container::Lines | Container::Array => Step::Index(open.count.saturating_sub(1)),
            Container::Object => Step::Key(String::from_utf8_lossy(keys.last()).into_owned()),
        })
    }

    pub(crate) fn path(&self) -> Path {
        Path(self.steps().collect())
    }
}

/// What is wrong with the key that was read last, where its object has it already.
pub(crate) fn duplicate_key<R: Read + Seek>(tokens: &Tokens<R>) -> JsonError {
    let key = tokens.decoded();
    let key: Cow<str> = String::from_utf8_lossy(&key);
    let short: String = key.chars().take(80).collect();
    JsonError::invalid(tokens.token_offset().saturating_sub(1), format!("duplicate key `{short}`"))
}
