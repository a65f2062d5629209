//! The end of the simulated machine is a panic that a test can expect.

/// Ends with the application's code.
///
/// # Panics
/// Always: that is how a simulated machine stops.
pub fn exit(code: u8) -> ! {
    panic!("the machine was switched off with code {code}")
}
