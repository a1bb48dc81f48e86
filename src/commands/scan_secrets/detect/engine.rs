//! Finds the matches of every rule in one text, in time linear in its length.
//!
//! The prefilter names places; each rule is tried only there, anchored where its literal starts the
//! pattern. A rule that is tried too often for the length of the text is run once through the rest
//! instead, so that no input makes the scan quadratic.

use crate::commands::scan_secrets::detect::pattern::Matcher;
use crate::commands::scan_secrets::detect::prefilter::Candidate;
use crate::commands::scan_secrets::detect::rules::{Ruleset, SearchPlan};
use std::ops::Range;

/// How many times its own length a text may be looked at by one rule at candidates.
const FUEL_FACTOR: usize = 4;

/// Fuel that even a short text has.
const FUEL_BASE: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) rule: usize,
    pub(crate) matched: Range<usize>,
    pub(crate) secret: Range<usize>,
}

/// The rules with the memory of one thread.
#[derive(Debug)]
pub(crate) struct Engine<'r> {
    ruleset: &'r Ruleset,
    matchers: Vec<Option<Matcher<'r>>>,
    states: Vec<State>,
    always: Vec<usize>,
}

/// What one rule has seen of the current text.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    next: usize,
    /// Every match that ends before this is known.
    searched: usize,
    fuel: usize,
    /// Whether the rest of the text is run through once at the end.
    deferred: bool,
}

impl<'r> Engine<'r> {
    pub(crate) fn new(ruleset: &'r Ruleset) -> Self {
        let count = ruleset.rules.len();
        let always = |index: &usize| {
            let rule = &ruleset.rules[*index];
            rule.regex.is_some() && rule.search == SearchPlan::Always
        };
        Self {
            ruleset,
            matchers: std::iter::repeat_with(|| None).take(count).collect(),
            states: vec![State::default(); count],
            always: (0..count).filter(always).collect(),
        }
    }

    /// Finds every match in `text`, in the order of the text; generic rules only when asked for.
    pub(crate) fn scan(&mut self, text: &[u8], with_generic: bool) -> Result<Vec<Hit>, String> {
        let mut hits = Vec::new();
        let mut failed = Ok(());
        let fuel = text.len().saturating_mul(FUEL_FACTOR).saturating_add(FUEL_BASE);
        self.states.fill(State { fuel, ..State::default() });
        for index in &self.always {
            self.states[*index].deferred = true;
        }
        let ruleset = self.ruleset;
        ruleset.prefilter.search(text, |at, candidates| {
            for candidate in candidates {
                if failed.is_ok() && (with_generic || !ruleset.rules[candidate.rule].is_generic) {
                    failed = self.visit(text, at, *candidate, &mut hits);
                }
            }
        });
        failed?;
        for rule in 0..ruleset.rules.len() {
            if self.states[rule].deferred && (with_generic || !ruleset.rules[rule].is_generic) {
                let from = self.states[rule].next;
                self.run_through(text, rule, from..text.len(), &mut hits)?;
            }
        }
        hits.sort_by_key(|hit| (hit.secret.start, hit.secret.end, hit.rule));
        Ok(hits)
    }

    fn visit(
        &mut self,
        text: &[u8],
        at: usize,
        candidate: Candidate,
        hits: &mut Vec<Hit>,
    ) -> Result<(), String> {
        let Candidate { rule, offset } = candidate;
        let state = &mut self.states[rule];
        let Some(anchor) = at.checked_sub(offset) else { return Ok(()) };
        if state.deferred {
            return Ok(());
        }
        let plan = &self.ruleset.rules[rule];
        let SearchPlan::Near { before, .. } = plan.search else {
            state.deferred = true;
            return Ok(());
        };
        let end = (anchor + plan.reach).min(text.len());
        if anchor < state.next || (before > 0 && end <= state.searched) {
            return Ok(());
        }
        let Some(fuel) = state.fuel.checked_sub(plan.reach + before) else {
            state.deferred = true;
            return Ok(());
        };
        state.fuel = fuel;
        if before > 0 {
            let start = anchor.saturating_sub(before).max(state.next);
            state.searched = end;
            return self.run_through(text, rule, start..end, hits);
        }
        if let Some(found) = self.matcher(rule)?.find(text, anchor..end, true) {
            self.keep(text, rule, found, hits)?;
        }
        Ok(())
    }

    fn run_through(
        &mut self,
        text: &[u8],
        rule: usize,
        span: Range<usize>,
        hits: &mut Vec<Hit>,
    ) -> Result<(), String> {
        let mut start = span.start;
        while start < span.end {
            let Some(found) = self.matcher(rule)?.find(text, start..span.end, false) else { break };
            start = found.end.max(start + 1);
            if self.keep(text, rule, found, hits)? {
                start = self.states[rule].next;
            }
        }
        Ok(())
    }

    /// Records a match, unless it is empty.
    fn keep(
        &mut self,
        text: &[u8],
        rule: usize,
        found: Range<usize>,
        hits: &mut Vec<Hit>,
    ) -> Result<bool, String> {
        if found.is_empty() {
            return Ok(false);
        }
        let group = self.ruleset.rules[rule].secret_group;
        let secret = self.matcher(rule)?.secret(text, &found, group);
        // The last byte may be a delimiter that the next match needs as its first.
        self.states[rule].next = secret.end.max(found.end - 1).max(found.start + 1);
        hits.push(Hit { rule, secret, matched: found });
        Ok(true)
    }

    fn matcher(&mut self, rule: usize) -> Result<&mut Matcher<'r>, String> {
        let slot = &mut self.matchers[rule];
        if slot.is_none() {
            let rule = &self.ruleset.rules[rule];
            let pattern = rule.regex.as_ref().expect("only rules with a pattern have candidates");
            let regex = pattern.regex().map_err(|error| format!("rule `{}`: {error}", rule.id))?;
            *slot = Some(Matcher::new(regex));
        }
        Ok(slot.as_mut().expect("the slot was just filled"))
    }
}
