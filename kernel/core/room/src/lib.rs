//! How much may wait between programs altogether: a thousand readers that do not read end in writers that wait, not in a machine without memory.
//!
//! Whoever keeps bytes for somebody counts them in an [`Account`]: the streams of TCP, over the network and within the machine; datagrams; local sockets; pipes. Each of these has limits of its own, which are
//! those of Linux. Beyond them there is one limit for all, a part of the machine's memory, and what the machine has left: [`Account::each`] says how much everybody may keep now. That is everything while there
//! is enough, [`LITTLE`] when half of the limit is reached or memory becomes short, and [`ALWAYS`], which everybody has in any case, when all of it is. So who reads is served while others keep much waiting. For TCP
//! and for datagrams the same follows earlier from what is set for them (`net.ipv4.tcp_mem`, `net.ipv4.udp_mem`).
//!
//! The answer is worked out when an account has changed by [`GRAIN`], and by those who are held up, so that asking costs a load. Bytes may pass a limit by that much for each CPU.
//! It does not wake who was held up: everybody who is has something waiting, and hears when that is read.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

use lock::atomic::{AtomicUsize, Ordering};
use sysctl::Setting;

const PAGE: usize = 4096;
/// What may wait for one reader while memory is short, and when there is none.
pub const LITTLE: usize = 16_384;
/// See [`LITTLE`].
pub const ALWAYS: usize = 4096;
/// How much an account changes until it is looked whether less or more is allowed.
const GRAIN: usize = 1 << 16;

/// Who may keep how much.
#[derive(Debug)]
pub struct Account {
    kept: AtomicUsize,
    each: AtomicUsize,
    /// Where three limits of its own are set in pages, and how many times those of streams they are if they are not.
    setting: Option<(Setting, usize)>,
}

/// Streams of TCP.
pub static STREAMS: Account = Account::new(Some((sysctl::TCP_MEM, 1)));
/// Datagrams of the internet protocols.
pub static DATAGRAMS: Account = Account::new(Some((sysctl::UDP_MEM, 2)));
/// Local sockets.
pub static LOCAL: Account = Account::new(None);
/// Pipes.
pub static PIPES: Account = Account::new(None);

static ALL: [&Account; 4] = [&STREAMS, &DATAGRAMS, &LOCAL, &PIPES];
/// Pages that accounts were given as such: all that is not in the heap.
static PAGES: AtomicUsize = AtomicUsize::new(0);

/// Limits of an account, in order: below the first nothing has to be done, beyond the second everybody has to do with [`LITTLE`], beyond the third with [`ALWAYS`].
pub const LITTLE_FROM: usize = 1;
/// See [`LITTLE_FROM`].
pub const MOST: usize = 2;

/// Bytes of the machine's memory.
fn memory() -> usize {
    frames::usage().total as usize * PAGE
}

/// Limits of streams where none are set: from a sixteenth of the memory on each has little, as on Linux.
fn by_memory(which: usize) -> usize {
    let pressure = (memory() / 16).max(1 << 18);
    match which {
        0 => pressure / 4 * 3,
        LITTLE_FROM => pressure,
        _ => pressure * 2,
    }
}

/// Pages that wait in rings.
#[must_use]
pub fn pages() -> usize {
    PAGES.load(Ordering::Relaxed)
}

/// Whether the machine has hardly any memory left: nobody new gets in.
#[must_use]
pub fn is_scarce() -> bool {
    !has_left(64)
}

/// Whether one part of so many of the memory is left for others.
fn has_left(part: u64) -> bool {
    frames::has_headroom(frames::usage().total / part)
}

/// What everybody may keep by what the machine has left and by what all keep together.
fn for_all() -> usize {
    let kept = kept();
    // A quarter of the memory, unless more is set for some.
    let most = [STREAMS.limit(MOST), DATAGRAMS.limit(MOST)];
    let most = most.into_iter().max().unwrap_or(0).max(memory() / 4);
    by_limits(kept, most / 2, most).min(match () {
        () if has_left(32) => usize::MAX,
        () if has_left(64) => LITTLE,
        () => ALWAYS,
    })
}

fn by_limits(kept: usize, pressure: usize, most: usize) -> usize {
    match kept {
        _ if kept <= pressure => usize::MAX,
        _ if kept <= most => LITTLE,
        _ => ALWAYS,
    }
}

/// Bytes that all keep.
fn kept() -> usize {
    ALL.iter().map(|account| account.kept()).sum()
}

/// Works out how much everybody may keep now.
#[cold]
#[inline(never)]
fn look() {
    let for_all = for_all();
    for account in ALL {
        let own = by_limits(account.kept(), account.limit(LITTLE_FROM), account.limit(MOST));
        let each = match core::ptr::eq(account, &DATAGRAMS) {
            true => own.max(sysctl::UDP_RMEM_MIN.get() as usize),
            false => own,
        };
        account.each.store(each.min(for_all), Ordering::Relaxed);
    }
}

impl Account {
    const fn new(setting: Option<(Setting, usize)>) -> Self {
        Self {
            kept: AtomicUsize::new(0),
            each: AtomicUsize::new(usize::MAX),
            setting,
        }
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// One of its limits ([`LITTLE_FROM`], [`MOST`]), in bytes.
    #[must_use]
    pub fn limit(&self, which: usize) -> usize {
        match self.setting {
            None => usize::MAX,
            Some((setting, times)) => match setting.number(which) as usize {
                0 => by_memory(which) * times,
                pages => pages * PAGE,
            },
        }
    }

    /// How much may be kept for one reader; everything while there is enough.
    #[inline]
    #[must_use]
    pub fn each(&self) -> usize {
        self.each.load(Ordering::Relaxed)
    }

    /// The same as of now, for who would be held up.
    #[cold]
    #[must_use]
    pub fn each_now(&self) -> usize {
        look();
        self.each()
    }

    /// Whether so many bytes are more than one reader may have waiting.
    #[inline]
    #[must_use]
    pub fn is_beyond(&self, bytes: usize) -> bool {
        bytes > self.each() && bytes > self.each_now()
    }

    /// Whether so little is kept that what is not needed may be, to be used again.
    #[must_use]
    pub fn has_plenty(&self) -> bool {
        self.each() == usize::MAX && kept() < memory() / 32
    }

    /// There are more bytes than before, or fewer.
    #[inline]
    pub fn change(&self, before: usize, after: usize) {
        // Wraps to what it is when it falls.
        let change = after.wrapping_sub(before);
        let old = self.kept.fetch_add(change, Ordering::Relaxed);
        if (old ^ old.wrapping_add(change)) >= GRAIN {
            look();
        }
    }

    /// Another page is kept.
    pub fn take_page(&self) {
        PAGES.fetch_add(1, Ordering::Relaxed);
        self.change(0, PAGE);
    }

    /// So many pages are kept no more.
    pub fn give_pages(&self, count: usize) {
        PAGES.fetch_sub(count, Ordering::Relaxed);
        self.change(count * PAGE, 0);
    }
}

#[cfg(test)]
mod tests;
