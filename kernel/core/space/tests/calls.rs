//! The calls, one by one, with the errors that Linux gives.
#![forbid(unsafe_code)]

mod machine;

use abi::Errno;
use abi::mman::{MapFlags, Prot};
use machine::{boot, get, leave, new_space, set};
use space::{Mapping, SharedMemory};
use std::sync::Arc;

const RW: Prot = Prot::READ.union(Prot::WRITE);
const BASE: u64 = 0x1000_0000;

#[test]
fn fresh_memory_is_zero_and_keeps_what_is_written() {
    let _turn = boot();
    let space = new_space();
    let at = space.map(&Mapping::anonymous(0x3000, RW)).expect("mapped");
    assert_eq!(get(at), Some(0));
    assert!(set(at + 5, 7));
    assert_eq!(
        (get(at + 5), get(at + 4), get(at + 0x2fff)),
        (Some(7), Some(0), Some(0))
    );
    assert_eq!(get(at + 0x3000), None);
    assert_eq!(space.counters().resident, 1);
    space.unmap(at, 0x3000).expect("unmapped");
    assert_eq!(get(at), None);
    leave();
}

#[test]
fn a_space_gives_every_frame_back() {
    let _turn = boot();
    drop(new_space());
    leave();
    let before = frames::usage().free;
    let space = new_space();
    let at = space.map(&Mapping::anonymous(40 << 20, RW)).expect("mapped");
    for page in 0..64 {
        assert!(set(at + page * 0x8_1000, 1));
    }
    let shared = space
        .map(&Mapping {
            flags: MapFlags::SHARED | MapFlags::ANONYMOUS,
            ..Mapping::anonymous(0x5000, RW)
        })
        .expect("mapped");
    assert!(set(shared, 1) && set(shared + 0x4000, 2));
    assert!(space.counters().resident > 64);
    leave();
    drop(space);
    assert_eq!(frames::usage().free, before);
}

#[test]
fn rights_are_kept_and_come_back() {
    let _turn = boot();
    let space = new_space();
    let at = space.map(&Mapping::anonymous(0x4000, RW)).expect("mapped");
    assert!(set(at + 0x1000, 9));
    space.protect(at + 0x1000, 0x1000, Prot::empty()).expect("protected");
    assert_eq!((get(at + 0x1000), set(at + 0x1000, 1)), (None, false));
    assert_eq!(space.mappings().len(), 3);
    space.protect(at + 0x1000, 0x1000, Prot::READ).expect("protected");
    assert_eq!((get(at + 0x1000), set(at + 0x1000, 1)), (Some(9), false));
    space.protect(at, 0x4000, RW).expect("protected");
    assert_eq!(space.mappings().len(), 1);
    assert!(set(at + 0x1000, 1));
    let error = space.protect(at, 0x5000, RW).expect_err("a hole");
    assert_eq!(error.errno, Errno::ENOMEM);
    leave();
}

#[test]
fn fixed_replaces_and_noreplace_does_not() {
    let _turn = boot();
    let space = new_space();
    space.map(&Mapping::anonymous(0x3000, RW).fixed(BASE)).expect("mapped");
    assert!(set(BASE, 1) && set(BASE + 0x1000, 2));
    space
        .map(&Mapping::anonymous(0x1000, RW).fixed(BASE + 0x1000))
        .expect("mapped");
    assert_eq!((get(BASE), get(BASE + 0x1000)), (Some(1), Some(0)));
    let mut again = Mapping::anonymous(0x1000, RW);
    again.address = BASE;
    again.flags |= MapFlags::FIXED_NOREPLACE;
    assert_eq!(space.map(&again).expect_err("taken").errno, Errno::EEXIST);
    let low = Mapping::anonymous(0x1000, RW).fixed(0x1000);
    assert_eq!(space.map(&low).expect_err("too low").errno, Errno::EPERM);
    let odd = Mapping::anonymous(0x1000, RW).fixed(BASE + 1);
    assert_eq!(space.map(&odd).expect_err("odd").errno, Errno::EINVAL);
    let nothing = Mapping::anonymous(0, RW);
    assert_eq!(space.map(&nothing).expect_err("empty").errno, Errno::EINVAL);
    let vast = Mapping::anonymous(1 << 40, RW);
    assert_eq!(space.map(&vast).expect_err("more than there is").errno, Errno::ENOMEM);
    leave();
}

#[test]
fn the_break_grows_and_shrinks() {
    let _turn = boot();
    let space = new_space();
    let start = space.set_program_end(BASE + 0x123, 0);
    assert_eq!(start, BASE + 0x1000);
    assert_eq!(space.set_break(0), start);
    assert_eq!(space.set_break(start + 0x1800), start + 0x1800);
    assert!(set(start + 0x1fff, 3) && !set(start + 0x2000, 3));
    assert_eq!(space.set_break(start + 10), start + 10);
    assert!(set(start, 1) && !set(start + 0x1000, 1));
    assert_eq!(&space.mappings()[0].name, b"[heap]");
    leave();
}

#[test]
fn a_large_mapping_gets_large_pages_and_loses_parts_of_them() {
    let _turn = boot();
    let space = new_space();
    let at = space.map(&Mapping::anonymous(4 << 20, RW)).expect("mapped");
    assert_eq!(at % (2 << 20), 0);
    assert!(set(at + 0x5000, 1));
    assert_eq!(space.counters().resident, 512);
    space.unmap(at + 0x4000, 0x1000).expect("unmapped");
    assert_eq!((get(at + 0x4000), get(at + 0x5000)), (None, Some(1)));
    assert_eq!(space.counters().resident, 511);
    space.protect(at + 0x5000, 0x1000, Prot::READ).expect("protected");
    assert!(!set(at + 0x5000, 1) && set(at + 0x6000, 1));
    leave();
}

#[test]
fn shared_memory_is_one_memory() {
    let _turn = boot();
    let space = new_space();
    let object = Arc::new(SharedMemory::new(0x2000));
    let mut request = Mapping::anonymous(0x3000, RW);
    request.flags = MapFlags::SHARED;
    request.file = Some(space::FileMapping {
        object,
        offset: 0,
        readable: true,
        writable: true,
        executable: true,
    });
    let one = space.map(&request).expect("mapped");
    let two = space.map(&request).expect("mapped");
    assert!(set(one + 0x1000, 5));
    assert_eq!(get(two + 0x1000), Some(5));
    assert_eq!(get(one + 0x2000), None, "a bus error behind the end");
    request.flags = MapFlags::PRIVATE;
    let own = space.map(&request).expect("mapped");
    assert_eq!(get(own + 0x1000), Some(5));
    assert!(set(own + 0x1000, 6));
    assert_eq!((get(own + 0x1000), get(one + 0x1000)), (Some(6), Some(5)));
    leave();
}

#[test]
fn a_stack_grows_to_its_limit_and_keeps_its_distance() {
    let _turn = boot();
    let space = new_space();
    let top = 0x7000_0000;
    let mut request = Mapping::anonymous(0x2000, RW).fixed(top - 0x2000);
    request.flags |= MapFlags::GROWSDOWN;
    space.map(&request).expect("mapped");
    assert!(set(top - 0x40_0000, 1));
    assert!(!set(top - (8 << 20) - 1, 1));
    assert_eq!(space.mappings().len(), 1);
    space
        .map(&Mapping::anonymous(0x1000, RW).fixed(top - 0x60_0000))
        .expect("mapped");
    assert!(!set(top - 0x60_0000 + 0x8_0000, 1));
    assert!(set(top - 0x60_0000 + 0x10_1000, 1));
    leave();
}

#[test]
fn another_space_can_be_filled_from_outside() {
    let _turn = boot();
    let space = new_space();
    let at = space.map(&Mapping::anonymous(0x2000, RW)).expect("mapped");
    leave();
    let text: Vec<u8> = (0..0x1800).map(|n| n as u8).collect();
    assert_eq!(space.poke(at + 0x400, &text), 0x1800);
    let mut back = vec![0; 0x1800];
    assert_eq!(space.peek(at + 0x400, &mut back), 0x1800);
    assert_eq!(back, text);
    assert_eq!(space.poke(at + 0x1fff, &[1, 2]), 1);
}
