//! The driver against a card that writes anything anywhere it can: rings, headers, answers, its configuration. `CHITON_SEED=n` repeats one run, `CHITON_SEEDS=n` tries more.
#![forbid(unsafe_code)]

#[path = "../../virtio/tests/fake/mod.rs"]
mod fake;
mod world;

use link::{Card, Checksum, Frame, Kind, Part, Segmentation};
use std::sync::atomic::Ordering;
use world::{CONTROLLED, MERGEABLE, World, world};

/// Numbers that a seed decides (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

fn frame(dice: &mut Dice) -> Frame {
    let parts = (0..=dice.below(4)).map(|_| {
        let (offset, len) = (dice.below(4096) as u32, dice.below(4096) as u32);
        Part::new(World::page(&[7; 60]), offset, len)
    });
    let parts = parts.collect();
    let cut = Segmentation {
        kind: [Kind::Tcp4, Kind::Tcp6, Kind::Udp][dice.below(3) as usize],
        size: dice.roll() as u16,
        headers: 54,
        congested: false,
    };
    Frame {
        parts,
        checksum: match dice.below(2) {
            0 => Checksum::Unknown,
            _ => Checksum::Partial { start: 14, offset: 6 },
        },
        segmentation: (dice.below(3) == 0).then_some(cut),
    }
}

/// Something that a card may do, rightly or not.
fn lie(world: &mut World, dice: &mut Dice) {
    let queue = dice.below(world.far.len() as u64) as usize;
    let far = &mut world.far[queue];
    match dice.below(8) {
        0 | 1 => {
            if let Some(chain) = far.fetch() {
                let mut bytes: Vec<u8> = (0..12).map(|_| dice.roll() as u8 & dice.roll() as u8).collect();
                bytes.resize(dice.below(5000) as usize, 1);
                far.complete(chain, &bytes);
            }
        }
        2 => {
            if let Some(chain) = far.fetch() {
                let mut bytes = vec![0; 10];
                bytes.extend([1, 0]);
                bytes.resize(12 + dice.below(2000) as usize, 2);
                far.complete(chain, &bytes);
            }
        }
        3 if dice.below(20) == 0 => far.give(dice.below(20) as u16, 1, dice.roll() as u32),
        4 if dice.below(40) == 0 => {
            let (at, offset) = (far.at.device, dice.below(160));
            far.bus.write(at + offset, &dice.roll().to_le_bytes()[..1]);
        }
        5 => {
            let at = dice.below(12) as usize;
            world.slot.configuration.lock().expect("whole")[at] = dice.roll() as u8;
            world.slot.interrupt.lock().expect("whole").configuration = true;
        }
        6 => world.slot.interrupt.lock().expect("whole").queues = true,
        _ => *world.slot.status.lock().expect("whole") ^= (dice.roll() & dice.roll()) as u8,
    }
}

fn run(seed: u64) {
    let mut dice = Dice(seed);
    let offered = match dice.below(3) {
        0 => CONTROLLED & !MERGEABLE,
        _ => CONTROLLED,
    };
    let mut world = world(offered);
    world.far[0].bus.guards.store(true, Ordering::Relaxed);
    for _ in 0..600 {
        match dice.below(6) {
            0 => drop(world.card.transmit(frame(&mut dice))),
            1 => world
                .card
                .set_filter(dice.below(2) == 0, false, &[[1; 6]; 70][..dice.below(70) as usize]),
            2 => world.card.interrupt(),
            3 => {
                for _ in 0..64 {
                    let Some(frame) = world.card.receive() else { break };
                    assert!((14..=18 * 4096).contains(&frame.len()));
                    let mut bytes = vec![0; frame.len() as usize];
                    assert_eq!(frame.read(0, &mut bytes), bytes.len());
                    if let Checksum::Partial { start, offset } = frame.checksum {
                        assert!(u32::from(start) + u32::from(offset) + 2 <= frame.len());
                    }
                    world.card.give_back(frame);
                }
            }
            _ => lie(&mut world, &mut dice),
        }
    }
    assert!(world.far[0].bus.shared() < 400, "memory does not grow");
    let _ = world.card.counters();
}

#[test]
fn no_lie_makes_the_driver_fail() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("CHITON_SEED") {
        Some(seed) => run(seed),
        None => (0..number("CHITON_SEEDS").unwrap_or(60)).for_each(run),
    }
}
