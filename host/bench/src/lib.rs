//! `chiton bench`: the budgets, measured.
//!
//! Every promise about speed and size is a row of `figures`, with the figure that must be reached, ours, and Linux's, taken in the same run with
//! the same static program on the same virtual machine. Work is counted in guest instructions, not in time: `-icount shift=0,sleep=off` makes
//! one instruction one nanosecond of guest time, so that figures come out the same on every machine and at any load. (The count knows nothing of
//! caches, and takes each iteration of a `rep` string instruction as one; compare string-heavy rows only within one `--cpu`.)
//!
//! | module | does |
//! |---|---|
//! | `figures` | the rows and their budgets |
//! | `programs` | builds the benchmark programs and the counting plugin, once |
//! | `machine` | runs a QEMU command line and keeps what it prints |
//! | `ours` | our figures, through the command's own `run --dry-run` |
//! | `linux` | Debian's cloud kernel: fetched, unpacked, never installed; and its figures |
//! | `net` | servers under load from outside, on both kernels |
//! | `report` | the table and the JSON file |
//! | `kernel_file` | the size of the kernel without what a loader does not read |
//!
//! It does not judge: a figure over its budget is marked in the table, and the exit code says only whether measuring worked.
#![forbid(unsafe_code)]

mod figures;
mod kernel_file;
mod linux;
mod machine;
mod net;
mod options;
mod ours;
mod programs;
mod report;

pub use kernel_file::loaded_size;
pub use options::{Options, Part};

use std::path::Path;

/// Measures what `options` ask for and prints the table. `command` is the `chiton` executable that starts our virtual machines.
///
/// # Errors
/// The sentence says what could not be measured and what would help.
pub fn run(command: &Path, options: &Options) -> Result<(), String> {
    let programs = programs::build()?;
    let ours = ours::Ours::new(command, &options.cpu);

    // Wall time first, while nothing else runs.
    let mut values = figures::Values::default();
    if options.part.has(Part::Boot) && options.chiton {
        ours.measure_wall(&programs, &mut values);
    }
    if options.part.has(Part::Net) {
        // One after the other: the host's time is part of what they get.
        net::measure(&ours, &programs, options, &mut values);
    }
    std::thread::scope(|scope| {
        let linux =
            (options.linux && options.part != Part::Net).then(|| scope.spawn(|| linux::measure(&programs, options)));
        if options.chiton {
            ours.measure(&programs, options.part, &mut values);
        }
        if let Some(linux) = linux {
            match linux.join() {
                Ok(Ok(measured)) => values.linux = measured,
                Ok(Err(why)) => values.notes.push(format!("Linux was not measured: {why}")),
                Err(_) => values
                    .notes
                    .push("Linux was not measured: the measuring thread died".to_owned()),
            }
        }
    });

    print!("{}", report::text(options, &values));
    if let Some(path) = &options.json {
        std::fs::write(path, report::json(options, &values)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
