//! Advisory locks between owners, without waiting.

mod ground;

use abi::Errno;
use abi::fcntl::OpenFlags;
use ground::{Ground, errno};
use proptest::prelude::*;
use std::ops::Range;
use std::sync::Arc;
use vfs::File;
use vfs::locks::{
    Owner, RangeLock, Sharing, Waits, closed, lock_range, lock_whole, obstacle, open_file, unlock_range, unlock_whole,
};

fn two() -> (Ground, Arc<File>, Arc<File>) {
    let ground = Ground::new();
    let open = || ground.open("/f", OpenFlags::CREAT | OpenFlags::RDWR).expect("opened");
    let (one, other) = (open(), open());
    (ground, one, other)
}

fn wanted(owner: Owner, sharing: Sharing, range: Range<u64>) -> RangeLock {
    RangeLock {
        owner,
        sharing,
        range,
        process: 1,
    }
}

#[test]
fn a_process_keeps_others_out_until_it_closes_any_descriptor() {
    let (_ground, file, again) = two();
    let (one, other) = (Owner::Process(1), Owner::Process(2));
    lock_range(&file, &wanted(one, Sharing::Exclusive, 10..20), Waits::No).expect("free");
    let refused = lock_range(&again, &wanted(other, Sharing::Shared, 15..16), Waits::No);
    assert_eq!(errno(refused), Errno::EAGAIN);
    lock_range(&again, &wanted(other, Sharing::Exclusive, 20..30), Waits::No).expect("beside it");
    lock_range(&file, &wanted(one, Sharing::Shared, 10..20), Waits::No).expect("its own, downgraded");
    lock_range(&again, &wanted(other, Sharing::Shared, 15..16), Waits::No).expect("shared");
    let inode = file.inode().expect("open");
    let seen = obstacle(inode, &wanted(other, Sharing::Exclusive, 0..u64::MAX)).expect("locked");
    assert_eq!((seen.owner, seen.range), (one, 10..20));
    closed(&again, 1);
    assert!(obstacle(inode, &wanted(other, Sharing::Exclusive, 0..u64::MAX)).is_none());
    closed(&again, 2);
}

#[test]
fn unlocking_the_middle_leaves_both_ends() {
    let (_ground, file, _) = two();
    let (one, other) = (Owner::Process(1), Owner::Process(2));
    lock_range(&file, &wanted(one, Sharing::Exclusive, 0..u64::MAX), Waits::No).expect("free");
    unlock_range(&file, one, &(100..200)).expect("unlocked");
    let free = |range| lock_range(&file, &wanted(other, Sharing::Exclusive, range), Waits::No).is_ok();
    assert!(!free(99..100) && free(100..200) && !free(200..201));
    closed(&file, 1);
    closed(&file, 2);
}

#[test]
fn locks_of_an_open_file_go_with_it() {
    let (_ground, file, again) = two();
    lock_whole(&file, Sharing::Exclusive, Waits::No).expect("free");
    assert_eq!(
        errno(lock_whole(&again, Sharing::Shared, Waits::No)),
        Errno::EWOULDBLOCK
    );
    lock_range(&file, &wanted(open_file(&file), Sharing::Exclusive, 0..1), Waits::No).expect("another kind");
    drop(file);
    lock_whole(&again, Sharing::Shared, Waits::No).expect("free again");
    lock_range(&again, &wanted(open_file(&again), Sharing::Exclusive, 0..1), Waits::No).expect("free again");
    unlock_whole(&again).expect("unlocked");
}

proptest! {
    /// Each byte is locked as the last call of its owner said.
    #[test]
    fn ranges_are_kept_byte_by_byte(steps in prop::collection::vec((0..3u8, 0..30u64, 1..30u64), 1..30)) {
        let (_ground, file, _) = two();
        let (one, other) = (Owner::Process(1), Owner::Process(2));
        let mut model = [None; 64];
        for (what, start, len) in steps {
            let range = start..start + len;
            let sharing = [Sharing::Shared, Sharing::Exclusive].get(usize::from(what)).copied();
            match sharing {
                Some(sharing) => lock_range(&file, &wanted(one, sharing, range.clone()), Waits::No).expect("its own"),
                None => unlock_range(&file, one, &range).expect("unlocked"),
            }
            model[start as usize..(start + len) as usize].fill(sharing);
        }
        let inode = file.inode().expect("open");
        for (at, expected) in (0..).zip(model) {
            let seen = obstacle(inode, &wanted(other, Sharing::Exclusive, at..at + 1)).map(|lock| lock.sharing);
            prop_assert_eq!(seen, expected);
        }
        closed(&file, 1);
    }
}
