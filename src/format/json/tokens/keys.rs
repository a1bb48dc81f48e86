//! Which keys an object has had so far: the refusal of duplicates.
//!
//! Documents repeat the shape of their objects. The keys of the object before, at the same depth, are
//! known to differ from each other; as long as an object repeats them in order there is nothing to look up.

use std::hash::{BuildHasher as _, RandomState};

/// Objects with fewer keys are searched from end to end.
const SMALL: usize = 24;

/// The keys of the object that is being read, in their order.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Keys of the object so far; those behind are of the object before.
    seen: usize,
    index: Option<Index>,
}

/// Positions of keys by their hash, open addressing; zero is free, others are a position plus one.
#[derive(Debug)]
struct Index {
    slots: Vec<u32>,
    hasher: RandomState,
    held: usize,
}

impl Keys {
    /// A new object begins.
    pub(crate) fn start(&mut self) {
        self.seen = 0;
    }

    /// Number of keys so far.
    pub(crate) fn len(&self) -> usize {
        self.seen
    }

    /// Whether there was no key yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// The key that was read last.
    pub(crate) fn last(&self) -> &[u8] {
        self.seen.checked_sub(1).map_or(&[], |at| self.key(at))
    }

    /// Notes a key; false when the object has it already.
    #[inline]
    pub(crate) fn note(&mut self, key: &[u8]) -> bool {
        if self.seen < self.ends.len() && self.key(self.seen) == key {
            self.seen += 1;
            return true;
        }
        self.note_new(key)
    }

    /// Whether the first `count` keys have this one.
    pub(crate) fn has(&mut self, key: &[u8], count: usize) -> bool {
        self.forget_the_object_before();
        self.find(key).is_some_and(|at| at < count)
    }

    fn note_new(&mut self, key: &[u8]) -> bool {
        self.forget_the_object_before();
        if self.find(key).is_some() {
            return false;
        }
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        self.seen += 1;
        if self.index.is_some() {
            self.enter(self.seen - 1);
        }
        true
    }

    fn forget_the_object_before(&mut self) {
        if self.seen < self.ends.len() {
            self.ends.truncate(self.seen);
            self.bytes.truncate(self.ends.last().copied().unwrap_or_default());
            self.index = None;
        }
    }

    fn key(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }

    fn find(&mut self, key: &[u8]) -> Option<usize> {
        if self.seen < SMALL {
            return (0..self.seen).find(|at| self.key(*at) == key);
        }
        if self.index.is_none() {
            self.rebuild(4 * self.seen);
        }
        let index = self.index.as_ref()?;
        let mask = index.slots.len() - 1;
        let mut slot = spot(&index.hasher, key, mask);
        loop {
            let at = (index.slots[slot] as usize).checked_sub(1)?;
            if self.key(at) == key {
                return Some(at);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn rebuild(&mut self, slots: usize) {
        let slots = vec![0; slots.next_power_of_two()];
        self.index = Some(Index { slots, hasher: RandomState::new(), held: 0 });
        for at in 0..self.seen {
            self.enter(at);
        }
    }

    fn enter(&mut self, at: usize) {
        let Some(mut index) = self.index.take() else { return };
        if 2 * (index.held + 1) > index.slots.len() {
            return self.rebuild(4 * self.seen);
        }
        let mask = index.slots.len() - 1;
        let mut slot = spot(&index.hasher, self.key(at), mask);
        while index.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        index.slots[slot] = u32::try_from(at + 1).expect("an object has fewer than 2^32 keys");
        index.held += 1;
        self.index = Some(index);
    }
}

fn spot(hasher: &RandomState, key: &[u8], mask: usize) -> usize {
    usize::try_from(hasher.hash_one(key)).unwrap_or_default() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(keys: &mut Keys, names: &[&str]) -> Vec<bool> {
        keys.start();
        names.iter().map(|name| keys.note(name.as_bytes())).collect()
    }

    #[test]
    fn a_key_is_a_duplicate_only_of_keys_of_its_own_object() {
        let mut keys = Keys::default();
        assert_eq!(noted(&mut keys, &["a", "b", "a"]), [true, true, false]);
        assert_eq!(noted(&mut keys, &["b", "a", "b"]), [true, true, false]);
        assert_eq!(noted(&mut keys, &["a", "c", "b", "c"]), [true, true, true, false]);
        assert_eq!(noted(&mut keys, &["a", "c", "b"]), [true, true, true]);
        assert_eq!(noted(&mut keys, &["a", "a"]), [true, false]);
        assert_eq!(keys.last(), b"a");
    }

    #[test]
    fn a_large_object_finds_its_duplicates_too() {
        let names: Vec<String> = (0..5000).map(|n| format!("key{n}")).collect();
        let mut keys = Keys::default();
        for _ in 0..2 {
            keys.start();
            assert!(names.iter().all(|name| keys.note(name.as_bytes())));
            for name in &names {
                assert!(!keys.note(name.as_bytes()), "{name}");
            }
        }
        keys.start();
        assert!(keys.note(b"key1") && keys.note(b"key0") && !keys.note(b"key1"));
        assert!(keys.has(b"key0", 2) && !keys.has(b"key0", 1));
    }
}
