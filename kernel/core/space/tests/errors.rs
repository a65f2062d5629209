//! What is refused, and with which of the errors that would fit: as Linux 6.12 decides.
#![forbid(unsafe_code)]

mod machine;

use abi::mman::*;
use abi::{Errno, Result};
use machine::{boot, get, leave, new_space, set};
use space::{AddressSpace, Layout, Limits, Mapping, Pinning};

const PAGE: u64 = 4096;
const RW: Prot = Prot::READ.union(Prot::WRITE);
const BASE: u64 = 0x1000_0000;

fn errno<T: std::fmt::Debug>(result: Result<T>) -> Errno {
    result.expect_err("refused").errno
}

/// Four pages at `BASE`, and a fifth after a hole of one.
fn with_a_hole(space: &AddressSpace) {
    space
        .map(&Mapping::anonymous(4 * PAGE, RW).fixed(BASE))
        .expect("mapped");
    space
        .map(&Mapping::anonymous(PAGE, RW).fixed(BASE + 5 * PAGE))
        .expect("mapped");
}

#[test]
fn mmap() {
    let _turn = boot();
    let space = new_space();
    let request = |length, flags: u32| Mapping {
        flags: MapFlags::from_bits_retain(flags),
        ..Mapping::anonymous(length, RW)
    };
    let private = (MapFlags::PRIVATE | MapFlags::ANONYMOUS).bits();
    let shared = (MapFlags::SHARED | MapFlags::ANONYMOUS).bits();
    assert_eq!(
        errno(space.map(&request(PAGE, MapFlags::ANONYMOUS.bits()))),
        Errno::EINVAL
    );
    assert_eq!(errno(space.map(&request(PAGE, private | shared))), Errno::EINVAL);
    assert_eq!(
        errno(space.map(&request(PAGE, shared | MapFlags::GROWSDOWN.bits()))),
        Errno::EINVAL
    );
    assert_eq!(errno(space.map(&request(u64::MAX, private))), Errno::ENOMEM);
    assert_eq!(errno(space.map(&request(1 << 47, private))), Errno::ENOMEM);
    assert_eq!(errno(space.map(&request(1 << 40, private))), Errno::ENOMEM);
    assert!(
        space
            .map(&request(1 << 40, private | MapFlags::NORESERVE.bits()))
            .is_ok()
    );
    assert!(space.map(&Mapping::anonymous(1 << 40, Prot::empty())).is_ok());
    assert_eq!(
        errno(space.map(&request(PAGE, private | MapFlags::HUGETLB.bits()))),
        Errno::ENOMEM
    );
    assert!(space.map(&request(PAGE, 8 | MapFlags::ANONYMOUS.bits())).is_ok());
    let end = Mapping::anonymous(2 * PAGE, RW).fixed(address::USER_END - PAGE);
    assert_eq!(errno(space.map(&end)), Errno::ENOMEM);
    assert_eq!(errno(space.map(&Mapping::anonymous(PAGE, RW).fixed(0))), Errno::EPERM);
    space.set_limits(Limits {
        privileged: true,
        ..Limits::default()
    });
    assert_eq!(space.map(&Mapping::anonymous(PAGE, RW).fixed(0)), Ok(0));
    leave();
}

#[test]
fn mmap_puts_things_where_they_are_wanted() {
    let _turn = boot();
    let space = new_space();
    let mut request = Mapping::anonymous(PAGE, RW);
    request.address = BASE + 5;
    assert_eq!(space.map(&request), Ok(BASE));
    assert_ne!(
        space.map(&request),
        Ok(BASE),
        "a hint that is taken is no more than a hint"
    );
    request.address = 0x1000;
    assert_eq!(space.map(&request), Ok(space::LOWEST));
    request.address = 0;
    request.flags |= MapFlags::BIT32;
    let low = space.map(&request).expect("mapped");
    assert!((0x4000_0000..0x8000_0000).contains(&low));
    let below = space.map(&Mapping::anonymous(PAGE, RW)).expect("mapped");
    let next = space.map(&Mapping::anonymous(PAGE, Prot::READ)).expect("mapped");
    assert_eq!(next + PAGE, below, "from the top down");
    space.unmap(below, PAGE).expect("unmapped");
    assert_eq!(space.map(&Mapping::anonymous(PAGE, RW)), Ok(below), "the highest gap");
    leave();
}

#[test]
fn munmap() {
    let _turn = boot();
    let space = new_space();
    with_a_hole(&space);
    assert_eq!(errno(space.unmap(BASE + 1, PAGE)), Errno::EINVAL);
    assert_eq!(errno(space.unmap(BASE, 0)), Errno::EINVAL);
    assert_eq!(errno(space.unmap(BASE, u64::MAX)), Errno::EINVAL);
    assert_eq!(errno(space.unmap(address::USER_END, PAGE)), Errno::EINVAL);
    assert_eq!(space.unmap(BASE + 3 * PAGE, 20 * PAGE), Ok(()));
    assert_eq!(space.mappings().len(), 1);
    leave();
}

#[test]
fn mprotect() {
    let _turn = boot();
    let space = new_space();
    with_a_hole(&space);
    let grows = Prot::GROWSDOWN | Prot::GROWSUP;
    assert_eq!(errno(space.protect(BASE + 1, 0, grows)), Errno::EINVAL);
    assert_eq!(errno(space.protect(BASE + 1, 0, RW)), Errno::EINVAL);
    assert_eq!(space.protect(0x7000, 0, RW), Ok(()));
    assert_eq!(
        errno(space.protect(BASE, PAGE, Prot::from_bits_retain(0x1000))),
        Errno::EINVAL
    );
    assert_eq!(errno(space.protect(BASE, u64::MAX, RW)), Errno::ENOMEM);
    assert_eq!(errno(space.protect(BASE, PAGE, RW | Prot::GROWSDOWN)), Errno::EINVAL);
    assert_eq!(
        errno(space.protect(BASE + 3 * PAGE, 3 * PAGE, Prot::READ)),
        Errno::ENOMEM
    );
    assert!(!set(BASE + 3 * PAGE, 1), "what lies before the hole has been changed");
    assert!(set(BASE + 5 * PAGE, 1));
    leave();
}

#[test]
fn mremap() {
    let _turn = boot();
    let space = new_space();
    with_a_hole(&space);
    let (may, fixed) = (RemapFlags::MAYMOVE, RemapFlags::MAYMOVE | RemapFlags::FIXED);
    let none = RemapFlags::empty();
    let end = BASE + 4 * PAGE;
    assert_eq!(
        errno(space.remap(BASE, PAGE, PAGE, RemapFlags::FIXED, end)),
        Errno::EINVAL
    );
    assert_eq!(
        errno(space.remap(BASE, PAGE, PAGE, RemapFlags::from_bits_retain(64), 0)),
        Errno::EINVAL
    );
    assert_eq!(errno(space.remap(BASE + 1, PAGE, PAGE, may, 0)), Errno::EINVAL);
    assert_eq!(errno(space.remap(BASE, PAGE, 0, may, 0)), Errno::EINVAL);
    assert_eq!(errno(space.remap(end, PAGE, 2 * PAGE, may, 0)), Errno::EFAULT);
    assert_eq!(errno(space.remap(BASE, 5 * PAGE, 6 * PAGE, may, 0)), Errno::EFAULT);
    assert_eq!(errno(space.remap(BASE, 0, PAGE, may, 0)), Errno::EINVAL);
    assert_eq!(errno(space.remap(BASE, 2 * PAGE, 3 * PAGE, none, 0)), Errno::ENOMEM);
    assert_eq!(
        errno(space.remap(BASE, 2 * PAGE, 2 * PAGE, fixed, BASE + PAGE)),
        Errno::EINVAL
    );
    assert_eq!(errno(space.remap(BASE, PAGE, PAGE, fixed, end + 1)), Errno::EINVAL);
    assert_eq!(
        errno(space.remap(BASE, PAGE, PAGE, fixed, address::USER_END)),
        Errno::EINVAL
    );
    let keep = RemapFlags::DONTUNMAP | may;
    assert_eq!(errno(space.remap(BASE, PAGE, 2 * PAGE, keep, 0)), Errno::EINVAL);
    assert_eq!(
        space.remap(BASE, 4 * PAGE, 5 * PAGE, none, 0),
        Ok(BASE),
        "into the hole"
    );
    assert!(set(BASE, 5));
    let to = space.remap(BASE, PAGE, PAGE, keep, 0).expect("moved");
    assert_eq!((get(to), get(BASE)), (Some(5), Some(0)));
    leave();
}

#[test]
fn madvise() {
    let _turn = boot();
    let space = new_space();
    with_a_hole(&space);
    assert_eq!(errno(space.advise(BASE + 1, PAGE, 9999)), Errno::EINVAL);
    assert_eq!(errno(space.advise(BASE + 1, PAGE, MADV_NORMAL)), Errno::EINVAL);
    assert_eq!(errno(space.advise(BASE, u64::MAX, MADV_NORMAL)), Errno::EINVAL);
    assert_eq!(space.advise(0x7000, 0, MADV_NORMAL), Ok(()));
    assert!(set(BASE + 5 * PAGE, 1));
    assert_eq!(errno(space.advise(BASE, 6 * PAGE, MADV_DONTNEED)), Errno::ENOMEM);
    assert_eq!(
        get(BASE + 5 * PAGE),
        Some(0),
        "what lies behind the hole has been dropped"
    );
    assert_eq!(errno(space.advise(BASE, 5 * PAGE, MADV_POPULATE_WRITE)), Errno::ENOMEM);
    assert_eq!(space.counters().resident, 4);
    space.protect(BASE, PAGE, Prot::READ).expect("protected");
    assert_eq!(errno(space.advise(BASE, PAGE, MADV_POPULATE_WRITE)), Errno::EINVAL);
    space.lock(BASE, PAGE, Pinning::Now).expect("locked");
    assert_eq!(errno(space.advise(BASE, PAGE, MADV_DONTNEED)), Errno::EINVAL);
    assert_eq!(errno(space.advise(BASE, PAGE, MADV_PAGEOUT)), Errno::EINVAL);
    assert_eq!(space.advise(BASE, PAGE, MADV_DONTNEED_LOCKED), Ok(()));
    assert_eq!(errno(space.advise(BASE, PAGE, MADV_REMOVE)), Errno::EINVAL);
    leave();
}

#[test]
fn mlock() {
    let _turn = boot();
    let space = new_space();
    with_a_hole(&space);
    assert_eq!(space.lock(BASE + 1, PAGE, Pinning::Now), Ok(()));
    assert_eq!((space.counters().locked, space.counters().resident), (2, 2));
    assert_eq!(errno(space.lock(BASE, 6 * PAGE, Pinning::Now)), Errno::ENOMEM);
    assert_eq!(space.counters().locked, 4, "as far as the hole");
    assert_eq!(
        space.lock(BASE, u64::MAX, Pinning::Now),
        Ok(()),
        "Linux adds without looking"
    );
    assert_eq!(errno(space.lock(BASE, u64::MAX - 0x8000, Pinning::Now)), Errno::EINVAL);
    assert_eq!(space.unlock(BASE, u64::MAX), Ok(()));
    assert_eq!(errno(space.unlock(BASE + 4 * PAGE, PAGE)), Errno::ENOMEM);
    assert_eq!(space.unlock(BASE, PAGE), Ok(()));
    assert_eq!(space.counters().locked, 3);
    space.set_limits(Limits {
        locked: 4 * PAGE,
        ..Limits::default()
    });
    assert_eq!(
        space.lock(BASE, 4 * PAGE, Pinning::OnFault),
        Ok(()),
        "what is locked already counts once"
    );
    assert_eq!(errno(space.lock(BASE + 5 * PAGE, PAGE, Pinning::Now)), Errno::ENOMEM);
    assert_eq!(errno(space.lock_all(LockAllFlags::CURRENT)), Errno::ENOMEM);
    let mut request = Mapping::anonymous(PAGE, RW);
    request.flags |= MapFlags::LOCKED;
    assert_eq!(errno(space.map(&request)), Errno::EAGAIN);
    assert_eq!(
        errno(space.remap(BASE, 4 * PAGE, 5 * PAGE, RemapFlags::empty(), 0)),
        Errno::EAGAIN
    );
    space.set_limits(Limits {
        locked: 0,
        ..Limits::default()
    });
    assert_eq!(errno(space.map(&request)), Errno::EPERM);
    assert_eq!(errno(space.lock(BASE, PAGE, Pinning::Now)), Errno::EPERM);
    for bad in [
        LockAllFlags::empty(),
        LockAllFlags::ONFAULT,
        LockAllFlags::from_bits_retain(64),
    ] {
        assert_eq!(errno(space.lock_all(bad)), Errno::EINVAL);
    }
    space.unlock_all();
    assert_eq!(space.counters().locked, 0);
    leave();
}

#[test]
fn mlockall_locks_what_comes() {
    let _turn = boot();
    let space = new_space();
    space.lock_all(LockAllFlags::FUTURE).expect("locked");
    space.map(&Mapping::anonymous(3 * PAGE, RW)).expect("mapped");
    assert_eq!((space.counters().locked, space.counters().resident), (3, 3));
    let child = space.fork().expect("forked");
    assert_eq!((child.counters().locked, child.counters().total), (0, 3));
    leave();
}

#[test]
fn limits() {
    let _turn = boot();
    let space = new_space();
    let some = Limits {
        address_space: 10 * PAGE,
        data: 4 * PAGE,
        mapped_data: 4 * PAGE,
        ..Limits::default()
    };
    space.set_limits(some);
    assert_eq!(
        errno(space.map(&Mapping::anonymous(11 * PAGE, Prot::READ))),
        Errno::ENOMEM
    );
    assert_eq!(errno(space.map(&Mapping::anonymous(5 * PAGE, RW))), Errno::ENOMEM);
    let at = space.map(&Mapping::anonymous(6 * PAGE, Prot::READ)).expect("mapped");
    assert_eq!(errno(space.protect(at, 6 * PAGE, RW)), Errno::ENOMEM);
    assert_eq!(space.protect(at, 4 * PAGE, RW), Ok(()));
    assert_eq!(space.counters().data, 4);
    let again = Mapping::anonymous(10 * PAGE, Prot::READ).fixed(at);
    assert_eq!(space.map(&again), Ok(at), "what is replaced does not count");
    assert_eq!((space.counters().total, space.counters().data), (10, 0));
    let start = space.set_program_end(BASE, 0);
    assert_eq!(space.set_break(start + PAGE), start);
    leave();
}

#[test]
fn layouts_differ_and_leave_room_for_the_stack() {
    let _turn = boot();
    let limits = Limits::default();
    let (one, two) = (Layout::random(&limits), Layout::random(&limits));
    assert_ne!(one, two);
    for layout in [one, two, Layout::fixed(&limits)] {
        assert!(layout.stack_top <= address::USER_END && address::is_page_aligned(layout.stack_top));
        assert!(layout.mmap_top + limits.stack < layout.stack_top);
        assert!(address::is_page_aligned(layout.mmap_top) && address::is_page_aligned(layout.program_base));
        assert!((0x5555_5555_4000..0x6555_5555_4000).contains(&layout.program_base));
    }
}
