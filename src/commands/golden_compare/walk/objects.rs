//! Goes through two objects key by key, whatever order the actual document has them in.

use super::{Failure, Form, Frame, Side, Walk, of, read_on};
use crate::commands::golden_compare::drift::difference::What;
use crate::format::json::path::Step;
use crate::format::json::tokens::keys::Keys;
use crate::format::json::tokens::scan::duplicate;
use std::io::{Read, Seek};

/// What is left of an object in the actual document.
pub(super) struct Lookup {
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
    pub(super) fn advance_object(&mut self) -> Result<(), Failure> {
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

    pub(super) fn advance_lookup(&mut self) -> Result<(), Failure> {
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
}
