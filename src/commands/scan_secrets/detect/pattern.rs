//! A pattern that is parsed at once, so that a broken one is refused, and compiled when it is first
//! needed, so that a scan without findings pays for nothing.

use crate::commands::scan_secrets::detect::dialect::{self, PatternError};
use regex_automata::meta::{Cache, Regex};
use regex_automata::util::captures::Captures;
use regex_automata::{Anchored, Input, Span};
use regex_syntax::hir::Hir;
use std::ops::Range;
use std::sync::OnceLock;

/// Largest compiled form of one pattern.
const SIZE_LIMIT_BYTES: usize = 64 << 20;

#[derive(Debug)]
pub(crate) struct Pattern {
    hir: Hir,
    compiled: OnceLock<Result<Regex, String>>,
}

impl Pattern {
    /// Parses a pattern in the dialect of Go.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        Ok(Self { hir: dialect::parse(text)?, compiled: OnceLock::new() })
    }

    /// The same; the error names the pattern's owner, its key and the position.
    pub(crate) fn parse_of(text: &str, whose: &str, key: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|PatternError { position, message }| {
            format!("{whose}: {key} cannot be used, character {position}: {message}")
        })
    }

    pub(crate) fn hir(&self) -> &Hir {
        &self.hir
    }

    /// Number of explicit groups.
    pub(crate) fn groups(&self) -> usize {
        self.hir.properties().explicit_captures_len()
    }

    /// The compiled form; fails when it is too large.
    pub(crate) fn regex(&self) -> Result<&Regex, String> {
        let compile = || {
            let config = Regex::config().utf8_empty(false).onepass(false);
            let config = config.nfa_size_limit(Some(SIZE_LIMIT_BYTES));
            let regex = Regex::builder().configure(config).build_from_hir(&self.hir);
            regex.map_err(|error| format!("{error}"))
        };
        self.compiled.get_or_init(compile).as_ref().map_err(Clone::clone)
    }

    pub(crate) fn is_match(&self, text: &[u8]) -> Result<bool, String> {
        Ok(self.regex()?.is_match(text))
    }
}

/// A compiled pattern with the memory of one thread.
#[derive(Debug)]
pub(crate) struct Matcher<'r> {
    regex: &'r Regex,
    cache: Cache,
    captures: Captures,
}

impl<'r> Matcher<'r> {
    pub(crate) fn new(regex: &'r Regex) -> Self {
        Self { regex, cache: regex.create_cache(), captures: regex.create_captures() }
    }

    /// The leftmost match within `span`; what is around it still decides about boundaries.
    pub(crate) fn find(&mut self, text: &[u8], span: Range<usize>, anchored: bool) -> Option<Range<usize>> {
        let anchored = if anchored { Anchored::Yes } else { Anchored::No };
        let input = Input::new(text).span(span).anchored(anchored);
        self.regex.search_with(&mut self.cache, &input).map(|found| found.range())
    }

    /// The secret inside a match: the asked group, else the first group that took part, else all of it.
    pub(crate) fn secret(&mut self, text: &[u8], found: &Range<usize>, group: Option<usize>) -> Range<usize> {
        if self.regex.captures_len() <= 1 {
            return found.clone();
        }
        let input = Input::new(text).span(found.clone()).anchored(Anchored::Yes);
        self.regex.search_captures_with(&mut self.cache, &input, &mut self.captures);
        let taken = |span: Span| (span.start < span.end).then_some(span.range());
        match group {
            Some(0) => None,
            Some(group) => self.captures.get_group(group).and_then(taken),
            None => (1..self.captures.group_len()).find_map(|group| taken(self.captures.get_group(group)?)),
        }
        .unwrap_or_else(|| found.clone())
    }
}
