//! One pass over the text that finds where any rule could match.
//!
//! The grams of all rules are searched together: with SIMD where they are few enough for it, in two or
//! three passes over text that is still in the cache where that suffices, else with one automaton.

use crate::commands::scan_secrets::detect::anchor::Gram;
use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Most grams of one SIMD searcher; the limit of the algorithm.
const PACKED_LIMIT: usize = 64;

/// Most SIMD passes before one automaton is faster.
const PACKED_PASSES: usize = 3;

/// A place where a rule could match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    pub(crate) rule: usize,
    /// Bytes between the anchor's start and the gram that was found.
    pub(crate) offset: usize,
}

/// The searchers for the grams of all rules.
#[derive(Debug, Default)]
pub(crate) struct Prefilter {
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
    pub(crate) fn new(rules: &[BTreeSet<Gram>]) -> Self {
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
        // A searcher looks at as many bytes at once as its shortest gram has, and the more it looks at the
        // seldomer it stops for nothing: short grams go together, where that costs no further pass.
        let together = grouped(rules, PACKED_PASSES, |_| 0)?;
        let shortest = |grams: &BTreeSet<Gram>| grams.iter().map(|gram| gram.bytes.len()).min().unwrap_or(0);
        let groups = grouped(rules, together.len(), shortest).unwrap_or(together);
        let build = |Group { members, .. }: &Group| {
            let (grams, candidates) = table(rules, members);
            let searcher = packed::Config::new().builder().extend(&grams).build()?;
            Some(Pass { search: Search::Packed(Box::new(searcher)), candidates })
        };
        Some(Self { passes: groups.iter().map(build).collect::<Option<_>>()? })
    }

    /// Calls `found` with the position of each gram in `text` and the candidates behind it.
    pub(crate) fn search(&self, text: &[u8], mut found: impl FnMut(usize, &[Candidate])) {
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

/// Rules whose grams are searched for in one pass.
#[derive(Default)]
struct Group<'a> {
    grams: BTreeSet<&'a [u8]>,
    members: Vec<usize>,
    class: usize,
}

/// Shares the rules out to at most so many groups, each with few enough grams for one SIMD searcher: rules of
/// one class together, and with those of another once no group can be begun any more.
fn grouped(
    rules: &[BTreeSet<Gram>],
    most: usize,
    class: impl Fn(&BTreeSet<Gram>) -> usize,
) -> Option<Vec<Group<'_>>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut order: Vec<usize> = (0..rules.len()).filter(|rule| !rules[*rule].is_empty()).collect();
    order.sort_by_key(|rule| class(&rules[*rule]));
    for rule in order {
        let grams: BTreeSet<&[u8]> = rules[rule].iter().map(|gram| gram.bytes.as_slice()).collect();
        let class = class(&rules[rule]);
        let growth = |group: &Group<'_>| grams.difference(&group.grams).count();
        let fits = |group: &&mut Group<'_>| group.grams.len() + growth(group) <= PACKED_LIMIT;
        let can_begin = groups.len() < most && grams.len() <= PACKED_LIMIT;
        let known = groups.iter_mut().filter(fits).min_by_key(|group| (group.class != class, growth(group)));
        match known {
            Some(group) if group.class == class || !can_begin => {
                group.grams.extend(grams);
                group.members.push(rule);
            }
            _ if can_begin => groups.push(Group { grams, members: vec![rule], class }),
            _ => return None,
        }
    }
    Some(groups)
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
    fn short_grams_go_together_where_that_costs_no_pass() {
        let long: Vec<String> = (0..PACKED_LIMIT).map(|n| format!("l{n:03}")).collect();
        let mut rules: Vec<BTreeSet<Gram>> = long.iter().map(|gram| grams(&[(gram, 0)])).collect();
        rules.insert(5, grams(&[("abc", 0)]));
        rules.insert(40, grams(&[("xyz", 0)]));
        let shortest = |grams: &BTreeSet<Gram>| grams.iter().map(|gram| gram.bytes.len()).min().unwrap();
        let groups = grouped(&rules, 2, shortest).expect("it fits");
        assert_eq!(groups.iter().map(|group| group.grams.len()).collect::<Vec<_>>(), [2, PACKED_LIMIT]);
        let prefilter = Prefilter::new(&rules);
        assert_eq!(prefilter.passes.len(), 2);
        assert_eq!(hits(&prefilter, "  abc l063 xyz"), BTreeSet::from([(2, 5), (6, 65), (11, 40)]));
        let few = [grams(&[("abc", 0)]), grams(&[("abcd", 0)])];
        assert_eq!(Prefilter::new(&few).passes.len(), 1);
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
