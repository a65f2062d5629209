//! How fast Linux's TCP is over links that lose and reorder (`bench/link.c`): the figures that the tests of `kernel/net/tcp` compare ours with. Needs root, a C compiler and some twenty minutes.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::thread;

/// Milliseconds of the way, and how many of ten thousand are lost and come late.
const WAYS: [u32; 3] = [5, 25, 50];
const LOSSES: [u32; 4] = [0, 100, 500, 2000];
const LATE: [u32; 3] = [0, 200, 1000];
const SECONDS: u32 = 20;
const SEEDS: u32 = 4;
/// Where packets are only late, more, four at a time: one run gets twice what another gets.
const TURNS_OF_CHANCE: u32 = 4;

const HEAD: &str = "\
# What Linux gets over a simulated link: milliseconds of the way, how many of ten thousand are lost, and come late, bytes a second. `cargo xtask link` measures it.
";

pub(crate) fn run(root: &Path) -> Result<(), String> {
    let program = root.join("target/link");
    let source = root.join("bench/link.c");
    let compiled = Command::new("cc")
        .arg("-O2")
        .arg("-o")
        .arg(&program)
        .arg(source)
        .status();
    if !compiled.map_err(|error| format!("cc: {error}"))?.success() {
        return Err("bench/link.c does not compile".to_owned());
    }
    let mut table = HEAD.to_owned();
    for way in WAYS {
        for loss in LOSSES {
            for late in LATE {
                let mean = measure(&program, [way, loss, late])?;
                println!("{way} ms, {loss} lost and {late} late of 10,000: {} KB/s", mean / 1000);
                let _ = writeln!(table, "{way}\t{loss}\t{late}\t{mean}");
            }
        }
    }
    let file = root.join("kernel/net/tcp/src/tests/linux.tsv");
    std::fs::write(&file, table).map_err(|error| format!("{}: {error}", file.display()))
}

/// The mean over the seeds, of which some runs at a time do not disturb each other: each has its own network.
fn measure(program: &Path, link: [u32; 3]) -> Result<u64, String> {
    let run = |seed: u32| {
        let numbers = [link[0], link[1], link[2], SECONDS, seed].map(|number| number.to_string());
        let output = Command::new(program).args(numbers).output();
        let output = output.map_err(|error| format!("link: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.trim()
            .parse::<u64>()
            .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let turns = if link[1] == 0 && link[2] > 0 {
        TURNS_OF_CHANCE
    } else {
        1
    };
    let mut sum = 0;
    for turn in 0..turns {
        let first = turn * SEEDS + 1;
        sum += thread::scope(|scope| {
            let runs: Vec<_> = (first..first + SEEDS)
                .map(|seed| scope.spawn(move || run(seed)))
                .collect();
            let runs = runs.into_iter().map(|run| run.join().map_err(|_| "a run panicked")?);
            runs.sum::<Result<u64, String>>()
        })?;
    }
    Ok(sum / u64::from(turns * SEEDS))
}
