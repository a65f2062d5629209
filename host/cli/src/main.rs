//! The `chiton` command.
#![forbid(unsafe_code)]
fn main() {}
