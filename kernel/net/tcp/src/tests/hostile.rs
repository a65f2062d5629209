//! Segments that nobody should send: none ends a connection that it should not, none gets in what is not within the window, and nothing panics.

use super::{Choice, Link, MILLI, World, collect, ends, stream};
use crate::listener::{Request, Verdict};
use crate::time_wait::{Answer, LENGTH};
use crate::{Connection, Machine, Options, Segment, Seq, Settings, State, flags};
use alloc::vec::Vec;

/// A world whose ends are connected and quiet.
fn connected(seed: u64) -> World {
    let mut world = World::new(seed, Link::GOOD);
    world.connect();
    for _ in 0..30 {
        world.step();
    }
    assert_eq!(world.end(1).state(), State::Established);
    world
}

fn segment(seq: Seq, ack: Seq, flags: u8, payload: &[u8]) -> Segment<'_> {
    Segment {
        source: 80,
        destination: 1,
        seq,
        ack,
        flags,
        window: 500,
        urgent: 0,
        options: Options::default(),
        payload,
        marked: false,
        piece: 0,
    }
}

/// What an end answers to one segment.
fn answers(world: &mut World, given: &Segment<'_>) -> Vec<Vec<u8>> {
    let now = world.now;
    let end = world.end(1);
    assert_eq!(end.on_segment(now, given), None);
    let mut sent = Vec::new();
    end.poll(now, &mut |output| {
        collect(output, &mut sent);
        true
    });
    sent.into_iter().map(|(bytes, _)| bytes).collect()
}

#[test]
fn only_an_exact_reset_resets() {
    for (ahead, state, answered) in [
        (0, State::Closed, 0),
        (1, State::Established, 1),
        (70_000, State::Established, 0),
    ] {
        let mut world = connected(1);
        let (expected, una) = (world.end(1).expected, world.end(1).una);
        let sent = answers(&mut world, &segment(expected + ahead, una, flags::RST, &[]));
        assert_eq!((world.end(1).state(), sent.len()), (state, answered), "{ahead}");
    }
}

#[test]
fn a_second_beginning_is_only_questioned() {
    let mut world = connected(2);
    let (expected, una) = (world.end(1).expected, world.end(1).una);
    for ahead in [0, 5, 100_000] {
        let sent = answers(&mut world, &segment(expected + ahead, una, flags::SYN, &[]));
        assert_eq!(world.end(1).state(), State::Established);
        assert!(sent.len() <= 1, "challenges are limited");
    }
}

#[test]
fn acknowledgements_of_what_was_never_sent_carry_nothing() {
    let mut world = connected(3);
    let (expected, nxt) = (world.end(1).expected, world.end(1).nxt);
    for ack in [nxt + 1, nxt + 1_000_000, Seq(nxt.0.wrapping_sub(1_000_000))] {
        answers(&mut world, &segment(expected, ack, flags::ACK, b"forged"));
        assert_eq!(world.end(1).readable(), 0);
    }
    answers(&mut world, &segment(expected, nxt, flags::ACK, b"true"));
    assert_eq!(world.end(1).readable(), 4);
}

#[test]
fn nothing_outside_the_window_is_taken() {
    let mut world = connected(4);
    world.end(1).stamps = false;
    let (expected, nxt, edge) = (world.end(1).expected, world.end(1).nxt, world.end(1).edge);
    let bytes = stream(3000, 4);
    for start in [
        edge,
        edge + 10,
        Seq(expected.0.wrapping_sub(3000)),
        Seq(expected.0.wrapping_add(1 << 31)),
    ] {
        answers(&mut world, &segment(start, nxt, flags::ACK, &bytes));
        assert_eq!((world.end(1).readable(), world.end(1).assembler.memory()), (0, 0));
    }
    // What hangs over the end is cut there.
    let last = Seq(edge.0.wrapping_sub(10));
    answers(&mut world, &segment(last, nxt, flags::ACK, &bytes));
    assert!(world.end(1).assembler.memory() < 200);
}

/// Somebody who sees nothing sends what he likes; the transfer is as if he were not there.
#[test]
fn a_blind_attacker_changes_nothing() {
    for seed in 0..40 {
        let mut world = World::new(seed, Link::GOOD);
        world.connect();
        let bytes = stream(200_000, seed);
        let (mut given, mut got) = (0, Vec::new());
        let mut choice = Choice(seed);
        while got.len() < bytes.len() {
            given += world.write(0, &bytes[given..]);
            got.extend(world.read(1, usize::MAX));
            for who in 0..2 {
                let forged = [0xee; 100];
                let (seq, ack) = (Seq(choice.below(1 << 32) as u32), Seq(choice.below(1 << 32) as u32));
                let bits = choice.below(256) as u8;
                let mut forged = segment(seq, ack, bits, &forged[..choice.below(100) as usize]);
                forged.options.stamp = Some((choice.below(1 << 32) as u32, 0));
                let now = world.now;
                let Some(end) = world.ends[who].as_mut() else { continue };
                // One in 60,000 would be in the window.
                let near = seq.since(end.expected).wrapping_add(100) < 5_000_000;
                // Who has only begun takes anybody's beginning, as both may begin at once.
                if !near && end.is_open() {
                    end.on_segment(now, &forged);
                    world.poll(who);
                }
            }
            assert!(world.step(), "seed {seed}");
        }
        assert!(got == bytes, "seed {seed}");
    }
}

/// Segments as they come, with something changed: nothing panics, and memory stays within what was allowed.
#[test]
fn changed_segments_do_no_harm() {
    let seeds = std::env::var("CHITON_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(300);
    for seed in 0..seeds {
        let mut choice = Choice(seed ^ 0x1234);
        let mut world = World::new(
            seed,
            Link {
                loss: 300,
                ..Link::GOOD
            },
        );
        world.connect();
        let bytes = stream(20_000, seed);
        for _ in 0..400 {
            for who in 0..2 {
                let len = choice.below(3000) as usize;
                world.write(who, &bytes[..len]);
                world.read(who, choice.below(4000) as usize);
                let Some(end) = &world.ends[who] else { continue };
                let near = |choice: &mut Choice, place: Seq| match choice.below(3) {
                    0 => place,
                    1 => place + choice.below(70_000) as u32,
                    _ => Seq(place.0.wrapping_sub(choice.below(70_000) as u32)),
                };
                let (seq, ack) = (near(&mut choice, end.expected), near(&mut choice, end.una));
                let bits = if choice.is(5000) {
                    flags::ACK
                } else {
                    choice.below(256) as u8
                };
                let mut forged = segment(seq, ack, bits, &bytes[..choice.below(2000) as usize]);
                forged.window = choice.below(1 << 16) as u16;
                forged.urgent = choice.below(1 << 16) as u16;
                forged.marked = choice.is(5000);
                if choice.is(7000) {
                    forged.options.stamp = Some((
                        end.recent.wrapping_add(choice.below(3) as u32),
                        choice.below(1 << 32) as u32,
                    ));
                }
                forged.options.count = choice.below(5) as usize;
                for block in &mut forged.options.blocks {
                    let start = near(&mut choice, end.una);
                    *block = (start, near(&mut choice, start));
                }
                world.deliver(who, &forged);
                if let Some(end) = &world.ends[who] {
                    let most = end.limit as usize + 70_000;
                    assert!(
                        end.readable() <= most && end.assembler.memory() <= 2 * most,
                        "seed {seed}"
                    );
                }
            }
            world.step();
        }
    }
}

#[test]
fn nobody_gets_a_connection_without_the_answer() {
    let mut choice = Choice(5);
    let begin = segment(Seq(1000), Seq(0), flags::SYN, &[]);
    let request = Request::new(0, ends(1, 77_000, 0), &begin, &Machine::default());
    for _ in 0..100_000 {
        let ack = Seq(choice.below(1 << 32) as u32);
        let given = segment(Seq(1001), ack, choice.below(256) as u8, &[]);
        assert!(ack == Seq(77_001) || !matches!(request.on_segment(&given), Verdict::Open));
    }
    let right = segment(Seq(1001), Seq(77_001), flags::ACK, &[]);
    let outside = segment(Seq(1001 + 65_535), Seq(77_001), flags::ACK, b"no room");
    assert!(matches!(request.on_segment(&outside), Verdict::Answer));
    assert!(
        request.open(0, Settings::default()).deadline().is_some(),
        "it ends if nothing more comes"
    );
    assert!(matches!(request.on_segment(&right), Verdict::Open));
    assert!(matches!(request.on_segment(&begin), Verdict::Answer));
}

#[test]
fn a_cookie_is_as_good_as_a_request() {
    let key = crate::siphash::Key([3, 4]);
    let mut begin = segment(Seq(1000), Seq(0), flags::SYN, &[]);
    begin.options = Options {
        mss: Some(1460),
        scale: Some(9),
        may_sack: true,
        stamp: Some((5, 0)),
        ..Options::default()
    };
    let mut request = Request::new(0, ends(1, 0, 0), &begin, &Machine::default());
    request.make_cookie(&key, 0, [1; 5]);
    let (header, options) = request.answer(0, &Settings::default(), true);
    let mut answer = segment(Seq(1001), header.seq + 1, flags::ACK, b"hello");
    answer.options.stamp = options.stamp.map(|(own, _)| (6, own));
    assert!(Request::from_cookie(&key, 0, [2; 5], ends(1, 0, 0), &answer).is_none());
    let known = Request::from_cookie(&key, 0, [1; 5], ends(1, 0, 0), &answer).expect("it is ours");
    let mut connection = known.open(0, Settings::default());
    assert_eq!(connection.on_segment(0, &answer), None);
    assert_eq!((connection.state(), connection.readable()), (State::Established, 5));
    assert_eq!(
        (connection.send_scale, connection.sack, connection.mss),
        (9, true, 1448)
    );
}

#[test]
fn what_is_over_answers_and_makes_room_for_what_is_new() {
    let mut world = connected(6);
    for who in [0, 1] {
        world.end(who).finish();
        world.poll(who);
        for _ in 0..30 {
            let busy = world.ends.iter().flatten().any(|end| end.state() == State::Established);
            if !world.step() || (!busy && who == 1 && world.end(0).state() == State::TimeWait) {
                break;
            }
        }
    }
    let now = world.now;
    let mut over = world.end(0).time_wait(now).expect("it is over");
    let (expected, nxt) = (over.expected, over.nxt);
    let mut given = segment(Seq(expected.0.wrapping_sub(1)), nxt, flags::FIN | flags::ACK, &[]);
    assert_eq!(over.on_segment(0, &given), Answer::Acknowledge);
    assert_eq!(over.acknowledgement().ack, expected);
    assert!(over.acknowledgement().window > 0, "the window that was told last");
    let recent = over.recent.expect("both have clocks");
    for (ahead, clock, answer) in [
        (1000, None, Answer::Reuse),
        (0_u32.wrapping_sub(1000), None, Answer::Acknowledge),
        (1000, Some(recent), Answer::Reuse),
        (0_u32.wrapping_sub(1000), Some(recent + 1), Answer::Reuse),
        (1000, Some(recent - 1), Answer::Acknowledge),
    ] {
        given = segment(expected + ahead, Seq(0), flags::SYN, &[]);
        given.options.stamp = clock.map(|clock| (clock, 0));
        assert_eq!(over.on_segment(0, &given), answer, "{ahead} {clock:?}");
    }
    given = segment(expected, nxt, flags::RST, &[]);
    assert_eq!(over.on_segment(0, &given), Answer::Forget);
    given.options.stamp = Some((recent - 1, 0));
    assert_eq!(over.on_segment(0, &given), Answer::Drop, "an old reset");
    given = segment(expected, nxt, flags::ACK, &[]);
    assert_eq!(over.on_segment(5, &given), Answer::Drop);
    assert_eq!(over.until, 5 + LENGTH, "what belongs to it keeps it");
    let second = LENGTH / 60;
    assert!(over.may_go(5, true, false), "from a port that was chosen");
    assert!(!over.may_go(second, false, true), "too young");
    assert!(over.may_go(second + 6, false, true));
    let next = over.followed(ends(80, 1, 0));
    assert_eq!((next.first, next.recent), (nxt + 65_537, recent));
    over.recent = None;
    assert!(!over.may_go(second + 6, true, true), "without clocks");
}

#[test]
fn an_idle_connection_is_small() {
    let mut world = connected(7);
    world.write(0, &stream(10_000, 1));
    for _ in 0..40 {
        world.step();
    }
    assert_eq!(world.read(1, usize::MAX).len(), 10_000);
    assert!(size_of::<Connection>() < 1024, "{}", size_of::<Connection>());
    assert_eq!(world.end(0).unsent(), 0);
}

#[test]
fn who_hears_nothing_gives_up() {
    let mut world = World::new(
        8,
        Link {
            loss: 10_000,
            ..Link::GOOD
        },
    );
    world.connect();
    while world.step() {}
    assert_eq!(world.end(0).take_error(), Some(abi::Errno::ETIMEDOUT));
    assert!(
        (60_000..140_000).contains(&(world.now / MILLI)),
        "{}",
        world.now / MILLI
    );
    let mut world = connected(8);
    world.settings[0].keep_idle = 10;
    world.settings[0].keep_interval = 5;
    let (now, settings) = (world.now, world.settings[0]);
    world.end(0).set(now, settings);
    world.link.loss = 10_000;
    while world.step() {}
    assert_eq!(world.end(0).take_error(), Some(abi::Errno::ETIMEDOUT));
    assert!((50_000..70_000).contains(&(world.now / MILLI)), "{}", world.now / MILLI);
}

#[test]
fn what_is_urgent_is_read_beside_the_stream() {
    for inline in [false, true] {
        let mut world = connected(9);
        let (now, mut settings) = (world.now, Settings::default());
        settings.urgent_inline = inline;
        world.end(1).set(now, settings);
        world.end(0).push(now, b"abcX".to_vec(), false);
        world.end(0).push_urgent();
        world.end(0).push(now, b"def".to_vec(), false);
        world.poll(0);
        for _ in 0..10 {
            world.step();
        }
        assert!(world.end(1).has_urgent());
        assert_eq!(world.end(1).before_urgent(), if inline { 7 } else { 3 });
        let (first, from) = world.end(1).take().expect("what comes before");
        assert_eq!(&first[from..], b"abc");
        assert!(world.end(1).is_at_mark());
        let end = world.end(1);
        assert_eq!(
            (end.before_urgent(), end.waiting()),
            if inline { (4, 4) } else { (0, 3) }
        );
        if inline {
            assert!(world.end(1).take_urgent(false).is_err());
            assert_eq!(world.read(1, 9), b"Xdef");
        } else {
            assert_eq!(world.end(1).take_urgent(false), Ok(Some(b'X')));
            assert!(world.end(1).take_urgent(false).is_err());
            assert_eq!(world.read(1, 9), b"def");
        }
    }
}

#[test]
fn a_narrow_way_is_found() {
    let mut world = connected(10);
    let bytes = stream(9000, 1);
    world.write(0, &bytes);
    let (una, now) = (world.end(0).una, world.now);
    world.end(0).on_failure(abi::Errno::EMSGSIZE, false, una, Some(1000));
    let mut sent = Vec::new();
    world.end(0).poll(now, &mut |output| {
        collect(output, &mut sent);
        true
    });
    assert!(!sent.is_empty() && sent.iter().all(|(bytes, _)| bytes.len() <= 1000));
    world
        .end(0)
        .on_failure(abi::Errno::EMSGSIZE, false, una + 100_000, Some(600));
    assert_eq!(world.end(0).ends.fits, 1000, "a message about what was never sent");
}

#[test]
fn what_came_twice_is_told_where_that_is_set() {
    for tells in [true, false] {
        let mut world = connected(11);
        let (now, mut settings) = (world.now, Settings::default());
        settings.machine.tells_twice = tells;
        world.end(1).set(now, settings);
        world.write(0, b"abc");
        for _ in 0..10 {
            world.step();
        }
        let (expected, ack, now) = (world.end(1).expected, world.end(0).expected, world.now);
        let mut again = segment(Seq(expected.0.wrapping_sub(3)), ack, flags::ACK, b"abc");
        again.options.stamp = Some((world.end(0).stamp(now), 0));
        assert_eq!(world.end(1).on_segment(now, &again), None);
        let mut sent = Vec::new();
        world.end(1).poll(now, &mut |output| {
            collect(output, &mut sent);
            true
        });
        let [(answer, _)] = &sent[..] else {
            panic!("one answer of {}", sent.len())
        };
        let answer = Segment::parse(answer).expect("a segment");
        let told = &answer.options.blocks[..answer.options.count];
        let all = [(again.seq, expected)];
        assert_eq!(told, if tells { &all[..] } else { &[] });
    }
}

#[test]
fn windows_grow_where_that_is_set() {
    for tunes in [true, false] {
        let mut world = World::new(12, Link::GOOD);
        world.settings[1].machine.tunes = tunes;
        world.connect();
        let (bytes, mut got) = (stream(2_000_000, 1), 0);
        let mut sent = 0;
        while got < bytes.len() {
            sent += world.write(0, &bytes[sent..]);
            world.step();
            got += world.read(1, usize::MAX).len();
        }
        let limit = world.end(1).limit;
        assert!((limit > crate::connection::FIRST_WINDOW) == tunes, "{limit}");
    }
}

#[test]
fn what_is_behind_by_a_step_of_the_clock_is_taken() {
    for behind in [1, 2] {
        let mut world = connected(13);
        let (now, end) = (world.now, world.end(1));
        let mut late = segment(end.expected, end.nxt, flags::ACK, b"abc");
        late.options.stamp = Some((end.recent.wrapping_sub(behind), 0));
        assert_eq!(end.on_segment(now, &late), None);
        assert_eq!(end.readable(), if behind == 1 { 3 } else { 0 });
    }
}
