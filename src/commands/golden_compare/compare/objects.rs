//! Goes through two objects key by key, whatever order the actual document has them in.

use super::findings::Unpaired;
use super::lookup::Lookup;
use super::side::{CompareError, in_actual, in_baseline};
use super::state::{Frame, Order, Walk};
use crate::commands::golden_compare::drift::difference::{Noun, Offsets};
use crate::format::json::path::Step;
use crate::format::json::tokens::cursor::duplicate_key;
use std::io::{Read, Seek};

impl<R: Read + Seek> Walk<'_, R> {
    pub(super) fn advance_object(&mut self) -> Result<(), CompareError> {
        let Some(open) = self.cursor.innermost().copied() else { return Ok(()) };
        let more = open.read_on(&mut self.a).map_err(in_baseline)?;
        let other = open.read_on(&mut self.b).map_err(in_actual)?;
        if !more && !other {
            self.close();
            return Ok(());
        }
        let same = more && other && (self.a.raw() == self.b.raw() || self.a.decoded() == self.b.decoded());
        if more {
            self.cursor.begin_entry(&self.a).map_err(in_baseline)?;
        }
        if same {
            self.at_value = true;
            return Ok(());
        }
        let known = usize::try_from(open.count).expect("keys are in memory");
        let lookup = self.look_ahead(other, known)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.order = Order::ByKey(Box::new(lookup));
            self.lookups += 1;
        }
        if more { self.look_up() } else { self.close_lookup() }
    }

    /// Reads the actual object to its end, to learn where its values are. `known` keys came before.
    fn look_ahead(&mut self, mut more: bool, known: usize) -> Result<Lookup, CompareError> {
        let mut lookup = Lookup::default();
        while more {
            let key = self.b.decoded();
            let is_new = lookup.insert(&key, self.b.offset());
            if !is_new || (known > 0 && self.cursor.keys().is_among_first(&key, known)) {
                return Err(in_actual(duplicate_key(&self.b)));
            }
            self.skipper
                .below(self.frames.len())
                .skip_value(&mut self.b, Some(&mut self.ends))
                .map_err(in_actual)?;
            more = self.b.next_key(false).map_err(in_actual)?;
            self.count_step()?;
        }
        lookup.end = self.b.offset();
        Ok(lookup)
    }

    pub(super) fn advance_lookup(&mut self) -> Result<(), CompareError> {
        if self.cursor.advance(&mut self.a).map_err(in_baseline)? {
            self.look_up()
        } else {
            self.close_lookup()
        }
    }

    /// Goes to the value of the baseline's current key in the actual document.
    fn look_up(&mut self) -> Result<(), CompareError> {
        let Some(Frame { order: Order::ByKey(lookup), .. }) = self.frames.last_mut() else { return Ok(()) };
        let key = self.cursor.key();
        if let Some(value) = lookup.value_of(key) {
            self.b.seek(value).map_err(in_actual)?;
            self.at_value = true;
            return Ok(());
        }
        lookup.missing.push((String::from_utf8_lossy(key).into_owned(), self.a.offset()));
        self.skipper.below(self.frames.len()).skip_value(&mut self.a, None).map_err(in_baseline)
    }

    fn close_lookup(&mut self) -> Result<(), CompareError> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let Order::ByKey(lookup) = std::mem::replace(&mut frame.order, Order::Same) else { return Ok(()) };
        self.b.seek(lookup.end).map_err(in_actual)?;
        self.lookups -= 1;
        if self.lookups == 0 {
            self.ends.clear();
        }
        let unpaired = |(key, value): (String, u64), is_missing: bool| Unpaired {
            step: Step::Key(key.clone()),
            name: key,
            noun: Noun::Keys,
            offset: if is_missing { lookup.end - 1 } else { value },
            values: Offsets { baseline: is_missing.then_some(value), actual: (!is_missing).then_some(value) },
        };
        let extra = lookup.extra();
        let sorted = |mut keys: Vec<(String, u64)>| {
            keys.sort();
            keys.into_iter()
        };
        let missing = sorted(lookup.missing).map(|key| unpaired(key, true));
        let all: Vec<Unpaired> = missing.chain(sorted(extra).map(|key| unpaired(key, false))).collect();
        if !all.is_empty() {
            self.emit_unpaired(all);
        }
        self.close();
        Ok(())
    }
}
