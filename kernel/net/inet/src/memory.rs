//! How much memory connections over the network may have altogether: a thousand clients that never read end in senders that wait, not in a machine without memory.
//!
//! Each connection has limits of its own, which grow with how fast it goes. Beyond a part of the memory ([`limit`]) all of them have to do with [`LITTLE`], and beyond twice that with [`ALWAYS`], which everybody has in any case, so that
//! a new client is served while old ones keep much waiting. What comes for who has more than that is not taken then, and comes again. Where the machine has hardly a frame left, nobody new gets in.
//! What is in the sum is the bytes of streams, with what lies empty beside them; a connection's own kilobyte is not.

use core::sync::atomic::{AtomicUsize, Ordering};
use lock::Once;

const PAGE: usize = 4096;
/// What may wait either way while memory is short, and when there is none.
const LITTLE: u32 = 16_384;
pub(crate) const ALWAYS: u32 = 4096;

/// Bytes that all connections keep.
static KEPT: AtomicUsize = AtomicUsize::new(0);
/// Connections that no program has any more and that are not over.
pub(crate) static ORPHANS: AtomicUsize = AtomicUsize::new(0);
static PRESSURE: Once<usize> = Once::new();

/// Frames of the machine.
fn frames() -> usize {
    frames::usage().total as usize
}

/// Places of the numbers of `net.ipv4.tcp_mem`: from where on each has to do with little, and the most.
const LITTLE_FROM: usize = 1;
pub(crate) const MOST: usize = 2;

/// Bytes that all connections may keep before nothing, before each has to do with little, and at most (`net.ipv4.tcp_mem`): a sixteenth of the memory is little enough, as on Linux.
#[inline]
pub(crate) fn limit(which: usize) -> usize {
    match sysctl::TCP_MEM.number(which) as usize {
        0 => by_memory(which),
        pages => pages * PAGE,
    }
}

fn by_memory(which: usize) -> usize {
    let pressure = *PRESSURE.get_or_init(|| (frames() * PAGE / 16).max(1 << 18));
    match which {
        0 => pressure / 4 * 3,
        LITTLE_FROM => pressure,
        _ => pressure * 2,
    }
}

/// Bytes that all of them keep.
pub(crate) fn kept() -> usize {
    KEPT.load(Ordering::Relaxed)
}

/// A connection keeps so many bytes, and kept so many before; how many may wait there either way.
pub(crate) fn change(before: usize, after: usize) -> u32 {
    let all = if before == after {
        kept()
    } else {
        // Wraps to what it is when it falls.
        let change = after.wrapping_sub(before);
        KEPT.fetch_add(change, Ordering::Relaxed).wrapping_add(change)
    };
    if all <= limit(LITTLE_FROM) {
        u32::MAX
    } else if all <= limit(MOST) {
        LITTLE
    } else {
        ALWAYS
    }
}

/// Whether nobody may have more who has something.
pub(crate) fn is_all_taken() -> bool {
    kept() > limit(MOST)
}

/// Whether the machine has hardly any memory left: nobody new gets in.
pub(crate) fn is_scarce() -> bool {
    !frames::has_headroom((frames() / 64) as u64)
}

/// Connections that no program has are few enough to be kept until everything has arrived (`net.ipv4.tcp_max_orphans`).
pub(crate) fn most_orphans() -> usize {
    set_or(sysctl::MAX_ORPHANS, || (frames() / 16).clamp(64, 16_384))
}

/// Whether one more that keeps so many bytes is too many: it is reset.
pub(crate) fn has_too_many_orphans(bytes: usize) -> bool {
    ORPHANS.load(Ordering::Relaxed) >= most_orphans() || bytes > ALWAYS as usize && is_all_taken()
}

/// What is left of connections that are over, at most (`net.ipv4.tcp_max_tw_buckets`).
pub(crate) fn most_over() -> usize {
    set_or(sysctl::MAX_TW_BUCKETS, || frames().clamp(256, 16_384))
}

fn set_or(setting: sysctl::Setting, otherwise: impl FnOnce() -> usize) -> usize {
    match setting.get() {
        0 => otherwise(),
        set => set as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_all_keep_the_less_each_may() {
        let part = limit(LITTLE_FROM);
        assert_eq!(change(0, part), u32::MAX);
        assert_eq!((change(0, 1), is_all_taken()), (LITTLE, false));
        assert_eq!((change(0, part), is_all_taken()), (ALWAYS, true));
        assert!(
            has_too_many_orphans(5000) && !has_too_many_orphans(100),
            "little is sent to its end"
        );
        assert_eq!(change(2 * part + 1, part / 2), u32::MAX);
        assert_eq!((change(part / 2, 0), kept()), (u32::MAX, 0));
    }
}
