//! Queues of both formats against a device that does as it should, and against one that does not.
#![forbid(unsafe_code)]

mod fake;

use fake::{Chain, Far, pair};
use frames::Page;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use virtio::queue::Format;
use virtio::{Dma, Queue, Segment, Shared};

/// Every combination of what can be agreed on.
fn formats() -> Vec<Format> {
    let both = [false, true];
    let all = both.map(|packed| {
        both.map(|indirect| {
            both.map(|event_index| Format {
                packed,
                indirect,
                event_index,
            })
        })
    });
    all.into_iter().flatten().flatten().collect()
}

fn buffer(far: &Far, bytes: &[u8]) -> Shared {
    let dma: Arc<dyn Dma> = far.bus.clone();
    let page = Page::zeroed().expect("there is memory");
    page.write(0, bytes);
    Shared::of(page, &dma).expect("shared")
}

#[test]
fn a_chain_goes_there_and_comes_back_with_what_the_device_wrote() {
    for format in formats() {
        let (mut queue, mut far) = pair::<Shared>(8, format);
        assert!(queue.take().expect("whole").is_none());
        let page = buffer(&far, b"a question");
        let segments = [
            Segment::read(&page, 0, 2),
            Segment::read(&page, 2, 8),
            Segment::write(&page, 100, 3),
            Segment::write(&page, 200, 30),
        ];
        queue.add(&segments, page).expect("there is room");
        assert!(queue.should_notify() && !queue.should_notify(), "{format:?}");
        let chain = far.fetch().expect("offered");
        assert!(far.fetch().is_none());
        assert_eq!(chain.read, b"a question");
        assert!(queue.take().expect("whole").is_none());
        far.complete(chain, b"an answer");
        let used = queue.take().expect("whole").expect("come back");
        assert_eq!(used.written, 9);
        let mut answer = [0; 9];
        used.data.page().read(100, &mut answer[..3]);
        used.data.page().read(200, &mut answer[3..]);
        assert_eq!(&answer, b"an answer");
        assert!(queue.take().expect("whole").is_none());
    }
}

#[test]
fn a_full_queue_gives_the_buffers_back() {
    for format in formats() {
        let (mut queue, mut far) = pair::<u32>(4, format);
        let page = buffer(&far, b"");
        let one = [Segment::read(&page, 0, 1)];
        for number in 0..4 {
            queue.add(&one, number).expect("there is room");
        }
        assert_eq!(queue.add(&one, 9), Err(9));
        assert_eq!(queue.add(&[], 9), Err(9));
        let chain = far.fetch().expect("offered");
        far.complete(chain, b"");
        assert_eq!(queue.take().expect("whole").map(|used| used.data), Some(0));
        queue.add(&one, 4).expect("there is room again");
        assert_eq!(queue.in_flight(), 4);
    }
}

#[test]
fn tables_hold_more_than_the_ring_has_left() {
    for packed in [false, true] {
        let format = Format {
            packed,
            indirect: true,
            event_index: false,
        };
        let (mut queue, mut far) = pair::<u32>(4, format);
        let page = buffer(&far, &[7; 64]);
        let many: Vec<Segment> = (0..4).map(|part| Segment::read(&page, part * 4, 4)).collect();
        for number in 0..4 {
            queue.add(&many, number).expect("a table for each");
        }
        assert!(!queue.has_room(1));
        for number in 0..4 {
            let chain = far.fetch().expect("offered");
            assert_eq!(chain.read, vec![7; 16]);
            far.complete(chain, b"");
            assert_eq!(queue.take().expect("whole").map(|used| used.data), Some(number));
        }
        assert!(!queue.has_room(5), "longer than the queue");
    }
}

#[test]
fn nobody_is_told_who_is_awake_and_everybody_who_sleeps() {
    for format in formats() {
        let (mut queue, mut far) = pair::<u32>(4, format);
        let page = buffer(&far, b"");
        let one = [Segment::write(&page, 0, 1)];
        for round in 0..20 {
            far.wake();
            queue.add(&one, round).expect("there is room");
            assert!(!queue.should_notify(), "awake: {format:?} {round}");
            let chain = far.fetch().expect("offered");
            far.sleep();
            queue.add(&one, round).expect("there is room");
            queue.add(&one, round).expect("there is room");
            assert!(queue.should_notify(), "asleep: {format:?} {round}");

            queue.hush();
            far.complete(chain, b"x");
            assert!(!far.interrupts(), "hushed: {format:?} {round}");
            assert!(queue.listen(), "one is there already");
            assert!(queue.take().expect("whole").is_some() && !queue.listen());
            for _ in 0..2 {
                let chain = far.fetch().expect("offered");
                far.complete(chain, b"x");
                assert!(far.interrupts(), "listened for: {format:?} {round}");
                assert!(queue.take().expect("whole").is_some() && !queue.listen());
            }
        }
    }
}

#[test]
fn what_a_device_makes_up_breaks_the_queue_for_good() {
    for format in formats() {
        // A number that is not in the device's hands, one that cannot be, the same one twice.
        for (id, before) in [(3, 0), (200, 0), (0, 1)] {
            let (mut queue, mut far) = pair::<u32>(4, format);
            let page = buffer(&far, b"");
            for number in 0..2 {
                queue
                    .add(&[Segment::write(&page, 0, 10)], number)
                    .expect("there is room");
            }
            for _ in 0..before {
                far.give(id, 1, 5);
                assert!(queue.take().expect("whole").is_some());
            }
            far.give(id, 1, 5);
            assert!(queue.take().is_err(), "{format:?} {id}");
            assert!(queue.take().is_err() && !queue.has_room(1) && !queue.listen());
        }
    }
}

#[test]
fn a_length_that_cannot_be_is_cut() {
    for format in formats() {
        let (mut queue, mut far) = pair::<()>(4, format);
        let page = buffer(&far, b"");
        let segments = [
            Segment::read(&page, 0, 50),
            Segment::write(&page, 0, 10),
            Segment::write(&page, 4090, 100),
        ];
        queue.add(&segments, ()).expect("there is room");
        far.give(0, 3, u32::MAX);
        assert_eq!(queue.take().expect("whole").map(|used| used.written), Some(16));
    }
}

#[test]
fn a_queue_lets_its_memory_go() {
    for format in formats() {
        let (mut queue, far) = pair::<Shared>(16, format);
        let page = buffer(&far, b"");
        let segments = [Segment::read(&page, 0, 1), Segment::write(&page, 1, 1)];
        queue.add(&segments, page).expect("there is room");
        assert!(far.bus.shared() >= 4);
        drop(queue);
        assert_eq!(far.bus.shared(), 0);
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// The driver adds a chain with so many segments to read and to write.
    Add(usize, usize),
    /// The device takes what is offered.
    Fetch,
    /// The device gives one of those that it has back, having written so much.
    Complete(usize, usize),
    /// The driver takes what came back.
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0usize..5, 0usize..5).prop_map(|(read, write)| Step::Add(read, write)),
        2 => Just(Step::Fetch),
        3 => (any::<usize>(), 0usize..200).prop_map(|(which, len)| Step::Complete(which, len)),
        2 => Just(Step::Take),
    ]
}

/// What the driver remembers of a chain: a number, and how much may be written to its page.
type Remembered = (u64, u32, Shared);

struct World {
    queue: Queue<Remembered>,
    far: Far,
    next: u64,
    held: Vec<Chain>,
    outstanding: BTreeSet<u64>,
}

impl World {
    fn add(&mut self, read: usize, write: usize) {
        let page = buffer(&self.far, &self.next.to_le_bytes().repeat(8));
        let mut segments: Vec<Segment> = (0..read).map(|part| Segment::read(&page, part as u32 * 8, 8)).collect();
        let writes = (0..write as u32).map(|part| Segment::write(&page, 1024 + part * 16, 16));
        segments.extend(writes);
        let room = self.queue.has_room(segments.len()) && !segments.is_empty();
        let added = self.queue.add(&segments, (self.next, write as u32 * 16, page));
        assert_eq!(added.is_ok(), room);
        if room {
            self.outstanding.insert(self.next);
            self.next += 1;
        }
    }

    fn complete(&mut self, which: usize, len: usize) {
        if self.held.is_empty() {
            return;
        }
        let chain = self.held.remove(which % self.held.len());
        let bytes: Vec<u8> = (0..len).map(|at| at as u8 ^ 0x5a).collect();
        self.far.complete(chain, &bytes);
    }

    fn take(&mut self) {
        while let Some(used) = self.queue.take().expect("the device does as it should") {
            let (number, capacity, page) = used.data;
            assert!(self.outstanding.remove(&number), "came back once");
            assert!(used.written <= capacity);
            let mut bytes = vec![0; used.written as usize];
            page.page().read(1024, &mut bytes);
            assert!(bytes.iter().enumerate().all(|(at, &byte)| byte == at as u8 ^ 0x5a));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn chains_come_back_once_each_with_their_bytes(
        which in 0usize..8,
        log in 0u32..6,
        steps in proptest::collection::vec(step(), 0..300),
    ) {
        let (queue, far) = pair(1 << log, formats()[which]);
        let mut world = World { queue, far, next: 1, held: Vec::new(), outstanding: BTreeSet::new() };
        for step in steps {
            match step {
                Step::Add(read, write) => world.add(read, write),
                Step::Fetch => while let Some(chain) = world.far.fetch() {
                    let numbers: BTreeSet<_> = chain.read.chunks(8).collect();
                    prop_assert!(numbers.len() <= 1, "bytes of one chain");
                    world.held.push(chain);
                },
                Step::Complete(which, len) => world.complete(which, len),
                Step::Take => world.take(),
            }
        }
        while let Some(chain) = world.far.fetch() {
            world.held.push(chain);
        }
        while !world.held.is_empty() {
            world.complete(0, 0);
        }
        world.take();
        prop_assert!(world.outstanding.is_empty() && world.queue.in_flight() == 0);
        prop_assert!(world.queue.has_room(1 << log));
    }

    #[test]
    fn whatever_a_device_writes_nothing_comes_back_twice_or_too_long(
        which in 0usize..8,
        log in 0u32..5,
        steps in proptest::collection::vec((step(), 0u64..3, 0u64..300, any::<[u8; 8]>(), any::<bool>()), 0..200),
    ) {
        let (mut queue, mut far) = pair::<(u64, u32)>(1 << log, formats()[which]);
        let page = buffer(&far, b"");
        let mut outstanding = BTreeSet::new();
        let mut next = 0;
        for (step, part, offset, bytes, spoil) in steps {
            if spoil {
                let base = [far.at.descriptors, far.at.driver, far.at.device][part as usize];
                far.bus.write(base + offset % 128 * 4, &bytes[..4]);
            }
            match step {
                Step::Add(read, write) => {
                    let mut segments = vec![Segment::read(&page, 0, 8); read];
                    segments.extend(vec![Segment::write(&page, 0, 16); write]);
                    if queue.add(&segments, (next, write as u32 * 16)).is_ok() {
                        outstanding.insert(next);
                        next += 1;
                    }
                }
                Step::Fetch => {
                    let _ = (queue.should_notify(), queue.listen());
                }
                Step::Complete(id, written) => far.give(id as u16 % 40, 1 + (id >> 16) as u16 % 4 % (1 << log), written as u32),
                Step::Take => {
                    for _ in 0..1000 {
                        let Ok(Some(used)) = queue.take() else { break };
                        prop_assert!(outstanding.remove(&used.data.0));
                        prop_assert!(used.written <= used.data.1);
                    }
                }
            }
        }
    }
}

#[test]
fn positions_wrap_around() {
    for format in formats() {
        let (mut queue, mut far) = pair::<u32>(4, format);
        let page = buffer(&far, b"");
        far.sleep();
        for round in 0..70_000 {
            queue.add(&[Segment::write(&page, 0, 4)], round).expect("there is room");
            assert!(queue.should_notify(), "{format:?} {round}");
            let chain = far.fetch().expect("offered");
            far.sleep();
            far.complete(chain, b"abcd");
            assert!(far.interrupts(), "{format:?} {round}");
            let used = queue.take().expect("whole").expect("come back");
            assert_eq!((used.data, used.written), (round, 4));
            assert!(!queue.listen());
        }
    }
}
