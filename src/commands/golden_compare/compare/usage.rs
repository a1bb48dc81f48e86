//! Which rules found something that they count for: one that did not is likely to be mistyped.

use super::content::Content;
use crate::commands::golden_compare::drift::Rules;
use crate::format::json::path::{Label, Path, Pattern, Step};
use crate::format::json::tokens::cursor::{Container, Cursor};
use crate::format::json::tokens::scan::Skipper;
use crate::format::json::tokens::{JsonError, Kind, NonFinite, Tokens};
use std::collections::BTreeSet;
use std::io::{Read, Seek};

/// What a rule counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Anything,
    Numbers,
    Arrays,
}

/// A rule that found nothing yet.
struct Pending<'a> {
    pattern: &'a Pattern,
    given: &'a str,
    target: Target,
    /// By depth: which parts of the pattern may come next.
    states: Vec<Vec<bool>>,
}

/// Adds the rules that count for something in a valid document to those that are known to.
pub(crate) fn note<'a, R: Read + Seek>(
    content: Content,
    document: R,
    rules: &'a Rules,
    used: &mut BTreeSet<String>,
) -> Result<(), JsonError> {
    let pending = |pattern: &'a Pattern, given: &'a str, target| Pending {
        pattern,
        given,
        target,
        states: vec![pattern.start()],
    };
    let tolerances = rules.tolerances.iter().map(|rule| pending(&rule.at, &rule.given, Target::Numbers));
    let ignored = rules.ignored.iter().map(|rule| pending(&rule.at, &rule.given, Target::Anything));
    let unordered = rules.unordered.iter().map(|rule| pending(&rule.at, &rule.given, Target::Arrays));
    let mut all: Vec<Pending> = tolerances.chain(ignored).chain(unordered).collect();
    all.retain(|rule| !used.contains(rule.given));
    if all.is_empty() {
        return Ok(());
    }
    let has_labels = all.iter().any(|rule| rule.pattern.has_label());
    let mut tokens = Tokens::new(document, NonFinite::Accept)?;
    let mut scan =
        Scan { pending: all, used, rules, has_labels, fields: Vec::new(), skipper: Skipper::default() };
    let mut cursor = Cursor::default();
    if content == Content::Lines {
        tokens.by_line();
        scan.visit(Kind::Array);
        scan.enter(Container::Lines, &Path::default());
        cursor.enter(Container::Lines, 0)?;
    } else {
        scan.value(&mut tokens, &mut cursor)?;
    }
    while !scan.pending.is_empty() && cursor.innermost().is_some() {
        if cursor.advance(&mut tokens)? {
            let step = scan.step(&mut tokens, &cursor)?;
            scan.pending.iter_mut().for_each(|rule| {
                let next = rule.states.last().map(|states| rule.pattern.after(states, &step));
                rule.states.extend(next);
            });
            scan.value(&mut tokens, &mut cursor)?;
        } else {
            cursor.leave();
            scan.fields.pop();
            scan.leave();
        }
    }
    Ok(())
}

struct Scan<'a, 'u> {
    pending: Vec<Pending<'a>>,
    used: &'u mut BTreeSet<String>,
    rules: &'a Rules,
    has_labels: bool,
    /// By depth: the field that the elements of an array are known by.
    fields: Vec<Option<&'a str>>,
    skipper: Skipper,
}

impl Scan<'_, '_> {
    /// Reads a value, or the bracket of one.
    fn value<R: Read + Seek>(
        &mut self,
        tokens: &mut Tokens<R>,
        cursor: &mut Cursor,
    ) -> Result<(), JsonError> {
        let kind = tokens.value()?;
        self.visit(kind);
        match Container::of(kind) {
            // Where no rule can count for anything, what is there need not be looked at.
            Some(_) if !self.is_alive() => {
                self.skipper.skip_rest(kind, tokens, None)?;
                self.leave();
            }
            Some(container) => {
                self.enter(container, &cursor.path());
                cursor.enter(container, tokens.token_offset())?;
            }
            None => self.leave(),
        }
        Ok(())
    }

    /// Takes note of the rules that count for a value of this kind here.
    fn visit(&mut self, kind: Kind) {
        let used = &mut *self.used;
        self.pending.retain(|rule| {
            let is_here = rule.states.last().is_some_and(|states| rule.pattern.is_end(states));
            let counts = match rule.target {
                Target::Anything => true,
                Target::Numbers => matches!(kind, Kind::Integer | Kind::Float | Kind::NonFinite),
                Target::Arrays => kind == Kind::Array,
            };
            if is_here && counts {
                used.insert(rule.given.to_owned());
            }
            !(is_here && counts)
        });
    }

    fn is_alive(&self) -> bool {
        self.pending.iter().any(|rule| rule.states.last().is_some_and(|states| states.contains(&true)))
    }

    fn enter(&mut self, container: Container, path: &Path) {
        let is_array = matches!(container, Container::Array | Container::Lines);
        let rule = if self.has_labels && is_array { self.rules.unordered_at(|| path.clone()) } else { None };
        self.fields.push(rule.and_then(|rule| rule.what.as_deref()));
    }

    fn leave(&mut self) {
        for rule in &mut self.pending {
            rule.states.pop();
        }
    }

    /// The step to the entry that the cursor is at.
    fn step<R: Read + Seek>(&mut self, tokens: &mut Tokens<R>, cursor: &Cursor) -> Result<Step, JsonError> {
        let Some(open) = cursor.innermost() else { return Ok(Step::Index(0)) };
        let index = open.count.saturating_sub(1);
        if open.container == Container::Object {
            return Ok(Step::Key(String::from_utf8_lossy(cursor.key()).into_owned()));
        }
        let Some(Some(field)) = self.fields.last().copied() else { return Ok(Step::Index(index)) };
        let start = tokens.offset();
        let text = self.label(tokens, field)?;
        tokens.seek(start)?;
        Ok(text.map_or(Step::Index(index), |text| Step::Label(Label { text, index })))
    }

    /// What an element has in a field.
    fn label<R: Read + Seek>(
        &mut self,
        tokens: &mut Tokens<R>,
        field: &str,
    ) -> Result<Option<String>, JsonError> {
        if tokens.value()? != Kind::Object {
            return Ok(None);
        }
        let mut cursor = Cursor::default();
        cursor.enter(Container::Object, 0)?;
        while cursor.advance(tokens)? {
            if cursor.key() == field.as_bytes() {
                let kind = tokens.value()?;
                let text = String::from_utf8_lossy(&tokens.decoded()).into_owned();
                return Ok(Some(Label::text_of(field, &text, kind == Kind::Text)));
            }
            self.skipper.skip_value(tokens, None)?;
        }
        Ok(None)
    }
}
