//! All end-to-end tests, as one list of named cases.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use chiton_tests::{apps, guest, hostile, suite};

fn main() -> ExitCode {
    let cases = [guest::cases(), apps::cases(), hostile::cases()];
    suite::run(cases.into_iter().flatten().collect())
}
