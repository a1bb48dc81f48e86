//! Walks over two documents in lock step, without building either.
//!
//! Where the two have the same bytes ahead, one is read for both. Where they differ, token stands against
//! token. An object whose keys come in another order is read through once in the actual document to learn
//! where its values are; the walk then goes there, key by key.

mod arrays;
mod content;
mod findings;
mod objects;
mod twin;

pub(super) use content::{Content, compares_something};

use super::unordered::Pairs;
use crate::commands::golden_compare::drift::difference::{Drift, What};
use crate::commands::golden_compare::drift::number::{self, Number, Verdict};
use crate::commands::golden_compare::drift::{NanPolicy, Rules};
use crate::format::json::tokens::keys::Keys;
use crate::format::json::tokens::scan::{Ends, Scan, duplicate};
use crate::format::json::tokens::{Kind, NonFinite, Tokens, Trouble};
use crate::report::exit::Fault;
use objects::Lookup;
use std::io::{Read, Seek};

/// Steps between two looks at the cancellation flag.
const STEPS_BETWEEN_LOOKS: u32 = 1 << 16;

/// Which of the two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Baseline,
    Actual,
}

/// Why a comparison could not be finished.
#[derive(Debug)]
pub(super) enum Failure {
    /// One of the documents cannot be used.
    Document(Side, Trouble),
    /// It was stopped, or asks for what makes no sense.
    Stopped(Fault),
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// All differences, listed or not.
    pub(super) total: u64,
    /// The first of them.
    pub(super) drifts: Vec<Drift>,
    /// Whether the files hold nothing, so that they could not differ.
    pub(super) empty: bool,
}

/// Compares two files; of the differences at most `listed` are kept, all are counted.
pub(super) fn compare<R: Read + Seek>(
    content: Content,
    baseline: R,
    actual: R,
    rules: &Rules,
    listed: usize,
    look: &dyn Fn() -> Result<(), Fault>,
) -> Result<Found, Failure> {
    let non_finite = non_finite(rules);
    let mut walk = Walk {
        a: Tokens::new(baseline, non_finite).map_err(of(Side::Baseline))?,
        b: Tokens::new(actual, non_finite).map_err(of(Side::Actual))?,
        rules,
        listed,
        look,
        steps: 0,
        frames: Vec::new(),
        keys: Vec::new(),
        at_value: true,
        scan: Scan::default(),
        ends: Ends::default(),
        lookups: 0,
        found: Found::default(),
    };
    if content == Content::Lines {
        walk.open(Kind::Array);
        walk.frames[0].form = Form::Documents;
    }
    walk.run()?;
    let mut found = walk.found;
    found.drifts.sort_by(Drift::order);
    Ok(found)
}

/// Whether NaN and its like are tokens at all.
pub(super) fn non_finite(rules: &Rules) -> NonFinite {
    if rules.nan == NanPolicy::Refuse { NonFinite::Refuse } else { NonFinite::Accept }
}

pub(super) fn of(side: Side) -> impl Fn(Trouble) -> Failure {
    move |trouble| Failure::Document(side, trouble)
}

struct Walk<'a, R> {
    a: Tokens<R>,
    b: Tokens<R>,
    rules: &'a Rules,
    listed: usize,
    look: &'a dyn Fn() -> Result<(), Fault>,
    steps: u32,
    frames: Vec<Frame>,
    /// The keys of each open object, by depth.
    keys: Vec<Keys>,
    /// Whether both documents are at a value; else they are behind one, or behind a bracket.
    at_value: bool,
    scan: Scan,
    ends: Ends,
    /// Open frames that go back in the actual document.
    lookups: usize,
    found: Found,
}

struct Frame {
    form: Form,
    /// Entries begun so far.
    count: u64,
    /// Differences before the frame, all and listed.
    before: (u64, usize),
    /// First entry with a difference.
    first: Option<u64>,
}

enum Form {
    /// The documents of a file of several.
    Documents,
    Array,
    Object,
    /// An object whose keys come in another order in the actual document.
    Lookup(Box<Lookup>),
    /// An array without order.
    Pairs(Box<Pairs>),
}

impl<R: Read + Seek> Walk<'_, R> {
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            self.count_step()?;
            self.twin_run()?;
            if self.at_value {
                self.pair()?;
            } else if self.frames.is_empty() {
                break;
            } else {
                self.advance()?;
            }
        }
        self.a.finish().map_err(of(Side::Baseline))?;
        self.b.finish().map_err(of(Side::Actual))
    }

    fn count_step(&mut self) -> Result<(), Failure> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STEPS_BETWEEN_LOOKS) { self.look() } else { Ok(()) }
    }

    fn look(&self) -> Result<(), Failure> {
        (self.look)().map_err(Failure::Stopped)
    }

    /// Compares the value that both documents are at.
    fn pair(&mut self) -> Result<(), Failure> {
        let kind = self.a.value().map_err(of(Side::Baseline))?;
        let other = self.b.value().map_err(of(Side::Actual))?;
        let offset = self.b.token_offset();
        self.at_value = false;
        match (kind, other) {
            (Kind::Array, Kind::Array) if self.is_unordered() => return self.open_unordered(),
            (Kind::Object, Kind::Object) | (Kind::Array, Kind::Array) => {
                self.open(kind);
                return Ok(());
            }
            (Kind::Text, Kind::Text) => {
                if self.a.raw() != self.b.raw() && self.a.decoded() != self.b.decoded() {
                    let shown = |text: &[u8]| format!("\"{}\"", String::from_utf8_lossy(text));
                    let what = What::Value { baseline: shown(self.a.raw()), actual: shown(self.b.raw()) };
                    self.emit(what, offset);
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
                    let what = What::Value { baseline: text_of(&self.a), actual: text_of(&self.b) };
                    self.emit(what, offset);
                }
            }
            _ if kind == other => {}
            _ => {
                self.emit(What::Type { baseline: name(kind), actual: name(other) }, offset);
                let skip = |scan: &mut Scan, kind, tokens: &mut Tokens<R>| match kind {
                    Kind::Object | Kind::Array => scan.pass_rest(kind, tokens, None),
                    _ => Ok(()),
                };
                skip(&mut self.scan, kind, &mut self.a).map_err(of(Side::Baseline))?;
                skip(&mut self.scan, other, &mut self.b).map_err(of(Side::Actual))?;
            }
        }
        self.note_first_difference();
        Ok(())
    }

    fn numbers(&mut self, a: Number<'_>, b: Number<'_>, offset: u64) {
        let (tolerance, own) = self.rules.tolerance_at(|| self.path());
        let text = |number: Number<'_>| number.text().to_owned();
        let what = match number::compare(a, b, tolerance, own, self.rules.int_float, self.rules.nan) {
            Verdict::Same => return,
            Verdict::TypeMismatch => What::Type { baseline: name_of(a), actual: name_of(b) },
            Verdict::ValueMismatch => What::Value { baseline: text(a), actual: text(b) },
            Verdict::Drift(distance) => {
                What::Float { baseline: text(a), actual: text(b), distance, tolerance }
            }
        };
        self.emit(what, offset);
    }

    /// Goes on behind a value, or behind an opening bracket.
    fn advance(&mut self) -> Result<(), Failure> {
        match self.frames.last_mut().map(|frame| &mut frame.form) {
            Some(Form::Documents | Form::Array) => self.advance_array(),
            Some(Form::Object) => self.advance_object(),
            Some(Form::Lookup(_)) => self.advance_lookup(),
            Some(Form::Pairs(_)) => self.advance_pairs(),
            None => Ok(()),
        }
    }

    fn open(&mut self, kind: Kind) {
        let form = if kind == Kind::Array { Form::Array } else { Form::Object };
        let before = (self.found.total, self.found.drifts.len());
        self.frames.push(Frame { form, count: 0, before, first: None });
        let depth = self.frames.len();
        if self.keys.len() < depth {
            self.keys.resize_with(depth, Keys::default);
        }
        self.keys[depth - 1].start();
        self.at_value = false;
    }

    fn close(&mut self) {
        if let Some(Frame { form: Form::Documents, count: 0, .. }) = self.frames.pop() {
            self.found.empty = true;
        }
        self.note_first_difference();
        self.at_value = false;
    }

    fn count_entry(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.count += 1;
        }
    }

    fn keys_here(&self) -> &Keys {
        &self.keys[self.frames.len() - 1]
    }

    /// Notes the key that the baseline has just read.
    #[inline]
    fn note_key(&mut self) -> Result<(), Failure> {
        let depth = self.frames.len();
        if self.keys[depth - 1].note(&self.a.decoded()) {
            return Ok(());
        }
        Err(Failure::Document(Side::Baseline, duplicate(&self.a)))
    }
}

/// Reads on inside an open object, array or file: to its next entry, or past its end.
#[inline]
fn read_on<R: Read + Seek>(tokens: &mut Tokens<R>, frame: &Frame) -> Result<bool, Trouble> {
    let first = frame.count == 0;
    match frame.form {
        Form::Documents => tokens.next_document(),
        Form::Array | Form::Pairs(_) => tokens.next_element(first),
        Form::Object | Form::Lookup(_) => tokens.next_key(first),
    }
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Integer | Kind::Float | Kind::NonFinite)
}

fn text_of<R: Read + Seek>(tokens: &Tokens<R>) -> String {
    String::from_utf8_lossy(tokens.raw()).into_owned()
}

pub(super) fn number_of(kind: Kind, text: &str) -> Number<'_> {
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
pub(super) fn name(kind: Kind) -> &'static str {
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

#[cfg(test)]
mod tests;
