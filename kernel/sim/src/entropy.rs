//! Random bytes from a seed (xorshift), the same in every run.

use std::sync::Mutex;

static STATE: Mutex<u64> = Mutex::new(0x9e37_79b9_7f4a_7c15);

/// Begins again, with another seed.
pub(crate) fn seed(seed: u64) {
    *STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = seed | 1;
}

/// Fills a slice.
pub fn fill(bytes: &mut [u8]) {
    let mut state = STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for byte in bytes {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *byte = (*state >> 32) as u8;
    }
}
