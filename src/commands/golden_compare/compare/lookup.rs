//! An object of the actual document whose keys come in another order: where the value of each key begins.

/// What is left of the object.
pub(super) struct Lookup {
    entries: Vec<Entry>,
    /// Where the object ends.
    pub(super) end: u64,
    /// Keys of the baseline that it does not have.
    pub(super) missing: Vec<String>,
    pub(super) missing_at: u64,
}

pub(super) struct Entry {
    pub(super) key: Box<[u8]>,
    /// Where its value begins.
    pub(super) value: u64,
    pub(super) used: bool,
}

impl Lookup {
    /// Of an object that ends at `end`.
    pub(super) fn new(mut entries: Vec<Entry>, end: u64) -> Self {
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Self { entries, end, missing: Vec::new(), missing_at: end - 1 }
    }

    /// Where the value of a key begins; each key is asked for once.
    pub(super) fn value_of(&mut self, key: &[u8]) -> Option<u64> {
        let at = self.entries.binary_search_by(|entry| entry.key.as_ref().cmp(key)).ok()?;
        let entry = &mut self.entries[at];
        entry.used = true;
        Some(entry.value)
    }

    /// The keys that nobody asked for, and where the first of them is.
    pub(super) fn extra(&self) -> (Vec<String>, u64) {
        let unused = || self.entries.iter().filter(|entry| !entry.used);
        let keys = unused().map(|entry| String::from_utf8_lossy(&entry.key).into_owned()).collect();
        (keys, unused().next().map_or(self.end, |entry| entry.value))
    }
}
