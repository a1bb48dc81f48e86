//! Walks over two documents in lock step.

use super::content::Content;
use super::digest::{Effort, Hashes};
use super::side::{CheckCancelled, CompareError, Found, Side, in_actual, in_baseline};
use super::state::{Order, Walk};
use crate::commands::golden_compare::drift::Rules;
use crate::commands::golden_compare::drift::difference::{Difference, Drift, Offsets};
use crate::commands::golden_compare::drift::number::{self, Comparison, Number};
use crate::format::json::tokens::cursor::{Container, Cursor};
use crate::format::json::tokens::scan::{Ends, Skipper};
use crate::format::json::tokens::{JsonError, Kind, Tokens};
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

/// Compares two files; of the differences at most `listed` are kept, all are counted.
pub(crate) fn compare<R: Read + Seek>(
    content: Content,
    mut baseline: R,
    mut actual: R,
    rules: &Rules,
    listed: usize,
    check_cancelled: CheckCancelled<'_>,
) -> Result<Found, CompareError> {
    let non_finite = rules.nan.non_finite();
    // A pipe has no size before it is read.
    let size = |document: &mut R, side: Side| match document.seek(SeekFrom::End(0)) {
        Ok(size) => document.rewind().map(|()| size).map_err(|error| side.fault()(JsonError::Read(error))),
        Err(_) => Ok(0),
    };
    let bytes = size(&mut baseline, Side::Baseline)?.saturating_add(size(&mut actual, Side::Actual)?);
    let mut walk = Walk {
        a: Tokens::new(baseline, non_finite).map_err(in_baseline)?,
        b: Tokens::new(actual, non_finite).map_err(in_actual)?,
        rules,
        listed,
        effort: Effort::new(bytes, check_cancelled),
        steps: 0,
        cursor: Cursor::default(),
        frames: Vec::new(),
        at_value: true,
        skipper: Skipper::default(),
        ends: Ends::default(),
        lookups: 0,
        hashes: Hashes::default(),
        trials: 0,
        tried: BTreeMap::new(),
        found: Found::default(),
    };
    if content == Content::Lines {
        walk.a.by_line();
        walk.b.by_line();
        if walk.is_unordered() {
            walk.open_unordered(Container::Lines, 0)?;
        } else {
            walk.open(Container::Lines, 0)?;
        }
    }
    walk.run(0)?;
    walk.a.finish().map_err(in_baseline)?;
    walk.b.finish().map_err(in_actual)?;
    let mut found = walk.found;
    found.drifts.sort_by(Drift::order);
    Ok(found)
}

impl<R: Read + Seek> Walk<'_, R> {
    /// Walks until no more than so many containers are open.
    fn run(&mut self, depth: usize) -> Result<(), CompareError> {
        while self.at_value || self.frames.len() > depth {
            self.count_step()?;
            self.read_common()?;
            if self.at_value {
                self.pair()?;
            } else if self.frames.len() > depth {
                self.advance()?;
            }
        }
        Ok(())
    }

    /// Whether the values at two places are the same by all rules.
    pub(super) fn is_same(&mut self, (a, b): (u64, u64)) -> Result<bool, CompareError> {
        self.a.seek(a).map_err(in_baseline)?;
        self.b.seek(b).map_err(in_actual)?;
        let found = std::mem::take(&mut self.found);
        let listed = std::mem::replace(&mut self.listed, 0);
        self.at_value = true;
        self.run(self.frames.len())?;
        self.listed = listed;
        Ok(std::mem::replace(&mut self.found, found).total == 0)
    }

    /// Compares the value that both documents are at.
    fn pair(&mut self) -> Result<(), CompareError> {
        let kind = self.a.value().map_err(in_baseline)?;
        let other = self.b.value().map_err(in_actual)?;
        let (start, offset) = (self.a.token_offset(), self.b.token_offset());
        self.at_value = false;
        match (kind, other) {
            (Kind::Array, Kind::Array) if self.is_unordered() => {
                return self.open_unordered(Container::Array, start);
            }
            (Kind::Object, Kind::Object) => return self.open(Container::Object, start),
            (Kind::Array, Kind::Array) => return self.open(Container::Array, start),
            (Kind::Text, Kind::Text) => {
                if self.a.raw() != self.b.raw() && self.a.decoded() != self.b.decoded() {
                    let text = |tokens: &Tokens<R>| String::from_utf8_lossy(&tokens.decoded()).into_owned();
                    let (baseline, actual) = (text(&self.a), text(&self.b));
                    self.emit(|| Difference::Text { baseline, actual }, offset, Offsets::default());
                }
            }
            _ if is_number(kind) && is_number(other) => {
                if self.a.raw() != self.b.raw() || kind == Kind::NonFinite {
                    let (a, b) = (text_of(&self.a), text_of(&self.b));
                    self.numbers(number_of(kind, &a), number_of(other, &b), offset);
                }
            }
            (Kind::True | Kind::False, Kind::True | Kind::False) => {
                if kind != other {
                    let (baseline, actual) = (text_of(&self.a), text_of(&self.b));
                    self.emit(|| Difference::Value { baseline, actual }, offset, Offsets::default());
                }
            }
            _ if kind == other => {}
            _ => {
                let values =
                    Offsets { baseline: Some(start_of(kind, start)), actual: Some(start_of(other, offset)) };
                self.emit(|| Difference::Type { baseline: name(kind), actual: name(other) }, offset, values);
                self.skipper
                    .below(self.frames.len())
                    .skip_rest(kind, &mut self.a, None)
                    .map_err(in_baseline)?;
                self.skipper.skip_rest(other, &mut self.b, None).map_err(in_actual)?;
            }
        }
        self.note_first_difference();
        Ok(())
    }

    pub(super) fn numbers(&mut self, a: Number<'_>, b: Number<'_>, offset: u64) {
        let (tolerance, own) = self.rules.tolerance_at(|| self.path());
        let found = number::compare(a, b, tolerance, own, self.rules.int_float, self.rules.nan);
        let text = |number: Number<'_>| number.text().to_owned();
        let difference = || match found {
            Comparison::TypeMismatch => Difference::Type { baseline: name_of(a), actual: name_of(b) },
            Comparison::Same | Comparison::ValueMismatch => {
                Difference::Value { baseline: text(a), actual: text(b) }
            }
            Comparison::Drift => Difference::Float { baseline: text(a), actual: text(b), tolerance },
        };
        if found != Comparison::Same {
            let values =
                Offsets { baseline: Some(self.a.token_offset()), actual: Some(self.b.token_offset()) };
            self.emit(difference, offset, values);
        }
    }

    /// Goes on behind a value, or behind an opening bracket.
    fn advance(&mut self) -> Result<(), CompareError> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        let is_object = self.cursor.innermost().is_some_and(|open| open.container == Container::Object);
        match (&frame.order, is_object) {
            (Order::Same, false) => self.advance_array(),
            (Order::Same, true) => self.advance_object(),
            (Order::ByKey(_), _) => self.advance_lookup(),
            (Order::Pairs(_), _) => self.advance_pairs(),
        }
    }
}

/// Where a value begins whose first token is there: a text begins with its quote.
fn start_of(kind: Kind, token: u64) -> u64 {
    if kind == Kind::Text { token.saturating_sub(1) } else { token }
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Integer | Kind::Float | Kind::NonFinite)
}

fn text_of<R: Read + Seek>(tokens: &Tokens<R>) -> String {
    String::from_utf8_lossy(tokens.raw()).into_owned()
}

fn number_of(kind: Kind, text: &str) -> Number<'_> {
    match kind {
        Kind::Integer => Number::Integer(text),
        Kind::Float => Number::Float(text),
        _ => Number::NonFinite(text),
    }
}

fn name_of(number: Number<'_>) -> &'static str {
    if matches!(number, Number::Integer(_)) { "int" } else { "float" }
}

/// The names of the earlier tool, which operators know.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "dict",
        Kind::Array => "list",
        Kind::Text => "str",
        Kind::Integer => "int",
        Kind::Float | Kind::NonFinite => "float",
        Kind::True | Kind::False => "bool",
        Kind::Null => "NoneType",
    }
}
