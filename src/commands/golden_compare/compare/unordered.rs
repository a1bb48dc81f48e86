//! Arrays whose order means nothing: pairs their elements by a field, or by all they hold.
//!
//! Elements are never paired by likeness. Paired by a field they are then compared like any others;
//! paired by content, numbers must be equal, and no tolerance counts.

use super::side::{CheckCancelled, CompareError, Side};
use crate::commands::golden_compare::drift::difference::Difference;
use crate::commands::golden_compare::drift::{IntFloat, NanPolicy, Rules, Unordered};
use crate::format::hash::{self, Digest};
use crate::format::json::path::{Path, Step};
use crate::format::json::tokens::cursor::{Container, Cursor};
use crate::format::json::tokens::scan::Skipper;
use crate::format::json::tokens::{JsonError, Kind, Tokens};
use crate::report::exit::Fault;
use std::collections::BTreeMap;
use std::io::{Read, Seek};

/// Pairs of elements that are still to be compared.
#[derive(Debug)]
pub(super) struct Pairs {
    left: Vec<(u64, u64, String)>,
    next: usize,
    /// Where the two arrays end.
    pub(super) end: (u64, u64),
}

/// An element: where it begins, and its name in messages.
type Element = (u64, String);

/// The elements of an array by what pairs them; all that are ignored have nothing that does, and only count.
type Elements = BTreeMap<Vec<u8>, Vec<Element>>;

impl Pairs {
    /// Where the next two elements are.
    pub(super) fn next(&mut self) -> Option<(u64, u64)> {
        let (a, b, _) = self.left.get(self.next)?;
        self.next += 1;
        Some((*a, *b))
    }

    /// The step to the pair that is being compared.
    pub(super) fn step(&self) -> Step {
        let at = self.next.saturating_sub(1);
        Step::Label(self.left.get(at).map(|(_, _, label)| label.clone()).unwrap_or_default())
    }
}

/// Pairs the elements of the two arrays of which the brackets were read.
pub(super) fn pair<R: Read + Seek>(
    a: &mut Tokens<R>,
    b: &mut Tokens<R>,
    path: &Path,
    rule: &Unordered,
    rules: &Rules,
    check_cancelled: CheckCancelled<'_>,
) -> Result<(Pairs, Vec<Difference>), CompareError> {
    let read = |tokens: &mut Tokens<R>, side| {
        Reader { tokens, skipper: Skipper::default(), side, path, rules, check_cancelled }.elements(rule)
    };
    let (left, mut right) = (read(a, Side::Baseline)?, read(b, Side::Actual)?);
    let end = (a.offset(), b.offset());
    let mut pairs = Vec::new();
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    for (identity, here) in left {
        let there = right.remove(&identity).unwrap_or_default();
        if rule.key.is_some() && !identity.is_empty() {
            pairs.extend(here.iter().zip(&there).map(|(a, b)| (a.0, b.0, a.1.clone())));
        }
        let paired = here.len().min(there.len());
        missing.extend(here.into_iter().skip(paired));
        extra.extend(there.into_iter().skip(paired));
    }
    extra.extend(right.into_values().flatten());
    pairs.sort();
    let names = |mut elements: Vec<Element>| -> Vec<String> {
        elements.sort();
        elements.into_iter().map(|(_, label)| label).collect()
    };
    let mut differences = Vec::new();
    if !missing.is_empty() {
        differences.push(Difference::Missing { noun: "elements", names: names(missing) });
    }
    if !extra.is_empty() {
        differences.push(Difference::Extra { noun: "elements", names: names(extra) });
    }
    Ok((Pairs { left: pairs, next: 0, end }, differences))
}

/// Reads the elements of one of the two arrays.
struct Reader<'a, R> {
    tokens: &'a mut Tokens<R>,
    skipper: Skipper,
    side: Side,
    path: &'a Path,
    rules: &'a Rules,
    check_cancelled: CheckCancelled<'a>,
}

impl<R: Read + Seek> Reader<'_, R> {
    fn elements(&mut self, rule: &Unordered) -> Result<Elements, CompareError> {
        let in_document = self.side.fault();
        let mut elements = Elements::new();
        let mut cursor = Cursor::default();
        cursor.enter(Container::Array, 0);
        while cursor.advance(self.tokens).map_err(&in_document)? {
            (self.check_cancelled)()?;
            let start = self.tokens.offset();
            let at = Path(self.path.0.iter().cloned().chain(cursor.steps()).collect());
            let ignored = self.rules.ignores(&at);
            let (identity, label) = match &rule.key {
                _ if ignored => {
                    self.skipper.skip_value(self.tokens, None).map_err(&in_document)?;
                    (Vec::new(), at.to_string())
                }
                Some(field) => self.field(field, &at)?,
                None => (self.digest(&at).map_err(&in_document)?.to_vec(), at.to_string()),
            };
            let same = elements.entry(identity).or_default();
            if rule.key.is_some() && !ignored && !same.is_empty() {
                return Err(self.unfit(&format!("{at} has the same {label} as an element before it")));
            }
            same.push((start, label));
        }
        Ok(elements)
    }

    fn unfit(&self, reason: &str) -> CompareError {
        let side = self.side;
        let message = format!("--ignore-order cannot pair the elements of the {side} document: {reason}");
        Fault::config(message).into()
    }

    /// Reads an element, and what it has in a field.
    fn field(&mut self, field: &str, at: &Path) -> Result<(Vec<u8>, String), CompareError> {
        let in_document = self.side.fault();
        if self.tokens.value().map_err(&in_document)? != Kind::Object {
            return Err(self.unfit(&format!("{at} is not an object with a field `{field}`")));
        }
        let mut cursor = Cursor::default();
        cursor.enter(Container::Object, 0);
        let mut found = None;
        while cursor.advance(self.tokens).map_err(&in_document)? {
            if cursor.key() != field.as_bytes() {
                self.skipper.skip_value(self.tokens, None).map_err(&in_document)?;
                continue;
            }
            let kind = self.tokens.value().map_err(&in_document)?;
            if matches!(kind, Kind::Object | Kind::Array | Kind::Null | Kind::NonFinite) {
                return Err(self.unfit(&format!("{at} has no plain value in `{field}`")));
            }
            let text = self.tokens.decoded().into_owned();
            let label = format!("{field}={}", String::from_utf8_lossy(&text));
            found = Some((scalar(kind, &text, IntFloat::Lenient), label));
        }
        found.ok_or_else(|| self.unfit(&format!("{at} has no field `{field}`")))
    }

    /// Reads a value and digests all it holds, in whatever order its keys come.
    fn digest(&mut self, at: &Path) -> Result<[u8; 32], JsonError> {
        let mut cursor = Cursor::default();
        let mut open: Vec<Content> = Vec::new();
        loop {
            let kind = self.tokens.value()?;
            let mut done = None;
            match Container::of(kind) {
                Some(container) => {
                    cursor.enter(container, 0);
                    open.push(Content::of(container));
                }
                None => done = Some(self.scalar_digest(kind)),
            }
            loop {
                let Some(innermost) = open.last_mut() else {
                    return Ok(done.expect("a value outside of every container is done"));
                };
                if let Some(digest) = done.take() {
                    innermost.add(cursor.key(), digest);
                }
                if !cursor.advance(self.tokens)? {
                    done = Some(innermost.digest());
                    open.pop();
                    cursor.leave();
                } else if self.is_ignored(at, &cursor) {
                    self.skipper.skip_value(self.tokens, None)?;
                } else {
                    break;
                }
            }
        }
    }

    fn scalar_digest(&self, kind: Kind) -> [u8; 32] {
        let text = self.tokens.decoded();
        let mut bytes = scalar(kind, &text, self.rules.int_float);
        if kind == Kind::NonFinite && *text == *b"NaN" && self.rules.nan != NanPolicy::Equal {
            // It equals nothing on the other side, and so does all that holds it.
            bytes.push(self.side as u8);
        }
        hash::digest(bytes)
    }

    fn is_ignored(&self, at: &Path, cursor: &Cursor) -> bool {
        !self.rules.ignored.is_empty()
            && self.rules.ignores(&Path(at.0.iter().cloned().chain(cursor.steps()).collect()))
    }
}

/// What an object or array that is being digested holds so far.
enum Content {
    /// Digests by key.
    Object(BTreeMap<Vec<u8>, [u8; 32]>),
    /// Of the digests of the elements.
    Array(Digest),
}

impl Content {
    fn of(container: Container) -> Self {
        match container {
            Container::Object => Self::Object(BTreeMap::new()),
            Container::Array | Container::Documents => {
                let mut elements = Digest::default();
                elements.update(b"array");
                Self::Array(elements)
            }
        }
    }

    fn add(&mut self, key: &[u8], digest: [u8; 32]) {
        match self {
            Self::Object(members) => _ = members.insert(key.to_vec(), digest),
            Self::Array(elements) => elements.update(digest),
        }
    }

    fn digest(&self) -> [u8; 32] {
        let members = match self {
            Self::Array(elements) => return elements.clone().bytes(),
            Self::Object(members) => members,
        };
        let mut object = Digest::default();
        object.update(b"object");
        for (key, digest) in members {
            object.update((key.len() as u64).to_le_bytes());
            object.update(key);
            object.update(digest);
        }
        object.bytes()
    }
}

/// What a plain value is, whatever way it is written: its type and value.
fn scalar(kind: Kind, text: &[u8], int_float: IntFloat) -> Vec<u8> {
    let tagged = |tag: u8, value: &[u8]| [&[tag], value].concat();
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
    // Adding zero makes zero of minus zero.
    let float = |value: f64| tagged(b'f', &(value + 0.0).to_bits().to_le_bytes());
    match kind {
        Kind::Text => tagged(b's', text),
        Kind::Integer if text == b"-0" => scalar(kind, b"0", int_float),
        Kind::Integer if int_float == IntFloat::Lenient && is_exact(text) => float(number),
        Kind::Integer => tagged(b'i', text),
        Kind::Float => float(number),
        _ => tagged(b'w', text),
    }
}

/// Whether every digit of an integer fits an `f64`.
fn is_exact(text: &[u8]) -> bool {
    let value = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    value.is_some_and(|value| value.unsigned_abs() <= 1 << 53)
}
