//! What the tables own, and what they say.
#![forbid(unsafe_code)]

use frames::{HugePage, Page};
use hal::PageFlags;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use table::Table;

const BASE: u64 = 0x4000_0000;
const PAGE: u64 = 4096;
const HUGE: u64 = 2 << 20;

static BOOT: Once = Once::new();
/// Tests look at how much memory is free, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

fn boot() -> MutexGuard<'static, ()> {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        let mut all = Vec::new();
        while let Ok(page) = HugePage::zeroed() {
            all.push(page);
        }
    });
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn page(byte: u8) -> Page {
    let page = Page::zeroed().expect("there is memory");
    page.write(0, &[byte]);
    page
}

fn byte(table: &Table, address: u64) -> Option<u8> {
    let mut byte = [0];
    table.read(address, &mut byte).then_some(byte[0])
}

#[test]
fn an_entry_holds_its_page_until_it_is_replaced_or_unmapped() {
    let _turn = boot();
    let before = frames::usage().free;
    let (one, two) = (page(1), page(2));
    let mut table = Table::new(1).expect("there is memory");
    table.map(BASE, one.clone(), PageFlags::WRITE).expect("mapped");
    assert!(!one.is_sole());
    table.map(BASE, two.clone(), PageFlags::empty()).expect("mapped");
    assert!(one.is_sole() && !two.is_sole());
    assert_eq!((byte(&table, BASE), table.resident()), (Some(2), 1));
    assert!(!table.write(BASE, &[9]), "the entry does not allow it");
    table.unmap(BASE..BASE + PAGE, 0..1 << 40).expect("unmapped");
    assert!(two.is_sole() && table.lookup(BASE).is_none());
    drop((one, two, table));
    assert_eq!(frames::usage().free, before);
}

#[test]
fn a_hidden_page_stays_and_is_not_seen() {
    let _turn = boot();
    let mut table = Table::new(1).expect("there is memory");
    table.map(BASE, page(7), PageFlags::WRITE).expect("mapped");
    table.protect(BASE..BASE + PAGE, None).expect("protected");
    let leaf = table.lookup(BASE).expect("still there");
    assert!(!leaf.visible && !leaf.allows(hal::Access::Read));
    table
        .protect(BASE..BASE + PAGE, Some(PageFlags::EXECUTE))
        .expect("protected");
    let leaf = table.lookup(BASE).expect("still there");
    assert!(leaf.allows(hal::Access::Execute) && !leaf.allows(hal::Access::Write));
    assert_eq!(byte(&table, BASE), Some(7));
}

#[test]
fn large_pages_split_move_and_are_shared() {
    let _turn = boot();
    let before = frames::usage().free;
    let mut table = Table::new(1).expect("there is memory");
    let huge = HugePage::zeroed().expect("there is memory");
    table.map_huge(BASE, huge, PageFlags::WRITE).expect("mapped");
    assert!(table.write(BASE + 5 * PAGE, &[5]) && table.write(BASE + 6 * PAGE, &[6]));
    let mut child = Table::new(2).expect("there is memory");
    table.share(&mut child, BASE..BASE + HUGE).expect("shared");
    table.forget_writes();
    assert_eq!((byte(&child, BASE + 5 * PAGE), child.resident()), (Some(5), 512));
    assert!(!table.write(BASE, &[1]), "the next write copies");
    child.split(BASE).expect("there is memory for copies");
    assert!(table.huge_page(BASE).is_some_and(|huge| huge.is_sole()));
    table.unmap(BASE..BASE + 6 * PAGE, 0..0).expect("unmapped");
    assert_eq!((table.resident(), byte(&table, BASE + 6 * PAGE)), (506, Some(6)));
    table.move_range(BASE + 6 * PAGE, BASE + HUGE, 2 * PAGE).expect("moved");
    assert_eq!(
        (byte(&table, BASE + HUGE), byte(&table, BASE + 6 * PAGE)),
        (Some(6), None)
    );
    assert_eq!(byte(&child, BASE + 5 * PAGE), Some(5));
    drop((table, child));
    assert_eq!(frames::usage().free, before);
}

#[test]
fn tables_that_serve_nothing_go() {
    let _turn = boot();
    let mut table = Table::new(1).expect("there is memory");
    let before = frames::usage().free;
    for part in 0..4 {
        table
            .map(BASE + part * HUGE, page(1), PageFlags::empty())
            .expect("mapped");
    }
    let range = BASE..BASE + 4 * HUGE;
    table.unmap(range.clone(), range).expect("unmapped");
    assert!(before - frames::usage().free <= 2, "the upper tables may stay");
    table.unmap(BASE..BASE + PAGE, 0..1 << 47).expect("nothing is there");
    assert_eq!(frames::usage().free, before);
}
