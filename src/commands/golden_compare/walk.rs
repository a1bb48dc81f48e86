//! Walks over two documents in lock step, without building either.
//!
//! Where the two have the same bytes ahead, one is read for both. Where they differ, token stands against
//! token. An object whose keys come in another order is read through once in the actual document to learn
//! where its values are; the walk then goes there, key by key.

use super::unordered::{self, Pairs};
use crate::domain::golden::drift::{Drift, What};
use crate::domain::golden::number::{self, Number, Verdict};
use crate::domain::golden::path::{Path, Step};
use crate::domain::golden::{NanPolicy, Rules};
use crate::exit::Fault;
use crate::sys::tokens::keys::Keys;
use crate::sys::tokens::scan::{Ends, Scan, duplicate};
use crate::sys::tokens::{Kind, NonFinite, Tokens, Trouble};
use std::io::{Read, Seek};

/// Fewer equal bytes than this are compared token by token.
const WORTH_A_TWIN_RUN_BYTES: usize = 96;
/// A window with less ahead than this is filled before the two are compared.
const TOP_UP_BYTES: usize = 64 * 1024;
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

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// One JSON document.
    Document,
    /// Any number of JSON documents, one after another.
    Lines,
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

/// What is left of an object in the actual document.
struct Lookup {
    entries: Vec<Entry>,
    /// Where the object ends.
    end: u64,
    missing: Vec<String>,
    missing_at: u64,
}

struct Entry {
    key: Box<[u8]>,
    /// Where its value begins.
    value: u64,
    used: bool,
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

    /// Reads the baseline for both documents, as far as both have the same bytes ahead.
    fn twin_run(&mut self) -> Result<(), Failure> {
        if !self.in_order() {
            return Ok(());
        }
        let equal = self.equal_bytes_ahead()?;
        if equal < WORTH_A_TWIN_RUN_BYTES {
            return Ok(());
        }
        let start = self.a.offset();
        let end = start + equal as u64;
        self.look()?;
        let result = self.twin_steps(end);
        let read = self.a.offset() - start;
        let start = self.b.offset();
        self.b.seek(start + read).map_err(of(Side::Actual))?;
        result
    }

    /// A token counts when the byte behind it is equal as well: a number might go on there.
    fn twin_steps(&mut self, end: u64) -> Result<(), Failure> {
        let of_baseline = of(Side::Baseline);
        loop {
            if self.at_value {
                let kind = self.a.value().map_err(&of_baseline)?;
                if self.a.offset() >= end {
                    self.a.rewind();
                    return Ok(());
                }
                match kind {
                    Kind::Array if self.is_unordered() => {
                        self.a.rewind();
                        return Ok(());
                    }
                    Kind::Object | Kind::Array => self.open(kind),
                    Kind::NonFinite => {
                        let text = text_of(&self.a);
                        let number = Number::NonFinite(&text);
                        self.numbers(number, number, self.b.offset());
                        self.note_first_difference();
                        self.at_value = false;
                    }
                    _ => self.at_value = false,
                }
                continue;
            }
            if !self.in_order() {
                return Ok(());
            }
            let Some(frame) = self.frames.last_mut() else { return Ok(()) };
            let is_object = matches!(frame.form, Form::Object);
            let more = read_on(&mut self.a, frame).map_err(&of_baseline)?;
            if self.a.offset() >= end {
                self.a.rewind();
                return Ok(());
            }
            if more {
                self.count_entry();
                if is_object {
                    self.note_key()?;
                }
                self.at_value = true;
            } else {
                self.close();
            }
        }
    }

    /// Whether both documents go on in the same order here.
    fn in_order(&self) -> bool {
        let ordered = |frame: &Frame| matches!(frame.form, Form::Documents | Form::Array | Form::Object);
        self.at_value || self.frames.last().is_some_and(ordered)
    }

    fn equal_bytes_ahead(&mut self) -> Result<usize, Failure> {
        let start = |bytes: &[u8]| bytes.len().min(16);
        let (a, b) = (self.a.rest(), self.b.rest());
        let least = start(a).min(start(b));
        if a[..least] != b[..least] {
            return Ok(0);
        }
        if a.len() < TOP_UP_BYTES || b.len() < TOP_UP_BYTES {
            self.a.top_up(TOP_UP_BYTES).map_err(of(Side::Baseline))?;
            self.b.top_up(TOP_UP_BYTES).map_err(of(Side::Actual))?;
        }
        let (a, b) = (self.a.rest(), self.b.rest());
        let blocks = a.chunks(64).zip(b.chunks(64));
        let equal = 64 * blocks.take_while(|(a, b)| a == b).count();
        let equal = equal.min(a.len()).min(b.len());
        let tail = a[equal..].iter().zip(&b[equal..]).take_while(|(a, b)| a == b).count();
        Ok(equal + tail)
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

    fn advance_array(&mut self) -> Result<(), Failure> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        let count = frame.count;
        let more = read_on(&mut self.a, frame).map_err(of(Side::Baseline))?;
        let other = read_on(&mut self.b, frame).map_err(of(Side::Actual))?;
        match (more, other) {
            (true, true) => {
                self.count_entry();
                self.at_value = true;
                return Ok(());
            }
            (false, false) => {}
            (true, false) => {
                let rest = rest_of_array(&mut self.scan, &mut self.a, frame).map_err(of(Side::Baseline))?;
                self.emit_length(count + rest, count);
            }
            (false, true) => {
                let rest = rest_of_array(&mut self.scan, &mut self.b, frame).map_err(of(Side::Actual))?;
                self.emit_length(count, count + rest);
            }
        }
        self.close();
        Ok(())
    }

    /// One difference stands for all inside: an element more at the front would make every one differ.
    fn emit_length(&mut self, baseline: u64, actual: u64) {
        let Some(frame) = self.frames.last() else { return };
        let first = frame.first.unwrap_or(baseline.min(actual));
        let (total, listed) = frame.before;
        self.found.total = total;
        self.found.drifts.truncate(listed);
        let offset = self.b.offset().saturating_sub(1);
        self.emit_here(What::Length { baseline, actual, first }, offset);
    }

    fn advance_object(&mut self) -> Result<(), Failure> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        let more = read_on(&mut self.a, frame).map_err(of(Side::Baseline))?;
        let other = read_on(&mut self.b, frame).map_err(of(Side::Actual))?;
        if !more && !other {
            self.close();
            return Ok(());
        }
        let same = more && other && (self.a.raw() == self.b.raw() || self.a.decoded() == self.b.decoded());
        let known = self.keys_here().len();
        if more {
            self.count_entry();
            self.note_key()?;
        }
        if same {
            self.at_value = true;
            return Ok(());
        }
        let lookup = self.look_ahead(other, known)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.form = Form::Lookup(Box::new(lookup));
            self.lookups += 1;
        }
        if more { self.look_up() } else { self.close_lookup() }
    }

    /// Reads the actual object to its end, to learn where its values are. `known` keys came before.
    fn look_ahead(&mut self, mut more: bool, known: usize) -> Result<Lookup, Failure> {
        let fail = of(Side::Actual);
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = Keys::default();
        while more {
            let depth = self.frames.len();
            let key = self.b.decoded();
            if self.keys[depth - 1].has(&key, known) || !seen.note(&key) {
                return Err(fail(duplicate(&self.b)));
            }
            entries.push(Entry { key: key.into(), value: self.b.offset(), used: false });
            self.scan.pass(&mut self.b, Some(&mut self.ends)).map_err(&fail)?;
            more = self.b.next_key(false).map_err(&fail)?;
            self.count_step()?;
        }
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Lookup { entries, end: self.b.offset(), missing: Vec::new(), missing_at: self.b.offset() - 1 })
    }

    fn advance_lookup(&mut self) -> Result<(), Failure> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        if read_on(&mut self.a, frame).map_err(of(Side::Baseline))? {
            self.count_entry();
            self.note_key()?;
            self.look_up()
        } else {
            self.close_lookup()
        }
    }

    /// Goes to the value of the baseline's current key in the actual document.
    fn look_up(&mut self) -> Result<(), Failure> {
        let depth = self.frames.len();
        let key = self.keys[depth - 1].last();
        let Some(Frame { form: Form::Lookup(lookup), .. }) = self.frames.last_mut() else { return Ok(()) };
        if let Ok(at) = lookup.entries.binary_search_by(|entry| entry.key.as_ref().cmp(key)) {
            let entry = &mut lookup.entries[at];
            entry.used = true;
            self.b.seek(entry.value).map_err(of(Side::Actual))?;
            self.at_value = true;
            return Ok(());
        }
        lookup.missing.push(String::from_utf8_lossy(key).into_owned());
        self.scan.pass(&mut self.a, None).map_err(of(Side::Baseline))
    }

    fn close_lookup(&mut self) -> Result<(), Failure> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let Form::Lookup(lookup) = std::mem::replace(&mut frame.form, Form::Object) else { return Ok(()) };
        self.b.seek(lookup.end).map_err(of(Side::Actual))?;
        self.lookups -= 1;
        if self.lookups == 0 {
            self.ends.clear();
        }
        let unused = lookup.entries.iter().filter(|entry| !entry.used);
        let extra: Vec<(String, u64)> =
            unused.map(|entry| (String::from_utf8_lossy(&entry.key).into_owned(), entry.value)).collect();
        let extra_at = extra.first().map_or(lookup.end, |(_, at)| *at);
        let extra = extra.into_iter().map(|(key, _)| key).collect();
        let missing = self.not_ignored(lookup.missing);
        let extra = self.not_ignored(extra);
        if !missing.is_empty() {
            self.emit_here(What::Missing { noun: "keys", names: missing }, lookup.missing_at);
        }
        if !extra.is_empty() {
            self.emit_here(What::Extra { noun: "keys", names: extra }, extra_at);
        }
        self.close();
        Ok(())
    }

    fn not_ignored(&self, mut keys: Vec<String>) -> Vec<String> {
        if !self.rules.ignored.is_empty() && !keys.is_empty() {
            let here = self.path_here();
            keys.retain(|key| !self.rules.ignores(&here.with(Step::Key(key.clone()))));
        }
        keys.sort();
        keys
    }

    fn is_unordered(&self) -> bool {
        self.rules.unordered_at(|| self.path()).is_some()
    }

    fn open_unordered(&mut self) -> Result<(), Failure> {
        let path = self.path();
        let Some(rule) = self.rules.unordered_at(|| path.clone()) else { return Ok(()) };
        let (pairs, drifts) = unordered::pair(&mut self.a, &mut self.b, &path, rule, self.rules, self.look)?;
        self.open(Kind::Array);
        self.at_value = false;
        let at = self.b.offset() - 1;
        for what in drifts {
            self.emit_here(what, at);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.form = Form::Pairs(Box::new(pairs));
        }
        Ok(())
    }

    fn advance_pairs(&mut self) -> Result<(), Failure> {
        let Some(Frame { form: Form::Pairs(pairs), .. }) = self.frames.last_mut() else { return Ok(()) };
        let (a, b, more) = match pairs.next() {
            Some((a, b)) => (a, b, true),
            None => (pairs.end.0, pairs.end.1, false),
        };
        self.a.seek(a).map_err(of(Side::Baseline))?;
        self.b.seek(b).map_err(of(Side::Actual))?;
        if more {
            self.count_entry();
            self.at_value = true;
        } else {
            self.close();
        }
        Ok(())
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

    fn note_first_difference(&mut self) {
        if let Some(frame) = self.frames.last_mut()
            && frame.first.is_none()
            && self.found.total > frame.before.0
        {
            frame.first = frame.count.checked_sub(1);
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

    /// The path of the value that is compared.
    fn path(&self) -> Path {
        Path(self.frames.iter().enumerate().map(|(depth, frame)| self.step(depth, frame)).collect())
    }

    /// The path of the innermost open object or array.
    fn path_here(&self) -> Path {
        let mut path = self.path();
        path.0.pop();
        path
    }

    fn step(&self, depth: usize, frame: &Frame) -> Step {
        match &frame.form {
            Form::Documents | Form::Array => Step::Index(frame.count.saturating_sub(1)),
            Form::Pairs(pairs) => pairs.step(),
            Form::Object | Form::Lookup(_) => {
                Step::Key(String::from_utf8_lossy(self.keys[depth].last()).into_owned())
            }
        }
    }

    fn emit(&mut self, what: What, offset: u64) {
        if self.rules.ignored.is_empty() && self.found.drifts.len() >= self.listed {
            self.found.total += 1;
        } else {
            self.keep(self.path(), what, offset);
        }
    }

    fn emit_here(&mut self, what: What, offset: u64) {
        self.keep(self.path_here(), what, offset);
    }

    fn keep(&mut self, path: Path, what: What, offset: u64) {
        if self.rules.ignores(&path) {
            return;
        }
        self.found.total += 1;
        if self.found.drifts.len() < self.listed {
            self.found.drifts.push(Drift { path: path.shortened(), what, offset });
        }
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

/// Counts the elements that are left, the one included that the tokens are at.
fn rest_of_array<R: Read + Seek>(
    scan: &mut Scan,
    tokens: &mut Tokens<R>,
    frame: &Frame,
) -> Result<u64, Trouble> {
    let mut count = 0;
    loop {
        scan.pass(tokens, None)?;
        count += 1;
        let more = match frame.form {
            Form::Documents => tokens.next_document()?,
            _ => tokens.next_element(false)?,
        };
        if !more {
            return Ok(count);
        }
    }
}

/// Whether anything of a valid document is compared at all.
pub(super) fn compares_something<R: Read + Seek>(
    content: Content,
    document: R,
    rules: &Rules,
) -> Result<bool, Trouble> {
    let mut tokens = Tokens::new(document, NonFinite::Accept)?;
    let mut scan = Scan::default();
    let mut path = Path::default();
    let mut counts: Vec<(Kind, u64)> = Vec::new();
    let mut documents = 0;
    loop {
        if counts.is_empty() {
            if (content == Content::Document && documents > 0) || !tokens.next_document()? {
                return Ok(false);
            }
            if content == Content::Lines {
                path = Path(vec![Step::Index(documents)]);
            }
            documents += 1;
        }
        if rules.ignores(&path) {
            scan.pass(&mut tokens, None)?;
        } else {
            match tokens.value()? {
                kind @ (Kind::Object | Kind::Array) => {
                    counts.push((kind, 0));
                    path.0.push(Step::Index(0));
                }
                _ => return Ok(true),
            }
        }
        while let Some((kind, count)) = counts.last_mut() {
            let first = *count == 0;
            let more =
                if *kind == Kind::Array { tokens.next_element(first)? } else { tokens.next_key(first)? };
            path.0.pop();
            if more {
                path.0.push(match kind {
                    Kind::Array => Step::Index(*count),
                    _ => Step::Key(String::from_utf8_lossy(&tokens.decoded()).into_owned()),
                });
                *count += 1;
                break;
            }
            if first {
                // An empty object or array that is not ignored is a value like any other.
                return Ok(true);
            }
            counts.pop();
        }
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
