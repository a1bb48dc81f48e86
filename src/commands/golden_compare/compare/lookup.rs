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
        let entry = &mut self.entries[self.keys.position(key)?];
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
