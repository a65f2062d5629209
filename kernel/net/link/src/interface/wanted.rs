//! Which frames for others an interface takes: those for groups, and all of them, each as often as it was asked for.

use super::{Interface, flag};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

/// Which frames for others are asked for.
#[derive(Default)]
pub(super) struct Wanted {
    promiscuous: u32,
    all_groups: u32,
    /// Groups, and how often each was joined.
    groups: Vec<([u8; 6], u32)>,
}

impl Interface {
    /// Asks for all frames, one time more or less.
    pub fn promiscuous(&self, on: bool) {
        let mut wanted = self.wanted.lock();
        wanted.promiscuous = counted(wanted.promiscuous, on);
        drop(wanted);
        self.filter();
    }

    /// How often all frames are asked for.
    #[must_use]
    pub fn promiscuity(&self) -> u32 {
        let set = self.set.load(Ordering::Relaxed) & flag::PROMISCUOUS != 0;
        self.wanted.lock().promiscuous + u32::from(set)
    }

    /// Asks for all frames for groups, one time more or less.
    pub fn all_groups(&self, on: bool) {
        let mut wanted = self.wanted.lock();
        wanted.all_groups = counted(wanted.all_groups, on);
        drop(wanted);
        self.filter();
    }

    /// How often all frames for groups are asked for.
    #[must_use]
    pub fn all_groups_wanted(&self) -> u32 {
        let set = self.set.load(Ordering::Relaxed) & flag::ALL_GROUPS != 0;
        self.wanted.lock().all_groups + u32::from(set)
    }

    /// Asks for a group's frames, one time more or less.
    pub fn group(&self, group: [u8; 6], on: bool) {
        let mut wanted = self.wanted.lock();
        match wanted.groups.iter_mut().find(|known| known.0 == group) {
            Some(known) => known.1 = counted(known.1, on),
            None if on => wanted.groups.push((group, 1)),
            None => {}
        }
        wanted.groups.retain(|known| known.1 > 0);
        drop(wanted);
        self.filter();
    }

    /// Tells the card which frames are asked for.
    pub(super) fn filter(&self) {
        let set = self.set.load(Ordering::Relaxed);
        let wanted = self.wanted.lock();
        let promiscuous = wanted.promiscuous > 0 || set & flag::PROMISCUOUS != 0;
        let all_groups = wanted.all_groups > 0 || set & flag::ALL_GROUPS != 0;
        let groups: Vec<_> = wanted.groups.iter().map(|known| known.0).collect();
        drop(wanted);
        self.card.set_filter(promiscuous, all_groups, &groups);
    }
}

fn counted(count: u32, more: bool) -> u32 {
    if more {
        count.saturating_add(1)
    } else {
        count.saturating_sub(1)
    }
}
