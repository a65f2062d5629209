//! What each may keep while all keep more and more.

use std::vec::Vec;

use super::{ALWAYS, Account, DATAGRAMS, GRAIN, LITTLE, LITTLE_FROM, LOCAL, MOST, PAGE, PIPES, STREAMS, memory, pages};

/// Keeps so many bytes in an account.
fn keep(account: &Account, bytes: usize) {
    account.change(account.kept(), bytes);
}

/// One test, for all of it is one machine's.
#[test]
fn the_more_all_keep_the_less_each_may() {
    let info = hal::boot::info();
    frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    let each = || [&STREAMS, &DATAGRAMS, &LOCAL, &PIPES].map(Account::each);
    const ALL: usize = usize::MAX;
    assert_eq!(each(), [ALL; 4]);

    // Streams have less before others have.
    keep(&STREAMS, STREAMS.limit(LITTLE_FROM) + GRAIN);
    assert_eq!(each(), [LITTLE, ALL, ALL, ALL]);
    keep(&STREAMS, STREAMS.limit(MOST) + GRAIN);
    assert_eq!(each(), [ALWAYS, LITTLE, LITTLE, LITTLE]);
    assert!(STREAMS.is_beyond(ALWAYS + 1) && !STREAMS.is_beyond(ALWAYS));
    keep(&STREAMS, 0);
    assert_eq!(each(), [ALL; 4]);

    // Of datagrams each may keep what was set, while others leave it that.
    keep(&DATAGRAMS, DATAGRAMS.limit(MOST) + GRAIN);
    assert_eq!(each()[1], ALWAYS);
    sysctl::UDP_RMEM_MIN.store_for(sysctl::Whose::All, 8192);
    assert_eq!(DATAGRAMS.each_now(), 8192.min(PIPES.each()));
    sysctl::UDP_RMEM_MIN.store_for(sysctl::Whose::All, ALWAYS as i32);
    keep(&DATAGRAMS, 0);
    assert_eq!(each(), [ALL; 4]);

    // What local sockets keep is missing for all.
    keep(&LOCAL, memory() / 8 + GRAIN);
    assert_eq!(each(), [LITTLE; 4]);
    keep(&LOCAL, memory() / 4 + GRAIN);
    assert_eq!(each(), [ALWAYS; 4]);
    keep(&LOCAL, 0);

    // And so is what programs have.
    let some: Vec<_> = core::iter::from_fn(|| frames::Page::zeroed().ok()).collect();
    keep(&PIPES, GRAIN);
    assert!(PIPES.is_beyond(ALWAYS + 1) && super::is_scarce());
    drop(some);
    assert!(!PIPES.is_beyond(ALWAYS + 1) && !super::is_scarce());

    // Pages count as such too.
    keep(&PIPES, 0);
    (0..10).for_each(|_| PIPES.take_page());
    assert_eq!((pages(), PIPES.kept()), (10, 10 * PAGE));
    PIPES.give_pages(10);
    assert_eq!((pages(), PIPES.kept()), (0, 0));
}
