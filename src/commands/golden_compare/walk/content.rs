//! What a file holds, and whether anything of it is compared.

use crate::commands::golden_compare::drift::Rules;
use crate::format::json::path::{Path, Step};
use crate::format::json::tokens::scan::Scan;
use crate::format::json::tokens::{Kind, NonFinite, Tokens, Trouble};
use std::io::{Read, Seek};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands::golden_compare) enum Content {
    /// One JSON document.
    Document,
    /// Any number of JSON documents, one after another.
    Lines,
}

/// Whether anything of a valid document is compared at all.
pub(in crate::commands::golden_compare) fn compares_something<R: Read + Seek>(
    content: Content,
    document: R,
    rules: &Rules,
) -> Result<bool, Trouble> {
    let mut tokens = Tokens::new(document, NonFinite::Accept)?;
    let mut scan = Scan::default();
    let mut path = Path::default();
    let mut counts: Vec<(Kind, u64)> = Vec::new();
    let mut documents = 0;
    loop {
        if counts.is_empty() {
            if (content == Content::Document && documents > 0) || !tokens.next_document()? {
                return Ok(false);
            }
            if content == Content::Lines {
                path = Path(vec![Step::Index(documents)]);
            }
            documents += 1;
        }
        if rules.ignores(&path) {
            scan.pass(&mut tokens, None)?;
        } else {
            match tokens.value()? {
                kind @ (Kind::Object | Kind::Array) => {
                    counts.push((kind, 0));
                    path.0.push(Step::Index(0));
                }
                _ => return Ok(true),
            }
        }
        while let Some((kind, count)) = counts.last_mut() {
            let first = *count == 0;
            let more =
                if *kind == Kind::Array { tokens.next_element(first)? } else { tokens.next_key(first)? };
            path.0.pop();
            if more {
                path.0.push(match kind {
                    Kind::Array => Step::Index(*count),
                    _ => Step::Key(String::from_utf8_lossy(&tokens.decoded()).into_owned()),
                });
                *count += 1;
                break;
            }
            if first {
                // An empty object or array that is not ignored is a value like any other.
                return Ok(true);
            }
            counts.pop();
        }
    }
}
