//! The driver against a card that behaves, and against one that lies.
#![forbid(unsafe_code)]

#[path = "../../virtio/tests/fake/mod.rs"]
mod fake;
mod world;

use link::header::{BYTES, Header};
use link::{Card, Checksum, Frame, Kind, Part, Parts, Segmentation};
use proptest::prelude::*;
use std::sync::atomic::Ordering;
use world::{ADDRESS, ALL, ANNOUNCE, CONTROLLED, GUEST_TSO4, MAC, MERGEABLE, World, world};

/// A header that the card writes.
fn of_card(header: Header) -> [u8; 12] {
    let mut bytes = header.to_bytes();
    bytes[10..].copy_from_slice(&header.buffers.to_le_bytes());
    bytes
}

fn bytes_of(frame: &Frame) -> Vec<u8> {
    let mut bytes = vec![0; frame.len() as usize];
    assert_eq!(frame.read(0, &mut bytes), bytes.len());
    bytes
}

#[test]
fn a_card_says_what_it_is() {
    let world = world(ALL);
    assert_eq!((world.card.mac(), world.card.has_link()), (ADDRESS, true));
    let abilities = world.card.abilities();
    assert_eq!(
        (abilities.checksum, abilities.cuts, abilities.mtu),
        (true, [true, false, false], 9000)
    );
    assert_eq!(*world.slot.accepted.lock().expect("whole") & 0x1_ffff, ALL);

    let plain = world::world(0);
    assert_eq!(plain.card.mac()[0] & 3, 2, "an address of its own");
    assert_eq!(plain.card.abilities().mtu, 1500);
    // Without room for large frames none are asked for.
    let single = world::world(ALL & !MERGEABLE);
    assert_eq!(*single.slot.accepted.lock().expect("whole") & GUEST_TSO4, 0);
    assert!(single.card.abilities().mtu < 4096);
}

#[test]
fn a_frame_goes_out_with_its_header() {
    let mut world = world(ALL);
    let frame = Frame {
        parts: Parts::from_iter([
            Part::new(World::page(b"xx an ethernet header"), 3, 18),
            Part::new(World::page(b" and the rest"), 0, 13),
        ]),
        checksum: Checksum::Partial { start: 14, offset: 6 },
        segmentation: Some(Segmentation {
            kind: Kind::Tcp4,
            size: 1448,
            headers: 54,
            congested: false,
        }),
    };
    world.card.transmit(frame).expect("there is room");
    assert_eq!(world.slot.notified().into_iter().filter(|queue| *queue == 1).count(), 1);
    let chain = world.far[1].fetch().expect("a frame");
    let (header, bytes) = chain.read.split_at(BYTES as usize);
    assert_eq!(header, [1, 1, 54, 0, 0xa8, 5, 14, 0, 6, 0, 0, 0]);
    assert_eq!(bytes, b"an ethernet header and the rest");
    world.far[1].complete(chain, b"");
    assert_eq!(world.card.counters().sent, [1, 31]);
}

#[test]
fn what_the_card_cannot_do_is_refused() {
    let world = world(MAC);
    let frame = |checksum, segmentation, len| Frame {
        parts: Parts::from_iter([Part::new(World::page(&[]), 0, len)]),
        checksum,
        segmentation,
    };
    let cut = Segmentation {
        kind: Kind::Tcp4,
        size: 1000,
        headers: 54,
        congested: false,
    };
    let partial = Checksum::Partial { start: 14, offset: 6 };
    assert!(world.card.transmit(frame(partial, None, 60)).is_err());
    assert!(world.card.transmit(frame(Checksum::Unknown, Some(cut), 60)).is_err());
    // A buffer takes no more.
    assert!(world.card.transmit(frame(Checksum::Unknown, None, 4085)).is_err());
    assert!(world.card.transmit(frame(Checksum::Unknown, None, 13)).is_err());
    assert!(world.card.transmit(frame(Checksum::Unknown, None, 4084)).is_ok());
}

#[test]
fn a_full_queue_says_when_there_is_room() {
    let mut world = world(ALL);
    let frame = || Frame {
        parts: Parts::from_iter([Part::new(World::page(&[1; 60]), 0, 60)]),
        ..Frame::default()
    };
    let mut sent = 0;
    while world.card.transmit(frame()).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 16);
    world.card.interrupt();
    assert_eq!(world.told[1].load(Ordering::Relaxed), 0);
    let chain = world.far[1].fetch().expect("a frame");
    world.far[1].complete(chain, b"");
    assert!(world.far[1].interrupts(), "somebody waits");
    world.card.interrupt();
    assert_eq!(world.told[1].load(Ordering::Relaxed), 1);
    assert!(world.card.transmit(frame()).is_ok());
    let chain = world.far[1].fetch().expect("a frame");
    world.far[1].complete(chain, b"");
    assert!(!world.far[1].interrupts(), "nobody waits");
}

#[test]
fn frames_come_in_one_buffer_or_several() {
    let mut world = world(ALL);
    assert!(world.card.receive().is_none());
    world.comes(of_card(World::header(1)), &[7; 60]);
    let large: Vec<u8> = (0..9000u32).map(|at| at as u8).collect();
    let whole = Header {
        checksum: Checksum::Valid,
        segmentation: Some(Segmentation {
            kind: Kind::Tcp4,
            size: 1448,
            headers: 54,
            congested: true,
        }),
        buffers: 3,
    };
    let mut header = of_card(whole);
    header[0] = 2;
    world.comes(header, &large);
    assert!(world.far[0].interrupts());
    world.card.interrupt();
    world.card.interrupt();
    assert_eq!(world.told[0].load(Ordering::Relaxed), 1, "somebody fetches already");

    let small = world.card.receive().expect("came");
    assert_eq!((bytes_of(&small), small.checksum), (vec![7; 60], Checksum::Unknown));
    let frame = world.card.receive().expect("came");
    assert_eq!((bytes_of(&frame), frame.checksum), (large, Checksum::Valid));
    assert_eq!(frame.segmentation, whole.segmentation);
    assert!(world.card.receive().is_none());
    assert_eq!(world.card.counters().received, [2, 9060]);

    let shared = world.far[0].bus.shared();
    world.card.give_back(small);
    world.card.give_back(frame);
    for _ in 0..50 {
        world.comes(of_card(World::header(1)), &[8; 60]);
        let frame = world.card.receive().expect("came");
        world.card.give_back(frame);
    }
    assert!(world.far[0].bus.shared() <= shared + 4, "pages go round");
}

#[test]
fn while_frames_are_fetched_nobody_interrupts() {
    let mut world = world(ALL);
    world.comes(of_card(World::header(1)), &[1; 60]);
    assert!(world.far[0].interrupts());
    world.card.interrupt();
    world.comes(of_card(World::header(1)), &[2; 60]);
    assert!(!world.far[0].interrupts(), "the stack is about to fetch");
    while world.card.receive().is_some() {}
    assert!(!world.card.rest(), "nothing more has come");
    world.comes(of_card(World::header(1)), &[3; 60]);
    assert!(world.far[0].interrupts(), "it has ended");
}

#[test]
fn the_link_goes_and_comes() {
    let world = world(ALL);
    world.slot.configuration.lock().expect("whole")[6] = 0;
    world.card.interrupt();
    assert!(world.card.has_link(), "nobody said so");
    world.slot.interrupt.lock().expect("whole").configuration = true;
    world.card.interrupt();
    assert!(!world.card.has_link());
    assert_eq!(world.told[2].load(Ordering::Relaxed), 1);
}

/// What the card was asked, in order; it agrees.
fn asked(world: &mut World, queue: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chain) = world.far[queue].fetch() {
        all.push(chain.read.clone());
        world.far[queue].complete(chain, &[0]);
    }
    all
}

#[test]
fn a_card_is_asked_for_what_is_wanted() {
    let mut world = world(CONTROLLED);
    let control = world.far.len() - 1;
    let group = [0x33, 0x33, 0, 0, 0, 1];
    world.card.set_filter(true, false, &[group]);
    let mut table = vec![1, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    table.extend(group);
    assert_eq!(asked(&mut world, control), [table, vec![0, 1, 0], vec![0, 0, 1]]);

    let other = [2, 0, 0, 0, 0, 9];
    assert!(world.card.set_mac(other));
    assert_eq!(world.card.mac(), other);
    assert_eq!(asked(&mut world, control), [[1, 1, 2, 0, 0, 0, 0, 9]]);

    world.slot.configuration.lock().expect("whole")[6] = 3;
    world.slot.interrupt.lock().expect("whole").configuration = true;
    world.card.interrupt();
    assert_eq!(world.told[3].load(Ordering::Relaxed), 1);
    assert_eq!(asked(&mut world, control), [[3, 0]]);

    let deaf = world::world(ALL | ANNOUNCE);
    assert!(!deaf.card.set_mac(other) && deaf.card.mac() == ADDRESS);
}

#[test]
fn frames_that_make_no_sense_are_dropped_and_the_next_is_not() {
    let mut world = world(ALL);
    let far_away = Header {
        checksum: Checksum::Partial { start: 60, offset: 9 },
        ..World::header(1)
    };
    for (header, bytes) in [
        (of_card(World::header(0)), vec![1; 60]),
        (of_card(World::header(19)), vec![1; 60]),
        (of_card(far_away), vec![1; 60]),
        (of_card(World::header(1)), vec![1; 5]),
    ] {
        world.comes(header, &bytes);
    }
    let chain = world.far[0].fetch().expect("a buffer");
    world.far[0].complete(chain, &[0; 4]);
    world.comes(of_card(World::header(1)), &[9; 60]);
    assert_eq!(world.card.receive().map(|frame| bytes_of(&frame)), Some(vec![9; 60]));
    assert_eq!(world.card.counters().broken, 5);
}

proptest! {
    #[test]
    fn a_header_says_what_was_put_into_it(
        partial in proptest::option::of(any::<(u16, u16)>()),
        cut in proptest::option::of((0usize..3, any::<u16>(), any::<u16>(), any::<bool>())),
        buffers in any::<u16>(),
    ) {
        let header = Header {
            checksum: partial.map_or(Checksum::Unknown, |(start, offset)| Checksum::Partial { start, offset }),
            segmentation: cut.map(|(kind, size, headers, congested)| Segmentation {
                kind: [Kind::Tcp4, Kind::Tcp6, Kind::Udp][kind],
                size,
                headers,
                congested,
            }),
            buffers,
        };
        prop_assert_eq!(Header::parse(of_card(header)), header);
    }

    #[test]
    fn whatever_a_card_writes_frames_have_only_bytes_that_it_wrote(
        frames in proptest::collection::vec((any::<[u8; 12]>(), 0usize..5000, any::<u32>()), 1..40),
    ) {
        let mut world = world(ALL);
        for (header, len, lie) in frames {
            let Some(chain) = world.far[0].fetch() else { break };
            if lie % 5 == 0 {
                world.far[0].give((lie >> 8) as u16 % 20, 1, lie);
            } else {
                let mut bytes = header.to_vec();
                bytes.resize(len, 3);
                world.far[0].complete(chain, &bytes);
            }
            world.card.interrupt();
            while let Some(frame) = world.card.receive() {
                prop_assert!((14..=18 * 4096).contains(&frame.len()));
                prop_assert_eq!(bytes_of(&frame).len(), frame.len() as usize);
                world.card.give_back(frame);
            }
        }
    }
}
