//! All end-to-end tests, as one list of named cases.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use chiton_tests::{apps, cpython, guest, hostile, interactive, machines, processes, programs, suite};

fn main() -> ExitCode {
    let cases = [
        guest::cases(),
        apps::cases(),
        cpython::cases(),
        processes::cases(),
        programs::cases(),
        machines::cases(),
        hostile::cases(),
        interactive::cases(),
    ];
    suite::run(cases.into_iter().flatten().collect())
}
