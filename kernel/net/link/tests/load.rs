//! Interfaces under load: more frames come than can be taken at once, and more are to go than the card takes.
#![forbid(unsafe_code)]

use frames::Page;
use link::{Abilities, Card, Counters, Event, Frame, Interface, Part, Parts, interface};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};

static BOOT: Once = Once::new();
static ROOM_AGAIN: AtomicUsize = AtomicUsize::new(0);

/// A card to which frames come for ever, and that takes so many.
#[derive(Default)]
struct Busy {
    taken: AtomicUsize,
    room: AtomicUsize,
}

impl Card for Busy {
    fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, 1]
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            checksum: false,
            cuts: [false; 3],
            mtu: 1500,
            most: 1500,
        }
    }

    fn has_link(&self) -> bool {
        true
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn transmit(&self, frame: Frame) -> Result<(), Frame> {
        let took = self
            .room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1));
        took.map(drop).map_err(|_| frame)
    }

    fn receive(&self) -> Option<Frame> {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(frame())
    }
}

fn frame() -> Frame {
    let page = Page::zeroed().expect("there is memory");
    Frame {
        parts: Parts::from_iter([Part::new(page, 0, 60)]),
        ..Frame::default()
    }
}

fn busy() -> (Arc<Interface>, Arc<Busy>) {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        interface::watch(|_, event| {
            ROOM_AGAIN.fetch_add(usize::from(event == Event::Room), Ordering::Relaxed);
        });
    });
    let card = Arc::new(Busy::default());
    (interface::add(card.clone()), card)
}

#[test]
fn frames_that_do_not_end_leave_time_for_programs() {
    let (interface, card) = busy();
    interface.poll();
    let taken = card.taken.load(Ordering::Relaxed);
    assert!((1..1000).contains(&taken), "{taken}");
    assert!(time::armed() < u64::MAX, "the rest comes later");
}

#[test]
fn frames_wait_for_room_in_order_and_senders_are_told() {
    let (interface, card) = busy();
    let mut waiting = 0;
    while interface.has_room() {
        interface.send(frame()).expect("it waits");
        waiting += 1;
    }
    // Who asked for room before there was none is not refused, but not without end.
    let beyond = (0..waiting * 2).filter(|_| interface.send(frame()).is_ok()).count();
    assert!((1..=waiting).contains(&beyond), "{beyond}");
    assert_eq!(interface.dropped(), waiting * 2 - beyond);

    let before = ROOM_AGAIN.load(Ordering::Relaxed);
    card.room.store(10, Ordering::Relaxed);
    interface.has_room_again();
    assert_eq!((card.room.load(Ordering::Relaxed), interface.has_room()), (0, false));
    assert_eq!(ROOM_AGAIN.load(Ordering::Relaxed), before, "not yet worth it");
    card.room.store(usize::MAX, Ordering::Relaxed);
    interface.has_room_again();
    assert!(interface.has_room() && ROOM_AGAIN.load(Ordering::Relaxed) > before);
    assert_eq!(usize::MAX - card.room.load(Ordering::Relaxed), waiting + beyond - 10);
}

#[test]
fn flags_and_lengths_are_set_within_what_the_card_can() {
    let (interface, _) = busy();
    let flags = |interface: &Interface| interface.flags() & (interface::flag::UP | interface::flag::RUNNING);
    assert_eq!(flags(&interface), 0x41);
    interface.set_flags(0, interface::flag::UP);
    assert_eq!(flags(&interface), 0);
    assert!(interface.send(frame()).is_err(), "it is off");
    assert!(interface.set_mtu(1501).is_err() && interface.set_mtu(67).is_err());
    assert!(interface.set_mtu(1400).is_ok() && interface.mtu() == 1400);
    assert!(interface.set_mac([1, 0, 0, 0, 0, 1]).is_err(), "a group's");
    assert!(interface.set_mac([2, 0, 0, 0, 0, 2]).is_err(), "the card keeps its own");
}
