//! Everything arrives, in order, once, and ends close, whatever the link does.

use super::{Choice, Link, MILLI, World, stream};
use crate::State;
use alloc::vec::Vec;
use std::println;

/// Sends both ways and closes both ends; when it was over.
fn exchange(seed: u64, link: Link, lens: [usize; 2], change: impl Fn(&mut World)) -> World {
    let mut world = World::new(seed, link);
    change(&mut world);
    world.connect();
    let streams = [stream(lens[0], seed), stream(lens[1], seed + 1)];
    let mut given = [0, 0];
    let mut got = [Vec::new(), Vec::new()];
    let mut steps = 0;
    let mut choice = Choice(seed ^ 77);
    while !(0..2).all(|who| {
        got[who].len() == lens[1 - who] && world.ends[who].as_ref().is_some_and(crate::Connection::has_ended)
    }) {
        for who in 0..2 {
            if world.ends[who].is_some() {
                if given[who] < lens[who] {
                    let most = (given[who] + 1 + choice.below(20_000) as usize).min(lens[who]);
                    given[who] += world.write(who, &streams[who][given[who]..most]);
                }
                if given[who] == lens[who] && world.end(who).is_open() && world.end(who).may_send() {
                    world.end(who).finish();
                    world.poll(who);
                }
                let bytes = world.read(who, 1 + choice.below(100_000) as usize);
                got[who].extend(bytes);
                assert!(
                    got[who][..] == streams[1 - who][..got[who].len()],
                    "seed {seed}: wrong bytes"
                );
                if let Some(error) = world.end(who).error() {
                    panic!("seed {seed}: {error:?} at {} ms", world.now / MILLI);
                }
            }
        }
        steps += 1;
        assert!(steps < 4_000_000, "seed {seed}: no end");
        assert!(world.step(), "seed {seed}: nothing happens any more");
    }
    world
}

#[test]
fn a_good_link_carries_everything() {
    // With room for everything that who begins may send too fast.
    let link = Link {
        queue: 2_000_000,
        ..Link::GOOD
    };
    let world = exchange(1, link, [1_000_000, 300_000], |_| ());
    let took = (world.now - 1000 * MILLI) / MILLI;
    assert!(took < 400, "{took} ms");
    assert_eq!(
        world.ends[0].as_ref().map(|end| end.counts[2]),
        Some(0),
        "nothing is sent twice"
    );
}

#[test]
fn windows_are_as_large_as_their_scale_lets_them() {
    for (scale, told) in [(7, 0xffff << 7), (10, 32 << 20)] {
        let world = exchange(1, Link::GOOD, [1000, 1000], |world| {
            for settings in &mut world.settings {
                settings.receive_buffer = 64 << 20;
                settings.machine.scale = scale;
            }
        });
        for end in world.ends.iter().flatten() {
            assert_eq!((end.receive_scale, end.send_scale), (scale, scale));
            assert_eq!(end.limit, told);
            assert!(end.window >= told - 2000 - (1 << scale), "{}", end.window);
        }
    }
}

#[test]
fn whatever_the_link_does() {
    let seeds: u64 = std::env::var("CHITON_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(600);
    let first: u64 = std::env::var("CHITON_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    for seed in first..first + seeds {
        let mut choice = Choice(seed);
        let link = Link {
            loss: choice.below(2000),
            repeat: choice.below(1000),
            late: choice.below(3000),
            delay: 1 + choice.below(50) * MILLI,
            rate: 100_000 + choice.below(12_500_000),
            queue: 20_000 + choice.below(200_000),
            mark: choice.below(500),
        };
        let lens = [choice.below(60_000) as usize, choice.below(60_000) as usize];
        let flags = choice.below(256);
        exchange(seed, link, lens, |world| {
            world.cuts = if flags & 1 == 0 { 0 } else { 40_000 };
            for who in 0..2 {
                let settings = &mut world.settings[who];
                settings.no_delay = flags & 2 != 0;
                settings.reno = flags & 4 != 0;
                settings.ecn = flags & 8 != 0;
                settings.max_segment = if flags & 16 == 0 { 0 } else { 536 };
                settings.receive_buffer = if flags & 32 == 0 { 0 } else { 5000 };
                settings.cork = flags & 192 == 192;
            }
        });
    }
}

#[test]
fn a_closed_window_opens_again() {
    let mut world = World::new(
        3,
        Link {
            loss: 500,
            ..Link::GOOD
        },
    );
    world.settings[1].receive_buffer = 131_072;
    world.connect();
    let bytes = stream(400_000, 3);
    let mut given = 0;
    let mut got = Vec::new();
    let mut idle = 0;
    while got.len() < bytes.len() {
        if world.ends[1].is_some() || given == 0 {
            given += world.write(0, &bytes[given..]);
        }
        // The reader sleeps for minutes at a time.
        if world.now > idle {
            idle = world.now + 100_000 * MILLI;
            got.extend(world.read(1, 70_000));
        }
        if !world.step() {
            world.now = idle + 1;
        }
        assert!(
            world.ends[1].is_none() || world.end(1).readable() <= 70_000,
            "{} {}",
            world.end(1).readable(),
            world.end(1).limit
        );
    }
    assert!(got == bytes);
    println!("{} s", world.now / MILLI / 1000);
}

#[test]
fn both_ends_forget_what_is_over() {
    let mut world = exchange(
        5,
        Link {
            loss: 1000,
            ..Link::GOOD
        },
        [1000, 1000],
        |_| (),
    );
    let now = world.now;
    world.end(0).abandon(now);
    world.end(1).abandon(now);
    while world.ends.iter().flatten().any(|end| end.state() != State::Closed) {
        let (now, _) = (world.now, world.poll(0));
        world.end(1).abandon(now);
        world.poll(1);
        assert!(world.step(), "{:?} {:?}", world.end(0).state(), world.end(1).state());
    }
}

#[test]
fn both_may_begin_at_once() {
    let mut world = World::new(9, Link::GOOD);
    world.connect();
    world.ends[1] = Some(crate::Connection::connect(
        world.now,
        super::ends(1, 500, 0),
        world.settings[1],
    ));
    world.poll(1);
    for _ in 0..50 {
        world.step();
    }
    for who in 0..2 {
        assert_eq!(world.end(who).state(), State::Established);
        assert_eq!(world.write(who, b"hello"), 5);
    }
    for _ in 0..20 {
        world.step();
    }
    assert_eq!(
        (world.read(0, 9), world.read(1, 9)),
        (b"hello".to_vec(), b"hello".to_vec())
    );
}

#[test]
fn patience_is_forgotten_after_some_losses() {
    let mut world = World::new(
        14,
        Link {
            loss: 200,
            ..Link::GOOD
        },
    );
    world.connect();
    let bytes = stream(2_000_000, 1);
    let (mut sent, mut got) = (0, 0);
    while got < bytes.len() {
        if sent == 0 {
            (world.end(0).patience, world.end(0).lasts) = (9, 3);
        }
        sent += world.write(0, &bytes[sent..]);
        assert!(world.step());
        got += world.read(1, usize::MAX).len();
    }
    assert_eq!((world.end(0).patience, world.end(0).lasts), (1, 0));
}
