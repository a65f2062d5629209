//! Robust futexes: a thread that ends gives the locks that it holds to whoever waits, marked as left by a dead owner.

use crate::{ANY, Scope, wake};
use abi::sched::{FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS};
use space::AddressSpace;
use usermem::UserPtr;

/// Most entries that are followed: the list is a program's, and may be a circle.
const LIMIT: usize = 2048;

/// Gives up the futexes of a robust list.
pub fn release_robust(space: &AddressSpace, head: u64, tid: u32) {
    let word = |address: u64| UserPtr::<u64>::new(address).read();
    let (Ok(mut entry), Ok(offset), Ok(pending)) = (word(head), word(head + 8), word(head + 16)) else {
        return;
    };
    for _ in 0..LIMIT {
        let bare = entry & !1;
        if bare == head {
            break;
        }
        let next = word(bare);
        if entry != pending {
            release(space, bare.wrapping_add(offset), tid);
        }
        match next {
            Ok(next) => entry = next,
            Err(_) => return,
        }
    }
    if pending != 0 {
        release(space, (pending & !1).wrapping_add(offset), tid);
    }
}

fn release(space: &AddressSpace, address: u64, tid: u32) {
    let Ok(mut value) = usermem::load_u32(address) else {
        return;
    };
    while value & FUTEX_TID_MASK == tid {
        let left = value & FUTEX_WAITERS | FUTEX_OWNER_DIED;
        match usermem::compare_exchange_u32(address, value, left) {
            Ok(found) if found == value => {
                if value & FUTEX_WAITERS != 0 {
                    let _ = wake(space, address, 1, ANY, Scope::Shared);
                }
                return;
            }
            Ok(found) => value = found,
            Err(_) => return,
        }
    }
}
