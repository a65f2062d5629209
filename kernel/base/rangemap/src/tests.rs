//! The map against a model: one value per address of a small address space.

extern crate std;

use alloc::vec::Vec;
use core::ops::Range;

use proptest::prelude::*;

use crate::{InsertError, RangeMap};

/// What the owner of a map stores: where in some file the range begins.
type Offset = u64;

fn later(offset: &Offset, by: u64) -> Offset {
    offset + by
}

fn ranges(map: &RangeMap<Offset>) -> Vec<(u64, u64, Offset)> {
    map.iter()
        .map(|(range, value)| (range.start, range.end, *value))
        .collect()
}

#[test]
fn insert_refuses_what_is_taken_and_what_is_empty() {
    let mut map = RangeMap::new();
    assert_eq!(map.insert(10..20, 0), Ok(()));
    assert_eq!(map.insert(20..30, 0), Ok(()));
    assert_eq!(map.insert(5..10, 0), Ok(()));
    for taken in [0..6, 9..11, 12..13, 10..20, 0..100, 29..31] {
        assert_eq!(map.insert(taken, 0), Err(InsertError::Overlap));
    }
    assert_eq!(map.insert(40..40, 0), Err(InsertError::Empty));
    assert_eq!(map.len(), 3);
}

#[test]
fn removing_the_middle_leaves_both_edges_with_their_own_offsets() {
    let mut map = RangeMap::new();
    map.insert(100..200, 1000).unwrap();
    assert_eq!(map.remove_range(130..150, later), [(130..150, 1030)]);
    assert_eq!(ranges(&map), [(100, 130, 1000), (150, 200, 1050)]);
}

#[test]
fn the_gap_around_a_range_ends_at_its_neighbours() {
    let mut map = RangeMap::new();
    map.insert(10..20, 0).unwrap();
    map.insert(40..50, 0).unwrap();
    map.insert(60..70, 0).unwrap();
    assert_eq!(map.gap_around(40..50), 20..60);
    assert_eq!(map.gap_around(25..30), 20..40);
    assert_eq!(map.gap_around(12..45), 12..45);
    assert_eq!(map.gap_around(10..20), 0..40);
    assert_eq!(map.gap_around(20..70), 20..u64::MAX);
    assert_eq!(map.gap_around(45..65), 45..65);
}

#[test]
fn insertion_joins_what_fits_together() {
    let contiguous = |low: &Range<u64>, a: &u64, _: &Range<u64>, b: &u64| a + (low.end - low.start) == *b;
    let mut map = RangeMap::new();
    assert_eq!(map.insert_joined(20..30, 20, contiguous), Ok(()));
    assert_eq!(map.insert_joined(40..50, 40, contiguous), Ok(()));
    assert_eq!(map.insert_joined(10..20, 10, contiguous), Ok(()));
    assert_eq!(ranges(&map), [(10, 30, 10), (40, 50, 40)]);
    assert_eq!(map.insert_joined(50..60, 50, contiguous), Ok(()));
    assert_eq!(map.insert_joined(30..40, 30, contiguous), Ok(()));
    assert_eq!((ranges(&map), map.len()), (std::vec![(10, 60, 10)], 1));
    assert_eq!(map.insert_joined(60..70, 0, contiguous), Ok(()));
    assert_eq!(map.insert_joined(0..10, 7, contiguous), Ok(()));
    assert_eq!(ranges(&map), [(0, 10, 7), (10, 60, 10), (60, 70, 0)]);
    assert_eq!(map.insert_joined(9..12, 0, contiguous), Err(InsertError::Overlap));
    assert_eq!(map.insert_joined(80..80, 0, contiguous), Err(InsertError::Empty));
}

#[test]
fn an_edge_of_an_entry_comes_off_in_place() {
    let mut map = RangeMap::new();
    map.insert(100..200, 1000).unwrap();
    assert_eq!(map.remove_range(100..130, later), [(100..130, 1000)]);
    assert_eq!(map.remove_range(190..200, later), [(190..200, 1090)]);
    assert_eq!(ranges(&map), [(130, 190, 1030)]);
    assert_eq!(map.remove_range(120..140, later), [(130..140, 1030)]);
    assert_eq!(map.remove_range(180..210, later), [(180..190, 1080)]);
    assert_eq!(ranges(&map), [(140, 180, 1040)]);
}

#[test]
fn update_cuts_at_the_edges_and_merge_heals_them() {
    let mut map = RangeMap::new();
    map.insert(0..100, 0).unwrap();
    let mut seen = Vec::new();
    map.update_range(20..40, later, |range, _| seen.push(range));
    assert_eq!((seen.len(), seen[0].clone()), (1, 20..40));
    assert_eq!(map.len(), 3);
    let contiguous = |low: &Range<u64>, a: &u64, _: &Range<u64>, b: &u64| a + (low.end - low.start) == *b;
    map.merge_range(20..40, contiguous);
    assert_eq!(ranges(&map), [(0, 100, 0)]);
}

#[test]
fn merging_asks_and_keeps_the_left_value() {
    let mut map = RangeMap::new();
    map.insert(0..10, 7).unwrap();
    map.insert(10..20, 8).unwrap();
    map.insert(30..40, 9).unwrap();
    assert!(!map.merge_at(10, |_, _, _, _| false));
    assert!(map.merge_at(10, |low, a, high, b| (low.clone(), *a, high.clone(), *b)
        == (0..10, 7, 10..20, 8)));
    assert!(!map.merge_at(30, |_, _, _, _| true));
    assert_eq!(ranges(&map), [(0, 20, 7), (30, 40, 9)]);
}

#[test]
fn covered_sees_holes() {
    let mut map = RangeMap::new();
    map.insert(0..10, 0).unwrap();
    map.insert(10..20, 0).unwrap();
    map.insert(21..30, 0).unwrap();
    assert!(map.covered(0..20) && map.covered(5..15) && map.covered(25..25));
    assert!(!map.covered(0..21) && !map.covered(19..22) && !map.covered(25..31));
}

#[test]
fn top_down_gaps_come_directly_below_each_other() {
    let mut map = RangeMap::new();
    for step in 1..=1000 {
        let start = map.find_gap(0x1000, 0x1000, 0..0x1000_0000, true).unwrap();
        assert_eq!(start, 0x1000_0000 - step * 0x1000);
        map.insert(start..start + 0x1000, step).unwrap();
    }
    map.remove_range(0xfff_0000..0xfff_3000, later);
    assert_eq!(
        map.find_gap(0x4000, 0x1000, 0..0x1000_0000, true),
        Some(0x1000_0000 - 1004 * 0x1000)
    );
    assert_eq!(map.find_gap(0x3000, 0x1000, 0..0x1000_0000, true), Some(0xfff_0000));
    assert_eq!(map.find_gap(0x1000, 0x2000, 0..0x1000_0000, true), Some(0xfff_2000));
}

#[test]
fn many_entries_split_and_join_chunks() {
    let mut map = RangeMap::new();
    for n in 0..5000_u64 {
        let start = (n * 2654435761) % 5000;
        map.insert(start * 16..start * 16 + 8, start).unwrap();
    }
    assert_eq!(map.len(), 5000);
    assert!(
        map.iter()
            .enumerate()
            .all(|(n, (range, value))| range.start == n as u64 * 16 && *value == n as u64)
    );
    assert_eq!(map.remove_range(0..79_900, later).len(), 4994);
    assert_eq!(map.len(), 6);
    assert_eq!(map.first().unwrap().0.start, 4994 * 16);
    assert_eq!(map.last().unwrap().0.start, 4999 * 16);
}

#[derive(Debug, Clone)]
enum Step {
    Insert(Range<u64>),
    Remove(Range<u64>),
    Update(Range<u64>),
    Merge(Range<u64>),
    Gap(u64, u32, Range<u64>, bool),
}

const SIZE: u64 = 512;

fn part() -> impl Strategy<Value = Range<u64>> {
    (0..SIZE, 0..SIZE).prop_map(|(a, b)| a.min(b)..a.max(b))
}

fn small_part() -> impl Strategy<Value = Range<u64>> {
    (0..SIZE, 0..8_u64).prop_map(|(a, len)| a..(a + len).min(SIZE))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => small_part().prop_map(Step::Insert),
        1 => part().prop_map(Step::Insert),
        2 => small_part().prop_map(Step::Remove),
        1 => part().prop_map(Step::Remove),
        1 => part().prop_map(Step::Update),
        1 => part().prop_map(Step::Merge),
        4 => (1..20_u64, 0..4_u32, prop_oneof![Just(0..SIZE), part()], any::<bool>()).prop_map(|(l, a, w, d)| Step::Gap(l, a, w, d)),
    ]
}

/// One cell per address: the value that the entry there has at that address.
struct Model {
    cells: Vec<Option<u64>>,
}

impl Model {
    fn cells(&mut self, range: &Range<u64>) -> &mut [Option<u64>] {
        &mut self.cells[range.start as usize..range.end as usize]
    }

    fn gap(&self, len: u64, align: u64, within: &Range<u64>, top_down: bool) -> Option<u64> {
        let fits = |start: &u64| {
            start.is_multiple_of(align)
                && start + len <= within.end
                && self.cells[*start as usize..(start + len) as usize]
                    .iter()
                    .all(Option::is_none)
        };
        if top_down {
            within.clone().rev().find(fits)
        } else {
            within.clone().find(fits)
        }
    }
}

fn apply(map: &mut RangeMap<u64>, model: &mut Model, step: Step, tag: u64) {
    match step {
        Step::Insert(range) => {
            let free = !range.is_empty() && model.cells(&range).iter().all(Option::is_none);
            assert_eq!(map.insert(range.clone(), tag).is_ok(), free);
            if free {
                model
                    .cells(&range)
                    .iter_mut()
                    .enumerate()
                    .for_each(|(n, cell)| *cell = Some(tag + n as u64));
            }
        }
        Step::Remove(range) => {
            let mut taken = 0;
            for (part, value) in map.remove_range(range.clone(), later) {
                assert!(range.start <= part.start && part.end <= range.end);
                assert_eq!(model.cells(&part)[0], Some(value));
                taken += part.end - part.start;
            }
            assert_eq!(taken, model.cells(&range).iter().flatten().count() as u64);
            model.cells(&range).fill(None);
        }
        Step::Update(range) => {
            map.update_range(range.clone(), later, |part, value| {
                assert!(range.start <= part.start && part.end <= range.end);
                *value += 10_000;
            });
            model
                .cells(&range)
                .iter_mut()
                .flatten()
                .for_each(|cell| *cell += 10_000);
        }
        Step::Merge(range) => map.merge_range(range, |low, a, high, b| {
            assert_eq!(low.end, high.start);
            a + (low.end - low.start) == *b
        }),
        Step::Gap(len, align, within, top_down) => {
            let found = map.find_gap(len, 1 << align, within.clone(), top_down);
            assert_eq!(found, model.gap(len, 1 << align, &within, top_down));
        }
    }
}

proptest! {
    #[test]
    fn behaves_like_an_array_of_cells(steps in prop::collection::vec(step(), 1..120)) {
        let mut map = RangeMap::new();
        let mut model = Model { cells: (0..SIZE).map(|_| None).collect() };
        for (n, step) in steps.into_iter().enumerate() {
            apply(&mut map, &mut model, step, n as u64 * 1_000_000);
            for addr in 0..SIZE {
                let here = map.get(addr).map(|(range, value)| value + (addr - range.start));
                prop_assert_eq!(here, model.cells[addr as usize]);
            }
            prop_assert_eq!(map.iter().count(), map.len());
        }
    }
}
