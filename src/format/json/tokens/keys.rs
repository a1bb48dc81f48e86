//! Which keys an object has had so far: the refusal of duplicates.
//!
//! Documents repeat the shape of their objects. The keys of the previous object at the same depth are known
//! to differ from each other; as long as an object repeats them in order there is nothing to look up. The keys of
//! large objects are often sorted, up or down, and those that are need no index.

use hashbrown::HashTable;
use std::cmp::Ordering;
use std::hash::{BuildHasher as _, RandomState};

/// Objects with fewer keys are searched from end to end.
const SMALL: usize = 24;

/// The keys of the object that is being read, in their order.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    texts: Texts,
    /// Keys of the object so far; those behind are of the previous object.
    seen: usize,
    run: Run,
    /// Positions of keys by their hash; empty until there are many that are not sorted.
    index: HashTable<u32>,
    hasher: RandomState,
}

/// How the keys of an object follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Run {
    #[default]
    Unknown,
    /// Each compares with the one before it like this.
    Sorted(Ordering),
    Mixed,
}

/// Keys one behind the other.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn get(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }
}

impl Keys {
    /// A new object begins.
    pub(super) fn start(&mut self) {
        self.seen = 0;
    }

    /// The key that was read last.
    pub(super) fn last(&self) -> &[u8] {
        self.seen.checked_sub(1).map_or(&[], |at| self.texts.get(at))
    }

    /// Adds a key; false when the object has it already.
    #[inline]
    pub(crate) fn insert(&mut self, key: &[u8]) -> bool {
        if self.seen < self.texts.ends.len() && self.texts.get(self.seen) == key {
            self.seen += 1;
            return true;
        }
        self.insert_new(key)
    }

    /// Whether the first `count` keys have this one.
    pub(crate) fn is_among_first(&mut self, key: &[u8], count: usize) -> bool {
        self.position(key).is_some_and(|at| at < count)
    }

    /// Where the object has this key, from 0.
    pub(crate) fn position(&mut self, key: &[u8]) -> Option<usize> {
        self.forget_previous_object();
        self.find(key)
    }

    /// The key at a position.
    pub(crate) fn get(&self, at: usize) -> &[u8] {
        self.texts.get(at)
    }

    fn insert_new(&mut self, key: &[u8]) -> bool {
        self.forget_previous_object();
        if self.seen >= SMALL && self.run() == Run::Sorted(key.cmp(self.texts.get(self.seen - 1))) {
            // It lies beyond all that came before.
        } else if self.find(key).is_some() {
            return false;
        } else if self.seen >= SMALL {
            self.run = Run::Mixed;
        }
        self.texts.bytes.extend_from_slice(key);
        self.texts.ends.push(self.texts.bytes.len());
        self.seen += 1;
        if !self.index.is_empty() {
            self.add_to_index(self.seen - 1);
        }
        true
    }

    fn forget_previous_object(&mut self) {
        if self.seen < self.texts.ends.len() {
            self.texts.ends.truncate(self.seen);
            self.texts.bytes.truncate(self.texts.ends.last().copied().unwrap_or_default());
            self.index.clear();
            self.run = Run::Unknown;
        }
    }

    /// How the keys of a large object follow each other.
    fn run(&mut self) -> Run {
        if self.run == Run::Unknown {
            let order = |at: usize| self.texts.get(at).cmp(self.texts.get(at - 1));
            let first = order(1);
            let is_sorted = (2..self.seen).all(|at| order(at) == first);
            self.run = if is_sorted { Run::Sorted(first) } else { Run::Mixed };
        }
        self.run
    }

    fn find(&mut self, key: &[u8]) -> Option<usize> {
        if self.seen < SMALL {
            return (0..self.seen).find(|at| self.texts.get(*at) == key);
        }
        if let Run::Sorted(order) = self.run() {
            return self.find_sorted(key, order);
        }
        if self.index.is_empty() {
            (0..self.seen).for_each(|at| self.add_to_index(at));
        }
        let is_key = |at: &u32| self.texts.get(*at as usize) == key;
        self.index.find(self.hasher.hash_one(key), is_key).map(|at| *at as usize)
    }

    /// The same of keys that are sorted up or down.
    fn find_sorted(&self, key: &[u8], order: Ordering) -> Option<usize> {
        let (mut low, mut high) = (0, self.seen);
        while low < high {
            let middle = low + (high - low) / 2;
            match key.cmp(self.texts.get(middle)) {
                Ordering::Equal => return Some(middle),
                found if found == order => low = middle + 1,
                _ => high = middle,
            }
        }
        None
    }

    fn add_to_index(&mut self, at: usize) {
        let Self { texts, index, hasher, .. } = self;
        let hash = |at: usize| hasher.hash_one(texts.get(at));
        let position = u32::try_from(at).expect("an object has fewer than 2^32 keys");
        index.insert_unique(hash(at), position, |at| hash(*at as usize));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inserted(keys: &mut Keys, names: &[&str]) -> Vec<bool> {
        keys.start();
        names.iter().map(|name| keys.insert(name.as_bytes())).collect()
    }

    #[test]
    fn a_key_is_a_duplicate_only_of_keys_of_its_own_object() {
        let mut keys = Keys::default();
        assert_eq!(inserted(&mut keys, &["a", "b", "a"]), [true, true, false]);
        assert_eq!(inserted(&mut keys, &["b", "a", "b"]), [true, true, false]);
        assert_eq!(inserted(&mut keys, &["a", "c", "b", "c"]), [true, true, true, false]);
        assert_eq!(inserted(&mut keys, &["a", "c", "b"]), [true, true, true]);
        assert_eq!(inserted(&mut keys, &["a", "a"]), [true, false]);
        assert_eq!(keys.last(), b"a");
    }

    fn sorted(names: &[String]) -> Vec<String> {
        let mut names = names.to_vec();
        names.sort();
        names
    }

    #[test]
    fn a_large_object_finds_its_duplicates_too() {
        let names: Vec<String> = (0..5000).map(|n| format!("key{n}")).collect();
        let mut keys = Keys::default();
        for _ in 0..2 {
            keys.start();
            assert!(names.iter().all(|name| keys.insert(name.as_bytes())));
            for name in &names {
                assert!(!keys.insert(name.as_bytes()), "{name}");
            }
        }
        for names in [sorted(&names), sorted(&names).into_iter().rev().collect()] {
            let mut keys = Keys::default();
            keys.start();
            assert!(names.iter().all(|name| keys.insert(name.as_bytes())));
            assert_eq!((keys.run, keys.index.is_empty()), (Run::Sorted(names[1].cmp(&names[0])), true));
            for (at, name) in names.iter().enumerate() {
                assert_eq!(keys.position(name.as_bytes()), Some(at));
            }
            assert_eq!(keys.position(b"key"), None);
            assert!(
                !keys.insert(names[2500].as_bytes()) && keys.insert(b"key77x") && !keys.insert(b"key77x")
            );
            assert!(!keys.insert(names[0].as_bytes()) && keys.position(names[4999].as_bytes()) == Some(4999));
        }
        keys.start();
        assert!(keys.insert(b"key1") && keys.insert(b"key0") && !keys.insert(b"key1"));
        assert!(keys.is_among_first(b"key0", 2) && !keys.is_among_first(b"key0", 1));
    }
}
