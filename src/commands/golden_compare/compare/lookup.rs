//! An object of the actual document whose keys come in another order: where the value of each key begins.

use crate::format::json::tokens::keys::Keys;

/// What is left of the object.
#[derive(Default)]
pub(super) struct Lookup {
    keys: Keys,
    /// By the position of their keys.
    entries: Vec<Entry>,
    /// Where the object ends.
    pub(super) end: u64,
    /// Position of the key that was found last.
    last: usize,
    /// Keys of the baseline that it does not have, and where their values begin there.
    pub(super) missing: Vec<(String, u64)>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Where the value begins.
    value: u64,
    is_used: bool,
}

impl Lookup {
    /// Adds a key and where its value begins; false when it is there already.
    pub(super) fn insert(&mut self, key: &[u8], value: u64) -> bool {
        let is_new = self.keys.insert(key);
        if is_new {
            self.entries.push(Entry { value, is_used: false });
        }
        is_new
    }

    /// Where the value of a key begins; each key is asked for once.
    pub(super) fn value_of(&mut self, key: &[u8]) -> Option<u64> {
        // Keys that are not in the order of the baseline are often in that order backwards, or shifted.
        let near = [self.last.wrapping_sub(1), self.last + 1];
        let is_key = |at: &usize| *at < self.entries.len() && self.keys.get(*at) == key;
        let at = match near.into_iter().find(is_key) {
            Some(at) => at,
            None => self.keys.position(key)?,
        };
        self.last = at;
        let entry = &mut self.entries[at];
        entry.is_used = true;
        Some(entry.value)
    }

    /// The keys that nobody asked for, and where their values begin.
    pub(super) fn extra(&self) -> Vec<(String, u64)> {
        let unused = self.entries.iter().enumerate().filter(|(_, entry)| !entry.is_used);
        let name = |at: usize| String::from_utf8_lossy(self.keys.get(at)).into_owned();
        unused.map(|(at, entry)| (name(at), entry.value)).collect()
    }
}
