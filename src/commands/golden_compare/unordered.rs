//! Arrays whose order means nothing: pairs their elements by a field, or by all they hold.
//!
//! Elements are never paired by likeness. Paired by a field they are then compared like any others;
//! paired by content, numbers must be equal, and no tolerance counts.

use super::walk::{Failure, Side, of};
use crate::commands::golden_compare::drift::difference::What;
use crate::commands::golden_compare::drift::{IntFloat, NanPolicy, Rules, Unordered};
use crate::format::hash::{self, Digest};
use crate::format::json::path::{Path, Step};
use crate::format::json::tokens::keys::Keys;
use crate::format::json::tokens::scan::{Scan, duplicate};
use crate::format::json::tokens::{Kind, Tokens, Trouble};
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
    look: &dyn Fn() -> Result<(), Fault>,
) -> Result<(Pairs, Vec<What>), Failure> {
    let read = |tokens: &mut Tokens<R>, side| Reader { tokens, side, path, rules, look }.elements(rule);
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
    let mut whats = Vec::new();
    if !missing.is_empty() {
        whats.push(What::Missing { noun: "elements", names: names(missing) });
    }
    if !extra.is_empty() {
        whats.push(What::Extra { noun: "elements", names: names(extra) });
    }
    Ok((Pairs { left: pairs, next: 0, end }, whats))
}

/// Reads the elements of one of the two arrays.
struct Reader<'a, R> {
    tokens: &'a mut Tokens<R>,
    side: Side,
    path: &'a Path,
    rules: &'a Rules,
    look: &'a dyn Fn() -> Result<(), Fault>,
}

impl<R: Read + Seek> Reader<'_, R> {
    fn elements(&mut self, rule: &Unordered) -> Result<Elements, Failure> {
        let fail = of(self.side);
        let mut elements = Elements::new();
        let mut count = 0;
        while self.tokens.next_element(count == 0).map_err(&fail)? {
            (self.look)().map_err(Failure::Stopped)?;
            let start = self.tokens.offset();
            let at = self.path.with(Step::Index(count));
            let ignored = self.rules.ignores(&at);
            let (identity, label) = match &rule.key {
                _ if ignored => {
                    Scan::default().pass(self.tokens, None).map_err(&fail)?;
                    (Vec::new(), at.to_string())
                }
                Some(field) => self.field(field, &at)?,
                None => (self.digest(&at).map_err(&fail)?.to_vec(), at.to_string()),
            };
            let same = elements.entry(identity).or_default();
            if rule.key.is_some() && !ignored && !same.is_empty() {
                return Err(self.unfit(&format!("{at} has the same {label} as an element before it")));
            }
            same.push((start, label));
            count += 1;
        }
        Ok(elements)
    }

    fn unfit(&self, reason: &str) -> Failure {
        let side = if self.side == Side::Baseline { "baseline" } else { "actual" };
        let message = format!("--ignore-order cannot pair the elements of the {side} document: {reason}");
        Failure::Stopped(Fault::config(message))
    }

    /// Reads an element, and what it has in a field.
    fn field(&mut self, field: &str, at: &Path) -> Result<(Vec<u8>, String), Failure> {
        let fail = of(self.side);
        let mut scan = Scan::default();
        let kind = self.tokens.value().map_err(&fail)?;
        if kind != Kind::Object {
            return Err(self.unfit(&format!("{at} is no object with a field `{field}`")));
        }
        let mut keys = Keys::default();
        let mut found = None;
        while self.tokens.next_key(keys.is_empty()).map_err(&fail)? {
            if !keys.note(&self.tokens.decoded()) {
                return Err(fail(duplicate(self.tokens)));
            }
            if keys.last() != field.as_bytes() {
                scan.pass(self.tokens, None).map_err(&fail)?;
                continue;
            }
            let kind = self.tokens.value().map_err(&fail)?;
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
    fn digest(&mut self, at: &Path) -> Result<[u8; 32], Trouble> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let kind = self.tokens.value()?;
            let mut done = match kind {
                Kind::Object | Kind::Array => {
                    open.push(Open::new(kind));
                    None
                }
                _ => {
                    let text = self.tokens.decoded();
                    let mut bytes = scalar(kind, &text, self.rules.int_float);
                    if kind == Kind::NonFinite && *text == *b"NaN" && self.rules.nan != NanPolicy::Equal {
                        // It equals nothing on the other side, and so does all that holds it.
                        bytes.push(self.side as u8);
                    }
                    Some(hash::digest(bytes))
                }
            };
            loop {
                let Some(innermost) = open.last_mut() else { return Ok(done.unwrap_or_default()) };
                if let Some(digest) = done.take() {
                    innermost.take(digest);
                }
                if !innermost.next(self.tokens)? {
                    let digest = innermost.close();
                    open.pop();
                    if open.is_empty() {
                        return Ok(digest);
                    }
                    done = Some(digest);
                    continue;
                }
                if self.is_ignored(at, &open) {
                    Scan::default().pass(self.tokens, None)?;
                    continue;
                }
                break;
            }
        }
    }

    fn is_ignored(&self, at: &Path, open: &[Open]) -> bool {
        if self.rules.ignored.is_empty() {
            return false;
        }
        let steps = at.0.iter().cloned().chain(open.iter().map(Open::step));
        self.rules.ignores(&Path(steps.collect()))
    }
}

/// An object or array that is being digested.
struct Open {
    kind: Kind,
    keys: Keys,
    count: u64,
    /// Digests of the members of an object by key.
    members: BTreeMap<Vec<u8>, [u8; 32]>,
    /// Digests of the elements of an array.
    elements: Digest,
}

impl Open {
    fn new(kind: Kind) -> Self {
        let mut elements = Digest::default();
        elements.update(b"array");
        Self { kind, keys: Keys::default(), count: 0, members: BTreeMap::new(), elements }
    }

    fn next<R: Read + Seek>(&mut self, tokens: &mut Tokens<R>) -> Result<bool, Trouble> {
        let first = self.count == 0;
        let more =
            if self.kind == Kind::Array { tokens.next_element(first)? } else { tokens.next_key(first)? };
        if more && self.kind == Kind::Object && !self.keys.note(&tokens.decoded()) {
            return Err(duplicate(tokens));
        }
        self.count += u64::from(more);
        Ok(more)
    }

    fn step(&self) -> Step {
        match self.kind {
            Kind::Array => Step::Index(self.count.saturating_sub(1)),
            _ => Step::Key(String::from_utf8_lossy(self.keys.last()).into_owned()),
        }
    }

    fn take(&mut self, digest: [u8; 32]) {
        if self.kind == Kind::Array {
            self.elements.update(digest);
        } else {
            self.members.insert(self.keys.last().to_vec(), digest);
        }
    }

    fn close(&self) -> [u8; 32] {
        if self.kind == Kind::Array {
            return self.elements.clone().bytes();
        }
        let mut hasher = Digest::default();
        hasher.update(b"object");
        for (key, digest) in &self.members {
            hasher.update((key.len() as u64).to_le_bytes());
            hasher.update(key);
            hasher.update(digest);
        }
        hasher.bytes()
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
