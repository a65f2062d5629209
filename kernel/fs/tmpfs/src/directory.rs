//! The names of a directory: its own, those of the lower layer, and those that hide them.

use crate::node::Node;
use alloc::sync::Arc;
use sortedmap::LargeMap;
use vfs::Name;

/// Where the cursors of a directory's own names begin; below it they are the lower layer's.
const OWN: u64 = 1 << 60;

/// What is known of a name.
pub(crate) struct Slot {
    /// The file; nothing for a name of the lower layer that was removed.
    pub(crate) node: Option<Arc<Node>>,
    /// Its place in the order of the directory's own names; 0 for a name of the lower layer that is seen through.
    place: u64,
    /// Whether the lower layer has that name.
    pub(crate) hides: bool,
}

/// The names of a directory.
#[derive(Default)]
pub(crate) struct Names {
    slots: LargeMap<Name, Slot>,
    order: LargeMap<u64, Name>,
    last_place: u64,
    /// Whether the directory itself was removed.
    pub(crate) removed: bool,
}

impl Names {
    #[inline]
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Slot> {
        self.slots.get(name)
    }

    /// The file with that name, if it is known.
    pub(crate) fn node(&self, name: &[u8]) -> Option<&Arc<Node>> {
        self.slots.get(name)?.node.as_ref()
    }

    /// Remembers a name of the lower layer; gives back what is there if something is.
    pub(crate) fn remember(&mut self, name: &[u8], node: Arc<Node>) -> Arc<Node> {
        let slot = self.slots.get_or_insert_with(Name::new(name), || Slot {
            node: Some(Arc::clone(&node)),
            place: 0,
            hides: true,
        });
        slot.node.clone().unwrap_or(node)
    }

    /// Sets a name, in place of what has it; returns that.
    pub(crate) fn set(&mut self, name: &[u8], node: Arc<Node>) -> Option<Arc<Node>> {
        self.last_place += 1;
        let before = self.remove(name);
        let slot = Slot {
            node: Some(node),
            place: self.last_place,
            hides: self.slots.get(name).is_some_and(|slot| slot.hides),
        };
        let name = Name::new(name);
        self.order.insert(self.last_place, name.clone());
        self.slots.insert(name, slot);
        before
    }

    /// Removes a name, and hides that of the lower layer if there is one.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Option<Arc<Node>> {
        let slot = self.slots.get_mut(name)?;
        let node = slot.node.take();
        let place = core::mem::take(&mut slot.place);
        if !slot.hides {
            self.slots.remove(name);
        }
        if place != 0 {
            self.order.remove(&place);
        }
        node
    }

    /// Whether the lower layer's name is not to be listed: it was removed, or another file has it.
    pub(crate) fn is_hidden(&self, name: &[u8]) -> bool {
        self.slots
            .get(name)
            .is_some_and(|slot| slot.node.is_none() || slot.place != 0)
    }

    /// Whether it has names of its own.
    pub(crate) fn has_own(&self) -> bool {
        !self.order.is_empty()
    }

    /// Its own names from a cursor on, each with the cursor behind it.
    pub(crate) fn own(&self, cursor: u64) -> impl Iterator<Item = (u64, &Name, &Arc<Node>)> {
        self.order
            .range_from(&cursor.saturating_sub(OWN))
            .filter_map(|(place, name)| {
                let node = self.slots.get(name)?.node.as_ref()?;
                Some((OWN + place + 1, name, node))
            })
    }

    /// Whether a cursor lies among the lower layer's names.
    pub(crate) const fn is_below(cursor: u64) -> bool {
        cursor < OWN
    }

    /// All files that are known.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.slots.values().filter_map(|slot| slot.node.as_ref())
    }

    /// Takes all files out.
    pub(crate) fn take_nodes(&mut self) -> impl Iterator<Item = Arc<Node>> + use<> {
        self.order.clear();
        core::mem::take(&mut self.slots)
            .into_values()
            .filter_map(|slot| slot.node)
    }

    /// Lets go of names that are seen through and whose files nobody uses.
    pub(crate) fn shrink(&mut self) {
        self.slots.retain(|_, slot| {
            slot.place != 0
                || slot
                    .node
                    .as_ref()
                    .is_none_or(|node| Arc::strong_count(node) > 1 || !node.is_forgettable())
        });
    }
}
