//! Random bytes: RDRAND where the CPU has it, mixed counters where it has not.
//!
//! What comes from RDRAND is used as it is. The counters of a CPU without it are good enough for address
//! layout but not for keys.

use crate::cpu;
use crate::instructions::rdtsc;
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

static MIX: AtomicU64 = AtomicU64::new(0);

/// Fills a slice.
pub fn fill(bytes: &mut [u8]) {
    for piece in bytes.chunks_mut(8) {
        let word = word().to_le_bytes();
        piece.copy_from_slice(&word[..piece.len()]);
    }
}

fn word() -> u64 {
    if cpu::features().rdrand {
        for _ in 0..10 {
            if let Some(word) = rdrand() {
                return word;
            }
        }
    }
    // SplitMix64 over a counter and the TSC.
    let mut z = MIX.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed) ^ rdtsc().rotate_left(32);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn rdrand() -> Option<u64> {
    let (word, worked): (u64, u8);
    // SAFETY: the caller saw that the CPU has the instruction.
    unsafe { asm!("rdrand {}", "setc {}", out(reg) word, out(reg_byte) worked, options(nomem, nostack)) };
    (worked != 0).then_some(word)
}
