//! How fast it is where segments are lost: a table that is compared with the one that was seen last.

use super::{Link, MILLI, World, stream};
use alloc::string::String;
use core::fmt::Write;

/// Bytes a second over so many seconds.
fn goodput(loss: u64, delay: u64, reno: bool) -> u64 {
    const SECONDS: u64 = 5;
    let mut total = 0;
    for seed in 0..2 {
        let link = Link {
            loss,
            delay,
            late: 0,
            ..Link::GOOD
        };
        let mut world = World::new(seed, link);
        world.settings.iter_mut().for_each(|settings| settings.reno = reno);
        world.connect();
        let bytes = stream(1 << 16, 1);
        let begin = world.now;
        let mut got = 0;
        while world.now < begin + SECONDS * 1000 * MILLI {
            while world.write(0, &bytes) > 0 {}
            got += world.read(1, usize::MAX).len() as u64;
            assert!(world.step());
        }
        total += got / SECONDS;
    }
    total / 2
}

#[test]
fn goodput_is_what_it_was() {
    let mut table = String::from("loss %  way ms  cubic KB/s  reno KB/s\n");
    for delay in [1, 10] {
        for loss in [0, 1, 5, 20] {
            let rates = [false, true].map(|reno| goodput(loss * 100, delay * MILLI, reno) / 1000);
            let _ = writeln!(table, "{loss:>6}  {delay:>6}  {:>10}  {:>9}", rates[0], rates[1]);
        }
    }
    if std::env::var_os("CHITON_UPDATE_DOCS").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/goodput.txt");
        std::fs::write(file, &table).expect("the table is written");
        return;
    }
    assert!(
        table == include_str!("goodput.txt"),
        "CHITON_UPDATE_DOCS=1 writes the new one:\n{table}"
    );
}
