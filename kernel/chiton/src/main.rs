//! The linked kernel.
fn main() {}
