//! Which short literals every match of a pattern must contain, and how far from its start.
//!
//! A pattern is cut at each of its elements; the literals with which the rest can start are its anchors
//! there. The place with the cheapest search wins: few and rare literals, close to the start.

use regex_syntax::hir::literal::{Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};
use std::collections::{BTreeMap, BTreeSet};

/// Shortest and longest gram that is searched for.
const GRAM: std::ops::RangeInclusive<usize> = 3..=4;

/// What one more gram costs the search, in nanoseconds a byte of text; measured on a source corpus.
const SLOT_COST: f64 = 0.007;

/// What one hit of a gram costs, in nanoseconds, before the pattern itself is tried.
const HIT_COST: f64 = 30.0;

/// What a hit costs besides when the match may start in front of it, without a byte of that stretch.
const WINDOW_COST: f64 = 200.0;

/// What a hit costs besides when the whole text has to be searched then.
const WHOLE_COST: f64 = 4096.0;

/// A short literal, and where it stands in a match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gram {
    pub(crate) bytes: Vec<u8>,
    /// Bytes between the anchor's start and the gram.
    pub(crate) offset: usize,
}

/// The anchors of a pattern: every match contains one of the grams.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Anchors {
    /// Short literals of which every match contains one.
    pub(crate) grams: BTreeSet<Gram>,
    /// Most bytes between the start of a match and the anchor; `None` without a bound.
    pub(crate) before: Option<usize>,
}

/// Finds the cheapest anchors of `hir`; grams in `known` are searched for anyway and cost no more.
pub(crate) fn find(hir: &Hir, known: &BTreeSet<Vec<u8>>) -> Option<Anchors> {
    best(hir, known).map(|(_, anchors)| anchors)
}

fn best(hir: &Hir, known: &BTreeSet<Vec<u8>>) -> Option<(f64, Anchors)> {
    let elements = flatten(hir);
    let mut before = Some(0_usize);
    let mut found: Option<(f64, Anchors)> = None;
    for (index, element) in elements.iter().enumerate() {
        let rest = Hir::concat(elements[index..].iter().map(|hir| (*hir).clone()).collect());
        let here = from_literals(&rest, known, before).or_else(|| from_branches(element, known, before));
        if let Some(here) = here
            && found.as_ref().is_none_or(|(cost, _)| here.0 < *cost)
        {
            found = Some(here);
        }
        let longest = element.properties().maximum_len();
        before = before.zip(longest).map(|(before, longest)| before + longest);
        if before.is_none() && found.is_some() {
            break;
        }
    }
    found
}

/// The elements of a concatenation, with groups opened.
fn flatten(hir: &Hir) -> Vec<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) => flatten(&capture.sub),
        HirKind::Concat(parts) => parts.iter().flat_map(flatten).collect(),
        _ => vec![hir],
    }
}

/// Anchors of an alternation whose branches have theirs at different distances.
fn from_branches(hir: &Hir, known: &BTreeSet<Vec<u8>>, before: Option<usize>) -> Option<(f64, Anchors)> {
    let HirKind::Alternation(branches) = hir.kind() else { return None };
    let mut cost = 0.0;
    let mut anchors = Anchors { grams: BTreeSet::new(), before };
    let mut deepest = Some(0);
    for branch in branches {
        let (branch_cost, branch) = best(branch, known)?;
        cost += branch_cost;
        anchors.grams.extend(branch.grams);
        deepest = deepest.zip(branch.before).map(|(a, b)| a.max(b));
    }
    anchors.before = before.zip(deepest).map(|(before, inner)| before + inner);
    Some((cost, anchors))
}

fn from_literals(hir: &Hir, known: &BTreeSet<Vec<u8>>, before: Option<usize>) -> Option<(f64, Anchors)> {
    let seq: Seq = Extractor::new().extract(hir);
    let literals = seq.literals()?;
    if literals.is_empty() || literals.iter().any(|literal| literal.len() < *GRAM.start()) {
        return None;
    }
    // Literals that differ only in case share one cut, so that their grams coincide.
    let mut families: BTreeMap<Vec<u8>, Vec<&[u8]>> = BTreeMap::new();
    for literal in literals {
        families.entry(literal.as_bytes().to_ascii_lowercase()).or_default().push(literal.as_bytes());
    }
    let window = match before {
        Some(0) => 0.0,
        Some(before) => WINDOW_COST + before as f64,
        None => WHOLE_COST,
    };
    let price = |gram: &Gram| SLOT_COST + probability(&gram.bytes) * (HIT_COST + window);
    let cuts_of = |members: &[&[u8]]| -> Vec<(usize, usize)> {
        let length = members[0].len();
        GRAM.flat_map(|size| (0..=length.saturating_sub(size)).map(move |at| (at, size)))
            .filter(|(at, size)| at + size <= length)
            .collect()
    };
    let cut = |members: &[&[u8]], (at, size): (usize, usize)| -> BTreeSet<Gram> {
        let gram = |member: &&[u8]| Gram { bytes: member[at..at + size].to_vec(), offset: at };
        members.iter().map(gram).collect()
    };
    let (mut grams, mut total) = (BTreeSet::new(), 0.0);
    for members in families.values() {
        let priced = cuts_of(members).into_iter().map(|at| {
            let cut = cut(members, at);
            let is_new = |gram: &&Gram| !known.contains(&gram.bytes) && !grams.contains(*gram);
            (cut.iter().filter(is_new).map(price).sum::<f64>(), cut)
        });
        let (cost, cut) = priced.min_by(|a, b| a.0.total_cmp(&b.0))?;
        total += cost;
        grams.extend(cut);
    }
    // What is cheapest for each family by itself may cost more than one gram that all of them share.
    let shortest = families.values().min_by_key(|members| members[0].len())?;
    for at in cuts_of(shortest) {
        let shared: BTreeSet<Gram> = families.values().flat_map(|members| cut(members, at)).collect();
        let cost = shared.iter().filter(|gram| !known.contains(&gram.bytes)).map(price).sum::<f64>();
        if cost < total {
            (grams, total) = (shared, cost);
        }
    }
    Some((total, Anchors { grams, before }))
}

/// A guess at how often a gram occurs at a byte of source text.
pub(crate) fn probability(gram: &[u8]) -> f64 {
    gram.iter().map(|byte| share(*byte)).product()
}

/// A guess at the share of a byte in source text, on the high side for rare ones.
fn share(byte: u8) -> f64 {
    match byte {
        b' ' => 0.2,
        b'e' | b't' => 0.07,
        b'-' | b'=' | b'*' | b'/' | b'#' | b'.' => 0.06,
        b'a' | b'i' | b'n' | b'o' | b'r' | b's' => 0.05,
        b'c' | b'd' | b'l' | b'u' | b'p' | b'm' | b'f' => 0.03,
        b'_' | b',' | b'(' | b')' | b':' | b';' | b'"' | b'\'' | b'\n' | b'0' | b'1' => 0.02,
        b'a'..=b'z' => 0.012,
        b'0'..=b'9' => 0.01,
        b'A' | b'C' | b'D' | b'E' | b'I' | b'N' | b'O' | b'P' | b'R' | b'S' | b'T' => 0.008,
        b'A'..=b'Z' => 0.004,
        _ => 0.003,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::scan_secrets::detect::dialect;

    fn anchors(pattern: &str) -> Option<Anchors> {
        find(&dialect::parse(pattern).expect("a pattern"), &BTreeSet::new())
    }

    fn grams(pattern: &str) -> (Vec<String>, Option<usize>) {
        let anchors = anchors(pattern).expect("anchors");
        let text = |gram: &Gram| format!("{}@{}", String::from_utf8_lossy(&gram.bytes), gram.offset);
        (anchors.grams.iter().map(text).collect(), anchors.before)
    }

    #[test]
    fn a_prefix_literal_anchors_at_the_start_behind_a_boundary() {
        assert_eq!(grams(r"\b(AKIA[A-Z0-9]{16})\b"), (vec!["AKIA@0".to_owned()], Some(0)));
    }

    #[test]
    fn a_literal_behind_a_bounded_class_has_its_distance() {
        assert_eq!(grams(r"[a-z0-9]{14}\.atlasv1\.[a-z]{60}").1, Some(14));
    }

    #[test]
    fn a_literal_behind_an_unbounded_part_has_none() {
        assert_eq!(grams(r"[a-z]+ZQX9").1, None);
    }

    #[test]
    fn cases_share_one_cut() {
        let (grams, before) = grams(r"(?i)secret_access");
        assert_eq!(before, Some(0));
        assert!(grams.len() <= 16, "{grams:?}");
    }

    #[test]
    fn a_stem_that_many_literals_share_is_one_gram() {
        assert_eq!(grams(r"xox[abeoprs]-[0-9]{10}"), (vec!["xox@0".to_owned()], Some(0)));
        assert_eq!(grams(r"[a-f0-9]{32}-us[0-9]{1,2}"), (vec!["-us@0".to_owned()], Some(32)));
    }

    #[test]
    fn a_pattern_of_classes_has_no_anchor() {
        assert_eq!(anchors(r"[a-z]{3}[0-9]{3}"), None);
        assert_eq!(anchors(r"(?:AKIA|[a-z]{3})"), None);
    }
}
