//! Elements of arrays without order that are not equal, and the same by the rules: pairs them so that as many as can
//! be have a partner.

use super::digest::{Detail, Digest, Digester};
use super::side::{CompareError, Side};
use super::state::{Order, Walk};
use super::unordered::Element;
use crate::format::json::path::{Path, Step};
use crate::format::json::tokens::scan::Skipper;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Seek};

/// Most pairs of an array that are tried one by one. What has no partner by then is a difference.
const MOST_TRIES: usize = 200_000;

/// An element, and what must be equal for it to be close to another one.
struct Candidate {
    element: Element,
    shape: u128,
    /// Elements that are close to each other have numbers that are.
    numbers: Vec<f64>,
}

impl Candidate {
    fn order(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.iter().zip(&other.numbers);
        let differing = numbers.map(|(one, other)| one.total_cmp(other)).find(|order| order.is_ne());
        self.shape.cmp(&other.shape).then(differing.unwrap_or(Ordering::Equal))
    }
}

impl<R: Read + Seek> Walk<'_, R> {
    /// Takes those of both sides away that are pairs.
    pub(super) fn pair_near(
        &mut self,
        path: &Path,
        [a, b]: [Vec<Element>; 2],
    ) -> Result<[Vec<Element>; 2], CompareError> {
        if a.is_empty() || b.is_empty() || !self.rules.has_tolerance() {
            return Ok([a, b]);
        }
        if self.trials == 0 {
            self.tried.clear();
        }
        let candidates = [self.candidates(path, Side::Baseline, a)?, self.candidates(path, Side::Actual, b)?];
        let mut left = [Vec::new(), Vec::new()];
        let mut tries = 0;
        let groups = candidates.each_ref().map(|all| all.chunk_by(|one, other| one.shape == other.shape));
        let [mut ours, mut theirs] = groups.map(Iterator::peekable);
        while ours.peek().is_some() || theirs.peek().is_some() {
            let order = match (ours.peek(), theirs.peek()) {
                (Some(one), Some(other)) => one[0].shape.cmp(&other[0].shape),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            let one = ours.next_if(|_| order.is_le()).unwrap_or_default();
            let other = theirs.next_if(|_| order.is_ge()).unwrap_or_default();
            let matching = self.matching(one, other, &mut tries)?;
            let singles = one.iter().zip(&matching).filter(|(_, partner)| partner.is_none());
            left[0].extend(singles.map(|(one, _)| one.element));
            let mut is_paired = vec![false; other.len()];
            for at in matching.iter().flatten() {
                is_paired[*at] = true;
            }
            let singles = other.iter().zip(is_paired).filter(|(_, is_paired)| !is_paired);
            left[1].extend(singles.map(|(other, _)| other.element));
        }
        Ok(left)
    }

    fn candidates(
        &mut self,
        path: &Path,
        side: Side,
        elements: Vec<Element>,
    ) -> Result<Vec<Candidate>, CompareError> {
        let in_document = side.fault();
        let mut skipper = Skipper::default();
        let mut candidates = Vec::with_capacity(elements.len());
        for element in elements {
            self.count_step()?;
            let tokens = if side == Side::Baseline { &mut self.a } else { &mut self.b };
            tokens.seek(element.start).map_err(&in_document)?;
            let (rules, hashes, effort, detail) = (self.rules, &self.hashes, &self.effort, Detail::Shape);
            let at = path.with(Step::Index(u64::from(element.index)));
            let mut digester = Digester { tokens, side, rules, hashes, effort, detail };
            let Digest { hash: shape, numbers } = digester.digest(&at, &mut skipper)?;
            candidates.push(Candidate { element, shape, numbers });
        }
        candidates.sort_by(Candidate::order);
        Ok(candidates)
    }

    /// The partner of each of the first, of candidates of one shape.
    fn matching(
        &mut self,
        one: &[Candidate],
        other: &[Candidate],
        tries: &mut usize,
    ) -> Result<Vec<Option<usize>>, CompareError> {
        let mut partners = vec![None; one.len()];
        let mut of_other = vec![None; other.len()];
        // In the order of their numbers most have their partner beside them.
        let (mut i, mut j) = (0, 0);
        while i < one.len() && j < other.len() {
            if self.is_near(&one[i], &other[j])? {
                (partners[i], of_other[j]) = (Some(j), Some(i));
                (i, j) = (i + 1, j + 1);
            } else if one[i].order(&other[j]).is_le() {
                i += 1;
            } else {
                j += 1;
            }
        }
        for first in 0..one.len() {
            if partners[first].is_some() || other.len() == one.len() && of_other.iter().all(Option::is_some) {
                continue;
            }
            // A partner that is taken may have another one to go to.
            let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
            let mut queue = VecDeque::from([first]);
            let mut free = None;
            'search: while let Some(at) = queue.pop_front() {
                for (to, candidate) in other.iter().enumerate() {
                    if came_from.contains_key(&to) {
                        continue;
                    }
                    let is_known = self.tried.contains_key(&(one[at].element.start, candidate.element.start));
                    if !is_known {
                        if *tries >= MOST_TRIES {
                            break 'search;
                        }
                        *tries += 1;
                    }
                    if self.is_near(&one[at], candidate)? {
                        came_from.insert(to, at);
                        if let Some(next) = of_other[to] {
                            queue.push_back(next);
                        } else {
                            free = Some(to);
                            break 'search;
                        }
                    }
                }
            }
            while let Some(to) = free {
                let at = came_from[&to];
                free = partners[at];
                (partners[at], of_other[to]) = (Some(to), Some(at));
            }
        }
        Ok(partners)
    }

    /// Whether two elements are the same by all rules.
    fn is_near(&mut self, one: &Candidate, other: &Candidate) -> Result<bool, CompareError> {
        let starts = (one.element.start, other.element.start);
        if let Some(is_near) = self.tried.get(&starts) {
            return Ok(*is_near);
        }
        let step = Step::Index(u64::from(one.element.index));
        if let Some(Order::Pairs(pairs)) = self.frames.last_mut().map(|frame| &mut frame.order) {
            pairs.trial = Some(step);
        }
        self.trials += 1;
        let is_same = self.is_same(starts)?;
        self.trials -= 1;
        self.tried.insert(starts, is_same);
        if let Some(Order::Pairs(pairs)) = self.frames.last_mut().map(|frame| &mut frame.order) {
            pairs.trial = None;
        }
        Ok(is_same)
    }
}
