//! The table of a directory's remembered names: open addressing, found by hash.

use crate::Dentry;
use alloc::sync::Arc;
use alloc::vec::Vec;

type Slot = Option<(u32, Arc<Dentry>)>;

/// Remembered names of one directory.
#[derive(Default)]
pub(crate) struct Children {
    slots: Vec<Slot>,
    count: usize,
    /// Goes up whenever a name is taken away, so that a look-up that was on its way meanwhile is not believed.
    pub(crate) generation: u32,
}

impl Children {
    /// The entry with that name.
    #[inline]
    pub(crate) fn find(&self, hash: u32, name: &[u8]) -> Option<&Arc<Dentry>> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some((found, entry)) = self.slots.get(at)?.as_ref() {
            if *found == hash && entry.is_named(name) {
                return Some(entry);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Adds an entry, whose name is not there yet.
    pub(crate) fn insert(&mut self, hash: u32, entry: Arc<Dentry>) {
        if (self.count + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.place(hash, entry);
        self.count += 1;
    }

    fn place(&mut self, hash: u32, entry: Arc<Dentry>) {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while self.slots.get(at).is_some_and(Option::is_some) {
            at = (at + 1) & mask;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some((hash, entry));
        }
    }

    fn grow(&mut self) {
        let mut slots = Vec::new();
        slots.resize_with((self.slots.len() * 2).max(4), || None);
        let old = core::mem::replace(&mut self.slots, slots);
        for (hash, entry) in old.into_iter().flatten() {
            self.place(hash, entry);
        }
    }

    /// Takes the entry with that name out.
    pub(crate) fn remove(&mut self, hash: u32, name: &[u8]) -> Option<Arc<Dentry>> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let (found, entry) = self.slots.get(at)?.as_ref()?;
            if *found == hash && entry.is_named(name) {
                break;
            }
            at = (at + 1) & mask;
        }
        self.count -= 1;
        let (_, entry) = self.slots.get_mut(at)?.take()?;
        self.close_gap(at, mask);
        Some(entry)
    }

    /// Puts entries behind a gap back to where a search finds them.
    fn close_gap(&mut self, gap: usize, mask: usize) {
        let mut at = (gap + 1) & mask;
        while let Some((hash, entry)) = self.slots.get_mut(at).and_then(Option::take) {
            self.place(hash, entry);
            at = (at + 1) & mask;
        }
    }

    /// All entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Dentry>> {
        self.slots.iter().flatten().map(|(_, entry)| entry)
    }

    /// How many names are remembered.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes out what `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Arc<Dentry>) -> bool, out: &mut Vec<Arc<Dentry>>) {
        let old = core::mem::take(&mut self.slots);
        self.count = 0;
        for (hash, entry) in old.into_iter().flatten() {
            if keep(&entry) {
                self.insert(hash, entry);
            } else {
                out.push(entry);
            }
        }
    }
}
