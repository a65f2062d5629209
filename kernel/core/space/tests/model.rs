//! Random calls against a model: for each page, whether it is mapped, what may be done, and one byte of what is in it.
#![forbid(unsafe_code)]

mod machine;

use abi::Errno;
use abi::mman::{MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_FREE, Prot, RemapFlags};
use machine::{boot, enter, get, leave, new_space, set};
use proptest::prelude::*;
use space::{AddressSpace, Mapping};
use std::collections::BTreeMap;
use std::sync::Arc;

const PAGE: u64 = 4096;
/// First page of the part of the space that the calls are about; on a boundary of 2 MiB.
const FIRST: u64 = 512 * 1024;
/// Pages in that part: enough for a few of 2 MiB, whole and cut.
const PAGES: u64 = 512 * 3;
const RIGHTS: [Prot; 4] = [
    Prot::empty(),
    Prot::READ,
    Prot::READ.union(Prot::WRITE),
    Prot::READ.union(Prot::EXEC),
];

#[derive(Clone, Debug)]
enum Call {
    Map { at: u64, len: u64, prot: usize },
    Unmap { at: u64, len: u64 },
    Protect { at: u64, len: u64, prot: usize },
    Move { at: u64, len: u64, to: u64, new: u64 },
    Resize { at: u64, len: u64, new: u64 },
    Drop { at: u64, len: u64, advice: u32 },
    Write { at: u64, value: u8 },
    Read { at: u64 },
    Fork,
    Switch,
    Leave,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Content {
    prot: Prot,
    byte: u8,
}

type Model = BTreeMap<u64, Content>;

fn page() -> impl Strategy<Value = u64> {
    prop_oneof![0..PAGES, (0..6u64).prop_map(|part| part * 256)]
}

fn length() -> impl Strategy<Value = u64> {
    prop_oneof![1..20u64, 1..700u64, Just(512), Just(1024)]
}

fn call() -> impl Strategy<Value = Call> {
    let prot = 0..RIGHTS.len();
    prop_oneof![
        4 => (page(), length(), prop_oneof![prot.clone(), Just(2)]).prop_map(|(at, len, prot)| Call::Map { at, len, prot }),
        2 => (page(), length()).prop_map(|(at, len)| Call::Unmap { at, len }),
        3 => (page(), length(), prot).prop_map(|(at, len, prot)| Call::Protect { at, len, prot }),
        2 => (page(), length(), page(), length()).prop_map(|(at, len, to, new)| Call::Move { at, len, to, new }),
        1 => (page(), length(), length()).prop_map(|(at, len, new)| Call::Resize { at, len, new }),
        2 => (page(), length(), prop_oneof![Just(MADV_DONTNEED), Just(MADV_FREE), Just(MADV_DONTNEED_LOCKED)])
            .prop_map(|(at, len, advice)| Call::Drop { at, len, advice }),
        12 => (page(), any::<u8>()).prop_map(|(at, value)| Call::Write { at, value }),
        4 => page().prop_map(|at| Call::Read { at }),
        1 => Just(Call::Fork),
        1 => Just(Call::Switch),
        1 => Just(Call::Leave),
    ]
}

/// Where in its page the one byte that is watched lies.
fn byte(page: u64) -> u64 {
    page * PAGE + 1234
}

fn check(model: &Model, page: u64) {
    let wanted = model
        .get(&page)
        .filter(|content| !content.prot.is_empty())
        .map(|content| content.byte);
    assert_eq!(get(byte(page)), wanted, "page {page:#x}");
}

fn write(model: &mut Model, page: u64, value: u8) {
    let content = model
        .get_mut(&page)
        .filter(|content| content.prot.contains(Prot::WRITE));
    assert_eq!(set(byte(page), value), content.is_some(), "page {page:#x}");
    if let Some(content) = content {
        content.byte = value;
    }
}

fn take(model: &mut Model, at: u64, len: u64) -> Vec<Content> {
    (at..at + len).filter_map(|page| model.remove(&page)).collect()
}

/// The rights of a range that is mapped throughout, and in which every page has the same.
fn uniform(model: &Model, at: u64, len: u64) -> Option<Prot> {
    let first = model.get(&at)?.prot;
    (at..at + len)
        .all(|page| model.get(&page).is_some_and(|content| content.prot == first))
        .then_some(first)
}

fn place(model: &mut Model, at: u64, contents: Vec<Content>, len: u64, prot: Prot) {
    for page in 0..len {
        let fresh = Content { prot, byte: 0 };
        let content = contents.get(page as usize).copied().unwrap_or(fresh);
        model.insert(at + page, content);
    }
}

fn move_to(space: &AddressSpace, model: &mut Model, at: u64, len: u64, to: u64, new: u64) {
    let flags = RemapFlags::MAYMOVE | RemapFlags::FIXED;
    let result = space.remap(at * PAGE, len * PAGE, new * PAGE, flags, to * PAGE);
    if !model.contains_key(&at) {
        assert_eq!(result.expect_err("nothing there").errno, Errno::EFAULT);
        return;
    }
    if at + len > to && to + new > at {
        assert_eq!(result.expect_err("overlap").errno, Errno::EINVAL);
        return;
    }
    take(model, to, new);
    if len > new {
        take(model, at + new, len - new);
    }
    let len = len.min(new);
    match uniform(model, at, len) {
        Some(prot) => {
            assert_eq!(result.expect("moved"), to * PAGE);
            let contents = take(model, at, len);
            place(model, to, contents, new, prot);
        }
        None => assert_eq!(result.expect_err("not one mapping").errno, Errno::EFAULT),
    }
}

fn resize(space: &AddressSpace, model: &mut Model, at: u64, len: u64, new: u64) {
    let result = space.remap(at * PAGE, len * PAGE, new * PAGE, RemapFlags::MAYMOVE, 0);
    if !model.contains_key(&at) || (len < new && uniform(model, at, len).is_none()) {
        assert_eq!(result.expect_err("not one mapping").errno, Errno::EFAULT);
        return;
    }
    let to = result.expect("resized") / PAGE;
    if len >= new {
        assert_eq!(to, at);
        take(model, at + new, len - new);
        return;
    }
    let prot = uniform(model, at, len).expect("looked at above");
    let contents = take(model, at, len);
    place(model, to, contents, new, prot);
}

fn protect(space: &AddressSpace, model: &mut Model, at: u64, len: u64, prot: Prot) {
    let result = space.protect(at * PAGE, len * PAGE, prot);
    for page in at..at + len {
        let Some(content) = model.get_mut(&page) else {
            assert_eq!(result.expect_err("a hole").errno, Errno::ENOMEM);
            return;
        };
        content.prot = prot;
    }
    result.expect("no hole");
}

fn drop_pages(space: &AddressSpace, model: &mut Model, at: u64, len: u64, advice: u32) {
    let result = space.advise(at * PAGE, len * PAGE, advice);
    let holes = (at..at + len).any(|page| !model.contains_key(&page));
    assert_eq!(result.is_err(), holes);
    model.range_mut(at..at + len).for_each(|(_, content)| content.byte = 0);
}

fn run(calls: Vec<Call>) {
    let mut spaces: Vec<(Arc<AddressSpace>, Model)> = vec![(new_space(), Model::new())];
    for call in calls {
        let count = spaces.len();
        let (space, model) = spaces.last_mut().expect("one is always left");
        match call {
            Call::Map { at, len, prot } => {
                let at = FIRST + at;
                let request = Mapping::anonymous(len * PAGE, RIGHTS[prot]).fixed(at * PAGE);
                assert_eq!(space.map(&request).expect("mapped"), at * PAGE);
                take(model, at, len);
                place(model, at, Vec::new(), len, RIGHTS[prot]);
            }
            Call::Unmap { at, len } => {
                space.unmap((FIRST + at) * PAGE, len * PAGE).expect("unmapped");
                take(model, FIRST + at, len);
            }
            Call::Protect { at, len, prot } => protect(space, model, FIRST + at, len, RIGHTS[prot]),
            Call::Move { at, len, to, new } => move_to(space, model, FIRST + at, len, FIRST + to, new),
            Call::Resize { at, len, new } => resize(space, model, FIRST + at, len, new),
            Call::Drop { at, len, advice } => drop_pages(space, model, FIRST + at, len, advice),
            Call::Write { at, value } => write(model, FIRST + at, value),
            Call::Read { at } => check(model, FIRST + at),
            Call::Fork if count < 3 => {
                let copy = (space.fork().expect("forked"), model.clone());
                enter(&copy.0);
                spaces.push(copy);
            }
            Call::Switch => spaces.rotate_left(1),
            Call::Leave if count > 1 => drop(spaces.pop()),
            Call::Fork | Call::Leave => {}
        }
        let (space, _) = spaces.last().expect("one is always left");
        enter(space);
    }
    for (space, model) in &spaces {
        enter(space);
        for page in FIRST..FIRST + PAGES + 1024 {
            check(model, page);
        }
        model.keys().for_each(|&page| check(model, page));
        assert_eq!(space.counters().total, model.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_page_is_what_the_model_says_and_every_frame_comes_back(calls in prop::collection::vec(call(), 1..60)) {
        let _turn = boot();
        leave();
        let before = frames::usage().free;
        run(calls);
        leave();
        prop_assert_eq!(frames::usage().free, before);
    }
}

#[test]
fn parts_of_large_pages_move() {
    let _turn = boot();
    leave();
    let before = frames::usage().free;
    run(vec![
        Call::Map {
            at: 829,
            len: 1024,
            prot: 2,
        },
        Call::Write { at: 1341, value: 1 },
        Call::Move {
            at: 906,
            len: 131,
            to: 382,
            new: 524,
        },
    ]);
    leave();
    assert_eq!(frames::usage().free, before);
}
