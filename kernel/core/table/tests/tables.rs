//! What the tables own, and what they say.
#![forbid(unsafe_code)]

use frames::{HugePage, Page};
use hal::PageFlags;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use table::{Gather, ROOM, Table};

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

fn unmap(table: &mut Table, range: Range<u64>, limits: Range<u64>) {
    let root = Arc::clone(table.root());
    let mut room = ROOM;
    let mut gather = Gather::new(&root, &mut room);
    table
        .unmap(range, limits, &mut gather)
        .expect("nothing has to be split");
}

fn protect(table: &mut Table, range: Range<u64>, rights: Option<PageFlags>) {
    let root = Arc::clone(table.root());
    let mut room = ROOM;
    let mut gather = Gather::new(&root, &mut room);
    table
        .protect(range, rights, &mut gather)
        .expect("nothing has to be split");
}

/// A table with so many pages from `BASE` on.
fn mapped(count: usize) -> (Table, Vec<Page>) {
    let pages: Vec<_> = (0..count).map(|number| page(number as u8)).collect();
    let mut table = Table::new(1).expect("there is memory");
    for (at, page) in (BASE..).step_by(4096).zip(&pages) {
        table.map(at, page.clone(), PageFlags::WRITE).expect("mapped");
    }
    (table, pages)
}

#[test]
fn what_was_unmapped_is_held_until_the_gather_is_finished() {
    let _turn = boot();
    let (mut table, pages) = mapped(200);
    let root = Arc::clone(table.root());
    root.activate();
    let mut room = ROOM;
    let mut gather = Gather::new(&root, &mut room);
    let all = BASE..BASE + 200 * PAGE;
    table.unmap(all.clone(), all.clone(), &mut gather).expect("unmapped");
    assert_eq!((gather.range().end, table.resident()), (all.end, 0));
    let held = pages.iter().filter(|page| !page.is_sole()).count();
    assert_eq!(held, 200 % 64, "one CPU forgets on the way; the last pages wait");
    assert!(!gather.forget_here(), "no other CPU runs it");
    assert_eq!(pages.iter().filter(|page| !page.is_sole()).count(), held);
    gather.finish();
    assert!(pages.iter().all(Page::is_sole) && gather.range().is_empty());
    table::leave();
}

#[test]
fn pages_that_another_cpu_may_reach_wait_for_it() {
    let _turn = boot();
    let (mut table, pages) = mapped(200);
    let root = Arc::clone(table.root());
    let (runs, go) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            root.activate();
            runs.wait();
            go.wait();
            table::leave();
        });
        runs.wait();
        let mut room = ROOM;
        let mut gather = Gather::new(&root, &mut room);
        let all = BASE..BASE + 200 * PAGE;
        table.unmap(all.clone(), all, &mut gather).expect("unmapped");
        assert!(gather.forget_here(), "another CPU has to forget");
        assert!(pages.iter().all(|page| !page.is_sole()));
        gather.finish();
        assert!(pages.iter().all(Page::is_sole));
        go.wait();
    });
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
    unmap(&mut table, BASE..BASE + PAGE, 0..1 << 40);
    assert!(two.is_sole() && table.lookup(BASE).is_none());
    drop((one, two, table));
    assert_eq!(frames::usage().free, before);
}

#[test]
fn a_hidden_page_stays_and_is_not_seen() {
    let _turn = boot();
    let mut table = Table::new(1).expect("there is memory");
    table.map(BASE, page(7), PageFlags::WRITE).expect("mapped");
    protect(&mut table, BASE..BASE + PAGE, None);
    let leaf = table.lookup(BASE).expect("still there");
    assert!(!leaf.visible && !leaf.allows(hal::Access::Read));
    protect(&mut table, BASE..BASE + PAGE, Some(PageFlags::EXECUTE));
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
    child.count_as(&table, core::iter::empty());
    assert_eq!((byte(&child, BASE + 5 * PAGE), child.resident()), (Some(5), 512));
    assert!(!table.write(BASE, &[1]), "the next write copies");
    child.split(BASE).expect("there is memory for a table");
    assert_eq!(byte(&child, BASE + 5 * PAGE), Some(5));
    assert!(!child.write(BASE + 5 * PAGE, &[1]), "the next write copies");
    assert!(
        table.huge_page(BASE).is_some_and(|huge| !huge.is_sole()),
        "parts of it are held"
    );
    unmap(&mut table, BASE..BASE + 6 * PAGE, 0..0);
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

/// A table and a child that shares all of it, with the pages 1 to 4 at `BASE`.
fn family() -> (Table, Table) {
    let mut table = Table::new(1).expect("there is memory");
    for number in 1..=4 {
        table
            .map(BASE + u64::from(number) * PAGE, page(number), PageFlags::WRITE)
            .expect("mapped");
    }
    let mut child = Table::new(2).expect("there is memory");
    table.share(&mut child, 0..BASE + HUGE).expect("shared");
    table.forget_writes();
    child.count_as(&table, core::iter::empty());
    (table, child)
}

#[test]
fn a_lowest_table_is_shared_until_one_side_changes_it() {
    let _turn = boot();
    let before = frames::usage().free;
    let (mut table, mut child) = family();
    assert_eq!((byte(&child, BASE + 2 * PAGE), child.resident()), (Some(2), 4));
    for side in [&table, &child] {
        assert!(!side.write(BASE + PAGE, &[9]), "neither may write");
    }
    child.map(BASE + PAGE, page(9), PageFlags::WRITE).expect("mapped");
    assert_eq!(
        (byte(&child, BASE + PAGE), byte(&table, BASE + PAGE)),
        (Some(9), Some(1))
    );
    assert!(child.write(BASE + PAGE, &[8]) && !child.write(BASE + 2 * PAGE, &[8]));
    unmap(&mut table, BASE + 2 * PAGE..BASE + 3 * PAGE, 0..0);
    assert_eq!(
        (byte(&table, BASE + 2 * PAGE), byte(&child, BASE + 2 * PAGE)),
        (None, Some(2))
    );
    assert_eq!((table.resident(), child.resident()), (3, 4));
    drop((table, child));
    assert_eq!(frames::usage().free, before);
}

#[test]
fn who_is_left_with_a_shared_table_keeps_its_rights() {
    let _turn = boot();
    let before = frames::usage().free;
    for parent_stays in [true, false] {
        let (table, child) = family();
        let (left, gone) = if parent_stays { (table, child) } else { (child, table) };
        drop(gone);
        left.own(BASE).expect("nothing is needed");
        assert!(left.write(BASE + 3 * PAGE, &[7]), "as before the fork");
        assert_eq!(byte(&left, BASE + 3 * PAGE), Some(7));
    }
    assert_eq!(frames::usage().free, before);
}

#[test]
fn a_shared_table_is_unmapped_without_being_copied() {
    let _turn = boot();
    let before = frames::usage().free;
    let (mut table, mut child) = family();
    let copies = frames::usage().free;
    unmap(&mut child, BASE..BASE + HUGE, BASE..BASE + HUGE);
    assert_eq!((child.resident(), byte(&table, BASE + 4 * PAGE)), (0, Some(4)));
    assert_eq!(frames::usage().free, copies);
    let mut grandchild = Table::new(3).expect("there is memory");
    table
        .share(&mut grandchild, 0..BASE + 3 * PAGE)
        .expect("shared in part");
    assert_eq!(
        (byte(&grandchild, BASE + 2 * PAGE), byte(&grandchild, BASE + 3 * PAGE)),
        (Some(2), None)
    );
    protect(&mut table, BASE + PAGE..BASE + 2 * PAGE, None);
    assert_eq!(table.lookup(BASE + PAGE).map(|leaf| leaf.visible), Some(false));
    assert_eq!(grandchild.lookup(BASE + PAGE).map(|leaf| leaf.visible), Some(true));
    drop((table, child, grandchild));
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
    unmap(&mut table, range.clone(), range);
    assert!(before - frames::usage().free <= 2, "the upper tables may stay");
    unmap(&mut table, BASE..BASE + PAGE, 0..1 << 47);
    assert_eq!(frames::usage().free, before);
}
