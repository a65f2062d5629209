//! A map of many entries: sorted chunks of a sorted whole.
//!
//! An insertion moves no more than one chunk, and now and then the list of chunks. The tree of the standard library would do the same with five kilobytes of code for each pair of types.
//!
//! Invariants: no chunk is empty; keys ascend within chunks and from chunk to chunk; `len` counts the entries.

use alloc::vec::{self, Vec};
use core::borrow::Borrow;
use core::iter::{FlatMap, Flatten};
use core::slice;

/// Bytes of a chunk: little enough to move, and to be one object of the heap.
const BYTES: usize = 1024;

type Chunk<K, V> = Vec<(K, V)>;
/// The entries that are left of a map that is taken apart.
type Rest<K, V> = Flatten<vec::IntoIter<Chunk<K, V>>>;
/// The entries of a map.
type All<'a, K, V> =
    FlatMap<slice::Iter<'a, Chunk<K, V>>, slice::Iter<'a, (K, V)>, fn(&'a Chunk<K, V>) -> slice::Iter<'a, (K, V)>>;

/// A map of any number of entries.
#[derive(Debug, Clone)]
pub struct LargeMap<K, V> {
    chunks: Vec<Chunk<K, V>>,
    len: usize,
}

impl<K, V> Default for LargeMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> LargeMap<K, V> {
    /// Entries of a chunk: a power of two, as vectors grow.
    const MOST: usize = {
        let size = if size_of::<(K, V)>() == 0 {
            1
        } else {
            size_of::<(K, V)>()
        };
        match (BYTES / size).checked_ilog2() {
            Some(log) if log > 3 => 1 << log,
            _ => 8,
        }
    };

    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn all(&self) -> All<'_, K, V> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.all().map(|(key, value)| (key, value))
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.all().map(|(_, value)| value)
    }

    /// The values in the order of their keys.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// The entry with the lowest key.
    #[must_use]
    pub fn first(&self) -> Option<(&K, &V)> {
        self.chunks.first()?.first().map(|(key, value)| (key, value))
    }

    /// Takes out the entry with the lowest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.chunks.first()?;
        Some(self.take_out((0, 0)))
    }

    /// Keeps the entries of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.chunks.retain_mut(|chunk| {
            chunk.retain_mut(|(key, value)| keep(key, value));
            !chunk.is_empty()
        });
        self.len = self.chunks.iter().map(Vec::len).sum();
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Takes out what is at a place.
    fn take_out(&mut self, (chunk, at): (usize, usize)) -> (K, V) {
        self.len -= 1;
        let entries = &mut self.chunks[chunk];
        let entry = entries.remove(at);
        if entries.is_empty() {
            self.chunks.remove(chunk);
        }
        entry
    }

    /// Puts an entry at a place, which may be the end of a chunk; where it is then.
    fn put(&mut self, (mut chunk, mut at): (usize, usize), entry: (K, V)) -> (usize, usize) {
        self.len += 1;
        match self.chunks.get_mut(chunk) {
            None => self.chunks.push(Vec::new()),
            Some(entries) if entries.len() == Self::MOST => {
                // What is put at the end one after the other leaves full chunks.
                let middle = if at == Self::MOST { at } else { Self::MOST / 2 };
                let behind = entries.split_off(middle);
                if middle < at || middle == Self::MOST {
                    (chunk, at) = (chunk + 1, at - middle);
                    self.chunks.insert(chunk, behind);
                } else {
                    self.chunks.insert(chunk + 1, behind);
                }
            }
            Some(_) => {}
        }
        self.chunks[chunk].insert(at, entry);
        (chunk, at)
    }
}

impl<K: Ord, V> LargeMap<K, V> {
    /// Where a key is, or would be.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<(usize, usize), (usize, usize)>
    where
        K: Borrow<Q>,
    {
        let ends_before = |chunk: &Chunk<K, V>| chunk.last().is_some_and(|(last, _)| last.borrow() < key);
        // What lies behind everything belongs to the last chunk.
        let chunk = match self.chunks.as_slice() {
            [] => return Err((0, 0)),
            [_] => 0,
            [most @ .., _] => most.partition_point(ends_before),
        };
        match self.chunks[chunk].binary_search_by(|(known, _)| known.borrow().cmp(key)) {
            Ok(at) => Ok((chunk, at)),
            Err(at) => Err((chunk, at)),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.find(key).ok()?;
        Some(&self.chunks[chunk][at].1)
    }

    /// The value of a key, to change.
    #[must_use]
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.find(key).ok()?;
        Some(&mut self.chunks[chunk][at].1)
    }

    /// Whether there is such a key.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Gives a key a value; returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok((chunk, at)) => Some(core::mem::replace(&mut self.chunks[chunk][at].1, value)),
            Err(place) => {
                self.put(place, (key, value));
                None
            }
        }
    }

    /// The value of a key, which is given one if it has none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let (chunk, at) = self.find(&key).unwrap_or_else(|place| self.put(place, (key, make())));
        &mut self.chunks[chunk][at].1
    }

    /// Takes a key out; returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|place| self.take_out(place).1)
    }

    /// The entries from a key on.
    pub fn range_from<'a>(&'a self, key: &K) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        let (chunk, at) = self.find(key).unwrap_or_else(|place| place);
        let (first, rest) = match self.chunks.get(chunk..) {
            Some([first, rest @ ..]) => (&first[at..], rest),
            _ => (&[][..], &[][..]),
        };
        let all = first.iter().chain(rest.iter().flatten());
        all.map(|(key, value)| (key, value))
    }

    /// How many entries lie before a key.
    #[must_use]
    pub fn count_before(&self, key: &K) -> usize {
        let (chunk, at) = self.find(key).unwrap_or_else(|place| place);
        self.chunks.iter().take(chunk).map(Vec::len).sum::<usize>() + at
    }

    /// Takes out what lies from a key on.
    pub fn split_off<Q: Ord + ?Sized>(&mut self, key: &Q) -> Self
    where
        K: Borrow<Q>,
    {
        let (chunk, at) = self.find(key).unwrap_or_else(|place| place);
        let mut behind = Self::new();
        if let Some(entries) = self.chunks.get_mut(chunk) {
            let first = entries.split_off(at);
            behind.chunks = self.chunks.split_off(chunk + 1);
            if !first.is_empty() {
                behind.chunks.insert(0, first);
            }
            if at == 0 {
                self.chunks.pop();
            }
        }
        behind.len = behind.chunks.iter().map(Vec::len).sum();
        self.len -= behind.len;
        behind
    }
}

impl<K, V> IntoIterator for LargeMap<K, V> {
    type Item = (K, V);
    type IntoIter = Rest<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

impl<K: Ord, V> Extend<(K, V)> for LargeMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::LargeMap;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16, u64),
        Append(u64),
        Remove(u16),
        Make(u16, u64),
        PopFirst,
        SplitOff(u16),
        KeepEven,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            60 => (0..2000u16, any::<u64>()).prop_map(|(key, value)| Step::Insert(key, value)),
            60 => any::<u64>().prop_map(Step::Append),
            40 => (0..2000u16).prop_map(Step::Remove),
            20 => (0..2000u16, any::<u64>()).prop_map(|(key, value)| Step::Make(key, value)),
            10 => Just(Step::PopFirst),
            1 => (0..2000u16).prop_map(Step::SplitOff),
            1 => Just(Step::KeepEven),
        ]
    }

    /// Of any size, so that chunks are of several lengths.
    type Wide = (u64, [u64; 12]);

    fn wide(value: u64) -> Wide {
        (value, [value; 12])
    }

    proptest! {
        #[test]
        fn it_does_what_a_tree_does(steps in prop::collection::vec(step(), 0..600)) {
            let (mut ours, mut theirs) = (LargeMap::new(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Insert(key, value) => prop_assert_eq!(ours.insert(key, wide(value)), theirs.insert(key, wide(value))),
                    Step::Append(value) => {
                        let key = theirs.last_key_value().map_or(0, |(last, _)| last + 1);
                        prop_assert_eq!(ours.insert(key, wide(value)), theirs.insert(key, wide(value)));
                    }
                    Step::Remove(key) => prop_assert_eq!(ours.remove(&key), theirs.remove(&key)),
                    Step::Make(key, value) => {
                        prop_assert_eq!(ours.get_or_insert_with(key, || wide(value)), theirs.entry(key).or_insert(wide(value)));
                    }
                    Step::PopFirst => {
                        prop_assert_eq!(ours.first(), theirs.first_key_value());
                        prop_assert_eq!(ours.pop_first(), theirs.pop_first());
                    }
                    Step::SplitOff(key) => {
                        prop_assert_eq!(ours.range_from(&key).next(), theirs.range(key..).next());
                        let (behind, expected) = (ours.split_off(&key), theirs.split_off(&key));
                        prop_assert_eq!(behind.len(), expected.len());
                        prop_assert!(behind.into_iter().eq(expected));
                    }
                    Step::KeepEven => {
                        ours.retain(|_, value| value.0 % 2 == 0);
                        theirs.retain(|_, value| value.0 % 2 == 0);
                    }
                }
                prop_assert_eq!(ours.len(), theirs.len());
                prop_assert!(ours.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= LargeMap::<u16, Wide>::MOST));
            }
            prop_assert_eq!(ours.iter().collect::<Vec<_>>(), theirs.iter().collect::<Vec<_>>());
            prop_assert!(theirs.keys().all(|key| ours.get(key) == theirs.get(key) && ours.contains_key(key)));
            for from in (0..2000).step_by(97) {
                prop_assert!(ours.range_from(&from).eq(theirs.range(from..)));
                prop_assert_eq!(ours.count_before(&from), theirs.range(..from).count());
            }
            prop_assert!(ours.into_values().eq(theirs.into_values()));
        }
    }

    #[test]
    fn what_is_appended_fills_its_chunks() {
        let mut map = LargeMap::new();
        map.extend((0..10_000u64).map(|key| (key, key)));
        assert_eq!(map.chunks.len(), 10_000usize.div_ceil(64));
    }
}
