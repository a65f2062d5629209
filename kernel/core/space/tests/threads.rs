//! Several CPUs change one space at once.
#![forbid(unsafe_code)]

mod machine;

use abi::mman::{MADV_DONTNEED, Prot, RemapFlags};
use hal::Access;
use machine::{boot, enter, get, leave, new_space, set};
use space::{AddressSpace, Mapping};
use std::sync::Arc;

const PAGE: u64 = 4096;
const RW: Prot = Prot::READ.union(Prot::WRITE);

/// Maps, touches, cuts and unmaps; what others do in the meantime must not matter.
fn work(space: &Arc<AddressSpace>, seed: u64) {
    enter(space);
    for round in 0..200 {
        let pages = 1 + (seed * 31 + round * 17) % 600;
        let at = space.map(&Mapping::anonymous(pages * PAGE, RW)).expect("mapped");
        for page in (0..pages).step_by(7) {
            assert_eq!(space.fault(at + page * PAGE, Access::Write), Ok(()));
        }
        assert!(set(at + 100, seed as u8) && set(at + 101, 7));
        space.protect(at, PAGE, Prot::READ).expect("protected");
        assert!(space.fault(at, Access::Write).is_err());
        space
            .advise(at + PAGE, (pages - 1) * PAGE, MADV_DONTNEED)
            .expect("advised");
        let moved = space.remap(at, PAGE, 2 * PAGE, RemapFlags::MAYMOVE, 0).expect("moved");
        assert_eq!((get(moved + 100), get(moved + 101)), (Some(seed as u8), Some(7)));
        if round % 50 == 0 {
            drop(space.fork().expect("forked"));
        }
        space.unmap(moved, 2 * PAGE).expect("unmapped");
        if pages > 2 {
            space.unmap(at + 2 * PAGE, (pages - 2) * PAGE).expect("unmapped");
        }
    }
    leave();
}

#[test]
fn several_cpus_change_one_space_and_every_frame_comes_back() {
    let _turn = boot();
    leave();
    let before = frames::usage().free;
    let space = new_space();
    std::thread::scope(|scope| {
        for seed in 1..4 {
            let space = Arc::clone(&space);
            scope.spawn(move || work(&space, seed));
        }
        work(&space, 0);
    });
    space.clear();
    assert_eq!((space.counters().total, space.counters().resident), (0, 0));
    leave();
    drop(space);
    assert_eq!(frames::usage().free, before);
}
