//! How fast it is where segments are lost and come in another order: beside Linux, whose figures `cargo xtask link` measures over the same link (`bench/link.c`), and as a table that is compared with the one that was
//! seen last. And that those who share a link get the same.

use super::{Link, MILLI, World, stream};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

const SECONDS: u64 = 20;
/// As for every card: what is long comes apart below.
const CUTS: u32 = 61_440;
/// How often each is tried, as Linux was: where segments are only late, which one of them is lost at a full queue decides so much that one try gets twice what another gets.
const SEEDS: u64 = 4;
const SEEDS_OF_CHANCE: u64 = 16;
/// What the least must be of what Linux gets, in hundredths.
const LEAST: u64 = 95;
/// Each line: milliseconds of the way, how many of ten thousand are lost and how many late, bytes a second.
const LINUX: &str = include_str!("linux.tsv");

/// Sends for a while, as fast as it goes; what arrived.
fn sends(world: &mut World, bytes: &[u8], until: u64) -> u64 {
    let mut got = 0;
    while world.now < until {
        while world.write(0, bytes) > 0 {}
        got += world.read(1, usize::MAX).len() as u64;
        assert!(world.step());
    }
    got
}

/// Bytes a second.
fn goodput(link: Link) -> u64 {
    let bytes = stream(1 << 16, 1);
    let mut total = 0;
    let seeds = if link.loss == 0 && link.late > 0 {
        SEEDS_OF_CHANCE
    } else {
        SEEDS
    };
    for seed in 0..seeds {
        let mut world = World::new(seed, link);
        world.cuts = CUTS;
        world.connect();
        let until = world.now + SECONDS * 1000 * MILLI;
        total += sends(&mut world, &bytes, until);
    }
    total / seeds / SECONDS
}

#[test]
fn goodput_is_what_it_was_and_not_less_than_linux_gets() {
    let mut table = String::from("way ms  loss %  late %  KB/s  Linux  of it %\n");
    let mut slow = Vec::new();
    let lines = LINUX.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| {
        let fields: Vec<u64> = line.split('\t').filter_map(|field| field.parse().ok()).collect();
        let [way, loss, late, linux] = fields[..] else {
            panic!("{line}: four numbers");
        };
        let link = Link {
            delay: way * MILLI,
            loss,
            late,
            ..Link::GOOD
        };
        (way, loss, late, linux, std::thread::spawn(move || goodput(link)))
    });
    for (way, loss, late, linux, own) in rows.collect::<Vec<_>>() {
        let own = own.join().expect("a row of the table");
        let part = own * 100 / linux;
        let row = std::format!(
            "{way:>6}  {:>6}  {:>6}  {:>4}  {:>5}  {part:>7}",
            loss / 100,
            late / 100,
            own / 1000,
            linux / 1000
        );
        let _ = writeln!(table, "{row}");
        if part < LEAST {
            slow.push(row);
        }
    }
    if std::env::var_os("CHITON_UPDATE_DOCS").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/goodput.txt");
        std::fs::write(file, &table).expect("the table is written");
        std::println!("{table}");
    } else {
        assert!(
            table == include_str!("goodput.txt"),
            "CHITON_UPDATE_DOCS=1 writes the new one:\n{table}"
        );
    }
    assert!(slow.is_empty(), "less than {LEAST} % of Linux: {slow:#?}");
}

/// A narrow link, on which a minute is soon over.
const NARROW: Link = Link {
    rate: 2_500_000,
    queue: 50_000,
    ..Link::GOOD
};

/// Bytes that each of several connections gets that share a link, the later ones beginning later, in the second half of a minute.
fn shares(seed: u64, kinds: &[bool]) -> Vec<u64> {
    let bytes = stream(1 << 16, 1);
    let mut worlds: Vec<World> = Vec::new();
    for (index, reno) in kinds.iter().enumerate() {
        let mut world = World::new(seed * 10 + index as u64, NARROW);
        world.settings.iter_mut().for_each(|settings| settings.reno = *reno);
        world.cuts = CUTS;
        world.now += index as u64 * 500 * MILLI;
        worlds.push(world);
    }
    let until = worlds[0].now + 60_000 * MILLI;
    let mut got = std::vec![0; worlds.len()];
    let mut busy = [0; 2];
    loop {
        let next = |world: &World| world.next().unwrap_or(world.now);
        let index = (0..worlds.len()).min_by_key(|index| next(&worlds[*index])).unwrap_or(0);
        let world = &mut worlds[index];
        if world.now >= until {
            return got;
        }
        world.busy_until = busy;
        if world.next().is_none() {
            world.connect();
        }
        world.step();
        while world.write(0, &bytes) > 0 {}
        let arrived = world.read(1, usize::MAX).len() as u64;
        if world.now > until - 30_000 * MILLI {
            got[index] += arrived;
        }
        busy = world.busy_until;
    }
}

#[test]
fn who_shares_a_link_gets_the_same() {
    for kinds in [[false; 2], [true; 2]] {
        for seed in 0..3 {
            let got = shares(seed, &kinds);
            let (sum, squares) = (got.iter().sum::<u64>(), got.iter().map(|got| got * got).sum::<u64>());
            // Jain's index: one where all get the same, and one part of so many where one gets everything.
            let index = sum * sum / (squares / 1000) / got.len() as u64;
            assert!(index > 900, "{got:?}: {index}");
            assert!(sum > 30 * NARROW.rate / 10 * 9, "{got:?} of {} a second", NARROW.rate);
        }
    }
}
