//! `./chiton test --cpython [MODULE…]`: modules of CPython's suite on Linux and in Chiton, and a table of what differs.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use chiton_tests::cpython::{MODULES, compare};

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let modules: Vec<&str> = if chosen.is_empty() {
        MODULES.to_vec()
    } else {
        chosen.iter().map(String::as_str).collect()
    };
    let mut bad = 0;
    for module in modules {
        match compare(module) {
            Ok(compared) => {
                println!("{}", compared.summary());
                if !compared.is_good() {
                    println!("{}", compared.table());
                    bad += 1;
                }
            }
            Err(why) => {
                println!("{why}");
                bad += 1;
            }
        }
    }
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
