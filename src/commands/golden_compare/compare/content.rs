//! What a file holds, and whether anything of it is compared.

use crate::commands::golden_compare::drift::Rules;
use crate::format::json::tokens::cursor::{Container, Cursor};
use crate::format::json::tokens::scan::{self, Skipper};
use crate::format::json::tokens::{JsonError, NonFinite, Tokens};
use std::io::{Read, Seek};

/// What a JSON file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Document,
    /// One value a line.
    Lines,
}

impl Content {
    /// Checks a file that is compared with nothing.
    pub(crate) fn validate<R: Read + Seek>(self, input: R, rules: &Rules) -> Result<(), JsonError> {
        match self {
            Self::Document => scan::validate(input, rules.nan.non_finite()),
            Self::Lines => scan::validate_lines(input, rules.nan.non_finite()),
        }
    }
}

/// Whether anything of a valid document is compared at all.
pub(crate) fn compares_something<R: Read + Seek>(
    content: Content,
    document: R,
    rules: &Rules,
) -> Result<bool, JsonError> {
    let mut tokens = Tokens::new(document, NonFinite::Accept)?;
    let mut skipper = Skipper::default();
    let mut cursor = Cursor::default();
    if content == Content::Lines {
        tokens.by_line();
        cursor.enter(Container::Lines, 0)?;
        if !cursor.advance(&mut tokens)? {
            return Ok(false);
        }
    }
    loop {
        if rules.ignores(&cursor.path()) {
            skipper.skip_value(&mut tokens, None)?;
        } else {
            let Some(container) = Container::of(tokens.value()?) else { return Ok(true) };
            cursor.enter(container, tokens.token_offset())?;
        }
        while !cursor.advance(&mut tokens)? {
            match cursor.leave() {
                None => return Ok(false),
                // An empty object or array that is not ignored is a value like any other.
                Some(left) if left.count == 0 => return Ok(true),
                Some(_) => {}
            }
        }
    }
}
