//! The pool and the heap on simulated memory: what is taken comes back, and nothing is handed out twice.
#![expect(unsafe_code, reason = "the tests take raw references back")]

use frames::{HugePage, Page, add_ram, append, usage};
use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, Once, PoisonError};

static BOOT: Once = Once::new();
/// Tests look at how much is free, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

fn boot() -> std::sync::MutexGuard<'static, ()> {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_page_is_zero_and_goes_back_when_its_last_holder_drops_it() {
    let _turn = boot();
    drop(Page::zeroed().expect("there is memory"));
    let before = usage().free;
    let page = Page::zeroed().expect("there is memory");
    assert_eq!(usage().free, before - 1);
    page.write(10, b"hello");
    let other = page.clone();
    assert!(!page.is_sole());
    drop(page);
    let mut bytes = [0; 6];
    other.read(9, &mut bytes);
    assert_eq!(&bytes, b"\0hello");
    drop(other);
    assert_eq!(usage().free, before);
    let again = Page::zeroed().expect("there is memory");
    let mut bytes = [1; 32];
    again.read(0, &mut bytes);
    assert_eq!(bytes, [0; 32]);
}

#[test]
fn a_split_huge_page_comes_back_as_single_pages() {
    let _turn = boot();
    drop(Page::zeroed().expect("there is memory"));
    let huge = HugePage::zeroed().expect("there is memory");
    let before = usage().free;
    let (first, shared) = huge.split();
    assert!(!shared, "nobody else holds it");
    for index in 0..512 {
        // SAFETY: `split` gave up one raw reference to each of the 512 frames.
        drop(unsafe { Page::from_raw(address::FrameNumber(first.0 + index)) });
    }
    assert_eq!(usage().free, before + 512);
}

/// The 512 pages of a huge page that was split.
fn parts(first: address::FrameNumber) -> Vec<Page> {
    // SAFETY: `split` gave up one raw reference to each of the 512 frames.
    (0..512)
        .map(|index| unsafe { Page::from_raw(address::FrameNumber(first.0 + index)) })
        .collect()
}

#[test]
fn a_huge_page_that_one_of_two_holders_splits_is_whole_again_without_the_parts() {
    let _turn = boot();
    drop(Page::zeroed().expect("there is memory"));
    let before = usage().free;
    let one = HugePage::zeroed().expect("there is memory");
    let (first, shared) = one.clone().split();
    assert!(shared && !one.is_sole());
    let mut held = parts(first);
    assert!(held.iter().all(|page| !page.is_sole()));
    held.truncate(1);
    assert!(!one.is_sole(), "a part is held still");
    drop(held);
    assert!(one.is_sole());
    assert_eq!(usage().free, before - 512);
    drop(one);
    assert_eq!(usage().free, before);
}

#[test]
fn parts_outlive_the_whole_one_by_one() {
    let _turn = boot();
    drop(Page::zeroed().expect("there is memory"));
    let before = usage().free;
    let one = HugePage::zeroed().expect("there is memory");
    let other = one.clone();
    let mut held = parts(one.split().0);
    held.truncate(3);
    drop(other);
    assert_eq!(usage().free, before - 3, "the rest came back at once");
    assert!(held.iter().all(Page::is_sole));
    drop(held);
    assert_eq!(usage().free, before);

    // Both split: the last reference to the whole becomes its parts.
    let one = HugePage::zeroed().expect("there is memory");
    let held = parts(one.clone().split().0);
    let (first, shared) = one.split();
    assert!(shared, "the other one's parts are there");
    let rest = parts(first);
    drop(held);
    assert!(rest.iter().all(Page::is_sole));
    drop(rest);
    assert_eq!(usage().free, before);
}

#[test]
fn memory_runs_out_with_an_error_and_all_of_it_comes_back() {
    let _turn = boot();
    drop(Page::zeroed().expect("there is memory"));
    let before = usage().free;
    let mut pages = Vec::new();
    while let Ok(page) = Page::zeroed() {
        pages.push(page);
    }
    assert!(usage().free <= frames::reserve(), "{:?}", usage());
    assert!(Page::zeroed_for_kernel().is_ok(), "the kernel's reserve is left");
    drop(pages);
    assert!(
        usage().free >= before - 40,
        "{} of {before} frames came back",
        usage().free
    );
    HugePage::zeroed().expect("chunks are whole again");
}

#[test]
fn the_heap_gives_distinct_aligned_objects() {
    let _turn = boot();
    let heap = frames::heap::Heap;
    let mut live: Vec<(*mut u8, Layout)> = Vec::new();
    for round in 0..4000usize {
        let size = 1 + round * 37 % 5000;
        let layout = Layout::from_size_align(size, 1 << (round % 7)).expect("a valid layout");
        // SAFETY: the layout is not empty.
        let pointer = unsafe { heap.alloc(layout) };
        assert!(!pointer.is_null() && pointer.addr().is_multiple_of(layout.align()));
        // SAFETY: the object is ours and `size` bytes long.
        unsafe { pointer.write_bytes(round as u8, size) };
        live.push((pointer, layout));
        if round % 3 == 0 {
            let (pointer, layout) = live.swap_remove(round * 7 % live.len());
            // SAFETY: the object is live and this is its layout.
            unsafe { heap.dealloc(pointer, layout) };
        }
    }
    let mut ranges: Vec<_> = live
        .iter()
        .map(|(pointer, layout)| (pointer.addr(), pointer.addr() + layout.size()))
        .collect();
    ranges.sort_unstable();
    assert!(
        ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        "two objects overlap"
    );
    for (pointer, layout) in live {
        // SAFETY: the object is live and this is its layout.
        unsafe { heap.dealloc(pointer, layout) };
    }
}

#[test]
fn bytes_of_a_page_follow_those_that_were_there_and_end_with_the_page() {
    let _turn = boot();
    let page = Page::zeroed_for_kernel().expect("there is memory");
    page.write(4090, b"abcdef");
    let mut bytes = vec![b'x'];
    assert!(append::from_page(&mut bytes, &page, 4091, 3));
    assert_eq!(bytes, b"xbcd");
    assert!(append::from_page(&mut bytes, &page, 4095, 100));
    assert!(append::from_page(&mut bytes, &page, 5000, 100));
    assert_eq!(bytes, b"xbcdf");
}

#[test]
fn memory_that_no_program_has_adds_nothing_to_a_vector() {
    let mut bytes = vec![1, 2];
    assert_eq!(append::from_user(&mut bytes, u64::MAX - 2, 8), 0);
    assert_eq!(bytes, [1, 2]);
}

#[test]
fn frames_that_were_lent_outlive_the_object_that_they_were_part_of() {
    let _turn = boot();
    let heap = frames::heap::Heap;
    let small = Layout::from_size_align(1000, 1).expect("a layout");
    let large = Layout::from_size_align(5 * 4096, 1).expect("a layout");
    let before = usage().free;
    // SAFETY: the layouts are not empty.
    let (little, much) = unsafe { (heap.alloc(small), heap.alloc(large)) };
    assert!(!little.is_null() && !much.is_null());
    // SAFETY: so many bytes lie there, and are written before they are read.
    let (few, many) = unsafe {
        little.write_bytes(1, 1000);
        much.write_bytes(2, 5 * 4096);
        (
            std::slice::from_raw_parts(little, 1000),
            std::slice::from_raw_parts(much, 5 * 4096),
        )
    };
    assert!(Page::of_heap(few).is_none(), "others may get parts of that frame");
    assert!(Page::of_heap(&[0; 5000]).is_none(), "that is not the heap's");
    let (page, offset, len) = Page::of_heap(&many[4096 + 100..]).expect("a frame of the object");
    assert_eq!((offset, len), (100, 4096 - 100));
    let (again, offset, len) = Page::of_heap(&many[4096 + 200..4096 + 300]).expect("the same");
    assert_eq!((again.number(), offset, len), (page.number(), 200, 100));
    let with_all = usage().free;
    // SAFETY: they came from there, with these layouts.
    unsafe {
        heap.dealloc(little, small);
        heap.dealloc(much, large);
    }
    // Eight frames in a row, of which one is still held.
    assert_eq!(usage().free, with_all + 7);
    drop(again);
    let mut bytes = [0; 4];
    page.read(0, &mut bytes);
    assert_eq!(bytes, [2; 4]);
    drop(page);
    assert!(usage().free >= before - 1, "the page of small objects may stay");
}
