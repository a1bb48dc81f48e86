//! One pass over the text that finds where any rule could match.
//!
//! The grams of all rules are searched together: with SIMD where they are few enough for it, in two or
//! three passes over text that is still in the cache where that suffices, else with one automaton.

use crate::domain::secrets::anchor::Gram;
use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Most grams of one SIMD searcher; the limit of the algorithm.
const PACKED_LIMIT: usize = 64;

/// Most SIMD passes before one automaton is faster.
const PACKED_PASSES: usize = 3;

/// A place where a rule could match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Index of the rule.
    pub rule: usize,
    /// Bytes between the anchor's start and the gram that was found.
    pub offset: usize,
}

/// The searchers for the grams of all rules.
#[derive(Debug, Default)]
pub struct Prefilter {
    passes: Vec<Pass>,
}

#[derive(Debug)]
struct Pass {
    search: Search,
    /// For each gram the rules that it may belong to.
    candidates: Vec<Vec<Candidate>>,
}

#[derive(Debug)]
enum Search {
    Packed(Box<Searcher>),
    Automaton(Box<AhoCorasick>),
}

impl Prefilter {
    /// Builds the searchers; `rules` has the grams of each rule. The grams of one rule stay in one pass,
    /// so that its candidates come in the order of the text.
    pub fn new(rules: &[BTreeSet<Gram>]) -> Self {
        Self::packed(rules).unwrap_or_else(|| {
            let all: Vec<usize> = (0..rules.len()).collect();
            let (grams, candidates) = table(rules, &all);
            if grams.is_empty() {
                return Self::default();
            }
            let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&grams);
            let automaton = automaton.expect("short grams fit into an automaton");
            Self { passes: vec![Pass { search: Search::Automaton(Box::new(automaton)), candidates }] }
        })
    }

    fn packed(rules: &[BTreeSet<Gram>]) -> Option<Self> {
        let mut groups: Vec<(BTreeSet<&[u8]>, Vec<usize>)> = Vec::new();
        for (rule, grams) in rules.iter().enumerate().filter(|(_, grams)| !grams.is_empty()) {
            let bytes: BTreeSet<&[u8]> = grams.iter().map(|gram| gram.bytes.as_slice()).collect();
            let growth = |(known, _): &(BTreeSet<&[u8]>, Vec<usize>)| bytes.difference(known).count();
            let fits =
                |group: &&mut (BTreeSet<&[u8]>, Vec<usize>)| group.0.len() + growth(group) <= PACKED_LIMIT;
            let room = groups.len() < PACKED_PASSES;
            match groups.iter_mut().filter(fits).min_by_key(|group| growth(group)) {
                Some(group) => {
                    group.0.extend(bytes);
                    group.1.push(rule);
                }
                None if bytes.len() <= PACKED_LIMIT && room => {
                    groups.push((bytes, vec![rule]));
                }
                None => return None,
            }
        }
        let build = |(_, members): &(BTreeSet<&[u8]>, Vec<usize>)| {
            let (grams, candidates) = table(rules, members);
            let searcher = packed::Config::new().builder().extend(&grams).build()?;
            Some(Pass { search: Search::Packed(Box::new(searcher)), candidates })
        };
        Some(Self { passes: groups.iter().map(build).collect::<Option<_>>()? })
    }

    /// Calls `found` with the position of each gram in `text` and the candidates behind it.
    pub fn search(&self, text: &[u8], mut found: impl FnMut(usize, &[Candidate])) {
        for pass in &self.passes {
            match &pass.search {
                Search::Packed(searcher) => {
                    let mut span = Span { start: 0, end: text.len() };
                    while let Some(hit) = searcher.find_in(text, span) {
                        found(hit.start(), &pass.candidates[hit.pattern().as_usize()]);
                        span.start = hit.start() + 1;
                    }
                }
                Search::Automaton(automaton) => {
                    for hit in automaton.find_overlapping_iter(text) {
                        found(hit.start(), &pass.candidates[hit.pattern().as_usize()]);
                    }
                }
            }
        }
    }
}

/// The distinct grams of some rules, none a prefix of another, with their candidates.
fn table<'a>(rules: &'a [BTreeSet<Gram>], members: &[usize]) -> (Vec<&'a [u8]>, Vec<Vec<Candidate>>) {
    let mut grams: BTreeMap<&[u8], BTreeSet<Candidate>> = BTreeMap::new();
    for rule in members {
        for gram in &rules[*rule] {
            let candidate = Candidate { rule: *rule, offset: gram.offset };
            grams.entry(&gram.bytes).or_default().insert(candidate);
        }
    }
    // In sorted order a gram stands behind its prefix; only the first of two at one place is reported.
    let mut kept: Vec<(&[u8], BTreeSet<Candidate>)> = Vec::new();
    for (bytes, candidates) in grams {
        match kept.last_mut() {
            Some((prefix, known)) if bytes.starts_with(prefix) => known.extend(candidates),
            _ => kept.push((bytes, candidates)),
        }
    }
    kept.into_iter().map(|(bytes, known)| (bytes, known.into_iter().collect())).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grams(list: &[(&str, usize)]) -> BTreeSet<Gram> {
        list.iter()
            .map(|(bytes, offset)| Gram { bytes: bytes.as_bytes().to_vec(), offset: *offset })
            .collect()
    }

    fn hits(prefilter: &Prefilter, text: &str) -> BTreeSet<(usize, usize)> {
        let mut hits = BTreeSet::new();
        prefilter.search(text.as_bytes(), |at, candidates| {
            hits.extend(candidates.iter().map(|candidate| (at - candidate.offset, candidate.rule)));
        });
        hits
    }

    #[test]
    fn overlapping_grams_and_prefixes_are_all_found() {
        let rules = [grams(&[("sec", 0)]), grams(&[("ecr", 1)]), grams(&[("secr", 0)])];
        let prefilter = Prefilter::new(&rules);
        assert!(matches!(prefilter.passes[..], [Pass { search: Search::Packed(_), .. }]));
        let text = format!("{}secret", "x".repeat(100));
        assert_eq!(hits(&prefilter, &text), BTreeSet::from([(100, 0), (100, 1), (100, 2)]));
    }

    #[test]
    fn many_grams_give_the_same_candidates_through_an_automaton() {
        let many: Vec<(String, usize)> = (0..400).map(|n| (format!("k{n:03}"), 0)).collect();
        let list: Vec<(&str, usize)> = many.iter().map(|(bytes, at)| (bytes.as_str(), *at)).collect();
        let rules = [grams(&[("sec", 0)]), grams(&list)];
        let prefilter = Prefilter::new(&rules);
        assert!(matches!(prefilter.passes[..], [Pass { search: Search::Automaton(_), .. }]));
        assert_eq!(hits(&prefilter, "secret k123"), BTreeSet::from([(0, 0), (7, 1)]));
    }

    #[test]
    fn no_grams_find_nothing() {
        assert_eq!(hits(&Prefilter::new(&[BTreeSet::new()]), "secret"), BTreeSet::new());
    }
}
