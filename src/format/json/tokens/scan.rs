//! Walks over one value of a document: everything below it is valid and no object has a key twice.

use super::keys::Keys;
use super::{Kind, NonFinite, Tokens, Trouble};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Read, Seek};

/// Smaller values are walked over again rather than remembered.
const WORTH_REMEMBERING_BYTES: u64 = 256;

/// What an object says twice.
pub(crate) fn duplicate<R: Read + Seek>(tokens: &Tokens<R>) -> Trouble {
    let key = tokens.decoded();
    let key: Cow<str> = String::from_utf8_lossy(&key);
    let short: String = key.chars().take(80).collect();
    Trouble::refused(tokens.token_offset().saturating_sub(1), format!("duplicate key `{short}`"))
}

/// Checks a whole document.
pub fn validate<R: Read + Seek>(input: R, non_finite: NonFinite) -> Result<(), Trouble> {
    let mut tokens = Tokens::new(input, non_finite)?;
    Scan::default().pass(&mut tokens, None)?;
    tokens.finish()
}

/// Checks a file of any number of documents, one after another.
pub(crate) fn validate_all<R: Read + Seek>(input: R, non_finite: NonFinite) -> Result<(), Trouble> {
    let mut tokens = Tokens::new(input, non_finite)?;
    let mut scan = Scan::default();
    while tokens.next_document()? {
        scan.pass(&mut tokens, None)?;
    }
    Ok(())
}

/// Where values end that were walked over, by the offset of their bracket.
#[derive(Debug, Default)]
pub(crate) struct Ends(BTreeMap<u64, u64>);

impl Ends {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The state of a walk, kept for the next one.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    open: Vec<(Kind, u64)>,
    keys: Vec<Keys>,
}

impl Scan {
    /// Reads one value to its end. `ends` remembers the large ones below it, and saves walking over one
    /// that it knows.
    pub(crate) fn pass<R: Read + Seek>(
        &mut self,
        tokens: &mut Tokens<R>,
        ends: Option<&mut Ends>,
    ) -> Result<(), Trouble> {
        let kind = tokens.value()?;
        self.pass_rest(kind, tokens, ends)
    }

    /// The same for a value of which the first token was read.
    pub(crate) fn pass_rest<R: Read + Seek>(
        &mut self,
        mut kind: Kind,
        tokens: &mut Tokens<R>,
        mut ends: Option<&mut Ends>,
    ) -> Result<(), Trouble> {
        self.open.clear();
        loop {
            let mut first = matches!(kind, Kind::Object | Kind::Array);
            if first {
                let start = tokens.token_offset();
                let known = ends.as_ref().and_then(|ends| ends.0.get(&start));
                if let Some(end) = known {
                    tokens.seek(*end)?;
                    first = false;
                } else {
                    self.open.push((kind, start));
                    if kind == Kind::Object {
                        self.keys_of_depth().start();
                    }
                }
            }
            loop {
                let Some((open, start)) = self.open.last().copied() else { return Ok(()) };
                let more =
                    if open == Kind::Array { tokens.next_element(first)? } else { tokens.next_key(first)? };
                if more {
                    if open == Kind::Object && !self.keys_of_depth().note(&tokens.decoded()) {
                        return Err(duplicate(tokens));
                    }
                    break;
                }
                first = false;
                self.open.pop();
                if let Some(ends) = &mut ends
                    && tokens.offset() - start >= WORTH_REMEMBERING_BYTES
                {
                    ends.0.insert(start, tokens.offset());
                }
            }
            kind = tokens.value()?;
        }
    }

    fn keys_of_depth(&mut self) -> &mut Keys {
        let depth = self.open.len();
        if self.keys.len() < depth {
            self.keys.resize_with(depth, Keys::default);
        }
        &mut self.keys[depth - 1]
    }
}
