//! Connections that no program has any more end, whatever the other side does.

use super::{Link, MILLI, World, stream};
use crate::State;

const MINUTE: u64 = 60_000 * MILLI;

/// A server whose client takes nothing any more has given all that fits; goes on until the server is closed, but not longer than so many minutes.
fn left_with(window_stays_shut: bool, minutes: u64) -> World {
    let mut world = World::new(5, Link::GOOD);
    world.connect();
    let bytes = stream(16_384, 1);
    let until = world.now + MINUTE / 2;
    while world.now < until && world.step() {
        if world.ends[1].is_some() {
            world.write(1, &bytes);
        }
    }
    assert!(world.end(1).unsent() > 0 && world.end(1).window == 0);
    let now = world.now;
    world.end(1).abandon(now);
    world.poll(1);
    while world.end(1).state() != State::Closed && world.now < now + minutes * MINUTE && world.step() {
        if !window_stays_shut {
            world.read(0, usize::MAX);
        }
    }
    world
}

#[test]
fn a_window_that_stays_shut_is_not_waited_for_when_nobody_waits() {
    let mut world = left_with(true, 60);
    assert_eq!((world.end(1).state(), world.end(1).memory()), (State::Closed, 0));
}

#[test]
fn what_was_given_arrives_after_the_end_of_who_gave_it() {
    let mut world = left_with(false, 2);
    assert_eq!((world.end(1).memory(), world.end(0).has_ended()), (0, true));
}

#[test]
fn little_is_kept_where_memory_is_short() {
    let mut world = World::new(6, Link::GOOD);
    world.connect();
    while world.ends[1].is_none() && world.step() {}
    world.end(1).keep_at_most(4096);
    assert_eq!((world.end(1).room(), world.end(1).free()), (4096, 4096));
    world.end(1).keep_at_most(u32::MAX);
    assert!(world.end(1).room() > 65_535 && world.end(1).free() > 32_768);
}

#[test]
fn what_lies_empty_counts_too() {
    let mut world = World::new(7, Link::GOOD);
    world.connect();
    while world.ends[1].is_none() && world.step() {}
    world.write(0, &[1; 10]);
    for _ in 0..50 {
        world.step();
    }
    world.write(0, &[2; 10]);
    for _ in 0..50 {
        world.step();
    }
    let end = world.end(1);
    assert!(end.readable() == 20 && end.memory() > 4096, "{} bytes", end.memory());
}
