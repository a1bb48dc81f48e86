//! Arrays whose order means nothing: pairs their elements by a field, or by all they hold.
//!
//! Paired by a field they are then compared like any others. Paired by content, equal ones are paired first, and what
//! is left by tolerance, as in `near`.

use super::digest::{self, Detail, Digester, Effort, Hashes};
use super::side::{CompareError, Side};
use crate::commands::golden_compare::drift::{IntFloat, Rule, Rules};
use crate::format::json::path::{Label, Path, Step};
use crate::format::json::tokens::cursor::{Container, Cursor};
use crate::format::json::tokens::scan::Skipper;
use crate::format::json::tokens::{Kind, Tokens};
use crate::report::exit::Fault;
use std::cmp::Ordering;
use std::io::{Read, Seek};

/// Elements between two looks at whether somebody asked for a stop.
const BETWEEN_CHECKS: usize = 1 << 10;

/// Pairs of elements that are still to be compared.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    left: Vec<Pair>,
    labels: Labels,
    next: usize,
    /// The step to two elements that are compared to see whether they are a pair.
    pub(super) trial: Option<Step>,
    /// Where the two arrays end.
    pub(super) end: (u64, u64),
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    a: u64,
    b: u64,
    index: u32,
    label: u32,
}

/// The texts of labels, one behind the other. None holds the end of a line.
#[derive(Debug, Default)]
struct Labels(String);

impl Labels {
    fn add(&mut self, label: &str) -> Option<u32> {
        let at = u32::try_from(self.0.len()).ok()?;
        self.0.push_str(label);
        self.0.push('\n');
        Some(at)
    }

    fn get(&self, at: u32) -> &str {
        self.0[at as usize..].split('\n').next().unwrap_or_default()
    }
}

/// An element: what pairs it, where it begins and stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) identity: u128,
    pub(super) start: u64,
    pub(super) index: u32,
    label: u32,
}

/// The elements of an array.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub(super) list: Vec<Element>,
    /// Those of which all is ignored, which only count.
    ignored: Vec<Element>,
    labels: Labels,
    pub(super) is_keyed: bool,
}

impl Pairs {
    /// Where the next two elements are.
    pub(super) fn next(&mut self) -> Option<(u64, u64)> {
        let pair = self.left.get(self.next)?;
        self.next += 1;
        Some((pair.a, pair.b))
    }

    /// The step to the pair that is being compared.
    pub(super) fn step(&self) -> Step {
        if let Some(trial) = &self.trial {
            return trial.clone();
        }
        let pair = self.left.get(self.next.saturating_sub(1));
        let label = pair
            .map(|pair| Label { text: self.labels.get(pair.label).to_owned(), index: u64::from(pair.index) });
        label.map_or(Step::Index(0), Step::Label)
    }
}

/// An element that has no partner: where it begins, and the step to it.
pub(super) struct Single {
    pub(super) start: u64,
    pub(super) step: Step,
}

/// Pairs elements by what identifies them, and gives back those of each side that have no partner.
pub(super) fn pair(a: &mut Elements, b: &mut Elements) -> (Pairs, [Vec<Element>; 2]) {
    let order = |one: &Element, other: &Element| {
        one.identity.cmp(&other.identity).then_with(|| one.start.cmp(&other.start))
    };
    a.list.sort_unstable_by(order);
    b.list.sort_unstable_by(order);
    let mut pairs = Vec::new();
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    let (mut left, mut right) = (a.list.iter().peekable(), b.list.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.identity.cmp(&other.identity),
        };
        match order {
            Ordering::Less => missing.extend(left.next()),
            Ordering::Greater => extra.extend(right.next()),
            Ordering::Equal => {
                if let (Some(one), Some(other)) = (left.next(), right.next())
                    && a.is_keyed
                {
                    pairs.push(Pair { a: one.start, b: other.start, index: one.index, label: one.label });
                }
            }
        }
    }
    pairs.sort_unstable_by_key(|pair| pair.a);
    (Pairs { left: pairs, ..Pairs::default() }, [missing, extra])
}

impl Elements {
    /// Elements without a partner as they are named, those included that only count: as many more as this side has.
    pub(super) fn singles(&self, unpaired: &[Element], other: &Self) -> Vec<Single> {
        let more = self
            .ignored
            .iter()
            .skip(other.ignored.len())
            .map(|element| Single { start: element.start, step: Step::Index(u64::from(element.index)) });
        let named = unpaired.iter().map(|element| {
            let index = u64::from(element.index);
            let label = || Label { text: self.labels.get(element.label).to_owned(), index };
            let step = if self.is_keyed { Step::Label(label()) } else { Step::Index(index) };
            Single { start: element.start, step }
        });
        let mut singles: Vec<Single> = named.chain(more).collect();
        singles.sort_by_key(|single| single.start);
        singles
    }

    /// Hands the labels to the pairs, which are named as the baseline names them.
    pub(super) fn name(self, pairs: &mut Pairs) {
        pairs.labels = self.labels;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.ignored.is_empty()
    }
}

/// Reads the elements of one of the two arrays.
pub(super) struct Reader<'a, R> {
    pub(super) tokens: &'a mut Tokens<R>,
    pub(super) side: Side,
    pub(super) path: &'a Path,
    pub(super) rules: &'a Rules,
    pub(super) hashes: &'a Hashes,
    pub(super) effort: &'a Effort<'a>,
}

impl<R: Read + Seek> Reader<'_, R> {
    pub(super) fn elements(
        &mut self,
        container: Container,
        rule: &Rule<Option<String>>,
    ) -> Result<Elements, CompareError> {
        let in_document = self.side.fault();
        let too_many = || CompareError::Fault(Fault::config("--ignore-order cannot hold that many elements"));
        let mut skipper = Skipper::default();
        skipper.below(self.path.0.len() + 1);
        let mut found = Elements { is_keyed: rule.what.is_some(), ..Elements::default() };
        let mut cursor = Cursor::default();
        cursor.enter(container, 0).map_err(&in_document)?;
        let mut index: u32 = 0;
        while cursor.advance(self.tokens).map_err(&in_document)? {
            if (index as usize).is_multiple_of(BETWEEN_CHECKS) {
                (self.effort.check_cancelled)()?;
            }
            let start = self.tokens.offset();
            let at = self.path.with(Step::Index(u64::from(index)));
            let mut element = Element { identity: 0, start, index, label: 0 };
            if !self.rules.ignored.is_empty() && self.rules.ignores(&at) {
                skipper.skip_value(self.tokens, None).map_err(&in_document)?;
                found.ignored.push(element);
            } else if let Some(field) = &rule.what {
                let (identity, text) = self.field(field, &at, &mut skipper)?;
                let label = Label { text, index: u64::from(index) };
                element.identity = identity;
                element.label = found.labels.add(&label.text).ok_or_else(too_many)?;
                // An element that is named by its field and ignored is not there on either side.
                if self.rules.ignored.is_empty() || !self.rules.ignores(&self.path.with(Step::Label(label))) {
                    found.list.push(element);
                }
            } else {
                let detail = Detail::Whole;
                let Self { side, rules, hashes, effort, .. } = *self;
                let tokens = &mut *self.tokens;
                let mut digester = Digester { tokens, side, rules, hashes, effort, detail };
                element.identity = digester.digest(&at, &mut skipper)?.hash;
                found.list.push(element);
            }
            index = index.checked_add(1).ok_or_else(too_many)?;
        }
        self.refuse_twins(&mut found)?;
        Ok(found)
    }

    /// Refuses elements that a field does not tell apart.
    fn refuse_twins(&self, found: &mut Elements) -> Result<(), CompareError> {
        if !found.is_keyed {
            return Ok(());
        }
        found.list.sort_unstable_by_key(|element| (element.identity, element.start));
        let twins = found.list.windows(2).filter(|pair| pair[0].identity == pair[1].identity);
        match twins.map(|pair| pair[1]).min_by_key(|element| element.start) {
            None => Ok(()),
            Some(twin) => {
                let at = self.path.with(Step::Index(u64::from(twin.index)));
                let label = found.labels.get(twin.label);
                Err(self.unfit(&format!("{at} has the same {label} as an element before it")))
            }
        }
    }

    fn unfit(&self, reason: &str) -> CompareError {
        let side = self.side;
        let message = format!("--ignore-order cannot pair the elements of the {side} document: {reason}");
        Fault::config(message).into()
    }

    /// Reads an element, and what it has in a field: what identifies it, and its label.
    fn field(
        &mut self,
        field: &str,
        at: &Path,
        skipper: &mut Skipper,
    ) -> Result<(u128, String), CompareError> {
        let in_document = self.side.fault();
        if self.tokens.value().map_err(&in_document)? != Kind::Object {
            return Err(self.unfit(&format!("{at} is not an object with a field `{field}`")));
        }
        let mut cursor = Cursor::default();
        cursor.enter(Container::Object, 0).map_err(&in_document)?;
        let mut found = None;
        while cursor.advance(self.tokens).map_err(&in_document)? {
            if cursor.key() != field.as_bytes() {
                skipper.skip_value(self.tokens, None).map_err(&in_document)?;
                continue;
            }
            let kind = self.tokens.value().map_err(&in_document)?;
            if matches!(kind, Kind::Object | Kind::Array | Kind::Null | Kind::NonFinite) {
                return Err(self.unfit(&format!("{at} has no plain value in `{field}`")));
            }
            let text = self.tokens.decoded();
            let label = Label::text_of(field, &String::from_utf8_lossy(&text), kind == Kind::Text);
            found = Some((digest::scalar(self.hashes, kind, &text, IntFloat::Lenient, 0), label));
        }
        found.ok_or_else(|| self.unfit(&format!("{at} has no field `{field}`")))
    }
}
