//! How much memory connections over the network may have altogether, which is what [`room::STREAMS`] has left, and how many may be left without a program.
//!
//! Each connection has limits of its own, which grow with how fast it goes. Where memory is short all of them have to do with little, and in the end with [`ALWAYS`], which everybody has in any case, so that
//! a new client is served while old ones keep much waiting. What comes for who has more than that is not taken then, and comes again. Where the machine has hardly a frame left, nobody new gets in.
//! What is in the sum is the bytes of streams, with what lies empty beside them; a connection's own kilobyte is not.

use core::sync::atomic::{AtomicUsize, Ordering};
use room::STREAMS;

pub(crate) use room::is_scarce;

pub(crate) const ALWAYS: u32 = room::ALWAYS as u32;

/// Connections that no program has any more and that are not over.
pub(crate) static ORPHANS: AtomicUsize = AtomicUsize::new(0);

/// Frames of the machine.
fn frames() -> usize {
    frames::usage().total as usize
}

/// A connection keeps so many bytes, and kept so many before; how many may wait there either way.
pub(crate) fn change(before: usize, after: usize) -> u32 {
    if before != after {
        STREAMS.change(before, after);
    }
    let each = STREAMS.each();
    // Who has to do with less finds out when that is over.
    let each = if each == usize::MAX { each } else { STREAMS.each_now() };
    u32::try_from(each).unwrap_or(u32::MAX)
}

/// Whether nobody may have more who has something.
pub(crate) fn is_all_taken() -> bool {
    STREAMS.is_beyond(room::ALWAYS + 1)
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
    set_or(sysctl::MAX_TW_BUCKETS, || (frames() / 4).clamp(256, 16_384))
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
    fn orphans_that_keep_much_are_too_many_when_all_is_taken() {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        let all = STREAMS.limit(room::MOST) + room::LITTLE;
        assert_eq!((change(0, 1), is_all_taken()), (u32::MAX, false));
        assert_eq!((change(1, all), is_all_taken()), (ALWAYS, true));
        assert!(
            has_too_many_orphans(5000) && !has_too_many_orphans(100),
            "little is sent to its end"
        );
        assert_eq!((change(all, 0), STREAMS.kept()), (u32::MAX, 0));
    }
}
